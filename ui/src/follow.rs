//! Following a commit: the button on a journey, and what is followed in the navigation.
//!
//! Owns the list as the console says it. The console decides what is worth telling; the shell tells it.

use api::Ask;
use api::follow::Followed;
use api::journey::Commit;
use api::request::{Follow, Unfollow, WatchFollowed};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::address::{Lane, Screen};
use crate::announce::Announcer;
use crate::bridge;
use crate::feed::{Feed, follow, set_if_new};
use crate::foreign;
use crate::router::Router;

/// What is followed.
#[derive(Clone, Copy, Debug)]
pub struct FollowFeed {
    all: RwSignal<Vec<Followed>>,
}

impl FollowFeed {
    /// Starts the stream and gives it to everything below.
    pub fn provide() {
        let feed = Self {
            all: RwSignal::new(Vec::new()),
        };
        follow(WatchFollowed {}, RwSignal::new(Feed::Loading), move |all| {
            set_if_new(feed.all, all);
        });
        provide_context(feed);
    }

    /// The list of the page.
    pub fn here() -> Self {
        expect_context()
    }

    fn has(self, ask: &Ask) -> bool {
        self.all.with(|all| all.iter().any(|one| &one.ask == ask))
    }
}

/// What to ask for a commit, whatever it was found by: a branch's head is another commit tomorrow.
pub fn ask_for(commit: &Commit) -> Ask {
    Ask {
        text: commit.sha.clone(),
        repository: Some(commit.repository.clone()),
        ..Ask::default()
    }
}

/// The button beside a journey.
#[component]
pub fn FollowButton(
    /// The journey's commit, once it is known.
    commit: Memo<Option<Commit>>,
) -> impl IntoView {
    let (feed, announcer) = (FollowFeed::here(), Announcer::here());
    let ask = Memo::new(move |_| commit.get().as_ref().map(ask_for));
    let on = Memo::new(move |_| ask.get().is_some_and(|ask| feed.has(&ask)));
    let toggle = move |_| {
        let Some(ask) = ask.get_untracked() else {
            return;
        };
        let was_on = on.get_untracked();
        spawn_local(async move {
            let reply = if was_on {
                bridge::call(&Unfollow { ask }).await
            } else {
                bridge::call(&Follow { ask }).await
            };
            match reply {
                Ok(()) if was_on => announcer.say("Not followed any more"),
                Ok(()) => announcer.say("Followed: you are told when it is live or stuck"),
                Err(error) => announcer.say(foreign::line(&error.message)),
            }
        });
    };
    view! {
        <button
            class="btn"
            class:gone=move || ask.with(Option::is_none)
            type="button"
            id="follow"
            aria-pressed=move || on.get().to_string()
            title="A notification when it is live in an environment, or stuck and why"
            on:click=toggle
        >
            {move || if on.get() { "Following" } else { "Follow" }}
        </button>
    }
}

/// What is followed, below the screens.
#[component]
pub fn FollowedList() -> impl IntoView {
    let (feed, router) = (FollowFeed::here(), Router::here());
    view! {
        <section class="followed" class:gone=move || feed.all.with(Vec::is_empty) aria-labelledby="followed">
            <h2 id="followed">"Followed"</h2>
            {move || {
                feed.all
                    .get()
                    .into_iter()
                    .map(|one| {
                        let screen = Screen::Journey {
                            ask: Some(one.ask.clone()),
                            lane: Lane::default(),
                        };
                        let says = foreign::line(&one.says);
                        view! {
                            <a
                                class="clip"
                                href=screen.address()
                                title=says.clone()
                                on:click=move |event| {
                                    event.prevent_default();
                                    router.go(screen.clone());
                                }
                            >
                                {says.clone()}
                            </a>
                        }
                    })
                    .collect_view()
            }}
        </section>
    }
}
