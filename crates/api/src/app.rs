//! One app: which commits wait for which of its environments.
//!
//! Owns what the board has no room for. What runs there is the board's row, what happened is in [`crate::history`].

use serde::{Deserialize, Serialize};

use crate::headline::Sentence;
use crate::journey::Commit;

/// An app at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// The version of this document's form: [`crate::JSON_VERSION`].
    pub version: u32,
    /// The app.
    pub app: String,
    /// The newest commits of the branch that releases, newest first: as many as some environment lacks, and the first that
    /// none lacks.
    pub commits: Vec<Commit>,
    /// Its targets, in the order of environments, then clusters.
    pub targets: Vec<AppTarget>,
}

/// One target of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppTarget {
    /// The environment.
    pub environment: String,
    /// The cluster.
    pub cluster: String,
    /// The workload.
    pub workload: crate::object::ObjectRef,
    /// The image that the workload declares, as it is written.
    pub declared: String,
    /// How many of [`App::commits`], the newest ones, what runs there does not contain; or why that is not known.
    pub lacks: Result<Lacks, Sentence>,
}

/// What a target lacks of an app's commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lacks {
    /// How many of the newest commits.
    pub newest: u32,
    /// Whether there are more than were looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}
