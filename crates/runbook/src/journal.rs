//! The journal: what was meant, sent, answered and seen, written down before anything follows from it.
//!
//! Owns the records. `chain` binds each to the one before it, `file` keeps them on the disk, `runs` reads out of them how
//! each run stands. The journal is the audit: one file, only ever added to, so that a byte that was altered anywhere is
//! found, and named.

mod chain;
mod file;
mod runs;

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::step::Effect;

pub use chain::{Flaw, Head, Verified, verify};
pub(crate) use file::private_file;
pub use file::{Journal, JournalError};
pub use runs::{Run, Standing, runs};

/// What a run is called: unique, fit to stand in a Kubernetes name and an annotation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// One that is called so.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// One that no other run is called.
    pub fn fresh(now: Timestamp) -> Self {
        // Its keys are the system's randomness, and differ from one call to the next.
        let chance = RandomState::new().build_hasher().finish();
        let second = now.strftime("%Y%m%d-%H%M%S");
        Self(format!("{second}-{:010x}", chance >> 24))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its number, from 1.
    pub number: u64,
    /// When it was written, by this machine's clock.
    pub at: Timestamp,
    /// The run that it is of.
    pub run: RunId,
    /// What happened.
    pub event: Event,
    /// The hash of the record before it.
    pub before: String,
    /// The hash of this one, with everything above.
    pub hash: String,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "what",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// Somebody meant it, and it was let through.
    Begun {
        /// What was meant.
        plan: Box<Plan>,
        /// The plan's hash.
        plan_hash: String,
        /// Who, as this machine knows them.
        by: String,
        /// As whom in the cluster, as the cluster says; empty where it does not.
        identity: String,
        /// How it came in.
        way: Way,
        /// Why it was done in spite of a freeze; absent where there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite_freeze: Option<String>,
        /// Who else has approved it, as the cluster names them; absent where nobody had to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<String>,
    },
    /// Somebody meant it, and it was not let through.
    Refused {
        /// The action.
        action: String,
        /// The target, as a sentence names it, with its system.
        target: String,
        /// Who.
        by: String,
        /// How it came in.
        way: Way,
        /// Why not.
        why: String,
    },
    /// This call is sent next. Whatever comes of it, it may have arrived from here on.
    Intent {
        /// The step's place in the plan, from 0.
        step: usize,
        /// The call's place in the step, from 0.
        call: usize,
    },
    /// What came of it.
    Answered {
        /// The step's place.
        step: usize,
        /// The call's place.
        call: usize,
        /// What.
        answer: Answer,
    },
    /// What the step has done, as it was seen.
    Seen {
        /// The step's place.
        step: usize,
        /// What.
        effect: Effect,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// In a sentence.
        says: String,
    },
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "came",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Answer {
    /// The server did it, or has been seen to have done it.
    Done {
        /// The object's version since; of a commit or a pull request, the commit's SHA; of an ECS service, the id of its
        /// PRIMARY deployment.
        version: String,
    },
    /// The server says no. Nothing changed.
    Refused {
        /// Why, in its words.
        why: String,
        /// Whether the object, or the branch, is not what it was any more.
        moved: bool,
    },
    /// It never left this machine.
    NotSent {
        /// Why.
        why: String,
    },
    /// No answer came: it may have been done. It is found out by reading, and never sent again.
    Unknown {
        /// Why.
        why: String,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step was seen to have worked.
    Worked,
    /// There was nothing to do.
    NothingToDo,
    /// A step was refused or failed. What was sent before it stands.
    Failed,
    /// A step was sent and has not been seen to work in time. It may still.
    Unproven,
    /// A person stopped it. What was sent before that stands.
    Cancelled,
    /// It broke off: this program ended, or lost the cluster, in the middle. A person closed it.
    Closed,
}

/// How a run came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The window.
    Window,
    /// The terminal.
    Terminal,
    /// A run that broke off, gone on with.
    Resume,
}
