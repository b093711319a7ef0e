//! The objects, the numbering of their changes, and the last of those changes: what a lock protects.
//!
//! The changes that are kept serve watches that start in the past, and take a list back to an earlier version.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::logs::Logs;
use super::{Change, ChangeEvent};
use crate::kubernetes::definitions::{all, defined, named_by};
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::object;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// How many changes controllers may fall behind before they must read again.
const BROADCAST_CAPACITY: usize = 16_384;

/// How many changes are kept unless [`State::keep`] says otherwise.
const KEPT_CHANGES: usize = 4_096;

/// The finalizer of an object whose dependents are to stay.
pub(crate) const ORPHAN: &str = "orphan";

/// The finalizer of an object whose dependents are to go first.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

/// A version so old that what changed since is forgotten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expired;

/// What happens to the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go too.
    Cascade,
    /// They stay, without their owner.
    Orphan,
}

#[derive(Debug)]
pub(crate) struct State {
    first: u64,
    version: u64,
    kept: usize,
    /// The newest change that is forgotten; the first version if none is.
    forgotten: u64,
    objects: BTreeMap<&'static str, BTreeMap<Key, Arc<Value>>>,
    history: VecDeque<Change>,
    /// Objects by the UID of their owner.
    dependents: HashMap<String, BTreeSet<(&'static str, Key)>>,
    /// What containers said; a pod takes it with it.
    pub(crate) logs: Logs,
    changes: broadcast::Sender<Change>,
    newest: watch::Sender<u64>,
}

impl State {
    /// An empty state whose versions start above `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            version: first,
            kept: KEPT_CHANGES,
            forgotten: first,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            dependents: HashMap::new(),
            logs: Logs::default(),
            changes: broadcast::Sender::new(BROADCAST_CAPACITY),
            newest: watch::Sender::new(first),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How many changes there ever were.
    pub(crate) fn changes_made(&self) -> u64 {
        self.version - self.first
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Tells when there is something newer.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Keeps only this many changes.
    pub(crate) fn keep(&mut self, changes: usize) {
        self.kept = changes;
        self.forget();
    }

    pub(crate) fn get(&self, kind: &str, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(kind)?.get(key)
    }

    /// Objects of a kind, ordered by namespace and name.
    pub(crate) fn list<'a>(
        &'a self,
        kind: &str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.objects
            .get(kind)
            .into_iter()
            .flatten()
            .filter(move |((of, _), _)| namespace.is_none_or(|namespace| namespace == of))
            .map(|(_, object)| object)
    }

    /// All objects of a kind as they were at a version.
    pub(crate) fn at(
        &self,
        kind: &str,
        version: u64,
    ) -> Result<BTreeMap<Key, Arc<Value>>, Expired> {
        let mut objects = self.objects.get(kind).cloned().unwrap_or_default();
        for change in self.since(version)?.rev() {
            if change.kind != kind {
                continue;
            }
            let key = key_of(&change.object);
            match &change.previous {
                Some(previous) => objects.insert(key, Arc::clone(previous)),
                None => objects.remove(&key),
            };
        }
        Ok(objects)
    }

    /// The changes after a version, oldest first.
    pub(crate) fn since(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, Expired> {
        // A version from the future is of another life of this cluster: nothing can be said about what changed since.
        if version < self.forgotten || version > self.version {
            return Err(Expired);
        }
        let start = self
            .history
            .partition_point(|change| change.version <= version);
        Ok(self.history.range(start..))
    }

    /// Stores an object whose metadata is complete but for its version.
    pub(crate) fn put(&mut self, kind: &'static Kind, mut object: Value) -> Arc<Value> {
        let version = self.next();
        object::section(&mut object, "metadata")
            .insert("resourceVersion".into(), json!(version.to_string()));
        let object = Arc::new(object);
        let key = key_of(&object);
        let previous = self
            .objects
            .entry(kind.kind)
            .or_default()
            .insert(key.clone(), Arc::clone(&object));
        if let Some(previous) = &previous {
            self.disown(kind, &key, previous);
        }
        for owner in object::owners(&object) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert((kind.kind, key.clone()));
        }
        let event = match previous {
            Some(_) => ChangeEvent::Modified,
            None => ChangeEvent::Added,
        };
        self.publish(Change {
            event,
            kind: kind.kind,
            object: Arc::clone(&object),
            previous,
            version,
        });
        object
    }

    /// Removes an object and, by `propagation`, what it owns; answers the object as it went.
    pub(crate) fn remove(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        propagation: Propagation,
        now: &str,
    ) -> Option<Arc<Value>> {
        let previous = self.objects.get_mut(kind.kind)?.remove(key)?;
        self.disown(kind, key, &previous);
        if kind.kind == "Pod" {
            self.logs.forget(&key.0, &key.1);
        }
        let version = self.next();
        let mut object = Value::clone(&previous);
        object::section(&mut object, "metadata")
            .insert("resourceVersion".into(), json!(version.to_string()));
        let object = Arc::new(object);
        self.publish(Change {
            event: ChangeEvent::Deleted,
            kind: kind.kind,
            object: Arc::clone(&object),
            previous: Some(previous),
            version,
        });
        self.release_dependents(object::uid(&object), propagation, now);
        if kind.kind == "Namespace" {
            self.empty_namespace(&key.1, now);
        }
        if kind.kind == "CustomResourceDefinition"
            && let Some(defined) = named_by(&object).filter(|kind| defined().contains(kind))
        {
            self.empty_kind(defined, now);
        }
        Some(object)
    }

    /// Deletes an object, or marks it while finalizers hold it; answers the object as it is now or went, and whether
    /// it went.
    pub(crate) fn delete(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        propagation: Propagation,
        now: &str,
    ) -> Option<(Arc<Value>, bool)> {
        let existing = self.get(kind.kind, key)?;
        if !object::has_finalizers(existing) {
            return Some((self.remove(kind, key, propagation, now)?, true));
        }
        Some((self.mark(kind, key, now, 0)?, false))
    }

    /// Marks an object as one to be deleted; one that is marked already stays as it is.
    pub(crate) fn mark(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        end: &str,
        grace_seconds: i64,
    ) -> Option<Arc<Value>> {
        let existing = self.get(kind.kind, key)?;
        if !object::text(existing, "deletionTimestamp").is_empty() {
            return Some(Arc::clone(existing));
        }
        let mut marked = Value::clone(existing);
        let metadata = object::section(&mut marked, "metadata");
        metadata.insert("deletionTimestamp".into(), json!(end));
        metadata.insert("deletionGracePeriodSeconds".into(), json!(grace_seconds));
        Some(self.put(kind, marked))
    }

    /// Deletes an object after having marked it with a finalizer of the garbage collector's, or with the phase of a
    /// namespace: both take time in a real cluster, and are over here when they have been seen. Answers the object as it
    /// was marked.
    pub(crate) fn delete_by_stages(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        finalizer: Option<&str>,
        now: &str,
    ) -> Option<Arc<Value>> {
        let mut marked = Value::clone(self.get(kind.kind, key)?);
        let metadata = object::section(&mut marked, "metadata");
        metadata.insert("deletionTimestamp".into(), json!(now));
        if let Some(finalizer) = finalizer {
            metadata.insert("deletionGracePeriodSeconds".into(), json!(0));
            metadata.insert("finalizers".into(), json!([finalizer]));
        }
        if kind.kind == "Namespace" {
            object::section(&mut marked, "status").insert("phase".into(), json!("Terminating"));
        }
        let marked = self.put(kind, marked);
        let propagation = match finalizer {
            Some(ORPHAN) => Propagation::Orphan,
            _ => Propagation::Cascade,
        };
        self.remove(kind, key, propagation, now);
        Some(marked)
    }

    fn release_dependents(&mut self, owner: &str, propagation: Propagation, now: &str) {
        let Some(dependents) = self.dependents.remove(owner) else {
            return;
        };
        for (kind, key) in dependents {
            let Some(kind) = Kind::named(kind) else {
                continue;
            };
            let Some(dependent) = self.get(kind.kind, &key) else {
                continue;
            };
            let owned_otherwise = object::owners(dependent).any(|other| other != owner);
            if propagation == Propagation::Cascade && !owned_otherwise {
                self.delete(kind, &key, propagation, now);
                continue;
            }
            let mut freed = Value::clone(dependent);
            if let Some(owners) = freed["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|reference| reference["uid"] != owner);
            }
            self.put(kind, freed);
        }
    }

    /// Takes the objects of a kind whose definition was deleted.
    fn empty_kind(&mut self, kind: &'static Kind, now: &str) {
        let keys: Vec<Key> = self.list(kind.kind, None).map(|o| key_of(o)).collect();
        for key in keys {
            self.remove(kind, &key, Propagation::Cascade, now);
        }
    }

    /// Takes what a deleted namespace held with it, finalizers or not: a namespace here has no long death.
    fn empty_namespace(&mut self, namespace: &str, now: &str) {
        for kind in all().filter(|kind| kind.namespaced) {
            let keys: Vec<Key> = self
                .list(kind.kind, Some(namespace))
                .map(|o| key_of(o))
                .collect();
            for key in keys {
                self.remove(kind, &key, Propagation::Cascade, now);
            }
        }
    }

    fn disown(&mut self, kind: &'static Kind, key: &Key, object: &Value) {
        for owner in object::owners(object) {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(&(kind.kind, key.clone()));
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn publish(&mut self, change: Change) {
        // Nobody listening is fine.
        let _ = self.changes.send(change.clone());
        self.history.push_back(change);
        self.forget();
        self.newest.send_replace(self.version);
    }

    fn forget(&mut self) {
        while self.history.len() > self.kept {
            if let Some(change) = self.history.pop_front() {
                self.forgotten = change.version;
            }
        }
    }
}

pub(crate) fn key_of(object: &Value) -> Key {
    (
        object::namespace(object).to_owned(),
        object::name(object).to_owned(),
    )
}
