//! What is wrong with a pod, or with the workload that makes pods: the containers' own truth.
//!
//! Owns the reading of container states, conditions and events. The workload may be the app's own or one that
//! another object's health check waits for.

use api::Sentence;
use facts::kubernetes::{ContainerState, ContainerStatus, Event, Pod, Workload};
use facts::meta::{Key, Kind, Status, condition};
use jiff::{SignedDuration, Timestamp};

use super::pods::{self, Crew};
use super::rollout;
use crate::causes::CauseCode;
use crate::discover::in_namespace;
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
    found.sort_by_key(rank);
    match (found.into_iter().next(), gap) {
        (Some(finding), _) if finding.turn == api::State::Blocked => Ok(Some(finding)),
        (_, Some(gap)) => Err(gap),
        (finding, None) => Ok(finding),
    }
}

/// The most specific first; what is only starting last.
fn rank(finding: &Finding) -> (bool, u8) {
    let order = match finding.code {
        CauseCode::PodsConfigMissing => 0,
        CauseCode::PodsImagePull => 1,
        CauseCode::PodsOutOfMemory => 2,
        CauseCode::PodsInitFailed => 3,
        CauseCode::PodsCrash => 4,
        CauseCode::PodsProbeFailing => 5,
        CauseCode::PodsUnschedulable => 6,
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
    one.restarts > 0 && ended_badly && place.now.duration_since(*since) < SETTLING
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
        if let Some(finding) = of_container(place, workload, pod, status)? {
            return Ok(Some(finding));
        }
    }
    Ok(Some(unready(place, pod)))
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

fn of_container(
    place: Place<'_>,
    workload: &Workload,
    pod: &Pod,
    status: &ContainerStatus,
) -> Learned<Option<Finding>> {
    match &status.state {
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "RegistryUnavailable"
            | "ImageInspectError" => Ok(Some(image_pull(place, pod, status, reason, message))),
            "CreateContainerConfigError" => Ok(Some(config_missing(
                place,
                pod,
                status,
                &format!("{}.waiting.message", path(status)),
                message,
                None,
            ))),
            "" | "ContainerCreating" | "PodInitializing" => creating(place, pod, status),
            _ => Ok(Some(crashed(place, workload, pod, status))),
        },
        ContainerState::Terminated { exit_code, .. } => {
            let done = status.init && *exit_code == 0;
            Ok((!done).then(|| crashed(place, workload, pod, status)))
        }
        ContainerState::Running { since } => {
            if status.init || (status.ready && !is_shaky(place, status)) {
                return Ok(None);
            }
            // Between two crashes a container runs for a moment.
            if status.restarts >= 2 || is_shaky(place, status) && ended(status).is_some() {
                return Ok(Some(crashed(place, workload, pod, status)));
            }
            probed(place, workload, pod, status, since.or(pod.started)).map(Some)
        }
    }
}

fn path(status: &ContainerStatus) -> String {
    let list = if status.init {
        "initContainerStatuses"
    } else {
        "containerStatuses"
    };
    format!("status.{list}[{}].state", status.name)
}

/// Warnings about an object, newest first.
pub fn warnings<'a>(place: Place<'a>, kind: &str, key: &Key) -> Vec<&'a Event> {
    let mut found: Vec<&Event> = in_namespace(&place.facts.events, &key.namespace)
        .filter(|event| event.warning && event.about.kind == kind && event.about.name == key.name)
        .collect();
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

fn image_pull(
    place: Place<'_>,
    pod: &Pod,
    status: &ContainerStatus,
    reason: &str,
    message: &str,
) -> Finding {
    let object = evidence::pod(place, pod);
    let told = pod_warning(place, pod, |event| {
        event.reason == "Failed" && event.message.contains("pull") && event.message.contains(':')
    });
    let why = told.map_or(message, |event| event.message.as_str());
    let mut sentence = Sentence::default()
        .object(&object)
        .words(" cannot pull ")
        .name(&status.image);
    if !why.is_empty() {
        sentence = sentence.words(": ").quote(why);
    }
    let mut proof: Vec<_> = told
        .map(|event| evidence::event(place, event))
        .into_iter()
        .collect();
    proof.push(evidence::evidence(
        &object,
        format!("{}.waiting.message", path(status)),
        message,
        pod.started,
    ));
    proof.push(evidence::evidence(
        &object,
        format!("{}.waiting.reason", path(status)),
        reason,
        pod.started,
    ));
    Finding::blocked(CauseCode::PodsImagePull, object, sentence)
        .since(pod.meta.created)
        .proof(proof)
}

fn config_missing(
    place: Place<'_>,
    pod: &Pod,
    status: &ContainerStatus,
    field: &str,
    message: &str,
    at: Option<Timestamp>,
) -> Finding {
    let object = evidence::pod(place, pod);
    let sentence = Sentence::default()
        .object(&object)
        .words(" cannot start container ")
        .name(&status.name)
        .words(": ")
        .quote(message);
    let proof = evidence::evidence(&object, field, message, at.or(pod.started));
    Finding::blocked(CauseCode::PodsConfigMissing, object, sentence)
        .since(pod.meta.created)
        .proof([proof])
}

/// A container that is being made: a volume that cannot be mounted shows only in events.
fn creating(place: Place<'_>, pod: &Pod, status: &ContainerStatus) -> Learned<Option<Finding>> {
    place.whole(Kind::Event, &pod.meta.namespace)?;
    let mount = pod_warning(place, pod, |event| {
        matches!(event.reason.as_str(), "FailedMount" | "FailedAttachVolume")
    });
    let Some(event) = mount else {
        return Ok(Some(starting(place, pod, status)));
    };
    let message = event.message.to_ascii_lowercase();
    let missing = message.contains("not found")
        && (message.contains("configmap")
            || message.contains("secret")
            || message.contains("references non-existent"));
    let field = format!("event[{}].message", event.reason);
    if missing || message.contains("non-existent config key") {
        return Ok(Some(config_missing(
            place,
            pod,
            status,
            &field,
            &event.message,
            event.last,
        )));
    }
    let object = evidence::pod(place, pod);
    let sentence = Sentence::default()
        .object(&object)
        .words(" waits for a volume: ")
        .quote(&event.message);
    Ok(Some(
        Finding::blocked(CauseCode::PodsNotReady, object, sentence)
            .since(pod.meta.created)
            .proof([evidence::event(place, event)]),
    ))
}

fn starting(place: Place<'_>, pod: &Pod, status: &ContainerStatus) -> Finding {
    let object = evidence::pod(place, pod);
    let mut sentence = Sentence::default().object(&object).words(" is starting");
    if let Some(created) = pod.meta.created {
        sentence = sentence.words(", created ").instant(created);
    }
    let reason = match &status.state {
        ContainerState::Waiting { reason, .. } if !reason.is_empty() => reason,
        _ => "ContainerCreating",
    };
    let proof = evidence::evidence(
        &object,
        format!("{}.waiting.reason", path(status)),
        reason,
        pod.started,
    );
    Finding::moving(CauseCode::PodsStarting, object, sentence)
        .since(pod.meta.created)
        .proof([proof])
}

/// How a container ended last.
fn ended(status: &ContainerStatus) -> Option<&ContainerState> {
    match &status.state {
        state @ ContainerState::Terminated { .. } => Some(state),
        _ => status
            .last
            .as_ref()
            .filter(|state| matches!(state, ContainerState::Terminated { .. })),
    }
}

fn crashed(place: Place<'_>, workload: &Workload, pod: &Pod, status: &ContainerStatus) -> Finding {
    let object = evidence::pod(place, pod);
    let mut proof = Vec::new();
    let (mut code, mut at, mut said, mut exit) = (CauseCode::PodsCrash, None, "", None);
    if let Some(ContainerState::Terminated {
        reason,
        message,
        exit_code,
        finished,
    }) = ended(status)
    {
        let last = if matches!(status.state, ContainerState::Terminated { .. }) {
            path(status)
        } else {
            path(status).replace("].state", "].lastState")
        };
        if !message.is_empty() {
            proof.push(evidence::evidence(
                &object,
                format!("{last}.terminated.message"),
                message,
                *finished,
            ));
        }
        proof.push(evidence::evidence(
            &object,
            format!("{last}.terminated.reason"),
            reason,
            *finished,
        ));
        proof.push(evidence::evidence(
            &object,
            format!("{last}.terminated.exitCode"),
            exit_code.to_string(),
            *finished,
        ));
        (at, said, exit) = (*finished, message, Some(*exit_code));
        if reason == "OOMKilled" {
            code = CauseCode::PodsOutOfMemory;
        }
    } else if let ContainerState::Waiting { reason, message } = &status.state {
        proof.push(evidence::evidence(
            &object,
            format!("{}.waiting.message", path(status)),
            message,
            pod.started,
        ));
        proof.push(evidence::evidence(
            &object,
            format!("{}.waiting.reason", path(status)),
            reason,
            pod.started,
        ));
        said = message;
    }
    proof.push(evidence::evidence(
        &object,
        "restartCount",
        status.restarts.to_string(),
        at,
    ));
    if status.init && code == CauseCode::PodsCrash {
        code = CauseCode::PodsInitFailed;
    }
    // A probe that fails ends the container from outside: by signal, or politely with 0.
    if code == CauseCode::PodsCrash
        && matches!(exit, Some(0 | 137 | 143))
        && let Some(event) = pod_warning(place, pod, |event| {
            event.reason == "Unhealthy" && !event.message.starts_with("Readiness")
        })
    {
        return killed_by_probe(place, pod, status, event, proof);
    }
    let mut sentence = Sentence::default()
        .words(if status.init {
            "init container "
        } else {
            "container "
        })
        .name(&status.name)
        .words(" of ")
        .object(&object);
    sentence = match (code, exit) {
        (CauseCode::PodsOutOfMemory, _) => {
            let limit = workload
                .containers
                .iter()
                .find(|one| one.name == status.name)
                .and_then(|one| one.memory_limit.as_deref());
            if let Some(limit) = limit {
                proof.push(evidence::evidence(
                    &evidence::workload(place, workload),
                    format!(
                        "spec.template.spec.containers[{}].resources.limits.memory",
                        status.name
                    ),
                    limit,
                    None,
                ));
            }
            match limit {
                Some(limit) => when(sentence.words(" was killed"), at)
                    .words(" for using more than its memory limit of ")
                    .name(limit),
                None => when(sentence.words(" was killed"), at)
                    .words(" for using more memory than it may"),
            }
        }
        (_, Some(exit)) => {
            when(sentence.words(" ended"), at).words(format!(" with exit code {exit}"))
        }
        (_, None) => sentence.words(" cannot start"),
    };
    if let Some(line) = telling_line(said) {
        sentence = sentence.words(": ").quote(line);
    }
    Finding::blocked(code, object, sentence)
        .since(at.or(pod.meta.created))
        .proof(proof)
}

fn killed_by_probe(
    place: Place<'_>,
    pod: &Pod,
    status: &ContainerStatus,
    event: &Event,
    proof: Vec<api::journey::Evidence>,
) -> Finding {
    let object = evidence::pod(place, pod);
    let sentence = Sentence::default()
        .words("container ")
        .name(&status.name)
        .words(" of ")
        .object(&object)
        .words(" is killed again and again: ")
        .quote(&event.message);
    Finding::blocked(CauseCode::PodsProbeFailing, object, sentence)
        .since(event.last)
        .proof([evidence::event(place, event)])
        .proof(proof)
}

/// Runs, and is not ready: a probe says no, or nobody says why.
fn probed(
    place: Place<'_>,
    workload: &Workload,
    pod: &Pod,
    status: &ContainerStatus,
    running: Option<Timestamp>,
) -> Learned<Finding> {
    let object = evidence::pod(place, pod);
    let long = running.is_none_or(|since| place.now.duration_since(since) >= SETTLING);
    let event = pod_warning(place, pod, |event| event.reason == "Unhealthy");
    if event.is_none() && long && is_progressing(workload) {
        // Whether a probe fails, or the start is only slow, is in the events.
        place.whole(Kind::Event, &pod.meta.namespace)?;
    }
    let ready = condition(&pod.conditions, "Ready");
    let mut proof: Vec<_> = event
        .map(|event| evidence::event(place, event))
        .into_iter()
        .collect();
    proof.push(evidence::evidence(
        &object,
        format!("status.containerStatuses[{}].ready", status.name),
        "false",
        running,
    ));
    if let Some(ready) = ready {
        proof.extend(evidence::condition(&object, ready));
    }
    let mut sentence = Sentence::default()
        .words("container ")
        .name(&status.name)
        .words(" of ")
        .object(&object);
    sentence = match running {
        Some(since) => sentence
            .words(" started ")
            .instant(since)
            .words(" and is not ready"),
        None => sentence.words(" runs and is not ready"),
    };
    if let Some(event) = event {
        sentence = sentence.words(": ").quote(&event.message);
    }
    let finding = match (event, long) {
        (Some(_), true) => Finding::blocked(CauseCode::PodsProbeFailing, object, sentence),
        (None, true) if !is_progressing(workload) => {
            Finding::blocked(CauseCode::PodsNotReady, object, sentence)
        }
        _ => Finding::moving(CauseCode::PodsStarting, object, sentence),
    };
    Ok(finding.since(running).proof(proof))
}

/// Whether Kubernetes itself still counts the rollout as under way: within its deadline, a slow start with no probe
/// failing is no trouble.
fn is_progressing(workload: &Workload) -> bool {
    condition(&workload.conditions, "Progressing").is_some_and(|progressing| {
        progressing.status == Status::True && progressing.reason != "NewReplicaSetAvailable"
    })
}

/// Nothing in the pod's containers says why it is not ready: its node may be lost, or it has only just begun.
fn unready(place: Place<'_>, pod: &Pod) -> Finding {
    let object = evidence::pod(place, pod);
    let ready = condition(&pod.conditions, "Ready");
    let lost = ready.is_some_and(|ready| ready.status == Status::Unknown)
        || pod.reason.as_deref() == Some("NodeLost");
    let proof: Vec<_> = ready
        .map(|ready| evidence::condition(&object, ready))
        .unwrap_or_default();
    if lost {
        let mut sentence = Sentence::default()
            .object(&object)
            .words(" does not answer");
        if let Some(node) = &pod.node {
            sentence = sentence.words(": its node ").name(node).words(" is lost");
        }
        return Finding::blocked(CauseCode::PodsNotReady, object, sentence)
            .since(ready.and_then(|ready| ready.since))
            .proof(proof);
    }
    let mut sentence = Sentence::default().object(&object).words(" is starting");
    if let Some(created) = pod.meta.created {
        sentence = sentence.words(", created ").instant(created);
    }
    Finding::moving(CauseCode::PodsStarting, object, sentence)
        .since(pod.meta.created)
        .proof(proof)
}

/// The line of a log that tells most: the last that speaks of an error, else the last.
fn telling_line(text: &str) -> Option<&str> {
    let speaks = |line: &&str| {
        let line = line.to_ascii_lowercase();
        [
            "error",
            "fatal",
            "panic",
            "exception",
            "missing",
            "failed",
            "cannot",
        ]
        .iter()
        .any(|word| line.contains(word))
    };
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().rfind(speaks).or_else(|| lines().next_back())
}

#[cfg(test)]
mod tests {
    use super::telling_line;

    #[test]
    fn the_line_that_speaks_of_an_error_tells_most() {
        assert_eq!(
            telling_line("starting\nfatal: SEARCH_URL missing\nbye\n"),
            Some("fatal: SEARCH_URL missing")
        );
        assert_eq!(telling_line("a\nb\n\n"), Some("b"));
        assert_eq!(telling_line(""), None);
    }
}
