//! The button that exports a diagnostic bundle. The core writes the file; the page only hears where it is.
//!
//! Owns the button, and what is said beside it.

use api::error::Error;
use api::request::ExportBundle;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::notice;

/// The button.
#[component]
pub fn Export() -> impl IntoView {
    let written = RwSignal::new(None::<Result<String, Error>>);
    let is_writing = RwSignal::new(false);
    let export = move || {
        is_writing.set(true);
        written.set(None);
        spawn_local(async move {
            let exported = bridge::call(&ExportBundle {}).await;
            written.set(Some(exported.map(|exported| exported.path)));
            is_writing.set(false);
        });
    };
    view! {
        <p class="export">
            <button
                class="btn"
                type="button"
                id="export-bundle"
                disabled=move || is_writing.get()
                on:click=move |_| export()
            >
                "Export a diagnostic bundle"
            </button>
        </p>
        {move || {
            written
                .get()
                .map(|written| match written {
                    Ok(path) => {
                        view! {
                            <p class="said" role="status">
                                "Written to " <span class="mono wrap">{foreign::visible(&path)}</span>
                                ". Secrets are left out; read it before you send it."
                            </p>
                        }
                            .into_any()
                    }
                    Err(error) => notice::error(&error).into_any(),
                })
        }}
    }
}
