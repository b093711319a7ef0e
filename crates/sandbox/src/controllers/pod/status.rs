//! A pod's status, stage by stage, as scheduler and kubelet write it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::fields::{cut, entry, list, put, stamp, text};

/// What a status is drawn from.
pub(super) struct Picture<'a> {
    /// The spec's containers and their image IDs.
    pub(super) containers: Vec<(&'a Value, String)>,
    /// Image and image ID of the init container at work.
    pub(super) init_image: Option<(String, String)>,
    pub(super) address: String,
    pub(super) container_id: String,
    pub(super) restarts: u32,
    /// When the containers were started.
    pub(super) started: Timestamp,
    pub(super) now: Timestamp,
}

/// How a container ended.
pub(super) struct ContainerEnd {
    exit_code: i32,
    reason: &'static str,
}

impl ContainerEnd {
    pub(super) fn new(exit_code: i32, reason: &'static str) -> Self {
        Self { exit_code, reason }
    }
}

/// Sets a pod condition: the transition is a change of status.
fn set(
    status: &mut Value,
    now: Timestamp,
    (kind, value): (&str, &str),
    reason: &str,
    message: &str,
) {
    let conditions = entry(status)
        .entry("conditions")
        .or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    let mut fresh = json!({"type": kind, "status": value, "lastProbeTime": null, "lastTransitionTime": stamp(now)});
    for (field, said) in [("reason", reason), ("message", message)] {
        if !said.is_empty() {
            put(&mut fresh, &[field], json!(said));
        }
    }
    match conditions.iter_mut().find(|c| text(c, &["type"]) == kind) {
        Some(known) => {
            if text(known, &["status"]) == value {
                put(
                    &mut fresh,
                    &["lastTransitionTime"],
                    known["lastTransitionTime"].clone(),
                );
            }
            *known = fresh;
        }
        None => conditions.push(fresh),
    }
}

/// No node takes it.
pub(super) fn unschedulable(status: &mut Value, message: &str, now: Timestamp) {
    put(status, &["phase"], json!("Pending"));
    set(
        status,
        now,
        ("PodScheduled", "False"),
        "Unschedulable",
        message,
    );
    let scheduled = entry(status)
        .get_mut("conditions")
        .and_then(Value::as_array_mut);
    for condition in scheduled.into_iter().flatten() {
        if text(condition, &["type"]) == "PodScheduled" {
            // The scheduler says which generation it looked at; nobody changes a pod that has no node here.
            put(condition, &["observedGeneration"], json!(1));
        }
    }
}

/// It has a node; its containers are being made.
pub(super) fn scheduled(status: &mut Value, spec: &Value, node: &str, now: Timestamp) {
    put(status, &["phase"], json!("Pending"));
    put(
        status,
        &["hostIP"],
        json!(format!("10.0.{}.{}", node.len() % 200, 10)),
    );
    put(status, &["startTime"], stamp(now));
    let names = names(spec, "containers");
    let inits = names_of(spec, "initContainers");
    set(status, now, ("PodScheduled", "True"), "", "");
    if inits.is_empty() {
        set(status, now, ("Initialized", "True"), "", "");
    } else {
        let message = format!("containers with incomplete status: [{}]", inits.join(" "));
        set(
            status,
            now,
            ("Initialized", "False"),
            "ContainersNotInitialized",
            &message,
        );
    }
    not_ready(status, &names, now);
    let creating = if inits.is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    put(
        status,
        &["containerStatuses"],
        json!(
            list(spec, &["containers"])
                .iter()
                .map(|container| waiting_container(container, creating))
                .collect::<Vec<_>>()
        ),
    );
    if !inits.is_empty() {
        put(
            status,
            &["initContainerStatuses"],
            json!(
                list(spec, &["initContainers"])
                    .iter()
                    .map(|container| waiting_container(container, "PodInitializing"))
                    .collect::<Vec<_>>()
            ),
        );
    }
}

fn names_of(spec: &Value, field: &str) -> Vec<String> {
    list(spec, &[field])
        .iter()
        .map(|container| text(container, &["name"]).to_owned())
        .collect()
}

fn names(spec: &Value, field: &str) -> String {
    names_of(spec, field).join(" ")
}

fn waiting_container(container: &Value, reason: &str) -> Value {
    json!({
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": false,
        "started": false,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
    })
}

fn not_ready(status: &mut Value, unready: &str, now: Timestamp) {
    let message = format!("containers with unready status: [{unready}]");
    set(
        status,
        now,
        ("Ready", "False"),
        "ContainersNotReady",
        &message,
    );
    set(
        status,
        now,
        ("ContainersReady", "False"),
        "ContainersNotReady",
        &message,
    );
}

/// A container waits for a reason.
pub(super) fn waiting(
    status: &mut Value,
    container: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    for field in ["containerStatuses", "initContainerStatuses"] {
        let containers = status.get_mut(field).and_then(Value::as_array_mut);
        for found in containers.into_iter().flatten() {
            if text(found, &["name"]) == container {
                put(
                    found,
                    &["state"],
                    json!({"waiting": {"reason": reason, "message": message}}),
                );
                put(found, &["ready"], json!(false));
            }
        }
    }
    not_ready(status, container, now);
}

/// Its containers run; the one that is named will not become ready by itself.
pub(super) fn started(status: &mut Value, picture: &Picture<'_>, troubled: Option<&str>) {
    let now = picture.now;
    put(status, &["phase"], json!("Running"));
    put(status, &["podIP"], json!(picture.address));
    put(status, &["podIPs"], json!([{"ip": picture.address}]));
    // Init containers have done their work by now.
    let inits = status
        .get_mut("initContainerStatuses")
        .and_then(Value::as_array_mut);
    for init in inits.into_iter().flatten() {
        put(
            init,
            &["state"],
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(now)}}),
        );
        put(init, &["ready"], json!(true));
    }
    set(status, now, ("Initialized", "True"), "", "");
    let before = list(status, &["containerStatuses"]).to_vec();
    let containers: Vec<Value> = picture
        .containers
        .iter()
        .map(|(container, image_id)| {
            let name = text(container, &["name"]);
            let known = before.iter().find(|known| text(known, &["name"]) == name);
            let ill = troubled == Some(name);
            // A healthy neighbour of a container that ends again and again goes on running.
            if let Some(known) =
                known.filter(|known| !ill && known["state"].get("running").is_some())
            {
                return known.clone();
            }
            json!({
                "name": name,
                "image": container["image"],
                "imageID": image_id,
                "containerID": picture.container_id,
                "ready": troubled.is_some() && !ill,
                "started": true,
                "restartCount": if ill || troubled.is_none() { picture.restarts } else { 0 },
                "state": {"running": {"startedAt": stamp(picture.started)}},
                "lastState": known.map_or_else(|| json!({}), |known| known["lastState"].clone()),
            })
        })
        .collect();
    put(status, &["containerStatuses"], json!(containers));
    let unready = match troubled {
        Some(name) => name.to_owned(),
        None => picture
            .containers
            .iter()
            .map(|(container, _)| text(container, &["name"]))
            .collect::<Vec<_>>()
            .join(" "),
    };
    not_ready(status, &unready, now);
}

/// An init container runs; the others wait for it.
pub(super) fn initializing(status: &mut Value, picture: &Picture<'_>, container: &str) {
    let (image, image_id) = picture.init_image.clone().unwrap_or_default();
    put(status, &["phase"], json!("Pending"));
    put(status, &["podIP"], json!(picture.address));
    let inits = entry(status)
        .entry("initContainerStatuses")
        .or_insert_with(|| json!([]));
    let Some(inits) = inits.as_array_mut() else {
        return;
    };
    let position = inits
        .iter()
        .position(|init| text(init, &["name"]) == container);
    let last = position.map_or_else(
        || json!({}),
        |position| inits[position]["lastState"].clone(),
    );
    let running = json!({
        "name": container,
        "image": image,
        "imageID": image_id,
        "containerID": picture.container_id,
        "ready": false,
        "started": false,
        "restartCount": picture.restarts,
        "state": {"running": {"startedAt": stamp(picture.started)}},
        "lastState": last,
    });
    match position {
        Some(position) => inits[position] = running,
        None => inits.push(running),
    }
    let message = format!("containers with incomplete status: [{container}]");
    set(
        status,
        picture.now,
        ("Initialized", "False"),
        "ContainersNotInitialized",
        &message,
    );
}

/// A container ended: it is shown as ended, or as waiting for its back-off if there is one.
pub(super) fn ended(
    status: &mut Value,
    picture: &Picture<'_>,
    container: &str,
    end: &ContainerEnd,
    init: bool,
    back_off: Option<&str>,
) {
    let terminated = json!({"terminated": {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": stamp(picture.started),
        "finishedAt": stamp(picture.now),
        "containerID": picture.container_id,
    }});
    let field = if init {
        "initContainerStatuses"
    } else {
        "containerStatuses"
    };
    let containers = status.get_mut(field).and_then(Value::as_array_mut);
    for found in containers.into_iter().flatten() {
        if text(found, &["name"]) != container {
            continue;
        }
        put(found, &["ready"], json!(false));
        put(found, &["started"], json!(false));
        match back_off {
            Some(message) => {
                put(
                    found,
                    &["state"],
                    json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}),
                );
                put(found, &["lastState"], terminated.clone());
            }
            None => {
                put(found, &["state"], terminated.clone());
                put(found, &["lastState"], terminated.clone());
            }
        }
    }
    not_ready(status, container, picture.now);
}

/// All containers ended, and none is started again.
pub(super) fn over(status: &mut Value, picture: &Picture<'_>, exit_code: i32) {
    let (phase, reason) = match exit_code {
        0 => ("Succeeded", "PodCompleted"),
        _ => ("Failed", "PodFailed"),
    };
    put(status, &["phase"], json!(phase));
    let names: Vec<String> = list(status, &["containerStatuses"])
        .iter()
        .map(|container| text(container, &["name"]).to_owned())
        .collect();
    for name in names {
        let word = if exit_code == 0 { "Completed" } else { "Error" };
        let end = ContainerEnd::new(exit_code, word);
        ended(status, picture, &name, &end, false, None);
    }
    let containers = status
        .get_mut("containerStatuses")
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        // There is no life before this one.
        put(container, &["lastState"], json!({}));
    }
    for kind in ["Ready", "ContainersReady"] {
        set(status, picture.now, (kind, "False"), reason, "");
    }
}

/// All containers are ready.
pub(super) fn ready(status: &mut Value, now: Timestamp) {
    let containers = status
        .get_mut("containerStatuses")
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        put(container, &["ready"], json!(true));
    }
    for kind in ["Ready", "ContainersReady"] {
        set(status, now, (kind, "True"), "", "");
        let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            if text(condition, &["type"]) == kind {
                cut(condition, &["reason"]);
                cut(condition, &["message"]);
            }
        }
    }
}
