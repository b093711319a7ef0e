//! What one copy of a repository says: commits, ancestry, branches, files. What messages say is [`super::messages`]'s.
//!
//! Owns the reading of a copy on disk. Blocking: callers run it off the async threads. It never talks to a server.

use std::collections::{BTreeSet, HashSet};
use std::sync::MutexGuard;

use facts::code::{Commit, Relation};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use jiff::Timestamp;

use super::graph::Graph;
use super::store::Snapshot;
use crate::error::{Trouble, deepest};

/// The most branches listed as containing a commit.
const MAX_BRANCHES: usize = 100;
/// The most paths that a commit is said to touch; beyond it, that is said instead.
const MAX_PATHS: usize = 50_000;

/// One copy, opened to be read.
pub(crate) struct History<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) repository: gix::Repository,
    pub(crate) graph: MutexGuard<'a, Graph>,
}

impl History<'_> {
    /// Loads the commits that the snapshot's branches and tags contain.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn load(&mut self) -> Result<(), Trouble> {
        let tips = self
            .snapshot
            .branches
            .values()
            .chain(self.snapshot.tags.values())
            .filter_map(|sha| id(sha))
            .collect::<BTreeSet<_>>();
        self.graph.extend(&self.repository.objects, tips)
    }

    /// The releasing branch's head.
    pub(crate) fn default_head(&self) -> Option<ObjectId> {
        self.branch(&self.snapshot.default_branch)
    }

    /// A branch's head.
    pub(crate) fn branch(&self, name: &str) -> Option<ObjectId> {
        self.snapshot.branches.get(name).and_then(|sha| id(sha))
    }

    /// One commit, with the branches that contain it, the releasing one first.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn commit(&self, sha: &str) -> Result<Option<Commit>, Trouble> {
        let Some(id) = id(sha) else { return Ok(None) };
        let Some(mut commit) = self.read(id)? else {
            return Ok(None);
        };
        commit.branches = self.branches_with(id);
        Ok(Some(commit))
    }

    /// One commit without its branches; `None` if there is none of this name.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn read(&self, id: ObjectId) -> Result<Option<Commit>, Trouble> {
        let object = match self.repository.try_find_object(id) {
            Ok(Some(object)) if object.kind == gix::objs::Kind::Commit => object.into_commit(),
            Ok(_) => return Ok(None),
            Err(error) => return Err(damaged(&error)),
        };
        let decoded = object.decode().map_err(|error| damaged(&error))?;
        let author = decoded
            .author()
            .map(|who| who.name.to_str_lossy().into_owned())
            .unwrap_or_default();
        let at = decoded
            .committer()
            .ok()
            .and_then(|who| Timestamp::from_second(who.seconds()).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Some(Commit {
            sha: id.to_string(),
            parents: decoded.parents().map(|parent| parent.to_string()).collect(),
            author,
            at,
            subject: subject(&decoded.message.to_str_lossy()),
            branches: Vec::new(),
        }))
    }

    fn branches_with(&self, id: ObjectId) -> Vec<String> {
        let Some(place) = self.graph.place(&id) else {
            return Vec::new();
        };
        let mut names = Vec::new();
        let mut heads = Vec::new();
        for (name, sha) in &self.snapshot.branches {
            let Some(head) = self::id(sha).and_then(|id| self.graph.place(&id)) else {
                continue;
            };
            names.push(name);
            heads.push(head);
        }
        let contains = self.graph.containing(place, &heads);
        let mut branches = names
            .into_iter()
            .zip(contains)
            .filter(|(_, contains)| *contains)
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>();
        // A stable sort: the rest stays in the order of names.
        branches.sort_by_key(|name| *name != self.snapshot.default_branch);
        branches.truncate(MAX_BRANCHES);
        branches
    }

    /// How a stands to b. A commit that a force-push left behind still stands somewhere.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn relation(&mut self, a: &str, b: &str) -> Result<Relation, Trouble> {
        let mut places = Vec::new();
        for sha in [a, b] {
            let Some(id) = id(sha) else {
                return Ok(Relation::NoSuchCommit);
            };
            if self.graph.place(&id).is_none() {
                if !self.is_commit(id) {
                    return Ok(Relation::NoSuchCommit);
                }
                self.graph.extend(&self.repository.objects, [id])?;
            }
            places.extend(self.graph.place(&id));
        }
        Ok(match places.as_slice() {
            [a, b] => self.graph.relation(*a, *b),
            _ => Relation::NoSuchCommit,
        })
    }

    fn is_commit(&self, id: ObjectId) -> bool {
        self.repository
            .find_header(id)
            .is_ok_and(|header| header.kind() == gix::objs::Kind::Commit)
    }

    /// Which of these commits a branch or tag contains.
    fn reachable(&self, commits: &[ObjectId]) -> Vec<bool> {
        let tips = self
            .snapshot
            .branches
            .values()
            .chain(self.snapshot.tags.values())
            .filter_map(|sha| id(sha).and_then(|id| self.graph.place(&id)))
            .collect::<Vec<_>>();
        commits
            .iter()
            .map(|id| match self.graph.place(id) {
                Some(place) => self.graph.containing(place, &tips).contains(&true),
                None => false,
            })
            .collect()
    }

    /// The tree of a commit, and that of its first parent, which is empty where it has none; `None` if there is no such
    /// commit.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn trees(&self, sha: &str) -> Result<Option<(ObjectId, ObjectId)>, Trouble> {
        let trees = self.both_trees(sha)?;
        Ok(trees.map(|(new, old)| (new.id, old.id)))
    }

    fn both_trees(&self, sha: &str) -> Result<Option<(gix::Tree<'_>, gix::Tree<'_>)>, Trouble> {
        let Some(commit) = id(sha).and_then(|id| self.repository.try_find_object(id).ok()?) else {
            return Ok(None);
        };
        let Ok(commit) = commit.try_into_commit() else {
            return Ok(None);
        };
        let new = commit.tree().map_err(|error| damaged(&error))?;
        let old = match commit.parent_ids().next() {
            Some(parent) => parent
                .object()
                .and_then(|parent| parent.peel_to_tree())
                .map_err(|error| damaged(&error))?,
            None => self.repository.empty_tree(),
        };
        Ok(Some((new, old)))
    }

    /// The files that a commit changes against its first parent; `None` if there is no such commit.
    ///
    /// # Errors
    /// The copy is damaged, or the commit touches more files than we count.
    pub(crate) fn touched(&self, sha: &str) -> Result<Option<Vec<String>>, Trouble> {
        let Some((new, old)) = self.both_trees(sha)? else {
            return Ok(None);
        };
        let mut recorder = gix::diff::tree::Recorder::default();
        gix::diff::tree(
            gix::objs::TreeRefIter::from_bytes(&old.data, old.id.kind()),
            gix::objs::TreeRefIter::from_bytes(&new.data, new.id.kind()),
            gix::diff::tree::State::default(),
            &self.repository.objects,
            &mut recorder,
        )
        .map_err(|error| {
            Trouble::Other(format!(
                "cannot compare {sha} with its parent: {}",
                deepest(&error)
            ))
        })?;
        let mut paths = BTreeSet::new();
        for change in recorder.records {
            use gix::diff::tree::recorder::Change;
            let (mode, path) = match change {
                Change::Addition {
                    entry_mode, path, ..
                }
                | Change::Deletion {
                    entry_mode, path, ..
                }
                | Change::Modification {
                    entry_mode, path, ..
                } => (entry_mode, path),
            };
            if !mode.is_tree() {
                paths.insert(path.to_str_lossy().into_owned());
            }
            if paths.len() > MAX_PATHS {
                return Err(Trouble::Other(format!(
                    "{sha} touches more than {MAX_PATHS} files"
                )));
            }
        }
        Ok(Some(paths.into_iter().collect()))
    }

    /// The commits whose SHAs begin so. Commits on a branch or tag come before ones that were left behind by a force-push,
    /// which are only named if no other fits.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn by_prefix(&self, prefix: &str) -> Result<Vec<ObjectId>, Trouble> {
        let Ok(prefix) = gix::hash::Prefix::try_from(prefix) else {
            return Ok(Vec::new());
        };
        let mut candidates = HashSet::new();
        self.repository
            .objects
            .lookup_prefix(prefix, Some(&mut candidates))
            .map_err(|error| damaged(&error))?;
        let mut commits = candidates
            .into_iter()
            .filter(|id| self.is_commit(*id))
            .collect::<Vec<_>>();
        commits.sort();
        let reachable = self.reachable(&commits);
        if reachable.contains(&true) {
            let mut reachable = reachable.into_iter();
            commits.retain(|_| reachable.next() == Some(true));
        }
        Ok(commits)
    }
}

/// A full SHA as Git's libraries know it.
pub(crate) fn id(sha: &str) -> Option<ObjectId> {
    ObjectId::from_hex(sha.as_bytes()).ok()
}

pub(crate) fn damaged(error: &gix::Error) -> Trouble {
    Trouble::Other(format!(
        "the copy of the repository is damaged: {}",
        deepest(error.probable_cause())
    ))
}

/// The first line of a message; Git lets blank lines stand before it.
pub(crate) fn subject(message: &str) -> String {
    message
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_the_first_line_with_words() {
        assert_eq!(subject("\n  \nCharge once\n\nbody"), "Charge once");
        assert_eq!(subject(""), "");
    }
}
