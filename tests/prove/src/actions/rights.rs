//! Rights that are missing, and admission that forbids: the plan says so before anything is sent.

use serde_json::{Value, json};

use super::meant::planned;
use super::operator::{Operator, Wish};
use super::world::{Thing, text, until};
use super::{Checked, Rig, so};

const RBAC: &str = "rbac.authorization.k8s.io";
/// What admission says.
const FROZEN: &str = "Deployments of this namespace are frozen by the platform team";

/// A service account that reads everything, and changes nothing.
async fn reader(rig: &Rig, namespace: &str) -> Checked<Operator> {
    rig.namespace(namespace).await?;
    let name = format!("reader-of-{namespace}");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "reader", "namespace": namespace}});
    let role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]});
    let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}, "subjects": [subject(namespace)]});
    for object in [account, role, binding] {
        rig.api().apply(&object).await?;
    }
    let token = rig.api().token(namespace, "reader").await?;
    rig.somebody(&token)
}

fn subject(namespace: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": "reader", "namespace": namespace})
}

/// Lets the service account change Deployments, too.
async fn may_patch(rig: &Rig, namespace: &str) -> Checked {
    let meta = json!({"name": "changes", "namespace": namespace});
    let role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": meta,
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}]});
    let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": meta,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "changes"}, "subjects": [subject(namespace)]});
    for object in [role, binding] {
        rig.api().apply(&object).await?;
    }
    Ok(())
}

/// Turns red where `permit.rs` does not look at the rights (`denied` is never so): the change is sent, and RBAC refuses it.
pub(super) async fn missing(rig: &Rig) -> Checked<String> {
    let name = "act-rights";
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let operator = reader(rig, name).await?;
    let wish = Wish::new("restart", &thing);
    let things = std::slice::from_ref(&thing);
    let plan = planned(rig, &operator, &wish, things).await?;
    let right = format!("patch deployments in {name}");
    let wanted = json!({"right": right, "held": false});
    let has_right = plan["rights"]
        .as_array()
        .is_some_and(|all| all.contains(&wanted));
    so(
        "the plan has to say which right is missing",
        has_right,
        &plan["rights"],
    )?;
    let tried = text(&plan, "/tried");
    so(
        "the plan has to say what the server says to it",
        tried.contains("cannot patch"),
        &plan["tried"],
    )?;
    let before = rig.versions(things).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(3)?;
    let said = said.says(&format!("may not {right}"))?;
    let heard = rig.heard(name)?;
    so(
        "nothing may be sent",
        heard.is_empty(),
        format!("{heard:?}"),
    )?;
    let after = rig.versions(things).await?;
    so(
        "it has to be as it was",
        before == after,
        format!("{after:?}"),
    )?;
    operator.recorded("refused: restart").await?;
    operator.has_a_whole_record().await?;
    Ok(text(&said.json()?, "/error/message").to_owned())
}

/// Turns red where `console/src/actions.rs` does not have the server try the plan: it says nothing against it.
pub(super) async fn admission(rig: &Rig) -> Checked<String> {
    let name = "act-admission";
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let operator = reader(rig, name).await?;
    may_patch(rig, name).await?;
    forbid(rig, name).await?;
    let found = is_said(rig, &operator, &thing).await;
    for kind in [
        "ValidatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
    ] {
        rig.api().delete(kind, "", name).await?;
    }
    found
}

async fn is_said(rig: &Rig, operator: &Operator, thing: &Thing) -> Checked<String> {
    let wish = Wish::new("restart", thing);
    let things = std::slice::from_ref(thing);
    // A policy is in force some moments after it was made.
    until("the plan has to say what admission says", async || {
        let plan = operator.plans(&wish).await?;
        Ok(match text(&plan, "/tried").contains(FROZEN) {
            true => Ok(()),
            false => Err(plan.to_string()),
        })
    })
    .await?;
    let plan = planned(rig, operator, &wish, things).await?;
    let mut rights = plan["rights"].as_array().into_iter().flatten();
    so(
        "the right has to be there",
        rights.all(|right| right["held"] == true),
        &plan["rights"],
    )?;
    let before = rig.versions(things).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(2)?;
    so(
        "a run of it has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    said.says(FROZEN)?;
    let after = rig.versions(things).await?;
    so(
        "it has to be as it was",
        before == after,
        format!("{after:?}"),
    )?;
    let heard = rig.heard(&thing.namespace)?;
    so(
        "it has to be sent once, and refused",
        heard.len() == 1 && heard.iter().all(|one| !one.is_done()),
        format!("{heard:?}"),
    )?;
    operator.has_a_whole_record().await?;
    Ok(text(&plan, "/tried").to_owned())
}

/// Nobody may change Deployments of a namespace.
async fn forbid(rig: &Rig, name: &str) -> Checked {
    let group = "admissionregistration.k8s.io/v1";
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let policy = json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": here,
            "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}],
        },
        "validations": [{"expression": "false", "message": FROZEN}],
    }});
    let binding = json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]}});
    for object in [policy, binding] {
        rig.api().apply(&object).await?;
    }
    Ok(())
}
