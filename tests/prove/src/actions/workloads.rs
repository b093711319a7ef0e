//! Restart, scale and delete a pod, on workloads that no Flux takes back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::meant::works;
use super::operator::Wish;
use super::world::{Thing, is_marked, is_ready, is_steady, text};
use super::{Checked, Rig, so};

fn uids(pods: &[Value]) -> BTreeSet<String> {
    let uids = pods.iter().map(|pod| text(pod, "/metadata/uid").to_owned());
    uids.collect()
}

/// Turns red where `step/rollout.rs` takes the old pods for new ones: `not_new` says nothing.
pub(super) async fn restart_deployment(rig: &Rig) -> Checked<String> {
    restart(rig, "Deployment", "restart-deployment").await
}

/// Turns red where `step/rollout.rs` believes a StatefulSet before it has observed the change: `is_observed` is true.
pub(super) async fn restart_stateful_set(rig: &Rig) -> Checked<String> {
    restart(rig, "StatefulSet", "restart-statefulset").await
}

/// Turns red where `step/rollout.rs` takes `currentNumberScheduled` for `updatedNumberScheduled`.
pub(super) async fn restart_daemon_set(rig: &Rig) -> Checked<String> {
    restart(rig, "DaemonSet", "restart-daemonset").await
}

async fn restart(rig: &Rig, kind: &'static str, name: &str) -> Checked<String> {
    let thing = rig.workload(kind, name, &json!({})).await?;
    let before = uids(&rig.pods(name).await?);
    let operator = rig.operator()?;
    let wish = Wish::new("restart", &thing);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;

    // At this very moment: it says that it is so.
    let (object, pods) = (rig.get(&thing).await?, rig.pods(name).await?);
    is_marked(&object, &worked.run)?;
    let mark = text(
        &object,
        "/spec/template/metadata/annotations/landfall.dev~1run",
    );
    so(
        "the template has to carry the run's mark",
        mark == worked.run,
        mark,
    )?;
    so(
        "the rollout has to be over",
        is_steady(kind, &object),
        &object["status"],
    )?;
    let after = uids(&pods);
    so(
        "every pod has to be another one",
        !before.is_empty() && after.len() == before.len() && after.is_disjoint(&before),
        format!("{before:?} became {after:?}"),
    )?;
    so(
        "every pod has to be ready",
        pods.iter().all(is_ready),
        json!(pods),
    )?;
    Ok(worked.says)
}

/// Turns red where `step/scale.rs` does not wait for the pods: `not_steady` says nothing.
pub(super) async fn scale(rig: &Rig) -> Checked<String> {
    let thing = rig.workload("Deployment", "scale", &json!({})).await?;
    let operator = rig.operator()?;
    let wish = Wish {
        input: Some("to=4"),
        ..Wish::new("scale", &thing)
    };
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let (object, pods) = (rig.get(&thing).await?, rig.pods("scale").await?);
    is_marked(&object, &worked.run)?;
    so(
        "it has to want 4 pods, and have them",
        object["spec"]["replicas"] == 4 && is_steady("Deployment", &object),
        &object,
    )?;
    so(
        "4 pods have to be there and ready",
        pods.len() == 4 && pods.iter().all(is_ready),
        json!(pods),
    )?;
    Ok(worked.says)
}

/// Turns red where `step/gone.rs` takes a pod that is there for one that is gone.
pub(super) async fn delete_pod(rig: &Rig) -> Checked<String> {
    let name = "delete-pod";
    rig.workload("Deployment", name, &json!({})).await?;
    let before = rig.pods(name).await?;
    let first = before.first().map_or("", |pod| text(pod, "/metadata/name"));
    let pod = Thing::new("Pod", name, first);
    let uid = text(&rig.get(&pod).await?, "/metadata/uid").to_owned();
    let operator = rig.operator()?;
    let wish = Wish::new("delete-pod", &pod);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&pod)).await?;
    let all = uids(&rig.api().list("Pod", name).await?);
    so(
        "the pod has to be gone",
        !all.contains(&uid),
        format!("{uid} in {all:?}"),
    )?;
    let workload = Thing::of("Deployment", name);
    rig.until(&workload, "it has its pods again", |found| {
        is_steady("Deployment", found)
    })
    .await?;
    let kept = uids(&before);
    let new = uids(&rig.pods(name).await?);
    so(
        "one other pod has to be there in its place",
        new.difference(&kept).count() == 1 && new.len() == kept.len(),
        format!("{kept:?} became {new:?}"),
    )?;
    Ok(worked.says)
}
