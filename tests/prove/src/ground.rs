//! The ground itself: every program started on loopback, ready, and ended.
//!
//! Owns one run's folder, ports and processes. Two grounds run side by side: each has a folder and ports of its own. What
//! a run that was killed left in the temporary folder is removed by the next.

mod kubelet;
mod programs;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use programs::OPERATOR;
use sandbox::charts::Shelf;
use sandbox::clock::Clock;
use sandbox::git::CodeHost;
use sandbox::github::GitHub;
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api::{Api, ApiError};
use crate::images::Registry;
use crate::leftover;
use crate::parts::Parts;
use crate::process::{NotReady, Process, end_all};

/// The name of the node that nothing is put on unasked.
pub const LONELY: &str = "lonely";
/// The beginning of the names of runs' folders.
pub const FOLDER: &str = "landfall-prove-";

/// Why the ground did not come up.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// A program ended or never answered.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// A kind was defined and is not served.
    #[error("{kind} was defined and is not served")]
    NotServed {
        /// Which.
        kind: String,
    },
    /// The API server refused what the ground is made of.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file, port or process.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("a key could not be made: {0}")]
    Key(#[from] rcgen::Error),
    /// The code host could not be made.
    #[error(transparent)]
    Code(#[from] sandbox::git::GitError),
    /// A CRD's file is no YAML.
    #[error("{path} is no YAML: {source}")]
    Definition {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_yaml_ng::Error,
    },
}

/// The running ground. Dropping it ends everything.
pub struct Ground {
    /// The real API server.
    pub api: Api,
    /// The real registry.
    pub registry: Registry,
    /// The Git server, with GitHub's API beside it.
    pub code: CodeHost,
    /// GitHub's API itself: who has a token for it.
    pub github: GitHub,
    /// Host and port of the Git server and GitHub's API.
    pub code_host: String,
    /// What the Git server refuses.
    pub faults: sandbox::faults::Faults,
    /// The Helm repository over HTTP.
    pub shelf: Shelf,
    /// What each start took, in order.
    pub times: Vec<(&'static str, Duration)>,
    folder: tempfile::TempDir,
    processes: Vec<Process>,
    _servers: Vec<Server>,
    _tasks: JoinSet<()>,
}

impl Ground {
    /// Starts everything. Must be awaited on the main thread: programs are tied to the life of the thread that starts
    /// them.
    ///
    /// # Errors
    /// A program does not become ready.
    pub async fn start(parts: &Parts) -> Result<Self, GroundError> {
        let mut ground = Self::with(parts, true).await?;
        let (api, registry) = (ground.api.clone(), ground.registry.clone());
        ground._tasks.spawn(kubelet::run(api, registry));
        Ok(ground)
    }

    /// Starts the API server, the registry and the code host alone: nothing changes there but by our hand. Must be awaited
    /// on the main thread, as [`Self::start`].
    ///
    /// # Errors
    /// A program does not become ready.
    pub async fn bare(parts: &Parts) -> Result<Self, GroundError> {
        Self::with(parts, false).await
    }

    async fn with(parts: &Parts, controllers: bool) -> Result<Self, GroundError> {
        let below = std::env::temp_dir();
        leftover::sweep(&below, FOLDER);
        let folder = leftover::folder(&below, FOLDER)?;
        let clock = Clock::default();
        let code = CodeHost::new(clock.clone())?;
        let faults = sandbox::faults::Faults::default();
        let github = GitHub::new(code.clone(), "127.0.0.1");
        let routes = sandbox::git::router(&code, &faults).merge(sandbox::github::router(&github));
        let server = Server::start(&clock, routes, ANY_PORT).await?;
        let code_host = server.address().to_string();
        let shelf = Shelf::default();
        let charts = Server::start(&clock, shelf.routes(), ANY_PORT).await?;
        let shelf = shelf.at(charts.url());

        let mut starting = programs::Starting::new(parts, folder.path())?;
        if controllers {
            starting.all().await?;
        } else {
            starting.bare().await?;
        }
        let programs::Starting {
            api,
            registry,
            processes,
            times,
            ..
        } = starting;
        Ok(Self {
            api,
            registry,
            code,
            github,
            code_host,
            faults,
            shelf,
            times,
            folder,
            processes,
            _servers: vec![server, charts],
            _tasks: JoinSet::new(),
        })
    }

    /// The kubeconfig of a person who may see everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// The API server, as the contract's checks want it.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub fn target(&self) -> std::io::Result<contract::Target> {
        Ok(contract::Target {
            url: self.api.url.clone(),
            token: programs::TOKEN.to_owned(),
            trust: contract::Trust::Authority(std::fs::read(self.authority())?),
        })
    }

    /// Its certificate, which is its own authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Where the API server takes down what people change there.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// The run's folder, with every program's log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The team file: where the code host and the registry of this ground are.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn team_file(&self) -> std::io::Result<PathBuf> {
        let team = self.team(&format!("http://{}", self.code_host));
        let path = self.folder.path().join("team.yaml");
        // JSON is YAML.
        std::fs::write(&path, team.to_string())?;
        Ok(path)
    }

    /// What the team file says, with GitHub's API where `api` is.
    pub fn team(&self, api: &str) -> Value {
        let registry = &self.registry.host;
        json!({
            "version": 1,
            "name": "Proving ground",
            "codeHosts": [{
                "host": self.code_host,
                "address": format!("http://{}", self.code_host),
                "api": format!("{api}/api/v3"),
            }],
            "registries": [{"host": registry, "address": format!("http://{registry}")}],
        })
    }

    /// Each program's name and resident memory in KiB, where the system tells.
    pub fn memory(&self) -> Vec<(&'static str, u64)> {
        self.processes.iter().filter_map(Process::memory).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Controllers before what they speak to, so that none of them waits for an answer.
        let mut left = std::mem::take(&mut self.processes);
        let servers = left
            .split_off(0)
            .into_iter()
            .partition::<Vec<_>, _>(|process| matches!(process.name(), "etcd" | "kube-apiserver"));
        end_all(servers.1);
        let (etcd, api): (Vec<_>, Vec<_>) = servers
            .0
            .into_iter()
            .partition(|process| process.name() == "etcd");
        end_all(api);
        end_all(etcd);
    }
}

/// A node that KWOK keeps.
fn node(number: usize) -> Value {
    described(&format!("node-{number}"), &json!({}))
}

/// The node that a scenario may lose: nothing runs there that does not ask for it.
fn lonely() -> Value {
    let taint = json!({"key": "prove.landfall.dev/lonely", "effect": "NoSchedule"});
    described(LONELY, &json!({"taints": [taint]}))
}

fn described(name: &str, spec: &Value) -> Value {
    let room = json!({"cpu": "32", "memory": "64Gi", "pods": "110"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            // KWOK looks after the nodes that have it: one without is a node that is lost.
            "prove.landfall.dev/kwok": "true",
        }},
        "spec": spec,
        "status": {"allocatable": room, "capacity": room},
    })
}
