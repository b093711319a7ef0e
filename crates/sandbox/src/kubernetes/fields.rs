//! Sets of an object's fields, as `metadata.managedFields` holds them (FieldsV1), and the values at them.
//!
//! Without schemas: maps are granular but for selectors, lists merge where strategic merge patch merges them, and all
//! else is one value. Lists of custom resources are one value, as where a definition does not say otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::patch::merge_key;

/// One field: its steps as FieldsV1 writes them, `f:spec`, `k:{"name":"web"}`, `v:"one"`.
pub(crate) type Path = Vec<String>;

/// Fields.
pub(crate) type Set = BTreeSet<Path>;

/// What is there at each field; a map or a list's element that is only a place has null.
pub(crate) type Values = BTreeMap<Path, Value>;

/// The metadata that is nobody's to own.
const UNOWNED: [&str; 10] = [
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// How a field's value is looked into.
pub(crate) enum Shape {
    /// Field by field.
    Map,
    /// Element by element, by this key.
    Keyed(&'static str),
    /// Element by element, by value.
    Members,
    /// Not at all.
    Whole,
}

/// How the value of `field`, which is inside `parent`, is looked into.
pub(crate) fn shape(kind: &Kind, parent: &str, field: &str, value: &Value) -> Shape {
    match value {
        Value::Object(_) if (parent, field) == ("spec", "selector") && !kind.custom => Shape::Whole,
        Value::Object(_) => Shape::Map,
        Value::Array(_) if field == "finalizers" && parent == "metadata" => Shape::Members,
        Value::Array(list) if !kind.custom || parent == "metadata" => {
            match merge_key(parent, field) {
                Some(key) if list.iter().all(|element| element.get(key).is_some()) => {
                    Shape::Keyed(key)
                }
                _ => Shape::Whole,
            }
        }
        _ => Shape::Whole,
    }
}

/// The fields of an object that can be owned, with their values; `places` for maps and elements that are only places.
pub(crate) fn values(kind: &Kind, object: &Value, status: bool, places: bool) -> Values {
    let mut found = Values::new();
    let fields = object.as_object().into_iter().flatten();
    for (field, value) in fields {
        let is_part = match field.as_str() {
            "apiVersion" | "kind" => false,
            "status" if kind.has_status => status,
            _ => !status,
        };
        if !is_part {
            continue;
        }
        let mut path = vec![format!("f:{field}")];
        if field == "metadata" {
            let inside = value.as_object().into_iter().flatten();
            for (inner, value) in inside.filter(|(inner, _)| !UNOWNED.contains(&inner.as_str())) {
                path.push(format!("f:{inner}"));
                walk(
                    kind,
                    ("metadata", inner),
                    value,
                    &mut path,
                    places,
                    &mut found,
                );
                path.pop();
            }
        } else {
            walk(kind, ("", field), value, &mut path, places, &mut found);
        }
    }
    found
}

/// Whether a map is owned beside what is in it: maps of free keys are, and all of custom resources; Kubernetes' own
/// structures are not.
fn is_place(kind: &Kind, field: &str, path: &[String]) -> bool {
    let is_free = matches!(
        field,
        "labels" | "annotations" | "data" | "stringData" | "nodeSelector" | "limits" | "requests"
    );
    is_free || (kind.custom && path.first().is_none_or(|step| step != "f:metadata"))
}

fn walk(
    kind: &Kind,
    (parent, field): (&str, &str),
    value: &Value,
    path: &mut Path,
    places: bool,
    found: &mut Values,
) {
    match (shape(kind, parent, field, value), value) {
        (Shape::Map, Value::Object(map)) => {
            let is_place = places && is_place(kind, field, path);
            if is_place {
                found.insert(path.clone(), Value::Null);
            } else if map.is_empty() {
                found.insert(path.clone(), json!({}));
            }
            for (inner, value) in map {
                path.push(format!("f:{inner}"));
                walk(kind, (field, inner), value, path, places, found);
                path.pop();
            }
        }
        (Shape::Keyed(key), Value::Array(list)) => {
            for element in list {
                path.push(key_step(key, element));
                found.insert(path.clone(), Value::Null);
                let inside = element.as_object().into_iter().flatten();
                for (inner, value) in inside {
                    path.push(format!("f:{inner}"));
                    walk(kind, (field, inner), value, path, places, found);
                    path.pop();
                }
                path.pop();
            }
        }
        (Shape::Members, Value::Array(list)) => {
            for element in list {
                path.push(format!("v:{element}"));
                found.insert(path.clone(), Value::Null);
                path.pop();
            }
        }
        _ => {
            found.insert(path.clone(), value.clone());
        }
    }
}

/// The step to a list's element.
pub(crate) fn key_step(key: &str, element: &Value) -> String {
    format!("k:{}", json!({key: element[key]}))
}

/// Takes a field out of an object.
pub(crate) fn remove(object: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else {
        return;
    };
    if let Some(field) = step.strip_prefix("f:") {
        let Some(map) = object.as_object_mut() else {
            return;
        };
        if rest.is_empty() {
            map.remove(field);
        } else if let Some(inside) = map.get_mut(field) {
            remove(inside, rest);
        }
    } else if let Some(list) = object.as_array_mut() {
        let is_it = |element: &Value| match step.strip_prefix("k:") {
            Some(key) => serde_json::from_str::<Map<String, Value>>(key)
                .is_ok_and(|key| key.iter().all(|(key, value)| element[key] == *value)),
            None => *step == format!("v:{element}"),
        };
        if rest.is_empty() {
            list.retain(|element| !is_it(element));
        } else if let Some(element) = list.iter_mut().find(|element| is_it(element)) {
            remove(element, rest);
        }
    }
}

/// A field as messages write it: `.spec.containers[name="web"].image`.
pub(crate) fn written(path: &[String]) -> String {
    let step = |step: &String| match step.split_once(':') {
        Some(("f", field)) => format!(".{field}"),
        Some(("k", key)) => {
            let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
            let parts: Vec<String> = key.iter().map(|(key, v)| format!("{key}={v}")).collect();
            format!("[{}]", parts.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => step.clone(),
    };
    path.iter().map(step).collect()
}

/// A set as FieldsV1.
pub(crate) fn to_fields(set: &Set) -> Value {
    let mut root = json!({});
    for path in set {
        // A place whose inside is owned too says so with a dot.
        let is_place = set
            .range(path.clone()..)
            .nth(1)
            .is_some_and(|next| next.starts_with(path));
        let mut node = &mut root;
        for step in path {
            node = &mut node[step.as_str()];
            if node.is_null() {
                *node = json!({});
            }
        }
        if is_place {
            node["."] = json!({});
        }
    }
    root
}

/// A set from FieldsV1.
pub(crate) fn from_fields(fields: &Value) -> Set {
    let mut set = Set::new();
    collect(fields, &mut Vec::new(), &mut set);
    set
}

fn collect(node: &Value, path: &mut Path, set: &mut Set) {
    let Some(children) = node.as_object() else {
        return;
    };
    if !path.is_empty() && (children.is_empty() || children.contains_key(".")) {
        set.insert(path.clone());
    }
    for (step, child) in children.iter().filter(|(step, _)| *step != ".") {
        path.push(step.clone());
        collect(child, path, set);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_as_they_are_written() {
        let object = json!({"metadata": {"name": "web", "labels": {"a": "b"}, "finalizers": ["x/y"]},
            "spec": {"selector": {"matchLabels": {"a": "b"}},
                     "template": {"spec": {"containers": [{"name": "web", "args": ["x"]}]}}}});
        let kind = Kind::named("Deployment").unwrap();
        let set: Set = values(kind, &object, false, false).into_keys().collect();
        let fields = to_fields(&set);
        let containers = json!({"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:args": {}}});
        assert_eq!(
            fields,
            json!({
                "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x/y\"": {}}},
                "f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": containers}}}})
        );
        assert_eq!(from_fields(&fields), set);
        let image = set.iter().find(|path| path.last().unwrap() == "f:args");
        assert_eq!(
            written(image.unwrap()),
            ".spec.template.spec.containers[name=\"web\"].args"
        );
    }

    #[test]
    fn a_field_is_taken_out_wherever_it_is() {
        let mut object = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"containers": [{"name": "x", "image": "i"}]}});
        let path = |steps: &[&str]| {
            steps
                .iter()
                .map(|step| (*step).to_owned())
                .collect::<Path>()
        };
        remove(
            &mut object,
            &path(&["f:metadata", "f:finalizers", "v:\"a\""]),
        );
        remove(
            &mut object,
            &path(&["f:spec", "f:containers", "k:{\"name\":\"x\"}", "f:image"]),
        );
        remove(&mut object, &path(&["f:status", "f:x"]));
        assert_eq!(
            object,
            json!({"metadata": {"finalizers": ["b"]}, "spec": {"containers": [{"name": "x"}]}})
        );
    }
}
