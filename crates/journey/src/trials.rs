//! Tests only: each cause in a world that has it, and what the engine must say there.
//!
//! Owns the table [`TRIALS`]; the laws over all of them are in `laws`.

mod asking;
mod cases;
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

#[test]
fn every_cause_has_a_trial() {
    let missing: Vec<&str> = CauseCode::ALL
        .iter()
        .filter(|cause| !TRIALS.iter().any(|trial| trial.cause == **cause))
        .map(|cause| cause.code())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
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
