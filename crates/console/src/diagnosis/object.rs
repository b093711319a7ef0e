//! What a diagnosis looks at in an object as the API server sends it: pure, and bounded whatever is sent.
//!
//! Owns where in an object these things stand. Whether a text of it may be shown is `redact`'s to say.

use std::collections::{BTreeMap, BTreeSet};

use api::ObjectRef;
use jiff::Timestamp;
use serde_json::Value;

use super::redact::says_secret;

/// The most entries of any list in an object.
const MOST: usize = 100;

/// One of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// `type`
    pub kind: &'a str,
    /// `status`
    pub status: &'a str,
    /// `reason`
    pub reason: &'a str,
    /// `message`
    pub message: &'a str,
    /// `lastTransitionTime`
    pub since: &'a str,
}

/// What stands at a path of fields; empty where nothing does, or no text.
pub fn text<'a>(json: &'a Value, path: &str) -> &'a str {
    json.pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A list at a path of fields, its first entries.
pub fn list<'a>(json: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let entries = json.pointer(path).and_then(Value::as_array);
    entries.into_iter().flatten().take(MOST)
}

/// The conditions.
pub fn conditions(json: &Value) -> Vec<Condition<'_>> {
    let entries = list(json, "/status/conditions");
    let entries = entries.map(|entry| Condition {
        kind: text(entry, "/type"),
        status: text(entry, "/status"),
        reason: text(entry, "/reason"),
        message: text(entry, "/message"),
        since: text(entry, "/lastTransitionTime"),
    });
    entries.collect()
}

/// What owns it, in the same namespace: the controller, where one is named.
pub fn owner(json: &Value, system: &str) -> Option<ObjectRef> {
    let owners: Vec<&Value> = list(json, "/metadata/ownerReferences").collect();
    let controls = |owner: &&&Value| owner["controller"] == true;
    let owner = owners.iter().find(controls).or(owners.first())?;
    let named = ObjectRef::new(
        system,
        text(owner, "/kind"),
        text(json, "/metadata/namespace"),
        text(owner, "/name"),
    );
    (!named.kind.is_empty() && !named.name.is_empty()).then_some(named)
}

/// The Kustomization or HelmRelease that says by its labels that it applies it.
pub fn applier(json: &Value, system: &str) -> Option<ObjectRef> {
    let labels = &json["metadata"]["labels"];
    [
        ("HelmRelease", "helm.toolkit.fluxcd.io"),
        ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ]
    .into_iter()
    .find_map(|(kind, group)| {
        let label = |part: &str| labels[format!("{group}/{part}")].as_str();
        Some(ObjectRef::new(
            system,
            kind,
            label("namespace")?,
            label("name")?,
        ))
    })
}

/// What feeds a Kustomization or a HelmRelease.
pub fn source(json: &Value, system: &str) -> Option<ObjectRef> {
    let places = [
        "/spec/sourceRef",
        "/spec/chart/spec/sourceRef",
        "/spec/chartRef",
    ];
    let source = places.iter().find_map(|place| json.pointer(place))?;
    let named = match text(source, "/namespace") {
        "" => text(json, "/metadata/namespace"),
        namespace => namespace,
    };
    let source = ObjectRef::new(system, text(source, "/kind"), named, text(source, "/name"));
    (!source.kind.is_empty() && !source.name.is_empty()).then_some(source)
}

/// The pod's spec that an object has or makes pods of.
pub fn pod_spec<'a>(kind: &str, json: &'a Value) -> Option<&'a Value> {
    let path = match kind {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => "/spec/template/spec",
        _ => return None,
    };
    json.pointer(path)
}

/// The containers of a pod's spec, those that run first last.
pub fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    list(spec, "/containers").chain(list(spec, "/initContainers"))
}

/// A variable of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, where one is written in plain.
    pub value: Option<&'a str>,
    /// Where its value comes from, where it is not.
    pub from: Option<&'a Value>,
}

/// The variables of a container that are named one by one.
pub fn variables(container: &Value) -> impl Iterator<Item = Variable<'_>> {
    list(container, "/env").map(|entry| Variable {
        name: text(entry, "/name"),
        value: match entry.get("valueFrom") {
            Some(_) => None,
            None => Some(text(entry, "/value")),
        },
        from: entry.get("valueFrom"),
    })
}

/// Where a variable's value comes from: `key password of Secret db`. Of a Secret, its name and the key's.
pub fn comes_from(from: &Value) -> String {
    for (field, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
        if let Some(named) = from.get(field) {
            return format!(
                "key {} of {kind} {}",
                text(named, "/key"),
                text(named, "/name")
            );
        }
    }
    match (
        text(from, "/fieldRef/fieldPath"),
        text(from, "/resourceFieldRef/resource"),
    ) {
        ("", "") => "elsewhere".to_owned(),
        ("", resource) => format!("the container's {resource}"),
        (field, _) => format!("the pod's {field}"),
    }
}

/// The ConfigMaps and Secrets that a pod's spec names whole, by how it takes them: `Secret db as variables`.
pub fn takes(spec: &Value) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let mut add = |kind: &str, name: &str, how: &str| {
        if !name.is_empty() {
            taken.insert(format!("{kind} {name} {how}"));
        }
    };
    for container in containers(spec) {
        for from in list(container, "/envFrom") {
            add(
                "ConfigMap",
                text(from, "/configMapRef/name"),
                "as variables",
            );
            add("Secret", text(from, "/secretRef/name"), "as variables");
        }
    }
    for volume in list(spec, "/volumes") {
        add("ConfigMap", text(volume, "/configMap/name"), "as files");
        add("Secret", text(volume, "/secret/secretName"), "as files");
        for part in list(volume, "/projected/sources") {
            add("ConfigMap", text(part, "/configMap/name"), "as files");
            add("Secret", text(part, "/secret/name"), "as files");
        }
    }
    for secret in list(spec, "/imagePullSecrets") {
        add("Secret", text(secret, "/name"), "to pull images");
    }
    taken
}

/// What in an object is certainly secret: variables in plain under a secret's name, and what addresses in them log in with.
pub fn secrets(kind: &str, json: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    for container in pod_spec(kind, json).into_iter().flat_map(containers) {
        for Variable { name, value, .. } in variables(container) {
            let value = value.unwrap_or_default();
            if says_secret(name) {
                secrets.push(value.to_owned());
            }
            secrets.extend(login(value).map(str::to_owned));
        }
    }
    secrets
}

/// The password that an address carries.
fn login(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password)
}

/// A pod's state in a few words, and how bad it is: the higher, the sooner its logs are read.
pub fn pod_state(pod: &Value) -> (u8, String) {
    let phase = text(pod, "/status/phase");
    let reason = text(pod, "/status/reason");
    let is_ready = conditions(pod)
        .iter()
        .any(|one| one.kind == "Ready" && one.status == "True");
    let waits = statuses(pod).any(|status| {
        let reason = text(status, "/state/waiting/reason");
        !matches!(reason, "" | "ContainerCreating" | "PodInitializing")
    });
    let failed = statuses(pod).any(|status| {
        status
            .pointer("/state/terminated/exitCode")
            .and_then(Value::as_i64)
            .is_some_and(|code| code != 0)
    });
    let restarted = statuses(pod).any(|status| restarts(status) > 0);
    let rank = match phase {
        "Succeeded" => 0,
        _ if waits || failed || phase == "Failed" => 4,
        _ if !is_ready => 3,
        _ if restarted => 2,
        _ => 1,
    };
    let mut words = match reason {
        "" => phase.to_owned(),
        reason => format!("{phase} ({reason})"),
    };
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        words.push_str(", on its way out");
    }
    if is_ready {
        words.push_str(", ready");
    } else if phase != "Succeeded" {
        words.push_str(", not ready");
    }
    (rank, words)
}

/// What is said of a pod's containers, those that run first last.
pub fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/status/containerStatuses").chain(list(pod, "/status/initContainerStatuses"))
}

/// How often a container was started anew.
pub fn restarts(status: &Value) -> u64 {
    status["restartCount"].as_u64().unwrap_or_default()
}

/// A container's life in words, without its message: `CrashLoopBackOff`, `Error, exit code 1 at …`.
pub fn life(state: &Value) -> String {
    if let Some(waiting) = state.get("waiting") {
        return match text(waiting, "/reason") {
            "" => "waiting".to_owned(),
            reason => format!("waiting: {reason}"),
        };
    }
    if let Some(running) = state.get("running") {
        return format!("running since {}", text(running, "/startedAt"));
    }
    let Some(ended) = state.get("terminated") else {
        return "nothing is said of it".to_owned();
    };
    let code = ended["exitCode"].as_i64().unwrap_or_default();
    let mut words = format!("ended: {}, exit code {code}", text(ended, "/reason"));
    if let Some(signal) = ended["signal"].as_i64().filter(|signal| *signal != 0) {
        words.push_str(&format!(", signal {signal}"));
    }
    match text(ended, "/finishedAt") {
        "" => words,
        at => format!("{words}, at {at}"),
    }
}

/// The message of a container's state; empty where there is none.
pub fn life_says(state: &Value) -> &str {
    match text(state, "/waiting/message") {
        "" => text(state, "/terminated/message"),
        message => message,
    }
}

/// When an event was seen last.
pub fn event_at(event: &Value) -> Option<Timestamp> {
    let places = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    places
        .iter()
        .find_map(|place| text(event, place).parse().ok())
}

/// What an event is about: its kind and name.
pub fn event_about(event: &Value) -> (&str, &str) {
    let place = match event.get("involvedObject") {
        Some(_) => "/involvedObject",
        None => "/regarding",
    };
    let about = event.pointer(place).unwrap_or(&Value::Null);
    (text(about, "/kind"), text(about, "/name"))
}

/// What of an object's own fields tells how it stands: shown before its conditions, each with its value as it is written.
const TELLING: [(&str, &str); 24] = [
    ("created", "/metadata/creationTimestamp"),
    ("being deleted since", "/metadata/deletionTimestamp"),
    ("generation", "/metadata/generation"),
    ("observed generation", "/status/observedGeneration"),
    ("paused", "/spec/paused"),
    ("suspended", "/spec/suspend"),
    ("schedule", "/spec/schedule"),
    ("wanted pods", "/spec/replicas"),
    ("wanted pods", "/status/desiredNumberScheduled"),
    ("updated pods", "/status/updatedReplicas"),
    ("ready pods", "/status/readyReplicas"),
    ("ready pods", "/status/numberReady"),
    ("available pods", "/status/availableReplicas"),
    ("active", "/status/active"),
    ("failed", "/status/failed"),
    ("succeeded", "/status/succeeded"),
    ("path", "/spec/path"),
    ("branch", "/spec/ref/branch"),
    ("tag", "/spec/ref/tag"),
    ("revision", "/status/artifact/revision"),
    ("last applied revision", "/status/lastAppliedRevision"),
    ("last attempted revision", "/status/lastAttemptedRevision"),
    ("failures", "/status/failures"),
    ("unschedulable", "/spec/unschedulable"),
];

/// Those fields that are there: numbers, texts and switches.
pub fn telling(json: &Value) -> Vec<(&'static str, String)> {
    let fields = TELLING.iter().filter_map(|(name, path)| {
        let value = match json.pointer(path)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        Some((*name, value))
    });
    fields.collect()
}

/// A container's image, and its requests and limits.
pub fn settings(container: &Value) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    settings.insert("image".to_owned(), text(container, "/image").to_owned());
    for part in ["requests", "limits"] {
        let resources = container.pointer(&format!("/resources/{part}"));
        for (name, value) in resources.and_then(Value::as_object).into_iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            settings.insert(format!("{part}.{name}"), value);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pod_that_fails_is_looked_at_before_the_one_that_is_well() {
        let pod = |phase: &str, ready: &str, state: Value, restarts: u64| {
            json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "app", "state": state, "restartCount": restarts}]}})
        };
        let order = [
            pod(
                "Succeeded",
                "False",
                json!({"terminated": {"exitCode": 0}}),
                0,
            ),
            pod("Running", "True", json!({"running": {}}), 0),
            pod("Running", "True", json!({"running": {}}), 3),
            pod(
                "Pending",
                "False",
                json!({"waiting": {"reason": "ContainerCreating"}}),
                0,
            ),
            pod(
                "Running",
                "False",
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                9,
            ),
        ];
        let ranks: Vec<u8> = order.iter().map(|pod| pod_state(pod).0).collect();
        assert_eq!(ranks, [0, 1, 2, 3, 4]);
        assert_eq!(pod_state(&order[4]).1, "Running, not ready");
        assert_eq!(
            pod_state(&json!({"status": 7})),
            (3, ", not ready".to_owned())
        );
    }

    #[test]
    fn what_is_secret_in_a_template_is_known_and_a_reference_is_none() {
        let deployment = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [
            {"name": "DB_PASSWORD", "value": "correct horse"},
            {"name": "DATABASE", "value": "postgres://shop:hunter2@db/shop"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}},
            {"name": "LOG_LEVEL", "value": "debug"}]}]}}}});
        let found = secrets("Deployment", &deployment);
        assert_eq!(found, ["correct horse", "hunter2", ""]);
    }

    #[test]
    fn an_object_of_any_shape_breaks_nothing() {
        for json in [
            json!(null),
            json!([1]),
            json!({"metadata": {"ownerReferences": [7, {"kind": 1}], "labels": []}, "spec": [], "status": {"conditions": ["x"]}}),
        ] {
            assert_eq!(owner(&json, "prod"), None);
            assert_eq!(applier(&json, "prod"), None);
            assert_eq!(source(&json, "prod"), None);
            assert!(telling(&json).is_empty());
            assert!(secrets("Deployment", &json).is_empty());
            let _words = (conditions(&json), pod_state(&json), event_about(&json));
        }
    }
}
