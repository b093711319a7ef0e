//! The panel at the side: one object whole, or one commit, beside what pointed at it.
//!
//! Owns opening, closing and where the focus goes back to. An object's text comes from the console when it is opened
//! and is shown as text only.

mod object;

use api::journey::{Commit, Evidence};
use api::object::ObjectRef;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::act::ActButton;
use crate::announce::Announcer;
use crate::clock;
use crate::foreign;
use crate::glyph::icon;
use crate::keys;
use crate::session::Session;
use crate::time::Length;

/// What the panel shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An object.
    Object(ObjectRef),
    /// A commit.
    Commit {
        /// The repository's address.
        repository: String,
        /// The full SHA.
        sha: String,
    },
}

/// What the shown screen knows about subjects, beyond their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What was read of objects.
    pub evidence: Vec<Evidence>,
    /// Commits by their own words.
    pub commits: Vec<Commit>,
}

/// The panel of the page.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    subject: RwSignal<Option<Subject>>,
    /// What the screen knows.
    pub known: RwSignal<Known>,
    opener: StoredValue<Option<web_sys::HtmlElement>, LocalStorage>,
}

impl Panel {
    /// Gives the page its panel, closed.
    pub fn provide() -> Self {
        let panel = Self {
            subject: RwSignal::new(None),
            known: RwSignal::new(Known::default()),
            opener: StoredValue::new_local(None),
        };
        provide_context(panel);
        panel
    }

    /// The panel of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Opens it and remembers who did, unless that was inside the panel itself.
    pub fn open(self, subject: Subject) {
        let focused = document()
            .active_element()
            .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
            .filter(|element| !matches!(element.closest(".panel"), Ok(Some(_))));
        if focused.is_some() {
            self.opener.set_value(focused);
        }
        self.subject.set(Some(subject));
    }

    /// Closes it; the focus goes back to who opened it. Returns whether it was open.
    pub fn close(self) -> bool {
        if self.subject.with_untracked(Option::is_none) {
            return false;
        }
        self.subject.set(None);
        let opener = self.opener.try_update_value(Option::take).flatten();
        match opener {
            Some(opener) if opener.is_connected() => keys::focus(&opener),
            _ => keys::focus_id("main"),
        }
        true
    }

    /// What is shown.
    pub fn subject(self) -> Option<Subject> {
        self.subject.get()
    }
}

/// The panel's place in the page.
#[component]
pub fn PanelPlace() -> impl IntoView {
    let panel = Panel::here();
    let subject = Memo::new(move |_| panel.subject());
    move || {
        subject.get().map(|subject| match subject {
            Subject::Object(object) => frame(
                foreign::line(&object.kind),
                crate::sentence::full_name(&object),
                format!("on {}", foreign::line(&object.system)),
                Some(view! { <ActButton object=object.clone() /> }.into_any()),
                view! { <object::ObjectView object=object /> }.into_any(),
            )
            .into_any(),
            Subject::Commit { repository, sha } => frame(
                "Commit".to_owned(),
                foreign::line(api::headline::short(&sha)),
                foreign::line(&repository),
                None,
                commit(repository, sha).into_any(),
            )
            .into_any(),
        })
    }
}

/// The panel around its subject.
fn frame(
    kind: String,
    name: String,
    place: String,
    deeds: Option<AnyView>,
    inside: AnyView,
) -> impl IntoView {
    let panel = Panel::here();
    let close = NodeRef::<leptos::html::Button>::new();
    // The focus follows into the panel as soon as it stands in the page.
    Effect::new(move |_| {
        if let Some(close) = close.get() {
            keys::focus(&close);
        }
    });
    let label = format!("{kind} {name}");
    view! {
        <aside class="panel" role="dialog" aria-label=label>
            <header>
                <div class="title">
                    <span class="kind">{kind}</span>
                    <h2 class="mono" title=name.clone()>
                        {name.clone()}
                    </h2>
                    <span class="dim">{place}</span>
                </div>
                {deeds}
                <button
                    class="btn square"
                    type="button"
                    aria-label="Close"
                    title="Close (Esc)"
                    node_ref=close
                    on:click=move |_| {
                        panel.close();
                    }
                >
                    {icon("close")}
                </button>
            </header>
            <div class="inside">{inside}</div>
        </aside>
    }
}

/// A commit, as far as the screen knows it.
fn commit(repository: String, sha: String) -> impl IntoView {
    let (panel, session, announcer) = (Panel::here(), Session::here(), Announcer::here());
    let known = {
        let (repository, sha) = (repository, sha.clone());
        Memo::new(move |_| {
            panel.known.with(|known| {
                known
                    .commits
                    .iter()
                    .find(|commit| commit.sha == sha && commit.repository == repository)
                    .cloned()
            })
        })
    };
    let (copied, asked) = (sha.clone(), sha.clone());
    view! {
        <dl class="facts">
            <dt>"SHA"</dt>
            <dd class="mono wrap">{foreign::line(&sha)}</dd>
            {move || {
                known
                    .get()
                    .map(|commit| {
                        view! {
                            <dt>"Subject"</dt>
                            <dd>{foreign::line(&commit.subject)}</dd>
                            <dt>"Author"</dt>
                            <dd>{foreign::line(&commit.author)}</dd>
                            <dt>"Committed"</dt>
                            <dd>{clock::ago(commit.at, Length::Long)}</dd>
                        }
                    })
            }}
        </dl>
        <div class="tools">
            <button
                class="btn primary"
                type="button"
                on:click=move |_| {
                    panel.close();
                    session.ask(&asked);
                }
            >
                "Ask about this commit"
            </button>
            <button class="btn" type="button" on:click=move |_| announcer.copy(copied.clone(), "SHA")>
                "Copy SHA"
            </button>
        </div>
    }
}
