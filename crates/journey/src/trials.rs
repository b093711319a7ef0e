//! Tests only: each cause in a world that has it, and what the engine must say there.
//!
//! Owns the table [`TRIALS`]; the laws over all of them are in `laws`.

mod asking;
mod cases;
mod ecs;
mod faults;
mod laws;
mod table;

use api::journey::Ask;
use api::{Journey, State};

pub use table::{TRIALS, Trial};

use crate::causes::CauseCode;
use crate::world::World;
use crate::world::company::{APPS, calm, delivered, sha};

pub fn ask(text: &str) -> Ask {
    Ask {
        text: text.to_owned(),
        ..Ask::default()
    }
}

pub fn journeys(world: &World, text: &str) -> Vec<Journey> {
    world.answer(&ask(text)).answer.unwrap().journeys
}

pub fn journey(world: &World, trial: &Trial) -> Journey {
    journeys(world, &trial.asked())
        .into_iter()
        .find(|journey| journey.app == trial.app && journey.cluster == trial.cluster)
        .unwrap_or_else(|| panic!("{}: no journey", trial.name))
}

/// The headline with minutes since, as a person would read it.
pub fn read_aloud(world: &World, sentence: &api::Sentence) -> String {
    sentence.text(|at| {
        let minutes = world.now.duration_since(at).as_mins();
        if minutes >= 0 {
            format!("{minutes} min ago")
        } else {
            format!("in {} min", -minutes)
        }
    })
}

#[test]
fn what_runs_everywhere_is_deployed_everywhere() {
    for app in APPS {
        let journeys = journeys(&delivered(), &sha(app, 4));
        assert_eq!(journeys.len(), 2);
        for journey in journeys {
            assert_eq!(journey.state, State::Deployed, "{journey:#?}");
        }
    }
}

#[test]
fn an_older_commit_is_superseded() {
    for journey in journeys(&calm(), &sha("checkout", 2)) {
        assert_eq!(journey.state, State::Superseded, "{journey:#?}");
    }
}

#[test]
fn every_trial_ends_in_its_state_stage_cause_and_object() {
    let mut wrong = Vec::new();
    for trial in TRIALS {
        let world = (trial.world)();
        let journey = journey(&world, trial);
        let cause = journey.cause.as_ref();
        let got = (
            journey.state,
            journey.blocking_stage,
            cause.map(|cause| cause.code.as_str()),
            cause.map(|cause| format!("{} {}", cause.object.kind, cause.object.name)),
        );
        let expected = (
            trial.state,
            Some(trial.stage),
            Some(trial.cause.code()),
            Some(trial.object.to_owned()),
        );
        let object_matches = match (&got.3, &expected.3) {
            (Some(got), Some(expected)) => got.starts_with(expected.as_str()),
            _ => false,
        };
        if (got.0, got.1, got.2) != (expected.0, expected.1, expected.2) || !object_matches {
            wrong.push(format!(
                "{}\n  expected {expected:?}\n  got      {got:?}\n  {}",
                trial.name,
                read_aloud(&world, &journey.headline)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Causes that only a commit of configuration has: they are tried in `cases/unapplied.rs`, since the table asks for an app's.
const OF_CONFIGURATION: [CauseCode; 2] =
    [CauseCode::ApplyLeftAlone, CauseCode::RolloutNotRestarted];

#[test]
fn every_cause_has_a_trial() {
    let is_tried = |cause: &CauseCode| TRIALS.iter().any(|trial| trial.cause == *cause);
    let missing: Vec<&str> = CauseCode::ALL
        .iter()
        .filter(|cause| !is_tried(cause) && !OF_CONFIGURATION.contains(cause))
        .map(|cause| cause.code())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The objects that a sentence names.
fn objects(sentence: &api::Sentence) -> Vec<&api::ObjectRef> {
    let mut found = Vec::new();
    for span in &sentence.0 {
        if let api::Span::Object { object } = span {
            found.push(object);
        }
    }
    found
}

#[test]
fn what_the_headline_names_is_what_the_evidence_shows() {
    for trial in TRIALS {
        let world = (trial.world)();
        let journey = journey(&world, trial);
        let cause = journey.cause.as_ref().unwrap();
        assert!(!journey.evidence.is_empty(), "{}: no evidence", trial.name);
        let shown: Vec<&api::ObjectRef> = journey
            .evidence
            .iter()
            .map(|line| &line.object)
            .chain(journey.chain.iter().map(|link| &link.object))
            .chain([&cause.object])
            .chain(journey.running.iter().map(|running| &running.workload))
            .chain(journey.next_attempt.iter().map(|next| &next.who))
            .collect();
        for object in objects(&journey.headline) {
            assert!(
                shown.contains(&object),
                "{}: {object} is not shown",
                trial.name
            );
        }
        let root = journey.chain.iter().find(|link| link.root);
        assert!(
            root.is_none_or(|root| root.object == cause.object),
            "{}",
            trial.name
        );
        assert_eq!(journey.stages.len(), 9);
        let blocking = journey.blocking_stage.unwrap();
        let stage = journey
            .stages
            .iter()
            .find(|stage| stage.kind == blocking)
            .unwrap();
        assert!(
            !matches!(
                stage.state,
                api::StageState::Done | api::StageState::NotReached
            ),
            "{}: {stage:?}",
            trial.name
        );
    }
}

#[test]
fn a_board_of_what_runs_asks_no_code_host_and_lists_no_tags() {
    let world = delivered();
    let mut facts = world.facts.clone();
    for _ in 0..64 {
        let wants = crate::board(&facts, world.now).wants;
        for want in wants {
            let cheap = !matches!(
                want,
                facts::Want::Tags { .. }
                    | facts::Want::Ci { .. }
                    | facts::Want::Pulls { .. }
                    | facts::Want::OpenPulls { .. }
                    | facts::Want::Touched { .. }
                    | facts::Want::Concern { .. }
            );
            assert!(cheap, "{want:?}");
            facts.absorb(world.find(&want));
        }
    }
}

#[test]
fn a_board_of_a_thousand_cells_does_not_look_through_everything_for_each() {
    let mut world = delivered();
    for (cluster, _) in crate::world::company::CLUSTERS {
        world.edit(cluster, multiply);
    }
    let begun = std::time::Instant::now();
    let cells: usize = world
        .board()
        .board
        .rows
        .iter()
        .map(|row| row.cells.len())
        .sum();
    assert_eq!(cells, 1004);
    // It takes about a second without optimisation; looking through all pods for each cell took minutes.
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

/// 250 more of every app, all built alike.
fn multiply(facts: &mut facts::ClusterFacts) {
    let few = facts.clone();
    for copy in 0..250 {
        let named = |name: &str| format!("{name}-{copy}");
        for ((kind, _), workload) in few.workloads.iter() {
            let mut one = workload.clone();
            one.meta.name = named(&one.meta.name);
            let label = "app.kubernetes.io/name".to_owned();
            one.meta.labels.insert(label, one.meta.name.clone());
            one.selector = [("app".to_owned(), one.meta.name.clone())].into();
            one.pod_labels = one.selector.clone();
            facts.workloads.insert((*kind, one.meta.key()), one);
        }
        for pod in few.pods.values() {
            let mut one = pod.clone();
            one.meta.name = named(&one.meta.name);
            let app = named(&one.meta.labels["app"]);
            one.meta.labels.insert("app".to_owned(), app);
            one.meta.owners[0].name = named(&one.meta.owners[0].name);
            facts.pods.insert(one.meta.key(), one);
        }
        for set in few.replica_sets.values() {
            let mut one = set.clone();
            one.meta.name = named(&one.meta.name);
            one.meta.owners[0].name = named(&one.meta.owners[0].name);
            facts.replica_sets.insert(one.meta.key(), one);
        }
    }
}

#[test]
fn headlines_read_aloud() {
    let mut text = String::new();
    for trial in TRIALS {
        let world = (trial.world)();
        let journey = journey(&world, trial);
        text.push_str(&format!(
            "{}\n    {}\n",
            trial.name,
            read_aloud(&world, &journey.headline)
        ));
        for note in &journey.notes {
            text.push_str(&format!("    + {}\n", read_aloud(&world, note)));
        }
    }
    insta::assert_snapshot!(text);
}
