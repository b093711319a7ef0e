//! Delete a Job that is over, with its pods.
//!
//! Owns that only one that is over is deleted: one that runs would be cut off in the middle.

use api::ObjectRef;

use crate::action::Step;
use crate::ground::{Ground, Look};
use crate::plan::PlannedStep;
use crate::step::object::{Condition, Object};
use crate::step::words::{are, pods};
use crate::step::{Planned, Unfit, changing, gitops};

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    vec![Look::Object(on.clone())]
}

/// How a Job ended.
pub(super) enum End<'a> {
    Succeeded,
    Failed(Condition<'a>),
}

/// How it ended; nothing while it has not.
pub(super) fn end<'a>(job: &Object<'a>) -> Result<Option<End<'a>>, String> {
    let is = |condition: &Condition<'_>| condition.status == "True";
    if let Some(failed) = job.condition("Failed")?.filter(is) {
        return Ok(Some(End::Failed(failed)));
    }
    let complete = job.condition("Complete")?.filter(is);
    Ok(complete.map(|_| End::Succeeded))
}

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    let unfit = |says: String| Err(Unfit { says });
    if on.kind != "Job" {
        return unfit(format!("{on} is no Job"));
    }
    let object = Object::planned_on(ground, on)?;
    let active = object.count("status.active")?;
    let ended = match end(&object)? {
        Some(End::Succeeded) => "has succeeded",
        Some(End::Failed(_)) => "has failed",
        None if object.flag("spec.suspend")? => {
            return unfit(format!(
                "{on} is suspended, not over: deleting it would cut it off"
            ));
        }
        None => {
            return unfit(format!(
                "{on} still runs ({} {} active): deleting it would cut it off",
                pods(active),
                are(active)
            ));
        }
    };
    let mut cautions = Vec::new();
    if let Some(owner) = gitops::owner(&object)? {
        cautions.push(format!(
            "{owner} makes it anew at its next reconciliation, and it runs again, unless that {} is suspended or does not have it any more",
            owner.kind
        ));
    }
    let left = object.count("status.succeeded")? + object.count("status.failed")?;
    let (call, changes) = changing::delete(&object, true)?;
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!("Deletes {on}, which {ended}"),
            calls: vec![call],
            changes,
        }],
        touches: vec![format!(
            "What is left of its {} goes with it, and their logs",
            pods(left)
        )],
        cautions,
    })
}
