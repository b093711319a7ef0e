//! Other people's servers that the product meets beside Kubernetes: moto for AWS, oidc-provider for sign-in, a real Secret
//! Service for the keyring.
//!
//! Owns their folder, their start and their end. Where each comes from is in `peers/…`; what is relied on of them is the
//! table in `peers/checks.rs`.

pub mod checks;
mod fetch;
pub(crate) mod moto;
mod provider;
pub(crate) mod secret_service;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::ground::FOLDER;
use crate::leftover;
use crate::parts::PartsError;
use crate::ports::Ports;
use crate::process::{NotReady, Process, end_all};

pub use secret_service::SecretService;

/// Why the peers are not there.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// One cannot be had: then nothing was run, which is never the same as passed.
    #[error("{peer} cannot be had: {why}. {hint}")]
    Missing {
        /// Which.
        peer: &'static str,
        /// Why.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] PartsError),
    /// One ended or never answered.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// A file, port or process.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// No client can be made.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl PeersError {
    /// Whether it is for want of a program that nothing was run.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Cache(_))
    }
}

/// Where the peers' programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The Python that has moto.
    python: PathBuf,
    /// Node, and the script that it runs.
    provider: provider::Programs,
    secrets: secret_service::Programs,
}

impl Programs {
    /// Finds or fetches every program; `say` hears of each that takes a while. Dropping the future ends the fetching.
    ///
    /// # Errors
    /// One cannot be had.
    pub async fn get(say: &dyn Fn(&str)) -> Result<Self, PeersError> {
        let cache = crate::parts::open_cache()?;
        // What is only looked for comes before what is fetched.
        let secrets = secret_service::programs()?;
        let node = provider::node()?;
        Ok(Self {
            python: moto::get(&cache, say).await?,
            provider: provider::get(node, &cache, say).await?,
            secrets,
        })
    }
}

/// The running peers. Dropping them ends everything.
pub struct Peers {
    /// The URL of AWS' APIs.
    pub aws: String,
    /// The OpenID provider's issuer.
    pub issuer: String,
    /// The Secret Service.
    pub secrets: SecretService,
    /// What each start took.
    pub times: Vec<(&'static str, Duration)>,
    /// Asks them; it follows no redirects.
    http: reqwest::Client,
    processes: Vec<Process>,
    _folder: TempDir,
}

impl Peers {
    /// Starts them. Must be awaited on the main thread: programs are tied to the life of the thread that starts them.
    ///
    /// # Errors
    /// One does not become ready.
    pub async fn start(programs: &Programs) -> Result<Self, PeersError> {
        let below = std::env::temp_dir();
        leftover::sweep(&below, FOLDER);
        let folder = leftover::folder(&below, FOLDER)?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut ports = Ports::find(2)?;
        let mut peers = Self {
            aws: moto::url(ports.take()),
            issuer: provider::issuer(ports.take()),
            secrets: SecretService::at(folder.path(), &programs.secrets),
            times: Vec::new(),
            http,
            processes: Vec::new(),
            _folder: folder,
        };
        let folder = peers._folder.path();
        // What is started is ended also if a later one fails.
        peers
            .processes
            .push(moto::start(&programs.python, &peers.aws, folder)?);
        let provider = provider::start(&programs.provider, &peers.issuer, folder)?;
        peers.processes.push(provider);
        let (bus, keyring) = peers.secrets.start(&programs.secrets, folder).await?;
        peers.processes.extend([bus, keyring]);
        for process in &mut peers.processes {
            let name = process.name();
            let took = match name {
                moto::NAME => moto::until_ready(process, &peers.http, &peers.aws).await?,
                provider::NAME => {
                    provider::until_ready(process, &peers.http, &peers.issuer).await?
                }
                secret_service::NAME => peers.secrets.until_ready(process).await?,
                _ => continue,
            };
            peers.times.push((name, took));
        }
        Ok(peers)
    }

    /// Each program's name and resident memory in KiB, where the system tells.
    pub fn memory(&self) -> Vec<(&'static str, u64)> {
        self.processes.iter().filter_map(Process::memory).collect()
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        end_all(std::mem::take(&mut self.processes));
    }
}
