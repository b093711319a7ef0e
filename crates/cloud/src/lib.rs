//! AWS: Amazon ECS of one account and region, read into the same facts as a Kubernetes cluster; EKS, found and opened.
//!
//! Owns everything between an account's name in the team file and [`facts::ClusterFacts`]: credentials, by the SDK's own
//! chain or by the person's sign-in ([`Broker`]), the requests of one round, what is remembered from one round to the next,
//! and the projection of services, tasks, task definitions, deployments and target groups. Of EKS it owns which clusters
//! there are and the tokens that open them ([`Eks`]); reading them is `cluster`'s. Judges nothing, and changes nothing by
//! itself: the one way to send a request that changes something is [`Account::send`], which an action's run uses.

mod account;
mod broker;
mod client;
mod eks;
mod failure;
mod fresh;
mod identity_center;
mod live;
mod memory;
mod meter;
mod no_credentials;
mod options;
mod plan;
mod project;
mod rights;
mod round;
mod skew;
mod source;
mod status;
mod time;
mod tried;
mod web_identity;
mod writing;

pub use account::Account;
pub use aws_sdk_ecs::config::{Credentials, ProvideCredentials};
pub use broker::{Broker, Role};
pub use client::Spec;
pub use eks::{Eks, EksTokens, Found, Listed};
pub use failure::{Failure, Why};
pub use identity_center::{CenterSession, IdentityCenter, Invitation};
pub use no_credentials::NoCredentials;
pub use options::{Clock, Options};
pub use rights::{ACTING, RIGHTS, Right, acting_policy, policy, trust};
pub use skew::Skew;
pub use source::Source;
pub use web_identity::{Identity, NoIdentity, WebIdentity};
pub use writing::{EcsWrite, EcsWriteFailure, EcsWriteKind, EcsWritten};
