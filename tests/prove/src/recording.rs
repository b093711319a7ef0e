//! The form of a recording: one scenario's world at the moment when the product was asked, as text.
//!
//! Owns `tests/recordings/NAME.yaml`: how it is written and read. What is in it is real Kubernetes', Flux's and the
//! registry's own; [`scrub`] alone says what of it is renamed, and [`trim`] what is left out. The expected answer is not
//! in it: that stays in the scenario.

mod order;
mod rename;
pub mod scrub;
pub mod steady;
pub mod trim;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every kind that the product's cluster reader lists, in the order in which a recording has them. A test holds it to
/// the reader's own list.
pub const KINDS: [&str; 24] = [
    "Namespace",
    "Node",
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "Bucket",
    "Kustomization",
    "HelmRelease",
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "Canary",
    "ExternalSecret",
    "Certificate",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Pod",
    "Service",
    "EndpointSlice",
    "Ingress",
    "Event",
];

/// One scenario's world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// What was played and asked ([`crate::scenario::Scenario::made_of`]).
    pub made_of: String,
    /// When the product was asked: the same instant in every recording.
    pub now: jiff::Timestamp,
    /// The commit that was asked about.
    pub asked: String,
    /// What the places of the scenario's expected answer stand for: `{name}`, `{tag2}`.
    pub words: BTreeMap<String, String>,
    /// Git, by repository.
    pub repositories: BTreeMap<String, Repository>,
    /// What the registry has.
    pub images: Vec<Image>,
    /// The cluster's objects, with their status.
    pub objects: Vec<Value>,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Branches and their heads.
    pub branches: BTreeMap<String, String>,
    /// Tags and their commits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Commits, parents first.
    pub commits: Vec<Commit>,
}

/// A commit, as the changes that it makes to its parent's files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// What it is called: it follows from everything below.
    pub sha: String,
    /// The commit before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `Name <mail>`.
    pub author: String,
    /// When.
    pub at: jiff::Timestamp,
    /// Its message.
    pub message: String,
    /// Files that it writes, and those that it removes (null).
    pub files: BTreeMap<String, Option<String>>,
}

/// A manifest of the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The repository.
    pub repository: String,
    /// The tags that name it.
    pub tags: Vec<String>,
    /// What it is called: it follows from the manifest.
    pub digest: String,
    /// The manifest.
    pub manifest: Value,
    /// The configuration, with its labels, if the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no recording.
    #[error("{path} is no recording: {source}", path = .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_yaml_ng::Error,
    },
}

/// Where the recordings are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../recordings")
}

impl Recording {
    /// The file of a scenario's recording.
    pub fn path(scenario: &str) -> PathBuf {
        folder().join(format!("{scenario}.yaml"))
    }

    /// The recording of a scenario, if there is one.
    ///
    /// # Errors
    /// There is one, and it cannot be read.
    pub fn of(scenario: &str) -> Result<Option<Self>, RecordingError> {
        let path = Self::path(scenario);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RecordingError::File { path, source }),
        };
        serde_yaml_ng::from_str(&text)
            .map(Some)
            .map_err(|source| RecordingError::Form { path, source })
    }

    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, scenario: &str) -> Result<(), RecordingError> {
        let path = Self::path(scenario);
        let text = serde_yaml_ng::to_string(self).map_err(|source| RecordingError::Form {
            path: path.clone(),
            source,
        })?;
        let text = format!(
            "# Recorded by `./dev prove --record --only {scenario}`; not written by hand (docs/PROVING.md, Recordings).\n{text}"
        );
        let written = std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(&path, text));
        written.map_err(|source| RecordingError::File { path, source })
    }
}

/// The same value with every map's keys in their order, whatever order this build of serde_json keeps: digests of
/// manifests hang on it.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, Value> = fields
                .iter()
                .map(|(name, value)| (name, self::sorted(value)))
                .collect();
            let fields = sorted
                .into_iter()
                .map(|(name, value)| (name.clone(), value));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Every text of a value: its strings and its maps' keys.
pub fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.push(name);
                texts(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
