//! Dry runs: the answer is that of a real write, and nothing is stored.

use serde_json::json;

use crate::api::MERGE_PATCH;
use crate::broken::{Checked, field, filled};
use crate::world::{World, config_map};

pub(crate) async fn create(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps");
    let call = world.api.post(&path, &config_map("a", "1"));
    let made = call.query("dryRun", "All").gives(201).await?;
    filled(&made, "/metadata/uid")?;
    world
        .api
        .get(&space.core("configmaps/a"))
        .refused(404, "NotFound")
        .await?;
    // Refused as in earnest.
    world.config_map(&space, "a", "1").await?;
    let call = world.api.post(&path, &config_map("a", "1"));
    let call = call.query("dryRun", "All");
    call.refused(409, "AlreadyExists").await.map(|_| ())
}

pub(crate) async fn change(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let patch = json!({"data": {"value": "2"}});
    let patched = world.api.patch(&path, MERGE_PATCH, &patch);
    let patched = patched.query("dryRun", "All").gives(200).await?;
    field(&patched, "/data/value", "2")?;
    let put = world.api.put(&path, &config_map("a", "3"));
    let put = put.query("dryRun", "All").gives(200).await?;
    field(&put, "/data/value", "3")?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "", made)
}

pub(crate) async fn delete(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let by_query = world.api.delete(&path).query("dryRun", "All");
    field(&by_query.gives(200).await?, "/status", "Success")?;
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    let by_body = world.api.delete(&path).json(&options);
    field(&by_body.gives(200).await?, "/status", "Success")?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "", made)
}

pub(crate) async fn delete_beside_a_body(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps/a");
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    for body in [options, json!({})] {
        world.config_map(&space, "a", "1").await?;
        let call = world.api.delete(&path).query("dryRun", "All").json(&body);
        field(&call.gives(200).await?, "/status", "Success")?;
        world.api.get(&path).refused(404, "NotFound").await?;
    }
    // What the query says is not even looked at.
    world.config_map(&space, "a", "1").await?;
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    let call = world.api.delete(&path).query("dryRun", "Some");
    field(&call.json(&options).gives(200).await?, "/status", "Success")?;
    world.api.get(&path).gives(200).await.map(|_| ())
}

pub(crate) async fn conditions(world: &World) -> Checked {
    let space = world.space().await?;
    let old = world.config_map(&space, "a", "1").await?;
    let made = world.set_value(&space, "a", "2").await?;
    let path = space.core("configmaps/a");
    let stale = json!({"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"value": "3"}});
    let call = world.api.patch(&path, MERGE_PATCH, &stale);
    let call = call.query("dryRun", "All");
    call.refused(409, "Conflict").await?;
    let other = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"],
        "preconditions": {"uid": "11111111-1111-4111-a111-111111111111"}});
    let call = world.api.delete(&path).json(&other);
    call.refused(409, "Conflict").await?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "", made)
}

pub(crate) async fn apply(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps/a");
    let call = world.api.apply(&path, "one", &config_map("a", "1"));
    call.query("dryRun", "All").gives(201).await?;
    world.api.get(&path).refused(404, "NotFound").await?;
    let body = config_map("a", "1");
    let made = world.api.apply(&path, "one", &body).gives(201).await?;
    let call = world.api.apply(&path, "one", &config_map("a", "2"));
    let changed = call.query("dryRun", "All").gives(200).await?;
    field(&changed, "/data/value", "2")?;
    // A conflict is found without storing anything.
    let call = world.api.apply(&path, "two", &config_map("a", "3"));
    let call = call.query("dryRun", "All");
    call.refused(409, "Conflict").await?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "", made)
}

pub(crate) async fn unknown_stage(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps");
    let call = world.api.post(&path, &config_map("a", "1"));
    let call = call.query("dryRun", "Some");
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "dryRun")?;
    let read = world.api.get(&space.core("configmaps/a"));
    read.refused(404, "NotFound").await.map(|_| ())
}
