//! Kubernetes' own objects, reduced to the fields that decide a journey.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cluster::Selection;
use crate::meta::{Condition, Kind, Meta, Reference};

/// A Deployment, StatefulSet or DaemonSet; an ECS service, whose pods are tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Which of them.
    pub kind: Kind,
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.selector.matchLabels`; where expressions select, the template's labels, which satisfy them.
    pub selector: BTreeMap<String, String>,
    /// The pod template's labels.
    pub pod_labels: BTreeMap<String, String>,
    /// The pod template's containers, init containers last.
    pub containers: Vec<Container>,
    /// The ConfigMaps and Secrets that its containers take their environment from, when they start and never again: `envFrom`
    /// and `env[].valueFrom`.
    pub environment: Vec<Reference>,
    /// `spec.paused` of a Deployment.
    pub paused: bool,
    /// Wanted pods: `spec.replicas` (1 if absent), or `status.desiredNumberScheduled` of a DaemonSet.
    pub wanted: u32,
    /// `status.observedGeneration`
    pub observed_generation: i64,
    /// `status.updatedReplicas` or `updatedNumberScheduled`
    pub updated: u32,
    /// `status.readyReplicas` or `numberReady`
    pub ready: u32,
    /// `status.availableReplicas` or `numberAvailable`
    pub available: u32,
    /// All pods it has: `status.replicas` or `currentNumberScheduled`
    pub total: u32,
    /// Who changed its spec by hand last, beyond asking for a restart.
    pub edited: Option<Edited>,
    /// Whether new pods come only when somebody deletes old ones: `spec.updateStrategy.type` is `OnDelete`.
    pub on_delete: bool,
    /// `spec.updateStrategy.rollingUpdate.partition`: pods of a StatefulSet below this number stay as they are.
    pub partition: u32,
    /// `status.updateRevision` of a StatefulSet; the ARN of an ECS service's task definition.
    pub update_revision: Option<String>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
}

impl Workload {
    /// What it selects its pods by.
    pub fn selection(&self) -> Selection {
        Selection {
            namespace: self.meta.namespace.clone(),
            labels: self.selector.clone(),
        }
    }
}

/// A change of a spec by hand: the newest entry of `metadata.managedFields` whose manager is nobody who writes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The field manager, such as `kubectl-edit`.
    pub manager: String,
    /// When.
    pub at: Timestamp,
}

/// A container of a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image as written: `registry/repository:tag` or `…@sha256:…`.
    pub image: String,
    /// Whether it is an init container.
    pub init: bool,
    /// `resources.limits.memory`, as written.
    pub memory_limit: Option<String>,
}

/// A ReplicaSet.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSet {
    /// Name, labels (with `pod-template-hash`), owners; the annotation `deployment.kubernetes.io/revision` is kept.
    pub meta: Meta,
    /// The pod template's containers.
    pub containers: Vec<Container>,
    /// `spec.replicas`
    pub wanted: u32,
    /// `status.replicas`
    pub total: u32,
    /// `status.readyReplicas`
    pub ready: u32,
    /// `status.conditions`: `ReplicaFailure` says why pods cannot be created.
    pub conditions: Vec<Condition>,
}

/// A Pod; an ECS task.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `status.phase`: Pending, Running, Succeeded, Failed, Unknown.
    pub phase: String,
    /// `status.reason`, such as `Evicted`.
    pub reason: Option<String>,
    /// `status.message`
    pub message: Option<String>,
    /// `spec.nodeName`
    pub node: Option<String>,
    /// `status.startTime`
    pub started: Option<Timestamp>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.containerStatuses` and `initContainerStatuses`, init containers last.
    pub containers: Vec<ContainerStatus>,
}

/// One container of a pod as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// Whether it is an init container.
    pub init: bool,
    /// `image`, as the runtime reports it.
    pub image: String,
    /// `imageID`: `registry/repository@sha256:…` once the image is there; empty before.
    pub image_id: String,
    /// `ready`
    pub ready: bool,
    /// `restartCount`
    pub restarts: u32,
    /// `state`
    pub state: ContainerState,
    /// `lastState`
    pub last: Option<ContainerState>,
}

impl ContainerStatus {
    /// The digest that runs, proven by the runtime: `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.image_id
            .rsplit_once('@')
            .map(|(_, digest)| digest)
            .filter(|digest| digest.starts_with("sha256:"))
    }
}

/// A container's state.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerState {
    /// Not running yet.
    Waiting {
        /// `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError`, `ContainerCreating`…
        reason: String,
        /// The kubelet's message.
        message: String,
    },
    /// Running.
    Running {
        /// `startedAt`
        since: Option<Timestamp>,
    },
    /// Ended.
    Terminated {
        /// `Error`, `OOMKilled`, `Completed`…
        reason: String,
        /// `message`: the termination message, often the log's last lines.
        message: String,
        /// `exitCode`
        exit_code: i32,
        /// `finishedAt`
        finished: Option<Timestamp>,
    },
}

/// An Event (`v1` or `events.k8s.io/v1`) about an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name and namespace of the event itself.
    pub meta: Meta,
    /// What it is about.
    pub about: Reference,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// `reason`
    pub reason: String,
    /// `message`, whole.
    pub message: String,
    /// `count`, or the series' count.
    pub count: u32,
    /// `lastTimestamp`, the series' last time, or `eventTime`.
    pub last: Option<Timestamp>,
}

/// A Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Name, labels.
    pub meta: Meta,
    /// `spec.selector`; empty selects nothing by itself.
    pub selector: BTreeMap<String, String>,
    /// Whether it is only another name: `spec.type` is `ExternalName`, which ignores the selector.
    pub external_name: bool,
    /// Whether it names ports: all do, but for some without an address of their own.
    pub has_ports: bool,
    /// Who changed its spec by hand last. A field that was removed leaves no trace of it.
    pub edited: Option<Edited>,
}

/// An EndpointSlice, counted.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointSlice {
    /// Name, labels.
    pub meta: Meta,
    /// The label `kubernetes.io/service-name`.
    pub service: String,
    /// Addresses that are ready.
    pub ready: u32,
    /// Addresses that are not.
    pub not_ready: u32,
    /// The pods that ready addresses are of, by `targetRef`, one for each address that says so.
    pub ready_pods: Vec<String>,
    /// Whether it has ports: not, where none of its pods has the port that the Service names.
    pub has_ports: bool,
}

/// An Ingress: a way to Services from outside of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingress {
    /// Name, labels, age.
    pub meta: Meta,
    /// `spec.ingressClassName`, or the older annotation `kubernetes.io/ingress.class`.
    pub class: Option<String>,
    /// The Services that its rules and its default backend name, each once.
    pub services: BTreeSet<String>,
    /// `spec.tls`, those that name a Secret.
    pub tls: Vec<IngressTls>,
    /// `status.loadBalancer.ingress`: IP addresses and host names under which its controller says that it serves it.
    pub addresses: Vec<String>,
}

/// A Secret with a certificate that an Ingress serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressTls {
    /// `secretName`
    pub secret: String,
    /// `hosts`
    pub hosts: Vec<String>,
}

/// A Node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name, labels.
    pub meta: Meta,
    /// `status.nodeInfo.architecture`, such as `amd64`.
    pub architecture: String,
    /// `spec.unschedulable`
    pub cordoned: bool,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
}

/// A Namespace: its labels say environments and teams.
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    /// Name, labels.
    pub meta: Meta,
}
