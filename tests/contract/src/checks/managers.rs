//! Field managers of those who do not apply: who wrote which field last.

use serde_json::{Value, json};

use crate::api::MERGE_PATCH;
use crate::broken::{Broken, Checked, absent, field, same};
use crate::world::{World, config_map};

fn entry<'a>(object: &'a Value, manager: &str) -> Result<&'a Value, Broken> {
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["manager"] == manager)
        .ok_or_else(|| Broken::NotSo(format!("{manager} manages fields")))
}

pub(crate) async fn recorded(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world
        .api
        .post(&space.core("configmaps"), &config_map("a", "1"));
    let made = call.query("fieldManager", "maker").gives(201).await?;
    let maker = entry(&made, "maker")?;
    field(maker, "/operation", "Update")?;
    let data = maker.pointer("/fieldsV1/f:data/f:value");
    same("the maker's field", &data, &Some(&json!({})))?;
    let patch = json!({"data": {"value": "2", "other": "1"}});
    let path = space.core("configmaps/a");
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let changed = call.query("fieldManager", "editor").gives(200).await?;
    let data = json!({"f:other": {}, "f:value": {}});
    field(entry(&changed, "editor")?, "/fieldsV1/f:data", data)?;
    absent(entry(&changed, "maker")?, "/fieldsV1/f:data/f:value")
}

pub(crate) async fn annotated(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world
        .api
        .post(&space.core("configmaps"), &config_map("a", "1"));
    call.query("fieldManager", "maker").gives(201).await?;
    let path = space.core("configmaps/a");
    let note = |run: &str| json!({"metadata": {"annotations": {"landfall.dev/run": run}}});
    for run in ["one", "two"] {
        let call = world.api.patch(&path, MERGE_PATCH, &note(run));
        let changed = call.query("fieldManager", "editor").gives(200).await?;
        let editor = entry(&changed, "editor")?;
        field(editor, "/operation", "Update")?;
        let own = json!({"f:metadata": {"f:annotations": {".": {}, "f:landfall.dev/run": {}}}});
        field(editor, "/fieldsV1", own)?;
        let maker = entry(&changed, "maker")?.pointer("/fieldsV1/f:data/f:value");
        same("the maker's field", &maker, &Some(&json!({})))?;
    }
    Ok(())
}

pub(crate) async fn of_status(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    let made = world.api.post(&path, &crate::world::widget("a", 1));
    made.query("fieldManager", "maker").gives(201).await?;
    let patch = json!({"status": {"phase": "Ready"}});
    let call = world
        .api
        .patch(&format!("{path}/a/status"), MERGE_PATCH, &patch);
    let changed = call.query("fieldManager", "worker").gives(200).await?;
    let worker = entry(&changed, "worker")?;
    field(worker, "/subresource", "status")?;
    field(
        worker,
        "/fieldsV1",
        json!({"f:status": {".": {}, "f:phase": {}}}),
    )
}

pub(crate) async fn forgotten(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let patch = json!({"metadata": {"managedFields": [{}]}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let changed = call.gives(200).await?;
    absent(&changed, "/metadata/managedFields")
}
