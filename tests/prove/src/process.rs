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
        let home = folder.join("home").join(name);
        std::fs::create_dir_all(&home)?;
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let mut command = leashed(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("NO_PROXY", "127.0.0.1")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn()?;
        Ok(Self { name, child, log })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its id, for figures.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end.
    fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        // Without `kill` it is killed a moment later.
        let _asked = Command::new("kill").arg(id).stderr(Stdio::null()).status();
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

/// The command for a program that dies with us.
fn leashed(program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
