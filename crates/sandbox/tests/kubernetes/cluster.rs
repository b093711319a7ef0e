//! A small cluster for tests: a namespace, a server, and what to put into it.

use sandbox::clock::Clock;
use sandbox::kubernetes::{Server, Store};
use sandbox::serve::ANY_PORT;
use serde_json::{Value, json};

pub struct Cluster {
    pub store: Store,
    pub server: Server,
}

pub async fn serve() -> Cluster {
    let store = Store::new("prod", Clock::default());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    store.apply(namespace).unwrap();
    let server = Server::start(store.clone(), ANY_PORT).await.unwrap();
    Cluster { store, server }
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
           "metadata": {"name": name, "namespace": "shop", "labels": {"value": value}}, "data": {"value": value}})
}

pub fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                {"name": "web", "image": "web:1"}, {"name": "proxy", "image": "proxy:1"}]}}}})
}

pub fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "image": "web:1"}]},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "web", "ready": true, "restartCount": 0, "image": "web:1", "imageID": "web@sha256:00",
             "state": {"running": {"startedAt": "2026-11-21T20:31:00Z"}}}]}})
}

pub fn kustomization() -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"interval": "10m", "path": "./shop", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
            "message": "Applied revision: main@sha1:0000", "lastTransitionTime": "2026-11-21T20:31:00Z"}]}})
}
