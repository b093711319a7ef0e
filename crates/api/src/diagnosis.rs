//! A diagnosis: what was gathered of why something stands as it does, as one report.
//!
//! Owns its form on the wire. What is in the report is the console's; no secret that looks like one is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// What stands for exactly this report, for as long as it can be saved.
    pub id: String,
    /// What it is of.
    pub object: ObjectRef,
    /// When it was made.
    pub at: Timestamp,
    /// Whether the object itself could be read.
    pub is_read: bool,
    /// How many things could not be read. The report names them.
    pub unread: usize,
    /// The report, as Markdown. Show it as text.
    pub markdown: String,
}
