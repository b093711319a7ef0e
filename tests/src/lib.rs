//! What the whole-product tests share: the programs under test, and the embedded company served by the real program.
//!
//! Owns the child processes: each is killed, as a crash would, when its owner is dropped. The programs come from
//! `LANDFALL_BIN` and `LANDFALL_DESKTOP_BIN`, which `./dev test` sets; without them the tests fail and say so.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up fails here, with words"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The terminal program under test.
pub fn landfall() -> PathBuf {
    program("LANDFALL_BIN")
}

/// The desktop program under test.
pub fn landfall_desktop() -> PathBuf {
    program("LANDFALL_DESKTOP_BIN")
}

/// A program that `./dev test` names in the environment.
pub fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_default();
    PathBuf::from(path)
        .canonicalize()
        .unwrap_or_else(|_| missing(variable))
}

fn missing(variable: &str) -> ! {
    panic!("{variable} must name the program under test: run ./dev test")
}

/// A child process that does not outlive its owner.
pub struct Owned(pub Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The embedded company, served by `landfall sandbox serve` in a process of its own.
pub struct Company {
    process: Owned,
    /// Holds kubeconfig.yaml and team.yaml.
    pub folder: tempfile::TempDir,
    seed: u64,
    port: u16,
}

impl Company {
    /// Serves the company of a seed and waits until it answers.
    pub fn serve(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // A fixed port lets it come back where it was. Tests that run at once take different ones.
        let port = own_ports();
        let process = start(seed, port, folder.path());
        Self {
            process,
            folder,
            seed,
            port,
        }
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) {
        self.process.0.kill().expect("it runs");
        self.process.0.wait().expect("it ends");
    }

    /// Serves it again where it was.
    pub fn serve_again(&mut self) {
        self.process = start(self.seed, self.port, self.folder.path());
    }

    /// Its kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig.yaml")
    }

    /// Its team file.
    pub fn team(&self) -> PathBuf {
        self.folder.path().join("team.yaml")
    }

    /// Its situations, as it wrote them down when it started.
    pub fn situations(&self) -> Vec<Value> {
        let file = self.folder.path().join("situations.json");
        let text = std::fs::read_to_string(file).expect("the company writes its situations down");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The situation of that name.
    pub fn situation(&self, name: &str) -> Value {
        let situations = self.situations();
        situations
            .into_iter()
            .find(|one| one["name"] == name)
            .expect("the situation exists")
    }

    /// Runs the real kubectl against one of its clusters, with that text as its input; what it printed.
    pub fn kubectl(&self, context: &str, words: &[&str], input: &str) -> String {
        let mut child = Command::new(program("LANDFALL_KUBECTL"))
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(["--context", context])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("kubectl reads");
        drop(stdin);
        let output = child.wait_with_output().expect("kubectl ends");
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A terminal whose questions go to this company.
    pub fn terminal(&self) -> Terminal {
        self.terminal_with(&self.kubeconfig())
    }

    /// A terminal whose questions go to this company with another kubeconfig.
    pub fn terminal_with(&self, kubeconfig: &Path) -> Terminal {
        let mut terminal = Terminal::new();
        terminal.systems = vec![
            "--kubeconfig".to_owned(),
            kubeconfig.display().to_string(),
            "--team".to_owned(),
            self.team().display().to_string(),
        ];
        terminal
    }
}

fn start(seed: u64, port: u16, folder: &Path) -> Owned {
    let mut child = Command::new(landfall())
        .args([
            "sandbox",
            "serve",
            "--seed",
            &seed.to_string(),
            "--port",
            &port.to_string(),
            "--folder",
        ])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("landfall starts");
    let stdout = child.stdout.take().expect("piped");
    let owned = Owned(child);
    let mut lines = BufReader::new(stdout).lines();
    let serving = lines.find_map(|line| line.ok().filter(|line| line.contains("Serving")));
    serving.expect("landfall sandbox serve says that it serves");
    // The rest of its output is nobody's: a closed pipe must not end it, so keep reading.
    std::thread::spawn(move || lines.for_each(drop));
    owned
}

/// How many neighbouring ports a company is given: it takes six.
const BLOCK: u16 = 8;
/// Where the blocks lie: below the ports that an operating system lends to outgoing connections (32,768 and up on
/// Linux, 49,152 and up on macOS and Windows), so that nobody's connection sits on one before the company listens, or
/// between a kill and a return.
const BLOCKS: std::ops::Range<u16> = 20_000..32_000;

/// The first of [`BLOCK`] neighbouring ports, which no other test of this process is given. Processes that run side by
/// side begin at different ones.
pub fn own_ports() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let blocks = u32::from((BLOCKS.end - BLOCKS.start) / BLOCK);
    let free = |first: &u16| {
        (*first..*first + BLOCK).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
    };
    (0..blocks)
        .map(|_| {
            let mine = NEXT.fetch_add(1, Ordering::Relaxed);
            let block = (std::process::id().wrapping_mul(37) + mine) % blocks;
            BLOCKS.start + u16::try_from(block).expect("a block's number is small") * BLOCK
        })
        .find(free)
        .expect("one of the blocks is free")
}

/// The terminal program in an empty home.
pub struct Terminal {
    home: tempfile::TempDir,
    systems: Vec<String>,
}

impl Terminal {
    /// A terminal that knows of no system.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a temporary folder"),
            systems: Vec::new(),
        }
    }

    /// Runs `landfall` with these words, and with its systems for the commands that ask some.
    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("landfall runs")
    }

    /// The command, to change before it runs.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(landfall());
        command.args(words);
        if matches!(
            words.first(),
            Some(&("why" | "board" | "changes" | "coverage" | "doctor"))
        ) {
            command.args(&self.systems);
        }
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }
}

/// What it printed, as JSON.
pub fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("not JSON ({error}):\n{text}\n{errors}")
    })
}

/// What it printed on both streams.
pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
