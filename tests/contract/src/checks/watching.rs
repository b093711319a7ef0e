//! Watches: every change after a version, in order, until the server ends them.

use crate::broken::{Broken, Checked, field, filled, holds, same};
use crate::world::{Space, World, config_map};

pub(crate) fn version(object: &serde_json::Value) -> Result<u64, Broken> {
    let text = filled(object, "/metadata/resourceVersion")?;
    text.parse()
        .map_err(|_| Broken::NotSo(format!("the version {text} is a number")))
}

async fn now(world: &World, space: &Space) -> Result<String, Broken> {
    let list = world.api.get(&space.core("configmaps")).gives(200).await?;
    Ok(filled(&list, "/metadata/resourceVersion")?.to_owned())
}

async fn remove(world: &World, space: &Space, name: &str) -> Checked {
    let path = space.core(&format!("configmaps/{name}"));
    world.api.delete(&path).gives(200).await.map(|_| ())
}

pub(crate) async fn from_version(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world.api.get(&space.core("configmaps"));
    let from = now(world, &space).await?;
    // A cluster with controllers puts a map of its own into every namespace.
    let call = call.query("labelSelector", "value");
    let mut events = call.query("resourceVersion", &from).watch().await?;
    world.config_map(&space, "a", "1").await?;
    world.set_value(&space, "a", "2").await?;
    remove(world, &space, "a").await?;
    let added = events.expect_of("ADDED", "a").await?;
    field(&added, "/kind", "ConfigMap")?;
    field(&added, "/apiVersion", "v1")?;
    let modified = events.expect_of("MODIFIED", "a").await?;
    field(&modified, "/data/value", "2")?;
    let deleted = events.expect_of("DELETED", "a").await?;
    field(&deleted, "/data/value", "2")?;
    let versions = [version(&added)?, version(&modified)?, version(&deleted)?];
    holds(
        format!("versions grow, with the deletion too: {versions:?}"),
        versions[0] < versions[1] && versions[1] < versions[2],
    )
}

pub(crate) async fn without_version(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("labelSelector", "value");
    let mut events = call.watch().await?;
    events.expect_of("ADDED", "a").await?;
    world.config_map(&space, "b", "1").await?;
    events.expect_of("ADDED", "b").await.map(|_| ())
}

pub(crate) async fn resumed(world: &World) -> Checked {
    let space = world.space().await?;
    let from = now(world, &space).await?;
    let watch = |from: String| {
        let call = world.api.get(&space.core("configmaps"));
        let call = call.query("labelSelector", "value");
        call.query("resourceVersion", &from).watch()
    };
    let mut events = watch(from).await?;
    let made = world.config_map(&space, "a", "1").await?;
    let seen = events.expect_of("ADDED", "a").await?;
    same("the event's version", &version(&seen)?, &version(&made)?)?;
    drop(events);
    world.set_value(&space, "a", "2").await?;
    remove(world, &space, "a").await?;
    let mut events = watch(version(&seen)?.to_string()).await?;
    events.expect_of("MODIFIED", "a").await?;
    events.expect_of("DELETED", "a").await.map(|_| ())
}

pub(crate) async fn too_old(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let call = world.api.get(&space.widgets("widgets"));
    let call = call.query("watch", "true").query("resourceVersion", "1");
    let answer = call.query("timeoutSeconds", "5").send().await?;
    // Both are in use: an answer of 410, and a watch whose first event is the refusal.
    let status = if answer.code == 410 {
        answer.refusal(410, "Expired")?
    } else {
        let answer = answer.coded(200)?;
        field(&answer.body, "/type", "ERROR")?;
        answer.body["object"].clone()
    };
    field(&status, "/kind", "Status")?;
    field(&status, "/code", 410)?;
    field(&status, "/reason", "Expired")?;
    crate::broken::says(filled(&status, "/message")?, "too old resource version")
}

pub(crate) async fn ends(world: &World) -> Checked {
    let space = world.space().await?;
    let from = now(world, &space).await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("resourceVersion", &from);
    let call = call.query("labelSelector", "value");
    let mut events = call.query("timeoutSeconds", "1").watch().await?;
    let events = events.rest().await?;
    holds(format!("nothing came: {events:?}"), events.is_empty())
}

pub(crate) async fn bookmarks(world: &World) -> Checked {
    let space = world.space().await?;
    let from = world.config_map(&space, "a", "1").await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("resourceVersion", &version(&from)?.to_string());
    let call = call.query("allowWatchBookmarks", "true");
    let call = call.query("labelSelector", "value");
    // A real server sends one shortly before the end.
    let mut events = call.query("timeoutSeconds", "4").watch().await?;
    let events = events.rest().await?;
    let last = events
        .last()
        .ok_or_else(|| Broken::NotSo("a bookmark comes before the end".to_owned()))?;
    field(last, "/type", "BOOKMARK")?;
    field(last, "/object/kind", "ConfigMap")?;
    field(last, "/object/apiVersion", "v1")?;
    let at = version(&last["object"])?;
    holds("it is not older than the watch", at >= version(&from)?)?;
    let carries = last["object"]["metadata"]["name"].as_str();
    holds("it is about no object", carries.is_none_or(str::is_empty))
}

pub(crate) async fn by_selector(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "out").await?;
    let from = now(world, &space).await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("labelSelector", "value=in");
    let mut events = call.query("resourceVersion", &from).watch().await?;
    let path = space.core("configmaps/a");
    let inside = config_map("a", "in");
    world.api.put(&path, &inside).gives(200).await?;
    let left = world.set_value(&space, "a", "gone").await?;
    let seen = events.expect_of("ADDED", "a").await?;
    field(&seen, "/data/value", "in")?;
    let seen = events.expect_of("DELETED", "a").await?;
    // As it was when it was last in sight, at the version that took it out of it.
    field(&seen, "/metadata/labels/value", "in")?;
    same("its version", &version(&seen)?, &version(&left)?)
}

pub(crate) async fn one_object(world: &World) -> Checked {
    let space = world.space().await?;
    let from = now(world, &space).await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("fieldSelector", "metadata.name=b");
    let mut events = call.query("resourceVersion", &from).watch().await?;
    world.config_map(&space, "a", "1").await?;
    world.config_map(&space, "b", "1").await?;
    events.expect_of("ADDED", "b").await.map(|_| ())
}

pub(crate) async fn everywhere(world: &World) -> Checked {
    let (one, other) = (world.space().await?, world.space().await?);
    let mark = crate::world::unique("m");
    let from = now(world, &one).await?;
    let call = world.api.get("/api/v1/configmaps");
    let call = call.query("labelSelector", &format!("value={mark}"));
    let mut events = call.query("resourceVersion", &from).watch().await?;
    for space in [&one, &other] {
        world.config_map(space, "a", &mark).await?;
        let seen = events.expect_of("ADDED", "a").await?;
        field(&seen, "/metadata/namespace", space.name.as_str())?;
    }
    Ok(())
}

pub(crate) async fn custom(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    let list = world.api.get(&path).gives(200).await?;
    let from = filled(&list, "/metadata/resourceVersion")?;
    let call = world.api.get(&path).query("resourceVersion", from);
    let mut events = call.watch().await?;
    let widget = crate::world::widget("a", 1);
    world.api.post(&path, &widget).gives(201).await?;
    world.api.delete(&format!("{path}/a")).gives(200).await?;
    let added = events.expect_of("ADDED", "a").await?;
    field(&added, "/kind", "Widget")?;
    events.expect_of("DELETED", "a").await.map(|_| ())
}
