//! The objects of a cluster by what they are looked up by.
//!
//! Owns nothing but order: a board of thousands of cells would otherwise look through every pod for each of them.

use std::collections::{BTreeMap, BTreeSet};

use facts::flux::{ImagePolicy, Kustomization};
use facts::image::ImageReference;
use facts::kubernetes::{EndpointSlice, Event, Pod, ReplicaSet, Service};
use facts::meta::{Key, Reference};
use facts::{ClusterFacts, Facts};

/// Objects by namespace and two more words.
struct By<'a, T>(BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a T>>>>);

impl<T> Default for By<'_, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'a, T> By<'a, T> {
    fn put(&mut self, namespace: &'a str, first: &'a str, second: &'a str, object: &'a T) {
        let of_namespace = self.0.entry(namespace).or_default();
        let of_first = of_namespace.entry(first).or_default();
        of_first.entry(second).or_default().push(object);
    }

    fn get(&self, namespace: &str, first: &str, second: &str) -> &[&'a T] {
        self.0
            .get(namespace)
            .and_then(|of_namespace| of_namespace.get(first))
            .and_then(|of_first| of_first.get(second))
            .map_or(&[], Vec::as_slice)
    }
}

/// One cluster's objects by what they are looked up by.
#[derive(Default)]
pub struct Index<'a> {
    /// By namespace and one label; only labels that some workload selects by.
    pods: By<'a, Pod>,
    /// By namespace, owner's kind and name.
    replica_sets: By<'a, ReplicaSet>,
    /// By namespace, and kind and name of what they are about; warnings only.
    warnings: By<'a, Event>,
    /// By namespace and the first label of their selector.
    services: By<'a, Service>,
    /// By namespace and Service.
    slices: By<'a, EndpointSlice>,
    /// By namespace, kind and name of what their inventory lists.
    appliers: By<'a, Kustomization>,
    /// By the image that they choose a tag of.
    policies: BTreeMap<String, Vec<&'a ImagePolicy>>,
}

impl<'a> Index<'a> {
    /// The index of every cluster.
    pub fn all(facts: &'a Facts) -> BTreeMap<&'a str, Self> {
        let clusters = facts.clusters.iter();
        clusters
            .map(|(name, cluster)| (name.as_str(), Self::new(cluster)))
            .collect()
    }

    fn new(facts: &'a ClusterFacts) -> Self {
        let mut index = Self::default();
        let selecting: BTreeSet<&str> = facts
            .workloads
            .values()
            .flat_map(|workload| workload.selector.keys().map(String::as_str))
            .collect();
        for pod in facts.pods.values() {
            for (name, value) in &pod.meta.labels {
                if selecting.contains(name.as_str()) {
                    index.pods.put(&pod.meta.namespace, name, value, pod);
                }
            }
        }
        for set in facts.replica_sets.values() {
            for owner in &set.meta.owners {
                let namespace = &set.meta.namespace;
                index
                    .replica_sets
                    .put(namespace, &owner.kind, &owner.name, set);
            }
        }
        for event in facts.events.values().filter(|event| event.warning) {
            let (namespace, about) = (&event.meta.namespace, &event.about);
            index
                .warnings
                .put(namespace, &about.kind, &about.name, event);
        }
        for service in facts.services.values() {
            if let Some((name, value)) = service.selector.first_key_value() {
                index
                    .services
                    .put(&service.meta.namespace, name, value, service);
            }
        }
        for slice in facts.endpoint_slices.values() {
            index
                .slices
                .put(&slice.meta.namespace, "Service", &slice.service, slice);
        }
        for one in facts.kustomizations.values() {
            for entry in &one.inventory {
                index
                    .appliers
                    .put(&entry.namespace, &entry.kind, &entry.name, one);
            }
        }
        for policy in facts.image_policies.values() {
            if let Some(scanned) = facts.image_repositories.get(&policy.repository.key()) {
                let image = ImageReference::parse(&scanned.image).repository;
                index.policies.entry(image).or_default().push(policy);
            }
        }
        index
    }

    /// The pods of a namespace that a workload's selector selects; an empty one selects none.
    pub fn pods(&self, namespace: &str, selector: &BTreeMap<String, String>) -> Vec<&'a Pod> {
        let fewest = selector
            .iter()
            .map(|(name, value)| self.pods.get(namespace, name, value))
            .min_by_key(|pods| pods.len());
        fewest
            .unwrap_or_default()
            .iter()
            .filter(|pod| {
                selector
                    .iter()
                    .all(|(name, value)| pod.meta.label(name) == Some(value))
            })
            .copied()
            .collect()
    }

    /// The ReplicaSets of a Deployment.
    pub fn replica_sets(&self, deployment: &Key) -> &[&'a ReplicaSet] {
        self.replica_sets
            .get(&deployment.namespace, "Deployment", &deployment.name)
    }

    /// The warnings about an object.
    pub fn warnings(&self, kind: &str, key: &Key) -> &[&'a Event] {
        self.warnings.get(&key.namespace, kind, &key.name)
    }

    /// The Services of a namespace that may select pods with these labels.
    pub fn services<'s>(
        &'s self,
        namespace: &'s str,
        labels: &'s BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a Service> + 's {
        labels
            .iter()
            .flat_map(move |(name, value)| self.services.get(namespace, name, value))
            .copied()
    }

    /// The EndpointSlices of a Service.
    pub fn slices(&self, service: &Key) -> &[&'a EndpointSlice] {
        self.slices
            .get(&service.namespace, "Service", &service.name)
    }

    /// The Kustomizations whose inventory lists an object.
    pub fn appliers(&self, one: &Reference) -> &[&'a Kustomization] {
        self.appliers.get(&one.namespace, &one.kind, &one.name)
    }

    /// The policies that choose a tag of an image.
    pub fn policies(&self, image: &str) -> &[&'a ImagePolicy] {
        self.policies.get(image).map_or(&[], Vec::as_slice)
    }
}
