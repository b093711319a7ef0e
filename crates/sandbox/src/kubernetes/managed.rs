//! Who wrote which field: `metadata.managedFields`, kept for everybody who writes through the API.
//!
//! The company's own controllers write through the store and are not recorded.

use serde_json::{Value, json};

use super::fields::{Set, from_fields, to_fields, values};
use super::kinds::Kind;
use super::object;

/// Somebody who writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    /// The name they give.
    pub manager: &'a str,
    /// Whether they apply; else they update.
    pub applies: bool,
    /// Whether they write the status.
    pub status: bool,
    /// Now.
    pub now: &'a str,
}

/// What one manager owns.
#[derive(Clone, Debug)]
pub(crate) struct Managed {
    entry: Value,
    pub(crate) set: Set,
}

impl Managed {
    fn new(kind: &Kind, writer: Writer<'_>, set: Set) -> Self {
        let mut entry = json!({
            "manager": writer.manager,
            "operation": if writer.applies { "Apply" } else { "Update" },
            "apiVersion": kind.api_version(),
            "fieldsType": "FieldsV1",
        });
        if writer.status {
            entry["subresource"] = json!("status");
        }
        Self { entry, set }
    }

    pub(crate) fn is_of(&self, writer: Writer<'_>) -> bool {
        let operation = if writer.applies { "Apply" } else { "Update" };
        self.entry["manager"] == writer.manager
            && self.entry["operation"] == operation
            && (self.entry["subresource"] == "status") == writer.status
    }

    /// The manager as conflicts name it.
    pub(crate) fn named(&self) -> String {
        let manager = &self.entry["manager"];
        if self.entry["operation"] == "Apply" {
            return manager.to_string();
        }
        let version = self.entry["apiVersion"].as_str().unwrap_or_default();
        format!("{manager} using {version}")
    }
}

/// Everybody's fields.
pub(crate) fn read(object: &Value) -> Vec<Managed> {
    let entries = object["metadata"]["managedFields"].as_array();
    let entries = entries.into_iter().flatten();
    entries
        .map(|entry| Managed {
            set: from_fields(&entry["fieldsV1"]),
            entry: entry.clone(),
        })
        .collect()
}

/// Writes everybody's fields down; whoever changed something has now for their time, the others keep theirs.
pub(crate) fn write(object: &mut Value, managed: Vec<Managed>, changed_by: Option<Writer<'_>>) {
    let entries: Vec<Value> = managed
        .into_iter()
        .filter(|managed| !managed.set.is_empty())
        .map(|managed| {
            let writer = changed_by.filter(|writer| managed.is_of(*writer));
            let mut entry = managed.entry;
            entry["fieldsV1"] = to_fields(&managed.set);
            if let Some(writer) = writer {
                entry["time"] = json!(writer.now);
            }
            entry
        })
        .collect();
    let metadata = object::section(object, "metadata");
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".into(), json!(entries));
    }
}

/// Gives a writer these fields, in place of what they had.
pub(crate) fn give(kind: &Kind, managed: &mut Vec<Managed>, writer: Writer<'_>, set: Set) {
    match managed.iter_mut().find(|managed| managed.is_of(writer)) {
        Some(own) => own.set = set,
        None => managed.push(Managed::new(kind, writer, set)),
    }
}

/// Records an update: what changed is the writer's now, and what went is nobody's.
pub(crate) fn updated(
    kind: &Kind,
    existing: Option<&Value>,
    object: &mut Value,
    writer: Writer<'_>,
) {
    let asked = &object["metadata"]["managedFields"];
    if existing.is_some() && (*asked == json!([{}]) || *asked == json!([])) {
        // Whoever sends this wants the record forgotten.
        object::section(object, "metadata").remove("managedFields");
        return;
    }
    let nothing = json!({});
    let existing = existing.unwrap_or(&nothing);
    let (changed, gone) = difference(kind, existing, object, writer.status);
    let mut managed = read(existing);
    let mut own = managed
        .iter()
        .find(|managed| managed.is_of(writer))
        .map(|managed| managed.set.clone())
        .unwrap_or_default();
    own.extend(changed.iter().cloned());
    for other in &mut managed {
        other
            .set
            .retain(|path| !changed.contains(path) && !gone.contains(path));
    }
    own.retain(|path| !gone.contains(path));
    give(kind, &mut managed, writer, own);
    let is_changed = !changed.is_empty() || !gone.is_empty();
    write(object, managed, is_changed.then_some(writer));
}

/// Takes what a controller of the company's changed from those who wrote it before, as its forced apply would.
pub(crate) fn overwritten(kind: &Kind, existing: &Value, object: &mut Value) {
    let mut managed = read(existing);
    if managed.is_empty() {
        return;
    }
    for status in [false, true] {
        let (changed, gone) = difference(kind, existing, object, status);
        for other in &mut managed {
            other
                .set
                .retain(|path| !changed.contains(path) && !gone.contains(path));
        }
    }
    write(object, managed, None);
}

/// The fields that have another value than before, and those that are no longer there.
fn difference(kind: &Kind, before: &Value, after: &Value, status: bool) -> (Set, Set) {
    let before = values(kind, before, status, true);
    let after = values(kind, after, status, true);
    let changed = after
        .iter()
        .filter(|(path, value)| before.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    let gone = before
        .into_keys()
        .filter(|path| !after.contains_key(path))
        .collect();
    (changed, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer<'a>(manager: &'a str, now: &'a str) -> Writer<'a> {
        Writer {
            manager,
            applies: false,
            status: false,
            now,
        }
    }

    #[test]
    fn whoever_changes_a_field_owns_it_and_only_their_time_moves() {
        let kind = Kind::named("ConfigMap").unwrap();
        let mut made = json!({"data": {"a": "1", "b": "1"}});
        updated(kind, None, &mut made, writer("one", "t1"));
        let mut changed = made.clone();
        changed["data"]["a"] = json!("2");
        updated(kind, Some(&made), &mut changed, writer("two", "t2"));
        let entries = &changed["metadata"]["managedFields"];
        assert_eq!(entries[0]["time"], "t1");
        let left = json!({"f:data": {".": {}, "f:b": {}}});
        assert_eq!(entries[0]["fieldsV1"], left);
        assert_eq!(entries[1]["time"], "t2");
        assert_eq!(entries[1]["fieldsV1"], json!({"f:data": {"f:a": {}}}));

        // A controller puts it back: nobody's hand is in it any more.
        let mut back = changed.clone();
        back["data"]["a"] = json!("1");
        overwritten(kind, &changed, &mut back);
        let entries = back["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!((entries.len(), &entries[0]["manager"]), (1, &json!("one")));
    }
}
