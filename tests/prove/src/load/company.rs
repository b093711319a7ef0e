//! What a full cluster is filled with: apps that all run well, in the shape in which controllers leave them.
//!
//! Owns the objects. Half of the apps are applied by a Kustomization, half are installed by a HelmRelease; each has a
//! Deployment, its ReplicaSet, pods, a Service and its EndpointSlice.

use futures::StreamExt;
use serde_json::{Value, json};

use sandbox::git::Edit;

use super::LoadError;
use crate::ground::{Ground, GroundError};

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Kustomizations and HelmReleases, half of each: one for each app.
    pub apps: usize,
    /// Pods of all apps together.
    pub pods: usize,
}

/// What it was filled with.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Apps.
    pub apps: usize,
    /// Objects of all kinds.
    pub objects: usize,
}

/// Who committed it.
const AUTHOR: &str = "Robin Vale <robin@prove.example>";
/// How many writes are under way at once.
const AT_ONCE: usize = 12;
/// How many apps share a namespace.
pub const NEIGHBOURS: usize = 20;

/// The name of an app.
pub fn name(number: usize) -> String {
    format!("load-{number:04}")
}

/// Fills the cluster, the registry and the code host.
///
/// # Errors
/// Something is refused.
pub async fn fill(ground: &Ground, size: Size) -> Result<Filled, LoadError> {
    let source = ground.code.create("load/apps").map_err(GroundError::from)?;
    let now = jiff::Timestamp::now();
    let edit = Edit::Write {
        path: "README.md".to_owned(),
        content: "Every app of a full cluster.\n".to_owned(),
    };
    let sha = source
        .commit("main", AUTHOR, now, "All of it", &[edit])
        .map_err(GroundError::from)?;
    let repository = format!("http://{}/load/apps", ground.code_host);
    let spaces = size.apps.div_ceil(NEIGHBOURS);
    let mut first = vec![namespace("flux-system")];
    for space in 0..spaces {
        first.push(namespace(&space_of(space * NEIGHBOURS)));
        first.push(json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": space_of(space * NEIGHBOURS)}}));
    }
    first.push(git_repository(&repository, &sha));
    for object in &first {
        ground.api.apply(object).await.map_err(GroundError::from)?;
    }
    let mut objects = first.len();
    let mut digests = Vec::new();
    for app in 0..size.apps {
        let labels = json!({
            "org.opencontainers.image.source": repository,
            "org.opencontainers.image.revision": sha,
        });
        let created = now.to_string();
        let repository = image(app);
        let pushed = ground.registry.push(&repository, "v1", &labels, &created);
        digests.push(pushed.await?);
    }
    let each = size.pods / size.apps.max(1);
    let all = (0..size.apps).flat_map(|app| {
        let digest = digests.get(app).cloned().unwrap_or_default();
        of_app(ground, app, each, &digest, &sha)
    });
    let all: Vec<Value> = all.collect();
    objects += all.len();
    let mut written = futures::stream::iter(&all)
        .map(|object| ground.api.apply(object))
        .buffer_unordered(AT_ONCE);
    while let Some(one) = written.next().await {
        one.map_err(GroundError::from)?;
    }
    Ok(Filled {
        apps: size.apps,
        objects,
    })
}

/// The namespace of an app.
pub fn space_of(app: usize) -> String {
    format!("team-{:03}", app / NEIGHBOURS)
}

fn image(app: usize) -> String {
    format!("load/{}", name(app))
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn ready(reason: &str, message: &str) -> Value {
    json!([{"type": "Ready", "status": "True", "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}])
}

fn git_repository(url: &str, sha: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"url": url, "interval": "1m", "ref": {"branch": "main"}},
        "status": {"observedGeneration": 1, "conditions": ready("Succeeded", "stored artifact"),
            "artifact": {"revision": format!("main@sha1:{sha}"), "path": "gitrepository/flux-system/apps/x.tar.gz",
                "url": "http://source-controller/x.tar.gz", "lastUpdateTime": "2026-01-01T00:00:00Z",
                "digest": format!("sha256:{}", "0".repeat(64))}},
    })
}

/// Everything of one app.
fn of_app(ground: &Ground, app: usize, pods: usize, digest: &str, sha: &str) -> Vec<Value> {
    let (name, space) = (name(app), space_of(app));
    let image = format!("{}/{}", ground.registry.host, image(app));
    let owner = match app % 2 {
        0 => "kustomize.toolkit.fluxcd.io",
        _ => "helm.toolkit.fluxcd.io",
    };
    let labels = json!({
        "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "flux",
        (format!("{owner}/name")): name, (format!("{owner}/namespace")): "flux-system",
    });
    let mut all = vec![applier(app, &name, &space, sha)];
    let hash = format!("{:08x}", app * 7919);
    let own = json!({"app": name});
    let of_pods = json!({"app": name, "app.kubernetes.io/name": name, "pod-template-hash": hash});
    let template = json!({
        "metadata": {"labels": of_pods},
        "spec": {"containers": [{
            "name": "app", "image": format!("{image}:v1"), "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": (0..12).map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value {number} of {name}")})).collect::<Vec<_>>(),
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        }]},
    });
    all.push(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": space, "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {"replicas": pods, "selector": {"matchLabels": own}, "template": template},
        "status": {"observedGeneration": 1, "replicas": pods, "updatedReplicas": pods, "readyReplicas": pods,
            "availableReplicas": pods, "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "",
                    "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "",
                    "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    }));
    let set = format!("{name}-{hash}");
    all.push(json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": set, "namespace": space, "labels": of_pods,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [owned("Deployment", &name)]},
        "spec": {"replicas": pods, "selector": {"matchLabels": of_pods}, "template": template},
        "status": {"observedGeneration": 1, "replicas": pods, "readyReplicas": pods, "availableReplicas": pods,
            "fullyLabeledReplicas": pods},
    }));
    for number in 0..pods {
        all.push(pod(
            (&set, number),
            &space,
            &of_pods,
            &template["spec"],
            (&image, digest),
        ));
    }
    all.push(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": {"selector": own, "clusterIP": "None", "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }));
    let endpoints = (0..pods).map(|number| {
        json!({"addresses": [format!("10.{}.{}.{}", app / 250, app % 250, number + 1)],
            "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": format!("{set}-{number}"), "namespace": space}})
    });
    all.push(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{name}-x"), "namespace": space, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": endpoints.collect::<Vec<_>>(), "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }));
    all
}

fn owned(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true,
        "uid": "00000000-0000-4000-8000-000000000000"})
}

fn applier(app: usize, name: &str, space: &str, sha: &str) -> Value {
    let meta = json!({"name": name, "namespace": "flux-system"});
    let revision = format!("main@sha1:{sha}");
    if app.is_multiple_of(2) {
        return json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta,
            "spec": {"interval": "10m", "path": format!("./apps/{name}"), "prune": true, "wait": true,
                "sourceRef": {"kind": "GitRepository", "name": "apps"}},
            "status": {"observedGeneration": 1, "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
                "conditions": ready("ReconciliationSucceeded", "Applied revision"),
                "inventory": {"entries": [
                    {"id": format!("{space}_{name}_apps_Deployment"), "v": "v1"},
                    {"id": format!("{space}_{name}__Service"), "v": "v1"}]}},
        });
    }
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": meta,
        "spec": {"interval": "10m", "targetNamespace": space,
            "chart": {"spec": {"chart": "./chart", "sourceRef": {"kind": "GitRepository", "name": "apps"}}},
            "values": {"image": {"tag": "v1"}}},
        "status": {"observedGeneration": 1, "conditions": ready("InstallSucceeded", "Helm install succeeded"),
            "history": [{"name": name, "namespace": space, "version": 1, "status": "deployed", "chartName": "chart",
                "chartVersion": "0.1.0", "configDigest": format!("sha256:{}", "1".repeat(64)),
                "digest": format!("sha256:{}", "2".repeat(64)), "firstDeployed": "2026-01-01T00:00:00Z",
                "lastDeployed": "2026-01-01T00:00:00Z"}]},
    })
}

fn pod(
    (set, number): (&str, usize),
    space: &str,
    labels: &Value,
    spec: &Value,
    (image, digest): (&str, &str),
) -> Value {
    let mut spec = spec.clone();
    spec["nodeName"] = format!("node-{}", number % 4).into();
    let at = "2026-01-01T00:00:00Z";
    let condition = |kind| json!({"type": kind, "status": "True", "lastTransitionTime": at});
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{set}-{number}"), "namespace": space, "labels": labels,
            "ownerReferences": [owned("ReplicaSet", set)]},
        "spec": spec,
        "status": {"phase": "Running", "startTime": at, "podIP": "10.0.0.1", "hostIP": "10.1.0.1",
            "conditions": conditions,
            "containerStatuses": [{"name": "app", "image": format!("{image}:v1"), "imageID": format!("{image}@{digest}"),
                "ready": true, "started": true, "restartCount": 0, "state": {"running": {"startedAt": at}}}]},
    })
}
