//! What the built-in kinds' own rules refuse: 422 with the path of every field that is wrong.

use serde_json::{Value, json};

use crate::broken::{Checked, field, filled, holds, says};
use crate::world::{World, config_map, deployment};

fn blames(status: &Value, place: &str, reason: &str) -> Checked {
    let causes = status["details"]["causes"].as_array();
    let mut causes = causes.into_iter().flatten();
    holds(
        format!("{place} is blamed as {reason}, in {status}"),
        causes.any(|cause| cause["field"] == place && cause["reason"] == reason),
    )
}

pub(crate) async fn workload(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.apps("deployments");
    let mut sent = deployment("web");
    sent["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let status = world.api.post(&path, &sent);
    let status = status.refused(422, "Invalid").await?;
    field(&status, "/details/kind", "Deployment")?;
    blames(
        &status,
        "spec.template.metadata.labels",
        "FieldValueInvalid",
    )?;
    let mut sent = deployment("web");
    sent["spec"]["replicas"] = json!(-1);
    sent["spec"]["template"]["spec"]["containers"] = json!([]);
    let status = world.api.post(&path, &sent);
    let status = status.refused(422, "Invalid").await?;
    blames(&status, "spec.replicas", "FieldValueInvalid")?;
    blames(
        &status,
        "spec.template.spec.containers",
        "FieldValueRequired",
    )?;
    // More than one cause stands in brackets.
    says(filled(&status, "/message")?, "is invalid: [")
}

pub(crate) async fn immutable(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let mut sent = deployment("web");
    sent["spec"]["selector"] = json!({"matchLabels": {"app": "new"}});
    sent["spec"]["template"]["metadata"]["labels"] = json!({"app": "new"});
    let call = world.api.put(&space.apps("deployments/web"), &sent);
    let status = call.refused(422, "Invalid").await?;
    blames(&status, "spec.selector", "FieldValueInvalid")?;
    says(filled(&status, "/message")?, "field is immutable")
}

pub(crate) async fn labels(world: &World) -> Checked {
    let space = world.space().await?;
    let mut sent = config_map("a", "1");
    sent["metadata"]["labels"] = json!({"value": "no spaces here"});
    let status = world.api.post(&space.core("configmaps"), &sent);
    let status = status.refused(422, "Invalid").await?;
    blames(&status, "metadata.labels", "FieldValueInvalid")
}

pub(crate) async fn pods(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web"]).await?;
    let sent = crate::world::pod("b", &["web", "web"]);
    let status = world.api.post(&space.core("pods"), &sent);
    let status = status.refused(422, "Invalid").await?;
    blames(&status, "spec.containers[1].name", "FieldValueDuplicate")
}

pub(crate) async fn types(world: &World) -> Checked {
    let space = world.space().await?;
    let mut sent = deployment("web");
    sent["spec"]["replicas"] = json!("two");
    let call = world.api.post(&space.apps("deployments"), &sent);
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "Deployment in version \"v1\" cannot be handled as a Deployment",
    )
}

pub(crate) async fn unknown_fields(world: &World) -> Checked {
    let space = world.space().await?;
    let mut sent = deployment("web");
    sent["spec"]["replicaz"] = json!(2);
    let path = space.apps("deployments");
    let call = world.api.post(&path, &sent);
    let call = call.query("fieldValidation", "Strict");
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "strict decoding error: unknown field \"spec.replicaz\"",
    )?;
    let call = world.api.post(&path, &sent);
    let call = call.query("fieldValidation", "Ignore");
    let made = call.gives(201).await?;
    crate::broken::absent(&made, "/spec/replicaz")
}
