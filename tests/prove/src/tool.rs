//! Other people's tools, run to their end: go, npm, python, tar.
//!
//! Owns that such a tool and everything that it started is gone when nobody waits for it any more: its future was dropped,
//! or this process died. A compiler that goes on alone would write into a folder that is already removed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::process::{dies_with_us, send};

/// How long killed processes may take to be gone.
const GRACE: Duration = Duration::from_secs(5);

/// The shell that leads a tool's process group. The kernel tells it when this process died, and it takes the group with it:
/// the kernel's word reaches children only, and a build is mostly grandchildren.
const LEADER: &str = r#"trap 'kill -s KILL 0' TERM; "$@" & wait $!"#;

/// A program on PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Runs `program` in `folder`; its temporary files go to `temporary`.
///
/// Must be awaited on the main thread: the kernel ends children with the thread that started them.
///
/// # Errors
/// It cannot be started.
pub async fn run(
    program: &Path,
    arguments: &[impl AsRef<OsStr>],
    environment: &[(&str, &OsStr)],
    folder: &Path,
    temporary: &Path,
) -> std::io::Result<Output> {
    let mut command: Command = dies_with_us("TERM", Path::new("sh"));
    command
        .args(["-c", LEADER, "sh"])
        .arg(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .env("TMPDIR", temporary)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn()?;
    let group = Group(Some(child.id()));
    // On a thread of its own, so that it is also waited for when nobody wants the output any more.
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    group.has_ended();
    output.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// A process group, killed unless it ended by itself.
struct Group(Option<u32>);

impl Group {
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.0 else { return };
        let group = format!("-{leader}");
        let asked = Instant::now();
        let mut is_there = send("KILL", &group);
        // Their files can be removed only when nobody writes them.
        while is_there && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(10));
            is_there = send("0", &group);
        }
    }
}
