//! One account and region, read round by round: owns the task that keeps its facts, and ends it when it is dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use api::{Connection, ConnectionState};
use facts::{ClusterFacts, Platform, Reach};
use jiff::Timestamp;
use tokio::sync::{Notify, OnceCell, watch};
use tokio::task::JoinSet;

use crate::client::{Clients, Spec};
use crate::failure::{Failure, Why};
use crate::meter::Meter;
use crate::options::Options;
use crate::round::Reader;
use crate::source::Source;
use crate::status::{self, Told};

/// An account and region whose facts are kept up to date. Dropping it ends its task.
pub struct Account {
    spec: Spec,
    options: Options,
    shared: Arc<Shared>,
    /// What an action looks and sends with: made when it is first used.
    live: OnceCell<Clients>,
    /// Ends with us.
    _tasks: JoinSet<()>,
}

/// What the task and its owner share.
struct Shared {
    facts: watch::Sender<Arc<ClusterFacts>>,
    connection: watch::Sender<Connection>,
    /// Rounds that ended, and the requests that were sent in all of them.
    rounds: watch::Sender<(u64, u64)>,
    /// Somebody wants it read now.
    wake: Notify,
    /// Somebody began to look.
    looked_at: Notify,
    /// Rounds that began.
    begun: AtomicU64,
    awaited: Mutex<Awaited>,
}

/// The round that has to end before anything is settled, and since when it is waited for.
#[derive(Clone, Copy)]
struct Awaited {
    round: u64,
    since: Instant,
}

impl Awaited {
    fn round(round: u64) -> Self {
        Self {
            round,
            since: Instant::now(),
        }
    }
}

impl Shared {
    fn awaiting(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn awaited(&self) -> Awaited {
        *self.awaiting()
    }
}

impl Account {
    /// Begins to read an account; returns at once. Must be called inside a tokio runtime.
    pub fn start(spec: Spec, options: Options) -> Self {
        let facts = ClusterFacts {
            platform: Platform::Ecs,
            ..ClusterFacts::default()
        };
        let connection = status::connection(&spec, &Told::default(), &facts, None);
        let shared = Arc::new(Shared {
            facts: watch::Sender::new(Arc::new(facts)),
            connection: watch::Sender::new(connection),
            rounds: watch::Sender::default(),
            wake: Notify::new(),
            looked_at: Notify::new(),
            begun: AtomicU64::new(0),
            awaited: Mutex::new(Awaited::round(1)),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(keep(shared.clone(), spec.clone(), options.clone()));
        Self {
            spec,
            options,
            shared,
            live: OnceCell::new(),
            _tasks: tasks,
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What is known of it, now and after each change. It is read while anybody holds one of these.
    pub fn facts(&self) -> watch::Receiver<Arc<ClusterFacts>> {
        let facts = self.shared.facts.subscribe();
        self.shared.looked_at.notify_one();
        facts
    }

    /// How its connection stands, now and after each change.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.connection.subscribe()
    }

    /// Rounds that ended, and the requests that were sent in all of them.
    pub fn rounds(&self) -> watch::Receiver<(u64, u64)> {
        self.shared.rounds.subscribe()
    }

    /// Waits until the first round has ended, well or badly, since it began or somebody signed in, or [`Options::patience`]
    /// has passed.
    pub async fn settled(&self) {
        let mut rounds = self.shared.rounds.subscribe();
        let ended = rounds.wait_for(|(rounds, _)| *rounds >= self.shared.awaited().round);
        let _ = tokio::time::timeout(self.patience_left(), ended).await;
    }

    /// Whether [`Self::settled`] would wait.
    pub fn is_being_read(&self) -> bool {
        let (rounds, _) = *self.shared.rounds.borrow();
        rounds < self.shared.awaited().round && !self.patience_left().is_zero()
    }

    fn patience_left(&self) -> Duration {
        let since = self.shared.awaited().since;
        self.options.patience.saturating_sub(since.elapsed())
    }

    /// Somebody signed in: where that was waited for, it is read for them, at once.
    pub fn read_anew(&self) {
        let waits = matches!(
            self.shared.connection.borrow().state,
            ConnectionState::Denied { ref verb, .. } if verb == status::SIGN_IN
        );
        if waits {
            // A round that is under way began without them.
            let round = self.shared.begun.load(Ordering::Acquire) + 1;
            *self.shared.awaiting() = Awaited::round(round);
            self.shared.connection.send_modify(|connection| {
                connection.state = ConnectionState::Connecting;
            });
        }
        self.try_now();
    }

    /// When the session of the role ends that opens it, unless it is made anew before; `None` where it is opened by other
    /// credentials, whose end the SDK keeps to itself.
    pub fn until(&self) -> Option<Timestamp> {
        match &self.spec.credentials {
            Source::Role(broker) => broker.until(),
            Source::Chain | Source::Profile(_) | Source::File { .. } | Source::Given(_) => None,
        }
    }

    /// Reads it now, however long the wait still is.
    pub fn try_now(&self) {
        self.shared.wake.notify_one();
    }

    /// Clients of its own for what is looked at and sent past every round.
    pub(crate) async fn clients(&self) -> &Clients {
        let made = self
            .live
            .get_or_init(|| Clients::new(&self.spec, &self.options));
        made.await
    }

    pub(crate) fn region(&self) -> &str {
        &self.spec.region
    }

    /// Whether an ECS cluster is among those that are read.
    pub(crate) fn has_cluster(&self, name: &str) -> bool {
        let clusters = &self.spec.clusters;
        clusters.is_empty() || clusters.iter().any(|cluster| cluster == name)
    }
}

/// Reads round after round while anybody looks.
async fn keep(shared: Arc<Shared>, spec: Spec, options: Options) {
    let clients = Clients::new(&spec, &options).await;
    let mut told = Told::default();
    let mut asked_who = false;
    let mut reader = Reader::new(clients.clone(), spec.clusters.clone(), options.clone());
    loop {
        while shared.facts.receiver_count() == 0 {
            shared.looked_at.notified().await;
        }
        shared.begun.fetch_add(1, Ordering::AcqRel);
        let read = reader.round().await;
        if read.is_ok() && !std::mem::replace(&mut asked_who, true) {
            told.identity = identity(&clients).await;
        }
        let now = options.clock.now();
        let wait = match read {
            Ok(facts) => {
                told.answered(now);
                let wait = if is_busy(&facts) {
                    options.poll_busy
                } else {
                    options.poll
                };
                shared.facts.send_replace(Arc::new(facts));
                wait
            }
            Err(failure) => {
                tracing::debug!(account = spec.name, %failure, "a round ended early");
                if matches!(failure.why, Why::SignedOut | Why::NotAssumed) {
                    clients.tried.forget();
                }
                if let (Why::SignedOut, Source::Role(broker)) = (failure.why, &spec.credentials) {
                    broker.doubt();
                    // Whoever signs in next may be another.
                    asked_who = false;
                }
                told.failed(failure, later(now, options.retry));
                lose(&shared, &told);
                options.retry
            }
        };
        let facts = shared.facts.borrow().clone();
        shared.connection.send_replace(status::connection(
            &spec,
            &told,
            &facts,
            Some(&clients.tried),
        ));
        note(&shared, &clients.meter);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.wake.notified() => {}
        }
    }
}

fn note(shared: &Shared, meter: &Meter) {
    let requests = meter.requests();
    shared
        .rounds
        .send_modify(|(rounds, sent)| (*rounds, *sent) = (*rounds + 1, requests));
}

/// What was read stays, and is said to be of before.
fn lose(shared: &Shared, told: &Told) {
    let error = told
        .failure
        .as_ref()
        .map(Failure::of_account)
        .unwrap_or_default();
    shared.facts.send_modify(|facts| {
        let facts = Arc::make_mut(facts);
        facts.reach = match told.answered {
            Some(since) => Reach::Lost { since, error },
            None => Reach::Unreachable { error },
        };
    });
}

/// Whether something is on its way that somebody will want to see arrive.
fn is_busy(facts: &ClusterFacts) -> bool {
    facts.ecs_services.values().any(|service| {
        let rolling = service.deployments.iter();
        let mut rolling = rolling.filter(|one| one.rollout_state == "IN_PROGRESS");
        let newest = service.service_deployments.first();
        rolling.next().is_some() || newest.is_some_and(|one| !one.is_over())
    })
}

/// Who we are there; `None` where it does not say, which hinders nothing.
async fn identity(clients: &Clients) -> Option<String> {
    let answer = clients.sts.get_caller_identity().send().await;
    match answer {
        Ok(answer) => answer.arn().map(str::to_owned),
        Err(error) => {
            let failure = Failure::of(&error);
            tracing::debug!(%failure, "STS does not say who we are");
            None
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(now)
}
