//! Custom resources: kinds that a CustomResourceDefinition brings.

use serde_json::json;

use crate::broken::{Broken, Checked, absent, field, filled, holds, says};
use crate::world::{WIDGET_GROUP, World, widget};

pub(crate) async fn established(world: &World) -> Checked {
    world.widgets().await?;
    let path =
        format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{WIDGET_GROUP}");
    let definition = world.api.get(&path).gives(200).await?;
    let conditions = definition["status"]["conditions"].as_array();
    let is = |kind: &str| {
        let mut found = conditions.into_iter().flatten();
        found.any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    holds("its names are accepted", is("NamesAccepted"))?;
    holds("it is established", is("Established"))?;
    field(&definition, "/status/acceptedNames/plural", "widgets")
}

pub(crate) async fn discovered(world: &World) -> Checked {
    world.widgets().await?;
    // The list of groups follows what is served by moments.
    for _ in 0..100 {
        let group = format!("/apis/{WIDGET_GROUP}");
        let group = world.api.get(&group).send().await?;
        let resources = format!("/apis/{WIDGET_GROUP}/v1");
        let resources = world.api.get(&resources).send().await?;
        if group.code == 404 || resources.code == 404 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        }
        field(&group.coded(200)?.body, "/preferredVersion/version", "v1")?;
        let body = resources.coded(200)?.body;
        let found = body["resources"].as_array().into_iter().flatten();
        let has = |name: &str| found.clone().any(|resource| resource["name"] == name);
        for name in ["widgets", "widgets/status", "widgets/scale"] {
            holds(format!("{name} is there"), has(name))?;
        }
        return Ok(());
    }
    Err(Broken::Never("widgets are discovered".to_owned()))
}

pub(crate) async fn listed(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    let made = world.api.post(&path, &widget("a", 1)).gives(201).await?;
    field(&made, "/metadata/generation", 1)?;
    let list = world.api.get(&path).gives(200).await?;
    field(&list, "/kind", "WidgetList")?;
    // Unlike built-in kinds, items say what they are.
    field(&list, "/items/0/kind", "Widget")?;
    filled(&list, "/items/0/apiVersion")?;
    let named = world
        .api
        .get(&path)
        .query("fieldSelector", "metadata.name=a");
    field(&named.gives(200).await?, "/items/0/spec/size", 1)
}

pub(crate) async fn defaulted_and_pruned(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let mut sent = widget("a", 1);
    sent["spec"]["unknown"] = json!({"x": 1});
    let path = space.widgets("widgets");
    let made = world.api.post(&path, &sent).gives(201).await?;
    field(&made, "/spec/colour", "blue")?;
    absent(&made, "/spec/unknown")
}

pub(crate) async fn validated(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    let mut sent = widget("a", -1);
    sent["spec"]["colour"] = json!("green");
    sent["spec"]["parts"] = json!(["a", 2]);
    let status = world.api.post(&path, &sent);
    let status = status.refused(422, "Invalid").await?;
    field(&status, "/details/kind", "Widget")?;
    field(&status, "/details/group", WIDGET_GROUP)?;
    let causes = status["details"]["causes"].as_array();
    let has = |place: &str, reason: &str| {
        let mut found = causes.into_iter().flatten();
        found.any(|cause| cause["field"] == place && cause["reason"] == reason)
    };
    for (place, reason) in [
        ("spec.size", "FieldValueInvalid"),
        ("spec.colour", "FieldValueNotSupported"),
        ("spec.parts[1]", "FieldValueTypeInvalid"),
    ] {
        holds(
            format!("{place} is {reason}, in {status}"),
            has(place, reason),
        )?;
    }
    let empty = json!({"metadata": {"name": "b"}, "spec": {}});
    let empty = with_kind(empty);
    let status = world.api.post(&path, &empty);
    let status = status.refused(422, "Invalid").await?;
    field(&status, "/details/causes/0/field", "spec.size")?;
    field(&status, "/details/causes/0/reason", "FieldValueRequired")
}

fn with_kind(mut object: serde_json::Value) -> serde_json::Value {
    object["apiVersion"] = json!(format!("{WIDGET_GROUP}/v1"));
    object["kind"] = json!("Widget");
    object
}

pub(crate) async fn unconditional(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    world.api.post(&path, &widget("a", 1)).gives(201).await?;
    let call = world.api.put(&space.widgets("widgets/a"), &widget("a", 2));
    let status = call.refused(422, "Invalid").await?;
    field(
        &status,
        "/details/causes/0/field",
        "metadata.resourceVersion",
    )?;
    says(
        filled(&status, "/message")?,
        "must be specified for an update",
    )
}

pub(crate) async fn own_definition(world: &World) -> Checked {
    let name = crate::world::unique("d").replace('-', "");
    let kind = format!("Gadget{name}");
    let group = format!("{name}.{WIDGET_GROUP}");
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadgets.{group}")},
        "spec": {"group": group, "scope": "Cluster",
            "names": {"kind": kind, "plural": "gadgets", "singular": "gadget", "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    world.api.post(definitions, &definition).gives(201).await?;
    let at = format!("{definitions}/gadgets.{group}");
    world.owns(at.clone());
    let path = format!("/apis/{group}/v1/gadgets");
    for _ in 0..100 {
        if world.api.get(&path).send().await?.code == 200 {
            let gadget = json!({"apiVersion": format!("{group}/v1"), "kind": kind,
                "metadata": {"name": "a"}, "anything": {"goes": kind}});
            let made = world.api.post(&path, &gadget).gives(201).await?;
            field(&made, "/anything/goes", kind.as_str())?;
            world.api.delete(&at).gives(200).await?;
            return gone(world, &path).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Broken::Never("gadgets are served".to_owned()))
}

async fn gone(world: &World, path: &str) -> Checked {
    for _ in 0..200 {
        if world.api.get(path).send().await?.code == 404 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Broken::Never("gadgets go with their definition".to_owned()))
}
