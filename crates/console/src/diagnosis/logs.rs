//! Which logs are in a diagnosis, and their reading.
//!
//! Owns the choice: the pods that fail before those that are well, of each container the life that is and the one before.

use cluster::{Cluster, LogTail, LogWanted};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::object::{statuses, text};

/// The most pods whose logs are read.
const MOST_PODS: usize = 5;
/// The most logs of one pod.
const MOST_OF_A_POD: usize = 8;
/// How many lines of each, counted from the end.
const LINES: usize = 60;
/// How many are read at once.
const AT_ONCE: usize = 4;

/// One log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whose.
    pub of: Life,
    /// What was read, or why not.
    pub read: Result<LogTail, String>,
}

/// One life of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Whether it is the life before the present one.
    pub previous: bool,
}

/// The lives whose logs are read, of pods the worst of which come first.
pub fn lives(pods: &[Value]) -> Vec<Life> {
    let mut lives = Vec::new();
    for pod in pods.iter().take(MOST_PODS) {
        let of_pod = statuses(pod).flat_map(|status| {
            let life = |previous| Life {
                namespace: text(pod, "/metadata/namespace").to_owned(),
                pod: text(pod, "/metadata/name").to_owned(),
                container: text(status, "/name").to_owned(),
                previous,
            };
            let is = status.pointer("/state/running").is_some()
                || status.pointer("/state/terminated").is_some();
            // What waits and never ran has said nothing; what waits to be started again said it in the life before.
            let was = status.pointer("/lastState/terminated").is_some();
            [was.then(|| life(true)), is.then(|| life(false))]
        });
        lives.extend(of_pod.flatten().take(MOST_OF_A_POD));
    }
    lives
}

/// Reads them, as far as there is time.
pub async fn read(cluster: &Cluster, lives: Vec<Life>, until: Instant) -> Vec<Log> {
    let reading: Vec<_> = lives
        .into_iter()
        .map(|of| async move {
            let wanted = LogWanted {
                namespace: &of.namespace,
                pod: &of.pod,
                container: &of.container,
                previous: of.previous,
                lines: LINES,
                timestamps: true,
            };
            let read = match timeout_at(until, cluster.log(&wanted)).await {
                Ok(read) => read.map_err(|why| why.to_string()),
                Err(_) => Err(format!(
                    "the log of {} in Pod {}/{} was not read in time",
                    of.container, of.namespace, of.pod
                )),
            };
            Log { of, read }
        })
        .collect();
    stream::iter(reading).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_that_waits_to_be_started_again_is_read_by_its_life_before() {
        let pod = json!({"metadata": {"name": "p", "namespace": "shop"}, "status": {"containerStatuses": [
            {"name": "crashes", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}},
            {"name": "runs", "state": {"running": {}}, "lastState": {}},
            {"name": "pulls", "state": {"waiting": {"reason": "ImagePullBackOff"}}, "lastState": {}},
            {"name": "came-back", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 137}}}]}});
        let lives = lives(std::slice::from_ref(&pod));
        let lives: Vec<_> = lives
            .iter()
            .map(|one| (one.container.as_str(), one.previous))
            .collect();
        assert_eq!(
            lives,
            [
                ("crashes", true),
                ("runs", false),
                ("came-back", true),
                ("came-back", false)
            ]
        );
    }

    #[test]
    fn however_many_pods_and_containers_there_are_few_logs_are_read() {
        let status = |at| json!({"name": format!("c{at}"), "state": {"running": {}}, "lastState": {"terminated": {}}});
        let statuses: Vec<_> = (0..50).map(status).collect();
        let pod = json!({"metadata": {"name": "p"}, "status": {"containerStatuses": statuses}});
        assert_eq!(lives(&vec![pod; 40]).len(), MOST_PODS * MOST_OF_A_POD);
    }
}
