//! The objects of a cluster by what they are looked up by.
//!
//! Owns nothing but order: a board of thousands of cells would otherwise look through every pod for each of them. Kept
//! from one evaluation to the next, and told what changed.

mod changed;

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::ClusterFacts;
use facts::flux::{ImagePolicy, Kustomization};
use facts::image::ImageReference;
use facts::kubernetes::{EndpointSlice, Event, Ingress, Pod, ReplicaSet, Service};
use facts::meta::{Key, Reference};
use facts::objects::{Changed, Objects};
use facts::others::Certificate;
use rustc_hash::FxHashMap;

use crate::trace::{Look, Mark, Table};

/// Objects by the mark of where they are looked for, each list in the order of keys.
struct By<T>(FxHashMap<Mark, Vec<(Key, Arc<T>)>>);

impl<T> Default for By<T> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<T> By<T> {
    fn put(&mut self, mark: Mark, key: &Key, object: &Arc<T>) {
        let list = self.0.entry(mark).or_default();
        // Whole clusters come in the order of keys.
        let at = match list.last() {
            Some((last, _)) if last < key => list.len(),
            _ => match list.binary_search_by(|(one, _)| one.cmp(key)) {
                // Two marks of one object may be the same.
                Ok(at) => {
                    if let Some((_, there)) = list.get_mut(at) {
                        *there = Arc::clone(object);
                    }
                    return;
                }
                Err(at) => at,
            },
        };
        list.insert(at, (key.clone(), Arc::clone(object)));
    }

    fn remove(&mut self, mark: Mark, key: &Key) {
        if let Some(list) = self.0.get_mut(&mark) {
            if let Ok(at) = list.binary_search_by(|(one, _)| one.cmp(key)) {
                list.remove(at);
            }
            if list.is_empty() {
                self.0.remove(&mark);
            }
        }
    }

    fn get(&self, mark: Mark) -> impl Iterator<Item = &T> {
        let list = self.0.get(&mark).map_or(&[][..], Vec::as_slice);
        list.iter().map(|(_, object)| object.as_ref())
    }

    fn count(&self, mark: Mark) -> usize {
        self.0.get(&mark).map_or(0, Vec::len)
    }

    /// Takes in what changed in a table of the facts; the marks of all of it.
    fn change<'c>(
        &mut self,
        changes: impl Iterator<Item = Changed<'c, Key, T>>,
        marks: impl Fn(&T) -> Vec<Mark>,
        touched: &mut Vec<Mark>,
    ) where
        T: 'c,
    {
        for change in changes {
            if let Some(object) = change.before {
                for mark in marks(object) {
                    self.remove(mark, change.key);
                    touched.push(mark);
                }
            }
            if let Some(object) = change.after {
                for mark in marks(object) {
                    self.put(mark, change.key, object);
                    touched.push(mark);
                }
            }
        }
    }
}

/// One cluster's objects by what they are looked up by.
pub struct Index {
    cluster: String,
    /// By namespace and one label.
    pods: By<Pod>,
    /// By namespace, owner's kind and name.
    replica_sets: By<ReplicaSet>,
    /// By namespace, and kind and name of what they are about; warnings only.
    warnings: By<Event>,
    /// By namespace and the first label of their selector.
    services: By<Service>,
    /// By namespace and Service.
    slices: By<EndpointSlice>,
    /// By namespace and each Service that they lead to.
    ingresses: By<Ingress>,
    /// By namespace and Secret.
    certificates: By<Certificate>,
    /// By namespace, kind and name of what their inventory lists.
    appliers: By<Kustomization>,
    /// By the image that they choose a tag of.
    policies: By<ImagePolicy>,
    known: Arc<ClusterFacts>,
}

impl Index {
    /// The index of a cluster of which nothing is known.
    pub fn new(cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            pods: By::default(),
            replica_sets: By::default(),
            warnings: By::default(),
            services: By::default(),
            slices: By::default(),
            ingresses: By::default(),
            certificates: By::default(),
            appliers: By::default(),
            policies: By::default(),
            known: Arc::default(),
        }
    }

    /// The index of every cluster, from nothing.
    pub fn all(clusters: &BTreeMap<String, Arc<ClusterFacts>>) -> BTreeMap<String, Self> {
        let clusters = clusters.iter().map(|(name, facts)| {
            let mut index = Self::new(name);
            index.update(facts);
            (name.clone(), index)
        });
        clusters.collect()
    }

    /// The facts that it is the index of.
    pub fn known(&self) -> &Arc<ClusterFacts> {
        &self.known
    }

    /// Takes in what is known now; the marks of everything that has changed.
    pub fn update(&mut self, facts: &Arc<ClusterFacts>) -> Vec<Mark> {
        let mut touched = Vec::new();
        if Arc::ptr_eq(&self.known, facts) {
            return touched;
        }
        let before = std::mem::replace(&mut self.known, Arc::clone(facts));
        let cluster = self.cluster.clone();
        let cluster = cluster.as_str();
        self.order(cluster, &before, facts, &mut touched);
        changed::around(cluster, &before, facts, &mut touched);
        changed::objects(cluster, &before, facts, &mut touched);
        touched
    }

    fn order(
        &mut self,
        cluster: &str,
        before: &ClusterFacts,
        facts: &ClusterFacts,
        touched: &mut Vec<Mark>,
    ) {
        let at = |table, namespace: &str, first: &str, second: &str| {
            Mark::of(&Look::Indexed(cluster, table, namespace, first, second))
        };
        self.pods.change(
            facts.pods.since(&before.pods),
            |pod| {
                let labels = pod.meta.labels.iter();
                labels
                    .map(|(name, value)| at(Table::Pods, &pod.meta.namespace, name, value))
                    .collect()
            },
            touched,
        );
        self.replica_sets.change(
            facts.replica_sets.since(&before.replica_sets),
            |set| {
                let owners = set.meta.owners.iter();
                owners
                    .map(|one| {
                        at(
                            Table::ReplicaSets,
                            &set.meta.namespace,
                            &one.kind,
                            &one.name,
                        )
                    })
                    .collect()
            },
            touched,
        );
        self.warnings.change(
            facts.events.since(&before.events),
            |event| {
                let about = &event.about;
                let namespace = &event.meta.namespace;
                let is_told = event.warning;
                is_told
                    .then(|| at(Table::Warnings, namespace, &about.kind, &about.name))
                    .into_iter()
                    .collect()
            },
            touched,
        );
        self.services.change(
            facts.services.since(&before.services),
            |service| {
                let first = service.selector.first_key_value();
                let namespace = &service.meta.namespace;
                first
                    .map(|(name, value)| at(Table::Services, namespace, name, value))
                    .into_iter()
                    .collect()
            },
            touched,
        );
        self.slices.change(
            facts.endpoint_slices.since(&before.endpoint_slices),
            |slice| vec![at(Table::Slices, &slice.meta.namespace, "", &slice.service)],
            touched,
        );
        self.ingresses.change(
            facts.ingresses.since(&before.ingresses),
            |one| {
                let namespace = &one.meta.namespace;
                let services = one.services.iter();
                services
                    .map(|service| at(Table::Ingresses, namespace, "", service))
                    .collect()
            },
            touched,
        );
        self.certificates.change(
            facts.certificates.since(&before.certificates),
            |one| {
                vec![at(
                    Table::Certificates,
                    &one.meta.namespace,
                    "",
                    &one.secret,
                )]
            },
            touched,
        );
        self.appliers.change(
            facts.kustomizations.since(&before.kustomizations),
            |one| {
                let listed = one.inventory.iter();
                listed
                    .map(|entry| at(Table::Appliers, &entry.namespace, &entry.kind, &entry.name))
                    .collect()
            },
            touched,
        );
        self.choose(cluster, before, facts, touched);
    }

    /// Which policies choose a tag of an image depends on two kinds of objects: where either changes, all are ordered anew.
    fn choose(
        &mut self,
        cluster: &str,
        before: &ClusterFacts,
        facts: &ClusterFacts,
        touched: &mut Vec<Mark>,
    ) {
        let images = |facts: &ClusterFacts, policy: &ImagePolicy| {
            let scanned = facts.image_repositories.get(&policy.repository.key());
            scanned.map(|one| ImageReference::parse(&one.image).repository)
        };
        let mark = |image: &str| Mark::of(&Look::Indexed(cluster, Table::Policies, "", "", image));
        let is_moved = facts
            .image_repositories
            .since(&before.image_repositories)
            .any(|one| one.before.map(|it| &it.image) != one.after.map(|it| &it.image));
        if is_moved {
            for policy in before.image_policies.values() {
                touched.extend(images(before, policy).map(|image| mark(&image)));
            }
            self.policies = By::default();
            self.policies.change(
                facts.image_policies.since(&Objects::default()),
                |policy| {
                    images(facts, policy)
                        .map(|it| mark(&it))
                        .into_iter()
                        .collect()
                },
                touched,
            );
        } else {
            self.policies.change(
                facts.image_policies.since(&before.image_policies),
                |policy| {
                    images(facts, policy)
                        .map(|it| mark(&it))
                        .into_iter()
                        .collect()
                },
                touched,
            );
        }
    }

    /// The pods of a namespace that a workload's selector selects; an empty one selects none. And the mark of all that may
    /// become one of them.
    pub fn pods(
        &self,
        namespace: &str,
        selector: &BTreeMap<String, String>,
    ) -> (Option<Mark>, Vec<&Pod>) {
        let marks = selector.iter().map(|(name, value)| {
            Mark::of(&Look::Indexed(
                &self.cluster,
                Table::Pods,
                namespace,
                name,
                value,
            ))
        });
        let Some(fewest) = marks.min_by_key(|mark| self.pods.count(*mark)) else {
            return (None, Vec::new());
        };
        let pods = self.pods.get(fewest).filter(|pod| {
            pod.meta.namespace == namespace
                && selector
                    .iter()
                    .all(|(name, value)| pod.meta.label(name) == Some(value))
        });
        (Some(fewest), pods.collect())
    }

    /// The ReplicaSets of a Deployment.
    pub fn replica_sets(&self, deployment: &Key) -> impl Iterator<Item = &ReplicaSet> {
        let mark = self.mark(
            Table::ReplicaSets,
            &deployment.namespace,
            "Deployment",
            &deployment.name,
        );
        let is_its = move |set: &&ReplicaSet| {
            let mut owners = set.meta.owners.iter();
            set.meta.namespace == deployment.namespace
                && owners.any(|one| one.kind == "Deployment" && one.name == deployment.name)
        };
        self.replica_sets.get(mark).filter(is_its)
    }

    /// The warnings about an object.
    pub fn warnings(&self, kind: &str, key: &Key) -> impl Iterator<Item = &Event> {
        let mark = self.mark(Table::Warnings, &key.namespace, kind, &key.name);
        self.warnings.get(mark).filter(move |event| {
            event.meta.namespace == key.namespace
                && event.about.kind == kind
                && event.about.name == key.name
        })
    }

    /// The Services of a namespace whose selector begins with this label.
    pub fn services(
        &self,
        namespace: &str,
        name: &str,
        value: &str,
    ) -> impl Iterator<Item = &Service> {
        let mark = self.mark(Table::Services, namespace, name, value);
        self.services
            .get(mark)
            .filter(move |service| service.meta.namespace == namespace)
    }

    /// The EndpointSlices of a Service.
    pub fn slices(&self, service: &Key) -> impl Iterator<Item = &EndpointSlice> {
        let mark = self.mark(Table::Slices, &service.namespace, "", &service.name);
        self.slices.get(mark).filter(move |slice| {
            slice.meta.namespace == service.namespace && slice.service == service.name
        })
    }

    /// The Ingresses that lead to a Service.
    pub fn ingresses(&self, service: &Key) -> impl Iterator<Item = &Ingress> {
        let mark = self.mark(Table::Ingresses, &service.namespace, "", &service.name);
        self.ingresses.get(mark).filter(move |ingress| {
            ingress.meta.namespace == service.namespace && ingress.services.contains(&service.name)
        })
    }

    /// The Certificates that are written into a Secret.
    pub fn certificates(&self, secret: &Key) -> impl Iterator<Item = &Certificate> {
        let mark = self.mark(Table::Certificates, &secret.namespace, "", &secret.name);
        self.certificates.get(mark).filter(move |certificate| {
            certificate.meta.namespace == secret.namespace && certificate.secret == secret.name
        })
    }

    /// The Kustomizations whose inventory lists an object.
    pub fn appliers(&self, one: &Reference) -> impl Iterator<Item = &Kustomization> {
        let mark = self.mark(Table::Appliers, &one.namespace, &one.kind, &one.name);
        self.appliers
            .get(mark)
            .filter(move |applier| applier.inventory.contains(one))
    }

    /// The policies that choose a tag of an image.
    pub fn policies(&self, image: &str) -> impl Iterator<Item = &ImagePolicy> {
        let mark = self.mark(Table::Policies, "", "", image);
        self.policies.get(mark).filter(move |policy| {
            let scanned = self.known.image_repositories.get(&policy.repository.key());
            scanned.is_some_and(|one| ImageReference::parse(&one.image).repository == image)
        })
    }

    fn mark(&self, table: Table, namespace: &str, first: &str, second: &str) -> Mark {
        Mark::of(&Look::Indexed(
            &self.cluster,
            table,
            namespace,
            first,
            second,
        ))
    }
}
