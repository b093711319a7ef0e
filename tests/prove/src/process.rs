//! Child processes that do not outlive this one, whatever ends it.
//!
//! Owns the start, the log file and the end of each. On Linux the kernel kills them when this process dies
//! (`setpriv --pdeathsig`), so that also a crash leaves nothing behind; elsewhere only an orderly end does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// How long a program may take until it answers. It is as long as a busy machine needs; what ends early is seen early.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked whether something is ready.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// A program ended or never answered.
#[derive(Debug, thiserror::Error)]
#[error("{program} did not become ready after {seconds} s; the end of its log:\n{log}")]
pub struct NotReady {
    /// Which.
    program: &'static str,
    /// How long it was given.
    seconds: u64,
    /// What it said last.
    log: String,
}

/// A running program.
pub struct Process {
    name: &'static str,
    child: Child,
    /// What it says.
    pub log: PathBuf,
}

impl Process {
    /// Starts a program with nothing of our environment but PATH; its home and temporary folder are `folder`.
    ///
    /// # Errors
    /// The program or its log file cannot be opened.
    pub fn start(
        name: &'static str,
        program: &Path,
        folder: &Path,
        arguments: &[String],
        environment: &[(&str, String)],
    ) -> std::io::Result<Self> {
        let nothing = Stdio::null();
        Self::start_told(name, program, folder, arguments, environment, nothing)
    }

    /// The same for one that reads what it is told.
    ///
    /// # Errors
    /// The program or its log file cannot be opened.
    pub fn start_told(
        name: &'static str,
        program: &Path,
        folder: &Path,
        arguments: &[String],
        environment: &[(&str, String)],
        told: Stdio,
    ) -> std::io::Result<Self> {
        let home = folder.join("home").join(name);
        std::fs::create_dir_all(&home)?;
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let mut command = dies_with_us("KILL", program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("NO_PROXY", "127.0.0.1")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&home)
            .stdin(told)
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn()?;
        Ok(Self { name, child, log })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its name and resident memory in KiB, where the system tells.
    pub fn memory(&self) -> Option<(&'static str, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let mut lines = status.lines();
        let size = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
        let size = size.trim().trim_end_matches(" kB").parse().ok()?;
        Some((self.name, size))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end.
    fn ask_to_end(&self) {
        // Without a shell it is killed a moment later.
        let _heard = send("TERM", &self.child.id().to_string());
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        crate::parts::end(&std::fs::read(&self.log).unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Ends processes together: each is asked, then killed if it does not hear.
pub fn end_all(mut processes: Vec<Process>) {
    for process in &processes {
        process.ask_to_end();
    }
    let asked = Instant::now();
    while asked.elapsed() < GRACE && processes.iter_mut().any(|process| !process.has_ended()) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `ready` says so, or the program ends.
///
/// # Errors
/// It ended, or takes too long.
pub(crate) async fn until(
    process: &mut Process,
    mut ready: impl AsyncFnMut() -> bool,
) -> Result<Duration, NotReady> {
    let begun = Instant::now();
    loop {
        if ready().await {
            return Ok(begun.elapsed());
        }
        if process.has_ended() || begun.elapsed() > PATIENCE {
            return Err(NotReady {
                program: process.name(),
                seconds: begun.elapsed().as_secs(),
                log: process.last_words(),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Sends a signal to a process, or to a group by its negative number; whether there is one that could be told. By the
/// shell's own `kill`: not every system has a program of that name.
pub(crate) fn send(signal: &str, to: &str) -> bool {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", signal, to])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// The command for a program that gets this signal when we die.
pub(crate) fn dies_with_us(signal: &str, program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        // By its path: the program may be given a PATH of its own.
        let setpriv = crate::tool::find("setpriv").unwrap_or_else(|| "setpriv".into());
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", signal, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
