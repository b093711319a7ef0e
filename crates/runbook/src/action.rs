//! An action file's form: each thing that may be written in it, with what it means where it is absent.
//!
//! Owns the words and the published schema (actions/action.schema.json is made of these types). Checks nothing that a type
//! cannot say: `read` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::within::Within;

mod action_step;

/// One action: a button, the form behind it, and what happens when somebody means it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// The version of this form: 1.
    pub version: u32,
    /// Its name in a terminal and in records: small letters, digits and dashes.
    pub id: String,
    /// The button's words, a verb first: `Restart`. The target's name follows.
    pub title: String,
    /// What it does and what it is for, in a sentence or two.
    pub about: String,
    /// The roles of the team file that are offered it. Whether it works is decided by RBAC and IAM.
    pub roles: Vec<String>,
    /// What it is offered for.
    pub on: On,
    /// What a person is asked for.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What is done, in this order. A step begins when the one before has been seen to have worked.
    pub steps: Vec<ActionStep>,
    /// How it is confirmed. In production it is never less than `named`.
    #[serde(default)]
    pub confirm: Confirm,
    /// Whether a reason has to be given, which is recorded.
    #[serde(default)]
    pub reason: bool,
    /// At most so many runs on one target within an hour; absent: no limit.
    #[serde(default)]
    pub per_hour: Option<u32>,
    /// How it is taken back, or why it cannot be.
    pub undo: Undo,
}

/// What an action is offered for: one object at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct On {
    /// The kinds of object.
    pub kinds: Vec<TargetKind>,
    /// Only in these environments of the team file; absent: in all.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Only for these apps; absent: for all.
    #[serde(default)]
    pub apps: Vec<String>,
}

/// A kind that an action can be offered for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum TargetKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Pod.
    Pod,
    /// A CronJob.
    CronJob,
    /// A Job.
    Job,
    /// Flux's Kustomization.
    Kustomization,
    /// Flux's HelmRelease.
    HelmRelease,
    /// Flux's GitRepository.
    GitRepository,
    /// Flux's OCIRepository.
    #[serde(rename = "OCIRepository")]
    OciRepository,
    /// Flux's ImageUpdateAutomation.
    ImageUpdateAutomation,
    /// A service of Amazon ECS.
    #[serde(rename = "ECS service")]
    EcsService,
    /// A task of Amazon ECS.
    #[serde(rename = "ECS task")]
    EcsTask,
}

/// One thing that a person is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Its name: what steps and the terminal call it.
    pub name: String,
    /// What a person is asked.
    pub ask: String,
    /// What it may be.
    pub is: InputKind,
    /// What it is where nothing is said; absent: it has to be said.
    #[serde(default)]
    pub default: Option<Value>,
}

/// What an input may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum InputKind {
    /// One line of text.
    Text {
        /// A regular expression that all of it has to match; absent: any.
        #[serde(default)]
        pattern: Option<String>,
        /// The most characters.
        #[serde(default = "longest")]
        longest: usize,
    },
    /// A whole number.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// One of these words.
    Choice {
        /// The words.
        of: Vec<String>,
    },
    /// A length of time, such as `30m`.
    Duration {
        /// The longest.
        most: Within,
    },
    /// An object of the target's own namespace, chosen from those that are there.
    Object {
        /// Its kind.
        kind: TargetKind,
    },
}

fn by_commit() -> Parameter {
    Parameter::Fixed(Value::Text("commit".to_owned()))
}

fn longest() -> usize {
    200
}

/// An input's value. It stays a value: nothing reads it as a template, a path or a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "it is neither a whole number nor text; a word such as true is put in quotes"
)]
pub enum Value {
    /// A whole number.
    Number(i64),
    /// Anything else, as it was typed.
    Text(String),
}

/// A step's parameter: written in the file, or what a person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "it is neither a value nor {input: NAME}"
)]
pub enum Parameter {
    /// The value of an input.
    Input {
        /// Its name.
        input: String,
    },
    /// This value.
    Fixed(Value),
}

/// One step of an action: what is done, and to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct ActionStep {
    /// The object that it is done to, which a person chose; absent: the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Pick>,
    /// What is done.
    #[serde(flatten)]
    pub step: Step,
}

/// The object that an input chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pick {
    /// The input's name.
    pub input: String,
}

/// What can be done. Each is planned, done, and seen to have worked or not; none runs a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Step {
    /// Replaces every pod of a workload, a few at a time. Worked: all pods are of the new template, and ready.
    Restart {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Sets the number of a workload's pods. Worked: so many are ready.
    Scale {
        /// How many.
        to: Parameter,
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Deletes the pod, which its owner replaces. Worked: it is gone.
    DeletePod {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Deletes the Job with its pods. Worked: it is gone.
    DeleteJob {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Makes a Job of the CronJob, now. Worked: it has succeeded.
    RunCronJob {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Asks Flux to look now. Worked: Flux has handled exactly this request, and is Ready after it.
    Reconcile {
        /// Whether what it is fed by is asked first.
        #[serde(default)]
        source_first: bool,
        /// Whether a HelmRelease that gave up begins anew: its counted failures are forgotten.
        #[serde(default)]
        reset: bool,
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Stops Flux from touching it, until it is resumed. Worked: it says so itself.
    Suspend {},
    /// Lets Flux go on. Worked: it is not suspended any more.
    Resume {},
    /// Sets the version of an image, or of a release's chart, where it is declared in Git. Worked: Flux has applied the
    /// commit, and that version runs; of a pull request: it is open.
    SetVersion {
        /// The version: a tag, a digest or tag@digest; of a chart, its version.
        to: Parameter,
        /// How it lands: commit or pullRequest.
        #[serde(default = "by_commit")]
        by: Parameter,
        /// Which image, where there are several: its name, its repository or its container's name; absent or empty: the one
        /// whose version is declared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<Parameter>,
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Replaces every task of an ECS service by a new deployment of what it runs. Worked: that deployment is complete, and all
    /// tasks are of it.
    EcsRestart {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Sets the number of an ECS service's tasks. Worked: so many run.
    EcsScale {
        /// How many.
        to: Parameter,
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Sets the revision of the task definition that an ECS service runs. Worked: the deployment of that revision is complete,
    /// and all tasks are of it.
    EcsSetTaskDefinition {
        /// The revision: its number, or family:number.
        to: Parameter,
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
    /// Stops the ECS task, which its service replaces. Worked: it has stopped.
    EcsStopTask {
        /// How long that may take.
        #[serde(default)]
        within: Within,
    },
}

/// How an action is confirmed, from least to most.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// One click on the plan.
    #[default]
    Click,
    /// A button that names the object, the cluster and the environment.
    Named,
    /// The target's name is typed.
    Typed,
    /// Another person approves this very plan.
    SecondPerson,
}

/// How an action is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Undo {
    /// By another action, on the same target.
    By(String),
    /// Not at all, and why.
    Not(String),
}
