//! The board: every app's newest commit in every target, and what runs there.
//!
//! Owns rows, cells and the list of workloads that lack a label. The journeys in it are the answer's own.

use std::collections::BTreeSet;

use api::board::{Board, BoardCell, BoardRow, Delivery, Unlinked};
use api::history::Took;
use api::journey::{Journey, StageState};
use facts::code::Relation;

use crate::discover::{Target, Targets, targets};
use crate::environment::rank;
use crate::evidence;
use crate::missing::{gone, unread};
use crate::running;
use crate::verdict::newest;
use crate::view::View;

/// The board.
pub fn board(view: &View<'_>) -> Board {
    let all = targets(view);
    let mut board = Board {
        version: api::JSON_VERSION,
        environments: environments(view, &all),
        rows: Vec::new(),
        unlinked: Vec::new(),
        unread: unread(view, all.all(), None),
    };
    board.unread.extend(gone(view, &all, &[], |_, _| true));
    for target in all.all() {
        if matches!(target.source, Ok(None)) {
            board.unlinked.push(unlinked(target));
            continue;
        }
        let cell = cell(view, &all, target);
        match board.rows.last_mut() {
            Some(row) if row.app == target.app => row.cells.push(cell),
            _ => board.rows.push(BoardRow {
                app: target.app.clone(),
                repository: None,
                newest: None,
                cells: vec![cell],
            }),
        }
        let row = board.rows.last_mut();
        if let (Some(row), Ok(Some(key))) = (row, &target.source)
            && row.repository.is_none()
        {
            row.newest = view
                .head(key)
                .ok()
                .and_then(|head| running::commit(view, key, head));
            row.repository = Some(key.clone());
        }
    }
    board
}

fn environments(view: &View<'_>, all: &Targets<'_>) -> Vec<String> {
    let names: BTreeSet<&str> = all
        .all()
        .iter()
        .filter(|target| !matches!(target.source, Ok(None)))
        .map(|target| target.environment.as_str())
        .collect();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_by_key(|name| rank(&view.facts.team, name));
    names
}

fn cell<'a>(view: &View<'a>, all: &Targets<'a>, target: &Target<'a>) -> BoardCell {
    let journey = newest(view, all, target);
    let behind = behind(view, target, &journey);
    let since = journey.running.as_ref().and_then(|running| running.since);
    let took = took(&journey);
    BoardCell {
        environment: journey.environment,
        cluster: journey.cluster,
        running: journey.running,
        stale_since: journey.stale_since,
        delivery: Delivery {
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

/// How many commits of the releasing branch what runs is behind.
fn behind(view: &View<'_>, target: &Target<'_>, journey: &Journey) -> Option<u32> {
    let key = target.source.as_ref().ok()?.as_ref()?;
    let head = view.head(key).ok()?;
    let running = journey.running.as_ref()?.commit.as_ref()?;
    match view.relation(key, &running.sha, head).ok()? {
        Relation::Same | Relation::Descendant { .. } => Some(0),
        Relation::Ancestor { ahead } | Relation::Diverged { ahead, .. } => Some(ahead),
        Relation::NoSuchCommit => None,
    }
}

fn unlinked(target: &Target<'_>) -> Unlinked {
    Unlinked {
        workload: evidence::workload(target.place, target.workload),
        image: target.container.image.clone(),
        fix: format!(
            "The image does not say what it is built from. Add to its Dockerfile: \
             LABEL org.opencontainers.image.source=https://… \
             org.opencontainers.image.revision=$COMMIT ({})",
            target.image.repository
        ),
    }
}
