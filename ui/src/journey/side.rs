//! The side: what would help, what acts next, what runs, what else applies, what could not be read.
//!
//! Owns these cards. The actions stand beside what they are for: the cause, and the workload that runs.

use api::journey::{Cause, Running};
use leptos::prelude::*;

use super::Shared;
use crate::act::ActButton;
use crate::clock;
use crate::foreign;
use crate::glyph::{dot, mark};
use crate::sentence;
use crate::words::{self, Tone};

/// The column.
#[component]
pub fn Side(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    view! {
        <div class="side">
            <Help shared=shared />
            <Next shared=shared />
            <Runs shared=shared />
            <Others shared=shared />
            <Unread shared=shared />
        </div>
    }
}

/// What mends it, and the actions on what causes it.
#[component]
fn Help(shared: Shared) -> impl IntoView {
    let cause = Memo::new(move |_| {
        let journey = shared.journey.get()?;
        let cause = journey.cause.as_ref()?;
        Some((cause.remedy.clone(), cause.object.clone()))
    });
    move || {
        cause.get().map(|(remedy, object)| {
            let heading = if remedy.is_empty() {
                "What causes it"
            } else {
                "What would help"
            };
            view! {
                <section class="card">
                    <div class="titled">
                        <h3>{heading}</h3>
                        <ActButton object=object.clone() />
                    </div>
                    <p class="remedy">{foreign::visible(&remedy)}</p>
                    <p class="dim at">"At " {sentence::object(&object)}</p>
                </section>
            }
        })
    }
}

/// What acts by itself, and when.
#[component]
fn Next(shared: Shared) -> impl IntoView {
    let next = Memo::new(move |_| {
        let journey = shared.journey.get()?;
        Some((
            journey.next_attempt.clone(),
            journey.state == api::State::Blocked,
        ))
    });
    move || {
        next.get().and_then(|(next, blocked)| match (next, blocked) {
            (Some(next), _) => Some(
                view! {
                    <section class="card">
                        <h3>"Next, by itself"</h3>
                        <p>{sentence::object(&next.who)} " " {foreign::line(&next.what)} " " {next.at.map(clock::until)}</p>
                    </section>
                }
                .into_any(),
            ),
            (None, true) => Some(
                view! {
                    <section class="card">
                        <h3>"Next, by itself"</h3>
                        <p>"Nothing that is known of: it stays so until somebody acts."</p>
                    </section>
                }
                .into_any(),
            ),
            (None, false) => None,
        })
    }
}

/// What runs now, and the actions on it.
#[component]
fn Runs(shared: Shared) -> impl IntoView {
    let workload = Memo::new(move |_| {
        let journey = shared.journey.get()?;
        Some(journey.running.as_ref()?.workload.clone())
    });
    let running = Memo::new(move |_| {
        shared
            .journey
            .get()
            .map(|journey| (journey.running.clone(), journey.stale_since.is_some()))
    });
    let stale = move || running.with(|running| running.as_ref().is_some_and(|(_, stale)| *stale));
    let there = Memo::new(move |_| running.with(Option::is_some));
    // The button stays while what is said below it changes.
    view! {
        <Show when=move || there.get()>
            <section class="card" class:stale=stale>
                <div class="titled">
                    <h3>{move || if stale() { "Ran there when last seen" } else { "Runs there now" }}</h3>
                    {move || workload.get().map(|object| view! { <ActButton object=object /> })}
                </div>
                {move || running.get().map(|(running, _)| what_runs(running))}
            </section>
        </Show>
    }
}

fn what_runs(running: Option<Running>) -> AnyView {
    let Some(running) = running else {
        return view! { <p class="dim">"It could not be read."</p> }.into_any();
    };
    let commit = running.commit.as_ref().map(|commit| {
        view! {
            <p>
                {sentence::commit(commit.repository.clone(), commit.sha.clone())} " "
                {foreign::line(&commit.subject)} <span class="dim">", " {foreign::line(&commit.author)}</span>
            </p>
        }
    });
    let since = running
        .since
        .map(|at| view! { <span class="dim">", for " {clock::age(at)}</span> });
    view! {
        {commit}
        <p class="health">
            {dot(running.health)}
            <span>
                {words::health(running.health)} ", "
                {format!("{} of {} ready", running.ready, running.wanted)} {since}
            </span>
        </p>
        <p class="dim at">{sentence::object(&running.workload)}</p>
        <p class="mono dim clip" title=foreign::line(&running.image)>
            {foreign::line(&running.image)}
        </p>
    }
    .into_any()
}

/// Causes further on.
#[component]
fn Others(shared: Shared) -> impl IntoView {
    let others = Memo::new(move |_| {
        shared
            .journey
            .get()
            .map(|journey| journey.other_causes.clone())
            .unwrap_or_default()
    });
    move || {
        let others: Vec<Cause> = others.get();
        (!others.is_empty()).then(|| {
            view! {
                <section class="card">
                    <h3>"After that, this waits too"</h3>
                    <ul class="others">
                        {others
                            .iter()
                            .map(|cause| {
                                view! {
                                    <li>
                                        <span class="kind">{words::stage_title(cause.stage)}</span>
                                        " "
                                        {sentence::object(&cause.object)}
                                        ": "
                                        {sentence::live(&cause.sentence)}
                                    </li>
                                }
                            })
                            .collect_view()}
                    </ul>
                </section>
            }
        })
    }
}

/// What could not be read at all and is therefore not among the lanes.
#[component]
pub fn Unread(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let unread = Memo::new(move |_| {
        shared
            .answer
            .with(|answer| answer.as_ref().map(|answer| answer.unread.clone()))
            .unwrap_or_default()
    });
    move || {
        let unread = unread.get();
        (!unread.is_empty()).then(|| {
            view! {
                <section class="card">
                    <h3>"Could not be read"</h3>
                    <ul class="others">
                        {unread
                            .iter()
                            .map(|line| view! { <li>{mark(Tone::Dunno)} " " {sentence::live(line)}</li> })
                            .collect_view()}
                    </ul>
                </section>
            }
        })
    }
}
