//! Walks over commits: ancestry, merge bases, logs, comparisons.

use std::collections::BinaryHeap;

use gix::ObjectId;
use gix::hash::Kind::Sha1;
use gix::hashtable::HashSet;
use gix::objs::CommitRef;
use jiff::Timestamp;

use super::objects::Objects;

/// A commit as `git log` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The full SHA.
    pub sha: String,
    /// The SHA of its tree.
    pub tree: String,
    /// Its parents, first parent first.
    pub parents: Vec<String>,
    /// Who wrote it, and when.
    pub author: Person,
    /// Who committed it, and when.
    pub committer: Person,
    /// The message, without the newline at its end.
    pub message: String,
}

/// Who did something to a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// When; whole seconds.
    pub at: Timestamp,
}

/// How two commits stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The best common ancestor.
    pub merge_base: Option<String>,
    /// Commits that the head has and the base has not, newest first.
    pub ahead: Vec<String>,
    /// Commits that the base has and the head has not, newest first.
    pub behind: Vec<String>,
}

/// A commit, decoded.
pub(super) fn commit(objects: &Objects, id: &ObjectId) -> Option<Commit> {
    objects.commit(id)?;
    let commit = CommitRef::from_bytes(&objects.get(id)?.data, Sha1).ok()?;
    let person = |signature: gix::Result<gix::actor::SignatureRef<'_>>| {
        let signature = signature.ok()?;
        let seconds = signature.time().map_or(0, |time| time.seconds);
        Some(Person {
            name: signature.name.to_string(),
            email: signature.email.to_string(),
            at: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    };
    Some(Commit {
        sha: id.to_string(),
        tree: commit.tree().to_string(),
        parents: commit.parents().map(|parent| parent.to_string()).collect(),
        author: person(commit.author())?,
        committer: person(commit.committer())?,
        message: commit.message.to_string().trim_end().to_owned(),
    })
}

/// The commits and everything they contain.
pub(super) fn ancestors(
    objects: &Objects,
    tips: impl IntoIterator<Item = ObjectId>,
) -> HashSet<ObjectId> {
    let mut found = HashSet::default();
    let mut next: Vec<ObjectId> = tips.into_iter().collect();
    while let Some(id) = next.pop() {
        if let Some(node) = objects.commit(&id)
            && found.insert(id)
        {
            next.extend(node.parents.iter().copied());
        }
    }
    found
}

/// Whether `descendant` is `ancestor` or contains it.
pub(super) fn contains(objects: &Objects, ancestor: ObjectId, descendant: ObjectId) -> bool {
    let Some(wanted) = objects.commit(&ancestor) else {
        return false;
    };
    let mut seen = HashSet::default();
    let mut next = vec![descendant];
    while let Some(id) = next.pop() {
        if id == ancestor {
            return true;
        }
        if let Some(node) = objects.commit(&id)
            && !matches!((node.generation, wanted.generation), (Some(at), Some(wanted)) if at <= wanted)
            && seen.insert(id)
        {
            next.extend(node.parents.iter().copied());
        }
    }
    false
}

/// The tips' commits and everything they contain but `without`, newest first; a commit never comes before its child
/// unless their clocks disagree.
pub(super) fn log(
    objects: &Objects,
    tips: impl IntoIterator<Item = ObjectId>,
    without: &HashSet<ObjectId>,
    limit: usize,
) -> Vec<ObjectId> {
    let mut heap = BinaryHeap::new();
    let mut seen = HashSet::default();
    // Of equal times, what was found first comes first: children before parents.
    let mut order = 0_i64;
    let mut push = |heap: &mut BinaryHeap<(i64, i64, ObjectId)>, id: ObjectId| {
        if let Some(node) = objects.commit(&id)
            && !without.contains(&id)
            && seen.insert(id)
        {
            order -= 1;
            heap.push((node.time, order, id));
        }
    };
    for tip in tips {
        push(&mut heap, tip);
    }
    let mut found = Vec::new();
    while let Some((_, _, id)) = heap.pop() {
        if found.len() == limit {
            break;
        }
        found.push(id);
        if let Some(node) = objects.commit(&id) {
            for parent in &node.parents {
                push(&mut heap, *parent);
            }
        }
    }
    found
}

/// The best common ancestor of two commits; of several best ones, the newest.
pub(super) fn merge_base(objects: &Objects, a: ObjectId, b: ObjectId) -> Option<ObjectId> {
    let of_a = ancestors(objects, [a]);
    let mut candidates = Vec::new();
    let mut seen = HashSet::default();
    let mut next = vec![b];
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        if of_a.contains(&id) {
            candidates.push(id);
        } else if let Some(node) = objects.commit(&id) {
            next.extend(node.parents.iter().copied());
        }
    }
    let best = candidates.iter().filter(|candidate| {
        !candidates
            .iter()
            .any(|other| other != *candidate && contains(objects, **candidate, *other))
    });
    best.max_by_key(|id| (objects.commit(id).map(|node| node.time), **id))
        .copied()
}

/// How the head stands to the base.
pub(super) fn compare(objects: &Objects, base: ObjectId, head: ObjectId) -> Comparison {
    let in_base = ancestors(objects, [base]);
    let in_head = ancestors(objects, [head]);
    let names = |ids: Vec<ObjectId>| ids.iter().map(ObjectId::to_string).collect();
    Comparison {
        merge_base: merge_base(objects, base, head).map(|id| id.to_string()),
        ahead: names(log(objects, [head], &in_base, usize::MAX)),
        behind: names(log(objects, [base], &in_head, usize::MAX)),
    }
}
