//! The last errors of answers and of objects that were opened, one a code: for whoever helps. What else failed (a sign-in,
//! joining a team, an export) is not among them: the window or the terminal said so where it happened.
//!
//! Owns that memory. It ends with the process, so that a command that asks for neither has none to tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Error;
use api::error::Code;
use jiff::Timestamp;
use serde::Serialize;

/// The last errors. Copies share them.
#[derive(Clone, Default)]
pub struct Errors(Arc<Mutex<Vec<Noted>>>);

/// An error that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Noted {
    code: Code,
    message: String,
    /// When it was last so.
    at: Timestamp,
}

impl Errors {
    /// Notes an error in the place of the last one of its code.
    pub fn note(&self, error: &Error, at: Timestamp) {
        let mut noted = self.noted();
        noted.retain(|one| one.code != error.code);
        noted.push(Noted {
            code: error.code,
            message: error.message.clone(),
            at,
        });
    }

    /// All of them, the newest last.
    pub fn all(&self) -> Vec<Noted> {
        self.noted().clone()
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Noted>> {
        // Every write leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_code_is_kept_and_the_newest_is_last() {
        let errors = Errors::default();
        assert!(errors.all().is_empty(), "nobody asked for anything");
        for (code, message) in [
            (Code::Denied, "first"),
            (Code::NotFound, "second"),
            (Code::Denied, "third"),
        ] {
            errors.note(&Error::new(code, message), Timestamp::UNIX_EPOCH);
        }
        let kept: Vec<_> = errors.all().into_iter().map(|one| one.message).collect();
        assert_eq!(kept, ["second", "third"]);
    }
}
