//! Actions: restart, reconcile, scale and the rest, from a click to its proof.
//!
//! Owns the whole path: an action file is read, planned on what is there, authorised, run, seen to have worked, and written
//! down. What is sent to a system goes through [`hands`] alone, and only by [`run`], for which [`permit`] gives leave.

pub mod action;
pub mod call;
pub mod cluster_side;
pub mod docs;
pub mod fixtures;
pub mod git;
pub mod ground;
pub mod hands;
pub mod input;
pub mod journal;
mod lease;
pub mod library;
pub mod offer;
pub mod permit;
pub mod plan;
pub mod planning;
pub mod read;
pub mod run;
pub mod step;
mod vocabulary;
mod within;

pub use within::Within;
