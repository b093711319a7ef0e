//! What goes wrong, in the words of the systems that say it.
//!
//! Owns the messages. When each begins is the timeline's; that they are seen only through those systems is the
//! controllers'.

use super::apps::{App, Environment};
use super::declared::SECRET_KEY;
use crate::faults::PodBehaviour;
use crate::names::Names;

/// How pods with the image of a labelled commit behave, and where: everywhere, or in one environment.
pub(super) fn behaviour(
    role: &str,
    label: &str,
    app: &App,
    names: &Names,
) -> Option<(Option<Environment>, PodBehaviour)> {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let production = Some(Environment::Production);
    let (name, image) = (&app.name, &app.image);
    if label != "second" {
        return None;
    }
    Some(match role {
        "search" => (
            None,
            PodBehaviour::Crash {
                exit_code: 1,
                log: lines(&[
                    "level=info msg=\"reading configuration\"",
                    "level=info msg=\"connecting to the index\"",
                    "level=fatal msg=\"missing environment variable\" name=INDEX_URL",
                ]),
            },
        ),
        "cart" => (
            None,
            PodBehaviour::OutOfMemory {
                log: lines(&[
                    "level=info msg=\"listening\" port=8080",
                    "level=info msg=\"warming the session cache\" entries=1200000",
                    "level=warn msg=\"the heap grows\" heap=241MiB limit=256MiB",
                ]),
            },
        ),
        "orders" => (
            Some(Environment::Staging),
            PodBehaviour::Unready {
                probe: "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned(),
                log: lines(&[
                    "level=info msg=\"listening\" port=8080",
                    "level=error msg=\"the schema is older than this version needs\" have=41 want=42",
                ]),
            },
        ),
        "inventory" => (
            production,
            PodBehaviour::PullFails {
                message: format!(
                    "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden"
                ),
            },
        ),
        "reviews" => (
            production,
            PodBehaviour::Unschedulable {
                message: "0/4 nodes are available: 4 Insufficient memory. no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.".to_owned(),
            },
        ),
        "notifications" => (
            production,
            PodBehaviour::ConfigMissing {
                message: format!(
                    "couldn't find key {SECRET_KEY} in Secret {}/{name}",
                    app.namespace(Environment::Production)
                ),
            },
        ),
        "loyalty" => (
            production,
            PodBehaviour::Refused {
                message: format!(
                    "pods \"{name}\" is forbidden: exceeded quota: {}-compute, requested: requests.memory=128Mi, used: requests.memory=8Gi, limited: requests.memory=8Gi",
                    names.shop
                ),
            },
        ),
        "content" => (production, PodBehaviour::Slow { seconds: 3600 }),
        "addresses" => (
            production,
            PodBehaviour::PullFails {
                message: format!(
                    "pull image manifest has been retried 7 time(s): failed to resolve ref {image}: failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden"
                ),
            },
        ),
        "translations" => (
            production,
            PodBehaviour::ConfigMissing {
                message: format!(
                    "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {name}/translator-key from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."
                ),
            },
        ),
        "fraud" => (
            production,
            PodBehaviour::Crash {
                exit_code: 1,
                log: lines(&[
                    "level=info msg=\"reading configuration\"",
                    "level=fatal msg=\"the model is not in the bucket\"",
                ]),
            },
        ),
        "couriers" => (production, PodBehaviour::Slow { seconds: 3600 }),
        "pickup" => (
            production,
            PodBehaviour::Unready {
                probe: "Health checks failed with these codes: [503]".to_owned(),
                log: lines(&["level=error msg=\"no warehouse answers\""]),
            },
        ),
        "sizing" => (
            production,
            PodBehaviour::ConfigMissing {
                message: "unable to create new container: mount callback failed on /etc/sizes: file does not exist".to_owned(),
            },
        ),
        "forecasts" => (
            production,
            PodBehaviour::Unschedulable {
                message: "The closest matching (container-instance 5f0c2f6c8d3b4f0f9a1be7d2c4a68e13) has insufficient memory available.".to_owned(),
            },
        ),
        _ => return None,
    })
}

/// What the API server says to production when the promotion of a role's commit is applied; for Helm, what Helm says.
pub(super) fn refusal(role: &str, app: &App, names: &Names) -> Option<Refusal> {
    let name = &app.name;
    let namespace = app.namespace(Environment::Production);
    let company = names.company.to_lowercase();
    let reconciliation = |message: String| Refusal {
        kind: "Kustomization",
        reason: "ReconciliationFailed",
        message,
        rolls_back: false,
    };
    let upgrade = |rolls_back, message: String| Refusal {
        kind: "HelmRelease",
        reason: "UpgradeFailed",
        message,
        rolls_back,
    };
    Some(match role {
        "payments" => reconciliation(format!(
            "Deployment/{namespace}/{name} dry-run failed (Forbidden): admission webhook \"images.policy.{company}.example\" denied the request: image {} is not signed by the release key",
            app.image
        )),
        "gallery" => reconciliation(format!(
            "Deployment/{namespace}/{name} dry-run failed (Invalid): Deployment.apps \"{name}\" is invalid: metadata.annotations: Invalid value: \"{HOSTILE}\": must be no more than 64 characters"
        )),
        "storefront" => upgrade(
            true,
            format!(
                "cannot patch \"{name}\" with kind Service: Service \"{name}\" is invalid: spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. The range of valid ports is 30000-32767"
            ),
        ),
        "subscriptions" => upgrade(
            false,
            format!(
                "pre-upgrade hooks failed: 1 error occurred:\n\t* job {name}-migrate failed: BackoffLimitExceeded"
            ),
        ),
        _ => return None,
    })
}

/// Why an object of Flux cannot be applied.
pub(super) struct Refusal {
    /// `Kustomization` or `HelmRelease`.
    pub kind: &'static str,
    /// The condition's reason.
    pub reason: &'static str,
    /// The message.
    pub message: String,
    /// Whether Helm's remediation rolls back.
    pub rolls_back: bool,
}

/// What somebody wrote into an annotation: markup, an escape sequence that clears the screen, a bidirectional override.
pub(super) const HOSTILE: &str = "</td><script>alert('annotation')</script>\u{1b}[2J\u{1b}[31m\u{202e}drowssap {{7*7}} `whoami` $(id)";

/// The subject of a commit that carries markup.
pub(super) const HOSTILE_SUBJECT: &str = "<img src=x onerror=alert(1)> Resize \"large\" photos & keep 'alt' \u{1b}[31mtexts\u{1b}[0m **bold** [link](javascript:alert(2))";

/// An author whose name carries markup, as Git writes authors (which may hold no angle bracket in names).
pub(super) const HOSTILE_AUTHOR: &str =
    "Zo\u{eb} \"&lt;b&gt;\" O'Brien \u{1b}[5m\u{202e}drazil <zoe@example.invalid>";

/// What the registry says to scans without a valid secret.
pub(super) fn scan_refused(app: &App, names: &Names) -> String {
    format!(
        "scan failed: GET https://{}/v2/{}/tags/list: UNAUTHORIZED: authentication required",
        names.registry_host, app.image_path
    )
}

/// What the code host says to a deploy key that was revoked.
pub(super) fn key_revoked(names: &Names, path: &str) -> String {
    format!(
        "failed to checkout and determine revision: unable to list remote for 'https://{}/{path}': authentication required: the deploy key was revoked",
        names.code_host
    )
}

/// What the code host says to pushes to a protected branch.
pub(super) const PROTECTED: &str = "remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: error: Changes must be made through a pull request.";

/// What a failed unit test leaves in the log of its job.
pub(super) fn failed_test(app: &App) -> Vec<String> {
    let name = &app.name;
    [
        "##[group]Run make test".to_owned(),
        format!("=== RUN   TestMerge{}", name.len()),
        format!("--- FAIL: TestMerge{} (0.03s)", name.len()),
        format!("    {name}_test.go:118: merged list has 3 entries, want 2: the duplicate stayed"),
        "FAIL".to_owned(),
        format!("FAIL\tshop/{name}/internal/list\t0.412s"),
        "make: *** [Makefile:14: test] Error 1".to_owned(),
        "##[error]Process completed with exit code 2.".to_owned(),
    ]
    .to_vec()
}
