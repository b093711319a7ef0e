//! Tests only: which commit is meant, and what taking it back means.

use super::*;

#[test]
fn a_squashed_pull_request_is_followed_to_what_reached_the_branch() {
    let mut world = branched();
    world.commit(&source(APP), APP, 3, 1980);
    world.commit(&source(APP), APP, 5, 30);
    let pull = pull(
        &world,
        PullState::Merged {
            sha: sha(APP, 5),
            at: world.ago(30),
        },
    );
    world
        .repo(&source(APP))
        .pulls
        .insert(sha(APP, 4), vec![pull]);
    runs(&mut world, 5);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(notes(&world, &journey).contains("brought it to the branch"));
    assert_eq!(journey.commit.unwrap().sha, sha(APP, 4));
}

#[test]
fn a_hotfix_that_runs_is_deployed_although_its_branch_does_not_release() {
    let mut world = branched();
    runs(&mut world, 4);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(notes(&world, &journey).contains("it is on branch retry-capture"));
}

#[test]
fn a_hotfix_that_diverged_is_said_beside_what_it_holds_up() {
    let mut world = branched();
    runs(&mut world, 4);
    world.commit(&source(APP), APP, 6, 30);
    world.build(APP, 6, 20);
    let journey = prod(&world, 6);
    assert_eq!(journey.state, State::NeedsPromotion, "{journey:#?}");
    assert!(notes(&world, &journey).contains("line of its own: it has 1 commit"));
}

#[test]
fn a_contained_revert_outranks_ancestry() {
    let mut world = reverted();
    runs(&mut world, 5);
    assert_eq!(prod(&world, 4).state, State::Reverted);
    assert_eq!(prod(&world, 5).state, State::Deployed);
}

#[test]
fn a_revert_that_has_not_arrived_does_not_hide_what_runs() {
    let mut world = reverted();
    runs(&mut world, 4);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed);
    assert!(notes(&world, &journey).contains("is not here yet"));
}

#[test]
fn a_reverted_revert_brings_the_commit_back() {
    let mut world = reverted();
    world.commit(&source(APP), APP, 6, 10);
    revert(&mut world, 5, 6);
    runs(&mut world, 6);
    assert_eq!(prod(&world, 4).state, State::Superseded);
    assert_eq!(prod(&world, 5).state, State::Reverted);
}

#[test]
fn commits_pushed_together_are_built_as_the_newest_of_them() {
    let mut world = committed();
    world.commit(&source(APP), APP, 5, 40);
    world.build(APP, 5, 34);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::NeedsPromotion, "{journey:#?}");
    assert!(matches!(journey.stages[2].state, StageState::Done));
}

/// A third app, `cart`, built from checkout's repository.
pub(super) fn monorepo(mut world: World) -> World {
    for number in 2..=3 {
        world.publish("cart", number, 1900);
        let image = world
            .images
            .get_mut(&(image("cart"), digest("cart", number)))
            .unwrap();
        image.source = Some(format!("https://{}", source(APP)));
        image.revision = Some(sha(APP, number));
    }
    for (cluster, _) in CLUSTERS {
        world.workload("cart", cluster, 3, 1890);
        world.edit(cluster, |facts| {
            let workload = facts
                .workloads
                .get_mut(&(Kind::Deployment, key(namespace(cluster), "cart")))
                .unwrap();
            let name = "kustomize.toolkit.fluxcd.io/name".to_owned();
            workload.meta.labels.insert(name, APP.to_owned());
        });
        let history = world
            .repo(FLEET)
            .declared
            .get_mut(&("main".to_owned(), path(APP, cluster)))
            .unwrap();
        for entry in &mut history.entries {
            let mut cart = entry.images[0].clone();
            cart.repository = image("cart");
            cart.tag = Some(tag("cart", 3));
            entry.images.push(cart);
        }
    }
    world
}

#[test]
fn a_job_skipped_by_a_filter_means_that_the_app_is_not_affected() {
    let mut world = monorepo(pushed());
    let mut run = world.run(APP, 4, CiState::Succeeded, 34);
    run.jobs[0].name = "build (checkout)".to_owned();
    let mut skipped = run.jobs[0].clone();
    skipped.name = "build (cart)".to_owned();
    skipped.state = CiState::Skipped;
    run.jobs.push(skipped);
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    let journey = one(&world, &sha(APP, 4), "cart", PROD);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
    assert_eq!(prod(&world, 4).state, State::NeedsPromotion);
}

#[test]
fn a_commit_that_touches_only_another_apps_folder_does_not_affect_this_one() {
    let mut world = monorepo(pushed());
    world
        .repo(&source(APP))
        .touched
        .insert(sha(APP, 4), vec!["services/checkout/main.rs".to_owned()]);
    assert_eq!(
        one(&world, &sha(APP, 4), "cart", PROD).state,
        State::NotAffected
    );
    world.repo(&source(APP)).touched.insert(
        sha(APP, 4),
        vec!["services/checkout/a".to_owned(), "lib/b".to_owned()],
    );
    let journey = one(&world, &sha(APP, 4), "cart", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "image-never-pushed");
}

#[test]
fn a_job_skipped_because_another_failed_is_no_filter() {
    let mut world = monorepo(pushed());
    let mut run = world.run(APP, 4, CiState::Failed, 34);
    run.jobs[0].name = "unit tests".to_owned();
    run.jobs[0].state = CiState::Failed;
    let mut skipped = run.jobs[0].clone();
    skipped.name = "build (cart)".to_owned();
    skipped.state = CiState::Skipped;
    run.jobs.push(skipped);
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    let journey = one(&world, &sha(APP, 4), "cart", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "build-failed");
}

#[test]
fn a_skipped_workflow_that_builds_nothing_is_no_filter() {
    let mut world = committed();
    let mut run = world.run(APP, 4, CiState::Skipped, 34);
    run.name = "label pull requests".to_owned();
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    assert_ne!(prod(&world, 4).state, State::NotAffected);
}

#[test]
fn the_parent_of_a_commit_is_not_the_commit() {
    let world = delivered();
    for text in ["~1", "^", "..main", "@{1}"] {
        let asked = format!("{}{text}", &sha(APP, 4)[..7]);
        let answer = world.answer(&ask(&asked)).answer;
        assert!(answer.is_err(), "{asked}: {answer:#?}");
    }
}
