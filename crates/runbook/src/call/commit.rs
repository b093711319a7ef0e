//! One commit: values in files of a GitOps repository that become others, exactly as they were read.
//!
//! Owns the change as data, and its words. The hands read the files anew, and commit on no other head than this one.

use api::headline::plain;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::git::{Form, Wanted};
use crate::ground::Look;
use crate::journal::RunId;

/// The most characters of a name in a sentence.
const LONGEST: usize = 120;

/// One change of one GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// The system whose objects follow from it: the target's.
    pub system: String,
    /// The repository, as Flux's source names it (`spec.url`).
    pub repository: String,
    /// The branch that Flux follows.
    pub branch: String,
    /// The SHA of its head when the values were read: nothing is committed on another.
    pub head: String,
    /// The path in the repository whose declarations were read, and what was looked for there: so the places are found again.
    pub path: String,
    /// See [`Self::path`].
    pub wanted: Vec<Wanted>,
    /// What becomes what. All in one commit.
    pub edits: Vec<Edit>,
    /// The commit's message: its subject line, an empty line, and why. The run's trailer and the person are added.
    pub message: String,
    /// How it lands.
    pub landing: Landing,
}

/// One value that becomes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// The file, from the repository's root.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// Which of the file's documents, from 0.
    pub document: usize,
    /// What leads to it, as [`crate::git::Place::path`] has it.
    pub path: Vec<String>,
    /// What the value is.
    pub form: Form,
    /// What it says now, whole.
    pub from: String,
    /// The new version: of an image, its tag, its digest or `tag@digest`; its name stays.
    pub to: String,
}

/// How a commit lands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Landing {
    /// On the branch itself.
    Commit,
    /// On a branch of the run's own, with a pull request.
    PullRequest,
}

impl Commit {
    /// What is read to see what a run has left of it.
    pub fn look(&self, run: &RunId) -> Look {
        Look::Landed {
            repository: self.repository.clone(),
            branch: self.branch.clone(),
            since: self.head.clone(),
            run: run.clone(),
        }
    }

    /// The branch and its repository, in a sentence.
    pub fn place(&self) -> String {
        let branch = plain(&self.branch, LONGEST);
        format!("branch {branch} of {}", plain(&self.repository, LONGEST))
    }
}
