//! The side: what would help, what acts next, what runs, what else applies, what could not be read.
//!
//! Owns these cards. The actions stand beside what they are for: the cause, and the workload that runs.

use api::journey::{Act as Fit, Cause, Running};
use leptos::prelude::*;

use super::Shared;
use crate::act::{Act, ActButton};
use crate::clock;
use crate::foreign;
use crate::glyph::{dot, mark};
use crate::keys;
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
        Some((
            cause.remedy.clone(),
            cause.object.clone(),
            journey.acts.clone(),
        ))
    });
    move || {
        cause.get().map(|(remedy, object, acts)| {
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
                    {fitting(acts)}
                </section>
            }
        })
    }
}

/// The actions that fit the cause: a button each, which opens the dialog with what is filled in. Why one is not for this person
/// stands beside it.
fn fitting(acts: Vec<Fit>) -> Option<AnyView> {
    if acts.is_empty() {
        return None;
    }
    let lines = acts
        .into_iter()
        .enumerate()
        .map(|(at, act)| line(at, act))
        .collect_view();
    let view = view! {
        <ul
            class="fitting"
            aria-label="Actions that fit"
            on:keydown=move |event| {
                keys::walk_here(&event, ".fitting button");
            }
        >
            {lines}
        </ul>
    };
    Some(view.into_any())
}

fn line(at: usize, act: Fit) -> impl IntoView {
    let dialog = Act::here();
    let Fit {
        action,
        title,
        object,
        inputs,
        greyed,
    } = act;
    let words = format!("{} {}…", foreign::line(&title), foreign::line(&object.name));
    let whole = format!(
        "{} {} {} on {}",
        foreign::line(&title),
        foreign::line(&object.kind),
        sentence::full_name(&object),
        foreign::line(&object.system)
    );
    let greyed = greyed.as_deref().map(foreign::line);
    let is_greyed = greyed.is_some();
    let id = format!("fitting-{at}-greyed");
    view! {
        <li>
            <button
                class="btn"
                type="button"
                data-action=action.clone()
                aria-haspopup="dialog"
                aria-describedby=id.clone()
                aria-disabled=is_greyed.then_some("true")
                title=whole
                on:click=move |_| {
                    if !is_greyed {
                        dialog.open_for(object.clone(), action.clone(), inputs.clone());
                    }
                }
            >
                {words}
            </button>
            <p class="why-not" id=id>
                {greyed}
            </p>
        </li>
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
