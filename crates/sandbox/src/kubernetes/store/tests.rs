//! The store's promises, one test each.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::TryRecvError;

use super::state::{Expired, Propagation};
use super::*;

fn store() -> Store {
    Store::new("prod", Clock::default())
}

fn config(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"},
           "data": {"key": value}})
}

fn deployment(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
           "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
           "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap()
}

#[test]
fn applying_gives_an_identity_and_keeps_it() {
    let store = store();
    assert_eq!(store.apply(deployment("web:1")).unwrap(), Applied::Created);
    let first = store.get("Deployment", "shop", "web").unwrap();
    assert!(!object::uid(&first).is_empty());
    assert_eq!(generation(&first), 1);

    store.clock().advance(SignedDuration::from_secs(60));
    assert_eq!(store.apply(deployment("web:2")).unwrap(), Applied::Changed);
    let second = store.get("Deployment", "shop", "web").unwrap();
    assert_eq!(object::uid(&first), object::uid(&second));
    assert_eq!(
        object::text(&first, "creationTimestamp"),
        object::text(&second, "creationTimestamp")
    );
    assert_eq!(generation(&second), 2);
    assert!(object::version(&second) > object::version(&first));
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let store = store();
    store.apply(deployment("web:1")).unwrap();
    let version = store.version();
    let mut changes = store.changes();
    assert_eq!(
        store.apply(deployment("web:1")).unwrap(),
        Applied::Unchanged
    );
    assert_eq!(store.version(), version);
    assert!(matches!(changes.try_recv(), Err(TryRecvError::Empty)));
}

#[test]
fn applying_leaves_the_status_and_others_annotations_alone() {
    let store = store();
    store.apply(deployment("web:1")).unwrap();
    store
        .set_status("Deployment", "shop", "web", json!({"replicas": 1}))
        .unwrap();
    store
        .edit("Deployment", "shop", "web", |object| {
            object["metadata"]["annotations"] = json!({
                "reconcile.fluxcd.io/requestedAt": "now", "deployment.kubernetes.io/revision": "3", "mine": "x"
            });
        })
        .unwrap();
    store.apply(deployment("web:2")).unwrap();
    let object = store.get("Deployment", "shop", "web").unwrap();
    assert_eq!(object["status"], json!({"replicas": 1}));
    assert_eq!(
        object["metadata"]["annotations"],
        json!({"reconcile.fluxcd.io/requestedAt": "now", "deployment.kubernetes.io/revision": "3"})
    );
}

#[test]
fn a_status_moves_no_generation_and_an_equal_one_no_version() {
    let store = store();
    store.apply(deployment("web:1")).unwrap();
    store
        .set_status("Deployment", "shop", "web", json!({"replicas": 1}))
        .unwrap();
    let version = store.version();
    store
        .set_status("Deployment", "shop", "web", json!({"replicas": 1}))
        .unwrap();
    assert_eq!(store.version(), version);
    let object = store.get("Deployment", "shop", "web").unwrap();
    assert_eq!(generation(&object), 1);
}

#[test]
fn kinds_without_spec_have_no_generation() {
    let store = store();
    store.apply(config("a", "1")).unwrap();
    store.apply(config("a", "2")).unwrap();
    let object = store.get("ConfigMap", "shop", "a").unwrap();
    assert_eq!(object["metadata"].get("generation"), None);
    assert_eq!(object["data"]["key"], "2");
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let store = store();
    let unknown = json!({"apiVersion": "v1", "kind": "Gizmo", "metadata": {"name": "a"}});
    assert!(matches!(
        store.apply(unknown),
        Err(StoreError::UnknownKind { .. })
    ));
    let old = json!({"apiVersion": "apps/v1beta1", "kind": "Deployment",
                     "metadata": {"name": "a", "namespace": "b"}});
    assert!(matches!(
        store.apply(old),
        Err(StoreError::UnknownKind { .. })
    ));
    let homeless = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
    assert_eq!(
        store.apply(homeless),
        Err(StoreError::Incomplete {
            kind: "Pod",
            field: "namespace"
        })
    );
    assert!(matches!(
        store.set_status("Pod", "shop", "none", json!({})),
        Err(StoreError::NotFound { .. })
    ));
    assert!(!store.delete("Pod", "shop", "none"));
}

#[test]
fn lists_are_ordered_and_scoped() {
    let store = store();
    for name in ["b", "a", "c"] {
        store.apply(config(name, "1")).unwrap();
    }
    let mut elsewhere = config("d", "1");
    elsewhere["metadata"]["namespace"] = json!("another");
    store.apply(elsewhere).unwrap();
    let names = |namespace| -> Vec<String> {
        let objects = store.list("ConfigMap", namespace);
        objects.iter().map(|o| object::name(o).to_owned()).collect()
    };
    assert_eq!(names(None), ["d", "a", "b", "c"]);
    assert_eq!(names(Some("shop")), ["a", "b", "c"]);
}

#[test]
fn changes_come_in_the_order_of_their_versions() {
    let store = store();
    let mut changes = store.changes();
    store.apply(config("a", "1")).unwrap();
    store.apply(config("a", "2")).unwrap();
    store.delete("ConfigMap", "shop", "a");
    let events: Vec<Change> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
    let kinds: Vec<ChangeEvent> = events.iter().map(|change| change.event).collect();
    assert_eq!(
        kinds,
        [
            ChangeEvent::Added,
            ChangeEvent::Modified,
            ChangeEvent::Deleted
        ]
    );
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0].version + 1 == pair[1].version)
    );
    for change in &events {
        assert_eq!(object::version(&change.object), change.version);
    }
}

#[test]
fn an_owner_takes_its_dependents_with_it() {
    let store = store();
    store.apply(config("owner", "1")).unwrap();
    let uid = object::uid(&store.get("ConfigMap", "shop", "owner").unwrap()).to_owned();
    let owned = |name: &str, owner: &str| {
        let mut object = config(name, "1");
        object["metadata"]["ownerReferences"] =
            json!([{"kind": "ConfigMap", "name": "x", "uid": owner}]);
        object
    };
    store.apply(owned("child", &uid)).unwrap();
    let child = object::uid(&store.get("ConfigMap", "shop", "child").unwrap()).to_owned();
    store.apply(owned("grandchild", &child)).unwrap();
    assert!(store.delete("ConfigMap", "shop", "owner"));
    assert!(store.list("ConfigMap", None).is_empty());
}

#[test]
fn orphans_stay_without_their_owner() {
    let store = store();
    store.apply(config("owner", "1")).unwrap();
    let uid = object::uid(&store.get("ConfigMap", "shop", "owner").unwrap()).to_owned();
    let mut child = config("child", "1");
    child["metadata"]["ownerReferences"] =
        json!([{"kind": "ConfigMap", "name": "owner", "uid": uid}]);
    store.apply(child).unwrap();
    store
        .state()
        .delete(
            Kind::named("ConfigMap").unwrap(),
            &("shop".into(), "owner".into()),
            Propagation::Orphan,
            "2026-01-01T00:00:00Z",
        )
        .unwrap();
    let child = store.get("ConfigMap", "shop", "child").unwrap();
    assert_eq!(object::owners(&child).count(), 0);
}

#[test]
fn finalizers_hold_what_is_deleted_until_they_let_go() {
    let store = store();
    let mut held = config("held", "1");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    store.apply(held).unwrap();
    assert!(store.delete("ConfigMap", "shop", "held"));
    let marked = store.get("ConfigMap", "shop", "held").unwrap();
    assert!(!object::text(&marked, "deletionTimestamp").is_empty());
    store
        .edit("ConfigMap", "shop", "held", |object| {
            object["metadata"]["finalizers"] = json!([]);
        })
        .unwrap();
    assert!(store.get("ConfigMap", "shop", "held").is_none());
}

#[test]
fn what_is_given_time_to_end_stays_until_it_is_deleted_again() {
    let store = store();
    store.apply(config("slow", "1")).unwrap();
    assert!(store.terminate("ConfigMap", "shop", "slow", 30));
    store
        .edit("ConfigMap", "shop", "slow", |object| {
            object["data"]["key"] = json!("still here");
        })
        .unwrap();
    let object = store.get("ConfigMap", "shop", "slow").unwrap();
    assert!(!object::text(&object, "deletionTimestamp").is_empty());
    assert_eq!(object["data"]["key"], "still here");
    assert!(store.delete("ConfigMap", "shop", "slow"));
    assert!(store.get("ConfigMap", "shop", "slow").is_none());
    assert!(!store.terminate("ConfigMap", "shop", "slow", 30));
}

#[test]
fn a_namespace_takes_what_it_holds_with_it() {
    let store = store();
    store
        .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))
        .unwrap();
    let namespace = store.get("Namespace", "", "shop").unwrap();
    assert_eq!(namespace["status"]["phase"], "Active");
    assert_eq!(
        object::label(&namespace, "kubernetes.io/metadata.name"),
        Some("shop")
    );
    store.apply(config("a", "1")).unwrap();
    store.apply(deployment("web:1")).unwrap();
    assert!(store.delete("Namespace", "", "shop"));
    assert!(store.list("ConfigMap", None).is_empty());
    assert!(store.list("Deployment", None).is_empty());
}

#[test]
fn the_past_can_be_listed_while_its_changes_are_kept() {
    let store = store();
    store.apply(config("a", "1")).unwrap();
    store.apply(config("b", "1")).unwrap();
    let then = store.version();
    store.apply(config("a", "2")).unwrap();
    store.delete("ConfigMap", "shop", "b");
    store.apply(config("c", "1")).unwrap();

    let past = store.state().at("ConfigMap", then).unwrap();
    let seen: Vec<(&str, &str)> = past
        .values()
        .map(|object| {
            (
                object::name(object),
                object["data"]["key"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("a", "1"), ("b", "1")]);

    store.keep_changes(2);
    assert_eq!(store.state().at("ConfigMap", then).unwrap_err(), Expired);
    assert!(store.state().since(then).is_err());
    let future = store.version() + 1;
    assert!(store.state().since(future).is_err());
}

#[test]
fn repeated_events_count_up_and_old_ones_go() {
    let store = store();
    store.apply(deployment("web:1")).unwrap();
    let about = store.get("Deployment", "shop", "web").unwrap();
    store.record_event(&about, true, "Failed", "no luck", "tester");
    store.clock().advance(SignedDuration::from_mins(10));
    store.record_event(&about, true, "Failed", "no luck", "tester");
    store.record_event(&about, false, "Fine", "luck", "tester");
    let events = store.list("Event", Some("shop"));
    assert_eq!(events.len(), 2);
    let failed = events.iter().find(|e| e["reason"] == "Failed").unwrap();
    assert_eq!(failed["count"], 2);
    assert_eq!(failed["type"], "Warning");
    assert_eq!(failed["involvedObject"]["uid"], object::uid(&about));
    assert_ne!(failed["firstTimestamp"], failed["lastTimestamp"]);

    store.clock().advance(SignedDuration::from_mins(59));
    store.expire_events();
    assert_eq!(store.list("Event", None).len(), 2);
    store.clock().advance(SignedDuration::from_mins(2));
    store.expire_events();
    assert_eq!(store.list("Event", None).len(), 0);
    store.record_event(&about, true, "Failed", "no luck", "tester");
    assert_eq!(store.list("Event", None)[0]["count"], 1);
}

#[test]
fn a_log_that_grows_keeps_the_times_of_its_lines() {
    let store = store();
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    store.set_log("shop", "web", "app", false, lines(&["one"]));
    let before = store.log("shop", "web", "app", false).unwrap();
    store.clock().advance(SignedDuration::from_mins(1));
    store.set_log("shop", "web", "app", false, lines(&["one", "two"]));
    let after = store.log("shop", "web", "app", false).unwrap();
    assert_eq!(after[0], before[0]);
    assert!(after[1].at > after[0].at);
    assert_eq!(store.log("shop", "web", "app", true), None);
}

#[test]
fn a_pod_takes_its_log_with_it() {
    let store = store();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}});
    store.apply(pod).unwrap();
    store.set_log("shop", "web", "app", false, vec!["one".into()]);
    store.delete("Pod", "shop", "web");
    assert_eq!(store.log("shop", "web", "app", false), None);
}
