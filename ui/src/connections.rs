//! The Connections screen: which systems answer, who we are there, until when, and which rights are missing.
//!
//! Owns the table and the way to open something else.

mod bundle;
mod plugin;
mod rights;
pub mod summary;

use api::connection::{Connection, ConnectionState, SystemKind};
use leptos::prelude::*;

use crate::address::Screen;
use crate::clock;
use crate::feed::{ConnectionFeed, Feed};
use crate::foreign;
use crate::glyph::glyph;
use crate::notice;
use crate::router::Router;
use crate::session::{Session, Standing};
use crate::sign_in::Account;
use crate::time::Length;
use crate::words::{self, Tone};
use bundle::Export;
use plugin::MayRun;

/// The screen.
#[component]
pub fn Connections() -> impl IntoView {
    let (feed, session, router) = (ConnectionFeed::here(), Session::here(), Router::here());
    let needle = RwSignal::new(String::new());
    let many = Memo::new(move |_| feed.all.with(|all| all.len() > 6));
    let keys = Memo::new(move |_| {
        let needle = needle.get().trim().to_lowercase();
        feed.all.with(|all| {
            all.iter()
                .filter(|connection| {
                    connection.name.to_lowercase().contains(&needle)
                        || connection.address.to_lowercase().contains(&needle)
                })
                .map(|connection| (connection.kind, connection.name.clone()))
                .collect::<Vec<_>>()
        })
    });
    let open = Memo::new(move |_| match session.standing.get() {
        Standing::Open(opened, _) => foreign::line(&opened.name),
        _ => String::new(),
    });
    view! {
        <div class="page">
            <div class="head">
                <div>
                    <h1>"Connections"</h1>
                    <p class="sub">
                        "Open: " <b>{move || open.get()}</b>
                        ". What a system refuses or does not answer is unknown everywhere else in this window."
                    </p>
                </div>
                <div class="tools">
                    <button class="btn" type="button" on:click=move |_| router.go(Screen::Begin)>
                        "Open something else"
                    </button>
                </div>
            </div>
            <Account />
            {notice::standing(feed.standing, "This list")}
            <div class="bar" class:gone=move || !many.get()>
                <input
                    class="in"
                    id="filter"
                    type="search"
                    placeholder="Filter systems"
                    aria-label="Filter systems"
                    prop:value=move || needle.get()
                    on:input=move |event| needle.set(event_target_value(&event))
                />
            </div>
            <Show
                when=move || feed.standing.get() != Feed::Loading
                fallback=|| {
                    view! {
                        <p class="dim" role="status">
                            "Asking the systems…"
                        </p>
                        {notice::skeleton(4)}
                    }
                }
            >
                <ul class="systems card">
                    <For each=move || keys.get() key=|key| key.clone() let:key>
                        {
                            let connection = Memo::new(move |_| {
                                feed.all
                                    .with(|all| {
                                        all.iter()
                                            .find(|connection| {
                                                connection.kind == key.0 && connection.name == key.1
                                            })
                                            .cloned()
                                    })
                            });
                            view! { {move || connection.get().map(|connection| system(&connection))} }
                        }
                    </For>
                </ul>
                <p class="dim empty" class:gone=move || !keys.with(Vec::is_empty)>
                    "No system matches."
                </p>
            </Show>
            <Export />
            <p class="foot dim">
                {move || session.beginning.get().map(|beginning| format!("Landfall {}", beginning.version))}
            </p>
        </div>
    }
}

/// One system.
fn system(connection: &Connection) -> impl IntoView + use<> {
    let (state, tone) = words::connection(&connection.state);
    let kind = match connection.kind {
        SystemKind::Cluster => "Cluster",
        SystemKind::Ecs => "Amazon ECS",
        SystemKind::CodeHost => "Code host",
        SystemKind::Registry => "Registry",
    };
    let identity = connection
        .identity
        .as_ref()
        .map(|identity| view! { <span class="dim">"as " {foreign::line(identity)}</span> });
    let until = connection
        .until
        .map(|until| view! { <span class="dim">"until " {clock::wall(until)}</span> });
    let refusals = (!connection.refusals.is_empty()).then(|| {
        view! {
            <details class="refusals">
                <summary>
                    {glyph(Tone::Dunno, "not readable")}
                    {words::count(connection.refusals.len(), "refusal")}
                </summary>
                <ul>
                    {connection
                        .refusals
                        .iter()
                        .map(|line| view! { <li class="mono wrap">{foreign::line(line)}</li> })
                        .collect_view()}
                </ul>
            </details>
        }
    });
    let may_run = (connection.kind == SystemKind::Cluster && needs_sign_in(&connection.state))
        .then(|| view! { <MayRun context=connection.name.clone() /> });
    view! {
        <li class="system">
            {glyph(tone, state)}
            <div class="main">
                <div class="line">
                    <b>{foreign::line(&connection.name)}</b>
                    <span class="kind">{kind}</span>
                    <span class="mono dim clip" title=foreign::line(&connection.address)>
                        {foreign::line(&connection.address)}
                    </span>
                    {identity}
                    {until}
                </div>
                {detail(connection.kind, &connection.state)}
                {may_run}
                {rights::rights(connection)}
                {refusals}
            </div>
            <span class=format!("state {}", tone.name())>{state}</span>
        </li>
    }
}

/// Whether nobody is signed in there.
fn needs_sign_in(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Denied { verb, .. } if verb == "sign in")
}

/// What there is to say about a state beyond its name.
fn detail(kind: SystemKind, state: &ConnectionState) -> AnyView {
    match state {
        ConnectionState::Connecting => "The first request is under way.".into_any(),
        ConnectionState::Syncing { seen } => {
            view! { <p class="said">{format!("Reading everything once: {seen} objects so far.")}</p> }.into_any()
        }
        ConnectionState::Live { since } => {
            view! { <p class="said dim">{words::live(kind)} ", since " {clock::wall(*since)} "."</p> }.into_any()
        }
        ConnectionState::Degraded {
            error,
            retry_at,
            since,
        } => {
            let retry = retry_at.map(|at| view! { " Next try " {clock::until(at)} "." });
            view! {
                <p class="said">
                    <span class="mono wrap">{foreign::line(error)}</span> ". It answered last "
                    {clock::ago(*since, Length::Long)} "." {retry}
                </p>
            }
            .into_any()
        }
        // No right is missing: nobody is asking.
        ConnectionState::Denied { verb, resource } if verb == "sign in" => view! {
            <p class="said">"You are not signed in: " <span class="mono wrap">{foreign::line(resource)}</span> "."</p>
        }
        .into_any(),
        ConnectionState::Denied { verb, resource } => view! {
            <p class="said">
                "It answers, but you may not " <b>{foreign::line(verb)}</b> " " <span class="mono">{foreign::line(resource)}</span>
                ", which the answers need. Whoever administers it can grant that."
            </p>
        }
        .into_any(),
        ConnectionState::NotAsked { why } => view! {
            <p class="said">"It was not asked: " <span class="mono wrap">{foreign::line(why)}</span> "."</p>
        }
        .into_any(),
        ConnectionState::Unreachable { error, private } => {
            let hint = private.then_some(" The address is a private one: is the VPN on?");
            view! {
                <p class="said">
                    "It never answered: " <span class="mono wrap">{foreign::line(error)}</span> "." {hint}
                </p>
            }
            .into_any()
        }
        ConnectionState::Absent { what } => {
            view! { <p class="said">{foreign::line(what)}</p> }.into_any()
        }
    }
}
