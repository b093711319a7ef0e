//! What the cells of tables say, for all kinds but pods.

use jiff::Timestamp;
use serde_json::Value;

use super::since;

const NONE: &str = "<none>";

pub(super) fn text(value: &Value) -> Value {
    text_or(value, "")
}

pub(super) fn text_or_none(value: &Value) -> Value {
    text_or(value, NONE)
}

pub(super) fn text_or(value: &Value, otherwise: &str) -> Value {
    match value.as_str() {
        Some("") | None => otherwise.into(),
        Some(text) => text.into(),
    }
}

pub(super) fn number(value: &Value) -> Value {
    value.as_i64().unwrap_or(0).into()
}

/// `True` or `False`.
pub(super) fn cased(yes: bool) -> Value {
    if yes { "True".into() } else { "False".into() }
}

pub(super) fn name(object: &Value, _: Timestamp) -> Value {
    text(&object["metadata"]["name"])
}

pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    since(&object["metadata"]["creationTimestamp"], now).into()
}

pub(super) fn since_or_none(value: &Value, now: Timestamp) -> Value {
    match value {
        Value::String(_) => since(value, now).into(),
        _ => NONE.into(),
    }
}

/// The elements of a list, each as `show` has it; `<none>` if there are none.
pub(super) fn joined(list: &Value, show: impl Fn(&Value) -> String) -> Value {
    let shown: Vec<String> = elements(list).map(show).collect();
    if shown.is_empty() {
        return NONE.into();
    }
    shown.join(",").into()
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// `key=value,…` of a map of texts.
pub(super) fn pairs(map: &Value) -> Value {
    let Some(map) = map.as_object().filter(|map| !map.is_empty()) else {
        return NONE.into();
    };
    let pairs: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",").into()
}

pub(super) fn match_labels(object: &Value, _: Timestamp) -> Value {
    pairs(&object["spec"]["selector"]["matchLabels"])
}

pub(super) fn container_list(template: &Value, field: &str) -> Value {
    let shown: Vec<&str> = elements(&template["spec"]["containers"])
        .filter_map(|container| container[field].as_str())
        .collect();
    shown.join(",").into()
}

pub(super) fn container_names(object: &Value, _: Timestamp) -> Value {
    container_list(&object["spec"]["template"], "name")
}

pub(super) fn images(object: &Value, _: Timestamp) -> Value {
    container_list(&object["spec"]["template"], "image")
}

/// `ready/desired`.
pub(super) fn ready_of(object: &Value, desired: &Value) -> Value {
    let ready = object["status"]["readyReplicas"].as_i64().unwrap_or(0);
    format!("{ready}/{}", desired.as_i64().unwrap_or(1)).into()
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    elements(&object["status"]["conditions"]).find(|condition| condition["type"] == kind)
}

pub(super) fn ready(object: &Value, _: Timestamp) -> Value {
    condition(object, "Ready").map_or("".into(), |condition| text(&condition["status"]))
}

pub(super) fn ready_message(object: &Value, _: Timestamp) -> Value {
    condition(object, "Ready").map_or("".into(), |condition| text(&condition["message"]))
}

pub(super) fn data_count(object: &Value, _: Timestamp) -> Value {
    let count = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
    (count("data") + count("binaryData")).into()
}

pub(super) fn node_status(node: &Value, _: Timestamp) -> Value {
    let ready = match condition(node, "Ready").map(|condition| &condition["status"]) {
        Some(status) if status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if node["spec"]["unschedulable"] == true {
        format!("{ready},SchedulingDisabled").into()
    } else {
        ready.into()
    }
}

pub(super) fn node_roles(node: &Value, _: Timestamp) -> Value {
    let roles: Vec<&str> = node["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    if roles.is_empty() {
        NONE.into()
    } else {
        roles.join(",").into()
    }
}

pub(super) fn node_address(node: &Value, kind: &str) -> Value {
    elements(&node["status"]["addresses"])
        .find(|address| address["type"] == kind)
        .map_or(NONE.into(), |address| text(&address["address"]))
}

/// Where a load balancer put a Service or Ingress.
pub(super) fn balancer(object: &Value, otherwise: &str) -> Value {
    let addresses: Vec<&str> = elements(&object["status"]["loadBalancer"]["ingress"])
        .filter_map(|place| place["ip"].as_str().or(place["hostname"].as_str()))
        .collect();
    if addresses.is_empty() {
        otherwise.into()
    } else {
        addresses.join(",").into()
    }
}

pub(super) fn external_address(service: &Value, _: Timestamp) -> Value {
    match service["spec"]["type"].as_str() {
        Some("LoadBalancer") => balancer(service, "<pending>"),
        Some("ExternalName") => text(&service["spec"]["externalName"]),
        _ => NONE.into(),
    }
}

pub(super) fn service_ports(service: &Value, _: Timestamp) -> Value {
    joined(&service["spec"]["ports"], |port| {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        match port["nodePort"].as_i64() {
            Some(node_port) => format!("{}:{node_port}/{protocol}", port["port"]),
            None => format!("{}/{protocol}", port["port"]),
        }
    })
}

pub(super) fn last_seen(event: &Value, now: Timestamp) -> Value {
    since(&event["lastTimestamp"], now).into()
}

pub(super) fn first_seen(event: &Value, now: Timestamp) -> Value {
    since(&event["firstTimestamp"], now).into()
}

pub(super) fn involved_object(event: &Value, _: Timestamp) -> Value {
    let involved = &event["involvedObject"];
    let kind = involved["kind"].as_str().unwrap_or_default();
    format!(
        "{}/{}",
        kind.to_ascii_lowercase(),
        involved["name"].as_str().unwrap_or_default()
    )
    .into()
}

/// `resource: used/hard, …`, either the limits or the rest.
pub(super) fn quota(quota: &Value, limits: bool) -> Value {
    let hard = quota["status"]["hard"].as_object();
    let used = &quota["status"]["used"];
    let shown: Vec<String> = hard
        .into_iter()
        .flatten()
        .filter(|(resource, _)| resource.starts_with("limits.") == limits)
        .map(|(resource, hard)| {
            format!(
                "{resource}: {}/{}",
                used[resource].as_str().unwrap_or("0"),
                hard.as_str().unwrap_or_default()
            )
        })
        .collect();
    shown.join(", ").into()
}

pub(super) fn access_modes(claim: &Value, _: Timestamp) -> Value {
    let modes: Vec<&str> = elements(&claim["spec"]["accessModes"])
        .map(|mode| match mode.as_str().unwrap_or_default() {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            _ => "",
        })
        .collect();
    modes.join(",").into()
}

pub(super) fn job_status(job: &Value, _: Timestamp) -> Value {
    let is = |kind: &str| condition(job, kind).is_some_and(|found| found["status"] == "True");
    if is("Complete") {
        "Complete".into()
    } else if is("Failed") {
        "Failed".into()
    } else if !job["metadata"]["deletionTimestamp"].is_null() {
        "Terminating".into()
    } else if is("Suspended") {
        "Suspended".into()
    } else {
        "Running".into()
    }
}

pub(super) fn job_duration(job: &Value, now: Timestamp) -> Value {
    let Some(start) = job["status"]["startTime"].as_str() else {
        return "".into();
    };
    let end = job["status"]["completionTime"].as_str();
    let end = end.and_then(|end| end.parse().ok()).unwrap_or(now);
    since(&Value::from(start), end).into()
}

pub(super) fn endpoints(slice: &Value, _: Timestamp) -> Value {
    let all: Vec<&str> = elements(&slice["endpoints"])
        .flat_map(|endpoint| elements(&endpoint["addresses"]))
        .filter_map(Value::as_str)
        .collect();
    match all.len() {
        0 => "<unset>".into(),
        1..=3 => all.join(",").into(),
        more => format!("{} + {} more...", all[..3].join(","), more - 3).into(),
    }
}
