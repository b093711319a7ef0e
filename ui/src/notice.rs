//! The designed states of a view that has nothing to show, or shows what is no longer sure: failing, ended, empty.
//!
//! Owns how an error stands in the page: what happened, and what to do, in the console's own words.

use api::error::{Code, Error};
use leptos::prelude::*;

use crate::feed::Feed;
use crate::foreign;
use crate::glyph::mark;
use crate::session::Session;
use crate::words::Tone;

/// What a stream that goes on trying says of an error that may pass.
pub const KEEPS_TRYING: &str = "Landfall keeps trying; this view changes when there is an answer.";

/// An error with its hint.
pub fn error(error: &Error) -> impl IntoView + use<> {
    with(error, None, None)
}

/// An error out of a stream that goes on.
pub fn passing(error: &Error) -> impl IntoView + use<> {
    with(error, error.retryable.then_some(KEEPS_TRYING), None)
}

/// An error with its hint, what is being done about it, and what the person can do.
fn with(
    error: &Error,
    more: Option<&'static str>,
    action: Option<AnyView>,
) -> impl IntoView + use<> {
    let tone = tone(error);
    let hint = (!error.hint.is_empty()).then(|| foreign::visible(&error.hint));
    view! {
        <div class=format!("notice {}", tone.name()) role="alert">
            {mark(tone)}
            <div>
                <p class="what">{foreign::visible(&error.message)}</p>
                {hint.map(|hint| view! { <p class="hint">{hint}</p> })}
                {more.map(|words| view! { <p class="hint">{words}</p> })}
                {action}
            </div>
        </div>
    }
}

/// How loud an error is: a missing permission is not a failure, and a mistyped ask is nobody's fault.
pub fn tone(error: &Error) -> Tone {
    match error.code {
        Code::UnknownAsk
        | Code::AmbiguousAsk
        | Code::Usage
        | Code::NoKubeconfig
        | Code::UnknownName
        | Code::SignedOut => Tone::Idle,
        Code::Denied | Code::NotFound => Tone::Dunno,
        Code::Unreachable => Tone::Wait,
        Code::BadFile | Code::Internal => Tone::Stop,
    }
}

/// What a view says above its content when its stream is not live; nothing while it is.
pub fn standing(feed: RwSignal<Feed>, what: &'static str) -> impl IntoView {
    let session = Session::here();
    let again = move || {
        view! {
            <p class="again">
                <button class="btn" type="button" on:click=move |_| session.begin()>
                    "Read again"
                </button>
            </p>
        }
        .into_any()
    };
    move || {
        match feed.get() {
        Feed::Loading | Feed::Live => None,
        Feed::Failed(why) => Some(with(&why, None, Some(again())).into_any()),
        Feed::Ended => Some(
            view! {
                <div class="notice wait" role="alert">
                    {mark(Tone::Wait)}
                    <div>
                        <p class="what">{what} " is no longer live."</p>
                        <p class="hint">"The console ended the stream. What stands here is what was last known."</p>
                        {again()}
                    </div>
                </div>
            }
            .into_any(),
        ),
    }
    }
}

/// Lines in the place of what is still being read, with words for whoever does not see them.
pub fn skeleton(lines: usize) -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">
            {(0..lines).map(|_| view! { <span class="bone"></span> }).collect_view()}
        </div>
    }
}
