//! The first minute: what can be opened on this machine.
//!
//! Owns the choice between the team (`join`), the embedded company and contexts of the person's own kubeconfig.

use std::collections::BTreeSet;

use api::request::{Beginning, KubeContext, Open};
use leptos::prelude::*;

use crate::address::Screen;
use crate::foreign;
use crate::join::Join;
use crate::keys;
use crate::notice;
use crate::router::Router;
use crate::session::{Session, Standing, What};
use crate::words;

/// From how many contexts on a filter is offered.
const MANY: usize = 8;

/// The screen.
#[component]
pub fn BeginScreen() -> impl IntoView {
    let (session, router) = (Session::here(), Router::here());
    let opening = session.opening;
    let busy = Memo::new(move |_| opening.get().is_some());
    view! {
        <div class="first">
            <h1>"Why isn't my commit deployed?"</h1>
            <p class="sub">
                "Landfall follows a commit from your branch to the pods that serve it, and says what stands in its way."
            </p>
            <div class="tiles">
                <Join busy=busy />
                {move || {
                    session
                        .beginning
                        .get()
                        .and_then(|beginning| beginning.team)
                        .map(|team| joined(&team, session, busy))
                }}
                <section class="tile" aria-labelledby="tile-sandbox">
                    <h2 id="tile-sandbox">"Look around first"</h2>
                    <p>
                        "A made-up company with real problems, all on this machine. Nothing is sent anywhere."
                    </p>
                    <div class="end">
                        <button
                            class="btn primary"
                            type="button"
                            id="try-sandbox"
                            disabled=move || busy.get()
                            on:click=move |_| {
                                session.open(What::Sandbox, Open::Sandbox { sign_in: false });
                            }
                        >
                            {move || {
                                if opening.get() == Some(What::Sandbox) {
                                    "Opening the sandbox…"
                                } else {
                                    "Try the sandbox"
                                }
                            }}
                        </button>
                        <button
                            class="btn"
                            type="button"
                            id="try-sandbox-sign-in"
                            title="As a developer, a support engineer or an SRE of the made-up company"
                            disabled=move || busy.get()
                            on:click=move |_| {
                                session.open(What::Sandbox, Open::Sandbox { sign_in: true });
                            }
                        >
                            "Sign in to it"
                        </button>
                    </div>
                </section>
                <section class="tile" aria-labelledby="tile-kubeconfig">
                    <h2 id="tile-kubeconfig">"Use your clusters"</h2>
                    {move || session.beginning.get().map(|beginning| kubeconfig(beginning, busy))}
                </section>
            </div>
            {move || session.refused.get().map(|error| notice::error(&error))}
            {move || {
                matches!(session.standing.get(), Standing::Open(..))
                    .then(|| {
                        view! {
                            <p class="sub">
                                <button class="ref" type="button" on:click=move |_| router.go(Screen::Board)>
                                    "Back to the board"
                                </button>
                                ". Opening something else closes what is open now."
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// The team that was joined already.
fn joined(team: &str, session: Session, busy: Memo<bool>) -> impl IntoView + use<> {
    let team = foreign::line(team);
    view! {
        <section class="tile" aria-labelledby="tile-joined">
            <h2 id="tile-joined">{team.clone()}</h2>
            <p>"Your team on this machine."</p>
            <div class="end">
                <button
                    class="btn"
                    type="button"
                    disabled=move || busy.get()
                    on:click=move |_| session.open(What::Team, Open::Team)
                >
                    "Open " {team}
                </button>
                <button class="ref" type="button" on:click=move |_| session.leave()>
                    "Sign out and leave it"
                </button>
            </div>
        </section>
    }
}

/// The kubeconfig's tile: its contexts, or why there are none.
fn kubeconfig(beginning: Beginning, busy: Memo<bool>) -> AnyView {
    match beginning.contexts {
        Err(error) => view! {
            <p>"Contexts of a kubeconfig on this machine, with the rights that you have there."</p>
            {notice::error(&error)}
        }
        .into_any(),
        Ok(contexts) if contexts.is_empty() => view! {
            <p>"The kubeconfig on this machine names no context."</p>
        }
        .into_any(),
        Ok(contexts) => view! { <Contexts contexts=contexts busy=busy /> }.into_any(),
    }
}

/// The contexts with their checkboxes.
#[component]
fn Contexts(
    /// The kubeconfig's contexts.
    contexts: Vec<KubeContext>,
    /// Whether something is being opened.
    busy: Memo<bool>,
) -> impl IntoView {
    let session = Session::here();
    let many = contexts.len() > MANY;
    let current = contexts
        .iter()
        .find(|context| context.current)
        .or(contexts.first());
    let chosen = RwSignal::new(
        current
            .map(|context| context.name.clone())
            .into_iter()
            .collect::<BTreeSet<String>>(),
    );
    let needle = RwSignal::new(String::new());
    let found = words::count(contexts.len(), "context");
    let names: Vec<String> = contexts
        .iter()
        .map(|context| context.name.clone())
        .collect();
    let total = names.len();
    let all = Memo::new(move |_| chosen.with(BTreeSet::len) == total);
    let open = move |_| {
        let contexts: Vec<String> = chosen.get_untracked().into_iter().collect();
        // None would mean all of them to the console.
        if !contexts.is_empty() {
            session.open(What::Kubeconfig, Open::Kubeconfig { contexts });
        }
    };
    let rows = StoredValue::new(contexts);
    view! {
        <p>
            "The kubeconfig on this machine has " {found} ". They are used as they are, with the rights that you have there."
        </p>
        <input
            class="in"
            class:gone=!many
            type="search"
            placeholder="Filter contexts"
            aria-label="Filter contexts"
            prop:value=move || needle.get()
            on:input=move |event| needle.set(event_target_value(&event))
        />
        <div
            class="contexts"
            role="group"
            aria-label="Contexts"
            on:keydown=move |event| {
                keys::walk_here(&event, "input");
            }
        >
            {move || {
                let needle = needle.get().trim().to_lowercase();
                rows.get_value()
                    .into_iter()
                    .filter(|context| {
                        context.name.to_lowercase().contains(&needle)
                            || context.server.to_lowercase().contains(&needle)
                    })
                    .map(|context| one(&context, chosen))
                    .collect_view()
            }}
        </div>
        <div class="end">
            <button
                class="btn"
                type="button"
                disabled=move || busy.get() || chosen.with(BTreeSet::is_empty)
                on:click=open
            >
                {move || {
                    if session.opening.get() == Some(What::Kubeconfig) {
                        "Opening…".to_owned()
                    } else {
                        format!("Open {}", words::count(chosen.with(BTreeSet::len), "context"))
                    }
                }}
            </button>
            <button
                class="ref"
                type="button"
                class:gone=total < 2
                on:click=move |_| {
                    let next = if all.get_untracked() { BTreeSet::new() } else { names.iter().cloned().collect() };
                    chosen.set(next);
                }
            >
                {move || if all.get() { "Choose none" } else { "Choose all" }}
            </button>
        </div>
    }
}

/// One context.
fn one(context: &KubeContext, chosen: RwSignal<BTreeSet<String>>) -> impl IntoView + use<> {
    let (name, server) = (foreign::line(&context.name), foreign::line(&context.server));
    let key = context.name.clone();
    let checked = {
        let key = key.clone();
        move || chosen.with(|chosen| chosen.contains(&key))
    };
    let current = context
        .current
        .then(|| view! { <span class="kind">"current"</span> });
    view! {
        <label class="context">
            <input
                type="checkbox"
                prop:checked=checked
                on:change=move |event| {
                    let on = event_target_checked(&event);
                    chosen
                        .update(|chosen| {
                            if on {
                                chosen.insert(key.clone());
                            } else {
                                chosen.remove(&key);
                            }
                        });
                }
            />
            <span class="names">
                <b class="clip" title=name.clone()>
                    {name.clone()}
                </b>
                <span class="mono dim clip" title=server.clone()>
                    {server.clone()}
                </span>
            </span>
            {current}
        </label>
    }
}
