//! Grounds that `--up` keeps, found and ended from another terminal.
//!
//! Owns how a kept ground is told from another run: by the folders that carry its process's number, and by that
//! process's command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ground::FOLDER;
use crate::leftover;
use crate::parts::{UNFINISHED, cache};
use crate::process::send;

/// How long a ground may take to end: it gives its programs three times 5 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// The word that keeps a ground.
const KEEPING: &str = "--up";

/// A ground did not end.
#[derive(Debug, thiserror::Error)]
#[error("process {process} was told to end and is still there after {} s: kill -KILL {process}", PATIENCE.as_secs())]
pub struct StillThere {
    /// Whose ground it is.
    pub process: u32,
}

/// Ends every kept ground and waits until it is gone; the process of each, and a folder of its.
///
/// # Errors
/// One does not end.
pub async fn down() -> Result<BTreeMap<u32, PathBuf>, StillThere> {
    let (below, cache) = (std::env::temp_dir(), cache());
    // One that is still building its programs has a folder in the cache only.
    let mut kept: BTreeMap<u32, PathBuf> = leftover::owned(&cache, UNFINISHED)
        .into_iter()
        .chain(leftover::owned(&below, FOLDER))
        .collect();
    kept.retain(|process, _| is_keeping(*process));
    for process in kept.keys() {
        // One that is not ours to end is still there below.
        let _heard = send("TERM", &process.to_string());
    }
    let asked = Instant::now();
    for process in kept.keys().copied() {
        while is_keeping(process) {
            if asked.elapsed() > PATIENCE {
                return Err(StillThere { process });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    leftover::sweep(&below, FOLDER);
    leftover::sweep(&cache, UNFINISHED);
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
