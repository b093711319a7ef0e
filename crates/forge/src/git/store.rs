//! Where one repository's copy lies on disk, and what was true when it was last fetched.
//!
//! Owns the folder's layout, the lock between processes, and the snapshot file whose presence says that a copy is
//! whole: it is written last, in one step. A folder without a readable snapshot is the rest of a copy that was
//! interrupted, and is made again.
//!
//! ```text
//! <cache>/git/<hash>/lock            held while fetching; the system frees it when the process dies
//! <cache>/git/<hash>/snapshot.json   branches, tags and default branch as of the last fetch
//! <cache>/git/<hash>/<n>.git         the bare clone; n grows when it is made again
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Trouble, deepest};

/// Changes when an older file would be misread.
const VERSION: u32 = 1;

/// What was true when a repository was last fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) version: u32,
    /// The repository's key, for people who look into the folder.
    pub(crate) repository: String,
    /// Which `<n>.git` it lies in.
    pub(crate) generation: u32,
    /// Whether the server wants `.git` at the address's end.
    pub(crate) suffixed: bool,
    /// The remote's HEAD branch; empty if it has no branch.
    pub(crate) default_branch: String,
    /// Every branch's head.
    pub(crate) branches: BTreeMap<String, String>,
    /// Every tag that names a commit, and the commit.
    pub(crate) tags: BTreeMap<String, String>,
    /// When.
    pub(crate) fetched: Timestamp,
}

impl Snapshot {
    /// A snapshot of an empty repository.
    pub(crate) fn empty(repository: &str, generation: u32, fetched: Timestamp) -> Self {
        Self {
            version: VERSION,
            repository: repository.to_owned(),
            generation,
            suffixed: false,
            default_branch: String::new(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            fetched,
        }
    }
}

/// One repository's folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// Held while a repository is fetched; freed when dropped, and by the system when the process dies.
pub(crate) struct Locked {
    _file: File,
}

impl Store {
    /// The folder for a repository at an address: the same name at another address is another repository.
    pub(crate) fn new(cache: &Path, repository: &str, address: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(repository);
        hash.update("\n");
        hash.update(address);
        let name = hash
            .finalize()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        Self {
            folder: cache.join("git").join(name),
        }
    }

    /// The bare clone's folder.
    pub(crate) fn clone_folder(&self, generation: u32) -> PathBuf {
        self.folder.join(format!("{generation}.git"))
    }

    /// Waits until no other process fetches this repository.
    ///
    /// # Errors
    /// The folder cannot be made or locked, or `stop` was set.
    pub(crate) fn lock(&self, stop: &AtomicBool) -> Result<Locked, Trouble> {
        let failed = |what: &str, error: &std::io::Error| {
            Trouble::Other(format!(
                "cannot {what} {}: {}",
                self.folder.display(),
                deepest(error)
            ))
        };
        fs::create_dir_all(&self.folder).map_err(|error| failed("make", &error))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join("lock"))
            .map_err(|error| failed("lock", &error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Locked { _file: file }),
                // The system has no way to wait that could be interrupted.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &error)),
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Trouble::Other("stopped".to_owned()));
            }
        }
    }

    /// The snapshot, if there is a whole one.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let text = fs::read(self.folder.join("snapshot.json")).ok()?;
        let snapshot: Snapshot = serde_json::from_slice(&text).ok()?;
        (snapshot.version == VERSION).then_some(snapshot)
    }

    /// Writes the snapshot in one step: a reader sees the old one or the new one, whole.
    ///
    /// # Errors
    /// The disk says no.
    pub(crate) fn write_snapshot(
        &self,
        snapshot: &Snapshot,
        _held: &Locked,
    ) -> Result<(), Trouble> {
        let failed = |reason: String| {
            Trouble::Other(format!(
                "cannot write to {}: {reason}",
                self.folder.display()
            ))
        };
        let text = serde_json::to_vec_pretty(snapshot).map_err(|error| failed(deepest(&error)))?;
        let new = self.folder.join("snapshot.json.new");
        File::create(&new)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, self.folder.join("snapshot.json")))
            .map_err(|error| failed(deepest(&error)))
    }

    /// Gives up a snapshot whose clone turned out to be damaged: the next fetch makes a new clone.
    pub(crate) fn spoil(&self, damaged: &Snapshot) {
        if self.snapshot().as_ref() == Some(damaged) {
            // If it cannot be removed, the next read finds the damage again.
            let _ = fs::remove_file(self.folder.join("snapshot.json"));
        }
    }

    /// Removes every clone but this one, and returns a generation that no folder has.
    pub(crate) fn discard(&self, keep: Option<u32>, _held: &Locked) -> u32 {
        let mut next = keep.unwrap_or(0);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let Some(generation) = name
                .to_str()
                .and_then(|name| name.strip_suffix(".git"))
                .and_then(|number| number.parse::<u32>().ok())
            else {
                continue;
            };
            next = next.max(generation);
            if Some(generation) != keep {
                // What cannot be removed now (a reader has it open on Windows) goes next time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        next + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::empty("h/p", 1, Timestamp::from_second(5).unwrap());
        snapshot.branches.insert("main".to_owned(), "ab".to_owned());
        snapshot
    }

    #[test]
    fn a_half_written_snapshot_is_none() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path(), "h/p", "https://h/p");
        assert_eq!(store.snapshot(), None);
        let held = store.lock(&AtomicBool::new(false)).unwrap();
        store.write_snapshot(&snapshot(), &held).unwrap();
        assert_eq!(store.snapshot(), Some(snapshot()));
        let file = store.folder.join("snapshot.json");
        let text = fs::read(&file).unwrap();
        fs::write(&file, &text[..text.len() / 2]).unwrap();
        assert_eq!(store.snapshot(), None);
    }

    #[test]
    fn one_process_at_a_time_fetches() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path(), "h/p", "https://h/p");
        let held = store.lock(&AtomicBool::new(false)).unwrap();
        // A second one would wait; told to stop, it gives up.
        assert!(store.lock(&AtomicBool::new(true)).is_err());
        drop(held);
        assert!(store.lock(&AtomicBool::new(true)).is_ok());
    }

    #[test]
    fn the_same_name_elsewhere_is_another_repository() {
        let cache = Path::new("/cache");
        let one = Store::new(cache, "h/p", "http://127.0.0.1:1/p");
        let other = Store::new(cache, "h/p", "http://127.0.0.1:2/p");
        assert_ne!(one.folder, other.folder);
    }

    #[test]
    fn clones_that_nothing_names_are_removed() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path(), "h/p", "https://h/p");
        let held = store.lock(&AtomicBool::new(false)).unwrap();
        for generation in [1, 2, 7] {
            fs::create_dir_all(store.clone_folder(generation)).unwrap();
        }
        assert_eq!(store.discard(Some(2), &held), 8);
        assert!(store.clone_folder(2).exists());
        assert!(!store.clone_folder(1).exists() && !store.clone_folder(7).exists());
    }
}
