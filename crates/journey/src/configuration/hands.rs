//! What was changed in the cluster against Git, where Flux says that a configuration commit is applied.
//!
//! Owns which commit's manifests are live, and what is compared with them. How a change by a tool is told is in `apply`.

use api::journey::Evidence;
use api::{Sentence, StageKind};
use facts::flux::{HelmRelease, Kustomization, Revision};
use facts::image::ImageReference;

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::stages::release::overridden;
use crate::stages::{Case, apply, canary, release, source};
use crate::view::{Gap, Learned};

/// The commit of the GitOps repository whose manifests are live.
pub struct Live<'a> {
    /// Its SHA.
    pub commit: &'a str,
    /// What shows it where Flux has not confirmed it: it was tried since, and the workload names its image.
    pub tried: Option<Evidence>,
}

/// What is live: what Flux applied last, or what it tried since. Manifests are live before Flux says that they are applied,
/// and stay so while it tries again, whatever it says of that; so the workload's image is what tells.
pub fn live<'w>(case: &Case<'_, '_>, way: &'w Way<'_>) -> Learned<Option<Live<'w>>> {
    let Some(one) = way.path.kustomization else {
        return Ok(None);
    };
    let applied = one.applied_origin.as_ref().or(one.applied.as_ref());
    let Some(applied) = applied.and_then(Revision::commit) else {
        return Ok(None);
    };
    let confirmed = Live {
        commit: applied,
        tried: None,
    };
    let tried = one.attempted.as_ref();
    let (Some(tried), Ok(Some(source))) = (
        tried.filter(|tried| one.applied.as_ref() != Some(tried)),
        &way.path.source,
    ) else {
        return Ok(Some(confirmed));
    };
    if another_image(case, way, applied)?.is_none() {
        return Ok(Some(confirmed));
    }
    let commit = source::commit_of(source, tried)?;
    let declared = release::image_at(case, &way.place, commit)?;
    if declared.is_none_or(|image| !case.target.image.names_same(&image)) {
        return Ok(Some(confirmed));
    }
    if !case
        .view
        .contained(&way.place.repository, case.commit, commit)?
    {
        return Err(Gap::new(
            "Flux has applied it, and tried a commit without it since",
        ));
    }
    let object = evidence::object(case.target.place, "Kustomization", &one.meta.key());
    let field = "status.lastAttemptedRevision";
    Ok(Some(Live {
        commit,
        tried: Some(evidence::evidence(&object, field, &tried.text, None)),
    }))
}

/// The image that Git declares as of a commit, where the workload names another.
fn another_image(case: &Case<'_, '_>, way: &Way<'_>, at: &str) -> Learned<Option<ImageReference>> {
    let declared = release::image_at(case, &way.place, at)?;
    Ok(declared.filter(|image| !case.target.image.names_same(image)))
}

/// What Flux applied and somebody changed in the cluster since: the image is compared with what Git declares, and a
/// change by hand after Flux's last word is taken for what it is. Flux's word alone says nothing about either.
pub fn changed(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    live: Option<&Live<'_>>,
) -> Learned<Option<(StageKind, Finding)>> {
    let place = case.target.place;
    let workload = case.target.workload;
    if let Some(live) = live
        && let Some(declared) = another_image(case, way, live.commit)?
    {
        match overridden::finding(case, &way.path, &declared, None)? {
            Some(finding) if release::sets_image(case, &way.place)? => {
                return Ok(Some((StageKind::Release, finding)));
            }
            // Flux applied another image itself, and with it whatever else the commit changes.
            Some(_) => {}
            None => return Ok(Some(not_as_declared(case, way, &declared))),
        }
    }
    // Each object on the way, and when what applies it last set it back.
    let path = &way.path;
    let by_kustomization = path.kustomization.and_then(Kustomization::confirmed);
    let by_parent = path.parents.first().and_then(|one| one.confirmed());
    let by_helm = |helm: &HelmRelease| helm.history.first().and_then(|release| release.last);
    let own = (
        evidence::workload(place, workload),
        &workload.edited,
        path.helm.map_or(by_kustomization, by_helm),
    );
    let helm = path.helm.map(|one| {
        let object = evidence::object(place, "HelmRelease", &one.meta.key());
        (object, &one.edited, by_kustomization)
    });
    let kustomization = path
        .kustomization
        .filter(|_| !path.parents.is_empty())
        .map(|one| {
            let object = evidence::object(place, "Kustomization", &one.meta.key());
            (object, &one.edited, by_parent)
        });
    let listed = path.kustomization.map_or(&[][..], |one| &one.inventory);
    let services = listed
        .iter()
        .filter(|entry| entry.kind == "Service" && entry.namespace == case.target.namespace())
        .filter_map(|entry| place.service(&entry.key()))
        .map(|one| {
            let object = evidence::object(place, "Service", &one.meta.key());
            (object, &one.edited, by_kustomization)
        });
    let edited = [Some(own), helm, kustomization].into_iter().flatten();
    Ok(edited
        .chain(services)
        .filter_map(|(object, edited, confirmed)| {
            let edited = apply::by_hand(edited.as_ref(), confirmed)?;
            Some((StageKind::Rollout, apply::edited_by(object, edited)))
        })
        .next())
}

/// Why the workload names another image than the declared one, which Flux applied.
fn not_as_declared(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    declared: &ImageReference,
) -> (StageKind, Finding) {
    // Nobody sets back, or brings, what a suspended object applies: that needs no hand.
    if let Some(held) = apply::held(case.target.place, &way.path) {
        return (StageKind::Apply, held);
    }
    let finding = not_promoted(case, declared).unwrap_or_else(|| other_image(case, declared));
    (StageKind::Rollout, finding)
}

/// The Canary whose target has the declared image already: it has not begun to try that.
fn not_promoted(case: &Case<'_, '_>, declared: &ImageReference) -> Option<Finding> {
    let target = case.target;
    let canary = target.canary?;
    let applied = target.applied_container()?;
    ImageReference::parse(&applied.image)
        .names_same(declared)
        .then(|| canary::not_promoted(target.place, canary))
}

/// The workload names another image than what Git declares.
fn other_image(case: &Case<'_, '_>, declared: &ImageReference) -> Finding {
    let object = case.workload();
    let live = &case.target.container.image;
    let sentence = Sentence::default()
        .object(&object)
        .words(" names ")
        .name(live)
        .words(", and what Flux applied names ")
        .name(release::written(declared))
        .words(": somebody changed it in the cluster");
    let field = format!(
        "spec.template.spec.containers[{}].image",
        case.target.container.name
    );
    let proof = evidence::evidence(&object, field, live, None);
    Finding::blocked(CauseCode::RolloutDrifted, object, sentence).proof([proof])
}
