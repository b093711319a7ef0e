//! Kustomizations that wait, fail, check and prune: what their status says at each step.

use sandbox::faults::{ApplyFault, PodBehaviour, SourceFault};
use sandbox::git::Edit;
use serde_json::json;

use crate::world::{World, condition, manifest, string};

fn running() -> World {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    world.pass(60);
    world
}

fn revision(sha: &str) -> String {
    format!("main@sha1:{sha}")
}

#[test]
fn a_broken_fetch_leaves_everything_green_on_the_old_commit() {
    let mut world = running();
    let before = world.get("GitRepository", "flux-system", "deploy");
    let message = "failed to checkout and determine revision: unable to list remote for \
                   'https://code.tidewater.example/shop/deploy.git': authentication required";
    world.faults.table().sources.insert(
        ("prod".into(), "flux-system/deploy".into()),
        SourceFault {
            reason: "GitOperationFailed".into(),
            message: message.into(),
        },
    );
    let sha = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    world.pass(1200);
    let source = world.get("GitRepository", "flux-system", "deploy");
    let failed = (
        "True".to_owned(),
        "GitOperationFailed".to_owned(),
        message.to_owned(),
    );
    assert_eq!(condition(&source, "FetchFailed"), failed);
    assert_eq!(
        condition(&source, "Ready"),
        ("False".into(), failed.1.clone(), failed.2.clone())
    );
    assert_eq!(condition(&source, "Reconciling").1, "ProgressingWithRetry");
    assert_eq!(condition(&source, "ArtifactInStorage").0, "True");
    assert_eq!(source["status"]["artifact"], before["status"]["artifact"]);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(condition(&kustomization, "Ready").0, "True");
    world.faults.table().sources.clear();
    world.pass(1000);
    let source = world.get("GitRepository", "flux-system", "deploy");
    assert_eq!(source["status"]["artifact"]["revision"], revision(&sha));
    assert_eq!(condition(&source, "FetchFailed"), Default::default());
    assert_eq!(condition(&source, "Ready").0, "True");
    assert!(string(&world.pods("cart")[0]["spec"]["containers"][0]["image"]).ends_with(":2"));
}

#[test]
fn a_branch_that_is_gone_is_named() {
    let mut world = running();
    world.edit("GitRepository", "flux-system", "deploy", |source| {
        source["spec"]["ref"]["branch"] = json!("release")
    });
    world.pass(5);
    let source = world.get("GitRepository", "flux-system", "deploy");
    assert_eq!(
        condition(&source, "Ready").2,
        "failed to checkout and determine revision: unable to clone 'https://code.tidewater.example/shop/deploy.git': \
         couldn't find remote ref \"refs/heads/release\""
    );
    assert_eq!(
        source["status"]["observedGeneration"], 1,
        "a failed run does not observe the generation"
    );
}

#[test]
fn a_missing_path_is_not_even_attempted() {
    let mut world = running();
    let before =
        world.get("Kustomization", "flux-system", "cart")["status"]["lastAttemptedRevision"]
            .clone();
    let moved = [Edit::Remove {
        path: "cart".into(),
    }];
    world
        .git
        .commit("main", "Ada", world.now, "Move", &moved)
        .unwrap();
    world.pass(70);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let (status, reason, message) = condition(&kustomization, "Ready");
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "ArtifactFailed")
    );
    assert!(
        message.starts_with("kustomization path not found: stat /tmp/kustomization-"),
        "{message}"
    );
    assert!(
        message.ends_with("/cart: no such file or directory"),
        "{message}"
    );
    assert_eq!(kustomization["status"]["lastAttemptedRevision"], before);
    assert_eq!(world.pods("cart").len(), 1, "nothing was pruned");
}

#[test]
fn what_does_not_build_is_attempted_and_not_applied() {
    let mut world = running();
    let before =
        world.get("Kustomization", "flux-system", "cart")["status"]["lastAppliedRevision"].clone();
    let sha = world.commit(
        "Break",
        &[(
            "cart/kustomization.yaml",
            "resources: [cart.yaml, gone.yaml]\n".into(),
        )],
    );
    world.pass(70);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let (status, reason, message) = condition(&kustomization, "Ready");
    assert_eq!((status.as_str(), reason.as_str()), ("False", "BuildFailed"));
    assert!(
        message.contains("accumulating resources from 'gone.yaml'"),
        "{message}"
    );
    assert_eq!(
        kustomization["status"]["lastAttemptedRevision"],
        revision(&sha)
    );
    assert_eq!(kustomization["status"]["lastAppliedRevision"], before);
    assert_eq!(
        condition(&kustomization, "Reconciling").1,
        "ProgressingWithRetry"
    );
}

#[test]
fn a_changed_selector_is_immutable() {
    let mut world = running();
    let other = manifest("cart", "2", 1)
        .replace("matchLabels: {app: cart}", "matchLabels: {tier: web}")
        .replace(
            "      labels: {app: cart}",
            "      labels: {app: cart, tier: web}",
        );
    world.commit("Relabel", &[("cart/cart.yaml", other)]);
    world.pass(70);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        condition(&kustomization, "Ready"),
        (
            "False".into(),
            "ReconciliationFailed".into(),
            "Deployment/shop/cart dry-run failed (Invalid): Deployment.apps \"cart\" is invalid: spec.selector: Invalid \
             value: {\"matchLabels\":{\"tier\":\"web\"}}: field is immutable\n"
                .into()
        )
    );
    assert_eq!(
        kustomization["status"]["history"][0]["lastReconciledStatus"],
        "ReconciliationFailed"
    );
    assert!(string(&world.pods("cart")[0]["spec"]["containers"][0]["image"]).ends_with(":1"));
}

#[test]
fn kinds_and_namespaces_that_are_not_there_are_named() {
    let mut world = running();
    world.commit(
        "Gateway",
        &[(
            "cart/route.yaml",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: cart}\n"
                .into(),
        )],
    );
    world.pass(70);
    assert_eq!(
        condition(&world.get("Kustomization", "flux-system", "cart"), "Ready").2,
        "HTTPRoute/shop/cart dry-run failed: no matches for kind \"HTTPRoute\" in version \
         \"gateway.networking.k8s.io/v1\"\n"
    );
    world.kustomization(
        "elsewhere",
        json!({"path": "./cart", "targetNamespace": "nowhere"}),
    );
    world.pass(10);
    assert_eq!(
        condition(
            &world.get("Kustomization", "flux-system", "elsewhere"),
            "Ready"
        )
        .2,
        "Deployment/nowhere/cart not found: namespaces \"nowhere\" not found\n"
    );
}

#[test]
fn an_apply_fault_holds_from_its_commit_on() {
    let mut world = running();
    let first = world.git.head("main").unwrap();
    let second = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    let denial = "Deployment/shop/cart dry-run failed (Forbidden): admission webhook \"policy.example\" denied the request";
    world.faults.table().applies.insert(
        ("prod".into(), "Kustomization/flux-system/cart".into()),
        ApplyFault {
            reason: "ReconciliationFailed".into(),
            message: denial.into(),
            since_commit: Some(second.clone()),
            rolls_back: false,
        },
    );
    world.pass(70);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let (status, reason, message) = condition(&kustomization, "Ready");
    assert_eq!(
        (status.as_str(), reason.as_str(), message.trim()),
        ("False", "ReconciliationFailed", denial)
    );
    assert_eq!(
        kustomization["status"]["lastAttemptedRevision"],
        revision(&second)
    );
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&first)
    );
    assert!(
        world
            .events("Kustomization", "cart")
            .iter()
            .any(|(reason, _)| reason == "ReconciliationFailed")
    );
    world.faults.table().applies.clear();
    world.pass(660);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&second)
    );
}

#[test]
fn dependencies_have_to_be_ready_and_on_the_same_revision() {
    let mut world = running();
    world.kustomization(
        "shop",
        json!({"path": "./cart", "dependsOn": [{"name": "infra"}]}),
    );
    world.pass(5);
    let ready =
        |world: &World| condition(&world.get("Kustomization", "flux-system", "shop"), "Ready");
    assert_eq!(
        ready(&world),
        (
            "False".into(),
            "DependencyNotReady".into(),
            "dependency 'flux-system/infra' not found: kustomizations.kustomize.toolkit.fluxcd.io \"infra\" not found".into()
        )
    );
    world.kustomization("infra", json!({}));
    world.pass(31);
    assert_eq!(
        ready(&world).2,
        "dependency 'flux-system/infra' is not ready"
    );
    assert_eq!(
        world.get("Kustomization", "flux-system", "shop")["status"].get("lastAttemptedRevision"),
        None
    );
    world.commit(
        "Infra",
        &[(
            "infra/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: infra}\n".into(),
        )],
    );
    let mut seen = Vec::new();
    for _ in 0..130 {
        world.pass(1);
        let message = ready(&world).2;
        if seen.last() != Some(&message) {
            seen.push(message);
        }
    }
    assert_eq!(ready(&world).1, "ReconciliationSucceeded", "{seen:?}");
    // A new revision: for a moment the dependency is behind.
    world.edit("Kustomization", "flux-system", "infra", |infra| {
        infra["spec"]["suspend"] = json!(true)
    });
    world.commit(
        "More",
        &[(
            "infra/more.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n".into(),
        )],
    );
    world.pass(70);
    assert_eq!(
        ready(&world).2,
        "dependency 'flux-system/infra' revision is not up to date"
    );
}

#[test]
fn a_suspended_kustomization_keeps_its_last_word() {
    let mut world = running();
    let before = world.get("Kustomization", "flux-system", "cart")["status"].clone();
    world.edit("Kustomization", "flux-system", "cart", |cart| {
        cart["spec"]["suspend"] = json!(true)
    });
    world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    world.pass(1300);
    let mut kept = before;
    kept["observedGeneration"] = json!(2);
    assert_eq!(
        world.get("Kustomization", "flux-system", "cart")["status"],
        kept
    );
    world.edit("Kustomization", "flux-system", "cart", |cart| {
        cart["spec"]["suspend"] = json!(false)
    });
    world.pass(60);
    assert!(string(&world.pods("cart")[0]["spec"]["containers"][0]["image"]).ends_with(":2"));
}

#[test]
fn health_checks_come_after_apply_and_before_last_applied() {
    let mut world = World::new();
    world.image("cart", "1");
    let slow = world.image("cart", "2");
    world.behave(&slow, PodBehaviour::Slow { seconds: 100 });
    let first = world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.source("1m");
    world.kustomization("cart", json!({"wait": true, "timeout": "3m"}));
    world.pass(60);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let (status, reason, message) = condition(&kustomization, "Healthy");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "Succeeded"));
    assert!(message.starts_with("Health check passed in "), "{message}");
    let second = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    world.pass(90);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let running = format!(
        "Running health checks for revision {} with a timeout of 3m0s",
        revision(&second)
    );
    assert_eq!(condition(&kustomization, "Ready").0, "Unknown");
    assert_eq!(
        condition(&kustomization, "Reconciling"),
        ("True".into(), "Progressing".into(), running.clone())
    );
    assert_eq!(
        condition(&kustomization, "Healthy"),
        ("Unknown".into(), "Progressing".into(), running)
    );
    assert_eq!(
        kustomization["status"]["lastAttemptedRevision"],
        revision(&second)
    );
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&first)
    );
    let deployment = world.get("Deployment", "shop", "cart");
    assert!(
        string(&deployment["spec"]["template"]["spec"]["containers"][0]["image"]).ends_with(":2")
    );
    world.pass(100);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&second)
    );
    assert_eq!(
        condition(&kustomization, "Ready").1,
        "ReconciliationSucceeded"
    );
}

#[test]
fn a_failed_health_check_shows_the_old_revision_while_the_new_one_is_live() {
    let mut world = World::new();
    world.image("cart", "1");
    let bad = world.image("cart", "2");
    world.behave(
        &bad,
        PodBehaviour::Crash {
            exit_code: 1,
            log: vec![],
        },
    );
    let first = world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.source("1m");
    world.kustomization("cart", json!({
        "timeout": "2m",
        "healthChecks": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "namespace": "shop"}],
    }));
    world.pass(60);
    let second = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    world.pass(240);
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let culprit = "timeout waiting for: [Deployment/shop/cart status: 'InProgress']";
    assert_eq!(
        condition(&kustomization, "Healthy"),
        ("False".into(), "HealthCheckFailed".into(), culprit.into())
    );
    assert_eq!(
        condition(&kustomization, "Ready"),
        (
            "False".into(),
            "HealthCheckFailed".into(),
            format!("health check failed after 2m0s: {culprit}")
        )
    );
    assert_eq!(
        kustomization["status"]["lastAttemptedRevision"],
        revision(&second)
    );
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&first)
    );
    assert_eq!(
        kustomization["status"]["history"][0]["lastReconciledStatus"],
        "HealthCheckFailed"
    );
    // Past the rollout's deadline the check fails at once.
    world.pass(900);
    let message = condition(
        &world.get("Kustomization", "flux-system", "cart"),
        "Healthy",
    )
    .2;
    assert_eq!(
        message,
        "failed early due to stalled resources: [Deployment/shop/cart status: 'Failed']"
    );
}

#[test]
fn what_leaves_git_is_pruned_and_what_leaves_the_parent_takes_its_own_with_it() {
    let mut world = World::new();
    world.image("cart", "1");
    let child = |name: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 10m\n  path: ./{name}\n  prune: true\n  targetNamespace: shop\n  sourceRef: \
             {{kind: GitRepository, name: deploy}}\n"
        )
    };
    world.commit(
        "One",
        &[
            ("cluster/cart.yaml", child("cart")),
            (
                "cluster/extra.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra, namespace: shop}\n"
                    .into(),
            ),
            ("cart/cart.yaml", manifest("cart", "1", 1)),
        ],
    );
    world.source("1m");
    world.put(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "cluster", "namespace": "flux-system"},
        "spec": {"interval": "10m", "path": "./cluster", "prune": true,
                 "sourceRef": {"kind": "GitRepository", "name": "deploy"}},
    }));
    world.pass(60);
    let parent = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        parent["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"],
        "cluster"
    );
    assert_eq!(world.pods("cart").len(), 1);
    let gone = [Edit::Remove {
        path: "cluster/extra.yaml".into(),
    }];
    world
        .git
        .commit("main", "Ada", world.now, "Less", &gone)
        .unwrap();
    world.pass(70);
    assert!(world.store.get("ConfigMap", "shop", "extra").is_none());
    assert!(
        world
            .events("Kustomization", "cluster")
            .iter()
            .any(|(_, m)| m == "ConfigMap/shop/extra deleted")
    );
    let gone = [
        Edit::Remove {
            path: "cluster/cart.yaml".into(),
        },
        Edit::Write {
            path: "cluster/kustomization.yaml".into(),
            content: "resources: []\n".into(),
        },
    ];
    world
        .git
        .commit("main", "Ada", world.now, "Least", &gone)
        .unwrap();
    world.pass(70);
    assert!(
        world
            .store
            .get("Kustomization", "flux-system", "cart")
            .is_none()
    );
    assert!(world.store.get("Deployment", "shop", "cart").is_none());
    assert_eq!(world.pods("cart").len(), 0);
}

#[test]
fn a_request_is_handled_at_once_and_acknowledged() {
    let mut world = running();
    let sha = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    for (kind, name) in [("GitRepository", "deploy"), ("Kustomization", "cart")] {
        world.edit(kind, "flux-system", name, |object| {
            object["metadata"]["annotations"] = json!({"reconcile.fluxcd.io/requestedAt": "now"});
        });
    }
    world.pass(5);
    for (kind, name) in [("GitRepository", "deploy"), ("Kustomization", "cart")] {
        assert_eq!(
            world.get(kind, "flux-system", name)["status"]["lastHandledReconcileAt"],
            "now",
            "{kind}"
        );
    }
    let kustomization = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        kustomization["status"]["lastAppliedRevision"],
        revision(&sha)
    );
}

#[test]
fn a_webhook_fetches_on_push_and_an_interval_does_not() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.source("1h");
    world.kustomization("cart", json!({}));
    world.pass(60);
    let fetched = |world: &World| {
        string(
            &world.get("GitRepository", "flux-system", "deploy")["status"]["artifact"]["revision"],
        )
    };
    let first = fetched(&world);
    let sha = world.commit("Two", &[("cart/cart.yaml", manifest("cart", "1", 2))]);
    world.pass(600);
    assert_eq!(fetched(&world), first);
    world.pass(3000);
    assert_eq!(fetched(&world), revision(&sha));
    world.controllers.add_webhook("flux-system", "deploy");
    let sha = world.commit("Three", &[("cart/cart.yaml", manifest("cart", "1", 3))]);
    world.pass(1);
    assert_eq!(fetched(&world), revision(&sha));
}

#[test]
fn runs_that_change_nothing_still_count_and_tick() {
    let mut world = running();
    let before = world.get("Kustomization", "flux-system", "cart")["status"].clone();
    world.pass(3000);
    let after = world.get("Kustomization", "flux-system", "cart")["status"].clone();
    let total = |status: &serde_json::Value| {
        status["history"][0]["totalReconciliations"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(total(&after), total(&before) + 5);
    assert_ne!(
        after["history"][0]["lastReconciled"],
        before["history"][0]["lastReconciled"]
    );
    assert_eq!(
        after["history"][0]["firstReconciled"],
        before["history"][0]["firstReconciled"]
    );
    assert_eq!(after["lastAppliedRevision"], before["lastAppliedRevision"]);
}
