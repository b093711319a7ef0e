//! The proof of a deployment: it is the one that this run began, of the revision that was wanted, complete, and every task is
//! of it.
//!
//! Owns that judgement. Another deployment's success is never taken for this one's, and another revision never for the wanted.

use facts::ecs::short;

use crate::call::{Call, EcsChange};
use crate::ground::Ground;
use crate::plan::PlannedStep;
use crate::step::Effect;
use crate::step::ecs::service::{Deployment, Service};
use crate::step::ecs::{revision, tasks};

pub(super) fn seen(step: &PlannedStep, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let service = Service::watched(ground, step)?;
    let call = step.calls.iter().find_map(Call::ecs);
    let before = call.and_then(|call| call.only_if.deployment.as_deref());
    let wanted = match call.map(|call| &call.change) {
        Some(EcsChange::TaskDefinition(arn)) => arn.as_str(),
        Some(_) => call
            .and_then(|call| call.only_if.task_definition.as_deref())
            .unwrap_or_default(),
        // There was nothing to send: what runs is what was wanted.
        None => revision::planned(step).unwrap_or_default(),
    };
    let unknown = |says: String| Err(Effect::Unknown { says });
    let failed = |says: String| Err(Effect::Failed { says });
    if wanted.is_empty() {
        return unknown(format!("Which revision {on} shall run is not in the plan"));
    }
    let primary = service.primary();
    let ours = match (call, ground.answer(), primary) {
        (Some(_), Some(answer), _) if Some(answer) == before => {
            return unknown(format!("AWS answered, and began no new deployment of {on}"));
        }
        (Some(_), Some(answer), _) => answer,
        (Some(_), None, _) => {
            return unknown(format!(
                "AWS did not say which deployment of {on} it began: none can be told from others"
            ));
        }
        (None, _, Some(primary)) => primary.id,
        (None, _, None) => return unknown(format!("ECS names no PRIMARY deployment of {on}")),
    };
    let name = api::headline::plain(ours, 80);
    if let Some(said) = service.failure_of(ours)? {
        return failed(format!("The deployment {name} of {on} failed: {said}"));
    }
    let Some(deployment) = service.deployment(ours) else {
        return match primary {
            // What ECS shows is behind what it has taken, for a moment.
            Some(primary) if Some(primary.id) == before => Ok(Effect::NotYet {
                says: format!("ECS does not show the deployment {name} of {on} yet"),
            }),
            Some(primary) => failed(format!(
                "The deployment {name} of {on} is gone, and {} is in its place",
                primary.name()
            )),
            None => unknown(format!("ECS names no PRIMARY deployment of {on}")),
        };
    };
    if !is_revision(deployment.revision, wanted) {
        return failed(format!(
            "The deployment {name} of {on} is of {}, and not of {}",
            shown(deployment.revision),
            shown(wanted)
        ));
    }
    if deployment.state == "FAILED" {
        let reason = deployment.reason();
        return failed(format!("The deployment {name} of {on} failed: {reason}"));
    }
    if deployment.status != "PRIMARY" {
        let other = primary.map_or_else(|| "another".to_owned(), Deployment::name);
        return failed(format!(
            "{other} has taken the place of the deployment {name} of {on} before that was complete"
        ));
    }
    if service.wanted == 0 {
        return unknown(format!(
            "{on} is set to 0 tasks now: a deployment cannot be seen by them"
        ));
    }
    if !is_revision(service.revision, wanted) {
        return unknown(format!(
            "{on} says that it wants {}, and its PRIMARY deployment is of {}",
            shown(service.revision),
            shown(wanted)
        ));
    }
    if let Some(not) = not_complete(&service, deployment)? {
        return Ok(Effect::NotYet {
            says: format!("{on}: {not}"),
        });
    }
    Ok(Effect::Worked {
        says: format!(
            "{on} runs {} of {}, all of the deployment {name}, which is complete",
            tasks(deployment.running),
            shown(wanted)
        ),
    })
}

/// What is not so yet, if anything.
fn not_complete(
    service: &Service<'_>,
    deployment: &Deployment<'_>,
) -> Result<Option<String>, String> {
    let wanted = deployment.wanted.max(service.wanted);
    let how = |not: String| -> Result<Option<String>, String> {
        let failed = match deployment.failed {
            0 => String::new(),
            failed => format!(", {} failed", tasks(failed)),
        };
        let trouble = service.trouble()?;
        let trouble = trouble.map(|trouble| format!(" ({trouble})"));
        Ok(Some(format!(
            "{not}{failed}{}",
            trouble.unwrap_or_default()
        )))
    };
    if deployment.running < wanted {
        let running = deployment.running;
        return how(format!(
            "{running} of {} of the new deployment run",
            tasks(wanted)
        ));
    }
    if deployment.pending > 0 {
        return how(format!("{} of it begin still", tasks(deployment.pending)));
    }
    let others = service.deployments.iter();
    let others = others.filter(|one| one.id != deployment.id);
    let of_others: i64 = others
        .map(|one| one.running.saturating_add(one.pending))
        .sum();
    let unlisted = service.running - deployment.running;
    if of_others > 0 || unlisted > 0 {
        let old = tasks(of_others.max(unlisted));
        return how(format!("{old} of before are still there"));
    }
    match deployment.state {
        // Where ECS does not say, the counts do.
        "COMPLETED" | "" => Ok(None),
        state => how(format!(
            "its tasks run, and ECS says that the deployment is {}",
            api::headline::plain(state, 40)
        )),
    }
}

/// Whether a revision is that one, as ECS spells it: by its ARN, or, where somebody has named it so, without.
fn is_revision(found: &str, wanted: &str) -> bool {
    found == wanted || (!found.contains('/') && short(wanted) == found)
}

/// A revision in a sentence.
fn shown(arn: &str) -> String {
    match short(arn) {
        "" => "no revision that ECS names".to_owned(),
        name => api::headline::plain(name, 120),
    }
}
