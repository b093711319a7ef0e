//! The name of one object in one system: a Kubernetes object, a CI run, an image, a commit's file.
//!
//! Owns how an object is named on the wire and in a sentence; knows nothing of what is in it.

use serde::{Deserialize, Serialize};

/// One object somewhere: enough to name it in a sentence and to open it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// The system that holds it: a cluster's name, or a code host or registry such as `ghcr.io`.
    pub system: String,
    /// The kind in the system's own words: `Kustomization`, `Pod`, `WorkflowRun`, `PullRequest`, `Image`.
    pub kind: String,
    /// The namespace, or the repository for kinds that live in one; empty for cluster-wide kinds.
    pub namespace: String,
    /// The object's own name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(
        system: impl Into<String>,
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            system: system.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// `Kind namespace/name`, as a sentence says it; the system is left to the words around it.
impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}
