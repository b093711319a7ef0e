//! Every cause this engine can name, in one table: stable code, stage, what it means, what mends it.
//!
//! Feeds the engine, docs/CAUSES.md (`./dev check` holds it to this table) and the tests. A code never changes its
//! meaning. Beyond these, `…-other` quotes the system's own message whole at the right stage.

use api::StageKind;

/// Declares [`CauseCode`] and its table: `Variant "code" Stage "meaning" "remedy";`
macro_rules! causes {
    ($($variant:ident $code:literal $stage:ident $meaning:literal $remedy:literal;)*) => {
        /// A cause's stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CauseCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl CauseCode {
            /// Every cause, in the order of stages.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as JSON, docs and scripts spell it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The stage it stops.
            pub fn stage(self) -> StageKind {
                match self { $(Self::$variant => StageKind::$stage,)* }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What mends it.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

causes! {
    CommitInOpenPullRequest "commit-in-open-pull-request" Commit
        "The commit is in a pull request that is still open."
        "Get the pull request reviewed and merged.";
    CommitInClosedPullRequest "commit-in-closed-pull-request" Commit
        "The commit's pull request was closed without merging."
        "Reopen the pull request, or bring the change to the releasing branch another way.";
    CommitOnOtherBranch "commit-on-other-branch" Commit
        "The commit is on a branch that does not release, and no pull request brings it to the one that does."
        "Open a pull request into the releasing branch.";
    CommitReverted "commit-reverted" Commit
        "A later commit on the releasing branch takes this one back."
        "Nothing, if the revert was meant; otherwise revert the revert.";

    BuildNone "build-none" Build
        "The code host has no CI run for the commit, and no image contains it."
        "Check that the workflow's triggers include this branch and these paths.";
    BuildQueued "build-queued" Build
        "The CI run is queued: no runner has taken it yet."
        "Wait, or look at the runners if it stays queued.";
    BuildWaitingForReview "build-waiting-for-review" Build
        "The CI run waits for a person to approve it."
        "Approve the run on the code host.";
    BuildRunning "build-running" Build
        "The CI run is at work."
        "Wait for it.";
    BuildFailed "build-failed" Build
        "The CI run failed."
        "Read the failing step's last lines, mend it and push, or run the job again.";
    BuildCancelled "build-cancelled" Build
        "The CI run was cancelled, and no newer run built the commit."
        "Run it again, or push a newer commit.";

    ImageNeverPushed "image-never-pushed" Image
        "CI succeeded, but no image in the registry contains the commit."
        "Look at the step that pushes the image, and at the tag and repository it pushes to.";

    ReleaseScanFailed "release-scan-failed" Release
        "Flux cannot read the registry's tags, so the new image is not noticed."
        "Mend the ImageRepository's access to the registry.";
    ReleaseScanPending "release-scan-pending" Release
        "The registry has not been scanned since the image was pushed."
        "Wait for the scan interval, or ask for a scan.";
    ReleaseScanSuspended "release-scan-suspended" Release
        "The ImageRepository or ImagePolicy is suspended, so the new image is not noticed."
        "Resume it.";
    ReleasePolicyPicksAnother "release-policy-picks-another" Release
        "The image policy chooses another tag: its ordering, filter or range leaves the new one out."
        "Change the tag or the policy so that newer builds sort higher.";
    ReleaseMarkerMissing "release-marker-missing" Release
        "The policy has chosen the image, but no line in Git carries the policy's marker, so the automation has nothing to change."
        "Add the marker comment to the image's line, or set the tag by hand.";
    ReleaseAutomationSuspended "release-automation-suspended" Release
        "The image automation is suspended."
        "Resume the ImageUpdateAutomation, or set the tag by hand.";
    ReleasePushRefused "release-push-refused" Release
        "The image automation cannot push to Git."
        "Mend its credentials, or let it push to a branch that is not protected.";
    ReleaseAutomationPending "release-automation-pending" Release
        "The image automation has not run since the policy chose the image."
        "Wait for its interval, or ask for a run.";
    ReleaseOnUnmergedBranch "release-on-unmerged-branch" Release
        "The automation pushed the bump to a branch that nobody has merged."
        "Merge the branch.";
    ReleasePullRequestOpen "release-pull-request-open" Release
        "A pull request in the GitOps repository that changes this environment is open."
        "Get it reviewed and merged.";
    ReleaseNeedsPromotion "release-needs-promotion" Release
        "The environment names an older image, and nothing changes it by itself: a person promotes."
        "Promote the image to this environment in Git.";
    ReleaseByHand "release-by-hand" Release
        "Nothing of Flux's applies the workload: whoever applies it has to change its image."
        "Change the image the way the workload is applied, or bring the workload into Git.";
    ReleaseSetBack "release-set-back" Release
        "A person set the environment back to another image in Git, after it had declared one with the commit."
        "Ask whoever set it back why; once that is mended, promote a newer image, or this one again.";
    ReleaseOverridden "release-overridden" Release
        "The Kustomization's own spec.images or spec.patches names another image than its path in Git does: what the path declares does not count."
        "Change the image in the Kustomization's spec, where that itself is declared, or take it out so that the path's counts.";
    ReleaseChartNotBumped "release-chart-not-bumped" Release
        "The commit changes a chart in Git but not the chart's version, and Flux packs a chart anew only for a new version."
        "Raise the version in Chart.yaml, or let the HelmRelease follow revisions: reconcileStrategy: Revision.";
    ReleaseFileBroken "release-file-broken" Release
        "A file of the environment in Git cannot be read as YAML."
        "Mend the file.";

    EcsNoTaskDefinition "ecs-no-task-definition" Release
        "The image exists, and no revision of the ECS service's task definition names it."
        "Register a revision that names the image, and update the service to it.";

    SourcePending "source-pending" Source
        "Flux has not fetched the release commit yet; it does at its interval."
        "Wait, ask for a reconciliation, or set up a webhook Receiver.";
    SourceAuthenticationFailed "source-authentication-failed" Source
        "Flux cannot sign in to the source, so everything stays green on an old commit."
        "Renew the credentials in the source's secret.";
    SourceNotFound "source-not-found" Source
        "The branch, tag, chart version or host that the source follows does not exist."
        "Mend the source's URL or reference.";
    SourceVerificationFailed "source-verification-failed" Source
        "The source's signature could not be verified."
        "Sign the commit or artifact, or mend the verification keys.";
    SourceFetchFailed "source-fetch-failed" Source
        "Flux cannot fetch the source."
        "Read the message; mend the source's URL, network or credentials.";
    SourceSuspended "source-suspended" Source
        "The source is suspended: Flux fetches nothing new."
        "Resume it.";
    SourceChartNotFound "source-chart-not-found" Source
        "No chart in the Helm repository satisfies the release's version."
        "Publish the chart version, or mend the range.";

    ApplySuspended "apply-suspended" Apply
        "The Kustomization or HelmRelease is suspended, or one that applies it is."
        "Resume it.";
    ApplyPending "apply-pending" Apply
        "Flux has fetched the release commit and has not tried to apply it yet."
        "Wait for it.";
    ApplyRunning "apply-running" Apply
        "Flux is applying the release commit."
        "Wait for it.";
    ApplyDependency "apply-dependency" Apply
        "It waits for a dependency that is itself only waiting, or that does not exist."
        "Look at the dependency that is named.";
    ApplyPathMissing "apply-path-missing" Apply
        "The Kustomization's path does not exist in the source."
        "Mend spec.path, or bring the folder back.";
    ApplyBuildFailed "apply-build-failed" Apply
        "The manifests cannot be built."
        "Mend the file that the message names.";
    ApplyImmutableField "apply-immutable-field" Apply
        "The change touches a field that Kubernetes does not allow to change."
        "Delete the object that the message names, so that Flux makes it anew, or take the change to that field back.";
    ApplyUnknownKind "apply-unknown-kind" Apply
        "The cluster does not know a kind in the manifests: its CustomResourceDefinition is missing."
        "Install the CustomResourceDefinition first, with a dependsOn.";
    ApplyNamespaceMissing "apply-namespace-missing" Apply
        "The change touches an object in a namespace that the cluster does not have."
        "Create the namespace in the manifests, before what lives in it, or mend the namespace's name.";
    ApplyAdmissionDenied "apply-admission-denied" Apply
        "An admission webhook or policy refuses the object."
        "Change the object as the message says, or talk to the policy's owner.";
    ApplyAdmissionUnreachable "apply-admission-unreachable" Apply
        "An admission webhook does not answer, so nothing it guards can be applied."
        "Bring the webhook's pods back.";
    ApplyForbidden "apply-forbidden" Apply
        "Flux's service account may not apply an object."
        "Grant the role, or mend spec.serviceAccountName.";
    ApplyInvalid "apply-invalid" Apply
        "Kubernetes refuses an object as invalid."
        "Mend the field that the message names.";
    ApplyDecryptionFailed "apply-decryption-failed" Apply
        "A SOPS-encrypted file cannot be decrypted."
        "Give the Kustomization the key, or encrypt the file for the key that it has.";
    ApplyHealthCheckFailed "apply-health-check-failed" Apply
        "The manifests are live, but the health check failed, and nothing deeper is known."
        "Look at the objects that the message names.";
    ApplyHelmValues "apply-helm-values" Apply
        "The release's values cannot be put together."
        "Create the ConfigMap or Secret key that valuesFrom names.";
    ApplyHelmFailed "apply-helm-failed" Apply
        "The Helm install or upgrade failed."
        "Read Helm's message; mend the chart or values.";
    ApplyHelmTestFailed "apply-helm-test-failed" Apply
        "The Helm release's test failed."
        "Read the test pod's log.";
    ApplyPruneFailed "apply-prune-failed" Apply
        "The manifests are live, but objects that left Git could not be deleted."
        "Look at the object that the message names; a finalizer may hold it.";
    ApplyLeftAlone "apply-left-alone" Apply
        "Flux leaves an object as it is in the cluster: the Kustomization does not prune what left Git, or an annotation of the object says so."
        "Change or delete the object in the cluster, or take out what tells Flux to leave it alone.";
    ApplyOwnerGone "apply-owner-gone" Apply
        "What applied the workload is gone, or Flux itself is: nothing will change it any more."
        "Apply it from Git again, or take the workload over and take its Flux labels off.";
    ApplyOther "apply-other" Apply
        "Flux says something this version of Landfall has no name for; it is quoted."
        "Read the message.";

    RolloutHeldBack "rollout-held-back" Rollout
        "The workload's update strategy waits for a person: OnDelete, or a partition that leaves pods out."
        "Delete the old pods one by one, or lower the partition.";
    RolloutPaused "rollout-paused" Rollout
        "The Deployment is paused: Kubernetes rolls nothing out."
        "Resume the rollout.";
    RolloutQuota "rollout-quota" Rollout
        "Pods cannot be created: the namespace's quota is used up."
        "Raise the quota, or lower requests or replicas.";
    RolloutPodsRefused "rollout-pods-refused" Rollout
        "Pods cannot be created: a limit range, a policy or a webhook refuses them."
        "Change the pod template as the message says.";
    RolloutRunning "rollout-running" Rollout
        "The rollout is under way."
        "Wait for it.";
    RolloutCanaryFailed "rollout-canary-failed" Rollout
        "Flagger's analysis of the new version failed: the version before serves all traffic again."
        "Look at the Canary's events and metrics; mend the commit and release it anew.";
    RolloutCanaryRunning "rollout-canary-running" Rollout
        "Flagger tries the new version beside the one that serves."
        "Wait for its analysis.";
    RolloutCanaryWaiting "rollout-canary-waiting" Rollout
        "Flagger waits for somebody to confirm the rollout or the promotion."
        "Confirm it at the gate that the Canary names.";
    RolloutScaledToZero "rollout-scaled-to-zero" Rollout
        "The workload wants no pods, so nothing runs."
        "Scale it up, if it should run.";
    RolloutNoNode "rollout-no-node" Rollout
        "No node suits the DaemonSet, so it wants no pods and nothing runs."
        "Compare its node selector, affinity and tolerations with the labels and taints of the nodes.";
    RolloutDeadline "rollout-deadline" Rollout
        "The rollout made no progress within its deadline, and nothing deeper is known."
        "Look at the new pods.";
    RolloutWorkloadMissing "rollout-workload-missing" Rollout
        "The workload that Flux applied was deleted from the cluster: nothing of it runs."
        "Reconcile the Kustomization: Flux applies the workload again.";
    RolloutDrifted "rollout-drifted" Rollout
        "What is live is not what Flux applied: somebody changed it in the cluster."
        "Undo the change, or bring it into Git.";
    RolloutNotRestarted "rollout-not-restarted" Rollout
        "Settings were changed that pods read only when they start, and these started before."
        "Restart the workload, or let the settings' name change with their content, as kustomize's generators do.";

    EcsServiceNotUpdated "ecs-service-not-updated" Rollout
        "A task definition names the image, and the ECS service does not use it."
        "Update the service to the task definition's revision.";
    EcsDeploymentRunning "ecs-deployment-running" Rollout
        "The ECS service's deployment is in progress."
        "Wait for it.";
    EcsRolledBack "ecs-rolled-back" Rollout
        "ECS rolled the deployment back: its circuit breaker or an alarm ended it."
        "Look at why its tasks stopped; mend that and deploy again.";
    EcsDeploymentFailed "ecs-deployment-failed" Rollout
        "The ECS service's deployment failed or was stopped, and nothing deeper is known."
        "Read its reason and the service's events; mend that and deploy again.";
    EcsDesiredZero "ecs-desired-zero" Rollout
        "The ECS service's desired count is zero, so nothing runs."
        "Raise the desired count, if it should run.";

    PodsImagePull "pods-image-pull" Pods
        "The image cannot be pulled."
        "Check that the tag exists and that the node may pull from the registry.";
    PodsConfigMissing "pods-config-missing" Pods
        "A ConfigMap or Secret, or a key in one, does not exist."
        "Create it, or mend the reference.";
    PodsOutOfMemory "pods-out-of-memory" Pods
        "The container uses more memory than its limit and is killed."
        "Raise the limit, or mend the leak.";
    PodsCrash "pods-crash" Pods
        "The container ends as soon as it starts."
        "Read the last lines of its log.";
    PodsInitFailed "pods-init-failed" Pods
        "An init container fails."
        "Read the last lines of its log.";
    PodsProbeFailing "pods-probe-failing" Pods
        "The container runs but its probe fails, so it is not ready."
        "Look at what the probe answers.";
    PodsUnschedulable "pods-unschedulable" Pods
        "No node can take the pod."
        "Lower its requests, or add nodes that fit.";
    PodsEvicted "pods-evicted" Pods
        "The pod was evicted from its node."
        "Look at the node's pressure.";
    PodsTagMoved "pods-tag-moved" Pods
        "The pods run an older build of the same tag: the tag was moved after they had pulled it."
        "Restart the workload, and give every build a tag of its own.";
    PodsStarting "pods-starting" Pods
        "The pods are starting."
        "Wait for them.";
    PodsNotReady "pods-not-ready" Pods
        "Pods are not ready, and nothing deeper is known."
        "Look at the pods that are named.";

    EcsTaskStartFailed "ecs-task-start-failed" Pods
        "ECS cannot start the task: its image, its secrets or its resources cannot be had."
        "Read the stopped reason; mend the image, the execution role, the secret or the network that it names.";
    EcsNoPlacement "ecs-no-placement" Pods
        "ECS finds no capacity to place the task on."
        "Read the event; add capacity, or lower the task's CPU, memory or placement constraints.";
    EcsTaskExited "ecs-task-exited" Pods
        "The task's container ended, or ECS had to stop the task."
        "Read the container's log and exit code.";
    EcsTaskUnhealthy "ecs-task-unhealthy" Pods
        "The task runs, and a health check says that it is unwell."
        "Look at what the health check answers.";

    ServingServiceMissing "serving-service-missing" Serving
        "Pods are ready, but the Service that Flux applied for them was deleted from the cluster."
        "Reconcile the Kustomization: Flux applies the Service again.";
    ServingNoEndpoint "serving-no-endpoint" Serving
        "Pods are ready, but the Service has no ready endpoint, or sends its traffic to others."
        "Compare the Service's selector with the pods' labels.";
    ServingPortMissing "serving-port-missing" Serving
        "Pods are ready, and the Service sends to a port that none of them has."
        "Make the Service's targetPort the name or the number of a port that the pods' containers have.";
    ServingNoSelector "serving-no-selector" Serving
        "Pods are ready, and the app's Service has no selector or is an ExternalName, so that it sends nothing to them."
        "Make it a Service that selects these pods, by their labels and not of the type ExternalName, where it is declared.";
    ServingIngressNoAddress "serving-ingress-no-address" Serving
        "Pods are ready behind the Service, and an Ingress that leads to it has no address, where another of its class has one."
        "Look at the Ingress' events and its controller's log: its rules, its annotations, or a controller that does not run.";
    ServingCertificateNotReady "serving-certificate-not-ready" Serving
        "Pods are ready behind the Service, and cert-manager's Certificate for an Ingress that leads to it is not ready."
        "Look at the CertificateRequest, Order and Challenge that cert-manager made for the Certificate, and at its issuer.";
    EcsTargetUnhealthy "ecs-target-unhealthy" Serving
        "The tasks run, and the target group has no healthy target for the load balancer to send traffic to."
        "Look at the target's reason: the health check's path, port, matcher or time, the security group, or the load balancer's rule.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CauseCode;

    #[test]
    fn a_code_begins_with_its_stage_or_with_ecs_and_is_unique() {
        let mut codes = BTreeSet::new();
        for cause in CauseCode::ALL {
            assert!(
                cause.code().starts_with(cause.stage().name()) || cause.code().starts_with("ecs-"),
                "{}",
                cause.code()
            );
            assert!(codes.insert(cause.code()), "{} twice", cause.code());
        }
    }
}
