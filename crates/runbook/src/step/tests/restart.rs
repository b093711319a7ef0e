//! Workloads that are restarted.

use super::*;

fn step() -> Step {
    Step::Restart {
        within: Within::default(),
    }
}

const MARK: &str = "/spec/template/metadata/annotations/landfall.dev~1run";

/// Three pods, all well.
fn deployment() -> Json {
    json!({
        "apiVersion": "apps/v1",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 4},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "checkout"}}}},
        "status": {
            "observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        },
    })
}

fn stateful_set() -> Json {
    with(
        &deployment(),
        &[
            ("/status/currentRevision", json!("a")),
            ("/status/updateRevision", json!("a")),
        ],
    )
}

fn daemon_set() -> Json {
    json!({
        "apiVersion": "apps/v1",
        "metadata": {"name": "agent", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 4},
        "spec": {"template": {"metadata": {"labels": {"app": "agent"}}}},
        "status": {
            "observedGeneration": 4, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2,
        },
    })
}

#[test]
fn a_restart_sends_the_runs_mark_alone_and_lists_it() {
    let planned = planned(&step(), &on("Deployment", "checkout"), &deployment()).expect("fits");
    let [Call::Object(call)] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    assert_eq!(
        call.path,
        "/apis/apps/v1/namespaces/shop/deployments/checkout"
    );
    assert_eq!(call.right.to_string(), "patch deployments in shop");
    assert_eq!(
        call.body(&run()),
        json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {"landfall.dev/run": "r1"}},
            "spec": {"template": {"metadata": {"annotations": {"landfall.dev/run": "r1"}}}},
        })
    );
    assert_eq!(
        changes(&planned),
        [
            "metadata.annotations[\"landfall.dev/run\"]: - -> (the run's id)",
            "spec.template.metadata.annotations[\"landfall.dev/run\"]: - -> (the run's id)",
        ]
    );
    assert_eq!(
        planned.steps[0].says,
        "Restarts Deployment shop/checkout: 3 pods"
    );
    assert_eq!(
        planned.touches,
        [
            "3 pods are replaced: at most 25% missing at a time (maxUnavailable), at most 25% more meanwhile (maxSurge)"
        ]
    );
    assert!(planned.cautions.is_empty());
}

#[test]
fn a_restart_that_would_replace_no_pod_does_not_fit() {
    let (d, s, a) = (deployment(), stateful_set(), daemon_set());
    for (kind, base, fields, says) in [
        (
            "Deployment",
            &d,
            vec![("/spec/paused", json!(true))],
            "Deployment shop/x is paused: a restart would not begin",
        ),
        (
            "Deployment",
            &d,
            vec![("/spec/replicas", json!(0))],
            "Deployment shop/x is set to 0 pods: there is nothing to restart",
        ),
        (
            "StatefulSet",
            &s,
            vec![("/spec/updateStrategy/type", json!("OnDelete"))],
            "StatefulSet shop/x replaces a pod only when that pod is deleted (OnDelete): a restart would change nothing",
        ),
        (
            "StatefulSet",
            &s,
            vec![("/spec/updateStrategy/rollingUpdate/partition", json!(3))],
            "StatefulSet shop/x holds back all its pods by its partition: a restart would replace none",
        ),
        (
            "DaemonSet",
            &a,
            vec![("/spec/updateStrategy/type", json!("OnDelete"))],
            "DaemonSet shop/x replaces a pod only when that pod is deleted (OnDelete): a restart would change nothing",
        ),
        (
            "DaemonSet",
            &a,
            vec![("/status/desiredNumberScheduled", json!(0))],
            "DaemonSet shop/x is wanted on no node: there is nothing to restart",
        ),
        (
            "Deployment",
            &d,
            vec![("/spec/replicas", json!("3"))],
            "spec.replicas of Deployment shop/x is not a number",
        ),
        (
            "Deployment",
            &d,
            vec![("/spec/paused", json!("yes"))],
            "spec.paused of Deployment shop/x is not true or false",
        ),
        (
            "CronJob",
            &d,
            vec![],
            "CronJob shop/x has no rollout: Deployments, StatefulSets and DaemonSets can be restarted",
        ),
    ] {
        let found = planned(&step(), &on(kind, "x"), &with(base, &fields));
        assert_eq!(found.expect_err("unfit"), says);
    }
}

#[test]
fn what_a_person_should_know_before_a_restart_is_said() {
    let d = deployment();
    let object = on("Deployment", "checkout");
    let cautions = |fields: &[(&str, Json)]| {
        planned(&step(), &object, &with(&d, fields))
            .expect("fits")
            .cautions
    };
    assert_eq!(
        cautions(&[("/status/updatedReplicas", json!(1))]),
        [
            "A rollout is under way (1 of 3 pods are of the newest template): the restart begins another"
        ]
    );
    assert_eq!(
        cautions(&[(
            "/status/conditions",
            json!([{
                "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "it\u{1b}[31m timed out.",
            }])
        )]),
        [
            "The rollout before is stuck (ProgressDeadlineExceeded: it[31m timed out): a restart tries again, and does not mend why"
        ]
    );
    assert_eq!(
        cautions(&[("/status/readyReplicas", json!(2))]),
        ["Not all of its pods are well before it: 2 of 3 pods are ready"]
    );
    let recreate = with(&d, &[("/spec/strategy/type", json!("Recreate"))]);
    let budget = json!({
        "metadata": {"namespace": "shop", "name": "checkout"},
        "spec": {"selector": {"matchLabels": {"app": "checkout"}}},
        "status": {"disruptionsAllowed": 0},
    });
    let ground = ground(
        &object,
        Read::Object(recreate),
        &[("PodDisruptionBudget", budget)],
    );
    assert_eq!(
        said(&step(), &object, &ground, "").expect("fits").touches,
        [
            "3 pods are ended before new ones begin (Recreate): none serves meanwhile",
            "PodDisruptionBudget shop/checkout allows no pod to be missing now, and a rollout does not ask it",
        ]
    );
}

#[test]
fn a_restart_has_worked_only_when_every_pod_is_of_this_runs_template_and_ready() {
    let d = deployment();
    let planned = planned(&step(), &on("Deployment", "checkout"), &d).expect("fits");
    let done = with(
        &d,
        &[
            (MARK, json!(OURS)),
            ("/metadata/generation", json!(5)),
            ("/status/observedGeneration", json!(5)),
        ],
    );
    let stuck = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "no quota"}]);
    for (fields, says) in [
        (
            vec![],
            "worked: Deployment shop/checkout runs 3 pods of the new template, all ready",
        ),
        (
            vec![("/status/observedGeneration", json!(4))],
            "not yet: The change of Deployment shop/checkout has not been taken up yet",
        ),
        (
            vec![("/status/observedGeneration", json!(null))],
            "not yet: The change of Deployment shop/checkout has not been taken up yet",
        ),
        (
            vec![("/status/updatedReplicas", json!(1))],
            "not yet: Deployment shop/checkout: 1 of 3 pods are of the newest template",
        ),
        (
            vec![("/status/replicas", json!(4))],
            "not yet: Deployment shop/checkout: 1 pod of the old template is still there",
        ),
        (
            vec![("/status/readyReplicas", json!(2))],
            "not yet: Deployment shop/checkout: 2 of 3 pods are ready",
        ),
        (
            vec![("/status/readyReplicas", json!(null))],
            "not yet: Deployment shop/checkout: 0 of 3 pods are ready",
        ),
        (
            vec![("/status/availableReplicas", json!(1))],
            "not yet: Deployment shop/checkout: 1 of 3 pods have been ready for long enough",
        ),
        (
            vec![
                ("/spec/replicas", json!(0)),
                ("/status", json!({"observedGeneration": 5})),
            ],
            "unknown: Deployment shop/checkout has no pods to replace any more: a restart cannot be seen by them",
        ),
        (
            vec![("/spec/paused", json!(true))],
            "failed: Deployment shop/checkout has been paused since: the restart does not go on",
        ),
        (
            vec![
                ("/status/conditions", stuck),
                ("/status/updatedReplicas", json!(1)),
            ],
            "failed: Deployment shop/checkout took too long (ProgressDeadlineExceeded: no quota): 1 of 3 pods are of the newest template",
        ),
        (
            vec![(MARK, json!("r2"))],
            "unknown: The run r2 has restarted Deployment shop/checkout since: whether this restart came to its end cannot be told",
        ),
        (
            vec![
                (MARK, json!(null)),
                ("/metadata/annotations/landfall.dev~1run", json!(OURS)),
            ],
            "unknown: The pod template of Deployment shop/checkout does not carry this run's mark: somebody has taken it back, or the change never came",
        ),
        (
            vec![("/metadata/uid", json!("v"))],
            "failed: Deployment shop/checkout is another one now: it was deleted and made anew",
        ),
        (
            vec![("/status/readyReplicas", json!("3"))],
            "unknown: status.readyReplicas of Deployment shop/checkout is not a number",
        ),
        (
            vec![("/status", json!("fine"))],
            "unknown: status.observedGeneration of Deployment shop/checkout is not there",
        ),
        (
            vec![("/metadata/generation", json!(null))],
            "unknown: metadata.generation of Deployment shop/checkout is not there",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&done, &fields)))),
            says
        );
    }
    assert_eq!(
        told(&after(&planned, Read::Absent)),
        "failed: Deployment shop/checkout is not there any more"
    );
    assert_eq!(
        told(&after(&planned, Read::Unknown("no answer".to_owned()))),
        "unknown: no answer"
    );
}

#[test]
fn a_stateful_sets_held_pods_keep_their_template_and_its_revisions_tell_when_it_is_over() {
    let s = stateful_set();
    let object = on("StatefulSet", "db");
    let partition = ("/spec/updateStrategy/rollingUpdate/partition", json!(1));
    let held = with(&s, std::slice::from_ref(&partition));
    let planned = planned(&step(), &object, &held).expect("fits");
    assert_eq!(
        planned.touches,
        ["2 pods are replaced, the last one first: at most 1 at a time is missing"]
    );
    assert_eq!(
        planned.cautions,
        ["1 pod is held back by its partition and is not restarted"]
    );
    let rolled = with(
        &s,
        &[
            (MARK, json!(OURS)),
            ("/status/updateRevision", json!("b")),
            ("/status/updatedReplicas", json!(2)),
        ],
    );
    let told =
        |fields: &[(&str, Json)]| told(&after(&planned, Read::Object(with(&rolled, fields))));
    assert_eq!(
        told(&[]),
        "not yet: StatefulSet shop/db: 2 of 3 pods are of the newest template"
    );
    assert_eq!(
        told(std::slice::from_ref(&partition)),
        "worked: StatefulSet shop/db runs 2 pods of the new template, all ready; 1 pod held back by its partition"
    );
    assert_eq!(
        told(&[
            ("/status/updatedReplicas", json!(null)),
            ("/status/currentRevision", json!("b"))
        ]),
        "worked: StatefulSet shop/db runs 3 pods of the new template, all ready"
    );
    // Its first pod is db-1: a partition of 1 holds none.
    assert_eq!(
        told(&[partition, ("/spec/ordinals/start", json!(1))]),
        "not yet: StatefulSet shop/db: 2 of 3 pods are of the newest template"
    );
}

#[test]
fn a_daemon_set_has_restarted_when_no_node_lacks_its_new_pod() {
    let a = daemon_set();
    let planned = planned(&step(), &on("DaemonSet", "agent"), &a).expect("fits");
    assert_eq!(
        planned.touches,
        [
            "2 pods are replaced: at most 1 missing at a time (maxUnavailable), at most 0 more meanwhile (maxSurge)"
        ]
    );
    let done = with(&a, &[(MARK, json!(OURS))]);
    for (fields, says) in [
        (
            vec![],
            "worked: DaemonSet shop/agent runs 2 pods of the new template, all ready",
        ),
        (
            vec![("/status/updatedNumberScheduled", json!(1))],
            "not yet: DaemonSet shop/agent: 1 of 2 pods are of the newest template",
        ),
        (
            vec![("/status/numberUnavailable", json!(1))],
            "not yet: DaemonSet shop/agent: 1 of 2 pods have been ready for long enough",
        ),
        (
            vec![("/status/numberReady", json!(1))],
            "not yet: DaemonSet shop/agent: 1 of 2 pods are ready",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&done, &fields)))),
            says
        );
    }
}
