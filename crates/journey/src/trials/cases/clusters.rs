//! Tests only: clusters that are away, several, without Flux, or full of things that wait for each other.

use super::*;

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
    assert!(read_aloud(&world, &answer.unread[0]).contains("Cluster edge could not be read"));
}

#[test]
fn who_refuses_or_was_not_asked_was_said_not_to_answer() {
    for error in [
        "it was not asked: the sign-in cannot be gone on with: 127.0.0.1:21505 did not answer",
        "it refuses us: assume arn:aws:iam::9:role/other: Not authorized.",
    ] {
        let mut world = delivered();
        let shut = facts::ClusterFacts {
            reach: Reach::Unreachable {
                error: error.to_owned(),
            },
            ..facts::ClusterFacts::default()
        };
        world
            .facts
            .clusters
            .insert("edge".to_owned(), Arc::new(shut));
        let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
        let reason = error.trim_end_matches('.');
        assert_eq!(
            read_aloud(&world, &answer.unread[0]),
            format!("Cluster edge could not be read, so what runs there is not known: {reason}.")
        );
    }
}

#[test]
fn a_cluster_that_is_still_being_read_is_said_once() {
    let mut world = delivered();
    let fresh = facts::ClusterFacts {
        reach: Reach::Answering,
        ..facts::ClusterFacts::default()
    };
    world
        .facts
        .clusters
        .insert("edge".to_owned(), Arc::new(fresh));
    let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
    let said: Vec<String> = answer
        .unread
        .iter()
        .map(|one| read_aloud(&world, one))
        .collect();
    assert_eq!(
        said,
        ["Cluster edge is still being read: apps may be missing."]
    );
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
        facts.kustomizations.retain(|_, _| false);
        facts.workloads.change(|workload| {
            workload
                .meta
                .labels
                .retain(|name, _| !name.contains("fluxcd"));
        });
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
        let template = facts
            .kustomizations
            .get(&key("flux-system", "infra"))
            .unwrap()
            .clone();
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
fn two_workloads_of_one_app_are_told_apart() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let of = |name: &str| (Kind::Deployment, key("shop", name));
        let mut canary = facts.workloads.get(&of(APP)).unwrap().clone();
        canary.meta.name = "checkout-canary".to_owned();
        facts.workloads.insert(of("checkout-canary"), canary);
    });
    let said: Vec<String> = journeys(&world, &sha(APP, 4))
        .iter()
        .filter(|journey| journey.cluster == PROD)
        .map(|journey| read_aloud(&world, &journey.headline))
        .collect();
    assert_eq!(said.len(), 2);
    assert!(
        said.iter().any(|one| one.contains("(checkout-canary)")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|one| one.contains("(checkout)")),
        "{said:?}"
    );
}
