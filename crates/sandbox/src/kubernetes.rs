//! A Kubernetes API server of the company: one per simulated cluster, over an in-memory store.
//!
//! Owns storage, the API and who may use it. It does not own what the objects mean: controllers in this process write
//! them through [`Store`], clients of any make through HTTP.

pub mod access;
pub mod kinds;
pub mod object;
pub mod store;

pub use store::{Applied, Change, ChangeEvent, Store, StoreError};
