//! Pods that don't get ready, and what their workloads say about it.

use sandbox::faults::PodBehaviour;
use serde_json::{Value, json};

use crate::world::{World, condition, manifest, string};

/// A world where version 1 of cart runs; version 2 has this behaviour and was just committed.
fn broken(behaviour: impl FnOnce(&World) -> Option<PodBehaviour>) -> World {
    let mut world = World::new();
    world.image("cart", "1");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1", 1))]);
    world.flux();
    world.pass(60);
    if let Some(behaviour) = behaviour(&world) {
        let digest = world.image("cart", "2");
        world.behave(&digest, behaviour);
    }
    world.commit("Two", &[("cart/cart.yaml", manifest("cart", "2", 1))]);
    world
}

/// The pod of version 2, and that of version 1, which has to go on serving.
fn new_and_old(world: &World) -> (Value, Value) {
    let pods = world.pods("cart");
    assert_eq!(pods.len(), 2, "{pods:#?}");
    let is_new = |pod: &Value| string(&pod["spec"]["containers"][0]["image"]).ends_with(":2");
    let new = pods.iter().find(|pod| is_new(pod)).unwrap();
    let old = pods.iter().find(|pod| !is_new(pod)).unwrap();
    assert_eq!(condition(old, "Ready").0, "True");
    assert_ne!(condition(new, "Ready").0, "True");
    (new.clone(), old.clone())
}

#[test]
fn a_crash_backs_off_longer_and_longer_and_keeps_its_last_end() {
    let log = vec!["panic: DATABASE_URL is not set".to_owned()];
    let mut world = broken(|_| {
        Some(PodBehaviour::Crash {
            exit_code: 2,
            log: log.clone(),
        })
    });
    world.pass(90);
    let (pod, _) = new_and_old(&world);
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
    let name = string(&pod["metadata"]["name"]);
    let message = string(&container["state"]["waiting"]["message"]);
    assert!(
        message.starts_with("back-off ")
            && message.contains(&format!(
                "restarting failed container=cart pod={name}_shop("
            )),
        "{message}"
    );
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 2);
    assert_eq!(container["lastState"]["terminated"]["reason"], "Error");
    let restarts = container["restartCount"].as_u64().unwrap();
    assert!(restarts >= 1);
    assert_eq!(pod["status"]["phase"], "Running");
    assert!(
        world
            .events("Pod", &name)
            .iter()
            .any(|(reason, _)| reason == "BackOff")
    );
    for previous in [false, true] {
        let lines = world.store.log("shop", &name, "cart", previous).unwrap();
        assert_eq!(lines[0].text, log[0]);
    }
    world.pass(1800);
    let (pod, _) = new_and_old(&world);
    let container = &pod["status"]["containerStatuses"][0];
    assert!(container["restartCount"].as_u64().unwrap() > restarts + 3);
    let message = string(&container["state"]["waiting"]["message"]);
    assert!(message.starts_with("back-off 5m0s "), "{message}");
}

#[test]
fn out_of_memory_is_said_by_the_last_end() {
    let mut world = broken(|_| Some(PodBehaviour::OutOfMemory { log: vec![] }));
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    let ended = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(
        (&ended["reason"], &ended["exitCode"]),
        (&json!("OOMKilled"), &json!(137))
    );
}

#[test]
fn a_failing_probe_is_an_event_and_the_pod_runs_unready() {
    let probe = "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned();
    let behaviour = PodBehaviour::Unready {
        probe: probe.clone(),
        log: vec!["up".into()],
    };
    let mut world = broken(|_| Some(behaviour));
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    assert_eq!(pod["status"]["phase"], "Running");
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["ready"], false);
    assert!(container["state"]["running"].is_object());
    assert_eq!(condition(&pod, "Ready").1, "ContainersNotReady");
    assert_eq!(
        condition(&pod, "Ready").2,
        "containers with unready status: [cart]"
    );
    let events = world.events("Pod", &string(&pod["metadata"]["name"]));
    assert!(events.contains(&("Unhealthy".into(), probe)), "{events:?}");
}

#[test]
fn an_image_that_may_not_be_pulled_backs_off() {
    let message = "rpc error: code = Unknown desc = 403 Forbidden".to_owned();
    let mut world = broken(|_| {
        Some(PodBehaviour::PullFails {
            message: message.clone(),
        })
    });
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ImagePullBackOff");
    assert!(string(&waiting["message"]).ends_with(&message));
    assert_eq!(pod["status"]["containerStatuses"][0]["imageID"], "");
    assert_eq!(pod["status"]["phase"], "Pending");
}

#[test]
fn a_tag_that_does_not_exist_cannot_be_pulled_until_it_does() {
    let mut world = broken(|_| None);
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ImagePullBackOff");
    let image = "registry.tidewater.example/shop/cart:2";
    assert_eq!(
        waiting["message"],
        format!(
            "Back-off pulling image \"{image}\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and \
             unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
        )
    );
    world.image("cart", "2");
    world.pass(400);
    let pods = world.pods("cart");
    assert_eq!(pods.len(), 1);
    assert_eq!(condition(&pods[0], "Ready").0, "True");
}

#[test]
fn a_missing_secret_key_stops_the_container_from_being_made() {
    let message = "couldn't find key token in Secret shop/cart".to_owned();
    let mut world = broken(|_| {
        Some(PodBehaviour::ConfigMissing {
            message: message.clone(),
        })
    });
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    assert_eq!(waiting["message"], message);
    let events = world.events("Pod", &string(&pod["metadata"]["name"]));
    assert!(events.contains(&("Failed".into(), format!("Error: {message}"))));
}

#[test]
fn a_pod_that_fits_nowhere_has_no_node() {
    let message = "0/2 nodes are available: 2 Insufficient memory.".to_owned();
    let mut world = broken(|_| {
        Some(PodBehaviour::Unschedulable {
            message: message.clone(),
        })
    });
    world.pass(120);
    let (pod, _) = new_and_old(&world);
    assert_eq!(
        condition(&pod, "PodScheduled"),
        ("False".into(), "Unschedulable".into(), message.clone())
    );
    assert_eq!(pod["spec"].get("nodeName"), None);
    let events = world.events("Pod", &string(&pod["metadata"]["name"]));
    assert!(events.contains(&("FailedScheduling".into(), message)));
}

#[test]
fn a_failing_init_container_keeps_the_others_waiting() {
    let behaviour = PodBehaviour::InitFails {
        container: "migrate".into(),
        exit_code: 3,
        log: vec!["no table".into()],
    };
    let mut world = World::new();
    let digest = world.image("cart", "2");
    world.behave(&digest, behaviour);
    let with_init = manifest("cart", "2", 1).replace(
        "      containers:",
        "      initContainers:\n      - name: migrate\n        image: registry.tidewater.example/shop/cart:2\n      containers:",
    );
    world.commit("Two", &[("cart/cart.yaml", with_init)]);
    world.flux();
    world.pass(120);
    let pod = &world.pods("cart")[0];
    let init = &pod["status"]["initContainerStatuses"][0];
    assert_eq!(init["name"], "migrate");
    assert_eq!(init["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(init["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "PodInitializing"
    );
    assert_eq!(pod["status"]["phase"], "Pending");
}

#[test]
fn refused_pods_are_said_by_the_replica_set_and_its_deployment() {
    let message = "pods \"cart-7d9\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4";
    let mut world = broken(|_| {
        Some(PodBehaviour::Refused {
            message: message.into(),
        })
    });
    world.pass(120);
    assert_eq!(world.pods("cart").len(), 1);
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(
        condition(&deployment, "ReplicaFailure"),
        ("True".into(), "FailedCreate".into(), message.into())
    );
    // A nought is left out, as the API server does.
    assert!(deployment["status"]["updatedReplicas"].is_null());
    assert_eq!(condition(&deployment, "Available").0, "True");
    let set = world.store.list("ReplicaSet", Some("shop"));
    let refused = set
        .iter()
        .find(|set| condition(set, "ReplicaFailure").0 == "True")
        .unwrap();
    let events = world.events("ReplicaSet", &string(&refused["metadata"]["name"]));
    assert!(events.contains(&("FailedCreate".into(), format!("Error creating: {message}"))));
    // The quota is raised: the rollout goes on by itself.
    world.faults.table().images.clear();
    world.pass(1800);
    assert_eq!(
        condition(&world.get("Deployment", "shop", "cart"), "ReplicaFailure"),
        Default::default()
    );
    assert_eq!(condition(&world.pods("cart")[0], "Ready").0, "True");
}

#[test]
fn a_rollout_without_progress_passes_its_deadline() {
    let mut world = broken(|_| {
        Some(PodBehaviour::Crash {
            exit_code: 1,
            log: vec![],
        })
    });
    world.pass(500);
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(condition(&deployment, "Progressing").0, "True");
    world.pass(300);
    let deployment = world.get("Deployment", "shop", "cart");
    let (status, reason, message) = condition(&deployment, "Progressing");
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "ProgressDeadlineExceeded")
    );
    assert!(
        message.starts_with("ReplicaSet \"cart-")
            && message.ends_with("\" has timed out progressing."),
        "{message}"
    );
}

#[test]
fn a_slow_pod_gets_ready_late() {
    let mut world = broken(|_| Some(PodBehaviour::Slow { seconds: 300 }));
    world.pass(200);
    new_and_old(&world);
    let deployment = world.get("Deployment", "shop", "cart");
    assert_eq!(condition(&deployment, "Progressing").1, "ReplicaSetUpdated");
    world.pass(200);
    assert_eq!(world.pods("cart").len(), 1);
    assert_eq!(condition(&world.pods("cart")[0], "Ready").0, "True");
}

#[test]
fn a_mended_image_lets_a_crashing_pod_recover() {
    let mut world = broken(|_| {
        Some(PodBehaviour::Crash {
            exit_code: 1,
            log: vec![],
        })
    });
    world.pass(120);
    new_and_old(&world);
    world.faults.table().images.clear();
    world.pass(400);
    assert_eq!(world.pods("cart").len(), 1);
    assert_eq!(condition(&world.pods("cart")[0], "Ready").0, "True");
}
