//! What came of one check of a table: for people, and for machines.
//!
//! Owns how long a check may take, and what is said of one that has no end. Prints nothing.

use std::fmt::Display;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What came of one check.
pub struct Row {
    /// The check's name.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    /// What was seen, or why it did not pass.
    pub outcome: Result<String, String>,
    /// What it took.
    pub took: Duration,
}

impl Row {
    /// Runs a check, for so long at most.
    pub(crate) async fn of(
        name: &'static str,
        proves: &'static str,
        longest: Duration,
        check: impl Future<Output = Result<String, impl Display>>,
    ) -> Self {
        let begun = Instant::now();
        let outcome = match tokio::time::timeout(longest, check).await {
            Ok(outcome) => outcome.map_err(|wrong| wrong.to_string()),
            Err(_) => Err(format!("no end within {} s", longest.as_secs())),
        };
        Self {
            name,
            proves,
            outcome,
            took: begun.elapsed(),
        }
    }

    /// The row for machines.
    pub fn json(&self) -> Value {
        let (seen, why) = match &self.outcome {
            Ok(seen) => (Some(seen), None),
            Err(why) => (None, Some(why)),
        };
        json!({
            "name": self.name,
            "proves": self.proves,
            "passed": why.is_none(),
            "seen": seen,
            "why": why,
            "seconds": self.took.as_secs(),
        })
    }
}
