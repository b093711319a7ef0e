//! Planning: an action on a target, with what a person said, as the plan of exactly what a run would do.
//!
//! Owns putting the steps' plans together. What one step sends is `step`'s; what has to be read is named here, and read by
//! others.

use api::ObjectRef;
use sha2::{Digest, Sha256};

use crate::action::{Action, ActionStep, Confirm, InputKind, Value};
use crate::call::{Call, Change, EcsCall, ObjectCall};
use crate::ground::{Ground, Look, Read};
use crate::input::Inputs;
use crate::journal::RunId;
use crate::plan::{Plan, PlannedStep, Target};
use crate::step::{self, Said, Unfit};

/// The longest reason.
const LONGEST_REASON: usize = 500;

/// What has still to be read before an action can be planned. It is asked again with what that brought, until it names
/// nothing: what feeds an object stands in the object.
pub fn looks(action: &Action, target: &Target, inputs: &Inputs, ground: &Ground) -> Vec<Look> {
    let mut looks = vec![Look::Object(target.object.clone())];
    for step in &action.steps {
        if let Ok(on) = done_to(action, step, &target.object, inputs) {
            looks.extend(step::looks(&step::said(&step.step, inputs), &on, ground));
        }
    }
    looks.sort();
    looks.dedup();
    looks.retain(|look| !ground.has(look));
    looks
}

/// What a run would do.
///
/// # Errors
/// It does not fit what is there.
pub fn plan(
    action: &Action,
    target: Target,
    inputs: Inputs,
    reason: &str,
    ground: &Ground,
) -> Result<Plan, Unfit> {
    let reason = checked_reason(action, reason)?;
    is_still_there(&target, ground)?;
    let mut steps: Vec<PlannedStep> = Vec::new();
    let (mut touches, mut cautions) = (Vec::new(), Vec::new());
    // What later steps stand on is what the ones before leave behind.
    let mut then = ground.clone();
    for step in &action.steps {
        let on = done_to(action, step, &target.object, &inputs)?;
        let said = Said {
            inputs: &inputs,
            reason: &reason,
        };
        let planned = step::plan(&step.step, &on, &said, &then)?;
        for mut next in planned.steps {
            for call in &mut next.calls {
                if !step.step.declares(&on, call) {
                    let says = format!(
                        "{} would change {}, which it does not say that it does",
                        action.title,
                        call.subject(&RunId::new(String::new()))
                    );
                    return Err(Unfit { says });
                }
                if let Call::Ecs(call) = call
                    && touches_again(call, &steps)
                {
                    // ECS says nothing of who changed it, so the second change could not be told from somebody else's.
                    let says = format!(
                        "{} would change {} twice, and ECS does not tell one change from another",
                        action.title, call.object
                    );
                    return Err(Unfit { says });
                }
                let Call::Object(call) = call else { continue };
                let is_changed = steps
                    .iter()
                    .flat_map(|step| &step.calls)
                    .filter_map(Call::object)
                    .any(|before| before.object == call.object);
                // The version that was read is gone when this is sent; another object of the name is still refused.
                if let Some(version) = call.only_if.as_mut().filter(|_| is_changed) {
                    version.resource_version = None;
                }
            }
            for call in next.calls.iter().filter_map(Call::object) {
                leave_behind(call, &mut then);
            }
            steps.push(next);
        }
        collect(&mut touches, planned.touches);
        collect(&mut cautions, planned.cautions);
    }
    let least = if target.production {
        Confirm::Named
    } else {
        Confirm::Click
    };
    Ok(Plan {
        action: action.id.clone(),
        action_hash: hash(action)?,
        target,
        inputs,
        reason,
        steps,
        confirm: action.confirm.max(least),
        undo: action.undo.clone(),
        touches,
        cautions,
        made_at: ground.now,
    })
}

/// Whether a step before changes the same service or task.
fn touches_again(call: &EcsCall, steps: &[PlannedStep]) -> bool {
    let before = steps.iter().flat_map(|step| &step.calls);
    before
        .filter_map(Call::ecs)
        .any(|before| before.object == call.object)
}

/// The SHA-256 of an action as JSON: the order of its fields is that of its type.
///
/// # Errors
/// None that is known: an action is made of text and numbers.
pub fn hash(action: &Action) -> Result<String, Unfit> {
    let text = serde_json::to_vec(action).map_err(|error| Unfit {
        says: format!("{} cannot be written down: {error}", action.id),
    })?;
    let hash = Sha256::digest(text);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(sentences: &mut Vec<String>, more: Vec<String>) {
    for sentence in more {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
}

fn checked_reason(action: &Action, reason: &str) -> Result<String, Unfit> {
    let reason = reason.trim();
    let says = if action.reason && reason.is_empty() {
        format!("{} asks for a reason", action.title)
    } else if reason.chars().any(crate::input::is_hidden) {
        "a reason is one line, without control characters".to_owned()
    } else if step::holds_secret(reason) {
        "the reason looks as if it held a secret, and it is written down for everybody".to_owned()
    } else if reason.chars().count() > LONGEST_REASON {
        format!("a reason is at most {LONGEST_REASON} characters long")
    } else {
        return Ok(reason.to_owned());
    };
    Err(Unfit { says })
}

fn is_still_there(target: &Target, ground: &Ground) -> Result<(), Unfit> {
    let object = &target.object;
    let says = match ground.object(object) {
        Err(why) => format!("whether {object} is there cannot be told: {why}"),
        Ok(None) => format!("{object} is not there"),
        Ok(Some(found)) => {
            let uid = found.pointer("/metadata/uid").and_then(|uid| uid.as_str());
            if uid == Some(target.uid.as_str()) {
                return Ok(());
            }
            format!("{object} is another object of that name than the one that was chosen")
        }
    };
    Err(Unfit { says })
}

/// The object that a step is done to: the target, or what an input chose in the target's namespace.
fn done_to(
    action: &Action,
    step: &ActionStep,
    target: &ObjectRef,
    inputs: &Inputs,
) -> Result<ObjectRef, Unfit> {
    let Some(pick) = &step.on else {
        return Ok(target.clone());
    };
    let kind = match action.input(&pick.input).map(|input| &input.is) {
        Some(InputKind::Object { kind }) => kind.name(),
        _ => return Err(not_chosen(&pick.input)),
    };
    match inputs.get(&pick.input) {
        Some(Value::Text(name)) => Ok(ObjectRef::new(
            &target.system,
            kind,
            &target.namespace,
            name,
        )),
        _ => Err(not_chosen(&pick.input)),
    }
}

fn not_chosen(input: &str) -> Unfit {
    Unfit {
        says: format!("no object was chosen as {input}"),
    }
}

/// What there is when a call has been done.
fn leave_behind(call: &ObjectCall, ground: &mut Ground) {
    let read = match &call.change {
        Change::Delete => Read::Absent,
        Change::Create(object) => Read::Object(object.clone()),
        Change::Merge(fields) => {
            let Ok(Some(object)) = ground.object(&call.object) else {
                return;
            };
            let mut object = object.clone();
            merge(&mut object, fields);
            Read::Object(object)
        }
    };
    ground.add(Look::Object(call.object.clone()), read);
}

/// A JSON merge patch (RFC 7386).
fn merge(object: &mut serde_json::Value, fields: &serde_json::Value) {
    let Some(fields) = fields.as_object() else {
        *object = fields.clone();
        return;
    };
    if !object.is_object() {
        *object = serde_json::Value::Object(serde_json::Map::new());
    }
    if let Some(object) = object.as_object_mut() {
        for (name, value) in fields {
            if value.is_null() {
                object.remove(name);
            } else {
                merge(object.entry(name).or_insert(serde_json::Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
