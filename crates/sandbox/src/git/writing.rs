//! What GitHub's API does to a repository piece by piece: trees, commits that no branch has yet, and refs that move only
//! forward.

use gix::ObjectId;
use gix::objs::Kind;
use jiff::Timestamp;

use super::GitError;
use super::history;
use super::repository::{Repository, check_ref, resolve, write_commit};
use super::tree::{self, Edits, File};

/// Why a ref did not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotMoved {
    /// There is no such ref.
    NoSuchRef,
    /// There is no such commit.
    NoSuchCommit,
    /// The commit does not contain what the ref stands for.
    NotForward,
}

impl Repository {
    /// Keeps a text as a blob.
    pub(crate) fn write_blob(&self, content: &str) -> Result<String, GitError> {
        let data = content.as_bytes().to_vec().into();
        let id = self.state_mut().objects.insert(Kind::Blob, data)?;
        Ok(id.to_string())
    }

    /// Keeps the tree that comes of putting blobs (path, mode, SHA) into another one.
    pub(crate) fn write_tree(
        &self,
        base: Option<&str>,
        files: &[(String, u16, String)],
    ) -> Result<String, GitError> {
        let missing = |sha: &str| GitError::Missing {
            path: self.path().to_owned(),
            what: format!("object {sha}"),
        };
        let mut state = self.state_mut();
        let base = match base {
            None => None,
            Some(sha) => {
                let id = object(sha).ok_or_else(|| missing(sha))?;
                // GitHub takes a commit for its tree.
                let tree = state.objects.commit(&id).map_or(id, |commit| commit.tree);
                let object = state.objects.get(&tree);
                object
                    .filter(|object| object.kind == Kind::Tree)
                    .ok_or_else(|| missing(sha))?;
                Some(tree)
            }
        };
        let mut edits: Edits<'_> = Vec::with_capacity(files.len());
        for (path, mode, sha) in files {
            let id = object(sha).filter(|id| state.objects.contains(id));
            let id = id.ok_or_else(|| missing(sha))?;
            edits.push((tree::parts(path)?, Some(File { mode: *mode, id })));
        }
        let tree = match tree::edit(&mut state.objects, base, &edits)? {
            Some(tree) => tree,
            None => tree::write_empty(&mut state.objects)?,
        };
        Ok(tree.to_string())
    }

    /// What stands directly in a tree, as (name, mode, SHA); `None` if it is no tree.
    pub(crate) fn tree(&self, sha: &str) -> Option<Vec<(String, u16, String)>> {
        let state = self.state();
        let id = object(sha)?;
        let id = state.objects.commit(&id).map_or(id, |commit| commit.tree);
        let found = state.objects.get(&id)?;
        (found.kind == Kind::Tree).then(|| {
            let entries = state.objects.tree(id);
            entries
                .map(|entry| {
                    let name = String::from_utf8_lossy(entry.name).into_owned();
                    (name, entry.mode, entry.id.to_string())
                })
                .collect()
        })
    }

    /// Keeps a commit that no branch has.
    pub(crate) fn write_commit(
        &self,
        tree: &str,
        parents: &[String],
        author: &str,
        at: Timestamp,
        message: &str,
    ) -> Result<String, GitError> {
        let missing = |sha: &str| GitError::Missing {
            path: self.path().to_owned(),
            what: format!("object {sha}"),
        };
        let mut state = self.state_mut();
        let id = object(tree)
            .filter(|id| {
                let found = state.objects.get(id);
                found.is_some_and(|object| object.kind == Kind::Tree)
            })
            .ok_or_else(|| missing(tree))?;
        let mut known = Vec::with_capacity(parents.len());
        for parent in parents {
            let id = object(parent).filter(|id| state.objects.commit(id).is_some());
            known.push(id.ok_or_else(|| missing(parent))?);
        }
        let id = write_commit(&mut state.objects, id, known, author, at, message)?;
        Ok(id.to_string())
    }

    /// What a ref stands for, by its full name.
    pub(crate) fn ref_at(&self, name: &str) -> Option<String> {
        self.state().refs.get(name).map(ObjectId::to_string)
    }

    /// Makes a branch; false where there is one of that name.
    pub(crate) fn new_branch(&self, name: &str, sha: &str) -> Result<bool, GitError> {
        let full = format!("refs/heads/{name}");
        check_ref(&full)?;
        let id = {
            let mut state = self.state_mut();
            if state.refs.contains_key(&full) {
                return Ok(false);
            }
            let id = object(sha).filter(|id| state.objects.commit(id).is_some());
            let id = id.ok_or_else(|| GitError::Missing {
                path: self.path().to_owned(),
                what: format!("object {sha}"),
            })?;
            state.refs.insert(full.clone(), id);
            id
        };
        self.announce(&full, None, id);
        Ok(true)
    }

    /// Moves a branch to a commit, forward unless it is forced.
    pub(crate) fn move_branch(&self, name: &str, sha: &str, force: bool) -> Result<(), NotMoved> {
        let full = format!("refs/heads/{name}");
        let (before, id) = {
            let mut state = self.state_mut();
            let before = *state.refs.get(&full).ok_or(NotMoved::NoSuchRef)?;
            let id = resolve(&state, sha).ok_or(NotMoved::NoSuchCommit)?;
            if !force && !history::contains(&state.objects, before, id) {
                return Err(NotMoved::NotForward);
            }
            state.refs.insert(full.clone(), id);
            (before, id)
        };
        self.announce(&full, Some(before), id);
        Ok(())
    }
}

fn object(sha: &str) -> Option<ObjectId> {
    ObjectId::from_hex(sha.as_bytes()).ok()
}
