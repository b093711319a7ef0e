//! The controllers that keep a cluster of the company alive: Flux's (source, kustomize, helm, image) and Kubernetes'
//! own (Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, the scheduler, the kubelets, EndpointSlices).
//!
//! Owns a queue of what is due when, on the company's clock. A discrete-event simulation: nothing polls, every step
//! writes the time at which it was due, and a step that changes nothing costs next to nothing, so that days of history
//! are played in a second. Statuses, reasons and messages are those of Flux 2.9 and Kubernetes 1.34. It reads Git and
//! the registry in this process and writes only through the [`Store`]. It does not know any situation: what goes wrong
//! comes from the objects, from Git, from the registry or from [`Faults`].
//!
//! Simplified: controllers have as many workers as there are objects, intervals have no jitter, CronJobs make no
//! Jobs by themselves, and a pod that was ready once stays so until it is replaced.

mod apply;
mod build;
mod charts;
mod conditions;
mod contents;
mod daemonset;
mod deployment;
mod endpoints;
mod fields;
mod health;
mod helmchart;
mod helmrelease;
mod image_policy;
mod image_repository;
mod image_update;
mod job;
mod kustomization;
mod names;
mod pod;
mod queue;
mod refusal;
mod replicaset;
mod rhythm;
mod setters;
mod shelf;
mod source;
mod statefulset;
mod versions;
mod watches;
mod workload;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::broadcast;

pub use queue::Key;
pub use shelf::{Artifact, Chart, Shelf};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::git::{CodeHost, Push};
use crate::kubernetes::{Change, Store};
use crate::registry::Registry;
use conditions::Conditions;
use fields::{put, text};
use queue::Queue;
use rhythm::Rhythm;
use source::handle_request;

/// How often the live loop looks whether somebody advanced the clock.
const LOOK_AT_CLOCK: Duration = Duration::from_millis(100);

/// How much company time is made up for at a stretch.
const SLICE: SignedDuration = SignedDuration::from_mins(10);

/// When a controller wants to see an object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// After this time.
    After(SignedDuration),
    /// After this time, and it found everything as it was: until something it depends on changes, it will again.
    Idle(SignedDuration),
    /// When something it watches changes.
    OnChange,
}

impl Next {
    const NOW: Self = Self::After(SignedDuration::ZERO);

    fn seconds(seconds: i64) -> Self {
        Self::After(SignedDuration::from_secs(seconds))
    }
}

/// All controllers of one cluster.
pub struct Controllers {
    store: Store,
    code: CodeHost,
    code_host: String,
    registry: Registry,
    registry_host: String,
    faults: Faults,
    clock: Clock,
    seed: u64,
    shelf: Shelf,
    /// GitRepositories that a Receiver fetches on every push, as `namespace/name`.
    webhooks: BTreeSet<String>,
    /// The moment being worked at.
    now: Timestamp,
    /// The moment that changes being taken in count as of.
    seen: Timestamp,
    queue: Queue,
    /// Runs that changed nothing, of those that run at intervals.
    rhythms: HashMap<Key, Rhythm>,
    changes: broadcast::Receiver<Change>,
    pushes: broadcast::Receiver<Push>,
    contents: contents::Contents,
    /// Failures in a row, for the back-off of controllers that have one.
    failures: HashMap<Key, u32>,
    kustomizations: HashMap<Key, kustomization::Progress>,
    releases: HashMap<Key, helmrelease::Progress>,
    scans: HashMap<Key, image_repository::Scans>,
    pods: HashMap<Key, pod::Life>,
    /// Images that a node has pulled, as `node/image id`.
    pulled: BTreeSet<String>,
    /// Pods and ReplicaSets by the UID of their owner.
    owned: HashMap<String, BTreeSet<Key>>,
    /// How many pods an owner has created, for their names.
    created: HashMap<String, u64>,
}

impl Controllers {
    /// The controllers of a cluster. Objects that the store holds already are looked after from the clock's now on.
    #[expect(
        clippy::too_many_arguments,
        reason = "a cluster's surroundings are what they are; named at the one place that builds them"
    )]
    pub fn new(
        store: Store,
        code: CodeHost,
        code_host: &str,
        registry: Registry,
        registry_host: &str,
        faults: Faults,
        clock: Clock,
        seed: u64,
    ) -> Self {
        let mut controllers = Self {
            changes: store.changes(),
            pushes: code.pushes(),
            now: clock.now(),
            seen: clock.now(),
            store,
            code,
            code_host: code_host.to_owned(),
            registry,
            registry_host: registry_host.to_owned(),
            faults,
            clock,
            seed,
            shelf: Shelf::default(),
            webhooks: BTreeSet::new(),
            queue: Queue::default(),
            rhythms: HashMap::new(),
            contents: contents::Contents::default(),
            failures: HashMap::new(),
            kustomizations: HashMap::new(),
            releases: HashMap::new(),
            scans: HashMap::new(),
            pods: HashMap::new(),
            pulled: BTreeSet::new(),
            owned: HashMap::new(),
            created: HashMap::new(),
        };
        controllers.resync();
        controllers
    }

    /// Reads charts and OCI artifacts from a shelf that others share.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Shelf) -> Self {
        self.shelf = shelf;
        self
    }

    /// Fetches this GitRepository as soon as its repository is pushed to, as a Receiver makes Flux do.
    pub fn add_webhook(&mut self, namespace: &str, name: &str) {
        self.webhooks.insert(format!("{namespace}/{name}"));
    }

    /// Does everything that is due up to a moment, in the order of time, each thing as of its own moment. What others
    /// wrote since the last call counts as of the moment up to which that went: who plays a history runs the
    /// controllers up to each deed, and does it then.
    pub fn run_until(&mut self, until: Timestamp) {
        self.catch_up(until, self.now, until);
    }

    /// As [`Self::run_until`]; what others wrote since the last time counts as of `seen`, and nobody else writes
    /// anything before `horizon`, which may be later.
    fn catch_up(&mut self, until: Timestamp, seen: Timestamp, horizon: Timestamp) {
        self.seen = seen;
        self.observe();
        while let Some((due, key)) = self.queue.pop(until) {
            self.now = due.max(self.now);
            self.seen = self.now;
            let clock = self.clock.clone();
            clock.as_of(self.now, || match self.reconcile(&key) {
                Next::After(wait) => {
                    self.rhythms.remove(&key);
                    self.queue.add(key, self.later(wait));
                }
                Next::Idle(interval) => {
                    let rhythm = self.rhythms.entry(key.clone()).or_default();
                    rhythm.ran(self.now, interval);
                    let at = rhythm.tick_after(horizon.max(self.now));
                    self.queue.add(key, at);
                }
                Next::OnChange => {
                    self.rhythms.remove(&key);
                }
            });
            self.observe();
        }
        self.now = until.max(self.now);
        self.seen = self.now;
    }

    /// Writes the times of runs that changed nothing else: of scans, automations and Kustomizations. While history is
    /// played nobody reads them, so that they wait for this; the live loop does it all the time.
    pub fn settle(&mut self) {
        let clock = self.clock.clone();
        clock.as_of(self.now, || self.settle_statuses());
    }

    /// When the next thing is due.
    pub fn next_due(&mut self) -> Option<Timestamp> {
        self.seen = self.now;
        self.observe();
        self.queue.next()
    }

    /// Runs for ever on the company's clock: at what is due, on every change of an object or a pushed branch, and on a
    /// clock that was advanced. Drop or abort the task to end it.
    pub async fn run(mut self) {
        loop {
            let now = self.clock.now();
            self.catch_up(self.now, now, now);
            // A clock that was advanced by days is made up for piece by piece, so that other tasks get their turn.
            while let Some(due) = self.queue.next().filter(|due| *due <= now) {
                let end = due.checked_add(SLICE).unwrap_or(now).min(now);
                self.catch_up(end, now, end);
                tokio::task::yield_now().await;
            }
            self.now = now.max(self.now);
            self.settle();
            let wait = match self.queue.next() {
                Some(due) => {
                    Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default()
                }
                None => LOOK_AT_CLOCK,
            };
            let mut news = (self.store.changes(), self.code.pushes());
            if self.changes.is_empty() && self.pushes.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(wait.min(LOOK_AT_CLOCK)) => {}
                    _ = news.0.recv() => {}
                    _ = news.1.recv() => {}
                }
            }
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        match key.kind {
            "GitRepository" => self.git_repository(key),
            "OCIRepository" => self.oci_repository(key),
            "HelmRepository" => self.helm_repository(key),
            "HelmChart" => self.helm_chart(key),
            "Kustomization" => self.kustomization(key),
            "HelmRelease" => self.helm_release(key),
            "ImageRepository" => self.image_repository(key),
            "ImagePolicy" => self.image_policy(key),
            "ImageUpdateAutomation" => self.image_update_automation(key),
            "Deployment" => self.deployment(key),
            "ReplicaSet" => self.replica_set(key),
            "StatefulSet" => self.stateful_set(key),
            "DaemonSet" => self.daemon_set(key),
            "Job" => self.job(key),
            "Service" => self.service(key),
            "Pod" => self.pod(key),
            _ => Next::OnChange,
        }
    }

    /// The cluster's name.
    fn cluster(&self) -> &str {
        self.store.name()
    }

    fn object(&self, key: &Key) -> Option<Arc<Value>> {
        self.store.get(key.kind, &key.namespace, &key.name)
    }

    /// Replaces an object's status; equal ones are no change. An object that went in between needs none.
    fn write_status(&self, key: &Key, status: Value) {
        if let Err(error) = self
            .store
            .set_status(key.kind, &key.namespace, &key.name, status)
        {
            tracing::debug!(%error, "a status had no object");
        }
    }

    /// Writes the status of an object whose reconciliation ended well.
    fn write_success(&self, key: &Key, object: &Value, mut status: Value, message: &str) {
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(object)),
        );
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.remove("Reconciling");
        conditions.remove("Stalled");
        conditions.yes("Ready", "Succeeded", message);
        handle_request(&mut status, object);
        self.write_status(key, status);
    }

    /// A suspended object keeps its last word; only that its spec was seen is written, if its controller writes that
    /// (some do so only for ready objects).
    fn suspended(&self, key: &Key, object: &Value, only_if_ready: bool) -> Next {
        let mut status = object["status"].clone();
        let known = fields::at(&status, &["conditions"]).is_some();
        if known && (!only_if_ready || conditions::is(&status, "Ready", "True")) {
            fields::put(
                &mut status,
                &["observedGeneration"],
                generation(object).into(),
            );
            source::handle_request(&mut status, object);
            self.write_status(key, status);
        }
        Next::OnChange
    }

    /// How long a controller with a back-off waits after its next failure in a row: 750 ms, doubled up to 15 minutes,
    /// as Flux's controllers are started by default (`--min-retry-delay`, `--max-retry-delay`).
    fn back_off(&mut self, key: &Key) -> Next {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = 750_i64 << (*failures).min(11);
        *failures += 1;
        Next::After(SignedDuration::from_millis(wait.min(900_000)))
    }

    fn succeeded(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// A moment later than now.
    fn later(&self, wait: SignedDuration) -> Timestamp {
        self.now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }
}

/// Runs several clusters up to a moment, together in the order of time, so that none sees another's future.
pub fn run_together(clusters: &mut [&mut Controllers], until: Timestamp) {
    loop {
        let first = clusters
            .iter_mut()
            .enumerate()
            .filter_map(|(index, cluster)| Some((cluster.next_due()?, index)))
            .min();
        let Some((due, index)) = first.filter(|(due, _)| *due <= until) else {
            break;
        };
        let cluster = &mut *clusters[index];
        let seen = cluster.now;
        cluster.catch_up(due, seen, until);
    }
    for cluster in clusters {
        cluster.run_until(until);
    }
}

/// The value of `reconcile.fluxcd.io/requestedAt`; empty if nobody asked.
fn requested(object: &Value) -> &str {
    text(
        object,
        &["metadata", "annotations", "reconcile.fluxcd.io/requestedAt"],
    )
}

/// `metadata.generation`
fn generation(object: &Value) -> i64 {
    fields::integer(object, &["metadata", "generation"]).unwrap_or(1)
}
