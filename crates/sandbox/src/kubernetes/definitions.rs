//! Kinds that CustomResourceDefinitions bring: which there are, and where each cluster serves them.
//!
//! A kind outlives every store that knew it, because kinds are named by reference everywhere; there are as many as
//! there are different definitions in a process. Schemas and printer columns of definitions are not looked at. As in the
//! table of [`super::kinds`], a kind's name is of one group only.

use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};

use super::failure::Failure;
use super::kinds::{KINDS, Kind};
use super::object;

static DEFINED: RwLock<Vec<&'static Kind>> = RwLock::new(Vec::new());

/// The kinds that were ever defined.
pub(crate) fn defined() -> Vec<&'static Kind> {
    DEFINED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Every kind there is, in the table and beside it.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(defined())
}

/// Takes in a definition that a client creates: its kind, and the status that a real server gives it after a moment.
pub(crate) fn define(definition: &mut Value, now: &str) -> Result<(), Failure> {
    let kind = kind_of(definition);
    let known = Kind::named(kind.kind);
    if known.is_some_and(|known| known.group != kind.group) {
        return Err(Failure::bad_request(format!(
            "the kind {} is of another group already",
            kind.kind
        )));
    }
    if known.is_none_or(|known| *known != kind && defined().contains(&known)) {
        let mut defined = DEFINED.write().unwrap_or_else(PoisonError::into_inner);
        defined.retain(|other| other.kind != kind.kind);
        defined.push(Box::leak(Box::new(kind)));
    }
    let condition = |name: &str, reason: &str| json!({"type": name, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now});
    let names = definition["spec"]["names"].clone();
    let version = definition["spec"]["versions"][0]["name"].clone();
    object::section(definition, "status").extend([
        (
            "conditions".to_owned(),
            json!([
                condition("NamesAccepted", "NoConflicts"),
                condition("Established", "InitialNamesAccepted")
            ]),
        ),
        ("acceptedNames".to_owned(), names),
        ("storedVersions".to_owned(), json!([version])),
    ]);
    Ok(())
}

/// The kind that a definition brings.
pub(crate) fn named_by(definition: &Value) -> Option<&'static Kind> {
    Kind::named(definition["spec"]["names"]["kind"].as_str()?)
}

fn kind_of(definition: &Value) -> Kind {
    let spec = &definition["spec"];
    let versions = spec["versions"].as_array().into_iter().flatten();
    let version = versions
        .clone()
        .find(|version| version["storage"] == true)
        .unwrap_or(&Value::Null);
    let names = &spec["names"];
    let kept =
        |value: &Value| -> &'static str { value.as_str().unwrap_or_default().to_owned().leak() };
    let short_names = names["shortNames"].as_array().into_iter().flatten();
    let short_names: Vec<&'static str> = short_names.map(kept).collect();
    let scale = &version["subresources"]["scale"];
    let pointer = |field: &str, otherwise: &'static str| match scale[field].as_str() {
        Some(path) => &*path.replace('.', "/").leak(),
        None => otherwise,
    };
    Kind {
        group: kept(&spec["group"]),
        version: kept(&version["name"]),
        kind: kept(&names["kind"]),
        plural: kept(&names["plural"]),
        singular: kept(&names["singular"]),
        short_names: short_names.leak(),
        namespaced: spec["scope"] == "Namespaced",
        has_status: version["subresources"]["status"].is_object(),
        has_scale: scale.is_object(),
        replicas_at: pointer("specReplicasPath", "/spec/replicas"),
        counted_at: pointer("statusReplicasPath", "/status/replicas"),
        in_all: false,
        custom: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_brings_a_kind_once() {
        let mut definition = json!({"spec": {"group": "toys.example", "scope": "Namespaced",
            "names": {"kind": "Toy", "plural": "toys", "singular": "toy", "shortNames": ["ty"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {},
                "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}}}]}});
        define(&mut definition, "2026-11-21T20:31:00Z").unwrap();
        define(&mut definition, "2026-11-21T20:31:00Z").unwrap();
        let found: Vec<_> = all().filter(|kind| kind.kind == "Toy").collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].qualified(), "toys.toys.example");
        assert_eq!(found[0].replicas_at, "/spec/size");
        assert!(found[0].has_status && found[0].custom && found[0].namespaced);
        assert_eq!(definition["status"]["acceptedNames"]["plural"], "toys");
        assert_eq!(named_by(&definition).unwrap().plural, "toys");
        // The table is not for redefining, and a name is of one group.
        let mut pod = definition.clone();
        pod["spec"]["names"]["kind"] = json!("Pod");
        assert!(define(&mut pod, "").is_err());
        assert_eq!(Kind::named("Pod").unwrap().group, "");
    }
}
