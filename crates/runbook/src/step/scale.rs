//! Scale: the number of a workload's pods.
//!
//! Owns when something else decides that number, and the proof: so many are there and ready, and this run set it last.

use api::ObjectRef;
use serde_json::{Value as Json, json};

use crate::Within;
use crate::action::{Parameter, Step, Value};
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::object::Object;
use crate::step::rollout::Pods;
use crate::step::words::{are, pods};
use crate::step::{Effect, Planned, Said, Unfit, changing, gitops};

const AUTOSCALER: &str = "HorizontalPodAutoscaler";

/// The API's numbers of pods are 32 bits wide.
const MOST: i64 = i32::MAX as i64;

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    let autoscalers = Look::All {
        system: on.system.clone(),
        kind: AUTOSCALER,
        namespace: on.namespace.clone(),
    };
    vec![Look::Object(on.clone()), autoscalers]
}

pub(super) fn plan(
    to: &Parameter,
    within: Within,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let unfit = |says: String| Err(Unfit { says });
    match on.kind.as_str() {
        "Deployment" | "StatefulSet" => {}
        "DaemonSet" => {
            return unfit(format!(
                "{on} runs one pod on each of its nodes: there is no number to set"
            ));
        }
        _ => return unfit(format!("{on} has no number of pods to set")),
    }
    let to = number(to, said)?;
    let object = Object::planned_on(ground, on)?;
    let autoscaler = match autoscaler(ground, on) {
        Ok(Some(autoscaler)) => {
            return unfit(format!(
                "the {autoscaler} decides the number of pods of {on}"
            ));
        }
        Ok(None) => None,
        Err(why) => Some(format!(
            "Whether an autoscaler decides the number cannot be told: {why}"
        )),
    };
    let now = Pods::of(&object)?.wanted;
    let mut planned = Planned::default();
    let mut step = PlannedStep {
        step: Step::Scale {
            to: Parameter::Fixed(Value::Number(to)),
            within,
        },
        on: on.clone(),
        says: format!(
            "{on} is set to {} already: there is nothing to do",
            pods(to)
        ),
        calls: Vec::new(),
        changes: Vec::new(),
    };
    if now != to {
        let (call, changes) =
            changing::merge(&object, json!({"spec": {"replicas": to}}), [], true)?;
        step.says = format!("Scales {on} from {now} to {}", pods(to));
        step.calls.push(call);
        step.changes = changes;
        planned.touches.push(match to - now {
            _ if to == 0 => format!(
                "{} {} ended: nothing of {on} runs after it",
                pods(now),
                are(now)
            ),
            fewer if fewer < 0 => format!("{} {} ended", pods(-fewer), are(-fewer)),
            more => format!("{} {} added", pods(more), are(more)),
        });
        planned.cautions.extend(autoscaler);
        planned
            .cautions
            .extend(gitops::takes_back(&object, "replicas")?);
    }
    planned.steps.push(step);
    Ok(planned)
}

fn number(to: &Parameter, said: &Said<'_>) -> Result<i64, String> {
    match said.value(to, "the number of pods")? {
        Value::Number(number) if (0..=MOST).contains(number) => Ok(*number),
        Value::Number(number) => Err(format!("{number} is no number of pods")),
        Value::Text(text) => Err(format!("{text:?} is no number of pods")),
    }
}

/// The autoscaler that decides the number.
fn autoscaler(ground: &Ground, on: &ObjectRef) -> Result<Option<ObjectRef>, String> {
    let all = ground.all(&on.system, AUTOSCALER, &on.namespace)?;
    let is = |json: &&Json| {
        let target = &json["spec"]["scaleTargetRef"];
        target["kind"] == on.kind.as_str() && target["name"] == on.name.as_str()
    };
    let found = all.iter().find(is);
    Ok(found.map(|json| Object::listed(&on.system, AUTOSCALER, json).on))
}

pub(super) fn seen(
    to: &Parameter,
    step: &PlannedStep,
    run: &RunId,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let on = &step.on;
    let Parameter::Fixed(Value::Number(to)) = to else {
        return Err(Effect::Unknown {
            says: format!("How many pods {on} shall have is not in the plan"),
        });
    };
    let object = Object::watched(ground, on, step)?;
    if !step.calls.is_empty() {
        object.is_of(run)?;
    }
    let count = Pods::of(&object)?;
    if count.wanted != *to {
        return Ok(Effect::Failed {
            says: format!(
                "{on} is set to {} now, not to {to}: something has changed it since",
                pods(count.wanted)
            ),
        });
    }
    if !object.is_observed()? {
        return Ok(Effect::NotYet {
            says: format!("The change of {on} has not been taken up yet"),
        });
    }
    if let Some(not) = count.not_steady() {
        let refused = object.condition("ReplicaFailure")?;
        let refused = refused.filter(|condition| condition.status == "True");
        return Ok(Effect::NotYet {
            says: match refused {
                Some(refused) => format!("{on}: {not} ({})", refused.words()),
                None => format!("{on}: {not}"),
            },
        });
    }
    Ok(Effect::Worked {
        says: match to {
            0 => format!("{on} has no pods any more"),
            to => format!("{on} has {}, all ready", pods(*to)),
        },
    })
}
