//! What only pods have: logs and eviction, as far as they can be without a kubelet.

use serde_json::{Value, json};

use crate::broken::{Checked, field, filled, same, says};
use crate::world::World;

pub(crate) async fn log_of_nobody(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world.api.get(&space.core("pods/no/log"));
    let status = call.refused(404, "NotFound").await?;
    field(&status, "/details/kind", "pods")?;
    field(&status, "/message", "pods \"no\" not found")
}

pub(crate) async fn log_of_which(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web", "proxy"]).await?;
    let call = world.api.get(&space.core("pods/a/log"));
    let status = call.refused(400, "BadRequest").await?;
    field(
        &status,
        "/message",
        "a container name must be specified for pod a, choose one of: [web proxy]",
    )
}

pub(crate) async fn log_of_no_container(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web"]).await?;
    let call = world.api.get(&space.core("pods/a/log"));
    let status = call
        .query("container", "db")
        .refused(400, "BadRequest")
        .await?;
    field(&status, "/message", "container db is not valid for pod a")
}

pub(crate) async fn log_before_scheduling(world: &World) -> Checked {
    let space = world.space().await?;
    let mut pod = crate::world::pod("a", &["web"]);
    // Nobody schedules it, on a server with a scheduler too.
    pod["spec"]["schedulerName"] = json!("nobody");
    world.pod(&space, "first", &["web"]).await?;
    world.api.post(&space.core("pods"), &pod).gives(201).await?;
    let answer = world.api.get(&space.core("pods/a/log")).send().await?;
    same("said", answer.coded(204)?.text.as_str(), "")
}

pub(crate) async fn evicted(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web"]).await?;
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}});
    let path = space.core("pods/a/eviction");
    let dry = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"},
        "deleteOptions": {"dryRun": ["All"]}});
    world.api.post(&path, &dry).gives(201).await?;
    world.api.get(&space.core("pods/a")).gives(200).await?;
    let status = world.api.post(&path, &eviction).gives(201).await?;
    field(&status, "/kind", "Status")?;
    field(&status, "/status", "Success")?;
    let read = world.api.get(&space.core("pods/a")).send().await?;
    if read.code != 404 {
        // A kubelet lets it end in peace.
        filled(&read.coded(200)?.body, "/metadata/deletionTimestamp")?;
    }
    let nobody = space.core("pods/no/eviction");
    let status = world.api.post(&nobody, &eviction_of("no"));
    let status = status.refused(404, "NotFound").await?;
    field(&status, "/message", "pods \"no\" not found")
}

fn eviction_of(name: &str) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}})
}

pub(crate) async fn evicted_by_another_name(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web"]).await?;
    let path = space.core("pods/a/eviction");
    let call = world.api.post(&path, &eviction_of("b"));
    let status = call.refused(400, "BadRequest").await?;
    says(filled(&status, "/message")?, "name in URL does not match")
}

pub(crate) async fn deleted_at_once(world: &World) -> Checked {
    let space = world.space().await?;
    let mut pod = crate::world::pod("a", &["web"]);
    pod["spec"]["schedulerName"] = json!("nobody");
    world.pod(&space, "first", &["web"]).await?;
    world.api.post(&space.core("pods"), &pod).gives(201).await?;
    let path = space.core("pods/a");
    // A pod that no node has goes at once, and the answer is the pod.
    let gone = world.api.delete(&path).gives(200).await?;
    field(&gone, "/kind", "Pod")?;
    field(&gone, "/metadata/name", "a")?;
    world
        .api
        .get(&path)
        .refused(404, "NotFound")
        .await
        .map(|_| ())
}
