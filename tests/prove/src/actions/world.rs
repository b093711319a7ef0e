//! What is acted on: namespaces, images, workloads with pods that become ready, and apps that Flux applies.
//!
//! Owns making them, looking at them with the proving ground's own client, and waiting for them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Checked, Rig, Wrong, so};
use crate::images::FATE;
use crate::scenario::Scenario;

/// How long the world may take to become so. It is as long as a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(300);
/// How often in a row something has to be found the same, to be at rest.
const AT_REST: u32 = 5;
/// What the tag of images is.
const TAG: &str = "one";

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Thing {
    /// One whose name is its namespace's.
    pub(super) fn of(kind: &'static str, name: &str) -> Self {
        Self::new(kind, name, name)
    }

    pub(super) fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// A text of an object; empty where there is none.
pub(super) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// Asks again until it is so, or too much time is over.
pub(super) async fn until<Found>(
    what: &str,
    mut look: impl AsyncFnMut() -> Checked<Result<Found, String>>,
) -> Checked<Found> {
    let begun = Instant::now();
    loop {
        let said = match look().await? {
            Ok(found) => return Ok(found),
            Err(said) => said,
        };
        so(what, begun.elapsed() < PATIENCE, said)?;
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether all pods of a workload are of its newest template, and ready, and no other is there.
pub(super) fn is_steady(kind: &str, object: &Value) -> bool {
    let status = &object["status"];
    let is_observed = status["observedGeneration"] == object["metadata"]["generation"];
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    let (wanted, counts) = match kind {
        "DaemonSet" => (
            status["desiredNumberScheduled"].as_i64(),
            vec![
                count("updatedNumberScheduled"),
                count("numberReady"),
                count("currentNumberScheduled"),
            ],
        ),
        _ => (
            object["spec"]["replicas"].as_i64(),
            vec![
                count("updatedReplicas"),
                count("readyReplicas"),
                count("replicas"),
            ],
        ),
    };
    is_observed && wanted.is_some_and(|wanted| counts.iter().all(|count| *count == wanted))
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    has(pod, "Ready", "True")
}

/// Whether an object has this condition.
pub(super) fn has(object: &Value, kind: &str, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|one| one["type"] == kind && one["status"] == status)
}

/// Wants an object to carry a run's mark, and its fields to be Landfall's.
pub(super) fn is_marked(object: &Value, run: &str) -> Checked {
    let mark = text(object, "/metadata/annotations/landfall.dev~1run");
    so("the object has to carry the run's mark", mark == run, mark)?;
    let managers = &object["metadata"]["managedFields"];
    let mut all = managers.as_array().into_iter().flatten();
    so(
        "what was changed has to be the field manager landfall's",
        all.any(|one| one["manager"] == "landfall"),
        managers,
    )
}

impl Rig {
    /// An object that has to be there.
    pub(super) async fn get(&self, thing: &Thing) -> Checked<Value> {
        let found = self
            .api()
            .get(thing.kind, &thing.namespace, &thing.name)
            .await?;
        found.ok_or_else(|| Wrong::Not {
            what: format!("{thing} has to be there"),
            said: "it is not".to_owned(),
        })
    }

    /// Waits until an object is so.
    pub(super) async fn until(
        &self,
        thing: &Thing,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Checked<Value> {
        let what = format!("{thing} has to become so: {what}");
        until(&what, async || {
            let found = self.get(thing).await?;
            Ok(match is_so(&found) {
                true => Ok(found),
                false => Err(found["status"].to_string()),
            })
        })
        .await
    }

    /// The version of each of these.
    pub(super) async fn versions(&self, things: &[Thing]) -> Checked<BTreeMap<String, String>> {
        let mut versions = BTreeMap::new();
        for thing in things {
            let version = text(&self.get(thing).await?, "/metadata/resourceVersion").to_owned();
            versions.insert(thing.to_string(), version);
        }
        Ok(versions)
    }

    /// Waits until nobody changes these any more; their versions. A plan is of objects as they are: what a controller still
    /// writes would make it another one.
    pub(super) async fn at_rest(&self, things: &[Thing]) -> Checked<BTreeMap<String, String>> {
        let (mut last, mut same) = (BTreeMap::new(), 0);
        until("the objects have to come to rest", async || {
            let now = self.versions(things).await?;
            same = if now == last { same + 1 } else { 0 };
            last.clone_from(&now);
            Ok(if same >= AT_REST {
                Ok(now)
            } else {
                Err(format!("{now:?}"))
            })
        })
        .await
    }

    /// Makes a namespace.
    pub(super) async fn namespace(&self, name: &str) -> Checked {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.api().apply(&object).await?;
        Ok(())
    }

    /// Pushes an image whose containers end up so, or run and become ready: what it is called.
    pub(super) async fn image(&self, name: &str, fate: Option<&str>) -> Checked<String> {
        self.push(name, fate).await?;
        Ok(format!("{}/apps/{name}:{TAG}", self.ground.registry.host))
    }

    /// The same; its digest.
    pub(super) async fn push(&self, name: &str, fate: Option<&str>) -> Checked<String> {
        let labels = fate.map_or_else(|| json!({}), |fate| json!({FATE: fate}));
        let repository = format!("apps/{name}");
        let created = Timestamp::now().to_string();
        let registry = &self.ground.registry;
        Ok(registry.push(&repository, TAG, &labels, &created).await?)
    }

    /// A workload in a namespace of its own, with `change` merged into its spec; once its pods are ready.
    pub(super) async fn workload(
        &self,
        kind: &'static str,
        name: &str,
        change: &Value,
    ) -> Checked<Thing> {
        let thing = Thing::of(kind, name);
        self.namespace(name).await?;
        let mut object = unfinished(&thing, &self.image(name, None).await?);
        json_patch::merge(&mut object["spec"], change);
        self.api().apply(&object).await?;
        self.until(&thing, "all its pods are ready", |found| {
            is_steady(kind, found)
        })
        .await?;
        Ok(thing)
    }

    /// The pods of a namespace that are not on their way out.
    pub(super) async fn pods(&self, namespace: &str) -> Checked<Vec<Value>> {
        let mut pods = self.api().list("Pod", namespace).await?;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        Ok(pods)
    }

    /// Lives an app, as a scenario's steps do.
    pub(super) fn app(name: &str, steps: &str) -> Checked<Scenario> {
        let text = format!("about: {name}\nsteps: {steps}\nexpect: {{ state: deployed }}\n");
        let mut scenario: Scenario = serde_yaml_ng::from_str(&text)?;
        name.clone_into(&mut scenario.name);
        Ok(scenario)
    }
}

/// A workload's object, as it is applied.
pub(super) fn unfinished(thing: &Thing, image: &str) -> Value {
    let (name, namespace) = (&thing.name, &thing.namespace);
    let labels = json!({"app": name});
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": thing.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    });
    if thing.kind != "DaemonSet" {
        object["spec"]["replicas"] = json!(2);
    }
    if thing.kind == "StatefulSet" {
        object["spec"]["serviceName"] = json!(name);
    }
    object
}
