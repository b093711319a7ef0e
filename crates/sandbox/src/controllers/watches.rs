//! What a change of one object makes due: the controllers' watches.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast::error::TryRecvError;

use super::fields::{at, list, mapping, text};
use super::workload::is_going;
use super::{Controllers, Key, generation, requested};
use crate::kubernetes::{Change, ChangeEvent};

/// The kinds that a controller here looks after.
const WATCHED: [&str; 16] = [
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "Kustomization",
    "HelmRelease",
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "Pod",
];

impl Controllers {
    /// Takes in what happened in the store and in Git since it was last looked at.
    pub(super) fn observe(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.changed(&change),
                Err(TryRecvError::Lagged(missed)) => {
                    tracing::warn!(
                        missed,
                        cluster = self.cluster(),
                        "controllers read everything again"
                    );
                    self.resync();
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        loop {
            match self.pushes.try_recv() {
                Ok(push) => self.pushed(&push.path),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    /// Looks at every object as if it had just appeared.
    pub(super) fn resync(&mut self) {
        self.owned.clear();
        for kind in WATCHED {
            for object in self.store.list(kind, None) {
                self.changed(&Change {
                    event: ChangeEvent::Added,
                    kind,
                    object,
                    previous: None,
                    version: 0,
                });
            }
        }
    }

    fn due(&mut self, key: Key) {
        self.queue.add(key, self.seen);
    }

    fn changed(&mut self, change: &Change) {
        if change.kind == "Event" {
            return;
        }
        let Some(key) = Key::of(&change.object) else {
            return;
        };
        let object = &change.object;
        let previous = change.previous.as_deref();
        if change.event == ChangeEvent::Deleted {
            self.gone(&key, object);
        }
        let asked = previous.is_none_or(|before| {
            generation(before) != generation(object) || requested(before) != requested(object)
        }) && change.event != ChangeEvent::Deleted;
        match change.kind {
            "GitRepository" | "OCIRepository" | "HelmRepository" | "HelmChart" => {
                if asked {
                    self.due(key.clone());
                }
                let revision =
                    |object: &Value| text(object, &["status", "artifact", "revision"]).to_owned();
                if previous.map(revision).unwrap_or_default() != revision(object) {
                    self.source_changed(&key);
                }
                if change.kind == "GitRepository" && asked {
                    self.automations_of(&key);
                }
            }
            "Kustomization" | "HelmRelease" => {
                if asked {
                    self.due(key.clone());
                }
                if asked || previous.is_none_or(|before| answers(before) != answers(object)) {
                    self.wake_all(key.kind, |other| {
                        list(other, &["spec", "dependsOn"])
                            .iter()
                            .any(|dependency| names(dependency, other, &key))
                    });
                }
            }
            "ConfigMap" | "Secret" => {
                self.wake_all("HelmRelease", |release| {
                    text(release, &["metadata", "namespace"]) == &*key.namespace
                        && !list(release, &["spec", "valuesFrom"]).is_empty()
                });
            }
            "ImageRepository" => {
                if asked {
                    self.due(key.clone());
                }
                let tags =
                    |object: &Value| at(object, &["status", "lastScanResult", "revision"]).cloned();
                if previous.and_then(tags) != tags(object) {
                    self.policies_of(&key);
                }
            }
            "ImagePolicy" => {
                if asked {
                    self.due(key.clone());
                }
                let latest = |object: &Value| at(object, &["status", "latestRef"]).cloned();
                if previous.and_then(latest) != latest(object) {
                    for automation in self
                        .store
                        .list("ImageUpdateAutomation", Some(&key.namespace))
                    {
                        self.due_object(&automation);
                    }
                }
            }
            "ImageUpdateAutomation"
            | "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "Job"
            | "Service"
                if asked =>
            {
                self.due(key.clone());
            }
            "ReplicaSet" => {
                if change.event != ChangeEvent::Deleted {
                    self.adopt(&key, object);
                }
                self.owner_due(object);
                if asked {
                    self.due(key.clone());
                }
            }
            "Pod" => {
                if change.event == ChangeEvent::Added {
                    self.adopt(&key, object);
                    self.due(key.clone());
                }
                if change.event == ChangeEvent::Modified
                    && is_going(object)
                    && previous.is_some_and(|before| !is_going(before))
                {
                    self.due(key.clone());
                }
                self.owner_due(object);
                if change.event == ChangeEvent::Deleted {
                    // A Deployment that recreates waits for the last pod of the old ReplicaSet.
                    self.grandparent_due(object);
                }
                self.services_of(object);
            }
            "Node" => {
                for daemons in self.store.list("DaemonSet", None) {
                    self.due_object(&daemons);
                }
            }
            _ => {}
        }
        // What only ticks on (a scan's time, a run's time) is no reason to look closely.
        let same = change.event == ChangeEvent::Modified
            && previous.is_some_and(|before| {
                generation(before) == generation(object)
                    && before.get("data") == object.get("data")
                    && before["metadata"]["labels"] == object["metadata"]["labels"]
            });
        if !same || super::health::of(previous) != super::health::of(Some(object)) {
            self.touch(object, !same);
        }
    }

    /// Something that an idle object depends on changed, which it does not watch: its next run is a real one again.
    fn wake(&mut self, key: &Key) {
        if let Some(rhythm) = self.rhythms.get(key) {
            let at = rhythm.tick_after(self.seen);
            self.queue.add(key.clone(), at);
        }
    }

    /// Wakes every idle object of a kind that `depends` on what changed.
    fn wake_all(&mut self, kind: &'static str, depends: impl Fn(&Value) -> bool) {
        let idle: Vec<Key> = self
            .rhythms
            .keys()
            .filter(|key| key.kind == kind)
            .cloned()
            .collect();
        for key in idle {
            if self.object(&key).is_some_and(|object| depends(&object)) {
                self.wake(&key);
            }
        }
    }

    fn due_object(&mut self, object: &Arc<Value>) {
        if let Some(key) = Key::of(object) {
            self.due(key);
        }
    }

    /// An object went: forgets it, and takes with it what its controller would.
    fn gone(&mut self, key: &Key, object: &Arc<Value>) {
        self.queue.drop(key);
        self.rhythms.remove(key);
        self.failures.remove(key);
        match key.kind {
            "Kustomization" => {
                self.kustomizations.remove(key);
                self.finalize_kustomization(object);
            }
            "HelmRelease" => {
                self.releases.remove(key);
                self.finalize_release(object);
            }
            "ImageRepository" => {
                self.scans.remove(key);
            }
            "Pod" => {
                self.pods.remove(key);
                self.disown(key, object);
            }
            "ReplicaSet" => self.disown(key, object),
            _ => {}
        }
    }

    fn adopt(&mut self, key: &Key, object: &Value) {
        for owner in list(object, &["metadata", "ownerReferences"]) {
            self.owned
                .entry(text(owner, &["uid"]).to_owned())
                .or_default()
                .insert(key.clone());
        }
    }

    fn disown(&mut self, key: &Key, object: &Value) {
        for owner in list(object, &["metadata", "ownerReferences"]) {
            if let Some(owned) = self.owned.get_mut(text(owner, &["uid"])) {
                owned.remove(key);
            }
        }
    }

    fn owner_due(&mut self, object: &Value) {
        let namespace = text(object, &["metadata", "namespace"]).to_owned();
        for owner in list(object, &["metadata", "ownerReferences"]) {
            if let Some(kind) = WATCHED.iter().find(|kind| **kind == text(owner, &["kind"])) {
                let key = Key::new(kind, &namespace, text(owner, &["name"]));
                if self.object(&key).is_some() {
                    self.due(key);
                }
            }
        }
    }

    fn grandparent_due(&mut self, pod: &Value) {
        let namespace = text(pod, &["metadata", "namespace"]);
        for owner in list(pod, &["metadata", "ownerReferences"]) {
            let set = self
                .store
                .get(text(owner, &["kind"]), namespace, text(owner, &["name"]));
            if let Some(set) = set {
                self.owner_due(&set);
            }
        }
    }

    fn services_of(&mut self, pod: &Value) {
        for service in self
            .store
            .list("Service", Some(text(pod, &["metadata", "namespace"])))
        {
            if super::endpoints::selects(&service, pod) {
                self.due_object(&service);
            }
        }
    }

    /// A source's artifact is another: whoever builds from it is due.
    fn source_changed(&mut self, source: &Key) {
        for kind in ["Kustomization", "HelmChart"] {
            for object in self.store.list(kind, None) {
                let reference = at(&object, &["spec", "sourceRef"]);
                if reference.is_some_and(|reference| refers(reference, &object, source)) {
                    self.due_object(&object);
                }
            }
        }
        for object in self.store.list("HelmRelease", None) {
            let by_chart = source.kind == "HelmChart"
                && text(&object, &["status", "helmChart"]) == source.path();
            let by_reference = at(&object, &["spec", "chartRef"])
                .is_some_and(|reference| refers(reference, &object, source));
            if by_chart || by_reference {
                self.due_object(&object);
            }
        }
    }

    fn policies_of(&mut self, repository: &Key) {
        for policy in self.store.list("ImagePolicy", None) {
            let reference = at(&policy, &["spec", "imageRepositoryRef"]);
            if reference.is_some_and(|reference| names(reference, &policy, repository)) {
                self.due_object(&policy);
            }
        }
    }

    fn automations_of(&mut self, source: &Key) {
        for automation in self.store.list("ImageUpdateAutomation", None) {
            let reference = at(&automation, &["spec", "sourceRef"]);
            if reference.is_some_and(|reference| refers(reference, &automation, source)) {
                self.due_object(&automation);
            }
        }
    }

    /// A branch of a repository moved: sources with a webhook are fetched.
    fn pushed(&mut self, repository: &str) {
        let due: Vec<Key> = self
            .webhooks
            .iter()
            .filter_map(|path| path.split_once('/'))
            .map(|(namespace, name)| Key::new("GitRepository", namespace, name))
            .filter(|key| {
                self.object(key).is_some_and(|object| {
                    self.repository_path(text(&object, &["spec", "url"])) == Some(repository)
                })
            })
            .collect();
        for key in due {
            self.due(key);
        }
        let idle: Vec<Key> = self
            .rhythms
            .keys()
            .filter(|key| matches!(key.kind, "GitRepository" | "ImageUpdateAutomation"))
            .cloned()
            .collect();
        for key in idle {
            self.wake(&key);
        }
    }

    /// An object that a Kustomization or HelmRelease applied changed: the next run has to look closely.
    fn touch(&mut self, object: &Value, drifted: bool) {
        let Some(labels) = mapping(object, &["metadata", "labels"]) else {
            return;
        };
        for (kind, group) in [
            ("Kustomization", "kustomize.toolkit.fluxcd.io"),
            ("HelmRelease", "helm.toolkit.fluxcd.io"),
        ] {
            let label = |end: &str| {
                labels
                    .get(&format!("{group}/{end}"))
                    .and_then(Value::as_str)
            };
            let (Some(name), Some(namespace)) = (label("name"), label("namespace")) else {
                continue;
            };
            let key = Key::new(kind, namespace, name);
            if let Some(progress) = self.kustomizations.get_mut(&key) {
                progress.touched = true;
                progress.drifted |= drifted;
            }
            if let Some(progress) = self.releases.get_mut(&key) {
                progress.touched = true;
            }
            self.wake(&key);
        }
    }
}

/// What others read of a Kustomization or HelmRelease that they depend on.
fn answers(object: &Value) -> (bool, String) {
    let status = &object["status"];
    (
        super::conditions::is(status, "Ready", "True"),
        text(status, &["lastAppliedRevision"]).to_owned(),
    )
}

/// Whether a reference with a kind, in an object, is to a source.
fn refers(reference: &Value, object: &Value, source: &Key) -> bool {
    text(reference, &["kind"]) == source.kind && names(reference, object, source)
}

/// Whether a reference in an object names a key; its namespace is the object's unless it says another.
fn names(reference: &Value, object: &Value, key: &Key) -> bool {
    let namespace = match text(reference, &["namespace"]) {
        "" => text(object, &["metadata", "namespace"]),
        namespace => namespace,
    };
    text(reference, &["name"]) == &*key.name && namespace == &*key.namespace
}
