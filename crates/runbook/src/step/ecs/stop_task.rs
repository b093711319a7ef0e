//! The end of one task, which its service replaces.
//!
//! Owns what replaces it, and the proof: ECS says that it has stopped, or does not know it any more.

use api::ObjectRef;
use api::headline::plain;
use facts::Kind;

use crate::action::Step;
use crate::call::{Call, EcsCall, EcsChange, EcsVersion};
use crate::ground::Ground;
use crate::plan::{Changed, PlannedStep};
use crate::step::ecs::{is_of_kind, unguarded};
use crate::step::object::Object;
use crate::step::{Effect, Planned, Unfit};

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    is_of_kind(on, Kind::EcsTask, "only a task is stopped")?;
    let object = Object::planned_on(ground, on)?;
    let last = object.text("status.lastStatus")?.unwrap_or_default();
    if last == "STOPPED" || object.text("spec.desiredStatus")? == Some("STOPPED") {
        return Err(Unfit {
            says: format!("{on} has stopped, or is being stopped already"),
        });
    }
    let uid = object.text("metadata.uid")?.filter(|uid| !uid.is_empty());
    let uid = uid.ok_or_else(|| format!("ECS does not say which {on} it is"))?;
    let group = object.text("spec.group")?.unwrap_or_default();
    let touches = match group.strip_prefix("service:") {
        Some(service) => format!(
            "The service {} starts another task in its place: one fewer serves until that runs",
            plain(service, 120)
        ),
        None => "It belongs to no service: nothing starts another in its place".to_owned(),
    };
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!("Stops {on}"),
            calls: vec![Call::Ecs(EcsCall {
                object: on.clone(),
                change: EcsChange::StopTask,
                only_if: EcsVersion {
                    uid: uid.to_owned(),
                    deployment: None,
                    task_definition: None,
                    desired_count: None,
                },
            })],
            changes: vec![Changed {
                object: on.clone(),
                field: "desiredStatus".to_owned(),
                from: object
                    .text("spec.desiredStatus")?
                    .map(|status| plain(status, 40)),
                to: Some("STOPPED".to_owned()),
            }],
        }],
        touches: vec![touches],
        cautions: unguarded(on, "ecs:StopTask").to_vec(),
    })
}

pub(super) fn seen(step: &PlannedStep, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let Some(json) = ground.object(on)? else {
        return Ok(Effect::Worked {
            says: format!("ECS does not know {on} any more"),
        });
    };
    let object = Object::new(on, json);
    let call = step.calls.iter().find_map(Call::ecs);
    let uid = object.text("metadata.uid")?;
    if call.is_some_and(|call| uid != Some(call.only_if.uid.as_str())) {
        return Err(Effect::Unknown {
            says: format!("{on} is another task than the one that was stopped"),
        });
    }
    let status = object.text("status.lastStatus")?.unwrap_or("in no state");
    Ok(if status == "STOPPED" {
        let reason = object.text("status.stoppedReason")?;
        let reason = reason.map(|reason| format!(": {}", plain(reason, 240)));
        Effect::Worked {
            says: format!("{on} has stopped{}", reason.unwrap_or_default()),
        }
    } else {
        Effect::NotYet {
            says: format!("{on} is {} still", plain(status, 40)),
        }
    })
}
