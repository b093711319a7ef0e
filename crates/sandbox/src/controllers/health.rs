//! Whether an object is what it should be, by the rules of kstatus, which Flux's health checks and Helm waits follow.

use serde_json::Value;

use super::conditions;
use super::fields::{at, integer, list, text};
use super::{Key, generation};

/// kstatus' verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Current,
    /// On its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is to be deleted.
    Terminating,
    /// It does not exist.
    NotFound,
}

impl Health {
    /// The word in messages: `status: 'InProgress'`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
        }
    }
}

/// The verdict on an object.
pub fn of(object: Option<&Value>) -> Health {
    let Some(object) = object else {
        return Health::NotFound;
    };
    if at(object, &["metadata", "deletionTimestamp"]).is_some() {
        return Health::Terminating;
    }
    let status = &object["status"];
    let observed = integer(status, &["observedGeneration"]);
    if observed.is_some_and(|observed| observed != generation(object)) {
        return Health::InProgress;
    }
    if conditions::is(status, "Reconciling", "True") {
        return Health::InProgress;
    }
    if conditions::is(status, "Stalled", "True") {
        return Health::Failed;
    }
    let fine = match text(object, &["kind"]) {
        "Deployment" => return deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => {
            let wanted = integer(status, &["desiredNumberScheduled"]);
            let number = |field: &str| integer(status, &[field]).unwrap_or(0);
            observed.is_some()
                && wanted.is_some_and(|wanted| {
                    number("currentNumberScheduled") >= wanted
                        && number("updatedNumberScheduled") >= wanted
                        && number("numberAvailable") >= wanted
                        && number("numberReady") >= wanted
                })
        }
        "PersistentVolumeClaim" => text(status, &["phase"]) == "Bound",
        "Job" => {
            conditions::is(status, "Complete", "True") || {
                if conditions::is(status, "Failed", "True") {
                    return Health::Failed;
                }
                false
            }
        }
        // Custom objects: Ready, if they say it; what says nothing is taken as it is.
        _ => match conditions::find(status, "Ready") {
            Some(ready) => text(ready, &["status"]) == "True",
            None => !expects_status(object),
        },
    };
    if fine {
        Health::Current
    } else {
        Health::InProgress
    }
}

/// Flux's objects begin with `observedGeneration: -1`, so that one that no controller has seen is in progress.
fn expects_status(object: &Value) -> bool {
    text(object, &["apiVersion"]).contains(".fluxcd.io/") && text(object, &["kind"]) != "Receiver"
}

fn deployment(object: &Value) -> Health {
    let status = &object["status"];
    let conditions = list(status, &["conditions"]);
    if conditions.iter().any(|c| {
        text(c, &["type"]) == "Progressing" && text(c, &["reason"]) == "ProgressDeadlineExceeded"
    }) {
        return Health::Failed;
    }
    let wanted = integer(object, &["spec", "replicas"]).unwrap_or(1);
    let number = |field: &str| integer(status, &[field]).unwrap_or(0);
    let complete = conditions.iter().any(|c| {
        text(c, &["type"]) == "Progressing"
            && text(c, &["status"]) == "True"
            && text(c, &["reason"]) == "NewReplicaSetAvailable"
    });
    let available = conditions::is(status, "Available", "True");
    let there = number("replicas") == wanted
        && number("updatedReplicas") >= wanted
        && number("updatedReplicas") <= number("availableReplicas")
        && number("readyReplicas") >= wanted;
    if there && complete && available {
        Health::Current
    } else {
        Health::InProgress
    }
}

fn stateful_set(object: &Value) -> bool {
    let status = &object["status"];
    let wanted = integer(object, &["spec", "replicas"]).unwrap_or(1);
    let number = |field: &str| integer(status, &[field]).unwrap_or(0);
    text(object, &["spec", "updateStrategy", "type"]) == "OnDelete"
        || number("replicas") == wanted
            && number("readyReplicas") >= wanted
            && number("currentReplicas") >= wanted
            && text(status, &["currentRevision"]) == text(status, &["updateRevision"])
}

/// Why a check of these objects ended badly: what failed is named; where nothing did, time is up, and all that is not
/// current is.
pub fn culprits(found: &[(&Key, Health)]) -> String {
    let failed = found.iter().any(|(_, health)| *health == Health::Failed);
    let named: Vec<String> = found
        .iter()
        .filter(|(_, health)| match failed {
            true => *health == Health::Failed,
            false => *health != Health::Current,
        })
        .map(|(key, health)| format!("{} status: '{}'", key.subject(), health.word()))
        .collect();
    let how = if failed {
        "failed early due to stalled resources"
    } else {
        "timeout waiting for"
    };
    format!("{how}: [{}]", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployed(status: Value) -> Value {
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"generation": 2},
               "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn a_deployment_is_current_when_all_its_pods_are_new_and_available() {
        let conditions = json!([
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
        ]);
        let mut object = deployed(
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2,
            "readyReplicas": 2, "availableReplicas": 2, "conditions": conditions}),
        );
        assert_eq!(of(Some(&object)), Health::Current);
        object["status"]["readyReplicas"] = json!(1);
        assert_eq!(of(Some(&object)), Health::InProgress);
        object["status"]["observedGeneration"] = json!(1);
        assert_eq!(of(Some(&object)), Health::InProgress);
    }

    #[test]
    fn a_deployment_past_its_deadline_has_failed() {
        let object = deployed(json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}));
        assert_eq!(of(Some(&object)), Health::Failed);
    }

    #[test]
    fn a_flux_object_that_nobody_has_seen_is_in_progress() {
        let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {}});
        assert_eq!(of(Some(&object)), Health::InProgress);
        assert_eq!(
            of(Some(
                &json!({"apiVersion": "v1", "kind": "Service", "metadata": {}})
            )),
            Health::Current
        );
        assert_eq!(of(None), Health::NotFound);
    }
}
