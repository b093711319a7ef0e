//! Cases made by hand: a recorded world with a few things changed, where the real programs cannot produce the trouble.
//!
//! Owns `by-hand/NAME.yaml`: which recording is changed, how, and what must be answered. They count apart from what was
//! recorded: that a system would look just so is only believed here.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sandbox::github::{Conclusion, GitHub, Pull, PullState, Run, RunStatus};
use serde::Deserialize;
use serde_json::Value;

use crate::recording::{Recording, RecordingError};
use crate::scenario::Expected;
use crate::scenario::sense::{Senseless, expected};

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// Its file's name without `.yaml`.
    #[serde(skip)]
    pub name: String,
    /// What a reader should know.
    pub about: String,
    /// The scenario whose recording is changed.
    pub from: String,
    /// Why it is not recorded.
    pub because: String,
    /// What is changed of the cluster's objects.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Pull requests into the app's main branch.
    #[serde(default)]
    pub pulls: Vec<HandPull>,
    /// CI runs of the commit that is asked about.
    #[serde(default)]
    pub runs: Vec<HandRun>,
    /// What must be answered.
    pub expect: Expected,
}

/// A change of objects. Texts may hold the places of the recording's scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `Kind name`; with `*` at its end every object whose name begins so.
    pub object: String,
    /// The JSON merge patch.
    #[serde(default)]
    pub with: Option<Value>,
    /// They are not there.
    #[serde(default)]
    pub gone: bool,
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandPull {
    /// Its number.
    pub number: u64,
    /// The branch it comes from.
    pub head: String,
    /// Where it stands.
    pub state: HandState,
}

/// Where a pull request stands.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandState {
    /// Not decided.
    Open,
    /// Closed without merging.
    Closed,
}

/// A CI run that has ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandRun {
    /// Its number.
    pub id: u64,
    /// How it ended.
    pub conclusion: HandConclusion,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandConclusion {
    /// Somebody cancelled it.
    Cancelled,
    /// Badly.
    Failure,
}

/// Why a case cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A file is no case.
    #[error("{file}: {source}")]
    Form {
        /// Which.
        file: String,
        /// Why.
        source: serde_yaml_ng::Error,
    },
    /// Its expected answer makes no sense.
    #[error("{file}: {source}")]
    Senseless {
        /// Which.
        file: String,
        /// Why.
        source: Senseless,
    },
    /// The recording that it changes.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There is no such recording.
    #[error("{0}: there is no recording {1}")]
    NoRecording(String, String),
    /// A change that changes nothing.
    #[error("{0}: {1} is changed, and nothing of it becomes other")]
    NoEffect(String, String),
}

/// Every case, by name.
///
/// # Errors
/// A file that is no case.
pub fn all() -> Result<Vec<ByHand>, ByHandError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("by-hand");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path)?;
        let mut case: ByHand =
            serde_yaml_ng::from_str(&text).map_err(|source| ByHandError::Form {
                file: file.clone(),
                source,
            })?;
        expected(&case.expect).map_err(|source| ByHandError::Senseless { file, source })?;
        case.name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        found.push(case);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

impl ByHand {
    /// The recording as this case changes it.
    ///
    /// # Errors
    /// There is none, or a change changes nothing.
    pub fn world(&self) -> Result<Recording, ByHandError> {
        let none = || ByHandError::NoRecording(self.name.clone(), self.from.clone());
        let mut recording = Recording::of(&self.from)?.ok_or_else(none)?;
        for change in &self.changes {
            let object = recording.filled(&change.object);
            let before = recording.objects.clone();
            let with = change.with.as_ref();
            let with = with.map(|with| filled(&recording, with));
            if change.gone {
                recording.objects.retain(|one| !is_named(one, &object));
            }
            if let Some(with) = &with {
                let named = recording.objects.iter_mut();
                for one in named.filter(|one| is_named(one, &object)) {
                    json_patch::merge(one, with);
                }
            }
            if recording.objects == before {
                return Err(ByHandError::NoEffect(self.name.clone(), object));
            }
        }
        Ok(recording)
    }

    /// Puts what the code host knows beside Git.
    pub fn host(&self, recording: &Recording, hub: &GitHub) {
        let repository = format!("apps/{}", self.from);
        let began = recording.now - SignedDuration::from_mins(5);
        for pull in &self.pulls {
            hub.put_pull(&repository, self.pull(recording, pull, began));
        }
        for run in &self.runs {
            let conclusion = match run.conclusion {
                HandConclusion::Cancelled => Conclusion::Cancelled,
                HandConclusion::Failure => Conclusion::Failure,
            };
            let run = Run {
                id: run.id,
                name: "CI".to_owned(),
                head_sha: recording.asked.clone(),
                branch: "main".to_owned(),
                status: RunStatus::Completed,
                conclusion: Some(conclusion),
                created: began,
                updated: recording.now,
                ..Run::default()
            };
            hub.put_run(&repository, run);
        }
    }

    fn pull(&self, recording: &Recording, pull: &HandPull, created: Timestamp) -> Pull {
        let state = match pull.state {
            HandState::Open => PullState::Open,
            HandState::Closed => PullState::Closed { at: recording.now },
        };
        Pull {
            number: pull.number,
            title: self.about.clone(),
            author: "robin".to_owned(),
            base: "main".to_owned(),
            head: pull.head.clone(),
            head_sha: recording.asked.clone(),
            state,
            created,
            updated: recording.now,
            ..Pull::default()
        }
    }
}

/// A value with the places of its texts filled in.
fn filled(recording: &Recording, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(recording.filled(text)),
        Value::Array(items) => items.iter().map(|one| filled(recording, one)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(name, one)| (name.clone(), filled(recording, one)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// Whether an object is of this kind and name.
fn is_named(object: &Value, wanted: &str) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let Some((wanted_kind, wanted)) = wanted.split_once(' ') else {
        return false;
    };
    kind == wanted_kind
        && match wanted.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == wanted,
        }
}
