//! The actions of Amazon ECS' API that change something: UpdateService and StopTask.
//!
//! Owns what each takes, and what people do in the account by themselves, which is the same. What ECS makes of it is the
//! scheduler's.
//!
//! Simplified: a service runs revisions of the family of its own name; a service that is scaled up says that its deployment is
//! in progress, which AWS' does not.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Answer, Refusal, cluster, text};
use super::scheduler::{self, later};
use super::state::{End, Phase, Service, State};
use super::{name_of, view};

/// From a stop's order to the task's end: containers get as long to end by themselves.
const STOP_SECONDS: i64 = 10;

/// What an action answers; `None` if it is none of these.
pub(super) fn ecs(
    action: &str,
    asked: &Value,
    state: &mut State,
    now: Timestamp,
) -> Option<Answer> {
    Some(match action {
        "UpdateService" => update_service(asked, state, now),
        "StopTask" => stop_task(asked, state, now),
        _ => return None,
    })
}

fn update_service(asked: &Value, state: &mut State, now: Timestamp) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let name = name_of(text(asked, "service")).to_owned();
    let cluster = cluster.to_owned();
    let service = found.get(&name);
    let service = service
        .ok_or_else(|| Refusal("ServiceNotFoundException", "Service not found.".to_owned()))?;
    let runs = service.primary().map_or(0, |primary| primary.revision);
    let count = match &asked["desiredCount"] {
        Value::Null => None,
        count => Some(count.as_u64().and_then(|count| usize::try_from(count).ok())),
    };
    let Some(count) = count.map_or(Some(None), |count| count.map(Some)) else {
        let message = "desiredCount cannot be negative.".to_owned();
        return Err(Refusal("InvalidParameterException", message));
    };
    let revision = match text(asked, "taskDefinition") {
        "" => runs,
        given => revision_of(given, &name, state)?,
    };
    let is_forced = asked["forceNewDeployment"] == true;
    if is_forced || revision != runs {
        begin(state, &cluster, &name, revision, now);
    }
    if let Some(count) = count {
        scale(state, &cluster, &name, count, now);
    }
    let service = state.service_mut(&cluster, &name);
    Ok(json!({"service": service.map(|service| view::service(&cluster, service, now))}))
}

/// The number of a revision of a service's own family, by ARN or name, or the family's newest.
fn revision_of(given: &str, family: &str, state: &State) -> Result<u32, Refusal> {
    let given = name_of(given);
    let (of, revision) = match given.split_once(':') {
        Some((of, revision)) => (of, revision.parse::<u32>().ok()),
        None => (given, None),
    };
    let revisions = state.definitions.get(of).filter(|_| of == family);
    let found = revisions.and_then(|revisions| match revision {
        Some(revision) => revisions.iter().find(|one| one.revision == revision),
        None => revisions.last(),
    });
    found.map(|one| one.revision).ok_or_else(|| {
        let message = "Unable to describe task definition.".to_owned();
        Refusal("ClientException", message)
    })
}

/// A service's next deployment begins.
pub(super) fn begin(state: &mut State, cluster: &str, name: &str, revision: u32, now: Timestamp) {
    let deployment = state.deployment(revision, now);
    if let Some(service) = state.service_mut(cluster, name) {
        // Whatever was under way is overtaken.
        if let Some(running) = service.primary_mut() {
            running.phase = match running.phase {
                Phase::Launch { .. } | Phase::Judge { .. } => Phase::Stopped { at: now },
                Phase::Drain { .. } => Phase::Completed,
                over => over,
            };
        }
        service.deployments.push(deployment);
    }
}

/// A service wants so many tasks.
pub(super) fn scale(state: &mut State, cluster: &str, name: &str, count: usize, now: Timestamp) {
    let Some(service) = state.service_mut(cluster, name) else {
        return;
    };
    let before = std::mem::replace(&mut service.desired, count);
    if count == 0 {
        scheduler::stop_all(service, now);
    } else if count < before {
        scheduler::stop_some(service, before - count, now);
    } else if count > before {
        launch_at(service, now);
    }
}

/// Lets ECS look at what is missing, where it is not about to by itself.
fn launch_at(service: &mut Service, at: Timestamp) {
    if let Some(primary) = service.primary_mut()
        && matches!(primary.phase, Phase::Completed | Phase::Drain { .. })
    {
        primary.phase = Phase::Launch { due: at };
    }
}

fn stop_task(asked: &Value, state: &mut State, now: Timestamp) -> Answer {
    let (cluster, _) = cluster(asked, state)?;
    let cluster = cluster.to_owned();
    let id = name_of(text(asked, "task"));
    let reason = match text(asked, "reason") {
        "" => "Task stopped by user",
        reason => reason,
    };
    let missing = || {
        let message = "The referenced task was not found.".to_owned();
        Refusal("InvalidParameterException", message)
    };
    let services = state.clusters.get_mut(&cluster);
    let mut services = services
        .into_iter()
        .flat_map(|one| one.services.values_mut());
    let service = services.find(|one| one.tasks.iter().any(|task| task.id == id));
    let service = service.ok_or_else(missing)?;
    let ends = later(now, STOP_SECONDS);
    let task = service.tasks.iter_mut().find(|task| task.id == id);
    let task = task.ok_or_else(missing)?;
    let revision = task.revision;
    // What would have ended it later does not any more.
    if task.end.as_ref().is_none_or(|end| end.at > ends) {
        task.end = Some(End {
            at: ends,
            code: "UserInitiated",
            reason: reason.to_owned(),
            exit_code: Some(143),
            unwell: None,
        });
        launch_at(service, ends);
    }
    let name = service.name.clone();
    let image = state.definition(&name, revision);
    let image = image.map_or(String::new(), |one| one.image.clone());
    let service = state.service_mut(&cluster, &name).ok_or_else(missing)?;
    let task = service.tasks.iter().find(|task| task.id == id);
    let task = task.ok_or_else(missing)?;
    Ok(json!({"task": view::task(&cluster, service, task, &image, now)}))
}
