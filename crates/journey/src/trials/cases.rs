//! Tests only: what is true besides the causes. Each test is named after what must not go wrong.

use std::sync::Arc;

use api::journey::{Health, Journey};
use api::{StageKind, StageState, State};
use facts::code::{CiState, PullState, Revert};
use facts::flux::{Artifact, Revision};
use facts::kubernetes::ContainerState;
use facts::meta::{Kind, Status};
use facts::{Coverage, Reach};
use jiff::SignedDuration;

use super::faults::*;
use super::{ask, journeys, read_aloud};
use crate::world::World;
use crate::world::company::*;

fn one(world: &World, text: &str, app: &str, cluster: &str) -> Journey {
    journeys(world, text)
        .into_iter()
        .find(|journey| journey.app == app && journey.cluster == cluster)
        .unwrap()
}

fn prod(world: &World, number: u32) -> Journey {
    one(world, &sha(APP, number), APP, PROD)
}

fn notes(world: &World, journey: &Journey) -> String {
    let notes: Vec<String> = journey
        .notes
        .iter()
        .map(|note| read_aloud(world, note))
        .collect();
    notes.join(" ")
}

/// Commit `number` of checkout runs in both clusters, whatever Git says.
fn runs(world: &mut World, number: u32) {
    world.publish(APP, number, 10);
    for (cluster, _) in CLUSTERS {
        world.roll(APP, cluster, number, 9);
    }
}

fn revert(world: &mut World, what: u32, by: u32) {
    let at = world.ago(20);
    world.repo(&source(APP)).reverts.insert(
        sha(APP, what),
        Revert {
            by: sha(APP, by),
            author: "Mina Osei".to_owned(),
            at,
            others: Vec::new(),
        },
    );
}

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
fn commits_pushed_together_are_built_as_the_newest_of_them() {
    let mut world = committed();
    world.commit(&source(APP), APP, 5, 40);
    world.build(APP, 5, 34);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::NeedsPromotion, "{journey:#?}");
    assert!(matches!(journey.stages[2].state, StageState::Done));
}

#[test]
fn a_tag_that_flux_puts_in_is_not_guessed() {
    let mut world = pushed();
    let history = world
        .repo(FLEET)
        .declared
        .get_mut(&("main".to_owned(), path(APP, PROD)))
        .unwrap();
    history.entries[0].images[0].tag = Some("${TAG}".to_owned());
    assert_eq!(prod(&world, 4).state, State::Unknown);
    assert_eq!(prod(&world, 3).state, State::Deployed);
}

#[test]
fn a_push_that_was_not_read_yet_is_no_missing_marker() {
    let mut world = pushed();
    world.automate(APP);
    let elsewhere = sha("fleet", 9);
    world.edit(DEV, |facts| {
        for one in facts.image_automations.values_mut() {
            one.push_commit = Some(elsewhere.clone());
        }
    });
    let journey = one(&world, &sha(APP, 4), APP, DEV);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "release-automation-pending");
}

#[test]
fn an_automation_that_would_undo_a_rollback_is_said() {
    let mut world = declared();
    world.commit(FLEET, "fleet", 4, 12);
    world.declare_at(APP, DEV, 3, 4, 12);
    let journey = one(&world, &sha(APP, 4), APP, DEV);
    assert_eq!(journey.state, State::RolledBack);
    assert!(notes(&world, &journey).contains("may write the newer image again"));
}

#[test]
fn what_was_applied_this_second_is_not_yet_believed_of_the_workload() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 1);
    world
        .repo(FLEET)
        .touched
        .insert(sha("fleet", 4), vec!["base/x.yaml".to_owned()]);
    world.fetch(PROD, 4, 0);
    world.apply(APP, PROD, 4, 0);
    assert_eq!(
        one(&world, &sha("fleet", 4), APP, PROD).state,
        State::Moving
    );
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
fn a_tag_that_moved_after_the_pull_changes_nothing_about_what_runs() {
    let mut world = delivered();
    let older = digest(APP, 2);
    world
        .tags
        .get_mut(&image(APP))
        .unwrap()
        .insert(tag(APP, 4), older);
    assert_eq!(prod(&world, 4).state, State::Deployed);
}

#[test]
fn a_pod_that_reports_one_platform_of_an_index_is_proven_by_the_index() {
    let mut world = delivered();
    let child = digest("a platform", 1);
    let index = (image(APP), digest(APP, 4));
    world
        .images
        .get_mut(&index)
        .unwrap()
        .children
        .push(child.clone());
    let mut bare = world.images[&index].clone();
    (bare.digest, bare.source, bare.revision) = (child.clone(), None, None);
    world.images.insert((image(APP), child.clone()), bare);
    world.edit(PROD, |facts| {
        for pod in facts
            .pods
            .values_mut()
            .filter(|pod| pod.meta.label("app") == Some(APP))
        {
            pod.containers[0].image_id = format!("{}@{child}", image(APP));
        }
    });
    // The index is known because Git declares the tag that points to it.
    let state = prod(&world, 4).state;
    assert!(
        matches!(state, State::Deployed | State::Unknown),
        "{state:?}"
    );
    let mut facts = world.gathered(&ask(&sha(APP, 4))).0;
    facts.absorb(world.find(&facts::Want::Image {
        repository: image(APP),
        digest: digest(APP, 4),
    }));
    let answer = crate::answer(&facts, &ask(&sha(APP, 4)), world.now)
        .answer
        .unwrap();
    let journey = answer
        .journeys
        .into_iter()
        .find(|one| one.cluster == PROD)
        .unwrap();
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
}

#[test]
fn the_labels_of_a_base_image_prove_nothing() {
    let mut world = delivered();
    let index = (image(APP), digest(APP, 4));
    world.images.get_mut(&index).unwrap().source =
        Some("https://code.example/base/debian".to_owned());
    let states: Vec<State> = world
        .answer(&ask(&sha(APP, 4)))
        .answer
        .map(|answer| answer.journeys.into_iter().map(|one| one.state).collect())
        .unwrap_or_default();
    assert!(states.iter().all(|state| !state.is_settled()), "{states:?}");
}

#[test]
fn old_pods_that_still_run_keep_it_from_being_deployed() {
    let mut world = delivered();
    let mut old = calm();
    let mut pod = None;
    old.edit(PROD, |facts| {
        pod = facts
            .pods
            .values()
            .find(|pod| pod.meta.label("app") == Some(APP))
            .cloned()
    });
    let pod = pod.unwrap();
    world.edit(PROD, |facts| {
        facts.pods.insert(pod.meta.key(), pod);
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
}

#[test]
fn what_runs_is_never_mixed_with_the_fate_of_what_does_not() {
    let mut world = applied();
    world.one_pod(APP, PROD, |pod| {
        pod.containers[0].state = waiting("CrashLoopBackOff", "");
        pod.containers[0].last = Some(ContainerState::Terminated {
            reason: "Error".to_owned(),
            message: String::new(),
            exit_code: 1,
            finished: None,
        });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked);
    let running = journey.running.unwrap();
    assert_eq!(running.health, Health::Healthy);
    assert_eq!(running.commit.unwrap().sha, sha(APP, 3));
}

#[test]
fn a_health_check_that_failed_does_not_hide_that_the_app_is_live_and_ready() {
    let mut world = delivered();
    fail(
        &mut world,
        APP,
        "HealthCheckFailed",
        "timeout waiting for: [Job/shop/report status: 'InProgress']",
    );
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(
        notes(&world, &journey).contains("health check failed"),
        "{:?}",
        journey.notes
    );
}

#[test]
fn green_and_stale_is_said() {
    let mut world = delivered();
    let since = world.ago(5);
    world.edit(PROD, |facts| {
        let key = (Kind::GitRepository, key("flux-system", "fleet"));
        facts.sources.get_mut(&key).unwrap().conditions = vec![condition(
            "Ready",
            Status::False,
            "AuthenticationFailed",
            "authentication required",
            since,
        )];
    });
    let journey = &prod(&world, 4);
    assert_eq!(journey.state, State::Deployed);
    assert!(
        notes(&world, journey).contains("failed to sign in"),
        "{:?}",
        journey.notes
    );
}

#[test]
fn a_configuration_commit_is_in_effect_when_it_is_applied_and_the_pods_are_well() {
    let world = delivered();
    let newest = one(&world, &sha("fleet", 3), APP, PROD);
    assert_eq!(newest.state, State::Deployed, "{newest:#?}");
    assert!(matches!(newest.stages[1].state, StageState::Skipped { .. }));
    let older = one(&world, &sha("fleet", 2), APP, PROD);
    assert_eq!(older.state, State::Superseded, "{older:#?}");
    let by_helm = one(&world, &sha("fleet", 3), "search", PROD);
    assert_eq!(by_helm.state, State::Deployed, "{by_helm:#?}");
}

#[test]
fn a_configuration_commit_on_its_way_waits_where_its_image_would() {
    let journey = one(&declared(), &sha("fleet", 3), APP, PROD);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Waiting, Some(StageKind::Source))
    );
    let journey = one(
        &attempted("ReconciliationFailed", "spec.selector: field is immutable"),
        &sha("fleet", 3),
        APP,
        PROD,
    );
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Blocked, Some(StageKind::Apply))
    );
    let unhealthy = one(
        &attempted("HealthCheckFailed", "timeout"),
        &sha("fleet", 3),
        APP,
        PROD,
    );
    assert_eq!(unhealthy.state, State::Blocked, "{unhealthy:#?}");
}

#[test]
fn a_configuration_commit_that_touches_another_app_does_not_affect_this_one() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 3);
    let touched = vec![
        format!("{}/values.yaml", path("search", PROD)),
        "README.md".to_owned(),
    ];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
    let other = one(&world, &sha("fleet", 4), "search", PROD);
    assert_eq!(other.state, State::Waiting, "{other:#?}");
}

#[test]
fn a_shared_base_affects_everybody() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 3);
    let touched = vec!["base/deployment.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    assert_eq!(
        one(&world, &sha("fleet", 4), APP, PROD).state,
        State::Waiting
    );
}

#[test]
fn manifests_that_build_to_the_same_digest_are_not_affected() {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 3);
    world
        .repo(FLEET)
        .touched
        .insert(sha("fleet", 4), vec!["base/notes.yaml".to_owned()]);
    world.fetch(PROD, 4, 2);
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.applied = Some(revision(4));
        one.attempted = Some(revision(4));
        one.history[0].revision = Some(revision(4));
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
}

/// A third app, `cart`, built from checkout's repository.
fn monorepo(mut world: World) -> World {
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
fn a_cluster_that_stopped_answering_is_told_as_last_seen() {
    let mut world = delivered();
    let since = world.ago(7);
    world.edit(PROD, |facts| {
        facts.reach = Reach::Lost {
            since,
            error: "timeout".to_owned(),
        };
        for coverage in facts.coverage.values_mut() {
            *coverage = Coverage::Unreachable {
                message: "timeout".to_owned(),
            };
        }
    });
    let journey = prod(&world, 4);
    assert_eq!(
        (journey.state, journey.stale_since),
        (State::Deployed, Some(since))
    );
    assert!(read_aloud(&world, &journey.headline).starts_with("As last seen 7 min ago, checkout"));
}

#[test]
fn a_cluster_that_never_answered_is_named_and_the_others_answer() {
    let mut world = delivered();
    let dark = facts::ClusterFacts {
        reach: Reach::Unreachable {
            error: "no route to host".to_owned(),
        },
        ..facts::ClusterFacts::default()
    };
    world
        .facts
        .clusters
        .insert("edge".to_owned(), Arc::new(dark));
    let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
    assert_eq!(answer.journeys.len(), 2);
    assert!(read_aloud(&world, &answer.unread[0]).contains("Cluster edge does not answer"));
}

#[test]
fn times_are_the_clusters_own() {
    let mut world = declared();
    let hour = SignedDuration::from_hours(1);
    // The cluster's clock is an hour ahead, and so is everything it says.
    world.edit(PROD, |facts| {
        facts.clock_offset = hour;
        let key = (Kind::GitRepository, key("flux-system", "fleet"));
        let artifact = facts
            .sources
            .get_mut(&key)
            .unwrap()
            .artifact
            .as_mut()
            .unwrap();
        artifact.updated = artifact.updated.map(|at| at + hour);
    });
    let question = ask(&sha(APP, 4));
    let evaluation = world.answer(&question);
    let answer = evaluation.answer.unwrap();
    let journey = answer
        .journeys
        .iter()
        .find(|one| one.cluster == PROD)
        .unwrap();
    let next = journey.next_attempt.as_ref().unwrap().at.unwrap();
    assert!(next > world.now + hour && next <= world.now + hour + SignedDuration::from_mins(1));
    let changes = evaluation.changes_at.unwrap();
    assert!(changes > world.now && changes <= world.now + SignedDuration::from_mins(1));
}

#[test]
fn two_clusters_in_one_environment_are_told_apart() {
    let mut world = delivered();
    let twin = world.facts.clusters[PROD].clone();
    world.facts.clusters.insert("prod-us".to_owned(), twin);
    let journeys = journeys(&world, &sha(APP, 4));
    assert_eq!(journeys.len(), 3);
    let said = read_aloud(&world, &journeys[2].headline);
    assert!(
        said.contains("is in production on prod-us, on 2 of 2 pods"),
        "{said}"
    );
}

#[test]
fn a_workload_that_nothing_applies_is_changed_by_a_person() {
    let mut world = pushed();
    world.edit(PROD, |facts| {
        facts.kustomizations.clear();
        for workload in facts.workloads.values_mut() {
            workload
                .meta
                .labels
                .retain(|name, _| !name.contains("fluxcd"));
        }
        for kind in [Kind::Kustomization, Kind::HelmRelease] {
            facts.coverage.insert(
                (kind, facts::cluster::Scope::All),
                Coverage::NotServed {
                    as_of: jiff::Timestamp::UNIX_EPOCH,
                },
            );
        }
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::NeedsPromotion, "{journey:#?}");
    assert!(matches!(
        journey.stages[5].state,
        StageState::Skipped { .. }
    ));
}

#[test]
fn what_applied_it_may_be_gone() {
    let mut world = pushed();
    world.edit(PROD, |facts| {
        facts.kustomizations.remove(&key("flux-system", APP));
    });
    let journey = prod(&world, 4);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Blocked, Some(StageKind::Apply))
    );
}

#[test]
fn a_circle_of_dependencies_is_found() {
    let mut world = fetched();
    let since = world.ago(9);
    world.edit(PROD, |facts| {
        let infra = facts
            .kustomizations
            .get_mut(&key("flux-system", "infra"))
            .unwrap();
        infra.depends_on = vec![reference("Kustomization", "flux-system", APP)];
        infra.conditions = vec![condition(
            "Ready",
            Status::False,
            "DependencyNotReady",
            "",
            since,
        )];
    });
    wait_for_infra(&mut world);
    let journey = prod(&world, 4);
    assert_eq!(journey.cause.unwrap().code, "apply-dependency");
    let said = read_aloud(&world, &journey.headline);
    assert!(said.contains("in a circle"), "{said}");
}

#[test]
fn a_web_of_dependencies_ends() {
    let mut world = fetched();
    wait_for_infra(&mut world);
    let since = world.ago(9);
    world.edit(PROD, |facts| {
        let template = facts.kustomizations[&key("flux-system", "infra")].clone();
        let name = |layer: usize, index: usize| format!("l{layer}-{index}");
        for layer in 0..12 {
            for index in 0..6 {
                let mut one = template.clone();
                one.meta.name = name(layer, index);
                one.depends_on = (0..6)
                    .map(|next| reference("Kustomization", "flux-system", &name(layer + 1, next)))
                    .collect();
                one.conditions = vec![condition(
                    "Ready",
                    Status::False,
                    "DependencyNotReady",
                    "",
                    since,
                )];
                facts.kustomizations.insert(one.meta.key(), one);
            }
        }
        let infra = facts
            .kustomizations
            .get_mut(&key("flux-system", "infra"))
            .unwrap();
        infra.depends_on = vec![reference("Kustomization", "flux-system", "l0-0")];
        infra.conditions = vec![condition(
            "Ready",
            Status::False,
            "DependencyNotReady",
            "",
            since,
        )];
        for index in 0..6 {
            let mut one = template.clone();
            one.meta.name = name(12, index);
            one.applied = Some(revision(3));
            facts.kustomizations.insert(one.meta.key(), one);
        }
    });
    let journey = prod(&world, 4);
    assert!(!journey.state.is_settled(), "{:?}", journey.state);
}

#[test]
fn an_artifact_made_of_one_folder_is_found_in_the_repository() {
    let mut world = declared();
    for (cluster, _) in CLUSTERS {
        let repo = world.repo(FLEET);
        let mut history = repo
            .declared
            .remove(&("main".to_owned(), path(APP, cluster)))
            .unwrap();
        for entry in &mut history.entries {
            entry.images[0].file = format!("deploy/{}/kustomization.yaml", path(APP, cluster));
        }
        repo.declared.insert(
            ("main".to_owned(), format!("deploy/{}", path(APP, cluster))),
            history.clone(),
        );
        repo.declared
            .insert(("main".to_owned(), String::new()), history);
        world.edit(cluster, |facts| {
            let mut source =
                facts.sources[&(Kind::GitRepository, key("flux-system", "fleet"))].clone();
            source.kind = Kind::OCIRepository;
            source.url = "oci://registry.example/shop/fleet".to_owned();
            source.artifact = Some(Artifact {
                revision: Revision::new("latest@sha256:2222"),
                digest: "sha256:bb".to_owned(),
                updated: Some(jiff::Timestamp::UNIX_EPOCH),
                origin_revision: Some(revision(2)),
                origin_source: Some(format!("https://{FLEET}")),
            });
            facts
                .sources
                .insert((Kind::OCIRepository, source.meta.key()), source);
            for one in facts.kustomizations.values_mut() {
                one.source.kind = "OCIRepository".to_owned();
                one.applied = Some(Revision::new("latest@sha256:2222"));
                one.attempted = one.applied.clone();
                one.applied_origin = Some(revision(2));
            }
        });
    }
    let journey = prod(&world, 4);
    assert_eq!(
        (journey.state, journey.blocking_stage),
        (State::Waiting, Some(StageKind::Source)),
        "{journey:#?}"
    );
    assert_eq!(journey.cause.unwrap().object.kind, "OCIRepository");
}

/// The Deployment becomes another kind of workload.
fn as_kind(world: &mut World, kind: Kind) {
    world.edit(PROD, |facts| {
        let mut workload = facts
            .workloads
            .remove(&(Kind::Deployment, key("shop", APP)))
            .unwrap();
        workload.kind = kind;
        workload.update_revision = (kind == Kind::StatefulSet).then(|| "checkout-new".to_owned());
        facts.workloads.insert((kind, key("shop", APP)), workload);
        for pod in facts
            .pods
            .values_mut()
            .filter(|pod| pod.meta.label("app") == Some(APP))
        {
            pod.meta.labels.remove("pod-template-hash");
            pod.meta.labels.insert(
                "controller-revision-hash".to_owned(),
                "checkout-new".to_owned(),
            );
            pod.meta.owners[0].kind = kind.name().to_owned();
            pod.meta.owners[0].name = APP.to_owned();
        }
    });
}

#[test]
fn stateful_and_daemon_sets_are_proven_by_their_pods_too() {
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let mut world = delivered();
        as_kind(&mut world, kind);
        assert_eq!(prod(&world, 4).state, State::Deployed, "{kind:?}");
        world.edit(PROD, |facts| {
            let pod = facts
                .pods
                .values_mut()
                .find(|pod| pod.meta.label("app") == Some(APP))
                .unwrap();
            pod.meta.labels.insert(
                "controller-revision-hash".to_owned(),
                "checkout-old".to_owned(),
            );
            pod.meta.created = Some(jiff::Timestamp::UNIX_EPOCH);
        });
        assert_eq!(prod(&world, 4).state, State::Moving, "{kind:?}");
    }
}

#[test]
fn a_forbidden_registry_never_proves_anything() {
    let mut world = delivered();
    let (_, found) = world.gathered(&ask(&sha(APP, 4)));
    let _ = found;
    for number in 1..=4 {
        world.deaf.insert(
            facts::Want::Image {
                repository: image(APP),
                digest: digest(APP, number),
            },
            Coverage::Denied {
                message: "401".to_owned(),
            },
        );
    }
    let answer = world.answer(&ask(APP)).answer.unwrap();
    assert_eq!(answer.journeys.len(), 2);
    for journey in &answer.journeys {
        assert_eq!(journey.state, State::Unknown);
        assert!(read_aloud(&world, &journey.headline).contains("401"));
    }
}
