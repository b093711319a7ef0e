//! Lists in one piece: their shape, and the versions that may be asked for.

use serde_json::Value;

use crate::broken::{Checked, absent, field, filled, holds, same, says};
use crate::world::World;

pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}

pub(crate) async fn shape(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "b", "1").await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps");
    let list = world.api.get(&path).query("labelSelector", "value");
    let list = list.gives(200).await?;
    field(&list, "/kind", "ConfigMapList")?;
    field(&list, "/apiVersion", "v1")?;
    same("sorted by name", &names(&list), &vec!["a", "b"])?;
    absent(&list, "/items/0/kind")?;
    absent(&list, "/items/0/apiVersion")?;
    absent(&list, "/metadata/continue")?;
    let version: u64 = filled(&list, "/metadata/resourceVersion")?
        .parse()
        .unwrap_or(0);
    holds("a list has a version that is a number", version > 0)
}

pub(crate) async fn all_namespaces(world: &World) -> Checked {
    let (one, other) = (world.space().await?, world.space().await?);
    let mark = crate::world::unique("m");
    for space in [&one, &other] {
        world.config_map(space, "a", &mark).await?;
    }
    let all = world.api.get("/api/v1/configmaps");
    let list = all.query("labelSelector", &format!("value={mark}"));
    let list = list.gives(200).await?;
    let mut found: Vec<&str> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["metadata"]["namespace"].as_str())
        .collect();
    found.sort_unstable();
    let mut wanted = vec![one.name.as_str(), other.name.as_str()];
    wanted.sort_unstable();
    same("namespaces", &found, &wanted)
}

pub(crate) async fn empty(world: &World) -> Checked {
    let path = "/api/v1/namespaces/no-such-namespace/configmaps";
    let list = world.api.get(path).gives(200).await?;
    field(&list, "/kind", "ConfigMapList")?;
    // A list of nothing is a list, and never null.
    field(&list, "/items", serde_json::json!([]))?;
    filled(&list, "/metadata/resourceVersion").map(|_| ())
}

pub(crate) async fn any_version(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let version = filled(&made, "/metadata/resourceVersion")?;
    let path = space.core("configmaps");
    let cached = world.api.get(&path).query("resourceVersion", "0");
    field(&cached.gives(200).await?, "/kind", "ConfigMapList")?;
    let list = world.api.get(&path).query("resourceVersion", version);
    let list = list.query("labelSelector", "value").gives(200).await?;
    same("not older than asked", &names(&list), &vec!["a"])
}

pub(crate) async fn exact_version(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let then = filled(&made, "/metadata/resourceVersion")?;
    world.set_value(&space, "a", "2").await?;
    let list = world
        .api
        .get(&space.core("configmaps"))
        .query("resourceVersion", then)
        .query("resourceVersionMatch", "Exact")
        .query("labelSelector", "value")
        .gives(200)
        .await?;
    field(&list, "/items/0/data/value", "1")?;
    field(&list, "/metadata/resourceVersion", then)
}

pub(crate) async fn version_to_come(world: &World) -> Checked {
    let status = world
        .api
        .get("/api/v1/configmaps")
        .query("resourceVersion", "8000000000000000000")
        .refused(504, "Timeout")
        .await?;
    field(
        &status,
        "/details/causes/0/reason",
        "ResourceVersionTooLarge",
    )?;
    says(filled(&status, "/message")?, "Too large resource version")?;
    let again = status["details"]["retryAfterSeconds"].as_u64();
    holds("says when to ask again", again.is_some_and(|s| s > 0))
}

pub(crate) async fn version_that_is_none(world: &World) -> Checked {
    let status = world
        .api
        .get("/api/v1/configmaps")
        .query("resourceVersion", "x")
        .refused(400, "BadRequest")
        .await?;
    says(
        filled(&status, "/message")?,
        "resourceVersion: Invalid value",
    )
}
