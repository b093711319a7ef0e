//! Tests only: a configuration commit that Flux has applied and that is not in effect all the same. Each test is named after
//! what was wrongly said.

use facts::code::{Change, How, Named};

use super::hands::touched_base;
use super::*;

/// Commit 4 of the fleet, applied in production, changes one object there.
fn changing(kind: &str, name: &str, how: How, left_alone: Option<&str>) -> World {
    let mut world = touched_base();
    let change = Change {
        object: Named {
            kind: kind.to_owned(),
            name: name.to_owned(),
        },
        how,
        namespace: None,
        content: true,
        left_alone: left_alone.map(str::to_owned),
    };
    let at = (sha("fleet", 4), path(APP, PROD));
    world.repo(FLEET).changes.insert(at, vec![change]);
    world
}

fn checkout(world: &World) -> Journey {
    one(world, &sha("fleet", 4), APP, PROD)
}

/// The code of its cause, and the object.
fn cause(journey: Journey) -> Option<(String, String)> {
    let cause = journey.cause?;
    Some((cause.code, cause.object.to_string()))
}

#[test]
fn what_is_not_pruned_was_in_effect() {
    let mut world = changing("Service", "old", How::Removed, None);
    assert_eq!(checkout(&world).state, State::Deployed);
    world.kustomization(PROD, APP, |one| one.prunes = false);
    // Somebody took it out of the cluster.
    assert_eq!(checkout(&world).state, State::Deployed);
    world.edit(PROD, |facts| {
        let mut old = facts.services.get(&key("shop", "search")).unwrap().clone();
        old.meta.name = "old".to_owned();
        facts.services.insert(old.meta.key(), old);
    });
    let journey = checkout(&world);
    assert_eq!(journey.state, State::Blocked);
    let object = ("apply-left-alone".to_owned(), "Service shop/old".to_owned());
    assert_eq!(cause(journey), Some(object));
    // What it adds and changes is there.
    for how in [How::Added, How::Changed] {
        let mut world = changing("Service", "new", how, None);
        world.kustomization(PROD, APP, |one| one.prunes = false);
        assert_eq!(checkout(&world).state, State::Deployed);
    }
}

#[test]
fn what_an_annotation_keeps_flux_from_was_in_effect() {
    let annotation = "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent";
    let world = changing("ConfigMap", "settings", How::Changed, Some(annotation));
    let journey = checkout(&world);
    assert!(read_aloud(&world, &journey.headline).contains(annotation));
    let object = "ConfigMap shop/settings".to_owned();
    assert_eq!(
        cause(journey),
        Some(("apply-left-alone".to_owned(), object))
    );
}

#[test]
fn what_an_annotation_in_the_cluster_keeps_flux_from_was_in_effect() {
    let disabled = |kind: &str, name: &str| {
        let mut world = changing(kind, name, How::Changed, None);
        workload(&mut world, |one| {
            let name = "kustomize.toolkit.fluxcd.io/reconcile".to_owned();
            one.meta.annotations.insert(name, "disabled".to_owned());
        });
        checkout(&world)
    };
    let object = "Deployment shop/checkout".to_owned();
    let expected = ("apply-left-alone".to_owned(), object);
    assert_eq!(cause(disabled("Deployment", "checkout")), Some(expected));
    // Another object has no such annotation.
    assert_eq!(disabled("Service", "checkout").state, State::Deployed);
}

#[test]
fn an_object_of_the_same_name_elsewhere_was_taken_for_ours() {
    let mut world = changing("ConfigMap", "settings", How::Changed, None);
    let settings = vec![reference("ConfigMap", "shop", "settings")];
    workload(&mut world, |one| one.environment = settings);
    assert_eq!(checkout(&world).state, State::Blocked);
    let at = (sha("fleet", 4), path(APP, PROD));
    let changes = world.repo(FLEET).changes.get_mut(&at).unwrap();
    changes[0].namespace = Some("elsewhere".to_owned());
    assert_eq!(checkout(&world).state, State::Deployed);
}

#[test]
fn settings_that_pods_read_only_when_they_start_were_in_effect() {
    let reading = |mut world: World, name: &str| {
        let settings = vec![reference("ConfigMap", "shop", name)];
        workload(&mut world, |one| one.environment = settings);
        world
    };
    let changed = || changing("ConfigMap", "settings", How::Changed, None);
    let journey = checkout(&reading(changed(), "settings"));
    assert_eq!(journey.state, State::Blocked);
    let object = "Deployment shop/checkout".to_owned();
    let expected = ("rollout-not-restarted".to_owned(), object);
    assert_eq!(cause(journey), Some(expected));
    // Others' settings, and those of pods that started since.
    assert_eq!(
        checkout(&reading(changed(), "other")).state,
        State::Deployed
    );
    let mut restarted = reading(changed(), "settings");
    let since = restarted.now;
    restarted.edit(PROD, |facts| {
        facts.pods.change(|pod| {
            for one in &mut pod.containers {
                one.state = facts::kubernetes::ContainerState::Running { since: Some(since) };
            }
        });
    });
    assert_eq!(checkout(&restarted).state, State::Deployed);
    // Labels of a ConfigMap are nobody's environment.
    let mut labels = reading(changed(), "settings");
    let at = (sha("fleet", 4), path(APP, PROD));
    let changes = labels.repo(FLEET).changes.get_mut(&at).unwrap();
    changes[0].content = false;
    assert_eq!(checkout(&labels).state, State::Deployed);
}

#[test]
fn a_later_commit_hid_that_pods_had_not_read_their_settings() {
    let mut world = changing("ConfigMap", "settings", How::Changed, None);
    let settings = vec![reference("ConfigMap", "shop", "settings")];
    workload(&mut world, |one| one.environment = settings);
    world.commit(FLEET, "fleet", 5, 1);
    world.fetch(PROD, 5, 1);
    world.apply(APP, PROD, 5, 1);
    assert_eq!(checkout(&world).state, State::Blocked);
}

#[test]
fn a_later_commit_hid_what_flux_leaves_alone() {
    let annotation = "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent";
    let mut world = changing("ConfigMap", "settings", How::Changed, Some(annotation));
    world.commit(FLEET, "fleet", 5, 1);
    world.fetch(PROD, 5, 1);
    world.apply(APP, PROD, 5, 1);
    assert_eq!(checkout(&world).state, State::Unknown);
}
