//! The Actions screen: what may be run, and the runs of this machine, those that broke off first, each with its steps and what was seen of them.
//!
//! Owns the runs' stream in the page and the screen. What a run's state is called is in [`stands`], its steps in [`steps`].

mod catalogue;
mod interrupted;
pub mod stands;
pub mod steps;

use std::sync::Arc;

use api::Error;
use api::action::{RunView, Runs};
use api::request::WatchRuns;
use leptos::prelude::*;

use crate::address::Screen;
use crate::clock;
use crate::feed::{Feed, follow, set_if_new};
use crate::foreign;
use crate::glyph::mark;
use crate::keys;
use crate::notice;
use crate::router::Router;
use crate::words;

use catalogue::Catalogue;
use interrupted::Interrupted;

/// The runs as they are now.
#[derive(Clone, Copy, Debug)]
pub struct RunFeed {
    /// How the stream stands.
    pub standing: RwSignal<Feed>,
    /// The newest runs, newest first.
    pub all: RwSignal<Arc<Vec<RunView>>>,
    /// Why their record cannot be read, or is not to be believed.
    pub broken: RwSignal<Option<Error>>,
    /// What of the team's own actions cannot be used.
    pub unusable: RwSignal<Vec<String>>,
}

impl RunFeed {
    /// Starts the stream and gives it to everything below.
    pub fn provide() {
        let feed = Self {
            standing: RwSignal::new(Feed::Loading),
            all: RwSignal::new(Arc::default()),
            broken: RwSignal::new(None),
            unusable: RwSignal::new(Vec::new()),
        };
        follow(WatchRuns {}, feed.standing, move |news: Runs| {
            set_if_new(feed.broken, news.broken);
            set_if_new(feed.unusable, news.unusable);
            set_if_new(feed.all, Arc::new(news.runs));
        });
        provide_context(feed);
    }

    /// The runs of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// One run, as it goes.
    pub fn one(self, id: String) -> Memo<Option<RunView>> {
        Memo::new(move |_| {
            self.all
                .with(|all| all.iter().find(|run| run.run == id).cloned())
        })
    }

    /// How many broke off and wait for somebody.
    pub fn waiting(self) -> usize {
        let all = self.all.get();
        all.iter().filter(|run| stands::is_interrupted(run)).count()
    }
}

/// The screen.
#[component]
pub fn RunsScreen() -> impl IntoView {
    let feed = RunFeed::here();
    let typed = RwSignal::new(String::new());
    let shown = Memo::new(move |_| stands::ordered(&feed.all.get(), &typed.get()));
    let broke_off = move || shown.with(|(broke_off, _)| broke_off.clone());
    let others = Memo::new(move |_| shown.with(|(_, others)| others.clone()));
    let count =
        Memo::new(move |_| shown.with(|(broke_off, others)| broke_off.len() + others.len()));
    view! {
        <div class="page runs-page">
            <h1>"Actions"</h1>
            {notice::standing(feed.standing, "This list")}
            {move || feed.broken.get().map(|why| broken(&why))}
            {move || unusable(&feed.unusable.get())}
            <For each=broke_off key=|id| id.clone() let:id>
                <Interrupted run=feed.one(id) />
            </For>
            <Catalogue />
            <h2>"What was run"</h2>
            <p class="sub">"From this machine, newest first, with what was seen of it."</p>
            <div class="bar">
                <input
                    class="in"
                    id="filter"
                    type="search"
                    placeholder="App, person, reason"
                    aria-label="Filter runs"
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
                <span class="dim" role="status">{move || words::count(count.get(), "run")}</span>
            </div>
            <Show when=move || feed.standing.get() != Feed::Loading fallback=|| notice::skeleton(4)>
                <div
                    class="card ran"
                    class:gone=move || others.with(Vec::is_empty)
                    on:keydown=move |event| {
                        keys::walk_here(&event, "summary");
                    }
                >
                    <For each=move || others.get() key=|id| id.clone() let:id>
                        <Line run=feed.one(id.clone()) id=id />
                    </For>
                </div>
                <p class="empty dim" class:gone=move || count.get() != 0 || feed.broken.with(Option::is_some)>
                    {move || {
                        if feed.all.with(|all| all.is_empty()) {
                            "Nothing has been run from this machine yet."
                        } else {
                            "No run matches."
                        }
                    }}
                </p>
            </Show>
        </div>
    }
}

/// The record cannot be read, or is not to be believed.
fn broken(why: &Error) -> impl IntoView + use<> {
    view! {
        <h2>"The record of runs is broken"</h2>
        {notice::error(why)}
    }
}

/// What of the team's own actions is offered nowhere, for whoever keeps them.
fn unusable(all: &[String]) -> Option<AnyView> {
    if all.is_empty() {
        return None;
    }
    let lines = all
        .iter()
        .map(|one| view! { <li class="wrap">{foreign::line(one)}</li> })
        .collect_view();
    let view = view! {
        <details class="unusable">
            <summary>
                {mark(words::Tone::Warn)} " " {words::count(all.len(), "thing")} " of the team's own actions cannot be used"
            </summary>
            <ul class="sentences">{lines}</ul>
        </details>
    };
    Some(view.into_any())
}

/// One run that goes, or is over: a line that opens to its steps.
#[component]
fn Line(
    /// The run.
    run: Memo<Option<RunView>>,
    /// Its id.
    id: String,
) -> impl IntoView {
    let router = Router::here();
    let open = move || {
        let shown = router.screen();
        matches!(shown, Screen::Actions { run: Some(run) } if run == id)
    };
    let head = Memo::new(move |_| run.get().map(|run| Head::of(&run)));
    view! {
        <details class="ran-one" open=open>
            <summary>{move || head.get().map(|head| head.shown())}</summary>
            <steps::Steps run=run />
        </details>
    }
}

/// What a run's line says: it is drawn anew only when this changes, and not with every step.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    tone: words::Tone,
    state: &'static str,
    title: String,
    place: String,
    by: String,
    reason: String,
    began: jiff::Timestamp,
}

impl Head {
    fn of(run: &RunView) -> Self {
        let (state, tone) = stands::words(&run.stands);
        Self {
            tone,
            state,
            title: foreign::line(&run.title),
            place: stands::place(run),
            by: foreign::line(&run.by),
            reason: foreign::line(&run.reason),
            began: run.began,
        }
    }

    fn shown(self) -> impl IntoView {
        view! {
            {mark(self.tone)}
            <b class=format!("state {}", self.tone.name())>{self.state}</b>
            <span class="clip" title=self.title.clone()>
                {self.title.clone()}
            </span>
            <span class="dim clip" title=self.place.clone()>
                {self.place.clone()}
            </span>
            <span class="dim clip why" title=self.reason.clone()>
                {self.reason.clone()}
            </span>
            <span class="dim clip" title=self.by.clone()>
                {self.by.clone()}
            </span>
            <span class="dim at">{clock::wall(self.began)}</span>
        }
    }
}
