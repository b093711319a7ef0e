//! kustomization.yaml's `patches`: strategic merge patches and JSON 6902 patches.

use serde_json::{Map, Value};

use super::documents;
use crate::controllers::fields::{at, text};
use crate::controllers::refusal::Refusal;

/// Lists whose items are merged by name instead of replaced; other lists are replaced whole.
const MERGED_BY_NAME: [&str; 6] = [
    "containers",
    "initContainers",
    "env",
    "volumes",
    "imagePullSecrets",
    "ephemeralContainers",
];

/// Applies one patch to the objects it is for.
///
/// # Errors
/// It cannot be read, or no object is its target.
pub fn apply(built: &mut [Value], content: &str, target: Option<&Value>) -> Result<(), Refusal> {
    let parsed = documents(content).map_err(|error| {
        Refusal(format!(
            "unable to parse SM or JSON patch from [{content}]: {error}"
        ))
    })?;
    for patch in parsed {
        if patch.is_array() {
            let operations: json_patch::Patch = serde_json::from_value(patch).map_err(|error| {
                Refusal(format!(
                    "unable to parse SM or JSON patch from [{content}]: {error}"
                ))
            })?;
            let target =
                target.ok_or_else(|| Refusal("must specify a target for JSON patch".to_owned()))?;
            for object in built.iter_mut().filter(|object| selects(target, object)) {
                json_patch::patch(object, &operations)
                    .map_err(|error| Refusal(format!("json patch failed: {error}")))?;
            }
            continue;
        }
        let mut found = false;
        for object in built.iter_mut() {
            let chosen = match target {
                Some(target) => selects(target, object),
                None => {
                    text(object, &["kind"]) == text(&patch, &["kind"])
                        && text(object, &["metadata", "name"])
                            == text(&patch, &["metadata", "name"])
                }
            };
            if chosen {
                found = true;
                let (kind, name) = (
                    at(object, &["kind"]).cloned(),
                    at(object, &["metadata", "name"]).cloned(),
                );
                merge(object, &patch, "");
                // A patch with a target may be for several objects: it never renames them.
                if let (Some(map), Some(kind)) = (object.as_object_mut(), kind) {
                    map.insert("kind".to_owned(), kind);
                }
                if let (Some(metadata), Some(name)) = (
                    object.get_mut("metadata").and_then(Value::as_object_mut),
                    name,
                ) {
                    metadata.insert("name".to_owned(), name);
                }
            }
        }
        if !found && target.is_none() {
            return Err(Refusal(format!(
                "no resource matches strategic merge patch \"{}.[noVer].[noGrp]/{}.[noNs]\": no matches for Id",
                text(&patch, &["kind"]),
                text(&patch, &["metadata", "name"])
            )));
        }
    }
    Ok(())
}

fn selects(target: &Value, object: &Value) -> bool {
    let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found || wanted == ".*";
    fits(text(target, &["kind"]), text(object, &["kind"]))
        && fits(text(target, &["name"]), text(object, &["metadata", "name"]))
        && fits(
            text(target, &["namespace"]),
            text(object, &["metadata", "namespace"]),
        )
}

/// Merges a patch into a value: mappings key by key, `null` removes, named lists item by item.
pub fn merge(value: &mut Value, patch: &Value, key: &str) {
    match (value, patch) {
        (Value::Object(map), Value::Object(changes)) => {
            for (key, change) in changes {
                if change.is_null() || text(change, &["$patch"]) == "delete" {
                    map.remove(key);
                } else {
                    merge(map.entry(key.clone()).or_insert(Value::Null), change, key);
                }
            }
        }
        (Value::Array(items), Value::Array(changes)) if MERGED_BY_NAME.contains(&key) => {
            for change in changes {
                let name = text(change, &["name"]);
                let position = items.iter().position(|item| text(item, &["name"]) == name);
                match position {
                    Some(position) if text(change, &["$patch"]) == "delete" => {
                        items.remove(position);
                    }
                    Some(position) => merge(&mut items[position], change, ""),
                    None => items.push(change.clone()),
                }
            }
        }
        (value @ Value::Null, Value::Object(changes)) => {
            // A new mapping must not keep the patch's removals.
            let mut map = Value::Object(Map::new());
            merge(&mut map, &Value::Object(changes.clone()), key);
            *value = map;
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// Takes from a live value what an earlier write had put there and a later one no longer has, then writes the later
/// one: what a server-side apply does with the fields of one manager.
pub fn three_way(live: &mut Value, earlier: Option<&Value>, later: &Value, key: &str) {
    match (live, later) {
        (Value::Object(map), Value::Object(wanted)) => {
            if let Some(Value::Object(before)) = earlier {
                map.retain(|key, _| wanted.contains_key(key) || !before.contains_key(key));
            }
            for (key, value) in wanted {
                let before = earlier.and_then(|earlier| earlier.get(key));
                three_way(
                    map.entry(key.clone()).or_insert(Value::Null),
                    before,
                    value,
                    key,
                );
            }
        }
        (Value::Array(items), Value::Array(wanted)) if MERGED_BY_NAME.contains(&key) => {
            let named = |list: &[Value], name: &str| {
                list.iter().position(|item| text(item, &["name"]) == name)
            };
            let before = earlier
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            items.retain(|item| {
                let name = text(item, &["name"]);
                named(wanted, name).is_some() || named(before, name).is_none()
            });
            for value in wanted {
                let name = text(value, &["name"]);
                let earlier = named(before, name).map(|position| &before[position]);
                match named(items, name) {
                    Some(position) => three_way(&mut items[position], earlier, value, ""),
                    None => items.push(value.clone()),
                }
            }
        }
        (live, later) => {
            if live != later {
                *live = later.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_are_merged_by_name_and_other_lists_replaced() {
        let mut value = json!({"containers": [{"name": "a", "args": [1, 2]}, {"name": "b"}]});
        merge(
            &mut value,
            &json!({"containers": [{"name": "a", "args": [3]}, {"name": "b", "$patch": "delete"}, {"name": "c"}]}),
            "",
        );
        assert_eq!(
            value,
            json!({"containers": [{"name": "a", "args": [3]}, {"name": "c"}]})
        );
    }

    #[test]
    fn json_patches_need_a_target_and_change_it() {
        let mut built =
            [json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 1}})];
        let patch = "- op: replace\n  path: /spec/replicas\n  value: 4\n";
        assert!(apply(&mut built, patch, None).is_err());
        apply(&mut built, patch, Some(&json!({"kind": "Deployment"}))).unwrap();
        assert_eq!(built[0]["spec"]["replicas"], 4);
    }

    #[test]
    fn a_patch_for_nothing_is_an_error() {
        let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gone}\n";
        assert!(
            apply(&mut [], patch, None)
                .unwrap_err()
                .0
                .contains("no matches for Id")
        );
    }

    #[test]
    fn applying_again_removes_only_what_was_applied_before() {
        let mut live = json!({"spec": {"replicas": 5, "paused": true, "containers": [
            {"name": "a", "image": "x:1", "env": [{"name": "OLD"}, {"name": "THEIRS"}]}, {"name": "sidecar"}
        ]}});
        let earlier = json!({"spec": {"paused": true, "containers": [
            {"name": "a", "image": "x:1", "env": [{"name": "OLD"}]}
        ]}});
        let later = json!({"spec": {"containers": [{"name": "a", "image": "x:2", "env": []}]}});
        three_way(&mut live, Some(&earlier), &later, "");
        assert_eq!(
            live,
            json!({"spec": {"replicas": 5, "containers": [
                {"name": "a", "image": "x:2", "env": [{"name": "THEIRS"}]}, {"name": "sidecar"}
            ]}})
        );
    }
}
