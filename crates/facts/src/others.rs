//! Objects of other projects' controllers that stand between a commit and its pods, or between them and traffic: Flagger's,
//! External Secrets' and cert-manager's. They make an answer more exact where they are read; no proof rests on them.

use jiff::Timestamp;

use crate::meta::{Condition, Meta};

/// A Canary: Flagger tries a Deployment's new version beside the primary, which serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.targetRef.kind`
    pub target_kind: String,
    /// `spec.targetRef.name`
    pub target: String,
    /// `status.phase`: `Progressing`, `WaitingPromotion`, `Succeeded`, `Failed`…
    pub phase: String,
    /// `status.canaryWeight`
    pub weight: i64,
    /// `status.failedChecks`
    pub failed_checks: i64,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
}

impl Canary {
    /// The name of the workload that serves: Flagger's own copy of the target.
    pub fn primary(&self) -> String {
        format!("{}-primary", self.target)
    }
}

/// An ExternalSecret: a Secret that a controller writes from a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalSecret {
    /// Name, labels, owners.
    pub meta: Meta,
    /// The Secret that it writes: `spec.target.name`, or its own name.
    pub secret: String,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
}

/// A Certificate of cert-manager's: a Secret that it writes a signed certificate into, and keeps so.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Name, labels, age.
    pub meta: Meta,
    /// `spec.secretName`
    pub secret: String,
    /// `spec.dnsNames`
    pub names: Vec<String>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.notAfter`: when the certificate that the Secret has now ends.
    pub ends: Option<Timestamp>,
}
