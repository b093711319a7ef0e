//! What the edges saw, as small typed values, each kind and scope with its coverage.
//!
//! Owns the vocabulary between the edges that read systems and the pure engine that judges. Facts are plain data: no
//! client, no clock, no judgement. Absence of an object is evidence only where its kind and scope were
//! [`Coverage::Seen`].

pub mod cluster;
pub mod code;
pub mod coverage;
pub mod ecs;
pub mod flux;
pub mod found;
pub mod history;
pub mod image;
pub mod kubernetes;
pub mod meta;
pub mod objects;
pub mod others;
pub mod team;
pub mod want;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use cluster::{ClusterFacts, Platform, Reach, Selection};
pub use code::CodeFacts;
pub use coverage::{Coverage, Read};
pub use found::Found;
pub use history::{Delivered, HistoryFacts};
pub use image::ImageFacts;
pub use meta::{Condition, Key, Kind, Meta, Owner, Status};
pub use objects::Objects;
pub use team::Team;
pub use want::Want;

/// Everything that is known at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The clusters, by the name people know them by (the kubeconfig context's, unless the team file renames it); for
    /// ECS, the name that the team file gives to an account and region.
    /// Shared with the edge that keeps them: a new object replaces the pointer, never the object under a reader.
    pub clusters: BTreeMap<String, Arc<ClusterFacts>>,
    /// Source and GitOps repositories.
    pub code: CodeFacts,
    /// Image registries.
    pub images: ImageFacts,
    /// What the team says about itself.
    pub team: Team,
    /// What was seen before.
    pub history: Arc<HistoryFacts>,
    /// The source repository of each image, by the labels of builds that were read before, however long ago: only for
    /// images of which all of them say the same.
    pub sources: Arc<BTreeMap<String, String>>,
}
