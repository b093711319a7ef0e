//! The steps on small objects: what fits, what is sent, and what is taken for a proof.

use api::ObjectRef;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::*;
use crate::Within;
use crate::call::Change;
use crate::ground::Read;

mod anything;
mod deleting;
mod ecs;
mod reconcile;
mod restart;
mod run_cron_job;
mod scale;
mod set_version;
mod suspend;

/// The run that the tests look at.
const OURS: &str = "r1";

fn on(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new("prod", kind, "shop", name)
}

fn run() -> RunId {
    RunId::new(OURS)
}

/// A JSON object with other values at some pointers; `null` is what is not there.
fn with(base: &Json, fields: &[(&str, Json)]) -> Json {
    let mut json = base.clone();
    for (pointer, value) in fields {
        let mut place = &mut json;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/");
            let here = place.as_object_mut().expect("an object on the way");
            place = here.entry(name).or_insert_with(|| json!({}));
        }
        *place = value.clone();
    }
    json
}

/// What is known of one object and of the lists beside it, which are empty but for these.
fn ground(object: &ObjectRef, read: Read, lists: &[(&'static str, Json)]) -> Ground {
    let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
    ground.add(Look::Object(object.clone()), read);
    for kind in ["PodDisruptionBudget", "HorizontalPodAutoscaler", "Job"] {
        let items = lists.iter().filter(|(of, _)| *of == kind);
        let look = Look::All {
            system: "prod".to_owned(),
            kind,
            namespace: "shop".to_owned(),
        };
        let items = items.map(|(_, json)| json.clone()).collect();
        ground.add(look, Read::All(items));
    }
    ground
}

fn said(step: &Step, object: &ObjectRef, ground: &Ground, reason: &str) -> Result<Planned, String> {
    let inputs = Inputs::new();
    let said = Said {
        inputs: &inputs,
        reason,
    };
    plan(step, object, &said, ground).map_err(|unfit| unfit.says)
}

/// What a step would do to an object that is like this.
fn planned(step: &Step, object: &ObjectRef, json: &Json) -> Result<Planned, String> {
    said(
        step,
        object,
        &ground(object, Read::Object(json.clone()), &[]),
        "",
    )
}

/// What is seen of a step, when the object is like that after it.
fn after(planned: &Planned, read: Read) -> Effect {
    let step = planned.steps.last().expect("a step");
    let [Look::Object(watched)] = &watches(step, &run(), &Ground::default())[..] else {
        panic!("one object is watched")
    };
    seen(step, &run(), &ground(watched, read, &[]))
}

/// `worked: …`, for tables.
fn told(effect: &Effect) -> String {
    match effect {
        Effect::Worked { says } => format!("worked: {says}"),
        Effect::NotYet { says } => format!("not yet: {says}"),
        Effect::Failed { says } => format!("failed: {says}"),
        Effect::Unknown { says } => format!("unknown: {says}"),
    }
}

/// The changes as `field: old -> new`.
fn changes(planned: &Planned) -> Vec<String> {
    let all = planned.steps.iter().flat_map(|step| &step.changes);
    all.map(|change| {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "{}: {} -> {}",
            change.field,
            or(&change.from),
            or(&change.to)
        )
    })
    .collect()
}

#[test]
fn what_is_not_there_going_or_not_readable_fits_no_step() {
    let deployment = on("Deployment", "checkout");
    let step = Step::Restart {
        within: Within::default(),
    };
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    for (read, says) in [
        (Read::Absent, "Deployment shop/checkout is not there"),
        (
            Read::Object(going),
            "Deployment shop/checkout is being deleted already",
        ),
        (
            Read::Unknown("not allowed to get deployments in shop".to_owned()),
            "Deployment shop/checkout cannot be read: not allowed to get deployments in shop",
        ),
    ] {
        let found = said(&step, &deployment, &ground(&deployment, read, &[]), "");
        assert_eq!(found, Err(says.to_owned()));
    }
}

#[test]
fn what_does_not_say_which_version_it_is_is_not_changed() {
    let object = on("Kustomization", "apps");
    let json = json!({"metadata": {"uid": "u"}, "spec": {}});
    assert_eq!(
        planned(&Step::Suspend {}, &object, &json),
        Err("metadata.resourceVersion of Kustomization shop/apps is not there".to_owned())
    );
}
