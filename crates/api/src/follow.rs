//! What a person follows, and what is worth telling them while they look elsewhere.

use serde::{Deserialize, Serialize};

use crate::headline::Sentence;
use crate::journey::Ask;

/// One ask that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// What is followed.
    pub ask: Ask,
    /// How it stands, in few words: "checkout 3f2c1ab: live in 2 of 3".
    pub says: String,
}

/// Something new that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What is followed.
    pub ask: Ask,
    /// What happened, in one line: "checkout 3f2c1ab is live in production".
    pub title: String,
    /// The journey's headline.
    pub says: Sentence,
}
