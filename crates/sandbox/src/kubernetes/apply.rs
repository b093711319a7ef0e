//! Server-side apply: what a manager wants, merged into what is there, unless another owns it otherwise.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::Failure;
use super::fields::{Path, Set, Shape, key_step, remove, shape, values, written};
use super::kinds::Kind;
use super::managed::{Writer, give, read, write};
use super::object;

/// The object after a manager applied what they want.
pub(crate) fn applied(
    kind: &Kind,
    existing: Option<&Value>,
    wanted: &Value,
    writer: Writer<'_>,
    force: bool,
) -> Result<Value, Failure> {
    let nothing = json!({});
    let live = existing.unwrap_or(&nothing);
    let wishes = values(kind, wanted, writer.status, false);
    let there = values(kind, live, writer.status, true);
    let set: Set = wishes.keys().cloned().collect();
    let mut managed = read(live);

    let differs = |path: &&Path| {
        let found = there.get(*path);
        found.is_some_and(|found| Some(found) != wishes.get(*path) && !found.is_null())
    };
    let mut conflicts: BTreeMap<String, Vec<Path>> = BTreeMap::new();
    for other in managed.iter_mut().filter(|other| !other.is_of(writer)) {
        let contested: Set = other
            .set
            .intersection(&set)
            .filter(differs)
            .cloned()
            .collect();
        if contested.is_empty() {
            continue;
        }
        if force {
            other.set.retain(|path| !contested.contains(path));
        } else {
            let paths = conflicts.entry(other.named()).or_default();
            paths.extend(contested);
        }
    }
    if !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }

    let mut object = live.clone();
    merge(kind, "", &mut object, &part(kind, wanted, writer.status));
    let before = managed
        .iter()
        .find(|managed| managed.is_of(writer))
        .map(|managed| managed.set.clone())
        .unwrap_or_default();
    // Places before what is in them: the set is in that order.
    for path in before.difference(&set) {
        let is_held = set.iter().any(|held| held.starts_with(path))
            || managed
                .iter()
                .filter(|managed| !managed.is_of(writer))
                .any(|managed| managed.set.iter().any(|held| held.starts_with(path)));
        if !is_held {
            remove(&mut object, path);
        }
    }
    let is_changed = object != *live || before != set;
    give(kind, &mut managed, writer, set);
    write(&mut object, managed, is_changed.then_some(writer));
    Ok(object)
}

/// What of the wanted object this request is about.
fn part(kind: &Kind, wanted: &Value, status: bool) -> Value {
    let mut part = wanted.clone();
    let fields = object::fields(&mut part);
    if kind.has_status {
        fields.retain(|field, _| (field == "status") == status);
    }
    for field in ["apiVersion", "kind"] {
        fields.remove(field);
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    part
}

fn merge(kind: &Kind, field: &str, live: &mut Value, wanted: &Value) {
    let Some(wanted) = wanted.as_object() else {
        return;
    };
    let live = object::fields(live);
    for (inner, wish) in wanted {
        let Some(found) = live.get_mut(inner) else {
            live.insert(inner.clone(), wish.clone());
            continue;
        };
        match (shape(kind, field, inner, wish), wish) {
            (Shape::Map, _) if found.is_object() => merge(kind, inner, found, wish),
            (Shape::Keyed(key), Value::Array(wishes)) if found.is_array() => {
                merge_list(kind, inner, key, found, wishes);
            }
            (Shape::Members, Value::Array(wishes)) if found.is_array() => {
                let found = found.as_array_mut().into_iter();
                for list in found {
                    let new = wishes.iter().filter(|wish| !list.contains(wish));
                    let new: Vec<Value> = new.cloned().collect();
                    list.extend(new);
                }
            }
            _ => *found = wish.clone(),
        }
    }
}

fn merge_list(kind: &Kind, field: &str, key: &str, found: &mut Value, wishes: &[Value]) {
    let Some(list) = found.as_array_mut() else {
        return;
    };
    for wish in wishes {
        let step = key_step(key, wish);
        match list.iter_mut().find(|other| key_step(key, other) == step) {
            Some(element) => merge(kind, field, element, wish),
            None => list.push(wish.clone()),
        }
    }
}

fn conflict(conflicts: &BTreeMap<String, Vec<Path>>) -> Failure {
    let all: usize = conflicts.values().map(Vec::len).sum();
    let told: Vec<String> = conflicts
        .iter()
        .map(|(manager, paths)| match paths.as_slice() {
            [only] => format!("conflict with {manager}: {}", written(only)),
            several => {
                let lines: Vec<String> = several
                    .iter()
                    .map(|path| format!("\n- {}", written(path)))
                    .collect();
                format!("conflicts with {manager}:{}", lines.concat())
            }
        })
        .collect();
    let word = if all == 1 { "conflict" } else { "conflicts" };
    let causes = conflicts.iter().flat_map(|(manager, paths)| {
        paths.iter().map(move |path| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"),
                "field": written(path)})
        })
    });
    let message = format!("Apply failed with {all} {word}: {}", told.join("\n"));
    Failure::apply_conflict(message, causes.collect())
}
