//! What is Flux's: reconcile, with its source first; let a HelmRelease that gave up begin anew; suspend and resume.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::meant::works;
use super::operator::Wish;
use super::world::{Thing, has, is_marked, is_steady, text};
use super::{Checked, Rig, so};
use crate::play::Play;
use crate::scenario::Asked;

/// How long Flux has for what it must not do.
const QUIET: Duration = Duration::from_secs(5);

/// An app with a release in Git of which nobody has told Flux, whose interval is half an hour.
const UNASKED: &str = "[live: {}, commit: {}, release: { quietly: true }]";

fn contains(at: &'static str, part: &str) -> impl Fn(&serde_json::Value) -> bool {
    move |object| text(object, at).contains(part)
}

const APPLIED: &str = "/status/lastAppliedRevision";
const FETCHED: &str = "/status/artifact/revision";
const HANDLED: &str = "/status/lastHandledReconcileAt";

/// Turns red where `step/reconcile.rs` believes Ready before the request is handled (`handled != Some(run)` is left out), or
/// asks the source last.
pub(super) async fn reconcile(rig: &Rig) -> Checked<String> {
    let name = "act-reconcile";
    let scenario = Rig::app(name, UNASKED)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let (head, image) = (
        play.asked(Some(Asked::Configuration)),
        play.filled("{image}"),
    );
    let (source, thing) = (
        Thing::of("GitRepository", name),
        Thing::of("Kustomization", name),
    );
    let before = rig.get(&thing).await?;
    so(
        "nobody may have asked Flux yet",
        !contains(APPLIED, &head)(&before),
        &before["status"],
    )?;
    let operator = rig.operator()?;
    let wish = Wish::new("reconcile", &thing);
    let worked = works(rig, &operator, &wish, &[source.clone(), thing.clone()]).await?;

    let (source, object) = (rig.get(&source).await?, rig.get(&thing).await?);
    for object in [&source, &object] {
        is_marked(object, &worked.run)?;
        so(
            "Flux has to have handled this very request",
            text(object, HANDLED) == worked.run,
            &object["status"],
        )?;
    }
    so(
        "the source has to be at Git's head",
        contains(FETCHED, &head)(&source),
        &source["status"],
    )?;
    so(
        "Git's head has to be applied",
        contains(APPLIED, &head)(&object) && has(&object, "Ready", "True"),
        &object["status"],
    )?;
    let deployment = rig.get(&Thing::of("Deployment", name)).await?;
    let runs = text(&deployment, "/spec/template/spec/containers/0/image");
    so("what Git names has to run", runs == image, runs)?;
    Ok(worked.says)
}

/// The same steps as the scenario helm-retries-exhausted.
const GAVE_UP: &str = r#"
  - live: { helm: { upgrade: { remediation: { retries: 1, remediateLastFailure: false } } } }
  - commit: { fate: crash }
  - release: {}
  - until: { object: "HelmRelease {name}", condition: { type: Stalled, status: "True", reason: RetriesExceeded } }
"#;

/// Turns red where `step/reconcile.rs` leaves the stamp `resetAt` out: Flux looks, and goes on having given up.
pub(super) async fn reset(rig: &Rig) -> Checked<String> {
    let name = "act-reset";
    let scenario = Rig::app(name, GAVE_UP)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    // Somebody mends the image, and nothing in Git changes.
    let image = play.filled("{image}");
    let tag = image.rsplit(':').next().unwrap_or_default();
    let registry = &rig.ground.registry;
    let created = Timestamp::now().to_string();
    let repository = format!("apps/{name}");
    registry
        .push(&repository, tag, &json!({}), &created)
        .await?;
    let deployment = Thing::of("Deployment", name);
    for pod in rig.pods(name).await? {
        let pod = text(&pod, "/metadata/name");
        rig.api().delete("Pod", name, pod).await?;
    }
    rig.until(&deployment, "its pods run", |found| {
        is_steady("Deployment", found)
    })
    .await?;
    let thing = Thing::of("HelmRelease", name);
    let still = rig.get(&thing).await?;
    so(
        "Flux has to have given it up still",
        has(&still, "Stalled", "True"),
        &still["status"],
    )?;

    let operator = rig.operator()?;
    let wish = Wish::new("reconcile-reset", &thing);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let object = rig.get(&thing).await?;
    is_marked(&object, &worked.run)?;
    let reset = text(&object, "/status/lastHandledResetAt");
    so(
        "Flux has to have handled this very reset",
        reset == worked.run && text(&object, HANDLED) == worked.run,
        &object["status"],
    )?;
    so(
        "it has to be Ready, and not given up any more",
        has(&object, "Ready", "True") && !has(&object, "Stalled", "True"),
        &object["status"],
    )?;
    so(
        "Helm has to have deployed it",
        text(&object, "/status/history/0/status") == "deployed",
        &object["status"]["history"],
    )?;
    Ok(worked.says)
}

/// Turns red where `step/suspend.rs` sends the reason alone: `spec.suspend` is left out of the merge.
pub(super) async fn suspend(rig: &Rig) -> Checked<String> {
    let name = "act-suspend";
    let scenario = Rig::app(name, UNASKED)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let head = play.asked(Some(Asked::Configuration));
    let thing = Thing::of("Kustomization", name);
    let operator = rig.operator()?;
    let wish = Wish {
        reason: Some("the database is being mended by hand"),
        ..Wish::new("suspend", &thing)
    };
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let object = rig.get(&thing).await?;
    is_marked(&object, &worked.run)?;
    let because = text(
        &object,
        "/metadata/annotations/landfall.dev~1suspended-because",
    );
    so(
        "the reason has to stand on it",
        because == wish.reason.unwrap_or_default(),
        because,
    )?;

    let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    let source = Thing::of("GitRepository", name);
    rig.api().merge(source.kind, name, name, &ask, None).await?;
    rig.until(&source, "it is at Git's head", contains(FETCHED, &head))
        .await?;
    rig.api().merge(thing.kind, name, name, &ask, None).await?;
    tokio::time::sleep(QUIET).await;
    let object = rig.get(&thing).await?;
    so(
        "Flux has to leave it alone",
        object["spec"]["suspend"] == true && !contains(APPLIED, &head)(&object),
        &object,
    )?;
    Ok(worked.says)
}

/// An app that somebody suspended, and what it has missed since.
const MISSED: &str = r#"
  - live: {}
  - patch: { object: "Kustomization {name}", with: { spec: { suspend: true } } }
  - commit: {}
  - release: {}
  - until: { object: "GitRepository {name}", field: { at: /status/artifact/revision, contains: "{head}" } }
"#;

/// Turns red where `step/suspend.rs` sends the same for both: `suspend` is true.
pub(super) async fn resume(rig: &Rig) -> Checked<String> {
    let name = "act-resume";
    let scenario = Rig::app(name, MISSED)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let head = play.asked(Some(Asked::Configuration));
    let thing = Thing::of("Kustomization", name);
    let operator = rig.operator()?;
    let wish = Wish::new("resume", &thing);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let object = rig
        .until(
            &thing,
            "what was missed is applied",
            contains(APPLIED, &head),
        )
        .await?;
    is_marked(&object, &worked.run)?;
    so(
        "it may not be suspended any more",
        object["spec"]["suspend"] != true,
        &object["spec"],
    )?;
    Ok(worked.says)
}
