//! A Kubernetes API server of the company: one per simulated cluster, over an in-memory store.
//!
//! Owns storage, the API and who may use it. It does not own what the objects mean: controllers in this process write
//! them through [`Store`], clients of any make through HTTP.

pub mod access;
mod container_log;
mod discovery;
pub mod failure;
pub mod kinds;
mod list;
pub mod object;
pub mod patch;
mod protobuf;
mod representation;
mod reviews;
mod route;
mod scale;
pub mod selectors;
mod server;
pub mod store;
mod table;
mod watch;
mod write;

pub use access::{Rule, Rules};
pub use server::{Server, router};
pub use store::{Applied, Change, ChangeEvent, Store, StoreError};
