//! Who is signed in: the banner where only a person can go on, the page's own line, and the way out.
//!
//! Owns the sign-in's stream in the page. Nothing here signs anybody in by itself: every sign-in begins with a button.

use std::cell::Cell;

use api::request::{BeginSignIn, CancelSignIn, WatchSignIn};
use api::{SignIn, SignInState};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::address::Screen;
use crate::bridge;
use crate::clock;
use crate::feed::{Feed, follow, set_if_new};
use crate::foreign;
use crate::glyph::mark;
use crate::notice;
use crate::router::Router;
use crate::session::Session;
use crate::words::Tone;

/// The sign-in as it is now.
#[derive(Clone, Copy, Debug)]
pub struct SignInFeed {
    /// How the stream stands.
    pub standing: RwSignal<Feed>,
    /// Who is signed in; none where nobody has to be.
    pub now: RwSignal<Option<SignIn>>,
    /// Whether a sign-in was asked for and has not begun to show itself: a second click begins no second one.
    beginning: RwSignal<bool>,
}

impl SignInFeed {
    /// Starts the stream and gives it to everything below.
    pub fn provide() -> Self {
        let feed = Self {
            standing: RwSignal::new(Feed::Loading),
            now: RwSignal::new(None),
            beginning: RwSignal::new(false),
        };
        let router = Router::here();
        // Once: whoever signs in again later stays where they are.
        let went_home = Cell::new(false);
        follow(WatchSignIn {}, feed.standing, move |now| {
            let is_in = |now: &Option<SignIn>| match now.as_ref().map(|now| &now.state) {
                Some(SignInState::SignedIn { home, .. }) => Some(*home),
                _ => None,
            };
            // Somebody who came by a link, or is somewhere already, stays there.
            if let Some(home) = is_in(&now)
                && !went_home.replace(true)
                && router.screen_now() == Screen::Board
            {
                router.refine(Screen::home(home));
            }
            set_if_new(feed.now, now);
        });
        provide_context(feed);
        feed
    }

    /// The sign-in of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Whether nobody is signed in yet, so that there is nothing to show but the way in. After a sign-in that is over, what
    /// was last known stays.
    pub fn nothing_is_open(self) -> bool {
        self.now.with(|now| {
            matches!(
                now.as_ref().map(|now| &now.state),
                Some(
                    SignInState::SignedOut { .. }
                        | SignInState::Unread { .. }
                        | SignInState::InBrowser { .. }
                        | SignInState::Code { .. }
                )
            )
        })
    }

    /// Begins a sign-in. How it goes comes by the stream.
    pub fn begin(self, with_code: bool) {
        if self.beginning.get_untracked() {
            return;
        }
        self.beginning.set(true);
        spawn_local(async move {
            let _told_by_the_stream = bridge::call(&BeginSignIn { with_code }).await;
            self.beginning.set(false);
        });
    }

    fn cancel(self) {
        spawn_local(async move {
            let _told_by_the_stream = bridge::call(&CancelSignIn {}).await;
        });
    }
}

/// What stands above every screen while only a person can go on.
#[component]
pub fn Banner() -> impl IntoView {
    let feed = SignInFeed::here();
    let session = Session::here();
    view! {
        {move || session.parted.get().map(|why| notice::error(&why))}
        {move || feed.now.get().and_then(|sign_in| banner(feed, session, &sign_in))}
    }
}

fn banner(feed: SignInFeed, session: Session, sign_in: &SignIn) -> Option<AnyView> {
    let provider = foreign::line(&sign_in.provider);
    let buttons = move || {
        view! {
            <p class="again">
                <button
                    class="btn primary"
                    type="button"
                    id="sign-in"
                    disabled=move || feed.beginning.get()
                    on:click=move |_| feed.begin(false)
                >
                    "Sign in with your browser"
                </button>
                <button
                    class="btn"
                    type="button"
                    disabled=move || feed.beginning.get()
                    on:click=move |_| feed.begin(true)
                >
                    "Use a code instead"
                </button>
            </p>
        }
    };
    let cancel = move || {
        view! {
            <p class="again">
                <button class="btn" type="button" on:click=move |_| feed.cancel()>
                    "Cancel the sign-in"
                </button>
            </p>
        }
    };
    let shown = match &sign_in.state {
        SignInState::SignedIn { late: None, .. } | SignInState::Resuming { late: None } => {
            return None;
        }
        SignInState::SignedIn {
            late: Some(why), ..
        }
        | SignInState::Resuming { late: Some(why) } => framed(
            Tone::Wait,
            format!("The sign-in at {provider} is not renewed at the moment."),
            view! {
                <p class="hint">
                    {foreign::visible(why)} ". Landfall keeps trying by itself; what is open stays until it ends."
                </p>
            }
            .into_any(),
        ),
        SignInState::SignedOut { failed } => {
            let why = failed.as_ref().map(|why| {
                let hint = (!why.hint.is_empty())
                    .then(|| view! { <p class="hint">{foreign::visible(&why.hint)}</p> });
                view! {
                    <p class="hint">{foreign::visible(&why.message)}</p>
                    {hint}
                }
            });
            let words = match failed {
                Some(_) => format!("You are not signed in at {provider} yet."),
                None => format!("Sign in at {provider} to see what runs."),
            };
            framed(
                Tone::Idle,
                words,
                view! {
                    {why}
                    {buttons()}
                }
                .into_any(),
            )
        }
        SignInState::Unread { why } => framed(
            Tone::Wait,
            format!("Whether you are signed in at {provider} cannot be told."),
            view! {
                <p class="hint">
                    {foreign::visible(why)}
                    ". Unlock it: Landfall looks again by itself within minutes. A new sign-in works too, and ends with this window."
                </p>
                {buttons()}
            }
            .into_any(),
        ),
        SignInState::Over { why } => framed(
            Tone::Wait,
            format!("Your sign-in at {provider} is over. What stands here is what was last known."),
            view! {
                <p class="hint">{foreign::visible(why)}</p>
                {buttons()}
                <p class="again">
                    <button class="btn" type="button" on:click=move |_| session.sign_out()>
                        "Sign out and close what is open"
                    </button>
                </p>
            }
            .into_any(),
        ),
        SignInState::InBrowser { address } => framed(
            Tone::Idle,
            format!("Sign in at {provider} on the page that opened in your browser."),
            view! {
                <details class="by-hand">
                    <summary>"No page opened?"</summary>
                    <p class="hint">"Open this address in a browser on this machine:"</p>
                    <p class="mono wrap">{foreign::visible(address)}</p>
                </details>
                {cancel()}
            }
            .into_any(),
        ),
        SignInState::Code {
            code,
            address,
            until,
            caution,
            ..
        } => framed(
            Tone::Idle,
            "Type this code in a browser on any machine.".to_owned(),
            view! {
                <p class="code mono">{foreign::line(code)}</p>
                <p class="hint">
                    "At " <span class="mono">{foreign::line(address)}</span> ", until " {clock::wall(*until)}
                    ". Only go on if you began this yourself."
                </p>
                {caution
                    .as_deref()
                    .map(|caution| view! { <p class="what">{foreign::line(caution)}</p> })}
                {cancel()}
            }
            .into_any(),
        ),
    };
    Some(shown)
}

fn framed(tone: Tone, words: String, more: AnyView) -> AnyView {
    view! {
        <div class=format!("notice signing {}", tone.name()) role="status">
            {mark(tone)}
            <div>
                <p class="what">{words}</p>
                {more}
            </div>
        </div>
    }
    .into_any()
}

/// The person in the header, if somebody is signed in.
#[component]
pub fn Who() -> impl IntoView {
    let feed = SignInFeed::here();
    move || match feed.now.get()?.state {
        SignInState::SignedIn { person, roles, .. } => {
            let name = foreign::line(&person);
            let title = match roles.as_slice() {
                [] => name.clone(),
                roles => format!("{name}: {}", foreign::line(&roles.join(", "))),
            };
            Some(view! { <span class="person clip" title=title>{name}</span> })
        }
        _ => None,
    }
}

/// The sign-in on the Connections screen: who, what that makes them in the team, and the way out.
#[component]
pub fn Account() -> impl IntoView {
    let (feed, session) = (SignInFeed::here(), Session::here());
    move || {
        let sign_in = feed.now.get()?;
        let SignInState::SignedIn {
            person,
            roles,
            until,
            late,
            ..
        } = &sign_in.state
        else {
            return None;
        };
        // What fails at the moment is promised to nobody.
        let until_when = match late {
            None => ", renewed by itself before ",
            Some(_) => ", not renewed at the moment, good until ",
        };
        let roles = match roles.as_slice() {
            [] => "no role in the team".to_owned(),
            roles => foreign::line(&roles.join(", ")),
        };
        let not_kept = sign_in.not_kept.as_ref().map(|why| {
            view! {
                <p class="said">
                    "This sign-in ends with the window: " {foreign::visible(why)} "."
                </p>
            }
        });
        Some(view! {
            <section class="card account" aria-label="Your sign-in">
                <div class="main">
                    <div class="line">
                        <b>{foreign::line(person)}</b>
                        <span class="kind">{roles}</span>
                        <span class="dim">
                            "at " {foreign::line(&sign_in.provider)} {until_when}
                            {clock::wall(*until)}
                        </span>
                    </div>
                    {not_kept}
                </div>
                <button class="btn" type="button" id="sign-out" on:click=move |_| session.sign_out()>
                    "Sign out"
                </button>
            </section>
        })
    }
}
