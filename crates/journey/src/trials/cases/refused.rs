//! Tests only: what fresh eyes made the engine say that was not so. Each test is named after what it said.

use super::*;
use crate::trials::ask;

/// Commit 4 of the fleet, minutes old, touches a shared base; Flux has applied it.
fn touched_base() -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let touched = vec!["base/notes.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.fetch(PROD, 4, 9);
    world
}

/// Flux has built the same manifests since so many minutes, commit 4 of the fleet among them.
fn same_since(world: &mut World, minutes: i64) {
    let (first, last) = (world.ago(minutes), world.ago(1));
    world.kustomization(PROD, APP, |one| {
        one.history.truncate(1);
        one.history[0].revision = Some(revision(4));
        (one.history[0].first, one.history[0].last) = (Some(first), Some(last));
        one.applied = Some(revision(4));
    });
}

#[test]
fn manifests_that_went_there_and_back_are_not_the_same_as_before() {
    let mut world = touched_base();
    let (old, now) = (world.ago(20_000), world.ago(1));
    let (began, ended) = (world.ago(25), world.ago(12));
    world.kustomization(PROD, APP, |one| {
        let mut back = one.history[0].clone();
        back.revision = Some(revision(4));
        (back.first, back.last) = (Some(old), Some(now));
        let mut between = back.clone();
        between.digest = "sha256:between".to_owned();
        (between.first, between.last) = (Some(began), Some(ended));
        one.history = vec![back, between];
        one.applied = Some(revision(4));
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn manifests_applied_before_a_commit_by_a_fast_clock_are_not_the_same_as_before() {
    let mut world = touched_base();
    // The commit's time is ten minutes ago by its author's clock, which is some seconds fast.
    same_since(&mut world, 11);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn manifests_of_a_path_that_is_not_applied_yet_are_not_the_same_as_before() {
    let mut world = touched_base();
    same_since(&mut world, 20_000);
    let same = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(same.state, State::NotAffected, "so far it is the same");
    world.kustomization(PROD, APP, |one| one.meta.generation += 1);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn a_promotion_that_a_later_commit_set_back_is_not_in_effect() {
    // Fleet 2 declares 4, fleet 3 declares 3, and fleet 4 declares 4 again, which runs.
    let mut world = delivered();
    let declared = (("main".to_owned(), path(APP, PROD)), [3, 4]);
    let history = world.repo(FLEET).declared.get_mut(&declared.0).unwrap();
    for (entry, number) in history.entries.iter_mut().zip(declared.1) {
        entry.images[0].tag = Some(tag(APP, number));
    }
    world.commit(FLEET, "fleet", 4, 10);
    world.declare_at(APP, PROD, 4, 4, 10);
    world.fetch(PROD, 4, 9);
    world.apply(APP, PROD, 4, 8);
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
    assert!(read_aloud(&world, &journey.headline).contains(&sha("fleet", 4)[..7]));
    // A newer image is no undoing.
    let mut newer = delivered();
    newer.commit(FLEET, "fleet", 4, 10);
    newer.declare_at(APP, PROD, 5, 4, 10);
    newer.fetch(PROD, 4, 9);
    newer.apply(APP, PROD, 4, 8);
    let journey = one(&newer, &sha("fleet", 3), APP, PROD);
    assert_ne!(journey.state, State::Reverted, "{journey:#?}");
}

#[test]
fn half_a_pod_is_no_deployment() {
    let mut world = delivered();
    let old = format!("{}@{}", image(APP), digest(APP, 3));
    world.edit(PROD, |facts| {
        facts.pods.change(|pod| {
            if pod.meta.label("app") != Some(APP) {
                return;
            }
            let mut beside = pod.containers[0].clone();
            beside.name = "worker".to_owned();
            beside.image_id.clone_from(&old);
            pod.containers.push(beside);
        });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert!(read_aloud(&world, &journey.headline).contains("container worker"));
    assert_eq!(prod(&world, 3).state, State::Deployed, "both have that");
}

#[test]
fn an_environment_whose_source_is_gone_is_not_only_missing_from_the_answer() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        facts
            .sources
            .remove(&(Kind::GitRepository, key("flux-system", "fleet")));
    });
    let answer = world.answer(&ask(&sha("fleet", 3))).answer.unwrap();
    assert!(answer.journeys.iter().all(|one| one.cluster != PROD));
    let said = read_aloud(&world, &answer.unread[0]);
    assert!(
        said.contains("production") && said.contains("does not exist"),
        "{said}"
    );
}

#[test]
fn an_environment_whose_kustomizations_may_not_be_read_is_not_only_missing_from_the_answer() {
    for kind in [Kind::Kustomization, Kind::GitRepository] {
        let mut world = delivered();
        world.edit(PROD, |facts| {
            let message = "not allowed to read them".to_owned();
            let scope = facts::cluster::Scope::All;
            facts
                .coverage
                .insert((kind, scope), Coverage::Denied { message });
            facts.kustomizations.retain(|_, _| false);
        });
        let answer = world.answer(&ask(&sha("fleet", 3))).answer.unwrap();
        assert!(answer.journeys.iter().all(|one| one.cluster != PROD));
        let said: Vec<String> = answer
            .unread
            .iter()
            .map(|one| read_aloud(&world, one))
            .collect();
        assert!(!said.is_empty(), "{kind:?}: nothing is said");
    }
}

#[test]
fn a_kustomization_that_its_parent_applied_and_that_is_gone_is_said() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let gone = facts
            .kustomizations
            .remove(&key("flux-system", APP))
            .unwrap();
        let parent = facts
            .kustomizations
            .get_mut(&key("flux-system", "infra"))
            .unwrap();
        let named = format!("{APP}-production");
        parent
            .inventory
            .push(reference("Kustomization", &gone.meta.namespace, &named));
        let own = |meta: &facts::meta::Meta| meta.label("app") == Some(APP);
        facts.workloads.retain(|(_, key), _| key.name != APP);
        facts.pods.retain(|_, pod| !own(&pod.meta));
    });
    let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
    let said = read_aloud(&world, &answer.unread[0]);
    assert!(
        said.contains("checkout-production") && said.contains("gone"),
        "{said}"
    );
}

#[test]
fn a_commit_to_the_folder_that_holds_our_kustomization_is_not_anothers() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let file = "clusters/production/search.yaml".to_owned();
    world
        .repo(FLEET)
        .touched
        .insert(sha("fleet", 4), vec![file]);
    world.edit(PROD, |facts| {
        let parent = facts
            .kustomizations
            .get_mut(&key("flux-system", "infra"))
            .unwrap();
        parent.path = "clusters/production".to_owned();
        for name in APPS {
            let one = facts
                .kustomizations
                .get_mut(&key("flux-system", name))
                .unwrap();
            for (label, value) in [("name", "infra"), ("namespace", "flux-system")] {
                one.meta.labels.insert(
                    format!("kustomize.toolkit.fluxcd.io/{label}"),
                    value.to_owned(),
                );
            }
        }
    });
    let ours = one(&world, &sha("fleet", 4), "search", PROD);
    assert_ne!(ours.state, State::NotAffected, "{ours:#?}");
    let other = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(other.state, State::NotAffected, "{other:#?}");
}
