//! Who else feels a version that is set, and what a person should know before.
//!
//! Owns these sentences. What stands in the way of it altogether is not here.

use api::ObjectRef;
use api::headline::plain;
use facts::image::ImageReference;

use crate::git::{DeclaredAt, Place, Wanted};
use crate::ground::Ground;
use crate::step::object::Object;
use crate::step::rollout::Pods;
use crate::step::words::many;
use crate::step::{Planned, gitops};

use super::WORKLOADS;
use super::chain::{Chain, found, images};
use super::edits::places_of;

/// Who else feels it, and what a person should know.
pub(super) fn felt(
    wanted: &Wanted,
    on: &ObjectRef,
    object: &Object<'_>,
    chain: &Chain,
    at: &DeclaredAt,
    ground: &Ground,
) -> Planned {
    let mut felt = Planned::default();
    let by = &chain.applied.kustomization;
    felt.touches.push(format!(
        "{by} applies it when {} has fetched it",
        chain.source
    ));
    if let Ok(number) = i64::try_from(at.places.len())
        && number > 1
    {
        felt.touches.push(format!(
            "Its version stands in {}, and all of them say it afterwards: {}",
            many(number, "place"),
            places_of(&at.places)
        ));
    }
    felt.cautions.extend(shared(chain, &at.places));
    if let Wanted::Image(repository) = wanted {
        match neighbours(repository, on, object, ground) {
            Ok(others) => felt.touches.extend(others.into_iter().map(|other| {
                format!("{other} runs this image, too, and is applied from the same place")
            })),
            Err(why) => felt.cautions.push(format!(
                "Whether others run this image cannot be told: {why}"
            )),
        }
    }
    if let Some((file, why)) = &at.broken {
        felt.cautions.push(format!(
            "{} cannot be read ({}): there may be more places that say the version",
            plain(file, 120),
            plain(why, 200)
        ));
    }
    let well = [by]
        .into_iter()
        .chain(&chain.applied.releases)
        .try_for_each(|next| {
            let ready = found(ground, next).ok().map(|next| next.condition("Ready"));
            match ready {
                Some(Ok(Some(ready))) if ready.status != "True" => Err(format!(
                    "{next} is not Ready now ({}): what is committed may not come",
                    ready.words()
                )),
                _ => Ok(()),
            }
        });
    felt.cautions.extend(well.err());
    if object.text("spec.updateStrategy.type") == Ok(Some("OnDelete")) {
        felt.cautions.push(format!(
            "{on} replaces a pod only when that pod is deleted (OnDelete): until then it is not seen to have worked"
        ));
    }
    let pods = Pods::of(object);
    if WORKLOADS[..3].contains(&on.kind.as_str())
        && let Ok(count) = pods
    {
        if let Some(not) = count.not_new().or_else(|| count.not_steady()) {
            felt.cautions
                .push(format!("Not all of its pods are well before it: {not}"));
        }
        if count.held > 0 {
            felt.cautions.push(format!(
                "{} held back by its partition: until it is lowered, this is not seen to have worked",
                many(count.held, "pod")
            ));
        }
    }
    felt
}

/// What stands outside of the Kustomization's own path: a base, that others may build upon.
fn shared(chain: &Chain, places: &[Place]) -> Option<String> {
    let own = chain.path.trim_start_matches("./").trim_matches('/');
    let is_own = |place: &&Place| {
        let rest = place.file.strip_prefix(own);
        own.is_empty()
            || own == "."
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let others: Vec<Place> = places
        .iter()
        .filter(|place| !is_own(place))
        .cloned()
        .collect();
    (!others.is_empty()).then(|| {
        format!(
            "{} {} outside of {}: every environment that builds upon it gets the version, too",
            places_of(&others),
            if others.len() == 1 { "stands" } else { "stand" },
            plain(own, 120)
        )
    })
}

/// Other workloads of the namespace that run the image and come from the same place.
fn neighbours(
    repository: &str,
    on: &ObjectRef,
    object: &Object<'_>,
    ground: &Ground,
) -> Result<Vec<ObjectRef>, String> {
    let owner = gitops::owner(object)?;
    let mut found = Vec::new();
    for kind in WORKLOADS {
        for json in ground.all(&on.system, kind, &on.namespace)? {
            let other = Object::listed(&on.system, kind, json);
            let runs = |images: Vec<(String, ImageReference)>| {
                images
                    .iter()
                    .any(|(_, image)| image.repository == repository)
            };
            if other.on != *on && gitops::owner(&other)? == owner && images(&other).is_ok_and(runs)
            {
                found.push(other.on);
            }
        }
    }
    Ok(found)
}
