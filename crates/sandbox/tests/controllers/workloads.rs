//! Workloads under other hands: deleted pods, scaling, restarts, pauses, StatefulSets and DaemonSets.

use sandbox::faults::PodBehaviour;
use serde_json::{Value, json};

use crate::world::{REGISTRY, World, condition, manifest, string};

fn running() -> World {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 2))]);
    world.flux();
    world.pass(60);
    world
}

fn names(world: &World) -> Vec<String> {
    world
        .pods("cart")
        .iter()
        .map(|pod| string(&pod["metadata"]["name"]))
        .collect()
}

#[test]
fn deleted_pods_come_back_under_other_names() {
    let mut world = running();
    let before = names(&world);
    assert!(world.store.delete("Pod", "shop", &before[0]));
    world.pass(30);
    let after = names(&world);
    assert_eq!(after.len(), 2);
    assert!(!after.contains(&before[0]));
    assert!(after.contains(&before[1]));
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| condition(pod, "Ready").0 == "True")
    );
}

#[test]
fn a_pod_that_is_let_go_serves_no_more_and_is_gone_a_moment_later() {
    let mut world = running();
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["replicas"] = json!(1);
    });
    world.controllers.run_until(world.now);
    let all = world.store.list("Pod", Some("shop"));
    let going: Vec<_> = all
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_string())
        .collect();
    assert_eq!((all.len(), going.len()), (2, 1));
    let slice = &world.store.list("EndpointSlice", Some("shop"))[0];
    let ready = |terminating: bool| {
        let endpoints = slice["endpoints"].as_array().unwrap();
        let found = endpoints
            .iter()
            .find(|e| e["conditions"]["terminating"] == terminating);
        found.unwrap()["conditions"]["ready"].clone()
    };
    assert_eq!((ready(true), ready(false)), (json!(false), json!(true)));
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(deployment["status"]["replicas"], 1);
    world.pass(5);
    assert_eq!(world.store.list("Pod", Some("shop")).len(), 1);
}

#[test]
fn scaling_needs_no_new_replica_set() {
    let mut world = running();
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["replicas"] = json!(5)
    });
    world.pass(30);
    assert_eq!(names(&world).len(), 5);
    assert_eq!(world.store.list("ReplicaSet", Some("shop")).len(), 1);
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["replicas"] = json!(0)
    });
    world.pass(30);
    assert_eq!(names(&world).len(), 0);
    let deployment = world.get("Deployment", "shop", "cart");
    // A nought is left out, as the API server does.
    assert!(deployment["status"]["replicas"].is_null());
    assert_eq!(
        condition(&deployment, "Progressing").1,
        "NewReplicaSetAvailable"
    );
}

#[test]
fn what_flux_owns_is_taken_back_at_the_next_run_and_nothing_else() {
    let mut world = running();
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!(format!("{REGISTRY}/shop/cart:2"));
        deployment["spec"]["minReadySeconds"] = json!(1);
    });
    world.pass(60);
    let image = |world: &World| {
        string(
            &world.get("Deployment", "shop", "cart")["spec"]["template"]["spec"]["containers"][0]["image"],
        )
    };
    assert!(
        image(&world).ends_with(":2"),
        "drift stays until the next run"
    );
    world.pass(600);
    assert!(image(&world).ends_with(":1"));
    assert_eq!(
        world.get("Deployment", "shop", "cart")["spec"]["minReadySeconds"],
        1
    );
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| string(&pod["spec"]["containers"][0]["image"]).ends_with(":1"))
    );
}

#[test]
fn a_restart_rolls_and_survives_flux() {
    let mut world = running();
    let before = names(&world);
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "2026-11-20T12:01:00Z"});
    });
    world.pass(60);
    let after = names(&world);
    assert!(
        before.iter().all(|name| !after.contains(name)),
        "{before:?} {after:?}"
    );
    world.pass(1200);
    assert_eq!(names(&world), after, "the next run must not roll back");
}

#[test]
fn a_paused_deployment_rolls_nothing_until_it_is_resumed() {
    let mut world = running();
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["paused"] = json!(true)
    });
    world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 2))]);
    world.pass(120);
    let deployment = world.get("Deployment", "shop", "cart");
    assert!(
        string(&deployment["spec"]["template"]["spec"]["containers"][0]["image"]).ends_with(":2")
    );
    assert_eq!(
        condition(&deployment, "Progressing"),
        (
            "Unknown".into(),
            "DeploymentPaused".into(),
            "Deployment is paused".into()
        )
    );
    // A nought is left out, as the API server does.
    assert!(deployment["status"]["updatedReplicas"].is_null());
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| string(&pod["spec"]["containers"][0]["image"]).ends_with(":1"))
    );
    world.edit("Deployment", "shop", "cart", |deployment| {
        deployment["spec"]["paused"] = json!(false)
    });
    world.pass(60);
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| string(&pod["spec"]["containers"][0]["image"]).ends_with(":2"))
    );
    assert_eq!(
        condition(&world.get("Deployment", "shop", "cart"), "Progressing").1,
        "NewReplicaSetAvailable"
    );
}

#[test]
fn rolling_back_takes_the_old_replica_set_again() {
    let mut world = running();
    world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 2))]);
    world.pass(120);
    world.commit("Back", &[("cart/cart.yaml", manifest("cart", "1", 2))]);
    world.pass(120);
    assert_eq!(world.store.list("ReplicaSet", Some("shop")).len(), 2);
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| string(&pod["spec"]["containers"][0]["image"]).ends_with(":1"))
    );
}

#[test]
fn recreate_stops_all_before_it_starts_any() {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    let recreate = |tag| {
        manifest("cart", tag, 2).replace(
            "  replicas: 2",
            "  strategy: {type: Recreate}\n  replicas: 2",
        )
    };
    world.commit("One", &[("cart/cart.yaml", recreate("1"))]);
    world.flux();
    world.pass(60);
    world.commit("Two", &[("cart/cart.yaml", recreate("2"))]);
    for _ in 0..100 {
        world.pass(1);
        // Those that are still ending count too.
        let tags: std::collections::BTreeSet<String> = world
            .store
            .list("Pod", Some("shop"))
            .iter()
            .map(|pod| string(&pod["spec"]["containers"][0]["image"]))
            .collect();
        assert!(tags.len() <= 1, "{tags:?}");
    }
    assert!(
        world
            .pods("cart")
            .iter()
            .all(|pod| string(&pod["spec"]["containers"][0]["image"]).ends_with(":2"))
    );
}

fn stateful(tag: &str) -> String {
    manifest("cart", tag, 3)
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("  replicas: 3", "  serviceName: cart\n  replicas: 3")
}

#[test]
fn a_stateful_set_is_made_in_order_and_replaced_from_the_end() {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    world.commit("One", &[("cart/cart.yaml", stateful("1"))]);
    world.flux();
    let mut seen = Vec::new();
    for _ in 0..90 {
        world.pass(1);
        for name in names(&world) {
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
    }
    assert_eq!(seen, ["cart-0", "cart-1", "cart-2"]);
    let set = world.get("StatefulSet", "shop", "cart");
    assert_eq!(set["status"]["readyReplicas"], 3);
    assert_eq!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
    let old = set["status"]["updateRevision"].clone();
    world.commit("Two", &[("cart/cart.yaml", stateful("2"))]);
    let mut replaced: Vec<String> = Vec::new();
    for _ in 0..150 {
        world.pass(1);
        for pod in world.pods("cart") {
            let name = string(&pod["metadata"]["name"]);
            if pod["metadata"]["labels"]["controller-revision-hash"] != old
                && !replaced.contains(&name)
            {
                replaced.push(name);
            }
        }
    }
    assert_eq!(replaced, ["cart-2", "cart-1", "cart-0"]);
    let set = world.get("StatefulSet", "shop", "cart");
    assert_eq!(set["status"]["updatedReplicas"], 3);
    assert_eq!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
}

#[test]
fn a_stateful_set_does_not_replace_the_pod_that_never_got_ready() {
    let mut world = World::new();
    world.image("cart", "1");
    let bad = world.image("cart", "2");
    world.behave(
        &bad,
        PodBehaviour::Unready {
            probe: "Readiness probe failed".into(),
            log: vec![],
        },
    );
    world.commit("One", &[("cart/cart.yaml", stateful("1"))]);
    world.flux();
    world.pass(120);
    world.commit("Two", &[("cart/cart.yaml", stateful("2"))]);
    world.pass(120);
    let tags = |world: &World| -> Vec<String> {
        let tag = |pod: &Value| {
            string(&pod["spec"]["containers"][0]["image"])
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned()
        };
        world.pods("cart").iter().map(tag).collect()
    };
    assert_eq!(tags(&world), ["1", "1", "2"]);
    world.commit("Back", &[("cart/cart.yaml", stateful("1"))]);
    world.pass(300);
    assert_eq!(tags(&world), ["1", "1", "2"], "the trap of OrderedReady");
    world.store.delete("Pod", "shop", "cart-2");
    world.pass(60);
    assert_eq!(tags(&world), ["1", "1", "1"]);
}

#[test]
fn a_daemon_set_has_a_pod_on_every_node_and_follows_them() {
    let mut world = World::new();
    world.image("cart", "1");
    world.image("cart", "2");
    let daemon = |tag| {
        manifest("cart", tag, 1)
            .replace("kind: Deployment", "kind: DaemonSet")
            .replace("  replicas: 1\n", "")
    };
    world.commit("One", &[("cart/cart.yaml", daemon("1"))]);
    world.flux();
    world.pass(60);
    let set = world.get("DaemonSet", "shop", "cart");
    assert_eq!(set["status"]["desiredNumberScheduled"], 2);
    assert_eq!(set["status"]["numberReady"], 2);
    world.put(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-3"}, "spec": {}}),
    );
    world.pass(30);
    assert_eq!(
        world.get("DaemonSet", "shop", "cart")["status"]["numberReady"],
        3
    );
    world.commit("Two", &[("cart/cart.yaml", daemon("2"))]);
    world.pass(180);
    let set = world.get("DaemonSet", "shop", "cart");
    assert_eq!(set["status"]["updatedNumberScheduled"], 3);
    let nodes: std::collections::BTreeSet<String> = world
        .pods("cart")
        .iter()
        .map(|pod| string(&pod["spec"]["nodeName"]))
        .collect();
    assert_eq!(nodes.len(), 3);
}

#[test]
fn a_service_that_selects_nothing_has_an_empty_slice() {
    let mut world = running();
    world.edit("Service", "shop", "cart", |service| {
        service["spec"]["selector"] = json!({"app": "basket"})
    });
    world.pass(5);
    let slices = world.store.list("EndpointSlice", Some("shop"));
    assert_eq!(slices[0]["endpoints"], json!([]));
}

/// A Job as a CronJob's template makes one.
fn job(world: &World, name: &str) {
    world.put(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"backoffLimit": 1, "template": {
            "metadata": {"labels": {"app": "resend"}},
            "spec": {"restartPolicy": "Never",
                "containers": [{"name": "resend", "image": format!("{REGISTRY}/shop/cart:1")}]}}},
    }));
}

#[test]
fn a_job_runs_to_its_end_and_goes_with_its_pods() {
    let mut world = running();
    job(&world, "resend-1");
    world.controllers.run_until(world.now);
    let begun = world.get("Job", "shop", "resend-1");
    assert_eq!(begun["status"]["active"], 1, "{begun}");
    assert_eq!(condition(&begun, "Complete").0, "");
    world.pass(60);
    let done = world.get("Job", "shop", "resend-1");
    assert_eq!(condition(&done, "Complete").0, "True", "{done}");
    assert_eq!(done["status"]["succeeded"], 1);
    assert!(done["status"]["active"].is_null() && done["status"]["completionTime"].is_string());
    let pods = world.pods("resend");
    assert_eq!(pods.len(), 1, "it is not run again");
    assert_eq!(pods[0]["status"]["phase"], "Succeeded");
    assert_eq!(pods[0]["metadata"]["labels"]["job-name"], "resend-1");
    assert_eq!(condition(&pods[0], "Ready").1, "PodCompleted");
    assert!(world.store.delete("Job", "shop", "resend-1"));
    assert!(world.pods("resend").is_empty());
}

#[test]
fn a_job_that_fails_is_tried_as_often_as_it_says() {
    let mut world = running();
    let digest = world.image("cart", "1");
    let crash = PodBehaviour::Crash {
        exit_code: 3,
        log: vec!["no".to_owned()],
    };
    world.behave(&digest, crash);
    job(&world, "resend-2");
    world.pass(120);
    let failed = world.get("Job", "shop", "resend-2");
    assert_eq!(condition(&failed, "Failed").1, "BackoffLimitExceeded");
    assert_eq!(failed["status"]["failed"], 2);
    assert_eq!(world.pods("resend").len(), 2);
}

#[test]
fn a_suspended_job_waits() {
    let mut world = running();
    job(&world, "resend-3");
    world.edit("Job", "shop", "resend-3", |job| {
        job["spec"]["suspend"] = json!(true);
    });
    world.pass(60);
    assert!(world.pods("resend").is_empty());
    world.edit("Job", "shop", "resend-3", |job| {
        job["spec"]["suspend"] = json!(false);
    });
    world.pass(60);
    let done = world.get("Job", "shop", "resend-3");
    assert_eq!(condition(&done, "Complete").0, "True");
}
