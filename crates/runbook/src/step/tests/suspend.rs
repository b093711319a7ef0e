//! Flux objects that are suspended and resumed.

use super::*;

fn kustomization() -> Json {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "metadata": {"name": "apps", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        "spec": {"prune": true},
        "status": {"inventory": {"entries": [{"id": "a"}]}},
    })
}

fn suspended() -> Json {
    with(
        &kustomization(),
        &[
            ("/spec/suspend", json!(true)),
            (
                "/metadata/annotations/landfall.dev~1suspended-because",
                json!("INC-7"),
            ),
        ],
    )
}

fn because(step: &Step, json: &Json, reason: &str) -> Result<Planned, String> {
    let object = on("Kustomization", "apps");
    said(
        step,
        &object,
        &ground(&object, Read::Object(json.clone()), &[]),
        reason,
    )
}

#[test]
fn what_is_suspended_says_why_to_everybody() {
    let planned = because(
        &Step::Suspend {},
        &kustomization(),
        "INC-7: \"{{x}}\" $(id)",
    )
    .expect("fits");
    assert_eq!(
        planned.steps[0].calls[0]
            .object()
            .expect("of an object")
            .body(&run()),
        json!({
            "spec": {"suspend": true},
            "metadata": {
                "uid": "u",
                "annotations": {"landfall.dev/suspended-because": "INC-7: \"{{x}}\" $(id)", "landfall.dev/run": "r1"},
            },
        })
    );
    assert_eq!(
        changes(&planned),
        [
            "metadata.annotations[\"landfall.dev/run\"]: - -> (the run's id)",
            "metadata.annotations[\"landfall.dev/suspended-because\"]: - -> INC-7: \"{{x}}\" $(id)",
            "spec.suspend: - -> true",
        ]
    );
    assert_eq!(
        planned.touches,
        [
            "No commit reaches what Kustomization shop/apps applies (1 object), and a change by hand stays there, until it is resumed"
        ]
    );
    assert_eq!(
        because(&Step::Suspend {}, &kustomization(), "use password=hunter2").expect_err("unfit"),
        "the reason looks as if it held a secret, and everybody who sees Kustomization shop/apps reads it"
    );
}

#[test]
fn resuming_removes_the_reason_and_says_it_once_more() {
    let planned = because(&Step::Resume {}, &suspended(), "").expect("fits");
    assert_eq!(
        changes(&planned),
        [
            "metadata.annotations[\"landfall.dev/run\"]: - -> (the run's id)",
            "metadata.annotations[\"landfall.dev/suspended-because\"]: INC-7 -> -",
            "spec.suspend: true -> false",
        ]
    );
    assert_eq!(planned.cautions, ["It was suspended because: INC-7"]);
    assert_eq!(
        planned.touches,
        ["Flux applies at once what Kustomization shop/apps has missed"]
    );
}

#[test]
fn what_is_so_already_is_left_alone() {
    for (step, json, says) in [
        (
            Step::Suspend {},
            suspended(),
            "Kustomization shop/apps is suspended already: there is nothing to do",
        ),
        (
            Step::Resume {},
            kustomization(),
            "Kustomization shop/apps is not suspended: there is nothing to do",
        ),
    ] {
        let planned = because(&step, &json, "again").expect("fits");
        assert_eq!(planned.steps[0].says, says);
        assert!(planned.steps[0].calls.is_empty() && planned.steps[0].changes.is_empty());
        assert!(matches!(
            after(&planned, Read::Object(json)),
            Effect::Worked { .. }
        ));
    }
}

#[test]
fn a_suspension_that_flux_takes_back_is_said_so() {
    let json = with(
        &kustomization(),
        &[
            (
                "/metadata/managedFields",
                json!([{"manager": "kustomize-controller", "fieldsV1": {"f:spec": {"f:suspend": {}}}}]),
            ),
            (
                "/metadata/labels",
                json!({"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
            ),
        ],
    );
    assert_eq!(
        because(&Step::Suspend {}, &json, "")
            .expect("fits")
            .cautions,
        [
            "Kustomization flux-system/root sets spec.suspend, too: it takes this back at its next reconciliation, unless it is suspended"
        ]
    );
}

#[test]
fn every_kind_of_fluxs_is_suspended_and_no_other_is() {
    for kind in [
        "Kustomization",
        "HelmRelease",
        "GitRepository",
        "OCIRepository",
        "ImageUpdateAutomation",
    ] {
        let planned = planned(&Step::Suspend {}, &on(kind, "x"), &kustomization()).expect("fits");
        assert!(
            !planned.steps[0].calls.is_empty() && !planned.touches.is_empty(),
            "{kind}"
        );
    }
    assert_eq!(
        planned(&Step::Suspend {}, &on("CronJob", "x"), &kustomization()).expect_err("unfit"),
        "CronJob shop/x is none of Flux's: there is nothing to suspend or resume"
    );
    assert_eq!(
        planned(
            &Step::Suspend {},
            &on("Kustomization", "x"),
            &with(&kustomization(), &[("/spec/suspend", json!("yes"))])
        )
        .expect_err("unfit"),
        "spec.suspend of Kustomization shop/x is not true or false"
    );
}

#[test]
fn it_has_worked_only_when_the_object_says_so_and_this_run_said_it_last() {
    let planned = because(&Step::Suspend {}, &kustomization(), "INC-7").expect("fits");
    let mark = "/metadata/annotations/landfall.dev~1run";
    let done = with(&suspended(), &[(mark, json!(OURS))]);
    for (fields, says) in [
        (vec![], "worked: Kustomization shop/apps is suspended"),
        (
            vec![("/spec/suspend", json!(false))],
            "failed: Kustomization shop/apps is not suspended: somebody has resumed it since",
        ),
        // The change never came, whatever was answered.
        (
            vec![(mark, json!(null)), ("/spec/suspend", json!(false))],
            "unknown: Kustomization shop/apps does not carry this run's mark: somebody has removed it, or the change never came",
        ),
        (
            vec![(mark, json!("r2"))],
            "unknown: The run r2 has changed Kustomization shop/apps since: what this one did cannot be told any more",
        ),
        (
            vec![(mark, json!(null))],
            "unknown: Kustomization shop/apps does not carry this run's mark: somebody has removed it, or the change never came",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&done, &fields)))),
            says
        );
    }
}
