//! HelmReleases: installs, upgrades, failures with and without remediation, and charts that do not exist.

use sandbox::controllers::Chart;
use sandbox::faults::{ApplyFault, PodBehaviour};
use serde_json::{Value, json};

use crate::world::{REGISTRY, World, condition, string};

fn publish(world: &World, version: &str) {
    world.shelf.publish_chart(
        "https://charts.tidewater.example",
        Chart {
            name: "service".into(),
            version: version.into(),
            app_version: "1".into(),
        },
    );
}

fn release(world: &World, tag: &str, extra: Value) {
    let mut spec = json!({
        "interval": "10m",
        "chart": {"spec": {"chart": "service", "version": "1.x",
                           "sourceRef": {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}}},
        "values": {"image": {"repository": format!("{REGISTRY}/shop/cart"), "tag": tag}, "replicas": 1},
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    world.put(json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "cart", "namespace": "shop"}, "spec": spec,
    }));
}

/// Version 1 is installed from chart 1.0.0.
fn installed(extra: Value) -> World {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    publish(&world, "1.0.0");
    world.put(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
        "metadata": {"name": "charts", "namespace": "flux-system"},
        "spec": {"interval": "5m", "url": "https://charts.tidewater.example"},
    }));
    release(&world, "1", extra);
    world.pass(60);
    world
}

fn get(world: &World) -> Value {
    world.get("HelmRelease", "shop", "cart")
}

fn image(world: &World) -> String {
    string(
        &world.get("Deployment", "shop", "cart")["spec"]["template"]["spec"]["containers"][0]["image"],
    )
}

fn fail_upgrades(world: &World, rolls_back: bool) {
    world.faults.table().applies.insert(
        ("prod".into(), "HelmRelease/shop/cart".into()),
        ApplyFault {
            reason: "UpgradeFailed".into(),
            message: "failed pre-install: job migrate failed: BackoffLimitExceeded".into(),
            since_commit: None,
            rolls_back,
        },
    );
}

#[test]
fn a_release_is_installed_and_upgraded() {
    let mut world = installed(json!({}));
    let hr = get(&world);
    let succeeded = "Helm install succeeded for release shop/cart.v1 with chart service@1.0.0";
    for kind in ["Ready", "Released"] {
        assert_eq!(
            condition(&hr, kind),
            ("True".into(), "InstallSucceeded".into(), succeeded.into())
        );
    }
    assert_eq!(hr["status"]["helmChart"], "flux-system/shop-cart");
    assert_eq!(hr["status"]["observedGeneration"], 1);
    assert_eq!(hr["status"]["lastAttemptedRevision"], "1.0.0");
    let release = &hr["status"]["history"][0];
    assert_eq!(
        (&release["version"], &release["status"]),
        (&json!(1), &json!("deployed"))
    );
    assert_eq!(release["chartVersion"], "1.0.0");
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(
        deployment["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"],
        "cart"
    );
    assert_eq!(
        deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "Helm"
    );
    assert_eq!(deployment["status"]["readyReplicas"], 1);
    let chart = world.get("HelmChart", "flux-system", "shop-cart");
    assert_eq!(
        condition(&chart, "Ready"),
        (
            "True".into(),
            "ChartPullSucceeded".into(),
            "pulled 'service' chart with version '1.0.0'".into()
        )
    );

    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["values"]["image"]["tag"] = json!("2")
    });
    world.pass(60);
    let hr = get(&world);
    assert_eq!(
        condition(&hr, "Ready").2,
        "Helm upgrade succeeded for release shop/cart.v2 with chart service@1.0.0"
    );
    let history = hr["status"]["history"].as_array().unwrap();
    assert_eq!(
        (&history[0]["version"], &history[0]["status"]),
        (&json!(2), &json!("deployed"))
    );
    assert_eq!(
        (&history[1]["version"], &history[1]["status"]),
        (&json!(1), &json!("superseded"))
    );
    assert!(image(&world).ends_with(":2"));

    publish(&world, "1.1.0");
    publish(&world, "2.0.0");
    world.pass(700);
    assert_eq!(get(&world)["status"]["history"][0]["chartVersion"], "1.1.0");
}

#[test]
fn a_chart_version_that_nobody_published_is_said_by_chart_and_release() {
    let mut world = installed(json!({}));
    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["chart"]["spec"]["version"] = json!("9.x")
    });
    world.pass(60);
    let chart = world.get("HelmChart", "flux-system", "shop-cart");
    let message = "invalid chart reference: failed to get chart version for remote reference: no 'service' chart with \
                   version matching '9.x' found";
    assert_eq!(
        condition(&chart, "FetchFailed"),
        (
            "True".into(),
            "InvalidChartReference".into(),
            message.into()
        )
    );
    assert_eq!(condition(&chart, "Ready").0, "False");
    assert_eq!(condition(&chart, "Stalled").0, "True");
    let hr = get(&world);
    assert_eq!(
        condition(&hr, "Ready"),
        (
            "False".into(),
            "SourceNotReady".into(),
            format!("HelmChart 'flux-system/shop-cart' is not ready: {message}")
        )
    );
    assert_eq!(hr["status"]["history"][0]["status"], "deployed");
    publish(&world, "9.0.1");
    world.pass(400);
    assert_eq!(get(&world)["status"]["history"][0]["chartVersion"], "9.0.1");
}

#[test]
fn a_failed_upgrade_without_retries_is_terminal() {
    let mut world = installed(json!({}));
    fail_upgrades(&world, false);
    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["values"]["image"]["tag"] = json!("2")
    });
    world.pass(60);
    let hr = get(&world);
    let failed = "Helm upgrade failed for release shop/cart with chart service@1.0.0: failed pre-install: job migrate \
                  failed: BackoffLimitExceeded";
    for (kind, status) in [("Ready", "False"), ("Released", "False")] {
        assert_eq!(
            condition(&hr, kind),
            (status.into(), "UpgradeFailed".into(), failed.into())
        );
    }
    assert_eq!(
        condition(&hr, "Stalled"),
        (
            "True".into(),
            "RetriesExceeded".into(),
            "Failed to upgrade after 1 attempt(s)".into()
        )
    );
    assert_eq!(hr["status"]["upgradeFailures"], 1);
    assert_eq!(hr["status"]["history"][0]["status"], "failed");
    assert!(image(&world).ends_with(":1"));
    assert!(
        world
            .events("HelmRelease", "cart")
            .iter()
            .any(|(reason, message)| {
                reason == "UpgradeFailed" && message.contains("Last Helm logs:\n\n")
            })
    );
    // Nothing but a change tries again, even though the cause is gone.
    world.faults.table().applies.clear();
    world.pass(1500);
    assert_eq!(condition(&get(&world), "Stalled").1, "RetriesExceeded");
    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["values"]["port"] = json!(9090)
    });
    world.pass(60);
    let hr = get(&world);
    assert_eq!(condition(&hr, "Ready").1, "UpgradeSucceeded");
    assert_eq!(condition(&hr, "Stalled"), Default::default());
    assert!(image(&world).ends_with(":2"));
}

#[test]
fn a_failed_upgrade_with_remediation_says_that_the_rollback_succeeded() {
    let mut world = installed(json!({}));
    fail_upgrades(&world, true);
    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["values"]["image"]["tag"] = json!("2")
    });
    world.pass(90);
    let hr = get(&world);
    let back = "Helm rollback to previous release shop/cart.v1 with chart service@1.0.0 succeeded";
    assert_eq!(
        condition(&hr, "Ready"),
        ("False".into(), "RollbackSucceeded".into(), back.into())
    );
    assert_eq!(
        condition(&hr, "Remediated"),
        ("True".into(), "RollbackSucceeded".into(), back.into())
    );
    assert_eq!(condition(&hr, "Released").1, "UpgradeFailed");
    assert_eq!(condition(&hr, "Stalled").1, "RetriesExceeded");
    let history = hr["status"]["history"].as_array().unwrap();
    let states: Vec<_> = history
        .iter()
        .map(|r| (r["version"].as_i64().unwrap(), string(&r["status"])))
        .collect();
    assert_eq!(
        states,
        [
            (3, "deployed".into()),
            (2, "failed".into()),
            (1, "superseded".into())
        ]
    );
    assert_eq!(history[0]["action"], "rollback");
    assert!(image(&world).ends_with(":1"));
}

#[test]
fn pods_that_never_get_ready_time_an_upgrade_out_and_a_rollback_brings_the_old_ones_back() {
    let mut world = installed(json!({"timeout": "2m", "upgrade": {"remediation": {"retries": 1}}}));
    let bad = world.image("cart", "2");
    world.behave(
        &bad,
        PodBehaviour::Crash {
            exit_code: 1,
            log: vec![],
        },
    );
    world.edit("HelmRelease", "shop", "cart", |hr| {
        hr["spec"]["values"]["image"]["tag"] = json!("2")
    });
    world.pass(90);
    let hr = get(&world);
    assert_eq!(
        condition(&hr, "Ready"),
        (
            "Unknown".into(),
            "Progressing".into(),
            "Running 'upgrade' action with timeout of 2m0s".into()
        )
    );
    assert!(image(&world).ends_with(":2"));
    world.pass(600);
    let hr = get(&world);
    assert_eq!(condition(&hr, "Ready").1, "RollbackSucceeded");
    assert_eq!(
        condition(&hr, "Released").2,
        "Helm upgrade failed for release shop/cart with chart service@1.0.0: timeout waiting for: [Deployment/shop/cart \
         status: 'InProgress']"
    );
    assert_eq!(hr["status"]["upgradeFailures"], 2);
    assert_eq!(
        condition(&hr, "Stalled").2,
        "Failed to upgrade after 2 attempt(s)"
    );
    assert!(image(&world).ends_with(":1"));
}

#[test]
fn values_that_cannot_be_found_are_named() {
    let mut world = installed(json!({"valuesFrom": [{"kind": "Secret", "name": "cart-values"}]}));
    let hr = get(&world);
    assert_eq!(
        condition(&hr, "Ready"),
        (
            "False".into(),
            "ValuesError".into(),
            "could not resolve Secret chart values reference 'shop/cart-values' with key 'values.yaml': secrets \
             \"cart-values\" not found"
                .into()
        )
    );
    assert!(world.store.get("Deployment", "shop", "cart").is_none());
    world.pass(1);
}

#[test]
fn a_chart_in_git_is_packaged() {
    let mut world = World::new();
    world.image("cart", "1");
    world.source("1m");
    world.commit(
        "Chart",
        &[(
            "charts/service/Chart.yaml",
            "name: service\nversion: 0.3.0\nappVersion: '1'\n".into(),
        )],
    );
    release(
        &world,
        "1",
        json!({"chart": {"spec": {"chart": "./charts/service",
        "sourceRef": {"kind": "GitRepository", "name": "deploy", "namespace": "flux-system"}}}}),
    );
    world.pass(60);
    let chart = world.get("HelmChart", "flux-system", "shop-cart");
    assert_eq!(
        condition(&chart, "Ready").2,
        "packaged 'service' chart with version '0.3.0'"
    );
    assert!(string(&chart["status"]["observedSourceArtifactRevision"]).starts_with("main@sha1:"));
    assert_eq!(get(&world)["status"]["history"][0]["chartVersion"], "0.3.0");
}
