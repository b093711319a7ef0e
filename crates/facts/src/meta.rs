//! What every object of a cluster has: name, labels, owners, conditions. And the kinds that facts are kept of.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use equivalent::{Comparable, Equivalent};
use jiff::Timestamp;

use crate::cluster::Platform;

/// The kinds that facts are kept of. One list: coverage, keys and object names use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name is the kind's own")]
pub enum Kind {
    Namespace,
    Node,
    Pod,
    ReplicaSet,
    Deployment,
    StatefulSet,
    DaemonSet,
    Service,
    EndpointSlice,
    Ingress,
    Event,
    GitRepository,
    OCIRepository,
    HelmRepository,
    HelmChart,
    Bucket,
    Kustomization,
    HelmRelease,
    ImageRepository,
    ImagePolicy,
    ImageUpdateAutomation,
    Canary,
    ExternalSecret,
    Certificate,
    EcsService,
    EcsTask,
    EcsTaskDefinition,
    EcsServiceDeployment,
    EcsTargetGroup,
}

impl Kind {
    /// Every kind of a Kubernetes cluster.
    pub const ALL: [Self; 24] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Service,
        Self::EndpointSlice,
        Self::Ingress,
        Self::Event,
        Self::GitRepository,
        Self::OCIRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::Bucket,
        Self::Kustomization,
        Self::HelmRelease,
        Self::ImageRepository,
        Self::ImagePolicy,
        Self::ImageUpdateAutomation,
        Self::Canary,
        Self::ExternalSecret,
        Self::Certificate,
    ];

    /// Every kind of Amazon ECS, in the order they are read in.
    pub const ECS: [Self; 5] = [
        Self::EcsService,
        Self::EcsTask,
        Self::EcsTaskDefinition,
        Self::EcsServiceDeployment,
        Self::EcsTargetGroup,
    ];

    /// The kind's name as objects spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Ingress => "Ingress",
            Self::Event => "Event",
            Self::GitRepository => "GitRepository",
            Self::OCIRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::Bucket => "Bucket",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::ImageRepository => "ImageRepository",
            Self::ImagePolicy => "ImagePolicy",
            Self::ImageUpdateAutomation => "ImageUpdateAutomation",
            Self::Canary => "Canary",
            Self::ExternalSecret => "ExternalSecret",
            Self::Certificate => "Certificate",
            // ECS has no word of its own for the kind of an object; "service" alone would read as Kubernetes'.
            Self::EcsService => "ECS service",
            Self::EcsTask => "ECS task",
            Self::EcsTaskDefinition => "ECS task definition",
            Self::EcsServiceDeployment => "ECS service deployment",
            Self::EcsTargetGroup => "target group",
        }
    }

    /// The kind that objects spell so.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain(Self::ECS);
        all.find(|kind| kind.name() == name)
    }

    /// Whose objects these are.
    pub fn platform(self) -> Platform {
        if Self::ECS.contains(&self) {
            Platform::Ecs
        } else {
            Platform::Kubernetes
        }
    }

    /// Whether objects of this kind live in no namespace.
    pub fn is_cluster_wide(self) -> bool {
        matches!(self, Self::Namespace | Self::Node)
    }
}

/// An object's name within its cluster: the key its facts are kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Empty for cluster-wide kinds.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl Key {
    /// A key.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// A kind and a borrowed key, to look up what is kept by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfKind<'k>(pub Kind, pub &'k Key);

impl Equivalent<(Kind, Key)> for OfKind<'_> {
    fn equivalent(&self, other: &(Kind, Key)) -> bool {
        self.0 == other.0 && *self.1 == other.1
    }
}

impl Comparable<(Kind, Key)> for OfKind<'_> {
    fn compare(&self, other: &(Kind, Key)) -> Ordering {
        self.0.cmp(&other.0).then_with(|| self.1.cmp(&other.1))
    }
}

/// A reference to an object of any kind, known to us or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The kind's name as objects spell it.
    pub kind: String,
    /// The namespace, already defaulted to the referring object's.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Reference {
    /// The key of the object referred to.
    pub fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }
}

/// What every object has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// Empty for cluster-wide kinds.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's identity across deletion and recreation.
    pub uid: String,
    /// Counts changes of the spec; 0 for kinds that don't.
    pub generation: i64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deleting: Option<Timestamp>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations that facts are read from: those of `*.toolkit.fluxcd.io`, `*.fluxcd.io`, `kubernetes.io` and
    /// `landfall.dev`; never `kubectl.kubernetes.io/last-applied-configuration`.
    pub annotations: BTreeMap<String, String>,
    /// Its owners.
    pub owners: Vec<Owner>,
}

impl Meta {
    /// The key.
    pub fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// An annotation's value.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }
}

/// An owner reference; the owner lives in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind's name.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`, and anything else.
    Unknown,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `type`, such as `Ready`.
    pub kind: String,
    /// `status`
    pub status: Status,
    /// `reason`
    pub reason: String,
    /// `message`, whole.
    pub message: String,
    /// `lastTransitionTime`
    pub since: Option<Timestamp>,
    /// `observedGeneration`, where the kind has it: older than the object's generation means that it is out of date.
    pub observed_generation: Option<i64>,
}

/// Looks a condition up by its type.
pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}
