//! Events, of the core group and of their own.

use serde_json::{Value, json};

use super::listing::names;
use crate::broken::{Broken, Checked, field, filled, same};
use crate::world::{Space, World};

async fn recorded(world: &World, space: &Space, name: &str, kind: &str) -> Result<Value, Broken> {
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": space.name, "apiVersion": "v1"},
        "reason": "Failed", "message": "it failed", "type": kind, "count": 3,
        "firstTimestamp": "2026-11-21T20:31:00Z", "lastTimestamp": "2026-11-21T20:32:00Z",
        "source": {"component": "contract", "host": "here"}});
    let path = space.core("events");
    world.api.post(&path, &event).gives(201).await
}

pub(crate) async fn kept(world: &World) -> Checked {
    let space = world.space().await?;
    let now = recorded(world, &space, "e", "Warning").await?;
    field(&now, "/count", 3)?;
    field(&now, "/involvedObject/kind", "Pod")?;
    filled(&now, "/metadata/uid")?;
    let read = world.api.get(&space.core("events/e")).gives(200).await?;
    field(&read, "/message", "it failed")?;
    field(&read, "/lastTimestamp", "2026-11-21T20:32:00Z")?;
    field(&read, "/source/component", "contract")
}

pub(crate) async fn chosen(world: &World) -> Checked {
    let space = world.space().await?;
    recorded(world, &space, "bad", "Warning").await?;
    recorded(world, &space, "good", "Normal").await?;
    for (selector, wanted) in [
        ("involvedObject.name=web,type=Warning", vec!["bad"]),
        ("involvedObject.kind=Pod,reason=Failed", vec!["bad", "good"]),
        ("involvedObject.kind=Node", vec![]),
    ] {
        let call = world.api.get(&space.core("events"));
        let list = call.query("fieldSelector", selector).gives(200).await?;
        same(selector, &names(&list), &wanted)?;
    }
    Ok(())
}

pub(crate) async fn in_their_group(world: &World) -> Checked {
    let space = world.space().await?;
    let made = recorded(world, &space, "e", "Warning").await?;
    let path = space.of("events.k8s.io/v1", "events/e");
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "/apiVersion", "events.k8s.io/v1")?;
    field(&read, "/kind", "Event")?;
    field(&read, "/note", "it failed")?;
    field(&read, "/regarding/name", "web")?;
    field(&read, "/deprecatedCount", 3)?;
    field(&read, "/deprecatedSource/component", "contract")?;
    same("UID", &read["metadata"]["uid"], &made["metadata"]["uid"])?;
    let list = world.api.get(&space.of("events.k8s.io/v1", "events"));
    same("listed", &names(&list.gives(200).await?), &vec!["e"])
}

pub(crate) async fn made_in_their_group(world: &World) -> Checked {
    let space = world.space().await?;
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": "e", "namespace": space.name},
        "regarding": {"kind": "Pod", "name": "web", "namespace": space.name},
        "reason": "Started", "note": "it began", "type": "Normal", "action": "Start",
        "eventTime": "2026-11-21T20:31:00.000000Z", "reportingController": "contract.example/c",
        "reportingInstance": "c-1"});
    let path = space.of("events.k8s.io/v1", "events");
    let made = world.api.post(&path, &event).gives(201).await?;
    field(&made, "/note", "it began")?;
    let read = world.api.get(&space.core("events/e")).gives(200).await?;
    field(&read, "/message", "it began")?;
    field(&read, "/involvedObject/name", "web")?;
    field(&read, "/reportingComponent", "contract.example/c")?;
    field(&read, "/eventTime", "2026-11-21T20:31:00.000000Z")
}
