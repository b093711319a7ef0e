//! The ways to change an object that a client may send: JSON patch, merge patch, strategic merge patch.

use serde_json::{Map, Value};

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own: maps merge, lists with a merge key merge by it.
    StrategicMerge,
}

/// A patch that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The patch is not of its type.
    #[error("error decoding patch: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A step failed, such as a test.
    #[error("the server rejected our request due to an error in our request: {0}")]
    Step(#[from] json_patch::PatchError),
    /// A list that merges by a key holds an element without it.
    #[error("map: {element} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The element.
        element: String,
        /// The key.
        key: &'static str,
    },
}

impl PatchType {
    /// The type that a `Content-Type` names.
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::StrategicMerge),
            _ => None,
        }
    }

    /// Changes the object as the patch says.
    ///
    /// # Errors
    /// If the patch is malformed or does not fit; the object is then undefined and must be thrown away.
    pub fn apply(self, object: &mut Value, patch: &[u8]) -> Result<(), PatchError> {
        match self {
            Self::Json => {
                let patch: json_patch::Patch = serde_json::from_slice(patch)?;
                Ok(json_patch::patch(object, &patch)?)
            }
            Self::Merge => {
                let patch: Value = serde_json::from_slice(patch)?;
                json_patch::merge(object, &patch);
                Ok(())
            }
            Self::StrategicMerge => {
                let patch: Map<String, Value> = serde_json::from_slice(patch)?;
                if let Value::Object(object) = object {
                    merge_map(object, patch, "")?;
                }
                Ok(())
            }
        }
    }
}

/// What begins the names of instructions inside a strategic merge patch.
const PATCH: &str = "$patch";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";
const RETAIN: &str = "$retainKeys";

fn merge_map(
    object: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
    field: &str,
) -> Result<(), PatchError> {
    match patch.remove(PATCH).as_ref().and_then(Value::as_str) {
        Some("replace") => {
            patch.retain(|_, value| !value.is_null());
            *object = patch;
            return Ok(());
        }
        Some("delete") => {
            object.clear();
            return Ok(());
        }
        _ => {}
    }
    if let Some(Value::Array(retained)) = patch.remove(RETAIN) {
        object.retain(|key, _| retained.iter().any(|kept| kept == key));
    }
    let mut orders = Vec::new();
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_FROM) {
            if let (Some(Value::Array(values)), Value::Array(gone)) = (object.get_mut(list), value)
            {
                values.retain(|value| !gone.contains(value));
            }
        } else if let Some(list) = key.strip_prefix(ORDER) {
            orders.push((list.to_owned(), value));
        } else if value.is_null() {
            object.remove(&key);
        } else {
            let merge_key = merge_key(field, &key);
            match (object.get_mut(&key), value, merge_key) {
                (Some(Value::Object(existing)), Value::Object(value), _) => {
                    merge_map(existing, value, &key)?;
                }
                (Some(Value::Array(existing)), Value::Array(value), Some(by)) => {
                    merge_list(existing, value, by, &key)?;
                }
                (Some(Value::Array(existing)), Value::Array(value), None)
                    if key == "finalizers" =>
                {
                    let new = value.into_iter().filter(|v| !existing.contains(v));
                    let new: Vec<Value> = new.collect();
                    existing.extend(new);
                }
                (_, value, by) => {
                    object.insert(key.clone(), without_instructions(value, by, &key)?);
                }
            }
        }
    }
    for (list, order) in orders {
        let by = merge_key(field, &list);
        if let (Some(Value::Array(values)), Value::Array(order)) = (object.get_mut(&list), order) {
            sort_as(values, &order, by);
        }
    }
    Ok(())
}

fn merge_list(
    existing: &mut Vec<Value>,
    patch: Vec<Value>,
    by: &'static str,
    field: &str,
) -> Result<(), PatchError> {
    if patch.iter().any(|element| element[PATCH] == "replace") {
        existing.clear();
    }
    for element in patch {
        let Value::Object(mut element) = element else {
            if !existing.contains(&element) {
                existing.push(element);
            }
            continue;
        };
        let instruction = element.get(PATCH).and_then(Value::as_str);
        if instruction == Some("replace") && element.len() == 1 {
            continue;
        }
        let Some(id) = element.get(by).cloned() else {
            return Err(PatchError::NoMergeKey {
                element: Value::Object(element).to_string(),
                key: by,
            });
        };
        if instruction == Some("delete") {
            existing.retain(|other| other[by] != id);
            continue;
        }
        let found = existing.iter_mut().find(|other| other[by] == id);
        match found {
            Some(Value::Object(found)) => merge_map(found, element, field)?,
            _ => {
                element.remove(PATCH);
                existing.push(without_instructions(Value::Object(element), None, field)?);
            }
        }
    }
    Ok(())
}

/// A value that is new to the object: what the patch's instructions leave of it.
fn without_instructions(
    value: Value,
    by: Option<&'static str>,
    field: &str,
) -> Result<Value, PatchError> {
    match (value, by) {
        (Value::Object(patch), _) => {
            let mut new = Map::new();
            merge_map(&mut new, patch, field)?;
            Ok(Value::Object(new))
        }
        (Value::Array(patch), Some(by)) => {
            let mut new = Vec::new();
            merge_list(&mut new, patch, by, field)?;
            Ok(Value::Array(new))
        }
        (value, _) => Ok(value),
    }
}

fn sort_as(values: &mut [Value], order: &[Value], by: Option<&'static str>) {
    let place = |value: &Value| {
        order
            .iter()
            .position(|wanted| match by {
                Some(by) if wanted.is_object() => wanted[by] == value[by],
                _ => wanted == value,
            })
            .unwrap_or(usize::MAX)
    };
    values.sort_by_key(place);
}

/// The key that elements of a list merge by, as Kubernetes' types declare it; lists without one are replaced.
/// `parent` is the field that holds the map (or list of maps) that holds the list.
pub(crate) fn merge_key(parent: &str, field: &str) -> Option<&'static str> {
    match (parent, field) {
        (
            _,
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets"
            | "secrets",
        ) => Some("name"),
        (_, "volumeMounts") => Some("mountPath"),
        (_, "volumeDevices") => Some("devicePath"),
        ("containers" | "initContainers", "ports") => Some("containerPort"),
        ("spec", "ports") => Some("port"),
        (_, "hostAliases") => Some("ip"),
        (_, "conditions" | "addresses") => Some("type"),
        (_, "ownerReferences") => Some("uid"),
        (_, "topologySpreadConstraints") => Some("topologyKey"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(kind: PatchType, mut object: Value, patch: Value) -> Value {
        kind.apply(&mut object, patch.to_string().as_bytes())
            .unwrap();
        object
    }

    fn strategic(object: Value, patch: Value) -> Value {
        patched(PatchType::StrategicMerge, object, patch)
    }

    #[test]
    fn content_types() {
        assert_eq!(
            PatchType::of("application/merge-patch+json; charset=utf-8"),
            Some(PatchType::Merge)
        );
        assert_eq!(PatchType::of("application/apply-patch+yaml"), None);
        assert_eq!(PatchType::of("application/json"), None);
    }

    #[test]
    fn merge_patch_replaces_lists_and_removes_nulls() {
        let object = json!({"spec": {"suspend": true, "list": [1, 2], "keep": 1}});
        let patch = json!({"spec": {"suspend": null, "list": [3]}});
        assert_eq!(
            patched(PatchType::Merge, object, patch),
            json!({"spec": {"list": [3], "keep": 1}})
        );
    }

    #[test]
    fn json_patch_tests_and_steps() {
        let object = json!({"spec": {"replicas": 1}});
        let patch = json!([{"op": "test", "path": "/spec/replicas", "value": 1},
                           {"op": "replace", "path": "/spec/replicas", "value": 2}]);
        assert_eq!(
            patched(PatchType::Json, object.clone(), patch),
            json!({"spec": {"replicas": 2}})
        );
        let patch = json!([{"op": "test", "path": "/spec/replicas", "value": 7}]).to_string();
        let mut object = object;
        assert!(matches!(
            PatchType::Json.apply(&mut object, patch.as_bytes()),
            Err(PatchError::Step(_))
        ));
        assert!(matches!(
            PatchType::Json.apply(&mut object, b"{}"),
            Err(PatchError::Malformed(_))
        ));
    }

    #[test]
    fn strategic_merge_finds_containers_by_name() {
        let object = json!({"spec": {"containers": [
            {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}, {"name": "proxy", "image": "p:1"}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "proxy"}, {"name": "web"}],
            "containers": [{"name": "web", "image": "web:2", "env": [{"name": "B", "value": "2"}]}]}});
        assert_eq!(
            strategic(object, patch),
            json!({"spec": {"containers": [
                {"name": "proxy", "image": "p:1"},
                {"name": "web", "image": "web:2", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}})
        );
    }

    #[test]
    fn strategic_merge_knows_the_ports_of_containers_from_those_of_services() {
        let object = json!({"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 81}],
            "containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "x"}]}]}});
        let patch = json!({"spec": {"ports": [{"port": 80, "targetPort": 2}],
            "containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "y"}]}]}});
        assert_eq!(
            strategic(object, patch),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 2}, {"port": 81}],
                "containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "y"}]}]}})
        );
    }

    #[test]
    fn strategic_merge_follows_its_instructions() {
        let object = json!({
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "args": ["x"], "strategy": {"type": "Old", "y": 1}},
            "metadata": {"finalizers": ["one"], "labels": {"l": "1"}}});
        let patch = json!({
            "spec": {"containers": [{"name": "a", "$patch": "delete"}], "args": ["y"],
                     "strategy": {"$patch": "replace", "type": "New"}},
            "metadata": {"finalizers": ["two"], "labels": {"l": null, "m": "2"}}});
        assert_eq!(
            strategic(object, patch),
            json!({
                "spec": {"containers": [{"name": "b"}], "args": ["y"], "strategy": {"type": "New"}},
                "metadata": {"finalizers": ["one", "two"], "labels": {"m": "2"}}})
        );
        let gone = strategic(
            json!({"metadata": {"finalizers": ["one", "two"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["one"]}}),
        );
        assert_eq!(gone, json!({"metadata": {"finalizers": ["two"]}}));
    }

    #[test]
    fn instructions_never_end_up_in_new_parts() {
        let patch = json!({"spec": {"$retainKeys": ["a"], "a": {"$patch": "replace", "b": null, "c": 1},
                                    "containers": [{"name": "x", "$patch": "merge"}]}});
        assert_eq!(
            strategic(json!({}), patch),
            json!({"spec": {"a": {"c": 1}, "containers": [{"name": "x"}]}})
        );
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let mut object = json!({"spec": {"containers": [{"name": "a"}]}});
        let patch = json!({"spec": {"containers": [{"image": "x"}]}}).to_string();
        assert!(matches!(
            PatchType::StrategicMerge.apply(&mut object, patch.as_bytes()),
            Err(PatchError::NoMergeKey { key: "name", .. })
        ));
    }
}
