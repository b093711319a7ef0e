//! Deleting: what is meant, what goes with it, and what the answer is.

use serde_json::{Value, json};

use super::listing::names;
use crate::broken::{Checked, field, filled, same, says};
use crate::world::World;

fn options(fields: Value) -> Value {
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    if let (Some(options), Value::Object(fields)) = (options.as_object_mut(), fields) {
        options.extend(fields);
    }
    options
}

pub(crate) async fn answered(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.deployment(&space).await?;
    let path = space.apps("deployments/web");
    let status = world.api.delete(&path).gives(200).await?;
    field(&status, "/kind", "Status")?;
    field(&status, "/status", "Success")?;
    field(
        &status,
        "/details",
        json!({"name": "web", "group": "apps", "kind": "deployments", "uid": made["metadata"]["uid"]}),
    )?;
    let status = world.api.delete(&path).refused(404, "NotFound").await?;
    field(&status, "/details/name", "web")
}

pub(crate) async fn preconditions(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let changed = world.set_value(&space, "a", "2").await?;
    let path = space.core("configmaps/a");
    let delete = |preconditions: Value| {
        let options = options(json!({"preconditions": preconditions}));
        world.api.delete(&path).json(&options)
    };
    let other = json!({"uid": "11111111-1111-4111-a111-111111111111"});
    let status = delete(other).refused(409, "Conflict").await?;
    says(filled(&status, "/message")?, "the UID in the precondition")?;
    let old = json!({"resourceVersion": made["metadata"]["resourceVersion"]});
    let status = delete(old).refused(409, "Conflict").await?;
    says(
        filled(&status, "/message")?,
        "the ResourceVersion in the precondition",
    )?;
    let meant = json!({"uid": made["metadata"]["uid"],
        "resourceVersion": changed["metadata"]["resourceVersion"]});
    delete(meant).gives(200).await?;
    let read = world.api.get(&path);
    read.refused(404, "NotFound").await.map(|_| ())
}

pub(crate) async fn in_background(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let path = space.apps("deployments/web");
    let call = world.api.delete(&path);
    let call = call.query("propagationPolicy", "Background");
    field(&call.gives(200).await?, "/status", "Success")?;
    let read = world.api.get(&path);
    read.refused(404, "NotFound").await.map(|_| ())
}

pub(crate) async fn in_foreground(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let options = options(json!({"propagationPolicy": "Foreground"}));
    let call = world.api.delete(&space.apps("deployments/web"));
    let held = call.json(&options).gives(200).await?;
    field(&held, "/kind", "Deployment")?;
    field(&held, "/metadata/finalizers", json!(["foregroundDeletion"]))?;
    filled(&held, "/metadata/deletionTimestamp").map(|_| ())
}

pub(crate) async fn orphaning(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let options = options(json!({"propagationPolicy": "Orphan"}));
    let call = world.api.delete(&space.apps("deployments/web"));
    let held = call.json(&options).gives(200).await?;
    field(&held, "/kind", "Deployment")?;
    field(&held, "/metadata/finalizers", json!(["orphan"]))?;
    filled(&held, "/metadata/deletionTimestamp").map(|_| ())
}

pub(crate) async fn unknown_policy(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let options = options(json!({"propagationPolicy": "Sideways"}));
    let call = world.api.delete(&path).json(&options);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/kind", "DeleteOptions")?;
    field(&status, "/details/causes/0/field", "propagationPolicy")?;
    world.api.get(&path).gives(200).await.map(|_| ())
}

pub(crate) async fn collection(world: &World) -> Checked {
    let space = world.space().await?;
    for (name, value) in [("a", "x"), ("b", "y"), ("c", "x")] {
        world.config_map(&space, name, value).await?;
    }
    let path = space.core("configmaps");
    let call = world.api.delete(&path).query("labelSelector", "value=x");
    let gone = call.gives(200).await?;
    field(&gone, "/kind", "ConfigMapList")?;
    same("gone", &names(&gone), &vec!["a", "c"])?;
    let left = world.api.get(&path).query("labelSelector", "value");
    same("left", &names(&left.gives(200).await?), &vec!["b"])
}

pub(crate) async fn namespace(world: &World) -> Checked {
    let space = world.space().await?;
    let path = format!("/api/v1/namespaces/{}", space.name);
    let going = world.api.delete(&path).gives(200).await?;
    field(&going, "/kind", "Namespace")?;
    field(&going, "/status/phase", "Terminating")?;
    filled(&going, "/metadata/deletionTimestamp").map(|_| ())
}
