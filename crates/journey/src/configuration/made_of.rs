//! What a way is made of besides its path: the Flux objects that lead to the target, their sources, and the ConfigMaps and
//! Secrets that they read.
//!
//! Owns which Kustomizations declare those, and whether what reads them has looked at them since. Each may lie in another
//! folder of the same repository: a commit to that folder reaches the target as well.

use std::collections::BTreeSet;

use api::journey::NextAttempt;
use api::{ObjectRef, Sentence};
use facts::code::{Commit, Named};
use facts::flux::{HelmRelease, Kustomization};
use facts::meta::{Key, Kind, Meta, Reference};
use jiff::{SignedDuration, Timestamp};

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::route::{self, Configuration, Path, owner, parents, place_of};
use crate::stages::{Case, release};
use crate::view::{Learned, Place};

/// A Kustomization other than ours that declares something of our way, differently since the commit.
pub struct Above<'a> {
    /// The way to what it declares.
    pub path: Path<'a>,
    /// The place in Git that it applies.
    place: Configuration,
}

/// The Kustomizations other than ours in which the commit changes how something is declared that our way is made of, those
/// above ours first, the nearest of them first.
pub fn declaring<'a>(case: &Case<'_, 'a>, way: &Way<'a>) -> Learned<Vec<Above<'a>>> {
    let Some(ours) = way.path.kustomization else {
        return Ok(Vec::new());
    };
    let place = case.target.place;
    let needed = needed(place, way)?;
    let objects: BTreeSet<Named> = needed.iter().map(named).collect();
    let mut found = Vec::new();
    for one in declarers(place, way, &needed)? {
        if one.meta.key() == ours.meta.key() {
            continue;
        }
        let configuration = place_of(case.view, place, one)?;
        let Some(at) = configuration
            .as_ref()
            .filter(|at| at.repository == case.key)
        else {
            continue;
        };
        if concerns(case, at, Some(one), &objects)? {
            found.push(Above {
                place: at.clone(),
                path: Path {
                    helm: None,
                    kustomization: Some(one),
                    parents: parents(place, one),
                    source: route::source(place, &one.source),
                    configuration: Ok(configuration),
                },
            });
        }
    }
    Ok(found)
}

/// Whether the commit changes what a Kustomization builds from a place, its components included; where `objects` are
/// named, how one of them is declared there.
pub fn concerns(
    case: &Case<'_, '_>,
    at: &Configuration,
    one: Option<&Kustomization>,
    objects: &BTreeSet<Named>,
) -> Learned<bool> {
    // Where only a part of the repository is packed, its path is a guess until something is found there.
    if at.packed && !release::is_found(case, at)? {
        return Ok(true);
    }
    let (view, key, commit) = (case.view, case.key, case.commit);
    if view.concerns(key, commit, &at.path, objects)? {
        return Ok(true);
    }
    // A component may change whatever the path declares.
    let components = one.map_or(&[][..], |one| &one.components);
    // A part of the repository is packed with its own root.
    let root = one
        .and_then(|one| at.path.strip_suffix(&one.path))
        .unwrap_or_default();
    for component in components {
        let path = format!("{root}{component}");
        if view.concerns(key, commit, &path, &BTreeSet::new())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn named(one: &Reference) -> Named {
    Named {
        kind: one.kind.clone(),
        name: one.name.clone(),
    }
}

/// What the way is made of, as references.
fn needed(place: Place<'_>, way: &Way<'_>) -> Learned<BTreeSet<Reference>> {
    let mut needed = BTreeSet::new();
    let path = &way.path;
    for one in path
        .kustomization
        .into_iter()
        .chain(path.parents.iter().copied())
    {
        needed.insert(reference(Kind::Kustomization, &one.meta));
        needed.insert(one.source.clone());
        needed.extend(one.substitutes.iter().cloned());
    }
    if let Some(helm) = path.helm {
        needed.extend(helm.source.clone());
        needed.extend(helm.values_from.iter().cloned());
        // A HelmChart that the release refers to names its own source.
        if let Some(reference) = helm
            .source
            .as_ref()
            .filter(|one| one.kind == Kind::HelmChart.name())
            && let Some(chart) = route::source(place, reference)?
        {
            needed.extend(chart.chart_source.clone());
        }
    }
    Ok(needed)
}

fn reference(kind: Kind, meta: &Meta) -> Reference {
    Reference {
        kind: kind.name().to_owned(),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
    }
}

/// The Kustomizations that declare what is needed: those above ours, then others. Where it is not known who declares
/// something, any may.
fn declarers<'a>(
    place: Place<'a>,
    way: &Way<'a>,
    needed: &BTreeSet<Reference>,
) -> Learned<Vec<&'a Kustomization>> {
    let mut found = way.path.parents.clone();
    let mut keys: BTreeSet<Key> = found.iter().map(|one| one.meta.key()).collect();
    let mut add = |one: &'a Kustomization| {
        if keys.insert(one.meta.key()) {
            found.push(one);
        }
    };
    for one in needed {
        match declarer(place, one) {
            Some(declarer) => add(declarer),
            None => {
                place.whole(Kind::Kustomization, "")?;
                place.facts.kustomizations.values().for_each(&mut add);
            }
        }
    }
    Ok(found)
}

/// The Kustomization that applied an object: by the object's labels, or by the inventory where the object is not read.
fn declarer<'a>(place: Place<'a>, one: &Reference) -> Option<&'a Kustomization> {
    let (facts, key) = (place.facts, one.key());
    let meta = match Kind::from_name(&one.kind) {
        Some(Kind::Kustomization) => facts.kustomizations.get(&key).map(|one| &one.meta),
        Some(kind) => facts.sources.get(&(kind, key.clone())).map(|one| &one.meta),
        None => None,
    };
    if let Some(meta) = meta {
        return facts
            .kustomizations
            .get(&owner(meta, "kustomize.toolkit.fluxcd.io")?);
    }
    let lists = |entry: &Reference| entry.kind == one.kind && entry.key() == key;
    let mut all = facts.kustomizations.values();
    all.find(|kustomization| kustomization.inventory.iter().any(lists))
}

/// Who reads ConfigMaps or Secrets, and when it looked at them last.
struct ReadBy<'a> {
    object: ObjectRef,
    reads: &'a [Reference],
    /// Whether it has looked since a time; `None` where only its interval tells.
    has_looked: bool,
    interval: Option<SignedDuration>,
}

/// How long after its time a look may take.
const LOOK: SignedDuration = SignedDuration::from_mins(1);

/// What reads a ConfigMap or Secret that the commit changes, and has not looked at it since that was applied: neither is
/// looked at before the next tick, and nothing says which of them was read.
pub fn not_looked_at(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    above: &[Above<'_>],
    known: &Commit,
) -> Learned<Option<Finding>> {
    let place = case.target.place;
    let appliers = above.iter().filter_map(|one| one.path.kustomization);
    let built = appliers
        .chain(way.path.kustomization)
        .filter_map(|one| one.history.first()?.first);
    let since = built.fold(known.at, Timestamp::max);
    let by_kustomization = way.path.kustomization.map(|one| ReadBy {
        object: evidence::object(place, Kind::Kustomization.name(), &one.meta.key()),
        reads: &one.substitutes,
        has_looked: one.confirmed().is_some_and(|at| at > since),
        interval: one.interval,
    });
    let released = |one: &HelmRelease| one.history.first().and_then(|release| release.last);
    let by_helm = way.path.helm.map(|one| ReadBy {
        object: evidence::object(place, Kind::HelmRelease.name(), &one.meta.key()),
        reads: &one.values_from,
        has_looked: released(one).is_some_and(|at| at >= since),
        interval: one.interval,
    });
    for reader in by_kustomization.into_iter().chain(by_helm) {
        let tick = reader
            .interval
            .and_then(|every| since.checked_add(every).ok());
        let due = tick.and_then(|tick| tick.checked_add(LOOK).ok());
        if reader.reads.is_empty() || reader.has_looked || due.is_some_and(|due| due <= place.now) {
            continue;
        }
        let read: BTreeSet<Named> = reader.reads.iter().map(named).collect();
        let mut is_changed = concerns(case, &release::unpacked(case, &way.place)?, None, &read)?;
        for one in above {
            is_changed = is_changed || concerns(case, &one.place, None, &read)?;
        }
        if !is_changed {
            continue;
        }
        if let Some(due) = due {
            case.view.changes_at(place, due);
        }
        let names: Vec<String> = read
            .iter()
            .map(|one| format!("{} {}", one.kind, one.name))
            .collect();
        let sentence = Sentence::default()
            .object(&reader.object)
            .words(" has not looked at ")
            .name(names.join(", "))
            .words(" since it was applied");
        let next = NextAttempt {
            at: tick.filter(|tick| *tick > place.now),
            who: reader.object.clone(),
            what: "looks again".to_owned(),
        };
        return Ok(Some(
            Finding::waiting(CauseCode::ApplyPending, reader.object, sentence)
                .since(Some(since))
                .next(Some(next)),
        ));
    }
    Ok(None)
}
