//! What keeps a health check from passing: the object that a Kustomization or HelmRelease applied and that is not ready.
//!
//! Owns the reading of health check messages, and the step from an applied object to its own trouble.

use facts::flux::{HelmRelease, Kustomization};
use facts::meta::{Condition, Key, Kind, Reference};

use super::{Seen, helm_release, kustomization, rooted, worst};
use crate::finding::Finding;
use crate::stages::trouble;
use crate::view::{Learned, Place};

/// The object that keeps a Kustomization's health check from passing: what its message names, else what it applied.
pub fn culprit(
    place: Place<'_>,
    one: &Kustomization,
    ready: &Condition,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    let named = named(&ready.message);
    let suspects: Vec<&Reference> = one
        .inventory
        .iter()
        .filter(|entry| {
            named.is_empty()
                || named
                    .iter()
                    .any(|(kind, key)| *kind == entry.kind && *key == entry.key())
        })
        .collect();
    let outside: Vec<Reference> = named
        .iter()
        .filter(|(kind, key)| {
            !one.inventory
                .iter()
                .any(|entry| entry.kind == *kind && entry.key() == *key)
        })
        .map(|(kind, key)| Reference {
            kind: (*kind).to_owned(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        })
        .collect();
    let mut found = Vec::new();
    for suspect in suspects.into_iter().chain(&outside) {
        found.push(suspected(place, suspect, seen));
    }
    worst(found)
}

fn suspected(place: Place<'_>, suspect: &Reference, seen: &mut Seen) -> Learned<Option<Finding>> {
    let key = suspect.key();
    let Some(kind) = Kind::from_name(&suspect.kind) else {
        return Ok(None);
    };
    match kind {
        Kind::Kustomization | Kind::HelmRelease => {
            if !seen.step(kind, &key)? {
                return Ok(None);
            }
            let trouble = if kind == Kind::HelmRelease {
                let found = place.helm_release(&key);
                match place.object(found, kind, &key.namespace)? {
                    Some(found) => helm_release(place, found, seen),
                    None => Ok(None),
                }
            } else {
                let found = place.kustomization(&key);
                match place.object(found, kind, &key.namespace)? {
                    Some(found) => kustomization(place, found, seen),
                    None => Ok(None),
                }
            };
            seen.back();
            trouble
        }
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            let found = place.workload(kind, &key);
            match place.object(found, kind, &suspect.namespace)? {
                Some(workload) => Ok(trouble::of_workload(place, workload)?
                    .map(|finding| rooted(finding, "is not ready"))),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// The objects that a health check's message names: `[Deployment/shop/checkout status: 'InProgress']`.
pub fn named(message: &str) -> Vec<(&str, Key)> {
    message
        .split([' ', '[', ']', ',', '\'', '"'])
        .filter_map(|word| {
            let mut parts = word.split('/');
            let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
            let is_kind = kind.starts_with(|c: char| c.is_ascii_uppercase());
            (is_kind && parts.next().is_none() && !name.is_empty())
                .then(|| (kind, Key::new(namespace, name)))
        })
        .collect()
}

/// What is wrong with the workloads that a HelmRelease installed.
pub fn of_release(place: Place<'_>, one: &HelmRelease) -> Learned<Option<Finding>> {
    let mut found = Vec::new();
    for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
        place.whole(kind, &one.target_namespace)?;
    }
    for workload in place.workloads() {
        let of_it = workload.meta.label("helm.toolkit.fluxcd.io/name") == Some(&one.meta.name)
            && workload.meta.label("helm.toolkit.fluxcd.io/namespace") == Some(&one.meta.namespace);
        if of_it {
            found.push(trouble::of_workload(place, workload));
        }
    }
    worst(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_names_what_it_waited_for() {
        let message = "health check failed after 30s: timeout waiting for: [Deployment/shop/checkout status: 'InProgress', HelmRelease/ingress/nginx status: 'Failed']";
        assert_eq!(
            named(message),
            [
                ("Deployment", Key::new("shop", "checkout")),
                ("HelmRelease", Key::new("ingress", "nginx"))
            ]
        );
        assert!(named("see https://example.org/a/b").is_empty());
    }
}
