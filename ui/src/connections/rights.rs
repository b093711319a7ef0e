//! The rights of one connection: how many of them we have, and below it what each missing one hides and whom to ask.
//!
//! Owns these lines.

use api::connection::{Connection, Right};
use api::request::AskRights;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::glyph::glyph;
use crate::words::Tone;

/// The lines; nothing where nobody has asked yet.
pub fn rights(connection: &Connection) -> Option<AnyView> {
    if connection.rights.is_empty() {
        return None;
    }
    let line = connection.rights_words();
    let amiss: Vec<&Right> = connection.rights_amiss().collect();
    if amiss.is_empty() {
        return Some(view! { <p class="said dim">{line}</p> }.into_any());
    }
    let rows = amiss.into_iter().map(row).collect_view();
    let whom = connection.granted_by.iter();
    let whom: Vec<String> = whom.map(|who| foreign::line(who)).collect();
    let whom = (!whom.is_empty())
        .then(|| view! { <p class="said">"Whom to ask: " <b>{whom.join(", or ")}</b></p> });
    // Asked by whoever was just granted something; else it is asked again by itself.
    let ask = || {
        spawn_local(async {
            let _told_by_the_stream = bridge::call(&AskRights {}).await;
        });
    };
    let again = view! {
        <p>
            <button class="btn" type="button" on:click=move |_| ask()>
                "Ask for the rights again"
            </button>
        </p>
    };
    Some(
        view! {
            <details class="refusals" open=true>
                <summary>{glyph(Tone::Dunno, "rights are missing or unknown")} {line}</summary>
                <ul>{rows}</ul>
                {whom}
                {again}
            </details>
        }
        .into_any(),
    )
}

/// One right that is missing, or of which that cannot be told.
fn row(right: &Right) -> impl IntoView + use<> {
    view! {
        <li class="wrap">
            <span class="mono">{foreign::line(&right.name)}</span> ": " {foreign::line(&right.held.words())}
            ". Without it is unknown: " {foreign::line(&right.without)} "."
        </li>
    }
}
