//! What a server says that it serves.

use serde_json::Value;

use crate::broken::{Broken, Checked, field, filled, holds, same, says};
use crate::world::World;

/// The entry of a list whose field has this value.
fn entry<'a>(list: &'a Value, key: &str, value: &str) -> Result<&'a Value, Broken> {
    list.as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry[key] == value)
        .ok_or_else(|| Broken::NotSo(format!("an entry has {key} {value}")))
}

fn verbs(resource: &Value, wanted: &[&str]) -> Checked {
    for verb in wanted {
        let has = resource["verbs"]
            .as_array()
            .is_some_and(|verbs| verbs.iter().any(|has| has == verb));
        holds(format!("{} can {verb}", resource["name"]), has)?;
    }
    Ok(())
}

pub(crate) async fn core_versions(world: &World) -> Checked {
    let body = world.api.get("/api").gives(200).await?;
    field(&body, "/kind", "APIVersions")?;
    field(&body, "/versions/0", "v1")
}

pub(crate) async fn groups(world: &World) -> Checked {
    let body = world.api.get("/apis").gives(200).await?;
    field(&body, "/kind", "APIGroupList")?;
    let apps = entry(&body["groups"], "name", "apps")?;
    field(apps, "/preferredVersion/version", "v1")?;
    let version = entry(&apps["versions"], "version", "v1")?;
    field(version, "/groupVersion", "apps/v1")
}

pub(crate) async fn one_group(world: &World) -> Checked {
    let body = world.api.get("/apis/apps").gives(200).await?;
    field(&body, "/kind", "APIGroup")?;
    field(&body, "/name", "apps")?;
    field(&body, "/preferredVersion/groupVersion", "apps/v1")
}

pub(crate) async fn resources(world: &World) -> Checked {
    let body = world.api.get("/api/v1").gives(200).await?;
    field(&body, "/kind", "APIResourceList")?;
    field(&body, "/groupVersion", "v1")?;
    let pods = entry(&body["resources"], "name", "pods")?;
    field(pods, "/kind", "Pod")?;
    field(pods, "/singularName", "pod")?;
    field(pods, "/namespaced", true)?;
    field(pods, "/shortNames/0", "po")?;
    let all = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    verbs(pods, &all)?;
    verbs(entry(&body["resources"], "name", "pods/log")?, &["get"])?;
    let namespaces = entry(&body["resources"], "name", "namespaces")?;
    field(namespaces, "/namespaced", false)
}

pub(crate) async fn subresources(world: &World) -> Checked {
    let body = world.api.get("/apis/apps/v1").gives(200).await?;
    field(&body, "/groupVersion", "apps/v1")?;
    let status = entry(&body["resources"], "name", "deployments/status")?;
    verbs(status, &["get", "patch", "update"])?;
    let scale = entry(&body["resources"], "name", "deployments/scale")?;
    field(scale, "/kind", "Scale")?;
    field(scale, "/group", "autoscaling")?;
    let core = world.api.get("/api/v1").gives(200).await?;
    let eviction = entry(&core["resources"], "name", "pods/eviction")?;
    field(eviction, "/kind", "Eviction")?;
    verbs(eviction, &["create"])
}

pub(crate) async fn all_at_once(world: &World) -> Checked {
    let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let answer = world.api.get("/apis").accept(accept).send().await?;
    let answer = answer.coded(200)?;
    says(answer.header("content-type"), "as=APIGroupDiscoveryList")?;
    field(&answer.body, "/kind", "APIGroupDiscoveryList")?;
    let apps = answer.body["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|group| group["metadata"]["name"] == "apps")
        .ok_or_else(|| Broken::NotSo("apps is there".to_owned()))?;
    let version = entry(&apps["versions"], "version", "v1")?;
    let deployments = entry(&version["resources"], "resource", "deployments")?;
    field(deployments, "/scope", "Namespaced")?;
    field(deployments, "/responseKind/kind", "Deployment")?;
    entry(&deployments["subresources"], "subresource", "scale").map(|_| ())
}

pub(crate) async fn nothing_there(world: &World) -> Checked {
    for path in ["/apis/nosuch.example/v1", "/nosuch"] {
        let answer = world.api.get(path).send().await?.coded(404)?;
        same(path, answer.text.trim(), "404 page not found")?;
    }
    // A version of a group that is there is missed in a Status.
    let call = world.api.get("/apis/apps/v9");
    call.refused(404, "NotFound").await.map(|_| ())
}

pub(crate) async fn version(world: &World) -> Checked {
    let body = world.api.get("/version").gives(200).await?;
    field(&body, "/major", "1")?;
    says(filled(&body, "/gitVersion")?, "v1.")
}

pub(crate) async fn health(world: &World) -> Checked {
    for path in ["/readyz", "/livez"] {
        let answer = world.api.get(path).send().await?.coded(200)?;
        same(path, answer.text.trim(), "ok")?;
    }
    Ok(())
}

pub(crate) async fn date(world: &World) -> Checked {
    let refused = world.api.get("/api/v1/nosuch").send().await?;
    let answered = world.api.get("/version").send().await?;
    for answer in [refused, answered] {
        let date = answer.header("date");
        let shaped = date.len() == 29 && date.ends_with(" GMT");
        holds(format!("{} has a date: {date:?}", answer.asked), shaped)?;
    }
    Ok(())
}
