//! Sources other than a Git branch, several clusters, and the same history twice.

use sandbox::controllers::{Artifact, Controllers, run_together};
use sandbox::faults::{ApplyFault, SourceFault};
use sandbox::kubernetes::Store;
use serde_json::{Value, json};

use crate::world::{HOST, REGISTRY, World, condition, manifest, string};

#[test]
fn an_oci_artifact_carries_its_origin_to_what_is_applied() {
    let mut world = World::new();
    world.image("cart", "1");
    let sha = world.commit(
        "One",
        &[("deploy/cart/cart.yaml", manifest("cart", "1", 1))],
    );
    let url = "oci://registry.tidewater.example/manifests/deploy";
    let origin = format!("main@sha1:{sha}");
    world.shelf.publish_artifact(
        url,
        "latest",
        Artifact {
            repository: "shop/deploy".into(),
            commit: sha,
            folder: "deploy".into(),
            source: format!("https://{HOST}/shop/deploy"),
            revision: origin.clone(),
        },
    );
    world.put(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
        "metadata": {"name": "deploy", "namespace": "flux-system"},
        "spec": {"interval": "1m", "url": url},
    }));
    world.kustomization(
        "cart",
        json!({"sourceRef": {"kind": "OCIRepository", "name": "deploy"}}),
    );
    world.pass(60);
    let source = world.get("OCIRepository", "flux-system", "deploy");
    let artifact = &source["status"]["artifact"];
    let revision = string(&artifact["revision"]);
    assert!(revision.starts_with("latest@sha256:"), "{revision}");
    assert_eq!(
        condition(&source, "Ready").2,
        format!("stored artifact for digest '{revision}'")
    );
    assert_eq!(
        artifact["metadata"]["org.opencontainers.image.revision"],
        origin
    );
    let status = world.get("Kustomization", "flux-system", "cart")["status"].clone();
    assert_eq!(status["lastAppliedRevision"], revision);
    assert_eq!(status["lastAppliedOriginRevision"], origin);
    assert_eq!(status["history"][0]["metadata"]["originRevision"], origin);
    assert_eq!(world.pods("cart").len(), 1);
}

#[test]
fn a_tag_or_range_is_followed() {
    let mut world = World::new();
    let first = world.commit("One", &[("a", "1".into())]);
    world.git.tag("v1.0.0", &first).unwrap();
    let second = world.commit("Two", &[("a", "2".into())]);
    world.git.tag("v1.2.0", &second).unwrap();
    let third = world.commit("Three", &[("a", "3".into())]);
    world.git.tag("v2.0.0", &third).unwrap();
    for (reference, revision) in [
        (json!({"tag": "v1.0.0"}), format!("v1.0.0@sha1:{first}")),
        (json!({"semver": "1.x"}), format!("v1.2.0@sha1:{second}")),
        (
            json!({"name": "refs/heads/main"}),
            format!("refs/heads/main@sha1:{third}"),
        ),
        (json!({"commit": first}), format!("sha1:{first}")),
    ] {
        world.source("1m");
        world.edit("GitRepository", "flux-system", "deploy", |source| {
            source["spec"]["ref"] = reference.clone();
        });
        world.pass(5);
        let source = world.get("GitRepository", "flux-system", "deploy");
        assert_eq!(
            source["status"]["artifact"]["revision"], revision,
            "{reference}"
        );
    }
}

#[test]
fn an_idle_kustomization_notices_at_its_interval_that_its_dependency_failed() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit(
        "One",
        &[
            ("cart/cart.yaml", manifest("cart", "1", 1)),
            (
                "infra/c.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n".into(),
            ),
        ],
    );
    world.source("1m");
    world.kustomization("infra", json!({}));
    world.kustomization(
        "cart",
        json!({"interval": "1h", "dependsOn": [{"name": "infra"}]}),
    );
    world.pass(120);
    world.faults.table().applies.insert(
        ("prod".into(), "Kustomization/flux-system/infra".into()),
        ApplyFault {
            reason: "ReconciliationFailed".into(),
            message: "no".into(),
            since_commit: None,
            rolls_back: false,
        },
    );
    let ready =
        |world: &World| condition(&world.get("Kustomization", "flux-system", "cart"), "Ready");
    world.pass(1800);
    assert_eq!(
        condition(&world.get("Kustomization", "flux-system", "infra"), "Ready").0,
        "False"
    );
    assert_eq!(ready(&world).0, "True", "nobody has looked yet");
    world.pass(1900);
    assert_eq!(
        ready(&world).2,
        "dependency 'flux-system/infra' is not ready"
    );
}

#[test]
fn suspending_a_source_that_fails_keeps_its_words() {
    let mut world = World::new();
    world.commit("One", &[("a", "1".into())]);
    world.source("1m");
    world.pass(10);
    world.faults.table().sources.insert(
        ("prod".into(), "flux-system/deploy".into()),
        SourceFault {
            reason: "AuthenticationFailed".into(),
            message: "failed to get secret 'flux-system/key'".into(),
        },
    );
    world.pass(120);
    let before = condition(
        &world.get("GitRepository", "flux-system", "deploy"),
        "Ready",
    );
    assert_eq!(before.1, "AuthenticationFailed");
    world.edit("GitRepository", "flux-system", "deploy", |source| {
        source["spec"]["suspend"] = json!(true);
    });
    world.faults.table().sources.clear();
    world.pass(3600);
    assert_eq!(
        condition(
            &world.get("GitRepository", "flux-system", "deploy"),
            "Ready"
        ),
        before
    );
}

#[test]
fn two_clusters_are_played_together_and_neither_sees_the_others_future() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    for (kind, spec) in [
        (
            "ImageRepository",
            json!({"interval": "1m", "image": format!("{REGISTRY}/shop/cart")}),
        ),
        (
            "ImagePolicy",
            json!({"imageRepositoryRef": {"name": "cart"}, "policy": {"numerical": {"order": "asc"}}}),
        ),
        (
            "ImageUpdateAutomation",
            json!({
                "interval": "7m", "sourceRef": {"kind": "GitRepository", "name": "deploy"},
                "git": {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "f@x.example"}}},
                "update": {"path": "./cart", "strategy": "Setters"},
            }),
        ),
    ] {
        world.put(json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind,
            "metadata": {"name": "cart", "namespace": "flux-system"}, "spec": spec,
        }));
    }
    let other = Store::new("stage", world.clock.clone());
    for object in ["Namespace", "Node", "GitRepository", "Kustomization"] {
        for object in world.store.list(object, None) {
            other.apply(Value::clone(&object)).unwrap();
        }
    }
    let mut stage = Controllers::new(
        other.clone(),
        world.code.clone(),
        HOST,
        world.registry.clone(),
        REGISTRY,
        world.faults.clone(),
        world.clock.clone(),
        7,
    );
    let mut play = |world: &mut World, seconds: i64| {
        world.now += jiff::SignedDuration::from_secs(seconds);
        world.clock.play(world.now);
        run_together(&mut [&mut stage, &mut world.controllers], world.now);
    };
    play(&mut world, 100);
    world.image("cart", "2");
    play(&mut world, 3600);
    let pushed = string(
        &world.get("ImageUpdateAutomation", "flux-system", "cart")["status"]["lastPushTime"],
    );
    let source = other.get("GitRepository", "flux-system", "deploy").unwrap();
    let fetched = string(&source["status"]["artifact"]["lastUpdateTime"]);
    assert!(!pushed.is_empty());
    assert!(fetched >= pushed, "pushed {pushed}, fetched {fetched}");
    let deployment = other.get("Deployment", "shop", "cart").unwrap();
    assert!(
        string(&deployment["spec"]["template"]["spec"]["containers"][0]["image"]).ends_with(":2")
    );
}

#[test]
fn the_same_history_gives_the_same_objects() {
    let play = || {
        let mut world = World::new();
        world.image("cart", "1");
        world.image("cart", "2");
        world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 3))]);
        world.flux();
        world.pass(100);
        world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 3))]);
        world.pass(1000);
        let mut all = Vec::new();
        for kind in [
            "Pod",
            "ReplicaSet",
            "Deployment",
            "EndpointSlice",
            "Kustomization",
            "GitRepository",
            "Event",
        ] {
            for object in world.store.list(kind, None) {
                let mut object = Value::clone(&object);
                // Versions begin with real time, so that a restarted cluster never reuses them.
                object["metadata"]
                    .as_object_mut()
                    .unwrap()
                    .remove("resourceVersion");
                if let Some(involved) = object.get_mut("involvedObject") {
                    involved.as_object_mut().unwrap().remove("resourceVersion");
                }
                all.push(object);
            }
        }
        all
    };
    let (one, two) = (play(), play());
    assert!(one.len() > 20);
    for (left, right) in one.iter().zip(&two) {
        assert_eq!(left, right);
    }
    assert_eq!(one.len(), two.len());
}
