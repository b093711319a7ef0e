//! What is wrong with a pod, or with the workload that makes pods: the containers' own truth.
//!
//! Owns which pods and containers count, and which of several troubles to name. The workload may be the app's own or
//! one that another object's health check waits for. What is wrong with one container is read in `container`.

mod container;
mod secret;

use api::Sentence;
use facts::kubernetes::{ContainerState, ContainerStatus, Event, Pod, Workload};
use facts::meta::{Key, Kind, Status, condition};
use jiff::{SignedDuration, Timestamp};

use super::pods::{self, Crew};
use super::{ecs, rollout};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, when};
use crate::view::{Gap, Learned, Place};

/// How long a running container may be unready before that is called a trouble: three probes at Kubernetes' default
/// period of ten seconds, twice. Also how long a restarted one must run before it is believed.
const SETTLING: SignedDuration = SignedDuration::from_secs(60);

/// What is wrong with a workload, rollout first; `None` if it is as it should be.
pub fn of_workload(place: Place<'_>, workload: &Workload) -> Learned<Option<Finding>> {
    let crew = pods::crew(place, workload)?;
    if let Some(finding) = of_crew(place, workload, &crew)? {
        return Ok(Some(finding));
    }
    rollout::trouble(place, workload, Some(&crew))
}

/// What is wrong with the pods of a workload's newest template: the most telling of all.
pub fn of_crew(place: Place<'_>, workload: &Workload, crew: &Crew<'_>) -> Learned<Option<Finding>> {
    let mut found: Vec<Finding> = Vec::new();
    let mut gap: Option<Gap> = None;
    let alive = crew.current.iter();
    let lost = crew
        .failed
        .iter()
        .filter(|_| crew.current.len() < workload.wanted as usize);
    for pod in alive.chain(lost) {
        match of_pod(place, workload, pod) {
            Ok(finding) => found.extend(finding),
            Err(why) => gap = Some(why),
        }
    }
    if place.is_ecs() {
        found.extend(ecs::tasks::unplaced(place, workload, crew));
    }
    found.sort_by_key(rank);
    let first = found.into_iter().next();
    let first = first.map(|one| one.of_pods(evidence::workload(place, workload)));
    match (first, gap) {
        (Some(finding), _) if finding.turn == api::State::Blocked => Ok(Some(finding)),
        (_, Some(gap)) => Err(gap),
        (finding, None) => Ok(finding),
    }
}

/// The most specific first; what is only starting last.
fn rank(finding: &Finding) -> (bool, u8) {
    let order = match finding.code {
        CauseCode::PodsConfigMissing => 0,
        CauseCode::PodsImagePull | CauseCode::EcsTaskStartFailed => 1,
        CauseCode::PodsOutOfMemory => 2,
        CauseCode::PodsInitFailed => 3,
        CauseCode::PodsCrash | CauseCode::EcsTaskExited => 4,
        CauseCode::PodsProbeFailing | CauseCode::EcsTaskUnhealthy => 5,
        CauseCode::PodsUnschedulable | CauseCode::EcsNoPlacement => 6,
        CauseCode::PodsEvicted => 7,
        CauseCode::PodsNotReady => 8,
        _ => 9,
    };
    (finding.turn != api::State::Blocked, order)
}

/// Whether a pod is ready, and has been long enough to believe it.
pub fn is_ready(place: Place<'_>, pod: &Pod) -> bool {
    let ready =
        condition(&pod.conditions, "Ready").is_some_and(|ready| ready.status == Status::True);
    let containers = pod.containers.iter().filter(|one| !one.init);
    ready
        && containers.clone().all(|one| one.ready)
        && !containers.clone().any(|one| is_shaky(place, one))
}

/// A container that ended badly and has not run long enough since: between two crashes it looks ready.
fn is_shaky(place: Place<'_>, one: &ContainerStatus) -> bool {
    let ended_badly =
        matches!(&one.last, Some(ContainerState::Terminated { exit_code, .. }) if *exit_code != 0);
    let ContainerState::Running { since: Some(since) } = &one.state else {
        return false;
    };
    one.restarts > 0 && ended_badly && !place.has_passed(SETTLING, *since)
}

/// The moment until which a shaky container is not believed.
pub fn believed_at(pod: &Pod) -> Option<Timestamp> {
    let since = pod.containers.iter().filter_map(|one| match &one.state {
        ContainerState::Running { since } => *since,
        _ => None,
    });
    since.max()?.checked_add(SETTLING).ok()
}

fn of_pod(place: Place<'_>, workload: &Workload, pod: &Pod) -> Learned<Option<Finding>> {
    if place.is_ecs() {
        return Ok(ecs::tasks::trouble(place, pod));
    }
    let object = evidence::pod(place, pod);
    if pod.phase == "Failed" {
        return Ok(Some(failed(place, pod)));
    }
    if is_ready(place, pod) {
        return Ok(None);
    }
    if let Some(scheduled) = condition(&pod.conditions, "PodScheduled")
        && scheduled.status == Status::False
        && scheduled.reason == "Unschedulable"
    {
        let sentence = Sentence::default()
            .object(&object)
            .words(" fits on no node: ")
            .quote(&scheduled.message);
        let proof = evidence::condition(&object, scheduled);
        return Ok(Some(
            Finding::blocked(CauseCode::PodsUnschedulable, object, sentence)
                .since(scheduled.since.or(pod.meta.created))
                .proof(proof),
        ));
    }
    let (init, main): (Vec<_>, Vec<_>) = pod.containers.iter().partition(|one| one.init);
    for status in init.into_iter().chain(main) {
        if let Some(finding) = container::of_container(place, workload, pod, status)? {
            return Ok(Some(finding));
        }
    }
    unready(place, workload, pod).map(Some)
}

fn failed(place: Place<'_>, pod: &Pod) -> Finding {
    let object = evidence::pod(place, pod);
    let message = pod.message.as_deref().unwrap_or_default();
    let reason = pod.reason.as_deref().unwrap_or("Failed");
    let evicted = reason == "Evicted";
    let at = condition(&pod.conditions, "Ready")
        .and_then(|ready| ready.since)
        .or(pod.started);
    let mut sentence = when(
        Sentence::default()
            .object(&object)
            .words(if evicted { " was evicted" } else { " failed" }),
        at,
    );
    if !message.is_empty() {
        sentence = sentence.words(": ").quote(message);
    }
    let proof = [
        evidence::evidence(&object, "status.message", message, at),
        evidence::evidence(&object, "status.reason", reason, at),
    ];
    let code = if evicted {
        CauseCode::PodsEvicted
    } else {
        CauseCode::PodsNotReady
    };
    Finding::blocked(code, object, sentence)
        .since(at)
        .proof(proof)
}

/// Warnings about an object, newest first.
pub fn warnings<'a>(place: Place<'a>, kind: &str, key: &Key) -> Vec<&'a Event> {
    let mut found = place.warnings(kind, key);
    found.sort_by_key(|event| std::cmp::Reverse((event.last, event.count)));
    found
}

fn pod_warning<'a>(
    place: Place<'a>,
    pod: &Pod,
    about: impl Fn(&Event) -> bool,
) -> Option<&'a Event> {
    warnings(place, "Pod", &pod.meta.key())
        .into_iter()
        .find(|event| about(event))
}

/// What a node says that has stopped answering. Kubernetes only takes the pod's Ready away then, without a reason, and
/// leaves what its kubelet said last: that all is well.
fn silent_node(place: Place<'_>, pod: &Pod) -> Option<Vec<api::journey::Evidence>> {
    let node = place.node(pod.node.as_deref()?)?;
    let ready = condition(&node.conditions, "Ready")?;
    let object = evidence::object(place, "Node", &node.meta.key());
    (ready.status == Status::Unknown).then(|| evidence::condition(&object, ready))
}

/// Whether the workload has given the rollout up.
pub fn is_past_deadline(workload: &Workload) -> bool {
    condition(&workload.conditions, "Progressing").is_some_and(|progressing| {
        progressing.status == Status::False && progressing.reason == "ProgressDeadlineExceeded"
    })
}

/// Nothing in the pod's containers says why it is not ready: its node may be lost, or it has only just begun.
fn unready(place: Place<'_>, workload: &Workload, pod: &Pod) -> Learned<Finding> {
    let object = evidence::pod(place, pod);
    let ready = condition(&pod.conditions, "Ready");
    let silent = silent_node(place, pod);
    let lost = silent.is_some()
        || ready.is_some_and(|ready| ready.status == Status::Unknown)
        || pod.reason.as_deref() == Some("NodeLost");
    let mut proof: Vec<_> = ready
        .map(|ready| evidence::condition(&object, ready))
        .unwrap_or_default();
    if lost {
        proof.extend(silent.into_iter().flatten());
        let mut sentence = Sentence::default()
            .object(&object)
            .words(" does not answer");
        if let Some(node) = &pod.node {
            sentence = sentence.words(": its node ").name(node).words(" is lost");
        }
        return Ok(Finding::blocked(CauseCode::PodsNotReady, object, sentence)
            .since(ready.and_then(|ready| ready.since))
            .proof(proof));
    }
    // Its containers are ready and it is not: a readiness gate says no.
    let held = ready.filter(|ready| {
        let waited = |since| place.has_passed(SETTLING, since);
        ready.reason == "ReadinessGatesNotReady"
            && (is_past_deadline(workload) || ready.since.is_none_or(waited))
    });
    if let Some(ready) = held {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is kept from being ready: ")
            .quote(&ready.message);
        return Ok(Finding::blocked(CauseCode::PodsNotReady, object, sentence)
            .since(ready.since)
            .proof(proof));
    }
    // All that its kubelet said last is well, and it is not ready: that its node is lost only the node tells.
    let mut containers = pod.containers.iter().filter(|one| !one.init).peekable();
    if containers.peek().is_some() && containers.all(|one| one.ready) {
        place.whole(Kind::Node, "")?;
    }
    let mut sentence = Sentence::default().object(&object).words(" is starting");
    if let Some(created) = pod.meta.created {
        sentence = sentence.words(", created ").instant(created);
    }
    Ok(Finding::moving(CauseCode::PodsStarting, object, sentence)
        .since(pod.meta.created)
        .proof(proof))
}
