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
    /// When what opens it ends, unless it is made anew before: the sign-in's token, a role's session, a certificate. Absent
    /// where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What may not be read there, one line each: "list pods in payments: forbidden".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// Each right that reading it uses, and whether we have it; empty where nobody has asked yet, or no rights are known of
    /// such a system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<Right>,
    /// Who could grant what is missing, whom to ask first comes first; empty where nothing is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted_by: Vec<String>,
}

impl Connection {
    /// How many of the rights that are of use there we have, and of how many.
    pub fn rights_held(&self) -> (usize, usize) {
        let of_use = |right: &&Right| !matches!(right.held, Held::NotNeeded { .. });
        let held = |right: &&Right| right.held == Held::Yes;
        let of_use = self.rights.iter().filter(of_use);
        (of_use.clone().filter(held).count(), of_use.count())
    }

    /// The same in words: "24 of 25 rights", and of how many that cannot be told, which is not the same as not having them.
    pub fn rights_words(&self) -> String {
        let (held, of) = self.rights_held();
        let unknown = |right: &&Right| matches!(right.held, Held::Unknown { .. });
        match self.rights.iter().filter(unknown).count() {
            0 => format!("{held} of {of} rights"),
            untold => format!("{held} of {of} rights, {untold} cannot be told"),
        }
    }

    /// The rights that we do not have, have only in places, or of which that is not known.
    pub fn rights_amiss(&self) -> impl Iterator<Item = &Right> {
        let amiss = |right: &&Right| !matches!(right.held, Held::Yes | Held::NotNeeded { .. });
        self.rights.iter().filter(amiss)
    }
}

/// One right that reading a system uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// What it is a right to, in the system's own words: `kustomizations.kustomize.toolkit.fluxcd.io`, `pods/log`; for AWS
    /// what several actions are for, `EcsServices`.
    pub name: String,
    /// What is done with it: `get`, `list`, `watch`; IAM's actions.
    pub verbs: Vec<String>,
    /// Whether we have it.
    pub held: Held,
    /// What is unknown without it.
    pub without: String,
}

/// Whether we have a right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "held", rename_all = "kebab-case")]
pub enum Held {
    /// The system says so, or each part of it was seen to work.
    Yes,
    /// Only there.
    Only {
        /// The namespaces.
        namespaces: Vec<String>,
    },
    /// The system says that we have not.
    No {
        /// The verbs or actions that are missing.
        verbs: Vec<String>,
    },
    /// That cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
    /// Nothing is lost without it here.
    NotNeeded {
        /// Why not: `not installed here`.
        why: String,
    },
}

impl Held {
    /// Whether the system says that we do not have it, or not everywhere.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Only { .. } | Self::No { .. })
    }

    /// The same in words that follow a right's name: "missing: may not watch", "cannot tell: …".
    pub fn words(&self) -> String {
        match self {
            Self::Yes => "held".to_owned(),
            Self::Only { namespaces } => format!("only in {}", namespaces.join(", ")),
            Self::No { verbs } => format!("missing: may not {}", verbs.join(", ")),
            Self::Unknown { why } => format!("cannot tell: {why}"),
            Self::NotNeeded { why } => format!("not needed: {why}"),
        }
    }
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
    /// It was never asked: what it would have to be shown cannot be had at the moment, without anybody's fault there.
    NotAsked {
        /// Why not.
        why: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn right(held: Held) -> Right {
        Right {
            name: "pods".to_owned(),
            verbs: vec!["list".to_owned()],
            held,
            without: "what runs".to_owned(),
        }
    }

    #[test]
    fn what_is_not_needed_is_neither_counted_nor_missed_and_what_is_unknown_is_not_held() {
        let why = || "why".to_owned();
        let connection = Connection {
            name: "prod".to_owned(),
            kind: SystemKind::Cluster,
            address: String::new(),
            identity: None,
            state: ConnectionState::Connecting,
            until: None,
            refusals: Vec::new(),
            rights: vec![
                right(Held::Yes),
                right(Held::Only {
                    namespaces: vec!["shop".to_owned()],
                }),
                right(Held::No {
                    verbs: vec!["watch".to_owned()],
                }),
                right(Held::Unknown { why: why() }),
                right(Held::NotNeeded { why: why() }),
            ],
            granted_by: Vec::new(),
        };
        assert_eq!(connection.rights_held(), (1, 4));
        let words = connection.rights_words();
        assert_eq!(words, "1 of 4 rights, 1 cannot be told", "not `of 4` alone");
        let words: Vec<String> = connection
            .rights_amiss()
            .map(|right| right.held.words())
            .collect();
        assert_eq!(
            words,
            ["only in shop", "missing: may not watch", "cannot tell: why"]
        );
        let text = serde_json::to_string(&connection).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Connection>(&text).expect("the same"),
            connection
        );
        let old = r#"{"name":"a","kind":"cluster","address":"","state":{"state":"connecting"}}"#;
        let old: Connection = serde_json::from_str(old).expect("what was recorded before is read");
        assert_eq!(old.rights_held(), (0, 0));
    }
}
