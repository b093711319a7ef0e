//! Stage 7: the workload rolls the commit out.
//!
//! Owns what a Deployment, StatefulSet or DaemonSet and its ReplicaSet say about the way from template to pods.

use api::{Sentence, StageKind, StageState};
use facts::kubernetes::Workload;
use facts::meta::{Condition, Kind, Status, condition};
use jiff::{SignedDuration, Timestamp};

use super::pods::Crew;
use super::{Case, canary, ecs, trouble};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::Contents;
use crate::lost;
use crate::view::{Learned, Place};

/// How long after Flux applied it a template may still look old to us: two watches need not be in step.
pub const IN_STEP: SignedDuration = SignedDuration::from_secs(15);

/// Whether Flux applied something so short a time ago that the objects as we see them may be of before.
pub fn is_fresh(case: &Case<'_, '_>, applied: Option<Timestamp>) -> bool {
    let place = case.target.place;
    let until = applied.and_then(|at| at.checked_add(IN_STEP).ok());
    until.is_some_and(|until| !place.is_past(until))
}

/// How the rollout stands. `template` is what the workload's image contains; `release` whether something names the
/// commit's image for it; `applied` whether Flux says it is done, and since when.
pub fn outcome(
    case: &Case<'_, '_>,
    template: &Learned<Contents>,
    crew: &Learned<Crew<'_>>,
    release: &Outcome,
    applied: &Outcome,
) -> Outcome {
    let stage = StageKind::Rollout;
    let place = case.target.place;
    let workload = case.target.workload;
    if place.is_ecs() {
        return ecs::rollout::outcome(case, template, crew, release);
    }
    let known = canary::known(place, case.target.applied);
    if let Err(gap) = known.and_then(|()| place.whole(workload.kind, &workload.meta.namespace)) {
        return Outcome::unknown(stage, &gap);
    }
    match template {
        Err(gap) => return Outcome::unknown(stage, gap),
        Ok(contents) if !contents.contains() => {
            if case.target.is_lost && applied.is_met() {
                return lost::outcome(case, applied);
            }
            // Where nothing of Flux's applies the workload that stage is skipped: nothing says what should run.
            return if let (StageState::Done, Some(canary)) =
                (&applied.stage.state, case.target.canary)
            {
                Outcome::found(stage, canary::not_promoted(place, canary))
            } else if applied.stage.state == StageState::Done {
                Outcome::found(stage, drifted(case, applied))
            } else {
                Outcome::not_reached(stage)
            };
        }
        Ok(_) => {}
    }
    match trouble(place, workload, crew.as_ref().ok()) {
        Err(gap) => Outcome::unknown(stage, &gap),
        Ok(Some(finding)) => {
            let mut outcome = Outcome::found(stage, finding);
            outcome.stage.summary = progress(place, workload);
            outcome
        }
        Ok(None) => done(place, workload, crew.as_ref().ok()),
    }
}

/// A rollout that is over.
pub fn done(place: Place<'_>, workload: &Workload, crew: Option<&Crew<'_>>) -> Outcome {
    let object = evidence::workload(place, workload);
    let since = crew.and_then(Crew::begun);
    Outcome::done(StageKind::Rollout, progress(place, workload))
        .since(since)
        .proof([evidence::evidence(
            &object,
            if place.is_ecs() {
                "deployments[PRIMARY].runningCount"
            } else {
                "status.updatedReplicas"
            },
            workload.updated.to_string(),
            since,
        )])
}

/// "4 of 4 pods updated".
pub fn progress(place: Place<'_>, workload: &Workload) -> Sentence {
    Sentence::default().words(format!(
        "{} of {} {} updated",
        workload.updated,
        workload.wanted,
        place.pods()
    ))
}

/// Flux applied the commit, and the live template has another image.
fn drifted(case: &Case<'_, '_>, applied: &Outcome) -> Finding {
    let object = case.workload();
    let field = format!(
        "spec.template.spec.containers[{}].image",
        case.target.container.name
    );
    let proof = evidence::evidence(&object, field, &case.target.container.image, None);
    if is_fresh(case, applied.stage.since) {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is being changed");
        return Finding::moving(CauseCode::RolloutRunning, object, sentence)
            .since(applied.stage.since)
            .proof([proof]);
    }
    let sentence = Sentence::default()
        .object(&object)
        .words(" names ")
        .name(&case.target.container.image)
        .words(", though Flux applied another image: somebody changed it in the cluster");
    // Nothing says when it was changed: when Flux applied is not that.
    Finding::blocked(CauseCode::RolloutDrifted, object, sentence)
        .proof([proof])
        .proof(applied.stage.evidence.iter().cloned())
}

/// What keeps a workload from having all its pods of the newest template; `None` if it has them.
pub fn trouble(
    place: Place<'_>,
    workload: &Workload,
    crew: Option<&Crew<'_>>,
) -> Learned<Option<Finding>> {
    let object = evidence::workload(place, workload);
    if workload.observed_generation < workload.meta.generation {
        let sentence = Sentence::default()
            .object(&object)
            .words(" has not been taken up by its controller yet");
        let proof = evidence::evidence(
            &object,
            "status.observedGeneration",
            workload.observed_generation.to_string(),
            None,
        );
        return Ok(Some(
            Finding::moving(CauseCode::RolloutRunning, object, sentence).proof([proof]),
        ));
    }
    if workload.wanted == 0 {
        // Nobody scales a DaemonSet: it wants a pod on each node that suits it.
        let (code, why, field) = match workload.kind {
            Kind::DaemonSet => (
                CauseCode::RolloutNoNode,
                " wants no pods, because no node suits it: nothing runs",
                "status.desiredNumberScheduled",
            ),
            _ => (
                CauseCode::RolloutScaledToZero,
                " wants no pods, so nothing runs",
                "spec.replicas",
            ),
        };
        let sentence = Sentence::default().object(&object).words(why);
        let proof = evidence::evidence(&object, field, "0", None);
        return Ok(Some(
            Finding::blocked(code, object, sentence).proof([proof]),
        ));
    }
    let updated = workload.updated >= workload.wanted && workload.total <= workload.updated;
    if workload.paused && !updated {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is paused: its rollout has stopped");
        let proof = evidence::evidence(&object, "spec.paused", "true", None);
        return Ok(Some(
            Finding::blocked(CauseCode::RolloutPaused, object, sentence).proof([proof]),
        ));
    }
    if !updated && let Some(finding) = held_back(place, workload) {
        return Ok(Some(finding));
    }
    let short = workload.updated < workload.wanted
        || crew.is_none_or(|crew| crew.current.len() < workload.wanted as usize);
    if short && let Some(finding) = refused(place, workload, crew)? {
        return Ok(Some(finding));
    }
    let progressing = condition(&workload.conditions, "Progressing");
    let available = workload.ready >= workload.wanted;
    if let Some(late) = progressing
        && trouble::is_past_deadline(workload)
        && !(updated && available)
    {
        let mut sentence = Sentence::default()
            .object(&object)
            .words(" made no progress within its deadline");
        if let Some(since) = late.since {
            sentence = sentence.words(", which ended ").instant(since);
        }
        let proof = evidence::condition(&object, late);
        return Ok(Some(
            Finding::blocked(CauseCode::RolloutDeadline, object, sentence)
                .since(late.since)
                .proof(proof),
        ));
    }
    if updated && crew.is_none_or(|crew| crew.old.is_empty()) {
        return Ok(None);
    }
    let since = crew.and_then(Crew::begun);
    let mut sentence = Sentence::default().object(&object).words(format!(
        " is rolling out, {} of {} pods updated",
        workload.updated.min(workload.wanted),
        workload.wanted
    ));
    if let Some(since) = since {
        sentence = sentence.words(", begun ").instant(since);
    }
    let proof = evidence::evidence(
        &object,
        "status.updatedReplicas",
        workload.updated.to_string(),
        since,
    );
    Ok(Some(
        Finding::moving(CauseCode::RolloutRunning, object, sentence)
            .since(since)
            .proof([proof]),
    ))
}

/// A strategy that waits for a person: nothing rolls out by itself.
fn held_back(place: Place<'_>, workload: &Workload) -> Option<Finding> {
    let object = evidence::workload(place, workload);
    let sentence = Sentence::default().object(&object);
    let (sentence, field, value) = if workload.on_delete {
        let sentence = sentence.words(
            " replaces a pod only when somebody deletes it: its update strategy is OnDelete",
        );
        (sentence, "spec.updateStrategy.type", "OnDelete".to_owned())
    } else if workload.partition > 0
        && workload.updated.saturating_add(workload.partition) >= workload.wanted
    {
        let sentence = sentence.words(format!(
            " keeps its first {} pods as they are: its partition says so",
            workload.partition
        ));
        let value = workload.partition.to_string();
        (
            sentence,
            "spec.updateStrategy.rollingUpdate.partition",
            value,
        )
    } else {
        return None;
    };
    let proof = evidence::evidence(&object, field, value, None);
    Some(Finding::blocked(CauseCode::RolloutHeldBack, object, sentence).proof([proof]))
}

/// Why pods cannot be created: a condition of the ReplicaSet or Deployment, or an event of a StatefulSet or DaemonSet.
fn refused(
    place: Place<'_>,
    workload: &Workload,
    crew: Option<&Crew<'_>>,
) -> Learned<Option<Finding>> {
    let failing = |conditions: &'_ [Condition]| {
        condition(conditions, "ReplicaFailure")
            .filter(|found| found.status == Status::True)
            .cloned()
    };
    if let Some(set) = crew.and_then(|crew| crew.newest)
        && let Some(found) = failing(&set.conditions)
    {
        let set = evidence::object(place, "ReplicaSet", &set.meta.key());
        let proof = evidence::condition(&set, &found);
        // People know the workload; its ReplicaSet is where it is written.
        let object = evidence::workload(place, workload);
        return Ok(Some(
            refusal(object, &found.message)
                .since(found.since)
                .proof(proof),
        ));
    }
    if let Some(found) = failing(&workload.conditions) {
        let object = evidence::workload(place, workload);
        let proof = evidence::condition(&object, &found);
        return Ok(Some(
            refusal(object, &found.message)
                .since(found.since)
                .proof(proof),
        ));
    }
    if workload.kind == Kind::Deployment {
        place.whole_replica_sets(workload)?;
        return Ok(None);
    }
    place.whole(Kind::Event, &workload.meta.namespace)?;
    let event = trouble::warnings(place, workload.kind.name(), &workload.meta.key())
        .into_iter()
        .find(|event| event.reason == "FailedCreate");
    Ok(event.map(|event| {
        let object = evidence::workload(place, workload);
        refusal(object, &event.message)
            .since(event.last)
            .proof([evidence::event(place, event)])
    }))
}

fn refusal(object: api::ObjectRef, message: &str) -> Finding {
    let code = if message.contains("exceeded quota") {
        CauseCode::RolloutQuota
    } else {
        CauseCode::RolloutPodsRefused
    };
    let sentence = Sentence::default()
        .object(&object)
        .words(" cannot create pods: ")
        .quote(message);
    Finding::blocked(code, object, sentence)
}
