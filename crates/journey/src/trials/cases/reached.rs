//! Tests only: which environments a configuration commit reaches, and when. Each test is named after what must not go
//! wrong.

use super::*;

/// The Kustomizations of the apps are declared below `clusters/production` and applied by `infra`.
fn with_parent() -> World {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let parent = facts.kustomizations.get_mut(&key("flux-system", "infra"));
        parent.unwrap().path = "clusters/production".to_owned();
        for name in APPS {
            let one = facts.kustomizations.get_mut(&key("flux-system", name));
            let one = one.unwrap();
            for (label, value) in [("name", "infra"), ("namespace", "flux-system")] {
                let label = format!("kustomize.toolkit.fluxcd.io/{label}");
                one.meta.labels.insert(label, value.to_owned());
            }
        }
    });
    world
}

/// Commit 4 of the fleet touches a file; Flux has fetched it, and each named Kustomization has applied it.
fn touch(world: &mut World, file: &str, applied_by: &[&str]) {
    world.commit(FLEET, "fleet", 4, 20);
    let touched = vec![file.to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.fetch(PROD, 4, 18);
    for name in applied_by {
        world.apply(name, PROD, 4, 18);
    }
}

#[test]
fn a_change_that_the_suspended_parent_did_not_apply_is_not_in_effect_nor_nothing() {
    let mut world = with_parent();
    touch(
        &mut world,
        "clusters/production/checkout.yaml",
        &["infra", APP, "search"],
    );
    let asked = sha("fleet", 4);
    assert_eq!(one(&world, &asked, APP, PROD).state, State::Deployed);
    assert_eq!(
        one(&world, &asked, "search", PROD).state,
        State::NotAffected
    );
    // The parent is suspended and still at the commit before; ours fetches by itself.
    world.edit(PROD, |facts| {
        let parent = facts.kustomizations.get_mut(&key("flux-system", "infra"));
        let parent = parent.unwrap();
        parent.suspended = true;
        parent.meta.generation += 1;
        parent.applied = Some(revision(3));
        parent.attempted = Some(revision(3));
    });
    let journey = one(&world, &asked, APP, PROD);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Blocked, Some(StageKind::Apply)),
        "{journey:#?}"
    );
    let cause = journey.cause.unwrap();
    assert_eq!(
        (cause.code.as_str(), cause.object.name.as_str()),
        ("apply-suspended", "infra")
    );
}

#[test]
fn what_a_pull_request_does_not_touch_does_not_wait_for_its_merge() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let file = format!("{}/replicas.yaml", path(APP, PROD));
    world
        .repo(FLEET)
        .touched
        .insert(sha("fleet", 4), vec![file]);
    // It is on no branch yet.
    let before = sha("fleet", 3);
    world.repo(FLEET).branches.insert("main".to_owned(), before);
    let asked = sha("fleet", 4);
    let other = one(&world, &asked, "search", PROD);
    assert_eq!(other.state, State::NotAffected, "{other:#?}");
    let ours = one(&world, &asked, APP, PROD);
    assert_eq!(
        (ours.state, ours.blocking_stage),
        (State::Blocked, Some(StageKind::Commit)),
        "{ours:#?}"
    );
}

#[test]
fn a_change_that_is_taken_back_and_still_here_is_not_called_reverted() {
    let mut world = delivered();
    touch(&mut world, "base/notes.yaml", &[APP]);
    world.commit(FLEET, "fleet", 5, 5);
    world.revert(FLEET, "fleet", 4, 5, 5);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(notes(&world, &journey).contains("which is not here yet"));
    // Tried is live before it is applied, and once the revert is applied it is reverted.
    world.fetch(PROD, 5, 4);
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        one.unwrap().attempted = Some(revision(5));
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
    world.apply(APP, PROD, 5, 4);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
}
