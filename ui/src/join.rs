//! Join your team: a link or a path, the fingerprint to compare, and one button.
//!
//! Owns the tile of the first minute. What is believed of a team file is the console's to say.

use api::error::Error;
use api::request::{JoinTeam, OfferTeam, TeamOffer};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::notice;
use crate::session::Session;

/// The tile.
#[component]
pub fn Join(
    /// Whether something is being opened.
    busy: Memo<bool>,
) -> impl IntoView {
    let session = Session::here();
    let from = RwSignal::new(String::new());
    let reading = RwSignal::new(false);
    let offer = RwSignal::new(None::<TeamOffer>);
    let refused = RwSignal::new(None::<Error>);
    let read = move || {
        let link = from.get_untracked().trim().to_owned();
        if link.is_empty() || reading.get_untracked() {
            return;
        }
        reading.set(true);
        refused.set(None);
        offer.set(None);
        spawn_local(async move {
            match bridge::call(&OfferTeam { from: link }).await {
                Ok(found) => offer.set(Some(found)),
                Err(error) => refused.set(Some(error)),
            }
            reading.set(false);
        });
    };
    let join = move |offer: TeamOffer| {
        refused.set(None);
        let request = JoinTeam {
            from: offer.from,
            fingerprint: offer.fingerprint,
        };
        session.join(request, refused);
    };
    view! {
        <section class="tile" aria-labelledby="tile-team">
            <h2 id="tile-team">"Join your team"</h2>
            <p>
                "Paste the link to your team's file. It says who signs you in, and which clusters and accounts there are."
            </p>
            <form
                class="join"
                on:submit=move |event| {
                    event.prevent_default();
                    read();
                }
            >
                <input
                    class="in"
                    id="team-link"
                    type="text"
                    placeholder="https://… or a path on this machine"
                    aria-label="Link to the team file"
                    spellcheck="false"
                    autocomplete="off"
                    prop:value=move || from.get()
                    on:input=move |event| {
                        from.set(event_target_value(&event));
                        // Another link is another team.
                        offer.set(None);
                    }
                />
                <button
                    class="btn"
                    type="submit"
                    id="read-team"
                    disabled=move || busy.get() || reading.get() || from.with(|from| from.trim().is_empty())
                >
                    {move || if reading.get() { "Reading…" } else { "Read it" }}
                </button>
            </form>
            {move || refused.get().map(|error| notice::error(&error))}
            {move || offer.get().map(|found| offered(found, busy, join))}
        </section>
    }
}

/// What is offered, and the question whether it is the right one.
fn offered(
    offer: TeamOffer,
    busy: Memo<bool>,
    join: impl Fn(TeamOffer) + Copy + Send + 'static,
) -> impl IntoView {
    let name = foreign::line(&offer.name);
    let provider = offer.provider.as_ref().map(|provider| {
        view! {
            <p>"You will sign in at " <b>{foreign::line(provider)}</b> "."</p>
        }
    });
    let systems = (!offer.systems.is_empty()).then(|| {
        let systems = foreign::line(&offer.systems.join(", "));
        view! { <p>"It opens " {systems} "."</p> }
    });
    let button = format!("The fingerprint is right: join {name}");
    view! {
        <div class="offer" role="status">
            <p>
                <b>{name}</b>
            </p>
            {provider}
            {systems}
            <p>"Compare this with the fingerprint that your team gave you by another way than the link:"</p>
            <p class="fingerprint mono">{foreign::line(&offer.fingerprint)}</p>
            <p>
                <button
                    class="btn primary"
                    type="button"
                    id="join-team"
                    disabled=move || busy.get()
                    on:click=move |_| join(offer.clone())
                >
                    {button.clone()}
                </button>
            </p>
        </div>
    }
}
