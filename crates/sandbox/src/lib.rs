//! The embedded company: an online retailer whose clusters, repositories, CI and registry exist only in this process,
//! and speak the real protocols on loopback.
//!
//! Owns the servers, the controllers that keep the company alive, the company itself and its situations. The product
//! meets it as it would meet a customer: through a kubeconfig and a team file, with its ordinary clients.

pub mod amazon;
pub mod charts;
pub mod clock;
pub mod company;
pub mod controllers;
pub mod faults;
pub mod git;
pub mod github;
pub mod kubernetes;
pub mod names;
pub mod provider;
pub mod registry;
pub mod serve;
pub mod served;
pub mod situations;
pub mod start;
