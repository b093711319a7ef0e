//! How Git reaches a workload: the Flux objects that apply it, from the nearest to the root, and their source.
//!
//! Owns the reading of ownership labels and inventories. Judges none of the objects.

use facts::code::repository_key;
use facts::flux::{HelmRelease, Kustomization, Source, SourceReference};
use facts::meta::{Key, Kind, Meta, Reference, Status};

use crate::conditions::believed;
use crate::discover::Target;
use crate::stages::canary;
use crate::view::{Gap, Learned, Place, View};

/// How many Kustomizations above another are followed.
const PARENTS: usize = 16;

/// Who applies a workload.
pub enum Route<'a> {
    /// Flux does.
    Flux(Box<Path<'a>>),
    /// Nobody whom we know: it was applied by hand or by another tool.
    Nobody {
        /// The Kustomization whose labels it carries, though that does not list it: it is a copy of what that applies.
        copied_from: Option<Reference>,
    },
    /// Its labels name an object of Flux's that does not exist.
    Gone(Reference),
}

/// The objects of Flux's that apply a workload.
pub struct Path<'a> {
    /// The HelmRelease that installs it, if one does.
    pub helm: Option<&'a HelmRelease>,
    /// The Kustomization that applies it or its HelmRelease.
    pub kustomization: Option<&'a Kustomization>,
    /// What applies that Kustomization, nearest first.
    pub parents: Vec<&'a Kustomization>,
    /// The Kustomization's source; `None` if it does not exist.
    pub source: Learned<Option<&'a Source>>,
    /// The place in Git that the Kustomization applies; `None` if its source is not made from Git.
    pub configuration: Learned<Option<Configuration>>,
}

/// A place in a GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The repository's key.
    pub repository: String,
    /// The branch that is followed, or the releasing one where the source is pinned.
    pub branch: String,
    /// The folder, from the root.
    pub path: String,
    /// The tag, range or commit that the source is pinned to, if it does not follow a branch.
    pub pinned: Option<String>,
    /// Whether the path is one in an artifact, which may be a part of the repository.
    pub packed: bool,
}

/// The route to a target.
pub fn route<'a>(view: &View<'a>, target: &Target<'a>) -> Learned<Route<'a>> {
    let place = target.place;
    let meta = &target.applied.meta;
    canary::known(place, target.applied)?;
    if let Some(key) = owner(meta, "helm.toolkit.fluxcd.io") {
        let found = place.helm_release(&key);
        return match place.object(found, Kind::HelmRelease, &key.namespace)? {
            Some(helm) => through_helm(view, place, helm),
            None => Ok(Route::Gone(reference(Kind::HelmRelease, &key))),
        };
    }
    if let Some(key) = owner(meta, "kustomize.toolkit.fluxcd.io") {
        let found = place.kustomization(&key);
        return match place.object(found, Kind::Kustomization, &key.namespace)? {
            Some(one) if disowns(one, target.applied.kind.name(), &meta.key()) => {
                Ok(Route::Nobody {
                    copied_from: Some(reference(Kind::Kustomization, &key)),
                })
            }
            Some(kustomization) => Ok(path(view, place, None, Some(kustomization))),
            None => Ok(Route::Gone(reference(Kind::Kustomization, &key))),
        };
    }
    match listing(place, target.applied.kind.name(), &meta.key())? {
        Some(kustomization) => Ok(path(view, place, None, Some(kustomization))),
        None => Ok(Route::Nobody { copied_from: None }),
    }
}

fn through_helm<'a>(
    view: &View<'a>,
    place: Place<'a>,
    helm: &'a HelmRelease,
) -> Learned<Route<'a>> {
    let Some(key) = owner(&helm.meta, "kustomize.toolkit.fluxcd.io") else {
        let listing = listing(place, "HelmRelease", &helm.meta.key())?;
        return Ok(path(view, place, Some(helm), listing));
    };
    let found = place.kustomization(&key);
    match place.object(found, Kind::Kustomization, &key.namespace)? {
        Some(kustomization) => Ok(path(view, place, Some(helm), Some(kustomization))),
        None => Ok(Route::Gone(reference(Kind::Kustomization, &key))),
    }
}

fn path<'a>(
    view: &View<'a>,
    place: Place<'a>,
    helm: Option<&'a HelmRelease>,
    kustomization: Option<&'a Kustomization>,
) -> Route<'a> {
    let source = match kustomization {
        Some(kustomization) => source(place, &kustomization.source),
        None => Ok(None),
    };
    let configuration = match (&source, kustomization) {
        (Ok(Some(source)), Some(kustomization)) => configuration(view, source, kustomization),
        (Ok(_), _) => Ok(None),
        (Err(gap), _) => Err(gap.clone()),
    };
    Route::Flux(Box::new(Path {
        helm,
        kustomization,
        parents: kustomization.map_or_else(Vec::new, |one| parents(place, one)),
        source,
        configuration,
    }))
}

/// What applies a Kustomization, nearest first. The root applies itself: the walk ends there.
pub fn parents<'a>(place: Place<'a>, from: &'a Kustomization) -> Vec<&'a Kustomization> {
    let mut found: Vec<&Kustomization> = Vec::new();
    let mut at = from;
    while let Some(parent) =
        owner(&at.meta, "kustomize.toolkit.fluxcd.io").and_then(|key| place.kustomization(&key))
    {
        let seen = std::iter::once(from)
            .chain(found.iter().copied())
            .any(|one| one.meta.key() == parent.meta.key());
        if seen || found.len() >= PARENTS {
            break;
        }
        found.push(parent);
        at = parent;
    }
    found
}

/// A source, by reference.
pub fn source<'a>(place: Place<'a>, reference: &Reference) -> Learned<Option<&'a Source>> {
    let Some(kind) = Kind::from_name(&reference.kind) else {
        return Err(Gap::new(format!(
            "{} objects are not read by this version",
            reference.kind
        )));
    };
    let key = reference.key();
    let found = place.source(kind, &key);
    place.object(found, kind, &reference.namespace)
}

/// The place in Git that a Kustomization applies; `None` if its source does not exist or is not made from Git.
pub fn place_of(
    view: &View<'_>,
    place: Place<'_>,
    one: &Kustomization,
) -> Learned<Option<Configuration>> {
    match source(place, &one.source)? {
        Some(source) => configuration(view, source, one),
        None => Ok(None),
    }
}

fn configuration(
    view: &View<'_>,
    source: &Source,
    kustomization: &Kustomization,
) -> Learned<Option<Configuration>> {
    let path = kustomization.path.trim_matches('/').to_owned();
    match source.kind {
        Kind::GitRepository => {
            let repository = repository_key(&source.url);
            let (branch, pinned) = match &source.reference {
                SourceReference::Branch(branch) => (branch.clone(), None),
                // Flux's own default, whatever the remote's HEAD is.
                SourceReference::Default => ("master".to_owned(), None),
                SourceReference::Name(name) if name.starts_with("refs/heads/") => {
                    (name.replacen("refs/heads/", "", 1), None)
                }
                SourceReference::Tag(pin)
                | SourceReference::Semver(pin)
                | SourceReference::Fixed(pin)
                | SourceReference::Name(pin) => (
                    view.releasing_branch(&repository)?.to_owned(),
                    Some(pin.clone()),
                ),
            };
            Ok(Some(Configuration {
                repository,
                branch,
                path,
                pinned,
                packed: false,
            }))
        }
        Kind::OCIRepository => {
            let artifact = source.artifact.as_ref();
            let Some(origin) = artifact.and_then(|one| one.origin_source.as_deref()) else {
                return Ok(None);
            };
            let repository = repository_key(origin);
            let named = artifact
                .and_then(|one| one.origin_revision.as_ref())
                .map(|revision| revision.name())
                .filter(|name| !crate::images::is_hex(name) && !name.is_empty());
            let branch = match named {
                Some(branch) => branch.to_owned(),
                None => view.releasing_branch(&repository)?.to_owned(),
            };
            Ok(Some(Configuration {
                repository,
                branch,
                path,
                pinned: None,
                packed: true,
            }))
        }
        _ => Ok(None),
    }
}

/// The object of Flux's that an object's labels of a group name as what applied it.
pub fn owner(meta: &Meta, group: &str) -> Option<Key> {
    let name = meta.label(&format!("{group}/name"))?;
    let namespace = meta.label(&format!("{group}/namespace"))?;
    Some(Key::new(namespace, name))
}

/// The Kustomization whose inventory lists an object, for objects that lost their labels.
fn listing<'a>(place: Place<'a>, kind: &str, key: &Key) -> Learned<Option<&'a Kustomization>> {
    place.whole(Kind::Kustomization, "")?;
    Ok(place.kustomizations().find(|one| {
        one.inventory
            .iter()
            .any(|entry| entry.kind == kind && entry.key() == *key)
    }))
}

/// Whether a Kustomization that carries an object's labels knows that it does not apply it. One that is not ready may
/// not have written its inventory yet.
fn disowns(one: &Kustomization, kind: &str, key: &Key) -> bool {
    let is_ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta)
        .is_some_and(|ready| ready.status == Status::True);
    is_ready
        && !one.inventory.is_empty()
        && !one
            .inventory
            .iter()
            .any(|entry| entry.kind == kind && entry.key() == *key)
}

fn reference(kind: Kind, key: &Key) -> Reference {
    Reference {
        kind: kind.name().to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}
