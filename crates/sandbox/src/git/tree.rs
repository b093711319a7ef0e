//! Trees: reading, editing and comparing them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::name_order;

use super::GitError;
use super::objects::{Objects, TreeEntries, TreeEntry};

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path, from the root.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// The SHA of its content before, if it was there.
    pub old: Option<String>,
    /// The SHA of its content now, if it is there.
    pub new: Option<String>,
}

/// How a file differs. Renames are a removal and an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only in the new tree.
    Added,
    /// Only in the old tree.
    Removed,
    /// In both, with another content or mode.
    Modified,
}

/// A file or folder in a tree: its mode, and its blob or tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub mode: u16,
    pub id: ObjectId,
}

pub(super) const REGULAR: u16 = 0o100_644;
pub(super) const FOLDER: u16 = 0o40000;

impl File {
    fn of(entry: TreeEntry<'_>) -> Self {
        Self {
            mode: entry.mode,
            id: entry.id,
        }
    }
}

/// Splits a path into its parts.
///
/// # Errors
/// It is empty, or a part is empty, `.`, `..` or `.git`.
pub(super) fn parts(path: &str) -> Result<Vec<&str>, GitError> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts
        .iter()
        .any(|part| matches!(*part, "" | "." | ".." | ".git") || part.contains('\0'))
    {
        return Err(GitError::Path(path.to_owned()));
    }
    Ok(parts)
}

/// What stands at a path; an empty path is the tree itself.
pub(super) fn find(objects: &Objects, tree: ObjectId, path: &str) -> Option<File> {
    let mut at = File {
        mode: FOLDER,
        id: tree,
    };
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        if at.mode != FOLDER {
            return None;
        }
        at = objects
            .tree(at.id)
            .find(|entry| entry.name == part.as_bytes())
            .map(File::of)?;
    }
    Some(at)
}

/// Every file below a tree, by its path behind `prefix`.
pub(super) fn list(
    objects: &Objects,
    tree: ObjectId,
    prefix: &str,
    into: &mut BTreeMap<String, File>,
) {
    for entry in objects.tree(tree) {
        let name = String::from_utf8_lossy(entry.name);
        let path = match prefix {
            "" => name.into_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        if entry.is_tree() {
            list(objects, entry.id, &path, into);
        } else {
            into.insert(path, File::of(entry));
        }
    }
}

/// Edits to apply together: a path's parts, and the file to put there or `None` to remove what is there.
pub(super) type Edits<'a> = Vec<(Vec<&'a str>, Option<File>)>;

/// Writes the tree that results from edits; later edits of a path win. Returns `None` for a tree left empty.
pub(super) fn edit(
    objects: &mut Objects,
    tree: Option<ObjectId>,
    edits: &Edits<'_>,
) -> Result<Option<ObjectId>, GitError> {
    let borrowed: Vec<EditBelow<'_>> = edits
        .iter()
        .map(|(parts, file)| (parts.as_slice(), *file))
        .collect();
    edit_below(objects, tree, &borrowed)
}

/// An edit as a folder sees it: what is left of the path.
type EditBelow<'a> = (&'a [&'a str], Option<File>);

fn edit_below(
    objects: &mut Objects,
    tree: Option<ObjectId>,
    edits: &[EditBelow<'_>],
) -> Result<Option<ObjectId>, GitError> {
    let data = tree
        .and_then(|id| objects.get(&id))
        .filter(|object| object.kind == Kind::Tree)
        .map(|object| object.data.clone())
        .unwrap_or_default();
    let entries: Vec<TreeEntry<'_>> = TreeEntries(&data).collect::<Result<_, _>>()?;
    let mut replaced: BTreeMap<&[u8], Option<File>> = BTreeMap::new();
    let mut below: BTreeMap<&str, Vec<EditBelow<'_>>> = BTreeMap::new();
    for (parts, file) in edits {
        match parts {
            [] => {}
            [name] => {
                below.remove(name);
                replaced.insert(name.as_bytes(), *file);
            }
            [name, rest @ ..] => below.entry(name).or_default().push((rest, *file)),
        }
    }
    for (name, edits) in below {
        let name = name.as_bytes();
        let there = match replaced.get(name) {
            Some(file) => *file,
            None => entries
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| File::of(*entry)),
        };
        let folder = there.filter(|file| file.mode == FOLDER).map(|file| file.id);
        match edit_below(objects, folder, &edits)? {
            Some(id) => {
                replaced.insert(name, Some(File { mode: FOLDER, id }));
            }
            // Git knows no empty folders.
            None if folder.is_some() => {
                replaced.insert(name, None);
            }
            None => {}
        }
    }
    let mut added: Vec<TreeEntry<'_>> = replaced
        .iter()
        .filter_map(|(name, file)| {
            let File { mode, id } = (*file)?;
            Some(TreeEntry { name, mode, id })
        })
        .collect();
    added.sort_by(in_order);
    let mut kept = entries
        .into_iter()
        .filter(|entry| !replaced.contains_key(entry.name))
        .peekable();
    let mut added = added.into_iter().peekable();
    let mut out = Vec::with_capacity(data.len() + 64);
    loop {
        let next = match (kept.peek(), added.peek()) {
            (Some(one), Some(other)) if in_order(one, other).is_gt() => added.next(),
            (Some(_), _) => kept.next(),
            (None, _) => added.next(),
        };
        let Some(entry) = next else {
            break;
        };
        encode(&mut out, &entry);
    }
    match out.is_empty() {
        true => Ok(None),
        false => objects.insert_tree(out.into()).map(Some),
    }
}

/// Git sorts a folder as if its name ended in a slash.
fn in_order(one: &TreeEntry<'_>, other: &TreeEntry<'_>) -> Ordering {
    name_order(one.name, one.is_tree(), other.name, other.is_tree())
}

fn encode(out: &mut Vec<u8>, entry: &TreeEntry<'_>) {
    match entry.mode {
        FOLDER => out.extend_from_slice(b"40000 "),
        REGULAR => out.extend_from_slice(b"100644 "),
        mode => out.extend_from_slice(format!("{mode:o} ").as_bytes()),
    }
    out.extend_from_slice(entry.name);
    out.push(0);
    out.extend_from_slice(entry.id.as_slice());
}

/// The tree without entries: what an empty repository's first commit may have.
pub(super) fn write_empty(objects: &mut Objects) -> Result<ObjectId, GitError> {
    objects.insert(Kind::Tree, bytes::Bytes::new())
}

/// The files that differ between two trees, by path. Equal folders are not looked into.
pub(super) fn changes(
    objects: &Objects,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
) -> BTreeMap<String, (Option<File>, Option<File>)> {
    let mut found = BTreeMap::new();
    changes_below(objects, old, new, "", &mut found);
    found
}

fn changes_below(
    objects: &Objects,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    prefix: &str,
    found: &mut BTreeMap<String, (Option<File>, Option<File>)>,
) {
    if old == new {
        return;
    }
    let mut sides: BTreeMap<&[u8], [Option<TreeEntry<'_>>; 2]> = BTreeMap::new();
    for (side, tree) in [old, new].into_iter().enumerate() {
        for entry in tree.iter().flat_map(|id| objects.tree(*id)) {
            sides.entry(entry.name).or_default()[side] = Some(entry);
        }
    }
    for (name, [old, new]) in sides {
        if old == new {
            continue;
        }
        let name = String::from_utf8_lossy(name);
        let path = match prefix {
            "" => name.into_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        let folder =
            |entry: Option<TreeEntry<'_>>| entry.filter(TreeEntry::is_tree).map(|entry| entry.id);
        let file =
            |entry: Option<TreeEntry<'_>>| entry.filter(|entry| !entry.is_tree()).map(File::of);
        changes_below(objects, folder(old), folder(new), &path, found);
        if file(old) != file(new) {
            found.insert(path, (file(old), file(new)));
        }
    }
}

/// Changes as callers see them.
pub(super) fn as_changes(changes: BTreeMap<String, (Option<File>, Option<File>)>) -> Vec<Change> {
    changes
        .into_iter()
        .filter_map(|(path, (old, new))| {
            let kind = match (&old, &new) {
                (None, Some(_)) => ChangeKind::Added,
                (Some(_), None) => ChangeKind::Removed,
                (Some(_), Some(_)) => ChangeKind::Modified,
                (None, None) => return None,
            };
            Some(Change {
                path,
                kind,
                old: old.map(|file| file.id.to_string()),
                new: new.map(|file| file.id.to_string()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(objects: &mut Objects, text: &str) -> File {
        let id = objects
            .insert(Kind::Blob, text.as_bytes().to_vec().into())
            .unwrap();
        File { mode: REGULAR, id }
    }

    #[test]
    fn a_folder_sorts_as_git_sorts_it() {
        let mut objects = Objects::default();
        let one = blob(&mut objects, "1\n");
        let edits = vec![
            (vec!["a"], Some(one)),
            (vec!["a-b"], Some(one)),
            (vec!["a.b", "c"], Some(one)),
            (vec!["a0"], Some(one)),
            (vec!["lib", "x"], Some(one)),
            (vec!["lib-y"], Some(one)),
            (vec!["lib.rs"], Some(one)),
        ];
        let tree = edit(&mut objects, None, &edits).unwrap().unwrap();
        let names: Vec<String> = objects
            .tree(tree)
            .map(|entry| String::from_utf8(entry.name.to_vec()).unwrap())
            .collect();
        assert_eq!(names, ["a", "a-b", "a.b", "a0", "lib-y", "lib.rs", "lib"]);
    }

    #[test]
    fn removing_the_last_file_removes_the_folder() {
        let mut objects = Objects::default();
        let one = blob(&mut objects, "1\n");
        let two = blob(&mut objects, "2\n");
        let before = edit(
            &mut objects,
            None,
            &vec![(vec!["a", "b", "c"], Some(one)), (vec!["d"], Some(two))],
        )
        .unwrap();
        let after = edit(&mut objects, before, &vec![(vec!["a", "b", "c"], None)]).unwrap();
        assert!(find(&objects, after.unwrap(), "a").is_none());
        let changed = as_changes(changes(&objects, before, after));
        assert_eq!(changed.len(), 1);
        assert_eq!(
            (changed[0].path.as_str(), changed[0].kind),
            ("a/b/c", ChangeKind::Removed)
        );
        assert_eq!(
            edit(&mut objects, after, &vec![(vec!["d"], None)]).unwrap(),
            None
        );
    }

    #[test]
    fn a_file_may_become_a_folder() {
        let mut objects = Objects::default();
        let one = blob(&mut objects, "1\n");
        let before = edit(&mut objects, None, &vec![(vec!["a"], Some(one))]).unwrap();
        let after = edit(
            &mut objects,
            before,
            &vec![(vec!["a"], None), (vec!["a", "b"], Some(one))],
        )
        .unwrap();
        let changed: Vec<(String, ChangeKind)> = as_changes(changes(&objects, before, after))
            .into_iter()
            .map(|change| (change.path, change.kind))
            .collect();
        assert_eq!(
            changed,
            [
                ("a".to_owned(), ChangeKind::Removed),
                ("a/b".to_owned(), ChangeKind::Added)
            ]
        );
    }

    #[test]
    fn unusable_paths_are_refused() {
        for path in ["", "/a", "a//b", "../a", "a/.git/config", "a/"] {
            assert!(parts(path).is_err(), "{path}");
        }
        assert_eq!(parts("a/b.yaml").unwrap(), ["a", "b.yaml"]);
    }
}
