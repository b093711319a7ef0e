//! Delete a pod, for its owner to make another.
//!
//! Owns when none would come back, and whether budgets bear it. It is a deletion, not an eviction: a pod that is stuck has to
//! go even where an eviction would wait for ever; so the budgets are asked here, and a ready pod that they do not spare stays.

use api::ObjectRef;
use serde_json::Value as Json;

use crate::action::Step;
use crate::ground::{Ground, Look};
use crate::plan::PlannedStep;
use crate::step::object::Object;
use crate::step::{Planned, Unfit, budgets, changing};

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    vec![Look::Object(on.clone()), budgets::look(on)]
}

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    let unfit = |says: String| Err(Unfit { says });
    if on.kind != "Pod" {
        return unfit(format!("{on} is no Pod"));
    }
    let object = Object::planned_on(ground, on)?;
    let owners = object.list("metadata.ownerReferences")?;
    let Some(owner) = owners.iter().find(|owner| owner["controller"] == true) else {
        return unfit(format!(
            "{on} belongs to nothing that would make it anew: it would not come back"
        ));
    };
    let text = |field: &str| owner[field].as_str().unwrap_or_default();
    let owner = ObjectRef::new(&on.system, text("kind"), &on.namespace, text("name"));
    if owner.kind == "Node" {
        return unfit(format!(
            "{on} stands in a file of the node {}: deleting it here does not end it",
            owner.name
        ));
    }
    let mut cautions = Vec::new();
    if owner.kind == "Job" {
        cautions.push(format!("{owner} counts a deleted pod as a failed one"));
    }
    let ready = object
        .condition("Ready")?
        .is_some_and(|ready| ready.status == "True");
    let labels: Option<&Json> = object.field("metadata.labels")?;
    match budgets::exhausted(ground, on, labels) {
        Ok(budgets) => match budgets.first() {
            Some(budget) if ready => {
                return unfit(format!(
                    "{on} is ready, and {budget} allows none of its pods to be missing now"
                ));
            }
            Some(budget) => cautions.push(format!(
                "{budget} allows no pod to be missing now; this one is not ready and is missing already"
            )),
            None => {}
        },
        Err(why) if ready => cautions.push(format!(
            "Whether a PodDisruptionBudget forbids it cannot be told: {why}"
        )),
        Err(_) => {}
    }
    let (call, changes) = changing::delete(&object, false)?;
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!(
                "Deletes {on}, which {} {} makes anew",
                owner.kind, owner.name
            ),
            calls: vec![call],
            changes,
        }],
        touches: vec![if ready {
            "A ready pod ends: its requests go to the others, if there are any".to_owned()
        } else {
            "A pod that is not ready ends".to_owned()
        }],
        cautions,
    })
}
