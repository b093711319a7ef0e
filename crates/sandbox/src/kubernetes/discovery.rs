//! What the cluster serves, said in the ways that clients ask: group by group, all at once, or as OpenAPI.

use serde_json::{Value, json};

use super::definitions::all;
use super::kinds::{Kind, VERBS};
use super::reviews::{REVIEWS, Review};
use super::store::Store;

/// The aggregated form that newer clients ask for.
const AGGREGATED: &str = "as=APIGroupDiscoveryList";

/// Whether an `Accept` header asks for all groups at once, in the version that this server has.
pub(crate) fn wants_all_at_once(accept: &str) -> bool {
    accept.split(',').any(|choice| {
        let parts: Vec<&str> = choice.split(';').map(str::trim).collect();
        parts.contains(&AGGREGATED) && parts.contains(&"v=v2")
    })
}

/// Groups with the version each is served at, in the order of the tables; without the core group.
fn groups(store: &Store) -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    let of_kinds = served(store).map(|kind| (kind.group, kind.version));
    let of_reviews = REVIEWS.iter().map(|review| (review.group, "v1"));
    for group in of_kinds.chain(of_reviews) {
        if !group.0.is_empty() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn served(store: &Store) -> impl Iterator<Item = &'static Kind> {
    all().filter(|kind| store.serves(kind))
}

/// `/version`.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "35",
        "gitVersion": "v1.35.0+landfall-sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "sandbox",
    })
}

/// `/api`.
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn group_entry((group, version): (&str, &str)) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// `/apis`.
pub(crate) fn group_list(store: &Store) -> Value {
    let groups: Vec<Value> = groups(store).into_iter().map(group_entry).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/{group}`.
pub(crate) fn group(store: &Store, name: &str) -> Option<Value> {
    let found = groups(store)
        .into_iter()
        .find(|(group, _)| *group == name)?;
    let mut entry = group_entry(found);
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    Some(entry)
}

/// `/api/v1` and `/apis/{group}/{version}`.
pub(crate) fn resources(store: &Store, group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for kind in served(store).filter(|kind| kind.group == group && kind.version == version) {
        resources.push(json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": VERBS,
            "shortNames": kind.short_names,
            "categories": categories(kind),
        }));
        for (name, of, verbs) in subresources(kind) {
            let mut part = json!({
                "name": format!("{}/{name}", kind.plural),
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": of.2,
                "verbs": verbs,
            });
            if of.2 != kind.kind {
                part["group"] = json!(of.0);
                part["version"] = json!(of.1);
            }
            resources.push(part);
        }
    }
    for review in reviews(group, version) {
        resources.push(json!({
            "name": review.plural,
            "singularName": review.singular,
            "namespaced": false,
            "kind": review.kind,
            "verbs": ["create"],
        }));
    }
    if resources.is_empty() {
        return None;
    }
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group, version),
        "resources": resources,
    }))
}

/// `/api` or `/apis` with every group's resources at once.
pub(crate) fn all_at_once(store: &Store, core: bool) -> Value {
    let groups = if core {
        vec![("", "v1")]
    } else {
        groups(store)
    };
    let items: Vec<Value> = groups
        .into_iter()
        .map(|(group, version)| {
            let mut metadata = json!({"creationTimestamp": null});
            if !group.is_empty() {
                metadata["name"] = json!(group);
            }
            json!({
                "metadata": metadata,
                "versions": [{
                    "version": version,
                    "freshness": "Current",
                    "resources": described(store, group, version),
                }],
            })
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn described(store: &Store, group: &str, version: &str) -> Vec<Value> {
    let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
    let response = |(group, version, kind): (&str, &str, &str)| json!({"group": group, "version": version, "kind": kind});
    let kinds = served(store)
        .filter(|kind| kind.group == group && kind.version == version)
        .map(|kind| {
            let parts: Vec<Value> = subresources(kind)
                .into_iter()
                .map(|(name, of, verbs)| {
                    json!({"subresource": name, "responseKind": response(of), "verbs": verbs})
                })
                .collect();
            json!({
                "resource": kind.plural,
                "responseKind": response((kind.group, kind.version, kind.kind)),
                "scope": scope(kind.namespaced),
                "singularResource": kind.singular,
                "verbs": VERBS,
                "shortNames": kind.short_names,
                "categories": categories(kind),
                "subresources": parts,
            })
        });
    let reviews = reviews(group, version).map(|review| {
        json!({
            "resource": review.plural,
            "responseKind": response((group, version, review.kind)),
            "scope": scope(false),
            "singularResource": review.singular,
            "verbs": ["create"],
        })
    });
    kinds.chain(reviews).collect()
}

fn reviews(group: &str, version: &str) -> impl Iterator<Item = &'static Review> {
    REVIEWS
        .iter()
        .filter(move |review| review.group == group && version == "v1")
}

fn categories(kind: &Kind) -> &'static [&'static str] {
    if kind.in_all { &["all"] } else { &[] }
}

type Part = (
    &'static str,
    (&'static str, &'static str, &'static str),
    &'static [&'static str],
);

/// A kind's subresources: name, what they answer with, verbs.
fn subresources(kind: &'static Kind) -> Vec<Part> {
    let own = (kind.group, kind.version, kind.kind);
    let mut parts: Vec<Part> = Vec::new();
    if kind.kind == "Pod" {
        parts.push(("eviction", ("policy", "v1", "Eviction"), &["create"]));
        parts.push(("log", own, &["get"]));
    }
    if kind.kind == "ServiceAccount" {
        let request = ("authentication.k8s.io", "v1", "TokenRequest");
        parts.push(("token", request, &["create"]));
    }
    if kind.has_scale {
        let scale = ("autoscaling", "v1", "Scale");
        parts.push(("scale", scale, &["get", "patch", "update"]));
    }
    if kind.has_status {
        parts.push(("status", own, &["get", "patch", "update"]));
    }
    parts
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `/openapi/v3`.
pub(crate) fn openapi_index(store: &Store) -> Value {
    let mut paths = serde_json::Map::new();
    for (group, version) in std::iter::once(("", "v1")).chain(groups(store)) {
        let path = if group.is_empty() {
            format!("api/{version}")
        } else {
            format!("apis/{group}/{version}")
        };
        let document = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
        paths.insert(path, document);
    }
    json!({"paths": paths})
}

/// A group's OpenAPI document: which kinds there are and where, and no more than that about their fields. kubectl reads
/// from it whether the server checks fields itself.
pub(crate) fn openapi(store: &Store, group: &str, version: &str) -> Option<Value> {
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for kind in served(store).filter(|kind| kind.group == group && kind.version == version) {
        let root = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let path = if kind.namespaced {
            format!("{root}/namespaces/{{namespace}}/{}/{{name}}", kind.plural)
        } else {
            format!("{root}/{}/{{name}}", kind.plural)
        };
        let identity = json!({"group": group, "version": version, "kind": kind.kind});
        let operation = json!({
            "parameters": [
                {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
                {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
            ],
            "responses": {},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": identity,
        });
        paths.insert(path, json!({"patch": operation}));
        let open = || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        schemas.insert(
            format!("sandbox.{group}.{version}.{}", kind.kind).replace("..", "."),
            json!({
                "type": "object",
                "description": format!("{} as the sandbox keeps it: its fields are not described.", kind.kind),
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": open(),
                    "spec": open(),
                    "status": open(),
                },
                "x-kubernetes-preserve-unknown-fields": true,
                "x-kubernetes-group-version-kind": [identity],
            }),
        );
    }
    if paths.is_empty() {
        return None;
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::kubernetes::kinds::KINDS;

    #[test]
    fn every_served_kind_is_found_in_both_forms() {
        let store = Store::new("prod", Clock::default());
        let core = all_at_once(&store, true);
        let named = all_at_once(&store, false);
        let all = json!([core["items"], named["items"]]).to_string();
        for kind in &KINDS {
            let resources = resources(&store, kind.group, kind.version).unwrap();
            let found = resources["resources"].as_array().unwrap().iter();
            assert_eq!(
                found
                    .filter(|resource| resource["name"] == kind.plural)
                    .count(),
                1
            );
            assert!(all.contains(&format!("\"resource\":\"{}\"", kind.plural)));
        }
        assert!(wants_all_at_once(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        ));
        assert!(!wants_all_at_once("application/json"));
    }

    #[test]
    fn a_cluster_without_flux_knows_none_of_its_groups() {
        let store = Store::new("prod", Clock::default());
        assert!(group(&store, "helm.toolkit.fluxcd.io").is_some());
        store.without_flux();
        assert!(group(&store, "helm.toolkit.fluxcd.io").is_none());
        assert!(resources(&store, "helm.toolkit.fluxcd.io", "v2").is_none());
        let everything = json!([
            group_list(&store),
            all_at_once(&store, false),
            openapi_index(&store)
        ]);
        assert!(!everything.to_string().contains("fluxcd"));
        assert!(resources(&store, "apps", "v1").is_some());
    }
}
