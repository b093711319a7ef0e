//! The form of a scenario's file: what it sets up, what it breaks, and what must be answered.
//!
//! Owns the words of `scenarios/*.yaml`. Every text may hold `{name}` (the scenario, which is also its app and its
//! namespace), `{registry}` and `{code}` (host and port), `{commit}` and `{image}` (the newest of both), `{tag1}`, `{tag2}` …
//! (images in their order), `{repository}` (the image without a tag), `{digest}` (the newest image's), `{head}` (of the GitOps
//! repository), `{newest}` (once all steps are played: the Deployment's newest ReplicaSet, whose name its pods begin with),
//! `{now}` and `{charts}` (the URL of the Helm repository over HTTP).

pub mod sense;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::recording::sorted;

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Its file's name without `.yaml`.
    #[serde(skip)]
    pub name: String,
    /// A digest of what is played and asked: a recording of other steps is none of this scenario.
    #[serde(skip)]
    pub made_of: String,
    /// What a reader should know: what is broken, and why it is hard to say.
    pub about: String,
    /// What happens, in order.
    #[serde(with = "serde_yaml_ng::with::singleton_map_recursive")]
    pub steps: Vec<Step>,
    /// Which commit is asked about; the app's newest if absent.
    #[serde(default)]
    pub ask: Option<Asked>,
    /// That the answer is wrong today, where it is. Then the cause may be one that is not in the table yet.
    #[serde(default)]
    pub wrong_today: Option<WrongToday>,
    /// What must be answered about it afterwards.
    pub expect: Expected,
}

/// A wrong answer that is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrongToday {
    /// Why it is wrong.
    pub because: String,
    /// What is said instead, as a run prints it, or a part of what the product refuses with: any other wrong answer is a new
    /// mistake.
    pub says: String,
}

/// What is asked about.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// The newest commit of the GitOps repository.
    Configuration,
    /// A commit of the app's repository, counted from 1.
    #[serde(untagged)]
    Commit(usize),
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// The app with its repositories, its first commit live through Flux, which waits for it to be healthy.
    Live(Live),
    /// A commit to the app's repository, built and pushed as an image unless said otherwise.
    Commit(Commit),
    /// The newest image is declared in the GitOps repository, and Flux asked to look.
    Release(Release),
    /// Files of the GitOps repository are written (a null removes one) and Flux asked to look.
    Write(Write),
    /// Objects are applied to the cluster, as a person would.
    Apply(Vec<Value>),
    /// An object is changed by a merge patch.
    Patch(Patch),
    /// An object is deleted.
    Delete(Reference),
    /// Flux is asked to reconcile an object now.
    Reconcile(Reference),
    /// A chart is packed and pushed: to the registry as `charts/NAME`, or to the Helm repository over HTTP.
    Chart(Chart),
    /// The GitOps repository is packed as an artifact and pushed, as CI would, and Flux asked to look.
    Pack(Pack),
    /// Image automation is set up for the app: what is merged into the specs of its three objects.
    Automate(Automate),
    /// The Git server refuses pushes to this branch of the GitOps repository.
    Protect(String),
    /// The newest image is deleted from the registry, as a lifecycle rule would.
    LoseImage,
    /// The newest commit of the app's repository is reverted by a new one, which is built.
    Revert,
    /// This many seconds pass.
    Pass(u64),
    /// The scenario goes on when the world is so.
    Until(Until),
}

/// How the app lives.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Live {
    /// What is merged into the Kustomization's spec.
    pub kustomization: Map<String, Value>,
    /// What is merged into the GitRepository's spec.
    pub source: Map<String, Value>,
    /// The app is a HelmRelease with the chart in `chart/`: what is merged into its spec.
    pub helm: Option<Map<String, Value>>,
    /// The source is an OCIRepository of packed artifacts: what is merged into its spec.
    pub packed: Option<Map<String, Value>>,
    /// The line that names the image carries the marker of the ImagePolicy with the app's name.
    pub marked: bool,
    /// Files beside or instead of the usual ones, by path in the GitOps repository; null leaves one out.
    pub files: BTreeMap<String, Option<String>>,
}

/// A commit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Commit {
    /// The branch, if not main; it begins at main's head.
    pub branch: Option<String>,
    /// Whether an image is pushed.
    pub image: Option<bool>,
    /// The image's tag, if not one of its own.
    pub tag: Option<String>,
    /// How a container of the image ends up.
    pub fate: Option<Fate>,
}

/// How a container ends up: the stages of `stages/pods.yaml`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It ends with an error, again and again.
    Crash,
    /// It is killed for its memory.
    Oom,
    /// It runs, and its readiness probe fails.
    Probe,
    /// It runs and is not ready; nothing says why.
    Slow,
    /// What it is configured by does not exist.
    Config,
    /// The pod's init container ends with an error, again and again.
    Init,
    /// It is ready, and a readiness gate keeps the pod from being so.
    Gate,
}

/// A release.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// The tag to write, if not the newest image's.
    pub tag: Option<String>,
    /// Flux is not asked to look.
    pub quietly: bool,
    /// What is merged into the HelmRelease's spec, from now on.
    pub helm: Map<String, Value>,
}

/// A chart.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chart {
    /// Its version.
    pub version: String,
    /// It goes to the Helm repository over HTTP instead of the registry.
    #[serde(default)]
    pub http: bool,
    /// Files beside or instead of the usual ones, by path in the chart; null leaves one out.
    #[serde(default)]
    pub files: BTreeMap<String, Option<String>>,
}

/// A packed artifact.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Pack {
    /// It does not say which repository and commit it is made from.
    pub anonymous: bool,
}

/// Image automation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Automate {
    /// What is merged into the ImageRepository's spec.
    pub repository: Map<String, Value>,
    /// What is merged into the ImagePolicy's spec.
    pub policy: Map<String, Value>,
    /// What is merged into the ImageUpdateAutomation's spec.
    pub automation: Map<String, Value>,
}

/// A change in the GitOps repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Write {
    /// Paths from the root and their content; null removes one.
    pub files: BTreeMap<String, Option<String>>,
}

/// A change of an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// `Kind name`, in the scenario's namespace.
    pub object: String,
    /// The JSON merge patch.
    pub with: Value,
    /// As which field manager; `kubectl-…` is a person's hand.
    #[serde(default)]
    pub by: Option<String>,
}

/// An object of the scenario's namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reference {
    /// `Kind name`.
    pub object: String,
}

/// What the world has to be like.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Until {
    /// `Kind name` in the scenario's namespace; `Kind *` means any object of that kind.
    pub object: String,
    /// A condition's type and what it must be: any of status, reason and a part of the message.
    #[serde(default)]
    pub condition: Option<Condition>,
    /// A JSON pointer, such as `/status/lastAttemptedRevision`, and a text that its value must contain.
    #[serde(default)]
    pub field: Option<Field>,
    /// There is no such object any more.
    #[serde(default)]
    pub gone: bool,
}

/// A condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// Its type.
    pub r#type: String,
    /// Its status.
    #[serde(default)]
    pub status: Option<String>,
    /// Its reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// A part of its message.
    #[serde(default)]
    pub message: Option<String>,
}

/// A field.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// Where.
    pub at: String,
    /// A part of its value as text; of an object or a list as JSON.
    #[serde(default)]
    pub contains: String,
    /// There is no such field, or it is null.
    #[serde(default)]
    pub absent: bool,
}

/// What must be answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The app, if not the scenario's.
    #[serde(default)]
    pub app: Option<String>,
    /// The workload that it is about, where several journeys are expected: what runs there now.
    #[serde(default)]
    pub workload: Option<String>,
    /// The state.
    pub state: String,
    /// The blocking stage; none for what is settled.
    #[serde(default)]
    pub stage: Option<String>,
    /// The cause's code.
    #[serde(default)]
    pub cause: Option<String>,
    /// The root object: kind, namespace and name; `*` at its end for a name that the cluster makes.
    #[serde(default)]
    pub object: Option<String>,
    /// Journeys beside this one, each there once. Where none is named, every journey of the answer must be this one.
    #[serde(default)]
    pub also: Vec<Expected>,
}

impl Expected {
    /// This one and those beside it.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.also)
    }

    /// What must be said, in one line.
    pub fn told(&self) -> String {
        let one = |expected: &Self| {
            let first = [
                expected.app.as_deref(),
                expected.workload.as_deref(),
                Some(&*expected.state),
            ];
            let rest = [&expected.stage, &expected.cause, &expected.object];
            let words = first.into_iter().chain(rest.map(Option::as_deref));
            words.flatten().collect::<Vec<_>>().join(" ")
        };
        self.all().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// Why the scenarios cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A file is no scenario.
    #[error("{file}: {source}")]
    Form {
        /// Which.
        file: String,
        /// Why.
        source: serde_yaml_ng::Error,
    },
    /// A file asks for what cannot be.
    #[error("{file}: {source}")]
    Senseless {
        /// Which.
        file: String,
        /// Why.
        source: sense::Senseless,
    },
}

/// Every scenario, by name.
///
/// # Errors
/// A file that is no scenario.
pub fn all() -> Result<Vec<Scenario>, ScenarioError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        // Editors leave other files beside it.
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path)?;
        let mut scenario: Scenario =
            serde_yaml_ng::from_str(&text).map_err(|source| ScenarioError::Form {
                file: path.display().to_string(),
                source,
            })?;
        sense::check(&scenario).map_err(|source| ScenarioError::Senseless {
            file: path.display().to_string(),
            source,
        })?;
        scenario.name = name;
        scenario.made_of = made_of(&text);
        found.push(scenario);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// A digest of a file's steps and question, whatever its spacing and comments.
pub fn made_of(text: &str) -> String {
    let file: Value = serde_yaml_ng::from_str(text).unwrap_or_default();
    let played = sorted(&json!([file["steps"], file["ask"]])).to_string();
    let digest = Sha256::digest(played);
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
