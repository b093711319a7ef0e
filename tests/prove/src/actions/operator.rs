//! Somebody at a terminal: a home of their own, a kubeconfig, and `landfall`.
//!
//! Owns how the product is run, with nothing of our environment, and how one run of it ends: by itself, by Ctrl-C, or killed.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::rig::CLUSTER;
use super::world::Thing;
use super::{Checked, Wrong, so};
use crate::process::{dies_with_us, send};

/// How long the product may take: it gives a lost answer a minute, and then looks for twenty seconds.
const LONGEST: Duration = Duration::from_secs(180);

/// The person.
pub(super) struct Operator {
    home: PathBuf,
    kubeconfig: String,
    program: PathBuf,
    runs: Arc<AtomicU32>,
    /// The team file that every command is given.
    team: Option<String>,
    /// The D-Bus of their keyring.
    bus: Option<String>,
}

/// What somebody wants done.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// The action.
    pub action: &'a str,
    /// To what.
    pub on: &'a Thing,
    /// `NAME=VALUE`, where it asks for one.
    pub input: Option<&'a str>,
    /// Another one.
    pub more: Option<&'a str>,
    /// Why, where it asks for that.
    pub reason: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// One that asks for nothing.
    pub(super) fn new(action: &'a str, on: &'a Thing) -> Self {
        Self {
            action,
            on,
            input: None,
            more: None,
            reason: None,
        }
    }
}

/// What came of one run of the product.
pub(super) struct Said {
    words: String,
    output: Output,
}

impl Said {
    /// Its exit code; none where it was killed.
    pub(super) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Wants this exit code.
    pub(super) fn ends(self, code: i32) -> Checked<Self> {
        let what = format!("`landfall {}` has to end with {code}", self.words);
        so(&what, self.code() == Some(code), self.whole())?;
        Ok(self)
    }

    /// Wants these words in what it prints.
    pub(super) fn says(self, words: &str) -> Checked<Self> {
        let what = format!("`landfall {}` has to say {words:?}", self.words);
        so(&what, self.whole().contains(words), self.whole())?;
        Ok(self)
    }

    /// What it prints.
    pub(super) fn out(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Its output as JSON.
    pub(super) fn json(&self) -> Checked<Value> {
        serde_json::from_slice(&self.output.stdout).map_err(|error| Wrong::Not {
            what: format!("`landfall {}` has to print JSON: {error}", self.words),
            said: self.whole(),
        })
    }

    /// How its run ended, as it says: `worked`; nothing where it tells of no run, or of one that has not ended.
    pub(super) fn outcome(&self) -> Checked<Option<String>> {
        let document = self.json()?;
        let outcome = document["run"]["stands"]["outcome"].as_str();
        Ok(outcome.map(str::to_owned))
    }

    /// Everything of it, for whoever looks why.
    pub(super) fn whole(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{}\n{}{}",
            self.output.status,
            text(&self.output.stdout),
            text(&self.output.stderr)
        )
    }
}

/// A run of the product that goes on. Dropping it kills it.
pub(super) struct Running {
    child: Child,
    words: String,
}

impl Running {
    /// Waits until it ends by itself.
    pub(super) async fn end(self) -> Checked<Said> {
        let Self { child, words } = self;
        let Ok(output) = tokio::time::timeout(LONGEST, child.wait_with_output()).await else {
            return Err(Wrong::Not {
                what: format!("`landfall {words}` has to end by itself"),
                said: format!("it was still running after {} s", LONGEST.as_secs()),
            });
        };
        let output = output?;
        Ok(Said { words, output })
    }

    /// Comes back when it has ended.
    pub(super) async fn ended(&mut self) {
        // Who cannot be waited for is gone.
        let _gone = self.child.wait().await;
    }

    /// Asks it to end, as Ctrl-C does, and waits.
    pub(super) async fn interrupt(self) -> Checked<Said> {
        let id = self.child.id().unwrap_or_default();
        let is_told = send("INT", &id.to_string());
        so("it has to be there for Ctrl-C", is_told, id)?;
        self.end().await
    }

    /// Kills it, and waits until it is gone.
    pub(super) async fn kill(mut self) -> Checked {
        // One that has ended by itself cannot be killed any more.
        let _late = self.child.start_kill();
        self.child.wait().await?;
        Ok(())
    }
}

impl Operator {
    /// Somebody new, whose home is `home`.
    pub(super) fn new(
        home: &Path,
        kubeconfig: &Value,
        program: &Path,
        runs: &Arc<AtomicU32>,
    ) -> Checked<Self> {
        for name in ["tmp", "bin"] {
            std::fs::create_dir_all(home.join(name))?;
        }
        let path = home.join("kubeconfig");
        // JSON is YAML.
        std::fs::write(&path, kubeconfig.to_string())?;
        Ok(Self {
            home: home.to_owned(),
            kubeconfig: path.display().to_string(),
            program: program.to_owned(),
            runs: Arc::clone(runs),
            team: None,
            bus: None,
        })
    }

    /// The same, of this team, with a keyring on this bus.
    pub(super) fn of_team(self, team: &Value, bus: &str) -> Checked<Self> {
        let path = self.home.join("team.yaml");
        // JSON is YAML.
        std::fs::write(&path, team.to_string())?;
        Ok(Self {
            team: Some(path.display().to_string()),
            bus: Some(bus.to_owned()),
            ..self
        })
    }

    /// Signs in at a code host with a token: it is in their keyring from now on.
    pub(super) async fn signs_in(&self, host: &str, token: &str) -> Checked {
        let mut words = vec!["sign-in", "--code-host", host, "--token"];
        words.extend(self.team.iter().flat_map(|team| ["--team", team]));
        let mut running = self.starts(&words, Stdio::piped())?;
        if let Some(mut input) = running.child.stdin.take() {
            input.write_all(format!("{token}\n").as_bytes()).await?;
        }
        let said = running.end().await?.ends(0)?.says("Signed in at")?;
        let is_kept = !said.whole().contains("It ends with this command");
        so("the token has to be kept", is_kept, said.whole())
    }

    /// Starts the product with these words, and nobody at its input.
    fn start(&self, words: &[&str]) -> Checked<Running> {
        self.starts(words, Stdio::null())
    }

    fn starts(&self, words: &[&str], input: Stdio) -> Checked<Running> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut command = dies_with_us("KILL", &self.program);
        command
            .args(words)
            .env_clear()
            .env("PATH", self.home.join("bin"))
            .env("HOME", &self.home)
            .env("TMPDIR", self.home.join("tmp"))
            .envs(self.bus.iter().map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus)))
            .current_dir(&self.home)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(Running {
            child: Command::from(command).kill_on_drop(true).spawn()?,
            words: words.join(" "),
        })
    }

    async fn run(&self, words: &[&str]) -> Checked<Said> {
        self.start(words)?.end().await
    }

    /// Asks why something stands as it does.
    pub(super) async fn diagnoses(&self, on: &Thing) -> Checked<Said> {
        let on = on.to_string();
        let kubeconfig = &self.kubeconfig;
        self.run(&[
            "diagnose",
            &on,
            "--cluster",
            CLUSTER,
            "--kubeconfig",
            kubeconfig,
        ])
        .await
    }

    /// Their home: what they type is said from there.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Runs the product with these words alone.
    pub(super) async fn says(&self, words: &[&str]) -> Checked<Said> {
        self.run(words).await
    }

    /// Runs the product with these words, on the cluster.
    pub(super) async fn asks_for(&self, words: &[&str]) -> Checked<Said> {
        let mut words = words.to_vec();
        words.extend(["--kubeconfig", &self.kubeconfig]);
        self.run(&words).await
    }

    fn asks(&self, wish: &Wish<'_>, how: &[&str]) -> Checked<Running> {
        let on = wish.on.to_string();
        let mut words = vec!["run", wish.action, &on, "--cluster", CLUSTER];
        words.extend(["--kubeconfig", &self.kubeconfig, "--json"]);
        words.extend(self.team.iter().flat_map(|team| ["--team", team]));
        let inputs = wish.input.iter().chain(&wish.more);
        words.extend(inputs.flat_map(|input| ["--input", input]));
        words.extend(wish.reason.iter().flat_map(|reason| ["--reason", reason]));
        words.extend(how);
        self.start(&words)
    }

    /// Has something planned: the plan.
    pub(super) async fn plans(&self, wish: &Wish<'_>) -> Checked<Value> {
        let said = self.asks(wish, &["--plan"])?.end().await?.ends(0)?;
        Ok(said.json()?["plan"].clone())
    }

    /// Means a plan.
    pub(super) fn means(&self, wish: &Wish<'_>, plan: &Value) -> Checked<Running> {
        let hash = plan["hash"].as_str().unwrap_or_default();
        self.asks(wish, &["--confirm", hash])
    }

    /// The runs of this machine, as it tells of them, newest first.
    pub(super) async fn runs(&self) -> Checked<Vec<Value>> {
        let said = self.run(&["runs", "--json"]).await?.ends(0)?;
        let runs = said.json()?["runs"].as_array().cloned();
        Ok(runs.unwrap_or_default())
    }

    /// Has it looked what came of a run that broke off.
    pub(super) async fn looks(&self, run: &str) -> Checked<Said> {
        let mut words = vec!["runs", "look", run, "--kubeconfig", &self.kubeconfig];
        words.extend(self.team.iter().flat_map(|team| ["--team", team]));
        self.run(&words).await
    }

    /// Wants the record to be what was written.
    pub(super) async fn has_a_whole_record(&self) -> Checked {
        self.run(&["audit", "verify"]).await?.ends(0)?;
        Ok(())
    }

    /// Wants something to be on record.
    pub(super) async fn recorded(&self, words: &str) -> Checked {
        let shown = self.run(&["audit", "show"]).await?.ends(0)?;
        shown.says(words)?;
        Ok(())
    }
}
