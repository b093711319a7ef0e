//! The Board: apps down, environments across, and above them what needs somebody.
//!
//! Owns the screen's frame and what the person chose to see. The grid, the cells, the attention list and the lists at
//! the end are in the modules below.

pub mod attention;
mod cell;
pub mod cells;
mod ends;
mod grid;
pub mod order;
#[cfg(test)]
pub(crate) mod sample;
mod whole;

use std::sync::Arc;

use api::Ask;
use api::board::BoardRow;
use attention::Item;
use leptos::prelude::*;
use order::{Chip, RowKey, Sort};

use crate::address::{Lane, Screen};
use crate::clock;
use crate::connections::summary;
use crate::feed::{BoardFeed, ConnectionFeed, Feed};
use crate::foreign;
use crate::glyph::glyph;
use crate::keys;
use crate::notice;
use crate::router::Router;
use crate::sentence;

/// How many lines need attention before the rest is folded away.
const LOUD: usize = 5;

/// What the person chose to see on the board; kept while other screens are shown.
#[derive(Clone, Copy, Debug)]
pub struct BoardChoice {
    /// What is typed in the filter.
    pub text: RwSignal<String>,
    /// Which rows.
    pub chip: RwSignal<Chip>,
    /// In which order.
    pub sort: RwSignal<Sort>,
    /// Only this environment.
    pub environment: RwSignal<Option<String>>,
}

impl BoardChoice {
    /// Everything, by name.
    pub fn provide() {
        provide_context(Self {
            text: RwSignal::new(String::new()),
            chip: RwSignal::new(Chip::All),
            sort: RwSignal::new(Sort::Name),
            environment: RwSignal::new(None),
        });
    }
}

/// The screen.
#[component]
pub fn Board() -> impl IntoView {
    let (feed, connections) = (BoardFeed::here(), ConnectionFeed::here());
    let loaded = Memo::new(move |_| {
        // An empty board says something only once the clusters are known and none is still being read.
        let is_reading = || {
            connections.standing.get() == Feed::Loading
                || connections.all.with(|all| summary::is_reading(all))
        };
        let standing = feed.standing.get();
        feed.rows.with(|rows| !rows.is_empty())
            || !matches!(standing, Feed::Loading | Feed::Failed(_)) && !is_reading()
    });
    view! {
        <div class="page board">
            {notice::standing(feed.standing, "The board")}
            <Show when=move || loaded.get() fallback=loading>
                <Loaded />
            </Show>
        </div>
    }
}

/// Before the first document.
fn loading() -> impl IntoView {
    let (connections, clock) = (ConnectionFeed::here(), clock::clock());
    let words = Memo::new(move |_| {
        let standing = connections.standing.get();
        connections
            .all
            .with(|all| summary::line(&standing, all, clock.now()).1)
    });
    let feed = BoardFeed::here();
    move || {
        // What failed is said above.
        (!matches!(feed.standing.get(), Feed::Failed(_))).then(|| {
            view! {
                <h1>"Reading what runs"</h1>
                <p class="sub" role="status">
                    {move || words.get()}
                    ". The board fills as the clusters answer."
                </p>
                {notice::skeleton(9)}
            }
        })
    }
}

/// The board with its rows.
#[component]
fn Loaded() -> impl IntoView {
    let feed = BoardFeed::here();
    let title = Memo::new(move |_| attention::title(&feed.rows.get()));
    let subtitle =
        Memo::new(move |_| attention::subtitle(&feed.rows.get(), &feed.environments.get()));
    let unread = Memo::new(move |_| feed.unread.with(|unread| !unread.is_empty()));
    let empty = Memo::new(move |_| feed.rows.with(|rows| rows.is_empty()));
    view! {
        <h1>{move || title.get()}</h1>
        <p class="sub">{move || subtitle.get()}</p>
        <Attention />
        <Show
            when=move || !empty.get()
            fallback=move || {
                view! {
                    <div class="card empty none">
                        <p class="what">
                            {move || {
                                if unread.get() {
                                    "What could be read holds no workload that is joined to source code."
                                } else {
                                    "No workload here is joined to source code yet."
                                }
                            }}
                        </p>
                        <p class="dim">
                            "An app appears when a Deployment, StatefulSet or DaemonSet runs an image that names its repository and commit in its labels. What runs without is listed below, each with the line that would add it."
                        </p>
                    </div>
                }
            }
        >
            <Choices />
            <grid::Grid />
        </Show>
        <ends::Unread />
        <ends::Unlinked />
    }
}

/// What needs somebody, worst first.
#[component]
fn Attention() -> impl IntoView {
    let (feed, router) = (BoardFeed::here(), Router::here());
    let items = Memo::new(move |_| {
        attention::items(&feed.rows.get(), &feed.environments.get())
            .into_iter()
            .map(Arc::new)
            .collect::<Vec<_>>()
    });
    let unfolded = RwSignal::new(false);
    let count = Memo::new(move |_| items.with(Vec::len));
    let shown = move || {
        let most = if unfolded.get() { usize::MAX } else { LOUD };
        items.get().into_iter().take(most).collect::<Vec<_>>()
    };
    let open = move |item: &Item| {
        let row = feed.row(&item.row).map(|row| row.row.get_untracked());
        if let Some(row) = row {
            let (environment, cluster) = item
                .nearest()
                .map(|(environment, cluster)| (environment.to_owned(), cluster.to_owned()))
                .unzip();
            router.go(journey(&row, environment, cluster));
        }
    };
    view! {
        <section class="attention" class:gone=move || count.get() == 0 aria-labelledby="attention">
            <h2 id="attention">"Needs attention"</h2>
            <div
                class="card need"
                on:keydown=move |event| {
                    keys::walk_here(&event, "button.row");
                }
            >
                // By place, so that a line whose words change keeps the focus.
                <For each=shown key=|item| item.key() let:item>
                    {
                        let key = item.key();
                        let now = Memo::new(move |_| {
                            items
                                .with(|items| items.iter().find(|item| item.key() == key).cloned())
                                .unwrap_or_else(|| Arc::clone(&item))
                        });
                        view! {
                            <button
                                class="row"
                                type="button"
                                title=move || sentence::text(&now.get().headline)
                                on:click=move |_| open(&now.get_untracked())
                            >
                                {move || line(&now.get())}
                            </button>
                        }
                    }
                </For>
                <button
                    class="ref more"
                    type="button"
                    class:gone=move || count.get() <= LOUD
                    aria-expanded=move || unfolded.get().to_string()
                    on:click=move |_| unfolded.update(|unfolded| *unfolded = !*unfolded)
                >
                    {move || {
                        if unfolded.get() {
                            "Show the worst only".to_owned()
                        } else {
                            format!("Show {} more", count.get().saturating_sub(LOUD))
                        }
                    }}
                </button>
            </div>
        </section>
    }
}

/// What a line says.
fn line(item: &Item) -> impl IntoView + use<> {
    let many = item.places.len() > 1 || item.places.iter().any(|place| place.clusters.len() > 1);
    let places = many.then(|| {
        item.places
            .iter()
            .map(|place| match place.clusters.as_slice() {
                [_] => foreign::line(&place.environment),
                clusters => foreign::line(&clusters.join(", ")),
            })
            .collect::<Vec<_>>()
            .join(", ")
    });
    let beside = places
        .into_iter()
        .chain(item.beside.clone())
        .map(|words| view! { <small class="clip">{words}</small> })
        .collect_view();
    let since = item.since.map(|at| view! { " " {clock::age(at)} });
    view! {
        {glyph(item.tone, item.words.clone())}
        <span class="says">{sentence::still(&item.headline)}</span>
        <span class="t">{item.words.clone()} {since} {beside}</span>
        <span class="btn" aria-hidden="true">
            "See why"
        </span>
    }
}

/// Filter, chips and order.
#[component]
fn Choices() -> impl IntoView {
    let feed = BoardFeed::here();
    let choice: BoardChoice = expect_context();
    let last = Memo::new(move |_| feed.environments.with(|all| all.last().cloned()));
    let counts = Memo::new(move |_| {
        let (rows, last) = (feed.rows.get(), last.get());
        Chip::ALL.map(|chip| {
            rows.iter()
                .filter(|row| chip.shows(row, last.as_deref()))
                .count()
        })
    });
    let label = move |chip: Chip| match chip {
        Chip::All => "All".to_owned(),
        Chip::Stuck => "Stuck".to_owned(),
        Chip::OnTheirWay => "On their way".to_owned(),
        Chip::Behind => format!(
            "Behind in {}",
            foreign::line(&last.get().unwrap_or_else(|| "the last".to_owned()))
        ),
        Chip::Unread => "Unknown or stale".to_owned(),
    };
    view! {
        <div class="bar" id="apps">
            <h2>"All apps"</h2>
            <div
                class="chips"
                role="group"
                aria-label="Which apps"
                on:keydown=move |event| {
                    keys::walk_here(&event, "button");
                }
            >
                {Chip::ALL
                    .into_iter()
                    .enumerate()
                    .map(|(index, chip)| {
                        let on = move || choice.chip.get() == chip;
                        // A chip that would show nothing is no choice, unless it is the one that is on.
                        let gone = move || chip != Chip::All && counts.get()[index] == 0 && !on();
                        view! {
                            <button
                                class="chip"
                                type="button"
                                class:on=on
                                class:gone=gone
                                aria-pressed=move || on().to_string()
                                on:click=move |_| choice.chip.set(chip)
                            >
                                {move || label(chip)}
                                " "
                                {move || counts.get()[index]}
                            </button>
                        }
                    })
                    .collect_view()}
                {move || {
                    choice
                        .environment
                        .get()
                        .map(|only| {
                            view! {
                                <button
                                    class="chip on"
                                    type="button"
                                    title="Show all environments again"
                                    on:click=move |_| choice.environment.set(None)
                                >
                                    "Only "
                                    {foreign::line(&only)}
                                    " ×"
                                </button>
                            }
                        })
                }}
            </div>
            <input
                class="in"
                id="filter"
                type="search"
                placeholder="Filter apps  /"
                aria-label="Filter apps"
                spellcheck="false"
                prop:value=move || choice.text.get()
                on:input=move |event| choice.text.set(event_target_value(&event))
                on:keydown=move |event| match event.key().as_str() {
                    "ArrowDown" | "Enter" => {
                        event.prevent_default();
                        keys::focus_id("grid");
                    }
                    "Escape" if !choice.text.get_untracked().is_empty() => {
                        event.stop_propagation();
                        event.prevent_default();
                        choice.text.set(String::new());
                    }
                    _ => {}
                }
            />
            <select
                class="in"
                aria-label="Order"
                on:change=move |event| {
                    let name = event_target_value(&event);
                    if let Some((sort, ..)) = Sort::ALL.iter().find(|(_, known, _)| *known == name) {
                        choice.sort.set(*sort);
                    }
                }
            >
                {Sort::ALL
                    .map(|(sort, name, words)| {
                        view! {
                            <option value=name selected=move || choice.sort.get() == sort>
                                {words}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
        </div>
    }
}

/// The journey of a row's newest commit, or of the one that counts in a cell, with a lane to show first.
pub fn journey(row: &BoardRow, environment: Option<String>, cluster: Option<String>) -> Screen {
    let mut cells = row.cells.iter();
    let cell = cells.find(|cell| {
        Some(&cell.environment) == environment.as_ref() && Some(&cell.cluster) == cluster.as_ref()
    });
    let text = cell
        .and_then(|cell| cell.delivery.commit.as_ref())
        .or(row.newest.as_ref())
        .map_or_else(|| row.app.clone(), |commit| commit.sha.clone());
    Screen::Journey {
        ask: Some(Ask {
            text,
            app: Some(row.app.clone()),
            environment: None,
            repository: None,
        }),
        lane: Lane {
            app: None,
            environment,
            cluster,
        },
    }
}

/// A row's key with its element number.
pub(crate) type Placed = (RowKey, usize);
