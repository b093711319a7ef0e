//! The EndpointSlice controller: which pods a Service's selector finds, and which of them are ready.

use serde_json::{Value, json};

use super::conditions;
use super::fields::{at, list, mapping, text};
use super::names::suffix;
use super::workload::{is_going, is_ready, owner_reference};
use super::{Controllers, Key, Next};

/// Whether a Service's selector finds a pod; one without a selector finds none.
pub fn selects(service: &Value, pod: &Value) -> bool {
    let Some(selector) =
        mapping(service, &["spec", "selector"]).filter(|selector| !selector.is_empty())
    else {
        return false;
    };
    selector
        .iter()
        .all(|(label, value)| at(pod, &["metadata", "labels", label]) == Some(value))
}

impl Controllers {
    pub(super) fn service(&mut self, key: &Key) -> Next {
        let Some(service) = self.object(key) else {
            return Next::OnChange;
        };
        if mapping(&service, &["spec", "selector"]).is_none() {
            return Next::OnChange;
        }
        let endpoints: Vec<Value> = self
            .store
            .list("Pod", Some(&key.namespace))
            .iter()
            .filter(|pod| selects(&service, pod) && at(pod, &["status", "podIP"]).is_some())
            .map(|pod| {
                let ready = is_ready(pod);
                json!({
                    "addresses": [pod["status"]["podIP"]],
                    "conditions": {
                        "ready": ready,
                        "serving": conditions::is(&pod["status"], "Ready", "True"),
                        "terminating": is_going(pod),
                    },
                    "nodeName": pod["spec"]["nodeName"],
                    "targetRef": {
                        "kind": "Pod",
                        "namespace": &*key.namespace,
                        "name": pod["metadata"]["name"],
                        "uid": pod["metadata"]["uid"],
                    },
                })
            })
            .collect();
        let ports: Vec<Value> = list(&service, &["spec", "ports"])
            .iter()
            .map(|port| {
                let number = match at(port, &["targetPort"]) {
                    Some(number @ Value::Number(_)) => number.clone(),
                    _ => json!(8080),
                };
                json!({"name": text(port, &["name"]), "port": number, "protocol": "TCP"})
            })
            .collect();
        let end = suffix(self.seed, &[self.cluster(), &key.path(), "slice"], 5);
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": format!("{}-{end}", key.name),
                "namespace": &*key.namespace,
                "labels": {
                    "kubernetes.io/service-name": &*key.name,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": owner_reference(&service),
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        });
        if let Err(error) = self.store.apply(slice) {
            tracing::warn!(%error, "an EndpointSlice could not be stored");
        }
        Next::OnChange
    }
}
