//! The locks of this machine: one run on a target at a time, and which runs are going.
//!
//! Owns the lock files beside the journal. The system gives a lock back when its process ends, however it ends. Other
//! machines are not kept out by these: that takes a lock in the cluster.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::journal::{RunId, private_file};
use crate::plan::Target;

/// The folder of the runs' locks.
pub(crate) const RUNS: &str = "runs";
/// The folder of the targets' locks.
pub(crate) const TARGETS: &str = "targets";
/// How often a run's lock is tried for, and how long apart: whoever asks whether it goes holds it for a moment.
const TRIES: u32 = 20;
const APART: Duration = Duration::from_millis(10);

/// A lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
}

/// A target's lock, until it is dropped, and which run has it.
#[derive(Debug)]
pub(crate) struct HeldTarget {
    note: PathBuf,
    _held: Held,
}

impl Drop for HeldTarget {
    fn drop(&mut self) {
        // One that stays is overwritten by the next run: it is read only while the lock is held.
        let _ = fs::remove_file(&self.note);
    }
}

/// Who has a target's lock.
#[derive(Debug)]
pub(crate) enum Taken {
    /// This run.
    Ours(HeldTarget),
    /// That one, where it has said so already.
    Other(Option<RunId>),
}

/// Takes the lock of a target for a run.
pub(crate) fn take_target(folder: &Path, target: &Target, run: &RunId) -> io::Result<Taken> {
    let lock = folder.join(TARGETS).join(target_name(target));
    let note = lock.with_extension("run");
    let Some(held) = take(&lock.with_extension("lock"))? else {
        let first = fs::read_to_string(note).ok().filter(|run| !run.is_empty());
        return Ok(Taken::Other(first.map(RunId::new)));
    };
    let ours = HeldTarget { note, _held: held };
    fs::write(&ours.note, run.as_str())?;
    Ok(Taken::Ours(ours))
}

/// By the cluster's own id: two names of one cluster are one target.
fn target_name(target: &Target) -> String {
    let object = &target.object;
    // No part can hold a line's end.
    let parts = [
        target.cluster_uid.as_str(),
        &object.kind,
        &object.namespace,
        &object.name,
    ];
    let digest = Sha256::digest(parts.join("\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a run's lock is.
pub(crate) fn run_lock(folder: &Path, run: &RunId) -> PathBuf {
    folder.join(RUNS).join(format!("{run}.lock"))
}

/// Takes the lock of a run; nothing, where it is going already.
pub(crate) fn take_run(folder: &Path, run: &RunId) -> io::Result<Option<Held>> {
    // It may be what somebody typed, and becomes a file's name.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if run.as_str().is_empty() || !run.as_str().bytes().all(is_name) {
        let why = format!("{:?} is no run's name", run.as_str());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let path = run_lock(folder, run);
    for _ in 1..TRIES {
        if let Some(held) = take(&path)? {
            return Ok(Some(held));
        }
        thread::sleep(APART);
    }
    take(&path)
}

/// Lets go of the lock of a run that has ended. Its file says nothing any more: one that cannot be removed may stay.
pub(crate) fn let_go(folder: &Path, run: &RunId, held: Held) {
    let _ = fs::remove_file(run_lock(folder, run));
    drop(held);
}

/// Whether somebody holds a lock.
pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn take(path: &Path) -> io::Result<Option<Held>> {
    let file = private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { _lock: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
