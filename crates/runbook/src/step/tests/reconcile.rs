//! Flux that is asked to look now.

use super::*;

fn step(source_first: bool, reset: bool) -> Step {
    Step::Reconcile {
        source_first,
        reset,
        within: Within::default(),
    }
}

fn meta(name: &str, uid: &str) -> Json {
    json!({"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "7", "generation": 2})
}

fn kustomization() -> Json {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "metadata": meta("apps", "k"),
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "repo"}},
        "status": {"inventory": {"entries": [{"id": "a"}, {"id": "b"}]}},
    })
}

fn source() -> Json {
    json!({"metadata": meta("repo", "g"), "spec": {}})
}

/// Everything that the step asks to be read, in as many rounds as it takes.
fn read_all(step: &Step, object: &ObjectRef, world: &[(ObjectRef, Json)]) -> Ground {
    let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
    while let Some(look) = looks(step, object, &ground)
        .into_iter()
        .find(|look| !ground.has(look))
    {
        let found = world
            .iter()
            .find(|(of, _)| look == Look::Object(of.clone()));
        let read = found.map_or(Read::Absent, |(_, json)| Read::Object(json.clone()));
        ground.add(look, read);
    }
    ground
}

#[test]
fn the_source_is_asked_first_and_each_request_carries_the_run() {
    let object = on("Kustomization", "apps");
    let world = [
        (object.clone(), kustomization()),
        (on("GitRepository", "repo"), source()),
    ];
    let step = step(true, false);
    let planned = said(&step, &object, &read_all(&step, &object, &world), "").expect("fits");
    let names: Vec<_> = planned
        .steps
        .iter()
        .map(|step| (step.on.to_string(), step.says.clone()))
        .collect();
    assert_eq!(
        names,
        [
            (
                "GitRepository shop/repo".to_owned(),
                "Asks Flux to reconcile GitRepository shop/repo now".to_owned()
            ),
            (
                "Kustomization shop/apps".to_owned(),
                "Asks Flux to reconcile Kustomization shop/apps now".to_owned()
            ),
        ]
    );
    assert_eq!(
        planned.steps[0].calls[0]
            .object()
            .expect("of an object")
            .path,
        "/apis/source.toolkit.fluxcd.io/v1/namespaces/shop/gitrepositories/repo"
    );
    assert_eq!(
        planned.steps[1].calls[0]
            .object()
            .expect("of an object")
            .body(&run()),
        json!({"metadata": {
            // Its own version would be another one as soon as the source moves, which is what is asked for.
            "uid": "k",
            "annotations": {"reconcile.fluxcd.io/requestedAt": "r1", "landfall.dev/run": "r1"},
        }})
    );
    assert_eq!(
        planned.touches,
        [
            "Flux applies what its source holds (2 objects now), and takes back what was changed by hand"
        ]
    );
}

#[test]
fn a_helm_release_is_fed_by_its_repository_and_its_chart_and_a_registrys_address_is_not_asked() {
    let object = on("HelmRelease", "web");
    let release = json!({
        "metadata": meta("web", "h"),
        "spec": {"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "charts"}}}},
        "status": {"helmChart": "shop/shop-web"},
    });
    let repository = json!({"metadata": meta("charts", "r"), "spec": {}});
    let chart = json!({"metadata": meta("shop-web", "c"), "spec": {}});
    let plan_with = |release: &Json, repository: &Json| {
        let world = [
            (object.clone(), release.clone()),
            (on("HelmRepository", "charts"), repository.clone()),
            (on("HelmChart", "shop-web"), chart.clone()),
            (
                ObjectRef::new("prod", "OCIRepository", "flux-system", "web"),
                source(),
            ),
        ];
        let step = step(true, true);
        let planned = said(&step, &object, &read_all(&step, &object, &world), "").expect("fits");
        let kinds: Vec<_> = planned
            .steps
            .iter()
            .map(|step| step.on.kind.clone())
            .collect();
        (kinds, planned)
    };
    let (kinds, planned) = plan_with(&release, &repository);
    assert_eq!(kinds, ["HelmRepository", "HelmChart", "HelmRelease"]);
    // Only the release begins anew.
    let resets: Vec<_> = planned
        .steps
        .iter()
        .map(|step| step.calls[0].object().expect("of an object").stamps.len())
        .collect();
    assert_eq!(resets, [2, 2, 3]);
    assert_eq!(
        planned.steps[2].calls[0]
            .object()
            .expect("of an object")
            .body(&run())["metadata"]["annotations"]["reconcile.fluxcd.io/resetAt"],
        "r1"
    );
    assert_eq!(
        planned.cautions,
        [
            "HelmRelease shop/web forgets its counted failures: an install or upgrade that was given up is tried anew"
        ]
    );
    let registry = with(&repository, &[("/spec/type", json!("oci"))]);
    assert_eq!(
        plan_with(&release, &registry).0,
        ["HelmChart", "HelmRelease"]
    );
    let by_reference = with(
        &release,
        &[(
            "/spec",
            json!({"chartRef": {"kind": "OCIRepository", "name": "web", "namespace": "flux-system"}}),
        )],
    );
    assert_eq!(
        plan_with(&by_reference, &repository).0,
        ["OCIRepository", "HelmRelease"]
    );
    let foreign = with(
        &release,
        &[(
            "/spec",
            json!({"chartRef": {"kind": "ExternalArtifact", "name": "web"}}),
        )],
    );
    let (kinds, planned) = plan_with(&foreign, &repository);
    assert_eq!(kinds, ["HelmRelease"]);
    assert_eq!(
        planned.cautions[0],
        "ExternalArtifact shop/web feeds HelmRelease shop/web, and Flux cannot be asked to look at that: what it holds now is what is applied"
    );
}

#[test]
fn what_is_suspended_or_not_there_cannot_be_asked() {
    let object = on("Kustomization", "apps");
    let repo = on("GitRepository", "repo");
    let suspended = ("/spec/suspend", json!(true));
    let unfit = |source_first: bool, target: Json, source: Option<Json>| {
        let mut world = vec![(object.clone(), target)];
        world.extend(source.map(|source| (repo.clone(), source)));
        let step = step(source_first, false);
        said(&step, &object, &read_all(&step, &object, &world), "").map(drop)
    };
    let target = kustomization;
    assert_eq!(
        unfit(
            true,
            with(&target(), std::slice::from_ref(&suspended)),
            Some(source())
        ),
        Err("Kustomization shop/apps is suspended: resume it first".to_owned())
    );
    let still = with(&source(), &[suspended]);
    assert_eq!(
        unfit(true, target(), Some(still.clone())),
        Err("Kustomization shop/apps is fed by GitRepository shop/repo, which is suspended: resume that first".to_owned())
    );
    assert_eq!(unfit(false, target(), Some(still)), Ok(()));
    assert_eq!(
        unfit(true, target(), None),
        Err(
            "Kustomization shop/apps is fed by GitRepository shop/repo, which is not there"
                .to_owned()
        )
    );
    assert_eq!(
        planned(&step(false, true), &object, &target()).expect_err("unfit"),
        "Kustomization shop/apps counts no failures that could be forgotten: only a HelmRelease does"
    );
    assert_eq!(
        planned(&step(false, false), &on("Deployment", "a"), &target()).expect_err("unfit"),
        "Deployment shop/a is none of Flux's: there is nobody to ask"
    );
}

fn ready(status: &str, reason: &str) -> Json {
    json!({"type": "Ready", "status": status, "reason": reason, "message": "m", "observedGeneration": 2})
}

#[test]
fn a_reconciliation_has_worked_only_when_flux_handled_this_request_and_is_ready_after_it() {
    let planned = planned(
        &step(false, false),
        &on("Kustomization", "apps"),
        &kustomization(),
    )
    .expect("fits");
    let handled = "/status/lastHandledReconcileAt";
    let asked = "/metadata/annotations/reconcile.fluxcd.io~1requestedAt";
    let done = with(
        &kustomization(),
        &[
            (asked, json!(OURS)),
            (handled, json!(OURS)),
            ("/status/observedGeneration", json!(2)),
            ("/status/lastAppliedRevision", json!("main@sha1:abc")),
            (
                "/status/conditions",
                json!([ready("True", "ReconciliationSucceeded")]),
            ),
        ],
    );
    let retry = json!({"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry", "message": "m"});
    let busy = json!({"type": "Reconciling", "status": "True", "reason": "Progressing", "message": "Building"});
    let stalled =
        json!({"type": "Stalled", "status": "True", "reason": "InvalidPath", "message": "m"});
    let conditions = "/status/conditions";
    for (fields, says) in [
        (
            vec![],
            "worked: Flux has handled the request, and Kustomization shop/apps is Ready at main@sha1:abc",
        ),
        // Ready from before the request.
        (
            vec![(handled, json!("r0"))],
            "not yet: Kustomization shop/apps waits for Flux to handle the request",
        ),
        (
            vec![(handled, json!(null))],
            "not yet: Kustomization shop/apps waits for Flux to handle the request",
        ),
        (
            vec![(handled, json!("r0")), (asked, json!("r2"))],
            "unknown: Somebody else has asked Flux for Kustomization shop/apps since: what became of this request cannot be told",
        ),
        (
            vec![(handled, json!("r0")), ("/spec/suspend", json!(true))],
            "failed: Kustomization shop/apps has been suspended since: Flux does not look at it",
        ),
        (
            vec![("/metadata/generation", json!(3))],
            "not yet: Kustomization shop/apps has changed, and Flux has not seen the change yet",
        ),
        (
            vec![("/status/observedGeneration", json!(-1))],
            "not yet: Kustomization shop/apps has changed, and Flux has not seen the change yet",
        ),
        (
            vec![(conditions, json!([ready("False", "BuildFailed"), retry]))],
            "failed: Flux has handled the request, and Kustomization shop/apps is not Ready (BuildFailed: m)",
        ),
        (
            vec![(conditions, json!([ready("False", "BuildFailed")]))],
            "failed: Flux has handled the request, and Kustomization shop/apps is not Ready (BuildFailed: m)",
        ),
        (
            vec![(
                conditions,
                json!([ready("Unknown", "Progressing"), stalled]),
            )],
            "failed: Flux has handled the request, and Kustomization shop/apps is not Ready (InvalidPath: m)",
        ),
        (
            vec![(
                conditions,
                json!([ready("False", "DependencyNotReady"), retry]),
            )],
            "not yet: Kustomization shop/apps waits for what it depends on (DependencyNotReady: m)",
        ),
        (
            vec![(conditions, json!([ready("False", "BuildFailed"), busy]))],
            "not yet: Flux is at work on Kustomization shop/apps (Progressing: Building)",
        ),
        (
            vec![(
                conditions,
                json!([ready("True", "ReconciliationSucceeded"), busy]),
            )],
            "not yet: Flux is at work on Kustomization shop/apps (Progressing: Building)",
        ),
        (
            vec![(conditions, json!([]))],
            "not yet: Kustomization shop/apps does not say yet whether it is Ready",
        ),
        (
            vec![(conditions, json!("x"))],
            "unknown: status.conditions of Kustomization shop/apps is not a list",
        ),
        (
            vec![(handled, json!(7))],
            "unknown: status.lastHandledReconcileAt of Kustomization shop/apps is not a text",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&done, &fields)))),
            says
        );
    }
}

#[test]
fn a_source_has_worked_only_with_something_fetched_and_a_reset_only_when_it_was_handled() {
    let fetched =
        planned(&step(false, false), &on("GitRepository", "repo"), &source()).expect("fits");
    let done = json!({
        "metadata": meta("repo", "g"),
        "status": {"lastHandledReconcileAt": OURS, "observedGeneration": 2, "conditions": [ready("True", "Succeeded")]},
    });
    assert_eq!(
        told(&after(&fetched, Read::Object(done.clone()))),
        "not yet: GitRepository shop/repo has nothing fetched yet"
    );
    let with_artifact = with(
        &done,
        &[("/status/artifact/revision", json!("main@sha1:abc"))],
    );
    assert_eq!(
        told(&after(&fetched, Read::Object(with_artifact))),
        "worked: Flux has handled the request, and GitRepository shop/repo is Ready at main@sha1:abc"
    );
    let anew = planned(&step(false, true), &on("HelmRelease", "web"), &source()).expect("fits");
    assert_eq!(
        told(&after(&anew, Read::Object(done.clone()))),
        "failed: Flux has looked at HelmRelease shop/web without forgetting its failures: its version may not know that request"
    );
    let reset = with(&done, &[("/status/lastHandledResetAt", json!(OURS))]);
    assert_eq!(
        told(&after(&anew, Read::Object(reset))),
        "worked: Flux has handled the request, and HelmRelease shop/web is Ready"
    );
}
