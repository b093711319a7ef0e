//! What a team shares in its cluster, without a server of ours: requests with their approvals, and locks.
//!
//! Owns the names that `manifest`, `request` and `lock` have in common. The API server keeps the objects; what may become of
//! them is held by its own admission, so that kubectl is bound by the same rules.

pub mod lock;
pub mod manifest;
mod policy;
pub mod request;

use crate::call::Right;

/// The namespace of everything that is shared.
pub const NAMESPACE: &str = "landfall";
/// The API group of requests.
pub const GROUP: &str = "landfall.dev";
/// Its version.
pub const VERSION: &str = "v1alpha1";
/// The kind of a request.
pub const ACTION_RUN: &str = "ActionRun";
const ACTION_RUNS: &str = "actionruns";
/// The kind of a lock.
pub const LEASE: &str = "Lease";
const LEASES: &str = "leases";
const LEASE_GROUP: &str = "coordination.k8s.io";
/// What the policy and its binding are called. The API server names the policy in what it refuses.
pub const POLICY: &str = "landfall-actionruns";

fn right(verb: &str, group: &str, resource: &str, subresource: &str) -> Right {
    Right {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: NAMESPACE.to_owned(),
    }
}
