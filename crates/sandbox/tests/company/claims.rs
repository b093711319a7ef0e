//! What each situation claims, looked up one by one.

use sandbox::company::Company;
use sandbox::company::apps::Environment::{self, Dev, Production, Staging};
use sandbox::github::{Conclusion, PullState, RunStatus};
use serde_json::Value;

use crate::place::{Place, condition};

/// Looks whether a situation is as it says.
#[expect(clippy::too_many_lines, reason = "one arm a situation: a table")]
pub fn check(company: &Company, name: &str) {
    let at = |role: &str, environment| Place::new(company, role, environment);
    let run_of = |role: &'static str, label: &'static str| {
        let landmark = &company.landmarks[&(role, label)];
        let run = company
            .github
            .run(&landmark.repository, landmark.run.unwrap())
            .unwrap();
        assert_eq!(run.head_sha, landmark.sha);
        assert!(!landmark.sha.is_empty());
        run
    };
    let no_image = |role: &'static str, label: &'static str| {
        let landmark = &company.landmarks[&(role, label)];
        assert!(landmark.digest.is_empty());
        let app = company.app(role).unwrap();
        let short = &landmark.sha[..7];
        assert!(
            !company
                .registry
                .tags(&app.image_path)
                .iter()
                .any(|tag| tag.contains(short))
        );
    };
    let ready = |place: &Place<'_>| {
        let (status, _, message) = place.says(&place.kustomization());
        assert_eq!(status, "True", "{}: {message}", place.app.name);
    };
    match name {
        "dependency-chain" => {
            at("checkout", Dev).runs("second");
            at("checkout", Staging).runs("second");
            let production = at("checkout", Production);
            assert!(production.declares("second"));
            production.runs("first");
            assert_eq!(
                production.says(&production.kustomization()).1,
                "DependencyNotReady"
            );
            let parts = &company.names.infrastructure;
            for waiting in [&parts.routes, &parts.gateway] {
                let part = production.flux("Kustomization", &format!("infra-{waiting}"));
                assert_eq!(production.says(&part).1, "DependencyNotReady");
            }
            let root = production.flux("Kustomization", &format!("infra-{}", parts.ingress));
            let (status, reason, message) = production.says(&root);
            assert_eq!(
                (status.as_str(), reason.as_str()),
                ("False", "ReconciliationFailed")
            );
            assert!(message.contains("field is immutable"), "{message}");
        }
        "delivered-everywhere" => Environment::ALL
            .map(|environment| {
                at("catalog", environment).runs("third");
                ready(&at("catalog", environment));
            })
            .iter()
            .for_each(drop),
        "superseded" => {
            let repository = company
                .code
                .repository(&company.app("catalog").unwrap().repository)
                .unwrap();
            let sha = |label| &company.landmarks[&("catalog", label)].sha;
            assert!(repository.contains(sha("second"), sha("third")));
        }
        "reverted" => {
            let landmark = &company.landmarks[&("pricing", "second")];
            let repository = company.code.repository(&landmark.repository).unwrap();
            let revert = landmark.revert.as_ref().unwrap();
            assert!(
                repository
                    .message(revert)
                    .unwrap()
                    .contains(&format!("This reverts commit {}", landmark.sha))
            );
            at("pricing", Production).runs("third");
            assert!(repository.contains(revert, &company.landmarks[&("pricing", "fourth")].sha));
        }
        "promotion-pull-request" => {
            at("pricing", Dev).runs("fourth");
            at("pricing", Staging).runs("fourth");
            let production = at("pricing", Production);
            production.not_promoted("fourth");
            let number = production.landmark("fourth").pull.unwrap();
            let pull = company.github.pull(&production.app.gitops, number).unwrap();
            assert_eq!(pull.state, PullState::Open);
            let repository = company.code.repository(&production.app.gitops).unwrap();
            let proposed = repository
                .read(&pull.head_sha, &production.app.declaration(Production))
                .unwrap();
            assert!(proposed.contains(&production.landmark("fourth").tag));
        }
        "needs-promotion" => {
            at("coupons", Dev).runs("third");
            at("coupons", Staging).runs("third");
            at("coupons", Production).not_promoted("third");
        }
        "production-runs-older" => at("coupons", Production).runs("second"),
        "open-pull-request" | "other-branch" => {
            let label = if name == "open-pull-request" {
                "pull"
            } else {
                "branch"
            };
            let landmark = &company.landmarks[&("recommendations", label)];
            let repository = company.code.repository(&landmark.repository).unwrap();
            assert!(!repository.contains(&landmark.sha, "main"));
            assert!(
                repository
                    .branches()
                    .values()
                    .any(|head| *head == landmark.sha)
            );
            match landmark.pull {
                Some(number) => {
                    let pull = company.github.pull(&landmark.repository, number).unwrap();
                    assert_eq!(pull.state, PullState::Open);
                    assert_eq!(pull.head_sha, landmark.sha);
                }
                None => assert_eq!(label, "branch"),
            }
        }
        "build-failed" => {
            let run = run_of("wishlist", "third");
            assert_eq!(run.conclusion, Some(Conclusion::Failure));
            assert!(run.jobs[0].log.iter().any(|line| line.contains("FAIL")));
            assert_eq!(
                run.jobs[0].steps.last().unwrap().conclusion,
                Some(Conclusion::Failure)
            );
            no_image("wishlist", "third");
        }
        "build-running" => {
            assert_eq!(run_of("payments", "third").status, RunStatus::InProgress);
            no_image("payments", "third");
        }
        "build-queued" => {
            assert_eq!(run_of("storefront", "third").status, RunStatus::Queued);
            no_image("storefront", "third");
        }
        "build-waiting-for-review" => {
            let run = run_of("inventory", "third");
            assert_eq!(run.status, RunStatus::Waiting);
            assert!(!run.waiting_for.is_empty());
            no_image("inventory", "third");
        }
        "path-filter" => {
            let landmark = &company.landmarks[&("newsletter", "second")];
            assert_eq!(
                landmark.sha,
                company.landmarks[&("notifications", "second")].sha
            );
            assert_eq!(
                run_of("newsletter", "second").conclusion,
                Some(Conclusion::Skipped)
            );
            no_image("newsletter", "second");
            for environment in Environment::ALL {
                at("newsletter", environment).runs("first");
            }
        }
        "config-missing" => {
            at("notifications", Dev).runs("second");
            at("notifications", Staging).runs("second");
            let production = at("notifications", Production);
            assert!(
                production
                    .waiting_reasons("second")
                    .contains(&"CreateContainerConfigError".to_owned())
            );
            production.still_runs("first");
        }
        "image-never-pushed" => {
            assert_eq!(
                run_of("accounts", "third").conclusion,
                Some(Conclusion::Success)
            );
            no_image("accounts", "third");
        }
        "scan-failed" => {
            let dev = at("subscriptions", Dev);
            let scan = dev.flux("ImageRepository", &dev.app.name);
            let (status, _, message) = dev.says(&scan);
            assert_eq!(status, "False");
            assert!(message.contains("UNAUTHORIZED"), "{message}");
            assert!(
                !company.landmarks[&("subscriptions", "third")]
                    .digest
                    .is_empty()
            );
            assert!(!dev.declares("third"));
            at("subscriptions", Production).not_promoted("third");
        }
        "policy-picks-another" => {
            let dev = at("reviews", Dev);
            let policy = dev.flux("ImagePolicy", &dev.app.name);
            assert_eq!(policy["status"]["latestRef"]["tag"], "build-99");
            assert_eq!(dev.landmark("third").tag, "build-100");
            dev.runs("second");
            at("reviews", Production).not_promoted("third");
        }
        "marker-missing" => {
            at("shipping", Dev).runs("second");
            let staging = at("shipping", Staging);
            staging.runs("first");
            assert!(!staging.declaration().contains("imagepolicy"));
            let automation = staging.flux("ImageUpdateAutomation", "staging");
            assert_eq!(staging.says(&automation).0, "True");
            assert!(
                automation["status"]["observedPolicies"][&staging.app.name]["tag"]
                    == staging.landmark("second").tag
            );
        }
        "automation-suspended" => {
            at("wishlist", Dev).runs("second");
            let staging = at("wishlist", Staging);
            staging.runs("first");
            let automation = staging.flux(
                "ImageUpdateAutomation",
                &staging.app.automation(Staging).unwrap(),
            );
            assert_eq!(automation["spec"]["suspend"], true);
            assert!(staging.declaration().contains("imagepolicy"));
        }
        "push-refused" => {
            for environment in [Dev, Staging] {
                let place = at("loyalty", environment);
                place.runs("second");
                let automation = place.flux(
                    "ImageUpdateAutomation",
                    &place.app.automation(environment).unwrap(),
                );
                let (status, reason, message) = place.says(&automation);
                assert_eq!(
                    (status.as_str(), reason.as_str()),
                    ("False", "GitOperationFailed")
                );
                assert!(message.contains("Protected branch"), "{message}");
                let policy = place.flux("ImagePolicy", &place.app.name);
                assert_eq!(
                    policy["status"]["latestRef"]["tag"],
                    place.landmark("third").tag
                );
            }
            at("loyalty", Production).not_promoted("third");
        }
        "file-broken" => {
            at("content", Dev).runs("third");
            let staging = at("content", Staging);
            assert!(serde_yaml_ng::from_str::<Value>(&staging.declaration()).is_err());
            assert_eq!(staging.says(&staging.kustomization()).1, "BuildFailed");
            staging.runs("second");
        }
        "source-interval" => {
            at("recommendations", Dev).runs("second");
            at("recommendations", Staging).runs("second");
            let production = at("recommendations", Production);
            assert!(production.declares("second"));
            let source = production.source();
            assert_eq!(production.says(&source).0, "True");
            assert_eq!(source["spec"]["interval"], "12h");
            assert!(
                !production.revision_declares(&source["status"]["artifact"]["revision"], "second")
            );
            production.runs("first");
        }
        "green-but-stale" => {
            at("accounts", Dev).runs("second");
            at("accounts", Staging).runs("second");
            let production = at("accounts", Production);
            assert!(production.declares("second"));
            assert_eq!(
                condition(&production.source(), "FetchFailed").1,
                "AuthenticationFailed"
            );
            ready(&production);
            production.runs("first");
        }
        "source-suspended" => {
            at("tax", Dev).runs("third");
            let staging = at("tax", Staging);
            assert!(staging.declares("third"));
            assert_eq!(staging.source()["spec"]["suspend"], true);
            staging.runs("second");
            at("tax", Production).not_promoted("third");
        }
        "chart-out-of-range" => {
            let production = at("gifts", Production);
            assert!(production.declares("second"));
            ready(&production);
            let chart = production.flux(
                "HelmChart",
                &format!(
                    "{}-{}",
                    production.app.namespace(Production),
                    production.app.name
                ),
            );
            assert_eq!(production.says(&chart).0, "False");
            assert_eq!(
                production.says(&production.own("HelmRelease")).1,
                "SourceNotReady"
            );
            production.runs("first");
        }
        "parent-suspended" => {
            at("gifts", Dev).runs("third");
            let staging = at("gifts", Staging);
            assert!(staging.declares("third"));
            assert_eq!(staging.kustomization()["spec"]["suspend"], true);
            assert_eq!(staging.says(&staging.own("HelmRelease")).0, "True");
            staging.runs("second");
            at("gifts", Production).not_promoted("third");
        }
        "kustomization-suspended" => {
            at("stores", Dev).runs("third");
            let staging = at("stores", Staging);
            assert!(staging.declares("third"));
            assert_eq!(staging.kustomization()["spec"]["suspend"], true);
            staging.runs("second");
        }
        "path-missing" => {
            at("returns", Staging).runs("second");
            let production = at("returns", Production);
            let (_, reason, message) = production.says(&production.kustomization());
            assert_eq!(reason, "ArtifactFailed");
            assert!(message.contains("no such file or directory"), "{message}");
            production.runs("first");
        }
        "manifests-do-not-build" => {
            at("edge", Dev).runs("second");
            let staging = at("edge", Staging);
            assert!(staging.declares("second"));
            assert_eq!(staging.says(&staging.kustomization()).1, "BuildFailed");
            staging.runs("first");
        }
        "admission-denied" | "names-with-markup" => {
            let role = if name == "admission-denied" {
                "payments"
            } else {
                "gallery"
            };
            at(role, Dev).runs("second");
            at(role, Staging).runs("second");
            let production = at(role, Production);
            assert!(production.declares("second"));
            let (status, reason, message) = production.says(&production.kustomization());
            assert_eq!(
                (status.as_str(), reason.as_str()),
                ("False", "ReconciliationFailed")
            );
            let words = if role == "payments" {
                "denied the request"
            } else {
                "<script>"
            };
            assert!(message.contains(words), "{message}");
            if role == "gallery" {
                let landmark = production.landmark("second");
                let repository = company.code.repository(&landmark.repository).unwrap();
                let commit = repository.show(&landmark.sha).unwrap();
                assert!(commit.message.contains("<img src=x onerror="));
                assert!(commit.message.contains('\u{1b}') && message.contains('\u{1b}'));
                assert!(
                    commit.author.name.contains('\u{202e}'),
                    "{}",
                    commit.author.name
                );
            }
            production.runs("first");
        }
        "helm-rolled-back" => {
            at("storefront", Dev).runs("second");
            at("storefront", Staging).runs("second");
            let production = at("storefront", Production);
            assert!(production.declares("second"));
            let release = production.own("HelmRelease");
            assert_eq!(condition(&release, "Released").1, "UpgradeFailed");
            assert_eq!(condition(&release, "Remediated").1, "RollbackSucceeded");
            assert_eq!(production.says(&release).0, "False");
            production.runs("first");
        }
        "helm-retries-exhausted" => {
            at("subscriptions", Dev).runs("second");
            at("subscriptions", Staging).runs("second");
            let production = at("subscriptions", Production);
            let release = production.own("HelmRelease");
            assert_eq!(condition(&release, "Stalled").1, "RetriesExceeded");
            assert_eq!(condition(&release, "Released").1, "UpgradeFailed");
            production.runs("first");
        }
        "deployment-paused" => {
            let production = at("stores", Production);
            let deployment = production.own("Deployment");
            assert_eq!(deployment["spec"]["paused"], true);
            let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
                .as_str()
                .unwrap();
            assert!(image.ends_with(&production.landmark("second").tag));
            production.runs("first");
        }
        "quota" => {
            at("loyalty", Staging).runs("second");
            let production = at("loyalty", Production);
            let (status, reason, message) =
                condition(&production.own("Deployment"), "ReplicaFailure");
            assert_eq!((status.as_str(), reason.as_str()), ("True", "FailedCreate"));
            assert!(message.contains("exceeded quota"), "{message}");
            assert!(production.pods("second").is_empty());
            production.still_runs("first");
        }
        "rolling-out" => {
            let production = at("content", Production);
            let deployment = production.own("Deployment");
            assert_eq!(condition(&deployment, "Progressing").0, "True");
            assert_ne!(
                condition(&deployment, "Progressing").1,
                "NewReplicaSetAvailable"
            );
            assert!(!production.pods("second").is_empty());
            production.still_runs("first");
            ready(&production);
        }
        "crash-loop" => {
            for environment in [Dev, Staging] {
                let place = at("search", environment);
                let pods = place.pods("second");
                let status = &pods[0]["status"]["containerStatuses"][0];
                assert_eq!(status["lastState"]["terminated"]["exitCode"], 1, "{status}");
                assert!(status["restartCount"].as_i64().unwrap() > 3);
                place.still_runs("first");
            }
            at("search", Production).not_promoted("second");
        }
        "out-of-memory" => {
            for environment in [Dev, Staging] {
                let pods = at("cart", environment).pods("second");
                let status = &pods[0]["status"]["containerStatuses"][0];
                assert_eq!(
                    status["lastState"]["terminated"]["reason"], "OOMKilled",
                    "{status}"
                );
            }
            at("cart", Production).not_promoted("second");
        }
        "live-although-unhealthy" => {
            at("orders", Dev).runs("second");
            let staging = at("orders", Staging);
            let pods = staging.pods("second");
            assert!(!pods.is_empty());
            assert!(pods.iter().all(|pod| condition(pod, "Ready").0 == "False"));
            let kustomization = staging.kustomization();
            assert_eq!(condition(&kustomization, "Healthy").0, "False");
            assert!(
                !staging
                    .revision_declares(&kustomization["status"]["lastAppliedRevision"], "second")
            );
        }
        "image-pull" => {
            at("inventory", Staging).runs("second");
            let production = at("inventory", Production);
            let reasons = production.waiting_reasons("second");
            assert!(
                reasons
                    .iter()
                    .any(|reason| reason == "ImagePullBackOff" || reason == "ErrImagePull"),
                "{reasons:?}"
            );
            production.still_runs("first");
        }
        "unschedulable" => {
            at("reviews", Staging).runs("second");
            let pods = at("reviews", Production).pods("second");
            assert!(
                pods.iter()
                    .any(|pod| condition(pod, "PodScheduled").1 == "Unschedulable")
            );
        }
        "service-selects-nothing" => {
            let production = at("tax", Production);
            production.runs("second");
            let slices = company
                .store(Production)
                .list("EndpointSlice", Some(&production.app.namespace(Production)));
            let slice = slices
                .iter()
                .find(|slice| {
                    slice["metadata"]["labels"]["kubernetes.io/service-name"]
                        == production.app.name.as_str()
                })
                .unwrap();
            assert_eq!(slice["endpoints"].as_array().map_or(0, Vec::len), 0);
        }
        other if other.starts_with("ecs-") => crate::ecs::check(company, other),
        other => panic!("nobody looks whether {other} is true"),
    }
}
