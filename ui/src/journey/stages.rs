//! The nine stages as a line: shape, name, what it says, how long it took or stands so.
//!
//! Owns the line. A stage chosen here shows its own evidence below; choosing it again shows the headline's.

use api::journey::{NextAttempt, Stage, StageKind, StageState};
use leptos::prelude::*;

use super::Shared;
use crate::clock;
use crate::foreign;
use crate::glyph::glyph;
use crate::keys;
use crate::sentence;
use crate::time;
use crate::words;

/// The line.
#[component]
pub fn Stages(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let stale = Memo::new(move |_| {
        shared.journey.with(|journey| {
            journey
                .as_ref()
                .is_some_and(|journey| journey.stale_since.is_some())
        })
    });
    view! {
        <div
            class="card stages"
            class:stale=move || stale.get()
            id="stages"
            role="group"
            aria-label="Stages"
            on:keydown=move |event| {
                keys::walk_here(&event, "button");
            }
        >
            {StageKind::ALL.map(|kind| view! { <OneStage kind=kind shared=shared /> }).collect_view()}
        </div>
    }
}

/// One stage.
#[component]
fn OneStage(
    /// Which.
    kind: StageKind,
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let stage = Memo::new(move |_| {
        shared.journey.with(|journey| {
            journey
                .as_ref()?
                .stages
                .iter()
                .find(|stage| stage.kind == kind)
                .cloned()
        })
    });
    let chosen = move || shared.stage.get() == Some(kind);
    let class = move || {
        let state = stage.with(|stage| stage.as_ref().map_or("later", class));
        if chosen() {
            format!("st {state} chosen")
        } else {
            format!("st {state}")
        }
    };
    let choose = move |_| {
        shared.stage.update(|shown| {
            *shown = if *shown == Some(kind) {
                None
            } else {
                Some(kind)
            }
        });
    };
    view! {
        <button class=class type="button" aria-pressed=move || chosen().to_string() on:click=choose>
            {move || stage.get().map_or_else(|| missing(kind), |stage| inside(&stage))}
        </button>
    }
}

/// What a stage says.
fn inside(stage: &Stage) -> AnyView {
    let (state, tone) = words::stage_state(stage);
    let (summary, whole) = match &stage.state {
        StageState::Skipped { why } | StageState::Unknown { why } => (
            view! { {foreign::line(why)} }.into_any(),
            foreign::line(why),
        ),
        _ if stage.summary.is_empty() => (view! { {state} }.into_any(), state.to_owned()),
        _ => (
            view! { {sentence::still(&stage.summary)} }.into_any(),
            sentence::text(&stage.summary),
        ),
    };
    view! {
        {glyph(tone, state)}
        <span class="n">{words::stage_title(stage.kind)}</span>
        <span class="d says" title=whole>
            {summary}
        </span>
        <span class="d">{lasted(stage)}</span>
    }
    .into_any()
}

/// How long a stage took, or since when it stands so.
fn lasted(stage: &Stage) -> Option<AnyView> {
    match (&stage.state, stage.took_seconds, stage.since) {
        (
            StageState::Waiting {
                next: Some(NextAttempt { at: Some(at), .. }),
            },
            ..,
        ) => Some(view! { "next try " {clock::until(*at)} }.into_any()),
        (StageState::Done, Some(seconds), _) => {
            Some(view! { "took " {time::took(seconds)} }.into_any())
        }
        (StageState::Done, None, Some(at)) => {
            Some(view! { <span class="at">"at "</span> {clock::wall(at)} }.into_any())
        }
        (StageState::NotReached, ..) => None,
        (_, _, Some(at)) => Some(view! { "for " {clock::age(at)} }.into_any()),
        (_, _, None) => None,
    }
}

/// A stage that the answer does not speak of: nothing is claimed about it.
fn missing(kind: StageKind) -> AnyView {
    view! {
        {glyph(words::Tone::Dunno, "unknown")}
        <span class="n">{words::stage_title(kind)}</span>
        <span class="d">"not said"</span>
    }
    .into_any()
}

/// A stage's class: the line after it is solid once it is done.
fn class(stage: &Stage) -> &'static str {
    match stage.state {
        StageState::Done => "done",
        StageState::Skipped { .. } => "skipped",
        StageState::Moving => "moving",
        StageState::Waiting { .. } => "waiting",
        StageState::Blocked => "blocked",
        StageState::Unknown { .. } => "unread",
        StageState::NotReached => "later",
    }
}
