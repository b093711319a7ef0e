//! Tests only: what a Kustomization's own spec puts in the place of what Git declares. Each test is named after what was
//! wrongly said, or must not be.

use facts::flux::Kustomization;
use facts::kubernetes::Edited;

use super::*;

/// The code of what stops commit 4 of an app, and commit 3 of the fleet, which declares it.
fn codes(world: &World, app: &str) -> [String; 2] {
    [sha(app, 4), sha("fleet", 3)].map(|asked| {
        let journey = one(world, &asked, app, PROD);
        journey
            .cause
            .map_or_else(|| format!("{:?}", journey.state), |cause| cause.code)
    })
}

fn by_image(one: &mut Kustomization) {
    one.images = vec![image_of(3)];
}

fn by_patch(one: &mut Kustomization) {
    one.patches_images = true;
}

#[test]
fn an_image_that_the_kustomization_overrides_was_not_changed_by_somebody_in_the_cluster() {
    for world in [overridden(APP, by_image), overridden(APP, by_patch)] {
        assert_eq!(codes(&world, APP), ["release-overridden"; 2]);
        let journey = prod(&world, 4);
        assert_eq!(journey.other_causes, [], "and nothing else is said to be");
        assert_eq!(journey.stages[6].state, StageState::NotReached);
        let cause = journey.cause.unwrap();
        assert_eq!(cause.object.kind, "Kustomization");
    }
    let journey = prod(&overridden(APP, by_image), 4);
    let shown = &journey.evidence[0];
    let expected = format!("{0}={0}:{1}", image(APP), tag(APP, 3));
    assert_eq!(
        (shown.field.as_str(), &shown.value),
        ("spec.images", &expected)
    );
}

#[test]
fn an_image_that_a_component_or_a_variable_brings_was_not_changed_by_somebody_in_the_cluster() {
    let by_component = overridden(APP, |one| one.components = vec!["parts/pin".to_owned()]);
    let by_variable = overridden(APP, |one| {
        one.images = vec![facts::flux::ImageOverride {
            tag: Some("${pinned}".to_owned()),
            ..image_of(3)
        }];
    });
    for world in [by_component, by_variable] {
        assert_eq!(codes(&world, APP), ["release-overridden"; 2]);
    }
}

#[test]
fn a_release_that_a_patch_overrides_is_not_on_its_way() {
    let world = overridden("search", by_patch);
    assert_eq!(codes(&world, "search"), ["release-overridden"; 2]);
    // Helm's own images are none of the Kustomization's.
    let world = overridden("search", |one| {
        let name = image("search");
        let tag = Some(tag("search", 3));
        one.images = vec![facts::flux::ImageOverride {
            name,
            tag,
            ..image_of(3)
        }];
    });
    assert_eq!(
        codes(&world, "search"),
        ["apply-running", "rollout-drifted"]
    );
}

#[test]
fn an_override_that_names_another_image_than_the_live_one_excuses_no_hand() {
    let world = overridden(APP, |one| one.images = vec![image_of(2)]);
    assert_eq!(codes(&world, APP), ["rollout-drifted"; 2]);
}

#[test]
fn a_patch_excuses_no_hand_that_left_its_name_since() {
    for app in APPS {
        let mut world = overridden(app, by_patch);
        let edit = |world: &mut World, minutes| {
            let edited = Some(Edited {
                manager: "kubectl-set".to_owned(),
                at: world.ago(minutes),
            });
            world.edit(PROD, |facts| match app {
                "search" => {
                    let release = facts.helm_releases.get_mut(&key("shop", app));
                    release.unwrap().edited = edited;
                }
                _ => {
                    let named = (Kind::Deployment, key("shop", app));
                    facts.workloads.get_mut(&named).unwrap().edited = edited;
                }
            });
        };
        edit(&mut world, 2);
        assert_eq!(codes(&world, app), ["rollout-drifted"; 2]);
        // What Flux has set back since is no hand's any more.
        edit(&mut world, 60);
        assert_eq!(codes(&world, app), ["release-overridden"; 2]);
    }
}

#[test]
fn what_is_suspended_and_overridden_does_not_come_once_it_is_resumed() {
    let suspended = |by: fn(&mut Kustomization)| {
        overridden(APP, |one| {
            by(one);
            one.suspended = true;
        })
    };
    assert_eq!(codes(&suspended(by_image), APP), ["release-overridden"; 2]);
    assert_eq!(codes(&suspended(by_patch), APP), ["apply-suspended"; 2]);
}

#[test]
fn a_workload_that_is_a_moment_behind_flux_is_not_overridden_by_a_patch() {
    let mut world = overridden(APP, by_patch);
    world.apply(APP, PROD, 3, 0);
    assert_eq!(codes(&world, APP), ["rollout-running"; 2]);
}

#[test]
fn what_a_canary_has_not_promoted_is_not_overridden_by_a_patch() {
    let mut world = canary("Succeeded");
    world.edit(PROD, |facts| {
        by_patch(
            facts
                .kustomizations
                .get_mut(&key("flux-system", APP))
                .unwrap(),
        );
    });
    assert_eq!(codes(&world, APP), ["rollout-canary-running"; 2]);
}

#[test]
fn a_release_whose_upgrade_fails_is_not_overridden_by_a_patch() {
    let says = "Helm upgrade failed: context deadline exceeded";
    let mut world = helm(&[
        ("Ready", Status::False, "UpgradeFailed", says),
        ("Released", Status::False, "UpgradeFailed", says),
    ]);
    world.edit(PROD, |facts| {
        by_patch(
            facts
                .kustomizations
                .get_mut(&key("flux-system", "search"))
                .unwrap(),
        );
    });
    assert_eq!(codes(&world, "search"), ["apply-helm-failed"; 2]);
}

#[test]
fn an_override_that_brings_the_commit_is_no_obstacle() {
    let mut world = pushed();
    world.roll(APP, PROD, 4, 20);
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        one.unwrap().images = vec![image_of(4)];
    });
    assert_eq!(prod(&world, 4).state, State::Deployed);
}

#[test]
fn a_commit_that_sets_no_image_is_not_kept_away_by_an_override_of_it() {
    for by in [by_image, by_patch] {
        let mut world = overridden(APP, by);
        world.commit(FLEET, "fleet", 4, 20);
        let touched = vec!["base/notes.yaml".to_owned()];
        for number in [2, 4] {
            let touched = touched.clone();
            world
                .repo(FLEET)
                .touched
                .insert(sha("fleet", number), touched);
        }
        world.fetch(PROD, 4, 18);
        world.apply(APP, PROD, 4, 18);
        let journey = one(&world, &sha("fleet", 4), APP, PROD);
        assert_eq!(journey.state, State::Deployed, "{journey:#?}");
        assert_eq!(codes(&world, APP), ["release-overridden"; 2]);
        // The newest entry alone was read: what came before it may have set the image.
        let declared = &mut world.repo(FLEET).declared;
        let own = ("main".to_owned(), path(APP, PROD));
        let history = declared.get_mut(&own).unwrap();
        history.entries.truncate(1);
        history.complete = false;
        let [after, before] = [4, 2].map(|number| one(&world, &sha("fleet", number), APP, PROD));
        assert_eq!(after.state, State::Deployed);
        assert_eq!(before.state, State::Unknown, "{before:#?}");
    }
}

#[test]
fn a_commit_that_git_declares_is_not_kept_away_by_its_branch() {
    let mut world = overridden(APP, by_image);
    let repo = world.repo(&source(APP));
    repo.branches.insert("main".to_owned(), sha(APP, 3));
    repo.branches
        .insert("retry-capture".to_owned(), sha(APP, 4));
    repo.commits.get_mut(&sha(APP, 4)).unwrap().branches = vec!["retry-capture".to_owned()];
    assert_eq!(codes(&world, APP)[0], "release-overridden");
}

#[test]
fn an_override_that_was_taken_out_a_moment_ago_is_nobodys_change_of_the_workload() {
    let world = overridden(APP, |one| one.meta.generation += 1);
    assert_eq!(codes(&world, APP), ["apply-running"; 2]);
    // Once Flux has taken that up, it would have set the workload back.
    let world = overridden(APP, |one| {
        one.meta.generation += 1;
        one.observed_generation += 1;
    });
    assert_eq!(codes(&world, APP), ["rollout-drifted"; 2]);
}
