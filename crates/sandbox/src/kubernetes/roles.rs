//! What roles and their bindings allow: the objects of `rbac.authorization.k8s.io` as rules.

use serde_json::Value;

use super::access::{Rule, Rules};
use super::object;
use super::store::Store;

/// What the roles bound to a user allow, beside what the store was told.
pub(crate) fn of(store: &Store, user: &str) -> Rules {
    let mut rules = Vec::new();
    for (binding_kind, namespaced) in [("RoleBinding", true), ("ClusterRoleBinding", false)] {
        for binding in store.list(binding_kind, None) {
            if !is_bound(&binding, user) {
                continue;
            }
            let namespace = namespaced.then(|| object::namespace(&binding).to_owned());
            let role = &binding["roleRef"];
            let kind = role["kind"].as_str().unwrap_or_default();
            let of = match kind {
                "Role" => namespace.as_deref().unwrap_or_default(),
                _ => "",
            };
            let name = role["name"].as_str().unwrap_or_default();
            let Some(role) = store.get(kind, of, name) else {
                continue;
            };
            let written = role["rules"].as_array().into_iter().flatten();
            rules.extend(written.map(|written| rule(written, namespace.as_ref())));
        }
    }
    Rules(rules)
}

fn is_bound(binding: &Value, user: &str) -> bool {
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.clone().any(
        |subject| match subject["kind"].as_str().unwrap_or_default() {
            "User" => subject["name"] == user,
            "Group" => subject["name"] == "system:authenticated",
            "ServiceAccount" => {
                let text = |field: &str| subject[field].as_str().unwrap_or_default();
                user == account(text("namespace"), text("name"))
            }
            _ => false,
        },
    )
}

/// The user that a service account is.
pub(crate) fn account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

fn rule(written: &Value, namespace: Option<&String>) -> Rule {
    let texts = |field: &str| -> Vec<String> {
        let list = written[field].as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    };
    Rule {
        namespaces: namespace.map(|namespace| vec![namespace.clone()]),
        groups: texts("apiGroups"),
        resources: texts("resources"),
        verbs: texts("verbs"),
        names: texts("resourceNames"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::kubernetes::access::Attempt;

    #[test]
    fn a_binding_holds_in_its_namespace_and_a_cluster_wide_one_everywhere() {
        let store = Store::new("prod", Clock::default());
        let rbac = "rbac.authorization.k8s.io/v1";
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["web"]}]);
        let bind = |kind: &str, namespace: &str, subject: Value| {
            let (role, metadata) = match namespace {
                "" => ("ClusterRole", json!({"name": "r"})),
                namespace => ("Role", json!({"name": "r", "namespace": namespace})),
            };
            let objects = [
                json!({"apiVersion": rbac, "kind": role, "metadata": metadata, "rules": rules}),
                json!({"apiVersion": rbac, "kind": kind, "metadata": metadata,
                    "roleRef": {"kind": role, "name": "r"}, "subjects": [subject]}),
            ];
            for object in objects {
                store.apply(object).unwrap();
            }
        };
        bind("RoleBinding", "shop", json!({"kind": "User", "name": "jo"}));
        let robot = json!({"kind": "ServiceAccount", "namespace": "shop", "name": "robot"});
        bind("ClusterRoleBinding", "", robot);
        let may = |user: &str, namespace: &str, name: &str| {
            of(&store, user).allow(&Attempt {
                verb: "get",
                resource: "pods",
                namespace,
                name,
                ..Attempt::default()
            })
        };
        assert!(may("jo", "shop", "web"));
        assert!(!may("jo", "shop", "db") && !may("jo", "bank", "web"));
        assert!(may(&account("shop", "robot"), "bank", "web"));
        assert!(!may("robot", "bank", "web"));
    }
}
