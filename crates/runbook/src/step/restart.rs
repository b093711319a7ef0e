//! Restart: a new pod template that differs in the run's mark alone, so that the workload's own rollout replaces every pod.
//!
//! Owns when that would do nothing, and the proof: only pods of the template that carries this run's mark count.

use api::ObjectRef;
use serde_json::json;

use crate::action::Step;
use crate::call::RUN;
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::object::{Condition, Object};
use crate::step::rollout::Pods;
use crate::step::words::{are, pods};
use crate::step::{Effect, Planned, Unfit, budgets, changing};

/// Where the mark stands that makes the template a new one.
const TEMPLATE: &str = "spec.template.metadata.annotations";

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    vec![Look::Object(on.clone()), budgets::look(on)]
}

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    if !["Deployment", "StatefulSet", "DaemonSet"].contains(&on.kind.as_str()) {
        return Err(Unfit {
            says: format!(
                "{on} has no rollout: Deployments, StatefulSets and DaemonSets can be restarted"
            ),
        });
    }
    let object = Object::planned_on(ground, on)?;
    let count = Pods::of(&object)?;
    if let Some(says) = in_the_way(&object, &count)? {
        return Err(Unfit { says });
    }
    let pointer = format!("/{}/{}", TEMPLATE.replace('.', "/"), RUN.replace('/', "~1"));
    let (call, changes) = changing::merge(&object, json!({}), [pointer], true)?;
    let mut touches = vec![replacement(&object, &count)?];
    let mut cautions = Vec::new();
    cautions.extend(under_way(&object, &count)?);
    if count.held > 0 {
        cautions.push(format!(
            "{} {} held back by its partition and {} not restarted",
            pods(count.held),
            are(count.held),
            are(count.held),
        ));
    }
    let labels = object.field("spec.template.metadata.labels")?;
    match budgets::exhausted(ground, on, labels) {
        Ok(budgets) => touches.extend(budgets.into_iter().map(|budget| {
            format!("{budget} allows no pod to be missing now, and a rollout does not ask it")
        })),
        Err(why) => cautions.push(format!(
            "Whether a PodDisruptionBudget counts these pods cannot be told: {why}"
        )),
    }
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!("Restarts {on}: {}", pods(count.replaced())),
            calls: vec![call],
            changes,
        }],
        touches,
        cautions,
    })
}

/// Why a restart would replace no pod.
fn in_the_way(object: &Object<'_>, count: &Pods) -> Result<Option<String>, String> {
    let on = &object.on;
    if on.kind == "Deployment" && object.flag("spec.paused")? {
        return Ok(Some(format!("{on} is paused: a restart would not begin")));
    }
    if object.text("spec.updateStrategy.type")? == Some("OnDelete") {
        return Ok(Some(format!(
            "{on} replaces a pod only when that pod is deleted (OnDelete): a restart would change nothing"
        )));
    }
    Ok(if count.wanted == 0 && on.kind == "DaemonSet" {
        Some(format!(
            "{on} is wanted on no node: there is nothing to restart"
        ))
    } else if count.wanted == 0 {
        Some(format!(
            "{on} is set to 0 pods: there is nothing to restart"
        ))
    } else if count.replaced() == 0 {
        Some(format!(
            "{on} holds back all its pods by its partition: a restart would replace none"
        ))
    } else {
        None
    })
}

/// How the pods are replaced, in words.
fn replacement(object: &Object<'_>, count: &Pods) -> Result<String, String> {
    let number = pods(count.replaced());
    let verb = are(count.replaced());
    let rolling = |field: &str| format!("spec.{field}.rollingUpdate");
    let missing = |at: &str, usual: &str| object.amount(&format!("{at}.maxUnavailable"), usual);
    let more = |at: &str, usual: &str| object.amount(&format!("{at}.maxSurge"), usual);
    Ok(match object.on.kind.as_str() {
        "Deployment" if object.text("spec.strategy.type")? == Some("Recreate") => {
            format!("{number} {verb} ended before new ones begin (Recreate): none serves meanwhile")
        }
        "StatefulSet" => format!(
            "{number} {verb} replaced, the last one first: at most {} at a time is missing",
            missing(&rolling("updateStrategy"), "1")?
        ),
        kind => {
            let (at, missed, added) = match kind {
                "DaemonSet" => (rolling("updateStrategy"), "1", "0"),
                _ => (rolling("strategy"), "25%", "25%"),
            };
            format!(
                "{number} {verb} replaced: at most {} missing at a time (maxUnavailable), at most {} more meanwhile (maxSurge)",
                missing(&at, missed)?,
                more(&at, added)?
            )
        }
    })
}

/// What of a rollout is not over.
fn under_way(object: &Object<'_>, count: &Pods) -> Result<Option<String>, String> {
    if let Some(stuck) = stuck(object)? {
        return Ok(Some(format!(
            "The rollout before is stuck ({}): a restart tries again, and does not mend why",
            stuck.words()
        )));
    }
    if !object.is_observed()? {
        return Ok(Some(
            "A change of it has not been taken up yet: the restart comes on top of it".to_owned(),
        ));
    }
    Ok(match (count.not_new(), count.not_steady()) {
        (Some(not), _) => Some(format!(
            "A rollout is under way ({not}): the restart begins another"
        )),
        (None, Some(not)) => Some(format!("Not all of its pods are well before it: {not}")),
        (None, None) => None,
    })
}

/// The condition by which a Deployment says that its rollout has taken too long.
pub(super) fn stuck<'a>(object: &Object<'a>) -> Result<Option<Condition<'a>>, String> {
    let progressing = object.condition("Progressing")?;
    Ok(progressing.filter(|condition| {
        condition.status == "False" && condition.reason == "ProgressDeadlineExceeded"
    }))
}

pub(super) fn seen(step: &PlannedStep, run: &RunId, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let object = Object::watched(ground, on, step)?;
    let mark = object.entry(TEMPLATE, RUN)?;
    if mark != Some(run.as_str()) {
        return Err(Effect::Unknown {
            says: match mark {
                Some(other) => format!(
                    "The run {} has restarted {on} since: whether this restart came to its end cannot be told",
                    api::headline::plain(other, 60)
                ),
                None => format!(
                    "The pod template of {on} does not carry this run's mark: somebody has taken it back, or the change never came"
                ),
            },
        });
    }
    if on.kind == "Deployment" && object.flag("spec.paused")? {
        return Ok(Effect::Failed {
            says: format!("{on} has been paused since: the restart does not go on"),
        });
    }
    if !object.is_observed()? {
        return Ok(Effect::NotYet {
            says: format!("The change of {on} has not been taken up yet"),
        });
    }
    let count = Pods::of(&object)?;
    if count.replaced() == 0 {
        return Ok(Effect::Unknown {
            says: format!("{on} has no pods to replace any more: a restart cannot be seen by them"),
        });
    }
    if let Some(stuck) = stuck(&object)? {
        let how = count.not_new().or_else(|| count.not_steady());
        return Ok(Effect::Failed {
            says: format!(
                "{on} took too long ({}){}",
                stuck.words(),
                how.map(|how| format!(": {how}")).unwrap_or_default()
            ),
        });
    }
    if let Some(not) = count.not_new().or_else(|| count.not_steady()) {
        return Ok(Effect::NotYet {
            says: format!("{on}: {not}"),
        });
    }
    Ok(Effect::Worked {
        says: if count.held == 0 {
            format!(
                "{on} runs {} of the new template, all ready",
                pods(count.wanted)
            )
        } else {
            format!(
                "{on} runs {} of the new template, all ready; {} held back by its partition",
                pods(count.replaced()),
                pods(count.held)
            )
        },
    })
}
