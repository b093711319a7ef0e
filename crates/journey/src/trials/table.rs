//! Tests only: the table of trials. Each line is a world and what must be said of it.

use api::{StageKind, State};
use facts::code::{CiState, PullState};
use facts::meta::{Kind, Status};
use jiff::SignedDuration;

use super::ecs;
use super::faults::*;
use crate::causes::CauseCode;
use crate::world::World;
use crate::world::company::ecs::AWS;
use crate::world::company::*;

/// A world and what must be said of it.
pub struct Trial {
    pub name: &'static str,
    pub app: &'static str,
    pub cluster: &'static str,
    pub state: State,
    pub stage: StageKind,
    pub cause: CauseCode,
    /// The root object's kind and the beginning of its name.
    pub object: &'static str,
    pub world: fn() -> World,
}

impl Trial {
    /// Commit 4 is what is asked for, always.
    pub fn asked(&self) -> String {
        sha(self.app, 4)
    }
}

macro_rules! trials {
    ($($name:literal, $app:expr, $cluster:expr, $state:ident, $stage:ident, $cause:ident, $object:literal, $world:expr;)*) => {
        pub const TRIALS: &[Trial] = &[$(Trial {
            name: $name, app: $app, cluster: $cluster, state: State::$state, stage: StageKind::$stage,
            cause: CauseCode::$cause, object: $object, world: || $world,
        },)*];
    };
}

const UPGRADE: &str = "Helm upgrade failed for release shop/search with chart service@2.4.1: cannot patch \"search\" with kind Deployment: Deployment.apps \"search\" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"search\"}}: field is immutable";
const IMMUTABLE: &str = "Deployment/shop/checkout dry-run failed (Invalid): Deployment.apps \"checkout\" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"x\"}}: field is immutable";

trials! {
    "in an open pull request", APP, PROD, Blocked, Commit, CommitInOpenPullRequest, "PullRequest 1204",
        in_pull(|_| PullState::Open { draft: false });
    "in a closed pull request", APP, PROD, Blocked, Commit, CommitInClosedPullRequest, "PullRequest 1204",
        in_pull(|world| PullState::Closed { at: world.ago(60) });
    "on another branch", APP, PROD, Blocked, Commit, CommitOnOtherBranch, "Commit ", branched();
    "reverted", APP, PROD, Reverted, Commit, CommitReverted, "Commit ", reverted();

    "no CI run", APP, PROD, Blocked, Build, BuildNone, "Commit ", committed();
    "CI queued", APP, PROD, Waiting, Build, BuildQueued, "WorkflowRun 4804", ci(CiState::Queued);
    "CI waits for approval", APP, PROD, Blocked, Build, BuildWaitingForReview, "WorkflowRun 4804",
        ci(CiState::WaitingForReview);
    "CI runs", APP, PROD, Moving, Build, BuildRunning, "WorkflowRun 4804", ci(CiState::Running);
    "CI failed", APP, PROD, Blocked, Build, BuildFailed, "WorkflowRun 4804", ci(CiState::Failed);
    "CI cancelled", APP, PROD, Blocked, Build, BuildCancelled, "WorkflowRun 4804", ci(CiState::Cancelled);

    "CI succeeded without an image", APP, PROD, Blocked, Image, ImageNeverPushed, "WorkflowRun 4804", never_pushed();

    "the registry cannot be scanned", APP, DEV, Blocked, Release, ReleaseScanFailed, "ImageRepository checkout",
        automation(|world| {
            let since = world.ago(20);
            world.edit(DEV, |facts| {
                let one = facts.image_repositories.get_mut(&key("flux-system", APP)).unwrap();
                one.conditions = vec![condition("Ready", Status::False, "AuthenticationFailed", "scan failed: 401 Unauthorized", since)];
            });
        });
    "the scan is due", APP, DEV, Waiting, Release, ReleaseScanPending, "ImageRepository checkout",
        automation(|world| {
            let before = world.ago(36);
            world.edit(DEV, |facts| {
                facts.image_repositories.get_mut(&key("flux-system", APP)).unwrap().scanned = Some(before);
            });
        });
    "the scan is suspended", APP, DEV, Blocked, Release, ReleaseScanSuspended, "ImageRepository checkout",
        automation(|world| world.edit(DEV, |facts| {
            facts.image_repositories.get_mut(&key("flux-system", APP)).unwrap().suspended = true;
        }));
    "the policy picks another tag", APP, DEV, Blocked, Release, ReleasePolicyPicksAnother, "ImagePolicy checkout",
        automation(|world| world.edit(DEV, |facts| {
            let one = facts.image_repositories.get_mut(&key("flux-system", APP)).unwrap();
            one.latest_tags.insert(0, tag(APP, 4));
        }));
    "the marker is missing", APP, DEV, Blocked, Release, ReleaseMarkerMissing, "File apps/dev/checkout/kustomization.yaml",
        automation(|world| {
            world.automate(APP);
            let history = world.repo(FLEET).declared.get_mut(&("main".to_owned(), path(APP, DEV))).unwrap();
            history.entries[0].images[0].marker = None;
        });
    "the automation is suspended", APP, DEV, Blocked, Release, ReleaseAutomationSuspended, "ImageUpdateAutomation bumps",
        automation(|world| {
            world.automate(APP);
            world.edit(DEV, |facts| facts.image_automations.change(|one| one.suspended = true));
        });
    "the push is refused", APP, DEV, Blocked, Release, ReleasePushRefused, "ImageUpdateAutomation bumps",
        automation(|world| {
            world.automate(APP);
            let since = world.ago(9);
            world.edit(DEV, |facts| facts.image_automations.change(|one| {
                one.conditions = vec![condition("Ready", Status::False, "GitOperationFailed", "failed to update source: push rejected: protected branch hook declined", since)];
            }));
        });
    "the automation has not run", APP, DEV, Waiting, Release, ReleaseAutomationPending, "ImageUpdateAutomation bumps",
        automation(|world| world.edit(DEV, |facts| {
            let name = key("flux-system", APP);
            facts.image_repositories.get_mut(&name).unwrap().latest_tags.insert(0, tag(APP, 4));
            facts.image_policies.get_mut(&name).unwrap().latest_tag = Some(tag(APP, 4));
        }));
    "pushed to a branch nobody merged", APP, DEV, NeedsPromotion, Release, ReleaseOnUnmergedBranch, "ImageUpdateAutomation bumps",
        automation(|world| {
            world.automate(APP);
            world.edit(DEV, |facts| facts.image_automations.change(|one| one.push_branch = Some("flux-bumps".to_owned())));
        });
    "the promotion's pull request is open", APP, PROD, NeedsPromotion, Release, ReleasePullRequestOpen, "PullRequest 1204",
        {
            let mut world = pushed();
            let mut pull = pull(&world, PullState::Open { draft: false });
            pull.title = "Promote checkout".to_owned();
            pull.files = vec![format!("{}/kustomization.yaml", path(APP, PROD))];
            world.declare_on(&pull.head, PROD, 4);
            world.repo(FLEET).open_pulls = vec![pull];
            world
        };
    "a person promotes", APP, PROD, NeedsPromotion, Release, ReleaseNeedsPromotion, "File apps/production/checkout/kustomization.yaml", pushed();
    "set back in Git", APP, PROD, RolledBack, Release, ReleaseSetBack, "Commit ",
        {
            let mut world = declared();
            world.commit(FLEET, "fleet", 4, 12);
            world.declare_at(APP, PROD, 3, 4, 12);
            world
        };
    "a file is broken", APP, PROD, Blocked, Release, ReleaseFileBroken, "File apps/production/checkout/kustomization.yaml",
        {
            let mut world = declared();
            let history = world.repo(FLEET).declared.get_mut(&("main".to_owned(), path(APP, PROD))).unwrap();
            history.entries[0].images.clear();
            history.entries[0].broken = Some(("apps/production/checkout/kustomization.yaml".to_owned(), "line 9: mapping values are not allowed here".to_owned()));
            world
        };

    "overridden in the cluster", APP, PROD, Blocked, Release, ReleaseOverridden, "Kustomization checkout",
        overridden(APP, |one| one.images = vec![image_of(3)]);
    "overridden by a patch in the cluster", APP, PROD, Blocked, Release, ReleaseOverridden, "Kustomization checkout",
        overridden(APP, |one| one.patches_images = true);
    "a release overridden by a patch in the cluster", "search", PROD, Blocked, Release, ReleaseOverridden, "Kustomization search",
        overridden("search", |one| one.patches_images = true);
    "a chart in Git is changed and not its version", "search", PROD, Blocked, Release, ReleaseChartNotBumped, "File charts/service/Chart.yaml",
        chart_in_git("2.4.1", 900);

    "the source has not fetched", APP, PROD, Waiting, Source, SourcePending, "GitRepository fleet", declared();
    "the source cannot sign in", APP, PROD, Blocked, Source, SourceAuthenticationFailed, "GitRepository fleet",
        source_fails("AuthenticationFailed", "failed to checkout and determine revision: authentication required");
    "the branch is gone", APP, PROD, Blocked, Source, SourceNotFound, "GitRepository fleet",
        source_fails("GitOperationFailed", "failed to checkout and determine revision: couldn't find remote ref \"refs/heads/main\"");
    "the branch is gone from Git too", APP, PROD, Blocked, Source, SourceNotFound, "GitRepository fleet",
        {
            let mut world = source_fails("GitOperationFailed", "failed to checkout and determine revision: couldn't find remote ref \"refs/heads/gone\"");
            world.edit(PROD, |facts| {
                let source = facts.sources.get_mut(&(Kind::GitRepository, key("flux-system", "fleet"))).unwrap();
                source.reference = facts::flux::SourceReference::Branch("gone".to_owned());
            });
            world
        };
    "the signature is wrong", APP, PROD, Blocked, Source, SourceVerificationFailed, "GitRepository fleet",
        source_fails("InvalidCommitSignature", "signature verification of commit failed: unable to verify");
    "the host does not answer", APP, PROD, Blocked, Source, SourceFetchFailed, "GitRepository fleet",
        source_fails("GitOperationFailed", "failed to checkout and determine revision: dial tcp 10.0.0.1:443: i/o timeout");
    "the source is suspended", APP, PROD, Blocked, Source, SourceSuspended, "GitRepository fleet",
        {
            let mut world = declared();
            world.edit(PROD, |facts| facts.sources.get_mut(&(Kind::GitRepository, key("flux-system", "fleet"))).unwrap().suspended = true);
            world
        };
    "the chart does not exist", "search", PROD, Blocked, Source, SourceChartNotFound, "HelmChart shop-search",
        {
            let mut world = helm(&[("Ready", Status::False, "SourceNotReady", "HelmChart 'flux-system/shop-search' is not ready: latest generation of object has not been reconciled")]);
            let since = world.ago(14);
            world.edit(PROD, |facts| {
                let chart = facts.sources.get_mut(&(Kind::HelmChart, key("flux-system", "shop-search"))).unwrap();
                chart.conditions = vec![condition("Ready", Status::False, "InvalidChartReference", "invalid chart reference: failed to get chart version for remote reference: no 'service' chart with version matching '9.x' found", since)];
            });
            world
        };

    "suspended", APP, PROD, Blocked, Apply, ApplySuspended, "Kustomization checkout",
        {
            let mut world = fetched();
            world.edit(PROD, |facts| facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap().suspended = true);
            world
        };
    "the release is suspended", "search", PROD, Blocked, Apply, ApplySuspended, "HelmRelease search",
        {
            let mut world = helm(&[("Ready", Status::True, "UpgradeSucceeded", "")]);
            world.edit(PROD, |facts| {
                let one = facts.helm_releases.get_mut(&key("shop", "search")).unwrap();
                one.suspended = true;
                one.meta.generation = 2;
            });
            world
        };
    "not tried yet", APP, PROD, Waiting, Apply, ApplyPending, "Kustomization checkout", fetched();
    "being applied", APP, PROD, Moving, Apply, ApplyRunning, "Kustomization checkout",
        {
            let mut world = fetched();
            let since = world.ago(1);
            world.edit(PROD, |facts| {
                let one = facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap();
                one.attempted = Some(revision(3));
                one.conditions = vec![condition("Ready", Status::Unknown, "Progressing", "Reconciliation in progress", since)];
            });
            world
        };
    "waits for a dependency that does not exist", APP, PROD, Blocked, Apply, ApplyDependency, "Kustomization infra",
        {
            let mut world = fetched();
            wait_for_infra(&mut world);
            world.edit(PROD, |facts| { facts.kustomizations.remove(&key("flux-system", "infra")); });
            world
        };
    "waits for a dependency that is at work", APP, PROD, Moving, Apply, ApplyDependency, "Kustomization infra",
        {
            let mut world = fetched();
            wait_for_infra(&mut world);
            world.edit(PROD, |facts| facts.kustomizations.get_mut(&key("flux-system", "infra")).unwrap().applied = Some(revision(2)));
            world
        };
    "waits for a dependency whose release failed", APP, PROD, Blocked, Apply, ApplyImmutableField, "HelmRelease search",
        {
            let mut world = helm(&[
                ("Ready", Status::False, "UpgradeFailed", UPGRADE),
                ("Released", Status::False, "UpgradeFailed", UPGRADE),
                ("Stalled", Status::True, "RetriesExceeded", "Failed to upgrade after 1 attempt(s)"),
            ]);
            fail(&mut world, "infra", "HealthCheckFailed", "health check failed after 30s: failed early due to stalled resources: [HelmRelease/shop/search status: 'Failed']");
            wait_for_infra(&mut world);
            world
        };
    "the namespace is gone", APP, PROD, Blocked, Apply, ApplyNamespaceMissing, "Kustomization checkout",
        attempted("ReconciliationFailed", "ConfigMap/nowhere/other not found: namespaces \"nowhere\" not found");
    "the path is gone", APP, PROD, Blocked, Apply, ApplyPathMissing, "Kustomization checkout",
        {
            let mut world = attempted("ArtifactFailed", "kustomization path not found: stat /tmp/kustomization-1/apps/production/checkout: no such file or directory");
            world.edit(PROD, |facts| facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap().attempted = Some(revision(2)));
            world
        };
    "the build fails", APP, PROD, Blocked, Apply, ApplyBuildFailed, "Kustomization checkout",
        attempted("BuildFailed", "kustomize build failed: accumulating resources: accumulation err='accumulating resources from 'deployment.yaml': open deployment.yaml: no such file or directory'");
    "an immutable field", APP, PROD, Blocked, Apply, ApplyImmutableField, "Kustomization checkout",
        attempted("ReconciliationFailed", IMMUTABLE);
    "an unknown kind", APP, PROD, Blocked, Apply, ApplyUnknownKind, "Kustomization checkout",
        attempted("ReconciliationFailed", "Certificate/shop/tls dry-run failed: no matches for kind \"Certificate\" in version \"cert-manager.io/v1\"");
    "admission denied", APP, PROD, Blocked, Apply, ApplyAdmissionDenied, "Kustomization checkout",
        attempted("ReconciliationFailed", "Deployment/shop/checkout dry-run failed (Forbidden): admission webhook \"policy.example\" denied the request: no resource limits");
    "admission unreachable", APP, PROD, Blocked, Apply, ApplyAdmissionUnreachable, "Kustomization checkout",
        attempted("ReconciliationFailed", "dry-run failed (InternalError): Internal error occurred: failed calling webhook \"policy.example\": connect: connection refused");
    "forbidden", APP, PROD, Blocked, Apply, ApplyForbidden, "Kustomization checkout",
        attempted("ReconciliationFailed", "deployments.apps \"checkout\" is forbidden: User \"system:serviceaccount:shop:flux\" cannot patch resource \"deployments\" in API group \"apps\"");
    "invalid", APP, PROD, Blocked, Apply, ApplyInvalid, "Kustomization checkout",
        attempted("ReconciliationFailed", "Service/shop/checkout dry-run failed (Invalid): Service \"checkout\" is invalid: spec.ports[0].port: Required value");
    "decryption fails", APP, PROD, Blocked, Apply, ApplyDecryptionFailed, "Kustomization checkout",
        attempted("BuildFailed", "failed to decrypt and build: cannot get sops data key");
    "a dependency's health check fails", APP, PROD, Blocked, Apply, ApplyHealthCheckFailed, "Kustomization infra",
        {
            let mut world = fetched();
            fail(&mut world, "infra", "HealthCheckFailed", "health check failed after 30s: timeout waiting for: [Certificate/ingress/tls status: 'InProgress']");
            wait_for_infra(&mut world);
            world
        };
    "the values are missing", "search", PROD, Blocked, Apply, ApplyHelmValues, "HelmRelease search",
        helm(&[("Ready", Status::False, "ValuesError", "could not resolve Secret chart values reference 'shop/search-values' with key 'values.yaml': secrets \"search-values\" not found")]);
    "the upgrade fails", "search", PROD, Blocked, Apply, ApplyHelmFailed, "HelmRelease search",
        helm(&[
            ("Ready", Status::False, "UpgradeFailed", "Helm upgrade failed: template: service/templates/x.yaml:3: function \"y\" not defined"),
            ("Released", Status::False, "UpgradeFailed", "Helm upgrade failed: template: service/templates/x.yaml:3: function \"y\" not defined"),
        ]);
    "the upgrade is rolled back", "search", PROD, RolledBack, Apply, ApplyHelmFailed, "HelmRelease search",
        helm(&[
            ("Ready", Status::False, "RollbackSucceeded", "Helm rollback to previous release succeeded"),
            ("Remediated", Status::True, "RollbackSucceeded", "Helm rollback to previous release succeeded"),
            ("Released", Status::False, "UpgradeFailed", "Helm upgrade failed: context deadline exceeded"),
        ]);
    "the test fails", "search", PROD, RolledBack, Apply, ApplyHelmTestFailed, "HelmRelease search",
        helm(&[
            ("Ready", Status::False, "RollbackSucceeded", "Helm rollback to previous release succeeded"),
            ("Remediated", Status::True, "RollbackSucceeded", "Helm rollback to previous release succeeded"),
            ("Released", Status::True, "UpgradeSucceeded", ""),
            ("TestSuccess", Status::False, "TestFailed", "Helm test failed for release shop/search: pod search-test failed"),
        ]);
    "a dependency cannot prune", APP, PROD, Blocked, Apply, ApplyPruneFailed, "Kustomization infra",
        {
            let mut world = fetched();
            fail(&mut world, "infra", "PruneFailed", "PersistentVolumeClaim/shop/old delete failed: timeout");
            wait_for_infra(&mut world);
            world
        };
    "what applied it is gone", APP, PROD, Blocked, Apply, ApplyOwnerGone, "Kustomization checkout",
        {
            let mut world = pushed();
            world.edit(PROD, |facts| drop(facts.kustomizations.remove(&key("flux-system", APP))));
            world
        };
    "something new", APP, PROD, Blocked, Apply, ApplyOther, "Kustomization checkout",
        attempted("ReconciliationFailed", "the flux capacitor is empty");

    "paused", APP, PROD, Blocked, Rollout, RolloutPaused, "Deployment checkout",
        { let mut world = applied(); workload(&mut world, |one| one.paused = true); world };
    "no quota", APP, PROD, Blocked, Rollout, RolloutQuota, "Deployment checkout",
        refused("pods \"checkout-x\" is forbidden: exceeded quota: compute, requested: limits.memory=256Mi, used: limits.memory=4Gi, limited: limits.memory=4Gi");
    "pods are refused", APP, PROD, Blocked, Rollout, RolloutPodsRefused, "Deployment checkout",
        refused("pods \"checkout-x\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true");
    "rolling out", APP, PROD, Moving, Rollout, RolloutRunning, "Deployment checkout", applied();
    "the canary failed", APP, PROD, RolledBack, Rollout, RolloutCanaryFailed, "Canary checkout", canary("Failed");
    "the canary is tried", APP, PROD, Moving, Rollout, RolloutCanaryRunning, "Canary checkout", canary("Progressing");
    "the canary waits for a person", APP, PROD, Blocked, Rollout, RolloutCanaryWaiting, "Canary checkout", canary("WaitingPromotion");
    "scaled to zero", APP, PROD, Blocked, Rollout, RolloutScaledToZero, "Deployment checkout",
        {
            let mut world = applied();
            workload(&mut world, |one| { one.wanted = 0; one.total = 0; one.ready = 0; });
            world.edit(PROD, |facts| facts.pods.retain(|_, pod| pod.meta.label("app") != Some(APP)));
            world
        };
    "a DaemonSet that no node suits", APP, PROD, Blocked, Rollout, RolloutNoNode, "DaemonSet checkout",
        {
            let mut world = applied();
            workload(&mut world, |one| { one.wanted = 0; one.total = 0; one.ready = 0; });
            world.edit(PROD, |facts| facts.pods.retain(|_, pod| pod.meta.label("app") != Some(APP)));
            as_kind(&mut world, Kind::DaemonSet);
            world
        };
    "replaced only when somebody deletes", APP, PROD, Blocked, Rollout, RolloutHeldBack, "Deployment checkout",
        {
            let mut world = applied();
            workload(&mut world, |one| one.on_delete = true);
            world
        };
    "past its deadline", APP, PROD, Blocked, Rollout, RolloutDeadline, "Deployment checkout",
        {
            let mut world = applied();
            let since = world.ago(18);
            workload(&mut world, |one| one.conditions = vec![condition("Progressing", Status::False, "ProgressDeadlineExceeded", "ReplicaSet \"checkout-x\" has timed out progressing.", since)]);
            world
        };
    "drifted", APP, PROD, Blocked, Rollout, RolloutDrifted, "Deployment checkout",
        { let mut world = fetched(); world.apply(APP, PROD, 3, 28); world };
    "the workload is gone", APP, PROD, Blocked, Rollout, RolloutWorkloadMissing, "Deployment checkout",
        {
            let mut world = applied();
            world.edit(PROD, |facts| facts.workloads.retain(|(_, key), _| key.name != APP));
            world
        };
    "a copy with another's labels", APP, PROD, NeedsPromotion, Release, ReleaseByHand, "Deployment checkout",
        {
            let mut world = fetched();
            world.apply(APP, PROD, 3, 28);
            world.edit(PROD, |facts| facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap().inventory[0].name = "checkout-v1".to_owned());
            world
        };

    "cannot pull", APP, PROD, Blocked, Pods, PodsImagePull, "Pod checkout-",
        {
            let mut world = pod(|pod| {
                pod.containers[0].image_id.clear();
                pod.containers[0].state = waiting("ImagePullBackOff", "Back-off pulling image");
            });
            world.warn(APP, PROD, "Failed", "Failed to pull image \"registry.example/shop/checkout\": 403 Forbidden", 4);
            world
        };
    "a secret is missing", APP, PROD, Blocked, Pods, PodsConfigMissing, "Pod checkout-",
        pod(|pod| {
            pod.containers[0].image_id.clear();
            pod.containers[0].state = waiting("CreateContainerConfigError", "secret \"checkout-card\" not found");
        });
    "a volume's secret is missing", APP, PROD, Blocked, Pods, PodsConfigMissing, "Pod checkout-",
        {
            let mut world = pod(|pod| {
                pod.containers[0].image_id.clear();
                pod.containers[0].state = waiting("ContainerCreating", "");
            });
            world.warn(APP, PROD, "FailedMount", "MountVolume.SetUp failed for volume \"card\" : secret \"checkout-card\" not found", 9);
            world
        };
    "out of memory", APP, PROD, Blocked, Pods, PodsOutOfMemory, "Pod checkout-",
        pod(|pod| {
            let last = ended(&calm(), "OOMKilled", "", 137);
            pod.containers[0].state = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container");
            pod.containers[0].last = Some(last);
            pod.containers[0].restarts = 5;
        });
    "crashing", APP, PROD, Blocked, Pods, PodsCrash, "Pod checkout-",
        pod(|pod| {
            let last = ended(&calm(), "Error", "starting\nfatal: SEARCH_URL is not set\n", 1);
            pod.containers[0].state = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container");
            pod.containers[0].last = Some(last);
            pod.containers[0].restarts = 5;
        });
    "crashing, and for a moment running", APP, PROD, Blocked, Pods, PodsCrash, "Pod checkout-",
        pod(|pod| {
            let world = calm();
            pod.conditions[0].status = Status::True;
            pod.containers[0].ready = true;
            pod.containers[0].state = facts::kubernetes::ContainerState::Running { since: Some(world.now - SignedDuration::from_secs(5)) };
            pod.containers[0].last = Some(ended(&world, "Error", "", 1));
            pod.containers[0].restarts = 5;
        });
    "its migration fails", APP, PROD, Blocked, Pods, PodsInitFailed, "Pod checkout-",
        pod(|pod| {
            let mut init = pod.containers[0].clone();
            init.name = "migrate".to_owned();
            init.init = true;
            init.state = waiting("CrashLoopBackOff", "");
            init.last = Some(ended(&calm(), "Error", "relation \"cards\" does not exist", 3));
            init.restarts = 4;
            pod.containers[0].state = waiting("PodInitializing", "");
            pod.containers[0].image_id.clear();
            pod.containers.push(init);
        });
    "its probe fails", APP, PROD, Blocked, Pods, PodsProbeFailing, "Pod checkout-",
        {
            let mut world = pod(|_| {});
            world.warn(APP, PROD, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 30);
            world
        };
    "killed by its probe", APP, PROD, Blocked, Pods, PodsProbeFailing, "Pod checkout-",
        {
            let mut world = pod(|pod| {
                pod.containers[0].last = Some(ended(&calm(), "Error", "", 137));
                pod.containers[0].restarts = 4;
                pod.containers[0].state = waiting("CrashLoopBackOff", "");
            });
            world.warn(APP, PROD, "Unhealthy", "Liveness probe failed: Get \"http://10.0.0.7:8080/healthz\": context deadline exceeded", 30);
            world
        };
    "fits nowhere", APP, PROD, Blocked, Pods, PodsUnschedulable, "Pod checkout-",
        pod(|pod| {
            pod.phase = "Pending".to_owned();
            pod.containers.clear();
            let since = calm().ago(27);
            pod.conditions = vec![condition("PodScheduled", Status::False, "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.", since)];
        });
    "evicted", APP, PROD, Blocked, Pods, PodsEvicted, "Pod checkout-",
        pod(|pod| {
            pod.phase = "Failed".to_owned();
            pod.reason = Some("Evicted".to_owned());
            pod.message = Some("The node was low on resource: ephemeral-storage.".to_owned());
        });
    "runs, and is not ready", APP, PROD, Blocked, Pods, PodsNotReady, "Pod checkout-",
        {
            let mut world = pod(|_| {});
            let since = world.ago(17);
            workload(&mut world, |one| one.conditions = vec![condition("Progressing", Status::False, "ProgressDeadlineExceeded", "", since)]);
            world
        };
    "its volume does not come", APP, PROD, Blocked, Pods, PodsNotReady, "Pod checkout-",
        {
            let mut world = pod(|pod| {
                pod.containers[0].image_id.clear();
                pod.containers[0].state = waiting("ContainerCreating", "");
            });
            world.warn(APP, PROD, "FailedAttachVolume", "AttachVolume.Attach failed for volume \"pvc-1\": volume is in use by node-2", 9);
            world
        };
    "a tag that moved", APP, PROD, Blocked, Pods, PodsTagMoved, "Pod checkout-",
        {
            let mut world = delivered();
            let older = digest(APP, 3);
            world.edit(PROD, |facts| facts.pods.change(|pod| {
                if pod.meta.label("app") == Some(APP) {
                    pod.containers[0].image_id = format!("{}@{older}", image(APP));
                }
            }));
            world
        };
    "starting", APP, PROD, Moving, Pods, PodsStarting, "Pod checkout-",
        {
            let mut world = delivered();
            let now = world.now;
            workload(&mut world, |one| one.ready = 0);
            world.edit(PROD, |facts| facts.pods.change(|pod| {
                if pod.meta.label("app") == Some(APP) {
                    pod.containers[0].ready = false;
                    pod.containers[0].state = facts::kubernetes::ContainerState::Running { since: Some(now - SignedDuration::from_secs(4)) };
                    pod.conditions[0] = condition("Ready", Status::False, "ContainersNotReady", "", now);
                }
            }));
            world
        };

    "the Service sends its traffic to another app", APP, PROD, Blocked, Serving, ServingNoEndpoint, "Service checkout",
        {
            let mut world = delivered();
            world.edit(PROD, |facts| {
                let service = facts.services.get_mut(&key("shop", APP)).unwrap();
                service.selector = std::iter::once(("app".to_owned(), "cart".to_owned())).collect();
            });
            world
        };
    "the Service's port is missing", APP, PROD, Blocked, Serving, ServingPortMissing, "Service checkout",
        {
            let mut world = delivered();
            world.edit(PROD, |facts| {
                facts.services.get_mut(&key("shop", APP)).unwrap().has_ports = true;
                facts.endpoint_slices.get_mut(&key("shop", "checkout-1")).unwrap().has_ports = false;
            });
            world
        };
    "the Service has no selector", APP, PROD, Blocked, Serving, ServingNoSelector, "Service checkout",
        {
            let mut world = delivered();
            world.edit(PROD, |facts| {
                facts.services.get_mut(&key("shop", APP)).unwrap().selector.clear();
                facts.endpoint_slices.remove(&key("shop", "checkout-1"));
                let one = facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap();
                one.inventory.push(reference("Service", "shop", APP));
            });
            world
        };
    "the Service is deleted", APP, PROD, Blocked, Serving, ServingServiceMissing, "Service checkout",
        {
            let mut world = delivered();
            world.edit(PROD, |facts| {
                let service = key("shop", APP);
                facts.services.remove(&service);
                let one = facts.kustomizations.get_mut(&key("flux-system", APP)).unwrap();
                one.inventory.push(reference("Service", "shop", APP));
            });
            world
        };
    "no endpoint", APP, PROD, Blocked, Serving, ServingNoEndpoint, "Service checkout",
        {
            let mut world = delivered();
            world.edit(PROD, |facts| {
                facts.services.get_mut(&key("shop", APP)).unwrap().selector.insert("app".to_owned(), "chekcout".to_owned());
                facts.endpoint_slices.get_mut(&key("shop", "checkout-1")).unwrap().ready = 0;
            });
            world
        };

    "an Ingress has no address", APP, PROD, Blocked, Serving, ServingIngressNoAddress, "Ingress checkout",
        {
            let mut world = delivered();
            world.ingress(APP, |one| one.addresses.clear());
            world
        };
    "an Ingress has only just been made", APP, PROD, Moving, Serving, ServingIngressNoAddress, "Ingress checkout",
        {
            let mut world = delivered();
            let now = world.now;
            world.ingress(APP, |one| {
                one.addresses.clear();
                one.meta.created = Some(now - SignedDuration::from_secs(299));
            });
            world
        };
    "a Certificate is not ready", APP, PROD, Blocked, Serving, ServingCertificateNotReady, "Certificate checkout-tls",
        {
            let mut world = delivered();
            world.not_ready(APP, "DoesNotExist", "Issuing certificate as Secret does not exist", 60);
            world
        };
    "a certificate could not be issued", APP, PROD, Blocked, Serving, ServingCertificateNotReady, "Certificate checkout-tls",
        {
            let mut world = delivered();
            world.not_ready(APP, "DoesNotExist", "Issuing certificate as Secret does not exist", 2);
            world.issuing(APP, Status::False, "Failed", 1);
            world
        };
    "a certificate is being issued", APP, PROD, Moving, Serving, ServingCertificateNotReady, "Certificate checkout-tls",
        {
            let mut world = delivered();
            world.not_ready(APP, "DoesNotExist", "Issuing certificate as Secret does not exist", 4);
            world.issuing(APP, Status::True, "DoesNotExist", 4);
            world
        };
    "a certificate expired and was not renewed", APP, PROD, Blocked, Serving, ServingCertificateNotReady, "Certificate checkout-tls",
        {
            let mut world = delivered();
            let ended = world.ago(9);
            world.certificate(APP, |one| one.ends = Some(ended));
            world
        };

    "ECS: no task definition names it", APP, AWS, NeedsPromotion, Release, EcsNoTaskDefinition, "ECS service checkout", ecs::before();
    "ECS: the service is not updated", APP, AWS, NeedsPromotion, Rollout, EcsServiceNotUpdated, "ECS service checkout", ecs::registered();
    "ECS: the deployment runs", APP, AWS, Moving, Rollout, EcsDeploymentRunning, "ECS service checkout", ecs::updated();
    "ECS: the circuit breaker rolled back", APP, AWS, RolledBack, Rollout, EcsRolledBack, "ECS service checkout", ecs::rolled_back();
    "ECS: the deployment failed", APP, AWS, Blocked, Rollout, EcsDeploymentFailed, "ECS service checkout", ecs::failed();
    "ECS: nobody wants tasks", APP, AWS, Blocked, Rollout, EcsDesiredZero, "ECS service checkout", ecs::asleep();
    "ECS: the image cannot be pulled", APP, AWS, Blocked, Pods, EcsTaskStartFailed, "ECS task 4f2c0", ecs::unpulled();
    "ECS: no capacity", APP, AWS, Blocked, Pods, EcsNoPlacement, "ECS service checkout", ecs::unplaced();
    "ECS: the container ended", APP, AWS, Blocked, Pods, EcsTaskExited, "ECS task 4f2c0", ecs::exited();
    "ECS: the health check fails", APP, AWS, Blocked, Pods, EcsTaskUnhealthy, "ECS task 4f2c0", ecs::unwell();
    "ECS: no healthy target", APP, AWS, Blocked, Serving, EcsTargetUnhealthy, "target group checkout", ecs::unserved();
}
