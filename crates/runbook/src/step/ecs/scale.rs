//! The number of a service's tasks.
//!
//! Owns when something else decides that number, and the proof: so many are wanted and run, and none beside them.

use api::ObjectRef;

use crate::Within;
use crate::action::{Parameter, Step, Value};
use crate::call::{Call, EcsChange};
use crate::ground::Ground;
use crate::plan::{Changed, PlannedStep};
use crate::step::ecs::service::Service;
use crate::step::ecs::{tasks, unguarded};
use crate::step::words::are;
use crate::step::{Effect, Planned, Said, Unfit};

pub(super) fn plan(
    to: &Parameter,
    within: Within,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let service = Service::planned_on(ground, on, "only a service has a number of tasks")?;
    if service.object.text("spec.schedulingStrategy")? == Some("DAEMON") {
        return Err(Unfit {
            says: format!("{on} runs one task on each instance: there is no number to set"),
        });
    }
    let to = number(to, said)?;
    let now = service.wanted;
    let mut planned = Planned::default();
    let mut step = PlannedStep {
        step: Step::EcsScale {
            to: Parameter::Fixed(Value::Number(i64::from(to))),
            within,
        },
        on: on.clone(),
        says: format!(
            "{on} is set to {} already: there is nothing to do",
            tasks(now)
        ),
        calls: Vec::new(),
        changes: Vec::new(),
    };
    let wanted = i64::from(to);
    if now != wanted {
        step.says = format!("Scales {on} from {now} to {}", tasks(wanted));
        step.calls.push(service.call(EcsChange::DesiredCount(to))?);
        step.changes.push(Changed {
            object: on.clone(),
            field: "desiredCount".to_owned(),
            from: Some(now.to_string()),
            to: Some(to.to_string()),
        });
        planned.touches.push(match wanted - now {
            _ if to == 0 => format!(
                "{} {} stopped: nothing of {on} runs after it",
                tasks(now),
                are(now)
            ),
            fewer if fewer < 0 => format!("{} {} stopped", tasks(-fewer), are(-fewer)),
            more => format!("{} {} started", tasks(more), are(more)),
        });
        planned.cautions.push(format!(
            "Whether Application Auto Scaling decides the number of {on} is not read: where it does, it sets its own again"
        ));
        planned.cautions.extend(unguarded(on, "ecs:UpdateService"));
    }
    planned.steps.push(step);
    Ok(planned)
}

fn number(to: &Parameter, said: &Said<'_>) -> Result<i32, String> {
    match said.value(to, "the number of tasks")? {
        Value::Number(number) => i32::try_from(*number)
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| format!("{number} is no number of tasks")),
        Value::Text(text) => Err(format!("{text:?} is no number of tasks")),
    }
}

pub(super) fn seen(to: &Parameter, step: &PlannedStep, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let Parameter::Fixed(Value::Number(to)) = to else {
        return Err(Effect::Unknown {
            says: format!("How many tasks {on} shall have is not in the plan"),
        });
    };
    let service = Service::watched(ground, step)?;
    let not_yet = |says: String| Ok(Effect::NotYet { says });
    if service.wanted != *to {
        let call = step.calls.iter().find_map(Call::ecs);
        let before = call.and_then(|call| call.only_if.desired_count);
        // What ECS shows is behind what it has taken, for a moment.
        if before == Some(service.wanted) {
            return not_yet(format!("{on} is still set to {}", tasks(service.wanted)));
        }
        return Ok(Effect::Failed {
            says: format!(
                "{on} is set to {} now, not to {to}: something has changed it since",
                tasks(service.wanted)
            ),
        });
    }
    let trouble = service.trouble()?.map(|trouble| format!(" ({trouble})"));
    let trouble = trouble.unwrap_or_default();
    if service.running != *to {
        let primary = service.primary().filter(|one| one.state == "FAILED");
        if let Some(primary) = primary.filter(|_| service.running < *to) {
            return Ok(Effect::Failed {
                says: format!(
                    "{} of {} of {on} run, and its deployment {} has failed: {}",
                    service.running,
                    tasks(*to),
                    primary.name(),
                    primary.reason()
                ),
            });
        }
        let running = service.running;
        return not_yet(format!("{on}: {running} run, and {to} shall{trouble}"));
    }
    if service.pending > 0 {
        let pending = tasks(service.pending);
        return not_yet(format!("{on}: {pending} begin still{trouble}"));
    }
    Ok(Effect::Worked {
        says: match to {
            0 => format!("{on} runs no task any more"),
            to => format!("{on} runs {}, as many as it is set to", tasks(*to)),
        },
    })
}
