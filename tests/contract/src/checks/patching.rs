//! The three patches that say what to change: JSON patch, merge patch, strategic merge patch.

use serde_json::{Value, json};

use crate::api::{JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH};
use crate::broken::{Checked, absent, field, filled, same, says};
use crate::world::{World, widget};

pub(crate) async fn json_patch(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let steps = json!([
        {"op": "test", "path": "/data/value", "value": "1"},
        {"op": "replace", "path": "/data/value", "value": "2"},
        {"op": "add", "path": "/data/new", "value": "3"},
        {"op": "remove", "path": "/metadata/labels/value"},
    ]);
    let changed = world
        .api
        .patch(&path, JSON_PATCH, &steps)
        .gives(200)
        .await?;
    field(&changed, "/data", json!({"value": "2", "new": "3"}))?;
    absent(&changed, "/metadata/labels/value")
}

pub(crate) async fn failed_step(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    for steps in [
        json!([{"op": "replace", "path": "/data/value", "value": "2"}, {"op": "test", "path": "/data/value", "value": "9"}]),
        json!([{"op": "remove", "path": "/data/nothing"}]),
    ] {
        let call = world.api.patch(&path, JSON_PATCH, &steps);
        let status = call.refused(422, "Invalid").await?;
        says(
            filled(&status, "/message")?,
            "the server rejected our request due to an error in our request",
        )?;
    }
    let read = world.api.get(&path).gives(200).await?;
    field(&read, "/data/value", "1")
}

pub(crate) async fn merge(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let path = space.apps("deployments/web");
    let patch = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": null, "template": {"spec": {
        "containers": [{"name": "only", "image": "only:1"}]}}}});
    let changed = world.api.patch(&path, MERGE_PATCH, &patch);
    let changed = changed.gives(200).await?;
    field(&changed, "/metadata/labels/a", "b")?;
    field(&changed, "/spec/template/spec/containers/0/name", "only")?;
    absent(&changed, "/spec/template/spec/containers/1")?;
    // What is removed gets its default.
    field(&changed, "/spec/replicas", 1)
}

pub(crate) async fn strategic(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let path = space.apps("deployments/web");
    let containers =
        |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let patch = containers(
        json!([{"name": "web", "image": "web:2", "env": [{"name": "B", "value": "2"}]}]),
    );
    let changed = world.api.patch(&path, STRATEGIC_PATCH, &patch);
    let changed = changed.gives(200).await?;
    let found = &changed["spec"]["template"]["spec"]["containers"];
    field(found, "/0/image", "web:2")?;
    field(found, "/1/image", "proxy:1")?;
    let mut env: Vec<&str> = found[0]["env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    env.sort_unstable();
    same("lists merge by their key", &env, &vec!["A", "B"])?;
    let patch = containers(json!([{"name": "proxy", "$patch": "delete"}]));
    let changed = world.api.patch(&path, STRATEGIC_PATCH, &patch);
    let changed = changed.gives(200).await?;
    let found = &changed["spec"]["template"]["spec"]["containers"];
    field(found, "/0/name", "web")?;
    absent(found, "/1")
}

pub(crate) async fn strategic_of_custom(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    world.api.post(&path, &widget("a", 1)).gives(201).await?;
    let patch = json!({"spec": {"size": 2}});
    let path = space.widgets("widgets/a");
    let call = world.api.patch(&path, STRATEGIC_PATCH, &patch);
    let status = call.refused(415, "UnsupportedMediaType").await?;
    says(
        filled(&status, "/message")?,
        "accepted media types include: application/json-patch+json, application/merge-patch+json",
    )?;
    let changed = world.api.patch(&path, MERGE_PATCH, &patch);
    field(&changed.gives(200).await?, "/spec/size", 2)
}

pub(crate) async fn stale(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    world.set_value(&space, "a", "2").await?;
    let patch = json!({"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"value": "3"}});
    let path = space.core("configmaps/a");
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let status = call.refused(409, "Conflict").await?;
    says(filled(&status, "/message")?, "the object has been modified")
}

pub(crate) async fn another_uid(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    world.deployment(&space).await?;
    let widgets = space.widgets("widgets");
    world.api.post(&widgets, &widget("a", 1)).gives(201).await?;
    let other = "11111111-1111-4111-a111-111111111111";
    let patch = json!({"metadata": {"uid": other, "annotations": {"a": "b"}}});
    for (path, title) in [
        (space.apps("deployments/web"), "Deployment.apps \"web\""),
        (
            space.widgets("widgets/a"),
            "Widget.contract.landfall.example \"a\"",
        ),
    ] {
        let call = world.api.patch(&path, MERGE_PATCH, &patch);
        let status = call.refused(422, "Invalid").await?;
        field(&status, "/details/causes/0/field", "metadata.uid")?;
        field(
            &status,
            "/message",
            format!(
                "{title} is invalid: metadata.uid: Invalid value: \"{other}\": field is immutable"
            ),
        )?;
        // An old version beside it is found first.
        let both = json!({"metadata": {"uid": other, "resourceVersion": "1"}});
        let call = world.api.patch(&path, MERGE_PATCH, &both);
        call.refused(409, "Conflict").await?;
        let read = world.api.get(&path).gives(200).await?;
        absent(&read, "/metadata/annotations/a")?;
    }
    let scale = world
        .api
        .patch(&space.apps("deployments/web/scale"), MERGE_PATCH, &patch);
    let status = scale.refused(409, "Conflict").await?;
    says(filled(&status, "/message")?, "UID in precondition")
}

pub(crate) async fn meant(world: &World) -> Checked {
    let space = world.space().await?;
    let made = world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    let meant = json!({"uid": made["metadata"]["uid"],
        "resourceVersion": made["metadata"]["resourceVersion"]});
    let patch = json!({"metadata": meant, "data": {"value": "2"}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    field(&call.gives(200).await?, "/data/value", "2")?;
    // It was the version that was meant, once.
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    call.refused(409, "Conflict").await?;
    let patch = json!({"metadata": {"uid": made["metadata"]["uid"]}, "data": {"value": "3"}});
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    field(&call.gives(200).await?, "/data/value", "3")
}

pub(crate) async fn malformed(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps/a");
    for (media, text) in [
        (JSON_PATCH, "{"),
        (JSON_PATCH, "{}"),
        (MERGE_PATCH, "{"),
        (STRATEGIC_PATCH, "nope"),
    ] {
        let call = world.api.call(http::Method::PATCH, &path);
        call.body(media, text).refused(400, "BadRequest").await?;
    }
    let call = world.api.call(http::Method::PATCH, &path);
    let call = call.body("application/json", "{}");
    call.refused(415, "UnsupportedMediaType").await.map(|_| ())
}

pub(crate) async fn missing(world: &World) -> Checked {
    let space = world.space().await?;
    let path = space.core("configmaps/a");
    for media in [MERGE_PATCH, STRATEGIC_PATCH] {
        let call = world.api.patch(&path, media, &json!({"data": {}}));
        let status = call.refused(404, "NotFound").await?;
        field(&status, "/details/name", "a")?;
    }
    Ok(())
}

pub(crate) async fn renamed(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let patch = json!({"metadata": {"name": "b"}});
    let path = space.core("configmaps/a");
    let call = world.api.patch(&path, MERGE_PATCH, &patch);
    let status = call.refused(400, "BadRequest").await?;
    field(
        &status,
        "/message",
        "the name of the object (b) does not match the name on the URL (a)",
    )
}
