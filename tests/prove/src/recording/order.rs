//! The order of a recording's objects, and the new names of what controllers name by chance.
//!
//! Owns both because one hangs on the other: the first pod of a ReplicaSet is the first of those that are alike but for
//! their names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::KINDS;
use super::rename::{GIVEN, Patterns};

/// Letters that Kubernetes makes names of.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Puts the objects in an order that every run has; what names made by chance become.
pub fn in_order(objects: &mut [Value], patterns: &Patterns) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // What controllers make up, and what stands before it.
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    let mut hashes: BTreeSet<String> = BTreeSet::new();
    for object in objects.iter() {
        let metadata = &object["metadata"];
        let (name, beginning) = (word(&metadata["name"]), word(&metadata["generateName"]));
        if !beginning.is_empty() && name.starts_with(&beginning) {
            made.insert(name.clone(), beginning);
        }
        if object["kind"] == "Event"
            && let Some((of, _)) = name.rsplit_once('.')
        {
            made.insert(name.clone(), format!("{of}."));
        }
        let labels = &metadata["labels"];
        hashes.insert(word(&labels["pod-template-hash"]));
        for revision in [
            &labels["controller-revision-hash"],
            &object["status"]["currentRevision"],
            &object["status"]["updateRevision"],
        ] {
            let revision = word(revision);
            hashes.extend(revision.rsplit('-').next().map(str::to_owned));
        }
    }
    hashes.remove("");
    let nodes: BTreeSet<String> = objects
        .iter()
        .filter(|object| object["kind"] == "Node")
        .map(|object| word(&object["metadata"]["name"]))
        .collect();
    let masked = |text: &str| {
        let mut text = text.to_owned();
        for (name, beginning) in made.iter().rev() {
            text = text.replace(name, beginning);
        }
        for hash in &hashes {
            text = text.replace(hash, "*");
        }
        for node in &nodes {
            text = text.replace(node, "*");
        }
        patterns.masked(&text)
    };
    let key = |object: &Value| {
        let kind = KINDS.iter().position(|kind| object["kind"] == *kind);
        let metadata = &object["metadata"];
        let involved = &object["involvedObject"];
        [
            format!("{:03}", kind.unwrap_or(KINDS.len())),
            word(&metadata["namespace"]),
            masked(&word(&involved["kind"])),
            masked(&word(&metadata["name"])),
            masked(&word(
                &metadata["annotations"]["deployment.kubernetes.io/revision"],
            )),
            masked(&word(&object["reason"])),
            masked(&word(&object["message"])),
            // The sorting of what is alike but for chance: by what it is about, by what it says, by its age.
            masked(&involved.to_string()),
            masked(&object["spec"].to_string()),
            masked(&object["status"].to_string()),
            word(&metadata["creationTimestamp"]),
            word(&metadata["name"]),
        ]
    };
    objects.sort_by_cached_key(key);

    let places = by_use(objects, &nodes);
    objects.sort_by_cached_key(|object| {
        let kind = KINDS.iter().position(|kind| object["kind"] == *kind);
        let name = places.get(&word(&object["metadata"]["name"]));
        let is_node = object["kind"] == "Node";
        (kind, is_node.then_some(name).flatten().cloned())
    });

    let mut renamed: Vec<(String, String)> = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let new_hash = |old: &str, renamed: &mut Vec<(String, String)>| {
        if !old.is_empty() && !renamed.iter().any(|(known, _)| known == old) {
            let number = renamed.len();
            renamed.push((old.to_owned(), format!("7d9f5c6b{}", letters(number))));
        }
    };
    // Hashes first: generated names begin with them.
    for object in objects.iter() {
        let labels = &object["metadata"]["labels"];
        new_hash(&word(&labels["pod-template-hash"]), &mut renamed);
        for revision in [
            &object["status"]["currentRevision"],
            &object["status"]["updateRevision"],
            &labels["controller-revision-hash"],
        ] {
            let revision = word(revision);
            new_hash(
                revision.rsplit('-').next().unwrap_or_default(),
                &mut renamed,
            );
        }
    }
    let hashed = renamed.clone();
    for object in objects.iter() {
        let name = word(&object["metadata"]["name"]);
        let Some(beginning) = made.get(&name) else {
            continue;
        };
        let mut beginning = beginning.clone();
        for (old, new) in &hashed {
            beginning = beginning.replace(old, new);
        }
        if object["kind"] == "Event" {
            // Events of a pod begin with its old name, which is renamed with all others.
            let of = beginning.trim_end_matches('.');
            if let Some((_, new)) = renamed
                .iter()
                .find(|(old, _)| old == of || name.starts_with(&format!("{old}.")))
            {
                beginning = format!("{new}.");
            }
        }
        let count = counts.entry(beginning.clone()).or_default();
        let end = match object["kind"] == "Event" {
            true => format!("{count:016x}"),
            false => format!("{GIVEN}{}", letters(*count)),
        };
        *count += 1;
        renamed.push((name, format!("{beginning}{end}")));
    }
    renamed.extend(places);
    renamed
}

/// Two letters that stand for a number.
fn letters(number: usize) -> String {
    let letter = |index: usize| char::from(*LETTERS.get(index % LETTERS.len()).unwrap_or(&b'x'));
    [letter(number / LETTERS.len()), letter(number)]
        .iter()
        .collect()
}

/// What nodes are called: by the first pod that each has, because which of two alike gets it is the scheduler's chance.
fn by_use(objects: &[Value], nodes: &BTreeSet<String>) -> BTreeMap<String, String> {
    let used = objects
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .filter_map(|pod| pod["spec"]["nodeName"].as_str());
    let mut names = BTreeMap::new();
    for node in used.chain(nodes.iter().map(String::as_str)) {
        let number = names.len();
        if nodes.contains(node) {
            names
                .entry(node.to_owned())
                .or_insert_with(|| format!("node-{}", letters(number)));
        }
    }
    names
}
