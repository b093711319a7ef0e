//! The header: the name, the ask box in the middle, how the clusters stand, the theme.
//!
//! Owns the ask box. Enter asks; Esc puts back what the screen shows.

use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::address::Screen;
use crate::clock;
use crate::connections::summary;
use crate::feed::ConnectionFeed;
use crate::glyph::{brand, icon, mark};
use crate::journey::ask_words;
use crate::keys;
use crate::palette::PaletteOpen;
use crate::router::Router;
use crate::session::Session;
use crate::sign_in::Who;
use crate::theme::{Theme, Themes};

/// The header of a window with something open.
#[component]
pub fn Header() -> impl IntoView {
    let router = Router::here();
    let (connections, clock) = (ConnectionFeed::here(), clock::clock());
    let summary = Memo::new(move |_| {
        let standing = connections.standing.get();
        connections
            .all
            .with(|all| summary::line(&standing, all, clock.now()))
    });
    view! {
        <header class="top">
            <Brand />
            <AskBox />
            <div class="who">
                <button
                    class="standing"
                    type="button"
                    title=move || summary.get().1
                    on:click=move |_| router.go(Screen::Connections)
                >
                    {move || mark(summary.get().0)}
                    <span class="clip">{move || summary.get().1}</span>
                </button>
                <Who />
                <ThemeSwitch />
            </div>
        </header>
    }
}

/// The header of a window with nothing open.
#[component]
pub fn Bare() -> impl IntoView {
    view! {
        <header class="top">
            <Brand />
            <div class="who">
                <ThemeSwitch />
            </div>
        </header>
    }
}

/// The name.
#[component]
fn Brand() -> impl IntoView {
    view! {
        <div class="brand">
            {brand()} "Landfall"
        </div>
    }
}

/// The box in the middle.
#[component]
fn AskBox() -> impl IntoView {
    let (router, session) = (Router::here(), Session::here());
    let PaletteOpen(palette) = expect_context();
    let input = NodeRef::<html::Input>::new();
    let shown = Memo::new(move |_| match router.screen() {
        Screen::Journey { ask: Some(ask), .. } => ask_words(&ask),
        _ => String::new(),
    });
    Effect::new(move |_| {
        let text = shown.get();
        if let Some(input) = input.get() {
            input.set_value(&text);
        }
    });
    let ask = move || {
        let text = input
            .get_untracked()
            .map(|input| input.value())
            .unwrap_or_default();
        // What stands there already is not asked again: the address may hold more than the box shows.
        if text.trim() != shown.get_untracked() {
            session.ask(&text);
        }
    };
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.is_composing() => {
            event.prevent_default();
            ask();
            keys::focus_id("main");
        }
        "Escape" => {
            event.prevent_default();
            if let Some(input) = input.get_untracked() {
                input.set_value(&shown.get_untracked());
            }
            keys::focus_id("main");
        }
        _ => {}
    };
    view! {
        <div class="ask" role="search">
            <input
                id="ask"
                type="text"
                node_ref=input
                placeholder="Paste a commit, pull request, tag or app"
                aria-label="Ask about a commit, pull request, tag or app"
                spellcheck="false"
                autocomplete="off"
                on:keydown=on_key
                on:focus=move |_| {
                    if let Some(input) = input.get_untracked() {
                        input.select();
                    }
                }
            />
            <button
                type="button"
                tabindex="-1"
                title="Everything by name"
                aria-label="Command palette"
                on:click=move |_| palette.set(true)
            >
                <kbd>{if keys::on_a_mac() { "⌘ K" } else { "Ctrl K" }}</kbd>
            </button>
        </div>
    }
}

/// Light, dark, or as the system has it.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let Themes(chosen) = expect_context();
    view! {
        <div
            class="themes"
            role="radiogroup"
            aria-label="Theme"
            on:keydown=move |event| {
                keys::walk_here(&event, "button");
            }
        >
            {Theme::ALL
                .map(|theme| {
                    let label = match theme {
                        Theme::Light => "Light",
                        Theme::Dark => "Dark",
                        Theme::System => "As the system has it",
                    };
                    view! {
                        <button
                            type="button"
                            role="radio"
                            title=label
                            aria-label=label
                            aria-checked=move || (chosen.get() == theme).to_string()
                            on:click=move |_| chosen.set(theme)
                        >
                            {icon(theme.name())}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}
