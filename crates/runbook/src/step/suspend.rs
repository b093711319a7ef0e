//! Suspend and resume: whether Flux touches an object, and why not, for everybody to read on it.
//!
//! Owns both, as one is the other's way back.

use api::ObjectRef;
use api::headline::plain;
use serde_json::{Value as Json, json};

use crate::action::Step;
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::kinds::{self, Part};
use crate::step::object::Object;
use crate::step::words::many;
use crate::step::{Effect, Planned, Unfit, changing, gitops, hidden};

/// The annotation with the reason.
pub const BECAUSE: &str = "landfall.dev/suspended-because";

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    vec![Look::Object(on.clone())]
}

pub(super) fn plan(
    suspend: bool,
    on: &ObjectRef,
    reason: &str,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    if kinds::named(&on.kind).is_none_or(|kind| kind.part == Part::Kubernetes) {
        return Err(Unfit {
            says: format!("{on} is none of Flux's: there is nothing to suspend or resume"),
        });
    }
    if suspend && hidden::holds_secret(reason) {
        return Err(Unfit {
            says: format!(
                "the reason looks as if it held a secret, and everybody who sees {on} reads it"
            ),
        });
    }
    let object = Object::planned_on(ground, on)?;
    let mut planned = Planned::default();
    let mut step = PlannedStep {
        step: if suspend {
            Step::Suspend {}
        } else {
            Step::Resume {}
        },
        on: on.clone(),
        says: match suspend {
            true => format!("{on} is suspended already: there is nothing to do"),
            false => format!("{on} is not suspended: there is nothing to do"),
        },
        calls: Vec::new(),
        changes: Vec::new(),
    };
    let because = object.annotation(BECAUSE)?;
    if object.flag("spec.suspend")? != suspend {
        // Without a reason, one of an earlier time must not stand for it.
        let note = if suspend && !reason.is_empty() {
            json!(reason)
        } else {
            Json::Null
        };
        let fields = json!({
            "spec": {"suspend": suspend},
            "metadata": {"annotations": {BECAUSE: note}},
        });
        let (call, changes) = changing::merge(&object, fields, [], false)?;
        step.says = format!("{} {on}", if suspend { "Suspends" } else { "Resumes" });
        step.calls.push(call);
        step.changes = changes;
        planned.touches.push(consequence(suspend, &object)?);
        planned
            .cautions
            .extend(gitops::takes_back(&object, "suspend")?);
        if let (false, Some(because)) = (suspend, because) {
            planned
                .cautions
                .push(format!("It was suspended because: {}", plain(because, 240)));
        }
    }
    planned.steps.push(step);
    Ok(planned)
}

/// What stops, or goes on.
fn consequence(suspend: bool, object: &Object<'_>) -> Result<String, String> {
    let on = &object.on;
    Ok(match (on.kind.as_str(), suspend) {
        ("Kustomization", true) => {
            let number = object.list("status.inventory.entries")?.len();
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            format!(
                "No commit reaches what {on} applies ({}), and a change by hand stays there, until it is resumed",
                many(number, "object")
            )
        }
        ("HelmRelease", true) => {
            format!("No new chart and no new values reach the release of {on}, until it is resumed")
        }
        ("ImageUpdateAutomation", true) => {
            format!("{on} commits no newer image to Git, until it is resumed")
        }
        (_, true) => format!("Nothing new reaches what {on} feeds, until it is resumed"),
        ("ImageUpdateAutomation", false) => {
            format!("{on} commits to Git at once what newer images there are")
        }
        ("Kustomization" | "HelmRelease", false) => {
            format!("Flux applies at once what {on} has missed")
        }
        (_, false) => format!("What {on} feeds gets at once what is new there"),
    })
}

pub(super) fn seen(
    suspend: bool,
    step: &PlannedStep,
    run: &RunId,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let on = &step.on;
    let object = Object::watched(ground, on, step)?;
    if !step.calls.is_empty() {
        object.is_of(run)?;
    }
    if object.flag("spec.suspend")? != suspend {
        return Ok(Effect::Failed {
            says: match suspend {
                true => format!("{on} is not suspended: somebody has resumed it since"),
                false => format!("{on} is suspended: somebody has suspended it since"),
            },
        });
    }
    Ok(Effect::Worked {
        says: match suspend {
            true => format!("{on} is suspended"),
            false => format!("{on} is not suspended any more"),
        },
    })
}
