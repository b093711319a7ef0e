//! The objects of one repository, in memory, and how they are hashed and read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gix::ObjectId;
use gix::hash::Kind::Sha1;
use gix::objs::{CommitRef, Kind, TagRef, TreeRefIter, WriteTo};
use sha1::{Digest, Sha1 as Hasher};

use super::GitError;

/// One object, undecoded.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub kind: Kind,
    pub data: Bytes,
}

/// What every walk over history needs of a commit, parsed once.
#[derive(Clone, Debug)]
pub(super) struct CommitNode {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// The committer's time, seconds since the epoch.
    pub time: i64,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub name: Vec<u8>,
    /// As Git writes it: 0o40000 a folder, 0o160000 a submodule, else some kind of file.
    pub mode: u16,
    pub id: ObjectId,
}

impl TreeEntry {
    pub fn is_tree(&self) -> bool {
        self.mode == 0o40000
    }

    /// A submodule's commit lives in another repository.
    pub fn is_submodule(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// The objects of a repository.
#[derive(Debug, Default)]
pub(super) struct Objects {
    all: HashMap<ObjectId, Object>,
    commits: HashMap<ObjectId, Arc<CommitNode>>,
}

impl Objects {
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.all.get(id)
    }

    pub fn contains(&self, id: &ObjectId) -> bool {
        self.all.contains_key(id)
    }

    pub fn commit(&self, id: &ObjectId) -> Option<&Arc<CommitNode>> {
        self.commits.get(id)
    }

    /// Every commit, in no order.
    pub fn commits(&self) -> impl Iterator<Item = &ObjectId> {
        self.commits.keys()
    }

    /// Keeps an object; fails if a commit or tree cannot be read, so that what is stored can be walked.
    pub fn insert(&mut self, kind: Kind, data: Bytes) -> Result<ObjectId, GitError> {
        let id = hash(kind, &data)?;
        if self.all.contains_key(&id) {
            return Ok(id);
        }
        match kind {
            Kind::Commit => {
                let commit = CommitRef::from_bytes(&data, Sha1)
                    .map_err(|error| GitError::Broken(format!("commit {id}: {error}")))?;
                let node = CommitNode {
                    tree: commit.tree(),
                    parents: commit.parents().collect(),
                    time: commit.time().map_or(0, |time| time.seconds),
                };
                self.commits.insert(id, Arc::new(node));
            }
            Kind::Tree => {
                for entry in TreeRefIter::from_bytes(&data, Sha1) {
                    entry.map_err(|error| GitError::Broken(format!("tree {id}: {error}")))?;
                }
            }
            Kind::Tag => {
                TagRef::from_bytes(&data, Sha1)
                    .map_err(|error| GitError::Broken(format!("tag {id}: {error}")))?;
            }
            Kind::Blob => {}
        }
        self.all.insert(id, Object { kind, data });
        Ok(id)
    }

    /// Encodes and keeps a commit, tree or tag.
    pub fn write(&mut self, object: &impl WriteTo) -> Result<ObjectId, GitError> {
        let mut data = Vec::new();
        object
            .write_to(&mut data)
            .map_err(|error| GitError::Broken(error.to_string()))?;
        self.insert(object.kind(), data.into())
    }

    /// The entries of a tree; empty for what is no tree here, such as the null tree.
    pub fn tree(&self, id: &ObjectId) -> Vec<TreeEntry> {
        let Some(object) = self.all.get(id).filter(|object| object.kind == Kind::Tree) else {
            return Vec::new();
        };
        TreeRefIter::from_bytes(&object.data, Sha1)
            .filter_map(Result::ok)
            .map(|entry| TreeEntry {
                name: entry.filename.to_vec(),
                mode: entry.mode.value(),
                id: entry.oid.to_owned(),
            })
            .collect()
    }

    /// What a tag object points to, as far as it goes: the object that is no tag.
    pub fn peel(&self, id: ObjectId) -> ObjectId {
        let mut at = id;
        // Tags of tags exist, but a chain this long is somebody's joke.
        for _ in 0..16 {
            let Some(object) = self.all.get(&at).filter(|object| object.kind == Kind::Tag) else {
                break;
            };
            match TagRef::from_bytes(&object.data, Sha1) {
                Ok(tag) => at = tag.target(),
                Err(_) => break,
            }
        }
        at
    }
}

/// An object's name.
pub(super) fn hash(kind: Kind, data: &[u8]) -> Result<ObjectId, GitError> {
    let mut hasher = Hasher::new();
    hasher.update(kind.as_bytes());
    hasher.update(format!(" {}\0", data.len()));
    hasher.update(data);
    ObjectId::try_from(hasher.finalize().as_slice())
        .map_err(|error| GitError::Broken(error.to_string()))
}
