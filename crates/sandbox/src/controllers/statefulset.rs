//! The StatefulSet controller: numbered pods, created in order and replaced from the last to the first, each only when
//! all before it are ready. (A pod that never gets ready therefore blocks its own replacement, as it does for real.)

use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{count, put, text};
use super::names::template_hash;
use super::workload::{is_going, is_ready, put_count};
use super::{Controllers, Key, Next, generation};

const HASH: &str = "controller-revision-hash";

/// How soon a pod that was refused is created again, in seconds.
const TRY_AGAIN: i64 = 60;

impl Controllers {
    pub(super) fn stateful_set(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let wanted = count(&object, &["spec", "replicas"], 1);
        let revision = format!(
            "{}-{}",
            key.name,
            template_hash(&object["spec"]["template"])
        );
        let current = match text(&object, &["status", "currentRevision"]) {
            "" => revision.clone(),
            current => current.to_owned(),
        };
        let mut pods = self.owned(&object, "Pod");
        let refused = self.refusal(&key.namespace, &object["spec"]["template"]);
        if self.step(&object, wanted, &revision, &pods, refused.as_deref()) {
            self.observe();
            pods = self.owned(&object, "Pod");
        }
        let at_revision = |revision: &str| pods.iter().filter(|pod| hash(pod) == revision).count();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let updated = at_revision(&revision);
        let complete = updated == wanted && pods.len() == wanted && ready == wanted;
        let current = if complete { revision.clone() } else { current };
        let mut status = object["status"].clone();
        for (field, value) in [
            ("observedGeneration", json!(generation(&object))),
            ("replicas", json!(pods.len())),
            ("availableReplicas", json!(ready)),
            ("currentRevision", json!(current)),
            ("updateRevision", json!(revision)),
            ("collisionCount", json!(0)),
        ] {
            put(&mut status, &[field], value);
        }
        for (field, number) in [
            ("readyReplicas", ready),
            ("currentReplicas", at_revision(&current)),
            ("updatedReplicas", updated),
        ] {
            put_count(&mut status, field, number);
        }
        self.write_status(key, status);
        if refused.is_some() && pods.len() < wanted {
            return Next::seconds(TRY_AGAIN);
        }
        Next::OnChange
    }

    /// One step towards the wanted pods: at most one is created or deleted. Answers whether one was.
    fn step(
        &mut self,
        object: &Value,
        wanted: usize,
        revision: &str,
        pods: &[Arc<Value>],
        refused: Option<&str>,
    ) -> bool {
        let set = text(object, &["metadata", "name"]);
        let named = |ordinal: usize| {
            let name = format!("{set}-{ordinal}");
            pods.iter()
                .find(|pod| text(pod, &["metadata", "name"]) == name)
        };
        let parallel = text(object, &["spec", "podManagementPolicy"]) == "Parallel";
        for ordinal in 0..wanted {
            match named(ordinal) {
                None => {
                    if let Some(why) = refused {
                        let message = format!(
                            "create Pod {set}-{ordinal} in StatefulSet {set} failed error: {why}"
                        );
                        self.store.record_event(
                            object,
                            true,
                            "FailedCreate",
                            &message,
                            "statefulset-controller",
                        );
                        return false;
                    }
                    let name = format!("{set}-{ordinal}");
                    self.create_pod(
                        object,
                        &name,
                        &object["spec"]["template"],
                        &[
                            (HASH, revision),
                            ("statefulset.kubernetes.io/pod-name", &name),
                            ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
                        ],
                    );
                    return true;
                }
                Some(pod) if !is_ready(pod) && !parallel => return false,
                Some(_) => {}
            }
        }
        let surplus = pods
            .iter()
            .filter(|pod| number(pod).is_some_and(|ordinal| ordinal >= wanted))
            .max_by_key(|pod| number(pod));
        if let Some(pod) = surplus {
            if is_going(pod) {
                return false;
            }
            self.delete_pod(object, pod);
            return true;
        }
        if text(object, &["spec", "updateStrategy", "type"]) == "OnDelete" {
            return false;
        }
        let partition = count(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "partition"],
            0,
        );
        for ordinal in (partition..wanted).rev() {
            match named(ordinal) {
                // It comes back under the new revision once it is gone.
                Some(pod) if is_going(pod) => return false,
                Some(pod) if hash(pod) != revision => {
                    self.delete_pod(object, pod);
                    return true;
                }
                Some(pod) if is_ready(pod) => {}
                _ => return false,
            }
        }
        false
    }
}

fn hash(pod: &Value) -> &str {
    text(pod, &["metadata", "labels", HASH])
}

fn number(pod: &Value) -> Option<usize> {
    text(pod, &["metadata", "name"])
        .rsplit_once('-')?
        .1
        .parse()
        .ok()
}
