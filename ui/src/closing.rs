//! Whether the window is to be closed though a run goes in it: the shell asks, the person answers.
//!
//! Owns the question's dialog. What goes, and whether the window closes, is the shell's to say.

use api::request::{CLOSING, CloseWindow};
use js_sys::Reflect;
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::keys;

/// The dialog's place in the page.
#[component]
pub fn ClosingPlace() -> impl IntoView {
    // What goes, while somebody is asked.
    let goes = RwSignal::new(None::<String>);
    let dialog = NodeRef::<html::Dialog>::new();
    let stay = NodeRef::<html::Button>::new();
    let asked = window_event_listener(ev::Custom::<web_sys::Event>::new(CLOSING), move |event| {
        let detail = Reflect::get(event.as_ref(), &"detail".into()).ok();
        goes.set(detail.and_then(|detail| detail.as_string()));
    });
    on_cleanup(move || asked.remove());
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        let open = goes.with(Option::is_some);
        if open && !dialog.open() {
            // Refused only for a dialog that is open already or not in the page.
            let _ = dialog.show_modal();
            if let Some(stay) = stay.get() {
                keys::focus(&stay);
            }
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let close = move |_| {
        spawn_local(async {
            // With the window goes whoever would hear why not.
            let _ = bridge::call(&CloseWindow {}).await;
        });
    };
    view! {
        <dialog class="act closing" node_ref=dialog aria-labelledby="closing-title" on:close=move |_| goes.set(None)>
            <header>
                <div class="title">
                    <h2 id="closing-title">"Close the window though something goes?"</h2>
                </div>
            </header>
            <div class="inside">
                <p class="wrap">{move || goes.get().map(|goes| format!("{}.", foreign::line(&goes)))}</p>
                <p class="sub">
                    "It breaks off with the window: what was sent stands, what was not sent is not sent, and nobody sees whether it has worked. It stands under Actions as interrupted."
                </p>
            </div>
            <footer>
                <button class="btn" type="button" id="close-window" on:click=close>
                    "Close and break it off"
                </button>
                <button class="btn primary" type="button" node_ref=stay on:click=move |_| goes.set(None)>
                    "Stay"
                </button>
            </footer>
        </dialog>
    }
}
