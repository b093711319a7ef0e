//! A Kubernetes API server of the company: one per simulated cluster, over an in-memory store.
//!
//! Owns storage, the API and who may use it. It does not own what the objects mean: controllers in this process write
//! them through [`Store`], clients of any make through HTTP.

pub mod access;
mod apply;
mod caller;
mod container_log;
mod definitions;
mod delete;
mod discovery;
pub mod failure;
mod fields;
pub mod kinds;
mod list;
mod managed;
pub mod object;
pub mod patch;
mod protobuf;
mod representation;
mod reviews;
mod roles;
mod route;
mod scale;
pub mod selectors;
mod server;
pub mod store;
mod table;
mod tokens;
mod validate;
mod watch;
mod write;

pub use access::{Rule, Rules};
pub use server::{Server, router};
pub use store::{Applied, Change, ChangeEvent, Store, StoreError};
