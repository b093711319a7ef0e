//! What a watcher sees, in which order, and when it is told to begin again.

use std::pin::Pin;

use futures::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

type Events = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

fn store() -> Store {
    Store::new("prod", Clock::default())
}

fn put(store: &Store, name: &str, app: &str) {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": app}}});
    store.apply(object).unwrap();
}

fn open(store: &Store, query: &str) -> Events {
    let query = Query::of(&format!("/x?{query}").parse().unwrap());
    let kind = Kind::named("ConfigMap").unwrap();
    Box::pin(watch(store, kind, "", Form::Whole, &query).unwrap())
}

async fn next(events: &mut Events) -> (String, Value) {
    let line = events.next().await.unwrap().unwrap();
    let mut event: Value = serde_json::from_slice(&line).unwrap();
    let object = event["object"].take();
    (event["type"].as_str().unwrap().to_owned(), object)
}

async fn next_name(events: &mut Events) -> (String, String) {
    let (event, object) = next(events).await;
    (event, object::name(&object).to_owned())
}

fn seen(event: &str, name: &str) -> (String, String) {
    (event.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_watch_from_a_version_misses_nothing_and_keeps_the_order() {
    let store = store();
    put(&store, "a", "x");
    let version = store.version();
    put(&store, "b", "x");
    put(&store, "a", "y");
    let mut events = open(&store, &format!("resourceVersion={version}"));
    assert_eq!(next_name(&mut events).await, seen("ADDED", "b"));
    assert_eq!(next_name(&mut events).await, seen("MODIFIED", "a"));
    store.delete("ConfigMap", "shop", "b");
    put(&store, "c", "x");
    let (event, object) = next(&mut events).await;
    assert_eq!(event, "DELETED");
    assert!(object::version(&object) > version + 2);
    assert_eq!(next_name(&mut events).await, seen("ADDED", "c"));
}

#[tokio::test]
async fn many_writers_are_seen_in_the_order_of_versions() {
    let store = store();
    let start = store.version();
    let mut events = open(&store, &format!("resourceVersion={start}"));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            std::thread::spawn(move || {
                for round in 0..50 {
                    put(&store, &format!("c{writer}"), &format!("{round}"));
                }
            })
        })
        .collect();
    for version in start + 1..=start + 400 {
        let (_, object) = next(&mut events).await;
        assert_eq!(object::version(&object), version);
    }
    for writer in writers {
        writer.join().unwrap();
    }
}

#[tokio::test]
async fn selectors_make_objects_appear_and_disappear() {
    let store = store();
    put(&store, "a", "x");
    let query = format!("labelSelector=app%3Dx&resourceVersion={}", store.version());
    let mut events = open(&store, &query);
    put(&store, "b", "y");
    put(&store, "a", "y");
    let (event, object) = next(&mut events).await;
    assert_eq!((event.as_str(), object::name(&object)), ("DELETED", "a"));
    assert_eq!(object::label(&object, "app"), Some("x"));
    put(&store, "b", "x");
    assert_eq!(next_name(&mut events).await, seen("ADDED", "b"));
}

#[tokio::test]
async fn without_a_version_a_watch_begins_with_all_there_is() {
    let store = store();
    put(&store, "b", "x");
    put(&store, "a", "x");
    let mut events = open(&store, "");
    assert_eq!(next_name(&mut events).await, seen("ADDED", "a"));
    assert_eq!(next_name(&mut events).await, seen("ADDED", "b"));
    put(&store, "c", "x");
    assert_eq!(next_name(&mut events).await, seen("ADDED", "c"));
}

#[tokio::test]
async fn streamed_lists_end_with_a_marked_bookmark() {
    let store = store();
    put(&store, "a", "x");
    let mut events = open(
        &store,
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    );
    assert_eq!(next_name(&mut events).await, seen("ADDED", "a"));
    let (event, object) = next(&mut events).await;
    assert_eq!(event, "BOOKMARK");
    assert_eq!(
        object["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    assert_eq!(object::version(&object), store.version());
    let query = Query::of(&"/x?sendInitialEvents=true".parse().unwrap());
    let refused = watch(&store, Kind::named("Pod").unwrap(), "", Form::Whole, &query);
    assert_eq!(refused.err().unwrap().to_status()["code"], 422);
}

#[tokio::test]
async fn versions_that_are_forgotten_or_of_another_life_are_gone() {
    let store = store();
    put(&store, "a", "x");
    let old = store.version();
    for round in 0..9 {
        put(&store, "a", &round.to_string());
    }
    store.keep_changes(3);
    for version in [old, store.version() + 1_000_000] {
        let mut events = open(&store, &format!("resourceVersion={version}"));
        let (event, status) = next(&mut events).await;
        assert_eq!((event.as_str(), &status["code"]), ("ERROR", &json!(410)));
        assert_eq!(status["reason"], "Expired");
        assert!(events.next().await.is_none());
    }
}

#[tokio::test]
async fn bookmarks_come_while_nothing_happens_and_at_the_end() {
    let store = store();
    put(&store, "a", "x");
    let query = format!(
        "/x?allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={}",
        store.version()
    );
    let query = Query::of(&query.parse().unwrap());
    let kind = Kind::named("ConfigMap").unwrap();
    let every = Duration::from_millis(300);
    let events = watch_with(&store, kind, "", Form::Whole, &query, every).unwrap();
    let begun = Instant::now();
    let events: Vec<_> = events.collect().await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!((2..=4).contains(&events.len()), "{}", events.len());
    for event in events {
        let event: Value = serde_json::from_slice(&event.unwrap()).unwrap();
        assert_eq!(event["type"], "BOOKMARK");
        assert_eq!(object::version(&event["object"]), store.version());
    }
}
