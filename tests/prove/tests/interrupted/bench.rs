//! A bench for `prove`: a PATH, a cache and a temporary folder of its own, and programs that say who they are and then do
//! nothing for ever.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use prove::definitions::DEFINITIONS;
use prove::parts::PARTS;

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `prove` itself needs of the system.
const NEEDED: [&str; 2] = ["sh", "setpriv"];
/// What the stand-ins need besides.
const SLEEP: &str = "sleep";

/// Folders below one temporary one.
pub struct Bench(tempfile::TempDir);

impl Bench {
    /// One where nothing is on PATH but what `prove` needs of every system.
    pub fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["bin", "assets", "cache", "temporary", "numbers"] {
            std::fs::create_dir(bench.at(folder)).expect("a folder");
        }
        for name in NEEDED.iter().chain(&[SLEEP]) {
            let real = prove::tool::find(name).unwrap_or_else(|| panic!("there is no {name}"));
            std::os::unix::fs::symlink(real, bench.at("bin").join(name)).expect("a link");
        }
        bench
    }

    /// One whose Go has begun to write a program and waits for its compiler for ever.
    pub fn with_slow_go() -> Self {
        let bench = Self::new();
        let script = format!(
            "sleep 600 &\nwhile [ \"$1\" != -o ]; do shift; done\necho half > \"$2\"\n{}{}wait\n",
            bench.number("compiler", "$!"),
            bench.number("go", "$$")
        );
        bench.program("go", &script);
        bench
    }

    /// One whose programs are all there, and never answer.
    pub fn with_stuck_programs() -> Self {
        let bench = Self::new();
        for part in PARTS {
            let script = format!("{}exec sleep 600\n", bench.number(part.name, "$$"));
            bench.write(&bench.at("assets").join(part.name), &script);
        }
        for file in DEFINITIONS
            .iter()
            .flat_map(|project| project.kept_files(&bench.at("cache")))
        {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, "").expect("a file");
        }
        let module = bench.at("module");
        std::fs::create_dir_all(module.join("config/crd/bases")).expect("a folder");
        let told = format!("echo '{{\"Dir\": \"{}\"}}'\n", module.display());
        bench.program("go", &told);
        bench
    }

    /// The same without Go.
    pub fn without_go(&self) -> &Self {
        std::fs::remove_file(self.at("bin").join("go")).expect("go was there");
        self
    }

    /// Puts a script on PATH.
    pub fn program(&self, name: &str, script: &str) {
        self.write(&self.at("bin").join(name), script);
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, path: &Path, script: &str) {
        std::fs::write(path, format!("#!/bin/sh\n{script}")).expect("a script");
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("its mode");
    }

    /// The line of a script that tells a process's number: as a link, which is whole when it is there.
    fn number(&self, name: &str, number: &str) -> String {
        let path = self.at("numbers").join(name);
        format!("/bin/ln -sfn {number} {}\n", path.display())
    }

    /// Starts `prove`.
    pub fn prove(&self, arguments: &[&str]) -> Prove {
        self.start(Command::new(env!("CARGO_BIN_EXE_prove")), arguments)
    }

    /// Starts `prove` where another temporary folder is set, as in another terminal.
    pub fn prove_elsewhere(&self, arguments: &[&str]) -> Prove {
        let mut env = Command::new("/usr/bin/env");
        env.arg(format!("TMPDIR={}", self.0.path().display()));
        env.arg(env!("CARGO_BIN_EXE_prove"));
        self.start(env, arguments)
    }

    /// Starts `prove` as a script's `prove &` would: with SIGINT ignored.
    pub fn prove_in_the_background(&self, arguments: &[&str]) -> Prove {
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            "trap '' INT; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_prove"),
        ]);
        self.start(shell, arguments)
    }

    fn start(&self, mut command: Command, arguments: &[&str]) -> Prove {
        command
            .args(arguments)
            .env_clear()
            .env("PATH", self.at("bin"))
            .env("HOME", self.0.path())
            .env("TMPDIR", self.at("temporary"))
            .env("LANDFALL_PROVE_CACHE", self.at("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if std::fs::read_dir(self.at("assets")).is_ok_and(|mut files| files.next().is_some()) {
            command.env("KUBEBUILDER_ASSETS", self.at("assets"));
        }
        Prove {
            child: command.spawn().expect("prove starts"),
            status: None,
            said: String::new(),
        }
    }

    /// Waits until all of these run; their processes' numbers.
    pub fn started(&self, names: &[&str]) -> Vec<u32> {
        let started = |name: &&str| {
            let link = self.at("numbers").join(name);
            let mut number = None;
            wait_until(&format!("{name} runs"), || {
                let told = std::fs::read_link(&link).ok();
                number = told.and_then(|told| told.to_str()?.parse().ok());
                number.is_some()
            });
            std::fs::remove_file(&link).expect("it was there");
            number.expect("it was told")
        };
        let started: Vec<u32> = names.iter().map(started).collect();
        assert!(started.iter().all(|process| is_running(*process)));
        started
    }

    /// Waits until these are gone.
    pub fn are_gone(&self, processes: &[u32]) {
        wait_until(&format!("{processes:?} are gone"), || {
            !processes.iter().copied().any(is_running)
        });
    }

    /// Nothing of a run is in the temporary folder, and nothing unfinished in the cache.
    pub fn nothing_is_left(&self) {
        let names = |folder: &str| -> Vec<String> {
            let files = std::fs::read_dir(self.at(folder)).expect("a folder");
            files
                .map(|file| file.expect("a file").file_name().display().to_string())
                .collect()
        };
        assert_eq!(names("temporary"), Vec::<String>::new());
        let cache = names("cache");
        assert!(
            cache
                .iter()
                .all(|name| name.ends_with("-crds") || self.is_whole(name)),
            "{cache:?}"
        );
    }

    /// A program's folder in the cache, in which nothing was built here but CRDs copied.
    fn is_whole(&self, name: &str) -> bool {
        let files = std::fs::read_dir(self.at("cache").join(name)).expect("a folder");
        let mut names = files.map(|file| file.expect("a file").file_name());
        PARTS.iter().any(|part| name.starts_with(part.name)) && names.all(|name| name == "crds")
    }
}

/// A running `prove`.
pub struct Prove {
    child: Child,
    status: Option<ExitStatus>,
    said: String,
}

impl Prove {
    /// Its process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_some()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let kill = ["-c", "kill -s \"$0\" \"$1\"", signal, &id];
        let sent = Command::new("sh").args(kill).status();
        assert!(sent.expect("a shell").success());
    }

    /// Waits until it has ended; its code, and the first of its last line's words: up to the colon.
    pub fn ended(&mut self) -> (Option<i32>, String) {
        wait_until("prove ends", || self.has_ended());
        let status = self.child.wait().expect("its status");
        self.status = Some(status);
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        out.expect("stdout")
            .read_to_string(&mut self.said)
            .expect("text");
        err.expect("stderr")
            .read_to_string(&mut self.said)
            .expect("text");
        let last = self.said.lines().last().unwrap_or_default();
        let words = last.strip_prefix("prove: ").unwrap_or(last);
        let words = words.split(':').next().unwrap_or_default().to_owned();
        (status.code(), words)
    }

    /// All that it said.
    pub fn said(&self) -> &str {
        &self.said
    }
}

impl Drop for Prove {
    fn drop(&mut self) {
        // Of a test that failed.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it is not so that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs; one that nobody has asked about its end since does not.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
