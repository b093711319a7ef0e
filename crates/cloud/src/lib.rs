//! AWS: Amazon ECS of one account and region, read into the same facts as a Kubernetes cluster.
//!
//! Owns everything between an account's name in the team file and [`facts::ClusterFacts`]: credentials by the SDK's own
//! chain, the requests of one round, what is remembered from one round to the next, and the projection of services,
//! tasks, task definitions, deployments and target groups. Judges nothing, and changes nothing: it holds no request
//! that creates, changes or deletes.

mod account;
mod client;
mod failure;
mod memory;
mod meter;
mod options;
mod project;
mod round;
mod status;
mod time;

pub use account::Account;
pub use aws_sdk_ecs::config::Credentials;
pub use client::Spec;
pub use failure::{Failure, Why};
pub use options::{Clock, Options};
