//! Tests only: what must hold in every world, whatever is wrong in it and whatever cannot be read.

mod deletions;
mod sparing;
mod standing;
mod worlds;

use std::collections::BTreeMap;

use api::journey::Journey;
use api::{StageState, State};
use facts::cluster::Scope;
use facts::{Coverage, Kind};
use proptest::prelude::*;

use super::faults::{APP, DEV, MISHAPS};
use super::{TRIALS, ask};
use crate::world::World;
use crate::world::company::ecs::AWS;
use crate::world::company::{APPS, CLUSTERS, calm, delivered, environment, sha};

/// Any world: one of the trials, or a healthy one, with up to two more mishaps on top.
fn worlds() -> impl Strategy<Value = (String, World)> {
    let base = 0..TRIALS.len() + 2;
    let more = proptest::collection::vec(0..MISHAPS.len(), 0..=2);
    (base, more).prop_map(|(base, more)| {
        let (name, mut world) = match TRIALS.get(base) {
            Some(trial) => (trial.name.to_owned(), (trial.world)()),
            None if base == TRIALS.len() => ("calm".to_owned(), calm()),
            None => ("delivered".to_owned(), delivered()),
        };
        for one in &more {
            MISHAPS[*one](&mut world);
        }
        (format!("{name} {more:?}"), world)
    })
}

/// Any world whose registry still has what runs: where it deleted that, nobody can know what it was. What would delete it is
/// left out, so that no world is thrown away.
fn whole_worlds() -> impl Strategy<Value = (String, World)> {
    worlds().prop_map(|(name, world)| match world.has_lost_images() {
        true => (format!("delivered, not {name}"), delivered()),
        false => (name, world),
    })
}

/// What is asked in the laws: commits that are new, old, and of the GitOps repository itself.
fn asks() -> impl Strategy<Value = String> {
    let mut texts = vec![String::new()];
    for app in APPS {
        texts.extend((3..=4).map(|number| sha(app, number)));
    }
    texts.extend((2..=3).map(|number| sha("fleet", number)));
    proptest::sample::select(texts)
}

/// How good a state is: never to rise when less is known.
fn rank(state: State) -> u8 {
    match state {
        State::Deployed | State::Superseded | State::NotAffected => 3,
        State::Moving | State::Waiting | State::NeedsPromotion => 2,
        State::Blocked | State::RolledBack | State::Reverted => 1,
        State::Unknown => 0,
    }
}

type Judged = BTreeMap<(String, String), Journey>;

fn judged(answer: Result<api::Answer, api::Error>) -> Judged {
    answer
        .map(|answer| answer.journeys)
        .unwrap_or_default()
        .into_iter()
        .map(|journey| ((journey.app.clone(), journey.cluster.clone()), journey))
        .collect()
}

fn never_greener(before: &Judged, after: &Judged) -> Result<(), TestCaseError> {
    for (key, after) in after {
        let Some(before) = before.get(key) else {
            return Err(TestCaseError::fail(format!("{key:?} appeared")));
        };
        // Another commit's journey, such as the newest one that could be read, is another question.
        if before.commit.as_ref().map(|one| &one.sha) != after.commit.as_ref().map(|one| &one.sha)
            && after.commit.is_some()
        {
            continue;
        }
        prop_assert!(
            rank(after.state) <= rank(before.state),
            "{key:?}: {:?} became {:?}\nbefore: {}\nafter:  {}",
            before.state,
            after.state,
            before.headline.text(|at| at.to_string()),
            after.headline.text(|at| at.to_string()),
        );
    }
    Ok(())
}

/// What is known less of is never only missing: a journey that is not there any more would read as one that is well.
fn never_hidden(
    before: &Judged,
    after: &Result<api::Answer, api::Error>,
) -> Result<(), TestCaseError> {
    let Ok(after) = after else {
        return Ok(());
    };
    let is_there = |(app, cluster): &(String, String)| {
        let mut journeys = after.journeys.iter();
        journeys.any(|one| one.app == *app && one.cluster == *cluster)
    };
    // A line about something else is no line about this. What the question itself stands for is about all.
    let is_said = |(app, cluster): &(String, String)| {
        let names = [app.as_str(), cluster.as_str(), environment(cluster)];
        after.unread.iter().any(|one| {
            let said = one.text(|at| at.to_string());
            said.starts_with("Not known yet") || names.iter().any(|name| said.contains(name))
        })
    };
    for key in before.keys() {
        prop_assert!(
            is_there(key) || is_said(key) || after.pending > 0,
            "{key:?} vanished, and nothing says so"
        );
    }
    Ok(())
}

/// The kinds whose reads feed each stage.
fn feeds(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::Event => &[6, 7, 8],
        Kind::Service | Kind::EndpointSlice | Kind::Ingress | Kind::Certificate => &[8],
        // What a health check failed for is looked up in the pods.
        Kind::Pod | Kind::ReplicaSet => &[2, 5, 6, 7, 8],
        Kind::Node | Kind::Namespace | Kind::Bucket => &[],
        Kind::ImageRepository | Kind::ImagePolicy | Kind::ImageUpdateAutomation => &[2, 3, 4, 5],
        // Whether a chart in Git was packed anew is told by its HelmChart.
        Kind::HelmChart => &[3, 4, 5],
        Kind::HelmRepository => &[4, 5],
        Kind::EcsTask => &[2, 6, 7, 8],
        Kind::EcsServiceDeployment => &[1, 2, 3, 6, 7],
        Kind::EcsTargetGroup => &[8],
        _ => &[0, 1, 2, 3, 4, 5, 6, 7, 8],
    }
}

fn remove(world: &mut World, cluster: &str, kind: Kind, coverage: Coverage) {
    world.edit(cluster, |facts| {
        facts.coverage.insert((kind, Scope::All), coverage);
        match kind {
            Kind::Pod => facts.pods.retain(|_, _| false),
            Kind::ReplicaSet => facts.replica_sets.retain(|_, _| false),
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
                facts.workloads.retain(|(one, _), _| *one != kind);
            }
            Kind::Service => facts.services.retain(|_, _| false),
            Kind::EndpointSlice => facts.endpoint_slices.retain(|_, _| false),
            Kind::Event => facts.events.retain(|_, _| false),
            Kind::Ingress => facts.ingresses.retain(|_, _| false),
            Kind::Certificate => facts.certificates.retain(|_, _| false),
            Kind::Kustomization => facts.kustomizations.retain(|_, _| false),
            Kind::HelmRelease => facts.helm_releases.retain(|_, _| false),
            Kind::ImageRepository => facts.image_repositories.retain(|_, _| false),
            Kind::ImagePolicy => facts.image_policies.retain(|_, _| false),
            Kind::ImageUpdateAutomation => facts.image_automations.retain(|_, _| false),
            Kind::Namespace => facts.namespaces.retain(|_, _| false),
            Kind::Node => facts.nodes.retain(|_, _| false),
            Kind::GitRepository
            | Kind::OCIRepository
            | Kind::HelmRepository
            | Kind::HelmChart
            | Kind::Bucket => facts.sources.retain(|(one, _), _| *one != kind),
            Kind::Canary => facts.canaries.retain(|_, _| false),
            Kind::ExternalSecret => facts.external_secrets.retain(|_, _| false),
            Kind::EcsService => {
                facts.workloads.retain(|(one, _), _| *one != kind);
                facts.ecs_services.retain(|_, _| false);
            }
            Kind::EcsTask => facts.pods.retain(|_, _| false),
            Kind::EcsTaskDefinition => {
                facts.task_definitions.retain(|_, _| false);
                // A service knows its containers from there alone.
                facts.workloads.change(|workload| {
                    workload.containers.clear();
                });
            }
            Kind::EcsServiceDeployment => {
                facts.ecs_services.change(|service| {
                    service.service_deployments.clear();
                });
            }
            Kind::EcsTargetGroup => {
                facts.ecs_services.change(|service| {
                    for group in &mut service.target_groups {
                        group.targets.clear();
                    }
                });
            }
        }
    });
}

/// Every kind of every cluster there may be, with the cluster.
fn every_kind() -> Vec<(&'static str, Kind)> {
    let of_clusters = CLUSTERS
        .iter()
        .flat_map(|(cluster, _)| Kind::ALL.map(|kind| (*cluster, kind)));
    of_clusters
        .chain(Kind::ECS.map(|kind| (AWS, kind)))
        .collect()
}

/// One of the kinds of the clusters that a world has.
fn kind_of(world: &World, which: proptest::sample::Index) -> (&'static str, Kind) {
    let mut kinds = every_kind();
    kinds.retain(|(cluster, _)| world.facts.clusters.contains_key(*cluster));
    *which.get(&kinds)
}

fn coverages() -> impl Strategy<Value = Coverage> {
    let message = || "no".to_owned();
    prop_oneof![
        Just(Coverage::Denied { message: message() }),
        Just(Coverage::Failed { message: message() }),
        Just(Coverage::Unreachable { message: message() }),
        Just(Coverage::NotAsked),
    ]
}

/// The same law without chance: chance seldom takes away just the kind that would make just this world greener.
#[test]
fn no_kind_that_may_not_be_read_makes_any_trial_greener() {
    // A commit of an app, and one of the configuration.
    for question in [ask(&sha(APP, 4)), ask(&sha("fleet", 3))] {
        for trial in TRIALS {
            let world = (trial.world)();
            let before = judged(world.answer(&question).answer);
            let there = |cluster| cluster != DEV && world.facts.clusters.contains_key(cluster);
            for (cluster, kind) in every_kind()
                .into_iter()
                .filter(|(cluster, _)| there(*cluster))
            {
                let mut less = world.clone();
                let message = "no".to_owned();
                remove(&mut less, cluster, kind, Coverage::Denied { message });
                let after = less.answer(&question).answer;
                if let Err(error) = never_hidden(&before, &after)
                    .and_then(|()| never_greener(&before, &judged(after)))
                {
                    panic!("{}, {}, {kind:?}: {error}", trial.name, question.text);
                }
            }
        }
    }
}

/// The same law without chance, which met it once in hundreds of runs: the build of a commit taken back stayed unknown
/// for ever, because it waited for an image that nobody fetches where it is only shown.
#[test]
fn no_single_mishap_on_top_of_any_trial_leaves_anything_unknown() {
    let question = ask(&sha(APP, 4));
    for trial in TRIALS {
        for (number, mishap) in MISHAPS.iter().enumerate() {
            let mut world = (trial.world)();
            mishap(&mut world);
            if world.has_lost_images() {
                continue;
            }
            for (key, journey) in judged(world.answer(&question).answer) {
                for stage in journey.stages {
                    let unknown = matches!(stage.state, StageState::Unknown { .. });
                    assert!(!unknown, "{} [{number}] {key:?}: {stage:?}", trial.name);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn complete_facts_leave_nothing_unknown((name, world) in whole_worlds(), text in asks()) {
        for (key, journey) in judged(world.answer(&ask(&text)).answer) {
            prop_assert!(journey.state != State::Unknown, "{name} {key:?}: {}", journey.headline.text(|at| at.to_string()));
            for stage in journey.stages {
                let unknown = matches!(stage.state, StageState::Unknown { .. });
                prop_assert!(!unknown, "{name} {key:?}: {stage:?}");
            }
        }
    }

    #[test]
    fn a_kind_that_cannot_be_read_makes_nothing_greener(
        (name, world) in worlds(),
        text in asks(),
        which in any::<proptest::sample::Index>(),
        coverage in coverages(),
    ) {
        let before = judged(world.answer(&ask(&text)).answer);
        let mut less = world.clone();
        let (cluster, kind) = kind_of(&world, which);
        remove(&mut less, cluster, kind, coverage);
        let after = less.answer(&ask(&text)).answer;
        never_hidden(&before, &after).map_err(|error| TestCaseError::fail(format!("{name}, {kind:?}: {error}")))?;
        let after = judged(after);
        never_greener(&before, &after).map_err(|error| TestCaseError::fail(format!("{name}, {kind:?}: {error}")))?;
        // Where the registry deleted what runs, only what is read of it elsewhere tells what it was: any stage may hang on it.
        if world.has_lost_images() {
            return Ok(());
        }
        for (key, before) in &before {
            let Some(after) = after.get(key) else { continue };
            for (index, (before, after)) in before.stages.iter().zip(&after.stages).enumerate() {
                let fed = feeds(kind).contains(&index);
                let same = std::mem::discriminant(&before.state) == std::mem::discriminant(&after.state);
                prop_assert!(fed || same, "{name}, {kind:?}, {key:?}: {before:?}\nbecame {after:?}");
            }
        }
    }

    #[test]
    fn a_want_that_cannot_be_met_makes_nothing_greener(
        (name, world) in worlds(),
        text in asks(),
        which in proptest::collection::vec(any::<proptest::sample::Index>(), 1..=3),
        coverage in coverages().prop_filter("a gap", |one| *one != Coverage::NotAsked),
    ) {
        let question = ask(&text);
        let before = judged(world.answer(&question).answer);
        let mut less = world.clone();
        let mut facts = world.facts.clone();
        let mut wanted = Vec::new();
        for _ in 0..64 {
            let wants = crate::answer(&facts, &question, world.now).wants;
            if wants.is_empty() { break; }
            for want in wants {
                facts.absorb(world.find(&want));
                wanted.push(want);
            }
        }
        for index in which.iter().filter(|_| !wanted.is_empty()) {
            less.deaf.insert(index.get(&wanted).clone(), coverage.clone());
        }
        let after = less.answer(&question).answer;
        never_hidden(&before, &after).map_err(|error| TestCaseError::fail(format!("{name}, {:?}: {error}", less.deaf)))?;
        let after = judged(after);
        never_greener(&before, &after).map_err(|error| TestCaseError::fail(format!("{name}, {:?}: {error}", less.deaf)))?;
    }

    #[test]
    fn half_the_facts_may_say_unknown_and_nothing_else_that_is_wrong(
        (name, world) in worlds(),
        text in asks(),
        order in any::<u64>(),
        share in 1usize..10,
    ) {
        let question = ask(&text);
        let end = judged(world.answer(&question).answer);
        let mut facts = world.facts.clone();
        let mut seed = order | 1;
        for _ in 0..400 {
            let evaluation = crate::answer(&facts, &question, world.now);
            if let Ok(answer) = evaluation.answer {
                prop_assert_eq!(answer.pending, evaluation.wants.len());
                if !evaluation.wants.is_empty() {
                    for (key, journey) in judged(Ok(answer)) {
                        let last = end.get(&key);
                        let settled = last.map(|last| last.state);
                        prop_assert!(
                            journey.state == State::Unknown || Some(journey.state) == settled,
                            "{name} {key:?}: {:?} before {settled:?}, wanting {:?}\n{}", journey.state, evaluation.wants,
                            journey.headline.text(|at| at.to_string()),
                        );
                    }
                }
            }
            if evaluation.wants.is_empty() { break; }
            let mut taken = 0;
            let count = evaluation.wants.len();
            for (index, want) in evaluation.wants.iter().enumerate() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let last_chance = taken == 0 && index + 1 == count;
                if (seed >> 33) % 10 < share as u64 || last_chance {
                    facts.absorb(world.find(want));
                    taken += 1;
                }
            }
        }
        let last = judged(crate::answer(&facts, &question, world.now).answer);
        prop_assert_eq!(last.len(), end.len());
        for (key, last) in &last {
            let end = &end[key];
            prop_assert_eq!(last.state, end.state, "{} {:?}", name, key);
            prop_assert_eq!(&last.headline, &end.headline, "{} {:?}", name, key);
            prop_assert_eq!(&last.cause, &end.cause, "{} {:?}", name, key);
            prop_assert_eq!(&last.running, &end.running, "{} {:?}", name, key);
        }
    }

    #[test]
    fn the_order_in_which_facts_arrive_does_not_matter(
        (_, world) in worlds(),
        text in asks(),
        order in any::<u64>(),
    ) {
        let question = ask(&text);
        let (facts, mut found) = world.gathered(&question);
        let mut seed = order;
        for index in (1..found.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            found.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let mut shuffled = world.facts.clone();
        for one in found {
            shuffled.absorb(one);
        }
        prop_assert_eq!(
            crate::answer(&shuffled, &question, world.now),
            crate::answer(&facts, &question, world.now)
        );
    }
}
