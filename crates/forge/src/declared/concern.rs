//! Whether a commit changes what a path of a GitOps repository is made of.
//!
//! Owns that a "no" is exact: everything that building the path looks at, and everything that its kustomizations name, is
//! there as it was before the commit. What cannot be told is a "yes". Blocking.

use std::collections::BTreeSet;
use std::rc::Rc;

use facts::code::Named;
use gix::ObjectId;

use super::build::{Entry, Files as _, build, gave_up};
use super::place::{is_remote, joined, normal, relative};
use super::tree::{Reader, Trees, Watch};
use super::yaml::{Node, Value};
use crate::error::Trouble;
use crate::git::history::History;

/// A text longer than this names no file.
const LONGEST_NAME: usize = 300;
/// What a kustomization may say and leave each object to the files that declare it. Anything else (transformers,
/// replacements, prefixes…) makes one object of another, or of a file that only it knows.
const PLAIN: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "bases",
    "components",
    "namespace",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "images",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "sortOptions",
    "buildMetadata",
];
/// Of these, the lists of what is taken as it is.
const AS_IT_IS: &[&str] = &["resources", "bases", "components"];
/// What Flux leaves out of an artifact.
const IGNORE: &str = ".sourceignore";

/// Whether a commit changes, against its first parent, what a path is made of; where `objects` are named, whether it may
/// change how one of them is declared there. `None` if there is no such commit.
///
/// # Errors
/// The copy is damaged.
pub(crate) fn concern(
    history: &History<'_>,
    sha: &str,
    path: &str,
    objects: &BTreeSet<Named>,
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
    if objects.is_empty() || !(after.is_plain && before.is_plain) {
        return Ok(Some(true));
    }
    for file in after.files.union(&before.files) {
        if trees.id(new, file)? == trees.id(old, file)? {
            continue;
        }
        let changes_others = |look: &Look| look.others.contains(file);
        if changes_others(&after)
            || changes_others(&before)
            || declares(&mut trees, [new, old], file, objects)?
        {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// What a build looked at.
struct Look {
    watch: Watch,
    files: BTreeSet<String>,
    /// Those of the files that may change what other files declare.
    others: BTreeSet<String>,
    /// Whether all of it was looked at.
    is_whole: bool,
    /// Whether each object is what the files that name it make of it.
    is_plain: bool,
}

fn look(trees: &mut Trees<'_>, tree: ObjectId, path: &str) -> Result<Look, Trouble> {
    let mut reader = Reader::new(trees, tree);
    let state = build(&mut reader, path);
    let mut others = BTreeSet::new();
    let mut is_plain = true;
    // The build reads what may name an image; kustomize reads more: generators' files, transformers, charts' values.
    let mut read = BTreeSet::new();
    loop {
        let looked = reader.looked().iter();
        let unread = |file: &&String| is_kustomization(file) && !read.contains(*file);
        let Some(file) = looked.clone().find(unread).cloned() else {
            break;
        };
        if let Ok(documents) = reader.documents(&file) {
            for document in documents.iter() {
                is_plain &= is_plainly(document);
                let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
                named_files(&mut reader, folder, document, &mut others);
            }
        }
        others.insert(file.clone());
        read.insert(file);
    }
    charts(&mut reader, path);
    let folders: BTreeSet<String> = reader.looked().iter().flat_map(|one| above(one)).collect();
    for folder in folders {
        let ignore = joined(&folder, IGNORE);
        let _watched = reader.entry(&ignore);
        others.insert(ignore);
    }
    let files = reader.looked().clone();
    Ok(Look {
        watch: reader.watch()?,
        files,
        others,
        // What is missing or unreadable was looked at, and is watched; only a build that gave up was not.
        is_whole: state.broken.is_none_or(|(_, why)| !gave_up(&why)),
        is_plain,
    })
}

fn is_plainly(kustomization: &Node) -> bool {
    match &kustomization.value {
        Value::Mapping(entries) => entries.iter().all(|(key, _)| PLAIN.contains(&&**key)),
        _ => true,
    }
}

/// Watches every file that a kustomization names; those that it does not take as they are go to `others`.
fn named_files(
    reader: &mut Reader<'_, '_>,
    folder: &str,
    kustomization: &Node,
    others: &mut BTreeSet<String>,
) {
    let Value::Mapping(entries) = &kustomization.value else {
        return;
    };
    for (key, value) in entries {
        let mut names = BTreeSet::new();
        texts(value, &mut names);
        for name in names {
            let Some(path) = relative(folder, &name).filter(|path| !path.is_empty()) else {
                continue;
            };
            let _watched = reader.entry(&path);
            if !AS_IT_IS.contains(&&**key) {
                others.insert(path);
            }
        }
    }
}

/// Watches the whole of a chart, and of the charts beside it that it is made of.
fn charts(reader: &mut Reader<'_, '_>, path: &str) {
    let mut open = vec![path.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = open.pop() {
        let about = joined(&folder, "Chart.yaml");
        if !seen.insert(folder.clone()) || reader.entry(&about) != Entry::File {
            continue;
        }
        reader.look_at_all_of(&folder);
        let Ok(documents) = reader.documents(&about) else {
            continue;
        };
        let dependencies = documents
            .iter()
            .flat_map(|one| one.items_at("dependencies"));
        let beside = dependencies
            .filter_map(|one| one.text_at("repository")?.strip_prefix("file://"))
            .filter_map(|entry| relative(&folder, entry));
        open.extend(beside);
    }
}

/// The folders that a path lies in, from the root, which is empty.
fn above(path: &str) -> impl Iterator<Item = String> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let folders = ends.map(|at| path[..at].to_owned());
    std::iter::once(String::new()).chain(folders)
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

/// Whether a file may declare one of the objects differently in two trees.
fn declares(
    trees: &mut Trees<'_>,
    [new, old]: [ObjectId; 2],
    file: &str,
    objects: &BTreeSet<Named>,
) -> Result<bool, Trouble> {
    let (Some(one), Some(other)) = (
        manifests(trees, new, file, objects)?,
        manifests(trees, old, file, objects)?,
    ) else {
        return Ok(true);
    };
    let is_alike =
        one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| same(one, other));
    Ok(!is_alike)
}

/// The manifests of the objects in a file; `None` where that cannot be told.
fn manifests(
    trees: &mut Trees<'_>,
    tree: ObjectId,
    file: &str,
    objects: &BTreeSet<Named>,
) -> Result<Option<Vec<Rc<Node>>>, Trouble> {
    let is_there = trees.id(tree, file)?.is_some();
    let mut reader = Reader::new(trees, tree);
    let documents = match reader.entry(file) {
        // A link or a submodule is there, and is nothing that we follow.
        Entry::Missing => return Ok((!is_there).then(Vec::new)),
        // Its files are looked at one by one.
        Entry::Folder(_) => return Ok(Some(Vec::new())),
        Entry::File => reader.documents(file),
    };
    // Whether the copy is damaged is told by the watch only.
    reader.watch()?;
    let Ok(documents) = documents else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for document in documents.iter().filter(|document| document.is_mapping()) {
        let name = document
            .at(&["metadata", "name"])
            .and_then(|name| name.text());
        let (Some(kind), Some(name)) = (document.text_at("kind"), name) else {
            return Ok(None);
        };
        // A list holds others, and a variable of Flux's may stand for any name.
        if kind.ends_with("List") || kind.contains('$') || name.contains('$') {
            return Ok(None);
        }
        let named = Named {
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        if objects.contains(&named) {
            found.push(Rc::clone(document));
        }
    }
    Ok(Some(found))
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
