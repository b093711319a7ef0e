//! The button that means a plan, and what has to be done before it.
//!
//! Owns that it is pressed once. What has to be done is decided in [`meaning`].

use std::sync::Arc;

use api::Error;
use api::action::{Offer, PlanView};
use api::request::RunAction;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::meaning::{self, Needs};
use super::{Deal, Stage};
use crate::announce::Announcer;
use crate::bridge;
use crate::foreign;
use crate::glyph::mark;
use crate::notice;
use crate::words::Tone;

/// What stands before the button, and the button.
#[component]
pub fn Mean(
    /// The opening that it is of.
    deal: Deal,
    /// The action.
    offer: Offer,
    /// Its plan.
    plan: Arc<PlanView>,
) -> impl IntoView {
    let announcer = Announcer::here();
    let needs = meaning::needs(&plan);
    let (ticked, typed) = (RwSignal::new(false), RwSignal::new(String::new()));
    let why = RwSignal::new(String::new());
    let despite = {
        let plan = Arc::clone(&plan);
        Memo::new(move |_| meaning::despite(&plan, &why.get()))
    };
    // Never taken back but by an error, after which only a new plan can be meant.
    let sending = RwSignal::new(false);
    let refused = RwSignal::new(None::<Error>);
    let meant = {
        let needs = needs.clone();
        Memo::new(move |_| meaning::meant(&needs, ticked.get(), &typed.get()))
    };
    let may = move || meant.with(Option::is_some) && despite.with(Result::is_ok) && !sending.get();
    let hash = plan.hash.clone();
    let mean = move |_| {
        // The second click of a double click comes before the button is drawn as disabled.
        if sending.get_untracked() {
            return;
        }
        let (Some(meant), Ok(despite_freeze)) = (meant.get_untracked(), despite.get_untracked())
        else {
            return;
        };
        sending.set(true);
        let request = RunAction {
            hash: hash.clone(),
            meant,
            despite_freeze,
        };
        spawn_local(async move {
            // Whoever closed the dialog meanwhile is told all the same.
            let unheard = match bridge::call(&request).await {
                Ok(run) => deal
                    .stage
                    .try_set(Stage::Going(run))
                    .map(|_| "It runs: Actions shows how it ends".to_owned()),
                Err(why) => refused
                    .try_set(Some(why))
                    .flatten()
                    .map(|why| format!("It was not begun: {}", foreign::line(&why.message))),
            };
            if let Some(words) = unheard {
                announcer.say(words);
            }
        });
    };
    let again = offer.clone();
    let button = foreign::line(&plan.button);
    let has_button = !matches!(needs, Needs::Nothing | Needs::Cannot(_));
    let stands_refused = move || refused.with(Option::is_some);
    view! {
        <footer class="mean">
            {move || refused.get().map(|why| notice::error(&why))}
            <div class="before" class:gone=stands_refused>
                {has_button.then(|| freeze(&plan, why, sending))}
                {before(&needs, &plan, ticked, typed, sending)}
            </div>
            <div class="tools">
                <button
                    class="btn"
                    type="button"
                    disabled=move || sending.get() && !stands_refused()
                    on:click=move |_| deal.back(&offer)
                >
                    "Back"
                </button>
                <button
                    class="btn"
                    class:gone=move || !stands_refused()
                    type="button"
                    on:click=move |_| deal.plan(again.clone())
                >
                    "Plan again"
                </button>
                {has_button
                    .then(|| {
                        view! {
                            <button
                                class="btn primary"
                                class:gone=stands_refused
                                type="button"
                                id="mean"
                                disabled=move || !may()
                                on:click=mean
                            >
                                {button}
                            </button>
                        }
                    })}
            </div>
        </footer>
    }
}

/// Why it cannot wait, where a freeze holds; nothing where none does.
fn freeze(plan: &PlanView, why: RwSignal<String>, sending: RwSignal<bool>) -> Option<AnyView> {
    plan.frozen.as_ref()?;
    let view = view! {
        <label class="asked">
            <span>"Why can this not wait for the end of the freeze? It is written down, and others read it: no secrets."</span>
            <input
                class="in"
                id="despite-freeze"
                type="text"
                autocomplete="off"
                disabled=move || sending.get()
                prop:value=move || why.get()
                on:input=move |event| why.set(event_target_value(&event))
            />
        </label>
    };
    Some(view.into_any())
}

/// What stands before the button.
fn before(
    needs: &Needs,
    plan: &PlanView,
    ticked: RwSignal<bool>,
    typed: RwSignal<String>,
    sending: RwSignal<bool>,
) -> AnyView {
    match needs {
        Needs::Nothing => ().into_any(),
        Needs::Cannot(why) => view! {
            <p class="with-glyph" role="status">
                {mark(Tone::Dunno)} <span>{why.clone()}</span>
            </p>
        }
        .into_any(),
        Needs::Click => view! {
            <p class="dim">"Nothing is changed yet. This plan is for what is there now, and for ten minutes."</p>
        }
        .into_any(),
        Needs::Tick(words) => view! {
            <label class="tick">
                <input
                    type="checkbox"
                    id="this-is"
                    disabled=move || sending.get()
                    prop:checked=move || ticked.get()
                    on:change=move |event| ticked.set(event_target_checked(&event))
                />
                <b>{words.clone()}</b>
            </label>
        }
        .into_any(),
        Needs::Type(name) => view! {
            <p>
                <b>{meaning::this_is(plan)}</b>
            </p>
            <label class="asked">
                <span>"Type " <b class="mono">{foreign::line(name)}</b> " to mean it:"</span>
                <input
                    class="in mono"
                    id="typed-name"
                    type="text"
                    spellcheck="false"
                    autocomplete="off"
                    disabled=move || sending.get()
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </label>
        }
        .into_any(),
    }
}
