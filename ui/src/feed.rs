//! What is live in the page: the board's rows and the connections, as the console last said them.
//!
//! Owns what is known between one piece of news and the next: only what changed touches a signal, so that a row that stayed
//! the same is not drawn again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::BoardNews;
use api::board::{BoardRow, Unlinked};
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
    /// By app.
    index: StoredValue<BTreeMap<String, Row>>,
    serials: StoredValue<usize>,
}

impl BoardFeed {
    /// Starts the board's stream and gives it to everything below.
    pub fn provide() -> Self {
        let feed = Self::idle();
        follow(WatchBoard {}, feed.standing, move |news| feed.take(news));
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
            index: StoredValue::new(BTreeMap::new()),
            serials: StoredValue::new(0),
        }
    }

    /// The board of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// One row, if it is still there.
    pub fn row(self, key: &RowKey) -> Option<Row> {
        let row = self
            .index
            .with_value(|index| index.get(&key.app).cloned())?;
        let is_it = row
            .row
            .with_untracked(|row| row.repository == key.repository);
        is_it.then_some(row)
    }

    /// Takes news in; only what differs from what is known touches a signal.
    fn take(self, news: BoardNews) {
        let (part, rows) = (news.partly, news.rows);
        if let Some(environments) = news.environments {
            set_if_new(self.environments, environments);
        }
        if let Some(unlinked) = news.unlinked {
            set_if_new(self.unlinked, unlinked);
        }
        if let Some(unread) = news.unread {
            set_if_new(self.unread, unread);
        }
        let mut index = self
            .index
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        let mut changed = false;
        if part {
            for app in &news.gone {
                changed |= index.remove(app).is_some();
            }
        } else {
            let apps: BTreeSet<&String> = rows.iter().map(|row| &row.app).collect();
            let known = index.len();
            index.retain(|app, _| apps.contains(app));
            changed |= index.len() != known;
        }
        for row in rows {
            match index.get(&row.app) {
                Some(entry) => {
                    if *entry.row.get_untracked() != *row {
                        entry.row.set(row);
                        changed = true;
                    }
                }
                None => {
                    changed = true;
                    let entry = Row {
                        serial: self.serial(),
                        row: ArcRwSignal::new(Arc::clone(&row)),
                    };
                    index.insert(row.app.clone(), entry);
                }
            }
        }
        if changed {
            let rows = index.values().map(|entry| entry.row.get_untracked());
            self.rows.set(Arc::new(rows.collect()));
        }
        self.index.set_value(index);
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

    fn whole(rows: Vec<BoardRow>) -> BoardNews {
        BoardNews {
            rows: rows.into_iter().map(Arc::new).collect(),
            ..BoardNews::default()
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
            feed.take(whole(vec![a.clone(), b.clone()]));
            let (key_a, key_b) = (RowKey::of(&a), RowKey::of(&b));
            let before = |key| feed.row(key).unwrap().row.get_untracked();
            let (old_a, old_b) = (before(&key_a), before(&key_b));

            let mut moved = a;
            moved.cells[0].delivery.state = State::Deployed;
            feed.take(BoardNews {
                partly: true,
                ..whole(vec![moved])
            });
            assert!(!Arc::ptr_eq(&before(&key_a), &old_a));
            assert!(Arc::ptr_eq(&before(&key_b), &old_b));
            assert_eq!(feed.rows.get_untracked().len(), 2);

            let rows = feed.rows.get_untracked();
            feed.take(whole(vec![(*before(&key_a)).clone(), b]));
            assert!(Arc::ptr_eq(&feed.rows.get_untracked(), &rows));

            feed.take(BoardNews {
                partly: true,
                gone: vec!["a".to_owned()],
                ..BoardNews::default()
            });
            assert!(feed.row(&key_a).is_none());
            assert_eq!(feed.rows.get_untracked().len(), 1);

            feed.take(whole(vec![]));
            assert!(feed.row(&key_b).is_none());
            assert!(feed.rows.get_untracked().is_empty());
        });
    }
}
