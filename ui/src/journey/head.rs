//! The head: which commit, the headline, the notes, and the button that copies it all.
//!
//! Owns nothing but the look of these.

use leptos::prelude::*;

use super::Shared;
use crate::address::Screen;
use crate::announce::Announcer;
use crate::clock;
use crate::follow::FollowButton;
use crate::foreign;
use crate::markdown;
use crate::router::Router;
use crate::sentence;
use crate::time::Length;

/// From how many characters on a headline is set smaller, so that what follows stays in view.
const LONG: usize = 130;

/// The head.
#[component]
pub fn Head(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let (announcer, router) = (Announcer::here(), Router::here());
    let crumb = Memo::new(move |_| {
        shared
            .journey
            .get()
            .map(|journey| (journey.app.clone(), journey.commit.clone()))
    });
    let commit = Memo::new(move |_| {
        shared
            .journey
            .get()
            .and_then(|journey| journey.commit.clone())
    });
    let headline = Memo::new(move |_| shared.journey.get().map(|journey| journey.headline.clone()));
    let long = Memo::new(move |_| {
        headline.with(|headline| {
            headline.as_ref().is_some_and(|headline| {
                headline
                    .text(|_| "14 minutes ago".to_owned())
                    .chars()
                    .count()
                    > LONG
            })
        })
    });
    let notes = Memo::new(move |_| {
        shared
            .journey
            .get()
            .map(|journey| journey.notes.clone())
            .unwrap_or_default()
    });
    view! {
        <div class="head">
            <div class="says">
                <div class="crumb">
                    {move || {
                        crumb
                            .get()
                            .map(|(app, commit)| {
                                let commit = commit
                                    .map(|commit| {
                                        view! {
                                            ", "
                                            {sentence::commit(commit.repository.clone(), commit.sha.clone())}
                                            " "
                                            <span title=foreign::line(&commit.subject)>
                                                {api::headline::plain(&commit.subject, 90)}
                                            </span>
                                            ", "
                                            {foreign::line(&commit.author)}
                                            ", "
                                            {clock::ago(commit.at, Length::Short)}
                                        }
                                    });
                                let screen = Screen::App(app.clone());
                                view! {
                                    <a
                                        href=screen.address()
                                        title="This app's page"
                                        on:click=move |event| {
                                            event.prevent_default();
                                            router.go(screen.clone());
                                        }
                                    >
                                        <b>{foreign::line(&app)}</b>
                                    </a>
                                    {commit}
                                }
                            })
                    }}
                </div>
                <h1 id="headline" class:long=move || long.get()>
                    {move || headline.get().map(|headline| sentence::live(&headline))}
                </h1>
                {move || {
                    notes
                        .get()
                        .iter()
                        .map(|note| view! { <p class="sub note">{sentence::live(note)}</p> })
                        .collect_view()
                }}
            </div>
            <div class="tools">
                <FollowButton commit=commit />
                <button
                    class="btn"
                    type="button"
                    id="copy-markdown"
                    on:click=move |_| {
                        if let Some(journey) = shared.journey.get_untracked() {
                            announcer.copy(markdown::journey(&journey), "Journey");
                        }
                    }
                >
                    "Copy as Markdown"
                </button>
            </div>
        </div>
    }
}
