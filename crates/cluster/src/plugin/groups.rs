//! The processes of the plugins that run now. Each ends with its run, and all of them with us.
//!
//! Owns that no plugin outlives this process where it ends in order: a runtime that is shut down drops no run that is
//! under way, and so ends none. Who is killed cannot end anything.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::process::{Child, Command};

/// Those of this process.
static RUNNING: Groups = Groups::new();

/// Ends all plugins that run, with all that they began; from now on none is started.
pub fn end_plugins() {
    RUNNING.end();
}

/// Starts a plugin: it ends with the group, which ends when it is dropped.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Group<'static>)> {
    RUNNING.start(command)
}

/// The processes that lead groups of their own; `None` once all have to end.
struct Groups(Mutex<Option<Vec<u32>>>);

/// A plugin's process and all that it began and that stayed in its group; they end when this is dropped.
pub(super) struct Group<'a> {
    among: &'a Groups,
    leader: Option<u32>,
}

impl Groups {
    const fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// Starts it as the leader of a group. Whoever ends all waits for that: none is started unseen.
    fn start(&self, command: &mut Command) -> io::Result<(Child, Group<'_>)> {
        let mut leaders = self.leaders();
        let Some(leaders) = leaders.as_mut() else {
            return Err(io::Error::other("Landfall is ending"));
        };
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let leader = child.id();
        leaders.extend(leader);
        let among = self;
        Ok((child, Group { among, leader }))
    }

    fn end(&self) {
        for leader in self.leaders().take().into_iter().flatten() {
            kill(leader);
        }
    }

    fn leaders(&self) -> MutexGuard<'_, Option<Vec<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let Some(leader) = self.leader else {
            return;
        };
        kill(leader);
        if let Some(leaders) = self.among.leaders().as_mut() {
            leaders.retain(|one| *one != leader);
        }
    }
}

/// Ends a group. That there is nobody left is what is wanted.
#[cfg(unix)]
fn kill(leader: u32) {
    let leader = i32::try_from(leader).ok();
    if let Some(leader) = leader.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

/// Without groups the child alone is ended, by `kill_on_drop`.
#[cfg(not(unix))]
fn kill(_leader: u32) {}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// What a shell is to do that tells nobody when it ends.
    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    #[tokio::test]
    async fn a_plugin_that_hung_outlived_landfall_with_all_that_it_began() {
        let groups = Groups::new();
        // It says when it has begun the other; both hold its output open for as long as they live.
        let mut hanging = shell("sleep 600 & echo begun; wait");
        let (mut child, group) = groups.start(&mut hanging).unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut begun = [0; 6];
        output.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"begun\n");

        // What a runtime that is shut down does with a run under way.
        std::mem::forget(group);
        groups.end();

        let soon = Duration::from_secs(5);
        let ended = tokio::time::timeout(soon, child.wait()).await;
        let ended = ended.expect("it lives on").unwrap();
        assert_eq!(ended.signal(), Some(9));
        let left = tokio::time::timeout(soon, output.read_to_end(&mut Vec::new())).await;
        assert_eq!(left.expect("what it began lives on").unwrap(), 0);
    }

    #[tokio::test]
    async fn a_plugin_that_was_to_start_while_landfall_ended_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let groups = Groups::new();
        groups.end();
        let late = groups.start(&mut shell(&format!("echo ran > '{}'", ran.display())));
        let Err(refused) = late else {
            panic!("it was started")
        };
        assert_eq!(refused.to_string(), "Landfall is ending");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!ran.exists());
    }

    #[tokio::test]
    async fn a_plugin_that_has_ended_is_no_longer_among_those_to_end() {
        let groups = Groups::new();
        let (mut child, group) = groups.start(&mut shell("exit 0")).unwrap();
        child.wait().await.unwrap();
        // Its number may be somebody else's by the time that all are ended.
        drop(group);
        assert_eq!(groups.leaders().as_deref(), Some(&[][..]));
    }
}
