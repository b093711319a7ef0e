//! Reconcile: a request to Flux that carries the run's id, to what feeds an object first where that is asked.
//!
//! Owns the chain of sources, and the proof: Flux says that it has handled this very request, and is Ready after it.

use api::ObjectRef;
use api::headline::plain;
use serde_json::json;

use crate::Within;
use crate::action::Step;
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::kinds::{self, Part};
use crate::step::object::{Condition, Object};
use crate::step::words::many;
use crate::step::{Effect, Planned, Unfit, changing};

const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";
/// With the same value as the request: a HelmRelease forgets its counted failures.
const RESET: &str = "reconcile.fluxcd.io/resetAt";

pub(super) fn looks(source_first: bool, on: &ObjectRef, ground: &Ground) -> Vec<Look> {
    let mut looks = vec![Look::Object(on.clone())];
    if source_first && let Ok(Some(json)) = ground.object(on) {
        let fed = sources(&Object::new(on, json)).unwrap_or_default();
        looks.extend(fed.into_iter().map(Look::Object));
    }
    looks
}

/// What feeds an object, the first first. A GitRepository and its like are fed by nothing in the cluster; an
/// ImageUpdateAutomation fetches for itself.
fn sources(object: &Object<'_>) -> Result<Vec<ObjectRef>, String> {
    let on = &object.on;
    let reference = |path: &str| -> Result<Option<ObjectRef>, String> {
        let text = |field: &str| object.text(&format!("{path}.{field}"));
        let (Some(kind), Some(name)) = (text("kind")?, text("name")?) else {
            return Ok(None);
        };
        let namespace = text("namespace")?.unwrap_or(&on.namespace);
        Ok(Some(ObjectRef::new(&on.system, kind, namespace, name)))
    };
    let mut fed = Vec::new();
    match on.kind.as_str() {
        "Kustomization" => fed.extend(reference("spec.sourceRef")?),
        "HelmRelease" => match reference("spec.chartRef")? {
            Some(chart) => fed.push(chart),
            None => {
                fed.extend(reference("spec.chart.spec.sourceRef")?);
                // The HelmChart that Flux has made of the release's template; there is none before its first look.
                let chart = object.text("status.helmChart")?;
                let chart = chart.and_then(|chart| chart.split_once('/'));
                fed.extend(chart.map(|(namespace, name)| {
                    ObjectRef::new(&on.system, "HelmChart", namespace, name)
                }));
            }
        },
        _ => {}
    }
    Ok(fed)
}

pub(super) fn plan(
    source_first: bool,
    reset: bool,
    within: Within,
    on: &ObjectRef,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    if !is_fluxs(on) {
        return Err(Unfit {
            says: format!("{on} is none of Flux's: there is nobody to ask"),
        });
    }
    if reset && on.kind != "HelmRelease" {
        return Err(Unfit {
            says: format!(
                "{on} counts no failures that could be forgotten: only a HelmRelease does"
            ),
        });
    }
    let object = Object::planned_on(ground, on)?;
    if object.flag("spec.suspend")? {
        return Err(Unfit {
            says: format!("{on} is suspended: resume it first"),
        });
    }
    let mut planned = Planned::default();
    let fed = if source_first {
        sources(&object)?
    } else {
        Vec::new()
    };
    for source in fed {
        if !is_fluxs(&source) {
            planned.cautions.push(format!(
                "{source} feeds {on}, and Flux cannot be asked to look at that: what it holds now is what is applied"
            ));
            continue;
        }
        let json = match ground.object(&source) {
            Ok(Some(json)) => json,
            Ok(None) => {
                return Err(Unfit {
                    says: format!("{on} is fed by {source}, which is not there"),
                });
            }
            Err(why) => {
                return Err(Unfit {
                    says: format!("{on} is fed by {source}, which cannot be read: {why}"),
                });
            }
        };
        let object = Object::new(&source, json);
        if object.flag("spec.suspend")? {
            return Err(Unfit {
                says: format!("{on} is fed by {source}, which is suspended: resume that first"),
            });
        }
        // A registry's address: nothing is fetched from it but charts, each by its HelmChart.
        if object.text("spec.type")? == Some("oci") && source.kind == "HelmRepository" {
            continue;
        }
        planned.steps.push(request(&object, false, within)?);
    }
    planned.steps.push(request(&object, reset, within)?);
    planned.touches.extend(consequence(&object)?);
    if reset {
        planned.cautions.push(format!(
            "{on} forgets its counted failures: an install or upgrade that was given up is tried anew"
        ));
    }
    Ok(planned)
}

fn is_fluxs(on: &ObjectRef) -> bool {
    kinds::named(&on.kind).is_some_and(|kind| kind.part != Part::Kubernetes)
}

fn request(object: &Object<'_>, reset: bool, within: Within) -> Result<PlannedStep, String> {
    let on = &object.on;
    let pointer = |key: &str| format!("/metadata/annotations/{}", key.replace('/', "~1"));
    let stamps = [REQUESTED, RESET].map(pointer).into_iter();
    let stamps = stamps.take(if reset { 2 } else { 1 });
    let (call, changes) = changing::merge(object, json!({}), stamps, false)?;
    Ok(PlannedStep {
        step: Step::Reconcile {
            source_first: false,
            reset,
            within,
        },
        on: on.clone(),
        says: format!("Asks Flux to reconcile {on} now"),
        calls: vec![call],
        changes,
    })
}

/// What comes of Flux's looking.
fn consequence(object: &Object<'_>) -> Result<Option<String>, String> {
    let on = &object.on;
    Ok(match on.kind.as_str() {
        "Kustomization" => {
            let number = object.list("status.inventory.entries")?.len();
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            Some(format!(
                "Flux applies what its source holds ({} now), and takes back what was changed by hand",
                many(number, "object")
            ))
        }
        "HelmRelease" => Some(
            "Flux installs or upgrades the release where its chart or its values have changed"
                .to_owned(),
        ),
        "ImageUpdateAutomation" => {
            Some("Flux commits newer images to Git, if there are any".to_owned())
        }
        _ => Some(format!(
            "What is new there reaches everything that {on} feeds"
        )),
    })
}

pub(super) fn seen(step: &PlannedStep, run: &RunId, ground: &Ground) -> Result<Effect, Effect> {
    let on = &step.on;
    let object = Object::watched(ground, on, step)?;
    let handled = object.text("status.lastHandledReconcileAt")?;
    if handled != Some(run.as_str()) {
        return waiting(&object, run);
    }
    if matches!(step.step, Step::Reconcile { reset: true, .. })
        && object.text("status.lastHandledResetAt")? != Some(run.as_str())
    {
        return Ok(Effect::Failed {
            says: format!(
                "Flux has looked at {on} without forgetting its failures: its version may not know that request"
            ),
        });
    }
    let Some(ready) = object.condition("Ready")? else {
        return Ok(not_yet(on, "does not say yet whether it is Ready"));
    };
    let stalled = object.condition("Stalled")?;
    if let Some(stalled) = stalled.filter(|condition| condition.status == "True") {
        return Ok(failed(on, &stalled));
    }
    let working = object.condition("Reconciling")?;
    let working = working.filter(|condition| condition.status == "True");
    // An attempt that failed stays marked as Reconciling, with this reason, until the next one.
    let at_work = working.filter(|condition| condition.reason != "ProgressingWithRetry");
    match ready.status {
        // What it waits for may come by itself, and Flux looks again.
        "False" if ready.reason == "DependencyNotReady" => Ok(Effect::NotYet {
            says: format!("{on} waits for what it depends on ({})", ready.words()),
        }),
        "False" if at_work.is_none() => Ok(failed(on, &ready)),
        "True" if working.is_none() => {
            let generation = object.generation()?;
            let of_now = ready.generation.is_none_or(|of| of >= generation);
            if !of_now || !object.is_observed()? {
                return Ok(not_yet(
                    on,
                    "has changed, and Flux has not seen the change yet",
                ));
            }
            proof(&object)
        }
        _ => Ok(Effect::NotYet {
            says: format!(
                "Flux is at work on {on} ({})",
                at_work.unwrap_or(ready).words()
            ),
        }),
    }
}

/// What is waited for while the request is not handled.
fn waiting(object: &Object<'_>, run: &RunId) -> Result<Effect, Effect> {
    let on = &object.on;
    match object.annotation(REQUESTED)? {
        Some(asked) if asked == run.as_str() => {}
        _ => {
            return Ok(Effect::Unknown {
                says: format!(
                    "Somebody else has asked Flux for {on} since: what became of this request cannot be told"
                ),
            });
        }
    }
    if object.flag("spec.suspend")? {
        return Ok(Effect::Failed {
            says: format!("{on} has been suspended since: Flux does not look at it"),
        });
    }
    Ok(not_yet(on, "waits for Flux to handle the request"))
}

fn not_yet(on: &ObjectRef, what: &str) -> Effect {
    Effect::NotYet {
        says: format!("{on} {what}"),
    }
}

fn failed(on: &ObjectRef, condition: &Condition<'_>) -> Effect {
    Effect::Failed {
        says: format!(
            "Flux has handled the request, and {on} is not Ready ({})",
            condition.words()
        ),
    }
}

/// That it worked, with what it stands at.
fn proof(object: &Object<'_>) -> Result<Effect, Effect> {
    let on = &object.on;
    let is_source = object.kind()?.part == Part::FluxSource;
    let at = match on.kind.as_str() {
        "Kustomization" => object.text("status.lastAppliedRevision")?,
        _ if is_source => object.text("status.artifact.revision")?,
        _ => None,
    };
    if is_source && at.is_none() {
        return Ok(not_yet(on, "has nothing fetched yet"));
    }
    let at = at
        .map(|at| format!(" at {}", plain(at, 120)))
        .unwrap_or_default();
    Ok(Effect::Worked {
        says: format!("Flux has handled the request, and {on} is Ready{at}"),
    })
}
