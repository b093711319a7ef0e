//! What a Kustomization's own spec puts in the place of the image that its path in Git declares.
//!
//! Owns the reading of spec.images, spec.patches and spec.components. Asked only where Flux has applied what Git declares and something
//! else is live: that needs no hand then, and nothing comes by itself.

use api::{ObjectRef, Sentence};
use facts::flux::{ImageOverride, Kustomization};
use facts::image::ImageReference;
use jiff::Timestamp;

use super::folder;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::images;
use crate::route::Path;
use crate::stages::{Case, apply, rollout};
use crate::view::Learned;

/// The override that keeps the declared image away, if there is one. `applied` is since when what declares it is applied,
/// where that is known.
pub fn finding(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    declared: &ImageReference,
    applied: Option<Timestamp>,
) -> Learned<Option<Finding>> {
    let Some(one) = path.kustomization else {
        return Ok(None);
    };
    let part = part(one);
    if part.is_none() && one.images.is_empty() {
        return Ok(None);
    }
    let Some(named) = named(case, path, declared) else {
        return Ok(None);
    };
    let image = ImageReference::parse(named.image);
    if image.names_same(declared)
        || (!case.is_configuration()
            && images::contents(case.view, case.key, case.commit, &image)?.contains())
    {
        return Ok(None);
    }
    // What Helm installs is no image of the Kustomization's: only a patch can change the values.
    let mut overrides = one.images.iter().filter(|_| path.helm.is_none());
    let object = evidence::object(case.target.place, "Kustomization", &one.meta.key());
    let folder = folder(&one.path);
    let fits = |by: &&ImageOverride| {
        let made = by.made_of(declared);
        // A variable of Flux's is filled in later, with anything.
        made.names_same(&image) || by.has_variable() && made.repository == image.repository
    };
    if let Some(by) = overrides.find(fits) {
        let sentence = Sentence::default()
            .object(&object)
            .words(" overrides the image with ")
            .name(named.image)
            .words(" in spec.images, whatever ")
            .name(folder)
            .words(" declares");
        let proof = evidence::evidence(&object, "spec.images", by.to_string(), None);
        return Ok(Some(
            Finding::blocked(CauseCode::ReleaseOverridden, object, sentence)
                .proof([proof, named.evidence()]),
        ));
    }
    // What a patch puts there is not known: it is only named where nothing else could have.
    let Some(part) = part else {
        return Ok(None);
    };
    if apply::held(case.target.place, path).is_some()
        || is_edited(case, path)
        || rollout::is_fresh(case, applied)
    {
        return Ok(None);
    }
    let sentence = Sentence::default()
        .object(&object)
        .words(part.has)
        .object(&named.object)
        .words(" names ")
        .name(named.image)
        .words(", not what ")
        .name(folder)
        .words(" declares");
    let proof = evidence::evidence(&object, part.field, part.value, None);
    Ok(Some(
        Finding::blocked(CauseCode::ReleaseOverridden, object, sentence)
            .proof([named.evidence(), proof]),
    ))
}

/// A part of a Kustomization's spec that may put any image in the place of the declared one.
struct Part {
    field: &'static str,
    has: &'static str,
    value: String,
}

fn part(one: &Kustomization) -> Option<Part> {
    if one.patches_images {
        return Some(Part {
            field: "spec.patches",
            has: " has a patch in spec.patches that speaks of an image, and ",
            value: "a patch speaks of an image".to_owned(),
        });
    }
    (!one.components.is_empty()).then(|| Part {
        field: "spec.components",
        has: " has spec.components, which may set the image, and ",
        value: one.components.join(", "),
    })
}

/// The image that an object names which Flux applies.
struct Named<'a> {
    object: ObjectRef,
    field: String,
    image: &'a str,
}

impl Named<'_> {
    fn evidence(&self) -> api::journey::Evidence {
        evidence::evidence(&self.object, &self.field, self.image, None)
    }
}

/// What is live of the Kustomization's: the values of its HelmRelease, or the workload that it applies, which need not be
/// the one that serves.
fn named<'a>(case: &Case<'_, 'a>, path: &Path<'a>, declared: &ImageReference) -> Option<Named<'a>> {
    let place = case.target.place;
    if let Some(helm) = path.helm {
        let is_whole = |image: &ImageReference| image.tag.is_some() || image.digest.is_some();
        let image = helm.images.iter().find(|image| {
            let image = ImageReference::parse(image);
            image.repository == declared.repository && is_whole(&image)
        })?;
        return Some(Named {
            object: evidence::object(place, "HelmRelease", &helm.meta.key()),
            field: "spec.values".to_owned(),
            image,
        });
    }
    let container = case.target.applied_container()?;
    Some(Named {
        object: evidence::workload(place, case.target.applied),
        field: format!("spec.template.spec.containers[{}].image", container.name),
        image: &container.image,
    })
}

/// Whether a hand changed what names the image after what applies it had its last word.
fn is_edited(case: &Case<'_, '_>, path: &Path<'_>) -> bool {
    let confirmed = path.kustomization.and_then(Kustomization::confirmed);
    let edited = match path.helm {
        Some(helm) => &helm.edited,
        None => &case.target.applied.edited,
    };
    apply::by_hand(edited.as_ref(), confirmed).is_some()
}
