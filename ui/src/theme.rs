//! Light, dark or as the system has it: chosen by the person, kept, and put on the page.
//!
//! Owns the choice. The colours are in tokens.css, by `data-theme`; theme.js sets it before the first paint.

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Where the choice is kept.
const KEY: &str = "landfall.theme";

/// What the person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// Its name, as it is kept and as the sprite calls its icon.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The page's theme.
#[derive(Clone, Copy, Debug)]
pub struct Themes(pub RwSignal<Theme>);

impl Themes {
    /// Reads the kept choice, puts it on the page and keeps both in step with the person and the system.
    pub fn provide() {
        let kept = storage()
            .and_then(|storage| storage.get_item(KEY).ok().flatten())
            .and_then(|name| Theme::ALL.into_iter().find(|theme| theme.name() == name))
            .unwrap_or_default();
        let chosen = RwSignal::new(kept);
        let dark = RwSignal::new(system_is_dark());
        follow_system(dark);
        Effect::new(move |before: Option<Theme>| {
            let theme = chosen.get();
            let effective = match theme {
                Theme::Light => "light",
                Theme::System if !dark.get() => "light",
                Theme::Dark | Theme::System => "dark",
            };
            if let Some(root) = document().document_element() {
                // An attribute of a valid name on our own root element is not refused.
                let _ = root.set_attribute("data-theme", effective);
            }
            if before.is_some_and(|before| before != theme)
                && let Some(storage) = storage()
            {
                // A full or forbidden storage loses the choice with the window, nothing else.
                let _ = storage.set_item(KEY, theme.name());
            }
            theme
        });
        provide_context(Self(chosen));
    }
}

/// The window's own small storage, if it has one.
pub fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// The query that the system answers.
fn query() -> Option<web_sys::MediaQueryList> {
    window()
        .match_media("(prefers-color-scheme: dark)")
        .ok()
        .flatten()
}

/// Whether the system is dark now.
fn system_is_dark() -> bool {
    query().is_some_and(|query| query.matches())
}

/// Keeps the signal in step with the system.
fn follow_system(dark: RwSignal<bool>) {
    let Some(query) = query() else { return };
    let listener = Closure::<dyn FnMut(JsValue)>::new(move |_| dark.set(system_is_dark()));
    // A webview without this event keeps the theme it started with.
    let _ = query.add_event_listener_with_callback("change", listener.as_ref().unchecked_ref());
    // Both live as long as the page.
    StoredValue::new_local((query, listener));
}
