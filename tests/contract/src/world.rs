//! What a check works in: namespaces of its own, names nobody else has, and the objects that checks begin with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::api::Api;
use crate::broken::{Broken, filled};

pub(crate) const WIDGET_GROUP: &str = "contract.landfall.example";

/// A check's own corner of the server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: Api,
    made: Mutex<Vec<String>>,
}

/// A namespace of a check.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    pub(crate) name: String,
}

impl Space {
    /// The path of a core resource here: `configmaps`, `pods/web`.
    pub(crate) fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.name)
    }

    /// The path of a resource of a group here.
    pub(crate) fn of(&self, group_version: &str, rest: &str) -> String {
        format!("/apis/{group_version}/namespaces/{}/{rest}", self.name)
    }

    /// The path of a resource of `apps/v1` here.
    pub(crate) fn apps(&self, rest: &str) -> String {
        self.of("apps/v1", rest)
    }

    /// The path of our own custom resources here.
    pub(crate) fn widgets(&self, rest: &str) -> String {
        self.of(&format!("{WIDGET_GROUP}/v1"), rest)
    }
}

/// A name that nobody had before, on a server that other runs used too.
pub(crate) fn unique(beginning: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = now.map_or(0, |now| now.as_micros());
    let process = std::process::id();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{beginning}-{micros:x}-{process:x}-{count:x}")
}

impl World {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            api,
            made: Mutex::default(),
        }
    }

    /// A new namespace.
    pub(crate) async fn space(&self) -> Result<Space, Broken> {
        let name = unique("contract");
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.api
            .post("/api/v1/namespaces", &namespace)
            .gives(201)
            .await?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push(format!("/api/v1/namespaces/{name}"));
        Ok(Space { name })
    }

    /// Takes a cluster-wide object with it when the check ends.
    pub(crate) fn owns(&self, path: String) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push(path);
    }

    /// Removes what the check made; a server that refuses that has failed nothing.
    pub(crate) async fn leave(&self) {
        let made = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *made)
        };
        for path in made {
            let _left = self.api.delete(&path).send().await;
        }
    }

    /// Creates a ConfigMap `name` with `data.value`.
    pub(crate) async fn config_map(
        &self,
        space: &Space,
        name: &str,
        value: &str,
    ) -> Result<Value, Broken> {
        self.api
            .post(&space.core("configmaps"), &config_map(name, value))
            .gives(201)
            .await
    }

    /// Replaces the value of a ConfigMap.
    pub(crate) async fn set_value(
        &self,
        space: &Space,
        name: &str,
        value: &str,
    ) -> Result<Value, Broken> {
        self.api
            .put(
                &space.core(&format!("configmaps/{name}")),
                &config_map(name, value),
            )
            .gives(200)
            .await
    }

    /// Creates a Deployment `web` of two containers.
    pub(crate) async fn deployment(&self, space: &Space) -> Result<Value, Broken> {
        self.api
            .post(&space.apps("deployments"), &deployment("web"))
            .gives(201)
            .await
    }

    /// Creates a pod of these containers, with what a server asks for first.
    pub(crate) async fn pod(
        &self,
        space: &Space,
        name: &str,
        containers: &[&str],
    ) -> Result<Value, Broken> {
        // A server whose controllers run makes this account by itself.
        let account = json!({"metadata": {"name": "default"}});
        let made = self
            .api
            .post(&space.core("serviceaccounts"), &account)
            .send()
            .await?;
        if made.code != 409 {
            made.coded(201)?;
        }
        self.api
            .post(&space.core("pods"), &pod(name, containers))
            .gives(201)
            .await
    }

    /// Waits until our own kind is served; defines it first where it is not.
    pub(crate) async fn widgets(&self) -> Result<(), Broken> {
        let definition: Value = serde_json::from_str(include_str!("widgets.json"))
            .map_err(|error| Broken::NotSo(format!("widgets.json is JSON: {error}")))?;
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let made = self.api.post(definitions, &definition).send().await?;
        if made.code != 409 {
            made.coded(201)?;
        }
        for _ in 0..300 {
            let list = self
                .api
                .get(&format!("/apis/{WIDGET_GROUP}/v1/widgets"))
                .send()
                .await?;
            if list.code == 200 {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(Broken::Never("widgets are served".to_owned()))
    }

    /// A service account of a namespace, and its token.
    pub(crate) async fn account(&self, space: &Space, name: &str) -> Result<String, Broken> {
        let account = json!({"metadata": {"name": name}});
        let accounts = space.core("serviceaccounts");
        self.api.post(&accounts, &account).gives(201).await?;
        let review =
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let answer = self
            .api
            .post(&format!("{accounts}/{name}/token"), &review)
            .gives(201)
            .await?;
        Ok(filled(&answer, "/status/token")?.to_owned())
    }

    /// Lets a user do something in a namespace, by a Role and its binding.
    pub(crate) async fn allow(
        &self,
        space: &Space,
        user: &str,
        resources: &[&str],
        verbs: &[&str],
    ) -> Result<(), Broken> {
        let rbac = "rbac.authorization.k8s.io/v1";
        let name = unique("may");
        let role = json!({"metadata": {"name": name},
            "rules": [{"apiGroups": ["", "apps"], "resources": resources, "verbs": verbs}]});
        self.api
            .post(&space.of(rbac, "roles"), &role)
            .gives(201)
            .await?;
        let binding = json!({"metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        self.api
            .post(&space.of(rbac, "rolebindings"), &binding)
            .gives(201)
            .await?;
        let first = |words: &[&str]| words.first().copied().unwrap_or_default().to_owned();
        let attributes =
            json!({"verb": first(verbs), "resource": first(resources), "namespace": space.name});
        self.taken_up(user, &attributes).await
    }

    /// Lets a user do something in all namespaces, by a ClusterRole and its binding of one name, which is told. A server
    /// takes them up a moment later.
    pub(crate) async fn allow_everywhere(
        &self,
        user: &str,
        rules: &Value,
    ) -> Result<String, Broken> {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let name = unique("may");
        let role = json!({"metadata": {"name": name}, "rules": rules});
        let binding = json!({"metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        for (resource, object) in [("clusterroles", role), ("clusterrolebindings", binding)] {
            let path = format!("{rbac}/{resource}");
            self.api.post(&path, &object).gives(201).await?;
            self.owns(format!("{path}/{name}"));
        }
        Ok(name)
    }

    /// Waits until a user may do what a role allows: a server reads roles from a cache, a moment after they are written.
    pub(crate) async fn taken_up(&self, user: &str, attributes: &Value) -> Result<(), Broken> {
        let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let asked = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes}});
        let user = self.api.impersonating(user);
        for _ in 0..300 {
            let answer = user.post(reviews, &asked).gives(201).await?;
            if answer["status"]["allowed"] == true {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(Broken::Never("a role is taken up".to_owned()))
    }
}

pub(crate) fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"value": value}}, "data": {"value": value}})
}

pub(crate) fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]},
                {"name": "proxy", "image": "proxy:1"}]}}}})
}

pub(crate) fn pod(name: &str, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "image": format!("{name}:1")}))
        .collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
        // Nobody schedules it: what a check writes, only that check changes.
        "spec": {"automountServiceAccountToken": false, "schedulerName": "nobody", "containers": containers}})
}

pub(crate) fn widget(name: &str, size: i64) -> Value {
    json!({"apiVersion": format!("{WIDGET_GROUP}/v1"), "kind": "Widget",
        "metadata": {"name": name}, "spec": {"size": size, "parts": ["a", "b"]}})
}
