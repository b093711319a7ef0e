//! Answers that are lost between the API server and Landfall: what came of the change is found out by reading, and it is never
//! sent again.

use std::time::Duration;

use contract::proxy::{Fault, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use super::meant::planned;
use super::operator::{Said, Wish};
use super::world::{Thing, is_steady};
use super::{Checked, Rig, so};

/// What came of a scaling from 2 to 3 pods whose one change met this fault.
struct Came {
    said: Said,
    object: Value,
    /// How often the change came to the proxy, and how often the API server did it.
    sent: usize,
    done: usize,
}

async fn meets(rig: &Rig, name: &str, fault: Fault) -> Checked<Came> {
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let proxy = rig.proxy().await?;
    let operator = rig.operator_through(&proxy)?;
    let wish = Wish {
        input: Some("to=3"),
        ..Wish::new("scale", &thing)
    };
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let rule = Rule::new(fault).method(Method::PATCH).except("dryRun=");
    proxy.script().add(rule.times(1));
    let said = operator.means(&wish, &plan)?.end().await?;
    // What would be sent again would be so by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let faults = proxy.script().faults();
    so(
        "the change has to meet the fault",
        faults == 1,
        said.whole(),
    )?;
    let requests = proxy.script().requests();
    let is_sent = |request: &&String| !request.starts_with("GET ") && is_kept(request);
    operator.has_a_whole_record().await?;
    Ok(Came {
        said,
        object: rig.get(&Thing::of("Deployment", name)).await?,
        sent: requests.iter().filter(is_sent).count(),
        done: rig.heard(name)?.iter().filter(|one| one.is_done()).count(),
    })
}

/// Whether a request is for a change that is kept: neither tried, nor a question of rights, nor the lock beside it.
fn is_kept(request: &str) -> bool {
    !request.contains("dryRun=")
        && !request.contains("coordination.k8s.io")
        && !request.contains("authorization.k8s.io")
        && !request.contains("authentication.k8s.io")
}

/// It was done, once, and seen to have worked.
async fn worked(rig: &Rig, name: &str, fault: Fault) -> Checked<String> {
    let came = meets(rig, name, fault).await?;
    let counts = (came.sent, came.done);
    let said = came.said.ends(0)?;
    so(
        "it has to be seen to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    so(
        "it has to be sent once, and done once",
        counts == (1, 1),
        format!("{counts:?}"),
    )?;
    so(
        "there have to be 3 pods",
        came.object["spec"]["replicas"] == 3 && is_steady("Deployment", &came.object),
        &came.object,
    )?;
    Ok(format!(
        "sent once, done once: {}",
        said.json()?["run"]["stands"]["says"]
    ))
}

/// It was not done, and nobody says that it worked.
async fn failed(rig: &Rig, name: &str, fault: Fault, words: &str) -> Checked<String> {
    let came = meets(rig, name, fault).await?;
    let counts = (came.sent, came.done);
    let said = came.said.ends(2)?.says(words)?;
    so(
        "it has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    so(
        "it has to be sent once, and not done",
        counts == (1, 0),
        format!("{counts:?}"),
    )?;
    so(
        "there have to be 2 pods as before",
        came.object["spec"]["replicas"] == 2,
        &came.object,
    )?;
    Ok(format!(
        "sent once: {}",
        said.json()?["run"]["stands"]["says"]
    ))
}

/// Turns red where `cluster/src/writing.rs` sends a change again when the connection breaks.
pub(super) async fn reset(rig: &Rig) -> Checked<String> {
    worked(rig, "lost-reset", Fault::ResetAfter(0)).await
}

/// Turns red where `cluster/src/writing.rs` calls a 502 a refusal.
pub(super) async fn gateway(rig: &Rig) -> Checked<String> {
    worked(rig, "lost-gateway", Fault::Lost(Some(502))).await
}

/// Turns red where `run/drive.rs` ends a run whose answer is unknown without reading.
pub(super) async fn silence(rig: &Rig) -> Checked<String> {
    worked(rig, "lost-silence", Fault::Lost(None)).await
}

/// Turns red where `run/drive.rs` takes an unknown answer for a yes, or sends once more what has not arrived.
pub(super) async fn never_arrived(rig: &Rig) -> Checked<String> {
    let words = "It was not sent again";
    failed(rig, "never-arrived", Fault::Status(502, None), words).await
}

/// Turns red where a change is sent again after `Retry-After`.
pub(super) async fn too_many(rig: &Rig) -> Checked<String> {
    failed(rig, "too-many", Fault::Status(429, Some(1)), "refused").await
}
