//! The clusters before Flux has done anything: nodes, Flux's own namespace and keys, and the two objects that point it
//! at the GitOps repository.

use serde_json::{Value, json};

use super::CompanyError;
use super::apps::{App, Environment};
use super::declared::SECRET_KEY;
use super::flux::{FLUX, ROOT};
use crate::clock::rfc3339;
use crate::kubernetes::Store;
use crate::names::Names;

/// Fills a new cluster.
pub(super) fn bootstrap(
    store: &Store,
    names: &Names,
    sources: &[String],
) -> Result<(), CompanyError> {
    for number in 1..=4 {
        store.apply(node(store, number))?;
    }
    for name in ["default", "kube-system", FLUX, "landfall"] {
        store.apply(json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "status": {"phase": "Active"},
        }))?;
    }
    let keys = sources.iter().map(|source| format!("{source}-deploy-key"));
    for name in keys.chain(["registry".to_owned()]) {
        store.apply(secret(FLUX, &name, &["identity"]))?;
    }
    store.apply(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": names.deploy, "namespace": FLUX},
        "spec": {
            "interval": "5m",
            "url": format!("https://{}/{}/{}", names.code_host, names.owner, names.deploy),
            "ref": {"branch": "main"},
            "secretRef": {"name": format!("{}-deploy-key", names.deploy)},
        },
    }))?;
    store.apply(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": ROOT, "namespace": FLUX},
        "spec": {
            "interval": "30m",
            "path": format!("./clusters/{}", store.name()),
            "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": names.deploy},
        },
    }))?;
    Ok(())
}

/// The Secrets of apps, which people put into the clusters by hand.
pub(super) fn secrets(
    store: &Store,
    app: &App,
    environments: &[Environment],
) -> Result<(), CompanyError> {
    for environment in environments {
        let keys: &[&str] = match (app.spec.role, environment) {
            ("notifications", Environment::Production) => &["SMTP_USER"],
            ("notifications", _) => &["SMTP_USER", SECRET_KEY],
            _ => continue,
        };
        store.apply(secret(&app.namespace(*environment), &app.name, keys))?;
    }
    Ok(())
}

/// A job of an app's that runs when somebody asks for it: a CronJob that is suspended, put there by hand. It uses the image
/// that the app runs.
pub(super) fn job(store: &Store, app: &App, environment: Environment) -> Result<(), CompanyError> {
    let namespace = app.namespace(environment);
    let Some(deployment) = store.get("Deployment", &namespace, &app.name) else {
        return Ok(());
    };
    let image = deployment.pointer("/spec/template/spec/containers/0/image");
    let name = format!("{}-resend", app.name);
    store.apply(json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": app.name}},
        "spec": {
            "schedule": "0 6 * * 1",
            "suspend": true,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {
                "backoffLimit": 2,
                "template": {"spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "resend", "image": image, "args": ["resend"]}],
                }},
            }},
        },
    }))?;
    Ok(())
}

/// A Secret whose values say what they are: nothing here opens anything.
fn secret(namespace: &str, name: &str, keys: &[&str]) -> Value {
    let data: serde_json::Map<String, Value> = keys
        .iter()
        // "a secret of the embedded company"
        .map(|key| {
            (
                (*key).to_owned(),
                json!("YSBzZWNyZXQgb2YgdGhlIGVtYmVkZGVkIGNvbXBhbnk="),
            )
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": data,
    })
}

fn node(store: &Store, number: u32) -> Value {
    let now = rfc3339(store.clock().now());
    let resources =
        json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": format!("{}-{number}", store.name()),
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": format!("{}-{number}", store.name()),
                "node.kubernetes.io/instance-type": "m7i.2xlarge",
                "topology.kubernetes.io/zone": format!("eu-central-1{}", ["a", "b", "c", "a"][number as usize % 4]),
            },
        },
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{"type": "InternalIP", "address": format!("10.0.{number}.10")}],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": "v1.34.2",
                "containerRuntimeVersion": "containerd://2.1.4",
                "osImage": "Debian GNU/Linux 13 (trixie)",
                "kernelVersion": "6.12.48",
            },
        },
    })
}
