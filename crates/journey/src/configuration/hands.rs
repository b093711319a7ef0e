//! What was changed in the cluster against Git, where Flux says that a configuration commit is applied.
//!
//! Owns what is compared with what. How a change by a tool is told is in `apply`.

use api::{Sentence, StageKind};
use facts::flux::{HelmRelease, Kustomization};
use facts::image::ImageReference;

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::stages::{Case, apply, release};
use crate::view::Learned;

/// What Flux applied and somebody changed in the cluster since: the image is compared with what Git declares, and a
/// change by hand after Flux's last word is taken for what it is. Flux's word alone says nothing about either.
pub fn changed(case: &Case<'_, '_>, way: &Way<'_>) -> Learned<Option<(StageKind, Finding)>> {
    let place = case.target.place;
    let workload = case.target.workload;
    let declared = release::image_in_effect(case, &way.path, &way.place)?;
    if let Some(declared) = declared.filter(|image| !case.target.image.names_same(image)) {
        // Nobody sets back, or brings, what a suspended object applies: that needs no hand.
        return Ok(Some(match apply::held(place, &way.path) {
            Some(held) => (StageKind::Apply, held),
            None => (StageKind::Rollout, other_image(case, &declared)),
        }));
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
        .filter_map(|entry| place.facts.services.get(&entry.key()))
        .map(|one| {
            let object = evidence::object(place, "Service", &one.meta.key());
            (object, &one.edited, by_kustomization)
        });
    let edited = [Some(own), helm, kustomization].into_iter().flatten();
    Ok(edited
        .chain(services)
        .filter_map(|(object, edited, confirmed)| {
            let edited = edited.as_ref()?;
            // Only a reconciliation that went well has set back what was changed by hand before it.
            let is_set_back = confirmed.is_some_and(|at| at >= edited.at);
            (!is_set_back).then(|| (StageKind::Rollout, apply::edited_by(object, edited)))
        })
        .next())
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
