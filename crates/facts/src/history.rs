//! What was seen before, by this machine or as a system still tells it: how long things usually take.
//!
//! Owns plain values. They say what is usual, never what is so: no state of a journey rests on them.

use std::collections::BTreeMap;

use api::{StageKind, Usual};
use jiff::Timestamp;

/// What is known of the past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryFacts {
    /// How long stages take, by app and environment. What comes before an environment is the same for all of them.
    pub stages: BTreeMap<(String, String, StageKind), Usual>,
    /// How long commits take from being committed to running, by app and environment.
    pub leads: BTreeMap<(String, String), Usual>,
    /// When commits were first seen running.
    pub live: BTreeMap<Delivered, Timestamp>,
}

/// A commit in one target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delivered {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The cluster.
    pub cluster: String,
    /// The full SHA.
    pub sha: String,
}
