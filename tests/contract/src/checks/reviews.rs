//! Asking who one is and what one may.

use serde_json::{Value, json};

use crate::broken::{Broken, Checked, absent, field, filled, holds, says};
use crate::world::{World, unique};

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
const MYSELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

fn access(attributes: &Value) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes}})
}

pub(crate) async fn may(world: &World) -> Checked {
    let asked = access(&json!({"verb": "delete", "resource": "pods", "namespace": "default"}));
    let answer = world.api.post(ACCESS, &asked).gives(201).await?;
    field(&answer, "/kind", "SelfSubjectAccessReview")?;
    field(&answer, "/status/allowed", true)?;
    field(&answer, "/spec", asked["spec"].clone())
}

pub(crate) async fn may_not(world: &World) -> Checked {
    let space = world.space().await?;
    let user = unique("jo");
    world.allow(&space, &user, &["pods"], &["list"]).await?;
    let jo = world.api.impersonating(&user);
    for (verb, namespace, allowed) in [
        ("list", space.name.as_str(), true),
        ("delete", space.name.as_str(), false),
        ("list", "default", false),
        ("list", "", false),
    ] {
        let attributes = json!({"verb": verb, "resource": "pods", "namespace": namespace});
        let call = jo.post(ACCESS, &access(&attributes));
        let answer = call.gives(201).await?;
        field(&answer, "/status/allowed", allowed)?;
    }
    Ok(())
}

pub(crate) async fn everywhere(world: &World) -> Checked {
    let user = unique("jo");
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
    ]);
    world.allow_everywhere(&user, &rules).await?;
    let known = json!({"verb": "get", "resource": "pods"});
    world.taken_up(&user, &known).await?;
    let jo = world.api.impersonating(&user);
    for (verb, group, resource, subresource, allowed) in [
        ("get", "", "pods", "", true),
        ("list", "", "pods", "", false),
        ("get", "", "pods", "log", true),
        ("get", "", "pods", "exec", false),
        ("list", "apps", "deployments", "", true),
        ("watch", "apps", "deployments", "", false),
        ("list", "", "deployments", "", false),
        ("list", "apps", "replicasets", "", false),
        ("list", "nosuch.example", "things", "", false),
    ] {
        let attributes = json!({
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
        });
        let call = jo.post(ACCESS, &access(&attributes));
        let answer = call.gives(201).await?;
        field(&answer, "/status/allowed", allowed)?;
        absent(&answer, "/status/evaluationError")?;
    }
    Ok(())
}

pub(crate) async fn by_name(world: &World) -> Checked {
    let user = unique("jo");
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"],
        "resourceNames": ["web"]}]);
    world.allow_everywhere(&user, &rules).await?;
    let of = |name: &str| {
        json!({"verb": "patch", "group": "apps", "resource": "deployments",
            "namespace": "default", "name": name})
    };
    world.taken_up(&user, &of("web")).await?;
    let jo = world.api.impersonating(&user);
    for (name, allowed) in [("web", true), ("other", false), ("", false)] {
        let call = jo.post(ACCESS, &access(&of(name)));
        field(&call.gives(201).await?, "/status/allowed", allowed)?;
    }
    Ok(())
}

pub(crate) async fn may_what(world: &World) -> Checked {
    let nothing = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}});
    let status = world.api.post(ACCESS, &nothing);
    let status = status.refused(422, "Invalid").await?;
    field(
        &status,
        "/details/causes/0/field",
        "spec.resourceAttributes",
    )?;
    says(
        filled(&status, "/message")?,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
    )?;
    let path = json!({"spec": {"nonResourceAttributes": {"path": "/version", "verb": "get"}}});
    let answer = world.api.post(ACCESS, &path).gives(201).await?;
    field(&answer, "/status/allowed", true)
}

pub(crate) async fn rules(world: &World) -> Checked {
    let space = world.space().await?;
    let user = unique("jo");
    world
        .allow(&space, &user, &["pods", "pods/log"], &["get", "list"])
        .await?;
    let asked = json!({"spec": {"namespace": space.name}});
    let call = world.api.impersonating(&user).post(RULES, &asked);
    let answer = call.gives(201).await?;
    field(&answer, "/kind", "SelfSubjectRulesReview")?;
    field(&answer, "/status/incomplete", false)?;
    let rules = answer["status"]["resourceRules"].as_array();
    let rules = rules.ok_or_else(|| Broken::NotSo("there are rules".to_owned()))?;
    let has = |rule: &Value, list: &str, text: &str| {
        rule[list]
            .as_array()
            .is_some_and(|list| list.iter().any(|entry| entry == text))
    };
    let pods = rules.iter().any(|rule| {
        has(rule, "resources", "pods")
            && has(rule, "apiGroups", "")
            && has(rule, "verbs", "list")
            && !has(rule, "verbs", "delete")
    });
    holds("the role's rule is there", pods)?;
    let reviews = rules
        .iter()
        .any(|rule| has(rule, "resources", "selfsubjectaccessreviews"));
    holds("everybody may ask", reviews)
}

pub(crate) async fn rules_where(world: &World) -> Checked {
    let nowhere = json!({"spec": {}});
    let call = world.api.post(RULES, &nowhere);
    let status = call.refused(400, "BadRequest").await?;
    field(&status, "/message", "no namespace on request")
}

pub(crate) async fn myself(world: &World) -> Checked {
    let user = unique("jo");
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let call = world.api.impersonating(&user).post(MYSELF, &asked);
    let answer = call.gives(201).await?;
    field(&answer, "/kind", "SelfSubjectReview")?;
    field(&answer, "/status/userInfo/username", user.as_str())?;
    let groups = answer["status"]["userInfo"]["groups"].as_array();
    let known = groups.is_some_and(|groups| groups.iter().any(|g| g == "system:authenticated"));
    holds("whoever is known is authenticated", known)?;
    absent(&answer, "/spec")
}

pub(crate) async fn only_asked(world: &World) -> Checked {
    for path in [ACCESS, RULES, MYSELF] {
        let call = world.api.get(path);
        call.refused(405, "MethodNotAllowed").await?;
    }
    Ok(())
}
