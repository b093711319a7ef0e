//! The diagnosis of an object: one report, to be read, copied and saved.
//!
//! Owns the asking and the reading. The report is text here: nothing of it becomes an element.

use api::diagnosis::Diagnosis;
use api::request::{Diagnose, SaveDiagnosis};
use api::{Error, ObjectRef};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{Act, Deal, Stage};
use crate::announce::Announcer;
use crate::bridge;
use crate::foreign;
use crate::notice;
use crate::words;

/// The line among the actions that asks for it. It changes nothing, and is for everybody.
#[component]
pub fn DiagnoseLine(
    /// The opening that it is of.
    deal: Deal,
) -> impl IntoView {
    view! {
        <li class="offer-of">
            <button
                class="btn"
                type="button"
                id="diagnose"
                aria-describedby="diagnose-about"
                on:click=move |_| deal.stage.set(Stage::Diagnosis)
            >
                "Diagnose"
            </button>
            <div>
                <p id="diagnose-about">
                    "Gathers its state, events, logs and changes, and where it is well, into one report without secrets. Changes nothing."
                </p>
            </div>
        </li>
    }
}

/// The report, or what hinders it.
#[component]
pub fn Report(
    /// The opening that it is of.
    deal: Deal,
) -> impl IntoView {
    let (act, announcer) = (Act::here(), Announcer::here());
    let found = RwSignal::new(None::<Result<Diagnosis, Error>>);
    let read = move || {
        found.set(None);
        let object: ObjectRef = deal.object.get_value();
        spawn_local(async move {
            let reply = bridge::call(&Diagnose { object }).await;
            // The dialog may be closed already.
            let _ = found.try_set(Some(reply));
        });
    };
    read();
    let saved = RwSignal::new(None::<Result<String, Error>>);
    let saving = RwSignal::new(false);
    let report = move || found.with(|found| found.as_ref()?.as_ref().ok().cloned());
    let has_none = move || report().is_none();
    let save = move |_| {
        let Some(one) = report() else { return };
        saving.set(true);
        spawn_local(async move {
            let reply = bridge::call(&SaveDiagnosis { id: one.id }).await;
            let _ = saved.try_set(Some(reply.map(|written| written.path)));
            let _ = saving.try_set(false);
        });
    };
    view! {
        <div class="inside diagnosis">
            {move || match found.get() {
                None => {
                    view! {
                        <p class="dim" role="status">
                            "Gathering what is known of it…"
                        </p>
                        {notice::skeleton(6)}
                    }
                        .into_any()
                }
                Some(Err(why)) => notice::error(&why).into_any(),
                Some(Ok(one)) => shown(&one).into_any(),
            }}
            {move || saved.get().map(|saved| was_saved(&saved))}
        </div>
        <footer>
            <p class="dim">"What looks like a secret is left out. Read it before you pass it on."</p>
            <button class="btn" type="button" on:click=move |_| deal.stage.set(Stage::Choose)>
                "Back"
            </button>
            <button
                class="btn"
                type="button"
                id="diagnose-again"
                on:click=move |_| {
                    saved.set(None);
                    read();
                }
            >
                "Diagnose again"
            </button>
            <button
                class="btn"
                type="button"
                id="copy-diagnosis"
                disabled=has_none
                on:click=move |_| {
                    if let Some(one) = report() {
                        announcer.copy(one.markdown, "Markdown");
                    }
                }
            >
                "Copy"
            </button>
            <button
                class="btn"
                type="button"
                id="save-diagnosis"
                disabled=move || saving.get() || has_none()
                on:click=save
            >
                "Save"
            </button>
            <button class="btn" type="button" id="close-act" on:click=move |_| act.close()>
                "Close"
            </button>
        </footer>
    }
}

fn shown(one: &Diagnosis) -> impl IntoView + use<> {
    let (text, more) = foreign::page(&one.markdown);
    let unread = match one.unread {
        0 => "Everything that was asked for was read.".to_owned(),
        unread => format!(
            "{} could not be read: the report names them.",
            words::count(unread, "thing")
        ),
    };
    view! {
        <p role="status">{unread}</p>
        <pre class="yaml mono" tabindex="0" aria-label="The report">
            {foreign::visible(text)}
        </pre>
        {more.then_some(view! { <p class="dim">"The rest is left out here; Copy and Save have all of it."</p> })}
    }
}

fn was_saved(saved: &Result<String, Error>) -> AnyView {
    match saved {
        Ok(path) => view! {
            <p class="said" role="status">
                "Written to " <span class="mono wrap">{foreign::visible(path)}</span> "."
            </p>
        }
        .into_any(),
        Err(why) => notice::error(why).into_any(),
    }
}
