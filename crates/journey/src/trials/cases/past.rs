//! Tests only: what the systems still tell of the past. Each test is named after what must not go wrong.

use api::Change;
use api::history::{By, ChangeKind};

use super::*;

/// What is told of checkout in production, newest first.
fn told(world: &World) -> Vec<Change> {
    let mut changes = world.past();
    changes.retain(|change| change.cluster == PROD && change.app.as_deref() == Some(APP));
    changes
}

fn said(world: &World, change: &Change) -> String {
    read_aloud(world, &change.sentence)
}

/// The ReplicaSet of a commit of checkout in production, changed.
fn set(world: &mut World, number: u32, change: impl FnOnce(&mut facts::kubernetes::ReplicaSet)) {
    world.edit(PROD, |facts| {
        let image = format!("{}:{}", image(APP), tag(APP, number));
        let is_its = |set: &&facts::kubernetes::ReplicaSet| set.containers[0].image == image;
        let key = facts.replica_sets.values().find(is_its).unwrap().meta.key();
        change(facts.replica_sets.get_mut(&key).unwrap());
    });
}

#[test]
fn a_rollout_is_told_with_its_commit_and_whoever_released_it() {
    let world = delivered();
    let changes = told(&world);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let change = &changes[0];
    assert_eq!(change.kind, ChangeKind::Deployment);
    assert_eq!(change.at, world.ago(28));
    assert_eq!(change.commit.as_ref().unwrap().sha, sha(APP, 4));
    assert_eq!(change.release.as_ref().unwrap().sha, sha("fleet", 3));
    assert_eq!(
        change.by,
        Some(By::Commit {
            name: "Mina Osei".to_owned()
        })
    );
    let (new, old) = (sha(APP, 4), sha(APP, 3));
    let expected = format!(
        "{} Change 4 of checkout, in place of {}",
        &new[..7],
        &old[..7]
    );
    assert_eq!(said(&world, change), expected);
}

#[test]
fn a_tag_that_moves_says_nothing_of_what_it_was() {
    let mut world = delivered();
    let moved = format!("{}:main", image(APP));
    world
        .tags
        .entry(image(APP))
        .or_default()
        .insert("main".to_owned(), digest(APP, 4));
    set(&mut world, 4, |set| {
        set.containers[0].image.clone_from(&moved)
    });
    let changes = told(&world);
    assert_eq!(changes[0].image.as_deref(), Some(moved.as_str()));
    assert_eq!(changes[0].commit, None);
}

#[test]
fn a_rollback_takes_an_old_replica_set_into_use_and_is_not_as_old_as_that() {
    let mut world = delivered();
    // Commit 3 runs again, under the next number; its ReplicaSet was made long ago.
    world.roll(APP, PROD, 3, 5);
    let long_ago = Some(world.ago(1890));
    set(&mut world, 3, |set| {
        let notes = &mut set.meta.annotations;
        notes.insert(
            "deployment.kubernetes.io/revision".to_owned(),
            "5".to_owned(),
        );
        notes.insert(
            "deployment.kubernetes.io/revision-history".to_owned(),
            "3".to_owned(),
        );
        set.meta.created = long_ago;
    });
    let changes = told(&world);
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert_eq!(changes[0].kind, ChangeKind::Rollback);
    assert_eq!((changes[0].at, changes[0].at_latest), (world.ago(5), true));
    assert!(said(&world, &changes[0]).starts_with("back to "));
    assert_eq!(changes[1].kind, ChangeKind::Deployment);
}

#[test]
fn two_rollouts_in_a_row_are_not_brought_by_the_same_commit() {
    let mut world = delivered();
    world.commit(&source(APP), APP, 5, 25);
    world.build(APP, 5, 24);
    world.commit(FLEET, "fleet", 4, 23);
    world.fetch(PROD, 4, 22);
    world.apply(APP, PROD, 4, 21);
    world.roll(APP, PROD, 5, 21);
    let changes = told(&world);
    let brought: Vec<_> = changes
        .iter()
        .map(|change| change.release.as_ref().unwrap().sha.clone())
        .collect();
    assert_eq!(brought, [sha("fleet", 4), sha("fleet", 3)]);
}

#[test]
fn manifests_that_come_back_are_not_told_at_the_time_when_they_were_first() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        let history = &mut one.unwrap().history;
        // As Flux does it: what came back stands first, with its first time.
        let back = history.pop().unwrap();
        history.insert(0, back);
    });
    let changes = told(&world);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0].release.as_ref().unwrap().sha, sha("fleet", 3));
}

#[test]
fn what_flux_applied_without_a_rollout_is_a_change_of_configuration() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    world.fetch(PROD, 4, 9);
    world.apply(APP, PROD, 4, 8);
    let changes = told(&world);
    assert_eq!(changes[0].kind, ChangeKind::Configuration);
    assert_eq!(changes[0].object.kind, "Kustomization");
    let expected = format!(
        "Kustomization flux-system/checkout applied {}",
        &sha("fleet", 4)[..7]
    );
    assert_eq!(said(&world, &changes[0]), expected);
    assert_eq!(changes[0].by.as_ref().unwrap().name(), "Mina Osei");
}

#[test]
fn a_change_by_hand_names_the_hand_and_no_commit() {
    let mut world = delivered();
    let at = world.ago(3);
    world.edit(PROD, |facts| {
        let key = (Kind::Deployment, key("shop", APP));
        facts.workloads.get_mut(&key).unwrap().edited = Some(facts::kubernetes::Edited {
            manager: "kubectl-edit".to_owned(),
            at,
        });
    });
    let changes = told(&world);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].kind, ChangeKind::Configuration);
    assert_eq!(
        changes[0].by,
        Some(By::Hand {
            manager: "kubectl-edit".to_owned()
        })
    );
    // A rollout that followed from it is one change, not two.
    world.roll(APP, PROD, 3, 3);
    set(&mut world, 3, |set| {
        let notes = &mut set.meta.annotations;
        notes.insert(
            "deployment.kubernetes.io/revision".to_owned(),
            "5".to_owned(),
        );
    });
    let changes = told(&world);
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert_eq!(changes[0].by.as_ref().unwrap().name(), "kubectl-edit");
    assert_eq!(changes[0].release, None);
}

#[test]
fn what_may_not_be_read_is_not_made_up() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let denied = Coverage::Denied {
            message: String::new(),
        };
        facts
            .coverage
            .insert((Kind::ReplicaSet, facts::cluster::Scope::All), denied);
    });
    let kinds: Vec<_> = told(&world).iter().map(|change| change.kind).collect();
    // Flux' history is all there is: that something was applied, and not what.
    assert_eq!(kinds, [ChangeKind::Configuration]);
}

#[test]
fn a_message_of_a_controller_is_in_no_change() {
    const SECRET: &str = "hunter2";
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let whispers = |conditions: &mut Vec<facts::Condition>| {
            for condition in conditions {
                condition.message = SECRET.to_owned();
            }
        };
        facts
            .kustomizations
            .change(|one| whispers(&mut one.conditions));
        facts.workloads.change(|one| whispers(&mut one.conditions));
        facts
            .replica_sets
            .change(|one| whispers(&mut one.conditions));
    });
    let all = world.past();
    assert!(!all.is_empty());
    assert!(!format!("{all:?}").contains(SECRET));
}

#[test]
fn a_rollout_that_only_began_read_as_a_deployment() {
    let mut world = delivered();
    let arrived = told(&world);
    assert!(arrived[0].arrived && !said(&world, &arrived[0]).contains("begun"));
    // Flux says that its health checks passed, and one pod is of before.
    world.edit(PROD, |facts| {
        let ours = |pod: &&facts::kubernetes::Pod| pod.meta.label("app") == Some(APP);
        let key = facts.pods.values().find(ours).unwrap().meta.key();
        facts.pods.get_mut(&key).unwrap().containers[0].ready = false;
    });
    let begun = told(&world);
    assert!(!begun[0].arrived);
    assert!(said(&world, &begun[0]).starts_with("rollout begun: "));
}
