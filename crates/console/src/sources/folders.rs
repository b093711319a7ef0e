//! The platform's folders, each by its own custom.
//!
//! Owns where what a person would miss is kept, and what can be had again.

use std::path::PathBuf;

use api::Error;
use api::error::Code;

/// The folder for what a person would miss: `XDG_DATA_HOME` or `~/.local/share` on Linux, `~/Library/Application Support`
/// on macOS, `%LOCALAPPDATA%` on Windows. `None` where there is no such folder.
pub fn data_folder() -> Option<PathBuf> {
    let base = if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("landfall"))
}

/// The file that what was seen is kept in.
pub fn history_file() -> Option<PathBuf> {
    data_folder().map(|folder| folder.join("history.db"))
}

/// The folder that runs of actions are written down in.
pub fn journal_folder() -> Option<PathBuf> {
    data_folder().map(|folder| folder.join("journal"))
}

/// The folder that a browser would save to: `XDG_DOWNLOAD_DIR`, else `Downloads` in the person's own folder, else that.
pub fn downloads_folder() -> PathBuf {
    let own = variable("HOME").or_else(|| variable("USERPROFILE"));
    let own = own.unwrap_or_else(std::env::temp_dir);
    let folder = variable("XDG_DOWNLOAD_DIR").unwrap_or_else(|| own.join("Downloads"));
    if folder.is_dir() { folder } else { own }
}

/// A variable that names a folder; an empty one names none.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The platform's folder for what can be had again, by its own custom: `XDG_CACHE_HOME` or `~/.cache` on Linux,
/// `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
pub fn cache_folder() -> Result<PathBuf, Error> {
    let base = if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Caches"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    };
    base.map(|base| base.join("landfall")).ok_or_else(|| {
        Error::new(
            Code::Usage,
            "there is no folder to keep clones of repositories in",
        )
        .hint("Set HOME, or XDG_CACHE_HOME.")
    })
}
