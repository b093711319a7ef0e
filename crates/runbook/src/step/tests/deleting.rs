//! Pods and Jobs that are deleted.

use super::*;

fn pod_step() -> Step {
    Step::DeletePod {
        within: Within::default(),
    }
}

fn job_step() -> Step {
    Step::DeleteJob {
        within: Within::default(),
    }
}

fn pod() -> Json {
    json!({
        "metadata": {
            "name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": {"app": "checkout"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "checkout-1", "controller": true}],
        },
        "status": {"conditions": [{"type": "Ready", "status": "False"}]},
    })
}

fn job() -> Json {
    json!({
        "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        "status": {"failed": 2, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
    })
}

#[test]
fn a_pod_is_deleted_by_its_own_id_in_whatever_version() {
    let planned = planned(&pod_step(), &on("Pod", "a"), &pod()).expect("fits");
    let [Call::Object(call)] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    assert_eq!(call.change, Change::Delete);
    assert_eq!(call.path, "/api/v1/namespaces/shop/pods/a");
    assert_eq!(call.right.to_string(), "delete pods in shop");
    assert_eq!(call.body(&run())["preconditions"], json!({"uid": "u"}));
    assert_eq!(changes(&planned), ["metadata.name: a -> -"]);
    assert_eq!(
        planned.steps[0].says,
        "Deletes Pod shop/a, which ReplicaSet checkout-1 makes anew"
    );
}

#[test]
fn a_pod_that_would_not_come_back_is_left_alone() {
    for (owners, says) in [
        (
            json!(null),
            "Pod shop/a belongs to nothing that would make it anew: it would not come back",
        ),
        (
            json!([{"kind": "ReplicaSet", "name": "b"}]),
            "Pod shop/a belongs to nothing that would make it anew: it would not come back",
        ),
        (
            json!([{"kind": "Node", "name": "n1", "controller": true}]),
            "Pod shop/a stands in a file of the node n1: deleting it here does not end it",
        ),
        (
            json!("none"),
            "metadata.ownerReferences of Pod shop/a is not a list",
        ),
    ] {
        let json = with(&pod(), &[("/metadata/ownerReferences", owners)]);
        assert_eq!(
            planned(&pod_step(), &on("Pod", "a"), &json).expect_err("unfit"),
            says
        );
    }
}

#[test]
fn a_budget_spares_a_ready_pod_and_not_one_that_is_missing_already() {
    let object = on("Pod", "a");
    let budget = json!({
        "metadata": {"namespace": "shop", "name": "checkout"},
        "spec": {"selector": {"matchLabels": {"app": "checkout"}}},
        "status": {"disruptionsAllowed": 0},
    });
    let with_budget = |json: Json| {
        said(
            &pod_step(),
            &object,
            &ground(
                &object,
                Read::Object(json),
                &[("PodDisruptionBudget", budget.clone())],
            ),
            "",
        )
    };
    let ready = with(
        &pod(),
        &[(
            "/status/conditions",
            json!([{"type": "Ready", "status": "True"}]),
        )],
    );
    assert_eq!(
        with_budget(ready.clone()).expect_err("unfit"),
        "Pod shop/a is ready, and PodDisruptionBudget shop/checkout allows none of its pods to be missing now"
    );
    assert_eq!(
        with_budget(pod()).expect("fits").cautions,
        [
            "PodDisruptionBudget shop/checkout allows no pod to be missing now; this one is not ready and is missing already"
        ]
    );
    assert!(planned(&pod_step(), &object, &ready).is_ok());
}

#[test]
fn only_a_job_that_is_over_is_deleted_and_only_as_it_was_read() {
    let object = on("Job", "a");
    let planned = planned(&job_step(), &object, &job()).expect("fits");
    let [Call::Object(call)] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    assert_eq!(
        call.body(&run())["preconditions"],
        json!({"uid": "u", "resourceVersion": "7"})
    );
    assert_eq!(call.path, "/apis/batch/v1/namespaces/shop/jobs/a");
    assert_eq!(
        planned.steps[0].says,
        "Deletes Job shop/a, which has failed"
    );
    assert_eq!(
        planned.touches,
        ["What is left of its 2 pods goes with it, and their logs"]
    );
    let running = |fields: &[(&str, Json)]| {
        let json = with(&with(&job(), &[("/status", json!({"active": 1}))]), fields);
        super::planned(&job_step(), &object, &json).expect_err("unfit")
    };
    assert_eq!(
        running(&[]),
        "Job shop/a still runs (1 pod is active): deleting it would cut it off"
    );
    let failing =
        json!([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "False"}]);
    assert_eq!(
        running(&[("/status/conditions", failing)]),
        "Job shop/a still runs (1 pod is active): deleting it would cut it off"
    );
    assert_eq!(
        running(&[("/spec/suspend", json!(true))]),
        "Job shop/a is suspended, not over: deleting it would cut it off"
    );
}

#[test]
fn a_job_that_flux_applies_is_said_to_run_again() {
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    let json = with(&job(), &[("/metadata/labels", labels)]);
    assert_eq!(
        planned(&job_step(), &on("Job", "a"), &json)
            .expect("fits")
            .cautions,
        [
            "Kustomization flux-system/apps makes it anew at its next reconciliation, and it runs again, unless that Kustomization is suspended or does not have it any more"
        ]
    );
}

#[test]
fn something_is_gone_only_when_that_very_object_is() {
    let planned = planned(&pod_step(), &on("Pod", "a"), &pod()).expect("fits");
    let going = with(
        &pod(),
        &[("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"))],
    );
    for (read, says) in [
        (Read::Absent, "worked: Pod shop/a is gone"),
        (
            Read::Object(with(&pod(), &[("/metadata/uid", json!("v"))])),
            "worked: Pod shop/a is gone; another one of that name is there",
        ),
        (Read::Object(pod()), "not yet: Pod shop/a is still there"),
        (
            Read::Object(going.clone()),
            "not yet: Pod shop/a is being ended",
        ),
        (
            Read::Object(with(
                &going,
                &[("/metadata/finalizers", json!(["example.com/x"]))],
            )),
            "not yet: Pod shop/a is being deleted, and waits for example.com/x",
        ),
        (
            Read::Object(json!({})),
            "unknown: Pod shop/a does not say which one it is (metadata.uid)",
        ),
        (Read::Unknown("no answer".to_owned()), "unknown: no answer"),
    ] {
        assert_eq!(told(&after(&planned, read)), says);
    }
}
