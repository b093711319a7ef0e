//! The actions that there are for an object: a button each, and why one cannot be used now.
//!
//! Owns how they stand. A greyed one keeps its place in the order of the keys: its reason is there to be read.

use api::Error;
use api::action::Offer;
use api::request::OfferActions;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Deal;
use super::diagnose::DiagnoseLine;
use crate::bridge;
use crate::foreign;
use crate::keys;
use crate::notice;

/// The list.
#[component]
pub fn Choose(
    /// The opening that it is of.
    deal: Deal,
) -> impl IntoView {
    let offers = RwSignal::new(None::<Result<Vec<Offer>, Error>>);
    let request = OfferActions {
        object: deal.object.get_value(),
    };
    let kind = foreign::line(&request.object.kind);
    let none = format!("There is no action for this kind of object: {kind}.");
    spawn_local(async move {
        let reply = bridge::call(&request).await;
        // The dialog may be closed already.
        let _ = offers.try_set(Some(reply));
    });
    view! {
        <div
            class="inside"
            on:keydown=move |event| {
                keys::walk_here(&event, ".offer-of button");
            }
        >
            <ul class="offers">
                <DiagnoseLine deal=deal />
            </ul>
            {move || match offers.get() {
                None => {
                    view! {
                        <p class="dim" role="status">
                            "Looking which actions there are…"
                        </p>
                        {notice::skeleton(3)}
                    }
                        .into_any()
                }
                Some(Err(why)) => notice::error(&why).into_any(),
                Some(Ok(offers)) if offers.is_empty() => {
                    view! { <p class="dim">{none.clone()}</p> }.into_any()
                }
                Some(Ok(offers)) => {
                    view! {
                        <ul class="offers">
                            {offers
                                .into_iter()
                                .enumerate()
                                .map(|(at, offer)| line(deal, at, offer))
                                .collect_view()}
                        </ul>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}

/// One action.
fn line(deal: Deal, at: usize, offer: Offer) -> impl IntoView {
    let title = foreign::line(&offer.title);
    let about = foreign::line(&offer.about);
    let greyed = offer.greyed.as_deref().map(foreign::line);
    let is_greyed = greyed.is_some();
    let id = format!("offer-{at}");
    let described = format!("{id}-about {id}-greyed");
    let hover = greyed.clone().unwrap_or_else(|| about.clone());
    let action = offer.action.clone();
    view! {
        <li class="offer-of">
            <button
                class="btn"
                type="button"
                data-action=action
                title=hover
                aria-disabled=is_greyed.then_some("true")
                aria-describedby=described
                on:click=move |_| {
                    if !is_greyed {
                        deal.choose(offer.clone());
                    }
                }
            >
                {title}
                "…"
            </button>
            <div>
                <p id=format!("{id}-about")>{about}</p>
                <p id=format!("{id}-greyed") class="why-not">
                    {greyed}
                </p>
            </div>
        </li>
    }
}
