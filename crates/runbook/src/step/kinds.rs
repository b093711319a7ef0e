//! The kinds: where the API server keeps each, and which right is needed for it.
//!
//! Owns the table of what is changed or looked at. Decides nothing.

use crate::action::TargetKind;
use crate::call::Right;

const SOURCE: &str = "source.toolkit.fluxcd.io";

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// As objects spell it: `Deployment`.
    pub name: &'static str,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The group's version, where the object itself does not say another.
    pub version: &'static str,
    /// As paths spell it: `deployments`.
    pub plural: &'static str,
    /// Who looks after it.
    pub part: Part,
}

/// Who looks after a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Kubernetes.
    Kubernetes,
    /// Flux, which fetches it.
    FluxSource,
    /// Flux, which does something with what was fetched.
    Flux,
}

const fn kind(
    name: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    part: Part,
) -> Kind {
    Kind {
        name,
        group,
        version,
        plural,
        part,
    }
}

/// Every kind that a step changes or looks at.
#[rustfmt::skip]
pub const KINDS: [Kind; 17] = [
    kind("Deployment", "apps", "v1", "deployments", Part::Kubernetes),
    kind("StatefulSet", "apps", "v1", "statefulsets", Part::Kubernetes),
    kind("DaemonSet", "apps", "v1", "daemonsets", Part::Kubernetes),
    kind("ReplicaSet", "apps", "v1", "replicasets", Part::Kubernetes),
    kind("Pod", "", "v1", "pods", Part::Kubernetes),
    kind("Job", "batch", "v1", "jobs", Part::Kubernetes),
    kind("CronJob", "batch", "v1", "cronjobs", Part::Kubernetes),
    kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", Part::Kubernetes),
    kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", Part::Kubernetes),
    kind("GitRepository", SOURCE, "v1", "gitrepositories", Part::FluxSource),
    kind("OCIRepository", SOURCE, "v1", "ocirepositories", Part::FluxSource),
    kind("HelmRepository", SOURCE, "v1", "helmrepositories", Part::FluxSource),
    kind("HelmChart", SOURCE, "v1", "helmcharts", Part::FluxSource),
    kind("Bucket", SOURCE, "v1", "buckets", Part::FluxSource),
    kind("Kustomization", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations", Part::Flux),
    kind("HelmRelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases", Part::Flux),
    kind("ImageUpdateAutomation", "image.toolkit.fluxcd.io", "v1", "imageupdateautomations", Part::Flux),
];

/// The kind that is called so.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// As an object's `apiVersion` spells the group and its version.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of all objects of the kind in a namespace.
    pub fn collection(&self, namespace: &str) -> String {
        self.collection_as(&self.api_version(), namespace)
    }

    /// The path of one object.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(namespace))
    }

    /// The path of one object that says its own `apiVersion`: clusters serve Flux's kinds in versions of their own.
    pub fn path_as(&self, api_version: &str, namespace: &str, name: &str) -> String {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if group == self.group && !api_version.is_empty() {
            format!("{}/{name}", self.collection_as(api_version, namespace))
        } else {
            self.path(namespace, name)
        }
    }

    /// The right to do that with objects of the kind.
    pub fn right(&self, verb: &str, namespace: &str) -> Right {
        Right {
            verb: verb.to_owned(),
            group: self.group.to_owned(),
            resource: self.plural.to_owned(),
            subresource: String::new(),
            namespace: namespace.to_owned(),
        }
    }

    fn collection_as(&self, api_version: &str, namespace: &str) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!(
            "/{root}/{api_version}/namespaces/{namespace}/{}",
            self.plural
        )
    }
}

impl TargetKind {
    /// As objects spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Pod => "Pod",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::ImageUpdateAutomation => "ImageUpdateAutomation",
            Self::EcsService => facts::Kind::EcsService.name(),
            Self::EcsTask => facts::Kind::EcsTask.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_an_action_is_offered_for_has_its_place() {
        use TargetKind as T;
        for kind in [
            T::Deployment,
            T::StatefulSet,
            T::DaemonSet,
            T::Pod,
            T::CronJob,
            T::Job,
            T::Kustomization,
            T::HelmRelease,
            T::GitRepository,
            T::OciRepository,
            T::ImageUpdateAutomation,
        ] {
            assert!(named(kind.name()).is_some(), "{kind:?}");
            let written = serde_json::to_value(kind).expect("a word");
            assert_eq!(written, kind.name(), "as files spell it");
        }
        // No API server has these; they are called as the facts call them.
        for kind in [T::EcsService, T::EcsTask] {
            assert_eq!(named(kind.name()), None);
            let written = serde_json::to_value(kind).expect("a word");
            assert_eq!(written, kind.name(), "as files spell it");
            assert!(facts::Kind::from_name(kind.name()).is_some());
        }
    }

    #[test]
    fn paths_are_the_api_servers_in_the_version_that_the_object_says() {
        let pod = named("Pod").expect("in the table");
        assert_eq!(pod.path("shop", "a"), "/api/v1/namespaces/shop/pods/a");
        assert_eq!(pod.path_as("v1", "shop", "a"), pod.path("shop", "a"));
        let source = named("OCIRepository").expect("in the table");
        assert_eq!(
            source.path_as("source.toolkit.fluxcd.io/v1beta2", "shop", "a"),
            "/apis/source.toolkit.fluxcd.io/v1beta2/namespaces/shop/ocirepositories/a"
        );
        // What is no version of this group is none.
        for odd in ["", "v1", "apps/v1"] {
            assert_eq!(source.path_as(odd, "shop", "a"), source.path("shop", "a"));
        }
    }
}
