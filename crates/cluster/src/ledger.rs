//! What is known of the cluster right now, and its publication.
//!
//! Owns the one copy of the facts that changes, how well each kind is known, and the rhythm in which copies go out:
//! the first change at once, then at most one every [`crate::Options::flush_every`]. Every read and watch writes here;
//! nobody reads a half-written state, because a list replaces its scope in one step.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use api::Connection;
use api::connection::Right;
use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Key, Kind, Reach};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use crate::failure::{Failure, Why};
use crate::kinds::{Tier, place};
use crate::options::Options;
use crate::project::Object;
use crate::status::{self, Told};
use crate::tables;

/// How often moments of observation alone (bookmarks) are published.
const QUIET_EVERY: Duration = Duration::from_secs(5);

/// What is known, and who hears of it.
pub(crate) struct Ledger {
    state: Mutex<State>,
    changed: Notify,
    facts: watch::Sender<Arc<ClusterFacts>>,
    connection: watch::Sender<Connection>,
    /// Kinds whose first read since the server answers has not ended.
    pending: watch::Sender<BTreeSet<Kind>>,
    /// Whether all of them have; false again when somebody signs in.
    settled: watch::Sender<bool>,
    options: Options,
}

struct State {
    facts: ClusterFacts,
    /// What was read whole once: it stands when the server stops answering.
    read: BTreeSet<(Kind, Scope)>,
    told: Told,
    /// When it began to be read from its beginning.
    begun: Instant,
    /// Something has changed since the last publication: at once, or when it suits (only a moment of observation).
    news: News,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    None,
    Quiet,
    Loud,
}

impl State {
    /// How well a scope is known that could not be read. Of a server that answered and does not now, what was read stands;
    /// what never was must not pass for that.
    fn gap(&self, kind: Kind, scope: &Scope, coverage: Coverage) -> Coverage {
        let answered = !matches!(
            self.facts.reach,
            Reach::Connecting | Reach::Unreachable { .. }
        );
        match coverage {
            Coverage::Unreachable { message }
                if answered && !self.read.contains(&(kind, scope.clone())) =>
            {
                let message = format!("it was never read: {message}");
                Coverage::Failed { message }
            }
            coverage => coverage,
        }
    }
}

impl Ledger {
    pub(crate) fn new(name: String, address: String, options: Options) -> Self {
        let told = Told::new(name, address);
        let facts = ClusterFacts {
            sparing: options.sparing,
            ..ClusterFacts::default()
        };
        let connection = status::connection(&told, &facts, &BTreeSet::new());
        Self {
            facts: watch::Sender::new(Arc::new(facts.clone())),
            connection: watch::Sender::new(connection),
            pending: watch::Sender::new(Kind::ALL.into_iter().collect()),
            settled: watch::Sender::new(false),
            changed: Notify::new(),
            state: Mutex::new(State {
                facts,
                read: BTreeSet::new(),
                told,
                begun: Instant::now(),
                news: News::Loud,
            }),
            options,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked is reported by the task that watches over the readers; the facts are still facts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The facts, as they are published.
    pub(crate) fn facts(&self) -> watch::Receiver<Arc<ClusterFacts>> {
        self.facts.subscribe()
    }

    /// The connection, as it is published.
    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    /// Waits until every kind's first read has ended, well or badly, or [`Options::patience`] has passed since it began.
    pub(crate) async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        // The sender is ours: it cannot be gone while we are here.
        let _ = tokio::time::timeout(self.patience(), settled.wait_for(|settled| *settled)).await;
    }

    /// Whether [`Self::settled`] would wait.
    pub(crate) fn is_being_read(&self) -> bool {
        !*self.settled.borrow() && !self.patience().is_zero()
    }

    /// How much longer whoever reads waits.
    fn patience(&self) -> Duration {
        let begun = self.state().begun;
        self.options.patience.saturating_sub(begun.elapsed())
    }

    /// Somebody signed in. Where that was waited for, nothing is known until it has been read for them.
    pub(crate) fn begin_anew(&self) {
        let mut state = self.state();
        let waits = state.told.failure.as_ref();
        if !waits.is_some_and(Failure::needs_sign_in) {
            return;
        }
        state.told.failure = None;
        state.told.retry_at = None;
        if matches!(state.facts.reach, Reach::Unreachable { .. }) {
            state.facts.reach = Reach::Connecting;
        }
        state.begun = Instant::now();
        self.pending.send_replace(Kind::ALL.into_iter().collect());
        self.settled.send_replace(false);
        self.say(state);
        self.flush();
    }

    /// The server answered.
    pub(crate) fn answered(&self, at: Timestamp, offset: Option<SignedDuration>) {
        let mut state = self.state();
        state.told.answered = Some(at);
        let mut changed = false;
        if state.facts.reach != Reach::Answering {
            if state.read.is_empty() {
                // It never answered: nothing is known of any kind, and why not is over.
                state.facts.coverage.clear();
                state.begun = Instant::now();
                self.settled.send_replace(false);
            }
            state.facts.reach = Reach::Answering;
            state.told.failure = None;
            state.told.retry_at = None;
            state.told.since = Some(at);
            // Whatever could not be read is read again.
            self.pending.send_replace(Kind::ALL.into_iter().collect());
            changed = true;
        }
        if let Some(offset) = offset {
            // Two measurements of one clock differ by a second; only a real difference is news.
            let difference = state.facts.clock_offset.saturating_sub(offset).abs();
            if difference >= SignedDuration::from_secs(2) {
                state.facts.clock_offset = offset;
                changed = true;
            }
        }
        if changed {
            self.say(state);
        }
    }

    /// The server does not answer, or not to us, or cannot be asked.
    pub(crate) fn lost(&self, failure: &Failure, retry_at: Timestamp) {
        let mut state = self.state();
        let error = failure.of_server();
        // A server that never answered has told us nothing: all that is said of kinds is why.
        let never_answered = matches!(
            state.facts.reach,
            Reach::Connecting | Reach::Unreachable { .. }
        );
        state.facts.reach = match &state.facts.reach {
            Reach::Connecting | Reach::Unreachable { .. } => Reach::Unreachable { error },
            Reach::Answering => Reach::Lost {
                since: state.told.answered.unwrap_or(retry_at),
                error,
            },
            Reach::Lost { since, .. } => Reach::Lost {
                since: *since,
                error,
            },
        };
        for kind in Kind::ALL {
            let unread = state
                .facts
                .coverage
                .get(&(kind, Scope::All))
                .is_none_or(|coverage| matches!(coverage, Coverage::Unreachable { .. }));
            if unread || never_answered {
                let coverage = state.gap(kind, &Scope::All, failure.coverage());
                state.facts.coverage.insert((kind, Scope::All), coverage);
            }
        }
        if failure.needs_sign_in() {
            // Whoever signs in next may be another.
            state.told.rights.clear();
            state.told.admins.clear();
        }
        state.told.failure = Some(failure.clone());
        state.told.retry_at = Some(retry_at);
        self.say(state);
        self.flush();
        self.settled.send_replace(true);
    }

    /// A kind was read whole in a scope. `malformed` entries were no objects: then nobody knows what is missing.
    pub(crate) fn listed(
        &self,
        kind: Kind,
        scope: &Scope,
        objects: Vec<Object>,
        malformed: usize,
        as_of: Timestamp,
    ) {
        let coverage = if malformed == 0 {
            Coverage::Seen { as_of }
        } else {
            Coverage::Failed {
                message: format!("{malformed} entries of the list are no objects"),
            }
        };
        let mut state = self.state();
        tables::swap(&mut state.facts, kind, scope, objects);
        state.read.insert((kind, scope.clone()));
        state.facts.coverage.insert((kind, scope.clone()), coverage);
        state.told.ailing.remove(&kind);
        self.say(state);
    }

    /// An object was added or modified.
    pub(crate) fn applied(&self, kind: Kind, scope: &Scope, object: Object) {
        self.moved(kind, scope, |facts| tables::put(facts, object));
    }

    /// An object was deleted.
    pub(crate) fn deleted(&self, kind: Kind, scope: &Scope, key: &Key) {
        self.moved(kind, scope, |facts| tables::remove(facts, kind, key));
    }

    /// The server said that there is nothing new.
    pub(crate) fn unchanged(&self, kind: Kind, scope: &Scope) {
        self.moved(kind, scope, |_| false);
    }

    fn moved(&self, kind: Kind, scope: &Scope, change: impl FnOnce(&mut ClusterFacts) -> bool) {
        let now = self.options.clock.now();
        let mut state = self.state();
        let changed = change(&mut state.facts);
        // What is known only in part does not become whole by an event.
        if let Some(Coverage::Seen { as_of }) = state.facts.coverage.get_mut(&(kind, scope.clone()))
        {
            *as_of = now;
        }
        state.news = state.news.max(News::Quiet);
        if changed {
            self.say(state);
        }
    }

    /// A kind could not be read in a scope. What was read before stays, unless the server said that it is none of our
    /// business (any more), or that there is no such kind.
    pub(crate) fn unread(&self, kind: Kind, scope: &Scope, coverage: Coverage, failure: &Failure) {
        let mut state = self.state();
        if failure.why == Why::Denied || matches!(coverage, Coverage::NotServed { .. }) {
            tables::clear(&mut state.facts, kind, scope);
            let is_all = *scope == Scope::All;
            state
                .read
                .retain(|(of, one)| *of != kind || !(is_all || one == scope));
        }
        let coverage = state.gap(kind, scope, coverage);
        state.facts.coverage.insert((kind, scope.clone()), coverage);
        if matches!(failure.why, Why::Denied | Why::NotFound) {
            state.told.ailing.remove(&kind);
        } else {
            state.told.ailing.insert(kind, failure.clone());
        }
        self.say(state);
    }

    /// The server does not serve a kind.
    pub(crate) fn not_served(&self, kind: Kind) {
        let as_of = self.options.clock.now();
        let failure = Failure::new(Why::NotFound, "not served");
        let coverage = Coverage::NotServed { as_of };
        let mut state = self.state();
        let known = matches!(
            state.facts.coverage.get(&(kind, Scope::All)),
            Some(Coverage::NotServed { .. })
        );
        if known {
            state.facts.coverage.insert((kind, Scope::All), coverage);
            state.news = state.news.max(News::Quiet);
        } else {
            drop(state);
            self.unread(kind, &Scope::All, coverage, &failure);
        }
    }

    /// A scope is no longer read for itself: its namespace is gone, or all namespaces may be read now.
    pub(crate) fn forget(&self, kind: Kind, scope: &Scope) {
        let mut state = self.state();
        tables::clear(&mut state.facts, kind, scope);
        state.read.remove(&(kind, scope.clone()));
        state.facts.coverage.remove(&(kind, scope.clone()));
        self.say(state);
    }

    /// All of a kind is read at once from now on: what single namespaces and selections said is not needed any more. The
    /// objects stay until the list replaces them.
    pub(crate) fn forget_parts(&self, kind: Kind) {
        self.forget_coverage(kind, |scope| *scope != Scope::All);
    }

    /// A kind is read in parts from now on.
    pub(crate) fn forget_all(&self, kind: Kind) {
        self.forget_coverage(kind, |scope| *scope == Scope::All);
    }

    fn forget_coverage(&self, kind: Kind, which: impl Fn(&Scope) -> bool) {
        let mut state = self.state();
        let is_kept = |of: &Kind, scope: &Scope| *of != kind || !which(scope);
        state
            .facts
            .coverage
            .retain(|(of, scope), _| is_kept(of, scope));
        state.read.retain(|(of, scope)| is_kept(of, scope));
        self.say(state);
    }

    /// Something else that may not be done, such as "watch pods"; or that it may be done now.
    pub(crate) fn refused(&self, what: &str, is_refused: bool) {
        let mut state = self.state();
        let changed = if is_refused {
            state.told.refusals.insert(what.to_owned())
        } else {
            state.told.refusals.remove(what)
        };
        if changed {
            self.say(state);
        }
    }

    /// Who we are, as the server says.
    pub(crate) fn identified(&self, identity: Option<String>) {
        let mut state = self.state();
        state.told.identity = identity;
        self.say(state);
    }

    /// Which rights we have, and who may do everything there.
    pub(crate) fn may(&self, rights: Vec<Right>, admins: Vec<String>) {
        let mut state = self.state();
        state.told.rights = rights;
        state.told.admins = admins;
        self.say(state);
    }

    /// A kind's first read has ended, well or badly.
    pub(crate) fn ended(&self, kind: Kind) {
        let mut all = false;
        self.pending.send_if_modified(|pending| {
            let was_there = pending.remove(&kind);
            all = pending.is_empty();
            was_there
        });
        if all {
            // Whoever waits for this looks at the facts at once.
            self.flush();
            self.settled.send_replace(true);
        } else {
            self.say(self.state());
        }
    }

    /// Waits until it is a tier's turn: no kind of an earlier tier is still to be read, or that takes too long.
    pub(crate) async fn turn(&self, tier: Tier, at_most: Duration) {
        let mut pending = self.pending.subscribe();
        let earlier =
            pending.wait_for(|pending| !pending.iter().any(|kind| place(*kind).tier < tier));
        let _ = tokio::time::timeout(at_most, earlier).await;
    }

    /// Waits until a kind's first read has ended.
    pub(crate) async fn first_read(&self, kind: Kind) {
        let mut pending = self.pending.subscribe();
        let _ = pending.wait_for(|pending| !pending.contains(&kind)).await;
    }

    /// The cluster's namespaces, if they could be read.
    pub(crate) fn namespaces(&self) -> Option<Vec<String>> {
        let state = self.state();
        state
            .facts
            .coverage(Kind::Namespace, "")
            .is_whole()
            .then(|| state.facts.namespaces.keys().cloned().collect())
    }

    /// Publishes changes as they come, for ever.
    pub(crate) async fn publish(&self) {
        loop {
            let _ = tokio::time::timeout(QUIET_EVERY, self.changed.notified()).await;
            self.flush();
            tokio::time::sleep(self.options.flush_every).await;
        }
    }

    /// Notes that something is to be published soon.
    fn say(&self, mut state: MutexGuard<'_, State>) {
        state.news = News::Loud;
        drop(state);
        self.changed.notify_one();
    }

    /// Publishes the state as it is, if there is anything new in it. The state stays locked while it goes out, so that an
    /// older copy never overtakes a newer one.
    fn flush(&self) {
        let mut state = self.state();
        if state.news == News::None {
            return;
        }
        state.news = News::None;
        let connection = status::connection(&state.told, &state.facts, &self.pending.borrow());
        self.facts.send_replace(Arc::new(state.facts.clone()));
        self.connection.send_if_modified(|there| {
            let changed = *there != connection;
            *there = connection;
            changed
        });
    }
}

#[cfg(test)]
mod tests;
