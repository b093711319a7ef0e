//! Who may do everything in a cluster, and so grant what is missing: whom `cluster-admin` is bound to.
//!
//! Owns that one look. It needs a right that reading does not (to list ClusterRoleBindings): whoever has it is helped, and for
//! nobody else is anything lost.

use std::time::Duration;

use api::headline::plain;
use serde::Deserialize;

use crate::kinds::collection;
use crate::server::Server;
use crate::tolerant::{List, Part, Text};

/// The most that are named: whoever has to ask asks one.
const MOST: usize = 5;
/// Bindings that are looked at: one page. In a cluster with more, somebody may be missing here, and nobody is wrong.
const PAGE: usize = 500;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bindings {
    items: List<Part<Binding>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Binding {
    role_ref: Part<Subject>,
    subjects: List<Part<Subject>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subject {
    kind: Text,
    name: Text,
}

/// Whom `cluster-admin` is bound to, in words: `group platform`; nobody where that may not be read.
pub(crate) async fn admins(server: &Server, within: Duration) -> Vec<String> {
    let path = collection(
        "rbac.authorization.k8s.io",
        "v1",
        "clusterrolebindings",
        None,
    );
    match server.get(&format!("{path}?limit={PAGE}"), within).await {
        Ok(answer) => of_bindings(&answer.body),
        Err(failure) => {
            tracing::debug!(%failure, "who is an admin is not shown to us");
            Vec::new()
        }
    }
}

/// People and groups: nobody can ask a service account, nor `system:masters`, which is nobody's name.
fn of_bindings(body: &[u8]) -> Vec<String> {
    let bindings: Part<Bindings> = serde_json::from_slice(body).unwrap_or_default();
    let mut found = Vec::new();
    for binding in bindings.0.items.parts() {
        let role = binding.role_ref.0;
        if role.kind.0 != "ClusterRole" || role.name.0 != "cluster-admin" {
            continue;
        }
        for subject in binding.subjects.parts() {
            let name = plain(&subject.name.0, 100);
            let what = match subject.kind.0.as_str() {
                "Group" => "group",
                "User" => "user",
                _ => continue,
            };
            let words = format!("{what} {name}");
            if !name.is_empty() && !name.starts_with("system:") && !found.contains(&words) {
                found.push(words);
            }
        }
    }
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_groups_are_named_and_nobody_that_cannot_be_asked() {
        let body = br#"{"items":[
            {"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[
                {"kind":"Group","name":"system:masters"},{"kind":"Group","name":"platform"},
                {"kind":"ServiceAccount","name":"kustomize-controller","namespace":"flux-system"},
                {"kind":"User","name":"jo\u001b[31m@shop"},{"kind":"Group","name":"platform"},{"kind":"User"},7]},
            {"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"Group","name":"dev"}]},
            {"roleRef":{"kind":"Role","name":"cluster-admin"},"subjects":[{"kind":"Group","name":"dev"}]},
            {"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":null}, "x"]}"#;
        assert_eq!(of_bindings(body), ["group platform", "user jo[31m@shop"]);
        for nothing in ["{}", "<html>", "[]"] {
            assert!(of_bindings(nothing.as_bytes()).is_empty());
        }
    }
}
