//! Controllers that run live: what foreign clients change is seen at once, and an advanced clock is made up for.

use std::time::Duration;

use jiff::SignedDuration;
use sandbox::kubernetes::Store;
use serde_json::{Value, json};

use crate::world::{World, condition, manifest, string};

/// Waits until an object is as wanted, woken by the store's changes; never longer than half a minute.
async fn until(store: &Store, kind: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut changes = store.changes();
    let namespace = if kind == "Deployment" {
        "shop"
    } else {
        "flux-system"
    };
    let wait = async {
        loop {
            if let Some(object) = store.get(kind, namespace, name)
                && wanted(&object)
            {
                return Value::clone(&object);
            }
            changes.recv().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_advanced_clock_is_made_up_for_at_the_moments_that_were_due() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    world.pass(60);
    world.clock.go_live();
    let World {
        clock,
        store,
        git,
        registry: _registry,
        controllers,
        ..
    } = world;
    let task = tokio::spawn(controllers.run());

    let edits = [sandbox::git::Edit::Write {
        path: "cart/cart.yaml".into(),
        content: manifest("cart", "1", 3),
    }];
    let sha = git
        .commit("main", "Ada", clock.now(), "Three", &edits)
        .unwrap();
    clock.advance(SignedDuration::from_mins(30));
    let revision = format!("main@sha1:{sha}");
    let source = until(&store, "GitRepository", "deploy", |source| {
        source["status"]["artifact"]["revision"] == revision
    })
    .await;
    let fetched: jiff::Timestamp = string(&source["status"]["artifact"]["lastUpdateTime"])
        .parse()
        .unwrap();
    let late = clock.now().duration_since(fetched);
    assert!(
        late > SignedDuration::from_mins(25),
        "fetched {late} ago, at its own minute"
    );
    let deployment = until(&store, "Deployment", "cart", |deployment| {
        deployment["status"]["readyReplicas"] == 3
    })
    .await;
    assert_eq!(
        condition(&deployment, "Progressing").1,
        "NewReplicaSetAvailable"
    );
    let pods = store.list("Pod", Some("shop"));
    for pod in &pods {
        let created: jiff::Timestamp = string(&pod["metadata"]["creationTimestamp"])
            .parse()
            .unwrap();
        let ready = pod["status"]["conditions"].as_array().unwrap();
        let ready = ready.iter().find(|c| c["type"] == "Ready").unwrap();
        let ready: jiff::Timestamp = string(&ready["lastTransitionTime"]).parse().unwrap();
        assert!(created <= ready, "created {created}, ready {ready}");
    }
    task.abort();
}

#[tokio::test]
async fn a_request_by_a_foreign_client_is_answered_at_once() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    world.pass(60);
    world.clock.go_live();
    // The company's past was yesterday; what was due since then is done first.
    let World {
        store, controllers, ..
    } = world;
    let task = tokio::spawn(controllers.run());
    store
        .edit("Kustomization", "flux-system", "cart", |object| {
            object["metadata"]["annotations"] =
                json!({"reconcile.fluxcd.io/requestedAt": "please"});
        })
        .unwrap();
    let kustomization = until(&store, "Kustomization", "cart", |object| {
        object["status"]["lastHandledReconcileAt"] == "please"
            && condition(object, "Ready").0 == "True"
    })
    .await;
    assert_eq!(
        condition(&kustomization, "Ready").1,
        "ReconciliationSucceeded"
    );
    task.abort();
}
