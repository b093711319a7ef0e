//! The board: apps down, environments across, and in each cell two things that are never mixed.
//!
//! Owns what a cell says: what runs there and whether it is well, and how delivery of the newest commit stands.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::headline::Sentence;
use crate::history::Took;
use crate::journey::{Commit, Running, StageKind, State};

/// The whole board at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// The version of this document's form: [`crate::JSON_VERSION`].
    pub version: u32,
    /// The environments, from first to last.
    pub environments: Vec<String>,
    /// One row an app, by name. Shared by the boards that it is on, from one to the next.
    pub rows: Vec<Arc<BoardRow>>,
    /// Workloads that could not be linked to source, each with the one line that would fix it.
    pub unlinked: Vec<Unlinked>,
    /// What could not be read, one sentence each.
    pub unread: Vec<Sentence>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardRow {
    /// The app.
    pub app: String,
    /// Its source repository's address, if an image says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its newest commit on the branch that releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Commit>,
    /// One cell a target, in the order of environments, then clusters.
    pub cells: Vec<BoardCell>,
}

impl BoardRow {
    /// How many of these rows' workloads are linked to their source, and of how many that is not known.
    pub fn linked<'r>(rows: impl IntoIterator<Item = &'r Arc<Self>>) -> (usize, usize) {
        let (mut linked, mut unknown) = (0, 0);
        for row in rows {
            match row.repository {
                Some(_) => linked += row.cells.len(),
                None => unknown += row.cells.len(),
            }
        }
        (linked, unknown)
    }
}

/// One app in one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardCell {
    /// The environment.
    pub environment: String,
    /// The cluster.
    pub cluster: String,
    /// What runs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// How delivery of the newest commit stands.
    pub delivery: Delivery,
    /// Set when the cluster stopped answering: the cell is what was last known, at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<Timestamp>,
}

/// How the newest commit's delivery to a target stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The commit that this is about, where it is not the row's newest: that one changes nothing there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<crate::journey::Commit>,
    /// Its state there.
    pub state: State,
    /// Whether it is unknown only because something is still being read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// How many commits of the releasing branch what runs is behind; absent if that cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u32>,
    /// The stage that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageKind>,
    /// The cause's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The journey's headline.
    pub headline: Sentence,
    /// Since when it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How long the stages behind it took, those that say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub took: Vec<Took>,
}

/// A workload whose source is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unlinked {
    /// The workload.
    pub workload: crate::object::ObjectRef,
    /// The image it runs.
    pub image: String,
    /// What is missing and the one line that would add it.
    pub fix: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_whose_source_could_not_be_read_was_counted_as_linked() {
        let cell = BoardCell {
            environment: "dev".to_owned(),
            cluster: "nonprod".to_owned(),
            running: None,
            delivery: Delivery {
                commit: None,
                state: State::Unknown,
                pending: false,
                behind: None,
                stage: None,
                cause: None,
                headline: Sentence::default(),
                since: None,
                took: Vec::new(),
            },
            stale_since: None,
        };
        let row = |repository: Option<&str>| {
            Arc::new(BoardRow {
                app: "checkout".to_owned(),
                repository: repository.map(str::to_owned),
                newest: None,
                cells: vec![cell.clone()],
            })
        };
        let rows = [row(Some("code.example/shop/checkout")), row(None)];
        assert_eq!(BoardRow::linked(&rows), (1, 1));
    }
}
