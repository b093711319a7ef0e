//! What Kubernetes' workload controllers have in common: their conditions, their pods, and numbers as shares.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Controllers;
use super::conditions;
use super::fields::{at, cut, entry, put, stamp, text};
use super::names::suffix;
use crate::faults::PodBehaviour;

/// A condition as apps/v1 keeps it: the transition is a change of status alone. Answers whether anything changed.
pub fn set_condition(
    status: &mut Value,
    now: Timestamp,
    (kind, value): (&str, &str),
    reason: &str,
    message: &str,
) -> bool {
    let conditions = entry(status)
        .entry("conditions")
        .or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else {
        return false;
    };
    let fresh = json!({
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp(now),
        "lastTransitionTime": stamp(now),
    });
    match conditions.iter_mut().find(|c| text(c, &["type"]) == kind) {
        Some(known) if text(known, &["status"]) == value && text(known, &["reason"]) == reason => {
            let said = text(known, &["message"]) == message;
            put(known, &["message"], json!(message));
            !said
        }
        Some(known) => {
            let transition = if text(known, &["status"]) == value {
                known["lastTransitionTime"].clone()
            } else {
                stamp(now)
            };
            *known = fresh;
            put(known, &["lastTransitionTime"], transition);
            true
        }
        None => {
            conditions.push(fresh);
            true
        }
    }
}

/// Writes a count as the API server does where a nought is left out.
pub fn put_count(status: &mut Value, field: &str, count: usize) {
    match count {
        0 => cut(status, &[field]),
        some => put(status, &[field], json!(some)),
    }
}

/// Removes a condition.
pub fn remove_condition(status: &mut Value, kind: &str) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|c| text(c, &["type"]) != kind);
    }
}

/// A number, or a share of `total` in percent (`25%`), rounded up or down.
pub fn share(value: Option<&Value>, total: usize, default: usize, up: bool) -> usize {
    match value {
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default),
        Some(Value::String(text)) => match text.strip_suffix('%').map(str::parse::<usize>) {
            Some(Ok(percent)) if up => (total * percent).div_ceil(100),
            Some(Ok(percent)) => total * percent / 100,
            _ => text.parse().unwrap_or(default),
        },
        _ => default,
    }
}

/// `terminationGracePeriodSeconds` by default.
const GRACE: i64 = 30;

/// Whether an object is on its way out.
pub fn is_going(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
}

/// Whether a pod is ready and stays.
pub fn is_ready(pod: &Value) -> bool {
    conditions::is(&pod["status"], "Ready", "True") && !is_going(pod)
}

/// The reference by which a dependent names its controller.
pub fn owner_reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

impl Controllers {
    /// What an object owns, of one kind, by name.
    pub(super) fn owned(&self, owner: &Value, kind: &str) -> Vec<Arc<Value>> {
        self.owned
            .get(text(owner, &["metadata", "uid"]))
            .into_iter()
            .flatten()
            .filter(|key| key.kind == kind)
            .filter_map(|key| self.object(key))
            .collect()
    }

    /// The pods of an owner that are not on their way out.
    pub(super) fn active_pods(&self, owner: &Value) -> Vec<Arc<Value>> {
        let mut pods = self.owned(owner, "Pod");
        pods.retain(|pod| !is_going(pod));
        pods
    }

    /// Why pods of a template may not be created, if they may not.
    pub(super) fn refusal(&self, namespace: &str, template: &Value) -> Option<String> {
        match self.behaviour(namespace, &template["spec"])? {
            (_, PodBehaviour::Refused { message }) => Some(message),
            _ => None,
        }
    }

    /// Creates a pod from an owner's template, with labels added to the template's.
    pub(super) fn create_pod(
        &mut self,
        owner: &Value,
        name: &str,
        template: &Value,
        labels: &[(&str, &str)],
    ) {
        let namespace = text(owner, &["metadata", "namespace"]);
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"]["annotations"],
                "ownerReferences": owner_reference(owner),
            },
            "spec": template["spec"],
            "status": {"phase": "Pending", "qosClass": quality(&template["spec"])},
        });
        for (label, value) in labels {
            put(&mut pod, &["metadata", "labels", label], json!(value));
        }
        for (field, value) in [
            ("restartPolicy", "Always"),
            ("dnsPolicy", "ClusterFirst"),
            ("schedulerName", "default-scheduler"),
        ] {
            if at(&pod, &["spec", field]).is_none() {
                put(&mut pod, &["spec", field], json!(value));
            }
        }
        match self.store.apply(pod) {
            Ok(_) => {
                let component = match text(owner, &["kind"]) {
                    "ReplicaSet" => "replicaset-controller",
                    "StatefulSet" => "statefulset-controller",
                    "Job" => "job-controller",
                    _ => "daemonset-controller",
                };
                let message = if component == "statefulset-controller" {
                    let set = text(owner, &["metadata", "name"]);
                    format!("create Pod {name} in StatefulSet {set} successful")
                } else {
                    format!("Created pod: {name}")
                };
                self.store
                    .record_event(owner, false, "SuccessfulCreate", &message, component);
            }
            Err(error) => tracing::warn!(%error, name, "a pod could not be stored"),
        }
    }

    /// Deletes a pod of an owner: it gets time to end.
    pub(super) fn delete_pod(&mut self, owner: &Value, pod: &Value) {
        let (namespace, name) = (
            text(pod, &["metadata", "namespace"]),
            text(pod, &["metadata", "name"]),
        );
        self.store.record_event(
            pod,
            false,
            "Killing",
            &format!(
                "Stopping container {}",
                text(&pod["spec"]["containers"][0], &["name"])
            ),
            "kubelet",
        );
        self.store.terminate("Pod", namespace, name, GRACE);
        let component = match text(owner, &["kind"]) {
            "ReplicaSet" => "replicaset-controller",
            "StatefulSet" => "statefulset-controller",
            _ => "daemonset-controller",
        };
        self.store.record_event(
            owner,
            false,
            "SuccessfulDelete",
            &format!("Deleted pod: {name}"),
            component,
        );
    }

    /// The name of an owner's next pod: five letters that no pod of it had before.
    pub(super) fn pod_name(&mut self, owner: &Value) -> String {
        let uid = text(owner, &["metadata", "uid"]);
        let count = self.created.entry(uid.to_owned()).or_default();
        *count += 1;
        let count = count.to_string();
        let name = text(owner, &["metadata", "name"]);
        let namespace = text(owner, &["metadata", "namespace"]);
        format!(
            "{name}-{}",
            suffix(self.seed, &[self.store.name(), namespace, name, &count], 5)
        )
    }
}

/// `status.qosClass`
fn quality(spec: &Value) -> &'static str {
    let resources: Vec<Option<&Value>> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| at(container, &["resources", "limits"]))
        .collect();
    let requests = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|container| at(container, &["resources", "requests"]).is_some());
    if !resources.is_empty()
        && resources.iter().all(|limits| {
            limits.is_some_and(|l| l.get("cpu").is_some() && l.get("memory").is_some())
        })
        && !requests
    {
        "Guaranteed"
    } else if requests || resources.iter().any(Option::is_some) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_as_rollouts_need_them() {
        let quarter = json!("25%");
        assert_eq!(share(Some(&quarter), 3, 1, true), 1);
        assert_eq!(share(Some(&quarter), 3, 1, false), 0);
        assert_eq!(share(Some(&json!(2)), 3, 1, true), 2);
        assert_eq!(share(None, 3, 1, true), 1);
    }

    #[test]
    fn a_transition_is_a_change_of_status_alone() {
        let mut status = json!({});
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(set_condition(
            &mut status,
            at(10),
            ("Progressing", "True"),
            "A",
            "a"
        ));
        assert!(!set_condition(
            &mut status,
            at(20),
            ("Progressing", "True"),
            "A",
            "a"
        ));
        assert!(set_condition(
            &mut status,
            at(30),
            ("Progressing", "True"),
            "B",
            "b"
        ));
        let condition = conditions::find(&status, "Progressing").unwrap();
        assert_eq!(condition["lastTransitionTime"], "1970-01-01T00:00:10Z");
        assert_eq!(condition["lastUpdateTime"], "1970-01-01T00:00:30Z");
    }
}
