//! Which situation of the embedded company is which recorded scenario's twin, and what may differ.

/// Situation, environment, scenario.
pub const TWINS: &[(&str, &str, &str)] = &[
    ("dependency-chain", "production", "dependency-chain"),
    ("delivered-everywhere", "dev", "delivered"),
    ("superseded", "dev", "superseded"),
    ("reverted", "dev", "reverted"),
    ("needs-promotion", "production", "needs-promotion"),
    ("other-branch", "dev", "other-branch"),
    ("config-missing", "production", "config-missing"),
    ("image-pull", "production", "image-pull"),
    ("file-broken", "staging", "file-broken"),
    ("source-interval", "production", "source-interval"),
    ("green-but-stale", "production", "green-but-stale"),
    ("source-suspended", "staging", "source-suspended"),
    (
        "kustomization-suspended",
        "staging",
        "kustomization-suspended",
    ),
    ("path-missing", "production", "path-missing"),
    ("manifests-do-not-build", "staging", "build-failed"),
    ("admission-denied", "production", "admission-denied"),
    ("names-with-markup", "production", "invalid-object"),
    ("deployment-paused", "production", "paused"),
    ("quota", "production", "quota"),
    ("rolling-out", "production", "starting"),
    ("crash-loop", "dev", "crash-loop"),
    ("out-of-memory", "dev", "out-of-memory"),
    (
        "live-although-unhealthy",
        "staging",
        "live-although-unhealthy",
    ),
    ("unschedulable", "production", "unschedulable"),
    (
        "service-selects-nothing",
        "production",
        "service-selects-nothing",
    ),
];

/// Who alone shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The embedded company.
    Simulated,
    /// The real ones.
    Real,
}

/// What may differ.
#[derive(Clone, Copy, Debug)]
pub struct Differs {
    /// Who alone shows it.
    pub side: Side,
    /// How the shape begins.
    pub shape: &'static str,
    /// Why that is so; "not yet" where the embedded company is wrong.
    #[expect(dead_code, reason = "for those who read the table")]
    pub reason: &'static str,
}

/// What differs, and why.
pub const EXCEPTIONS: &[Differs] = &[
    // The ground's, not Kubernetes': it has a node that nothing runs on unasked (the one that a scenario loses).
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Warning FailedScheduling by default-scheduler: ‹number›/‹number› nodes are available: ‹number› Insufficient ‹resource›.",
        reason: "the ground: a node with a taint",
    },
    Differs {
        side: Side::Simulated,
        shape: "Pod: condition PodScheduled False Unschedulable: ‹number›/‹number› nodes are available: ‹number› Insufficient ‹resource›.",
        reason: "the ground: a node with a taint",
    },
    Differs {
        side: Side::Real,
        shape: "Pod: condition PodScheduled False Unschedulable: ‹number›/‹number› nodes are available: ‹number› node(s) had untolerated taint(s)",
        reason: "the ground: a node with a taint",
    },
    // KWOK's, not Kubernetes': the ground has no kubelet, so nothing speaks as one and a container has no life before.
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Normal Created by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Normal Pulled by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Normal Pulling by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Normal Started by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Warning BackOff by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Warning Failed by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Pod Warning Unhealthy by kubelet",
        reason: "KWOK: no kubelet",
    },
    Differs {
        side: Side::Simulated,
        shape: "Pod: field status.containerStatuses[].lastState.terminated.containerID",
        reason: "KWOK: our stages (tests/prove/stages) give a container one life",
    },
    // Another trouble of the same class: the words that follow are somebody's policy, secret, annotation or registry.
    Differs {
        side: Side::Simulated,
        shape: "GitRepository: condition FetchFailed True AuthenticationFailed: failed to checkout",
        reason: "the company's key is revoked, the scenario's secret is gone: the ground's Git server asks nobody who they are",
    },
    Differs {
        side: Side::Simulated,
        shape: "GitRepository: condition Ready False AuthenticationFailed: failed to checkout",
        reason: "the company's key is revoked, the scenario's secret is gone: the ground's Git server asks nobody who they are",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of GitRepository Warning AuthenticationFailed by source-controller: failed to checkout",
        reason: "the company's key is revoked, the scenario's secret is gone: the ground's Git server asks nobody who they are",
    },
    Differs {
        side: Side::Real,
        shape: "GitRepository: condition FetchFailed True AuthenticationFailed: failed to get secret",
        reason: "the company's key is revoked, the scenario's secret is gone: the ground's Git server asks nobody who they are",
    },
    Differs {
        side: Side::Real,
        shape: "GitRepository: condition Ready False AuthenticationFailed: failed to get secret",
        reason: "the company's key is revoked, the scenario's secret is gone: the ground's Git server asks nobody who they are",
    },
    Differs {
        side: Side::Simulated,
        shape: "GitRepository: condition Reconciling True ProgressingWithRetry: reconciliation in progress",
        reason: "as above: the scenario changed the spec, and Flux says that first",
    },
    Differs {
        side: Side::Real,
        shape: "GitRepository: condition Reconciling True ProgressingWithRetry: processing object: new generation",
        reason: "as above",
    },
    Differs {
        side: Side::Simulated,
        shape: "Kustomization: condition Ready False ReconciliationFailed: Deployment/‹n›/‹n› dry-run failed (Forbidden): admission webhook",
        reason: "the company has a policy webhook, the scenario a ValidatingAdmissionPolicy: the ground has no webhook that denies",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Kustomization Warning ReconciliationFailed by kustomize-controller: Deployment/‹n›/‹n› dry-run failed (Forbidden): admission webhook",
        reason: "the company has a policy webhook, the scenario a ValidatingAdmissionPolicy: the ground has no webhook that denies",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Ready False ReconciliationFailed: Deployment/‹n›/‹n› dry-run failed (Invalid): deployments.apps \"‹n›\" is forbidden: ValidatingAdmissionPolicy",
        reason: "the company has a policy webhook, the scenario a ValidatingAdmissionPolicy: the ground has no webhook that denies",
    },
    Differs {
        side: Side::Simulated,
        shape: "Kustomization: condition Ready False ReconciliationFailed: Deployment/‹n›/‹n› dry-run failed (Invalid): Deployment.apps \"‹n›\" is invalid: metadata.annotations",
        reason: "another field is invalid; up to its name the messages are alike",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Kustomization Warning ReconciliationFailed by kustomize-controller: Deployment/‹n›/‹n› dry-run failed (Invalid): Deployment.apps \"‹n›\" is invalid: metadata.annotations",
        reason: "another field is invalid; up to its name the messages are alike",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Ready False ReconciliationFailed: Deployment/‹n›/‹n› dry-run failed (Invalid): Deployment.apps \"‹n›\" is invalid: spec.replicas",
        reason: "another field is invalid; up to its name the messages are alike",
    },
    Differs {
        side: Side::Simulated,
        shape: "Pod: container state waiting CreateContainerConfigError: couldn't find key",
        reason: "KWOK: the words are those of our stages and of the company's faults, neither is a kubelet's",
    },
    Differs {
        side: Side::Real,
        shape: "Pod: container state waiting CreateContainerConfigError: secret ",
        reason: "KWOK: the words are those of our stages and of the company's faults, neither is a kubelet's",
    },
    Differs {
        side: Side::Simulated,
        shape: "Pod: container state waiting ImagePullBackOff: Back-off pulling image \"‹n›/‹n›/‹n›:‹tag›\": ErrImagePull: failed to pull",
        reason: "KWOK: the words are those of our stages and of the company's faults, neither is a kubelet's",
    },
    Differs {
        side: Side::Real,
        shape: "Pod: container state waiting ImagePullBackOff: Back-off pulling image \"‹n›/‹n›/‹n›:‹tag›\": ErrImagePull: rpc error",
        reason: "KWOK: the words are those of our stages and of the company's faults, neither is a kubelet's",
    },
    Differs {
        side: Side::Simulated,
        shape: "Kustomization: condition Healthy False HealthCheckFailed: timeout waiting for: [StatefulSet/",
        reason: "the company's deadline for a rollout is longer than its Kustomization's for health; in every recorded scenario it is shorter",
    },
    Differs {
        side: Side::Simulated,
        shape: "Kustomization: condition Ready False HealthCheckFailed: health check failed after ‹duration›: timeout waiting for: [StatefulSet/",
        reason: "the company's deadline for a rollout is longer than its Kustomization's for health; in every recorded scenario it is shorter",
    },
    Differs {
        side: Side::Simulated,
        shape: "Event: of Kustomization Warning HealthCheckFailed by kustomize-controller: health check failed after ‹duration›: timeout waiting for: [",
        reason: "the company's deadline for a rollout is longer than its Kustomization's for health; in every recorded scenario it is shorter",
    },
    // Another moment: the scenario is asked while Flux still waits for health, the company after it has.
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Healthy Unknown Progressing",
        reason: "another moment",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Ready Unknown Progressing",
        reason: "another moment",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Reconciling True Progressing: Running health checks",
        reason: "another moment",
    },
    Differs {
        side: Side::Real,
        shape: "Deployment: condition Progressing True NewReplicaSetCreated",
        reason: "another moment",
    },
    Differs {
        side: Side::Real,
        shape: "Deployment: condition Progressing True ReplicaSetUpdated",
        reason: "another moment",
    },
    // Another declaration: the company waits only for the health of some apps, and asks no source to look by hand.
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Healthy True Succeeded",
        reason: "the company's app has no spec.wait, or is a StatefulSet",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Healthy False HealthCheckFailed: failed early",
        reason: "the company's app has no spec.wait, or is a StatefulSet",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Ready False HealthCheckFailed: health check failed after ‹duration›: failed early",
        reason: "the company's app has no spec.wait, or is a StatefulSet",
    },
    Differs {
        side: Side::Real,
        shape: "Kustomization: condition Reconciling True ProgressingWithRetry: Running health checks",
        reason: "the company's app has no spec.wait, or is a StatefulSet",
    },
    Differs {
        side: Side::Real,
        shape: "GitRepository: field status.lastHandledReconcileAt",
        reason: "not yet: its webhooks make sources look without the annotation that a Receiver would write",
    },
];
