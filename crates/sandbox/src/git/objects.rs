//! The objects of one repository, in memory, and how they are hashed and read.

use std::sync::Arc;

use bytes::Bytes;
use gix::ObjectId;
use gix::hash::Kind::Sha1;
use gix::hashtable::HashMap;
use gix::objs::{CommitRef, Kind, TagRef, WriteTo};
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
    /// Longer than any parent's way to the history's beginning; `None` where a parent was not here yet. A commit
    /// never contains another of the same or a greater generation.
    pub generation: Option<u32>,
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry<'a> {
    pub name: &'a [u8],
    /// As Git writes it: 0o40000 a folder, 0o160000 a submodule, else some kind of file.
    pub mode: u16,
    pub id: ObjectId,
}

impl TreeEntry<'_> {
    pub fn is_tree(&self) -> bool {
        self.mode == 0o40000
    }

    /// A submodule's commit lives in another repository.
    pub fn is_submodule(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// Reads a tree's entries one by one: `<mode> <name>\0<id>`, without allocating, because every commit reads them.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeEntries<'a>(pub &'a [u8]);

impl<'a> TreeEntries<'a> {
    fn read(&mut self) -> Option<TreeEntry<'a>> {
        let mut mode: u16 = 0;
        let mut at = 0;
        loop {
            match *self.0.get(at)? {
                digit @ b'0'..=b'7' => mode = mode.checked_mul(8)? + u16::from(digit - b'0'),
                b' ' if at > 0 => break,
                _ => return None,
            }
            at += 1;
        }
        let after_mode = self.0.get(at + 1..)?;
        let end = after_mode.iter().position(|byte| *byte == 0)?;
        let (name, rest) = after_mode.split_at(end);
        let id = ObjectId::try_from(rest.get(1..21)?).ok()?;
        self.0 = rest.get(21..)?;
        (!name.is_empty()).then_some(TreeEntry { name, mode, id })
    }
}

impl<'a> Iterator for TreeEntries<'a> {
    type Item = Result<TreeEntry<'a>, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_none() {
            self.0 = &[];
        }
        Some(entry.ok_or_else(|| GitError::Broken("a tree that cannot be read".to_owned())))
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
                let parents: Vec<ObjectId> = commit.parents().collect();
                let generation = parents.iter().try_fold(0, |longest, parent| {
                    let parent = self.commits.get(parent)?.generation?;
                    Some(parent.saturating_add(1).max(longest))
                });
                let node = CommitNode {
                    tree: commit.tree(),
                    parents,
                    time: commit.time().map_or(0, |time| time.seconds),
                    generation,
                };
                self.commits.insert(id, Arc::new(node));
            }
            Kind::Tree => {
                for entry in TreeEntries(&data) {
                    entry?;
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

    /// Encodes and keeps a commit or tag.
    pub fn write(&mut self, object: &impl WriteTo) -> Result<ObjectId, GitError> {
        let mut data = Vec::new();
        object
            .write_to(&mut data)
            .map_err(|error| GitError::Broken(error.to_string()))?;
        self.insert(object.kind(), data.into())
    }

    /// Keeps a tree that this process encoded.
    pub fn insert_tree(&mut self, data: Bytes) -> Result<ObjectId, GitError> {
        let kind = Kind::Tree;
        let id = hash(kind, &data)?;
        self.all.entry(id).or_insert(Object { kind, data });
        Ok(id)
    }

    /// The entries of a tree; none for what is no tree here, such as the null tree.
    pub fn tree(&self, id: ObjectId) -> impl Iterator<Item = TreeEntry<'_>> {
        let object = self.all.get(&id).filter(|object| object.kind == Kind::Tree);
        let data = object.map(|object| &object.data[..]).unwrap_or_default();
        TreeEntries(data).filter_map(Result::ok)
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
