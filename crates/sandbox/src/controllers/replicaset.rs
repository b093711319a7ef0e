//! The ReplicaSet controller: as many pods as wanted, or why they cannot be created.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::conditions;
use super::fields::{at, count, cut, entry, put, text};
use super::workload::{is_ready, put_count, remove_condition, set_condition};
use super::{Controllers, Key, Next, generation};

impl Controllers {
    pub(super) fn replica_set(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let wanted = count(&object, &["spec", "replicas"], 1);
        let mut pods = self.active_pods(&object);
        let mut status = object["status"].clone();
        let mut refused = None;
        if pods.len() < wanted {
            let template = &object["spec"]["template"];
            refused = self.refusal(&key.namespace, template);
            if refused.is_none() {
                for _ in pods.len()..wanted {
                    let name = self.pod_name(&object);
                    self.create_pod(&object, &name, template, &[]);
                }
            }
        }
        if pods.len() > wanted {
            for pod in surplus(&mut pods, wanted) {
                self.delete_pod(&object, &pod);
            }
        }
        if pods.len() != wanted {
            // What was just created or deleted counts at once.
            self.observe();
            pods = self.active_pods(&object);
        }
        let next = match &refused {
            Some(message) => {
                set_condition(
                    &mut status,
                    self.now,
                    ("ReplicaFailure", "True"),
                    "FailedCreate",
                    message,
                );
                let said = entry(&mut status).get_mut("conditions");
                for condition in said.and_then(Value::as_array_mut).into_iter().flatten() {
                    // A Deployment's conditions have it, a ReplicaSet's never had.
                    cut(condition, &["lastUpdateTime"]);
                }
                let said = format!("Error creating: {message}");
                self.store.record_event(
                    &object,
                    true,
                    "FailedCreate",
                    &said,
                    "replicaset-controller",
                );
                // The work queue's own back-off: 5 ms doubled up to about 16 minutes.
                let failures = self.failures.entry(key.clone()).or_insert(10);
                *failures += 1;
                let wait = 5_i64 << (*failures).min(18);
                Next::After(SignedDuration::from_millis(wait.min(983_040)))
            }
            None => {
                self.succeeded(key);
                remove_condition(&mut status, "ReplicaFailure");
                Next::OnChange
            }
        };
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let going = self
            .owned(&object, "Pod")
            .len()
            .saturating_sub(self.active_pods(&object).len());
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(&object)),
        );
        put(&mut status, &["replicas"], json!(pods.len()));
        for (field, number) in [
            ("fullyLabeledReplicas", pods.len()),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
        ] {
            put_count(&mut status, field, number);
        }
        put(&mut status, &["terminatingReplicas"], json!(going));
        self.write_status(key, status);
        next
    }
}

/// The pods to delete so that `wanted` remain: those that serve least first, then the newest.
fn surplus(pods: &mut [Arc<Value>], wanted: usize) -> Vec<Arc<Value>> {
    pods.sort_by_key(|pod| {
        (
            at(pod, &["spec", "nodeName"]).is_some(),
            text(pod, &["status", "phase"]) == "Running",
            conditions::is(&pod["status"], "Ready", "True"),
            std::cmp::Reverse(text(pod, &["metadata", "creationTimestamp"]).to_owned()),
        )
    });
    pods[..pods.len() - wanted].to_vec()
}
