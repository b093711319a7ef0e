//! The lanes: one tab a target, in the order of environments, with what became of the commit there.
//!
//! Owns the two rows of tabs: the apps, where the commit changes several, and the shown app's targets.

use api::journey::{Health, State};
use jiff::Timestamp;
use leptos::prelude::*;

use super::Shared;
use super::choice::Target;
use crate::address::{Lane, Screen};
use crate::clock;
use crate::foreign;
use crate::glyph::{dot, glyph};
use crate::keys;
use crate::router::Router;
use crate::sentence;
use crate::words::{self, Tone};

/// What a tab says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tab {
    target: Target,
    state: State,
    since: Option<Timestamp>,
    /// When the cluster was last seen, if it does not answer.
    stale: Option<Timestamp>,
    /// Whether another target has the same environment, so that the cluster has to be said.
    says_cluster: bool,
}

/// Both rows.
#[component]
pub fn Lanes(
    /// What they read.
    shared: Shared,
) -> impl IntoView {
    let router = Router::here();
    let tabs = Memo::new(move |_| tabs(shared));
    let app = Memo::new(move |_| shared.shown.get().map(|shown| shown.target.app));
    let apps = Memo::new(move |_| {
        let mut apps: Vec<(String, Tone)> = Vec::new();
        tabs.with(|tabs| {
            for tab in tabs {
                let tone = words::state_tone(tab.state);
                match apps.iter_mut().find(|(app, _)| *app == tab.target.app) {
                    Some((_, worst)) => *worst = tone.max(*worst),
                    None => apps.push((tab.target.app.clone(), tone)),
                }
            }
        });
        apps
    });
    let pick = move |target: Target| {
        // The address follows, so that a copied link and the way back show the same lane.
        if let Screen::Journey { ask, .. } = router.screen_now() {
            router.refine(Screen::Journey {
                ask,
                lane: Lane {
                    app: Some(target.app.clone()),
                    environment: Some(target.environment.clone()),
                    cluster: Some(target.cluster.clone()),
                },
            });
        }
        shared.picked.set(Some(target));
    };
    let pick_app = move |app: &str| {
        let target = tabs.with_untracked(|tabs| {
            tabs.iter()
                .filter(|tab| tab.target.app == app)
                .max_by_key(|tab| words::badness(tab.state))
                .map(|tab| tab.target.clone())
        });
        if let Some(target) = target {
            pick(target);
        }
    };
    let lanes = move || {
        let app = app.get();
        tabs.get()
            .into_iter()
            .filter(|tab| Some(&tab.target.app) == app.as_ref())
            .collect::<Vec<_>>()
    };
    view! {
        <div
            class="lanes apps"
            role="tablist"
            aria-label="Apps that this commit changes"
            class:gone=move || apps.with(Vec::len) < 2
            on:keydown=move |event| {
                keys::walk_here(&event, "button");
            }
        >
            <For each=move || apps.get() key=|app| app.clone() let:entry>
                {
                    let (name, tone) = entry;
                    let words = foreign::line(&name);
                    let on = {
                        let name = name.clone();
                        Memo::new(move |_| app.get().as_deref() == Some(name.as_str()))
                    };
                    view! {
                        <button
                            class="chip"
                            type="button"
                            role="tab"
                            class:on=move || on.get()
                            aria-selected=move || on.get().to_string()
                            on:click=move |_| pick_app(&name)
                        >
                            {glyph(tone, tone.name())}
                            {words}
                        </button>
                    }
                }
            </For>
        </div>
        <div class="lanes">
            <div
                class="tabs"
                role="tablist"
                aria-label="Targets"
                on:keydown=move |event| {
                    keys::walk_here(&event, "button");
                }
            >
                // By target, so that a tab whose words change keeps the focus.
                <For each=lanes key=|tab| tab.target.clone() let:tab>
                    {
                        let target = tab.target.clone();
                        let on = {
                            let target = target.clone();
                            Memo::new(move |_| {
                                shared.shown.with(|shown| shown.as_ref().is_some_and(|shown| shown.target == target))
                            })
                        };
                        let picked = target.clone();
                        let now = Memo::new(move |_| {
                            tabs.with(|tabs| tabs.iter().find(|tab| tab.target == target).cloned())
                                .unwrap_or_else(|| tab.clone())
                        });
                        view! {
                            <button
                                class="lane"
                                type="button"
                                role="tab"
                                class:on=move || on.get()
                                aria-selected=move || on.get().to_string()
                                aria-controls="stages"
                                on:click=move |_| pick(picked.clone())
                            >
                                {move || words_of(&now.get())}
                            </button>
                        }
                    }
                </For>
            </div>
            <Runs shared=shared />
        </div>
    }
}

/// What a tab says. What was fine when it was last seen is not shown as fine now.
fn words_of(tab: &Tab) -> impl IntoView + use<> {
    let state = words::state(tab.state);
    let glyph = match tab.stale {
        Some(_) => glyph(Tone::Wait, format!("{state} when last seen")).into_any(),
        None => glyph(words::state_tone(tab.state), state).into_any(),
    };
    let when = match (tab.stale, tab.since) {
        (Some(at), _) => view! { ", last seen " {clock::wall(at)} }.into_any(),
        (None, Some(at)) => view! { " " {clock::age(at)} }.into_any(),
        (None, None) => ().into_any(),
    };
    view! {
        {glyph}
        <span>{foreign::line(&tab.target.environment)}</span>
        <small>
            {tab.says_cluster.then(|| format!("{} ", foreign::line(&tab.target.cluster)))}
            {state}
            {when}
        </small>
    }
}

/// What runs in the shown target now, whatever becomes of the commit.
#[component]
fn Runs(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let running = Memo::new(move |_| {
        shared.journey.get().map(|journey| {
            (
                journey.environment.clone(),
                journey.running.clone(),
                journey.stale_since.is_some(),
            )
        })
    });
    move || {
        running.get().map(|(environment, running, stale)| {
            let environment = foreign::line(&environment);
            let Some(running) = running else {
                return view! {
                    <span class="runs">
                        {dot(Health::Unknown)} <span>"What runs in " {environment} " is not known"</span>
                    </span>
                }
                .into_any();
            };
            let version = running.commit.as_ref().map_or_else(
                || view! { <span class="mono clip">{foreign::line(&running.image)}</span> }.into_any(),
                |commit| sentence::commit(commit.repository.clone(), commit.sha.clone()).into_any(),
            );
            let words = words::readiness(&running)
                .unwrap_or_else(|| words::health(running.health).to_owned());
            let (verb, end) = if stale {
                (" ran ", ", when last seen")
            } else {
                (" runs ", "")
            };
            view! {
                <span class="runs" class:stale=stale>
                    {dot(running.health)} <span>{environment} {verb} {version} ", " {words} {end}</span>
                </span>
            }
            .into_any()
        })
    }
}

/// The answer's tabs.
fn tabs(shared: Shared) -> Vec<Tab> {
    let Some(answer) = shared.answer.get() else {
        return Vec::new();
    };
    answer
        .journeys
        .iter()
        .map(|journey| {
            let same = answer
                .journeys
                .iter()
                .filter(|other| {
                    other.app == journey.app && other.environment == journey.environment
                })
                .count();
            Tab {
                target: Target::of(journey),
                state: journey.state,
                since: since(journey),
                stale: journey.stale_since,
                says_cluster: same > 1,
            }
        })
        .collect()
}

/// Since when a journey stands as it does: its cause's moment, or that of the stage which stops it, or, when it is
/// through, of what runs.
fn since(journey: &api::Journey) -> Option<Timestamp> {
    if journey.state.is_settled() {
        return journey.running.as_ref().and_then(|running| running.since);
    }
    let cause = journey.cause.as_ref().and_then(|cause| cause.since);
    let stage = journey
        .stages
        .iter()
        .find(|stage| Some(stage.kind) == journey.blocking_stage)
        .and_then(|stage| stage.since);
    cause.or(stage)
}
