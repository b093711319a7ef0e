//! Actions as views show them: what is offered, a plan to read and to mean, a run as it goes.
//!
//! Owns the values on the wire. What an action is, and what it may do, the runbook says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::object::ObjectRef;

/// An action that may be offered for an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The action's name.
    pub action: String,
    /// The button's words, without the object's name.
    pub title: String,
    /// What it does, in a sentence or two.
    pub about: String,
    /// Why it cannot be used now, in a sentence, with who may; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greyed: Option<String>,
    /// What has to be said first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Question>,
    /// Whether a reason has to be given.
    pub reason: bool,
}

/// An action that a person may run somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The action's name.
    pub action: String,
    /// The button's words, without an object's name.
    pub title: String,
    /// What it does, in a sentence or two.
    pub about: String,
    /// The kinds of object that it is done to.
    pub kinds: Vec<String>,
    /// The environments that it is offered in; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The apps that it is offered for; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
}

/// One thing that a person is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Its name.
    pub name: String,
    /// What is asked.
    pub ask: String,
    /// What it may be.
    pub kind: QuestionKind,
    /// What it is where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What may be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum QuestionKind {
    /// One line of text.
    Text {},
    /// A whole number.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// One of these.
    Choice {
        /// Which.
        of: Vec<String>,
    },
    /// A length of time, such as `30m`.
    Duration {},
    /// The name of an object of this kind.
    Object {
        /// The kind.
        kind: String,
    },
}

/// What is asked of an action: on what, with which values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// The action's name.
    pub action: String,
    /// The object.
    pub object: ObjectRef,
    /// What was said, by the questions' names.
    #[serde(default)]
    pub said: BTreeMap<String, String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What a run would do. Nothing has changed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// What stands for exactly this plan.
    pub hash: String,
    /// The action's name.
    pub action: String,
    /// What the button that means it says: `Restart Deployment shop/checkout in prod-eu`.
    pub button: String,
    /// The object.
    pub object: ObjectRef,
    /// The environment that it is in; empty where it is in none.
    pub environment: String,
    /// Whether that is production, or nobody can tell.
    pub production: bool,
    /// How it has to be confirmed.
    pub confirm: Confirm,
    /// What is done, in order.
    pub steps: Vec<PlanStep>,
    /// Who else feels it.
    pub touches: Vec<String>,
    /// What to know before.
    pub cautions: Vec<String>,
    /// The rights that it needs.
    pub rights: Vec<PlanRight>,
    /// How it is taken back, or why it cannot be.
    pub undo: String,
    /// Whether there is nothing to do.
    pub nothing: bool,
    /// What the server says to it, tried without keeping it; absent where it would take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<String>,
    /// The team's freeze that holds there now; absent where none does. It gives way to why it cannot wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
}

/// A time in which the team changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frozen {
    /// What is frozen: the environment, or the object where nobody can tell its environment.
    pub what: String,
    /// Until before then.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// How a plan has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// One click.
    Click,
    /// A button that names the object and the cluster.
    Named,
    /// The object's name is typed.
    Typed,
    /// Another person approves it.
    SecondPerson,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// What it does, in a sentence.
    pub says: String,
    /// What changes; of a commit, the fields are a file and its line: `apps/cart.yaml:12`.
    pub changes: Vec<FieldChange>,
    /// The commits in which it changes, where it is files of a repository that do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<PlanCommit>,
    /// What is sent: `PATCH /apis/apps/v1/…`.
    pub sends: Vec<String>,
}

/// A commit that a plan would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanCommit {
    /// The repository, as Flux's source names it.
    pub repository: String,
    /// The branch that it is for.
    pub branch: String,
    /// The SHA of the branch's head that it goes on top of: on another it is not made.
    pub head: String,
    /// Whether it waits in a pull request; otherwise it lands on the branch itself.
    pub pull_request: bool,
    /// Its message. Who asked, and the run, are added.
    pub message: String,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub field: String,
    /// What it is; absent where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it becomes; absent where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// One right that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRight {
    /// Which: `patch deployments in shop`.
    pub right: String,
    /// Whether it is there; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// What a person did to mean a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Meant {
    /// One click.
    Clicked {},
    /// The button that names it.
    Named {},
    /// This was typed.
    Typed {
        /// What.
        text: String,
    },
    /// Another person has approved it, in the cluster.
    SecondPerson {},
}

/// A run, as it goes or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    pub run: String,
    /// The action's name.
    pub action: String,
    /// What it is called: `Restart Deployment shop/checkout`.
    pub title: String,
    /// The object.
    pub object: ObjectRef,
    /// The environment; empty where it is in none.
    pub environment: String,
    /// Who.
    pub by: String,
    /// Why; empty where no reason was given.
    pub reason: String,
    /// When it began.
    pub began: Timestamp,
    /// Its steps.
    pub steps: Vec<RunStep>,
    /// How it stands.
    pub stands: RunStands,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    /// What it does.
    pub says: String,
    /// How far it is.
    pub state: StepState,
    /// What was seen of it, or is waited for; empty where nothing is known yet.
    pub seen: String,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// Something may have been sent, and no answer came yet.
    Sending,
    /// It was sent, and is not seen to have worked yet.
    Sent,
    /// It was seen to have worked.
    Worked,
    /// It failed, or was refused.
    Failed,
    /// It was sent, and nobody knows whether it worked.
    Unproven,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RunStands {
    /// It goes on, here or in another window or terminal of this machine.
    Running {},
    /// It broke off; the sentence names the last thing that is known of it.
    Interrupted {
        /// In a sentence.
        says: String,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: RunOutcome,
        /// In a sentence.
        says: String,
        /// When.
        at: Timestamp,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// It was seen to have worked.
    Worked,
    /// There was nothing to do.
    NothingToDo,
    /// It was refused or failed.
    Failed,
    /// It has not been seen to work in time.
    Unproven,
    /// A person stopped it.
    Cancelled,
    /// It broke off, and a person closed it.
    Closed,
}

/// The runs of this machine, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runs {
    /// The newest runs.
    pub runs: Vec<RunView>,
    /// Why the record cannot be read, or is not to be believed, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Error>,
    /// What of the team's own actions cannot be used, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<String>,
}

impl Runs {
    /// Whether one of them goes.
    pub fn goes(&self) -> bool {
        let mut runs = self.runs.iter();
        runs.any(|run| matches!(run.stands, RunStands::Running {}))
    }
}
