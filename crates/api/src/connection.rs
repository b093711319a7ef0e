//! How a connection to one system stands, in words that every view can render.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One system the console talks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The cluster's, code host's or registry's name.
    pub name: String,
    /// What it is.
    pub kind: SystemKind,
    /// Where it is; never with credentials in it.
    pub address: String,
    /// Who we are there, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// How it stands.
    pub state: ConnectionState,
    /// What may not be read there, one line each: "list pods in payments: forbidden".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
}

/// The kinds of systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemKind {
    /// A Kubernetes API server.
    Cluster,
    /// Amazon ECS of one account and region.
    Ecs,
    /// A Git server, GitHub or another.
    CodeHost,
    /// An image registry.
    Registry,
}

impl SystemKind {
    /// Whether apps run there: without it the board has holes.
    pub fn runs_apps(self) -> bool {
        match self {
            Self::Cluster | Self::Ecs => true,
            Self::CodeHost | Self::Registry => false,
        }
    }
}

/// How one connection stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ConnectionState {
    /// The first request is under way.
    Connecting,
    /// The first read of everything is under way.
    Syncing {
        /// Objects seen so far.
        seen: u64,
    },
    /// Everything that may be read is read, and changes arrive by themselves.
    Live {
        /// Since when.
        since: Timestamp,
    },
    /// It answered before and does not answer now, or answers only in part.
    Degraded {
        /// What went wrong.
        error: String,
        /// When the next attempt is made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
        /// When it answered last.
        since: Timestamp,
    },
    /// It answers that we may not read what the answer needs.
    Denied {
        /// The verb, such as `list`.
        verb: String,
        /// The resource, such as `kustomizations`.
        resource: String,
    },
    /// It never answered.
    Unreachable {
        /// What went wrong.
        error: String,
        /// Whether the address is a private one: "is the VPN on?".
        private: bool,
    },
    /// It is not there: a context without a cluster, Flux on a cluster without Flux.
    Absent {
        /// What is missing.
        what: String,
    },
}
