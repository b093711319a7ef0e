//! Stage 7 of ECS: the service's deployment.
//!
//! Owns what `deployments` and service deployments say about the way from a task definition to tasks.

use api::journey::Evidence;
use api::{ObjectRef, Sentence, StageKind, State};
use facts::ecs::{self, Deployment, ServiceDeployment};
use facts::kubernetes::Workload;
use facts::meta::Kind;

use super::reason::telling;
use super::{definition, primary, release, service, tasks};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome, when};
use crate::images::Contents;
use crate::stages::pods::Crew;
use crate::stages::{Case, rollout};
use crate::view::{Learned, Place};

/// How the deployment stands. `release` says whether a task definition names the commit at all.
pub fn outcome(
    case: &Case<'_, '_>,
    template: &Learned<Contents>,
    crew: &Learned<Crew<'_>>,
    release: &Outcome,
) -> Outcome {
    look(case, template, crew, release)
        .unwrap_or_else(|gap| Outcome::unknown(StageKind::Rollout, &gap))
}

fn look(
    case: &Case<'_, '_>,
    template: &Learned<Contents>,
    crew: &Learned<Crew<'_>>,
    release: &Outcome,
) -> Learned<Outcome> {
    let stage = StageKind::Rollout;
    let (place, workload) = (case.target.place, case.target.workload);
    place.whole(Kind::EcsService, &workload.meta.namespace)?;
    let template = template.as_ref().map_err(Clone::clone)?;
    if !template.contains() {
        if !release.is_met() {
            return Ok(Outcome::not_reached(stage));
        }
        let Some(named) = release::named(case)? else {
            return Ok(Outcome::not_reached(stage));
        };
        let finding = passed_by(place, workload, &named.definition.arn)?;
        return Ok(Outcome::found(stage, finding));
    }
    let crew = crew.as_ref().ok();
    Ok(match trouble(place, workload, crew) {
        Some(finding) => {
            let mut outcome = Outcome::found(stage, finding);
            outcome.stage.summary = rollout::progress(place, workload);
            outcome
        }
        None => rollout::done(place, workload, crew),
    })
}

/// A revision names the commit, and the service does not use it: what became of it.
fn passed_by(place: Place<'_>, workload: &Workload, arn: &str) -> Learned<Finding> {
    let object = evidence::workload(place, workload);
    let Some(service) = service(place, workload) else {
        return Ok(not_updated(place, workload, object, arn));
    };
    let change = service
        .service_deployments
        .iter()
        .find(|one| one.task_definition == arn);
    if let Some(change) = change {
        return Ok(match change.status.as_str() {
            "SUCCESSFUL" => not_updated(place, workload, object, arn),
            "PENDING" | "IN_PROGRESS" => running(place, workload, None),
            "STOPPED" | "STOP_REQUESTED" => stopped(place, object, change),
            _ => rolled_back(place, workload, object, change),
        });
    }
    let failed = service
        .deployments
        .iter()
        .find(|one| one.task_definition == arn && one.rollout_state == "FAILED");
    if let Some(failed) = failed {
        return Ok(failed_deployment(object, failed));
    }
    // What was rolled back looks like this where service deployments cannot be read.
    place.whole(Kind::EcsServiceDeployment, &workload.meta.namespace)?;
    Ok(not_updated(place, workload, object, arn))
}

/// What keeps a service from having all its tasks of its task definition; `None` if it has them.
fn trouble(place: Place<'_>, workload: &Workload, crew: Option<&Crew<'_>>) -> Option<Finding> {
    let object = evidence::workload(place, workload);
    let revision = workload.update_revision.as_deref().unwrap_or_default();
    let newest = service(place, workload).and_then(|service| service.service_deployments.first());
    if let Some(change) = newest
        && change.task_definition == revision
        && change.status.starts_with("ROLLBACK")
    {
        return Some(rolled_back(place, workload, object, change));
    }
    if workload.wanted == 0 {
        let sentence = Sentence::default()
            .object(&object)
            .words(" has a desired count of zero, so nothing runs");
        let proof = evidence::evidence(&object, "desiredCount", "0", None);
        return Some(Finding::blocked(CauseCode::EcsDesiredZero, object, sentence).proof([proof]));
    }
    let primary = primary(place, workload);
    if let Some(failed) = primary.filter(|one| one.rollout_state == "FAILED") {
        return Some(failed_deployment(object, failed));
    }
    let under_way = primary.is_some_and(|one| one.rollout_state == "IN_PROGRESS");
    let short = crew.is_some_and(|crew| crew.current.len() < workload.wanted as usize)
        || workload.ready < workload.wanted;
    let old = crew.is_some_and(|crew| !crew.old.is_empty());
    (under_way || short || old).then(|| running(place, workload, crew))
}

fn running(place: Place<'_>, workload: &Workload, crew: Option<&Crew<'_>>) -> Finding {
    let object = evidence::workload(place, workload);
    let primary = primary(place, workload);
    let since = primary
        .and_then(|one| one.created)
        .or_else(|| crew.and_then(Crew::begun));
    let revision = workload.update_revision.as_deref().unwrap_or_default();
    let sentence = Sentence::default()
        .object(&object)
        .words(format!(
            " is being deployed, {} of {} tasks of ",
            workload.ready.min(workload.wanted),
            workload.wanted
        ))
        .name(ecs::short(revision))
        .words(" running");
    let sentence = match since {
        Some(since) => sentence.words(", begun ").instant(since),
        None => sentence,
    };
    let mut proof = vec![evidence::evidence(
        &object,
        "deployments[PRIMARY].runningCount",
        workload.ready.to_string(),
        since,
    )];
    let failed = primary.map_or(0, |one| one.failed);
    if let Some(primary) = primary {
        proof.extend(said(
            &object,
            "deployments[PRIMARY].rolloutState",
            &primary.rollout_state,
            primary,
        ));
    }
    Finding::moving(CauseCode::EcsDeploymentRunning, object, sentence)
        .since(since)
        .proof(proof)
        .qualified((failed > 0).then(|| {
            Sentence::default().words(format!(
                "{failed} of its tasks have failed so far, and ECS goes on trying."
            ))
        }))
}

fn failed_deployment(object: ObjectRef, failed: &Deployment) -> Finding {
    let at = failed.updated;
    let mut sentence = when(
        Sentence::default()
            .words("the deployment of ")
            .name(ecs::short(&failed.task_definition))
            .words(" to ")
            .object(&object)
            .words(" failed"),
        at,
    );
    if !failed.reason.is_empty() {
        sentence = sentence.words(": ").quote(telling(&failed.reason));
    }
    let field = |part: &str| format!("deployments[{}].{part}", failed.id);
    let mut proof = said(
        &object,
        &field("rolloutStateReason"),
        &failed.reason,
        failed,
    );
    proof.extend(said(&object, &field("rolloutState"), "FAILED", failed));
    proof.extend(said(
        &object,
        &field("failedTasks"),
        &failed.failed.to_string(),
        failed,
    ));
    Finding::blocked(CauseCode::EcsDeploymentFailed, object, sentence)
        .since(at)
        .proof(proof)
}

fn said(object: &ObjectRef, field: &str, value: &str, of: &Deployment) -> Vec<Evidence> {
    if value.is_empty() {
        return Vec::new();
    }
    vec![evidence::evidence(object, field, value, of.updated)]
}

fn stopped(place: Place<'_>, object: ObjectRef, change: &ServiceDeployment) -> Finding {
    let mut sentence = when(
        Sentence::default()
            .words("the deployment of ")
            .object(&definition(place, &change.task_definition))
            .words(" to ")
            .object(&object)
            .words(" was stopped"),
        change.finished,
    );
    if !change.reason.is_empty() {
        sentence = sentence.words(": ").quote(telling(&change.reason));
    }
    let proof = of_change(place, &object, change);
    Finding::blocked(CauseCode::EcsDeploymentFailed, object, sentence)
        .since(change.finished)
        .proof(proof)
}

/// The circuit breaker or an alarm took it back; why its tasks stopped is said beside it, where they were seen.
fn rolled_back(
    place: Place<'_>,
    workload: &Workload,
    object: ObjectRef,
    change: &ServiceDeployment,
) -> Finding {
    let at = change.rolled_back.or(change.finished);
    let sentence = Sentence::default()
        .words(match change.status.as_str() {
            "ROLLBACK_SUCCESSFUL" => "ECS rolled back the deployment of ",
            "ROLLBACK_FAILED" => "ECS tried in vain to roll back the deployment of ",
            _ => "ECS is rolling back the deployment of ",
        })
        .object(&definition(place, &change.task_definition))
        .words(" to ")
        .object(&object);
    let mut sentence = when(sentence, at);
    let why = if change.reason.is_empty() {
        &change.rollback_reason
    } else {
        &change.reason
    };
    if !why.is_empty() {
        sentence = sentence.words(": ").quote(telling(why));
    }
    let proof = of_change(place, &object, change);
    Finding::new(
        CauseCode::EcsRolledBack,
        State::RolledBack,
        object,
        sentence,
    )
    .since(at)
    .proof(proof)
    .qualified(tasks::why_stopped(place, workload, &change.task_definition))
}

fn of_change(place: Place<'_>, object: &ObjectRef, change: &ServiceDeployment) -> Vec<Evidence> {
    let alarms = change.alarms.join(", ");
    let failures = match change.failures {
        0 => String::new(),
        failures => failures.to_string(),
    };
    let at = change.rolled_back.or(change.finished).or(change.created);
    let fields = [
        ("statusReason", change.reason.as_str()),
        ("status", &change.status),
        ("rollback.reason", &change.rollback_reason),
        ("deploymentCircuitBreaker.failureCount", &failures),
        ("alarms.triggeredAlarmNames", &alarms),
    ];
    let target = definition(place, &change.task_definition);
    let shown = fields.into_iter().filter(|(_, value)| !value.is_empty());
    shown
        .map(|(field, value)| {
            evidence::evidence(object, format!("serviceDeployment.{field}"), value, at)
        })
        .chain([evidence::evidence(
            &target,
            "taskDefinitionArn",
            &change.task_definition,
            change.created,
        )])
        .collect()
}

fn not_updated(place: Place<'_>, workload: &Workload, object: ObjectRef, arn: &str) -> Finding {
    let named = definition(place, arn);
    let uses = workload.update_revision.as_deref().unwrap_or_default();
    let registered = place
        .task_definition(arn)
        .and_then(|definition| definition.registered);
    let sentence = Sentence::default()
        .object(&object)
        .words(" uses ")
        .name(ecs::short(uses))
        .words(", and has to be updated to ")
        .object(&named);
    let sentence = match registered {
        Some(at) => sentence.words(", registered ").instant(at),
        None => sentence,
    };
    let proof = [
        evidence::evidence(&object, "taskDefinition", ecs::short(uses), None),
        evidence::evidence(&named, "taskDefinitionArn", arn, registered),
    ];
    Finding::new(
        CauseCode::EcsServiceNotUpdated,
        State::NeedsPromotion,
        object,
        sentence,
    )
    .since(registered)
    .proof(proof)
}
