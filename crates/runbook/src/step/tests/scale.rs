//! Workloads that are scaled.

use super::*;
use crate::action::{Parameter, Value};

fn to(number: i64) -> Step {
    Step::Scale {
        to: Parameter::Fixed(Value::Number(number)),
        within: Within::default(),
    }
}

fn deployment() -> Json {
    json!({
        "apiVersion": "apps/v1",
        "metadata": {
            "name": "checkout", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 4,
            "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
            "managedFields": [{"manager": "kustomize-controller", "fieldsV1": {"f:spec": {"f:template": {}}}}],
        },
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 4, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    })
}

#[test]
fn scaling_sends_the_number_and_says_who_feels_it() {
    let object = on("Deployment", "checkout");
    let planned = planned(&to(5), &object, &deployment()).expect("fits");
    let [Call::Object(call)] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    assert_eq!(
        call.body(&run()),
        json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {"landfall.dev/run": "r1"}},
            "spec": {"replicas": 5},
        })
    );
    assert_eq!(
        changes(&planned),
        [
            "metadata.annotations[\"landfall.dev/run\"]: - -> (the run's id)",
            "spec.replicas: 2 -> 5"
        ]
    );
    assert_eq!(planned.touches, ["3 pods are added"]);
    // Flux applies it, but not its number.
    assert!(planned.cautions.is_empty());
    let none = super::planned(&to(0), &object, &deployment()).expect("fits");
    assert_eq!(
        none.touches,
        ["2 pods are ended: nothing of Deployment shop/checkout runs after it"]
    );
    let fewer = super::planned(&to(1), &object, &deployment()).expect("fits");
    assert_eq!(fewer.touches, ["1 pod is ended"]);
}

#[test]
fn a_number_that_flux_sets_is_said_to_be_taken_back() {
    let object = on("Deployment", "checkout");
    let sets =
        json!([{"manager": "kustomize-controller", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
    let set = with(&deployment(), &[("/metadata/managedFields", sets.clone())]);
    let takes = "sets spec.replicas, too: it takes this back at its next reconciliation, unless it is suspended";
    let caution = |json: &Json| planned(&to(5), &object, json).expect("fits").cautions;
    assert_eq!(
        caution(&set),
        [format!("Kustomization flux-system/apps {takes}")]
    );
    let unlabelled = with(&set, &[("/metadata/labels", json!(null))]);
    assert_eq!(
        caution(&unlabelled),
        [format!("Flux (kustomize-controller) {takes}")]
    );
    let silent = with(&set, &[("/metadata/managedFields", json!(null))]);
    assert_eq!(
        caution(&silent),
        [
            "Whether Kustomization flux-system/apps takes this back cannot be told: Deployment shop/checkout does not say who set its fields"
        ]
    );
}

#[test]
fn a_number_that_is_not_a_persons_to_set_does_not_fit() {
    let object = on("Deployment", "checkout");
    let autoscaler = json!({
        "metadata": {"namespace": "shop", "name": "checkout-hpa"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}},
    });
    let read = || Read::Object(deployment());
    let scaled = ground(
        &object,
        read(),
        &[("HorizontalPodAutoscaler", autoscaler.clone())],
    );
    assert_eq!(
        said(&to(5), &object, &scaled, "").expect_err("unfit"),
        "the HorizontalPodAutoscaler shop/checkout-hpa decides the number of pods of Deployment shop/checkout"
    );
    let other = with(
        &autoscaler,
        &[("/spec/scaleTargetRef/kind", json!("StatefulSet"))],
    );
    let free = ground(&object, read(), &[("HorizontalPodAutoscaler", other)]);
    assert!(said(&to(5), &object, &free, "").is_ok());
    let mut unknown = Ground::at(Timestamp::UNIX_EPOCH);
    unknown.add(Look::Object(object.clone()), read());
    unknown.add(
        looks(&to(5), &object, &unknown)[1].clone(),
        Read::Unknown("not allowed to list them".to_owned()),
    );
    assert_eq!(
        said(&to(5), &object, &unknown, "").expect("fits").cautions,
        ["Whether an autoscaler decides the number cannot be told: not allowed to list them"]
    );
    assert_eq!(
        planned(&to(5), &on("DaemonSet", "agent"), &deployment()).expect_err("unfit"),
        "DaemonSet shop/agent runs one pod on each of its nodes: there is no number to set"
    );
}

#[test]
fn the_number_is_what_was_said_and_stands_in_the_plan() {
    let object = on("Deployment", "checkout");
    let ground = ground(&object, Read::Object(deployment()), &[]);
    let step = Step::Scale {
        to: Parameter::Input {
            input: "count".to_owned(),
        },
        within: Within::default(),
    };
    let with = |value: Option<Value>| {
        let inputs: Inputs = value
            .map(|value| ("count".to_owned(), value))
            .into_iter()
            .collect();
        let said = Said {
            inputs: &inputs,
            reason: "",
        };
        plan(&step, &object, &said, &ground).map_err(|unfit| unfit.says)
    };
    assert_eq!(
        with(Some(Value::Number(5))).expect("fits").steps[0].step,
        to(5)
    );
    for (value, says) in [
        (
            None,
            "the number of pods is not said: there is no input count",
        ),
        (Some(Value::Number(-1)), "-1 is no number of pods"),
        (
            Some(Value::Number(1 << 40)),
            "1099511627776 is no number of pods",
        ),
        (
            Some(Value::Text("3".to_owned())),
            "\"3\" is no number of pods",
        ),
    ] {
        assert_eq!(with(value).expect_err("unfit"), says);
    }
}

#[test]
fn a_workload_that_has_so_many_already_is_left_alone() {
    let planned = planned(&to(2), &on("Deployment", "checkout"), &deployment()).expect("fits");
    assert_eq!(
        planned.steps[0].says,
        "Deployment shop/checkout is set to 2 pods already: there is nothing to do"
    );
    assert!(planned.steps[0].calls.is_empty() && planned.steps[0].changes.is_empty());
    assert!(planned.touches.is_empty() && planned.cautions.is_empty());
    let effect = after(&planned, Read::Object(deployment()));
    assert_eq!(
        told(&effect),
        "worked: Deployment shop/checkout has 2 pods, all ready"
    );
}

#[test]
fn scaling_has_worked_only_when_so_many_are_there_and_ready_and_this_run_set_it() {
    let planned = planned(&to(5), &on("Deployment", "checkout"), &deployment()).expect("fits");
    let done = with(
        &deployment(),
        &[
            ("/metadata/annotations/landfall.dev~1run", json!(OURS)),
            ("/spec/replicas", json!(5)),
            ("/metadata/generation", json!(5)),
            (
                "/status",
                json!({"observedGeneration": 5, "replicas": 5, "readyReplicas": 5, "availableReplicas": 5}),
            ),
        ],
    );
    let refused = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]);
    for (fields, says) in [
        (
            vec![],
            "worked: Deployment shop/checkout has 5 pods, all ready",
        ),
        (
            vec![("/status/observedGeneration", json!(4))],
            "not yet: The change of Deployment shop/checkout has not been taken up yet",
        ),
        (
            vec![("/status/readyReplicas", json!(3))],
            "not yet: Deployment shop/checkout: 3 of 5 pods are ready",
        ),
        (
            vec![("/status/replicas", json!(6))],
            "not yet: Deployment shop/checkout: there are 6 pods, and 5 shall be",
        ),
        (
            vec![
                ("/status/readyReplicas", json!(3)),
                ("/status/conditions", refused),
            ],
            "not yet: Deployment shop/checkout: 3 of 5 pods are ready (FailedCreate: exceeded quota)",
        ),
        (
            vec![("/spec/replicas", json!(2))],
            "failed: Deployment shop/checkout is set to 2 pods now, not to 5: something has changed it since",
        ),
        (
            vec![("/metadata/annotations/landfall.dev~1run", json!("r2"))],
            "unknown: The run r2 has changed Deployment shop/checkout since: what this one did cannot be told any more",
        ),
        (
            vec![("/metadata/annotations", json!(null))],
            "unknown: Deployment shop/checkout does not carry this run's mark: somebody has removed it, or the change never came",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&done, &fields)))),
            says
        );
    }
}
