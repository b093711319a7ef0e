//! How many objects of each kind are known of a cluster, and how well the kind is known. No object's name is in it.
//!
//! Owns that form.

use std::collections::BTreeMap;

use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Kind};
use serde::Serialize;

/// One kind.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    count: usize,
    coverage: Vec<Read>,
}

/// How well it is known somewhere.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Read {
    /// The namespace; absent for all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Each kind of the platform.
pub fn known(facts: &ClusterFacts) -> BTreeMap<&'static str, Known> {
    let kinds = Kind::ALL.into_iter().chain(Kind::ECS);
    let kinds = kinds.filter(|kind| kind.platform() == facts.platform);
    kinds
        .map(|kind| {
            let coverage = facts.coverage.iter().filter(|((of, _), _)| *of == kind);
            let known = Known {
                count: count(facts, kind),
                coverage: coverage
                    .map(|((_, scope), coverage)| read(scope, coverage))
                    .collect(),
            };
            (kind.name(), known)
        })
        .collect()
}

fn read(scope: &Scope, coverage: &Coverage) -> Read {
    let (state, why) = match coverage {
        Coverage::Seen { .. } => ("seen", None),
        Coverage::NotServed { .. } => ("not served", None),
        Coverage::Denied { message } => ("denied", Some(message)),
        Coverage::Failed { message } => ("failed", Some(message)),
        Coverage::Unreachable { message } => ("unreachable", Some(message)),
        Coverage::NotAsked => ("not asked", None),
    };
    Read {
        namespace: match scope {
            Scope::All => None,
            Scope::Namespace(name) => Some(name.clone()),
            Scope::Selected(selection) => Some(selection.namespace.clone()),
        },
        state,
        why: why.cloned(),
    }
}

fn count(facts: &ClusterFacts, kind: Kind) -> usize {
    match kind {
        Kind::Namespace => facts.namespaces.len(),
        Kind::Node => facts.nodes.len(),
        Kind::Pod | Kind::EcsTask => facts.pods.len(),
        Kind::ReplicaSet => facts.replica_sets.len(),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::EcsService => {
            let workloads = facts.workloads.iter();
            workloads.filter(|((of, _), _)| *of == kind).count()
        }
        Kind::Service => facts.services.len(),
        Kind::EndpointSlice => facts.endpoint_slices.len(),
        Kind::Ingress => facts.ingresses.len(),
        Kind::Event => facts.events.len(),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => {
            let sources = facts.sources.iter();
            sources.filter(|((of, _), _)| *of == kind).count()
        }
        Kind::Kustomization => facts.kustomizations.len(),
        Kind::HelmRelease => facts.helm_releases.len(),
        Kind::ImageRepository => facts.image_repositories.len(),
        Kind::ImagePolicy => facts.image_policies.len(),
        Kind::ImageUpdateAutomation => facts.image_automations.len(),
        Kind::Canary => facts.canaries.len(),
        Kind::ExternalSecret => facts.external_secrets.len(),
        Kind::Certificate => facts.certificates.len(),
        Kind::EcsTaskDefinition => facts.task_definitions.len(),
        Kind::EcsServiceDeployment => {
            let services = facts.ecs_services.values();
            services.map(|one| one.service_deployments.len()).sum()
        }
        Kind::EcsTargetGroup => {
            let services = facts.ecs_services.values();
            services.map(|one| one.target_groups.len()).sum()
        }
    }
}
