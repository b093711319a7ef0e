//! The cluster edge against a server that speaks the protocol, and one that breaks it: lists and watches, a server that
//! goes and comes back, what may not be read, what is not served, and words for everything that goes wrong.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "watch/address.rs"]
mod address;
#[path = "watch/failures.rs"]
mod failures;
#[path = "watch/logged.rs"]
mod logged;
#[path = "watch/permissions.rs"]
mod permissions;
#[cfg(target_os = "linux")]
#[path = "watch/plugins.rs"]
mod plugins;
#[path = "watch/protocol.rs"]
mod protocol;
#[path = "watch/responder.rs"]
mod responder;
#[path = "watch/rights.rs"]
mod rights;
#[path = "watch/tls.rs"]
mod tls;
#[path = "watch/wanted.rs"]
mod wanted;
#[path = "watch/world.rs"]
mod world;
