//! What a workload's own revisions tell: ReplicaSets of a Deployment, the revision of a StatefulSet, service deployments
//! of ECS.
//!
//! Owns the order of revisions and what an image that comes back means.

use api::history::{By, Change, ChangeKind};
use api::{ObjectRef, Sentence};
use facts::ecs;
use facts::kubernetes::{Container, ReplicaSet};
use facts::meta::Kind;
use jiff::Timestamp;

use super::Draft;
use crate::discover::Target;
use crate::evidence;
use crate::stages::{pods, trouble};

/// One revision of a workload.
struct Revision {
    /// What tells it apart from the workload's others.
    id: String,
    /// When it began; `None` where nothing says so any more.
    at: Option<Timestamp>,
    /// Whether that is only the earliest sign of it.
    at_latest: bool,
    /// The image of the app's container.
    image: Option<String>,
    /// Where it was read.
    object: ObjectRef,
    /// The field that says when.
    field: &'static str,
    /// Whether what came before is known: else nobody can say what it changed.
    has_before: bool,
    /// Whether it is what ECS went back to.
    rolled_back: bool,
    /// Whether a system says that it was well, or its pods are.
    arrived: bool,
    /// Whether its pods say that it is not there, or not all of it: they outweigh what Flux says of its own work.
    is_under_way: bool,
    by: Option<By>,
}

/// What the revisions of a target's workload tell.
pub fn of_target<'v>(target: &Target<'v>) -> Vec<Draft<'v>> {
    let revisions = match target.workload.kind {
        Kind::Deployment => of_deployment(target),
        Kind::EcsService => of_service(target),
        _ => of_pods(target),
    };
    let mut drafts = Vec::new();
    let mut seen: Vec<&String> = Vec::new();
    for revision in &revisions {
        let Some(image) = &revision.image else {
            continue;
        };
        let before = seen.last().copied();
        let kind = match before {
            Some(before) if before == image && !revision.rolled_back => ChangeKind::Configuration,
            _ if revision.rolled_back || seen.contains(&image) => ChangeKind::Rollback,
            _ => ChangeKind::Deployment,
        };
        seen.push(image);
        let Some(at) = revision.at else { continue };
        if before.is_none() && !revision.has_before {
            continue;
        }
        let object = evidence::workload(target.place, target.workload);
        let id = format!(
            "{}/{}/{}/{}",
            target.place.name, object, target.workload.meta.uid, revision.id
        );
        let field = format!(
            "spec.template.spec.containers[{}].image",
            target.container.name
        );
        let field = if target.place.is_ecs() {
            format!("containerDefinitions[{}].image", target.container.name)
        } else {
            field
        };
        let sentence = match kind {
            ChangeKind::Configuration => Sentence::default()
                .words("new ")
                .words(target.place.pods())
                .words(" of the same image"),
            _ => Sentence::default(),
        };
        let change = Change {
            id,
            kind,
            at,
            at_latest: revision.at_latest,
            arrived: revision.arrived,
            app: Some(target.app.clone()),
            environment: Some(target.environment.clone()),
            cluster: target.place.name.to_owned(),
            object,
            image: Some(image.clone()),
            before: before.filter(|before| *before != image).cloned(),
            commit: None,
            release: None,
            by: None,
            sentence,
            evidence: vec![
                evidence::evidence(&revision.object, revision.field, at.to_string(), Some(at)),
                evidence::evidence(&revision.object, field, image, Some(at)),
            ],
        };
        let mut draft = Draft::of_target(target, change);
        draft.by = revision.by.clone();
        draft.is_under_way = revision.is_under_way;
        drafts.push(draft);
    }
    drafts
}

fn own_image(target: &Target<'_>, containers: &[Container]) -> Option<String> {
    let own = containers
        .iter()
        .find(|one| one.name == target.container.name);
    own.map(|one| one.image.clone())
}

/// The revisions of a Deployment, oldest first. A rollback takes an old ReplicaSet into use again, under a new number:
/// then only the pods tell when.
fn of_deployment(target: &Target<'_>) -> Vec<Revision> {
    let place = target.place;
    let workload = target.workload;
    if place.whole_replica_sets(workload).is_err() {
        return Vec::new();
    }
    let sets = place.replica_sets(&workload.meta.key());
    let mut numbered: Vec<(u64, &ReplicaSet)> = Vec::new();
    for set in sets {
        let is_own = set
            .meta
            .owners
            .iter()
            .any(|owner| owner.uid == workload.meta.uid);
        if !is_own {
            continue;
        }
        numbered.extend(numbers(set).into_iter().map(|number| (number, set)));
    }
    numbered.sort_by_key(|(number, _)| *number);
    let newest = numbered.last().map(|(number, _)| *number);
    let begun = pods::crew(place, workload)
        .ok()
        .and_then(|crew| crew.begun());
    let mut revisions: Vec<Revision> = Vec::new();
    for (number, set) in &numbered {
        let is_newest = Some(*number) == newest;
        let is_first_use = numbers(set).into_iter().min() == Some(*number);
        let (at, at_latest) = if is_first_use {
            (set.meta.created, false)
        } else if is_newest {
            (begun, true)
        } else {
            (None, true)
        };
        let object = evidence::object(place, "ReplicaSet", &set.meta.key());
        revisions.push(Revision {
            id: number.to_string(),
            at,
            at_latest,
            image: own_image(target, &set.containers),
            object,
            field: "metadata.creationTimestamp",
            has_before: *number == 1,
            rolled_back: false,
            arrived: is_newest && is_there(target),
            is_under_way: is_newest && !is_there(target),
            by: None,
        });
    }
    revisions
}

/// Whether the newest revision is all that runs, and well. What began to roll out is not there before that.
fn is_there(target: &Target<'_>) -> bool {
    let (place, workload) = (target.place, target.workload);
    let is_known = place.whole_pods(workload).is_ok();
    let Ok(crew) = pods::crew(place, workload) else {
        return false;
    };
    let ready = crew
        .current
        .iter()
        .filter(|pod| trouble::is_ready(place, pod));
    let wanted = usize::try_from(workload.wanted).unwrap_or(usize::MAX);
    is_known && wanted > 0 && crew.old.is_empty() && ready.count() >= wanted
}

/// The numbers that a ReplicaSet had, and has.
fn numbers(set: &ReplicaSet) -> Vec<u64> {
    let read = |name: &str| set.meta.annotation(name).unwrap_or_default();
    let past = read("deployment.kubernetes.io/revision-history").split(',');
    let now = read("deployment.kubernetes.io/revision");
    past.chain([now])
        .filter_map(|number| number.trim().parse().ok())
        .collect()
}

/// A StatefulSet or DaemonSet keeps its past where we do not look: only what runs now is told.
fn of_pods(target: &Target<'_>) -> Vec<Revision> {
    let workload = target.workload;
    let Some(id) = &workload.update_revision else {
        return Vec::new();
    };
    let begun = pods::crew(target.place, workload)
        .ok()
        .and_then(|crew| crew.begun());
    vec![Revision {
        id: id.clone(),
        at: begun,
        at_latest: true,
        image: Some(target.container.image.clone()),
        object: evidence::workload(target.place, workload),
        field: "status.updateRevision",
        // What was before is told by whoever saw it.
        has_before: true,
        rolled_back: false,
        arrived: is_there(target),
        is_under_way: !is_there(target),
        by: None,
    }]
}

/// The service deployments of an ECS service, oldest first.
fn of_service(target: &Target<'_>) -> Vec<Revision> {
    let place = target.place;
    let Some(service) = place.ecs_service(&target.workload.meta.key()) else {
        return Vec::new();
    };
    let definition = |arn: &str| place.task_definition(arn);
    let object = evidence::workload(place, target.workload);
    let mut revisions = Vec::new();
    for one in service.service_deployments.iter().rev() {
        let of_target = definition(&one.task_definition);
        let by = of_target
            .and_then(|definition| definition.registered_by.as_deref())
            .map(|by| By::Registered {
                name: ecs::short(by).to_owned(),
            });
        let image = of_target.and_then(|definition| own_image(target, &definition.containers));
        let before = revisions
            .last()
            .and_then(|one: &Revision| one.image.clone());
        revisions.push(Revision {
            id: one.arn.clone(),
            at: one.created,
            at_latest: false,
            image: image.clone(),
            object: object.clone(),
            field: "serviceDeployments.createdAt",
            has_before: false,
            rolled_back: false,
            arrived: one.status == "SUCCESSFUL",
            is_under_way: false,
            by,
        });
        if let (Some(at), true) = (one.rolled_back, before.is_some() && before != image) {
            revisions.push(Revision {
                id: format!("{}/rollback", one.arn),
                at: Some(at),
                at_latest: false,
                image: before,
                object: object.clone(),
                field: "serviceDeployments.rollback.startedAt",
                has_before: true,
                rolled_back: true,
                arrived: false,
                is_under_way: false,
                by: None,
            });
        }
    }
    revisions
}
