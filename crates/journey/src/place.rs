//! One cluster as the engine looks at it.
//!
//! Owns every look into a cluster's facts and into its clock: each is noted, so that it is known what an answer rests on.
//! Nothing else in the engine reads [`ClusterFacts`].

mod spared;

use std::collections::BTreeMap;

use facts::cluster::Scope;
use facts::ecs;
use facts::flux::{
    HelmRelease, ImagePolicy, ImageRepository, ImageUpdateAutomation, Kustomization, Source,
};
use facts::kubernetes::{
    EndpointSlice, Event, Ingress, Namespace, Node, ReplicaSet, Service, Workload,
};
use facts::meta::{OfKind, Reference};
use facts::others::{Canary, Certificate, ExternalSecret};
use facts::{ClusterFacts, Coverage, Key, Kind, Platform, Reach};
use jiff::{SignedDuration, Timestamp};

use crate::finding::next_tick;
use crate::index::Index;
use crate::trace::{Look, Table, Trace};
use crate::view::{Gap, Learned};

/// One cluster as the engine looks at it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    facts: &'a ClusterFacts,
    index: &'a Index,
    trace: &'a Trace,
    /// Now, by its clock.
    now: Timestamp,
}

impl<'a> Place<'a> {
    /// A cluster, looked at `now` by our clock.
    pub fn new(name: &'a str, index: &'a Index, trace: &'a Trace, now: Timestamp) -> Self {
        trace.look(&Look::Cluster(name));
        let facts = index.known().as_ref();
        Self {
            name,
            facts,
            index,
            trace,
            now: now.checked_add(facts.clock_offset).unwrap_or(now),
        }
    }

    /// Whether it is Amazon ECS: its workloads are services, its pods are tasks, and nothing of Flux's is there.
    pub fn is_ecs(&self) -> bool {
        self.facts.platform == Platform::Ecs
    }

    /// What its workloads run in.
    pub fn pod_kind(&self) -> Kind {
        if self.is_ecs() {
            Kind::EcsTask
        } else {
            Kind::Pod
        }
    }

    /// The same in many, as a sentence says it.
    pub fn pods(&self) -> &'static str {
        if self.is_ecs() { "tasks" } else { "pods" }
    }

    /// Whether it answers.
    pub fn reach(&self) -> &'a Reach {
        &self.facts.reach
    }

    /// How well a kind is known in a namespace.
    pub fn coverage(&self, kind: Kind, namespace: &str) -> &'a Coverage {
        self.trace.look(&Look::Coverage(self.name, kind));
        self.facts.coverage(kind, namespace)
    }

    /// Whether the server knows a kind at all; it does unless it has said otherwise.
    pub fn is_served(&self, kind: Kind) -> bool {
        self.trace.look(&Look::Coverage(self.name, kind));
        let coverage = self.facts.coverage.get(&(kind, Scope::All));
        !matches!(coverage, Some(Coverage::NotServed { .. }))
    }

    /// Whether a kind is known whole in a namespace. A cluster that stopped answering keeps what it said.
    pub fn whole(&self, kind: Kind, namespace: &str) -> Learned<()> {
        let coverage = self.coverage(kind, namespace);
        self.as_known(kind, namespace, coverage)
    }

    fn as_known(&self, kind: Kind, namespace: &str, coverage: &Coverage) -> Learned<()> {
        if coverage.is_whole() {
            return Ok(());
        }
        if matches!(self.facts.reach, Reach::Lost { .. })
            && matches!(coverage, Coverage::Unreachable { .. })
        {
            return Ok(());
        }
        let subject = match (self.is_ecs(), namespace) {
            (false, "") => format!("{} objects of cluster {}", kind.name(), self.name),
            (false, _) => format!(
                "{} objects in namespace {namespace} of cluster {}",
                kind.name(),
                self.name
            ),
            (true, "") => format!("{}s of {}", kind.name(), self.name),
            (true, _) => format!(
                "{}s in ECS cluster {namespace} of {}",
                kind.name(),
                self.name
            ),
        };
        match coverage.gap(&subject) {
            None => Ok(()),
            Some(why) => Err(Gap::new(why)),
        }
    }

    /// An object that was looked up: there, certainly not there, or not known.
    pub fn object<T>(
        &self,
        found: Option<&'a T>,
        kind: Kind,
        namespace: &str,
    ) -> Learned<Option<&'a T>> {
        self.whole(kind, namespace)?;
        Ok(found)
    }

    /// Whether a kind was seen in a namespace at an instant of its clock or later.
    pub fn is_seen_since(&self, kind: Kind, namespace: &str, at: Timestamp) -> bool {
        let is_since = match self.coverage(kind, namespace) {
            Coverage::Seen { as_of } => {
                let as_of = as_of.checked_add(self.facts.clock_offset);
                as_of.is_ok_and(|as_of| as_of >= at)
            }
            _ => false,
        };
        if !is_since {
            // It may be so with the next reading. Once it is, it stays so.
            self.trace.look(&Look::Reading(self.name, kind));
        }
        is_since
    }

    // ---- time ----

    /// Whether an instant of its clock has come.
    pub fn is_past(&self, at: Timestamp) -> bool {
        let is_past = at <= self.now;
        if !is_past {
            self.changes_at(at);
        }
        is_past
    }

    /// Whether at least so much time has passed since an instant of its clock.
    pub fn has_passed(&self, wait: SignedDuration, since: Timestamp) -> bool {
        since.checked_add(wait).is_ok_and(|at| self.is_past(at))
    }

    /// When what is done in an interval is done next.
    pub fn next_tick(
        &self,
        from: Option<Timestamp>,
        interval: Option<SignedDuration>,
    ) -> Option<Timestamp> {
        let at = next_tick(from, interval, self.now)?;
        self.changes_at(at);
        Some(at)
    }

    /// Notes that the answer changes by itself at an instant of its clock.
    pub fn changes_at(&self, at: Timestamp) {
        if at > self.now
            && let Ok(at) = at.checked_sub(self.facts.clock_offset)
        {
            self.trace.changes_at(at);
        }
    }

    // ---- objects by name ----

    fn look(&self, kind: Kind, key: &Key) {
        let look = Look::Object(self.name, kind, &key.namespace, &key.name);
        self.trace.look(&look);
    }

    /// A Kustomization.
    pub fn kustomization(&self, key: &Key) -> Option<&'a Kustomization> {
        self.look(Kind::Kustomization, key);
        self.facts.kustomizations.get(key)
    }

    /// A HelmRelease.
    pub fn helm_release(&self, key: &Key) -> Option<&'a HelmRelease> {
        self.look(Kind::HelmRelease, key);
        self.facts.helm_releases.get(key)
    }

    /// A source.
    pub fn source(&self, kind: Kind, key: &Key) -> Option<&'a Source> {
        self.look(kind, key);
        self.facts.sources.get(&OfKind(kind, key))
    }

    /// A workload.
    pub fn workload(&self, kind: Kind, key: &Key) -> Option<&'a Workload> {
        self.look(kind, key);
        self.facts.workloads.get(&OfKind(kind, key))
    }

    /// A Service.
    pub fn service(&self, key: &Key) -> Option<&'a Service> {
        self.look(Kind::Service, key);
        self.facts.services.get(key)
    }

    /// An ImageRepository.
    pub fn image_repository(&self, key: &Key) -> Option<&'a ImageRepository> {
        self.look(Kind::ImageRepository, key);
        self.facts.image_repositories.get(key)
    }

    /// An ImagePolicy.
    pub fn image_policy(&self, key: &Key) -> Option<&'a ImagePolicy> {
        self.look(Kind::ImagePolicy, key);
        self.facts.image_policies.get(key)
    }

    /// A namespace, or an ECS cluster.
    pub fn namespace(&self, name: &str) -> Option<&'a Namespace> {
        let look = Look::Object(self.name, Kind::Namespace, "", name);
        self.trace.look(&look);
        self.facts.namespaces.get(name)
    }

    /// A node.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        self.trace
            .look(&Look::Object(self.name, Kind::Node, "", name));
        self.facts.nodes.get(name)
    }

    /// What else is known of an ECS service.
    pub fn ecs_service(&self, key: &Key) -> Option<&'a ecs::Service> {
        let look = Look::EcsService(self.name, &key.namespace, &key.name);
        self.trace.look(&look);
        self.facts.ecs_services.get(key)
    }

    /// A revision of a task definition, by ARN.
    pub fn task_definition(&self, arn: &str) -> Option<&'a ecs::TaskDefinition> {
        self.trace.look(&Look::TaskDefinition(self.name, arn));
        self.facts.task_definitions.get(arn)
    }

    // ---- all objects of a kind ----

    fn look_at_all(&self, kind: Kind) {
        self.trace.look(&Look::Objects(self.name, kind));
    }

    /// Every Kustomization.
    pub fn kustomizations(&self) -> impl Iterator<Item = &'a Kustomization> + use<'a> {
        self.look_at_all(Kind::Kustomization);
        self.facts.kustomizations.values()
    }

    /// Every HelmRelease.
    pub fn helm_releases(&self) -> impl Iterator<Item = &'a HelmRelease> + use<'a> {
        self.look_at_all(Kind::HelmRelease);
        self.facts.helm_releases.values()
    }

    /// Every source.
    pub fn sources(&self) -> impl Iterator<Item = &'a Source> + use<'a> {
        for kind in [
            Kind::GitRepository,
            Kind::OCIRepository,
            Kind::HelmRepository,
            Kind::HelmChart,
            Kind::Bucket,
        ] {
            self.look_at_all(kind);
        }
        self.facts.sources.values()
    }

    /// Every workload, in the order of kinds and keys.
    pub fn workloads(&self) -> impl Iterator<Item = &'a Workload> + use<'a> {
        for kind in [
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::DaemonSet,
            Kind::EcsService,
        ] {
            self.look_at_all(kind);
        }
        self.facts.workloads.values()
    }

    /// Every ImageUpdateAutomation.
    pub fn image_automations(&self) -> impl Iterator<Item = &'a ImageUpdateAutomation> + use<'a> {
        self.look_at_all(Kind::ImageUpdateAutomation);
        self.facts.image_automations.values()
    }

    /// Every Canary.
    pub fn canaries(&self) -> impl Iterator<Item = &'a Canary> + use<'a> {
        self.look_at_all(Kind::Canary);
        self.facts.canaries.values()
    }

    /// Every ExternalSecret.
    pub fn external_secrets(&self) -> impl Iterator<Item = &'a ExternalSecret> + use<'a> {
        self.look_at_all(Kind::ExternalSecret);
        self.facts.external_secrets.values()
    }

    /// Every Ingress.
    pub fn ingresses(&self) -> impl Iterator<Item = &'a Ingress> + use<'a> {
        self.look_at_all(Kind::Ingress);
        self.facts.ingresses.values()
    }

    /// Every namespace's name.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        self.look_at_all(Kind::Namespace);
        self.facts.namespaces.keys()
    }

    // ---- objects by what they are for ----

    fn look_up(&self, table: Table, namespace: &str, first: &str, second: &str) {
        self.trace
            .look(&Look::Indexed(self.name, table, namespace, first, second));
    }

    /// The ReplicaSets of a Deployment.
    pub fn replica_sets(&self, deployment: &Key) -> Vec<&'a ReplicaSet> {
        let (namespace, name) = (&deployment.namespace, &deployment.name);
        self.look_up(Table::ReplicaSets, namespace, "Deployment", name);
        self.index.replica_sets(deployment).collect()
    }

    /// The warnings about an object.
    pub fn warnings(&self, kind: &str, key: &Key) -> Vec<&'a Event> {
        self.look_up(Table::Warnings, &key.namespace, kind, &key.name);
        self.index.warnings(kind, key).collect()
    }

    /// The Services of a namespace that may select pods with these labels.
    pub fn services_for(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Vec<&'a Service> {
        let mut found = Vec::new();
        for (name, value) in labels {
            self.look_up(Table::Services, namespace, name, value);
            found.extend(self.index.services(namespace, name, value));
        }
        found
    }

    /// The EndpointSlices of a Service.
    pub fn slices(&self, service: &Key) -> Vec<&'a EndpointSlice> {
        self.look_up(Table::Slices, &service.namespace, "", &service.name);
        self.index.slices(service).collect()
    }

    /// The Ingresses that lead to a Service.
    pub fn ingresses_to(&self, service: &Key) -> Vec<&'a Ingress> {
        self.look_up(Table::Ingresses, &service.namespace, "", &service.name);
        self.index.ingresses(service).collect()
    }

    /// The Certificates that are written into a Secret.
    pub fn certificates_of(&self, secret: &Key) -> Vec<&'a Certificate> {
        self.look_up(Table::Certificates, &secret.namespace, "", &secret.name);
        self.index.certificates(secret).collect()
    }

    /// The first Kustomization whose inventory lists an object.
    pub fn applier(&self, one: &Reference) -> Option<&'a Kustomization> {
        self.look_up(Table::Appliers, &one.namespace, &one.kind, &one.name);
        self.index.appliers(one).next()
    }

    /// The policies that choose a tag of an image.
    pub fn policies(&self, image: &str) -> Vec<&'a ImagePolicy> {
        self.look_up(Table::Policies, "", "", image);
        self.index.policies(image).collect()
    }
}
