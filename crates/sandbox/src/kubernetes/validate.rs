//! What a real API server refuses of an object although it can be read: the rules that clients run into, worded as there.
//!
//! Only what is there is looked at: the company's own objects come from controllers and need no such thing.

use serde_json::Value;

use super::failure::Failure;
use super::kinds::Kind;
use super::object;

/// A field and what is wrong with it.
type Problem = (String, String);

/// Looks at an object that a client writes; `existing` is what it replaces.
pub(crate) fn validate(
    kind: &Kind,
    existing: Option<&Value>,
    object: &Value,
) -> Result<(), Failure> {
    let mut problems = labels(&object["metadata"]["labels"]);
    match kind.kind {
        "Pod" => problems.extend(containers(&object["spec"]["containers"], "spec")),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
            problems.extend(workload(existing, object));
        }
        _ => {}
    }
    if problems.is_empty() {
        return Ok(());
    }
    let name = object::name(object);
    Err(Failure::invalid_fields(
        kind.group, kind.kind, name, &problems,
    ))
}

fn labels(labels: &Value) -> Vec<Problem> {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .filter_map(|(_, value)| value.as_str())
        .filter(|value| !is_label_value(value))
        .map(|value| {
            let problem = format!(
                "Invalid value: {value:?}: a valid label must be an empty string or consist of alphanumeric characters, \
                 '-', '_' or '.', and must start and end with an alphanumeric character"
            );
            ("metadata.labels".to_owned(), problem)
        })
        .collect()
}

fn is_label_value(value: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    value.is_empty()
        || value.len() <= 63
            && value.starts_with(edge)
            && value.ends_with(edge)
            && value
                .chars()
                .all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

fn workload(existing: Option<&Value>, object: &Value) -> Vec<Problem> {
    let spec = &object["spec"];
    let mut problems = Vec::new();
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        let problem = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        problems.push(("spec.replicas".to_owned(), problem));
    }
    let template = &spec["template"];
    let wanted = spec["selector"]["matchLabels"].as_object();
    let given = &template["metadata"]["labels"];
    let fits = wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| given.get(key) == Some(value));
    if template.is_object() && !fits {
        let problem =
            format!("Invalid value: {given}: `selector` does not match template `labels`");
        problems.push(("spec.template.metadata.labels".to_owned(), problem));
    }
    if template["spec"].is_object() {
        let found = &template["spec"]["containers"];
        problems.extend(containers(found, "spec.template.spec"));
    }
    let before = existing.map_or(&Value::Null, |existing| &existing["spec"]["selector"]);
    if !before.is_null() && before != &spec["selector"] {
        let problem = format!("Invalid value: {}: field is immutable", spec["selector"]);
        problems.push(("spec.selector".to_owned(), problem));
    }
    problems
}

fn containers(containers: &Value, within: &str) -> Vec<Problem> {
    let containers = containers.as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        let place = format!("{within}.containers");
        return vec![(place, "Required value".to_owned())];
    }
    let mut problems = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let name = &container["name"];
        if containers[..index]
            .iter()
            .any(|other| &other["name"] == name)
        {
            let place = format!("{within}.containers[{index}].name");
            problems.push((place, format!("Duplicate value: {name}")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blamed(kind: &str, existing: Option<&Value>, object: &Value) -> Vec<String> {
        let checked = validate(Kind::named(kind).unwrap(), existing, object);
        let status = checked.map_or_else(|failure| failure.to_status(), |()| json!({}));
        let causes = status["details"]["causes"].as_array().into_iter().flatten();
        causes
            .map(|cause| format!("{} {}", cause["field"], cause["reason"]).replace('"', ""))
            .collect()
    }

    #[test]
    fn every_cause_is_named() {
        let object = json!({"metadata": {"name": "web", "labels": {"a": "no spaces"}}, "spec": {
            "replicas": -1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}}}});
        assert_eq!(
            blamed("Deployment", None, &object),
            [
                "metadata.labels FieldValueInvalid",
                "spec.replicas FieldValueInvalid",
                "spec.template.metadata.labels FieldValueInvalid",
                "spec.template.spec.containers FieldValueRequired"
            ]
        );
        let twice = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}});
        assert_eq!(
            blamed("Pod", None, &twice),
            ["spec.containers[2].name FieldValueDuplicate"]
        );
    }

    #[test]
    fn a_selector_stays() {
        let with = |app: &str| json!({"spec": {"selector": {"matchLabels": {"app": app}}}});
        assert_eq!(
            blamed("Deployment", Some(&with("a")), &with("b")),
            ["spec.selector FieldValueInvalid"]
        );
        assert!(blamed("Deployment", Some(&with("a")), &with("a")).is_empty());
        assert!(
            blamed(
                "ConfigMap",
                None,
                &json!({"metadata": {"labels": {"a": ""}}})
            )
            .is_empty()
        );
    }
}
