//! Tests only: a staging of the shop, on the cluster that dev lives on, with Kustomizations that name it.

use facts::kubernetes::Namespace;
use facts::meta::{Key, Meta, Owner};

use super::{APPS, FLEET, World, key, path};

/// The cluster of both.
const CLUSTER: &str = "nonprod";
/// Dev's namespace.
const FROM: &str = "shop-dev";
/// Staging's.
const TO: &str = "shop-staging";

fn moved(meta: &Meta) -> Meta {
    let mut meta = meta.clone();
    meta.namespace = TO.to_owned();
    meta.uid = meta.uid.replace(FROM, TO);
    let names = |label: &str| format!("kustomize.toolkit.fluxcd.io/{label}");
    if let Some(name) = meta.labels.get_mut(&names("name")) {
        name.push_str("-staging");
    }
    if let Some(space) = meta.labels.get_mut("helm.toolkit.fluxcd.io/namespace") {
        TO.clone_into(space);
    }
    for Owner { uid, .. } in &mut meta.owners {
        *uid = uid.replace(FROM, TO);
    }
    meta
}

/// The objects of dev's namespace, as they are in staging's.
fn copied<T: Clone>(
    objects: &facts::Objects<Key, T>,
    meta: impl Fn(&mut T) -> &mut Meta,
) -> Vec<(Key, T)> {
    let of_dev = objects.iter().filter(|(key, _)| key.namespace == FROM);
    of_dev
        .map(|(name, object)| {
            let mut object = object.clone();
            let meta = meta(&mut object);
            *meta = moved(meta);
            (key(TO, &name.name), object)
        })
        .collect()
}

/// Adds staging, in the state that dev is in.
pub fn with_staging(mut world: World) -> World {
    let repo = world.repo(FLEET);
    for app in APPS {
        let at = |path: String| ("main".to_owned(), path);
        let mut history = repo.declared[&at(path(app, CLUSTER))].clone();
        for image in history.entries.iter_mut().flat_map(|one| &mut one.images) {
            image.file = image.file.replace("/dev/", "/staging/");
            image.marker = None;
        }
        repo.declared
            .insert(at(format!("apps/staging/{app}")), history);
    }
    world.edit(CLUSTER, |facts| {
        for ((kind, name), one) in facts.workloads.clone().iter() {
            let mut one = one.clone();
            one.meta = moved(&one.meta);
            facts.workloads.insert((*kind, key(TO, &name.name)), one);
        }
        facts
            .services
            .extend(copied(&facts.services, |one| &mut one.meta));
        let slices = copied(&facts.endpoint_slices, |one| &mut one.meta);
        facts.endpoint_slices.extend(slices);
        facts.pods.extend(copied(&facts.pods, |one| &mut one.meta));
        let sets = copied(&facts.replica_sets, |one| &mut one.meta);
        facts.replica_sets.extend(sets);
        for (name, mut one) in copied(&facts.helm_releases, |one| &mut one.meta) {
            TO.clone_into(&mut one.target_namespace);
            facts.helm_releases.insert(name, one);
        }
        for app in APPS {
            let mut one = facts
                .kustomizations
                .get(&key("flux-system", app))
                .unwrap()
                .clone();
            one.meta.name.push_str("-staging");
            one.path = format!("apps/staging/{app}");
            for entry in &mut one.inventory {
                TO.clone_into(&mut entry.namespace);
            }
            facts.kustomizations.insert(one.meta.key(), one);
        }
        let name = TO.to_owned();
        let meta = Meta {
            name: name.clone(),
            ..Meta::default()
        };
        facts.namespaces.insert(name, Namespace { meta });
    });
    world
}
