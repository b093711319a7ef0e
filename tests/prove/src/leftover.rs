//! Folders that belong to one run: its number is in their name, they go when it goes, and what a run that was killed
//! left is removed by a later one.
//!
//! Owns the names. What is in a folder is its maker's matter.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A new folder of this run's, whose name begins with `prefix`. Dropping it removes it.
///
/// # Errors
/// The system's, for `below`.
pub fn folder(below: &Path, prefix: &str) -> std::io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{prefix}{}-", std::process::id()))
        .tempdir_in(below)
}

/// The folders below `below` that begin with `prefix`, each with the process that made it.
pub fn owned(below: &Path, prefix: &str) -> Vec<(u32, PathBuf)> {
    let Ok(files) = std::fs::read_dir(below) else {
        return Vec::new();
    };
    let owned = files.filter_map(|file| {
        let file = file.ok()?;
        let name = file.file_name();
        let (owner, _) = name.to_str()?.strip_prefix(prefix)?.split_once('-')?;
        Some((owner.parse().ok()?, file.path()))
    });
    owned.collect()
}

/// Removes the folders of runs whose process is gone.
pub fn sweep(below: &Path, prefix: &str) {
    if !Path::new("/proc").is_dir() {
        // Nothing says here which processes there are.
        return;
    }
    for (owner, folder) in owned(below, prefix) {
        if !Path::new(&format!("/proc/{owner}")).exists() {
            let _removed = std::fs::remove_dir_all(folder);
        }
    }
}
