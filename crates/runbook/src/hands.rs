//! The hands: what a run needs of the world. The console gives it the clusters; tests give it others.
//!
//! Owns the seam. Nothing else in this crate reaches outside this machine.

use async_trait::async_trait;

use crate::call::{Call, Right};
use crate::ground::{Look, Read};
use crate::journal::{Answer, RunId};

/// What reads and sends.
#[async_trait]
pub trait Hands: Send + Sync {
    /// Reads, past every cache.
    async fn read(&self, look: &Look) -> Read;

    /// Lets the server try a call without keeping it: whether it would be accepted.
    async fn try_out(&self, call: &Call, run: &RunId) -> Answer;

    /// Sends a call, once.
    async fn send(&self, call: &Call, run: &RunId) -> Answer;

    /// Whether the person has a right in a system; `None` where that cannot be told.
    async fn may(&self, system: &str, right: &Right) -> Option<bool>;

    /// The cluster's own id: that of its `kube-system` namespace, or an account's number and region; `None` where that cannot
    /// be told.
    async fn cluster_uid(&self, system: &str) -> Option<String>;

    /// Who the person is there, as the cluster says; `None` where that cannot be told.
    async fn identity(&self, system: &str) -> Option<String>;

    /// Whether runs of several machines are kept apart there, by locks in the systems themselves.
    fn keeps_apart(&self) -> bool {
        false
    }
}
