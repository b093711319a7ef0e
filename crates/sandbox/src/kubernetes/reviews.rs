//! The questions a user may ask about themselves: who am I, what may I do.

use serde_json::{Value, json};

use super::access::{Attempt, Rules};
use super::failure::Failure;

/// A kind of question: it is created, answered, and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Review {
    /// The API group; all are served at v1.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The plural.
    pub plural: &'static str,
    /// The singular.
    pub singular: &'static str,
}

/// The questions there are.
pub(crate) const REVIEWS: [Review; 3] = [
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
    },
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
    },
    Review {
        group: "authentication.k8s.io",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
    },
];

impl Review {
    /// The question behind a path.
    pub(crate) fn at(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        REVIEWS
            .iter()
            .find(|review| version == "v1" && review.group == group && review.plural == plural)
    }

    /// The question with its answer.
    pub(crate) fn answer(
        &self,
        user: &str,
        rules: &Rules,
        asked: &Value,
    ) -> Result<Value, Failure> {
        let (spec, status) = match self.kind {
            "SelfSubjectAccessReview" => {
                let spec = &asked["spec"];
                let allowed = allowed(spec, rules)?;
                let mut status = json!({"allowed": allowed});
                if allowed {
                    status["reason"] = json!("RBAC: allowed by the company's rules");
                }
                (Some(spec.clone()), status)
            }
            "SelfSubjectRulesReview" => {
                let namespace = asked["spec"]["namespace"].as_str().unwrap_or_default();
                if namespace.is_empty() {
                    return Err(Failure::bad_request("no namespace on request"));
                }
                (Some(json!({})), rules_in(namespace, rules))
            }
            _ => (
                None,
                json!({"userInfo": {"username": user, "groups": ["system:authenticated"]}}),
            ),
        };
        let mut answer = json!({
            "kind": self.kind,
            "apiVersion": format!("{}/v1", self.group),
            "metadata": {"creationTimestamp": null},
            "status": status,
        });
        if let Some(spec) = spec {
            answer["spec"] = spec;
        }
        Ok(answer)
    }
}

/// Paths without objects that everyone may read.
const OPEN_PATHS: [&str; 8] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/openapi/*",
    "/readyz",
    "/version",
];

fn allowed(spec: &Value, rules: &Rules) -> Result<bool, Failure> {
    if let Some(path) = spec["nonResourceAttributes"]["path"].as_str() {
        let open = OPEN_PATHS.iter().any(|open| match open.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == *open,
        });
        let reads = spec["nonResourceAttributes"]["verb"] == "get";
        return Ok((open && reads) || *rules == Rules::everything());
    }
    let attributes = &spec["resourceAttributes"];
    if !attributes.is_object() {
        return Err(Failure::invalid_fields(
            "authorization.k8s.io",
            "SelfSubjectAccessReview",
            "",
            &[(
                "spec.resourceAttributes".to_owned(),
                "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
                    .to_owned(),
            )],
        ));
    }
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let attempt = Attempt {
        verb: text("verb"),
        group: text("group"),
        resource: text("resource"),
        subresource: text("subresource"),
        namespace: text("namespace"),
        name: text("name"),
    };
    // Whoever is signed in may ask these questions.
    let asks = REVIEWS
        .iter()
        .any(|review| review.group == attempt.group && review.plural == attempt.resource);
    Ok(rules.allow(&attempt) || (asks && attempt.verb == "create"))
}

fn rules_in(namespace: &str, rules: &Rules) -> Value {
    let mut resource_rules: Vec<Value> = REVIEWS
        .iter()
        .map(|review| {
            json!({"verbs": ["create"], "apiGroups": [review.group], "resources": [review.plural]})
        })
        .collect();
    resource_rules.extend(
        rules
            .0
            .iter()
            .filter(|rule| rule.holds_in(namespace))
            .map(super::access::Rule::to_resource_rule),
    );
    let mut paths = vec![json!({"verbs": ["get"], "nonResourceURLs": OPEN_PATHS})];
    if *rules == Rules::everything() {
        paths.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    json!({"resourceRules": resource_rules, "nonResourceRules": paths, "incomplete": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(rules: &Rules, attributes: Value) -> bool {
        let asked = json!({"spec": {"resourceAttributes": attributes}});
        let answer = REVIEWS[0].answer("viewer", rules, &asked).unwrap();
        assert_eq!(answer["spec"], asked["spec"]);
        answer["status"]["allowed"].as_bool().unwrap()
    }

    #[test]
    fn access_is_answered_from_the_rules() {
        let rules = Rules::read_namespaces(&["shop"]);
        assert!(may(
            &rules,
            json!({"verb": "list", "resource": "pods", "namespace": "shop"})
        ));
        assert!(!may(&rules, json!({"verb": "list", "resource": "pods"})));
        assert!(!may(
            &rules,
            json!({"verb": "*", "resource": "*", "group": "*", "namespace": "shop"})
        ));
        assert!(may(
            &Rules::everything(),
            json!({"verb": "*", "resource": "*", "group": "*"})
        ));
        assert!(may(
            &Rules::nothing(),
            json!({"verb": "create", "group": "authorization.k8s.io", "resource": "selfsubjectaccessreviews"})
        ));
    }

    #[test]
    fn rules_are_listed_for_a_namespace() {
        let rules = Rules::read_namespaces(&["shop"]);
        let ask = |namespace: &str| {
            let asked = json!({"spec": {"namespace": namespace}});
            let answer = REVIEWS[1].answer("viewer", &rules, &asked).unwrap();
            answer["status"]["resourceRules"].as_array().unwrap().len()
        };
        assert_eq!(ask("shop"), REVIEWS.len() + 1);
        assert_eq!(ask("other"), REVIEWS.len());
        assert!(REVIEWS[1].answer("viewer", &rules, &json!({})).is_err());
    }

    #[test]
    fn users_learn_their_name() {
        let answer = REVIEWS[2]
            .answer("viewer", &Rules::nothing(), &json!({}))
            .unwrap();
        assert_eq!(answer["status"]["userInfo"]["username"], "viewer");
        assert_eq!(answer["apiVersion"], "authentication.k8s.io/v1");
    }
}
