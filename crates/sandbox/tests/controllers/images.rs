//! Image automation: scans, policies and commits, and everything that keeps a new image out of Git.

use sandbox::git::Edit;
use serde_json::{Value, json};

use crate::world::{REGISTRY, World, condition, manifest, string};

fn policy(world: &World, spec: Value) {
    world.put(json!({
        "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
        "metadata": {"name": "cart", "namespace": "flux-system"},
        "spec": {"imageRepositoryRef": {"name": "cart"}, "policy": spec},
    }));
}

/// Version 1.0.0 runs and is scanned every minute; the automation runs every minute.
fn automated() -> World {
    let mut world = World::new();
    world.image("cart", "1.0.0");
    world.commit("One", &[("cart/cart.yaml", manifest("cart", "1.0.0", 1))]);
    world.flux();
    world.put(json!({
        "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository",
        "metadata": {"name": "cart", "namespace": "flux-system"},
        "spec": {"interval": "1m", "image": format!("{REGISTRY}/shop/cart")},
    }));
    policy(&world, json!({"semver": {"range": ">=1.0.0"}}));
    world.put(json!({
        "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation",
        "metadata": {"name": "cart", "namespace": "flux-system"},
        "spec": {
            "interval": "1m",
            "sourceRef": {"kind": "GitRepository", "name": "deploy"},
            "git": {
                "checkout": {"ref": {"branch": "main"}},
                "commit": {
                    "author": {"name": "fluxcdbot", "email": "flux@tidewater.example"},
                    "messageTemplate": "Release images\n\n{{ range .Changed.Changes }}{{ println .OldValue }}{{ end }}",
                },
            },
            "update": {"path": "./cart", "strategy": "Setters"},
        },
    }));
    world.pass(60);
    world
}

fn automation(world: &World) -> Value {
    world.get("ImageUpdateAutomation", "flux-system", "cart")
}

#[test]
fn a_new_image_is_scanned_chosen_committed_and_deployed() {
    let mut world = automated();
    let scan = world.get("ImageRepository", "flux-system", "cart");
    assert_eq!(
        scan["status"]["lastScanResult"]["latestTags"],
        json!(["1.0.0"])
    );
    assert!(
        condition(&scan, "Ready")
            .2
            .starts_with("successful scan: found 1 tags with checksum ")
    );
    let before = automation(&world);
    assert_eq!(
        condition(&before, "Ready"),
        (
            "True".into(),
            "Succeeded".into(),
            "repository up-to-date".into()
        )
    );
    assert_eq!(before["status"].get("lastPushCommit"), None);
    let image = format!("{REGISTRY}/shop/cart");
    assert_eq!(
        before["status"]["observedPolicies"],
        json!({"cart": {"name": image, "tag": "1.0.0"}})
    );

    world.image("cart", "1.1.0");
    world.pass(200);
    let chosen = world.get("ImagePolicy", "flux-system", "cart");
    assert_eq!(
        chosen["status"]["latestRef"],
        json!({"name": image, "tag": "1.1.0"})
    );
    assert_eq!(chosen["status"]["observedPreviousRef"]["tag"], "1.0.0");
    assert_eq!(
        condition(&chosen, "Ready").2,
        format!("Latest image tag for {image} resolved to 1.1.0 (previously {image}:1.0.0)")
    );
    let after = automation(&world);
    let head = world.git.head("main").unwrap();
    assert_eq!(after["status"]["lastPushCommit"], head);
    assert_eq!(
        after["status"]["observedSourceRevision"],
        format!("main@sha1:{head}")
    );
    let message = world.git.message(&head).unwrap();
    assert!(message.starts_with("Release images\n"), "{message}");
    assert!(
        message.contains(&format!("{image}:1.0.0 -> {image}:1.1.0")),
        "{message}"
    );
    assert!(
        world
            .git
            .read(&head, "cart/cart.yaml")
            .unwrap()
            .contains("cart:1.1.0 # {")
    );
    let pods = world.pods("cart");
    assert_eq!(pods.len(), 1);
    assert!(string(&pods[0]["spec"]["containers"][0]["image"]).ends_with(":1.1.0"));
    // Nothing more to do: no further commit, only the time of the run.
    world.pass(600);
    assert_eq!(world.git.head("main").unwrap(), head);
    let idle = automation(&world);
    assert_ne!(
        idle["status"]["lastAutomationRunTime"],
        after["status"]["lastAutomationRunTime"]
    );
    assert_eq!(
        idle["status"]["lastPushTime"],
        after["status"]["lastPushTime"]
    );
}

#[test]
fn a_refused_scan_keeps_the_old_tags() {
    let mut world = automated();
    world.faults.table().scans.insert(
        ("prod".into(), "shop/cart".into()),
        "GET https://registry.tidewater.example/v2/shop/cart/tags/list: UNAUTHORIZED: authentication required".into(),
    );
    world.image("cart", "1.1.0");
    world.pass(300);
    let scan = world.get("ImageRepository", "flux-system", "cart");
    let (status, reason, message) = condition(&scan, "Ready");
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "ReadOperationFailed")
    );
    assert!(
        message.starts_with("scan failed: GET https://"),
        "{message}"
    );
    assert_eq!(
        scan["status"]["lastScanResult"]["latestTags"],
        json!(["1.0.0"])
    );
    assert_eq!(
        world.get("ImagePolicy", "flux-system", "cart")["status"]["latestRef"]["tag"],
        "1.0.0"
    );
    assert_eq!(
        condition(&automation(&world), "Ready").2,
        "repository up-to-date"
    );
}

#[test]
fn a_protected_branch_refuses_the_push() {
    let mut world = automated();
    let head = world.git.head("main").unwrap();
    world.faults.table().protected.insert(
        ("shop/deploy".into(), "main".into()),
        "failed to push to remote: command error on refs/heads/main: protected branch hook declined".into(),
    );
    world.image("cart", "1.1.0");
    world.pass(200);
    assert_eq!(
        condition(&automation(&world), "Ready"),
        (
            "False".into(),
            "GitOperationFailed".into(),
            "failed to update source: failed to push to remote: command error on refs/heads/main: protected branch hook \
             declined"
                .into()
        )
    );
    assert_eq!(world.git.head("main").unwrap(), head);
    world.faults.table().protected.clear();
    world.pass(900);
    assert_ne!(world.git.head("main").unwrap(), head);
    assert_eq!(condition(&automation(&world), "Ready").0, "True");
}

#[test]
fn without_a_marker_all_is_said_to_be_well() {
    let mut world = automated();
    let bare =
        manifest("cart", "1.0.0", 1).replace(" # {\"$imagepolicy\": \"flux-system:cart\"}", "");
    assert!(!bare.contains("imagepolicy"));
    let head = world.commit("Tidy", &[("cart/cart.yaml", bare)]);
    world.image("cart", "1.1.0");
    world.pass(300);
    assert_eq!(world.git.head("main").unwrap(), head);
    let automation = automation(&world);
    assert_eq!(condition(&automation, "Ready").2, "repository up-to-date");
    assert_eq!(
        automation["status"]["observedPolicies"]["cart"]["tag"],
        "1.1.0"
    );
}

#[test]
fn a_broken_file_is_passed_over_in_silence() {
    let mut world = automated();
    let broken = format!(
        "<<<<<<< HEAD\n{}=======\n>>>>>>> other\n",
        manifest("cart", "1.0.0", 1)
    );
    let head = world.commit("Conflict", &[("cart/cart.yaml", broken)]);
    world.image("cart", "1.1.0");
    world.pass(300);
    assert_eq!(world.git.head("main").unwrap(), head);
    assert_eq!(
        condition(&automation(&world), "Ready").2,
        "repository up-to-date"
    );
    assert_eq!(
        condition(&world.get("Kustomization", "flux-system", "cart"), "Ready").1,
        "BuildFailed"
    );
}

#[test]
fn an_alphabetical_policy_leaves_build_100_behind() {
    let mut world = automated();
    policy(&world, json!({"alphabetical": {"order": "asc"}}));
    for tag in ["build-98", "build-99", "build-100"] {
        world.image("cart", tag);
    }
    world.pass(300);
    assert_eq!(
        world.get("ImagePolicy", "flux-system", "cart")["status"]["latestRef"]["tag"],
        "build-99"
    );
    assert!(
        string(&world.pods("cart")[0]["spec"]["containers"][0]["image"]).ends_with(":build-99")
    );
}

#[test]
fn a_branch_of_its_own_is_pushed_and_main_left_alone() {
    let mut world = automated();
    let head = world.git.head("main").unwrap();
    world.edit(
        "ImageUpdateAutomation",
        "flux-system",
        "cart",
        |automation| {
            automation["spec"]["git"]["push"] = json!({"branch": "flux-images"});
        },
    );
    world.image("cart", "1.1.0");
    world.pass(200);
    assert_eq!(world.git.head("main").unwrap(), head);
    let pushed = world.git.head("flux-images").unwrap();
    assert_eq!(automation(&world)["status"]["lastPushCommit"], pushed);
    assert!(world.git.contains(&head, &pushed));
    world.pass(900);
    assert_eq!(
        world.git.head("flux-images").unwrap(),
        pushed,
        "pushed once"
    );
}

#[test]
fn a_policy_that_cannot_choose_says_why() {
    let mut world = automated();
    policy(&world, json!({"numerical": {"order": "asc"}}));
    world.pass(30);
    let policy = world.get("ImagePolicy", "flux-system", "cart");
    assert_eq!(
        condition(&policy, "Ready"),
        (
            "False".into(),
            "Failure".into(),
            "failed to parse invalid numeric value '1.0.0'".into()
        )
    );
    assert_eq!(
        policy["status"]["latestRef"]["tag"], "1.0.0",
        "the last choice stays"
    );
}

#[test]
fn a_suspended_automation_does_nothing() {
    let mut world = automated();
    world.edit(
        "ImageUpdateAutomation",
        "flux-system",
        "cart",
        |automation| automation["spec"]["suspend"] = json!(true),
    );
    let mut kept = automation(&world)["status"].clone();
    kept["observedGeneration"] = json!(2);
    world.image("cart", "1.1.0");
    world.pass(300);
    assert_eq!(automation(&world)["status"], kept);
    // A revert by hand stays until it is resumed; then the newest tag comes back.
    let edits = [Edit::Write {
        path: "note".into(),
        content: "x".into(),
    }];
    world
        .git
        .commit("main", "Ada", world.now, "Note", &edits)
        .unwrap();
    world.edit(
        "ImageUpdateAutomation",
        "flux-system",
        "cart",
        |automation| automation["spec"]["suspend"] = json!(false),
    );
    world.pass(60);
    assert!(
        world
            .git
            .read("main", "cart/cart.yaml")
            .unwrap()
            .contains("cart:1.1.0")
    );
}
