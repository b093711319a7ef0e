//! What is wrong with one container: its state, how it ended last, and the events about its pod.
//!
//! Owns the reading of container states. Which container of which pod counts is decided above.

use api::Sentence;
use facts::kubernetes::{ContainerState, ContainerStatus, Event, Pod, Workload};
use facts::meta::{Kind, Status, condition};
use jiff::Timestamp;

use super::{SETTLING, is_shaky, pod_warning, secret};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{self, Finding, when};
use crate::view::{Learned, Place};

pub fn of_container(
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
    let writer = secret::writer(place, &pod.meta.namespace, message);
    if let Ok(Some((writer, failing))) = writer {
        let writer = evidence::object(place, "ExternalSecret", &writer.meta.key());
        let sentence = sentence
            .words("; ")
            .object(&writer)
            .words(", which should write it, failed");
        let sentence = when(sentence, failing.since)
            .words(": ")
            .quote(&failing.message);
        let reason = evidence::condition(&writer, failing);
        return Finding::blocked(CauseCode::PodsConfigMissing, writer, sentence)
            .since(pod.meta.created)
            .proof(reason)
            .proof([proof]);
    }
    let unread = writer.err().map(|gap| {
        let unread =
            Sentence::default().words("Whether an ExternalSecret should write it is not known: ");
        finding::ended(unread.quote(gap.why))
    });
    Finding::blocked(CauseCode::PodsConfigMissing, object, sentence)
        .since(pod.meta.created)
        .proof([proof])
        .qualified(unread)
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

/// Since when a pod is not ready: what happened last happens again at every restart, and moves with it.
fn unready_since(pod: &Pod, last: Option<Timestamp>) -> Option<Timestamp> {
    let unready = condition(&pod.conditions, "Ready").filter(|ready| ready.status == Status::False);
    match (unready.and_then(|ready| ready.since), last) {
        (Some(unready), Some(last)) => Some(unready.min(last)),
        (unready, last) => unready.or(last),
    }
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
        .since(unready_since(pod, at).or(pod.meta.created))
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
        .since(unready_since(pod, event.last))
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
    let long = running.is_none_or(|since| place.has_passed(SETTLING, since));
    let event = pod_warning(place, pod, |event| event.reason == "Unhealthy");
    let is_late = is_past_deadline(workload);
    if event.is_none() && (is_late || long && is_progressing(workload)) {
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
        (Some(_), _) if long || is_late => {
            Finding::blocked(CauseCode::PodsProbeFailing, object, sentence)
        }
        (None, true) if !is_progressing(workload) => {
            Finding::blocked(CauseCode::PodsNotReady, object, sentence)
        }
        _ => Finding::moving(CauseCode::PodsStarting, object, sentence),
    };
    let since = match finding.turn {
        api::State::Blocked => unready_since(pod, running),
        _ => running,
    };
    Ok(finding.since(since).proof(proof))
}

/// Whether Kubernetes itself still counts the rollout as under way: within its deadline, a slow start with no probe
/// failing is no trouble.
fn is_progressing(workload: &Workload) -> bool {
    condition(&workload.conditions, "Progressing").is_some_and(|progressing| {
        progressing.status == Status::True && progressing.reason != "NewReplicaSetAvailable"
    })
}

/// Whether Kubernetes has given the rollout up: then a failing probe is no slow start any more, however short it fails.
fn is_past_deadline(workload: &Workload) -> bool {
    condition(&workload.conditions, "Progressing").is_some_and(|progressing| {
        progressing.status == Status::False && progressing.reason == "ProgressDeadlineExceeded"
    })
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
