//! Subresources that are parts of their object: the status and the scale.

use serde_json::json;

use crate::api::MERGE_PATCH;
use crate::broken::{Checked, absent, field, filled, same, says};
use crate::world::{World, widget};

pub(crate) async fn status_on_creating(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let mut sent = widget("a", 1);
    sent["status"] = json!({"phase": "Ready"});
    let made = world.api.post(&space.widgets("widgets"), &sent);
    let made = made.gives(201).await?;
    absent(&made, "/status/phase")?;
    let mut sent = crate::world::deployment("web");
    sent["status"] = json!({"replicas": 7});
    let made = world.api.post(&space.apps("deployments"), &sent);
    absent(&made.gives(201).await?, "/status/replicas")
}

pub(crate) async fn status_apart(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    world.api.post(&path, &widget("a", 1)).gives(201).await?;
    let path = space.widgets("widgets/a");
    let both = json!({"spec": {"size": 2}, "status": {"phase": "Ready"}});
    let main = world.api.patch(&path, MERGE_PATCH, &both);
    let main = main.gives(200).await?;
    field(&main, "/spec/size", 2)?;
    absent(&main, "/status/phase")?;
    field(&main, "/metadata/generation", 2)?;
    let both = json!({"spec": {"size": 3}, "status": {"phase": "Ready"}});
    let part = format!("{path}/status");
    let status = world.api.patch(&part, MERGE_PATCH, &both);
    let status = status.gives(200).await?;
    field(&status, "/spec/size", 2)?;
    field(&status, "/status/phase", "Ready")?;
    field(&status, "/metadata/generation", 2)?;
    let read = world.api.get(&part).gives(200).await?;
    same("the status is read whole", &read, &status)
}

pub(crate) async fn status_replaced(world: &World) -> Checked {
    let space = world.space().await?;
    let mut pod = world.pod(&space, "a", &["web"]).await?;
    let old = pod.clone();
    pod["status"]["phase"] = json!("Running");
    pod["metadata"]["labels"]["app"] = json!("other");
    let path = space.core("pods/a/status");
    let put = world.api.put(&path, &pod).gives(200).await?;
    field(&put, "/status/phase", "Running")?;
    field(&put, "/spec/containers/0/name", "web")?;
    let call = world.api.put(&path, &old);
    call.refused(409, "Conflict").await?;
    let mut main = put;
    main["status"]["phase"] = json!("Failed");
    let main = world.api.put(&space.core("pods/a"), &main);
    field(&main.gives(200).await?, "/status/phase", "Running")
}

pub(crate) async fn no_status(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let call = world.api.get(&space.core("configmaps/a/status"));
    let status = call.refused(404, "NotFound").await?;
    field(
        &status,
        "/message",
        "the server could not find the requested resource",
    )
}

pub(crate) async fn scale_read(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.deployment(&space).await?;
    let path = space.apps("deployments/web/scale");
    let scale = world.api.get(&path).gives(200).await?;
    field(&scale, "/kind", "Scale")?;
    field(&scale, "/apiVersion", "autoscaling/v1")?;
    field(&scale, "/spec/replicas", 2)?;
    field(&scale, "/status/selector", "app=web")?;
    same(
        "its UID is the workload's",
        &scale["metadata"]["uid"],
        &made["metadata"]["uid"],
    )?;
    let missing = world.api.get(&space.apps("deployments/no/scale"));
    let status = missing.refused(404, "NotFound").await?;
    field(&status, "/message", "deployments.apps \"no\" not found")
}

pub(crate) async fn scale_written(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let path = space.apps("deployments/web/scale");
    let patch = json!({"spec": {"replicas": 5}});
    let scale = world.api.patch(&path, MERGE_PATCH, &patch);
    let old = scale.gives(200).await?;
    field(&old, "/kind", "Scale")?;
    field(&old, "/spec/replicas", 5)?;
    let mut scale = old.clone();
    scale["spec"]["replicas"] = json!(1);
    field(
        &world.api.put(&path, &scale).gives(200).await?,
        "/spec/replicas",
        1,
    )?;
    let status = world.api.put(&path, &old).refused(409, "Conflict").await?;
    field(&status, "/details/name", "web")?;
    let read = world.api.get(&space.apps("deployments/web"));
    let read = read.gives(200).await?;
    field(&read, "/spec/replicas", 1)?;
    field(&read, "/metadata/generation", 3)?;
    field(&read, "/spec/template/spec/containers/0/name", "web")
}

pub(crate) async fn scale_negative(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let path = space.apps("deployments/web/scale");
    let patch = json!({"spec": {"replicas": -1}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "spec.replicas")?;
    says(
        filled(&status, "/message")?,
        "must be greater than or equal to 0",
    )
}

pub(crate) async fn scale_of_custom(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    world.api.post(&path, &widget("a", 4)).gives(201).await?;
    let path = space.widgets("widgets/a/scale");
    let scale = world.api.get(&path).gives(200).await?;
    field(&scale, "/kind", "Scale")?;
    field(&scale, "/spec/replicas", 4)?;
    let patch = json!({"spec": {"replicas": 6}});
    let scale = world.api.patch(&path, MERGE_PATCH, &patch);
    field(&scale.gives(200).await?, "/spec/replicas", 6)?;
    let read = world.api.get(&space.widgets("widgets/a"));
    field(&read.gives(200).await?, "/spec/size", 6)
}
