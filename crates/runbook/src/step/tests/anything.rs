//! Whatever an object looks like: nothing panics, and what does not carry the run is no proof.

use proptest::prelude::*;

use super::*;
use crate::action::{Parameter, Value};

/// Values as they stand in objects, and as they never should.
fn value() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!(null)),
        (0..4_i64).prop_map(|number| json!(number)),
        Just(json!(-1)),
        any::<bool>().prop_map(|flag| json!(flag)),
        prop_oneof![
            Just("r2"),
            Just("u"),
            Just("v"),
            Just("True"),
            Just("RollingUpdate"),
            Just("")
        ]
        .prop_map(|text| json!(text)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "Ready", "status": "True"}, {"type": "Complete", "status": "True"}])),
    ]
}

/// Where steps look.
const PLACES: [&str; 25] = [
    "/metadata/uid",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/deletionTimestamp",
    "/metadata/ownerReferences",
    "/metadata/managedFields",
    "/metadata/labels",
    "/metadata/annotations/reconcile.fluxcd.io~1requestedAt",
    "/metadata/annotations/landfall.dev~1run",
    "/spec/replicas",
    "/spec/suspend",
    "/spec/paused",
    "/spec/jobTemplate/spec",
    "/spec/sourceRef/kind",
    "/spec/updateStrategy/type",
    "/spec/template/metadata/annotations/landfall.dev~1run",
    "/status/observedGeneration",
    "/status/lastHandledReconcileAt",
    "/status/conditions",
    "/status/replicas",
    "/status/updatedReplicas",
    "/status/readyReplicas",
    "/status/availableReplicas",
    "/status/active",
    "/status/artifact/revision",
];

/// An object on which every step of these kinds would be taken for done, but for what carries the run.
fn finished() -> Json {
    json!({
        "apiVersion": "x/v1",
        "metadata": {
            "uid": "u", "resourceVersion": "7", "generation": 2, "annotations": {}, "labels": {},
            "ownerReferences": [{"controller": true, "kind": "ReplicaSet", "name": "r"}],
        },
        "spec": {
            "replicas": 3, "suspend": false, "jobTemplate": {"spec": {}}, "sourceRef": {}, "updateStrategy": {},
            "template": {"metadata": {"annotations": {}}},
        },
        "status": {
            "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3,
            "numberAvailable": 3, "artifact": {"revision": "a"},
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Complete", "status": "True"}],
        },
    })
}

fn steps() -> Vec<(Step, ObjectRef)> {
    let within = Within::default();
    let to = Parameter::Fixed(Value::Number(3));
    let reconcile = Step::Reconcile {
        source_first: false,
        reset: false,
        within,
    };
    vec![
        (Step::Restart { within }, on("Deployment", "x")),
        (Step::Restart { within }, on("StatefulSet", "x")),
        (Step::Restart { within }, on("DaemonSet", "x")),
        (Step::Scale { to, within }, on("Deployment", "x")),
        (Step::RunCronJob { within }, on("CronJob", "x")),
        (reconcile.clone(), on("Kustomization", "x")),
        (reconcile, on("GitRepository", "x")),
        (Step::Suspend {}, on("HelmRelease", "x")),
        (Step::Resume {}, on("HelmRelease", "x")),
    ]
}

/// What the object was like before each step, so that there is something to do.
fn before(step: &Step) -> Json {
    match step {
        Step::Scale { .. } => with(&finished(), &[("/spec/replicas", json!(1))]),
        Step::Resume {} => with(&finished(), &[("/spec/suspend", json!(true))]),
        _ => finished(),
    }
}

fn changed() -> impl Strategy<Value = Vec<(&'static str, Json)>> {
    prop::collection::vec((prop::sample::select(&PLACES[..]), value()), 0..6)
}

/// Only what can be set: a value on the way that is no object stays.
fn altered(base: &Json, fields: &[(&str, Json)]) -> Json {
    fields.iter().fold(base.clone(), |json, (pointer, value)| {
        let holder = pointer.rsplit_once('/').map_or("", |(holder, _)| holder);
        match json.pointer(holder) {
            Some(Json::Object(_)) => with(&json, &[(pointer, value.clone())]),
            _ => json,
        }
    })
}

/// All that a run leaves on an object.
fn carried(json: &Json, by: &str) -> Json {
    altered(
        json,
        &[
            ("/metadata/annotations/landfall.dev~1run", json!(by)),
            (
                "/spec/template/metadata/annotations/landfall.dev~1run",
                json!(by),
            ),
            (
                "/metadata/annotations/reconcile.fluxcd.io~1requestedAt",
                json!(by),
            ),
            ("/status/lastHandledReconcileAt", json!(by)),
        ],
    )
}

proptest! {
    #[test]
    fn what_does_not_carry_the_run_has_never_worked(fields in changed(), suspend in any::<bool>()) {
        for (step, object) in steps() {
            let planned = planned(&step, &object, &before(&step)).expect("fits");
            prop_assert!(!planned.steps[0].calls.is_empty());
            let json = altered(&with(&finished(), &[("/spec/suspend", json!(suspend))]), &fields);
            let effect = after(&planned, Read::Object(json.clone()));
            prop_assert!(!matches!(effect, Effect::Worked { .. }), "{step:?}: {effect:?} of {json}");
        }
    }

    #[test]
    fn no_object_makes_a_step_panic(fields in changed()) {
        let within = Within::default();
        let more = [
            (Step::DeletePod { within }, on("Pod", "x")),
            (Step::DeleteJob { within }, on("Job", "x")),
        ];
        for (step, object) in steps().into_iter().chain(more) {
            let json = altered(&finished(), &fields);
            let _ = looks(&step, &object, &ground(&object, Read::Object(json.clone()), &[]));
            if let Ok(planned) = planned(&step, &object, &json) {
                let effect = after(&planned, Read::Object(carried(&json, OURS)));
                prop_assert!(!told(&effect).is_empty());
            }
        }
    }
}

#[test]
fn what_carries_the_run_and_is_done_has_worked_so_that_the_test_above_can_fail() {
    for (step, object) in steps() {
        let planned = planned(&step, &object, &before(&step)).expect("fits");
        let suspend = matches!(step, Step::Suspend {});
        let done = with(
            &carried(&finished(), OURS),
            &[("/spec/suspend", json!(suspend))],
        );
        let effect = after(&planned, Read::Object(done.clone()));
        assert!(
            matches!(effect, Effect::Worked { .. }),
            "{step:?}: {effect:?}"
        );
        let theirs = with(
            &carried(&finished(), "r2"),
            &[("/spec/suspend", json!(suspend))],
        );
        let effect = after(&planned, Read::Object(theirs));
        assert!(
            !matches!(effect, Effect::Worked { .. }),
            "{step:?}: {effect:?}"
        );
    }
}
