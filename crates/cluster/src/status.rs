//! How the connection stands, in one state and a list of refusals: derived from the facts, never kept beside them.

use std::collections::{BTreeMap, BTreeSet};

use api::connection::{Connection, ConnectionState, Right, SystemKind};
use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Kind, Reach};
use jiff::Timestamp;

use crate::failure::{Failure, Why};
use crate::kinds::{is_flux, place};
use crate::tables;

/// What the facts don't hold of a connection.
pub(crate) struct Told {
    name: String,
    address: String,
    /// Who we are.
    pub(crate) identity: Option<String>,
    /// Why it does not answer.
    pub(crate) failure: Option<Failure>,
    /// When the next attempt to reach it is made.
    pub(crate) retry_at: Option<Timestamp>,
    /// Since when it answers.
    pub(crate) since: Option<Timestamp>,
    /// When it answered last.
    pub(crate) answered: Option<Timestamp>,
    /// Kinds whose reading fails, though the server answers.
    pub(crate) ailing: BTreeMap<Kind, Failure>,
    /// What else may not be done: "watch pods".
    pub(crate) refusals: BTreeSet<String>,
    /// Which rights we have; empty where nobody asked yet.
    pub(crate) rights: Vec<Right>,
    /// Who may do everything there, where one of these is missing and that may be read.
    pub(crate) admins: Vec<String>,
}

impl Told {
    pub(crate) fn new(name: String, address: String) -> Self {
        Self {
            name,
            address,
            identity: None,
            failure: None,
            retry_at: None,
            since: None,
            answered: None,
            ailing: BTreeMap::new(),
            refusals: BTreeSet::new(),
            rights: Vec::new(),
            admins: Vec::new(),
        }
    }
}

/// The connection as views show it.
pub(crate) fn connection(
    told: &Told,
    facts: &ClusterFacts,
    pending: &BTreeSet<Kind>,
) -> Connection {
    Connection {
        name: told.name.clone(),
        kind: SystemKind::Cluster,
        address: told.address.clone(),
        identity: told.identity.clone(),
        state: state(told, facts, pending),
        // Whoever opens it knows: `Cluster::until`.
        until: None,
        refusals: refusals(told, facts),
        rights: told.rights.clone(),
        granted_by: told.admins.clone(),
    }
}

fn state(told: &Told, facts: &ClusterFacts, pending: &BTreeSet<Kind>) -> ConnectionState {
    let since = match &facts.reach {
        Reach::Connecting => return ConnectionState::Connecting,
        Reach::Unreachable { error } => {
            match &told.failure {
                Some(failure) if failure.is_signed_out() => {
                    return ConnectionState::Denied {
                        // Views know this verb: it is not a right that is missing.
                        verb: "sign in".to_owned(),
                        resource: error.clone(),
                    };
                }
                Some(failure) if failure.why == Why::NoToken => {
                    return ConnectionState::NotAsked {
                        why: failure.words(),
                    };
                }
                Some(failure) if failure.why == Why::NotKubernetes => {
                    return ConnectionState::Absent {
                        what: error.clone(),
                    };
                }
                Some(_) | None => {}
            }
            let private = told
                .failure
                .as_ref()
                .is_some_and(|failure| failure.private && failure.is_unreachable());
            return ConnectionState::Unreachable {
                // The view asks about the VPN by itself.
                error: match &told.failure {
                    Some(failure) if private => failure.reason.clone(),
                    _ => error.clone(),
                },
                private,
            };
        }
        Reach::Lost { since, error } => {
            return ConnectionState::Degraded {
                error: error.clone(),
                retry_at: told.retry_at,
                since: *since,
            };
        }
        Reach::Answering => told.since.unwrap_or_default(),
    };
    if !pending.is_empty() {
        return ConnectionState::Syncing {
            seen: tables::count(facts),
        };
    }
    if let Some((kind, failure)) = told.ailing.first_key_value() {
        return ConnectionState::Degraded {
            error: format!("list {}: {}", place(*kind).plural, failure.words()),
            retry_at: None,
            since: told.answered.unwrap_or(since),
        };
    }
    if let Some(kind) = needed_but_denied(facts) {
        return ConnectionState::Denied {
            verb: "list".to_owned(),
            resource: place(kind).plural.to_owned(),
        };
    }
    let flux_is_absent = Kind::ALL
        .into_iter()
        .filter(|kind| is_flux(*kind))
        .all(|kind| matches!(facts.coverage(kind, ""), Coverage::NotServed { .. }));
    if flux_is_absent {
        return ConnectionState::Absent {
            what: "Flux".to_owned(),
        };
    }
    ConnectionState::Live { since }
}

/// The first kind without which there is no answer and that may not be read in any namespace.
fn needed_but_denied(facts: &ClusterFacts) -> Option<Kind> {
    [
        Kind::Kustomization,
        Kind::HelmRelease,
        Kind::Deployment,
        Kind::Pod,
    ]
    .into_iter()
    .find(|kind| {
        let mut scopes = facts
            .coverage
            .iter()
            .filter(|((of, _), _)| of == kind)
            .peekable();
        scopes.peek().is_some()
            && scopes.all(|(_, coverage)| matches!(coverage, Coverage::Denied { .. }))
    })
}

/// What may not be read: a kind once where no namespace of it may be read, else each namespace that may not.
fn refusals(told: &Told, facts: &ClusterFacts) -> Vec<String> {
    let mut lines = Vec::new();
    // Who never answered has refused nothing; why it did not is said once, with its state.
    if matches!(facts.reach, Reach::Connecting | Reach::Unreachable { .. }) {
        return lines;
    }
    for kind in Kind::ALL {
        let plural = place(kind).plural;
        let denied = |scope: &Scope| {
            matches!(
                facts.coverage.get(&(kind, scope.clone())),
                Some(Coverage::Denied { .. })
            )
        };
        if !denied(&Scope::All) {
            continue;
        }
        let readable: Vec<&str> = facts
            .coverage
            .iter()
            .filter(|((of, _), coverage)| *of == kind && coverage.is_whole())
            .filter_map(|((_, scope), _)| match scope {
                Scope::All => None,
                Scope::Namespace(namespace) => Some(namespace.as_str()),
                Scope::Selected(_) => None,
            })
            .collect();
        lines.push(if readable.is_empty() {
            format!("list {plural}: forbidden")
        } else {
            format!("list {plural} outside {}: forbidden", readable.join(", "))
        });
    }
    lines.extend(
        told.refusals
            .iter()
            .map(|what| format!("{what}: forbidden")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use facts::meta::Meta;

    use super::*;

    fn told() -> Told {
        let mut told = Told::new("prod".into(), "https://10.0.0.1:6443".into());
        told.since = Some(Timestamp::UNIX_EPOCH);
        told
    }

    fn answering() -> ClusterFacts {
        let mut facts = ClusterFacts {
            reach: Reach::Answering,
            ..ClusterFacts::default()
        };
        for kind in Kind::ALL {
            let seen = Coverage::Seen {
                as_of: Timestamp::UNIX_EPOCH,
            };
            facts.coverage.insert((kind, Scope::All), seen);
        }
        facts
    }

    fn denied() -> Coverage {
        Coverage::Denied {
            message: "no".into(),
        }
    }

    #[test]
    fn a_whole_read_is_live_and_an_unfinished_one_counts() {
        let mut facts = answering();
        let meta = Meta::default();
        facts
            .namespaces
            .insert("shop".into(), facts::kubernetes::Namespace { meta });
        let pending = BTreeSet::from([Kind::Pod]);
        assert_eq!(
            state(&told(), &facts, &pending),
            ConnectionState::Syncing { seen: 1 }
        );
        assert!(matches!(
            state(&told(), &facts, &BTreeSet::new()),
            ConnectionState::Live { .. }
        ));
    }

    #[test]
    fn a_private_address_asks_for_the_vpn_once() {
        let mut told = told();
        let failure = crate::failure::silent("10.0.0.1:6443");
        let facts = ClusterFacts {
            reach: Reach::Unreachable {
                error: failure.words(),
            },
            ..ClusterFacts::default()
        };
        told.failure = Some(failure);
        assert_eq!(
            state(&told, &facts, &BTreeSet::new()),
            ConnectionState::Unreachable {
                error: "10.0.0.1:6443 does not answer".into(),
                private: true
            }
        );
    }

    #[test]
    fn refusals_name_what_may_be_read_instead() {
        let mut facts = answering();
        facts.coverage.insert((Kind::Pod, Scope::All), denied());
        assert_eq!(refusals(&told(), &facts), ["list pods: forbidden"]);
        assert!(matches!(
            state(&told(), &facts, &BTreeSet::new()),
            ConnectionState::Denied { resource, .. } if resource == "pods"
        ));
        let shop = Scope::Namespace("shop".into());
        let seen = Coverage::Seen {
            as_of: Timestamp::UNIX_EPOCH,
        };
        facts.coverage.insert((Kind::Pod, shop), seen);
        assert_eq!(
            refusals(&told(), &facts),
            ["list pods outside shop: forbidden"]
        );
        assert!(matches!(
            state(&told(), &facts, &BTreeSet::new()),
            ConnectionState::Live { .. }
        ));
    }

    #[test]
    fn a_cluster_without_flux_says_what_is_absent() {
        let mut facts = answering();
        for kind in Kind::ALL.into_iter().filter(|kind| is_flux(*kind)) {
            let coverage = Coverage::NotServed {
                as_of: Timestamp::UNIX_EPOCH,
            };
            facts.coverage.insert((kind, Scope::All), coverage);
        }
        assert_eq!(
            state(&told(), &facts, &BTreeSet::new()),
            ConnectionState::Absent {
                what: "Flux".into()
            }
        );
    }

    #[test]
    fn who_is_not_signed_in_is_told_so_once_and_no_refusals_are_invented() {
        let mut told = told();
        let failure = Failure::answer(401, b"");
        let mut facts = ClusterFacts {
            reach: Reach::Unreachable {
                error: failure.words(),
            },
            ..ClusterFacts::default()
        };
        for kind in Kind::ALL {
            facts
                .coverage
                .insert((kind, Scope::All), failure.coverage());
        }
        told.failure = Some(failure);
        assert_eq!(
            state(&told, &facts, &BTreeSet::new()),
            ConnectionState::Denied {
                verb: "sign in".into(),
                resource: "the credentials were not accepted (401 Unauthorized) (sign in again)"
                    .into()
            }
        );
        assert!(refusals(&told, &facts).is_empty());
    }

    #[test]
    fn a_server_that_is_no_kubernetes_api_is_not_live() {
        let mut told = told();
        let failure = crate::failure::not_kubernetes("127.0.0.1:80", "404 Not Found");
        let facts = ClusterFacts {
            reach: Reach::Unreachable {
                error: failure.words(),
            },
            ..ClusterFacts::default()
        };
        told.failure = Some(failure);
        let ConnectionState::Absent { what } = state(&told, &facts, &BTreeSet::new()) else {
            panic!("{:?}", state(&told, &facts, &BTreeSet::new()));
        };
        assert!(what.contains("no Kubernetes API"), "{what}");
    }
}
