//! The certified OpenID provider over TLS, in Okta's place: `tests/provider/provider.mjs`, told and asked by its standard
//! input and output.
//!
//! Owns its certificate, its process and its words. It tells this run every secret that it gives, in a file that only the
//! canary reads.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{Checked, Wrong};
use crate::ports::LOCAL;
use crate::process::dies_with_us;

/// Where it sends the browser back to.
const REDIRECT: &str = "/landfall/signed-in";
/// How long each answer of its token endpoint takes more: two requests at once would meet there.
const DELAY: u64 = 150;

/// What it was asked so far.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Counted {
    /// Requests to the token endpoint.
    pub tokens: u64,
    /// Refresh tokens that were exchanged.
    pub refreshes: u64,
    /// Requests for tokens that were refused.
    pub refused: u64,
    /// The most requests for tokens at once, since it started.
    pub most: u64,
}

/// One secret that it gave or was shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret {
    /// What it is.
    pub is: String,
    /// It.
    pub value: String,
}

/// The provider.
pub struct Issuer {
    /// Its issuer.
    pub(super) url: String,
    /// Its certificate, which is its own authority.
    pub(super) authority: String,
    /// The SHA-256 of its public key, as Chromium takes it.
    pub(super) pin: String,
    /// The ports that it sends the browser back to.
    pub(super) ports: Vec<u16>,
    told: PathBuf,
    speaks: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _process: Child,
}

impl Issuer {
    /// Starts it; `app` is the folder with its packages.
    pub(super) async fn start(
        node: &Path,
        app: &Path,
        folder: &Path,
        port: u16,
        ports: Vec<u16>,
    ) -> Checked<Self> {
        let key = rcgen::generate_simple_self_signed([LOCAL.to_owned()])?;
        let told = folder.join("provider-told");
        let redirects = ports
            .iter()
            .map(|port| format!("http://{LOCAL}:{port}{REDIRECT}"));
        let wanted = json!({
            "port": port,
            "key": key.signing_key.serialize_pem(),
            "certificate": key.cert.pem(),
            "redirects": redirects.collect::<Vec<_>>(),
            "seconds": 60,
            "told": told,
            "delay": DELAY,
        });
        let log = std::fs::File::create(folder.join("provider.log"))?;
        let mut process = Command::from(dies_with_us("KILL", node))
            .arg("provider.mjs")
            .current_dir(app)
            .env("PROVIDER", wanted.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(silent());
        };
        let mut lines = BufReader::new(stdout).lines();
        let url = lines.next_line().await?.ok_or_else(silent)?;
        let pin = STANDARD.encode(Sha256::digest(key.signing_key.subject_public_key_info()));
        Ok(Self {
            url,
            authority: key.cert.pem(),
            pin,
            ports,
            told,
            speaks: Mutex::new((stdin, lines)),
            _process: process,
        })
    }

    async fn says(&self, word: &str) -> Checked<String> {
        let mut speaks = self.speaks.lock().await;
        let (stdin, lines) = &mut *speaks;
        stdin.write_all(format!("{word}\n").as_bytes()).await?;
        lines.next_line().await?.ok_or_else(silent)
    }

    /// Makes it so: `busy`, `closed`, `well`, `revoke`, `seconds N`.
    pub(super) async fn becomes(&self, word: &str) -> Checked {
        self.says(word).await.map(drop)
    }

    /// What it was asked so far.
    pub(super) async fn count(&self) -> Checked<Counted> {
        Ok(serde_json::from_str(&self.says("count").await?)?)
    }

    /// Every secret that it gave or was shown so far.
    pub(super) fn secrets(&self) -> Checked<Vec<Secret>> {
        let told = std::fs::read_to_string(&self.told)?;
        let secrets: Result<Vec<Secret>, _> = told.lines().map(serde_json::from_str).collect();
        Ok(secrets?)
    }
}

fn silent() -> Wrong {
    Wrong::Not {
        what: "the provider has to answer".to_owned(),
        said: "it ended; its folder's provider.log says why".to_owned(),
    }
}
