//! Approvals as views show them: what is asked for in a cluster, and how it stands.
//!
//! Owns the values on the wire. What counts as an approval, the runbook says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::object::ObjectRef;

/// A request for another person's approval, as the cluster keeps it. All of its words were written by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRequest {
    /// Its name: what its run is called.
    pub name: String,
    /// The action's name.
    pub action: String,
    /// What it is to be done to, in the cluster that keeps the request.
    pub object: ObjectRef,
    /// What was said, by the questions' names.
    pub inputs: BTreeMap<String, String>,
    /// Why; empty where no reason was given.
    pub reason: String,
    /// The plan's hash.
    pub hash: String,
    /// Who asks, as the cluster names them.
    pub requester: String,
    /// When.
    pub asked: Timestamp,
    /// Who has approved it, as the cluster names them.
    pub approved_by: Vec<String>,
    /// How it stands.
    pub stands: ApprovalStands,
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ApprovalStands {
    /// Nobody else has approved it yet.
    Waiting {},
    /// Somebody else has, and it was not begun.
    Approved {},
    /// It was begun: the approval is used up.
    Begun {
        /// How it ended, as who asked says; absent where it has not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
    },
    /// It was asked for too long ago, and has to be asked for anew.
    Late {},
}

/// What a cluster holds of who asks and who approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ApprovalsHeld {
    /// The API server binds both to its own word for them.
    ByServer {},
    /// It takes whatever is said: approvals there are advisory.
    Advisory {},
    /// That cannot be told.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What came of asking for another person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalAsked {
    /// The request; one that was there already is asked for no second time.
    pub request: ApprovalRequest,
    /// What the cluster holds of it.
    pub held: ApprovalsHeld,
}

/// The requests of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterApprovals {
    /// The cluster.
    pub cluster: String,
    /// Its requests, the newest first.
    pub requests: Vec<ApprovalRequest>,
    /// Why they cannot be read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Error>,
}
