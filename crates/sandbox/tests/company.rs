//! Whether the company is what its situations say: looked up in its stores, repositories and registry, never by asking
//! the product.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sandbox::clock::Clock;
use sandbox::company::Company;
use sandbox::company::apps::{App, Environment};
use sandbox::github::{Conclusion, PullState, RunStatus};
use sandbox::situations;
use serde_json::Value;

use Environment::{Dev, Production, Staging};

const NOON: &str = "2026-11-21T10:40:00Z";

fn company(seed: u64, now: &str) -> Company {
    Company::build(seed, &Clock::default(), now.parse().unwrap(), None).unwrap()
}

/// One app in one environment, looked at.
struct Place<'a> {
    company: &'a Company,
    app: &'a App,
    environment: Environment,
}

/// A condition's status, reason and message.
type Said = (String, String, String);

impl<'a> Place<'a> {
    fn new(company: &'a Company, role: &str, environment: Environment) -> Self {
        let app = company.app(role).unwrap();
        Self {
            company,
            app,
            environment,
        }
    }

    fn flux(&self, kind: &str, name: &str) -> Arc<Value> {
        let store = self.company.store(self.environment);
        store
            .get(kind, "flux-system", name)
            .unwrap_or_else(|| panic!("no {kind} {name} on {}", store.name()))
    }

    fn kustomization(&self) -> Arc<Value> {
        self.flux("Kustomization", &self.app.kustomization(self.environment))
    }

    fn source(&self) -> Arc<Value> {
        self.flux(
            "GitRepository",
            &self.app.source(self.environment, &self.company.names),
        )
    }

    fn own(&self, kind: &str) -> Arc<Value> {
        let namespace = self.app.namespace(self.environment);
        self.company
            .store(self.environment)
            .get(kind, &namespace, &self.app.name)
            .unwrap_or_else(|| panic!("no {kind} {namespace}/{}", self.app.name))
    }

    /// The app's pods that carry a commit's image tag.
    fn pods(&self, label: &'static str) -> Vec<Arc<Value>> {
        let tag = &self.landmark(label).tag;
        assert!(!tag.is_empty(), "{} {label} has no image", self.app.name);
        let image = format!("{}:{tag}", self.app.image);
        self.all_pods()
            .into_iter()
            .filter(|pod| pod["spec"]["containers"][0]["image"] == image.as_str())
            .collect()
    }

    fn all_pods(&self) -> Vec<Arc<Value>> {
        let mut pods = self
            .company
            .store(self.environment)
            .list("Pod", Some(&self.app.namespace(self.environment)));
        pods.retain(|pod| {
            pod["metadata"]["labels"]["app.kubernetes.io/name"] == self.app.name.as_str()
        });
        pods
    }

    fn landmark(&self, label: &'static str) -> &sandbox::company::Landmark {
        &self.company.landmarks[&(self.app.spec.role, label)]
    }

    /// The app runs a commit and nothing else, every pod is ready, and the runtime reports the image's digest.
    fn runs(&self, label: &'static str) {
        let pods = self.pods(label);
        let place = format!("{} in {}", self.app.name, self.environment.name());
        assert!(!pods.is_empty(), "{place} does not run {label}");
        assert_eq!(
            pods.len(),
            self.all_pods().len(),
            "{place} runs more than {label}"
        );
        let digest = &self.landmark(label).digest;
        for pod in pods {
            assert_eq!(
                condition(&pod, "Ready").0,
                "True",
                "{place}: {}",
                pod["status"]
            );
            let id = pod["status"]["containerStatuses"][0]["imageID"]
                .as_str()
                .unwrap_or_default();
            assert!(
                id.ends_with(digest.as_str()),
                "{place}: {id} is not {digest}"
            );
        }
    }

    /// Old pods of a commit are all well, whatever the new ones are.
    fn still_runs(&self, label: &'static str) {
        let pods = self.pods(label);
        assert!(
            !pods.is_empty(),
            "{} in {}",
            self.app.name,
            self.environment.name()
        );
        assert!(pods.iter().any(|pod| condition(pod, "Ready").0 == "True"));
    }

    /// Git names a commit's image here.
    fn declares(&self, label: &'static str) -> bool {
        self.declaration()
            .contains(&format!(": {}", self.landmark(label).tag))
    }

    fn declaration(&self) -> String {
        let repository = self.company.code.repository(&self.app.gitops).unwrap();
        repository
            .read("main", &self.app.declaration(self.environment))
            .unwrap_or_default()
    }

    /// The revision that an object has, as a commit.
    fn commit_of(&self, revision: &Value) -> String {
        revision
            .as_str()
            .unwrap_or_default()
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether what a revision names declares a commit's image here.
    fn revision_declares(&self, revision: &Value, label: &'static str) -> bool {
        let repository = self.company.code.repository(&self.app.gitops).unwrap();
        repository
            .read(
                &self.commit_of(revision),
                &self.app.declaration(self.environment),
            )
            .is_some_and(|text| text.contains(&format!(": {}", self.landmark(label).tag)))
    }

    fn waiting_reasons(&self, label: &'static str) -> Vec<String> {
        self.pods(label)
            .iter()
            .map(|pod| {
                pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// Production still names something older.
    fn not_promoted(&self, label: &'static str) {
        assert!(!self.declares(label), "{}", self.app.name);
        assert!(!self.declaration().is_empty());
        assert!(!self.declaration().contains("imagepolicy"));
    }

    fn says(&self, object: &Value) -> Said {
        condition(object, "Ready")
    }
}

fn condition(object: &Value, kind: &str) -> Said {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .map(|condition| {
            (
                text(&condition["status"]),
                text(&condition["reason"]),
                text(&condition["message"]),
            )
        })
        .unwrap_or_default()
}

/// Looks whether a situation is as it says.
#[expect(clippy::too_many_lines, reason = "one arm a situation: a table")]
fn check(company: &Company, name: &str) {
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
        other => panic!("nobody looks whether {other} is true"),
    }
}

/// Looks at every situation of a company, and says which are not as they say.
fn check_all(company: &Company) {
    let situations = situations::of(company).unwrap();
    assert!(situations.len() >= 26);
    let wrong: Vec<String> = situations
        .into_iter()
        .map(|situation| situation.name)
        .filter(|name| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(company, name))).is_err()
        })
        .collect();
    assert!(wrong.is_empty(), "not as they say: {wrong:?}");
}

#[test]
fn every_situation_is_as_it_says_under_seed_1() {
    let company = company(1, NOON);
    check_all(&company);
    nothing_happened_before_its_cause(&company);
}

#[test]
fn every_situation_is_as_it_says_under_seed_2() {
    check_all(&company(2, NOON));
}

#[test]
fn every_situation_is_as_it_says_under_seed_3() {
    check_all(&company(3, NOON));
}

#[test]
fn situations_are_true_from_midnight_to_midnight_and_their_asks_stay() {
    let (first, last) = (
        company(1, "2026-11-21T00:00:07Z"),
        company(1, "2026-11-21T23:59:58Z"),
    );
    check_all(&first);
    check_all(&last);
    let asks = |company: &Company| -> Vec<String> {
        situations::of(company)
            .unwrap()
            .into_iter()
            .map(|situation| situation.ask)
            .collect()
    };
    assert_eq!(asks(&first), asks(&last));
}

fn nothing_happened_before_its_cause(company: &Company) {
    let now: Timestamp = NOON.parse().unwrap();
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    for store in [&company.nonprod, &company.prod] {
        for kind in [
            "Pod",
            "ReplicaSet",
            "Deployment",
            "Kustomization",
            "HelmRelease",
            "Event",
        ] {
            for object in store.list(kind, None) {
                let created = time(&object["metadata"]["creationTimestamp"]).unwrap();
                assert!(
                    created <= now,
                    "{kind} {} is from the future",
                    object["metadata"]["name"]
                );
            }
        }
    }
    // An image is younger than its commit, and its pods are younger than the image.
    for ((role, label), landmark) in &company.landmarks {
        if landmark.digest.is_empty() {
            continue;
        }
        let app = company.app(role).unwrap();
        let commit = company
            .code
            .repository(&landmark.repository)
            .unwrap()
            .show(&landmark.sha)
            .unwrap();
        let pushed = company
            .registry
            .pushed(&app.image_path, &landmark.digest)
            .unwrap();
        assert!(commit.committer.at < pushed, "{role} {label}");
        for environment in Environment::ALL {
            for pod in Place::new(company, role, environment).pods_of(landmark) {
                let created = time(&pod["metadata"]["creationTimestamp"]).unwrap();
                assert!(
                    pushed <= created,
                    "{role} {label}: pod of {created}, image of {pushed}"
                );
            }
        }
    }
}

impl Place<'_> {
    fn pods_of(&self, landmark: &sandbox::company::Landmark) -> Vec<Arc<Value>> {
        let image = format!("{}:{}", self.app.image, landmark.tag);
        let mut pods = self.all_pods();
        pods.retain(|pod| pod["spec"]["containers"][0]["image"] == image.as_str());
        pods
    }
}

mod live {
    //! The company goes on by itself.

    use std::time::Duration;

    use sandbox::git::Edit;
    use sandbox::start::{Options, Sandbox, System};

    use super::*;

    fn options(roles: &[&str]) -> Options {
        Options {
            only: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
            at: Some(NOON.parse().unwrap()),
            ..Options::default()
        }
    }

    /// Lets the company's time pass in small steps until something is true.
    async fn until(sandbox: &Sandbox, what: &str, mut is_true: impl FnMut() -> bool) {
        for _ in 0..400 {
            if is_true() {
                return;
            }
            sandbox.advance(SignedDuration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} never came");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_push_becomes_a_run_an_image_a_bump_and_a_rollout_in_dev() {
        let sandbox = Sandbox::start(options(&["catalog"])).await.unwrap();
        let company = sandbox.company();
        let app = company.app("catalog").unwrap();
        let repository = company.code.repository(&app.repository).unwrap();
        let edit = Edit::Write {
            path: "internal/live.go".to_owned(),
            content: "package internal\n".to_owned(),
        };
        let now = company.clock.now();
        let sha = repository
            .commit("main", "Mina <mina@example.invalid>", now, "Live", &[edit])
            .unwrap();
        let run = || {
            company
                .github
                .runs(&app.repository)
                .into_iter()
                .find(|run| run.head_sha == sha)
        };
        until(&sandbox, "a run that succeeded", || {
            run().is_some_and(|run| run.conclusion == Some(Conclusion::Success))
        })
        .await;
        let tag = company
            .registry
            .tags(&app.image_path)
            .into_iter()
            .find(|tag| tag.contains(&sha[..7]))
            .expect("an image of the pushed commit");
        let dev = Place::new(company, "catalog", Dev);
        until(&sandbox, "the bump in Git", || {
            dev.declaration().contains(&tag)
        })
        .await;
        until(&sandbox, "the rollout", || {
            let pods = dev.all_pods();
            !pods.is_empty()
                && pods.iter().all(|pod| {
                    pod["spec"]["containers"][0]["image"]
                        .as_str()
                        .unwrap_or_default()
                        .ends_with(&tag)
                        && condition(pod, "Ready").0 == "True"
                })
        })
        .await;
        assert!(
            !Place::new(company, "catalog", Production)
                .declaration()
                .contains(&tag)
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_waits_or_moves_does_so_for_ten_minutes_more() {
        let roles = [
            "recommendations",
            "content",
            "payments",
            "storefront",
            "inventory",
        ];
        let sandbox = Sandbox::start(options(&roles)).await.unwrap();
        let company = sandbox.company();
        let scanned = || {
            let repository = company.nonprod.get(
                "ImageRepository",
                "flux-system",
                &company.app("content").unwrap().name,
            );
            repository.unwrap()["status"]["lastScanResult"]["scanTime"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap()
        };
        let end = company.clock.now() + SignedDuration::from_mins(10);
        until(&sandbox, "the next scan", || scanned() >= end).await;
        for situation in [
            "source-interval",
            "rolling-out",
            "build-running",
            "build-queued",
            "build-waiting-for-review",
        ] {
            check(company, situation);
        }
    }

    #[tokio::test]
    async fn its_files_name_what_is_there_and_systems_go_off_and_on() {
        let mut sandbox = Sandbox::start(options(&["catalog"])).await.unwrap();
        let kubeconfig: Value = serde_yaml_ng::from_str(&sandbox.kubeconfig()).unwrap();
        assert_eq!(kubeconfig["contexts"][0]["name"], "nonprod");
        assert_eq!(kubeconfig["contexts"][1]["name"], "prod");
        let team: Value = serde_yaml_ng::from_str(&sandbox.team_file()).unwrap();
        assert_eq!(team["version"], 1);
        assert_eq!(
            team["codeHosts"][0]["address"],
            sandbox.url(System::Code).as_str()
        );
        assert_eq!(team["environments"][2]["namespaces"][0], "shop");
        let address = sandbox
            .url(System::Prod)
            .trim_start_matches("http://")
            .to_owned();
        assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
        sandbox.turn_off(System::Prod).await;
        assert!(tokio::net::TcpStream::connect(&address).await.is_err());
        sandbox.turn_on(System::Prod).await.unwrap();
        assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
        assert_eq!(sandbox.url(System::Prod), format!("http://{address}"));
    }
}
