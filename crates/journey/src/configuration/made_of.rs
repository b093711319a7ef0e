//! What a way is made of besides its path: the Flux objects that lead to the target, their sources, and the ConfigMaps and
//! Secrets that they read.
//!
//! Owns which Kustomizations declare those. Each may lie in another folder of the same repository: a commit to that folder
//! reaches the target as well.

use std::collections::BTreeSet;

use api::Sentence;
use facts::code::Named;
use facts::flux::Kustomization;
use facts::meta::{Kind, Meta, Reference};

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::route::{self, Configuration, Path, owner, parents, place_of};
use crate::stages::{Case, release};
use crate::view::{Gap, Learned, Place};

/// A Kustomization other than ours that declares something of our way, differently since the commit.
pub struct Above<'a> {
    /// The way to what it declares.
    pub path: Path<'a>,
    /// The place in Git that it applies.
    pub place: Configuration,
}

/// What declares the parts of our way besides our own Kustomization.
#[derive(Default)]
pub struct Declaring<'a> {
    /// Those in which the commit changes how such a part is declared, those above ours first, the nearest first.
    pub above: Vec<Above<'a>>,
    /// Why it is not known of one of them.
    pub untold: Option<Gap>,
}

/// The Kustomizations other than ours that declare something that our way is made of. What none of them has applied is
/// declared by none: a commit that is to bring it has its journey where it lies.
pub fn declaring<'a>(case: &Case<'_, 'a>, way: &Way<'a>) -> Declaring<'a> {
    let mut found = Declaring::default();
    for (one, objects) in declarers(case.target.place, way, &mut found.untold) {
        match changed(case, way, one, &objects) {
            Ok(above) => found.above.extend(above),
            // What is not read yet is wanted of all of them at once.
            Err(gap) => found.untold = Some(gap),
        }
    }
    found
}

/// A Kustomization, if the commit changes how it declares one of the objects.
fn changed<'a>(
    case: &Case<'_, 'a>,
    way: &Way<'a>,
    one: &'a Kustomization,
    objects: &BTreeSet<Named>,
) -> Learned<Option<Above<'a>>> {
    let place = case.target.place;
    let Some(mut at) = place_of(case.view, place, one)? else {
        let (space, name) = (&one.meta.namespace, &one.meta.name);
        return Err(Gap::new(format!(
            "what Kustomization {space}/{name} applies does not say which commit it was made from"
        )));
    };
    if at.repository != case.key {
        return Ok(None);
    }
    if at.packed
        && let Some(ours) = way.path.kustomization
    {
        at = release::packed_with(case, (ours, &way.place), one, at)?;
    }
    Ok(concerns(case, &at, one, objects)?.then(|| Above {
        place: at.clone(),
        path: Path {
            helm: None,
            kustomization: Some(one),
            parents: parents(place, one),
            source: route::source(place, &one.source),
            configuration: Ok(Some(at)),
        },
    }))
}

/// Whether the commit changes what a Kustomization builds from a place, its components included; where `objects` are
/// named, how one of them is declared there.
pub fn concerns(
    case: &Case<'_, '_>,
    at: &Configuration,
    one: &Kustomization,
    objects: &BTreeSet<Named>,
) -> Learned<bool> {
    let (view, key, commit) = (case.view, case.key, case.commit);
    let everything = BTreeSet::new();
    // Under another name nothing is recognised.
    let objects = if one.renames { &everything } else { objects };
    if view.concerns(key, commit, &at.path, objects)? {
        return Ok(true);
    }
    // A part of the repository is packed with its own root.
    let root = at.path.strip_suffix(&one.path).unwrap_or_default();
    // A component may change whatever the path declares.
    for component in &one.components {
        let path = format!("{root}{component}");
        if view.concerns(key, commit, &path, &everything)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An object as a file declares it.
pub fn named(one: &Reference) -> Named {
    Named {
        kind: one.kind.clone(),
        name: one.name.clone(),
    }
}

/// What the way is made of, as references.
fn needed(place: Place<'_>, way: &Way<'_>) -> Learned<BTreeSet<Reference>> {
    let mut needed = BTreeSet::new();
    let path = &way.path;
    let above = path.parents.iter().copied();
    for one in path.kustomization.into_iter().chain(above) {
        needed.insert(reference(Kind::Kustomization, &one.meta));
        needed.insert(one.source.clone());
        needed.extend(one.substitutes.iter().cloned());
    }
    if let Some(helm) = path.helm {
        needed.extend(helm.source.clone());
        needed.extend(helm.values_from.iter().cloned());
        // A HelmChart that the release refers to names its own source.
        if let Some(reference) = &helm.source
            && reference.kind == Kind::HelmChart.name()
            && let Some(chart) = route::source(place, reference)?
        {
            needed.extend(chart.chart_source.clone());
        }
    }
    let made: Vec<Reference> = needed.iter().flat_map(|one| makers(place, one)).collect();
    needed.extend(made);
    Ok(needed)
}

/// The labels of those that make Flux's objects of their own spec, and their kinds.
const MAKERS: &[(&str, &str)] = &[
    ("resourceset.fluxcd.controlplane.io", "ResourceSet"),
    ("fluxcd.controlplane.io", "FluxInstance"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
];

/// What makes an object that no Kustomization applies itself: then its maker's declaration is the object's.
fn makers(place: Place<'_>, one: &Reference) -> Vec<Reference> {
    let made_by = |kind: &str, namespace: &str, name: &str| Reference {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    if one.kind == "Secret" {
        let external = place.external_secrets();
        let writes = external
            .filter(|it| it.meta.namespace == one.namespace && it.secret == one.name)
            .map(|it| reference(Kind::ExternalSecret, &it.meta));
        return writes
            .chain([made_by("SealedSecret", &one.namespace, &one.name)])
            .collect();
    }
    let labelled = MAKERS.iter().filter_map(|(group, kind)| {
        let key = owner(meta(place, one)?, group)?;
        Some(made_by(kind, &key.namespace, &key.name))
    });
    labelled.collect()
}

fn reference(kind: Kind, meta: &Meta) -> Reference {
    Reference {
        kind: kind.name().to_owned(),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
    }
}

fn meta<'a>(place: Place<'a>, one: &Reference) -> Option<&'a Meta> {
    let key = one.key();
    match Kind::from_name(&one.kind)? {
        Kind::Kustomization => Some(&place.kustomization(&key)?.meta),
        kind => Some(&place.source(kind, &key)?.meta),
    }
}

/// A Kustomization, and what it declares of our way.
type Declarer<'a> = (&'a Kustomization, BTreeSet<Named>);

/// The Kustomizations other than ours that declare what is needed, each with what it declares of that: those above ours,
/// then others. A part of which that is not known leaves its reason, and the others as they are.
fn declarers<'a>(place: Place<'a>, way: &Way<'a>, untold: &mut Option<Gap>) -> Vec<Declarer<'a>> {
    let mut found: Vec<Declarer<'a>> = Vec::new();
    let Some(ours) = way.path.kustomization else {
        return found;
    };
    found.extend(way.path.parents.iter().map(|one| (*one, BTreeSet::new())));
    let needed = needed(place, way).unwrap_or_else(|gap| {
        *untold = Some(gap);
        BTreeSet::new()
    });
    for one in needed {
        let declarer = match declarer(place, &one) {
            Ok(Some(declarer)) => declarer,
            Ok(None) => continue,
            Err(gap) => {
                *untold = Some(gap);
                continue;
            }
        };
        if declarer.meta.key() == ours.meta.key() {
            continue;
        }
        let known = found
            .iter_mut()
            .find(|(known, _)| known.meta.key() == declarer.meta.key());
        match known {
            Some((_, objects)) => {
                objects.insert(named(&one));
            }
            None => found.push((declarer, BTreeSet::from([named(&one)]))),
        }
    }
    found
}

/// The Kustomization that applied an object: by the object's labels, or by the inventory where the object is not read.
pub fn declarer<'a>(place: Place<'a>, one: &Reference) -> Learned<Option<&'a Kustomization>> {
    if let Some(meta) = meta(place, one) {
        let Some(owner) = owner(meta, "kustomize.toolkit.fluxcd.io") else {
            return Ok(None);
        };
        let found = place.kustomization(&owner);
        return place.object(found, Kind::Kustomization, &owner.namespace);
    }
    let listing = place.applier(one);
    if listing.is_none() {
        place.whole(Kind::Kustomization, "")?;
    }
    Ok(listing)
}

/// A source on the way whose spec Flux has not taken up yet: what it fetched is of before.
pub fn source_behind(case: &Case<'_, '_>, way: &Way<'_>) -> Learned<Option<Finding>> {
    let place = case.target.place;
    for one in needed(place, way)? {
        let Some(kind) = Kind::from_name(&one.kind) else {
            continue;
        };
        let source = place.source(kind, &one.key());
        // Some kinds of sources have no status at all.
        let behind = source.filter(|source| {
            !source.suspended
                && source.observed_generation > 0
                && source.observed_generation < source.meta.generation
        });
        if let Some(source) = behind {
            let object = evidence::object(place, kind.name(), &source.meta.key());
            let sentence = Sentence::default()
                .object(&object)
                .words(" was changed, and Flux has not taken that up yet");
            let observed = source.observed_generation.to_string();
            let proof = evidence::evidence(&object, "status.observedGeneration", observed, None);
            return Ok(Some(
                Finding::moving(CauseCode::SourcePending, object, sentence).proof([proof]),
            ));
        }
    }
    Ok(None)
}
