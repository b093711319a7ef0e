//! Amazon ECS: its services and tasks, read in the form that `cloud` hands on.
//!
//! Owns what has to be read for each of these steps, and the sentences that hold for all of them. A service's tasks are
//! replaced by a deployment, which has an id of its own: what a step has done is told by the deployment that it began.

mod restart;
mod revision;
mod rollout;
mod scale;
mod service;
mod stop_task;

use api::ObjectRef;
use facts::Kind;

use crate::action::{Parameter, Step};
use crate::ground::{Ground, Look};
use crate::plan::PlannedStep;
use crate::step::{Effect, Planned, Said, Unfit};

pub(super) fn looks(step: &Step, on: &ObjectRef, ground: &Ground) -> Vec<Look> {
    let mut looks = vec![Look::Object(on.clone())];
    if let Step::EcsRestart { .. } | Step::EcsSetTaskDefinition { .. } = step {
        let runs = service::runs(on, ground);
        looks.extend(runs.map(|runs| Look::Object(definition(on, runs))));
        if let Step::EcsSetTaskDefinition {
            to: Parameter::Fixed(to),
            ..
        } = step
            && let Some(runs) = runs
            && let Ok(name) = revision::named(to, runs)
        {
            looks.push(Look::Object(definition(on, &name)));
        }
    }
    looks
}

pub(super) fn plan(
    step: &Step,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    match step {
        Step::EcsScale { to, within } => scale::plan(to, *within, on, said, ground),
        Step::EcsSetTaskDefinition { to, within } => revision::plan(to, *within, on, said, ground),
        Step::EcsStopTask { .. } => stop_task::plan(step, on, ground),
        _ => restart::plan(step, on, ground),
    }
}

pub(super) fn seen(step: &PlannedStep, ground: &Ground) -> Result<Effect, Effect> {
    match &step.step {
        Step::EcsScale { to, .. } => scale::seen(to, step, ground),
        Step::EcsStopTask { .. } => stop_task::seen(step, ground),
        _ => rollout::seen(step, ground),
    }
}

/// A revision of a task definition as `family:revision`, by its ARN or that name.
fn definition(on: &ObjectRef, arn: &str) -> ObjectRef {
    let kind = Kind::EcsTaskDefinition.name();
    ObjectRef::new(&on.system, kind, "", facts::ecs::short(arn))
}

/// What a person should know of every change in ECS.
fn unguarded(on: &ObjectRef, action: &str) -> [String; 2] {
    [
        format!(
            "ECS does not hold a change against what was read: {on} is read again right before it is sent, and what changes in the moment between goes unnoticed"
        ),
        format!("Whether you may {action} is known only when it is sent: AWS tries nothing out"),
    ]
}

/// `1 task`, `3 tasks`.
fn tasks(number: i64) -> String {
    super::words::many(number, "task")
}

fn is_of_kind(on: &ObjectRef, kind: Kind, what: &str) -> Result<(), Unfit> {
    if on.kind == kind.name() {
        return Ok(());
    }
    Err(Unfit {
        says: format!("{on} is no {}: {what}", kind.name()),
    })
}
