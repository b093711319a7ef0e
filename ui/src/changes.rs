//! The Changes screen: all apps by time, one line a deployment, rollback or change of configuration, and who made it.
//!
//! Owns the list with its filters. Its lines stand in the App screen too.

pub mod choose;

use std::sync::Arc;

use api::Sentence;
use api::history::{By, Change, ChangeKind};
use api::request::WatchChanges;
use choose::{Wish, fits};
use leptos::prelude::*;

use crate::address::Screen;
use crate::clock;
use crate::feed::{Feed, follow, set_if_new};
use crate::foreign;
use crate::glyph::{glyph, mark};
use crate::keys;
use crate::notice;
use crate::router::Router;
use crate::sentence;
use crate::words::{self, Tone};

/// How many lines are shown before the rest is folded away: a day of a large company.
const SHOWN: usize = 200;

/// What happened, as the console last said it. Each screen that shows it has a stream of its own, which ends with it.
#[derive(Clone, Copy)]
pub struct ChangesFeed {
    /// How the stream stands.
    pub standing: RwSignal<Feed>,
    /// The environments, from first to last.
    pub environments: RwSignal<Vec<String>>,
    /// What happened, newest first.
    pub all: RwSignal<Arc<Vec<Change>>>,
    /// What the record lacks.
    pub notes: RwSignal<Vec<Sentence>>,
}

impl ChangesFeed {
    /// Starts the stream.
    pub fn start() -> Self {
        let feed = Self {
            standing: RwSignal::new(Feed::Loading),
            environments: RwSignal::new(Vec::new()),
            all: RwSignal::new(Arc::default()),
            notes: RwSignal::new(Vec::new()),
        };
        follow(WatchChanges {}, feed.standing, move |changes| {
            set_if_new(feed.environments, changes.environments);
            set_if_new(feed.notes, changes.notes);
            set_if_new(feed.all, Arc::new(changes.changes));
        });
        feed
    }
}

/// The screen.
#[component]
pub fn Changes() -> impl IntoView {
    let feed = ChangesFeed::start();
    let router = Router::here();
    let wish = Memo::new(move |_| match router.screen() {
        Screen::Changes(wish) => wish,
        _ => Wish::default(),
    });
    let change = move |change: &dyn Fn(&mut Wish)| {
        let mut wish = wish.get_untracked();
        change(&mut wish);
        router.refine(Screen::Changes(wish));
    };
    let unfolded = RwSignal::new(false);
    let chosen = Memo::new(move |_| {
        let wish = wish.get();
        let all = feed.all.get();
        let fitting = all.iter().filter(|change| fits(change, &wish)).cloned();
        fitting.collect::<Vec<Change>>()
    });
    let count = Memo::new(move |_| chosen.with(Vec::len));
    let shown = Memo::new(move |_| {
        let most = if unfolded.get() { usize::MAX } else { SHOWN };
        chosen.with(|all| {
            all.iter()
                .take(most)
                .map(|one| one.id.clone())
                .collect::<Vec<_>>()
        })
    });
    view! {
        <div class="page changes">
            <h1>"Changes"</h1>
            <p class="sub">"What was deployed, rolled back or configured, newest first, and by whom."</p>
            {notice::standing(feed.standing, "This list")}
            <div class="bar">
                <input
                    class="in"
                    id="filter"
                    type="search"
                    placeholder="App, person, commit"
                    aria-label="Filter changes"
                    prop:value=move || wish.get().text
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        change(&|wish| wish.text.clone_from(&text));
                    }
                />
                <select
                    class="in"
                    aria-label="Environment"
                    prop:value=move || wish.get().environment.unwrap_or_default()
                    on:change=move |event| {
                        let name = event_target_value(&event);
                        change(&|wish| wish.environment = Some(name.clone()).filter(|name| !name.is_empty()));
                    }
                >
                    <option value="">"All environments"</option>
                    {move || {
                        let chosen = wish.get().environment;
                        feed.environments
                            .get()
                            .into_iter()
                            .map(|name| {
                                let selected = chosen.as_deref() == Some(name.as_str());
                                view! {
                                    <option value=name.clone() selected=selected>
                                        {foreign::line(&name)}
                                    </option>
                                }
                            })
                            .collect_view()
                    }}
                </select>
                <div class="chips" role="group" aria-label="Kind">
                    {[ChangeKind::Deployment, ChangeKind::Rollback, ChangeKind::Configuration]
                        .map(|kind| {
                            let on = move || wish.get().kind == Some(kind);
                            view! {
                                <button
                                    class="chip"
                                    class:on=on
                                    type="button"
                                    aria-pressed=move || on().to_string()
                                    on:click=move |_| {
                                        change(&|wish| wish.kind = if wish.kind == Some(kind) { None } else { Some(kind) });
                                    }
                                >
                                    {mark(tone(kind))}
                                    {kind_words(kind)}
                                </button>
                            }
                        })
                        .collect_view()}
                </div>
                <span class="dim" role="status">{move || words::count(count.get(), "change")}</span>
            </div>
            {move || notes(&feed.notes.get())}
            <Show
                when=move || feed.standing.get() != Feed::Loading
                fallback=|| {
                    view! {
                        <p class="dim" role="status">
                            "Reading what the systems still tell…"
                        </p>
                        {notice::skeleton(8)}
                    }
                }
            >
                <List of=Signal::derive(move || chosen.get()) ids=shown with_app=true />
                <p class="empty dim" class:gone=move || count.get() != 0>
                    {move || {
                        if feed.all.with(|all| all.is_empty()) {
                            "No system that could be read tells of any change yet."
                        } else {
                            "No change matches."
                        }
                    }}
                </p>
                <p class:gone=move || unfolded.get() || count.get() <= SHOWN>
                    <button class="btn" type="button" on:click=move |_| unfolded.set(true)>
                        {move || format!("Show {} older ones", count.get().saturating_sub(SHOWN))}
                    </button>
                </p>
            </Show>
        </div>
    }
}

/// What the record lacks.
pub fn notes(notes: &[Sentence]) -> impl IntoView + use<> {
    notes
        .iter()
        .map(|note| {
            view! {
                <div class="notice wait" role="status">
                    {mark(Tone::Wait)} <p class="what">{sentence::live(note)}</p>
                </div>
            }
        })
        .collect_view()
}

/// Lines of changes. Arrows walk through them, Enter shows the app.
#[component]
pub fn List(
    /// The changes, in order.
    of: Signal<Vec<Change>>,
    /// Those that are shown.
    ids: Memo<Vec<String>>,
    /// Whether each line names its app.
    with_app: bool,
) -> impl IntoView {
    view! {
        <ol
            class="card happened"
            class:gone=move || ids.with(Vec::is_empty)
            class:of-app=!with_app
            on:keydown=move |event| {
                keys::walk_here(&event, ".app-name, .ref");
            }
        >
            <li class="header" aria-hidden="true">
                <span></span>
                <span>"When"</span>
                {with_app.then(|| view! { <span>"App"</span> })}
                <span>"Where"</span>
                <span>"What"</span>
                <span class="lead" title="From the commit to the beginning of its rollout">
                    "Lead time"
                </span>
                <span class="by">"Who"</span>
            </li>
            <For each=move || ids.get() key=|id| id.clone() let:id>
                {
                    let one = Memo::new(move |_| {
                        of.with(|all| all.iter().find(|change| change.id == id).cloned())
                    });
                    view! { {move || one.get().map(|change| line(&change, with_app))} }
                }
            </For>
        </ol>
    }
}

/// One line.
fn line(change: &Change, with_app: bool) -> impl IntoView + use<> {
    let router = Router::here();
    let kind = kind_words(change.kind);
    let place = change.environment.as_ref().unwrap_or(&change.cluster);
    let app = match (&change.app, with_app) {
        (_, false) => None,
        (Some(app), true) => {
            let screen = Screen::App(app.clone());
            let name = foreign::line(app);
            Some(
                view! {
                    <a
                        class="app-name clip"
                        href=screen.address()
                        title=name.clone()
                        on:click=move |event| {
                            event.prevent_default();
                            router.go(screen.clone());
                        }
                    >
                        {name.clone()}
                    </a>
                }
                .into_any(),
            )
        }
        (None, true) => Some(
            view! { <span class="dim clip" title="of several apps">"several apps"</span> }
                .into_any(),
        ),
    };
    let lead = change
        .commit
        .as_ref()
        .filter(|_| change.kind == ChangeKind::Deployment && change.arrived);
    let lead = lead.map(|commit| change.at.duration_since(commit.at).as_secs());
    let lead = lead
        .filter(|seconds| *seconds >= 0 && !change.at_latest)
        .map(|seconds| {
            view! {
                <span title="From the commit to the beginning of this rollout">
                    {crate::time::took(seconds)}
                </span>
            }
        });
    let at_latest = change.at_latest.then(|| {
        view! {
            <span class="dim" title="No system says when it happened: this is the oldest sign of it">"by "</span>
        }
    });
    view! {
        <li>
            {glyph(tone(change.kind), kind)}
            <span class="at">{at_latest} {clock::wall(change.at)}</span>
            {app}
            <span class="place clip" title=foreign::line(&change.cluster)>
                {foreign::line(place)}
            </span>
            <span class="says clip" title=sentence::text(&change.sentence)>
                {sentence::live(&change.sentence)}
            </span>
            <span class="lead">{lead}</span>
            <span class="by clip" title=by_title(change)>
                {change.by.as_ref().map_or_else(String::new, |by| foreign::line(by.name()))}
            </span>
        </li>
    }
}

/// How it is known who made it.
fn by_title(change: &Change) -> String {
    match &change.by {
        None => "No system says who".to_owned(),
        Some(By::Commit { name }) => {
            format!("{} wrote the commit that brought it", foreign::line(name))
        }
        Some(By::Hand { manager }) => {
            format!(
                "By hand, as field manager {}, past Git",
                foreign::line(manager)
            )
        }
        Some(By::Registered { name }) => {
            format!("{} registered the task definition", foreign::line(name))
        }
    }
}

fn kind_words(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Deployment => "deployment",
        ChangeKind::Rollback => "rollback",
        ChangeKind::Configuration => "configuration",
    }
}

fn tone(kind: ChangeKind) -> Tone {
    match kind {
        ChangeKind::Deployment => Tone::Move,
        ChangeKind::Rollback => Tone::Undo,
        ChangeKind::Configuration => Tone::Skip,
    }
}
