//! What is new on a board: only what has changed since what went over the same stream before.
//!
//! Owns the making of it and the joining to what is known, so that both ends agree. A whole board is news too, as the first
//! one is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::board::{Board, BoardRow, Unlinked};
use crate::headline::Sentence;

/// What is new on a board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardNews {
    /// Whether it is only what has changed; else what was known before is forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partly: bool,
    /// Rows that are new or changed, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Arc<BoardRow>>,
    /// Apps whose rows are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// The environments, if they have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// Workloads without source, if they have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlinked: Option<Vec<Unlinked>>,
    /// What could not be read, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Vec<Sentence>>,
}

impl BoardNews {
    /// A board as news to somebody who knows nothing.
    pub fn whole(board: &Board) -> Self {
        Self {
            partly: false,
            rows: board.rows.clone(),
            gone: Vec::new(),
            environments: Some(board.environments.clone()),
            unlinked: Some(board.unlinked.clone()),
            unread: Some(board.unread.clone()),
        }
    }

    /// What is new to somebody who knows `before`; none if nothing is.
    pub fn since(before: &Board, board: &Board) -> Option<Self> {
        let mut news = Self {
            partly: true,
            environments: changed(&before.environments, &board.environments),
            unlinked: changed(&before.unlinked, &board.unlinked),
            unread: changed(&before.unread, &board.unread),
            ..Self::default()
        };
        // Both are in the order of names.
        let mut known = before.rows.iter().peekable();
        for row in &board.rows {
            while let Some(gone) = known.next_if(|one| one.app < row.app) {
                news.gone.push(gone.app.clone());
            }
            match known.next_if(|one| one.app == row.app) {
                Some(one) if Arc::ptr_eq(one, row) || one == row => {}
                _ => news.rows.push(Arc::clone(row)),
            }
        }
        news.gone.extend(known.map(|gone| gone.app.clone()));
        let nothing = Self {
            partly: true,
            ..Self::default()
        };
        (news != nothing).then_some(news)
    }
}

fn changed<T: Clone + PartialEq>(before: &[T], now: &[T]) -> Option<Vec<T>> {
    (before != now).then(|| now.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(apps: &[(&str, &str)]) -> Board {
        let row = |(app, repository): &(&str, &str)| {
            Arc::new(BoardRow {
                app: (*app).to_owned(),
                repository: Some((*repository).to_owned()),
                newest: None,
                cells: Vec::new(),
            })
        };
        Board {
            rows: apps.iter().map(row).collect(),
            ..Board::default()
        }
    }

    #[test]
    fn only_what_changed_is_news() {
        let before = board(&[("a", "1"), ("b", "1"), ("d", "1")]);
        let after = board(&[("a", "1"), ("b", "2"), ("c", "1")]);
        let news = BoardNews::since(&before, &after).unwrap();
        let apps: Vec<&str> = news.rows.iter().map(|row| row.app.as_str()).collect();
        assert_eq!((apps, news.gone), (vec!["b", "c"], vec!["d".to_owned()]));
        assert_eq!((news.partly, news.environments), (true, None));
        assert_eq!(BoardNews::since(&after, &after.clone()), None);
    }

    #[test]
    fn a_whole_board_reads_as_news() {
        let text = serde_json::to_string(&board(&[("a", "1")])).unwrap();
        let news: BoardNews = serde_json::from_str(&text).unwrap();
        assert_eq!(news, BoardNews::whole(&board(&[("a", "1")])));
    }
}
