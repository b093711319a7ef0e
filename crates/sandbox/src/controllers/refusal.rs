//! Why a controller cannot go on, in the real controller's words.
//!
//! Owns nothing but the type: the words become a condition's or an event's message as they are, which is all that
//! anybody does with them.

/// A controller's reason, worded as the real one words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<String> for Refusal {
    fn from(words: String) -> Self {
        Self(words)
    }
}
