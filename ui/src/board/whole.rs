//! A cell's whole text: what its few words stand for, cluster by cluster.
//!
//! Owns that text and the strip at the foot of the window which shows it for the active cell.

use api::board::BoardRow;
use leptos::prelude::*;

use super::grid::{Column, Spotlight};
use super::{Placed, cells};
use crate::clock;
use crate::feed::BoardFeed;
use crate::foreign;
use crate::sentence;
use crate::words;

/// A row's whole text for one environment, for titles and the line under the board; clusters that say the same make
/// one line.
pub(super) fn whole(row: &BoardRow, environment: &str) -> Vec<String> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for cell in cells::here(row, environment) {
        let runs = match (&cell.running, cells::version(cell)) {
            (Some(running), Some(version)) => format!(
                "runs {version}, {} ({} of {} ready)",
                words::health(running.health),
                running.ready,
                running.wanted
            ),
            _ => "what runs is not known".to_owned(),
        };
        let seen = cell.stale_since.map_or_else(String::new, |at| {
            let at = crate::time::clock(clock::clock().at_once(), at, clock::offset_minutes(at));
            format!(", last seen {at}")
        });
        let says = format!("{runs}{seen}; {}", sentence::text(&cell.delivery.headline));
        let cluster = foreign::line(&cell.cluster);
        match lines.iter_mut().find(|(_, known)| *known == says) {
            Some((clusters, _)) => *clusters = format!("{clusters}, {cluster}"),
            None => lines.push((cluster, says)),
        }
    }
    lines
        .into_iter()
        .map(|(clusters, says)| format!("{clusters}: {says}"))
        .collect()
}

/// The active cell's whole text, at the foot of the window while the grid has the focus.
#[component]
pub(super) fn Whole(
    active: RwSignal<Option<Spotlight>>,
    focused: RwSignal<bool>,
    order: Memo<Vec<Placed>>,
    columns: Memo<Vec<Column>>,
) -> impl IntoView {
    let feed = BoardFeed::here();
    let lines = Memo::new(move |_| {
        if !focused.get() {
            return Vec::new();
        }
        let Some((serial, column)) = active.get() else {
            return Vec::new();
        };
        let row = order
            .with(|order| {
                let placed = order.iter().find(|(_, number)| *number == serial);
                placed.and_then(|(key, _)| feed.row(key))
            })
            .map(|row| row.row.get());
        let column = column
            .checked_sub(1)
            .and_then(|column| columns.with(|columns| columns.get(column).cloned()));
        match (row, column) {
            (Some(row), Some(column)) => {
                let mut lines = vec![format!(
                    "{} in {}",
                    foreign::line(&row.app),
                    foreign::line(&column.environment)
                )];
                lines.extend(whole(&row, &column.environment));
                lines
            }
            (Some(row), None) => vec![
                foreign::line(&row.app),
                row.newest.as_ref().map_or_else(
                    || "Its newest commit is not known.".to_owned(),
                    |commit| {
                        format!(
                            "Newest commit {}: {}, {}",
                            api::headline::short(&commit.sha),
                            foreign::line(&commit.subject),
                            foreign::line(&commit.author)
                        )
                    },
                ),
            ],
            (None, _) => Vec::new(),
        }
    });
    view! {
        <div class="whole-line" class:gone=move || lines.with(Vec::is_empty) aria-live="polite">
            {move || {
                lines
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(index, line)| {
                        if index == 0 {
                            view! { <b>{line}</b> }.into_any()
                        } else {
                            view! { <span>{line}</span> }.into_any()
                        }
                    })
                    .collect_view()
            }}
            <span class="dim">
                <kbd>"Enter"</kbd>
                " opens its journey"
            </span>
        </div>
    }
}
