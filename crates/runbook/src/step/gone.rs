//! Seeing that something was deleted: it, and not another one of its name, is there no more.
//!
//! Owns that proof. A deletion leaves no mark of a run: an object that is gone is gone, whoever did it.

use crate::call::Call;
use crate::ground::Ground;
use crate::plan::PlannedStep;
use crate::step::Effect;
use crate::step::object::Object;

pub(super) fn seen(step: &PlannedStep, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let mut calls = step.calls.iter().filter_map(Call::object);
    let version = calls.find_map(|call| call.only_if.as_ref());
    let Some(version) = version else {
        return Err(Effect::Unknown {
            says: format!("which {on} was to be deleted is not in the plan"),
        });
    };
    let Some(json) = ground.object(on)? else {
        return Ok(Effect::Worked {
            says: format!("{on} is gone"),
        });
    };
    let object = Object::new(on, json);
    let Some(uid) = object.text("metadata.uid")? else {
        return Err(Effect::Unknown {
            says: format!("{on} does not say which one it is (metadata.uid)"),
        });
    };
    if uid != version.uid {
        return Ok(Effect::Worked {
            says: format!("{on} is gone; another one of that name is there"),
        });
    }
    let going = object.field("metadata.deletionTimestamp")?.is_some();
    let held = object.list("metadata.finalizers")?;
    Ok(Effect::NotYet {
        says: match (going, held) {
            (false, _) => format!("{on} is still there"),
            (true, []) => format!("{on} is being ended"),
            (true, held) => {
                let names = held.iter().filter_map(|name| name.as_str());
                let names = names.collect::<Vec<_>>().join(", ");
                format!(
                    "{on} is being deleted, and waits for {}",
                    api::headline::plain(&names, 120)
                )
            }
        },
    })
}
