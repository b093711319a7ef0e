//! Grounds that `--up` keeps, found and ended from another terminal.
//!
//! Owns how a kept ground is told from another run: by a folder in the cache that carries its process's number, whatever the
//! run's temporary folder is, and by that process's command line.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ground::FOLDER;
use crate::leftover;
use crate::parts::{UNFINISHED, cache};
use crate::process::send;

/// How long a ground may take to end: it gives its programs three times 5 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// The word that keeps a ground.
const KEEPING: &str = "--up";
/// The beginning of the names of folders that say who keeps one.
const KEPT: &str = "kept-";

/// A ground did not end.
#[derive(Debug, thiserror::Error)]
#[error("process {process} was told to end and is still there after {} s: kill -KILL {process}", PATIENCE.as_secs())]
pub struct StillThere {
    /// Whose ground it is.
    pub process: u32,
}

/// Says that this run keeps a ground, from before its first program is built until the folder is dropped.
///
/// # Errors
/// The cache cannot be written.
pub fn announce() -> std::io::Result<TempDir> {
    let cache = cache();
    std::fs::create_dir_all(&cache)?;
    leftover::sweep(&cache, KEPT);
    leftover::folder(&cache, KEPT)
}

/// Ends every kept ground and waits until it is gone; the processes.
///
/// # Errors
/// One does not end.
pub async fn down() -> Result<BTreeSet<u32>, StillThere> {
    let cache = cache();
    let owned = leftover::owned(&cache, KEPT).into_iter();
    let kept: BTreeSet<u32> = owned.map(|(process, _)| process).collect();
    let kept: BTreeSet<u32> = kept.into_iter().filter(|one| is_keeping(*one)).collect();
    for process in &kept {
        // One that is not ours to end is still there below.
        let _heard = send("TERM", &process.to_string());
    }
    let asked = Instant::now();
    for process in kept.iter().copied() {
        while is_keeping(process) {
            if asked.elapsed() > PATIENCE {
                return Err(StillThere { process });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    // What a crash left of theirs, and of any other run.
    leftover::sweep(&cache, KEPT);
    leftover::sweep(&cache, UNFINISHED);
    leftover::sweep(&std::env::temp_dir(), FOLDER);
    Ok(kept)
}

/// Whether a process is a `prove --up`; not one that is gone, or whose number another program has got.
fn is_keeping(process: u32) -> bool {
    let words = command_line(process);
    let program = words.first().map(|word| Path::new(word).file_stem());
    program.flatten().is_some_and(|name| name == "prove")
        && words.iter().any(|word| word == KEEPING)
}

fn command_line(process: u32) -> Vec<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0);
        return words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
    }
    let mut ps = Command::new("ps");
    let told = ps
        .args(["-o", "command=", "-p", &process.to_string()])
        .output();
    let line = told.map(|told| told.stdout).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    line.split_whitespace().map(str::to_owned).collect()
}
