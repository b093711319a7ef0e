//! What reading a cluster needs: one table of rights, each with what is missing where it is missing.
//!
//! Owns the table and the ClusterRole that is made of it. It is made of the kinds that are read (`kinds`), so that nothing
//! is asked for that is not used, and nothing is used that is not asked for.

use std::fmt::Write;

use facts::Kind;

use crate::kinds::{is_found, place};

/// One right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The kind that it reads; none for logs, which are no kind.
    pub kind: Option<Kind>,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resource, as RBAC spells it.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// What is unknown without it.
    pub without: &'static str,
    /// Whether a cluster may lack the kind itself: the right does no harm there.
    pub is_optional: bool,
}

impl Right {
    /// What it is a right to, as RBAC's own messages name it: `deployments.apps`.
    pub fn name(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }
}

/// What is done with every kind: lists and watches keep the facts true, one object is shown whole when somebody opens it.
const READ: &[&str] = &["get", "list", "watch"];

/// All rights that reading uses.
pub fn rights() -> Vec<Right> {
    let kinds = Kind::ALL.into_iter().filter_map(|kind| {
        let place = place(kind);
        // Kinds of other platforms are served nowhere here.
        (!place.plural.is_empty()).then(|| Right {
            kind: Some(kind),
            group: place.group,
            resource: place.plural,
            verbs: READ,
            without: without(kind),
            is_optional: is_found(kind),
        })
    });
    let logs = Right {
        kind: None,
        group: "",
        resource: "pods/log",
        verbs: &["get"],
        without: "what containers said last, in a diagnosis",
        is_optional: false,
    };
    kinds.chain([logs]).collect()
}

/// What is unknown where a kind may not be read.
fn without(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace => "which namespaces there are: each has to be named",
        Kind::Node => "whether a pod waits because its node is lost",
        Kind::Pod => "what really runs, and so whether anything is deployed",
        Kind::ReplicaSet => "which rollout a Deployment's pods belong to",
        Kind::Deployment => "the apps that are Deployments",
        Kind::StatefulSet => "the apps that are StatefulSets",
        Kind::DaemonSet => "the apps that are DaemonSets",
        Kind::Service => "whether an app is meant to be reached",
        Kind::EndpointSlice => "whether traffic reaches an app's pods",
        Kind::Ingress => "whether what leads to an app from outside has an address",
        Kind::Event => "why a pod does not start",
        Kind::GitRepository => "which commit Flux has fetched",
        Kind::OCIRepository => "which artifact Flux has fetched",
        Kind::HelmRepository => "whether Flux reaches the charts' repository",
        Kind::HelmChart => "which chart a release is made of",
        Kind::Bucket => "which bucket's content Flux has fetched",
        Kind::Kustomization => "which commit Flux has applied, and why not",
        Kind::HelmRelease => "which chart and values Flux has released, and why not",
        Kind::ImageRepository => "which tags image automation sees",
        Kind::ImagePolicy => "which tag image automation chose",
        Kind::ImageUpdateAutomation => "whether image automation writes to Git",
        Kind::Canary => "whether Flagger holds a rollout back",
        Kind::ExternalSecret => "whether a pod waits for a secret that was not synced",
        Kind::Certificate => "whether a certificate is ready",
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => "",
    }
}

/// The ClusterRole of these rights, and its binding to groups as the API server names them. Each rule says what is missing
/// without it, so that whoever keeps the cluster can leave one out and know.
pub fn cluster_role(name: &str, groups: &[String]) -> String {
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n"
    );
    for right in rights() {
        let found = if right.is_optional {
            " (where it is installed)"
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# Without it: {}{found}.\n- apiGroups: [\"{}\"]\n  resources: [{}]\n  verbs: [{}]\n",
            right.without,
            right.group,
            right.resource,
            right.verbs.join(", ")
        );
    }
    let _ = write!(
        text,
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {name}\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {name}\nsubjects:\n"
    );
    for group in groups {
        // JSON's strings are YAML's: a group's name may hold anything.
        let quoted = serde_json::Value::from(group.as_str());
        let _ = write!(
            text,
            "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: {quoted}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_that_is_read_has_one_right_that_says_what_it_opens() {
        let rights = rights();
        let read = Kind::ALL
            .into_iter()
            .filter(|kind| !place(*kind).plural.is_empty());
        assert_eq!(rights.len(), read.count() + 1, "and the logs");
        assert!(rights.iter().all(|right| !right.without.is_empty()));
        let names: BTreeSet<_> = rights.iter().map(|one| (one.group, one.resource)).collect();
        assert_eq!(names.len(), rights.len());
        assert!(
            rights.iter().all(|right| right.resource != "secrets"),
            "values of secrets are nobody's business here"
        );
    }

    #[test]
    fn the_role_reads_and_does_nothing_else() {
        let text = cluster_role("landfall-reader", &["okta:dev: \"x\"".to_owned()]);
        let mut documents = serde_yaml_ng::Deserializer::from_str(&text);
        let mut next = || -> serde_json::Value {
            serde::Deserialize::deserialize(documents.next().expect("a document")).expect("YAML")
        };
        let (role, binding) = (next(), next());
        let rules = role["rules"].as_array().expect("rules");
        assert_eq!(rules.len(), rights().len());
        for rule in rules {
            let verbs = rule["verbs"].as_array().expect("verbs");
            assert!(
                verbs
                    .iter()
                    .all(|verb| matches!(verb.as_str(), Some("get" | "list" | "watch")))
            );
        }
        assert_eq!(binding["subjects"][0]["name"], "okta:dev: \"x\"");
    }
}
