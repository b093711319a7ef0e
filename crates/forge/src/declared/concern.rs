//! Whether a commit changes what a path of a GitOps repository is made of.
//!
//! Owns that a "no" is exact: everything that building the path looks at, and everything that its kustomizations name, is
//! there as it was before the commit. What cannot be told is a "yes". Blocking.

use std::collections::BTreeSet;
use std::rc::Rc;

use gix::ObjectId;

use super::build::{Entry, Files as _, build, gave_up};
use super::place::{is_remote, normal, relative};
use super::tree::{Reader, Trees, Watch};
use super::yaml::{Node, Value};
use crate::error::Trouble;
use crate::git::history::History;

/// A text longer than this names no file.
const LONGEST_NAME: usize = 300;

/// Whether a commit changes, against its first parent, what a path is made of; with `object`, whether it changes how the
/// object of that name is declared there. `None` if there is no such commit.
///
/// # Errors
/// The copy is damaged, or the commit touches more files than we count.
pub(crate) fn concern(
    history: &History<'_>,
    sha: &str,
    path: &str,
    object: Option<&str>,
) -> Result<Option<bool>, Trouble> {
    let Some((new, old)) = history.trees(sha)? else {
        return Ok(None);
    };
    let path = normal(path);
    let mut trees = Trees::new(&history.repository);
    let after = look(&mut trees, new, &path)?;
    let before = look(&mut trees, old, &path)?;
    if !(after.is_whole && before.is_whole) {
        return Ok(Some(true));
    }
    let is_same =
        trees.unchanged(&after.watch, Some(old))? && trees.unchanged(&before.watch, Some(new))?;
    if is_same {
        return Ok(Some(false));
    }
    let Some(object) = object else {
        return Ok(Some(true));
    };
    let files: BTreeSet<&String> = after.files.union(&before.files).collect();
    let mut is_declared = false;
    for file in files {
        let (one, other) = (
            declared(&mut trees, new, file, object)?,
            declared(&mut trees, old, file, object)?,
        );
        is_declared |= !one.named.is_empty() || !other.named.is_empty();
        let is_alike = one.named.len() == other.named.len()
            && one.named.iter().zip(&other.named).all(|(a, b)| same(a, b));
        if !is_alike
            || (one.changes_others || other.changes_others) && !unchanged(&trees, new, old, file)?
        {
            return Ok(Some(true));
        }
    }
    // Under another name, as a prefix makes one, it is not recognised.
    Ok(Some(!is_declared))
}

/// What a build looked at.
struct Look {
    watch: Watch,
    files: BTreeSet<String>,
    /// Whether all of it was looked at.
    is_whole: bool,
}

fn look(trees: &mut Trees<'_>, tree: ObjectId, path: &str) -> Result<Look, Trouble> {
    let mut reader = Reader::new(trees, tree);
    let state = build(&mut reader, path);
    // The build reads what may name an image; kustomize reads more: generators' files, transformers, charts' values.
    let kustomizations: Vec<String> = reader
        .looked()
        .iter()
        .filter(|file| is_kustomization(file))
        .cloned()
        .collect();
    for file in kustomizations {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Ok(documents) = reader.documents(&file) else {
            continue;
        };
        let mut names = BTreeSet::new();
        for document in documents.iter() {
            texts(document, &mut names);
        }
        for name in names {
            if let Some(path) = relative(folder, &name).filter(|path| !path.is_empty()) {
                let _noted = reader.entry(&path);
            }
        }
    }
    let files = reader.looked().clone();
    Ok(Look {
        watch: reader.watch()?,
        files,
        // What is missing or unreadable was looked at, and is watched; only a build that gave up was not.
        is_whole: state.broken.is_none_or(|(_, why)| !gave_up(&why)),
    })
}

/// Every text that may name a file: `path`, and the path of `key=path`.
fn texts(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::Scalar(text) => {
            let is_name = |text: &&str| {
                !text.is_empty()
                    && text.len() <= LONGEST_NAME
                    && !text.contains('\n')
                    && !is_remote(text)
            };
            let of_key = text.split_once('=').map(|(_, path)| path);
            let found = std::iter::once(&**text).chain(of_key).filter(is_name);
            names.extend(found.map(str::to_owned));
        }
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, names)),
        Value::Mapping(entries) => entries.iter().for_each(|(_, value)| texts(value, names)),
    }
}

/// What a file says of an object.
#[derive(Default)]
struct Declared {
    /// The documents of that name.
    named: Vec<Rc<Node>>,
    /// Whether it may change what other files declare: a kustomization, a patch without a name, something unreadable.
    changes_others: bool,
}

fn declared(
    trees: &mut Trees<'_>,
    tree: ObjectId,
    file: &str,
    object: &str,
) -> Result<Declared, Trouble> {
    let mut reader = Reader::new(trees, tree);
    let mut declared = Declared::default();
    match reader.entry(file) {
        Entry::Missing | Entry::Folder(_) => {}
        Entry::File => match reader.documents(file) {
            Err(_) => declared.changes_others = true,
            Ok(documents) => {
                for document in documents.iter() {
                    let name = document
                        .at(&["metadata", "name"])
                        .and_then(|node| node.text());
                    let kind = document.text_at("kind").unwrap_or_default();
                    if name == Some(object) {
                        declared.named.push(Rc::clone(document));
                    }
                    declared.changes_others |=
                        name.is_none() || kind.is_empty() || kind.ends_with("List");
                }
                declared.changes_others |= is_kustomization(file);
            }
        },
    }
    // Whether the copy is damaged is told by the watch only.
    reader.watch()?;
    Ok(declared)
}

fn unchanged(trees: &Trees<'_>, new: ObjectId, old: ObjectId, file: &str) -> Result<bool, Trouble> {
    Ok(trees.id(new, file)? == trees.id(old, file)?)
}

fn is_kustomization(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    ["kustomization.yaml", "kustomization.yml", "Kustomization"].contains(&name)
}

/// Whether two values are the same, on whatever lines.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one == other,
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((key, a), (other, b))| key == other && same(a, b))
        }
        _ => false,
    }
}
