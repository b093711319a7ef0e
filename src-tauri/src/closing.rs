//! Whether the window is closed at once: not where a run goes in it that would break off, until its person was asked.
//!
//! Owns the question; the page shows it. Closing once more answers it: a page that hangs keeps nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::request::CLOSING;
use tauri::{Manager, Window};

use crate::session::Session;

/// How long the question stands: whoever closes again within that means it.
const STANDS: Duration = Duration::from_secs(60);

/// The question.
pub struct Closing {
    session: Arc<Session>,
    /// When it was asked last, and with which words.
    asked: Mutex<Option<(Instant, String)>>,
}

impl Closing {
    /// Nobody was asked yet.
    pub fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            asked: Mutex::default(),
        }
    }

    /// Asks the window's person, where something would break off; whether the window stays for that.
    pub fn asks(&self, window: &Window) -> bool {
        let Some(goes) = self.session.breaks_off() else {
            return false;
        };
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if is_answered(asked.as_ref(), &goes, now) {
            return false;
        }
        let shown = script(&goes).is_some_and(|script| {
            let page = window.get_webview_window(window.label());
            page.is_some_and(|page| page.eval(script).is_ok())
        });
        *asked = shown.then_some((now, goes));
        shown
    }
}

/// Whether somebody who closes now was asked about exactly this a moment ago.
fn is_answered(asked: Option<&(Instant, String)>, goes: &str, now: Instant) -> bool {
    asked.is_some_and(|(at, words)| words == goes && now.duration_since(*at) < STANDS)
}

/// What tells the page: the words are a JSON string in it, and no code.
fn script(goes: &str) -> Option<String> {
    let (name, words) = (
        serde_json::to_string(CLOSING).ok()?,
        serde_json::to_string(goes).ok()?,
    );
    Some(format!(
        "window.dispatchEvent(new CustomEvent({name}, {{ detail: {words} }}))"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_again_is_an_answer_only_to_what_was_asked_a_moment_ago() {
        let now = Instant::now();
        let goes = "1 run goes: Restart Deployment shop/checkout";
        assert!(!is_answered(None, goes, now));
        let asked = (now, goes.to_owned());
        assert!(is_answered(
            Some(&asked),
            goes,
            now + Duration::from_secs(5)
        ));
        assert!(!is_answered(Some(&asked), goes, now + STANDS));
        assert!(!is_answered(Some(&asked), "2 runs go: a, b", now));
    }

    #[test]
    fn a_name_from_a_cluster_is_no_code_in_the_page() {
        let script = script("a\"}));alert(1)//").expect("a script");
        assert!(
            script.contains(r#"{ detail: "a\"}));alert(1)//" }"#),
            "{script}"
        );
    }
}
