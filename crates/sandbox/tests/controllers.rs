//! The sandbox's controllers, played: a push goes through Git, sources, Kustomizations and releases to ready pods, and
//! every way in which that can fail writes what Flux and Kubernetes write.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

#[path = "controllers/world.rs"]
mod world;

#[path = "controllers/flow.rs"]
mod flow;

#[path = "controllers/pods.rs"]
mod pods;

#[path = "controllers/workloads.rs"]
mod workloads;

#[path = "controllers/kustomizations.rs"]
mod kustomizations;

#[path = "controllers/helm.rs"]
mod helm;

#[path = "controllers/images.rs"]
mod images;

#[path = "controllers/live.rs"]
mod live;

#[path = "controllers/pace.rs"]
mod pace;

#[path = "controllers/sources.rs"]
mod sources;
