//! The scale of a workload: its number of replicas as an object of its own.

use serde_json::{Value, json};

use super::failure::Failure;
use super::kinds::Kind;
use super::object;

/// A workload's scale.
pub(crate) fn of(kind: &Kind, workload: &Value) -> Value {
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
        "spec": {"replicas": number(workload, kind.replicas_at).unwrap_or(1)},
        "status": {
            "replicas": number(workload, kind.counted_at).unwrap_or(0),
            "selector": selector.join(","),
        },
    })
}

/// A workload with another scale.
pub(crate) fn set(kind: &Kind, workload: &Value, scale: &Value) -> Result<Value, Failure> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let problem = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        return Err(Failure::invalid_fields(
            "autoscaling",
            "Scale",
            object::name(workload),
            &[("spec.replicas".to_owned(), problem)],
        ));
    }
    let mut scaled = workload.clone();
    let (within, field) = kind.replicas_at.rsplit_once('/').unwrap_or_default();
    let within = within.split('/').filter(|step| !step.is_empty());
    let section = within.fold(&mut scaled, |value, step| {
        object::fields(value)
            .entry(step)
            .or_insert_with(|| json!({}))
    });
    object::fields(section).insert(field.into(), json!(replicas));
    Ok(scaled)
}

fn number(workload: &Value, at: &str) -> Option<i64> {
    workload.pointer(at).and_then(Value::as_i64)
}
