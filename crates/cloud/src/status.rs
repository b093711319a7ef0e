//! How the connection stands, in one state and a list of refusals: derived from the facts, never kept beside them.

use api::connection::{Connection, ConnectionState, SystemKind};
use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Kind, Reach};
use jiff::Timestamp;

use crate::broker::ASSUME;
use crate::client::Spec;
use crate::failure::{Failure, Why};
use crate::tried::Tried;

/// What is lacking where nobody is signed in.
pub(crate) const SIGN_IN: &str = "sign in";

/// What the facts don't hold of a connection.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Who we are: the ARN that STS says.
    pub(crate) identity: Option<String>,
    /// Why nothing is answered.
    pub(crate) failure: Option<Failure>,
    /// When the next attempt is made.
    retry_at: Option<Timestamp>,
    /// Since when it answers.
    since: Option<Timestamp>,
    /// When it answered last.
    pub(crate) answered: Option<Timestamp>,
}

impl Told {
    /// A round ended well.
    pub(crate) fn answered(&mut self, now: Timestamp) {
        self.failure = None;
        self.retry_at = None;
        self.since.get_or_insert(now);
        self.answered = Some(now);
    }

    /// A round ended early.
    pub(crate) fn failed(&mut self, failure: Failure, retry_at: Timestamp) {
        self.failure = Some(failure);
        self.retry_at = Some(retry_at);
        self.since = None;
    }
}

/// The connection as views show it; `tried` once a round has ended.
pub(crate) fn connection(
    spec: &Spec,
    told: &Told,
    facts: &ClusterFacts,
    tried: Option<&Tried>,
) -> Connection {
    Connection {
        name: spec.name.clone(),
        kind: SystemKind::Ecs,
        address: spec.address(),
        identity: told.identity.clone(),
        state: state(told, facts, tried.is_some()),
        // Whoever holds the role knows: `Account::until`.
        until: None,
        refusals: match &told.failure {
            Some(failure) if failure.why == Why::NotAssumed => vec![failure.message.clone()],
            _ => refusals(facts),
        },
        rights: tried.map(|tried| tried.rights(spec)).unwrap_or_default(),
        granted_by: Vec::new(),
    }
}

/// The role that is refused, and AWS' words: what a failure to take it says after its verb.
fn role_and_words(failure: &Failure) -> &str {
    let said = failure.message.strip_prefix(ASSUME);
    said.map_or(failure.message.as_str(), str::trim_start)
}

fn state(told: &Told, facts: &ClusterFacts, settled: bool) -> ConnectionState {
    if !settled {
        return ConnectionState::Connecting;
    }
    if let Some(failure) = &told.failure {
        if failure.why == Why::SignedOut {
            return ConnectionState::Denied {
                // Views know this verb: it is not a right that is missing.
                verb: SIGN_IN.to_owned(),
                resource: failure.message.clone(),
            };
        }
        if failure.why == Why::NotAssumed {
            return ConnectionState::Denied {
                verb: ASSUME.to_owned(),
                resource: role_and_words(failure).to_owned(),
            };
        }
        return match &facts.reach {
            Reach::Lost { since, error } => ConnectionState::Degraded {
                error: error.clone(),
                retry_at: told.retry_at,
                since: *since,
            },
            _ if failure.why == Why::NoToken => ConnectionState::NotAsked {
                why: failure.message.clone(),
            },
            _ => ConnectionState::Unreachable {
                error: failure.message.clone(),
                private: false,
            },
        };
    }
    for kind in Kind::ECS {
        match facts.coverage(kind, "") {
            Coverage::Denied { .. } if is_needed(kind) => {
                return ConnectionState::Denied {
                    verb: "read".to_owned(),
                    resource: plural(kind),
                };
            }
            Coverage::Failed { message } => {
                return ConnectionState::Degraded {
                    error: format!("read {}: {message}", plural(kind)),
                    retry_at: None,
                    since: told.answered.unwrap_or_default(),
                };
            }
            _ => {}
        }
    }
    ConnectionState::Live {
        since: told.since.unwrap_or_default(),
    }
}

/// Whether there is no answer without it.
fn is_needed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::EcsService | Kind::EcsTask | Kind::EcsTaskDefinition
    )
}

fn plural(kind: Kind) -> String {
    format!("{}s", kind.name())
}

/// What may not be read: a kind once where it may be read in no cluster, else each cluster that refuses.
fn refusals(facts: &ClusterFacts) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in Kind::ECS {
        let scopes: Vec<_> = facts
            .coverage
            .iter()
            .filter(|((of, scope), _)| *of == kind && *scope != Scope::All)
            .collect();
        let denied = |coverage: &Coverage| matches!(coverage, Coverage::Denied { .. });
        let everywhere = facts.coverage.get(&(kind, Scope::All)).is_some_and(denied)
            && scopes.iter().all(|(_, coverage)| denied(coverage));
        if everywhere {
            lines.push(format!("read {}: forbidden", plural(kind)));
            continue;
        }
        for ((_, scope), coverage) in scopes {
            if let (Scope::Namespace(cluster), Coverage::Denied { .. }) = (scope, coverage) {
                lines.push(format!("read {} in {cluster}: forbidden", plural(kind)));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: Kind, coverage: Coverage) -> ClusterFacts {
        let mut facts = ClusterFacts {
            platform: facts::Platform::Ecs,
            reach: Reach::Answering,
            ..ClusterFacts::default()
        };
        let shop = Scope::Namespace("shop".to_owned());
        facts.coverage.insert((kind, Scope::All), coverage.clone());
        facts.coverage.insert((kind, shop), coverage);
        facts
    }

    fn denied() -> Coverage {
        Coverage::Denied {
            message: "no".to_owned(),
        }
    }

    #[test]
    fn what_may_not_be_read_is_denied_only_where_the_answer_needs_it() {
        let mut told = Told::default();
        told.answered(Timestamp::UNIX_EPOCH);
        let tasks = facts(Kind::EcsTask, denied());
        assert!(matches!(
            state(&told, &tasks, true),
            ConnectionState::Denied { resource, .. } if resource == "ECS tasks"
        ));
        assert_eq!(refusals(&tasks), ["read ECS tasks: forbidden"]);
        let health = facts(Kind::EcsTargetGroup, denied());
        assert!(matches!(
            state(&told, &health, true),
            ConnectionState::Live { .. }
        ));
        assert_eq!(refusals(&health), ["read target groups: forbidden"]);
    }

    #[test]
    fn who_is_not_signed_in_is_told_so() {
        let mut told = Told::default();
        let failure = Failure {
            why: Why::SignedOut,
            message: "The security token included in the request is expired".to_owned(),
        };
        told.failed(failure, Timestamp::UNIX_EPOCH);
        assert!(matches!(
            state(&told, &ClusterFacts::default(), true),
            ConnectionState::Denied { verb, .. } if verb == "sign in"
        ));
    }
}
