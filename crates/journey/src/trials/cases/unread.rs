//! Tests only: what is said where pods or ReplicaSets may not be read, or are still to be. Each is named after what was said.

use facts::cluster::Scope;

use super::*;
use crate::trials::faults::MISHAPS;

/// A rollout that its controller has not taken up, paused: pods of the older template are all there is.
fn not_taken_up() -> World {
    let trial = crate::trials::TRIALS
        .iter()
        .find(|one| one.name == "paused");
    let mut world = (trial.unwrap().world)();
    MISHAPS[11](&mut world);
    world
}

fn without_replica_sets(coverage: &Coverage) -> Journey {
    let mut world = not_taken_up();
    for (cluster, _) in CLUSTERS {
        world.edit(cluster, |facts| {
            facts.replica_sets = facts::Objects::default();
            facts
                .coverage
                .retain(|(kind, _), _| *kind != Kind::ReplicaSet);
            let all = (Kind::ReplicaSet, Scope::All);
            facts.coverage.insert(all, coverage.clone());
        });
    }
    prod(&world, 4)
}

#[test]
fn a_pod_of_an_older_template_was_said_to_run_a_moved_tag() {
    let whole = prod(&not_taken_up(), 4);
    assert_eq!(whole.state, State::Moving, "{whole:#?}");
    let message = "no".to_owned();
    let denied = without_replica_sets(&Coverage::Denied { message });
    assert_ne!(denied.state, State::Blocked, "{denied:#?}");
    let early = without_replica_sets(&Coverage::NotAsked);
    assert_eq!(early.state, State::Unknown, "{early:#?}");
}

#[test]
fn no_image_has_it_was_said_without_a_word_on_pods_that_may_run_it() {
    let mut world = delivered();
    // Production runs 3; dev runs 4, by a digest whose tag is gone.
    world.roll(APP, PROD, 3, 1890);
    world
        .tags
        .get_mut(&image(APP))
        .unwrap()
        .remove(&tag(APP, 4));
    world.edit(CLUSTERS[0].0, |facts| {
        facts.pods = facts::Objects::default();
        let message = "no".to_owned();
        facts
            .coverage
            .insert((Kind::Pod, Scope::All), Coverage::Denied { message });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.cause.as_ref().unwrap().code, "image-never-pushed");
    assert!(notes(&world, &journey).contains("by a digest that no tag leads to is not known"));
}
