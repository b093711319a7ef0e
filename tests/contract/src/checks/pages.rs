//! Lists in pages: limit and continue, and what happens when a list cannot be continued.

use serde_json::Value;

use super::listing::names;
use crate::broken::{Broken, Checked, absent, field, filled, holds, same, says};
use crate::world::{Space, World};

async fn five(world: &World) -> Result<Space, Broken> {
    let space = world.space().await?;
    for name in ["a", "b", "c", "d", "e"] {
        let path = space.core("secrets");
        let secret = serde_json::json!({"metadata": {"name": name}, "stringData": {"v": "1"}});
        world.api.post(&path, &secret).gives(201).await?;
    }
    Ok(space)
}

async fn page(world: &World, space: &Space, token: Option<&str>) -> Result<Value, Broken> {
    let call = world.api.get(&space.core("secrets")).query("limit", "2");
    match token {
        Some(token) => call.query("continue", token).gives(200).await,
        None => call.gives(200).await,
    }
}

pub(crate) async fn whole(world: &World) -> Checked {
    let space = five(world).await?;
    let first = page(world, &space, None).await?;
    same("the first", &names(&first), &vec!["a", "b"])?;
    field(&first, "/metadata/remainingItemCount", 3)?;
    let token = filled(&first, "/metadata/continue")?;
    let second = page(world, &space, Some(token)).await?;
    same("the second", &names(&second), &vec!["c", "d"])?;
    let token = filled(&second, "/metadata/continue")?;
    let third = page(world, &space, Some(token)).await?;
    same("the third", &names(&third), &vec!["e"])?;
    absent(&third, "/metadata/continue")?;
    let version = filled(&first, "/metadata/resourceVersion")?;
    for page in [&second, &third] {
        field(page, "/metadata/resourceVersion", version)?;
    }
    Ok(())
}

pub(crate) async fn one_moment(world: &World) -> Checked {
    let space = five(world).await?;
    let first = page(world, &space, None).await?;
    let secret = |name: &str| space.core(&format!("secrets/{name}"));
    world.api.delete(&secret("c")).gives(200).await?;
    let new = serde_json::json!({"metadata": {"name": "b2"}});
    world
        .api
        .post(&space.core("secrets"), &new)
        .gives(201)
        .await?;
    let token = filled(&first, "/metadata/continue")?;
    let second = page(world, &space, Some(token)).await?;
    same("as it was", &names(&second), &vec!["c", "d"])
}

/// Needs a target that forgets soon: a real server with `--etcd-compaction-interval=2s`, the embedded company's with few
/// kept changes. One that forgets after five minutes makes this take as long.
pub(crate) async fn expired(world: &World) -> Checked {
    let space = five(world).await?;
    let first = page(world, &space, None).await?;
    let token = filled(&first, "/metadata/continue")?;
    world.config_map(&space, "churn", "0").await?;
    for round in 0..4000 {
        world
            .set_value(&space, "churn", &format!("r{round}"))
            .await?;
        if round % 50 != 0 {
            continue;
        }
        let call = world.api.get(&space.core("secrets")).query("limit", "2");
        let answer = call.query("continue", token).send().await?;
        if answer.code == 200 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        }
        let status = answer.refusal(410, "Expired")?;
        says(
            filled(&status, "/message")?,
            "continue parameter is too old",
        )?;
        // What the refusal offers: the rest of the list, of a newer moment.
        let token = filled(&status, "/metadata/continue")?;
        let rest = page(world, &space, Some(token)).await?;
        return same("the rest", &names(&rest), &vec!["c", "d"]);
    }
    Err(Broken::Never("a continue token expires".to_owned()))
}

pub(crate) async fn nonsense(world: &World) -> Checked {
    for token in ["nonsense!", "e30"] {
        let call = world.api.get("/api/v1/secrets").query("limit", "2");
        let status = call
            .query("continue", token)
            .refused(400, "BadRequest")
            .await?;
        says(filled(&status, "/message")?, "continue key is not valid")?;
    }
    Ok(())
}

pub(crate) async fn with_version(world: &World) -> Checked {
    let space = five(world).await?;
    let first = page(world, &space, None).await?;
    let token = filled(&first, "/metadata/continue")?;
    let answer = world
        .api
        .get(&space.core("secrets"))
        .query("continue", token)
        .query("resourceVersion", "5")
        .send()
        .await?;
    let status = answer.refusal(400, "BadRequest")?;
    says(
        filled(&status, "/message")?,
        "specifying resource version is not allowed when using continue",
    )
}

pub(crate) async fn with_selector(world: &World) -> Checked {
    let space = world.space().await?;
    for name in ["a", "b", "c", "d"] {
        let value = if name == "b" { "other" } else { "mine" };
        world.config_map(&space, name, value).await?;
    }
    let path = space.core("configmaps");
    let ask = || {
        let call = world.api.get(&path).query("limit", "2");
        call.query("labelSelector", "value=mine")
    };
    let first = ask().gives(200).await?;
    same("the first", &names(&first), &vec!["a", "c"])?;
    // What was not looked at is not counted.
    absent(&first, "/metadata/remainingItemCount")?;
    let token = filled(&first, "/metadata/continue")?;
    let second = ask().query("continue", token).gives(200).await?;
    same("the second", &names(&second), &vec!["d"])?;
    holds("no more", second["metadata"]["continue"].is_null())
}
