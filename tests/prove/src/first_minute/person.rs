//! Somebody at a machine that has nothing but the product: a home, a keyring or none, a browser, and a PATH without any
//! program of AWS, Kubernetes, Okta or Git.
//!
//! Owns how the product is run: with nothing of our environment, everything that it says in a file of its own, and what the
//! system shows of it while it runs.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;

use super::api_server::Cluster;
use super::checks::dumps;
use super::{Checked, Rig, Wrong, so};
use crate::peers::SecretService;
use crate::peers::secret_service;
use crate::process::{Process, dies_with_us, send};
use crate::tool;

/// Who signs in: in the groups dev and sre.
pub(super) const MIA: &str = "mia+dev+sre@tidewater.example";
/// How long the product may take for anything that is not watched.
const LONGEST: Duration = Duration::from_secs(90);
/// The Secret Service on its bus.
const SECRETS: &str = "/org/freedesktop/secrets";
/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

/// What runs of the product share.
#[derive(Clone)]
pub(super) struct Product {
    /// `landfall`.
    pub program: PathBuf,
    /// Everything that it ever said in this run.
    pub said: PathBuf,
    /// How often it was run.
    pub runs: Arc<AtomicU32>,
}

/// The keyring of one person.
pub(super) struct Keyring {
    /// It, as a client finds it.
    pub service: SecretService,
    _processes: (Process, Process),
}

impl Keyring {
    /// Starts one of its own, unlocked.
    pub(super) async fn start(programs: &secret_service::Programs, folder: &Path) -> Checked<Self> {
        let service = SecretService::at(folder, programs);
        let (bus, mut keyring) = service.start(programs, folder).await?;
        service.until_ready(&mut keyring).await?;
        Ok(Self {
            service,
            _processes: (bus, keyring),
        })
    }

    /// Locks it; nobody is there who could unlock it.
    pub(super) async fn lock(&self) -> Checked {
        // It has to hold something that is not given out any more.
        let words = ["service", "any"];
        let store = ["store", "--label=any"];
        self.service
            .run(&[&store[..], &words].concat(), "any")
            .await?;
        let sender = tool::find("dbus-send").ok_or(Wrong::Missing {
            program: "dbus-send",
            hint: "apt-get install dbus",
        })?;
        // secret-tool's own lock crashes once it is done.
        let asked = Command::new(sender)
            .arg(format!("--bus={}", self.service.address))
            .args(["--dest=org.freedesktop.secrets", "--print-reply"])
            .args([SECRETS, "org.freedesktop.Secret.Service.Lock"])
            .arg(format!("array:objpath:{SECRETS}/collection/login"))
            .output()
            .await?;
        let said = String::from_utf8_lossy(&asked.stderr);
        so(
            "the keyring takes the word to lock",
            asked.status.success(),
            said,
        )?;
        let found = self
            .service
            .run(&[&["lookup"][..], &words].concat(), "")
            .await?;
        let said = String::from_utf8_lossy(&found.stderr).into_owned();
        so(
            "the keyring has to be locked",
            found.stdout.is_empty(),
            said,
        )
    }

    /// Everything that it holds of the product.
    pub(super) async fn holds(&self) -> Checked<String> {
        let words = ["search", "--all", "service", "dev.landfall.refresh-token"];
        let found = self.service.run(&words, "").await?;
        Ok(String::from_utf8_lossy(&found.stdout).into_owned())
    }
}

/// The person.
pub(super) struct Person {
    /// Their home.
    pub home: PathBuf,
    /// The folder that is their whole PATH.
    pub path: PathBuf,
    /// Their keyring.
    pub keyring: Option<Keyring>,
    /// What `RUST_LOG` is.
    pub log: Option<&'static str>,
    /// Whether the system would write as much of a core as there is, and nobody may look into another's memory.
    pub has_cores: bool,
    /// Where their team's file is.
    pub team: PathBuf,
    opened: PathBuf,
    product: Product,
}

/// What came of one run of the product.
pub(super) struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    words: String,
}

impl Said {
    /// Wants this exit code.
    pub(super) fn ends(self, code: i32) -> Checked<Self> {
        let what = format!("`landfall {}` has to end with {code}", self.words);
        so(&what, self.status.code() == Some(code), self.whole())?;
        Ok(self)
    }

    /// Wants these words in what a person reads.
    pub(super) fn says(self, words: &str) -> Checked<Self> {
        let what = format!("`landfall {}` has to say {words:?}", self.words);
        let is_said = self.out.contains(words) || self.err.contains(words);
        so(&what, is_said, self.whole())?;
        Ok(self)
    }

    /// Its output as JSON.
    pub(super) fn json(&self) -> Checked<Value> {
        serde_json::from_str(&self.out).map_err(|error| Wrong::Not {
            what: format!("`landfall {}` has to print JSON: {error}", self.words),
            said: self.whole(),
        })
    }

    /// Everything of it, for whoever looks why.
    pub(super) fn whole(&self) -> String {
        format!("{}\n{}{}", self.status, self.out, self.err)
    }
}

/// A run of the product that is still going on.
pub(super) struct Running {
    /// Its number in the system.
    pub id: u32,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    words: String,
    looks: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.looks.abort();
    }
}

impl Running {
    /// Waits until it ends by itself.
    pub(super) async fn end(mut self) -> Checked<Said> {
        let Ok(status) = tokio::time::timeout(LONGEST, self.child.wait()).await else {
            let said = self.said(ExitStatus::default())?;
            return Err(Wrong::Not {
                what: format!("`landfall {}` has to end by itself", self.words),
                said: format!("it was still running\n{}{}", said.out, said.err),
            });
        };
        self.said(status?)
    }

    /// What it said so far.
    pub(super) fn so_far(&self) -> Checked<Said> {
        self.said(ExitStatus::default())
    }

    fn said(&self, status: ExitStatus) -> Checked<Said> {
        let read = |path: &Path| {
            std::fs::read(path).map(|said| String::from_utf8_lossy(&said).into_owned())
        };
        Ok(Said {
            status,
            out: read(&self.out)?,
            err: read(&self.err)?,
            words: self.words.clone(),
        })
    }

    /// Whether it has ended.
    pub(super) fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end, as Ctrl-C does, and waits.
    pub(super) async fn interrupt(self) -> Checked<Said> {
        send("INT", &self.id.to_string());
        self.end().await
    }
}

impl Person {
    /// A new one, in `folder`, which is theirs.
    pub(super) fn new(folder: &Path, keyring: Option<Keyring>, product: &Product) -> Checked<Self> {
        let below = |name: &str| folder.join(name);
        for name in ["home/tmp", "bin", "team"] {
            std::fs::create_dir_all(below(name))?;
        }
        let opened = below("opened");
        std::fs::write(&opened, "")?;
        let browser = below("bin/browse");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1\" >>'{}'\n",
            opened.display()
        );
        std::fs::write(&browser, script)?;
        let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&browser, may_run)?;
        Ok(Self {
            home: below("home"),
            path: below("bin"),
            keyring,
            log: None,
            has_cores: false,
            team: below("team/landfall.yaml"),
            opened,
            product: product.clone(),
        })
    }

    /// Starts the product with these words.
    pub(super) fn start(&self, words: &[&str]) -> Checked<Running> {
        let number = self.product.runs.fetch_add(1, Ordering::Relaxed);
        let verb = words.first().copied().unwrap_or_default();
        let file = |end: &str| self.product.said.join(format!("{number:03}-{verb}.{end}"));
        let (out, err) = (file("out"), file("err"));
        let mut command = match self.has_cores {
            true => dumps::with_cores(&self.product.program),
            false => dies_with_us("KILL", &self.product.program),
        };
        command
            .args(words)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", &self.home)
            .env("TMPDIR", self.home.join("tmp"))
            .env("BROWSER", "browse")
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out)?)
            .stderr(std::fs::File::create(&err)?);
        if let Some(keyring) = &self.keyring {
            command.env("DBUS_SESSION_BUS_ADDRESS", &keyring.service.address);
        }
        if let Some(log) = self.log {
            command.env("RUST_LOG", log);
        }
        let child = Command::from(command).kill_on_drop(true).spawn()?;
        let id = child.id().unwrap_or_default();
        let looks = tokio::spawn(look_at(id, file("seen"))).abort_handle();
        Ok(Running {
            id,
            child,
            out,
            err,
            words: words.join(" "),
            looks,
        })
    }

    /// Runs the product to its end.
    pub(super) async fn run(&self, words: &[&str]) -> Checked<Said> {
        self.start(words)?.end().await
    }

    /// Every address that a browser was opened with.
    pub(super) fn opened(&self) -> Checked<Vec<String>> {
        let opened = std::fs::read_to_string(&self.opened)?;
        Ok(opened.lines().map(str::to_owned).collect())
    }

    /// Runs something that opens a browser, and waits until it has.
    pub(super) async fn until_opened(&self, words: &[&str]) -> Checked<(Running, String)> {
        let before = self.opened()?.len();
        let mut running = self.start(words)?;
        let begun = Instant::now();
        loop {
            if let Some(address) = self.opened()?.into_iter().nth(before) {
                return Ok((running, address));
            }
            if running.is_over() || begun.elapsed() > LONGEST {
                return Err(Wrong::Not {
                    what: format!("`landfall {}` has to open a browser", words.join(" ")),
                    said: running.end().await?.whole(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Runs something that opens a browser, signs in there, and waits for its end; what it said, and the last page.
    pub(super) async fn signs_in(&self, rig: &Rig, words: &[&str]) -> Checked<(Said, String)> {
        let (running, address) = self.until_opened(words).await?;
        let page = rig.chromium.sign_in(&address, MIA).await?;
        Ok((running.end().await?, page))
    }

    /// Writes and signs a team file that names these clusters and ports, by the product's own words; its fingerprint.
    pub(super) async fn make_team(
        &self,
        rig: &Rig,
        ports: &[u16],
        clusters: &[(&str, &Cluster)],
    ) -> Checked<String> {
        let clusters = clusters.iter().map(|(name, cluster)| {
            json!({"name": name, "server": cluster.api.url, "authority": cluster.authority})
        });
        let clusters: Vec<Value> = clusters.collect();
        self.make_team_of(rig, ports, &json!({"clusters": clusters}))
            .await
    }

    /// The same with whatever else the file says.
    pub(super) async fn make_team_of(
        &self,
        rig: &Rig,
        ports: &[u16],
        more: &Value,
    ) -> Checked<String> {
        let key = self.team.with_file_name("team.key").display().to_string();
        let made = self
            .run(&["team", "key", &key, "--no-password"])
            .await?
            .ends(0)?;
        let signed_by = made
            .out
            .lines()
            .find_map(|line| line.trim().strip_prefix("signedBy: "));
        let fingerprint = made.out.trim().lines().next_back();
        let mut team = json!({
            "version": 1,
            "name": "Tidewater",
            "signedBy": signed_by,
            "signIn": {
                "issuer": rig.issuer.url,
                "clientId": "landfall",
                "ports": ports,
                "authorities": [rig.issuer.authority],
            },
            "roles": [{"name": "sre", "groups": ["sre"]}, {"name": "developer", "groups": ["dev"]}],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            team[name] = value.clone();
        }
        // JSON is YAML.
        std::fs::write(&self.team, team.to_string())?;
        let team = self.team.display().to_string();
        let words = ["team", "sign", &team, "--key", &key, "--no-password"];
        self.run(&words).await?.ends(0)?;
        Ok(fingerprint.unwrap_or_default().trim().to_owned())
    }

    /// Joins the team of the file that was made.
    pub(super) async fn join(&self, fingerprint: &str) -> Checked<Said> {
        let team = self.team.display().to_string();
        self.run(&["team", "join", &team, "--fingerprint", fingerprint])
            .await
    }
}

/// Keeps what the system shows of a process to others: its environment and its words. Each that is new is added.
async fn look_at(id: u32, kept: PathBuf) {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    loop {
        for name in ["environ", "cmdline"] {
            let shown = std::fs::read(format!("/proc/{id}/{name}"));
            let shown = shown.unwrap_or_else(|why| format!("{name}: {why}").into_bytes());
            if !seen.contains(&shown) {
                seen.push(shown);
                let _kept = std::fs::write(&kept, seen.join(&b'\n'));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
