//! Objects in and out of the facts' tables, by kind: put, remove, and swap all of a scope at once.

use std::collections::BTreeSet;

use facts::cluster::Scope;
use facts::{ClusterFacts, Key, Kind, Meta, Objects};

use crate::project::Object;

/// Puts an object into its table; whether anything changed.
pub(crate) fn put(facts: &mut ClusterFacts, object: Object) -> bool {
    let key = object.key();
    match object {
        Object::Namespace(object) => set(&mut facts.namespaces, key.name, object),
        Object::Node(object) => set(&mut facts.nodes, key.name, object),
        Object::Pod(object) => set(&mut facts.pods, key, object),
        Object::ReplicaSet(object) => set(&mut facts.replica_sets, key, object),
        Object::Workload(object) => set(&mut facts.workloads, (object.kind, key), object),
        Object::Service(object) => set(&mut facts.services, key, object),
        Object::EndpointSlice(object) => set(&mut facts.endpoint_slices, key, object),
        Object::Event(object) => set(&mut facts.events, key, object),
        Object::Source(object) => set(&mut facts.sources, (object.kind, key), object),
        Object::Kustomization(object) => set(&mut facts.kustomizations, key, object),
        Object::HelmRelease(object) => set(&mut facts.helm_releases, key, object),
        Object::ImageRepository(object) => set(&mut facts.image_repositories, key, object),
        Object::ImagePolicy(object) => set(&mut facts.image_policies, key, object),
        Object::ImageUpdateAutomation(object) => set(&mut facts.image_automations, key, object),
        Object::Ingress(object) => set(&mut facts.ingresses, key, object),
        Object::Canary(object) => set(&mut facts.canaries, key, object),
        Object::ExternalSecret(object) => set(&mut facts.external_secrets, key, object),
        Object::Certificate(object) => set(&mut facts.certificates, key, object),
    }
}

fn set<K: Ord + Clone, V: PartialEq>(table: &mut Objects<K, V>, key: K, value: V) -> bool {
    if table.get(&key) == Some(&value) {
        return false;
    }
    table.insert(key, value);
    true
}

/// Removes an object; whether it was there.
pub(crate) fn remove(facts: &mut ClusterFacts, kind: Kind, key: &Key) -> bool {
    match kind {
        Kind::Namespace => facts.namespaces.remove(&key.name).is_some(),
        Kind::Node => facts.nodes.remove(&key.name).is_some(),
        Kind::Pod => facts.pods.remove(key).is_some(),
        Kind::ReplicaSet => facts.replica_sets.remove(key).is_some(),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            facts.workloads.remove(&(kind, key.clone())).is_some()
        }
        Kind::Service => facts.services.remove(key).is_some(),
        Kind::EndpointSlice => facts.endpoint_slices.remove(key).is_some(),
        Kind::Ingress => facts.ingresses.remove(key).is_some(),
        Kind::Event => facts.events.remove(key).is_some(),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => facts.sources.remove(&(kind, key.clone())).is_some(),
        Kind::Kustomization => facts.kustomizations.remove(key).is_some(),
        Kind::HelmRelease => facts.helm_releases.remove(key).is_some(),
        Kind::ImageRepository => facts.image_repositories.remove(key).is_some(),
        Kind::ImagePolicy => facts.image_policies.remove(key).is_some(),
        Kind::ImageUpdateAutomation => facts.image_automations.remove(key).is_some(),
        Kind::Canary => facts.canaries.remove(key).is_some(),
        Kind::ExternalSecret => facts.external_secrets.remove(key).is_some(),
        Kind::Certificate => facts.certificates.remove(key).is_some(),
        // Not of a Kubernetes cluster.
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => false,
    }
}

/// Swaps all of a kind's objects in a scope for others, at once; whether anything changed.
pub(crate) fn swap(
    facts: &mut ClusterFacts,
    kind: Kind,
    scope: &Scope,
    objects: Vec<Object>,
) -> bool {
    let keys: BTreeSet<Key> = objects.iter().map(Object::key).collect();
    let within = Within::of(facts, kind, scope);
    let mut changed = keep(facts, kind, &|key| !within.has(key) || keys.contains(key));
    for object in objects {
        changed |= put(facts, object);
    }
    changed
}

/// Removes all of a kind's objects in a scope; whether there were any.
pub(crate) fn clear(facts: &mut ClusterFacts, kind: Kind, scope: &Scope) -> bool {
    let within = Within::of(facts, kind, scope);
    keep(facts, kind, &|key| !within.has(key))
}

/// What a scope has of a kind.
enum Within<'s> {
    All,
    Namespace(&'s str),
    These(BTreeSet<Key>),
}

impl<'s> Within<'s> {
    fn of(facts: &ClusterFacts, kind: Kind, scope: &'s Scope) -> Self {
        let selection = match scope {
            Scope::All => return Self::All,
            Scope::Namespace(namespace) => return Self::Namespace(namespace),
            Scope::Selected(selection) => selection,
        };
        let pods = facts.pods.values().map(|pod| &pod.meta);
        let sets = facts.replica_sets.values().map(|set| &set.meta);
        let selected = |meta: &&Meta| selection.selects(meta);
        Self::These(match kind {
            Kind::Pod => pods.filter(selected).map(Meta::key).collect(),
            Kind::ReplicaSet => sets.filter(selected).map(Meta::key).collect(),
            // Nothing else is selected.
            _ => BTreeSet::new(),
        })
    }

    fn has(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(namespace) => key.namespace == *namespace,
            Self::These(keys) => keys.contains(key),
        }
    }
}

/// Keeps those of a kind's objects whose key is kept; whether any was not.
fn keep(facts: &mut ClusterFacts, kind: Kind, kept: &dyn Fn(&Key) -> bool) -> bool {
    match kind {
        Kind::Namespace => retain(&mut facts.namespaces, |name| kept(&Key::new("", name))),
        Kind::Node => retain(&mut facts.nodes, |name| kept(&Key::new("", name))),
        Kind::Pod => retain(&mut facts.pods, kept),
        Kind::ReplicaSet => retain(&mut facts.replica_sets, kept),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            retain(&mut facts.workloads, |(of, key)| *of != kind || kept(key))
        }
        Kind::Service => retain(&mut facts.services, kept),
        Kind::EndpointSlice => retain(&mut facts.endpoint_slices, kept),
        Kind::Ingress => retain(&mut facts.ingresses, kept),
        Kind::Event => retain(&mut facts.events, kept),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => retain(&mut facts.sources, |(of, key)| *of != kind || kept(key)),
        Kind::Kustomization => retain(&mut facts.kustomizations, kept),
        Kind::HelmRelease => retain(&mut facts.helm_releases, kept),
        Kind::ImageRepository => retain(&mut facts.image_repositories, kept),
        Kind::ImagePolicy => retain(&mut facts.image_policies, kept),
        Kind::ImageUpdateAutomation => retain(&mut facts.image_automations, kept),
        Kind::Canary => retain(&mut facts.canaries, kept),
        Kind::ExternalSecret => retain(&mut facts.external_secrets, kept),
        Kind::Certificate => retain(&mut facts.certificates, kept),
        // Not of a Kubernetes cluster.
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => false,
    }
}

fn retain<K: Ord + Clone, V>(table: &mut Objects<K, V>, kept: impl Fn(&K) -> bool) -> bool {
    let before = table.len();
    table.retain(|key, _| kept(key));
    table.len() != before
}

/// How many objects there are.
pub(crate) fn count(facts: &ClusterFacts) -> u64 {
    let tables = [
        facts.namespaces.len(),
        facts.nodes.len(),
        facts.pods.len(),
        facts.replica_sets.len(),
        facts.workloads.len(),
        facts.services.len(),
        facts.endpoint_slices.len(),
        facts.events.len(),
        facts.sources.len(),
        facts.kustomizations.len(),
        facts.helm_releases.len(),
        facts.image_repositories.len(),
        facts.image_policies.len(),
        facts.image_automations.len(),
        facts.canaries.len(),
        facts.external_secrets.len(),
        facts.ingresses.len(),
        facts.certificates.len(),
    ];
    u64::try_from(tables.iter().sum::<usize>()).unwrap_or(u64::MAX)
}
