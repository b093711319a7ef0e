//! What an action looks at before and after it: objects as the server has them now, past everything that is kept here.
//!
//! Owns which kinds those are. Secrets and ConfigMaps are none of them: what an action reads it plans by, shows and writes
//! down.

use std::sync::Arc;

use api::ObjectRef;
use facts::Kind;
use serde_json::Value;

use crate::failure::{Failure, Why};
use crate::kinds::{collection, place};
use crate::read::{ReadError, collection_of};
use crate::server::{Server, segment};
use crate::watch::Shared;

/// The kinds that are not kept as facts, each with its group, version and plural: a kind's name alone might be found in
/// somebody else's group.
const OTHERS: [(&str, &str, &str, &str); 6] = [
    ("CronJob", "batch", "v1", "cronjobs"),
    ("Job", "batch", "v1", "jobs"),
    (
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
    ),
    (
        "PodDisruptionBudget",
        "policy",
        "v1",
        "poddisruptionbudgets",
    ),
    // What a team shares: requests for approvals, and locks.
    ("ActionRun", "landfall.dev", "v1alpha1", "actionruns"),
    ("Lease", "coordination.k8s.io", "v1", "leases"),
];

/// One object; `None` only where the API server itself says that there is none of this name.
pub(crate) async fn one(
    shared: &Arc<Shared>,
    cluster: &str,
    object: &ObjectRef,
) -> Result<Option<Value>, ReadError> {
    let looking = Looking::at(shared, cluster, &object.kind, object.to_string())?;
    let all = looking.collection(&object.kind, &object.namespace).await?;
    let path = format!("{all}/{}", segment(&object.name));
    match looking.get(&path).await {
        Ok(found) => Ok(Some(found)),
        Err(failure) if is_absent(&failure, &object.name) => Ok(None),
        Err(failure) => Err(looking.failed(failure)),
    }
}

/// All objects of a kind in a namespace.
pub(crate) async fn all(
    shared: &Arc<Shared>,
    cluster: &str,
    kind: &str,
    namespace: &str,
) -> Result<Vec<Value>, ReadError> {
    let subject = format!("{kind} objects in {namespace}");
    let looking = Looking::at(shared, cluster, kind, subject)?;
    let path = looking.collection(kind, namespace).await?;
    let answer = looking.get(&path).await;
    let mut list = answer.map_err(|failure| looking.failed(failure))?;
    match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(looking.failed(Failure::new(Why::Malformed, "the answer is no list"))),
    }
}

/// One look.
struct Looking<'a> {
    shared: &'a Shared,
    server: Arc<Server>,
    cluster: &'a str,
    subject: String,
}

impl<'a> Looking<'a> {
    /// Refuses a kind that is not looked at before anything is asked.
    fn at(
        shared: &'a Shared,
        cluster: &'a str,
        kind: &str,
        subject: String,
    ) -> Result<Self, ReadError> {
        if !is_looked_at(kind) {
            return Err(ReadError::NotRaw {
                kind: kind.to_owned(),
            });
        }
        let Some(server) = shared.line.server() else {
            return Err(ReadError::NotConnected {
                cluster: cluster.to_owned(),
                subject,
            });
        };
        Ok(Self {
            shared,
            server,
            cluster,
            subject,
        })
    }

    async fn collection(&self, kind: &str, namespace: &str) -> Result<String, ReadError> {
        let other = OTHERS.iter().find(|(other, ..)| *other == kind);
        let path = match (other, Kind::from_name(kind)) {
            (Some((_, group, version, plural)), _) => {
                let namespace = segment(namespace);
                Some(collection(group, version, plural, Some(&namespace)))
            }
            (None, Some(kind)) => collection_of(self.shared, &self.server, kind, namespace)
                .await
                .map_err(|failure| self.failed(failure))?,
            (None, None) => None,
        };
        path.ok_or_else(|| ReadError::UnknownKind {
            cluster: self.cluster.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// What a path answers, which is an object or a list of some kind.
    async fn get(&self, path: &str) -> Result<Value, Failure> {
        let within = self.shared.options.list_within;
        let answer = self.server.get(path, within).await?;
        serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .filter(|value| value.get("kind").is_some_and(Value::is_string))
            .ok_or_else(|| Failure::new(Why::Malformed, "the answer is no object"))
    }

    fn failed(&self, failure: Failure) -> ReadError {
        ReadError::Failed {
            cluster: self.cluster.to_owned(),
            subject: self.subject.clone(),
            failure,
        }
    }
}

fn is_looked_at(kind: &str) -> bool {
    let is_fact = Kind::from_name(kind).is_some_and(|kind| !place(kind).plural.is_empty());
    is_fact || OTHERS.iter().any(|(other, ..)| *other == kind)
}

/// Whether it is the API server that says so, of this object: `pods "web" not found`. A 404 of a proxy in between, or of a
/// kind that is not served, says nothing of the object, and would read as a pod that is gone.
fn is_absent(failure: &Failure, name: &str) -> bool {
    let named = format!(" \"{name}\" not found");
    failure.why == Why::NotFound && failure.reason.ends_with(&named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_config_maps_are_not_looked_at_and_what_actions_are_about_is() {
        for kind in ["Secret", "ConfigMap", "EcsService", "secrets", ""] {
            assert!(!is_looked_at(kind), "{kind}");
        }
        for kind in [
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "ReplicaSet",
            "Pod",
            "CronJob",
            "Job",
            "Kustomization",
            "HelmRelease",
            "GitRepository",
            "OCIRepository",
            "ImageUpdateAutomation",
            "HorizontalPodAutoscaler",
            "PodDisruptionBudget",
            "ActionRun",
            "Lease",
        ] {
            assert!(is_looked_at(kind), "{kind}");
        }
    }

    #[test]
    fn only_the_api_servers_own_word_makes_an_object_absent() {
        let said = |message: &str| {
            let body = serde_json::json!({"message": message}).to_string();
            is_absent(&Failure::answer(404, body.as_bytes()), "web")
        };
        assert!(said("pods \"web\" not found"));
        assert!(said("deployments.apps \"web\" not found"));
        assert!(!said("pods \"other-web\" not found"));
        assert!(!said("the server could not find the requested resource"));
        let page = Failure::answer(404, b"<html>no such page</html>");
        assert!(!is_absent(&page, "web"));
    }
}
