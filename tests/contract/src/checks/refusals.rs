//! Requests that cannot be what anybody meant: the Status that each is answered with.

use http::Method;
use serde_json::json;

use crate::broken::{Checked, field, filled, says};
use crate::world::{World, config_map};

pub(crate) async fn no_object(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world.api.get(&space.apps("deployments/no"));
    let status = call.refused(404, "NotFound").await?;
    let details = json!({"name": "no", "group": "apps", "kind": "deployments"});
    field(&status, "/details", details)?;
    field(&status, "/message", "deployments.apps \"no\" not found")
}

pub(crate) async fn no_resource(world: &World) -> Checked {
    for path in [
        "/api/v1/nosuch",
        "/apis/apps/v1/namespaces/default/nosuch/a",
        "/api/v1/namespaces/default/pods/a/nosuch",
    ] {
        let status = world.api.get(path).refused(404, "NotFound").await?;
        field(
            &status,
            "/message",
            "the server could not find the requested resource",
        )?;
        field(&status, "/details", json!({}))?;
    }
    Ok(())
}

pub(crate) async fn no_method(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let body = config_map("a", "1");
    for (method, path) in [
        (Method::PUT, "configmaps"),
        (Method::PATCH, "configmaps"),
        (Method::POST, "configmaps/a"),
    ] {
        let call = world.api.call(method, &space.core(path)).json(&body);
        let status = call.refused(405, "MethodNotAllowed").await?;
        field(
            &status,
            "/message",
            "the server does not allow this method on the requested resource",
        )?;
    }
    Ok(())
}

pub(crate) async fn no_form(world: &World) -> Checked {
    let call = world.api.get("/api/v1/pods").accept("text/html");
    call.refused(406, "NotAcceptable").await.map(|_| ())
}

pub(crate) async fn no_media_type(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world.api.call(Method::POST, &space.core("configmaps"));
    let call = call.body("text/plain", "{}");
    let status = call.refused(415, "UnsupportedMediaType").await?;
    says(
        filled(&status, "/message")?,
        "the body of the request was in an unknown format - accepted media types include: application/json, \
         application/yaml",
    )
}

pub(crate) async fn no_json(world: &World) -> Checked {
    let space = world.space().await?;
    let call = world.api.call(Method::POST, &space.core("configmaps"));
    let call = call.body("application/json", "{nope");
    let status = call.refused(400, "BadRequest").await?;
    says(
        filled(&status, "/message")?,
        "the object provided is unrecognized",
    )
}

pub(crate) async fn too_large(world: &World) -> Checked {
    let space = world.space().await?;
    let large = config_map("a", &"x".repeat(3 * 1024 * 1024 + 1024));
    let call = world.api.post(&space.core("configmaps"), &large);
    let status = call.refused(413, "RequestEntityTooLarge").await?;
    says(filled(&status, "/message")?, "limit is 3145728")
}
