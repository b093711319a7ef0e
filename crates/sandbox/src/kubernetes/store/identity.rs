//! Who an object is: the kind and key it claims, what no writer may change, and what belongs to others.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::StoreError;
use super::state::Key;
use crate::clock::rfc3339;
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::object;

/// Annotations that belong to others than whoever applies an object: requests and the marks of controllers.
const KEPT_ANNOTATIONS: [&str; 3] = [
    "kubectl.",
    "reconcile.fluxcd.io/",
    "deployment.kubernetes.io/",
];

/// Gives an object the identity it has or gets, and its generation. `life` tells lives of one name apart: the cluster, and
/// how much happened in it before.
pub(super) fn stamp(
    kind: &'static Kind,
    (namespace, name): &Key,
    existing: Option<&Value>,
    object: &mut Value,
    life: [&str; 2],
    now: Timestamp,
) {
    let generation = match existing {
        Some(existing) => {
            let before = existing["metadata"]["generation"].as_i64().unwrap_or(1);
            before + i64::from(existing.get("spec") != object.get("spec"))
        }
        None => 1,
    };
    // A namespace has finalizers for its spec, and never had a generation.
    let is_namespace = kind.kind == "Namespace";
    let has_spec = object.get("spec").is_some() && !is_namespace;
    let fields = object::fields(object);
    fields.insert("apiVersion".into(), json!(kind.api_version()));
    fields.insert("kind".into(), json!(kind.kind));
    let metadata = object::section(object, "metadata");
    metadata.insert("name".into(), json!(name));
    if !metadata.get("managedFields").is_some_and(Value::is_array) {
        metadata.remove("managedFields");
    }
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".into(), json!(namespace));
    }
    if has_spec {
        metadata.insert("generation".into(), json!(generation));
    } else {
        metadata.remove("generation");
    }
    if let Some(existing) = existing {
        for field in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            match existing["metadata"].get(field) {
                Some(value) => metadata.insert(field.into(), value.clone()),
                None => metadata.remove(field),
            };
        }
    } else {
        metadata.insert(
            "uid".into(),
            json!(object::uid_of(&[
                life[0], kind.kind, namespace, name, life[1]
            ])),
        );
        metadata.insert("creationTimestamp".into(), json!(rfc3339(now)));
        metadata.remove("resourceVersion");
        metadata.remove("deletionTimestamp");
        metadata.remove("deletionGracePeriodSeconds");
    }
    if kind.kind == "Namespace" {
        object::fields(metadata.entry("labels").or_insert_with(|| json!({})))
            .insert("kubernetes.io/metadata.name".into(), json!(name));
    }
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            metadata.remove(field);
        }
    }
    if kind.kind == "Namespace" {
        let fields = object::fields(object);
        fields
            .entry("spec")
            .or_insert_with(|| json!({"finalizers": ["kubernetes"]}));
        fields
            .entry("status")
            .or_insert_with(|| json!({"phase": "Active"}));
    }
}

/// Whether the last finalizer let go of an object that is to be deleted. One that was given time goes when it is deleted.
pub(super) fn is_released(object: &Value) -> bool {
    !object::text(object, "deletionTimestamp").is_empty()
        && !object::has_finalizers(object)
        && object["metadata"]["deletionGracePeriodSeconds"] == 0
}

/// The kind and key that an object says it has.
pub(super) fn identify(object: &Value) -> Result<(&'static Kind, Key), StoreError> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let kind = Kind::named(kind)
        .filter(|known| api_version.is_empty() || known.api_version() == api_version)
        .ok_or_else(|| StoreError::UnknownKind {
            kind: kind.to_owned(),
            api_version: api_version.to_owned(),
        })?;
    let incomplete = |field| StoreError::Incomplete {
        kind: kind.kind,
        field,
    };
    let (namespace, name) = (object::namespace(object), object::name(object));
    if name.is_empty() {
        return Err(incomplete("name"));
    }
    if kind.namespaced && namespace.is_empty() {
        return Err(incomplete("namespace"));
    }
    let namespace = if kind.namespaced { namespace } else { "" };
    Ok((kind, (namespace.to_owned(), name.to_owned())))
}

/// Takes over the annotations that are not the writer's to remove.
pub(super) fn keep_annotations(existing: &Value, object: &mut Value) {
    let Some(before) = existing["metadata"]["annotations"].as_object() else {
        return;
    };
    for (key, value) in before {
        if !KEPT_ANNOTATIONS.iter().any(|kept| key.starts_with(kept)) {
            continue;
        }
        let metadata = object::section(object, "metadata");
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        object::fields(annotations)
            .entry(key)
            .or_insert_with(|| value.clone());
    }
}

/// Takes a field over from another object, or away if that has none.
pub(crate) fn copy_field(from: &Value, to: &mut Value, field: &str) {
    let fields = object::fields(to);
    match from.get(field) {
        Some(value) => fields.insert(field.into(), value.clone()),
        None => fields.remove(field),
    };
}
