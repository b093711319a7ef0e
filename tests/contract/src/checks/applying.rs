//! Server-side apply: who owns which field, and what happens when two want the same.

use serde_json::{Value, json};

use crate::api::MERGE_PATCH;
use crate::broken::{Broken, Checked, absent, field, filled, same, says};
use crate::world::{Space, World, widget};

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

async fn applied(
    world: &World,
    space: &Space,
    manager: &str,
    data: Value,
) -> Result<Value, Broken> {
    let path = space.core("configmaps/a");
    let call = world.api.apply(&path, manager, &map(data));
    let answer = call.send().await?;
    if answer.code == 201 {
        return Ok(answer.body);
    }
    Ok(answer.coded(200)?.body)
}

/// What a manager owns by applying.
pub(crate) fn owned<'a>(object: &'a Value, manager: &str) -> Result<&'a Value, Broken> {
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["manager"] == manager && entry["operation"] == "Apply")
        .ok_or_else(|| Broken::NotSo(format!("{manager} manages fields by applying")))
}

pub(crate) async fn creates(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps/a");
    let body = map(json!({"x": "1"}));
    let made = world.api.apply(&path, "one", &body).gives(201).await?;
    let entry = owned(&made, "one")?;
    field(entry, "/apiVersion", "v1")?;
    field(entry, "/fieldsType", "FieldsV1")?;
    field(entry, "/fieldsV1", json!({"f:data": {"f:x": {}}}))?;
    filled(entry, "/time")?;
    let again = world.api.apply(&path, "one", &body).gives(200).await?;
    same(
        "applying the same changes nothing",
        &again["metadata"]["resourceVersion"],
        &made["metadata"]["resourceVersion"],
    )
}

pub(crate) async fn conflict(world: &World) -> Checked {
    let space = world.space().await?;
    applied(world, &space, "one", json!({"x": "1", "y": "1"})).await?;
    let path = space.core("configmaps/a");
    let body = map(json!({"x": "2", "y": "2"}));
    let call = world.api.apply(&path, "two", &body);
    let status = call.refused(409, "Conflict").await?;
    let causes = json!([
        {"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.x"},
        {"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.y"}]);
    field(&status, "/details/causes", causes)?;
    field(
        &status,
        "/message",
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.x\n- .data.y",
    )?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "/data/x", "1")
}

pub(crate) async fn force(world: &World) -> Checked {
    let space = world.space().await?;
    applied(world, &space, "one", json!({"x": "1", "y": "1"})).await?;
    let path = space.core("configmaps/a");
    let body = map(json!({"x": "2"}));
    let call = world.api.apply(&path, "two", &body).query("force", "true");
    let forced = call.gives(200).await?;
    field(&forced, "/data", json!({"x": "2", "y": "1"}))?;
    field(
        owned(&forced, "two")?,
        "/fieldsV1",
        json!({"f:data": {"f:x": {}}}),
    )?;
    field(
        owned(&forced, "one")?,
        "/fieldsV1",
        json!({"f:data": {"f:y": {}}}),
    )
}

pub(crate) async fn same_value(world: &World) -> Checked {
    let space = world.space().await?;
    applied(world, &space, "one", json!({"x": "1"})).await?;
    let both = applied(world, &space, "two", json!({"x": "1"})).await?;
    let fields = json!({"f:data": {"f:x": {}}});
    field(owned(&both, "one")?, "/fieldsV1", fields.clone())?;
    field(owned(&both, "two")?, "/fieldsV1", fields)?;
    // One lets go: the other holds it.
    let left = applied(world, &space, "one", json!({"z": "1"})).await?;
    field(&left, "/data", json!({"x": "1", "z": "1"}))?;
    let left = applied(world, &space, "two", json!({})).await?;
    field(&left, "/data", json!({"z": "1"}))
}

pub(crate) async fn removes(world: &World) -> Checked {
    let space = world.space().await?;
    applied(world, &space, "one", json!({"x": "1", "y": "1"})).await?;
    let path = space.core("configmaps/a");
    let patch = json!({"data": {"z": "1"}});
    world
        .api
        .patch(&path, MERGE_PATCH, &patch)
        .gives(200)
        .await?;
    let less = applied(world, &space, "one", json!({"y": "1"})).await?;
    field(&less, "/data", json!({"y": "1", "z": "1"}))
}

pub(crate) async fn against_updates(world: &World) -> Checked {
    let space = world.space().await?;
    applied(world, &space, "one", json!({"x": "1"})).await?;
    let path = space.core("configmaps/a");
    let patch = json!({"data": {"x": "2"}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    call.query("fieldManager", "editor").gives(200).await?;
    let call = world.api.apply(&path, "one", &map(json!({"x": "1"})));
    let status = call.refused(409, "Conflict").await?;
    field(&status, "/details/causes/0/field", ".data.x")?;
    let message = filled(&status, "/details/causes/0/message")?;
    says(message, "conflict with \"editor\" using v1")?;
    // Agreeing with what is there is no conflict.
    let agreed = applied(world, &space, "one", json!({"x": "2"})).await?;
    field(&agreed, "/data/x", "2")
}

pub(crate) async fn lists(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.apps("deployments/web");
    let body = crate::world::deployment("web");
    world.api.apply(&path, "one", &body).gives(201).await?;
    let more = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}});
    let both = world.api.apply(&path, "two", &more).gives(200).await?;
    let names = |object: &Value| {
        let containers = object["spec"]["template"]["spec"]["containers"].as_array();
        let names = containers.into_iter().flatten();
        names
            .filter_map(|container| container["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    same("containers", &names(&both), &vec!["web", "proxy", "side"])?;
    field(
        owned(&both, "two")?,
        "/fieldsV1/f:spec/f:template/f:spec/f:containers",
        json!({"k:{\"name\":\"side\"}": {".": {}, "f:name": {}, "f:image": {}}}),
    )?;
    let mut less = body;
    if let Some(containers) = less["spec"]["template"]["spec"]["containers"].as_array_mut() {
        containers.pop();
    }
    let less = world.api.apply(&path, "one", &less).gives(200).await?;
    same("containers", &names(&less), &vec!["web", "side"])
}

pub(crate) async fn nobody(world: &World) -> Checked {
    let space = world.space().await?;
    let body = map(json!({}));
    let call = world
        .api
        .patch(&space.core("configmaps/a"), crate::api::APPLY_PATCH, &body);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/kind", "PatchOptions")?;
    field(&status, "/details/causes/0/field", "fieldManager")?;
    field(&status, "/details/causes/0/reason", "FieldValueRequired")?;
    let path = space.core("configmaps/a");
    let call = world.api.patch(&path, MERGE_PATCH, &body);
    let status = call.query("force", "true").refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "force")
}

pub(crate) async fn custom(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets/a");
    let made = world.api.apply(&path, "one", &widget("a", 1));
    let made = made.gives(201).await?;
    field(owned(&made, "one")?, "/fieldsV1/f:spec/f:size", json!({}))?;
    let call = world.api.apply(&path, "two", &widget("a", 2));
    let status = call.refused(409, "Conflict").await?;
    field(&status, "/details/causes/0/field", ".spec.size")?;
    let body = json!({"apiVersion": made["apiVersion"], "kind": "Widget", "metadata": {"name": "a"},
        "status": {"phase": "Ready"}});
    let status = world.api.apply(&format!("{path}/status"), "three", &body);
    let status = status.gives(200).await?;
    field(&status, "/status/phase", "Ready")?;
    field(owned(&status, "three")?, "/subresource", "status")
}

pub(crate) async fn stale(world: &World) -> Checked {
    let space = world.space().await?;
    let made = applied(world, &space, "one", json!({"x": "1"})).await?;
    applied(world, &space, "one", json!({"x": "2"})).await?;
    let mut body = map(json!({"x": "3"}));
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    let call = world.api.apply(&space.core("configmaps/a"), "one", &body);
    let status = call.refused(409, "Conflict").await?;
    says(filled(&status, "/message")?, "the object has been modified")?;
    absent(&status, "/details/causes")
}

pub(crate) async fn bookkeeping(world: &World) -> Checked {
    let space = world.space().await?;
    let made = applied(world, &space, "one", json!({"x": "1"})).await?;
    let mut body = map(json!({"x": "1"}));
    body["metadata"]["managedFields"] = made["metadata"]["managedFields"].clone();
    let call = world.api.apply(&space.core("configmaps/a"), "one", &body);
    let status = call.refused(400, "BadRequest").await?;
    field(&status, "/message", "metadata.managedFields must be nil")
}
