//! Where each kind is served, and in which order kinds are read: one table.

use facts::Kind;

/// When a kind is read: what the answer needs first, then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Flux, workloads, namespaces: where a commit is.
    First,
    /// Pods and what serves them: whether it runs.
    Then,
    /// Events: why not.
    Last,
}

/// Where a kind is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The API group; empty for the core.
    pub(crate) group: &'static str,
    /// The plural, as paths spell it.
    pub(crate) plural: &'static str,
    /// The version to ask for where discovery is not allowed: the newest.
    pub(crate) version: &'static str,
    /// When it is read.
    pub(crate) tier: Tier,
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";
const FLAGGER: &str = "flagger.app";
const SECRETS: &str = "external-secrets.io";
const CERTIFICATES: &str = "cert-manager.io";

/// Flux' groups.
const FLUX_GROUPS: [&str; 4] = [SOURCE, KUSTOMIZE, HELM, IMAGE];

/// The groups that a cluster may have or not: Flux', and those of others whose kinds make an answer more exact.
pub(crate) const FOUND_GROUPS: [&str; 7] = [
    SOURCE,
    KUSTOMIZE,
    HELM,
    IMAGE,
    FLAGGER,
    SECRETS,
    CERTIFICATES,
];

/// The kind's row of the table.
pub(crate) fn place(kind: Kind) -> Place {
    use Tier::{First, Last, Then};
    let (group, plural, version, tier) = match kind {
        Kind::Namespace => ("", "namespaces", "v1", First),
        Kind::Node => ("", "nodes", "v1", Then),
        Kind::Pod => ("", "pods", "v1", Then),
        Kind::ReplicaSet => ("apps", "replicasets", "v1", First),
        Kind::Deployment => ("apps", "deployments", "v1", First),
        Kind::StatefulSet => ("apps", "statefulsets", "v1", First),
        Kind::DaemonSet => ("apps", "daemonsets", "v1", First),
        Kind::Service => ("", "services", "v1", Then),
        Kind::EndpointSlice => ("discovery.k8s.io", "endpointslices", "v1", Then),
        Kind::Ingress => ("networking.k8s.io", "ingresses", "v1", Then),
        Kind::Event => ("", "events", "v1", Last),
        Kind::GitRepository => (SOURCE, "gitrepositories", "v1", First),
        Kind::OCIRepository => (SOURCE, "ocirepositories", "v1", First),
        Kind::HelmRepository => (SOURCE, "helmrepositories", "v1", First),
        Kind::HelmChart => (SOURCE, "helmcharts", "v1", First),
        Kind::Bucket => (SOURCE, "buckets", "v1", First),
        Kind::Kustomization => (KUSTOMIZE, "kustomizations", "v1", First),
        Kind::HelmRelease => (HELM, "helmreleases", "v2", First),
        Kind::ImageRepository => (IMAGE, "imagerepositories", "v1", First),
        Kind::ImagePolicy => (IMAGE, "imagepolicies", "v1", First),
        Kind::ImageUpdateAutomation => (IMAGE, "imageupdateautomations", "v1", First),
        Kind::Canary => (FLAGGER, "canaries", "v1beta1", Then),
        Kind::ExternalSecret => (SECRETS, "externalsecrets", "v1", Then),
        Kind::Certificate => (CERTIFICATES, "certificates", "v1", Then),
        // No Kubernetes API serves these: the crate `cloud` reads them.
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => ("", "", "", Last),
    };
    Place {
        group,
        plural,
        version,
        tier,
    }
}

/// Whether the kind is one of Flux': served only where Flux is installed, in a version of its own.
pub(crate) fn is_flux(kind: Kind) -> bool {
    FLUX_GROUPS.contains(&place(kind).group)
}

/// Whether the kind is served only where somebody installed it: its version has to be found out.
pub(crate) fn is_found(kind: Kind) -> bool {
    FOUND_GROUPS.contains(&place(kind).group)
}

/// The path of a collection, in one namespace or in all.
pub(crate) fn collection(
    group: &str,
    version: &str,
    plural: &str,
    namespace: Option<&str>,
) -> String {
    let mut path = if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    };
    if let Some(namespace) = namespace {
        path.push_str("/namespaces/");
        path.push_str(namespace);
    }
    path.push('/');
    path.push_str(plural);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_api_servers() {
        assert_eq!(collection("", "v1", "pods", None), "/api/v1/pods");
        assert_eq!(
            collection("apps", "v1", "deployments", Some("shop")),
            "/apis/apps/v1/namespaces/shop/deployments"
        );
    }

    #[test]
    fn what_the_answer_needs_comes_first() {
        let flux = Kind::ALL.into_iter().filter(|kind| is_flux(*kind));
        assert!(flux.clone().all(|kind| place(kind).tier == Tier::First));
        assert_eq!(flux.count(), 10);
        assert_eq!(place(Kind::Pod).tier, Tier::Then);
        assert_eq!(place(Kind::Event).tier, Tier::Last);
    }
}
