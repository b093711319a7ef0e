//! Pure: facts, an ask and a time become journeys, each with one named cause.
//!
//! Owns the rules that decide what became of a commit. No I/O, no async, no clock: what it does not know it wants,
//! and says so. Read it in this order: [`answer`] finds out what was asked (`ask`), which apps and targets there are
//! (`discover`), how Git reaches each of them (`route`), walks the nine stages (`stages`), lets the first unmet one
//! decide (`verdict`) and says it in one sentence (`headline`).

mod app;
mod ask;
mod board;
pub mod causes;
mod conditions;
mod configuration;
mod discover;
pub mod docs;
mod environment;
mod evidence;
mod finding;
mod headline;
mod images;
mod index;
mod messages;
mod missing;
mod nearest;
mod past;
mod reverts;
mod root;
mod route;
mod running;
mod stages;
#[cfg(test)]
mod trials;
mod usual;
mod verdict;
mod view;
mod walk;
#[cfg(test)]
mod world;

use std::collections::BTreeSet;

use facts::{Facts, Want};
use jiff::Timestamp;

/// What an ask's evaluation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The answer, or why there is none.
    pub answer: Result<api::Answer, api::Error>,
    /// Facts that would make the answer more exact; it is never wrong without them.
    pub wants: BTreeSet<Want>,
    /// When the answer changes by itself, by our clock, though no fact does.
    pub changes_at: Option<Timestamp>,
}

/// What the board's evaluation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardEvaluation {
    /// The board.
    pub board: api::Board,
    /// Facts that would make it more exact.
    pub wants: BTreeSet<Want>,
    /// When it changes by itself, by our clock, though no fact does.
    pub changes_at: Option<Timestamp>,
}

/// Answers an ask from what is known. `now` is the time by our own clock.
pub fn answer(facts: &Facts, ask: &api::Ask, now: Timestamp) -> Evaluation {
    let indexes = index::Index::all(facts);
    let view = view::View::new(facts, &indexes, now, true);
    let answer = verdict::answer(&view, ask);
    let (wants, changes_at) = view.outcome();
    let answer = answer.map(|mut answer| {
        answer.pending = wants.len();
        answer
    });
    Evaluation {
        answer,
        wants,
        changes_at,
    }
}

/// The board from what is known. `now` is the time by our own clock.
pub fn board(facts: &Facts, now: Timestamp) -> BoardEvaluation {
    let indexes = index::Index::all(facts);
    let view = view::View::new(facts, &indexes, now, false);
    let board = board::board(&view);
    let (wants, changes_at) = view.outcome();
    BoardEvaluation {
        board,
        wants,
        changes_at,
    }
}

/// What happened, from what is known, and what would say more of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvaluation {
    /// What happened, newest first.
    pub changes: Vec<api::Change>,
    /// The environments, from first to last.
    pub environments: Vec<String>,
    /// Facts that would say more of it.
    pub wants: BTreeSet<Want>,
}

/// What the systems still tell of the past. `now` is the time by our own clock.
pub fn past(facts: &Facts, now: Timestamp) -> PastEvaluation {
    let indexes = index::Index::all(facts);
    let view = view::View::new(facts, &indexes, now, false);
    let (changes, environments) = past::past(&view);
    let (wants, _) = view.outcome();
    PastEvaluation {
        changes,
        environments,
        wants,
    }
}

/// What an app's evaluation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct AppEvaluation {
    /// The app.
    pub app: api::app::App,
    /// Facts that would say more of it.
    pub wants: BTreeSet<Want>,
}

/// One app, from what is known. `now` is the time by our own clock.
pub fn app(facts: &Facts, name: &str, now: Timestamp) -> AppEvaluation {
    let indexes = index::Index::all(facts);
    let view = view::View::new(facts, &indexes, now, false);
    let app = app::app(&view, name);
    let (wants, _) = view.outcome();
    AppEvaluation { app, wants }
}
