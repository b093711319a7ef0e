//! Streaming lists: a watch that begins with everything and says where the beginning ends.

use super::watching::version;
use crate::broken::{Checked, field, filled, holds, says};
use crate::world::World;

pub(crate) async fn initial_events(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let newest = world.config_map(&space, "b", "1").await?;
    let mut events = world
        .api
        .get(&space.core("configmaps"))
        .query("labelSelector", "value")
        .query("sendInitialEvents", "true")
        .query("resourceVersionMatch", "NotOlderThan")
        .query("allowWatchBookmarks", "true")
        .watch()
        .await?;
    events.expect_of("ADDED", "a").await?;
    events.expect_of("ADDED", "b").await?;
    let end = events.expect("BOOKMARK").await?;
    field(
        &end,
        "/metadata/annotations/k8s.io~1initial-events-end",
        "true",
    )?;
    holds(
        "the end is not older than what came",
        version(&end)? >= version(&newest)?,
    )?;
    world.config_map(&space, "c", "1").await?;
    events.expect_of("ADDED", "c").await.map(|_| ())
}

pub(crate) async fn of_nothing(world: &World) -> Checked {
    let space = world.space().await?;
    let mut events = world
        .api
        .get(&space.core("configmaps"))
        .query("labelSelector", "value")
        .query("sendInitialEvents", "true")
        .query("resourceVersionMatch", "NotOlderThan")
        .query("resourceVersion", "")
        .query("allowWatchBookmarks", "true")
        .watch()
        .await?;
    let end = events.expect("BOOKMARK").await?;
    field(
        &end,
        "/metadata/annotations/k8s.io~1initial-events-end",
        "true",
    )
}

pub(crate) async fn without_match(world: &World) -> Checked {
    let status = world
        .api
        .get("/api/v1/configmaps")
        .query("watch", "true")
        .query("sendInitialEvents", "true")
        .refused(422, "Invalid")
        .await?;
    field(&status, "/details/kind", "ListOptions")?;
    field(&status, "/details/group", "meta.k8s.io")?;
    field(&status, "/details/causes/0/field", "resourceVersionMatch")?;
    field(&status, "/details/causes/0/reason", "FieldValueForbidden")?;
    says(
        filled(&status, "/message")?,
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    )
}
