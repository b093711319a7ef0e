//! Kubernetes: connections, watches and the projection of objects to facts.
#![cfg_attr(not(test), expect(dead_code, reason = "grows"))]
mod kinds;
mod project;
mod tolerant;
