//! The grid: rows that exist only while they are in view, walked with the arrows.
//!
//! Owns the grid's keys and its active cell (WAI-ARIA grid with `aria-activedescendant`: the focus stays on the grid,
//! so that a row that leaves the page takes nothing with it), the window of rows, and the line that says a cell whole.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

use super::cells::{self, Spot};
use super::order::{self, RowKey};
use super::whole::{Whole, whole};
use super::{BoardChoice, Placed, cell, journey};
use crate::clock;
use crate::feed::{BoardFeed, Row};
use crate::foreign;
use crate::keys;
use crate::router::Router;
use crate::shell::Viewport;

/// A row's height with both halves of a cell on one line, and with one below the other, in pixels.
const ROW: (f64, f64) = (42.0, 54.0);
/// The width below which a cell's halves stand one below the other.
const WIDE_CELL: f64 = 320.0;
/// The first column's width and the page's margins, as app.css has them.
const BESIDE: f64 = 152.0 + 64.0;
/// The header row's height, which covers rows below it.
const HEADER: f64 = 48.0;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) environment: String,
    clusters: Vec<String>,
    /// The cluster that was seen longest ago, and when, if one does not answer.
    stale: Option<(Timestamp, String)>,
    /// Whether all of it is of one cluster that does not answer: then the head says for every cell when it was seen.
    is_stale: bool,
}

/// Where the active cell is: a row's number and a column, 0 being the app's name.
pub(super) type Spotlight = (usize, usize);

/// The grid.
#[component]
pub fn Grid() -> impl IntoView {
    let (feed, router, viewport) = (BoardFeed::here(), Router::here(), Viewport::here());
    let choice: BoardChoice = expect_context();
    let columns = Memo::new(move |_| columns(feed, choice));
    let held = RwSignal::new(false);
    let order =
        Memo::new(move |previous: Option<&Vec<Placed>>| arrange(feed, choice, held, previous));
    let positions = Memo::new(move |_| {
        order.with(|order| {
            let places = order.iter().enumerate();
            Arc::new(
                places
                    .map(|(position, (_, serial))| (*serial, position))
                    .collect::<HashMap<_, _>>(),
            )
        })
    });
    let count = Memo::new(move |_| order.with(Vec::len));
    let two_lines = Memo::new(move |_| {
        let columns = columns.with(Vec::len).max(1);
        let columns = f64::from(u32::try_from(columns).unwrap_or(u32::MAX));
        (viewport.width.get() - BESIDE) / columns < WIDE_CELL
    });
    let height = move || if two_lines.get() { ROW.1 } else { ROW.0 };
    let body = NodeRef::<html::Div>::new();
    let above = RwSignal::new(0.0_f64);
    // How far the rows' top is above the view's: measured after the page took its new form.
    Effect::new(move |_| {
        viewport.scrolled.track();
        viewport.height.track();
        two_lines.track();
        count.track();
        feed.rows.track();
        request_animation_frame(move || {
            if let Some(body) = body.get_untracked() {
                let top = body.get_bounding_client_rect().top();
                crate::feed::set_if_new(above, viewport.top() - top);
            }
        });
    });
    let range = Memo::new(move |_| {
        order::in_view(above.get(), viewport.height.get(), height(), count.get())
    });
    let pixels = move |rows: usize| {
        let rows = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
        format!("{}px", rows * height())
    };
    let active = RwSignal::new(None::<Spotlight>);
    let focused = RwSignal::new(false);
    let row_of = move |serial: usize| {
        let place = positions.with_untracked(|positions| positions.get(&serial).copied())?;
        let key = order.with_untracked(|order| order.get(place).map(|(key, _)| key.clone()))?;
        feed.row(&key).map(|row| row.row.get_untracked())
    };
    let environment_of = move |column: usize| {
        let column = column.checked_sub(1)?;
        columns.with_untracked(|all| all.get(column).map(|column| column.environment.clone()))
    };
    let said = move |serial: usize, column: usize| {
        let (row, environment) = (row_of(serial)?, environment_of(column)?);
        Some(whole(&row, &environment).join("\n"))
    };
    let act = move |serial: usize, column: usize| {
        if let Some(row) = row_of(serial) {
            let environment = environment_of(column);
            let cluster = environment
                .as_deref()
                .and_then(|environment| cells::spot(&row, environment))
                .map(|spot| spot.cluster);
            router.go(journey(&row, environment, cluster));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let (rows, columns) = (count.get_untracked(), columns.with_untracked(Vec::len) + 1);
        let now = active.get_untracked().and_then(|(serial, column)| {
            let position = positions.with_untracked(|positions| positions.get(&serial).copied())?;
            Some((position, column))
        });
        if event.key() == "Enter" {
            if let Some((serial, column)) = active.get_untracked() {
                event.prevent_default();
                act(serial, column);
            }
            return;
        }
        if let Some(typed) = keys::character(&event) {
            if typed == '/' {
                return;
            }
            event.prevent_default();
            choice.text.update(|text| text.push(typed));
            keys::focus_id("filter");
            return;
        }
        let Some((row, column)) = step(&event, now, rows, columns) else {
            return;
        };
        event.prevent_default();
        let serial = order.with_untracked(|order| order.get(row).map(|(_, serial)| *serial));
        if let Some(serial) = serial {
            active.set(Some((serial, column)));
            viewport.reveal(
                &body,
                row,
                if two_lines.get_untracked() {
                    ROW.1
                } else {
                    ROW.0
                },
                HEADER,
            );
        }
    };
    view! {
        <div
            class="card grid"
            id="grid"
            role="grid"
            tabindex="0"
            aria-label="Apps by environment"
            aria-rowcount=move || count.get() + 1
            aria-colcount=move || columns.with(Vec::len) + 1
            aria-activedescendant=move || active.get().map(|(serial, column)| id(serial, column))
            class:two=move || two_lines.get()
            style=("--columns", move || columns.with(Vec::len).to_string())
            on:keydown=on_key
            on:focus=move |_| {
                focused.set(true);
                if active.get_untracked().is_none() {
                    let first = order.with_untracked(|order| order.first().map(|(_, serial)| *serial));
                    active.set(first.map(|serial| (serial, 1)));
                }
            }
            on:blur=move |_| focused.set(false)
            on:mouseenter=move |_| held.set(true)
            on:mouseover=move |event| {
                // A cell's whole text is put together when somebody points at it, not for every cell that scrolls by.
                if let Some((element, (serial, column))) = pointed(&event)
                    && let Some(text) = said(serial, column)
                {
                    // An attribute of a valid name on our own element is not refused.
                    let _ = element.set_attribute("title", &text);
                }
            }
            on:mouseleave=move |_| held.set(false)
        >
            <div class="row header" role="row" aria-rowindex="1">
                <div class="cell" role="columnheader">
                    "App"
                </div>
                {move || columns.get().into_iter().map(|column| header(&column)).collect_view()}
            </div>
            <div class="rows" role="rowgroup" node_ref=body style:height=move || pixels(count.get())>
                <div class="window" style:transform=move || format!("translateY({})", pixels(range.get().start))>
                    <For
                        each=move || order.with(|order| order.get(range.get()).unwrap_or_default().to_vec())
                        key=|(_, serial)| *serial
                        let:placed
                    >
                        {row(feed, &placed.0, columns, positions, active, act)}
                    </For>
                </div>
            </div>
            <p class="empty dim" class:gone=move || count.get() != 0>
                "No app matches. "
                <button
                    class="ref"
                    type="button"
                    on:click=move |_| {
                        choice.text.set(String::new());
                        choice.chip.set(order::Chip::All);
                    }
                >
                    "Show all"
                </button>
            </p>
        </div>
        <Whole active=active focused=focused order=order columns=columns />
    }
}

/// The columns that are shown.
fn columns(feed: BoardFeed, choice: BoardChoice) -> Vec<Column> {
    let only = choice.environment.get();
    let rows = feed.rows.get();
    feed.environments
        .get()
        .into_iter()
        .filter(|environment| only.as_ref().is_none_or(|only| only == environment))
        .map(|environment| {
            let (mut clusters, mut stale) = (Vec::new(), None::<(Timestamp, String)>);
            for cell in rows.iter().flat_map(|row| cells::here(row, &environment)) {
                if !clusters.contains(&cell.cluster) {
                    clusters.push(cell.cluster.clone());
                }
                let here = cell.stale_since.map(|at| (at, cell.cluster.clone()));
                stale = stale.into_iter().chain(here).min();
            }
            Column {
                is_stale: stale.is_some() && clusters.len() == 1,
                environment,
                clusters,
                stale,
            }
        })
        .collect()
}

/// The rows' order, with each row's element number.
fn arrange(
    feed: BoardFeed,
    choice: BoardChoice,
    held: RwSignal<bool>,
    previous: Option<&Vec<Placed>>,
) -> Vec<Placed> {
    let rows = feed.rows.get();
    let last = feed.environments.with(|all| all.last().cloned());
    let wanted = order::arranged(
        &rows,
        &choice.text.get(),
        choice.chip.get(),
        choice.sort.get(),
        last.as_deref(),
    );
    let before: Vec<RowKey> = previous
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect();
    // Only sorting by state moves rows by itself; a filter that the person types moves them at once.
    let hold = held.get() && choice.sort.get_untracked() != order::Sort::Name;
    order::settle(&before, wanted, hold)
        .into_iter()
        .filter_map(|key| {
            let serial = feed.row(&key)?.serial;
            Some((key, serial))
        })
        .collect()
}

/// Where a key leads from a cell; nothing if it is not one of the grid's keys.
fn step(
    event: &KeyboardEvent,
    now: Option<(usize, usize)>,
    rows: usize,
    columns: usize,
) -> Option<(usize, usize)> {
    let (last_row, last_column) = (rows.checked_sub(1)?, columns.saturating_sub(1));
    let (row, column) = now.unwrap_or((0, 1));
    let far = event.ctrl_key() || event.meta_key();
    Some(match event.key().as_str() {
        // Without an active cell the first arrow finds one.
        "ArrowDown" | "ArrowRight" if now.is_none() => (0, 1.min(last_column)),
        "ArrowDown" => ((row + 1).min(last_row), column),
        "ArrowUp" => (row.saturating_sub(1), column),
        "ArrowRight" => (row, (column + 1).min(last_column)),
        "ArrowLeft" => (row, column.saturating_sub(1)),
        "PageDown" => ((row + 10).min(last_row), column),
        "PageUp" => (row.saturating_sub(10), column),
        "Home" if far => (0, 0),
        "End" if far => (last_row, last_column),
        "Home" => (row, 0),
        "End" => (row, last_column),
        _ => return None,
    })
}

/// A column's header.
fn header(column: &Column) -> impl IntoView + use<> {
    let clusters = foreign::line(&column.clusters.join(", "));
    let is_one_of_several = column.clusters.len() > 1;
    let stale = column.stale.as_ref().map(|(at, cluster)| {
        // A single cluster's name stands before it already.
        let which = is_one_of_several.then(|| format!("{} ", foreign::line(cluster)));
        view! { <small class="wait">{which} "last seen " {clock::wall(*at)}</small> }
    });
    view! {
        <div class="cell" role="columnheader">
            <span class="clip">{foreign::line(&column.environment)}</span>
            <span class="clip" title=clusters.clone()>
                <small>{clusters.clone()}</small>
                " "
                {stale}
            </span>
        </div>
    }
}

/// One row.
fn row<Act: Fn(usize, usize) + Copy + Send + Sync + 'static>(
    feed: BoardFeed,
    key: &RowKey,
    columns: Memo<Vec<Column>>,
    positions: Memo<Arc<HashMap<usize, usize>>>,
    active: RwSignal<Option<Spotlight>>,
    act: Act,
) -> Option<AnyView> {
    let Row { serial, row } = feed.row(key)?;
    let repository = key
        .repository
        .as_deref()
        .map_or_else(|| "its repository is not known".to_owned(), foreign::line);
    let title = format!("{}\n{repository}", foreign::line(&key.app));
    let kind = {
        let row = row.clone();
        Memo::new(move |_| cells::kind(&row.get()))
    };
    let place =
        move || positions.with(|positions| positions.get(&serial).map_or(0, |place| place + 2));
    let on = move |column| active.get() == Some((serial, column));
    let view = view! {
        <div class="row" role="row" aria-rowindex=place>
            <div
                class="cell name"
                role="rowheader"
                id=id(serial, 0)
                class:sel=move || on(0)
                title=title
                on:click=move |_| act(serial, 0)
            >
                <span class="app-name clip">{foreign::line(&key.app)}</span>
                {move || kind.get().map(|kind| view! { <span class="kind clip">{foreign::line(&kind)}</span> })}
            </div>
            {move || {
                let row = row.clone();
                columns
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(index, column)| {
                        let (row, environment) = (row.clone(), column.environment);
                        let is_stale = column.is_stale;
                        let column = index + 1;
                        let spot = {
                            let (row, environment) = (row.clone(), environment.clone());
                            Memo::new(move |_| cells::spot(&row.get(), &environment))
                        };
                        view! {
                            <div
                                role="gridcell"
                                id=id(serial, column)
                                class=move || spot.with(|spot| cell::class(spot.as_ref(), on(column)))
                                on:click=move |_| {
                                    if spot.with_untracked(Option::is_some) {
                                        act(serial, column);
                                    }
                                }
                            >
                                {move || spot.with(|spot: &Option<Spot>| cell::cell(spot.as_ref(), is_stale))}
                            </div>
                        }
                    })
                    .collect_view()
            }}
        </div>
    };
    Some(view.into_any())
}

/// The cell that the pointer is over, with its row's number and its column.
fn pointed(event: &web_sys::MouseEvent) -> Option<(web_sys::Element, Spotlight)> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let cell = target.closest(".cell[id]").ok().flatten()?;
    let id = cell.id();
    let (serial, column) = id.strip_prefix("cell-")?.split_once('-')?;
    Some((cell, (serial.parse().ok()?, column.parse().ok()?)))
}

/// A cell's element id.
fn id(serial: usize, column: usize) -> String {
    format!("cell-{serial}-{column}")
}
