//! Choosing objects by label and by field.

use super::listing::names;
use crate::broken::{Checked, filled, same, says};
use crate::world::World;

pub(crate) async fn labels(world: &World) -> Checked {
    let space = world.space().await?;
    for (name, value) in [("a", "x"), ("b", "y"), ("c", "z")] {
        world.config_map(&space, name, value).await?;
    }
    let path = space.core("configmaps");
    for (selector, wanted) in [
        ("value=x", vec!["a"]),
        ("value==x", vec!["a"]),
        ("value,value!=x", vec!["b", "c"]),
        ("value in (x,y)", vec!["a", "b"]),
        ("value,value notin (x, y)", vec!["c"]),
        ("value,!other", vec!["a", "b", "c"]),
        ("value=x,value=y", vec![]),
    ] {
        let call = world.api.get(&path).query("labelSelector", selector);
        let list = call.gives(200).await?;
        same(selector, &names(&list), &wanted)?;
    }
    Ok(())
}

pub(crate) async fn fields(world: &World) -> Checked {
    let space = world.space().await?;
    for name in ["a", "b", "c"] {
        world.pod(&space, name, &["web"]).await?;
    }
    let path = space.core("pods");
    for (selector, wanted) in [
        ("metadata.name=b", vec!["b"]),
        ("metadata.name!=b", vec!["a", "c"]),
        ("status.phase=Pending,metadata.name=a", vec!["a"]),
        ("status.phase=Running", vec![]),
        ("spec.nodeName=nowhere", vec![]),
    ] {
        let call = world.api.get(&path).query("fieldSelector", selector);
        let list = call.gives(200).await?;
        same(selector, &names(&list), &wanted)?;
    }
    let here = format!("metadata.namespace={},metadata.name=a", space.name);
    let call = world.api.get("/api/v1/pods").query("fieldSelector", &here);
    same("everywhere", &names(&call.gives(200).await?), &vec!["a"])
}

pub(crate) async fn field_that_is_none(world: &World) -> Checked {
    let call = world.api.get("/api/v1/pods");
    let call = call.query("fieldSelector", "spec.colour=red");
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "field label not supported: spec.colour",
    )
}

pub(crate) async fn label_that_is_none(world: &World) -> Checked {
    for selector in ["a=b=c", "a in b", "=a"] {
        let call = world.api.get("/api/v1/pods");
        let call = call.query("labelSelector", selector);
        call.refused(400, "BadRequest").await?;
    }
    Ok(())
}
