//! Tests only: what hands changed in the cluster, and what Flux says of before. Each test is named after what must not go
//! wrong.

use facts::kubernetes::Edited;

use super::*;

/// Commit 4 of the fleet touches a base that every app in production is made of; Flux has applied it a while ago.
pub(super) fn touched_base() -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 20);
    let touched = vec!["base/notes.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.fetch(PROD, 4, 18);
    for name in APPS {
        world.apply(name, PROD, 4, 18);
    }
    world
}

fn by_hand(world: &World, minutes: i64) -> Option<Edited> {
    Some(Edited {
        manager: "node-fetch".to_owned(),
        at: world.ago(minutes),
    })
}

#[test]
fn a_helm_release_that_a_hand_changed_is_not_in_effect() {
    let mut world = touched_base();
    let asked = sha("fleet", 4);
    assert_eq!(one(&world, &asked, "search", PROD).state, State::Deployed);
    let edited = by_hand(&world, 2);
    world.edit(PROD, |facts| {
        let release = facts.helm_releases.get_mut(&key("shop", "search"));
        release.unwrap().edited = edited;
    });
    let journey = one(&world, &asked, "search", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    let cause = journey.cause.unwrap();
    assert_eq!(
        (cause.code.as_str(), cause.object.kind.as_str()),
        ("rollout-drifted", "HelmRelease")
    );
}

#[test]
fn a_service_that_a_hand_changed_is_not_what_was_applied() {
    let mut world = touched_base();
    let edited = by_hand(&world, 2);
    world.kustomization(PROD, APP, |one| {
        one.inventory.push(reference("Service", "shop", APP));
    });
    let asked = sha("fleet", 4);
    assert_eq!(one(&world, &asked, APP, PROD).state, State::Deployed);
    world.edit(PROD, |facts| {
        facts.services.get_mut(&key("shop", APP)).unwrap().edited = edited;
    });
    let journey = one(&world, &asked, APP, PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().object.kind, "Service");
}

#[test]
fn what_helm_installed_is_not_set_back_by_the_kustomization() {
    let mut world = touched_base();
    let (edited, confirmed) = (by_hand(&world, 2), world.ago(1));
    world.edit(PROD, |facts| {
        let search = (Kind::Deployment, key("shop", "search"));
        facts.workloads.get_mut(&search).unwrap().edited = edited;
    });
    world.kustomization(PROD, "search", |one| {
        one.history[0].last = Some(confirmed);
    });
    let journey = one(&world, &sha("fleet", 4), "search", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
}

#[test]
fn a_suspended_kustomization_whose_path_moved_needed_no_hand() {
    let mut world = touched_base();
    let asked = sha("fleet", 4);
    world.kustomization(PROD, APP, |one| {
        one.suspended = true;
        one.meta.generation += 1;
    });
    assert_eq!(one(&world, &asked, APP, PROD).state, State::Deployed);
    world.kustomization(PROD, APP, |one| one.meta.generation += 1);
    let journey = one(&world, &asked, APP, PROD);
    assert_eq!(journey.cause.unwrap().code, "apply-suspended");
}

#[test]
fn an_image_that_a_suspended_kustomization_does_not_bring_needed_no_hand() {
    let mut world = delivered();
    world.template(APP, PROD, 3, 30);
    let journey = prod(&world, 4);
    assert_eq!(
        journey.cause.unwrap().code,
        "rollout-drifted",
        "not suspended"
    );
    world.kustomization(PROD, APP, |one| one.suspended = true);
    let journey = prod(&world, 4);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Blocked, Some(StageKind::Apply)),
        "{journey:#?}"
    );
    assert_eq!(journey.cause.unwrap().code, "apply-suspended");
}

#[test]
fn a_kustomization_that_was_changed_says_nothing_until_flux_takes_it_up() {
    let mut world = touched_base();
    world.kustomization(PROD, APP, |one| one.meta.generation += 1);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Moving, Some(StageKind::Apply)),
        "{journey:#?}"
    );
}

#[test]
fn an_image_that_no_pod_runs_is_not_said_to_run() {
    let mut world = delivered();
    world.template(APP, PROD, 3, 30);
    let journey = prod(&world, 4);
    let headline = read_aloud(&world, &journey.headline);
    assert!(headline.contains("changed it in the cluster"), "{headline}");
    // Its pods run commit 4: that is what may be said to run, and not what the template names.
    assert!(
        headline.contains("Deployment shop/checkout names "),
        "{headline}"
    );
    assert!(!headline.contains(" runs registry"), "{headline}");
}

#[test]
fn a_revert_does_not_hide_that_the_pods_were_not_read() {
    let mut world = delivered();
    world.commit(&source(APP), APP, 5, 10);
    revert(&mut world, 4, 5);
    world.edit(PROD, |facts| {
        let message = "pods is forbidden".to_owned();
        let scope = facts::cluster::Scope::All;
        facts
            .coverage
            .insert((Kind::Pod, scope), Coverage::Denied { message });
        facts.pods.retain(|_, _| false);
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
    let notes = notes(&world, &journey);
    assert!(notes.contains("pods is forbidden"), "{notes}");
}

#[test]
fn the_first_time_of_a_digest_is_not_when_its_revision_was_applied() {
    let mut world = touched_base();
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    let shown = &journey.stages[5].evidence;
    let of = |field: &str| shown.iter().find(|one| one.field == field);
    assert!(of("status.lastAppliedRevision").unwrap().at.is_none());
    assert!(
        of("status.history[0].firstReconciled")
            .unwrap()
            .at
            .is_some()
    );
    // Manifests that went there and back: when they came back nobody wrote down.
    let (began, ended) = (world.ago(15), world.ago(12));
    world.kustomization(PROD, APP, |one| {
        let mut between = one.history[0].clone();
        between.digest = "sha256:between".to_owned();
        (between.first, between.last) = (Some(began), Some(ended));
        one.history.insert(1, between);
        one.conditions.clear();
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.stages[5].since, None, "{journey:#?}");
}

/// Fleet 4 declares commit `number` for production; Flux tried it and says so, having applied fleet 3.
fn tried(number: u32, status: Status, reason: &str, message: &str) -> World {
    let mut world = delivered();
    world.commit(&source(APP), APP, 5, 12);
    world.publish(APP, 5, 11);
    world.commit(FLEET, "fleet", 4, 10);
    world.declare_at(APP, PROD, number, 4, 10);
    world.fetch(PROD, 4, 9);
    let since = world.ago(8);
    world.kustomization(PROD, APP, |one| {
        one.attempted = Some(revision(4));
        one.conditions = vec![condition("Ready", status, reason, message, since)];
    });
    world
}

/// The rollout of an older commit is over: its ReplicaSet is the newest one again.
fn roll_back(world: &mut World, number: u32) {
    world.roll(APP, PROD, number, 8);
    world.edit(PROD, |facts| {
        facts.replica_sets.retain(|_, set| set.wanted > 0)
    });
}

/// How Flux says that it has tried something: its health check failed, or it tries that again.
const TRIED: [(Status, &str, &str); 3] = [
    (
        Status::False,
        "HealthCheckFailed",
        "health check failed: [Ingress/shop/checkout status: 'InProgress']",
    ),
    (
        Status::Unknown,
        "Progressing",
        "Building manifests for revision",
    ),
    (
        Status::False,
        "ReconciliationFailed",
        "Service/shop/x dry-run failed",
    ),
];

#[test]
fn an_image_that_flux_tried_was_not_changed_by_somebody_in_the_cluster() {
    for (status, reason, message) in TRIED {
        let mut world = tried(5, status, reason, message);
        // As long as the workload names what was applied, that is in effect.
        let before = one(&world, &sha("fleet", 3), APP, PROD);
        assert_eq!(before.state, State::Deployed, "{before:#?}");
        world.roll(APP, PROD, 5, 8);
        let journey = one(&world, &sha("fleet", 3), APP, PROD);
        assert_eq!(journey.state, State::Superseded, "{reason}: {journey:#?}");
        let said = read_aloud(&world, &journey.headline);
        let newer = format!("part of the newer {}", &sha("fleet", 4)[..7]);
        assert!(said.contains(&newer), "{said}");
        // That was not applied when what Flux says is applied was.
        assert!(!said.contains("min ago"), "{said}");
        assert_eq!(journey.evidence[0].field, "status.lastAttemptedRevision");
        // An image of neither is a hand's.
        roll_back(&mut world, 3);
        let journey = one(&world, &sha("fleet", 3), APP, PROD);
        assert_eq!(journey.cause.unwrap().code, "rollout-drifted", "{reason}");
    }
}

#[test]
fn a_promotion_that_what_flux_tried_set_back_is_not_in_effect() {
    for (status, reason, message) in TRIED {
        let mut world = tried(3, status, reason, message);
        roll_back(&mut world, 3);
        let journey = one(&world, &sha("fleet", 3), APP, PROD);
        assert_eq!(journey.state, State::Reverted, "{reason}: {journey:#?}");
    }
}

#[test]
fn an_image_of_a_tried_commit_that_a_hand_put_there_is_a_hands() {
    let mut world = tried(5, Status::False, "BuildFailed", "kustomize build failed");
    world.roll(APP, PROD, 5, 8);
    let edited = by_hand(&world, 8);
    workload(&mut world, |one| one.edited = edited);
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.cause.unwrap().code, "rollout-drifted");
}

#[test]
fn a_commit_is_no_part_of_an_older_one_that_flux_tried_since() {
    let mut world = delivered();
    let since = world.ago(8);
    world.kustomization(PROD, APP, |one| {
        one.attempted = Some(revision(2));
        let reason = "HealthCheckFailed";
        one.conditions = vec![condition("Ready", Status::False, reason, "", since)];
    });
    roll_back(&mut world, 3);
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.state, State::Unknown, "{journey:#?}");
}

#[test]
fn a_workload_that_is_a_moment_behind_flux_was_not_changed_by_somebody() {
    let mut world = fetched();
    world.apply(APP, PROD, 3, 0);
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.cause.unwrap().code, "rollout-running");
    world.apply(APP, PROD, 3, 1);
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.cause.unwrap().code, "rollout-drifted");
}

#[test]
fn what_a_canary_has_not_begun_to_try_was_not_changed_by_somebody() {
    let mut world = canary("Succeeded");
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(
        (journey.state, journey.cause.unwrap().code.as_str()),
        (State::Moving, "rollout-canary-running")
    );
    // Where its target has another image, too, that is somebody's.
    workload(&mut world, |one| {
        one.containers = crate::world::company::objects::containers(APP, 2);
    });
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.cause.unwrap().code, "rollout-drifted");
}

#[test]
fn what_flux_set_back_was_not_changed_since_because_its_health_check_fails_now() {
    let mut world = touched_base();
    let ended = world.ago(2);
    world.kustomization(PROD, APP, |one| {
        let mut failed = one.history[0].clone();
        failed.digest = "sha256:failed".to_owned();
        failed.status = "HealthCheckFailed".to_owned();
        failed.last = Some(ended);
        one.history.insert(0, failed);
    });
    let asked = sha("fleet", 4);
    let mut edited = |minutes| {
        let edited = by_hand(&world, minutes);
        workload(&mut world, |one| one.edited = edited);
        one(&world, &asked, APP, PROD)
    };
    // Applied well 18 minutes ago.
    assert_eq!(edited(25).state, State::Deployed);
    assert_eq!(edited(15).cause.unwrap().code, "rollout-drifted");
}
