//! Replacing objects, and the conflicts of those who do it at once.

use serde_json::json;

use crate::broken::{Broken, Checked, field, filled, holds, same, says};
use crate::world::{World, config_map, deployment};

pub(crate) async fn stale(world: &World) -> Checked {
    let space = world.space().await?;
    let old = world.config_map(&space, "a", "1").await?;
    world.set_value(&space, "a", "2").await?;
    let path = space.core("configmaps/a");
    let status = world.api.put(&path, &old).refused(409, "Conflict").await?;
    field(&status, "/details/name", "a")?;
    field(&status, "/details/kind", "configmaps")?;
    field(
        &status,
        "/message",
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to \
         the latest version and try again",
    )?;
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "/data/value", "2")
}

pub(crate) async fn unconditional(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let changed = world.set_value(&space, "a", "2").await?;
    field(&changed, "/data/value", "2")?;
    same(
        "the UID stays",
        &changed["metadata"]["uid"],
        &made["metadata"]["uid"],
    )?;
    holds(
        "the version moves",
        changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"],
    )
}

pub(crate) async fn unchanged(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let again = world.api.put(&path, &made).gives(200).await?;
    same(
        "the version stays",
        &again["metadata"]["resourceVersion"],
        &made["metadata"]["resourceVersion"],
    )
}

pub(crate) async fn another_name(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let call = world
        .api
        .put(&space.core("configmaps/a"), &config_map("b", "1"));
    let status = call.refused(400, "BadRequest").await?;
    field(
        &status,
        "/message",
        "the name of the object (b) does not match the name on the URL (a)",
    )
}

pub(crate) async fn another_uid(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let mut sent = config_map("a", "2");
    sent["metadata"]["uid"] = json!("11111111-1111-4111-a111-111111111111");
    let call = world.api.put(&space.core("configmaps/a"), &sent);
    let status = call.refused(409, "Conflict").await?;
    says(filled(&status, "/message")?, "Precondition failed: UID")
}

pub(crate) async fn missing(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps/a");
    let call = world.api.put(&path, &config_map("a", "1"));
    let status = call.refused(404, "NotFound").await?;
    field(&status, "/details/name", "a")?;
    field(&status, "/message", "configmaps \"a\" not found")
}

pub(crate) async fn generation(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.deployment(&space).await?;
    field(&made, "/metadata/generation", 1)?;
    let path = space.apps("deployments/web");
    let mut labelled = deployment("web");
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let labelled = world.api.put(&path, &labelled).gives(200).await?;
    field(&labelled, "/metadata/generation", 1)?;
    let mut scaled = deployment("web");
    scaled["spec"]["replicas"] = json!(5);
    let scaled = world.api.put(&path, &scaled).gives(200).await?;
    field(&scaled, "/metadata/generation", 2)?;
    field(&scaled, "/spec/replicas", 5)
}

pub(crate) async fn two_at_once(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let calls = ["x", "y", "z", "w"].map(|value| {
        let mut sent = made.clone();
        sent["data"]["value"] = json!(value);
        world.api.put(&path, &sent).send()
    });
    let answers = futures::future::join_all(calls).await;
    let answers: Result<Vec<_>, Broken> = answers.into_iter().collect();
    let mut codes: Vec<u16> = answers?.iter().map(|answer| answer.code).collect();
    codes.sort_unstable();
    same("one of four wins", &codes, &vec![200, 409, 409, 409])
}
