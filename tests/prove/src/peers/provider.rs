//! oidc-provider: a certified OpenID provider in Okta's place. How it is set up is in `parts/oidc-provider/server.mjs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PeersError;
use super::fetch::Fetched;
use crate::parts::place_failed;
use crate::ports::LOCAL;
use crate::process::{NotReady, Process, until};

pub(super) const NAME: &str = "oidc-provider";

const PROVIDER: Fetched = Fetched {
    name: NAME,
    files: &["package.json", "package-lock.json", "server.mjs"],
    hint: "It needs Node 20.19 or newer with npm, and npm's registry, once",
};

/// Where its programs are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    node: PathBuf,
    script: PathBuf,
}

/// What runs it.
pub(super) fn node() -> Result<PathBuf, PeersError> {
    PROVIDER.program("node")
}

/// Its programs, fetched into the cache if they are not there.
pub(super) async fn get(
    node: PathBuf,
    cache: &Path,
    say: &dyn Fn(&str),
) -> Result<Programs, PeersError> {
    let kept = PROVIDER
        .get(cache, say, async |folder, files| {
            let app = folder.join(NAME);
            std::fs::create_dir(&app).map_err(place_failed(&app))?;
            for file in files {
                let to = app.join(file.file_name().unwrap_or_default());
                std::fs::copy(file, to).map_err(place_failed(file))?;
            }
            // Exactly what the lock file says, and no script of any package is run.
            let arguments =
                ["ci", "--ignore-scripts", "--no-audit", "--no-fund"].map(AsRef::as_ref);
            PROVIDER
                .run(&PROVIDER.program("npm")?, &arguments, &app)
                .await
        })
        .await?;
    Ok(Programs {
        node,
        script: kept.join("server.mjs"),
    })
}

pub(super) fn issuer(port: u16) -> String {
    format!("http://{LOCAL}:{port}")
}

pub(super) fn start(programs: &Programs, issuer: &str, folder: &Path) -> std::io::Result<Process> {
    let port = issuer.rsplit(':').next().unwrap_or_default();
    let arguments = [programs.script.display().to_string(), port.to_owned()];
    Process::start(NAME, &programs.node, folder, &arguments, &[])
}

pub(super) async fn until_ready(
    process: &mut Process,
    http: &reqwest::Client,
    issuer: &str,
) -> Result<Duration, NotReady> {
    let url = format!("{issuer}/.well-known/openid-configuration");
    let ready = async || {
        let answer = http.get(&url).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    until(process, ready).await
}
