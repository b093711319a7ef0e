//! A Deployment's status: counts, and the conditions Available, Progressing and ReplicaFailure.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Bounds;
use crate::controllers::conditions;
use crate::controllers::fields::{count, flag, integer, moment, put, text};
use crate::controllers::workload::{put_count, remove_condition, set_condition};
use crate::controllers::{Controllers, Key, Next, generation};

impl Controllers {
    /// Writes the status, and says when the progress deadline has to be looked at.
    pub(super) fn deployment_progress(
        &mut self,
        key: &Key,
        current: Option<&Value>,
        sets: &[Arc<Value>],
        created: Option<&str>,
    ) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let before = &object["status"];
        let mut status = before.clone();
        let total = |field: &str| -> usize {
            sets.iter()
                .map(|set| count(set, &["status", field], 0))
                .sum()
        };
        let bounds = Bounds::of(&object);
        let name = current.map_or("", |set| text(set, &["metadata", "name"]));
        let updated = sets
            .iter()
            .find(|set| text(set, &["metadata", "name"]) == name)
            .map_or(0, |set| count(set, &["status", "replicas"], 0));
        // Also pods that cannot be created are unavailable: it counts what its sets should have.
        let asked: usize = sets
            .iter()
            .map(|set| count(set, &["spec", "replicas"], 0))
            .sum();
        let (replicas, available) = (total("replicas"), total("availableReplicas"));
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(&object)),
        );
        for (field, number) in [
            ("replicas", replicas),
            ("updatedReplicas", updated),
            ("readyReplicas", total("readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", asked.saturating_sub(available)),
        ] {
            put_count(&mut status, field, number);
        }
        let going = total("terminatingReplicas");
        put(&mut status, &["terminatingReplicas"], json!(going));
        let now = self.now;
        if available >= bounds.least {
            let message = "Deployment has minimum availability.";
            set_condition(
                &mut status,
                now,
                ("Available", "True"),
                "MinimumReplicasAvailable",
                message,
            );
        } else {
            let message = "Deployment does not have minimum availability.";
            set_condition(
                &mut status,
                now,
                ("Available", "False"),
                "MinimumReplicasUnavailable",
                message,
            );
        }
        let failure = sets
            .iter()
            .find_map(|set| conditions::find(&set["status"], "ReplicaFailure"));
        match failure {
            Some(failure) => {
                let (reason, message) = (text(failure, &["reason"]), text(failure, &["message"]));
                set_condition(
                    &mut status,
                    now,
                    ("ReplicaFailure", "True"),
                    reason,
                    message,
                );
            }
            None => remove_condition(&mut status, "ReplicaFailure"),
        }
        if let Some(reason) = created {
            let message = match reason {
                "FoundNewReplicaSet" => format!("Found new replica set \"{name}\""),
                _ => format!("Created new replica set \"{name}\""),
            };
            set_condition(&mut status, now, ("Progressing", "True"), reason, &message);
        }
        let next = self.progressing(&object, &mut status, name, bounds.wanted);
        self.write_status(key, status);
        next
    }

    /// The condition Progressing.
    fn progressing(&self, object: &Value, status: &mut Value, name: &str, wanted: usize) -> Next {
        let before = &object["status"];
        let now = self.now;
        let reason = |status: &Value| {
            conditions::find(status, "Progressing")
                .map(|condition| text(condition, &["reason"]).to_owned())
                .unwrap_or_default()
        };
        if flag(object, &["spec", "paused"]) {
            if reason(status) != "ProgressDeadlineExceeded" {
                set_condition(
                    status,
                    now,
                    ("Progressing", "Unknown"),
                    "DeploymentPaused",
                    "Deployment is paused",
                );
            }
            return Next::OnChange;
        }
        if reason(status) == "DeploymentPaused" {
            set_condition(
                status,
                now,
                ("Progressing", "Unknown"),
                "DeploymentResumed",
                "Deployment is resumed",
            );
        }
        let number = |status: &Value, field: &str| count(status, &[field], 0);
        let complete = number(status, "updatedReplicas") == wanted
            && number(status, "replicas") == wanted
            && number(status, "availableReplicas") == wanted;
        if complete {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            set_condition(
                status,
                now,
                ("Progressing", "True"),
                "NewReplicaSetAvailable",
                &message,
            );
            return Next::OnChange;
        }
        // A rollout that was complete once stays so while only pods come and go.
        let updated = number(status, "updatedReplicas");
        if reason(status) == "NewReplicaSetAvailable" && number(status, "replicas") == updated {
            return Next::OnChange;
        }
        let old = |status: &Value| {
            number(status, "replicas").saturating_sub(number(status, "updatedReplicas"))
        };
        let better = updated > number(before, "updatedReplicas")
            || old(status) < old(before)
            || number(status, "readyReplicas") > number(before, "readyReplicas")
            || number(status, "availableReplicas") > number(before, "availableReplicas");
        if better {
            let message = format!("ReplicaSet \"{name}\" is progressing.");
            // Progress moves the update time even if the reason is the same.
            remove_update(status);
            set_condition(
                status,
                now,
                ("Progressing", "True"),
                "ReplicaSetUpdated",
                &message,
            );
        }
        let deadline = integer(object, &["spec", "progressDeadlineSeconds"]).unwrap_or(600);
        let Some(condition) = conditions::find(status, "Progressing") else {
            return Next::OnChange;
        };
        if text(condition, &["reason"]) == "ProgressDeadlineExceeded" {
            return Next::OnChange;
        }
        let since = moment(condition, &["lastUpdateTime"]).unwrap_or(now);
        let passed = now.duration_since(since);
        let deadline = SignedDuration::from_secs(deadline);
        if passed < deadline {
            return Next::After(deadline - passed + SignedDuration::from_millis(200));
        }
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        set_condition(
            status,
            now,
            ("Progressing", "False"),
            "ProgressDeadlineExceeded",
            &message,
        );
        Next::OnChange
    }
}

/// Makes the next setting of Progressing an update, whatever its reason was.
fn remove_update(status: &mut Value) {
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if text(condition, &["type"]) == "Progressing" {
            put(condition, &["reason"], json!(""));
        }
    }
}
