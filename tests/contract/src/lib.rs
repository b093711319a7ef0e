//! What the product relies on of a Kubernetes API server, as checks that run unchanged against a real one and against the
//! embedded company's; and [`proxy`], which makes either of them misbehave.
//!
//! Owns the checks, how they are run and what a run reports. It knows neither of the two servers: it speaks plain HTTP
//! to a [`Target`], and prints nothing.

mod api;
mod broken;
mod checks;
pub mod proxy;
mod report;
mod stream;
mod table;
mod target;
mod world;

pub use report::{Report, Row, run, run_later};
pub use table::{CHECKS, Check, LATER, Later};
pub use target::{Target, TargetError, Trust};
