//! A cluster's objects: what controllers in this process write, and what the server serves.
//!
//! Owns identity (UIDs, versions, generations, times), the order of changes, Events and logs. It does not validate what
//! a real API server's schemas would refuse.

mod events;
mod identity;
mod logs;
pub(crate) mod state;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use identity::{identify, is_released, keep_annotations, stamp};
pub use logs::LogLine;
use state::{Key, Propagation, State};

pub(crate) use identity::copy_field;

use super::access::{Access, Rules};
use super::kinds::{KINDS, Kind};
use super::{managed, object};
use crate::clock::{Clock, rfc3339};
use crate::provider::Provider;

/// A cluster's objects. Clones share them.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    clock: Clock,
    state: Mutex<State>,
    access: Mutex<Access>,
    /// Kinds that this cluster does not serve.
    absent: Mutex<BTreeSet<&'static str>>,
    /// Grows with every line that a container writes.
    log_activity: watch::Sender<u64>,
    /// When old Events were last removed.
    swept: Mutex<Timestamp>,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// There was no such object.
    Created,
    /// The object is another now.
    Changed,
    /// Everything was like that already: no new version, no event.
    Unchanged,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeEvent {
    /// It appeared.
    Added,
    /// It changed.
    Modified,
    /// It went; the change carries it as it was.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub event: ChangeEvent,
    /// To an object of which kind.
    pub kind: &'static str,
    /// The object after the change, or as it was when it went.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
    /// The version that the change made.
    pub version: u64,
}

/// Why the store refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// No kind of the table.
    #[error("no kind {kind:?} in {api_version:?}")]
    UnknownKind {
        /// What the object says it is.
        kind: String,
        /// And of which group and version.
        api_version: String,
    },
    /// No name, or no namespace where one is needed.
    #[error("a {kind} without metadata.{field}")]
    Incomplete {
        /// The kind.
        kind: &'static str,
        /// `name` or `namespace`.
        field: &'static str,
    },
    /// There is no such object.
    #[error("no {kind} {namespace}/{name}")]
    NotFound {
        /// The kind.
        kind: String,
        /// The namespace; empty for cluster-wide kinds.
        namespace: String,
        /// The name.
        name: String,
    },
}

impl Store {
    /// An empty store of a cluster.
    pub fn new(name: &str, clock: Clock) -> Self {
        // Versions begin with real time, so that a cluster that starts anew never reuses those of its earlier life: a
        // client that comes back with an old one is told to read again instead of waiting for changes in vain. No store
        // changes more often than once a microsecond, so an earlier life never counted this far.
        let first = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0);
        let swept = clock.now();
        Self(Arc::new(Inner {
            name: name.to_owned(),
            clock,
            state: Mutex::new(State::new(first)),
            access: Mutex::default(),
            absent: Mutex::default(),
            log_activity: watch::Sender::new(0),
            swept: Mutex::new(swept),
        }))
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The company's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// One object; `namespace` is empty for cluster-wide kinds.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.state()
            .get(kind, &(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Objects of a kind, in all namespaces or one, ordered by namespace and name.
    pub fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.state().list(kind, namespace).cloned().collect()
    }

    /// Creates an object, or replaces all but identity and status of the one that is there. Its labels and annotations
    /// replace those there, except annotations of `kubectl.`, `reconcile.fluxcd.io/` and `deployment.kubernetes.io/`.
    ///
    /// # Errors
    /// If the kind is unknown, or a name or namespace is missing.
    pub fn apply(&self, object: Value) -> Result<Applied, StoreError> {
        let (kind, key) = identify(&object)?;
        self.write(kind, &key, false, |existing| {
            let mut object = object;
            if let Some(existing) = existing {
                keep_annotations(existing, &mut object);
                copy_field(existing, &mut object, "status");
                managed::overwritten(kind, existing, &mut object);
            }
            Ok(object)
        })
        .map(|(_, applied)| applied)
    }

    /// Puts an object as it is written: its UID, generation, times and status stay. For what was recorded elsewhere.
    ///
    /// # Errors
    /// If the kind is unknown, or a name or namespace is missing.
    pub fn restore(&self, object: Value) -> Result<(), StoreError> {
        let (kind, _) = identify(&object)?;
        self.state().put(kind, object);
        Ok(())
    }

    /// Replaces an object's status; nothing happens if it is the same.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn set_status(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        status: Value,
    ) -> Result<(), StoreError> {
        self.edit(kind, namespace, name, |object| {
            object::fields(object).insert("status".into(), status);
        })
    }

    /// Changes any field of an object; nothing happens if it is the same afterwards. Must not call the store.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn edit(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<(), StoreError> {
        let not_found = || StoreError::NotFound {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let kind = Kind::named(kind).ok_or_else(not_found)?;
        let key = (namespace.to_owned(), name.to_owned());
        self.write(kind, &key, false, |existing| {
            let existing = existing.ok_or_else(not_found)?;
            let mut object = existing.clone();
            change(&mut object);
            managed::overwritten(kind, existing, &mut object);
            Ok(object)
        })
        .map(|_| ())
    }

    /// Deletes an object and what it owns; finalizers only mark it. Answers whether it was there.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let Some(kind) = Kind::named(kind) else {
            return false;
        };
        let now = rfc3339(self.clock().now());
        let key = (namespace.to_owned(), name.to_owned());
        self.state()
            .delete(kind, &key, Propagation::Cascade, &now)
            .is_some()
    }

    /// Marks an object as going, as the API server does with a pod that gets time to end: it stays until it is deleted
    /// again. Answers whether it was there.
    pub fn terminate(&self, kind: &str, namespace: &str, name: &str, grace_seconds: i64) -> bool {
        let Some(kind) = Kind::named(kind) else {
            return false;
        };
        let now = self.clock().now();
        let end = now.checked_add(SignedDuration::from_secs(grace_seconds));
        let end = rfc3339(end.unwrap_or(now));
        let key = (namespace.to_owned(), name.to_owned());
        let mut state = self.state();
        state.mark(kind, &key, &end, grace_seconds).is_some()
    }

    /// Every change from now on. A reader that falls too far behind is told so and must read again.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.state().subscribe()
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        self.state().version()
    }

    /// How many changes are kept for watches that start in the past and lists that continue: older ones answer 410.
    pub fn keep_changes(&self, changes: usize) {
        self.state().keep(changes);
    }

    /// Replaces what a container said. Lines that were there already at the log's beginning keep their time.
    pub fn set_log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        lines: Vec<String>,
    ) {
        let key = (namespace.into(), pod.into(), container.into(), previous);
        let now = self.clock().now();
        self.state().logs.set(key, lines, now);
        self.0.log_activity.send_modify(|count| *count += 1);
    }

    /// Adds lines to what a container said.
    pub fn append_log(&self, namespace: &str, pod: &str, container: &str, lines: Vec<String>) {
        let key = (namespace.into(), pod.into(), container.into(), false);
        let now = self.clock().now();
        self.state().logs.append(key, lines, now);
        self.0.log_activity.send_modify(|count| *count += 1);
    }

    /// What a container said in this life or the previous one, if it said anything.
    pub fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Option<Vec<LogLine>> {
        let key = (namespace.into(), pod.into(), container.into(), previous);
        self.state().logs.get(&key).map(<[LogLine]>::to_vec)
    }

    /// Sets what a user may do. The user's name is their bearer token.
    pub fn set_rules(&self, user: &str, rules: Rules) {
        self.access().set(user, rules);
    }

    /// Believes a provider's ID tokens, and sets what one of its people may do.
    pub fn trust(&self, issuer: &Provider, email: &str, rules: Rules) {
        self.access().trust(issuer, email, rules);
    }

    /// Makes a user's token invalid: their requests answer 401.
    pub fn revoke_token(&self, user: &str) {
        self.access().revoke(user);
    }

    /// Says who a request without a token is; nobody, and such requests answer 401. A new store says `admin`.
    pub fn set_unnamed_user(&self, user: Option<&str>) {
        self.access().set_unnamed(user);
    }

    /// Serves only the kinds that `serves` approves of; requests for others answer 404.
    pub fn set_served(&self, serves: impl Fn(&Kind) -> bool) {
        *lock(&self.0.absent) = KINDS
            .iter()
            .filter(|kind| !serves(kind))
            .map(|kind| kind.kind)
            .collect();
    }

    /// A cluster where nobody installed Flux.
    pub fn without_flux(&self) {
        self.set_served(|kind| !kind.group.ends_with(".fluxcd.io"));
    }

    /// Whether a kind is served.
    pub fn serves(&self, kind: &Kind) -> bool {
        let is_defined = || {
            let definition = (String::new(), kind.qualified());
            let kept = self.state();
            kept.get("CustomResourceDefinition", &definition).is_some()
        };
        !lock(&self.0.absent).contains(kind.kind) && (KINDS.contains(kind) || is_defined())
    }

    /// Writes what `change` makes of the object that is there, keeping what no writer may change. A dry run answers the
    /// same and stores nothing.
    pub(crate) fn write<E>(
        &self,
        kind: &'static Kind,
        key: &Key,
        dry_run: bool,
        change: impl FnOnce(Option<&Value>) -> Result<Value, E>,
    ) -> Result<(Arc<Value>, Applied), E> {
        let now = self.clock().now();
        let mut state = self.state();
        let existing = state.get(kind.kind, key).cloned();
        let mut object = change(existing.as_deref())?;
        let count = state.changes_made().to_string();
        let life = [self.0.name.as_str(), count.as_str()];
        stamp(kind, key, existing.as_deref(), &mut object, life, now);
        match &existing {
            Some(existing) if **existing == object => {
                return Ok((Arc::clone(existing), Applied::Unchanged));
            }
            _ if dry_run => {}
            Some(_) if is_released(&object) => {
                // Letting go and going are one change.
                state.remove(kind, key, Propagation::Cascade, &rfc3339(now));
                return Ok((Arc::new(object), Applied::Changed));
            }
            _ => object = Value::clone(&*state.put(kind, object)),
        }
        let applied = match existing {
            Some(_) => Applied::Changed,
            None => Applied::Created,
        };
        Ok((Arc::new(object), applied))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.0.access)
    }

    fn swept(&self) -> MutexGuard<'_, Timestamp> {
        lock(&self.0.swept)
    }

    /// Tells when any container said more.
    pub(crate) fn log_activity(&self) -> watch::Receiver<u64> {
        self.0.log_activity.subscribe()
    }
}

/// A poisoned lock still guards whole values: every write is prepared before it is made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
