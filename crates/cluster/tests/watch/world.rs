//! The one place where tests get a cluster from: today the small responder, and what runs against it runs against a
//! real API server by changing this file alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cluster::{Backoff, Cluster, Context, Options, contexts};
use facts::ClusterFacts;
use serde_json::{Value, json};

use crate::responder::{Responder, Running};

pub const PODS: &str = "/api/v1/pods";
pub const NAMESPACES: &str = "/api/v1/namespaces";
pub const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
pub const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(10);

pub struct World {
    pub responder: Arc<Responder>,
    running: Option<Running>,
    port: u16,
    folder: tempfile::TempDir,
}

impl World {
    /// A cluster with one namespace and Flux' Kustomizations.
    pub fn new() -> Self {
        let responder = Responder::new();
        responder.serve(KUSTOMIZATIONS);
        responder.put(NAMESPACES, json!({"metadata": {"name": "shop"}}));
        let running = Running::start(&responder, 0);
        let port = running.address.port();
        Self {
            responder,
            running: Some(running),
            port,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Kills the server with all its connections.
    pub fn off(&mut self) {
        self.running = None;
    }

    /// Starts it again, on the same port, with what it knew.
    pub fn on(&mut self) {
        self.running = Some(Running::start(&self.responder, self.port));
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A context of this cluster, with a user's entry as YAML in braces.
    pub fn context(&self, user: &str) -> Context {
        self.context_at(&format!("http://127.0.0.1:{}", self.port), user)
    }

    pub fn context_at(&self, server: &str, user: &str) -> Context {
        self.context_of(&format!("{{server: '{server}'}}"), user)
    }

    pub fn context_of(&self, cluster: &str, user: &str) -> Context {
        let config = format!(
            "clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: u, namespace: shop}}}}]\n"
        );
        let path = self.file("config", &config);
        contexts(Some(&path)).unwrap().remove(0)
    }

    /// Watches this cluster.
    pub fn cluster(&self) -> Cluster {
        self.cluster_with(|_| {})
    }

    pub fn cluster_with(&self, change: impl FnOnce(&mut Options)) -> Cluster {
        let mut options = quick();
        change(&mut options);
        Cluster::start(&self.context("{token: t}"), options)
    }
}

/// Options with shorter waits than a person needs; what tests assert about time, they assert with the real ones.
pub fn quick() -> Options {
    Options {
        recheck: Duration::from_millis(300),
        rediscover: Duration::from_millis(300),
        poll: Duration::from_millis(200),
        sign_in_backoff: Backoff {
            first: Duration::from_millis(200),
            most: Duration::from_millis(400),
        },
        ..Options::default()
    }
}

/// Waits until the facts are so.
pub async fn until(
    cluster: &Cluster,
    what: &str,
    so: impl Fn(&ClusterFacts) -> bool,
) -> Arc<ClusterFacts> {
    let mut facts = cluster.facts();
    let waited = tokio::time::timeout(SOON, facts.wait_for(|facts| so(facts))).await;
    match waited {
        Ok(facts) => facts.unwrap().clone(),
        Err(_) => panic!("never: {what}; {:#?}", cluster.facts().borrow()),
    }
}

/// Waits until the connection is so.
pub async fn until_connection(
    cluster: &Cluster,
    what: &str,
    so: impl Fn(&api::Connection) -> bool,
) -> api::Connection {
    let mut connection = cluster.connection();
    let waited = tokio::time::timeout(SOON, connection.wait_for(|c| so(c))).await;
    match waited {
        Ok(connection) => connection.unwrap().clone(),
        Err(_) => panic!("never: {what}; {:#?}", cluster.connection().borrow()),
    }
}

pub fn pod(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "status": {"phase": "Running"}})
}
