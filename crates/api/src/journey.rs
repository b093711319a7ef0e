//! An ask and its answer: for each app and target a journey of nine stages, one state and one headline.
//!
//! Owns the words that the engine, the terminal's JSON and the window share. What the states and stages mean is
//! said here once; the rules that choose between them live in the `journey` crate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::headline::Sentence;
use crate::history::{LeadTime, Usual};
use crate::object::ObjectRef;

/// What a person asks, as typed, with what narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// A full or short SHA, a branch, a tag, a pull request or a CI run by number or link, or an app's name;
    /// empty asks for every app's newest commit.
    pub text: String,
    /// Only this app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Only this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Only this source repository: its address or the end of it, such as `shop/checkout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// Everything there is to say about an ask at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The version of this document's form: [`crate::JSON_VERSION`].
    pub version: u32,
    /// What was asked.
    pub ask: Ask,
    /// The commit the ask stands for; absent while that is not known, or when the ask is a whole app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// One journey for each app and target, in the order of apps, then of environments from first to last.
    pub journeys: Vec<Journey>,
    /// Facts that are still being fetched: the answer may yet become more exact.
    pub pending: usize,
    /// What could not be read at all and therefore is not among the journeys, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Sentence>,
    /// The moment the facts were judged at.
    pub at: Timestamp,
}

/// A commit as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// The repository's address.
    pub repository: String,
    /// The full SHA.
    pub sha: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// What became of a commit in one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// What runs is built from exactly this commit, proven by the pods' image digest, and it is ready.
    Deployed,
    /// What runs is built from a newer commit that contains this one, and it is ready.
    Superseded,
    /// This commit changes nothing in this target.
    NotAffected,
    /// Something is working on it right now.
    Moving,
    /// Nothing is wrong; something acts by itself at a later time.
    Waiting,
    /// A person has to promote it to this environment; nothing is broken.
    NeedsPromotion,
    /// It will not arrive unless somebody mends something.
    Blocked,
    /// It arrived and was rolled back.
    RolledBack,
    /// A later commit takes it back.
    Reverted,
    /// Something that decides the answer could not be read.
    Unknown,
}

impl State {
    /// Whether the commit's change is in effect, or has no effect to wait for: what exit code 0 means.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Deployed | Self::Superseded | Self::NotAffected)
    }
}

/// The nine stages, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// The commit exists and is on the branch that releases.
    Commit,
    /// CI built it.
    Build,
    /// Its image is in the registry.
    Image,
    /// The environment's declaration names that image.
    Release,
    /// Flux fetched that declaration.
    Source,
    /// Flux applied it.
    Apply,
    /// The workload rolls it out.
    Rollout,
    /// The pods run it and are ready.
    Pods,
    /// Traffic reaches them.
    Serving,
}

impl StageKind {
    /// All nine, in order.
    pub const ALL: [Self; 9] = [
        Self::Commit,
        Self::Build,
        Self::Image,
        Self::Release,
        Self::Source,
        Self::Apply,
        Self::Rollout,
        Self::Pods,
        Self::Serving,
    ];

    /// The stage's name in lower case, as the JSON and the terminal say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Build => "build",
            Self::Image => "image",
            Self::Release => "release",
            Self::Source => "source",
            Self::Apply => "apply",
            Self::Rollout => "rollout",
            Self::Pods => "pods",
            Self::Serving => "serving",
        }
    }
}

/// How one stage stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum StageState {
    /// An earlier stage has to be done first.
    NotReached,
    /// Behind us.
    Done,
    /// Something is working on it now.
    Moving,
    /// Nothing works on it now, and something will by itself.
    Waiting {
        /// What acts next, and when, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<NextAttempt>,
    },
    /// It will not pass unless somebody mends something.
    Blocked,
    /// This target has no such stage; why.
    Skipped {
        /// Why there is nothing to do here.
        why: String,
    },
    /// It could not be read.
    Unknown {
        /// What could not be read, and why.
        why: String,
    },
}

/// One stage of one journey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Which of the nine.
    pub kind: StageKind,
    /// How it stands.
    #[serde(flatten)]
    pub state: StageState,
    /// When it came to stand so; absent where no system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whole seconds it took, for stages that are done and say when they began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<i64>,
    /// How long it usually takes, for stages that something works on: by what was seen here before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
    /// One short line about it: "main@3f2c1ab fetched", "4 of 6 pods ready".
    pub summary: Sentence,
    /// What proves it.
    pub evidence: Vec<Evidence>,
}

/// One thing that was read and proves something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Where it was read.
    pub object: ObjectRef,
    /// The field's path in the object, as `kubectl explain` spells it: `status.conditions[Ready].message`.
    pub field: String,
    /// What it said, whole. Foreign text: show it as text.
    pub value: String,
    /// The moment the value is about, by that system's clock; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Why a journey does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The stable code from docs/CAUSES.md, such as `apply-immutable-field`.
    pub code: String,
    /// The stage it stops.
    pub stage: StageKind,
    /// The object that is the root: the first thing in the chain that is not merely waiting for another.
    pub object: ObjectRef,
    /// What is wrong, as part of a sentence.
    pub sentence: Sentence,
    /// What mends it.
    pub remedy: String,
    /// Since when, by that system's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The image that would be declared if nothing stopped it, where it is exactly this commit's: its tag, or its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The workload whose pods it is about, where it is about pods: the app's own, or another that the app waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<ObjectRef>,
}

/// An action that fits a cause: on what, with what filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// The action's name, as in docs/ACTIONS.md.
    pub action: String,
    /// The button's words, without the object's name.
    pub title: String,
    /// What it is done to.
    pub object: ObjectRef,
    /// What is said already, by the questions' names. Foreign text: a person looks at it before it counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Why it cannot be used by this person, with who may; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greyed: Option<String>,
}

/// One step down a chain of things that wait for each other, from the app to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainLink {
    /// The object.
    pub object: ObjectRef,
    /// How it stands in its own words: "waits for its dependency", "upgrade failed".
    pub says: String,
    /// Whether it is the root cause.
    pub root: bool,
}

/// What acts next by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextAttempt {
    /// When; absent if the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Who acts.
    pub who: ObjectRef,
    /// What it will do: "fetches main", "retries the upgrade".
    pub what: String,
}

/// What runs in a target now, whatever the asked commit's fate is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The workload.
    pub workload: ObjectRef,
    /// The image of the app's container as the pods report it, tag and digest where both are known.
    pub image: String,
    /// The commit it is built from, if its image says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// When the oldest of its pods was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether it is well.
    pub health: Health,
    /// Ready pods and wanted pods.
    pub ready: u32,
    /// Wanted pods.
    pub wanted: u32,
}

/// Whether what runs is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Every wanted pod is ready.
    Healthy,
    /// Some are, some are not.
    Degraded,
    /// None is ready though some are wanted.
    Down,
    /// None is wanted.
    ScaledToZero,
    /// It could not be read.
    Unknown,
}

/// The journey of one commit of one app to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    /// The app.
    pub app: String,
    /// The environment, such as `production`.
    pub environment: String,
    /// The cluster.
    pub cluster: String,
    /// The commit this journey is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// What became of it.
    pub state: State,
    /// The whole answer in one sentence.
    pub headline: Sentence,
    /// Further sentences that a careful reader wants: qualifiers such as "applied, but not verified".
    pub notes: Vec<Sentence>,
    /// The stage that stops it, unless it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_stage: Option<StageKind>,
    /// Why it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The actions that fit the cause, the most fitting first. Empty where nothing stops it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Act>,
    /// Other causes that apply further on.
    pub other_causes: Vec<Cause>,
    /// From the app's own object down to the root cause; empty when the cause is the app's own.
    pub chain: Vec<ChainLink>,
    /// What proves the headline, most telling first.
    pub evidence: Vec<Evidence>,
    /// What acts next by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<NextAttempt>,
    /// What runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// The nine stages, in order.
    pub stages: Vec<Stage>,
    /// How long it took from commit to here, or usually takes: by what was seen here before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time: Option<LeadTime>,
    /// Set when the cluster stopped answering: the journey is what was last known, at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<Timestamp>,
    /// Whether it is unknown only because something is still being read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}
