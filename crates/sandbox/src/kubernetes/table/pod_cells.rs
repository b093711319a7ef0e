//! What a pod's row says: kubectl's one-word summary of its containers.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::condition;
use super::since;

fn statuses<'a>(pod: &'a Value, field: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    pod["status"][field]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

/// `1/2`.
pub(super) fn ready(pod: &Value, _: Timestamp) -> Value {
    let ready = statuses(pod, "containerStatuses")
        .filter(|container| {
            container["ready"] == true && container["state"].get("running").is_some()
        })
        .count();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    format!("{ready}/{all}").into()
}

/// `3 (2m ago)`.
pub(super) fn restarts(pod: &Value, now: Timestamp) -> Value {
    let containers = || statuses(pod, "containerStatuses");
    let count: i64 = containers()
        .map(|container| container["restartCount"].as_i64().unwrap_or(0))
        .sum();
    let last = containers()
        .filter_map(|container| container["lastState"]["terminated"]["finishedAt"].as_str())
        .max();
    match last {
        Some(last) if count > 0 => format!("{count} ({} ago)", since(&last.into(), now)).into(),
        _ => count.to_string().into(),
    }
}

/// The summary: what most needs to be known of the pod.
pub(super) fn status(pod: &Value) -> String {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    let mut reason = pod["status"]["reason"].as_str().unwrap_or(phase).to_owned();
    if let Some(scheduled) = condition(pod, "PodScheduled")
        && scheduled["reason"] == "SchedulingGated"
    {
        reason = "SchedulingGated".to_owned();
    }
    match initializing(pod) {
        Some(init) => reason = init,
        None => {
            let mut running = false;
            for container in statuses(pod, "containerStatuses").rev() {
                let state = &container["state"];
                if let Some(waiting) = state["waiting"]["reason"].as_str() {
                    reason = waiting.to_owned();
                } else if state["terminated"].is_object() {
                    reason = terminated(&state["terminated"]);
                } else if container["ready"] == true && state["running"].is_object() {
                    running = true;
                }
            }
            // One that ended well beside one that runs is a pod that runs.
            if reason == "Completed" && running {
                let ready = condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True");
                reason = if ready { "Running" } else { "NotReady" }.to_owned();
            }
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return match pod["status"]["reason"].as_str() {
            Some("NodeLost") => "Unknown".to_owned(),
            _ if matches!(phase, "Failed" | "Succeeded") => reason,
            _ => "Terminating".to_owned(),
        };
    }
    reason
}

/// What holds the pod's init containers, if they are not done.
fn initializing(pod: &Value) -> Option<String> {
    let all = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    for (index, container) in statuses(pod, "initContainerStatuses").enumerate() {
        let state = &container["state"];
        if state["terminated"]["exitCode"] == 0 {
            continue;
        }
        // A sidecar that has started holds nobody up.
        let restarts_always = pod["spec"]["initContainers"][index]["restartPolicy"] == "Always";
        if restarts_always && container["started"] == true {
            continue;
        }
        if state["terminated"].is_object() {
            return Some(format!("Init:{}", terminated(&state["terminated"])));
        }
        return Some(match state["waiting"]["reason"].as_str() {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{index}/{all}"),
        });
    }
    None
}

fn terminated(terminated: &Value) -> String {
    if let Some(reason) = terminated["reason"]
        .as_str()
        .filter(|reason| !reason.is_empty())
    {
        return reason.to_owned();
    }
    match terminated["signal"].as_i64() {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn summaries_are_kubectls() {
        let pod = |status: Value| json!({"spec": {"containers": [{}], "initContainers": [{}, {}]}, "status": status});
        for (status_given, summary) in [
            (json!({"phase": "Pending"}), "Pending"),
            (json!({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
            (
                json!({"phase": "Running", "containerStatuses": [
                    {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, {"ready": true, "state": {"running": {}}}]}),
                "CrashLoopBackOff",
            ),
            (
                json!({"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}),
                "ExitCode:3",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [
                    {"state": {"terminated": {"exitCode": 0}}}, {"state": {"running": {}}}]}),
                "Init:1/2",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [
                    {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
                "Init:CrashLoopBackOff",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [
                    {"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}),
                "Init:Error",
            ),
        ] {
            assert_eq!(status(&pod(status_given)), summary);
        }
        let mut going = pod(json!({"phase": "Running"}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(status(&going), "Terminating");
    }

    #[test]
    fn restarts_say_when_the_last_was() {
        let now = "2026-01-01T00:10:00Z".parse().unwrap();
        let pod = json!({"status": {"containerStatuses": [
            {"restartCount": 2, "lastState": {"terminated": {"finishedAt": "2026-01-01T00:05:00Z"}}},
            {"restartCount": 1}]}});
        assert_eq!(restarts(&pod, now), "3 (5m ago)");
        assert_eq!(restarts(&json!({}), now), "0");
    }
}
