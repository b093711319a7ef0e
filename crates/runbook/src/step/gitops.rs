//! What Flux takes back: fields that it sets itself.
//!
//! Owns whose an object is, by the labels that Flux puts on what it applies, and who set a field, by `managedFields`.

use api::ObjectRef;
use serde_json::Value as Json;

use crate::step::object::Object;

/// Flux's controllers that apply objects, as they write themselves into `managedFields`.
const MANAGERS: [&str; 2] = ["kustomize-controller", "helm-controller"];

/// The Kustomization or HelmRelease that applies an object.
pub(super) fn owner(object: &Object<'_>) -> Result<Option<ObjectRef>, String> {
    for (kind, group) in [
        ("HelmRelease", "helm.toolkit.fluxcd.io"),
        ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ] {
        let name = object.label(&format!("{group}/name"))?;
        let namespace = object.label(&format!("{group}/namespace"))?;
        if let (Some(name), Some(namespace)) = (name, namespace) {
            let system = &object.on.system;
            return Ok(Some(ObjectRef::new(system, kind, namespace, name)));
        }
    }
    Ok(None)
}

/// Why a field of `spec` does not stay as it is set, if it does not.
pub(super) fn takes_back(object: &Object<'_>, field: &str) -> Result<Option<String>, String> {
    let owner = owner(object)?;
    let entries = object.list("metadata.managedFields")?;
    if entries.is_empty() {
        return Ok(owner.map(|owner| {
            format!(
                "Whether {owner} takes this back cannot be told: {} does not say who set its fields",
                object.on
            )
        }));
    }
    let name = format!("f:{field}");
    let sets = |entry: &&Json| {
        let by = entry["manager"].as_str().unwrap_or_default();
        MANAGERS.contains(&by)
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
            && !entry["fieldsV1"]["f:spec"][&name].is_null()
    };
    Ok(entries.iter().find(sets).map(|entry| {
        let by = entry["manager"].as_str().unwrap_or_default();
        let who = owner.map_or_else(|| format!("Flux ({by})"), |owner| owner.to_string());
        format!(
            "{who} sets spec.{field}, too: it takes this back at its next reconciliation, unless it is suspended"
        )
    }))
}
