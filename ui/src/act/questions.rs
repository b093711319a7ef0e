//! What an action has to be told: one field a question, by its kind, and the reason where one is wanted.
//!
//! Owns the form. What fits a question is looked at before it is sent; whether it is so is the console's to say.

use api::action::{Offer, Question, QuestionKind};
use leptos::prelude::*;

use super::Deal;
use super::asked;
use crate::foreign;
use crate::keys;

/// The form.
#[component]
pub fn Questions(
    /// The opening that it is of.
    deal: Deal,
    /// The action.
    offer: Offer,
) -> impl IntoView {
    // What is wrong is said once somebody wanted to go on, and then as they type.
    let tried = RwSignal::new(false);
    let about = foreign::line(&offer.about);
    let (going_on, going_back) = (offer.clone(), offer.clone());
    let fields = offer
        .inputs
        .iter()
        .enumerate()
        .map(|(at, question)| field(deal, at, question.clone(), tried))
        .collect_view();
    view! {
        <form
            class="questions"
            on:submit=move |event| {
                event.prevent_default();
                tried.set(true);
                match deal.said.with_untracked(|said| asked::first_wrong(&going_on, said, &deal.reason.get_untracked())) {
                    None => deal.plan(going_on.clone()),
                    Some(id) => keys::focus_id(&id),
                }
            }
        >
            <div class="inside">
                <p class="sub">{about}</p>
                {fields}
                {offer.reason.then(|| reason(deal, tried))}
            </div>
            <footer>
                <button class="btn" type="button" on:click=move |_| deal.back(&going_back)>
                    "Back"
                </button>
                <button class="btn primary" type="submit" id="show-plan">
                    "Show the plan"
                </button>
            </footer>
        </form>
    }
}

/// One question.
fn field(deal: Deal, at: usize, question: Question, tried: RwSignal<bool>) -> impl IntoView {
    let id = asked::field_id(at);
    let hint_id = format!("{id}-hint");
    let name = question.name.clone();
    let value = {
        let name = name.clone();
        move || {
            deal.said
                .with(|said| said.get(&name).cloned().unwrap_or_default())
        }
    };
    let set = move |text: String| {
        deal.said.update(|said| {
            said.insert(name.clone(), text);
        });
    };
    let wrong = {
        let (question, value) = (question.clone(), value.clone());
        Memo::new(move |_| {
            tried
                .get()
                .then(|| asked::wrong(&question, &value()))
                .flatten()
        })
    };
    let hint = asked::hint(&question.kind);
    let input = match &question.kind {
        QuestionKind::Choice { of } => {
            let options = of.clone();
            let now = value.clone();
            view! {
                <select
                    class="in"
                    id=id.clone()
                    aria-describedby=hint_id.clone()
                    prop:value=value
                    on:change=move |event| set(event_target_value(&event))
                >
                    <option value="">"Choose…"</option>
                    {options
                        .into_iter()
                        .map(|option| {
                            let selected = option == now();
                            view! {
                                <option value=option.clone() selected=selected>
                                    {foreign::line(&option)}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            }
            .into_any()
        }
        kind => {
            let numeric = matches!(kind, QuestionKind::Number { .. }).then_some("numeric");
            view! {
                <input
                    class="in"
                    id=id.clone()
                    type="text"
                    inputmode=numeric
                    spellcheck="false"
                    autocomplete="off"
                    aria-describedby=hint_id.clone()
                    aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                    prop:value=value
                    on:input=move |event| set(event_target_value(&event))
                />
            }
            .into_any()
        }
    };
    view! {
        <div class="asked">
            <label for=id>{foreign::line(&question.ask)}</label>
            {input}
            <p class="hint" id=hint_id class:wrong=move || wrong.with(Option::is_some)>
                {move || wrong.get().unwrap_or_else(|| hint.clone())}
            </p>
        </div>
    }
}

/// Why it is done.
fn reason(deal: Deal, tried: RwSignal<bool>) -> impl IntoView {
    let missing = move || tried.get() && deal.reason.with(|reason| reason.trim().is_empty());
    view! {
        <div class="asked">
            <label for=asked::REASON>"Why?"</label>
            <input
                class="in"
                id=asked::REASON
                type="text"
                autocomplete="off"
                aria-describedby="reason-hint"
                aria-invalid=move || missing().then_some("true")
                prop:value=move || deal.reason.get()
                on:input=move |event| deal.reason.set(event_target_value(&event))
            />
            <p class="hint" id="reason-hint" class:wrong=missing>
                {move || {
                    if missing() {
                        "This action takes a reason."
                    } else {
                        "A sentence or a ticket. It is written down, and others read it: no secrets."
                    }
                }}
            </p>
        </div>
    }
}
