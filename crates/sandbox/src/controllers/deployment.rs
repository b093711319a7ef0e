//! The Deployment controller: a ReplicaSet for each template, rolled from one to the next.
//!
//! Owns ReplicaSets and how many pods each may have; what the status says is in [`progress`].

mod progress;

use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{at, count, flag, integer, list, put, text};
use super::names::template_hash;
use super::workload::{owner_reference, share};
use super::{Controllers, Key, Next};

const COMPONENT: &str = "deployment-controller";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// How many pods a rollout may have, and must have.
struct Bounds {
    wanted: usize,
    most: usize,
    least: usize,
}

impl Bounds {
    fn of(object: &Value) -> Self {
        let wanted = count(object, &["spec", "replicas"], 1);
        if text(object, &["spec", "strategy", "type"]) == "Recreate" {
            return Self {
                wanted,
                most: wanted,
                least: 0,
            };
        }
        let limits = |field: &str| at(object, &["spec", "strategy", "rollingUpdate", field]);
        let quarter = json!("25%");
        let surge = share(
            Some(limits("maxSurge").unwrap_or(&quarter)),
            wanted,
            1,
            true,
        );
        let mut unavailable = share(
            Some(limits("maxUnavailable").unwrap_or(&quarter)),
            wanted,
            0,
            false,
        );
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self {
            wanted,
            most: wanted + surge,
            least: wanted.saturating_sub(unavailable),
        }
    }
}

fn replicas(set: &Value) -> usize {
    count(set, &["spec", "replicas"], 0)
}

/// Pods that serve; one that its set is about to delete no longer counts, although the status may still say it.
fn available(set: &Value) -> usize {
    count(set, &["status", "availableReplicas"], 0).min(replicas(set))
}

fn revision(object: &Value) -> i64 {
    text(object, &["metadata", "annotations", REVISION])
        .parse()
        .unwrap_or(0)
}

impl Controllers {
    pub(super) fn deployment(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let sets = self.owned(&object, "ReplicaSet");
        let hash = template_hash(&object["spec"]["template"]);
        let (mut current, mut old): (Vec<_>, Vec<_>) = sets
            .into_iter()
            .partition(|set| text(set, &["metadata", "labels", "pod-template-hash"]) == hash);
        old.sort_by_key(|set| revision(set));
        let mut current = current.pop();
        let paused = flag(&object, &["spec", "paused"]);
        let mut created = None;
        if !paused {
            let newest = old.iter().map(|set| revision(set)).max().unwrap_or(0);
            current = match current {
                Some(set) if revision(&set) > newest => Some(set),
                Some(set) => {
                    // An old template came back: its ReplicaSet becomes the newest revision.
                    self.mark_revision(&set, newest + 1);
                    created = Some("FoundNewReplicaSet");
                    self.refresh(&set)
                }
                None => {
                    created = Some("NewReplicaSetCreated");
                    self.create_set(&object, &hash, newest + 1)
                }
            };
            if let Some(current) = &current {
                if revision(&object) != revision(current) {
                    self.mark_revision(&object, revision(current));
                }
                self.roll(&object, current, &old);
                self.forget_old(&object, &old);
            }
        } else if let Some(current) = &current {
            // Paused: nothing is rolled, but wanted pods are still counted.
            let bounds = Bounds::of(&object);
            if old.iter().all(|set| replicas(set) == 0) {
                self.scale(&object, current, bounds.wanted);
            }
        }
        self.observe();
        let sets = self.owned(&object, "ReplicaSet");
        self.deployment_progress(key, current.as_deref(), &sets, created)
    }

    fn refresh(&self, object: &Value) -> Option<Arc<Value>> {
        self.object(&Key::of(object)?)
    }

    fn mark_revision(&self, object: &Value, revision: i64) {
        let Some(key) = Key::of(object) else {
            return;
        };
        let result = self
            .store
            .edit(key.kind, &key.namespace, &key.name, |object| {
                put(
                    object,
                    &["metadata", "annotations", REVISION],
                    json!(revision.to_string()),
                );
            });
        if let Err(error) = result {
            tracing::debug!(%error, "a revision had no object");
        }
    }

    fn create_set(&mut self, object: &Value, hash: &str, revision: i64) -> Option<Arc<Value>> {
        let name = format!("{}-{hash}", text(object, &["metadata", "name"]));
        let namespace = text(object, &["metadata", "namespace"]);
        let mut template = object["spec"]["template"].clone();
        put(
            &mut template,
            &["metadata", "labels", "pod-template-hash"],
            json!(hash),
        );
        let mut selector = object["spec"]["selector"].clone();
        put(
            &mut selector,
            &["matchLabels", "pod-template-hash"],
            json!(hash),
        );
        let set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": template["metadata"]["labels"],
                "annotations": {REVISION: revision.to_string()},
                "ownerReferences": owner_reference(object),
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0},
        });
        if let Err(error) = self.store.apply(set) {
            tracing::warn!(%error, name, "a ReplicaSet could not be stored");
        }
        // Seen at once, so that it counts as the Deployment's own below.
        self.observe();
        self.object(&Key::new("ReplicaSet", namespace, &name))
    }

    /// One step of the rollout, as far as the bounds allow.
    fn roll(&self, object: &Value, current: &Value, old: &[Arc<Value>]) {
        let bounds = Bounds::of(object);
        let old_total: usize = old.iter().map(|set| replicas(set)).sum();
        if text(object, &["spec", "strategy", "type"]) == "Recreate" {
            // Also those that are still ending.
            let running: usize = old.iter().map(|set| self.owned(set, "Pod").len()).sum();
            for set in old {
                self.scale(object, set, 0);
            }
            if old_total == 0 && running == 0 {
                self.scale(object, current, bounds.wanted);
            }
            return;
        }
        let mut target = replicas(current);
        if target > bounds.wanted {
            target = bounds.wanted;
        } else if target < bounds.wanted {
            let room = bounds.most.saturating_sub(target + old_total);
            target += room.min(bounds.wanted - target);
        }
        self.scale(object, current, target);
        if old_total == 0 {
            return;
        }
        // What old ReplicaSets may lose now: never more than would leave too few available.
        let lagging = target.saturating_sub(available(current));
        let mut budget = (target + old_total).saturating_sub(bounds.least + lagging);
        let mut targets: Vec<usize> = old.iter().map(|set| replicas(set)).collect();
        for (set, target) in old.iter().zip(&mut targets) {
            // Pods that do not serve go first.
            let idle = target.saturating_sub(available(set)).min(budget);
            *target -= idle;
            budget -= idle;
        }
        let serving: usize =
            old.iter().map(|set| available(set)).sum::<usize>() + available(current);
        let mut spare = serving.saturating_sub(bounds.least).min(budget);
        for target in &mut targets {
            let gone = (*target).min(spare);
            *target -= gone;
            spare -= gone;
        }
        for (set, target) in old.iter().zip(targets) {
            self.scale(object, set, target);
        }
    }

    fn scale(&self, object: &Value, set: &Value, target: usize) {
        let from = replicas(set);
        if from == target {
            return;
        }
        let Some(key) = Key::of(set) else {
            return;
        };
        let result = self.store.edit(key.kind, &key.namespace, &key.name, |set| {
            put(set, &["spec", "replicas"], json!(target));
        });
        if result.is_ok() {
            let direction = if target > from { "up" } else { "down" };
            let message = format!(
                "Scaled {direction} replica set {} from {from} to {target}",
                key.name
            );
            self.store
                .record_event(object, false, "ScalingReplicaSet", &message, COMPONENT);
        }
    }

    /// Deletes old, empty ReplicaSets beyond `revisionHistoryLimit`.
    fn forget_old(&self, object: &Value, old: &[Arc<Value>]) {
        let limit = count(object, &["spec", "revisionHistoryLimit"], 10);
        let empty: Vec<&Arc<Value>> = old
            .iter()
            .filter(|set| {
                replicas(set) == 0 && integer(set, &["status", "replicas"]).unwrap_or(0) == 0
            })
            .collect();
        for set in empty.iter().take(empty.len().saturating_sub(limit)) {
            if list(set, &["metadata", "ownerReferences"]).is_empty() {
                continue;
            }
            self.store.delete(
                "ReplicaSet",
                text(set, &["metadata", "namespace"]),
                text(set, &["metadata", "name"]),
            );
        }
    }
}
