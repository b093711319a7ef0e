//! A run that broke off: the one loud thing among the runs, with the two ways to end it.
//!
//! Owns these buttons. Neither sends anything to a cluster's objects: one reads, the other only writes down.

use api::Error;
use api::action::RunView;
use api::request::SettleRun;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::stands;
use super::steps::Steps;
use crate::bridge;
use crate::clock;
use crate::foreign;
use crate::glyph::mark;
use crate::notice;
use crate::time::Length;
use crate::words::Tone;

/// The run.
#[component]
pub fn Interrupted(
    /// Which.
    run: Memo<Option<RunView>>,
) -> impl IntoView {
    let refused = RwSignal::new(None::<Error>);
    // Which of the two is under way.
    let settling = RwSignal::new(None::<bool>);
    let settle = move |look: bool| {
        let Some(run) = run.get_untracked() else {
            return;
        };
        if settling.get_untracked().is_some() {
            return;
        }
        settling.set(Some(look));
        refused.set(None);
        spawn_local(async move {
            let reply = bridge::call(&SettleRun { run: run.run, look }).await;
            // One that has ended is off this place already; the list says how.
            let _ = refused.try_set(reply.err());
            let _ = settling.try_set(None);
        });
    };
    let busy = move || settling.get().is_some();
    let head = Memo::new(move |_| {
        let run = run.get()?;
        let (title, place) = (foreign::line(&run.title), stands::place(&run));
        Some((
            format!("{title}, {place}"),
            foreign::line(&run.by),
            run.began,
        ))
    });
    view! {
        <section class="notice stop broke-off" aria-label="A run that broke off">
            {mark(Tone::Stop)}
            <div>
                {move || {
                    head.get()
                        .map(|(what, by, began)| {
                            view! {
                                <p class="what">
                                    <b class="state stop">"interrupted"</b>
                                    ": "
                                    {what}
                                </p>
                                <p class="hint">
                                    {by} " began it " {clock::ago(began, Length::Long)}
                                    ". It does not go on by itself."
                                </p>
                            }
                        })
                }}
                <Steps run=run />
                {move || refused.get().map(|why| notice::error(&why))}
                <p class="tools">
                    <button class="btn primary" type="button" disabled=busy on:click=move |_| settle(true)>
                        {move || if settling.get() == Some(true) { "Looking…" } else { "Look what came of it" }}
                    </button>
                    <button class="btn" type="button" disabled=busy on:click=move |_| settle(false)>
                        {move || if settling.get() == Some(false) { "Closing it…" } else { "Close it" }}
                    </button>
                    <span class="hint">"Neither changes anything in the cluster. Closed, it stays written down as it is: unproven."</span>
                </p>
            </div>
        </section>
    }
}
