//! Tests only: a commit to a folder that is not an app's own, and what of it reaches the app. Each test is named after what
//! must not be called untouched, or in effect.

use super::*;
use crate::trials::ask;

/// Commit 4 of the fleet, ten minutes old, touches one file of another folder; Flux has fetched it.
fn touching(file: &str) -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let touched = vec![file.to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.fetch(PROD, 4, 9);
    world
}

fn search(world: &World) -> Journey {
    one(world, &sha("fleet", 4), "search", PROD)
}

fn kustomization(
    world: &mut World,
    name: &str,
    change: impl FnOnce(&mut facts::flux::Kustomization),
) {
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", name));
        change(one.unwrap());
    });
}

fn release(world: &mut World, change: impl FnOnce(&mut facts::flux::HelmRelease)) {
    world.edit(PROD, |facts| {
        change(facts.helm_releases.get_mut(&key("shop", "search")).unwrap());
    });
}

/// What is declared in another folder is not applied, then applied.
fn waits_for_what_declares_it(mut world: World) {
    world.apply("search", PROD, 4, 8);
    let journey = search(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
    world.apply("infra", PROD, 4, 8);
    let again = world.ago(1);
    kustomization(&mut world, "search", |one| {
        one.history[0].last = Some(again)
    });
    release(&mut world, |one| {
        one.history[0].last = one.history[0].last.map(|_| jiff::Timestamp::MAX)
    });
    let journey = search(&world);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
}

#[test]
fn a_source_that_is_declared_elsewhere_is_not_untouched() {
    waits_for_what_declares_it(touching("infra/fleet.yaml"));
    let other = search(&touching("infra/another.yaml"));
    assert_eq!(other.state, State::NotAffected, "{other:#?}");
}

#[test]
fn a_charts_source_that_is_declared_elsewhere_is_not_untouched() {
    let world = touching("infra/charts.yaml");
    let beside = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(beside.state, State::NotAffected, "it has no chart");
    waits_for_what_declares_it(world);
}

#[test]
fn values_that_are_declared_elsewhere_are_not_untouched() {
    let mut world = touching("infra/values.yaml");
    assert_eq!(
        search(&world).state,
        State::NotAffected,
        "nobody reads them"
    );
    release(&mut world, |one| {
        one.values_from = vec![reference("ConfigMap", "shop", "values")]
    });
    waits_for_what_declares_it(world);
}

#[test]
fn what_is_substituted_from_elsewhere_is_not_untouched() {
    let mut world = touching("infra/settings.yaml");
    let settings = vec![reference("ConfigMap", "flux-system", "settings")];
    kustomization(&mut world, "search", |one| one.substitutes = settings);
    waits_for_what_declares_it(world);
}

#[test]
fn a_component_elsewhere_is_not_untouched() {
    let mut world = touching("parts/tls/patch.yaml");
    assert_eq!(search(&world).state, State::NotAffected);
    let component = vec!["parts/tls".to_owned()];
    kustomization(&mut world, "search", |one| one.components = component);
    let journey = search(&world);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn values_that_helm_has_not_looked_at_are_not_in_effect() {
    let mut world = touching("apps/production/search/values.yaml");
    world.apply("search", PROD, 4, 8);
    assert_eq!(search(&world).state, State::Deployed, "nobody reads them");
    release(&mut world, |one| {
        one.values_from = vec![reference("ConfigMap", "shop", "values")]
    });
    let journey = search(&world);
    assert_eq!(journey.state, State::Waiting, "{journey:#?}");
    let said = read_aloud(&world, &journey.headline);
    assert!(
        said.contains("has not looked at ConfigMap values"),
        "{said}"
    );
    // It looks at them every ten minutes: once that has passed, what did not need an upgrade has none.
    world.now = world.ago(-4);
    assert_eq!(search(&world).state, State::Deployed);
}

#[test]
fn what_is_substituted_is_not_in_effect_before_it_is_built_again() {
    let mut world = touching("apps/production/checkout/settings.yaml");
    world.apply(APP, PROD, 4, 8);
    let settings = vec![reference("ConfigMap", "flux-system", "settings")];
    kustomization(&mut world, APP, |one| {
        one.substitutes = settings;
        one.history[0].last = one.history[0].first;
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Waiting, "{journey:#?}");
    let again = world.ago(2);
    kustomization(&mut world, APP, |one| one.history[0].last = Some(again));
    assert_eq!(
        one(&world, &sha("fleet", 4), APP, PROD).state,
        State::Deployed
    );
}

#[test]
fn a_charts_values_file_beside_it_is_not_untouched() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let touched = vec!["values/production.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.edit(PROD, |facts| {
        let one = facts.helm_releases.get_mut(&key("shop", "search")).unwrap();
        one.chart = Some("./charts/search".to_owned());
        one.source = Some(reference("GitRepository", "flux-system", "fleet"));
    });
    assert_eq!(search(&world).state, State::NotAffected);
    release(&mut world, |one| {
        one.values_files = vec!["values/production.yaml".to_owned()]
    });
    let journey = search(&world);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn nobody_is_asked_who_is_known_not_to_declare_it() {
    // Who declares the source is known by its label: what other Kustomizations declare is of no interest.
    let mut world = touching("infra/fleet.yaml");
    world.edit(PROD, |facts| {
        for source in facts.sources.values_mut() {
            for (label, value) in [("name", "infra"), ("namespace", "flux-system")] {
                let label = format!("kustomize.toolkit.fluxcd.io/{label}");
                source.meta.labels.insert(label, value.to_owned());
            }
        }
        for one in facts.kustomizations.values_mut() {
            for (label, value) in [("name", "infra"), ("namespace", "flux-system")] {
                let label = format!("kustomize.toolkit.fluxcd.io/{label}");
                one.meta.labels.insert(label, value.to_owned());
            }
        }
    });
    let (facts, _) = world.gathered(&ask(&sha("fleet", 4)));
    let asked = facts.code.repositories[FLEET].concerns.keys();
    let elsewhere = asked
        .filter(|(_, path, objects)| !objects.is_empty() && path.starts_with("apps/production"));
    assert_eq!(elsewhere.count(), 0);
    assert!(!search(&world).state.is_settled());
}
