//! The command palette: everything by name, without the mouse.
//!
//! Owns the dialog (the browser's own, which keeps the focus inside) with its combobox and listbox.

pub mod entries;

use entries::{Deed, Entry, fitting};
use leptos::html;
use leptos::prelude::*;

use crate::act::Act;
use crate::address::{Lane, Screen};
use crate::board::BoardChoice;
use crate::changes::choose::Wish;
use crate::feed::BoardFeed;
use crate::foreign;
use crate::keys;
use crate::router::Router;
use crate::session::Session;
use crate::theme::{Theme, Themes};

/// The most lines that are shown at once.
const MOST: usize = 60;

/// Whether the palette is open.
#[derive(Clone, Copy, Debug)]
pub struct PaletteOpen(pub RwSignal<bool>);

/// The palette.
#[component]
pub fn Palette() -> impl IntoView {
    let PaletteOpen(open) = expect_context();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            // Refused only for a dialog that is open already or not in the page.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            class="palette"
            node_ref=dialog
            aria-label="Command palette"
            on:close=move |_| open.set(false)
            on:click=move |event| {
                // A click on the dialog itself is one on the dimmed page around its content.
                if event.target() == event.current_target() {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <Inside open=open />
            </Show>
        </dialog>
    }
}

/// What is in the palette while it is open.
#[component]
fn Inside(
    /// Closed by choosing.
    open: RwSignal<bool>,
) -> impl IntoView {
    let (session, router, act) = (Session::here(), Router::here(), Act::here());
    let Themes(theme) = expect_context();
    let board = use_context::<BoardFeed>();
    let choice = use_context::<BoardChoice>();
    let typed = RwSignal::new(String::new());
    let active = RwSignal::new(0_usize);
    let entries = Memo::new(move |_| all(session, board));
    let shown = Memo::new(move |_| entries.with(|entries| fitting(entries, &typed.get(), MOST)));
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            keys::focus(&input);
        }
    });
    let choose = move |entry: Entry| {
        open.set(false);
        match entry.deed {
            Deed::Ask(text) => session.ask(&text),
            Deed::Show(screen) => router.go(screen),
            // Once the palette is gone, and the focus back where it came from.
            Deed::Act(object) => request_animation_frame(move || act.open(object)),
            Deed::Environment(only) => {
                if let Some(choice) = choice {
                    choice.environment.set(only);
                }
                router.go(Screen::Board);
            }
            Deed::Theme(chosen) => theme.set(chosen),
        }
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        let last = shown.with_untracked(Vec::len).saturating_sub(1);
        let next = match event.key().as_str() {
            "ArrowDown" => (active.get_untracked() + 1).min(last),
            "ArrowUp" => active.get_untracked().saturating_sub(1),
            "PageDown" => (active.get_untracked() + 8).min(last),
            "PageUp" => active.get_untracked().saturating_sub(8),
            "Enter" => {
                event.prevent_default();
                let entry =
                    shown.with_untracked(|shown| shown.get(active.get_untracked()).cloned());
                if let Some(entry) = entry {
                    choose(entry);
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        active.set(next);
        if let Some(element) = document().get_element_by_id(&format!("entry-{next}")) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    };
    view! {
        <input
            class="typed"
            type="text"
            node_ref=input
            placeholder="Paste a commit, or type an app, environment, screen or theme"
            role="combobox"
            aria-expanded="true"
            aria-controls="entries"
            aria-autocomplete="list"
            aria-label="Command"
            aria-activedescendant=move || format!("entry-{}", active.get())
            spellcheck="false"
            autocomplete="off"
            on:input=move |event| {
                typed.set(event_target_value(&event));
                active.set(0);
            }
            on:keydown=on_key
        />
        <ul id="entries" role="listbox" aria-label="Commands">
            {move || {
                shown
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(index, entry)| {
                        let (kind, words) = (entry.kind, foreign::line(&entry.words));
                        view! {
                            <li
                                id=format!("entry-{index}")
                                role="option"
                                class="entry"
                                aria-selected=move || (active.get() == index).to_string()
                                on:mousemove=move |_| crate::feed::set_if_new(active, index)
                                on:click=move |_| choose(entry.clone())
                            >
                                <span class="kind">{kind}</span>
                                <span class="clip">{words}</span>
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ul>
        <p class="hints">
            <kbd>"↑"</kbd>
            <kbd>"↓"</kbd>
            " choose "
            <kbd>"Enter"</kbd>
            " go "
            <kbd>"Esc"</kbd>
            " close"
        </p>
    }
}

/// Everything that can be reached, in the order it is offered.
fn all(session: Session, board: Option<BoardFeed>) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Some(board) = board {
        let journey = Screen::Journey {
            ask: None,
            lane: Lane::default(),
        };
        for (words, screen) in [
            ("Board", Screen::Board),
            ("Journey", journey),
            ("Changes", Screen::Changes(Wish::default())),
            ("Actions", Screen::Actions { run: None }),
            ("Coverage", Screen::Coverage),
            ("Connections", Screen::Connections),
            ("Open something else", Screen::Begin),
        ] {
            entries.push(Entry::new("Screen", words, Deed::Show(screen)));
        }
        for text in session.recent.get() {
            entries.push(Entry::new("Recent", text.clone(), Deed::Ask(text)));
        }
        for environment in board.environments.get() {
            entries.push(Entry::new(
                "Environment",
                environment.clone(),
                Deed::Environment(Some(environment)),
            ));
        }
        entries.push(Entry::new(
            "Environment",
            "all environments",
            Deed::Environment(None),
        ));
        for row in board.rows.get().iter() {
            entries.push(Entry::new(
                "App",
                row.app.clone(),
                Deed::Show(crate::board::journey(row, None, None)),
            ));
            entries.push(Entry::new(
                "App page",
                row.app.clone(),
                Deed::Show(Screen::App(row.app.clone())),
            ));
        }
        for row in board.rows.get().iter() {
            for cell in &row.cells {
                if let Some(running) = &cell.running {
                    let words = format!("{} in {} on {}", row.app, cell.environment, cell.cluster);
                    let deed = Deed::Act(running.workload.clone());
                    entries.push(Entry::new("Actions", words, deed));
                }
            }
        }
    }
    for theme in Theme::ALL {
        let words = match theme {
            Theme::Light => "Light",
            Theme::Dark => "Dark",
            Theme::System => "As the system has it",
        };
        entries.push(Entry::new("Theme", words, Deed::Theme(theme)));
    }
    entries
}
