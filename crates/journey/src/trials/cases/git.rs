//! Tests only: commits of the GitOps repository, and what automation does to it.

use super::*;

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
        facts.image_automations.change(|one| {
            one.push_commit = Some(elsewhere.clone());
        });
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

/// Flux has applied a commit of the fleet, and the digest of what it builds is as old as it was.
fn applied_with_the_same_digest(world: &mut World, fleet: u32) {
    world.fetch(PROD, fleet, 2);
    let long_ago = world.ago(200);
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        let one = one.unwrap();
        one.applied = Some(revision(fleet));
        one.attempted = Some(revision(fleet));
        one.history[0].revision = Some(revision(fleet));
        one.history[0].first = Some(long_ago);
    });
}

/// Commit 4 of the fleet touches a base, and nothing of it shows in what is built.
fn built_to_the_same_digest() -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 3);
    let touched = vec!["base/notes.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 4), touched);
    applied_with_the_same_digest(&mut world, 4);
    world
}

#[test]
fn manifests_that_build_to_the_same_digest_are_not_affected() {
    let journey = one(&built_to_the_same_digest(), &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn what_was_taken_back_in_the_same_fetch_is_reverted_though_the_digest_is_the_same() {
    let mut world = built_to_the_same_digest();
    world.commit(FLEET, "fleet", 5, 3);
    world.revert(FLEET, "fleet", 4, 5, 3);
    applied_with_the_same_digest(&mut world, 5);
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
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
            let mut source = facts
                .sources
                .get(&(Kind::GitRepository, key("flux-system", "fleet")))
                .unwrap()
                .clone();
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
            facts.kustomizations.change(|one| {
                one.source.kind = "OCIRepository".to_owned();
                one.applied = Some(Revision::new("latest@sha256:2222"));
                one.attempted = one.applied.clone();
                one.applied_origin = Some(revision(2));
            });
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

/// Commit 4 of the fleet changes the app's folder in production; Flux applied it a while ago.
fn configured() -> World {
    let mut world = delivered();
    world.commit(FLEET, "fleet", 4, 20);
    world.declare_at(APP, PROD, 4, 4, 20);
    world.fetch(PROD, 4, 18);
    world.apply(APP, PROD, 4, 18);
    world
}

#[test]
fn a_configuration_commit_is_not_in_effect_once_somebody_set_another_image() {
    let asked = sha("fleet", 4);
    let mut world = configured();
    assert_eq!(one(&world, &asked, APP, PROD).state, State::Deployed);
    workload(&mut world, |one| {
        one.containers[0].image = one.containers[0].image.replace(":main-", ":other-");
    });
    let journey = one(&world, &asked, APP, PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "rollout-drifted");
}

#[test]
fn a_configuration_commit_is_not_in_effect_once_somebody_scaled_by_hand() {
    let mut world = configured();
    let at = world.ago(2);
    workload(&mut world, |one| {
        one.edited = Some(facts::kubernetes::Edited {
            manager: "kubectl".to_owned(),
            at,
        });
    });
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "rollout-drifted");
    // A reconciliation that failed since then set nothing back.
    let confirmed = world.ago(1);
    let mut failed = world.clone();
    failed.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        let entry = &mut one.unwrap().history[0];
        entry.last = Some(confirmed);
        entry.status = "ReconciliationFailed".to_owned();
    });
    assert_eq!(
        one(&failed, &sha("fleet", 4), APP, PROD).state,
        State::Blocked
    );
    // Flux confirmed it after that: what was changed by hand was set back.
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.history[0].last = Some(confirmed);
    });
    assert_eq!(
        one(&world, &sha("fleet", 4), APP, PROD).state,
        State::Deployed
    );
}

#[test]
fn a_commit_dated_in_the_future_is_not_said_to_change_nothing() {
    let mut world = configured();
    let ahead = world.ago(-10);
    let repo = world.repo(FLEET);
    repo.commits.get_mut(&sha("fleet", 4)).unwrap().at = ahead;
    let journey = one(&world, &sha("fleet", 4), APP, PROD);
    assert_ne!(journey.state, State::NotAffected, "{journey:#?}");
}

#[test]
fn a_workload_that_was_deleted_is_missed() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        facts
            .workloads
            .remove(&(Kind::Deployment, key("shop", APP)));
        facts
            .pods
            .retain(|_, pod| pod.meta.label("app") != Some(APP));
    });
    let journey = one(&world, &sha(APP, 4), APP, PROD);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(cause.code, CauseCode::RolloutWorkloadMissing.code());
    assert_eq!(journey.running, None, "nothing of it runs");
    let mut elsewhere = world.clone();
    elsewhere.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        one.unwrap().remote = true;
    });
    let applied_elsewhere = elsewhere.answer(&ask(&sha(APP, 4))).answer.unwrap();
    assert!(
        applied_elsewhere.unread.is_empty(),
        "another cluster has it: {:?}",
        applied_elsewhere.unread
    );
    let about_another = world.answer(&ask(&sha("search", 3))).answer.unwrap();
    assert!(
        about_another.unread.is_empty(),
        "{:?}",
        about_another.unread
    );
    let board = world.board().board;
    let cells = board.rows.iter().flat_map(|row| &row.cells);
    let causes: Vec<_> = cells
        .filter_map(|cell| cell.delivery.cause.as_deref())
        .collect();
    assert_eq!(causes, [CauseCode::RolloutWorkloadMissing.code()]);
}

#[test]
fn an_app_of_which_nothing_was_left_was_no_app() {
    let mut world = delivered();
    for (cluster, _) in crate::world::company::CLUSTERS {
        world.edit(cluster, |facts| {
            facts.workloads.retain(|(_, key), _| key.name != APP);
            facts
                .pods
                .retain(|_, pod| pod.meta.label("app") != Some(APP));
        });
    }
    let mut question = ask(&sha(APP, 4));
    question.app = Some(APP.to_owned());
    for question in [question, ask(&sha(APP, 4)), ask(APP)] {
        let journeys = world.answer(&question).answer.unwrap().journeys;
        assert_eq!(journeys.len(), 2);
        for journey in journeys {
            let cause = journey.cause.unwrap();
            assert_eq!(cause.code, CauseCode::RolloutWorkloadMissing.code());
        }
    }
    // What was not released to it stops where it stopped.
    let mut newer = world.clone();
    newer.commit(&source(APP), APP, 5, 2);
    for journey in journeys(&newer, &sha(APP, 5)) {
        assert_eq!(
            journey.blocking_stage,
            Some(StageKind::Build),
            "{journey:#?}"
        );
    }
}

#[test]
fn what_is_gone_was_not_missed_where_flux_could_not_be_read() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        facts.workloads.retain(|(_, key), _| key.name != APP);
        facts.kustomizations.clear();
        let message = "no".to_owned();
        let denied = Coverage::Denied { message };
        facts
            .coverage
            .insert((Kind::Kustomization, facts::cluster::Scope::All), denied);
    });
    let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
    let said: Vec<String> = answer
        .unread
        .iter()
        .map(|one| read_aloud(&world, one))
        .collect();
    assert_eq!(
        said,
        [
            "What should run and does not is not known: not allowed to read Kustomization objects of cluster prod: no."
        ]
    );
}

#[test]
fn a_chart_beside_what_is_applied_is_no_foreign_folder() {
    let search = |world: &World| one(world, &sha("search", 4), "search", PROD);
    let packed = format!("2.4.1+{}", &sha("search", 4)[..12]);
    let journey = search(&chart_in_git(&packed, 29));
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    // The same manifests of the Kustomization say nothing about the chart: it was packed from an older commit.
    let before = format!("2.4.1+{}", &sha("fleet", 2)[..12]);
    let journey = search(&chart_in_git(&before, 900));
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
    // Packed after the commit and before Flux fetched it: nothing says from what.
    assert_eq!(search(&chart_in_git("2.4.2", 30)).state, State::Unknown);
    assert_eq!(search(&chart_in_git("2.4.2", 28)).state, State::Deployed);
}

#[test]
fn a_chart_that_is_packed_and_not_installed_is_not_in_effect() {
    let packed = format!("2.4.1+{}", &sha("search", 4)[..12]);
    let mut world = chart_in_git(&packed, 29);
    world.edit(PROD, |facts| {
        let release = facts.helm_releases.get_mut(&key("shop", "search")).unwrap();
        release.history[0].chart_version = "2.4.1+0123456789ab".to_owned();
    });
    let journey = one(&world, &sha("search", 4), "search", PROD);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
}
