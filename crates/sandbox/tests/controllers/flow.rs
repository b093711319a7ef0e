//! What goes well: from a commit to ready pods, again and again.

use serde_json::json;

use crate::world::{World, condition, manifest, string};

#[test]
fn a_push_reaches_ready_pods() {
    let mut world = World::new();
    let digest = world.image("cart", "1");
    let sha = world.commit("Add cart", &[("cart/cart.yaml", manifest("cart", "1", 2))]);
    world.flux();
    world.pass(60);

    let source = world.get("GitRepository", "flux-system", "deploy");
    let revision = format!("main@sha1:{sha}");
    assert_eq!(source["status"]["artifact"]["revision"], revision);
    assert_eq!(
        condition(&source, "Ready"),
        (
            "True".into(),
            "Succeeded".into(),
            format!("stored artifact for revision '{revision}'")
        )
    );
    assert!(world.events("GitRepository", "deploy").contains(&(
        "NewArtifact".into(),
        "stored artifact for commit 'Add cart'".into()
    )));

    let kustomization = world.get("Kustomization", "flux-system", "cart");
    let status = &kustomization["status"];
    assert_eq!(status["lastAttemptedRevision"], revision);
    assert_eq!(status["lastAppliedRevision"], revision);
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(
        condition(&kustomization, "Ready"),
        (
            "True".into(),
            "ReconciliationSucceeded".into(),
            format!("Applied revision: {revision}")
        )
    );
    // Nothing was asked to be verified: applied is all that Ready says.
    assert_eq!(condition(&kustomization, "Healthy"), Default::default());
    assert_eq!(condition(&kustomization, "Reconciling"), Default::default());
    assert_eq!(
        status["inventory"]["entries"],
        json!([{"id": "shop_cart_apps_Deployment", "v": "v1"}, {"id": "shop_cart__Service", "v": "v1"}])
    );
    assert_eq!(
        status["history"][0]["lastReconciledStatus"],
        "ReconciliationSucceeded"
    );

    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(
        deployment["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"],
        "cart"
    );
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let counts = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ];
    for field in counts {
        assert_eq!(deployment["status"][field], 2, "{field}");
    }
    assert_eq!(
        condition(&deployment, "Progressing").1,
        "NewReplicaSetAvailable"
    );
    assert_eq!(condition(&deployment, "Available").0, "True");

    let pods = world.pods("cart");
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        assert_eq!(pod["status"]["phase"], "Running");
        assert_eq!(condition(pod, "Ready").0, "True");
        let container = &pod["status"]["containerStatuses"][0];
        assert_eq!(
            container["imageID"],
            format!("registry.tidewater.example/shop/cart@{digest}")
        );
        assert_eq!(container["ready"], true);
        assert!(container["state"]["running"]["startedAt"].is_string());
    }
    let slices = world.store.list("EndpointSlice", Some("shop"));
    assert_eq!(slices.len(), 1);
    assert_eq!(
        slices[0]["metadata"]["labels"]["kubernetes.io/service-name"],
        "cart"
    );
    let endpoints = slices[0]["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 2);
    assert!(
        endpoints
            .iter()
            .all(|endpoint| endpoint["conditions"]["ready"] == true)
    );
}

#[test]
fn a_second_commit_rolls_and_keeps_enough_pods() {
    let mut world = World::new();
    world.image("cart", "1");
    let second = world.image("cart", "2");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 4))]);
    world.flux();
    world.pass(60);
    world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 4))]);
    let mut fewest = 4;
    for _ in 0..120 {
        world.pass(1);
        let ready = world.get("Deployment", "shop", "cart")["status"]["availableReplicas"]
            .as_u64()
            .unwrap();
        fewest = fewest.min(ready);
    }
    assert!(
        fewest >= 3,
        "a quarter of four may be missing, {fewest} were there"
    );
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    assert_eq!(deployment["status"]["replicas"], 4);
    assert_eq!(deployment["status"]["updatedReplicas"], 4);
    for pod in world.pods("cart") {
        assert!(string(&pod["status"]["containerStatuses"][0]["imageID"]).ends_with(&second));
    }
    let sets = world.store.list("ReplicaSet", Some("shop"));
    assert_eq!(sets.len(), 2);
    let wanted: Vec<_> = sets
        .iter()
        .map(|set| set["spec"]["replicas"].as_u64().unwrap())
        .collect();
    assert!(wanted.contains(&4) && wanted.contains(&0));
}

#[test]
fn a_commit_elsewhere_leaves_the_digest_of_what_was_built() {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    world.pass(60);
    let before = world.get("Kustomization", "flux-system", "cart");
    let sha = world.commit("Docs", &[("README.md", "hello".into())]);
    world.pass(70);
    let after = world.get("Kustomization", "flux-system", "cart");
    assert_eq!(
        after["status"]["lastAppliedRevision"],
        format!("main@sha1:{sha}")
    );
    assert_eq!(after["status"]["history"].as_array().unwrap().len(), 1);
    assert_eq!(
        after["status"]["history"][0]["digest"],
        before["status"]["history"][0]["digest"]
    );
    assert_eq!(after["status"]["history"][0]["totalReconciliations"], 2);
}
