//! The half of a kubelet that KWOK leaves out: what the image of a container is, or that there is none.
//!
//! Owns the annotations that tell KWOK's stages how a pod goes on. They are true: the digest is the registry's answer
//! for the name in the pod's spec at this moment, a Secret or ConfigMap that is missing is missing, and any other fate is
//! written in the image's own labels. Unlike a kubelet's they are said once: what is mended later heals no pod. And a
//! pod has one fate, so its images should end up alike.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::images::{FATE, Registry};

/// The prefix of the annotations that the stages read.
const OURS: &str = "prove.landfall.dev";
/// How often pods are looked at. A scenario's time is made of many of these.
const LOOK: Duration = Duration::from_millis(150);

/// Looks after every pod until it is dropped.
pub async fn run(api: Api, registry: Registry) {
    let mut told: BTreeSet<String> = BTreeSet::new();
    loop {
        // A server that is starting or ending answers nothing; the next look asks again.
        let pods = api.list("Pod", "").await.unwrap_or_default();
        let alive: BTreeSet<String> = pods.iter().map(uid).collect();
        told.retain(|uid| alive.contains(uid));
        for pod in pods {
            if told.contains(&uid(&pod)) || pod["spec"]["nodeName"].is_null() {
                continue;
            }
            if tell(&api, &registry, &pod).await.is_some() {
                told.insert(uid(&pod));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Writes what the registry says about a pod's images; `None` if it could not be written yet.
async fn tell(api: &Api, registry: &Registry, pod: &Value) -> Option<()> {
    let mut annotations = serde_json::Map::new();
    let mut fate = String::new();
    let mut refused = None;
    let spec = &pod["spec"];
    let init = spec["initContainers"].as_array().into_iter().flatten();
    for container in spec["containers"].as_array()?.iter().chain(init) {
        let name = container["name"].as_str()?;
        let image = container["image"].as_str()?;
        match pull(registry, image).await {
            Ok((id, labels)) => {
                annotations.insert(format!("{OURS}/pulled-{name}"), json!(id));
                if let Some(word) = labels[FATE].as_str() {
                    word.clone_into(&mut fate);
                }
            }
            Err(Unpulled::Refused(why)) => refused = Some(("unpulled", why)),
            // Asked again.
            Err(Unpulled::Silent) => return None,
        }
    }
    if refused.is_none() {
        let missing = missing(api, pod).await?;
        refused = missing.map(|what| ("config", what));
    }
    if let Some((word, why)) = refused {
        word.clone_into(&mut fate);
        annotations.insert(format!("{OURS}/refused"), json!(why));
    }
    let fate = if fate.is_empty() { "ready" } else { &fate };
    annotations.insert(format!("{OURS}/fate"), json!(fate));
    let meta = &pod["metadata"];
    let patch = json!({"metadata": {"annotations": annotations}});
    api.merge(
        "Pod",
        meta["namespace"].as_str()?,
        meta["name"].as_str()?,
        &patch,
        None,
    )
    .await
    .ok()
    .map(drop)
}

/// The Secret or ConfigMap that a container takes its environment from and that is not there, in the kubelet's words;
/// `None` if it cannot be said yet.
async fn missing(api: &Api, pod: &Value) -> Option<Option<String>> {
    let namespace = pod["metadata"]["namespace"].as_str()?;
    for container in pod["spec"]["containers"].as_array()? {
        let list = |field: &str| container[field].as_array().cloned().unwrap_or_default();
        let whole = list("envFrom");
        let single = list("env");
        let single = single.iter().map(|variable| &variable["valueFrom"]);
        for from in whole.iter().chain(single) {
            for (field, kind, word) in [
                ("secretRef", "Secret", "secret"),
                ("secretKeyRef", "Secret", "secret"),
                ("configMapRef", "ConfigMap", "configmap"),
                ("configMapKeyRef", "ConfigMap", "configmap"),
            ] {
                let reference = &from[field];
                let Some(name) = reference["name"].as_str() else {
                    continue;
                };
                let is_there = api.get(kind, namespace, name).await.ok()?.is_some();
                if !is_there && reference["optional"] != true {
                    return Some(Some(format!("{word} {name:?} not found")));
                }
            }
        }
    }
    Some(None)
}

/// Why an image is not pulled.
enum Unpulled {
    /// In containerd's words.
    Refused(String),
    /// The registry did not answer.
    Silent,
}

/// What a container runtime reports as the image's id, and the image's labels; or why it cannot be pulled, in
/// containerd's words.
async fn pull(registry: &Registry, image: &str) -> Result<(String, Value), Unpulled> {
    let rest = image.strip_prefix(&format!("{}/", registry.host));
    let Some(rest) = rest else {
        return Err(Unpulled::Refused(format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": dial tcp: lookup: no such host"
        )));
    };
    let (repository, reference) = match rest.split_once('@') {
        Some((name, digest)) => (name.split(':').next().unwrap_or(name), digest),
        None => rest.split_once(':').unwrap_or((rest, "latest")),
    };
    match registry.look(repository, reference).await {
        Ok(Some((digest, labels))) => {
            Ok((format!("{}/{repository}@{digest}", registry.host), labels))
        }
        Ok(None) => Err(Unpulled::Refused(format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
        ))),
        Err(_) => Err(Unpulled::Silent),
    }
}
