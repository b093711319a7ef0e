//! The scale of a workload: its number of replicas as an object of its own.

use serde_json::{Value, json};

use super::failure::Failure;
use super::object;

/// A workload's scale.
pub(crate) fn of(workload: &Value) -> Value {
    let metadata = &workload["metadata"];
    let labels = workload["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        // One replica is what a workload has that does not say.
        "spec": {"replicas": workload["spec"]["replicas"].as_i64().unwrap_or(1)},
        "status": {
            "replicas": workload["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": selector.join(","),
        },
    })
}

/// A workload with another scale.
pub(crate) fn set(workload: &Value, scale: &Value) -> Result<Value, Failure> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        return Err(Failure::bad_request(format!(
            "spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0"
        )));
    }
    let mut scaled = workload.clone();
    object::section(&mut scaled, "spec").insert("replicas".into(), json!(replicas));
    Ok(scaled)
}
