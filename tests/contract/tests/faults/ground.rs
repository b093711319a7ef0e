//! What the tests stand on: an embedded API server, the proxy before it, and the product's client behind that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::{Cluster, Options, contexts};
use contract::Trust;
use contract::proxy::{Fault, Proxy, Rule};
use facts::{ClusterFacts, Coverage, Kind};
use sandbox::clock::Clock;
use sandbox::kubernetes::{Server, Store};
use sandbox::serve::ANY_PORT;
use serde_json::json;

/// Far longer than anything takes; what has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

pub const PODS: &str = "/api/v1/pods";
pub const LISTS: &str = "GET /api/v1/pods?limit=";
pub const WATCHES: &str = "GET /api/v1/pods?watch=true";

/// A cluster behind a proxy.
pub struct Ground {
    pub store: Store,
    pub proxy: Proxy,
    _server: Server,
    folder: tempfile::TempDir,
}

impl Ground {
    pub async fn new() -> Self {
        let store = Store::new("prod", Clock::default());
        let server = Server::start(store.clone(), ANY_PORT).await.unwrap();
        let proxy = Proxy::start(&server.url(), Trust::Machine).await.unwrap();
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        store.apply(namespace).unwrap();
        Self {
            store,
            proxy,
            _server: server,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn rule(&self, rule: Rule) {
        self.proxy.script().add(rule);
    }

    /// A fault for the list of pods, or for its watch.
    pub fn pods(&self, part: &str, fault: Fault) -> Rule {
        Rule::new(fault).path(PODS).query(part)
    }

    pub fn pod(&self, name: &str) {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"containers": [{"name": "api", "image": "r/api:1"}]}});
        self.store.apply(pod).unwrap();
    }

    pub fn gone(&self, name: &str) {
        assert!(self.store.delete("Pod", "shop", name));
    }

    pub fn watch(&self) -> Cluster {
        self.watch_with(|_| {})
    }

    pub fn watch_with(&self, change: impl FnOnce(&mut Options)) -> Cluster {
        let path = self.folder.path().join("config");
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: admin}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u, namespace: shop}}}}]\n",
            self.proxy.url()
        );
        std::fs::write(&path, text).unwrap();
        let context = contexts(Some(&path)).unwrap().remove(0);
        let mut options = Options {
            recheck: Duration::from_millis(300),
            rediscover: Duration::from_millis(300),
            heartbeat: Duration::from_millis(200),
            ..Options::default()
        };
        change(&mut options);
        Cluster::start(&context, options)
    }

    /// How often something was asked.
    pub fn asked(&self, beginning: &str) -> usize {
        self.proxy.script().count(beginning)
    }
}

pub async fn until(
    cluster: &Cluster,
    what: &str,
    so: impl Fn(&ClusterFacts) -> bool,
) -> Arc<ClusterFacts> {
    let mut facts = cluster.facts();
    let waited = tokio::time::timeout(PATIENCE, facts.wait_for(|facts| so(facts))).await;
    match waited {
        Ok(facts) => facts.unwrap().clone(),
        Err(_) => panic!("never: {what}; {:#?}", cluster.facts().borrow().coverage),
    }
}

pub fn pods(facts: &ClusterFacts) -> BTreeSet<&str> {
    facts.pods.keys().map(|key| key.name.as_str()).collect()
}

pub fn known(facts: &ClusterFacts) -> &Coverage {
    facts.coverage(Kind::Pod, "shop")
}

/// Waits until exactly these pods are known, and known to be all.
pub async fn until_pods(cluster: &Cluster, wanted: &[&str]) -> Arc<ClusterFacts> {
    let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
    until(cluster, &format!("{wanted:?}"), |facts| {
        known(facts).is_whole() && pods(facts) == wanted
    })
    .await
}
