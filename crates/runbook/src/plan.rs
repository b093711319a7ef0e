//! A plan: exactly what a run would do, made of what is there now, for a person to read and to mean.
//!
//! Owns the plan's form and its hash. A run is bound to both: what is done is what was read, of the objects as they were.

use api::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::action::{Confirm, Step, Undo};
use crate::call::Call;
use crate::input::Inputs;

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The action's id.
    pub action: String,
    /// The hash of the action as it was read: a changed file is another action.
    pub action_hash: String,
    /// What it is done to.
    pub target: Target,
    /// What was said, with what the file says where nothing was.
    pub inputs: Inputs,
    /// Why; empty where no reason is asked for.
    pub reason: String,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// How it has to be confirmed.
    pub confirm: Confirm,
    /// How it is taken back.
    pub undo: Undo,
    /// Who else feels it: pods, budgets, autoscalers, other users of the same object. A sentence each.
    pub touches: Vec<String>,
    /// What a person should know before: what GitOps takes back, what cannot be told. A sentence each.
    pub cautions: Vec<String>,
    /// When what it is made of was read.
    pub made_at: Timestamp,
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The object.
    pub object: ObjectRef,
    /// The object's own id, so that another one of the same name is never taken for it.
    pub uid: String,
    /// The id of the cluster that it is in (its `kube-system` namespace's; of ECS, the account's number and the region), so that
    /// another cluster under the same name is never taken for it.
    pub cluster_uid: String,
    /// The app that it is of; empty where it is of none.
    #[serde(default)]
    pub app: String,
    /// The environment that it is in; empty where it is in none.
    #[serde(default)]
    pub environment: String,
    /// Whether that environment is production, or nobody can tell.
    pub production: bool,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// The step.
    pub step: Step,
    /// The object that it is done to: the target, or what has to be done first for it.
    pub on: ObjectRef,
    /// What it does, in a sentence.
    pub says: String,
    /// What is sent, in this order; none where there is nothing to do.
    pub calls: Vec<Call>,
    /// What of the objects changes: old and new. Never a secret's value.
    pub changes: Vec<Changed>,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The object.
    pub object: ObjectRef,
    /// The field: `spec.replicas`.
    pub field: String,
    /// What it is; absent where it is not there.
    pub from: Option<String>,
    /// What it becomes; absent where it goes.
    pub to: Option<String>,
}

impl Plan {
    /// What stands for exactly this plan: the SHA-256 of it as JSON, without when it was made.
    pub fn hash(&self) -> String {
        let timeless = Self {
            made_at: Timestamp::UNIX_EPOCH,
            ..self.clone()
        };
        let text = serde_json::to_vec(&timeless).unwrap_or_default();
        Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Whether nothing would be sent.
    pub fn is_nothing(&self) -> bool {
        self.steps.iter().all(|step| step.calls.is_empty())
    }

    /// The rights in the cluster that it needs, each once.
    pub fn rights(&self) -> std::collections::BTreeSet<&crate::call::Right> {
        let calls = self.steps.iter().flat_map(|step| &step.calls);
        calls.filter_map(Call::right).collect()
    }
}
