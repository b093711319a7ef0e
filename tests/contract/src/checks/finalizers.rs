//! Finalizers: what holds an object that is to go.

use serde_json::{Value, json};

use crate::api::{JSON_PATCH, MERGE_PATCH};
use crate::broken::{Broken, Checked, field, filled, same, says};
use crate::world::{Space, World, config_map};

const HOLD: &str = "contract.landfall.example/hold";

async fn held(world: &World) -> Result<(Space, Value), Broken> {
    let space = world.space().await?;
    let mut map = config_map("a", "1");
    map["metadata"]["finalizers"] = json!([HOLD]);
    let path = space.core("configmaps");
    world.api.post(&path, &map).gives(201).await?;
    let going = world.api.delete(&space.core("configmaps/a"));
    Ok((space, going.gives(200).await?))
}

async fn release(world: &World, space: &Space) -> Result<Value, Broken> {
    let patch = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    let path = space.core("configmaps/a");
    world.api.patch(&path, JSON_PATCH, &patch).gives(200).await
}

pub(crate) async fn marks(world: &World) -> Checked {
    let (space, going) = held(world).await?;
    field(&going, "/kind", "ConfigMap")?;
    let since = filled(&going, "/metadata/deletionTimestamp")?;
    field(&going, "/metadata/deletionGracePeriodSeconds", 0)?;
    let path = space.core("configmaps/a");
    let again = world.api.delete(&path).gives(200).await?;
    field(&again, "/metadata/deletionTimestamp", since)?;
    let changed = world.set_metadata(&path, json!({"labels": {"b": "c"}}));
    field(&changed.await?, "/metadata/labels/b", "c")?;
    release(world, &space).await?;
    let read = world.api.get(&path);
    read.refused(404, "NotFound").await.map(|_| ())
}

pub(crate) async fn watched(world: &World) -> Checked {
    let (space, going) = held(world).await?;
    let from = filled(&going, "/metadata/resourceVersion")?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("labelSelector", "value");
    let mut events = call.query("resourceVersion", from).watch().await?;
    release(world, &space).await?;
    let gone = events.expect_of("DELETED", "a").await?;
    filled(&gone, "/metadata/deletionTimestamp").map(|_| ())
}

pub(crate) async fn no_new_ones(world: &World) -> Checked {
    let (space, _) = held(world).await?;
    let path = space.core("configmaps/a");
    let patch = json!({"metadata": {"finalizers": [HOLD, "contract.landfall.example/more"]}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "metadata.finalizers")?;
    field(&status, "/details/causes/0/reason", "FieldValueForbidden")?;
    says(
        filled(&status, "/message")?,
        "no new finalizers can be added if the object is being deleted",
    )?;
    release(world, &space).await.map(|_| ())
}

pub(crate) async fn stay_until_the_last(world: &World) -> Checked {
    let space = world.space().await?;
    let mut map = config_map("a", "1");
    map["metadata"]["finalizers"] = json!([HOLD, "contract.landfall.example/other"]);
    let path = space.core("configmaps");
    world.api.post(&path, &map).gives(201).await?;
    let path = space.core("configmaps/a");
    let going = world.api.delete(&path).gives(200).await?;
    let one = json!({"finalizers": [HOLD]});
    let left = world.set_metadata(&path, one).await?;
    same(
        "still to go",
        &left["metadata"]["deletionTimestamp"],
        &going["metadata"]["deletionTimestamp"],
    )?;
    // Nobody can take a deletion back.
    let back = json!({"deletionTimestamp": null});
    let left = world.set_metadata(&path, back).await?;
    filled(&left, "/metadata/deletionTimestamp")?;
    release(world, &space).await?;
    let read = world.api.get(&path);
    read.refused(404, "NotFound").await.map(|_| ())
}

impl World {
    async fn set_metadata(&self, path: &str, metadata: Value) -> Result<Value, Broken> {
        let patch = json!({"metadata": metadata});
        self.api.patch(path, MERGE_PATCH, &patch).gives(200).await
    }
}
