//! How each host stands, learned from the last attempts to read from it and from the last look at it.
//!
//! Owns the ledger of attempts, its form as [`api::Connection`], and when a host is to be looked at. Makes no request of its
//! own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::connection::{Connection, ConnectionState, SystemKind};
use jiff::Timestamp;

use crate::clock::{Clock, Holds};
use crate::error::Trouble;
use crate::tokens::Whom;

/// The most refusals listed for one host: more say nothing new.
const MAX_REFUSALS: usize = 20;
/// How long a look at a host holds: it tells no more than the reads that follow it, and is there for hosts without any.
const LOOK_HOLDS: Duration = Duration::from_mins(10);
/// As whom a host is read where nobody is signed in.
pub const ANONYMOUS: &str = "anonymous";
/// What may not be read where a look is refused.
const ANYTHING: &str = "anything there";

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
    /// When it was last looked at, and whether that failed.
    looked: Option<(Timestamp, bool)>,
    /// Why the last look was refused, if nothing was read there since.
    denied: Option<String>,
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
        entry.denied = None;
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
            trouble => entry.failed(trouble),
        }
    }

    /// Whether a host is to be looked at; whoever asks does so then.
    pub(crate) fn look_is_due(&self, kind: SystemKind, host: &str) -> bool {
        let mut entries = self.entries();
        let entry = entries.entry((kind, host.to_owned())).or_default();
        let holds = |(at, failed)| match failed {
            true => self.clock.holds(at, Holds::UntilBack(LOOK_HOLDS)),
            false => self.clock.holds(at, Holds::For(LOOK_HOLDS)),
        };
        if entry.looked.is_some_and(holds) {
            return false;
        }
        entry.looked = Some((self.clock.now(), false));
        true
    }

    /// Somebody wants to know now: every look is due.
    pub(crate) fn forget_looks(&self) {
        let mut entries = self.entries();
        entries.values_mut().for_each(|entry| entry.looked = None);
    }

    /// A look at a host ended.
    pub(crate) fn looked(&self, kind: SystemKind, host: &str, result: &Result<(), Trouble>) {
        let now = self.clock.now();
        let mut entries = self.entries();
        let entry = entries.entry((kind, host.to_owned())).or_default();
        entry.denied = match result {
            Err(Trouble::Denied { reason, .. }) => Some(reason.clone()),
            Ok(()) | Err(_) => None,
        };
        let failure = result.as_ref().err().filter(|_| entry.denied.is_none());
        match failure {
            None => self.well(entry, now),
            Some(trouble) => entry.failed(trouble),
        }
        entry.looked = Some((now, failure.is_some()));
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
                let is_nobody = entry.answered.is_some() && whom.problem.is_none();
                let nobody = is_nobody.then(|| ANONYMOUS.to_owned());
                let denied = entry.denied.iter();
                let denied = denied.map(|why| format!("read {ANYTHING}: {why}"));
                let problems = whom.problem.into_iter().chain(denied);
                Connection {
                    name: host.clone(),
                    kind: *kind,
                    address: entry.address.clone(),
                    identity: whom.identity.or(nobody),
                    state: entry.state(now),
                    until: None,
                    rights: Vec::new(),
                    granted_by: Vec::new(),
                    refusals: problems.chain(entry.refusals.values().cloned()).collect(),
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
    /// It did not answer as it should.
    fn failed(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::RateLimited { ends, .. } => {
                self.limited = Some((*ends, trouble.to_string()));
            }
            Trouble::Unreachable { reason, .. } => {
                self.since = None;
                self.error = Some(reason.clone());
            }
            Trouble::Other(_) => {
                self.since = None;
                self.error = Some(trouble.to_string());
            }
            // The host is well.
            Trouble::StillCopying { .. } | Trouble::Denied { .. } | Trouble::NotFound { .. } => {}
        }
    }

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
        if self.error.is_none() && self.denied.is_some() {
            return ConnectionState::Denied {
                verb: "read".to_owned(),
                resource: ANYTHING.to_owned(),
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
