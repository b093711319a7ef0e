//! One small cluster with a GitOps repository and a registry, for tests to play with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sandbox::clock::Clock;
use sandbox::controllers::{Controllers, Shelf};
use sandbox::faults::{Faults, PodBehaviour};
use sandbox::git::{CodeHost, Edit, Repository};
use sandbox::kubernetes::Store;
use sandbox::registry::{ImageSpec, Registry};
use serde_json::{Value, json};

pub const HOST: &str = "code.tidewater.example";
pub const REGISTRY: &str = "registry.tidewater.example";

/// The cluster and all around it.
pub struct World {
    pub clock: Clock,
    pub store: Store,
    pub code: CodeHost,
    pub git: Repository,
    pub registry: Registry,
    pub faults: Faults,
    pub shelf: Shelf,
    pub controllers: Controllers,
    pub now: Timestamp,
}

impl World {
    /// A cluster with two nodes and the namespaces shop and flux-system, at noon.
    pub fn new() -> Self {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Clock::default();
        clock.play(now);
        let store = Store::new("prod", clock.clone());
        let code = CodeHost::new(clock.clone()).unwrap();
        let git = code.create("shop/deploy").unwrap();
        let registry = Registry::new(clock.clone());
        let faults = Faults::default();
        let shelf = Shelf::default();
        for name in ["shop", "flux-system"] {
            put(
                &store,
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            );
        }
        for name in ["node-1", "node-2"] {
            put(
                &store,
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}}),
            );
        }
        let controllers = Controllers::new(
            store.clone(),
            code.clone(),
            HOST,
            registry.clone(),
            REGISTRY,
            faults.clone(),
            clock.clone(),
            7,
        )
        .with_shelf(shelf.clone());
        Self {
            clock,
            store,
            code,
            git,
            registry,
            faults,
            shelf,
            controllers,
            now,
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.clock.play(self.now);
        self.controllers.run_until(self.now);
        self.controllers.settle();
    }

    /// Pushes an image of the app; answers its digest.
    pub fn image(&self, app: &str, tag: &str) -> String {
        let revision = (
            "org.opencontainers.image.revision".to_owned(),
            tag.to_owned(),
        );
        self.registry.push(
            &format!("shop/{app}"),
            tag,
            ImageSpec {
                labels: BTreeMap::from([revision]),
                created: self.now,
                platforms: Vec::new(),
            },
        )
    }

    /// Makes pods with an image behave.
    pub fn behave(&self, digest: &str, behaviour: PodBehaviour) {
        self.faults
            .table()
            .images
            .insert(digest.to_owned(), behaviour);
    }

    /// Commits files on main.
    pub fn commit(&self, message: &str, files: &[(&str, String)]) -> String {
        let edits: Vec<Edit> = files
            .iter()
            .map(|(path, content)| Edit::Write {
                path: (*path).to_owned(),
                content: content.clone(),
            })
            .collect();
        self.git
            .commit(
                "main",
                "Ada <ada@tidewater.example>",
                self.now,
                message,
                &edits,
            )
            .unwrap()
    }

    pub fn put(&self, object: Value) {
        put(&self.store, object);
    }

    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let object = self.store.get(kind, namespace, name);
        Value::clone(&object.unwrap_or_else(|| panic!("no {kind} {namespace}/{name}")))
    }

    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.store.edit(kind, namespace, name, change).unwrap();
    }

    /// The GitRepository `deploy`, fetched every minute, and a Kustomization `cart` of the folder `cart`.
    pub fn flux(&self) {
        self.source("1m");
        self.kustomization("cart", json!({}));
    }

    pub fn source(&self, interval: &str) {
        self.put(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "deploy", "namespace": "flux-system"},
            "spec": {"interval": interval, "url": format!("https://{HOST}/shop/deploy.git"), "ref": {"branch": "main"}},
        }));
    }

    /// A Kustomization of the folder of its name, every ten minutes; `extra` goes into the spec.
    pub fn kustomization(&self, name: &str, extra: Value) {
        let mut spec = json!({
            "interval": "10m", "path": format!("./{name}"), "prune": true, "targetNamespace": "shop",
            "sourceRef": {"kind": "GitRepository", "name": "deploy"},
        });
        for (key, value) in extra.as_object().unwrap() {
            spec[key] = value.clone();
        }
        self.put(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec,
        }));
    }

    /// The pods of an app that are not on their way out, by name.
    pub fn pods(&self, app: &str) -> Vec<Value> {
        let pods = self.store.list("Pod", Some("shop"));
        let of = |pod: &Value| {
            pod["metadata"]["labels"]["app"] == app
                && pod["metadata"].get("deletionTimestamp").is_none()
        };
        pods.iter()
            .filter(|pod| of(pod))
            .map(|pod| Value::clone(pod))
            .collect()
    }

    /// The reasons of the Events about an object, with their messages.
    pub fn events(&self, kind: &str, name: &str) -> Vec<(String, String)> {
        self.store
            .list("Event", None)
            .iter()
            .filter(|event| {
                event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name
            })
            .map(|event| (string(&event["reason"]), string(&event["message"])))
            .collect()
    }
}

fn put(store: &Store, object: Value) {
    store.apply(object).unwrap();
}

pub fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `status`, `reason` and `message` of a condition; empty if there is none.
pub fn condition(object: &Value, kind: &str) -> (String, String, String) {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .map(|c| {
            (
                string(&c["status"]),
                string(&c["reason"]),
                string(&c["message"]),
            )
        })
        .unwrap_or_default()
}

/// A Deployment and its Service as a file of the GitOps repository.
pub fn manifest(app: &str, tag: &str, replicas: u32) -> String {
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  labels: {{app: {app}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata:
      labels: {{app: {app}}}
    spec:
      containers:
      - name: {app}
        image: {REGISTRY}/shop/{app}:{tag} # {{"$imagepolicy": "flux-system:{app}"}}
        ports: [{{containerPort: 8080}}]
        resources: {{limits: {{memory: 128Mi}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {app}}}
spec:
  selector: {{app: {app}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
"#
    )
}
