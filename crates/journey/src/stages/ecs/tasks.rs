//! Stage 8 of ECS: what is wrong with a task, in the words by which ECS stopped it.
//!
//! Owns the telling apart of a task that could not start, one that ended, and one that is unwell.

use api::Sentence;
use facts::ecs::TASK_DEFINITION;
use facts::kubernetes::{ContainerState, Pod, Workload};
use facts::meta::condition;
use jiff::Timestamp;

use super::reason::telling;
use super::service;
use crate::causes::CauseCode;
use crate::discover::pods_of;
use crate::evidence;
use crate::finding::{Finding, ended, when};
use crate::stages::pods::Crew;
use crate::stages::trouble::is_ready;
use crate::view::Place;

/// What is wrong with a task; `None` if nothing is.
pub fn trouble(place: Place<'_>, task: &Pod) -> Option<Finding> {
    if task.phase == "Failed" {
        return Some(stopped(place, task));
    }
    if is_ready(place, task) {
        return None;
    }
    let object = evidence::pod(place, task);
    let ready = condition(&task.conditions, "Ready");
    let status = ready.map_or("PENDING", |ready| ready.reason.as_str());
    if status == "UNHEALTHY" {
        let sentence = Sentence::default().object(&object);
        let sentence = match task.started {
            Some(started) => sentence.words(" was started ").instant(started),
            None => sentence.words(" runs"),
        }
        .words(" and is unwell, as its container's health check says");
        let proof = evidence::evidence(&object, "healthStatus", status, task.started);
        return Some(
            Finding::blocked(CauseCode::EcsTaskUnhealthy, object, sentence)
                .since(task.started)
                .proof([proof]),
        );
    }
    let mut sentence = Sentence::default().object(&object).words(" is starting");
    if let Some(created) = task.meta.created {
        sentence = sentence.words(", created ").instant(created);
    }
    let proof = evidence::evidence(&object, "lastStatus", status, task.meta.created);
    Some(
        Finding::moving(CauseCode::EcsDeploymentRunning, object, sentence)
            .since(task.meta.created)
            .proof([proof]),
    )
}

/// A task that stopped badly.
fn stopped(place: Place<'_>, task: &Pod) -> Finding {
    let object = evidence::pod(place, task);
    let at = stopped_at(task);
    let said = task.message.as_deref().unwrap_or_default();
    let code = task.reason.as_deref().unwrap_or_default();
    let mut proof = Vec::new();
    for (field, value) in [("stoppedReason", said), ("stopCode", code)] {
        if !value.is_empty() {
            proof.push(evidence::evidence(&object, field, value, at));
        }
    }
    let sentence = Sentence::default().object(&object);
    if code == "TaskFailedToStart" {
        let sentence = when(sentence.words(" could not be started"), at)
            .words(": ")
            .quote(telling(said));
        return Finding::blocked(CauseCode::EcsTaskStartFailed, object, sentence)
            .since(at)
            .proof(proof);
    }
    if said.contains("health check") || said.contains("unhealthy") {
        let sentence = when(sentence.words(" was stopped"), at)
            .words(": ")
            .quote(telling(said));
        return Finding::blocked(CauseCode::EcsTaskUnhealthy, object, sentence)
            .since(at)
            .proof(proof);
    }
    let culprit = task.containers.iter().find_map(|one| match &one.state {
        ContainerState::Terminated {
            exit_code, message, ..
        } if !one.init => Some((one.name.as_str(), *exit_code, message.as_str())),
        _ => None,
    });
    let mut sentence = match culprit {
        Some((name, exit, _)) => when(
            Sentence::default()
                .words("container ")
                .name(name)
                .words(" of ")
                .object(&object)
                .words(" ended"),
            at,
        )
        .words(format!(" with exit code {exit}")),
        None => when(sentence.words(" stopped"), at),
    };
    let why = match culprit {
        Some((_, _, reason)) if !reason.is_empty() => reason,
        _ => said,
    };
    if !why.is_empty() {
        sentence = sentence.words(": ").quote(telling(why));
    }
    if let Some((name, exit, reason)) = culprit {
        let field = |part: &str| format!("containers[{name}].{part}");
        proof.push(evidence::evidence(
            &object,
            field("exitCode"),
            exit.to_string(),
            at,
        ));
        if !reason.is_empty() {
            proof.push(evidence::evidence(&object, field("reason"), reason, at));
        }
    }
    Finding::blocked(CauseCode::EcsTaskExited, object, sentence)
        .since(at)
        .proof(proof)
}

fn stopped_at(task: &Pod) -> Option<Timestamp> {
    condition(&task.conditions, "Ready").and_then(|ready| ready.since)
}

/// ECS has fewer tasks than it wants and says that it finds no place for another.
pub fn unplaced(place: Place<'_>, workload: &Workload, crew: &Crew<'_>) -> Option<Finding> {
    if crew.current.len() >= workload.wanted as usize {
        return None;
    }
    let service = service(place, workload)?;
    let since = service.primary().and_then(|primary| primary.created);
    let event = service.events.iter().find(|event| {
        event.message.contains("unable to place a task")
            || event.message.contains("was unable to place")
    })?;
    // What was said of the deployment before is no news of this one.
    if event.at < since {
        return None;
    }
    // Steady since: it found a place after all.
    let steady = service
        .events
        .iter()
        .any(|other| other.at > event.at && other.message.contains("has reached a steady state"));
    if steady {
        return None;
    }
    let object = evidence::workload(place, workload);
    let sentence = when(
        Sentence::default()
            .object(&object)
            .words(" could not place a task"),
        event.at,
    )
    .words(": ")
    .quote(telling(&event.message));
    let proof = evidence::evidence(&object, "events[].message", &event.message, event.at);
    let capacity = (!service.capacity.is_empty()).then(|| {
        let field = "capacityProviderStrategy";
        evidence::evidence(&object, field, service.capacity.join(", "), None)
    });
    Some(
        Finding::blocked(CauseCode::EcsNoPlacement, object, sentence)
            .since(event.at)
            .proof([proof])
            .proof(capacity),
    )
}

/// Why a revision's tasks stopped, by the one that stopped last: AWS forgets them after an hour, and what was seen is
/// kept for one more.
pub fn why_stopped(place: Place<'_>, workload: &Workload, arn: &str) -> Option<Sentence> {
    let tasks = pods_of(place, workload).into_iter();
    let last = tasks
        .filter(|task| task.phase == "Failed" && task.meta.label(TASK_DEFINITION) == Some(arn))
        .max_by_key(|task| (stopped_at(task), &task.meta.name))?;
    let finding = stopped(place, last);
    Some(ended(
        Sentence::default()
            .words("Its last task to fail: ")
            .then(finding.sentence),
    ))
}
