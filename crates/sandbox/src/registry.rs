//! The company's image registry: repositories, tags, manifests and blobs, in memory, and the OCI distribution API over
//! them.
//!
//! Owns what a registry keeps and how it answers. Knows nothing of builds, scans or deployments.

mod archive;
mod content;
mod http;
mod push;
mod refusal;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use crate::clock::Clock;

pub use archive::{gzip, tar};
pub use content::{digest_of, media_type};
pub use http::router;
pub use push::ImageSpec;

/// The registry. Clones share it.
#[derive(Clone, Debug)]
pub struct Registry {
    clock: Clock,
    contents: Arc<Mutex<Contents>>,
}

/// What the registry keeps.
#[derive(Debug, Default)]
struct Contents {
    repositories: BTreeMap<String, ImageRepository>,
    /// Uploads that have begun and not ended, by their id.
    uploads: BTreeMap<String, Vec<u8>>,
    uploads_begun: u64,
    /// Repositories that refuse everybody.
    denied: BTreeSet<String>,
}

/// One repository.
#[derive(Debug, Default)]
struct ImageRepository {
    tags: BTreeMap<String, String>,
    manifests: BTreeMap<String, Manifest>,
    blobs: BTreeMap<String, Bytes>,
}

/// A manifest or an index.
#[derive(Clone, Debug)]
struct Manifest {
    media_type: String,
    bytes: Bytes,
    pushed: Timestamp,
}

impl Registry {
    /// An empty registry.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            contents: Arc::default(),
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Points a tag at a digest, also one that is not there: registries in the field hold such tags too.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) {
        self.contents()
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .tags
            .insert(tag.to_owned(), digest.to_owned());
    }

    /// Takes a tag away; the manifest stays. Says whether it was there.
    pub fn untag(&self, repository: &str, tag: &str) -> bool {
        self.contents()
            .repositories
            .get_mut(repository)
            .is_some_and(|repository| repository.tags.remove(tag).is_some())
    }

    /// Deletes a manifest and the tags that point to it, as a lifecycle rule does. Says whether it was there.
    pub fn delete(&self, repository: &str, digest: &str) -> bool {
        self.contents()
            .repositories
            .get_mut(repository)
            .is_some_and(|repository| {
                repository.tags.retain(|_, tagged| tagged != digest);
                repository.manifests.remove(digest).is_some()
            })
    }

    /// A repository's tags, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.contents()
            .repositories
            .get(repository)
            .map(|repository| repository.tags.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// What a tag points to.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        self.contents()
            .repositories
            .get(repository)?
            .tags
            .get(tag)
            .cloned()
    }

    /// When a manifest was first pushed.
    pub fn pushed(&self, repository: &str, digest: &str) -> Option<Timestamp> {
        let contents = self.contents();
        let manifest = contents
            .repositories
            .get(repository)?
            .manifests
            .get(digest)?;
        Some(manifest.pushed)
    }

    /// A manifest's bytes, by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Bytes> {
        let contents = self.contents();
        let repository = contents.repositories.get(repository)?;
        Some(repository.find(reference)?.1.bytes.clone())
    }

    /// A blob's bytes.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let contents = self.contents();
        contents
            .repositories
            .get(repository)?
            .blobs
            .get(digest)
            .cloned()
    }

    /// Refuses every request for a repository over HTTP, or no longer. What this process reads is not affected.
    pub fn deny(&self, repository: &str, denied: bool) {
        let mut contents = self.contents();
        match denied {
            true => contents.denied.insert(repository.to_owned()),
            false => contents.denied.remove(repository),
        };
    }

    /// The names of all repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        self.contents().repositories.keys().cloned().collect()
    }
}

impl ImageRepository {
    /// A manifest by tag or digest, with its digest.
    fn find(&self, reference: &str) -> Option<(&str, &Manifest)> {
        let digest = match self.tags.get(reference) {
            Some(digest) => digest.as_str(),
            None => reference,
        };
        self.manifests
            .get_key_value(digest)
            .map(|(digest, manifest)| (digest.as_str(), manifest))
    }
}
