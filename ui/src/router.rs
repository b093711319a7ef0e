//! Which screen is shown, and the way back: the window's history holds each screen's address.
//!
//! Owns the screen's signal. Nothing here loads a page: the address is the fragment of the one page there is.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::address::Screen;

/// The shown screen.
#[derive(Clone, Copy, Debug)]
pub struct Router(RwSignal<Screen>);

impl Router {
    /// Reads the address that the window started with and follows Back and Forward.
    pub fn provide() -> Self {
        let router = Self(RwSignal::new(here()));
        let handle = window_event_listener(ev::popstate, move |_| {
            crate::feed::set_if_new(router.0, here());
        });
        on_cleanup(move || handle.remove());
        provide_context(router);
        router
    }

    /// The router of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// The screen; whoever reads it is run again when it changes.
    pub fn screen(self) -> Screen {
        self.0.get()
    }

    /// The screen, read once.
    pub fn screen_now(self) -> Screen {
        self.0.get_untracked()
    }

    /// Shows a screen and remembers the one before.
    pub fn go(self, screen: Screen) {
        if self.screen_now() == screen {
            return;
        }
        if let Ok(history) = window().history() {
            // A webview that refuses (too many entries at once) loses the way back, not the screen.
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&screen.address()));
        }
        self.0.set(screen);
    }

    /// Writes a detail of the shown screen into its address without a step in the history.
    pub fn refine(self, screen: Screen) {
        if let Ok(history) = window().history() {
            // As in `go`.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&screen.address()));
        }
        crate::feed::set_if_new(self.0, screen);
    }
}

/// The screen that the window's address names.
fn here() -> Screen {
    Screen::read(&location_hash().unwrap_or_default())
}
