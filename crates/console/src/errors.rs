//! The last errors that reached a person or a script, one a code: for whoever helps.
//!
//! Owns that memory. It ends with the process.

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
