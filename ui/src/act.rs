//! The dialog that an action is planned, meant and watched in, and the button that opens it on an object.
//!
//! Owns opening and closing, and which step is shown: offers, questions, plan, run. Closing it ends no run. What is offered,
//! planned and let through is the console's to say.

mod asked;
mod choose;
mod diagnose;
mod going;
mod mean;
mod meaning;
mod plan;
mod questions;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::action::{Offer, PlanView, Wish};
use api::request::{OfferActions, PlanAction};
use api::{Error, ObjectRef};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::glyph::icon;
use crate::keys;
use crate::runs::stands;
use crate::sentence;

/// What the page's dialog is open on.
#[derive(Clone, Copy, Debug)]
pub struct Act(RwSignal<Option<Opening>>);

/// What somebody opens it for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Opening {
    object: ObjectRef,
    /// The action that they chose already, with what is filled in; absent: they choose there.
    chosen: Option<(String, BTreeMap<String, String>)>,
}

impl Act {
    /// Gives the page its dialog, closed.
    pub fn provide() -> Self {
        let act = Self(RwSignal::new(None));
        provide_context(act);
        act
    }

    /// The dialog of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Opens it on an object.
    pub fn open(self, object: ObjectRef) {
        let chosen = None;
        self.0.set(Some(Opening { object, chosen }));
    }

    /// Opens it on an object for an action, with what is filled in for a person to look at.
    pub fn open_for(self, object: ObjectRef, action: String, said: BTreeMap<String, String>) {
        let chosen = Some((action, said));
        self.0.set(Some(Opening { object, chosen }));
    }

    /// Closes it. A run that it began goes on.
    pub fn close(self) {
        self.0.set(None);
    }

    /// Whether it is open now.
    pub fn is_open(self) -> bool {
        self.0.with_untracked(Option::is_some)
    }
}

/// The button that opens the dialog on an object; none where no action is for such an object.
#[component]
pub fn ActButton(
    /// The object.
    object: ObjectRef,
) -> impl IntoView {
    let act = Act::here();
    let any = RwSignal::new(false);
    let request = OfferActions {
        object: object.clone(),
    };
    spawn_local(async move {
        let reply = bridge::call(&request).await;
        // Why there are none to see is said in the dialog.
        let _ = any.try_set(reply.map_or(true, |offers| !offers.is_empty()));
    });
    let label = format!(
        "Actions on {} {} on {}",
        foreign::line(&object.kind),
        sentence::full_name(&object),
        foreign::line(&object.system)
    );
    view! {
        <button
            class="btn small act-on"
            class:gone=move || !any.get()
            type="button"
            aria-haspopup="dialog"
            aria-label=label.clone()
            title=label
            on:click=move |_| act.open(object.clone())
        >
            "Actions…"
        </button>
    }
}

/// The dialog's place in the page.
#[component]
pub fn ActPlace() -> impl IntoView {
    let act = Act::here();
    // What it was open on may be closed with all that is open.
    on_cleanup(move || act.close());
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        let open = act.0.with(Option::is_some);
        if open && !dialog.open() {
            // Refused only for a dialog that is open already or not in the page.
            let _ = dialog.show_modal();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            class="act"
            node_ref=dialog
            aria-labelledby="act-title"
            on:close=move |_| {
                act.close();
                // The focus is back with who opened it, unless that is gone.
                if keys::nothing_focused() {
                    keys::focus_id("main");
                }
            }
        >
            {move || act.0.get().map(|opening| view! { <Inside opening=opening /> })}
        </dialog>
    }
}

/// Which step is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The actions that there are.
    Choose,
    /// The chosen one's questions.
    Ask(Offer),
    /// It is being planned.
    Planning(Offer),
    /// It could not be planned.
    Unplanned(Offer, Error),
    /// Its plan, to be read and meant.
    Plan(Offer, Arc<PlanView>),
    /// The run that was begun.
    Going(String),
    /// What is known of the object, as a report.
    Diagnosis,
}

/// One opening of the dialog.
#[derive(Clone, Copy)]
struct Deal {
    object: StoredValue<ObjectRef>,
    stage: RwSignal<Stage>,
    said: RwSignal<BTreeMap<String, String>>,
    reason: RwSignal<String>,
    /// Counts what was asked for: a plan that nobody waits for any more is not shown.
    attempts: StoredValue<usize>,
}

impl Deal {
    /// Looks for an action that was chosen before the dialog opened. What is not offered, or not now, is to be read among the
    /// others, with why.
    fn look_for(self, action: String, said: BTreeMap<String, String>) {
        let attempt = self.attempts.get_value();
        let request = OfferActions {
            object: self.object.get_value(),
        };
        spawn_local(async move {
            let offers = bridge::call(&request).await.unwrap_or_default();
            let offer = offers.into_iter().find(|offer| offer.action == action);
            let still = self.attempts.try_get_value() == Some(attempt)
                && self.stage.try_get_untracked() == Some(Stage::Choose);
            if let Some(offer) = offer.filter(|offer| still && offer.greyed.is_none()) {
                self.choose_with(offer, &said);
            }
        });
    }

    /// Shows what has to be said first; where nothing has to be, plans.
    fn choose(self, offer: Offer) {
        self.choose_with(offer, &BTreeMap::new());
    }

    /// The same with what is filled in.
    fn choose_with(self, offer: Offer, said: &BTreeMap<String, String>) {
        self.said.set(asked::filled(&offer.inputs, said));
        self.reason.set(String::new());
        if offer.inputs.is_empty() && !offer.reason {
            self.plan(offer);
        } else {
            self.stage.set(Stage::Ask(offer));
        }
    }

    /// Plans an action with what was said.
    fn plan(self, offer: Offer) {
        let wish = Wish {
            action: offer.action.clone(),
            object: self.object.get_value(),
            said: self.said.get_untracked(),
            reason: self.reason.get_untracked().trim().to_owned(),
        };
        let attempt = self.attempt();
        self.stage.set(Stage::Planning(offer.clone()));
        spawn_local(async move {
            let reply = bridge::call(&PlanAction { wish }).await;
            // Whoever went back, or closed the dialog, waits for no plan.
            if self.attempts.try_get_value() == Some(attempt) {
                self.stage.set(match reply {
                    Ok(plan) => Stage::Plan(offer, Arc::new(plan)),
                    Err(error) => Stage::Unplanned(offer, error),
                });
            }
        });
    }

    /// Goes back to the questions, or to the offers where there are none.
    fn back(self, offer: &Offer) {
        self.attempt();
        let asks = !offer.inputs.is_empty() || offer.reason;
        self.stage.set(match self.stage.get_untracked() {
            Stage::Planning(_) | Stage::Unplanned(..) | Stage::Plan(..) if asks => {
                Stage::Ask(offer.clone())
            }
            _ => Stage::Choose,
        });
    }

    fn attempt(self) -> usize {
        let attempt = self.attempts.get_value() + 1;
        self.attempts.set_value(attempt);
        attempt
    }
}

/// What is in the dialog while it is open.
#[component]
fn Inside(
    /// What it is open on.
    opening: Opening,
) -> impl IntoView {
    let act = Act::here();
    let Opening { object, chosen } = opening;
    let deal = Deal {
        object: StoredValue::new(object.clone()),
        stage: RwSignal::new(Stage::Choose),
        said: RwSignal::new(BTreeMap::new()),
        reason: RwSignal::new(String::new()),
        attempts: StoredValue::new(0),
    };
    if let Some((action, said)) = chosen {
        deal.look_for(action, said);
    }
    let heading = NodeRef::<html::H2>::new();
    // With every step the focus is on the heading: never by itself on a button that changes something.
    Effect::new(move |_| {
        deal.stage.track();
        if let Some(heading) = heading.get() {
            keys::focus(&heading);
        }
    });
    let name = sentence::full_name(&object);
    let title = move || match deal.stage.get() {
        Stage::Choose => name.clone(),
        Stage::Diagnosis => format!("Diagnosis of {name}"),
        Stage::Ask(offer)
        | Stage::Planning(offer)
        | Stage::Unplanned(offer, _)
        | Stage::Plan(offer, _) => format!("{} {name}", foreign::line(&offer.title)),
        Stage::Going(_) => name.clone(),
    };
    let system = object.system.clone();
    let place = move || match deal.stage.get() {
        Stage::Plan(_, plan) => stands::where_is(&plan.environment, &plan.object.system),
        _ => stands::where_is("", &system),
    };
    view! {
        <header>
            <div class="title">
                <span class="kind">{foreign::line(&object.kind)}</span>
                <h2 id="act-title" class="mono" tabindex="-1" node_ref=heading>
                    {title}
                </h2>
                <span class="dim">{place}</span>
            </div>
            <button class="btn square" type="button" aria-label="Close" title="Close (Esc)" on:click=move |_| act.close()>
                {icon("close")}
            </button>
        </header>
        {move || match deal.stage.get() {
            Stage::Choose => view! { <choose::Choose deal=deal /> }.into_any(),
            Stage::Diagnosis => view! { <diagnose::Report deal=deal /> }.into_any(),
            Stage::Ask(offer) => view! { <questions::Questions deal=deal offer=offer /> }.into_any(),
            Stage::Planning(offer) => plan::planning(deal, offer).into_any(),
            Stage::Unplanned(offer, why) => plan::unplanned(deal, offer, &why).into_any(),
            Stage::Plan(offer, plan) => plan::shown(deal, offer, plan).into_any(),
            Stage::Going(run) => view! { <going::Going run=run /> }.into_any(),
        }}
    }
}
