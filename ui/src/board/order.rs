//! Which rows are shown, in which order, and which of them are in view.
//!
//! Owns filter, sort and the window of rows that exist in the page. Rows don't move under the pointer: while a person
//! points at the board or walks in it, the order that was there stays.

use std::ops::Range;
use std::sync::Arc;

use api::board::{BoardCell, BoardRow};
use api::journey::State;
use jiff::Timestamp;

use crate::words;

/// What tells one row from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The app.
    pub app: String,
    /// Its repository: two repositories may build apps of one name.
    pub repository: Option<String>,
}

impl RowKey {
    /// A row's key.
    pub fn of(row: &BoardRow) -> Self {
        Self {
            app: row.app.clone(),
            repository: row.repository.clone(),
        }
    }
}

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chip {
    /// All of them.
    #[default]
    All,
    /// Blocked or rolled back somewhere.
    Stuck,
    /// Moving or waiting somewhere.
    OnTheirWay,
    /// Behind in the last environment.
    Behind,
    /// Unknown somewhere, or last seen a while ago.
    Unread,
}

impl Chip {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::Stuck,
        Self::OnTheirWay,
        Self::Behind,
        Self::Unread,
    ];

    /// Whether a row is shown.
    pub fn shows(self, row: &BoardRow, last: Option<&str>) -> bool {
        let any = |wanted: &[State]| {
            row.cells
                .iter()
                .any(|cell| wanted.contains(&cell.delivery.state))
        };
        match self {
            Self::All => true,
            Self::Stuck => any(&[State::Blocked, State::RolledBack]),
            Self::OnTheirWay => any(&[State::Moving, State::Waiting]),
            Self::Behind => row.cells.iter().any(|cell| {
                Some(cell.environment.as_str()) == last
                    && cell.delivery.behind.is_some_and(|behind| behind > 0)
            }),
            Self::Unread => {
                let is_unread = |cell: &BoardCell| {
                    words::is_unknown(&cell.delivery) || cell.stale_since.is_some()
                };
                row.cells.iter().any(is_unread)
            }
        }
    }
}

/// The orders of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// By name.
    #[default]
    Name,
    /// The worst cell first.
    Worst,
    /// The newest commit first.
    Newest,
}

impl Sort {
    /// All of them: what the page calls them, and what it says.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Name, "name", "By name"),
        (Self::Worst, "worst", "Worst first"),
        (Self::Newest, "newest", "Newest commit first"),
    ];
}

/// The keys of the rows that pass, in order. The text matches in the app's name and the repository's.
pub fn arranged(
    rows: &[Arc<BoardRow>],
    text: &str,
    chip: Chip,
    sort: Sort,
    last: Option<&str>,
) -> Vec<RowKey> {
    let wanted: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut shown: Vec<&Arc<BoardRow>> = rows
        .iter()
        .filter(|row| chip.shows(row, last))
        .filter(|row| {
            let name = row.app.to_lowercase();
            let repository = row.repository.as_deref().unwrap_or("").to_lowercase();
            wanted
                .iter()
                .all(|word| name.contains(word) || repository.contains(word))
        })
        .collect();
    match sort {
        Sort::Name => {}
        Sort::Worst => shown.sort_by_key(|row| std::cmp::Reverse(badness(row))),
        Sort::Newest => {
            shown.sort_by_key(|row| {
                std::cmp::Reverse(
                    row.newest
                        .as_ref()
                        .map_or(Timestamp::MIN, |commit| commit.at),
                )
            });
        }
    }
    shown.into_iter().map(|row| RowKey::of(row)).collect()
}

/// How bad a row is: its worst cell, then how many cells are that bad.
fn badness(row: &BoardRow) -> (u8, usize) {
    let worst = row
        .cells
        .iter()
        .map(|cell| words::badness(cell.delivery.state))
        .max()
        .unwrap_or(0);
    let count = row
        .cells
        .iter()
        .filter(|cell| words::badness(cell.delivery.state) == worst)
        .count();
    (worst, count)
}

/// The order to show: what is wanted, or, while it is held, the order that was there with gone rows left out and new
/// ones at the end.
pub fn settle(previous: &[RowKey], wanted: Vec<RowKey>, held: bool) -> Vec<RowKey> {
    if !held {
        return wanted;
    }
    let still: std::collections::HashSet<&RowKey> = wanted.iter().collect();
    let mut order: Vec<RowKey> = previous
        .iter()
        .filter(|key| still.contains(key))
        .cloned()
        .collect();
    let there: std::collections::HashSet<RowKey> = order.iter().cloned().collect();
    order.extend(wanted.into_iter().filter(|key| !there.contains(key)));
    order
}

/// The rows that exist in the page: those in view and some before and after, so that a fast wheel finds them ready.
pub fn in_view(above: f64, height: f64, row: f64, count: usize) -> Range<usize> {
    const MORE: usize = 12;
    if row <= 0.0 || count == 0 {
        return 0..0;
    }
    let first = to_index(above / row);
    let shown = to_index(height.max(0.0) / row) + 2;
    let start = first.saturating_sub(MORE).min(count);
    start..(first + shown + MORE).clamp(start, count)
}

/// A count of rows from a division of pixels: negative (the list is still below the view) is none.
fn to_index(rows: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a page can hold first; the cast itself saturates"
    )]
    let index = rows.clamp(0.0, 1_000_000_000.0) as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::sample::{cell, shared};

    fn keys(names: &[&str]) -> Vec<RowKey> {
        names
            .iter()
            .map(|name| RowKey {
                app: (*name).to_owned(),
                repository: Some(format!("code.example/shop/{name}")),
            })
            .collect()
    }

    fn rows() -> Vec<Arc<BoardRow>> {
        vec![
            shared("cart", vec![cell("dev", "nonprod", State::Deployed)]),
            shared("catalog", vec![cell("dev", "nonprod", State::Blocked)]),
            shared("orders", vec![cell("dev", "nonprod", State::Unknown)]),
        ]
    }

    #[test]
    fn text_and_chip_narrow_and_worst_first_sorts() {
        assert_eq!(
            arranged(&rows(), " CA ", Chip::All, Sort::Name, None),
            keys(&["cart", "catalog"])
        );
        assert_eq!(
            arranged(&rows(), "", Chip::Stuck, Sort::Name, None),
            keys(&["catalog"])
        );
        assert_eq!(
            arranged(&rows(), "", Chip::All, Sort::Worst, None),
            keys(&["catalog", "orders", "cart"])
        );
        assert_eq!(
            arranged(&rows(), "shop/orders", Chip::All, Sort::Name, None),
            keys(&["orders"])
        );
    }

    #[test]
    fn rows_do_not_move_while_the_order_is_held() {
        let before = keys(&["a", "b", "c"]);
        assert_eq!(
            settle(&before, keys(&["d", "c", "a"]), true),
            keys(&["a", "c", "d"])
        );
        assert_eq!(
            settle(&before, keys(&["d", "c", "a"]), false),
            keys(&["d", "c", "a"])
        );
    }

    #[test]
    fn the_page_holds_what_is_in_view_and_a_little_more() {
        assert_eq!(in_view(-200.0, 800.0, 42.0, 12), 0..12);
        let range = in_view(42.0 * 500.0, 840.0, 42.0, 1_250);
        assert!(range.contains(&500) && range.contains(&520), "{range:?}");
        assert!(range.len() < 60, "{range:?}");
        assert_eq!(in_view(42.0 * 5_000.0, 840.0, 42.0, 100), 100..100);
        assert_eq!(in_view(0.0, 800.0, 0.0, 100), 0..0);
    }
}
