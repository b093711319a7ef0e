//! Building a program from its Go module, and taking its CRDs from there.
//!
//! Owns the run of Go. Everything is made in a folder that belongs to the run, together with Go's own temporary files, and
//! moved to its place when it is whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use serde_json::Value;

use super::{Part, PartsError, UNFINISHED, end, folder, place_failed};
use crate::{leftover, tool};

/// The program in the cache, built if it is not there.
pub(super) async fn program(
    part: &'static Part,
    cache: &Path,
    place: &Path,
    say: &dyn Fn(&str),
) -> Result<PathBuf, PartsError> {
    let program = place.join(part.name);
    if program.is_file() {
        return Ok(program);
    }
    if tool::find("go").is_none() {
        return Err(PartsError::NoGo { part: part.name });
    }
    let begun = Instant::now();
    say(&format!("building {} from its Go module", part.name));
    let unfinished = leftover::folder(cache, UNFINISHED).map_err(place_failed(cache))?;
    let built = unfinished.path().join(part.name);
    let linked = format!("-s -w {}", part.linked);
    let arguments = [
        "build".as_ref(),
        "-mod=readonly".as_ref(),
        "-trimpath".as_ref(),
        "-ldflags".as_ref(),
        OsStr::new(&linked),
        "-o".as_ref(),
        built.as_os_str(),
        part.package.as_ref(),
    ];
    let output = go(part.name, &folder(part), unfinished.path(), &arguments).await?;
    if !output.status.success() {
        return Err(PartsError::Build {
            part: part.name,
            why: end(&output.stderr),
        });
    }
    std::fs::create_dir_all(place).map_err(place_failed(place))?;
    std::fs::rename(&built, &program).map_err(place_failed(&program))?;
    say(&format!(
        "built {} ({} s)",
        part.name,
        begun.elapsed().as_secs()
    ));
    Ok(program)
}

/// The CRDs of a controller: files of its module, as released, kept in the cache.
pub(super) async fn definitions(
    part: &'static Part,
    module: &str,
    cache: &Path,
    place: &Path,
) -> Result<Vec<PathBuf>, PartsError> {
    let kept = place.join("crds");
    if !kept.is_dir() {
        let unfinished = leftover::folder(cache, UNFINISHED).map_err(place_failed(cache))?;
        let told = download(part.name, module, &folder(part), unfinished.path()).await?;
        let from = Path::new(told["Dir"].as_str().unwrap_or_default()).join("config/crd/bases");
        let copied = unfinished.path().join("crds");
        std::fs::create_dir(&copied).map_err(place_failed(&copied))?;
        for file in std::fs::read_dir(&from).map_err(place_failed(&from))? {
            let file = file.map_err(place_failed(&from))?;
            let content = std::fs::read(file.path()).map_err(place_failed(&from))?;
            std::fs::write(copied.join(file.file_name()), content).map_err(place_failed(&kept))?;
        }
        std::fs::create_dir_all(place).map_err(place_failed(place))?;
        // Another run's are as good as ours.
        if let Err(error) = std::fs::rename(&copied, &kept)
            && !kept.is_dir()
        {
            return Err(place_failed(&kept)(error));
        }
    }
    let files = std::fs::read_dir(&kept).map_err(place_failed(&kept))?;
    let mut found: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    found.sort();
    Ok(found)
}

/// What `go mod download` tells of a module, which is then in Go's own cache; `module` may name a version.
pub(crate) async fn download(
    part: &'static str,
    module: &str,
    folder: &Path,
    temporary: &Path,
) -> Result<Value, PartsError> {
    let arguments = ["mod", "download", "-json", module].map(OsStr::new);
    let output = go(part, folder, temporary, &arguments).await?;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if told["Dir"].is_string() {
        return Ok(told);
    }
    Err(PartsError::Build {
        part,
        why: match told["Error"].as_str() {
            Some(error) => error.to_owned(),
            None => end(&output.stderr),
        },
    })
}

async fn go(
    part: &'static str,
    folder: &Path,
    temporary: &Path,
    arguments: &[&OsStr],
) -> Result<Output, PartsError> {
    let go = tool::find("go").ok_or(PartsError::NoGo { part })?;
    let environment = [("CGO_ENABLED", OsStr::new("0"))];
    tool::run(&go, arguments, &environment, folder, temporary)
        .await
        .map_err(place_failed(&go))
}
