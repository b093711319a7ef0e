//! Fetching a peer once into the cache, with its registry's ordinary client.
//!
//! Owns the folders: everything is fetched into one that belongs to the run, and moved to its place when it is whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::PeersError;
use crate::parts::{UNFINISHED, end, made_from, place_failed};
use crate::{leftover, tool};

/// A peer that is fetched.
pub(super) struct Fetched {
    /// Its name.
    pub name: &'static str,
    /// The files in `parts/NAME/` that pin it.
    pub files: &'static [&'static str],
    /// What to do where it cannot be had.
    pub hint: &'static str,
}

impl Fetched {
    /// Its folder in the cache, made by `fetch` if it is not there. `fetch` gets a folder to work in, and makes in it one
    /// with the peer's name.
    pub async fn get(
        &self,
        cache: &Path,
        say: &dyn Fn(&str),
        fetch: impl AsyncFnOnce(&Path, &[PathBuf]) -> Result<(), PeersError>,
    ) -> Result<PathBuf, PeersError> {
        let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("parts");
        let files = self.files.iter();
        let files: Vec<PathBuf> = files.map(|file| parts.join(self.name).join(file)).collect();
        let kept = cache.join(format!("{}-{}", self.name, made_from(&files, &[])?));
        if kept.is_dir() {
            return Ok(kept);
        }
        let begun = Instant::now();
        say(&format!("fetching {}", self.name));
        let unfinished = leftover::folder(cache, UNFINISHED).map_err(place_failed(cache))?;
        fetch(unfinished.path(), &files).await?;
        // Another run's is as good as ours.
        if let Err(error) = std::fs::rename(unfinished.path().join(self.name), &kept)
            && !kept.is_dir()
        {
            return Err(place_failed(&kept)(error).into());
        }
        let seconds = begun.elapsed().as_secs();
        say(&format!("fetched {} ({seconds} s)", self.name));
        Ok(kept)
    }

    /// A program on PATH.
    pub fn program(&self, name: &str) -> Result<PathBuf, PeersError> {
        tool::find(name).ok_or_else(|| self.missing(format!("there is no {name}")))
    }

    /// Runs a client in `folder` and wants it to succeed.
    pub async fn run(
        &self,
        program: &Path,
        arguments: &[&OsStr],
        folder: &Path,
    ) -> Result<(), PeersError> {
        let output = tool::run(program, arguments, &[], folder, folder).await?;
        if output.status.success() {
            return Ok(());
        }
        // Python says some of it where others say nothing.
        let said = [output.stdout, output.stderr].concat();
        Err(self.missing(end(&said)))
    }

    fn missing(&self, why: String) -> PeersError {
        PeersError::Missing {
            peer: self.name,
            why,
            hint: self.hint,
        }
    }
}
