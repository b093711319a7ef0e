//! Everything known of one cluster: its objects by kind, how well each kind is known, and whether it answers.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::coverage::Coverage;
use crate::ecs;
use crate::flux::{
    HelmRelease, ImagePolicy, ImageRepository, ImageUpdateAutomation, Kustomization, Source,
};
use crate::kubernetes::{
    EndpointSlice, Event, Ingress, Namespace, Node, Pod, ReplicaSet, Service, Workload,
};
use crate::meta::{Key, Kind, Meta};
use crate::objects::Objects;
use crate::others::{Canary, Certificate, ExternalSecret};

/// Where a kind was read: in all namespaces, or in one. Ordered so that `All` comes first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// All namespaces, or the one list of a cluster-wide kind.
    All,
    /// One namespace.
    Namespace(String),
    /// Those of a namespace that a selector selects.
    Selected(Selection),
}

/// What a workload selects its pods by: so its pods, and the ReplicaSets that they are of, can be read alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selection {
    /// The namespace.
    pub namespace: String,
    /// The labels that all of them have; never empty, since a selector without labels selects nothing here.
    pub labels: BTreeMap<String, String>,
}

impl Selection {
    /// Whether it selects an object.
    pub fn selects(&self, meta: &Meta) -> bool {
        let has = |(name, value): (&String, &String)| meta.label(name) == Some(value.as_str());
        meta.namespace == self.namespace && !self.labels.is_empty() && self.labels.iter().all(has)
    }
}

/// What runs there. Ordered so that the common one comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// A Kubernetes cluster.
    #[default]
    Kubernetes,
    /// Amazon ECS of one account and region: each of its clusters is a namespace here.
    Ecs,
}

/// Whether the cluster answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// No answer yet.
    #[default]
    Connecting,
    /// It answers.
    Answering,
    /// It was read before and cannot be now: the facts are from `since`.
    Lost {
        /// The last moment it answered.
        since: Timestamp,
        /// What goes wrong now.
        error: String,
    },
    /// It was never read: it does not answer, it refuses us, or it could not even be asked.
    Unreachable {
        /// Which of these, in words that need no others beside them.
        error: String,
    },
}

/// Everything known of one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterFacts {
    /// What runs there.
    pub platform: Platform,
    /// Whether it answers.
    pub reach: Reach,
    /// Its clock minus ours, learned from its Date header.
    pub clock_offset: SignedDuration,
    /// Whether pods and ReplicaSets are read only where they are wanted.
    pub sparing: bool,
    /// How well each kind is known, by scope.
    pub coverage: BTreeMap<(Kind, Scope), Coverage>,
    /// GitRepositories, OCIRepositories, HelmRepositories, HelmCharts and Buckets.
    pub sources: Objects<(Kind, Key), Source>,
    /// Kustomizations.
    pub kustomizations: Objects<Key, Kustomization>,
    /// HelmReleases.
    pub helm_releases: Objects<Key, HelmRelease>,
    /// ImageRepositories.
    pub image_repositories: Objects<Key, ImageRepository>,
    /// ImagePolicies.
    pub image_policies: Objects<Key, ImagePolicy>,
    /// ImageUpdateAutomations.
    pub image_automations: Objects<Key, ImageUpdateAutomation>,
    /// Flagger's Canaries.
    pub canaries: Objects<Key, Canary>,
    /// ExternalSecrets.
    pub external_secrets: Objects<Key, ExternalSecret>,
    /// cert-manager's Certificates.
    pub certificates: Objects<Key, Certificate>,
    /// Deployments, StatefulSets and DaemonSets; ECS services.
    pub workloads: Objects<(Kind, Key), Workload>,
    /// ReplicaSets.
    pub replica_sets: Objects<Key, ReplicaSet>,
    /// Pods; ECS tasks, those too that stopped within the last hour.
    pub pods: Objects<Key, Pod>,
    /// Services.
    pub services: Objects<Key, Service>,
    /// EndpointSlices.
    pub endpoint_slices: Objects<Key, EndpointSlice>,
    /// Ingresses.
    pub ingresses: Objects<Key, Ingress>,
    /// Events.
    pub events: Objects<Key, Event>,
    /// Nodes, by name.
    pub nodes: Objects<String, Node>,
    /// Namespaces, by name; ECS clusters, with their tags as labels.
    pub namespaces: Objects<String, Namespace>,
    /// What ECS services have beyond their tasks.
    pub ecs_services: Objects<Key, ecs::Service>,
    /// Revisions of task definitions that services, their tasks and deployments name, by ARN.
    pub task_definitions: Objects<String, ecs::TaskDefinition>,
}

impl ClusterFacts {
    /// How well a kind is known in a namespace: what all namespaces say where that was read whole, else what the
    /// namespace's own read says, else the answer for all namespaces. Pass an empty namespace for cluster-wide kinds.
    /// A kind of another platform cannot be there, whoever asks.
    pub fn coverage(&self, kind: Kind, namespace: &str) -> &Coverage {
        const NOT_ASKED: &Coverage = &Coverage::NotAsked;
        const NOT_SERVED: &Coverage = &Coverage::NotServed {
            as_of: Timestamp::UNIX_EPOCH,
        };
        if kind.platform() != self.platform {
            return NOT_SERVED;
        }
        let all = self.coverage.get(&(kind, Scope::All));
        match all {
            Some(coverage) if coverage.is_whole() => coverage,
            _ => self
                .coverage
                .get(&(kind, Scope::Namespace(namespace.to_owned())))
                .or(all)
                .unwrap_or(NOT_ASKED),
        }
    }

    /// How well a kind is known of what is selected: as all of it is, else as the selection's own read says.
    pub fn coverage_of(&self, kind: Kind, selection: &Selection) -> &Coverage {
        let all = self.coverage(kind, &selection.namespace);
        if !self.sparing || all.is_whole() {
            return all;
        }
        let own = (kind, Scope::Selected(selection.clone()));
        self.coverage.get(&own).unwrap_or(all)
    }
}
