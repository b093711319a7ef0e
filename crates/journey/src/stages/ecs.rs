//! The stages of Amazon ECS: no Flux, a task definition in Git's place, a service that deploys it, tasks, target groups.
//!
//! Owns what the four of them share: how a service's own facts are found, how its objects are named.

mod reason;
pub mod release;
pub mod rollout;
pub mod serving;
pub mod tasks;

use api::ObjectRef;
use facts::ecs::{self, Deployment, Service};
use facts::kubernetes::Workload;
use facts::meta::Kind;

use crate::view::Place;

/// Why ECS has no source stage.
pub const NO_SOURCE: &str = "ECS fetches nothing from Git: a task definition names the image";
/// Why ECS has no apply stage.
pub const NO_APPLY: &str = "the service names its task definition itself";

/// What a service has beyond its tasks.
pub fn service<'a>(place: Place<'a>, workload: &Workload) -> Option<&'a Service> {
    place.ecs_service(&workload.meta.key())
}

/// The deployment that a service is on its way to, or arrived at.
pub fn primary<'a>(place: Place<'a>, workload: &Workload) -> Option<&'a Deployment> {
    service(place, workload).and_then(Service::primary)
}

/// Whether the service's deployment has ended well: until then its circuit breaker may take it back. External
/// controllers say nothing of it.
pub fn is_over(place: Place<'_>, workload: &Workload) -> bool {
    match service(place, workload) {
        Some(service) => service
            .primary()
            .is_none_or(|primary| matches!(primary.rollout_state.as_str(), "COMPLETED" | "")),
        None => false,
    }
}

/// A revision of a task definition, as `family:revision`.
pub fn definition(place: Place<'_>, arn: &str) -> ObjectRef {
    ObjectRef::new(
        place.name,
        Kind::EcsTaskDefinition.name(),
        "",
        ecs::short(arn),
    )
}
