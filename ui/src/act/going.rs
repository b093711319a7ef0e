//! The run that was just begun, live: its steps, what was seen of them, and the way to stop it before the next.
//!
//! Owns the stop. Closing the dialog ends nothing: the run stands among the others.

use api::Error;
use api::action::RunStands;
use api::request::CancelRun;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Act;
use crate::address::Screen;
use crate::bridge;
use crate::notice;
use crate::router::Router;
use crate::runs::RunFeed;
use crate::runs::steps::Steps;

/// The run.
#[component]
pub fn Going(
    /// Its id.
    run: String,
) -> impl IntoView {
    let (act, router, feed) = (Act::here(), Router::here(), RunFeed::here());
    let shown = feed.one(run.clone());
    let goes = Memo::new(move |_| {
        let stands = shown.with(|run| run.as_ref().map(|run| run.stands.clone()));
        matches!(stands, None | Some(RunStands::Running {}))
    });
    let known = Memo::new(move |_| shown.with(Option::is_some));
    let stopping = RwSignal::new(false);
    let refused = RwSignal::new(None::<Error>);
    let stop = {
        let run = run.clone();
        move |_| {
            if stopping.get_untracked() {
                return;
            }
            stopping.set(true);
            refused.set(None);
            let request = CancelRun { run: run.clone() };
            spawn_local(async move {
                if let Err(why) = bridge::call(&request).await {
                    // The dialog may be closed already.
                    let _ = refused.try_set(Some(why));
                    let _ = stopping.try_set(false);
                }
            });
        }
    };
    let among = Screen::Actions { run: Some(run) };
    view! {
        <div class="inside going">
            {notice::standing(feed.standing, "This run")}
            {move || feed.broken.get().map(|why| notice::error(&why))}
            <Show
                when=move || known.get()
                fallback=|| {
                    view! {
                        <p class="dim" role="status">
                            "It is begun, and written down…"
                        </p>
                        {notice::skeleton(2)}
                    }
                }
            >
                <Steps run=shown />
            </Show>
            {move || refused.get().map(|why| notice::error(&why))}
        </div>
        <footer>
            <p class="dim" class:gone=move || !goes.get()>
                "Closing this stops nothing: the run stands under Actions."
            </p>
            <button
                class="btn"
                class:gone=move || !goes.get()
                type="button"
                id="stop-run"
                disabled=move || stopping.get()
                on:click=stop
            >
                {move || if stopping.get() { "Stopping before the next step…" } else { "Stop before the next step" }}
            </button>
            <button
                class="btn"
                type="button"
                on:click=move |_| {
                    act.close();
                    router.go(among.clone());
                }
            >
                "See it under Actions"
            </button>
            <button class="btn" type="button" id="close-act" on:click=move |_| act.close()>
                "Close"
            </button>
        </footer>
    }
}
