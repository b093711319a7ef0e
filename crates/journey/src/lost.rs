//! Workloads that Flux lists among what it applied and that a cluster does not have any more, as targets of a commit.
//!
//! Owns what such a target is made of: the inventory says which workload, Git says which image. Nothing of it runs, so
//! nothing of it is ever proven: it only lets the stages before the rollout speak.

use api::journey::NextAttempt;
use api::{Sentence, StageKind};
use facts::flux::Kustomization;
use facts::image::ImageReference;
use facts::kubernetes::{Container, Workload};
use facts::meta::{Key, Kind, Meta, Reference};

use crate::causes::CauseCode;
use crate::discover::{Found, SYSTEM, Targets, origin};
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::Contents;
use crate::missing::{WORKLOADS, applied};
use crate::route::{Route, place_of, route};
use crate::stages::{Case, rollout};
use crate::view::{Gap, Learned, Place, View};

/// What is found of the workloads that a Kustomization lists and that are gone. `known` are the targets that are there;
/// others that are gone are not looked at.
pub fn find<'a>(
    view: &View<'a>,
    known: &Targets<'a>,
    (place, one): (Place<'a>, &Kustomization),
) -> Vec<Found> {
    // What is applied to another cluster is not missed in this one.
    if one.remote || place.is_ecs() {
        return Vec::new();
    }
    let entries = one.inventory.iter();
    let gone = entries.filter_map(|entry| Some((gone(place, entry)?, entry)));
    let lost = gone.map(|(kind, entry)| lost(view, known, (place, one), (kind, entry)));
    lost.collect()
}

/// The kind of an entry that runs an app and is certainly not there.
fn gone(place: Place<'_>, entry: &Reference) -> Option<Kind> {
    let (kind, is_there) = applied(place, entry)?;
    let is_missed = !is_there
        && WORKLOADS.contains(&kind)
        && !SYSTEM.contains(&entry.namespace.as_str())
        && place.whole(kind, &entry.namespace).is_ok();
    is_missed.then_some(kind)
}

/// The app of a workload that is gone: what workloads of its name are elsewhere, else its own name. Its labels went with it.
fn app(known: &Targets<'_>, kind: Kind, name: &str) -> String {
    let mut alike = known.found().filter(|one| !one.is_lost());
    let alike = alike.find(|one| one.applied().0 == kind && one.applied().1.name == name);
    alike.map_or(name, |one| &one.app).to_owned()
}

fn lost<'a>(
    view: &View<'a>,
    known: &Targets<'a>,
    (place, one): (Place<'a>, &Kustomization),
    (kind, entry): (Kind, &Reference),
) -> Found {
    let app = app(known, kind, &entry.name);
    let image = declared(view, (place, one), &entry.name);
    let source = match &image {
        Ok(image) => origin(view, &[], image, Ok(())),
        Err(gap) => Err(gap.clone()),
    };
    let container = Container {
        name: app.clone(),
        image: image.as_ref().map_or_else(|_| String::new(), text),
        init: false,
        memory_limit: None,
    };
    let workload = workload(one, kind, entry, container);
    Found::lost(view, place, app, workload, source)
}

/// An image as a pod template names it.
fn text(image: &ImageReference) -> String {
    let tag = image.tag.as_ref().map(|tag| format!(":{tag}"));
    let digest = image.digest.as_ref().map(|digest| format!("@{digest}"));
    let (tag, digest) = (tag.unwrap_or_default(), digest.unwrap_or_default());
    format!("{}{tag}{digest}", image.repository)
}

/// The image that Git declares for a workload: the only one of its path, or the one that is named like it.
fn declared(
    view: &View<'_>,
    (place, one): (Place<'_>, &Kustomization),
    name: &str,
) -> Learned<ImageReference> {
    let by = format!("Kustomization {}/{}", one.meta.namespace, one.meta.name);
    let unsaid = || {
        Gap::new(format!(
            "what {by} applies does not say which image {name} runs"
        ))
    };
    let at = place_of(view, place, one)?.ok_or_else(unsaid)?;
    let history = view.declared(&at.repository, &at.branch, &at.path)?;
    let newest = history.and_then(|history| history.entries.first());
    let whole = newest.into_iter().flat_map(|newest| &newest.images);
    let whole = whole.filter(|one| one.tag.is_some() || one.digest.is_some());
    let images: Vec<ImageReference> = whole
        .map(|one| ImageReference {
            repository: one.repository.clone(),
            tag: one.tag.clone(),
            digest: one.digest.clone(),
        })
        .collect();
    let is_named = |image: &&ImageReference| image.repository.rsplit('/').next() == Some(name);
    let mut named = images.iter().filter(is_named);
    match (images.as_slice(), named.next()) {
        (_, Some(image)) | ([image], None) => Ok(image.clone()),
        _ => Err(unsaid()),
    }
}

/// As little as is known of the workload: whose it was, and its image. It has no pods, and counts as one that should.
fn workload(one: &Kustomization, kind: Kind, entry: &Reference, container: Container) -> Workload {
    let label = |part: &str| format!("kustomize.toolkit.fluxcd.io/{part}");
    let Key { namespace, name } = entry.key();
    let labels = [
        (label("name"), one.meta.name.clone()),
        (label("namespace"), one.meta.namespace.clone()),
    ];
    Workload {
        kind,
        meta: Meta {
            namespace,
            name,
            labels: labels.into(),
            ..Meta::default()
        },
        selector: [].into(),
        pod_labels: [].into(),
        containers: vec![container],
        environment: Vec::new(),
        paused: false,
        wanted: 1,
        observed_generation: 0,
        updated: 0,
        ready: 0,
        available: 0,
        total: 0,
        edited: None,
        on_delete: false,
        partition: 0,
        update_revision: None,
        conditions: Vec::new(),
    }
}

/// What an image that only Git names contains here: nothing, because nothing of it is in the cluster.
pub fn contents() -> Contents {
    Contents {
        revision: None,
        relation: None,
        digest: None,
        created: None,
        exists: Ok(true),
        labelled: false,
    }
}

/// The rollout of a workload that is gone.
pub fn outcome(case: &Case<'_, '_>, applied: &Outcome) -> Outcome {
    let place = case.target.place;
    let object = case.workload();
    let by = match route(case.view, case.target) {
        Ok(Route::Flux(path)) => path.kustomization,
        Ok(_) => None,
        Err(gap) => return Outcome::unknown(StageKind::Rollout, &gap),
    };
    let Some(by) = by else {
        return Outcome::not_reached(StageKind::Rollout);
    };
    // A health check has seen it; without one, two watches need not be in step.
    if !by.verifies && rollout::is_fresh(case, applied.stage.since) {
        let sentence = Sentence::default()
            .object(&object)
            .words(" was applied a moment ago and is not seen yet");
        let finding = Finding::moving(CauseCode::RolloutRunning, object, sentence)
            .since(applied.stage.since)
            .proof(applied.stage.evidence.iter().cloned());
        return Outcome::found(StageKind::Rollout, finding);
    }
    let applier = evidence::object(place, Kind::Kustomization.name(), &by.meta.key());
    let sentence = Sentence::default()
        .object(&object)
        .words(" is not there any more, though ")
        .object(&applier)
        .words(" applied it: nothing of it runs");
    let entry = format!("{} {}/{}", object.kind, object.namespace, object.name);
    let proof = evidence::evidence(&applier, "status.inventory", entry, None);
    let next = (!by.suspended).then(|| NextAttempt {
        at: place.next_tick(by.confirmed(), by.interval),
        who: applier,
        what: "applies it again".to_owned(),
    });
    let finding = Finding::blocked(CauseCode::RolloutWorkloadMissing, object, sentence)
        .proof([proof])
        .proof(applied.stage.evidence.iter().cloned())
        .next(next);
    Outcome::found(StageKind::Rollout, finding)
}
