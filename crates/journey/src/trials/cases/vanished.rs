//! Tests only: what vanished from a cluster, and was only missing from an answer that read like good news. Each test is
//! named after what was wrongly said.

use facts::ClusterFacts;
use facts::kubernetes::Service;
use facts::team::Environment;

use super::*;
use crate::world::company::staging::with_staging;

/// What an answer to a text says that it cannot speak of.
fn unread(world: &World, text: &str) -> Vec<String> {
    let answer = world.answer(&ask(text)).answer.unwrap();
    let said = answer.unread.iter();
    said.map(|one| read_aloud(world, one)).collect()
}

/// The same, and the headlines of workloads that are gone.
fn missed(world: &World, text: &str) -> Vec<String> {
    let journeys = journeys(world, text).into_iter();
    let is_gone = |one: &Journey| {
        let cause = one.cause.as_ref();
        cause.is_some_and(|cause| cause.code == CauseCode::RolloutWorkloadMissing.code())
    };
    let gone = journeys.filter(is_gone);
    let gone = gone.map(|one| read_aloud(world, &one.headline));
    gone.chain(unread(world, text)).collect()
}

fn on_board(world: &World) -> Vec<String> {
    let board = world.board().board;
    let said = board.unread.iter();
    said.map(|one| read_aloud(world, one)).collect()
}

/// Nothing of an app runs in production any more.
fn cleared(facts: &mut ClusterFacts, app: &str) {
    facts.workloads.retain(|(_, key), _| key.name != app);
    facts
        .pods
        .retain(|_, pod| pod.meta.label("app") != Some(app));
    facts.services.remove(&key("shop", app));
    facts
        .endpoint_slices
        .remove(&key("shop", &format!("{app}-1")));
}

/// Production's Kustomization of the app, which applied nothing: its path does not exist.
fn failing(world: &mut World) {
    let since = world.ago(9);
    world.edit(PROD, |facts| {
        cleared(facts, APP);
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.inventory.clear();
        one.history.clear();
        let message = "kustomization path not found: stat /tmp/apps/production/nope";
        one.conditions = vec![condition(
            "Ready",
            Status::False,
            "ArtifactFailed",
            message,
            since,
        )];
    });
}

/// Names a Kustomization of production after its environment.
fn renamed(world: &mut World, name: &str, path: &str) {
    world.edit(PROD, |facts| {
        let mut one = std::sync::Arc::unwrap_or_clone(
            facts
                .kustomizations
                .remove(&key("flux-system", APP))
                .unwrap(),
        );
        name.clone_into(&mut one.meta.name);
        path.clone_into(&mut one.path);
        facts.kustomizations.insert(one.meta.key(), one);
    });
}

/// The company's own words for where its environments live.
fn team(world: &mut World) {
    let environment = |name: &str, cluster: &str, namespace: &str| Environment {
        name: name.to_owned(),
        cluster: Some(cluster.to_owned()),
        namespaces: vec![namespace.to_owned()],
    };
    world.facts.team.environments = vec![
        environment("dev", DEV, "shop-dev"),
        environment("staging", DEV, "shop-staging"),
        environment("production", PROD, "shop"),
    ];
}

#[test]
fn a_first_deployment_that_fails_was_no_deployment_at_all() {
    let mut world = delivered();
    failing(&mut world);
    renamed(&mut world, "checkout-production", "apps/production/nope");
    for with_team in [false, true] {
        if with_team {
            team(&mut world);
        }
        for text in [sha(APP, 4), APP.to_owned(), sha("fleet", 3)] {
            let said = unread(&world, &text);
            assert_eq!(said.len(), 1, "{text}: {said:?}");
            assert!(
                said[0].starts_with(
                    "Kustomization flux-system/checkout-production applies nothing that runs in production: "
                ) && said[0].contains("path not found"),
                "{said:?}"
            );
        }
        assert_eq!(on_board(&world).len(), 1);
        assert_eq!(unread(&world, &sha("search", 4)), [""; 0], "another app");
        let mut elsewhere = ask(&sha(APP, 4));
        elsewhere.environment = Some("dev".to_owned());
        let answer = world.answer(&elsewhere).answer.unwrap();
        assert_eq!(answer.unread, [], "another environment");
    }
}

#[test]
fn an_environment_without_a_name_of_its_own_was_not_missed() {
    // The Kustomization is called like the app; its path alone says where.
    let mut world = delivered();
    failing(&mut world);
    let said = unread(&world, &sha(APP, 4));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("nothing that runs in production"),
        "{said:?}"
    );
    // Nothing says which of a cluster's environments is meant.
    let mut world = with_staging(delivered());
    world.edit(DEV, |facts| {
        facts.workloads.retain(|(_, key), _| key.name != APP);
        facts
            .pods
            .retain(|_, pod| pod.meta.label("app") != Some(APP));
        facts
            .kustomizations
            .remove(&key("flux-system", "checkout-staging"));
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.inventory.clear();
        one.path = "apps/checkout".to_owned();
    });
    let said = unread(&world, &sha(APP, 4));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("nothing that runs in cluster nonprod: its inventory holds no workload"),
        "{said:?}"
    );
}

/// Production, which fails, is on a cluster that is called after no environment, and a copy of the app is there in a
/// namespace that belongs to none.
fn copy_beside_production(path: &str) -> World {
    let mut world = delivered();
    team(&mut world);
    let (copied, pods) = {
        let prod = &world.facts.clusters[PROD];
        let copied = prod
            .workloads
            .get(&(Kind::Deployment, key("shop", APP)))
            .unwrap()
            .clone();
        (copied, prod.pods.clone())
    };
    failing(&mut world);
    renamed(&mut world, APP, path);
    world.edit(PROD, |facts| {
        let mut workload = copied;
        workload.meta.namespace = "tools".to_owned();
        workload.meta.labels.clear();
        facts
            .workloads
            .insert((Kind::Deployment, workload.meta.key()), workload);
        for mut pod in pods.values().cloned() {
            if pod.meta.label("app") == Some(APP) {
                pod.meta.namespace = "tools".to_owned();
                facts.pods.insert(pod.meta.key(), pod);
            }
        }
    });
    let prod = world.facts.clusters.remove(PROD).unwrap();
    world.facts.clusters.insert("eu-1".to_owned(), prod);
    world.facts.team.environments[2].cluster = Some("eu-1".to_owned());
    world
}

#[test]
fn a_missing_production_was_made_up_for_by_a_copy_that_belongs_to_no_environment() {
    let world = copy_beside_production("apps/production/checkout");
    let said = unread(&world, &sha(APP, 4));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with(
            "Kustomization flux-system/checkout applies nothing that runs in production: "
        ),
        "{said:?}"
    );
    assert_eq!(on_board(&world), said);
    // Where nothing tells what was meant, the copy may be it.
    let world = copy_beside_production("apps/checkout");
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
}

#[test]
fn an_environment_pruned_by_a_path_that_moved_was_not_missed() {
    let mut world = with_staging(delivered());
    assert_eq!(journeys(&world, &sha(APP, 4)).len(), 3);
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
    world.edit(DEV, |facts| {
        let of_staging =
            |key: &facts::Key| key.namespace == "shop-staging" && key.name.starts_with(APP);
        facts.workloads.retain(|(_, key), _| !of_staging(key));
        facts.pods.retain(|key, _| !of_staging(key));
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", "checkout-staging"))
            .unwrap();
        one.path = "apps/dev/checkout".to_owned();
        one.inventory = vec![reference("Deployment", "shop-dev", APP)];
    });
    for text in [sha(APP, 4), APP.to_owned()] {
        assert_eq!(
            unread(&world, &text),
            [
                "Kustomization flux-system/checkout-staging applies nothing that runs in staging: what it applied, \
              Deployment shop-dev/checkout, is in dev."
            ],
        );
    }
}

#[test]
fn what_helm_installed_and_somebody_deleted_was_not_missed() {
    let mut world = delivered();
    world.edit(PROD, |facts| cleared(facts, "search"));
    for text in [sha("search", 4), "search".to_owned(), sha("fleet", 3)] {
        assert_eq!(
            unread(&world, &text),
            [
                "HelmRelease shop/search applies nothing that runs in production: no workload carries its labels."
            ],
            "{text}"
        );
    }
    assert_eq!(on_board(&world).len(), 1);
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
    // Called after nothing, it is known by the image in its values.
    let mut renamed = world.clone();
    renamed.edit(PROD, |facts| {
        let mut one = std::sync::Arc::unwrap_or_clone(
            facts.helm_releases.remove(&key("shop", "search")).unwrap(),
        );
        one.meta.name = "finder".to_owned();
        facts.helm_releases.insert(one.meta.key(), one);
        facts.kustomizations.remove(&key("flux-system", "search"));
    });
    assert!(
        unread(&renamed, &sha("search", 4))[0]
            .starts_with("HelmRelease shop/finder applies nothing")
    );
}

/// Nothing of `search` is in production any more, and its HelmRelease is in a state of its own.
fn unreleased(change: impl FnOnce(&mut facts::flux::HelmRelease)) -> String {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        cleared(facts, "search");
        change(facts.helm_releases.get_mut(&key("shop", "search")).unwrap());
    });
    let said = unread(&world, &sha("search", 4));
    assert_eq!(said.len(), 1, "{said:?}");
    said[0].clone()
}

#[test]
fn a_release_that_is_suspended_was_not_said_to_be() {
    let said = unreleased(|one| one.suspended = true);
    assert!(
        said.ends_with("no workload carries its labels, and it is suspended."),
        "{said}"
    );
    let never = unreleased(|one| {
        one.suspended = true;
        one.history.clear();
    });
    assert!(
        never.ends_with("in production: it is suspended."),
        "{never}"
    );
}

#[test]
fn an_uninstalled_release_was_only_said_to_have_no_workload() {
    let failed_with = |statuses: &'static [&str]| {
        unreleased(|one| {
            let newest = one.history[0].clone();
            let entry = |status: &&str| facts::flux::Release {
                status: (*status).to_owned(),
                ..newest.clone()
            };
            one.history = statuses.iter().map(entry).collect();
            let ready = one.conditions.iter_mut().find(|one| one.kind == "Ready");
            let ready = ready.unwrap();
            ready.status = Status::False;
            ready.message = "Helm upgrade failed: timed out".to_owned();
        })
    };
    for gone in [
        &["uninstalled", "deployed"][..],
        &["failed", "uninstalled", "deployed"],
        &["failed"],
        &[],
    ] {
        let said = failed_with(gone);
        assert!(said.contains("Helm upgrade failed"), "{gone:?}: {said}");
    }
    for there in [&["deployed", "failed"][..], &["failed", "deployed"]] {
        let said = failed_with(there);
        assert!(said.ends_with("no workload carries its labels."), "{said}");
    }
}

#[test]
fn a_suspended_kustomization_says_why_nothing_runs() {
    let mut world = delivered();
    failing(&mut world);
    world.edit(PROD, |facts| {
        facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap()
            .suspended = true;
    });
    let said = unread(&world, &sha(APP, 4));
    assert!(
        said[0].ends_with("in production: it is suspended."),
        "{said:?}"
    );
}

#[test]
fn nothing_is_missed_where_nothing_is_missing() {
    let beside = |world: &mut World, name: &str, change: fn(&mut facts::flux::Kustomization)| {
        world.edit(PROD, |facts| {
            let mut one = facts
                .kustomizations
                .get(&key("flux-system", APP))
                .unwrap()
                .clone();
            name.clone_into(&mut one.meta.name);
            one.inventory.clear();
            change(&mut one);
            facts.kustomizations.insert(one.meta.key(), one);
        });
    };
    // Beside an app that runs there, and of an app that nobody knows.
    let mut world = delivered();
    beside(&mut world, "checkout-secrets", |one| {
        one.path = "secrets".to_owned()
    });
    beside(&mut world, "ledger-production", |one| {
        one.path = "apps/production/ledger".to_owned()
    });
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
    assert_eq!(on_board(&world), [""; 0]);
    // What is applied to another cluster, and what may run under another app's name.
    let mut world = delivered();
    failing(&mut world);
    world.edit(PROD, |facts| {
        facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap()
            .remote = true;
    });
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        (one.remote, one.inventory) = (false, vec![reference("HelmRelease", "shop", "search")]);
    });
    assert_eq!(unread(&world, &sha(APP, 4)), [""; 0]);
    // A chart without workloads, named like no app.
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let mut one = facts
            .helm_releases
            .get(&key("shop", "search"))
            .unwrap()
            .clone();
        one.meta.name = "roles".to_owned();
        one.images.clear();
        facts.helm_releases.insert(one.meta.key(), one);
    });
    assert_eq!(unread(&world, &sha("search", 4)), [""; 0]);
}

#[test]
fn what_could_not_be_read_is_not_said_to_be_missing() {
    let mut world = delivered();
    failing(&mut world);
    world.edit(PROD, |facts| {
        let message = "deployments is forbidden".to_owned();
        let scope = facts::cluster::Scope::All;
        facts
            .coverage
            .insert((Kind::Deployment, scope), Coverage::Denied { message });
    });
    let said = unread(&world, &sha(APP, 4));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Apps may be missing"), "{said:?}");
}

#[test]
fn a_commit_to_the_configuration_of_what_vanished_was_in_effect_everywhere() {
    let mut world = delivered();
    world.edit(PROD, |facts| cleared(facts, APP));
    let fleet = sha("fleet", 3);
    let touch = |world: &mut World, path: &str| {
        world
            .repo(FLEET)
            .touched
            .insert(sha("fleet", 3), vec![path.to_owned()]);
    };
    for ours in [
        "apps/production/checkout/kustomization.yaml",
        "apps/base/checkout/service.yaml",
        "base/notes.yaml",
    ] {
        touch(&mut world, ours);
        let said = missed(&world, &fleet);
        assert_eq!(said.len(), 1, "once: {said:?}");
        assert!(
            said[0].contains("Deployment shop/checkout is not"),
            "{ours}: {said:?}"
        );
    }
    for other in [
        "apps/production/search/release.yaml",
        "apps/dev/checkout/kustomization.yaml",
    ] {
        touch(&mut world, other);
        let declared = &mut world.repo(FLEET).declared;
        for ((_, path), history) in declared {
            let is_other = |sha: &str| sha != fleet || other.starts_with(path.as_str());
            history.entries.retain(|one| is_other(&one.commit.sha));
        }
        assert_eq!(missed(&world, &fleet), [""; 0], "{other}");
    }
}

/// Production's Kustomization applied a Service besides.
fn serving(change: impl FnOnce(&mut ClusterFacts)) -> World {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.inventory.push(reference("Service", "shop", APP));
        change(facts);
    });
    world
}

fn service(facts: &mut ClusterFacts, name: &str, change: impl FnOnce(&mut Service)) {
    change(facts.services.get_mut(&key("shop", name)).unwrap());
}

fn unserved(world: &World, app: &str, code: &str, what: &str) {
    let journey = one(world, &sha(app, 4), app, PROD);
    let headline = read_aloud(world, &journey.headline);
    let cause = journey
        .cause
        .as_ref()
        .map(|one| (one.code.as_str(), one.object.kind.as_str()));
    assert_eq!(journey.state, State::Blocked, "{headline}");
    assert_eq!(cause, Some((code, "Service")), "{headline}");
    assert!(headline.contains(what), "{headline}");
}

#[test]
fn a_service_whose_selector_was_removed_was_no_service_of_the_app() {
    let world = serving(|facts| {
        service(facts, APP, |one| one.selector.clear());
        facts.endpoint_slices.remove(&key("shop", "checkout-1"));
    });
    unserved(
        &world,
        APP,
        "serving-no-selector",
        "Service shop/checkout has no selector: it sends nothing to these pods",
    );
    let journey = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    // Beside one that selects them it is missed as well.
    let beside = serving(|facts| {
        let mut other = facts.services.get(&key("shop", APP)).unwrap().clone();
        other.meta.name = "checkout-headless".to_owned();
        facts.services.insert(other.meta.key(), other);
        service(facts, APP, |one| one.selector.clear());
    });
    unserved(&beside, APP, "serving-no-selector", "has no selector");
    // One that nobody applied for it may be anybody's.
    let mut world = delivered();
    world.edit(PROD, |facts| {
        service(facts, APP, |one| one.selector.clear())
    });
    assert_eq!(prod(&world, 4).state, State::Deployed);
}

#[test]
fn a_service_that_is_only_another_name_was_no_service_of_the_app() {
    for keeps_selector in [false, true] {
        let world = serving(|facts| {
            service(facts, APP, |one| {
                one.external_name = true;
                if !keeps_selector {
                    one.selector.clear();
                }
            });
        });
        unserved(
            &world,
            APP,
            "serving-no-selector",
            "is an ExternalName: it sends nothing to these pods",
        );
    }
}

#[test]
fn a_service_that_helm_installed_without_a_selector_was_no_service_of_the_app() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        service(facts, "search", |one| {
            one.selector.clear();
            for (label, value) in [("name", "search"), ("namespace", "shop")] {
                one.meta
                    .labels
                    .insert(format!("helm.toolkit.fluxcd.io/{label}"), value.to_owned());
            }
        });
    });
    unserved(
        &world,
        "search",
        "serving-no-selector",
        "Service shop/search has no selector",
    );
}

#[test]
fn a_deleted_service_was_made_up_for_by_another() {
    let world = serving(|facts| {
        let mut other =
            std::sync::Arc::unwrap_or_clone(facts.services.remove(&key("shop", APP)).unwrap());
        other.meta.name = "checkout-headless".to_owned();
        facts.services.insert(other.meta.key(), other);
        let slice = facts
            .endpoint_slices
            .get_mut(&key("shop", "checkout-1"))
            .unwrap();
        slice.service = "checkout-headless".to_owned();
    });
    assert_eq!(
        prod(&world, 4).cause.unwrap().code,
        "serving-service-missing"
    );
}

#[test]
fn the_endpoints_of_other_pods_were_counted_as_ours() {
    let ready = |pods: [String; 2]| {
        serving(|facts| {
            let slice = facts
                .endpoint_slices
                .get_mut(&key("shop", "checkout-1"))
                .unwrap();
            slice.ready_pods = pods.to_vec();
        })
    };
    let worker = || "checkout-worker-1".to_owned();
    unserved(
        &ready([worker(), worker()]),
        APP,
        "serving-no-endpoint",
        "sends its traffic to other pods, and to none of these",
    );
    let half = ready([pod_name(APP, 4, 0), worker()]);
    assert_eq!(prod(&half, 4).state, State::Deployed);
}

#[test]
fn a_service_that_also_sends_to_other_pods_was_served_without_a_word() {
    let world = serving(|facts| {
        let slice = facts.endpoint_slices.get_mut(&key("shop", "checkout-1"));
        let slice = slice.unwrap();
        let others = (0..60).map(|number| format!("till-{number}"));
        slice.ready_pods = [0, 1].map(|index| pod_name(APP, 4, index)).to_vec();
        slice.ready_pods.extend(others);
        slice.ready = 62;
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed);
    let notes = journey.notes.iter().map(|note| read_aloud(&world, note));
    let note =
        "Service shop/checkout sends traffic to 60 other pods, too: not all of it reaches these.";
    assert!(notes.collect::<Vec<_>>().contains(&note.to_owned()));
    let shown = |journey: &Journey| -> Vec<String> {
        let shown = journey.stages.iter().flat_map(|one| &one.evidence);
        let shown = shown.chain(&journey.evidence);
        let shown = shown.filter(|one| one.field == "endpoints");
        shown.map(|one| one.value.clone()).collect()
    };
    assert!(shown(&journey).contains(&"2 ready, 0 not ready, 60 of other pods".to_owned()));
    // Where all are others', the proof does not say that there is none.
    let none = serving(|facts| {
        let slice = facts.endpoint_slices.get_mut(&key("shop", "checkout-1"));
        slice.unwrap().ready_pods = vec!["till-1".to_owned(), "till-2".to_owned()];
    });
    let journey = prod(&none, 4);
    assert!(shown(&journey).contains(&"0 ready, 0 not ready, 2 of other pods".to_owned()));
    // And where the Service's port is missing, that no pod is unready.
    let portless = serving(|facts| {
        let slice = facts.endpoint_slices.get_mut(&key("shop", "checkout-1"));
        slice.unwrap().has_ports = false;
        let service = facts.services.get_mut(&key("shop", APP));
        service.unwrap().has_ports = true;
    });
    let journey = prod(&portless, 4);
    assert!(
        shown(&journey).contains(&"0 ready, 0 not ready, 2 without the Service's port".to_owned())
    );
}

#[test]
fn a_service_that_was_deleted_was_not_missed() {
    let world = serving(|facts| {
        facts.services.remove(&key("shop", APP));
    });
    // A journey names it as its cause; it is said once.
    for text in [sha(APP, 4), sha("fleet", 3), APP.to_owned()] {
        assert_eq!(unread(&world, &text), [""; 0], "{text}");
        let answer = world.answer(&ask(&text)).answer.unwrap();
        let causes = answer.journeys.iter().filter_map(|one| one.cause.as_ref());
        let objects: Vec<String> = causes.map(|cause| cause.object.to_string()).collect();
        assert_eq!(objects, ["Service shop/checkout"], "{text}");
    }
    let line = "Service shop/checkout is not in production any more, though Kustomization flux-system/checkout \
                applied it: nothing is sent to pods under its name.";
    assert!(on_board(&world).contains(&line.to_owned()));
    assert_eq!(unread(&world, &sha("search", 4)), [""; 0]);
    // Services that may not be read are not missing.
    let mut unknown = world.clone();
    unknown.edit(PROD, |facts| {
        let message = "services is forbidden".to_owned();
        let scope = facts::cluster::Scope::All;
        facts
            .coverage
            .insert((Kind::Service, scope), Coverage::Denied { message });
    });
    assert_eq!(unread(&unknown, &sha(APP, 4)), [""; 0]);
    // One that is named like no app is each of those' that were applied with it.
    let world = serving(|facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.inventory.push(reference("Service", "shop", "api"));
    });
    assert_eq!(unread(&world, &sha(APP, 4)).len(), 1);
}

#[test]
fn what_is_being_deleted_was_said_to_apply_by_itself() {
    let mut world = calm();
    world.push(APP);
    world.commit(FLEET, "fleet", 3, 30);
    world.declare_at(APP, PROD, 4, 3, 30);
    world.fetch(PROD, 3, 29);
    let leaving = |mut world: World| {
        let since = world.ago(2);
        world.kustomization(PROD, APP, |one| one.meta.deleting = Some(since));
        prod(&world, 4)
    };
    assert_eq!(prod(&world, 4).cause.unwrap().code, "apply-pending");
    let journey = leaving(world);
    let cause = journey.cause.unwrap();
    assert_eq!(journey.state, State::Blocked);
    assert_eq!(cause.code, "apply-owner-gone");
    assert_eq!(
        cause.object.to_string(),
        "Kustomization flux-system/checkout"
    );
    // What runs, runs.
    assert_eq!(leaving(delivered()).state, State::Deployed);
}

#[test]
fn a_port_that_no_pod_has_was_served() {
    let portless = |has_ports: bool| {
        serving(|facts| {
            let slice = facts.endpoint_slices.get_mut(&key("shop", "checkout-1"));
            slice.unwrap().has_ports = has_ports;
        })
    };
    unserved(
        &portless(false),
        APP,
        "serving-port-missing",
        "sends to a port that these pods do not have",
    );
    assert_eq!(prod(&portless(true), 4).state, State::Deployed);
    // A Service without ports has slices without.
    let headless = serving(|facts| {
        let slice = facts.endpoint_slices.get_mut(&key("shop", "checkout-1"));
        slice.unwrap().has_ports = false;
        service(facts, APP, |one| one.has_ports = false);
    });
    assert_eq!(prod(&headless, 4).state, State::Deployed);
}
