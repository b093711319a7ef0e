//! Merging trees: file by file, and where both sides changed a file, the merged side wins.

use gix::ObjectId;

use super::GitError;
use super::history::merge_base;
use super::objects::Objects;
use super::tree::{self, Edits};

/// The tree of `from` merged into `into`: what `from` changed since their common ancestor, on top of `into`.
pub(super) fn merged_tree(
    objects: &mut Objects,
    into: ObjectId,
    from: ObjectId,
) -> Result<ObjectId, GitError> {
    let tree_of = |objects: &Objects, id: ObjectId| objects.commit(&id).map(|node| node.tree);
    let base = merge_base(objects, into, from).and_then(|id| tree_of(objects, id));
    let (into, from) = (tree_of(objects, into), tree_of(objects, from));
    let changed = tree::changes(objects, base, from);
    // Removals first: a file that became a folder is both removed and written below.
    let (removed, written): (Vec<_>, Vec<_>) =
        changed.iter().partition(|(_, (_, new))| new.is_none());
    let edits: Edits<'_> = removed
        .into_iter()
        .chain(written)
        .map(|(path, (_, new))| (path.split('/').collect(), *new))
        .collect();
    match tree::edit(objects, into, &edits)? {
        Some(tree) => Ok(tree),
        None => tree::write_empty(objects),
    }
}
