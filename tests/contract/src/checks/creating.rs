//! Creating objects, and what their names may be.

use serde_json::json;

use crate::broken::{Checked, absent, field, filled, holds, same, says};
use crate::world::{World, config_map};

pub(crate) async fn stamped(world: &World) -> Checked {
    let space = world.space().await?;
    let mut sent = config_map("a", "1");
    sent["metadata"]["uid"] = json!("mine");
    sent["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    let path = space.core("configmaps");
    let made = world.api.post(&path, &sent).gives(201).await?;
    field(&made, "/kind", "ConfigMap")?;
    field(&made, "/metadata/namespace", space.name.as_str())?;
    same("its UID", &filled(&made, "/metadata/uid")?.len(), &36)?;
    let time = filled(&made, "/metadata/creationTimestamp")?;
    holds(
        format!("{time} is now, in whole seconds of UTC"),
        time.len() == 20 && time.ends_with('Z') && !time.starts_with("2001"),
    )?;
    let read = world.api.get(&space.core("configmaps/a"));
    let read = read.gives(200).await?;
    same("what is read", &read["metadata"], &made["metadata"])?;
    absent(&read, "/metadata/generation")
}

pub(crate) async fn taken(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let again = crate::world::deployment("web");
    let call = world.api.post(&space.apps("deployments"), &again);
    let status = call.refused(409, "AlreadyExists").await?;
    field(&status, "/details/name", "web")?;
    field(&status, "/details/group", "apps")?;
    field(&status, "/details/kind", "deployments")?;
    field(
        &status,
        "/message",
        "deployments.apps \"web\" already exists",
    )
}

pub(crate) async fn no_namespace(world: &World) -> Checked {
    let path = "/api/v1/namespaces/no-such-namespace/configmaps";
    let call = world.api.post(path, &config_map("a", "1"));
    let status = call.refused(404, "NotFound").await?;
    field(&status, "/details/kind", "namespaces")?;
    field(&status, "/details/name", "no-such-namespace")?;
    field(
        &status,
        "/message",
        "namespaces \"no-such-namespace\" not found",
    )
}

pub(crate) async fn bad_name(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps");
    let call = world.api.post(&path, &config_map("Not_a_name", "1"));
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/kind", "ConfigMap")?;
    field(&status, "/details/name", "Not_a_name")?;
    field(&status, "/details/causes/0/field", "metadata.name")?;
    field(&status, "/details/causes/0/reason", "FieldValueInvalid")?;
    says(
        filled(&status, "/message")?,
        "ConfigMap \"Not_a_name\" is invalid: metadata.name: Invalid value: \"Not_a_name\": a lowercase RFC 1123 \
         subdomain must consist of",
    )
}

pub(crate) async fn no_name(world: &World) -> Checked {
    let space = world.space().await?;
    let nameless = json!({"metadata": {}, "data": {}});
    let call = world.api.post(&space.core("configmaps"), &nameless);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/reason", "FieldValueRequired")?;
    field(
        &status,
        "/message",
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required",
    )
}

pub(crate) async fn generated_name(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps");
    let beginning = json!({"metadata": {"generateName": "job-"}});
    let mut names = Vec::new();
    for _ in 0..3 {
        let made = world.api.post(&path, &beginning).gives(201).await?;
        field(&made, "/metadata/generateName", "job-")?;
        let name = filled(&made, "/metadata/name")?.to_owned();
        holds(
            format!("{name} is job- and five letters"),
            name.len() == 9 && name.starts_with("job-"),
        )?;
        holds(format!("{name} is new"), !names.contains(&name))?;
        names.push(name);
    }
    Ok(())
}

pub(crate) async fn elsewhere(world: &World) -> Checked {
    let space = world.space().await?;
    let mut sent = config_map("a", "1");
    sent["metadata"]["namespace"] = json!("other");
    let call = world.api.post(&space.core("configmaps"), &sent);
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "the namespace of the provided object does not match the namespace sent on the request",
    )
}

pub(crate) async fn another_kind(world: &World) -> Checked {
    let space = world.space().await?;
    let pod = crate::world::pod("a", &["web"]);
    let call = world.api.post(&space.core("configmaps"), &pod);
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "Pod in version \"v1\" cannot be handled as a ConfigMap",
    )
}

pub(crate) async fn yaml(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world
        .api
        .call(http::Method::POST, &space.core("configmaps"));
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  value: \"1\"\n";
    let made = call.body("application/yaml", text).gives(201).await?;
    field(&made, "/data/value", "1")
}

pub(crate) async fn namespace(world: &World) -> Checked {
    let space = world.space().await?;
    let path = format!("/api/v1/namespaces/{}", space.name);
    let made = world.api.get(&path).gives(200).await?;
    field(&made, "/status/phase", "Active")?;
    field(&made, "/spec/finalizers/0", "kubernetes")?;
    field(
        &made,
        "/metadata/labels/kubernetes.io~1metadata.name",
        space.name.as_str(),
    )?;
    let status = json!({"metadata": {"name": "UPPER"}});
    let call = world.api.post("/api/v1/namespaces", &status);
    let status = call.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "metadata.name")?;
    says(filled(&status, "/message")?, "RFC 1123 label")
}
