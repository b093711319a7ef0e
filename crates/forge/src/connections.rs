//! How each host stands, learned from the last attempts to read from it.
//!
//! Owns the ledger of attempts and its form as [`api::Connection`]. Makes no request of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::connection::{Connection, ConnectionState, SystemKind};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::Trouble;
use crate::tokens::Whom;

/// The most refusals listed for one host: more say nothing new.
const MAX_REFUSALS: usize = 20;

/// What became of the attempts, by kind and host.
pub(crate) struct Ledger {
    entries: Mutex<Entries>,
    clock: Clock,
}

type Entries = BTreeMap<(SystemKind, String), Entry>;

#[derive(Debug, Default)]
struct Entry {
    /// Where it is; never with credentials in it.
    address: String,
    private: bool,
    /// Answers without a break since.
    since: Option<Timestamp>,
    /// Answered last.
    answered: Option<Timestamp>,
    /// The last attempt's failure, if it failed.
    error: Option<String>,
    /// Until when it answers no more requests because there were too many, and in words. Its Git goes on answering.
    limited: Option<(Timestamp, String)>,
    /// What may not be read there, by subject.
    refusals: BTreeMap<String, String>,
}

impl Ledger {
    /// A ledger of no host. It tells the clock when one that was away answers again.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            entries: Mutex::default(),
            clock,
        }
    }

    /// A host that is known, whether or not anything was read from it yet.
    pub(crate) fn know(&self, kind: SystemKind, host: &str, address: String, private: bool) {
        let mut entries = self.entries();
        let entry = entries.entry((kind, host.to_owned())).or_default();
        entry.address = address;
        entry.private = private;
    }

    /// A read of `subject` that the host answered well.
    pub(crate) fn answered(&self, kind: SystemKind, host: &str, subject: &str, at: Timestamp) {
        let mut entries = self.entries();
        let entry = entries.entry((kind, host.to_owned())).or_default();
        entry.refusals.remove(subject);
        self.well(entry, at);
    }

    /// A read of `subject` that failed.
    pub(crate) fn failed(
        &self,
        kind: SystemKind,
        host: &str,
        subject: &str,
        trouble: &Trouble,
        at: Timestamp,
    ) {
        let mut entries = self.entries();
        let entry = entries.entry((kind, host.to_owned())).or_default();
        match trouble {
            // The host is well; it is this one thing that it does not show.
            Trouble::Denied { .. } | Trouble::NotFound { .. } => {
                self.well(entry, at);
                if entry.refusals.len() < MAX_REFUSALS {
                    let words = match trouble {
                        Trouble::Denied { reason, .. } => format!("read {subject}: {reason}"),
                        _ => format!("read {subject}: not there, or not shown to us"),
                    };
                    entry.refusals.insert(subject.to_owned(), words);
                }
            }
            Trouble::StillCopying { .. } => {}
            Trouble::Unreachable { reason, .. } => {
                entry.since = None;
                entry.error = Some(reason.clone());
            }
            Trouble::RateLimited { ends, .. } => {
                entry.limited = Some((*ends, trouble.to_string()));
            }
            Trouble::Other(_) => {
                entry.since = None;
                entry.error = Some(trouble.to_string());
            }
        }
    }

    /// Every host, code hosts first; `whom` says who we are at a code host.
    pub(crate) fn connections(
        &self,
        now: Timestamp,
        whom: impl Fn(&str) -> Whom,
    ) -> Vec<Connection> {
        self.entries()
            .iter()
            .map(|((kind, host), entry)| {
                let whom = match kind {
                    SystemKind::CodeHost => whom(host),
                    _ => Whom::default(),
                };
                let problem = whom.problem.into_iter();
                Connection {
                    name: host.clone(),
                    kind: *kind,
                    address: entry.address.clone(),
                    identity: whom.identity,
                    state: entry.state(now),
                    until: None,
                    rights: Vec::new(),
                    granted_by: Vec::new(),
                    refusals: problem.chain(entry.refusals.values().cloned()).collect(),
                }
            })
            .collect()
    }

    fn well(&self, entry: &mut Entry, at: Timestamp) {
        entry.answered = Some(at);
        entry.since.get_or_insert(at);
        if entry.error.take().is_some() {
            self.clock.came_back();
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Every write leaves the map whole, so a panic elsewhere does not spoil it.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn state(&self, now: Timestamp) -> ConnectionState {
        if self.error.is_none()
            && let Some((ends, words)) = &self.limited
            && *ends > now
        {
            return ConnectionState::Degraded {
                error: words.clone(),
                retry_at: Some(*ends),
                since: self.answered.unwrap_or(now),
            };
        }
        match (&self.error, self.answered, self.since) {
            (Some(error), Some(answered), _) => ConnectionState::Degraded {
                error: error.clone(),
                retry_at: None,
                since: answered,
            },
            (Some(error), None, _) => ConnectionState::Unreachable {
                error: error.clone(),
                private: self.private,
            },
            (None, Some(_), Some(since)) => ConnectionState::Live { since },
            (None, _, _) => ConnectionState::Connecting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: SystemKind = SystemKind::CodeHost;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn down() -> Trouble {
        Trouble::Unreachable {
            host: "h".to_owned(),
            reason: "connection refused".to_owned(),
        }
    }

    fn only(ledger: &Ledger) -> Connection {
        let mut all = ledger.connections(at(10), |_| Whom::default());
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_host_that_never_answered_is_unreachable_and_one_that_did_is_degraded() {
        let ledger = Ledger::new(Clock::new(Timestamp::now));
        ledger.know(KIND, "h", "http://10.0.0.1".to_owned(), true);
        assert_eq!(only(&ledger).state, ConnectionState::Connecting);
        ledger.failed(KIND, "h", "shop/api", &down(), at(1));
        assert_eq!(
            only(&ledger).state,
            ConnectionState::Unreachable {
                error: "connection refused".to_owned(),
                private: true
            }
        );
        ledger.answered(KIND, "h", "shop/api", at(2));
        ledger.answered(KIND, "h", "shop/api", at(3));
        assert_eq!(only(&ledger).state, ConnectionState::Live { since: at(2) });
        ledger.failed(KIND, "h", "shop/api", &down(), at(4));
        assert!(
            matches!(only(&ledger).state, ConnectionState::Degraded { since, .. } if since == at(3))
        );
    }

    #[test]
    fn a_refused_repository_does_not_take_its_host_down() {
        let ledger = Ledger::new(Clock::new(Timestamp::now));
        let denied = Trouble::Denied {
            host: "h".to_owned(),
            subject: "shop/secret".to_owned(),
            reason: "it asks for a sign-in".to_owned(),
        };
        ledger.failed(KIND, "h", "shop/secret", &denied, at(1));
        let connection = only(&ledger);
        assert_eq!(connection.state, ConnectionState::Live { since: at(1) });
        assert_eq!(
            connection.refusals,
            ["read shop/secret: it asks for a sign-in"]
        );
        ledger.answered(KIND, "h", "shop/secret", at(2));
        assert!(only(&ledger).refusals.is_empty());
    }

    #[test]
    fn a_used_up_quota_is_said_until_it_ends_though_git_answers() {
        let ledger = Ledger::new(Clock::new(Timestamp::now));
        let limited = Trouble::RateLimited {
            host: "h".to_owned(),
            until: "14:02:00 UTC".to_owned(),
            ends: at(11),
        };
        ledger.failed(KIND, "h", "shop/api over its API", &limited, at(1));
        ledger.answered(KIND, "h", "shop/api", at(2));
        let ConnectionState::Degraded {
            error, retry_at, ..
        } = only(&ledger).state
        else {
            panic!("{:?}", only(&ledger));
        };
        assert_eq!(
            error,
            "h answers no more requests until 14:02:00 UTC: its rate limit is used up"
        );
        assert_eq!(retry_at, Some(at(11)));
        let over = ledger.connections(at(12), |_| Whom::default());
        assert!(matches!(over[0].state, ConnectionState::Live { .. }));
    }
}
