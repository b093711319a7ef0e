//! What is live in the page: the board's rows and the connections, as the console last said them.
//!
//! Owns the difference between one document and the next: a document is whole, and only what changed in it touches a
//! signal, so that a row that stayed the same is not drawn again.

use std::collections::HashMap;
use std::sync::Arc;

use api::board::{Board, BoardRow, Unlinked};
use api::connection::Connection;
use api::error::Error;
use api::request::{WatchBoard, WatchConnections};
use api::{Sentence, Stream};
use leptos::prelude::*;

use crate::board::order::RowKey;
use crate::bridge::{self, Event};

/// How a stream stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    /// Nothing has come yet.
    #[default]
    Loading,
    /// Items come.
    Live,
    /// It failed; what came before it stays.
    Failed(Error),
    /// The console ended it; what came before it stays and grows old.
    Ended,
}

/// Starts a stream that lives as long as the reactive owner, keeps its standing, and hands its items on.
pub fn follow<S: Stream + 'static>(
    request: S,
    standing: RwSignal<Feed>,
    each: impl Fn(S::Item) + 'static,
) {
    let subscription = bridge::watch(request, move |event| match event {
        Event::Item(item) => {
            each(item);
            set_if_new(standing, Feed::Live);
        }
        Event::Failed(error) => set_if_new(standing, Feed::Failed(error)),
        Event::Ended => {
            // An error says more than that the stream is over.
            if !matches!(standing.get_untracked(), Feed::Failed(_)) {
                standing.set(Feed::Ended);
            }
        }
    });
    // Kept by the owner: when it goes, the subscription is dropped and with it the console's work.
    StoredValue::new_local(subscription);
}

/// Sets a signal only if that changes it.
pub fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// One row in the page.
#[derive(Clone, Debug)]
pub struct Row {
    /// A number of its own, for element ids: names hold anything.
    pub serial: usize,
    /// What it says.
    pub row: ArcRwSignal<Arc<BoardRow>>,
}

/// The board as it is now.
#[derive(Clone, Copy, Debug)]
pub struct BoardFeed {
    /// How the stream stands.
    pub standing: RwSignal<Feed>,
    /// The environments, from first to last.
    pub environments: RwSignal<Vec<String>>,
    /// All rows; changes with each document that changed a row.
    pub rows: RwSignal<Arc<Vec<Arc<BoardRow>>>>,
    /// Workloads without source.
    pub unlinked: RwSignal<Vec<Unlinked>>,
    /// What could not be read.
    pub unread: RwSignal<Vec<Sentence>>,
    index: StoredValue<HashMap<RowKey, Row>>,
    serials: StoredValue<usize>,
}

impl BoardFeed {
    /// Starts the board's stream and gives it to everything below.
    pub fn provide() -> Self {
        let feed = Self::idle();
        follow(WatchBoard {}, feed.standing, move |board| feed.take(board));
        provide_context(feed);
        feed
    }

    fn idle() -> Self {
        Self {
            standing: RwSignal::new(Feed::Loading),
            environments: RwSignal::new(Vec::new()),
            rows: RwSignal::new(Arc::new(Vec::new())),
            unlinked: RwSignal::new(Vec::new()),
            unread: RwSignal::new(Vec::new()),
            index: StoredValue::new(HashMap::new()),
            serials: StoredValue::new(0),
        }
    }

    /// The board of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// One row, if it is still there.
    pub fn row(self, key: &RowKey) -> Option<Row> {
        self.index.with_value(|index| index.get(key).cloned())
    }

    /// Takes a whole board in; only what differs from the last one touches a signal.
    fn take(self, board: Board) {
        set_if_new(self.environments, board.environments);
        set_if_new(self.unlinked, board.unlinked);
        set_if_new(self.unread, board.unread);
        let mut changed = false;
        let mut rows = Vec::with_capacity(board.rows.len());
        let mut index = self
            .index
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        let mut next = HashMap::with_capacity(board.rows.len());
        for row in board.rows {
            let key = RowKey::of(&row);
            let entry = match index.remove(&key) {
                Some(entry) => {
                    let old = entry.row.get_untracked();
                    if *old != row {
                        entry.row.set(Arc::new(row));
                        changed = true;
                    }
                    entry
                }
                None => {
                    changed = true;
                    Row {
                        serial: self.serial(),
                        row: ArcRwSignal::new(Arc::new(row)),
                    }
                }
            };
            rows.push(entry.row.get_untracked());
            next.insert(key, entry);
        }
        changed |= !index.is_empty();
        self.index.set_value(next);
        if changed {
            self.rows.set(Arc::new(rows));
        }
    }

    /// The next row's number.
    fn serial(self) -> usize {
        self.serials
            .try_update_value(|serial| {
                *serial += 1;
                *serial
            })
            .unwrap_or_default()
    }
}

/// The connections as they are now.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFeed {
    /// How the stream stands.
    pub standing: RwSignal<Feed>,
    /// The systems.
    pub all: RwSignal<Vec<Connection>>,
}

impl ConnectionFeed {
    /// Starts the connections' stream and gives it to everything below.
    pub fn provide() -> Self {
        let feed = Self {
            standing: RwSignal::new(Feed::Loading),
            all: RwSignal::new(Vec::new()),
        };
        follow(WatchConnections {}, feed.standing, move |all| {
            set_if_new(feed.all, all);
        });
        provide_context(feed);
        feed
    }

    /// The connections of the page.
    pub fn here() -> Self {
        expect_context()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::sample::{cell, row};
    use api::journey::State;

    fn board(rows: Vec<BoardRow>) -> Board {
        Board {
            rows,
            ..Board::default()
        }
    }

    #[test]
    fn a_row_that_stayed_the_same_is_not_touched() {
        let owner = Owner::new();
        owner.with(|| {
            let feed = BoardFeed::idle();
            let (a, b) = (
                row("a", vec![cell("dev", "nonprod", State::Moving)]),
                row("b", vec![cell("dev", "nonprod", State::Deployed)]),
            );
            feed.take(board(vec![a.clone(), b.clone()]));
            let (key_a, key_b) = (RowKey::of(&a), RowKey::of(&b));
            let before = |key| feed.row(key).unwrap().row.get_untracked();
            let (old_a, old_b) = (before(&key_a), before(&key_b));

            let mut moved = a;
            moved.cells[0].delivery.state = State::Deployed;
            feed.take(board(vec![moved, b.clone()]));
            assert!(!Arc::ptr_eq(&before(&key_a), &old_a));
            assert!(Arc::ptr_eq(&before(&key_b), &old_b));

            let rows = feed.rows.get_untracked();
            feed.take(board(vec![(*before(&key_a)).clone(), b]));
            assert!(Arc::ptr_eq(&feed.rows.get_untracked(), &rows));

            feed.take(board(vec![]));
            assert!(feed.row(&key_a).is_none());
            assert!(feed.rows.get_untracked().is_empty());
        });
    }
}
