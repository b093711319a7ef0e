//! The board: every app's newest commit in every target, and what runs there.
//!
//! Owns rows, cells and the list of workloads that lack a label. The journeys in it are the answer's own.

use std::collections::BTreeSet;

use api::State;
use api::board::{BoardCell, BoardRow, Delivery, Unlinked};
use api::history::Took;
use api::journey::{Commit, Journey, StageState};
use facts::code::Relation;

use crate::discover::{Found, Target, Targets};
use crate::environment::rank;
use crate::running;
use crate::verdict::newest;
use crate::view::View;

/// A cell, and what it tells of its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The cell; none for a workload that cannot be linked to source.
    pub cell: Option<BoardCell>,
    /// The repository's key.
    pub repository: Option<String>,
    /// Its newest commit on the branch that releases.
    pub newest: Option<Commit>,
}

/// What a target tells the board.
pub fn told<'a>(view: &View<'a>, all: &Targets<'a>, target: &Target<'a>) -> Told {
    let key = match &target.source {
        Ok(None) => {
            return Told {
                cell: None,
                repository: None,
                newest: None,
            };
        }
        Ok(Some(key)) => Some(key),
        Err(_) => None,
    };
    let newest = key.and_then(|key| running::commit(view, key, view.head(key).ok()?));
    Told {
        cell: Some(cell(view, all, target)),
        repository: key.cloned(),
        newest,
    }
}

/// A row, from what its targets tell in order; none if none of them can be linked to source.
pub fn row<'t>(app: &str, told: impl Iterator<Item = &'t Told> + Clone) -> Option<BoardRow> {
    let cells: Vec<BoardCell> = told.clone().filter_map(|one| one.cell.clone()).collect();
    let linked = told.clone().find(|one| one.repository.is_some());
    (!cells.is_empty()).then(|| BoardRow {
        app: app.to_owned(),
        repository: linked.and_then(|one| one.repository.clone()),
        newest: linked.and_then(|one| one.newest.clone()),
        cells,
    })
}

/// The environments of everything that has a cell, from first to last.
pub fn environments<'f>(view: &View<'_>, all: impl Iterator<Item = &'f Found>) -> Vec<String> {
    let linked = all.filter(|found| !matches!(found.source, Ok(None)));
    let names: BTreeSet<&str> = linked.map(|found| found.environment.as_str()).collect();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_by_key(|name| rank(view.team(), name));
    names
}

fn cell<'a>(view: &View<'a>, all: &Targets<'a>, target: &Target<'a>) -> BoardCell {
    let journey = newest(view, all, target);
    let behind = behind(view, target, &journey);
    let since = journey.running.as_ref().and_then(|running| running.since);
    let took = took(&journey);
    let head = target.source.as_ref().ok().and_then(Option::as_ref);
    let head = head.and_then(|key| view.head(key).ok());
    let judged = journey.commit.filter(|one| Some(one.sha.as_str()) != head);
    BoardCell {
        environment: journey.environment,
        cluster: journey.cluster,
        running: journey.running,
        stale_since: journey.stale_since,
        delivery: Delivery {
            commit: judged,
            state: journey.state,
            pending: journey.pending,
            behind,
            stage: journey.blocking_stage,
            since: match &journey.cause {
                Some(cause) => cause.since,
                None if journey.state.is_settled() => since,
                None => None,
            },
            cause: journey.cause.map(|cause| cause.code),
            headline: journey.headline,
            took,
        },
    }
}

/// How long the stages behind it took.
fn took(journey: &Journey) -> Vec<Took> {
    let done = |stage: &&api::Stage| stage.state == StageState::Done;
    let stages = journey.stages.iter().filter(done);
    stages
        .filter_map(|stage| {
            Some(Took {
                stage: stage.kind,
                seconds: stage.took_seconds?,
            })
        })
        .collect()
}

/// How many commits of the releasing branch what runs is behind the one that counts here.
fn behind(view: &View<'_>, target: &Target<'_>, journey: &Journey) -> Option<u32> {
    // What the newest commit does not change is not behind it.
    if journey.state == State::NotAffected {
        return None;
    }
    let key = target.source.as_ref().ok()?.as_ref()?;
    let newest = match &journey.commit {
        Some(commit) => &commit.sha,
        None => view.head(key).ok()?,
    };
    let running = journey.running.as_ref()?.commit.as_ref()?;
    match view.relation(key, &running.sha, newest).ok()? {
        Relation::Same | Relation::Descendant { .. } => Some(0),
        Relation::Ancestor { ahead } | Relation::Diverged { ahead, .. } => Some(ahead),
        Relation::NoSuchCommit => None,
    }
}

/// A workload that cannot be linked to source, with what would link it.
pub fn unlinked(found: &Found) -> Unlinked {
    Unlinked {
        workload: found.object(),
        image: found.declared.clone(),
        fix: format!(
            "The image does not say what it is built from. Add to its Dockerfile: \
             LABEL org.opencontainers.image.source=https://… \
             org.opencontainers.image.revision=$COMMIT ({})",
            found.image.repository
        ),
    }
}
