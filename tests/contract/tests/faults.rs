//! The product's own client behind the fault proxy: what it holds to be true while the server misbehaves, and after.
//!
//! Each test counts what was asked and looks at what is known; none measures time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/expiry.rs"]
mod expiry;
#[path = "faults/ground.rs"]
mod ground;
