//! What whoever administers a cluster applies there, once: the kind of requests, what the API server holds of them, and the
//! rights to ask, to approve and to lock.
//!
//! Owns the objects, each with why it is there. Writes no YAML and sends nothing.

use serde_json::{Value as Json, json};

use super::policy::RULES;
use super::{ACTION_RUN, ACTION_RUNS, GROUP, LEASE_GROUP, LEASES, NAMESPACE, POLICY, VERSION};

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io/v1";
/// The longest name of a user: a service account's is at most 340 characters.
const LONGEST_NAME: u32 = 500;

/// Who may, by groups as the API server names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Who ask, and run what was approved.
    pub requesters: Vec<String>,
    /// Who approve.
    pub approvers: Vec<String>,
}

/// One object, and why it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// In a sentence.
    pub why: &'static str,
    /// The object.
    pub object: Json,
}

/// One rule of a role: the group, the resources, and what may be done with them.
type Rule = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// A role: its name, why it is there, and its rules. Nobody may delete a request, and nobody has both roles by one binding.
struct Role {
    name: &'static str,
    why: &'static str,
    bound: &'static str,
    rules: &'static [Rule],
}

const REQUEST: Role = Role {
    name: "landfall-request",
    why: "Lets people ask for an approval, run what was approved, and keep two machines from one target.",
    bound: "Who ask, in this one namespace.",
    rules: &[
        (GROUP, &[ACTION_RUNS], &["create", "get", "list", "watch"]),
        (GROUP, &["actionruns/status"], &["get", "patch"]),
        (
            LEASE_GROUP,
            &[LEASES],
            &["create", "get", "patch", "delete"],
        ),
        // Only this one: a binding in a namespace reaches its own Namespace and no other.
        ("", &["namespaces"], &["get"]),
    ],
};

const APPROVE: Role = Role {
    name: "landfall-approve",
    why: "Lets people approve what others ask for. The policy holds that it is others.",
    bound: "Who approve, in this one namespace.",
    rules: &[(
        GROUP,
        &[ACTION_RUNS],
        &["get", "list", "watch", "patch", "update"],
    )],
};

/// The objects, in the order in which they are applied.
pub fn documents(groups: &Groups) -> Vec<Document> {
    let mut documents = vec![
        Document {
            why: "Where requests and locks are.",
            object: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        },
        Document {
            why: "What is asked for, and who has approved it.",
            object: definition(),
        },
        Document {
            why: "Holds who asks and who approves to the API server's own word for them, whatever they use. Without it \
                  approvals are advisory. It needs Kubernetes 1.30 or newer.",
            object: policy(),
        },
        Document {
            why: "Puts the policy in force.",
            object: json!({
                "apiVersion": ADMISSION,
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": POLICY},
                "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
            }),
        },
    ];
    for role in [REQUEST, APPROVE] {
        documents.push(Document {
            why: role.why,
            object: cluster_role(&role),
        });
    }
    for (role, groups) in [(REQUEST, &groups.requesters), (APPROVE, &groups.approvers)] {
        // One that binds nobody would only look as if somebody could.
        if !groups.is_empty() {
            documents.push(Document {
                why: role.bound,
                object: binding(role.name, groups),
            });
        }
    }
    documents
}

fn definition() -> Json {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{ACTION_RUNS}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": ACTION_RUN, "listKind": "ActionRunList", "plural": ACTION_RUNS, "singular": "actionrun"},
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {"spec": spec(), "status": status()},
                }},
                "additionalPrinterColumns": [
                    column("Action", ".spec.action"),
                    column("Target", ".spec.target.name"),
                    column("Requester", ".spec.requester"),
                    column("Approved by", ".spec.approvals[*].by"),
                    column("Outcome", ".status.ended.outcome"),
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
            }],
        },
    })
}

fn column(name: &str, path: &str) -> Json {
    json!({"name": name, "type": "string", "jsonPath": path})
}

/// Text of at most so many characters; some at least where `some`.
fn text(some: bool, most: u32, about: &str) -> Json {
    json!({"type": "string", "minLength": u32::from(some), "maxLength": most, "description": about})
}

fn spec() -> Json {
    let hash =
        |about: &str| json!({"type": "string", "pattern": "^[0-9a-f]{64}$", "description": about});
    let mut target = serde_json::Map::new();
    for (name, about) in TARGET {
        let some = *name != "namespace";
        target.insert((*name).to_owned(), text(some, 253, about));
    }
    json!({
        "type": "object",
        "required": ["planHash", "action", "target", "inputs", "reason", "requester", "approvals"],
        "properties": {
            "planHash": hash("What stands for exactly the plan that is asked for."),
            "action": text(true, 100, "The action."),
            "target": {
                "type": "object",
                "description": "What it is done to.",
                "required": TARGET.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
                "properties": target,
            },
            "inputs": {
                "type": "object",
                "description": "What was said, by the inputs' names.",
                "maxProperties": 50,
                "additionalProperties": {"type": "string", "maxLength": 2000},
            },
            "reason": text(false, 500, "Why."),
            "requester": text(true, LONGEST_NAME, "Who asks, as the API server names them."),
            "approvals": {
                "type": "array",
                "description": "Who has approved it.",
                "maxItems": 10,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["by"],
                "items": {
                    "type": "object",
                    "required": ["by", "planHash"],
                    "properties": {
                        "by": text(true, LONGEST_NAME, "Who, as the API server names them."),
                        "planHash": hash("What they have approved."),
                    },
                },
            },
        },
    })
}

/// What is known of the target.
const TARGET: &[(&str, &str)] = &[
    ("kind", "Its kind."),
    ("namespace", "Its namespace; empty where it is in none."),
    ("name", "Its name."),
    ("uid", "Its own id."),
    (
        "cluster",
        "What who asks calls the cluster: who approves has to call it the same.",
    ),
    (
        "clusterUid",
        "The id of the cluster's kube-system namespace.",
    ),
];

fn status() -> Json {
    let at = json!({"type": "string", "format": "date-time"});
    json!({
        "type": "object",
        "properties": {
            "begun": {
                "type": "object",
                "description": "It was begun: an approval is used up by that.",
                "required": ["at"],
                "properties": {"at": at},
            },
            "ended": {
                "type": "object",
                "description": "It is over.",
                "required": ["at", "outcome", "says"],
                "properties": {
                    "at": at,
                    "outcome": text(true, 40, "How."),
                    "says": text(false, 2000, "In a sentence."),
                },
            },
        },
    })
}

fn policy() -> Json {
    let validations: Vec<Json> = RULES
        .iter()
        .map(|rule| json!({"expression": rule.holds, "message": rule.says, "reason": "Forbidden"}))
        .collect();
    json!({
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [GROUP],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": [ACTION_RUNS, format!("{ACTION_RUNS}/status")],
            }]},
            "validations": validations,
        },
    })
}

fn cluster_role(role: &Role) -> Json {
    let rules: Vec<Json> = role
        .rules
        .iter()
        .map(|(group, resources, verbs)| {
            json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
        })
        .collect();
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": "ClusterRole",
        "metadata": {"name": role.name},
        "rules": rules,
    })
}

fn binding(name: &str, groups: &[String]) -> Json {
    let subjects: Vec<Json> = groups
        .iter()
        .map(|group| json!({"apiGroup": RBAC, "kind": "Group", "name": group}))
        .collect();
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": subjects,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all(groups: &Groups) -> Vec<Json> {
        documents(groups)
            .into_iter()
            .map(|document| document.object)
            .collect()
    }

    #[test]
    fn a_rule_that_no_longer_names_a_field_of_the_request_let_it_be_changed_after_the_fact() {
        let spec = spec();
        let fields = spec["properties"].as_object().expect("fields");
        let stands = RULES
            .iter()
            .find(|rule| rule.says.starts_with("what is asked for does not change"))
            .expect("the rule");
        for field in fields.keys().filter(|field| *field != "approvals") {
            let same = format!("object.spec.{field} == oldObject.spec.{field}");
            assert!(stands.holds.contains(&same), "{field}");
        }
        // What may be left out could not be compared.
        let required = spec["required"].as_array().expect("a list");
        assert_eq!(required.len(), fields.len());
    }

    #[test]
    fn nobody_may_delete_a_request_and_who_approves_cannot_ask() {
        for role in [&REQUEST, &APPROVE] {
            let on_runs = role.rules.iter().filter(|(group, ..)| *group == GROUP);
            for (_, _, verbs) in on_runs {
                assert!(
                    !verbs.contains(&"delete") && !verbs.contains(&"*"),
                    "{}",
                    role.name
                );
            }
        }
        let asks = |role: &Role| {
            role.rules
                .iter()
                .any(|rule| rule.0 == GROUP && rule.2.contains(&"create"))
        };
        assert!(asks(&REQUEST) && !asks(&APPROVE));
        let changes = REQUEST.rules[0]
            .2
            .iter()
            .any(|verb| matches!(*verb, "update" | "patch"));
        assert!(!changes, "who asks never writes approvals");
    }

    #[test]
    fn a_binding_of_nobody_is_left_out_and_groups_are_bound_in_the_one_namespace() {
        let kinds = |groups: &Groups| -> Vec<String> {
            let kinds = all(groups).into_iter();
            kinds
                .map(|one| one["kind"].as_str().unwrap_or_default().to_owned())
                .collect()
        };
        assert!(!kinds(&Groups::default()).contains(&"RoleBinding".to_owned()));
        let groups = Groups {
            requesters: vec!["okta:support".to_owned()],
            approvers: vec!["okta:sre".to_owned(), "odd: \"x\"".to_owned()],
        };
        let bound: Vec<Json> = all(&groups)
            .into_iter()
            .filter(|one| one["kind"] == "RoleBinding")
            .collect();
        assert_eq!(bound.len(), 2);
        assert!(
            bound
                .iter()
                .all(|one| one["metadata"]["namespace"] == NAMESPACE)
        );
        assert_eq!(bound[1]["subjects"][1]["name"], "odd: \"x\"");
    }

    #[test]
    fn the_policy_is_bound_denies_and_fails_closed() {
        let all = all(&Groups::default());
        let of = |kind: &str| all.iter().find(|one| one["kind"] == kind).expect("there");
        let (policy, binding) = (
            of("ValidatingAdmissionPolicy"),
            of("ValidatingAdmissionPolicyBinding"),
        );
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
        assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
        assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
        let says: BTreeSet<&str> = RULES.iter().map(|rule| rule.says).collect();
        assert_eq!(says.len(), RULES.len());
    }
}
