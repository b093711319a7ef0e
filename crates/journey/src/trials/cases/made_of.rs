//! Tests only: a commit to a folder that is not an app's own, and what of it reaches the app. Each test is named after what
//! must not be said of it.

use std::collections::BTreeSet;

use facts::Facts;
use facts::flux::{Artifact, HelmRelease, Kustomization, Revision};
use facts::meta::Meta;

use super::*;
use crate::trials::ask;

/// Commit 4 of the fleet, ten minutes old, touches one file of another folder; Flux has fetched it.
fn touching(file: &str) -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 10);
    let touched = vec![file.to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    world.fetch(PROD, 4, 9);
    world.edit(PROD, |facts| {
        facts.sources.change(|one| by_infra(&mut one.meta));
    });
    world
}

/// Flux says that the Kustomization infra applied it.
fn by_infra(meta: &mut Meta) {
    for (label, value) in [("name", "infra"), ("namespace", "flux-system")] {
        let label = format!("kustomize.toolkit.fluxcd.io/{label}");
        meta.labels.insert(label, value.to_owned());
    }
}

/// A Kustomization has applied an object that is not read.
fn lists(world: &mut World, name: &str, kind: &str, namespace: &str, object: &str) {
    let entry = reference(kind, namespace, object);
    world.kustomization(PROD, name, |one| one.inventory.push(entry));
}

fn search(world: &World) -> Journey {
    one(world, &sha("fleet", 4), "search", PROD)
}

fn checkout(world: &World) -> Journey {
    one(world, &sha("fleet", 4), APP, PROD)
}

fn release(world: &mut World, change: impl FnOnce(&mut HelmRelease)) {
    world.edit(PROD, |facts| {
        change(facts.helm_releases.get_mut(&key("shop", "search")).unwrap());
    });
}

/// What a Kustomization built has the digest that it had before, and was built last at a time.
fn as_before(world: &mut World, name: &str, minutes: i64) {
    let (first, last) = (world.ago(minutes + 2_000), world.ago(minutes));
    world.kustomization(PROD, name, |one| {
        one.history.truncate(1);
        (one.history[0].first, one.history[0].last) = (Some(first), Some(last));
    });
}

/// What is declared in another folder is not applied, then applied.
fn waits_for_what_declares_it(mut world: World) {
    world.apply("search", PROD, 4, 8);
    let journey = search(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
    world.apply("infra", PROD, 4, 8);
    as_before(&mut world, "search", 1);
    let upgraded = world.ago(1);
    release(&mut world, |one| one.history[0].last = Some(upgraded));
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
    let beside = checkout(&world);
    assert_eq!(beside.state, State::NotAffected, "it has no chart");
    waits_for_what_declares_it(world);
}

#[test]
fn values_that_are_declared_elsewhere_are_not_untouched() {
    let mut world = touching("infra/values.yaml");
    lists(&mut world, "infra", "ConfigMap", "shop", "values");
    assert_eq!(
        search(&world).state,
        State::NotAffected,
        "nobody reads them"
    );
    let values = vec![reference("ConfigMap", "shop", "values")];
    release(&mut world, |one| one.values_from = values);
    waits_for_what_declares_it(world);
}

#[test]
fn what_is_substituted_from_elsewhere_is_not_untouched() {
    let mut world = touching("infra/settings.yaml");
    lists(&mut world, "infra", "ConfigMap", "flux-system", "settings");
    let settings = vec![reference("ConfigMap", "flux-system", "settings")];
    world.kustomization(PROD, "search", |one| one.substitutes = settings);
    waits_for_what_declares_it(world);
}

#[test]
fn a_secret_that_something_else_writes_is_not_untouched() {
    let mut world = touching("infra/keys.yaml");
    lists(&mut world, "infra", "SealedSecret", "flux-system", "keys");
    let keys = vec![reference("Secret", "flux-system", "keys")];
    world.kustomization(PROD, APP, |one| one.substitutes = keys);
    let journey = checkout(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
}

#[test]
fn a_kustomization_that_a_resource_set_makes_is_not_untouched() {
    let mut world = touching("infra/apps.yaml");
    lists(&mut world, "infra", "ResourceSet", "flux-system", "apps");
    assert_eq!(checkout(&world).state, State::NotAffected);
    world.kustomization(PROD, APP, |one| {
        for (label, value) in [("name", "apps"), ("namespace", "flux-system")] {
            let label = format!("resourceset.fluxcd.controlplane.io/{label}");
            one.meta.labels.insert(label, value.to_owned());
        }
    });
    let journey = checkout(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
}

#[test]
fn a_component_elsewhere_is_not_untouched() {
    let mut world = touching("parts/tls/patch.yaml");
    assert_eq!(search(&world).state, State::NotAffected);
    let component = vec!["parts/tls".to_owned()];
    world.kustomization(PROD, "search", |one| one.components = component);
    let journey = search(&world);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn what_is_given_another_name_elsewhere_is_not_untouched() {
    let mut world = touching("infra/another.yaml");
    assert_eq!(checkout(&world).state, State::NotAffected);
    world.kustomization(PROD, "infra", |one| one.renames = true);
    let journey = checkout(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
}

#[test]
fn what_is_packed_from_nobody_knows_what_is_not_untouched() {
    let mut world = touching("infra/fleet.yaml");
    world.edit(PROD, |facts| {
        let mut one = facts
            .sources
            .get(&(Kind::GitRepository, key("flux-system", "fleet")))
            .unwrap()
            .clone();
        one.kind = Kind::OCIRepository;
        one.meta.name = "packed".to_owned();
        facts
            .sources
            .insert((Kind::OCIRepository, one.meta.key()), one);
    });
    let packed = reference("OCIRepository", "flux-system", "packed");
    world.kustomization(PROD, "infra", |one| one.source = packed);
    assert_eq!(checkout(&world).state, State::Unknown);
}

#[test]
fn another_app_that_fails_is_no_reason() {
    // Nobody is known to have applied the source: an operator made it.
    let mut world = touching("apps/production/search/kustomization.yaml");
    world.edit(PROD, |facts| {
        facts.sources.change(|one| one.meta.labels.clear());
    });
    let since = world.ago(8);
    world.kustomization(PROD, "search", |one| {
        one.attempted = Some(revision(4));
        let message = "kustomize build failed";
        one.conditions = vec![condition(
            "Ready",
            Status::False,
            "BuildFailed",
            message,
            since,
        )];
    });
    world.apply(APP, PROD, 4, 8);
    let journey = checkout(&world);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
}

/// Kustomizations may be listed in their own namespace only, and nobody is known to have applied the sources.
fn one_namespace(world: &mut World) {
    world.edit(PROD, |facts| {
        facts.sources.change(|one| one.meta.labels.clear());
        let message = "kustomizations is forbidden".to_owned();
        let all = (Kind::Kustomization, facts::cluster::Scope::All);
        let seen = facts.coverage[&all].clone();
        facts.coverage.insert(all, Coverage::Denied { message });
        let here = facts::cluster::Scope::Namespace("flux-system".to_owned());
        facts.coverage.insert((Kind::Kustomization, here), seen);
    });
}

#[test]
fn a_person_who_sees_one_namespace_is_not_left_without_answers() {
    let mut world = touching("apps/production/checkout/settings.yaml");
    world.apply(APP, PROD, 4, 8);
    one_namespace(&mut world);
    assert_eq!(checkout(&world).state, State::Deployed);
}

#[test]
fn what_is_not_known_of_one_part_hid_what_the_one_above_had_not_applied() {
    // Who applied the settings is not known; that infra applies checkout's Kustomization is.
    let mut world = touching("infra/checkout.yaml");
    let own = "apps/production/checkout/notes.yaml".to_owned();
    let touched = world.repo(FLEET).touched.get_mut(&sha("fleet", 4));
    touched.unwrap().push(own);
    world.apply(APP, PROD, 4, 8);
    one_namespace(&mut world);
    let settings = vec![reference("ConfigMap", "elsewhere", "settings")];
    world.kustomization(PROD, APP, |one| {
        by_infra(&mut one.meta);
        one.substitutes = settings;
    });
    let journey = checkout(&world);
    let cause = journey.cause.expect("what has not applied it");
    assert_eq!(cause.object.name, "infra", "{:?}", journey.state);
}

#[test]
fn values_that_helm_has_not_looked_at_are_not_in_effect() {
    let mut world = touching("apps/production/search/values.yaml");
    lists(&mut world, "search", "ConfigMap", "shop", "values");
    world.apply("search", PROD, 4, 8);
    assert_eq!(search(&world).state, State::Deployed, "nobody reads them");
    let values = vec![reference("ConfigMap", "shop", "values")];
    release(&mut world, |one| one.values_from = values);
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
fn values_whose_name_is_made_of_them_were_not_said_to_be_looked_at_later() {
    let mut world = touching("apps/production/search/kustomization.yaml");
    let generated = "values-7c9bt5h6k2";
    lists(&mut world, "search", "ConfigMap", "shop", generated);
    world.apply("search", PROD, 4, 6);
    let (upgraded, values) = (
        world.ago(7),
        vec![reference("ConfigMap", "shop", generated)],
    );
    release(&mut world, |one| {
        one.values_from = values;
        one.history[0].last = Some(upgraded);
    });
    assert_eq!(search(&world).state, State::Deployed);
}

/// Infra declares what checkout substitutes.
fn settings() -> World {
    let mut world = touching("infra/settings.yaml");
    lists(&mut world, "infra", "ConfigMap", "flux-system", "settings");
    substitutes(&mut world);
    world
}

/// Checkout substitutes from settings, and was built once only.
fn substitutes(world: &mut World) {
    let settings = vec![reference("ConfigMap", "flux-system", "settings")];
    let took = Some(SignedDuration::from_secs(2));
    world.kustomization(PROD, APP, |one| {
        one.substitutes = settings;
        one.history[0].last = one.history[0].first;
        one.history[0].took = took;
    });
}

#[test]
fn settings_that_changed_what_is_built_were_said_not_to_be_looked_at() {
    let mut world = settings();
    world.apply("infra", PROD, 4, 8);
    // Built anew with them, with a digest of its own.
    world.apply(APP, PROD, 4, 3);
    assert_eq!(checkout(&world).state, State::Deployed);
}

#[test]
fn settings_that_nobody_changed_were_said_not_to_be_looked_at() {
    // They were applied by hand, or by another Kustomization; the commit changes something else of checkout's.
    for lister in [None, Some("infra")] {
        let mut world = touching("apps/production/checkout/notes.yaml");
        let own = (path(APP, PROD), BTreeSet::new());
        world.repo(FLEET).objects.extend([own]);
        if let Some(lister) = lister {
            lists(&mut world, lister, "ConfigMap", "flux-system", "settings");
        }
        world.apply(APP, PROD, 4, 8);
        substitutes(&mut world);
        assert_eq!(checkout(&world).state, State::Deployed);
    }
}

#[test]
fn settings_that_came_while_it_was_built_are_not_in_effect() {
    let mut world = settings();
    world.apply(APP, PROD, 4, 6);
    as_before(&mut world, APP, 6);
    world.apply("infra", PROD, 4, 8);
    assert_eq!(checkout(&world).state, State::Deployed);
    // Both began at once, and it waited for its health.
    let took = Some(SignedDuration::from_mins(3));
    world.kustomization(PROD, APP, |one| one.history[0].took = took);
    let journey = checkout(&world);
    assert_eq!(journey.state, State::Waiting, "{journey:#?}");
}

#[test]
fn settings_that_break_the_build_are_not_in_effect() {
    let mut world = settings();
    world.now = world.ago(-60);
    world.apply(APP, PROD, 4, 68);
    as_before(&mut world, APP, 68);
    world.apply("infra", PROD, 4, 67);
    let since = world.ago(57);
    world.kustomization(PROD, APP, |one| {
        let message = "post build failed: variable not set: domain";
        one.conditions = vec![condition(
            "Ready",
            Status::False,
            "BuildFailed",
            message,
            since,
        )];
    });
    let journey = checkout(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
}

#[test]
fn settings_that_a_suspended_object_never_looks_at_are_not_in_effect() {
    let mut world = settings();
    world.apply(APP, PROD, 4, 8);
    as_before(&mut world, APP, 8);
    world.apply("infra", PROD, 4, 7);
    world.kustomization(PROD, APP, |one| {
        one.suspended = true;
        one.meta.generation += 1;
    });
    let journey = checkout(&world);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
}

#[test]
fn what_is_substituted_is_not_in_effect_before_it_is_built_again() {
    let mut world = touching("apps/production/checkout/settings.yaml");
    lists(&mut world, APP, "ConfigMap", "flux-system", "settings");
    world.apply(APP, PROD, 4, 8);
    substitutes(&mut world);
    assert_eq!(checkout(&world).state, State::Waiting);
    let again = world.ago(2);
    world.kustomization(PROD, APP, |one| one.history[0].last = Some(again));
    assert_eq!(checkout(&world).state, State::Deployed);
}

#[test]
fn a_source_that_flux_has_not_taken_up_is_not_in_effect() {
    for (file, kind, name) in [
        ("infra/fleet.yaml", Kind::GitRepository, "fleet"),
        ("infra/charts.yaml", Kind::HelmRepository, "charts"),
    ] {
        let mut world = touching(file);
        world.apply("search", PROD, 4, 8);
        world.apply("infra", PROD, 4, 8);
        assert_eq!(search(&world).state, State::Deployed);
        world.edit(PROD, |facts| {
            let source = facts.sources.get_mut(&(kind, key("flux-system", name)));
            source.unwrap().meta.generation = 2;
        });
        let journey = search(&world);
        assert_eq!(journey.state, State::Moving, "{journey:#?}");
    }
}

#[test]
fn a_commit_was_applied_before_it_was_made_because_helm_had_nothing_to_do() {
    let mut world = touching("apps/production/search/notes.yaml");
    world.apply("search", PROD, 4, 8);
    let journey = search(&world);
    assert_eq!(journey.state, State::Deployed);
    let said = read_aloud(&world, &journey.headline);
    assert!(said.contains("8 min") && !said.contains("28 min"), "{said}");
}

#[test]
fn a_charts_values_file_beside_it_is_not_untouched() {
    let mut world = touching("values/production.yaml");
    release(&mut world, |one| {
        one.chart = Some("./charts/search".to_owned());
        one.source = Some(reference("GitRepository", "flux-system", "fleet"));
    });
    assert_eq!(search(&world).state, State::NotAffected);
    let files = vec!["values/production.yaml".to_owned()];
    release(&mut world, |one| one.values_files = files);
    let journey = search(&world);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn a_chart_that_a_helm_chart_takes_from_git_is_not_untouched() {
    let mut world = touching("charts/search/templates/deployment.yaml");
    assert_eq!(search(&world).state, State::NotAffected);
    world.edit(PROD, |facts| {
        let named = (Kind::HelmChart, key("flux-system", "shop-search"));
        let chart = facts.sources.get_mut(&named).unwrap();
        chart.chart = Some("./charts/search".to_owned());
        chart.chart_source = Some(reference("GitRepository", "flux-system", "fleet"));
        let release = facts.helm_releases.get_mut(&key("shop", "search")).unwrap();
        release.chart = None;
        release.source = Some(reference("HelmChart", "flux-system", "shop-search"));
    });
    let journey = search(&world);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn what_a_source_is_pinned_to_is_not_fetched_by_itself() {
    let mut world = touching("apps/production/checkout/settings.yaml");
    world.fetch(PROD, 3, 40);
    world.edit(PROD, |facts| {
        let source = facts
            .sources
            .get_mut(&(Kind::GitRepository, key("flux-system", "fleet")));
        source.unwrap().reference = facts::flux::SourceReference::Fixed(sha("fleet", 3));
    });
    let journey = checkout(&world);
    assert_eq!(journey.state, State::NeedsPromotion, "{journey:#?}");
    let said = read_aloud(&world, &journey.headline);
    assert!(said.contains("is pinned to"), "{said}");
}

#[test]
fn a_path_that_was_moved_while_it_was_suspended_is_not_in_effect() {
    let mut world = touching("apps/new/checkout/settings.yaml");
    world.apply(APP, PROD, 4, 8);
    let declared = |path: &str| ("main".to_owned(), path.to_owned());
    let repo = world.repo(FLEET);
    let history = repo.declared[&declared(&path(APP, PROD))].clone();
    repo.declared.insert(declared("apps/new/checkout"), history);
    let edited = facts::kubernetes::Edited {
        manager: "kubectl-edit".to_owned(),
        at: world.now,
    };
    world.kustomization(PROD, APP, |one| {
        one.path = "apps/new/checkout".to_owned();
        one.suspended = true;
        one.edited = Some(edited);
        one.meta.generation += 1;
    });
    let journey = checkout(&world);
    assert!(!journey.state.is_settled(), "{journey:#?}");
}

/// The same app many times over, each with a Kustomization of its own; how many wants and rounds one answer takes.
fn cost(copies: usize, change: impl Fn(&mut Kustomization)) -> (usize, usize) {
    let mut world = touching("README.md");
    world.edit(PROD, |facts| {
        let few = facts.clone();
        for copy in 0..copies {
            let name = format!("{APP}-{copy}");
            let mut one = few
                .kustomizations
                .get(&key("flux-system", APP))
                .unwrap()
                .clone();
            one.meta.name.clone_from(&name);
            one.path = format!("apps/production/{name}");
            one.inventory = vec![reference("Deployment", "shop", &name)];
            change(&mut one);
            facts.kustomizations.insert(one.meta.key(), one);
            let mut workload = few
                .workloads
                .get(&(Kind::Deployment, key("shop", APP)))
                .unwrap()
                .clone();
            workload.meta.name.clone_from(&name);
            let label = "kustomize.toolkit.fluxcd.io/name".to_owned();
            workload.meta.labels.insert(label, name);
            facts
                .workloads
                .insert((Kind::Deployment, workload.meta.key()), workload);
        }
    });
    let mut facts: Facts = world.facts.clone();
    let mut rounds = 0;
    loop {
        let wants = crate::answer(&facts, &ask(&sha("fleet", 4)), world.now).wants;
        if wants.is_empty() {
            return (facts.code.repositories[FLEET].concerns.len(), rounds);
        }
        rounds += 1;
        for want in &wants {
            facts.absorb(world.find(want));
        }
    }
}

#[test]
fn a_hundred_kustomizations_cost_a_few_wants_each_and_no_more_rounds() {
    let (few, rounds) = cost(10, |_| {});
    let (many, more) = cost(100, |_| {});
    assert_eq!(rounds, more);
    assert!(many - few <= 4 * 90, "{few} for 10, {many} for 100");
    let (apart, _) = cost(100, |one| {
        one.substitutes = vec![reference("Secret", "flux-system", "by-terraform")];
    });
    assert!(apart <= many + 100, "{apart}");
}

/// Everything is packed into one artifact, made of the repository's folder `outer`.
fn packed(file: &str, outer: &str) -> World {
    let mut world = touching(file);
    let repo = world.repo(FLEET);
    let history = repo.declared[&("main".to_owned(), path(APP, PROD))].clone();
    repo.declared
        .insert(("main".to_owned(), String::new()), history);
    world.edit(PROD, |facts| {
        let key = (Kind::GitRepository, key("flux-system", "fleet"));
        let mut one = facts.sources.get(&key).unwrap().clone();
        one.kind = Kind::OCIRepository;
        let artifact: &mut Artifact = one.artifact.as_mut().unwrap();
        artifact.origin_source = Some(format!("https://{FLEET}.git"));
        artifact.origin_revision = Some(revision(4));
        artifact.revision = Revision::new("latest@sha256:aa");
        facts
            .sources
            .insert((Kind::OCIRepository, one.meta.key()), one);
        facts.kustomizations.change(|one| {
            one.source = reference("OCIRepository", "flux-system", "fleet");
            one.applied_origin = Some(revision(4));
            one.applied = Some(Revision::new("latest@sha256:aa"));
            one.attempted = one.applied.clone();
            one.path = one.path.strip_prefix(outer).unwrap_or(&one.path).to_owned();
        });
    });
    world
}

#[test]
fn what_is_packed_together_is_compared_together() {
    let state = |file, outer| checkout(&packed(file, outer)).state;
    assert_eq!(
        state("apps/production/search/notes.yaml", ""),
        State::NotAffected
    );
    assert_ne!(state("infra/fleet.yaml", ""), State::NotAffected);
    // Only the folder apps is packed, infra with it.
    assert_eq!(
        state("apps/production/search/notes.yaml", "apps/"),
        State::NotAffected
    );
    assert_ne!(state("apps/infra/fleet.yaml", "apps/"), State::NotAffected);
}

#[test]
fn what_flux_does_not_prove_of_an_applied_commit_was_not_said() {
    let mut world = touching("apps/production/checkout/settings.yaml");
    world.apply(APP, PROD, 4, 8);
    let said = |world: &World| notes(world, &checkout(world));
    assert!(
        said(&world).contains("began before the commit"),
        "{}",
        said(&world)
    );
    world.kustomization(PROD, APP, |one| one.patches = true);
    assert!(
        said(&world).contains("has patches of its own"),
        "{}",
        said(&world)
    );
    world.roll(APP, PROD, 4, 2);
    assert!(!said(&world).contains("began before"), "{}", said(&world));
    assert!(!said(&world).contains("is not read"), "{}", said(&world));
    lists(&mut world, APP, "ConfigMap", "shop", "settings");
    assert!(
        said(&world).contains("ConfigMap settings is not read"),
        "{}",
        said(&world)
    );
    world.kustomization(PROD, APP, |one| one.prunes = false);
    assert!(said(&world).contains("does not prune"), "{}", said(&world));
}

#[test]
fn a_newer_commit_was_said_to_be_applied_before_it_was_made() {
    let mut world = touching("apps/production/checkout/notes.yaml");
    // What is built did not change since commit 3, and Flux is at commit 4.
    world.apply(APP, PROD, 4, 8);
    as_before(&mut world, APP, 1);
    let first = world.ago(28);
    world.kustomization(PROD, APP, |one| one.history[0].first = Some(first));
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.state, State::Superseded, "{journey:#?}");
    let said = read_aloud(&world, &journey.headline);
    assert!(
        said.contains("is applied in") && !said.contains("28 min"),
        "{said}"
    );
}

#[test]
fn what_a_patch_of_the_kustomization_keeps_away_was_said_to_change_nothing() {
    let mut world = touching("base/notes.yaml");
    world.apply(APP, PROD, 4, 8);
    as_before(&mut world, APP, 1);
    let journey = checkout(&world);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
    world.kustomization(PROD, APP, |one| one.patches = true);
    let journey = checkout(&world);
    assert_eq!(journey.state, State::Unknown, "{journey:#?}");
    let readme = vec!["README.md".to_owned()];
    let base = world.repo(FLEET).touched.insert(sha("fleet", 4), readme);
    let untouched = checkout(&world).state;
    assert_eq!(
        untouched,
        State::NotAffected,
        "Git says that it is none of it"
    );
    world
        .repo(FLEET)
        .touched
        .insert(sha("fleet", 4), base.unwrap());
    // Another digest shows that something of it came through.
    let now = world.ago(8);
    world.kustomization(PROD, APP, |one| one.history[0].first = Some(now));
    let journey = checkout(&world);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(notes(&world, &journey).contains("has patches of its own"));
    world.kustomization(PROD, APP, |one| {
        one.patches = false;
        one.images = vec![image_of(3)];
    });
    as_before(&mut world, APP, 1);
    assert_ne!(checkout(&world).state, State::NotAffected);
}
