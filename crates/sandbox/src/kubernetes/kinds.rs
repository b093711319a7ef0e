//! Every kind that the company's clusters serve, in one table: discovery, paths, tables and the store read it.

use super::definitions::all;

/// One kind. Kind names are unique across groups here, so the kind alone names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version served.
    pub version: &'static str,
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// `deploy`.
    pub short_names: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `/status` is a resource of its own, which ordinary writes leave alone.
    pub has_status: bool,
    /// Whether `/scale` is served.
    pub has_scale: bool,
    /// Where an object says how many replicas it wants, as a JSON pointer.
    pub replicas_at: &'static str,
    /// Where it says how many it has.
    pub counted_at: &'static str,
    /// Whether `kubectl get all` shows it.
    pub in_all: bool,
    /// Whether it is defined by a CustomResourceDefinition: no strategic merge patch, list items keep their kind.
    pub custom: bool,
}

impl Kind {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, or `pods` for the core group: how error messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The kind of this name.
    pub fn named(kind: &str) -> Option<&'static Self> {
        all().find(|known| known.kind == kind)
    }

    /// The kind behind a path's group, version and plural.
    pub fn at(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        all().find(|known| {
            known.group == group && known.version == version && known.plural == plural
        })
    }

    const fn new(
        (group, version): (&'static str, &'static str),
        kind: &'static str,
        plural: &'static str,
        singular: &'static str,
        short_names: &'static [&'static str],
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
            singular,
            short_names,
            namespaced: true,
            has_status: true,
            has_scale: false,
            replicas_at: "/spec/replicas",
            counted_at: "/status/replicas",
            in_all: false,
            custom: false,
        }
    }

    const fn cluster_wide(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn without_status(mut self) -> Self {
        self.has_status = false;
        self
    }

    const fn scalable(mut self) -> Self {
        self.has_scale = true;
        self
    }

    const fn in_all(mut self) -> Self {
        self.in_all = true;
        self
    }

    const fn custom(mut self) -> Self {
        self.custom = true;
        self
    }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");
const SOURCE: (&str, &str) = ("source.toolkit.fluxcd.io", "v1");
const IMAGE: (&str, &str) = ("image.toolkit.fluxcd.io", "v1");

/// The table.
pub static KINDS: [Kind; 42] = [
    Kind::new(CORE, "Namespace", "namespaces", "namespace", &["ns"]).cluster_wide(),
    Kind::new(CORE, "Node", "nodes", "node", &["no"]).cluster_wide(),
    Kind::new(CORE, "Pod", "pods", "pod", &["po"]).in_all(),
    Kind::new(CORE, "Service", "services", "service", &["svc"]).in_all(),
    Kind::new(CORE, "ConfigMap", "configmaps", "configmap", &["cm"]).without_status(),
    Kind::new(CORE, "Secret", "secrets", "secret", &[]).without_status(),
    Kind::new(CORE, "Event", "events", "event", &["ev"]).without_status(),
    Kind::new(
        CORE,
        "ServiceAccount",
        "serviceaccounts",
        "serviceaccount",
        &["sa"],
    )
    .without_status(),
    Kind::new(
        CORE,
        "ResourceQuota",
        "resourcequotas",
        "resourcequota",
        &["quota"],
    ),
    Kind::new(
        CORE,
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        &["pvc"],
    ),
    Kind::new(APPS, "Deployment", "deployments", "deployment", &["deploy"])
        .scalable()
        .in_all(),
    Kind::new(APPS, "ReplicaSet", "replicasets", "replicaset", &["rs"])
        .scalable()
        .in_all(),
    Kind::new(APPS, "StatefulSet", "statefulsets", "statefulset", &["sts"])
        .scalable()
        .in_all(),
    Kind::new(APPS, "DaemonSet", "daemonsets", "daemonset", &["ds"]).in_all(),
    Kind::new(BATCH, "Job", "jobs", "job", &[]).in_all(),
    Kind::new(BATCH, "CronJob", "cronjobs", "cronjob", &["cj"]).in_all(),
    Kind::new(
        ("autoscaling", "v2"),
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        &["hpa"],
    )
    .in_all(),
    Kind::new(
        ("policy", "v1"),
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        &["pdb"],
    ),
    Kind::new(
        ("discovery.k8s.io", "v1"),
        "EndpointSlice",
        "endpointslices",
        "endpointslice",
        &[],
    )
    .without_status(),
    Kind::new(
        ("networking.k8s.io", "v1"),
        "Ingress",
        "ingresses",
        "ingress",
        &["ing"],
    ),
    Kind::new(
        ("apiextensions.k8s.io", "v1"),
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "customresourcedefinition",
        &["crd", "crds"],
    )
    .cluster_wide(),
    Kind::new(
        SOURCE,
        "GitRepository",
        "gitrepositories",
        "gitrepository",
        &["gitrepo"],
    )
    .custom(),
    Kind::new(
        SOURCE,
        "OCIRepository",
        "ocirepositories",
        "ocirepository",
        &["ocirepo"],
    )
    .custom(),
    Kind::new(
        SOURCE,
        "HelmRepository",
        "helmrepositories",
        "helmrepository",
        &["helmrepo"],
    )
    .custom(),
    Kind::new(SOURCE, "HelmChart", "helmcharts", "helmchart", &["hc"]).custom(),
    Kind::new(SOURCE, "Bucket", "buckets", "bucket", &[]).custom(),
    Kind::new(
        ("kustomize.toolkit.fluxcd.io", "v1"),
        "Kustomization",
        "kustomizations",
        "kustomization",
        &["ks"],
    )
    .custom(),
    Kind::new(
        ("helm.toolkit.fluxcd.io", "v2"),
        "HelmRelease",
        "helmreleases",
        "helmrelease",
        &["hr"],
    )
    .custom(),
    Kind::new(
        ("flagger.app", "v1beta1"),
        "Canary",
        "canaries",
        "canary",
        &[],
    )
    .custom(),
    Kind::new(
        ("external-secrets.io", "v1"),
        "ExternalSecret",
        "externalsecrets",
        "externalsecret",
        &["es"],
    )
    .custom(),
    Kind::new(
        ("cert-manager.io", "v1"),
        "Certificate",
        "certificates",
        "certificate",
        &["cert", "certs"],
    )
    .custom(),
    Kind::new(
        IMAGE,
        "ImageRepository",
        "imagerepositories",
        "imagerepository",
        &["imgrepo", "imagerepo"],
    )
    .custom(),
    Kind::new(
        IMAGE,
        "ImagePolicy",
        "imagepolicies",
        "imagepolicy",
        &["imgpol", "imagepol"],
    )
    .custom(),
    Kind::new(
        IMAGE,
        "ImageUpdateAutomation",
        "imageupdateautomations",
        "imageupdateautomation",
        &["iua", "imgupd", "imgauto"],
    )
    .custom(),
    Kind::new(
        ("notification.toolkit.fluxcd.io", "v1"),
        "Receiver",
        "receivers",
        "receiver",
        &[],
    )
    .custom(),
    Kind::new(
        ("apps", "v1"),
        "ControllerRevision",
        "controllerrevisions",
        "controllerrevision",
        &[],
    )
    .without_status(),
    Kind::new(RBAC, "Role", "roles", "role", &[]).without_status(),
    Kind::new(RBAC, "RoleBinding", "rolebindings", "rolebinding", &[]).without_status(),
    Kind::new(RBAC, "ClusterRole", "clusterroles", "clusterrole", &[])
        .cluster_wide()
        .without_status(),
    Kind::new(
        RBAC,
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        &[],
    )
    .cluster_wide()
    .without_status(),
    Kind::new(
        ("coordination.k8s.io", "v1"),
        "Lease",
        "leases",
        "lease",
        &[],
    )
    .without_status(),
    // As if its definition had been applied; the policy that belongs to it is not: admission is no part of the stand-in.
    Kind::new(
        ("landfall.dev", "v1alpha1"),
        "ActionRun",
        "actionruns",
        "actionrun",
        &[],
    )
    .custom(),
];

/// What every served kind can be asked to do, as discovery lists it.
pub const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, kind) in KINDS.iter().enumerate() {
            for other in &KINDS[index + 1..] {
                assert_ne!(kind.kind, other.kind);
                assert_ne!(kind.qualified(), other.qualified());
            }
        }
    }

    #[test]
    fn paths_find_their_kind() {
        let found = Kind::at("apps", "v1", "deployments").unwrap();
        assert_eq!(found.kind, "Deployment");
        assert_eq!(found.api_version(), "apps/v1");
        assert_eq!(found.qualified(), "deployments.apps");
        assert!(Kind::at("apps", "v1beta1", "deployments").is_none());
        assert_eq!(Kind::named("Pod").unwrap().api_version(), "v1");
    }
}
