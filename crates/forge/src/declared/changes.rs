//! How a commit changes the objects that a path declares.
//!
//! Owns that what is told is certain: where an object is not what the files that name it make of it, or a file cannot be
//! read, nothing is told. Blocking.

use std::collections::BTreeMap;
use std::rc::Rc;

use facts::code::{Change, How, Named};
use gix::ObjectId;

use super::concern::{Look, Sides, manifests, same, sides};
use super::tree::Trees;
use super::yaml::{Node, Value};
use crate::error::Trouble;
use crate::git::history::History;

/// The annotations by which an object tells Flux to leave it as it is, and the values that do.
const LEAVES_ALONE: &[(&str, &[&str])] = &[
    ("kustomize.toolkit.fluxcd.io/reconcile", &["disabled"]),
    (
        "kustomize.toolkit.fluxcd.io/ssa",
        &["Ignore", "IfNotPresent"],
    ),
    ("kustomize.toolkit.fluxcd.io/prune", &["disabled"]),
];

/// How a commit of a repository changes, against its first parent, the objects that a path declares. `None` if there is no
/// such commit.
///
/// # Errors
/// The copy is damaged.
pub(crate) fn changes(
    history: &History<'_>,
    (repository, sha): (&str, &str),
    path: &str,
) -> Result<Option<Vec<Change>>, Trouble> {
    let Some(sides) = sides(history, (repository, sha), path)? else {
        return Ok(None);
    };
    let Sides {
        mut trees,
        new: (new, after),
        old: (old, before),
    } = sides;
    let is_plain = |look: &Look| look.is_whole && look.is_plain;
    if !(is_plain(&after) && is_plain(&before)) {
        return Ok(Some(Vec::new()));
    }
    let (Some(new), Some(old)) = (
        objects(&mut trees, new, &after)?,
        objects(&mut trees, old, &before)?,
    ) else {
        return Ok(Some(Vec::new()));
    };
    let mut changes = Vec::new();
    for (object, manifest) in &new {
        match old.get(object) {
            None => changes.push(change(object, How::Added, manifest, true)),
            Some(before) if !same(before, manifest) => {
                let content = content(&object.kind, before, manifest);
                changes.push(change(object, How::Changed, manifest, content));
            }
            Some(_) => {}
        }
    }
    let removed = old.iter().filter(|(object, _)| !new.contains_key(*object));
    changes.extend(removed.map(|(object, one)| change(object, How::Removed, one, true)));
    Ok(Some(changes))
}

/// The objects of the files that a path is made of; `None` where they cannot all be told apart.
fn objects(
    trees: &mut Trees<'_>,
    tree: ObjectId,
    look: &Look,
) -> Result<Option<BTreeMap<Named, Rc<Node>>>, Trouble> {
    let mut found = BTreeMap::new();
    for file in look.files.difference(&look.others) {
        let Some(manifests) = manifests(trees, tree, file, |_| true)? else {
            return Ok(None);
        };
        for (named, manifest) in manifests {
            // Two of one name are in namespaces of their own.
            if found.insert(named, manifest).is_some() {
                return Ok(None);
            }
        }
    }
    Ok(Some(found))
}

/// What a ConfigMap or Secret holds.
const HELD: &[&str] = &["data", "binaryData", "stringData"];

/// Whether two manifests of an object differ in more than its metadata; of a ConfigMap or Secret, in what it holds.
fn content(kind: &str, one: &Node, other: &Node) -> bool {
    if matches!(kind, "ConfigMap" | "Secret") {
        return held(one) != held(other);
    }
    let (Value::Mapping(one), Value::Mapping(other)) = (&one.value, &other.value) else {
        return true;
    };
    let rest = |entries: &[(Rc<str>, Rc<Node>)]| {
        let rest = entries.iter().filter(|(key, _)| &**key != "metadata");
        rest.cloned().collect::<Vec<_>>()
    };
    let (one, other) = (rest(one), rest(other));
    let mut pairs = one.iter().zip(&other);
    one.len() != other.len()
        || pairs.any(|(one, other)| one.0 != other.0 || !same(&one.1, &other.1))
}

/// The texts that a ConfigMap or Secret holds: in no order, and however they are quoted.
fn held(manifest: &Node) -> BTreeMap<(&str, &str), &str> {
    let mut found = BTreeMap::new();
    for field in HELD {
        let Some(Value::Mapping(entries)) = manifest.at(&[field]).map(|node| &node.value) else {
            continue;
        };
        for (key, value) in entries {
            if let Value::Scalar(text) = &value.value {
                found.insert((*field, &**key), &**text);
            }
        }
    }
    found
}

fn change(object: &Named, how: How, manifest: &Node, content: bool) -> Change {
    let kept = |(name, values): &(&str, &[&str])| {
        let value = manifest.at(&["metadata", "annotations", name])?.text()?;
        let keeps = match (*name, how) {
            ("kustomize.toolkit.fluxcd.io/prune", how) => how == How::Removed,
            ("kustomize.toolkit.fluxcd.io/ssa", How::Removed) => false,
            ("kustomize.toolkit.fluxcd.io/ssa", How::Added) => value == "Ignore",
            _ => true,
        };
        (keeps && values.contains(&value)).then(|| format!("{name}: {value}"))
    };
    Change {
        object: object.clone(),
        how,
        namespace: manifest
            .at(&["metadata", "namespace"])
            .and_then(|one| one.text())
            .map(str::to_owned),
        content,
        left_alone: LEAVES_ALONE.iter().find_map(kept),
    }
}
