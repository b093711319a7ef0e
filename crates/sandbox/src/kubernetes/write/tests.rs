//! What each way of writing does, and what it refuses.

use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

fn store() -> Store {
    let store = Store::new("prod", Clock::default());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    store.apply(namespace).unwrap();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}, "status": {"replicas": 2}});
    store.apply(deployment).unwrap();
    store
}

fn at<T>(
    store: &Store,
    kind: &str,
    name: &str,
    query: &str,
    act: impl FnOnce(Place<'_>) -> T,
) -> T {
    let query = Query::of(&format!("/x?{query}").parse().unwrap());
    act(Place {
        store,
        kind: Kind::named(kind).unwrap(),
        namespace: "shop",
        name,
        query: &query,
        manager: "test",
    })
}

fn web<T>(store: &Store, act: impl FnOnce(Place<'_>) -> T) -> T {
    at(store, "Deployment", "web", "", act)
}

fn now(store: &Store) -> Value {
    Value::clone(&store.get("Deployment", "shop", "web").unwrap())
}

fn code(failure: Failure) -> u64 {
    failure.to_status()["code"].as_u64().unwrap()
}

#[test]
fn creating_names_and_refuses() {
    let store = store();
    let create = |body: Value| at(&store, "ConfigMap", "", "", |place| place.create(body));
    let made = create(json!({"metadata": {"generateName": "job-"}, "data": {"a": "1"}})).unwrap();
    assert!(object::name(&made).starts_with("job-") && object::name(&made).len() == 9);
    assert_eq!(made["kind"], "ConfigMap");
    create(json!({"metadata": {"name": "a"}})).unwrap();
    assert_eq!(
        code(create(json!({"metadata": {"name": "a"}})).unwrap_err()),
        409
    );
    assert_eq!(code(create(json!({"metadata": {}})).unwrap_err()), 422);
    assert_eq!(
        code(create(json!({"metadata": {"name": "Not_a_name"}})).unwrap_err()),
        422
    );
    assert_eq!(
        code(create(json!({"kind": "Pod", "metadata": {"name": "b"}})).unwrap_err()),
        400
    );
    assert_eq!(
        code(create(json!({"metadata": {"name": "b", "namespace": "other"}})).unwrap_err()),
        400
    );
    store.delete("Namespace", "", "shop");
    assert_eq!(
        code(create(json!({"metadata": {"name": "c"}})).unwrap_err()),
        404
    );
}

#[test]
fn a_dry_run_stores_nothing() {
    let store = store();
    let version = store.version();
    let body = json!({"metadata": {"name": "a"}});
    let made = at(&store, "ConfigMap", "", "dryRun=All", |place| {
        place.create(body)
    })
    .unwrap();
    assert_eq!(object::name(&made), "a");
    let patch = json!({"spec": {"replicas": 5}}).to_string();
    let patched = at(&store, "Deployment", "web", "dryRun=All", |place| {
        place.patch(Part::Main, "application/merge-patch+json", patch.as_bytes())
    });
    assert_eq!(patched.unwrap()["spec"]["replicas"], 5);
    let tried = json!({"dryRun": ["All"]});
    web(&store, |place| place.delete(&tried)).unwrap();
    assert_eq!(store.version(), version);
}

#[test]
fn a_patch_of_another_object_of_the_same_name_changes_nothing() {
    let store = store();
    let version = store.version();
    let merge = "application/merge-patch+json";
    let patch = |metadata: Value, part: Part| {
        let patch = json!({"metadata": metadata, "spec": {"replicas": 5}}).to_string();
        web(&store, |place| place.patch(part, merge, patch.as_bytes()))
    };
    let another = json!({"uid": "another"});
    let status = patch(another.clone(), Part::Main).unwrap_err().to_status();
    assert_eq!(
        (&status["code"], &status["message"]),
        (
            &json!(422),
            &json!(
                "Deployment.apps \"web\" is invalid: metadata.uid: Invalid value: \"another\": field is immutable"
            )
        )
    );
    let causes = status["details"]["causes"].as_array().unwrap();
    assert_eq!(
        (causes.len(), &causes[0]["field"]),
        (2, &json!("metadata.uid"))
    );
    let old = json!({"uid": "another", "resourceVersion": "1"});
    assert_eq!(code(patch(old, Part::Main).unwrap_err()), 409);
    assert_eq!(code(patch(another, Part::Scale).unwrap_err()), 409);
    assert_eq!(store.version(), version);
    let web = now(&store);
    let this =
        json!({"uid": object::uid(&web), "resourceVersion": web["metadata"]["resourceVersion"]});
    assert_eq!(patch(this, Part::Main).unwrap()["spec"]["replicas"], 5);
}

#[test]
fn updating_an_old_version_is_a_conflict() {
    let store = store();
    let mut old = now(&store);
    store
        .edit("Deployment", "shop", "web", |web| {
            web["spec"]["replicas"] = json!(3)
        })
        .unwrap();
    old["spec"]["replicas"] = json!(4);
    let failure = web(&store, |place| place.update(Part::Main, old.clone())).unwrap_err();
    assert_eq!(failure.to_status()["reason"], "Conflict");
    object::section(&mut old, "metadata").remove("resourceVersion");
    let updated = web(&store, |place| place.update(Part::Main, old)).unwrap();
    assert_eq!(updated["spec"]["replicas"], 4);
    assert_eq!(updated["metadata"]["generation"], 3);
    let renamed = json!({"metadata": {"name": "other"}});
    assert_eq!(
        code(web(&store, |place| place.update(Part::Main, renamed)).unwrap_err()),
        400
    );
}

#[test]
fn the_status_is_a_part_of_its_own() {
    let store = store();
    let patch = json!({"spec": {"replicas": 7}, "status": {"replicas": 7}}).to_string();
    let merge = "application/merge-patch+json";
    web(&store, |place| {
        place.patch(Part::Main, merge, patch.as_bytes())
    })
    .unwrap();
    assert_eq!(
        (
            &now(&store)["spec"]["replicas"],
            &now(&store)["status"]["replicas"]
        ),
        (&json!(7), &json!(2))
    );
    let patch = json!({"spec": {"replicas": 9}, "status": {"replicas": 9}}).to_string();
    web(&store, |place| {
        place.patch(Part::Status, merge, patch.as_bytes())
    })
    .unwrap();
    assert_eq!(
        (
            &now(&store)["spec"]["replicas"],
            &now(&store)["status"]["replicas"]
        ),
        (&json!(7), &json!(9))
    );
}

#[test]
fn scaling_changes_only_the_replicas() {
    let store = store();
    let patch = json!({"spec": {"replicas": 5}}).to_string();
    let scale = web(&store, |place| {
        place.patch(
            Part::Scale,
            "application/merge-patch+json",
            patch.as_bytes(),
        )
    });
    let scale = scale.unwrap();
    assert_eq!(
        (&scale["kind"], &scale["spec"]["replicas"]),
        (&json!("Scale"), &json!(5))
    );
    assert_eq!(scale["status"]["selector"], "app=web");
    let mut scale = Value::clone(&scale);
    scale["spec"]["replicas"] = json!(1);
    web(&store, |place| place.update(Part::Scale, scale)).unwrap();
    assert_eq!(now(&store)["spec"]["replicas"], 1);
    assert!(now(&store)["spec"]["selector"].is_object());
}

#[test]
fn patches_of_the_wrong_type_are_refused() {
    let store = store();
    let patch = |kind: &str, content_type: &str, patch: &str| {
        at(&store, kind, "web", "", |place| {
            place.patch(Part::Main, content_type, patch.as_bytes())
        })
    };
    let apply = patch("Deployment", "application/apply-patch+yaml", "{}").unwrap_err();
    assert_eq!(
        apply.to_status()["details"]["causes"][0]["field"],
        "fieldManager"
    );
    let unknown = patch("Deployment", "application/json", "{}").unwrap_err();
    assert_eq!(unknown.to_status()["reason"], "UnsupportedMediaType");
    let strategic = "application/strategic-merge-patch+json";
    assert_eq!(
        code(patch("Kustomization", strategic, "{}").unwrap_err()),
        415
    );
    assert_eq!(code(patch("Deployment", strategic, "{").unwrap_err()), 400);
    let json_patch = r#"[{"op": "test", "path": "/spec/replicas", "value": 9}]"#;
    assert_eq!(
        code(patch("Deployment", "application/json-patch+json", json_patch).unwrap_err()),
        422
    );
    let rename = r#"{"metadata": {"name": "other"}}"#;
    assert_eq!(
        code(patch("Deployment", "application/merge-patch+json", rename).unwrap_err()),
        400
    );
    assert_eq!(
        code(patch("StatefulSet", strategic, "{}").unwrap_err()),
        404
    );
    assert_eq!(now(&store)["spec"]["replicas"], 2);
}

#[test]
fn deleting_checks_what_is_meant() {
    let store = store();
    let delete = |options: Value| web(&store, |place| place.delete(&options));
    let failure = delete(json!({"preconditions": {"uid": "another"}})).unwrap_err();
    assert_eq!(failure.to_status()["reason"], "Conflict");
    let status = delete(json!({"preconditions": {"uid": object::uid(&now(&store))}})).unwrap();
    assert_eq!(
        (&status["status"], &status["details"]["kind"]),
        (&json!("Success"), &json!("deployments"))
    );
    assert_eq!(code(delete(json!({})).unwrap_err()), 404);
}

#[test]
fn what_is_held_answers_with_itself() {
    let store = store();
    store
        .edit("Deployment", "shop", "web", |web| {
            web["metadata"]["finalizers"] = json!(["a/b"])
        })
        .unwrap();
    let held = web(&store, |place| place.delete(&json!({}))).unwrap();
    assert_eq!(held["kind"], "Deployment");
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    let release = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    web(&store, |place| {
        place.patch(
            Part::Main,
            "application/json-patch+json",
            release.as_bytes(),
        )
    })
    .unwrap();
    assert!(store.get("Deployment", "shop", "web").is_none());
}

#[test]
fn collections_go_by_selector() {
    let store = store();
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let body = json!({"metadata": {"name": name, "labels": {"app": app}}});
        at(&store, "ConfigMap", "", "", |place| place.create(body)).unwrap();
    }
    let gone = at(&store, "ConfigMap", "", "labelSelector=app%3Dx", |place| {
        place.delete_all(&json!({}))
    });
    assert_eq!(gone.unwrap().items.len(), 2);
    assert_eq!(store.list("ConfigMap", None).len(), 1);
}
