//! What happened: deployments, rollbacks and changes of configuration, and how long things usually take.
//!
//! Owns what is remembered of the past and shown of it. Nothing in it is a log line or a value of a Secret: what is kept
//! names objects, commits, images and revisions, and no controller's message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::headline::Sentence;
use crate::journey::{Commit, Evidence, StageKind};
use crate::object::ObjectRef;

/// What is known of the past, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The version of this document's form: [`crate::JSON_VERSION`].
    pub version: u32,
    /// The environments, from first to last.
    pub environments: Vec<String>,
    /// What happened, newest first.
    pub changes: Vec<Change>,
    /// What the record lacks, one sentence each: a file that was put aside, what could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Sentence>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What tells it apart from every other, for ever.
    pub id: String,
    /// What it is.
    pub kind: ChangeKind,
    /// When it happened, by that system's clock.
    pub at: Timestamp,
    /// Whether `at` is only the earliest sign of it: no system says when it happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_latest: bool,
    /// Whether it is known that it was well afterwards: Flux' health checks passed, Helm or ECS waited for it, or all its pods
    /// are well now. Else a rollout only began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arrived: bool,
    /// The app; absent where it is of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The environment; absent where it is of a whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The cluster.
    pub cluster: String,
    /// What was changed: a workload, a Kustomization or a HelmRelease.
    pub object: ObjectRef,
    /// The image from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The commit that the image is built from, as its label says; where there is none, as its tag's name says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The commit of the GitOps repository that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Commit>,
    /// Who made it, as far as a system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// What happened, without app, environment, time and person: "3f2c1ab in place of 77d40e2".
    pub sentence: Sentence,
    /// What proves it.
    pub evidence: Vec<Evidence>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A workload began to roll out another image.
    Deployment,
    /// A workload went back to an image that it had before.
    Rollback,
    /// Something else of it changed.
    Configuration,
}

/// Who made a change, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum By {
    /// The author of the commit that brought it.
    Commit {
        /// Their name.
        name: String,
    },
    /// Somebody with this field manager, past Git: `kubectl-edit`.
    Hand {
        /// The field manager.
        manager: String,
    },
    /// Who registered the task definition, as AWS names them.
    Registered {
        /// Their name.
        name: String,
    },
}

impl By {
    /// Their name, in as few words as there are.
    pub fn name(&self) -> &str {
        match self {
            Self::Commit { name } | Self::Registered { name } => name,
            Self::Hand { manager } => manager,
        }
    }
}

/// How long something usually takes: the median of the newest samples. Said only where there are at least
/// [`Usual::FEWEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usual {
    /// Whole seconds.
    pub seconds: i64,
    /// Of how many samples.
    pub samples: u32,
}

impl Usual {
    /// Fewer samples say nothing.
    pub const FEWEST: usize = 3;
    /// Older samples than the newest of these say nothing about today.
    pub const NEWEST: usize = 15;

    /// The median of samples, the newest first; `None` of fewer than [`Self::FEWEST`].
    pub fn of(newest_first: impl IntoIterator<Item = i64>) -> Option<Self> {
        let newest = newest_first.into_iter().filter(|seconds| *seconds >= 0);
        let mut samples: Vec<i64> = newest.take(Self::NEWEST).collect();
        if samples.len() < Self::FEWEST {
            return None;
        }
        samples.sort_unstable();
        let middle = samples.len() / 2;
        let upper = *samples.get(middle)?;
        let seconds = if samples.len().is_multiple_of(2) {
            let lower = *samples.get(middle.checked_sub(1)?)?;
            lower + (upper - lower) / 2
        } else {
            upper
        };
        Some(Self {
            seconds,
            samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        })
    }
}

/// How long a commit took, or commits usually take, from being committed to running in an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeadTime {
    /// Whole seconds that this commit took; absent until it was seen there, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// How long the app's commits usually take to this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
}

/// How long a stage took, as it was told or seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Took {
    /// The stage.
    pub stage: StageKind,
    /// Whole seconds.
    pub seconds: i64,
}

#[cfg(test)]
mod tests {
    use super::Usual;

    fn usual(samples: &[i64]) -> Option<(i64, u32)> {
        Usual::of(samples.iter().copied()).map(|usual| (usual.seconds, usual.samples))
    }

    #[test]
    fn two_samples_are_no_custom() {
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[240, 250]), None);
        assert_eq!(usual(&[240, 250, -1]), None);
    }

    #[test]
    fn one_slow_day_moves_the_middle_little() {
        assert_eq!(usual(&[240, 9_000, 230]), Some((240, 3)));
        assert_eq!(usual(&[100, 200, 300, 400]), Some((250, 4)));
        assert_eq!(
            usual(&[i64::MAX, i64::MAX, i64::MAX, i64::MAX]),
            Some((i64::MAX, 4))
        );
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let mut samples = vec![60; Usual::NEWEST];
        samples.extend([9_000; 100]);
        assert_eq!(usual(&samples), Some((60, 15)));
    }
}
