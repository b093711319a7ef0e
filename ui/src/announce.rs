//! Short messages that pass: "Copied". Seen in a corner, heard through a live region.
//!
//! Owns the clipboard too, because copying is what is announced most.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// How long a message stays.
const STAYS: Duration = Duration::from_secs(4);

/// Where messages go.
#[derive(Clone, Copy, Debug)]
pub struct Announcer(RwSignal<(usize, String)>);

impl Announcer {
    /// Gives the page its announcer.
    pub fn provide() -> Self {
        let announcer = Self(RwSignal::new((0, String::new())));
        provide_context(announcer);
        announcer
    }

    /// The announcer of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Says something for a while.
    pub fn say(self, words: impl Into<String>) {
        let (number, _) = self.0.get_untracked();
        self.0.set((number + 1, words.into()));
        set_timeout(
            move || {
                // Only if nothing was said since.
                if self.0.get_untracked().0 == number + 1 {
                    self.0.set((number + 1, String::new()));
                }
            },
            STAYS,
        );
    }

    /// Copies text and says what was copied, or that it could not be.
    pub fn copy(self, text: String, what: &'static str) {
        spawn_local(async move {
            let promise = window().navigator().clipboard().write_text(&text);
            if JsFuture::from(promise).await.is_ok() || copy_by_selection(&text) {
                self.say(format!("{what} copied"));
            } else {
                self.say("The system's clipboard cannot be reached");
            }
        });
    }
}

/// The older way to copy, for webviews that keep the clipboard's interface closed.
fn copy_by_selection(text: &str) -> bool {
    let area = document()
        .create_element("textarea")
        .ok()
        .and_then(|area| area.dyn_into::<web_sys::HtmlTextAreaElement>().ok());
    let (Some(area), Some(body)) = (area, document().body()) else {
        return false;
    };
    area.set_value(text);
    area.set_class_name("unseen");
    if body.append_child(&area).is_err() {
        return false;
    }
    area.select();
    let copied = js_sys::Reflect::get(&document(), &"execCommand".into())
        .ok()
        .and_then(|command| command.dyn_into::<js_sys::Function>().ok())
        .and_then(|command| command.call1(&document(), &"copy".into()).ok())
        .is_some_and(|copied| copied.is_truthy());
    area.remove();
    copied
}

/// The place where messages are seen and heard.
#[component]
pub fn Announcements() -> impl IntoView {
    let announcer = Announcer::here();
    view! {
        <div class="toast" role="status" aria-live="polite" class:shown=move || !announcer.0.get().1.is_empty()>
            {move || announcer.0.get().1}
        </div>
    }
}
