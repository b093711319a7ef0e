//! The Journey screen: one ask's answer, live, with the headline on top.
//!
//! Owns the stream, the choice of the shown target and the screen's states (asking, answered, failing, no longer
//! live). Head, lanes, stages, causes with evidence, and the side are in the modules below.

mod body;
pub mod choice;
mod head;
mod lanes;
mod side;
mod stages;

use std::sync::Arc;

use api::Ask;
use api::error::Error;
use api::journey::{Answer, Evidence, Journey, StageKind};
use api::request::WatchAnswer;
use choice::{Shown, Target};
use leptos::prelude::*;

use crate::address::{Lane, Screen};
use crate::clock;
use crate::feed::{self, Feed};
use crate::foreign;
use crate::glyph::mark;
use crate::keys;
use crate::notice;
use crate::panel::{Known, Panel};
use crate::router::Router;
use crate::session::Session;
use crate::time::Length;
use crate::words::{self, Tone};

/// The screen for whatever the address asks. A new ask starts it anew; a wish for another lane does not.
#[component]
pub fn JourneyScreen() -> impl IntoView {
    let router = Router::here();
    let ask = Memo::new(move |before: Option<&Option<Ask>>| match router.screen() {
        Screen::Journey { ask, .. } => ask,
        // While another screen takes over, this one keeps what it showed.
        _ => before.cloned().flatten(),
    });
    move || match ask.get() {
        Some(ask) => view! { <Answered ask=ask /> }.into_any(),
        None => view! { <Invitation /> }.into_any(),
    }
}

/// The screen without an ask.
#[component]
fn Invitation() -> impl IntoView {
    let session = Session::here();
    view! {
        <div class="page">
            <h1>"Ask about a commit"</h1>
            <p class="sub">
                "Paste a commit, a branch, a tag, or the number or link of a pull request or CI run into the box above, and press Enter. An app's name asks about its newest commit."
            </p>
            <section class:gone=move || session.recent.with(Vec::is_empty)>
                <h2>"Asked here before"</h2>
                <div
                    class="card need recent"
                    on:keydown=move |event| {
                        keys::walk_here(&event, "button");
                    }
                >
                    <For each=move || session.recent.get() key=|text| text.clone() let:text>
                        {
                            let words = foreign::line(&text);
                            view! {
                                <button class="row" type="button" on:click=move |_| session.ask(&text)>
                                    <span class="mono clip">{words}</span>
                                </button>
                            }
                        }
                    </For>
                </div>
            </section>
        </div>
    }
}

/// What the parts of the screen read.
#[derive(Clone, Copy)]
struct Shared {
    /// The answer; stays when the stream fails.
    answer: RwSignal<Option<Arc<Answer>>>,
    /// The shown target.
    shown: Memo<Option<Shown>>,
    /// What the person picked.
    picked: RwSignal<Option<Target>>,
    /// The shown journey.
    journey: Memo<Option<Arc<Journey>>>,
    /// The stage whose evidence is shown instead of the headline's.
    stage: RwSignal<Option<StageKind>>,
}

/// One ask's answer.
#[component]
fn Answered(
    /// What is asked.
    ask: Ask,
) -> impl IntoView {
    let (router, panel) = (Router::here(), Panel::here());
    let standing = RwSignal::new(Feed::Loading);
    let answer = RwSignal::new(None::<Arc<Answer>>);
    let failed = RwSignal::new(None::<Error>);
    let request = WatchAnswer { ask: ask.clone() };
    feed::follow(request, standing, move |item| match item {
        Ok(next) => {
            feed::set_if_new(failed, None);
            feed::set_if_new(answer, Some(Arc::new(next)));
        }
        Err(error) => feed::set_if_new(failed, Some(error)),
    });
    let wish = Memo::new(move |_| match router.screen() {
        Screen::Journey { lane, .. } => lane,
        _ => Lane::default(),
    });
    let picked = RwSignal::new(None::<Target>);
    let shown = Memo::new(move |before: Option<&Option<Shown>>| {
        let answer = answer.get()?;
        let before = before.and_then(Option::as_ref);
        choice::shown(&answer, picked.get().as_ref(), &wish.get(), before)
    });
    let journey = Memo::new(move |_| {
        let (answer, shown) = (answer.get()?, shown.get()?);
        let journey = answer
            .journeys
            .iter()
            .find(|journey| Target::of(journey) == shown.target)?;
        Some(Arc::new(journey.clone()))
    });
    let stage = RwSignal::new(None::<StageKind>);
    // Another target has its own stages: a stage that was looked at there says nothing here.
    Effect::new(move |before: Option<Option<Target>>| {
        let target = shown.get().map(|shown| shown.target);
        if before.is_some_and(|before| before != target) {
            stage.set(None);
        }
        target
    });
    Effect::new(move |_| {
        let known = answer.get().map(|answer| known(&answer));
        feed::set_if_new(panel.known, known.unwrap_or_default());
    });
    let shared = Shared {
        answer,
        shown,
        picked,
        journey,
        stage,
    };
    let words = ask_words(&ask);
    let there = Memo::new(move |_| {
        let is_failing = failed.with(Option::is_some);
        answer.with(|answer| answer.as_ref().is_some_and(|one| stands(one, is_failing)))
    });
    view! {
        <div class="page journey">
            {notice::standing(standing, "This answer")}
            {move || failed.get().map(|error| view! { <Failing error=error there=there /> })}
            <Show
                when=move || there.get()
                fallback=move || {
                    let words = words.clone();
                    (failed.with(Option::is_none) && standing.get() == Feed::Loading)
                        .then(|| {
                            view! {
                                <h1>"Following " <span class="mono">{words}</span></h1>
                                <p class="sub" role="status">
                                    "Looking for it in Git, in CI, in the registry and on the clusters."
                                </p>
                                {notice::skeleton(7)}
                            }
                        })
                }
            >
                <Parts shared=shared />
            </Show>
        </div>
    }
}

/// The stream says why it cannot answer now. Without an answer that is the page; over one it is a line.
#[component]
fn Failing(
    /// Why.
    error: Error,
    /// Whether an earlier answer stands below.
    there: Memo<bool>,
) -> impl IntoView {
    move || {
        if there.get() {
            return view! {
                <p class="sub">"What stands below is the last answer; it is not being renewed now."</p>
                {notice::passing(&error)}
            }
            .into_any();
        }
        // Of several lines (the candidates of an ambiguous ask, say) the first is the headline.
        let message = foreign::visible(&error.message);
        let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
        let retries = error.retryable.then_some(notice::KEEPS_TRYING);
        view! {
            <div class="failing" role="alert">
                <h1 id="headline">{first.to_owned()}</h1>
                <p class="rest">{rest.to_owned()}</p>
                <p class="sub rest">{foreign::visible(&error.hint)}</p>
                <p class="sub">{retries}</p>
                <p>
                    <button class="btn" type="button" on:click=|_| keys::focus_id("ask")>
                        "Change the ask"
                    </button>
                </p>
            </div>
        }
        .into_any()
    }
}

/// The answer's parts.
#[component]
fn Parts(
    /// What they read.
    shared: Shared,
) -> impl IntoView {
    let any = Memo::new(move |_| shared.journey.with(Option::is_some));
    view! {
        <Pending shared=shared />
        <Show when=move || any.get() fallback=move || view! { <Nowhere shared=shared /> }>
            <head::Head shared=shared />
            <lanes::Lanes shared=shared />
            <stages::Stages shared=shared />
            <div class="cols">
                <body::Body shared=shared />
                <side::Side shared=shared />
            </div>
        </Show>
    }
}

/// How many facts are still on their way, and whether the cluster behind the journey answers.
#[component]
fn Pending(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let pending = Memo::new(move |_| {
        shared
            .answer
            .with(|answer| answer.as_ref().map_or(0, |answer| answer.pending))
    });
    let stale = Memo::new(move |_| {
        shared.journey.with(|journey| {
            let journey = journey.as_ref()?;
            Some((journey.stale_since?, journey.cluster.clone()))
        })
    });
    view! {
        {move || {
            stale
                .get()
                .map(|(at, cluster)| {
                    view! {
                        <div class="notice wait" role="status">
                            {mark(Tone::Wait)}
                            <div>
                                <p class="what">
                                    {foreign::line(&cluster)} " stopped answering: last seen " {clock::wall(at)} ", "
                                    {clock::ago(at, Length::Long)} "."
                                </p>
                                <p class="hint">
                                    "Everything below is what was known then. It refreshes by itself when the cluster is back."
                                </p>
                            </div>
                        </div>
                    }
                })
        }}
        <p class="pending" role="status" class:gone=move || pending.get() == 0>
            {mark(Tone::Move)}
            {move || format!("Still reading {}; the answer may become more exact.", words::count(pending.get(), "fact"))}
        </p>
    }
}

/// An answer without journeys.
#[component]
fn Nowhere(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let words = move || {
        shared.answer.with(|answer| {
            answer
                .as_ref()
                .map_or_else(String::new, |answer| ask_words(&answer.ask))
        })
    };
    let reading = Memo::new(move |_| {
        shared
            .answer
            .with(|answer| answer.as_ref().is_none_or(|answer| is_draft(answer)))
    });
    view! {
        <Show
            when=move || reading.get()
            fallback=move || {
                view! {
                    <h1 id="headline">"No app here changes with " <span class="mono">{words}</span></h1>
                    <p class="sub">
                        "Nothing that runs in these clusters is built from its repository, as far as could be read."
                    </p>
                }
            }
        >
            <h1 id="headline">"Looking for " <span class="mono">{words}</span> "…"</h1>
            <p class="sub" role="status">
                "Not everything is read yet that may have to do with it: nothing can be said so far."
            </p>
            {notice::skeleton(7)}
        </Show>
        <side::Unread shared=shared />
    }
}

/// Whether an answer stands in the page. A draft without journeys says only that something is being looked for: beside an
/// error, which says that it is over, there is nothing to keep of it.
fn stands(answer: &Answer, is_failing: bool) -> bool {
    !is_failing || !answer.journeys.is_empty()
}

/// Whether more is being read, so that what an answer does not name may still turn up.
fn is_draft(answer: &Answer) -> bool {
    answer.pending > 0
}

/// An ask as a person typed it, full SHAs cut short.
pub fn ask_words(ask: &Ask) -> String {
    let text = if ask.text.is_empty() {
        ask.app.as_deref().unwrap_or("every app")
    } else {
        &ask.text
    };
    foreign::line(if crate::sentence::is_sha(text) {
        api::headline::short(text)
    } else {
        text
    })
}

/// Everything the answer knows about objects and commits, for the panel.
fn known(answer: &Answer) -> Known {
    let mut known = Known::default();
    known.commits.extend(answer.commit.clone());
    for journey in &answer.journeys {
        let stages = journey.stages.iter().flat_map(|stage| &stage.evidence);
        for evidence in journey.evidence.iter().chain(stages) {
            put(&mut known.evidence, evidence);
        }
        let running = journey
            .running
            .as_ref()
            .and_then(|running| running.commit.clone());
        for commit in journey.commit.clone().into_iter().chain(running) {
            if !known.commits.contains(&commit) {
                known.commits.push(commit);
            }
        }
    }
    known
}

/// Adds what is not there yet.
fn put(all: &mut Vec<Evidence>, one: &Evidence) {
    if !all.contains(one) {
        all.push(one.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_no_statement_while_something_is_still_being_read() {
        let mut answer = Answer {
            version: api::JSON_VERSION,
            ask: Ask::default(),
            commit: None,
            journeys: Vec::new(),
            pending: 1,
            unread: Vec::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert!(is_draft(&answer));
        answer.pending = 0;
        assert!(!is_draft(&answer));
    }

    #[test]
    fn beside_an_error_nothing_is_said_to_be_the_last_answer_that_never_was_one() {
        let answer = Answer {
            version: api::JSON_VERSION,
            ask: Ask::default(),
            commit: None,
            journeys: Vec::new(),
            pending: 27,
            unread: Vec::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert!(stands(&answer, false), "it looks for it");
        assert!(!stands(&answer, true));
    }
}
