//! Kubernetes: connections, watches and the projection of objects to facts.
//!
//! Owns everything between a kubeconfig, or an address and tokens, and [`facts::ClusterFacts`]: which contexts there
//! are, whether a cluster answers, what it serves and what of it may be read, the lists and watches that keep the facts true,
//! and how well each kind is known. Judges nothing, and changes nothing by itself: the one way to send a request that
//! creates, changes or deletes an object is [`Cluster::send`], used by the hands of an action's run alone. What a
//! kubeconfig names to sign in with is run only if a person allowed it.

mod address;
mod admins;
mod bearer;
mod certificate;
mod cluster;
mod consent;
mod context;
mod discovery;
mod failure;
mod ground;
mod host;
mod kinds;
mod kubeconfig;
mod ledger;
mod line;
mod logs;
mod looking;
mod namespaces;
mod options;
mod plugin;
mod project;
mod proxy;
mod read;
mod reviews;
mod rights;
mod server;
mod sign_in;
mod status;
mod tables;
mod tokens;
mod tolerant;
mod wanted;
mod watch;
mod writing;

pub use address::{Address, AddressError};
pub use cluster::Cluster;
pub use consent::{Command, Consent};
pub use context::Context;
pub use failure::{Failure, Why};
pub use kubeconfig::{KubeconfigError, address, command, contexts};
pub use logs::{LogTail, LogWanted};
pub use options::{Backoff, Chance, Clock, Options};
pub use plugin::end_plugins;
pub use read::ReadError;
pub use rights::{Right, cluster_role, rights};
pub use server::Access;
pub use tokens::{NoToken, Tokens};
pub use writing::{Write, WriteFailure, WriteKind};
