//! Pods and Events.

use facts::Kind;
use facts::kubernetes::{ContainerState, ContainerStatus, Event, Pod};
use facts::meta::Reference;
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions, message};
use super::{Object, Partial};
use crate::tolerant::{Flag, Integer, List, Moment, Part, Perhaps, Text};

/// A Pod.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodPart {
    metadata: Part<MetaPart>,
    spec: Part<PodSpec>,
    status: Part<PodStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    phase: Text,
    reason: Text,
    message: Text,
    start_time: Moment,
    conditions: List<Part<ConditionPart>>,
    container_statuses: List<Part<StatusPart>>,
    init_container_statuses: List<Part<StatusPart>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusPart {
    name: Text,
    image: Text,
    #[serde(rename = "imageID")]
    image_id: Text,
    ready: Flag,
    restart_count: Integer,
    state: Part<StatePart>,
    last_state: Part<StatePart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatePart {
    waiting: Perhaps<Waiting>,
    running: Perhaps<Running>,
    terminated: Perhaps<Terminated>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: Text,
    message: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Running {
    started_at: Moment,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    reason: Text,
    message: Text,
    exit_code: Integer,
    finished_at: Moment,
}

impl StatePart {
    fn project(self) -> Option<ContainerState> {
        if let Some(terminated) = self.terminated.0 {
            let exit_code = terminated.exit_code.or_zero();
            Some(ContainerState::Terminated {
                reason: terminated.reason.0,
                message: message(terminated.message),
                exit_code: i32::try_from(exit_code).unwrap_or(i32::MAX),
                finished: terminated.finished_at.0,
            })
        } else if let Some(running) = self.running.0 {
            Some(ContainerState::Running {
                since: running.started_at.0,
            })
        } else {
            self.waiting.0.map(|waiting| ContainerState::Waiting {
                reason: waiting.reason.0,
                message: message(waiting.message),
            })
        }
    }
}

impl StatusPart {
    fn project(self, init: bool) -> ContainerStatus {
        ContainerStatus {
            name: self.name.0,
            init,
            image: self.image.0,
            image_id: self.image_id.0,
            ready: self.ready.0,
            restarts: self.restart_count.count(),
            // The API says that a container whose status has no state is waiting.
            state: self.state.0.project().unwrap_or(ContainerState::Waiting {
                reason: String::new(),
                message: String::new(),
            }),
            last: self.last_state.0.project(),
        }
    }
}

impl Partial for PodPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let status = self.status.0;
        let containers = status
            .container_statuses
            .parts()
            .map(|part| part.project(false))
            .chain(
                status
                    .init_container_statuses
                    .parts()
                    .map(|part| part.project(true)),
            )
            .collect();
        Object::Pod(Pod {
            meta: self.metadata.0.project(),
            phase: status.phase.0,
            reason: status.reason.some(),
            message: Some(message(status.message)).filter(|text| !text.is_empty()),
            node: self.spec.0.node_name.some(),
            started: status.start_time.0,
            conditions: conditions(status.conditions),
            containers,
        })
    }
}

/// An Event, of `v1` or of `events.k8s.io/v1`: the same object under other names.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EventPart {
    metadata: Part<MetaPart>,
    involved_object: Perhaps<AboutPart>,
    regarding: Perhaps<AboutPart>,
    #[serde(rename = "type")]
    kind: Text,
    reason: Text,
    message: Text,
    note: Text,
    count: Integer,
    deprecated_count: Integer,
    series: Part<Series>,
    last_timestamp: Moment,
    deprecated_last_timestamp: Moment,
    event_time: Moment,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AboutPart {
    kind: Text,
    namespace: Text,
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: Integer,
    last_observed_time: Moment,
}

impl Partial for EventPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let about = self
            .involved_object
            .0
            .or(self.regarding.0)
            .unwrap_or_default();
        let count = self.count.count().max(self.deprecated_count.count());
        let last = [
            self.last_timestamp.0,
            self.deprecated_last_timestamp.0,
            self.series.last_observed_time.0,
            self.event_time.0,
        ]
        .into_iter()
        .flatten()
        .max();
        let meta = self.metadata.0.project();
        Object::Event(Event {
            about: Reference {
                kind: about.kind.0,
                namespace: about.namespace.0,
                name: about.name.0,
            },
            warning: self.kind.0 == "Warning",
            reason: self.reason.0,
            message: message(if self.message.0.is_empty() {
                self.note
            } else {
                self.message
            }),
            count: count.max(self.series.count.count()).max(1),
            last: last.or(meta.created),
            meta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::meta::LONGEST_MESSAGE;
    use super::super::page;
    use super::*;

    fn one(kind: Kind, object: &str) -> Object {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        page(kind, json.as_bytes()).unwrap().objects.remove(0)
    }

    fn pod(object: &str) -> Pod {
        match one(Kind::Pod, object) {
            Object::Pod(pod) => pod,
            other => panic!("{other:?}"),
        }
    }

    fn event(object: &str) -> Event {
        match one(Kind::Event, object) {
            Object::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_crashing_pod_as_the_kubelet_writes_it() {
        let p = pod(
            r#"{"metadata":{"name":"api-1-x","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"api-1","uid":"u"}]},
              "spec":{"nodeName":"n1","containers":[{"name":"api","env":[{"name":"SECRET","value":"s"}]}]},
              "status":{"phase":"Running","startTime":"2026-01-01T00:00:00Z",
                "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","lastProbeTime":null}],
                "containerStatuses":[{"name":"api","image":"r/api:2","imageID":"docker-pullable://r/api@sha256:aa","ready":false,"restartCount":12,"started":false,
                   "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s"}},
                   "lastState":{"terminated":{"containerID":"c","exitCode":137,"reason":"OOMKilled","finishedAt":"2026-01-01T00:10:00Z","startedAt":null}}}],
                "initContainerStatuses":[{"name":"migrate","image":"r/m:1","imageID":"r/m@sha256:bb","ready":true,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}"#,
        );
        assert_eq!(p.node.as_deref(), Some("n1"));
        assert_eq!(p.containers.len(), 2);
        assert!(p.containers[1].init);
        let api = &p.containers[0];
        assert_eq!(
            (api.restarts, api.ready, api.digest()),
            (12, false, Some("sha256:aa"))
        );
        assert!(
            matches!(&api.state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff")
        );
        assert!(
            matches!(&api.last, Some(ContainerState::Terminated { exit_code: 137, reason, .. }) if reason == "OOMKilled")
        );
    }

    #[test]
    fn a_container_that_says_nothing_of_itself_is_neither_ready_nor_running() {
        let p = pod(
            r#"{"metadata":{"name":"a","namespace":"b"},"status":{"containerStatuses":[{"name":"c","ready":"true","state":{"running":true}}, 7]}}"#,
        );
        assert_eq!(p.containers.len(), 2);
        for container in &p.containers {
            assert!(!container.ready);
            assert!(matches!(container.state, ContainerState::Waiting { .. }));
        }
    }

    #[test]
    fn an_event_of_either_api() {
        let old = event(
            r#"{"metadata":{"name":"e","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"api-1","fieldPath":"spec.containers{api}"},
              "type":"Warning","reason":"Unhealthy","message":"Readiness probe failed","count":9,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:05:00Z","eventTime":null}"#,
        );
        assert!(old.warning);
        assert_eq!((old.count, old.about.name.as_str()), (9, "api-1"));
        let new = event(
            r#"{"metadata":{"name":"e","namespace":"shop"},"regarding":{"kind":"Pod","namespace":"shop","name":"api-1"},
              "type":"Normal","reason":"Scheduled","note":"assigned","eventTime":"2026-01-01T00:00:00.123456Z","series":{"count":3,"lastObservedTime":"2026-01-01T00:05:00.000000Z"}}"#,
        );
        assert_eq!(new.last, old.last);
        assert_eq!(
            (new.count, new.message.as_str(), new.warning),
            (3, "assigned", false)
        );
    }

    #[test]
    fn an_event_without_any_time_is_as_old_as_itself() {
        let e = event(
            r#"{"metadata":{"name":"e","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":7}"#,
        );
        assert_eq!(e.last, e.meta.created);
        assert_eq!((e.count, e.about.name.as_str()), (1, ""));
    }

    #[test]
    fn an_event_of_a_megabyte_is_kept_within_bounds() {
        let e = event(&format!(
            r#"{{"metadata":{{"name":"e","namespace":"shop"}},"message":"\u001b[31m{}"}}"#,
            "x".repeat(1_000_000)
        ));
        assert!(e.message.starts_with("\u{1b}[31mxxx"));
        assert!(e.message.len() < LONGEST_MESSAGE + 100);
    }
}
