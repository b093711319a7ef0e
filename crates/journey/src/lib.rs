//! Pure: facts, an ask and a time become journeys, each with one named cause.
//!
//! Owns the rules that decide what became of a commit. No I/O, no async, no clock: what it does not know it wants,
//! and says so. Read it in this order: [`answer`] finds out what was asked (`ask`), which apps and targets there are
//! (`discover`), how Git reaches each of them (`route`), walks the nine stages (`stages`), lets the first unmet one
//! decide (`verdict`) and says it in one sentence (`headline`). A board is kept while facts change (`standing`).

pub mod acts;
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
mod lost;
mod messages;
mod missing;
mod nearest;
mod past;
mod place;
mod rests;
mod reverts;
mod root;
mod route;
mod running;
mod stages;
mod standing;
mod trace;
#[cfg(test)]
mod trials;
mod usual;
mod verdict;
mod view;
mod walk;
mod whereabouts;
#[cfg(test)]
mod world;

use std::collections::BTreeSet;

use facts::{Facts, Selection, Want};
use jiff::Timestamp;
pub use standing::Standing;
pub use whereabouts::{Whereabouts, where_is};

/// What an ask's evaluation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The answer, or why there is none.
    pub answer: Result<api::Answer, api::Error>,
    /// Facts that would make the answer more exact; it is never wrong without them.
    pub wants: BTreeSet<Want>,
    /// Pods that would, by cluster: only of clusters whose pods are read where they are wanted.
    pub pods: BTreeSet<(String, Selection)>,
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
    let indexes = index::Index::all(&facts.clusters);
    let trace = trace::Trace::new(false);
    let view = view::View::new(facts, &indexes, &trace, now, true);
    let answer = verdict::answer(&view, ask);
    let seen = trace.take();
    let answer = answer.map(|mut answer| {
        answer.pending = seen.wants.len() + seen.pods.len();
        answer
    });
    Evaluation {
        answer,
        wants: seen.wants,
        pods: seen.pods,
        changes_at: seen.changes_at,
    }
}

/// The board from what is known, from nothing. `now` is the time by our own clock.
pub fn board(facts: &Facts, now: Timestamp) -> BoardEvaluation {
    Standing::default().board(facts, &[], now)
}

/// What happened, from what is known, and what would say more of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvaluation {
    /// What happened, newest first.
    pub changes: Vec<api::Change>,
    /// The environments, from first to last.
    pub environments: Vec<String>,
    /// What could not be read, one sentence each: what happened there is not known.
    pub unread: Vec<api::Sentence>,
    /// Facts that would say more of it.
    pub wants: BTreeSet<Want>,
}

/// What the systems still tell of the past. `now` is the time by our own clock.
pub fn past(facts: &Facts, now: Timestamp) -> PastEvaluation {
    let indexes = index::Index::all(&facts.clusters);
    let trace = trace::Trace::new(false);
    let view = view::View::new(facts, &indexes, &trace, now, false);
    let roll = discover::Roll::there(&view);
    let (changes, environments) = past::past(&view, &discover::Targets::new(&view, &roll));
    PastEvaluation {
        changes,
        environments,
        unread: missing::unread(&view, std::iter::empty(), None),
        wants: trace.take().wants,
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
    let indexes = index::Index::all(&facts.clusters);
    let trace = trace::Trace::new(false);
    let view = view::View::new(facts, &indexes, &trace, now, false);
    let roll = discover::Roll::there(&view);
    let app = app::app(&view, &discover::Targets::new(&view, &roll), name);
    AppEvaluation {
        app,
        wants: trace.take().wants,
    }
}
