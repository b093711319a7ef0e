//! Whether a commit changes what a path of a GitOps repository is made of.
//!
//! Owns that a "no" is exact: everything that building the path looks at, and everything that its kustomizations name, is
//! there as it was before the commit. What cannot be told is a "yes". Blocking.

use std::collections::BTreeSet;
use std::rc::Rc;

use facts::code::Named;
use gix::ObjectId;

use super::build::{Entry, Files as _, build, gave_up};
use super::place::{KUSTOMIZATIONS, is_remote, joined, normal, relative};
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

/// Whether a commit of a repository changes, against its first parent, what a path is made of; where `objects` are named,
/// whether it may change how one of them is declared there. `None` if there is no such commit.
///
/// # Errors
/// The copy is damaged.
pub(crate) fn concern(
    history: &History<'_>,
    (repository, sha): (&str, &str),
    path: &str,
    objects: &BTreeSet<Named>,
) -> Result<Option<bool>, Trouble> {
    let Some(sides) = sides(history, (repository, sha), path)? else {
        return Ok(None);
    };
    let Sides {
        mut trees,
        new: (new, after),
        old: (old, before),
    } = sides;
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
    let mut unseen = objects.clone();
    for file in after.files.union(&before.files) {
        let is_changed = trees.id(new, file)? != trees.id(old, file)?;
        if is_changed && (after.others.contains(file) || before.others.contains(file)) {
            return Ok(Some(true));
        }
        let one = manifests(&mut trees, new, file, |named| objects.contains(named))?;
        let other = manifests(&mut trees, old, file, |named| objects.contains(named))?;
        if is_changed && !are_alike(one.as_deref(), other.as_deref()) {
            return Ok(Some(true));
        }
        for (named, _) in one.iter().chain(&other).flatten() {
            unseen.remove(named);
        }
    }
    // What is declared under another name, or made of something else, is not recognised: it may be what was changed.
    Ok(Some(!unseen.is_empty()))
}

/// Whether a file declares the same in two trees; where that cannot be told, it may not.
fn are_alike(one: Option<&[Manifest]>, other: Option<&[Manifest]>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let is_same = |((a, one), (b, other)): (&Manifest, &Manifest)| a == b && same(one, other);
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}

/// What a build looked at.
pub(super) struct Look {
    watch: Watch,
    pub(super) files: BTreeSet<String>,
    /// Those of the files that may change what other files declare.
    pub(super) others: BTreeSet<String>,
    /// Whether all of it was looked at.
    pub(super) is_whole: bool,
    /// Whether each object is what the files that name it make of it.
    pub(super) is_plain: bool,
}

/// A path before and after a commit.
pub(super) struct Sides<'r> {
    pub(super) trees: Trees<'r>,
    pub(super) new: (ObjectId, Look),
    pub(super) old: (ObjectId, Look),
}

/// What a path is made of in a commit and in its first parent; `None` if there is no such commit.
pub(super) fn sides<'r>(
    history: &'r History<'_>,
    (repository, sha): (&str, &str),
    path: &str,
) -> Result<Option<Sides<'r>>, Trouble> {
    let Some((new, old)) = history.trees(sha)? else {
        return Ok(None);
    };
    let path = normal(path);
    let mut trees = Trees::new(&history.repository);
    let after = look(&mut trees, new, repository, &path)?;
    let before = look(&mut trees, old, repository, &path)?;
    Ok(Some(Sides {
        trees,
        new: (new, after),
        old: (old, before),
    }))
}

fn look(
    trees: &mut Trees<'_>,
    tree: ObjectId,
    repository: &str,
    path: &str,
) -> Result<Look, Trouble> {
    let mut reader = Reader::new(trees, tree);
    let state = build(&mut reader, path);
    let mut others = BTreeSet::new();
    // What is missing or unreadable was looked at, and is watched; only a build that gave up was not.
    let mut is_whole = state.broken.is_none_or(|(_, why)| !gave_up(&why));
    let mut is_plain = true;
    // The build reads what may name an image; kustomize reads more: generators' files, transformers, charts' values.
    let mut read = BTreeSet::new();
    loop {
        let looked = reader.looked().iter();
        let unread = |file: &&String| is_kustomization(file) && !read.contains(*file);
        let Some(file) = looked.clone().find(unread).cloned() else {
            break;
        };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Kustomize refuses a folder with two of them.
        for name in KUSTOMIZATIONS {
            let _watched = reader.entry(&joined(folder, name));
        }
        match reader.entry(&file) {
            Entry::File => match reader.documents(&file) {
                Ok(documents) => {
                    for document in documents.iter() {
                        is_plain &= is_plainly(document);
                        is_whole &=
                            named_files(&mut reader, repository, folder, document, &mut others);
                    }
                }
                // Nobody knows what it names; what lies beside it is the likeliest.
                Err(_) => reader.look_at_all_of(folder),
            },
            Entry::Missing | Entry::Folder(_) => {}
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
        is_whole,
        is_plain,
    })
}

fn is_plainly(kustomization: &Node) -> bool {
    match &kustomization.value {
        Value::Mapping(entries) => entries.iter().all(|(key, _)| PLAIN.contains(&&**key)),
        _ => true,
    }
}

/// Watches every file that a kustomization names; those that it does not take as they are go to `others`. Whether all that
/// it names was looked at: not, if something that seems to lie elsewhere may lie here.
fn named_files(
    reader: &mut Reader<'_, '_>,
    repository: &str,
    folder: &str,
    kustomization: &Node,
    others: &mut BTreeSet<String>,
) -> bool {
    let Value::Mapping(entries) = &kustomization.value else {
        return true;
    };
    let own = repository
        .split_once('/')
        .map_or(repository, |(_, path)| path);
    let mut is_whole = true;
    for (key, value) in entries {
        let mut names = BTreeSet::new();
        texts(value, &mut names);
        for name in names {
            let Some(path) = relative(folder, &name).filter(|path| !path.is_empty()) else {
                continue;
            };
            let is_here = reader.entry(&path) != Entry::Missing;
            is_whole &= !is_remote(&name) || !is_here && !name.contains(own);
            if !AS_IT_IS.contains(&&**key) {
                others.insert(path);
            }
        }
    }
    is_whole
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
        // Charts of the first version name them in a file of their own.
        for file in [about, joined(&folder, "requirements.yaml")] {
            let Ok(documents) = reader.documents(&file) else {
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
                !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains('\n')
            };
            let of_key = text.split_once('=').map(|(_, path)| path);
            let found = std::iter::once(&**text).chain(of_key).filter(is_name);
            names.extend(found.map(str::to_owned));
        }
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, names)),
        Value::Mapping(entries) => entries.iter().for_each(|(_, value)| texts(value, names)),
    }
}

/// An object's manifest.
type Manifest = (Named, Rc<Node>);

/// The manifests of the wanted objects in a file; `None` where that cannot be told.
pub(super) fn manifests(
    trees: &mut Trees<'_>,
    tree: ObjectId,
    file: &str,
    is_wanted: impl Fn(&Named) -> bool,
) -> Result<Option<Vec<Manifest>>, Trouble> {
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
        if is_wanted(&named) {
            found.push((named, Rc::clone(document)));
        }
    }
    Ok(Some(found))
}

fn is_kustomization(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    KUSTOMIZATIONS.contains(&name)
}

/// Whether two values are the same, on whatever lines.
pub(super) fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        // A text that says "true" is no truth.
        (Value::Scalar(a), Value::Scalar(b)) => a == b && one.quoted == other.quoted,
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
