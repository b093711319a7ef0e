//! What is wrong in the company: the only channel between its situations and the servers and controllers.
//!
//! Owns a table that controllers and servers consult. No fault is ever visible as a field of an object: the product
//! sees only what a real system would show because of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared table of faults.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<FaultTable>>);

/// The faults there are.
#[derive(Clone, Debug, Default)]
pub struct FaultTable {
    /// How pods with an image behave, by image digest, or by [`FaultTable::in_namespace`] where only one namespace of
    /// one cluster is concerned; pods of other images start and become ready. Read through [`FaultTable::behaviour`].
    pub images: BTreeMap<String, PodBehaviour>,
    /// What fetching a source answers, by `namespace/name` of the source object in a cluster: `(cluster, key)`.
    pub sources: BTreeMap<(String, String), SourceFault>,
    /// What applying answers, by `(cluster, "Kustomization/ns/name" or "HelmRelease/ns/name")`, from a release commit
    /// on: the fault holds while the source's revision contains the commit (always, if `None`).
    pub applies: BTreeMap<(String, String), ApplyFault>,
    /// Registry paths that refuse reading to Flux's scans: what the ImageRepository says.
    pub scans: BTreeMap<(String, String), String>,
    /// Branches that refuse pushes by the automation, by `(repository path, branch)`: what the Git server says.
    pub protected: BTreeMap<(String, String), String>,
}

/// How pods of an image behave.
#[derive(Clone, Debug)]
pub enum PodBehaviour {
    /// Starts, and ends with this exit code after a moment, again and again.
    Crash {
        /// The exit code.
        exit_code: i32,
        /// What it logs before it ends.
        log: Vec<String>,
    },
    /// Uses more memory than its limit.
    OutOfMemory {
        /// What it logs before it is killed.
        log: Vec<String>,
    },
    /// Runs, but its readiness probe fails with this message.
    Unready {
        /// The kubelet's words: "Readiness probe failed: HTTP probe failed with statuscode: 503".
        probe: String,
        /// What it logs.
        log: Vec<String>,
    },
    /// Cannot be pulled; the kubelet's message.
    PullFails {
        /// The message.
        message: String,
    },
    /// Needs a ConfigMap or Secret key that is not there; the kubelet's message.
    ConfigMissing {
        /// The message.
        message: String,
    },
    /// Fits on no node; the scheduler's message.
    Unschedulable {
        /// The message.
        message: String,
    },
    /// The ReplicaSet controller may not create pods; the API server's message (quota, for example).
    Refused {
        /// The message.
        message: String,
    },
    /// An init container ends with this exit code.
    InitFails {
        /// The init container's name.
        container: String,
        /// The exit code.
        exit_code: i32,
        /// What it logs.
        log: Vec<String>,
    },
    /// Starts as others do but takes this many seconds until it is ready.
    Slow {
        /// Seconds.
        seconds: i64,
    },
}

/// Why a source cannot be fetched: the condition that Flux would set.
#[derive(Clone, Debug)]
pub struct SourceFault {
    /// `AuthenticationFailed`, `GitOperationFailed`, `ChartPullError`…
    pub reason: String,
    /// The message.
    pub message: String,
}

/// Why applying fails.
#[derive(Clone, Debug)]
pub struct ApplyFault {
    /// `ReconciliationFailed`, `BuildFailed`, `UpgradeFailed`…
    pub reason: String,
    /// The message.
    pub message: String,
    /// Holds while the revision being applied contains this commit of the GitOps repository.
    pub since_commit: Option<String>,
    /// For a HelmRelease: whether its remediation rolls back (then Released says why and Ready says RollbackSucceeded).
    pub rolls_back: bool,
}

impl FaultTable {
    /// The key of [`FaultTable::images`] for an image in one namespace of one cluster only.
    pub fn in_namespace(cluster: &str, namespace: &str, digest: &str) -> String {
        format!("{cluster}/{namespace}@{digest}")
    }

    /// How pods with this image behave in this namespace; `None` means that they start and become ready.
    pub fn behaviour(&self, cluster: &str, namespace: &str, digest: &str) -> Option<&PodBehaviour> {
        self.images
            .get(&Self::in_namespace(cluster, namespace, digest))
            .or_else(|| self.images.get(digest))
    }
}

impl Faults {
    /// The table, to read or change.
    pub fn table(&self) -> MutexGuard<'_, FaultTable> {
        // A poisoned table is still a table: whoever panicked is reported by the test that it failed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
