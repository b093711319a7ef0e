//! What controllers' messages mean: foreign text to cause codes, and the few words of it that tell most.
//!
//! Owns the phrases. They were read in the sources of Flux 2.9, Kubernetes 1.3x and Helm 3; what matches none of
//! them is quoted whole under the stage's `…-other` or general code.

use api::Sentence;

use crate::causes::CauseCode;

fn has(message: &str, phrases: &[&str]) -> bool {
    let message = message.to_ascii_lowercase();
    phrases.iter().any(|phrase| message.contains(phrase))
}

/// Why a source cannot be fetched.
pub fn source(reason: &str, message: &str) -> CauseCode {
    if reason == "AuthenticationFailed"
        || has(
            message,
            &[
                "authentication required",
                "authentication failed",
                "authorization failed",
                "unauthorized",
                "invalid credentials",
                "permission denied (publickey)",
                "unable to authenticate",
                "handshake failed",
                "401",
                "403 forbidden",
                "access denied",
                "denied: ",
            ],
        )
    {
        CauseCode::SourceAuthenticationFailed
    } else if has(
        message,
        &["verif", "signature", "no matching signatures", "cosign"],
    ) || matches!(reason, "VerificationError" | "InvalidSignature")
    {
        CauseCode::SourceVerificationFailed
    } else if matches!(reason, "URLInvalid")
        || has(
            message,
            &[
                "couldn't find remote ref",
                "reference not found",
                "repository not found",
                "not found",
                "no such host",
                "could not resolve",
                "no match found for semver",
                // A registry's own words for a tag and a repository that it does not have.
                "manifest_unknown",
                "name_unknown",
                "404",
            ],
        )
    {
        CauseCode::SourceNotFound
    } else {
        CauseCode::SourceFetchFailed
    }
}

/// Why a chart cannot be had.
pub fn chart(reason: &str, message: &str) -> CauseCode {
    let missing = has(
        message,
        &[
            "chart version found",
            "with version matching",
            "no chart version",
            "failed to get chart version",
            "chart not found",
            "no chart name found",
            "no matching version",
            "improper constraint",
        ],
    );
    if missing || reason == "InvalidChartReference" {
        CauseCode::SourceChartNotFound
    } else {
        match source(reason, message) {
            CauseCode::SourceNotFound => CauseCode::SourceChartNotFound,
            code => code,
        }
    }
}

/// Why manifests cannot be applied; `None` if the message names nothing specific.
pub fn refusal(message: &str) -> Option<CauseCode> {
    let code = if has(
        message,
        &[
            "is immutable",
            "updates to statefulset spec for fields other than",
            "may not be changed",
            "cannot be changed",
            "may not change once set",
        ],
    ) {
        CauseCode::ApplyImmutableField
    } else if has(
        message,
        &[
            "failed calling webhook",
            "failed to call webhook",
            "conversion webhook",
        ],
    ) {
        CauseCode::ApplyAdmissionUnreachable
    } else if has(
        message,
        &[
            "denied the request",
            "denied request",
            "violates podsecurity",
            "denied by policy",
            "blocked by policy",
        ],
    ) {
        CauseCode::ApplyAdmissionDenied
    } else if has(
        message,
        &[
            "no matches for kind",
            "ensure crds are installed",
            "could not find the requested resource",
            "unable to recognize",
        ],
    ) {
        CauseCode::ApplyUnknownKind
    } else if has(message, &["namespaces \""]) && has(message, &["not found"]) {
        CauseCode::ApplyNamespaceMissing
    } else if has(message, &["decrypt", "sops"]) {
        CauseCode::ApplyDecryptionFailed
    } else if has(message, &["path not found", "no such file or directory"])
        && has(message, &["path"])
        && !has(message, &["accumulating", "kustomize build"])
    {
        CauseCode::ApplyPathMissing
    } else if has(
        message,
        &[
            "is forbidden: user",
            "forbidden: user",
            "cannot impersonate",
        ],
    ) {
        CauseCode::ApplyForbidden
    } else if has(
        message,
        &[
            "kustomize build failed",
            "accumulating resources",
            "error converting yaml",
            "malformed yaml",
            "yaml: line",
            "missing resource metadata",
        ],
    ) {
        CauseCode::ApplyBuildFailed
    } else if has(
        message,
        &[
            "(invalid)",
            "is invalid:",
            "unknown field",
            "strict decoding",
            "(badrequest)",
            "validation failed",
            "error validating",
            "values don't meet the specifications",
        ],
    ) {
        CauseCode::ApplyInvalid
    } else if has(message, &["(forbidden)", "is forbidden:"]) {
        CauseCode::ApplyForbidden
    } else {
        return None;
    };
    Some(code)
}

/// Why a Kustomization is not ready.
pub fn kustomization(reason: &str, message: &str) -> CauseCode {
    match reason {
        "HealthCheckFailed" | "HealthCheckCanceled" => CauseCode::ApplyHealthCheckFailed,
        "PruneFailed" => CauseCode::ApplyPruneFailed,
        "AccessDenied" => CauseCode::ApplyForbidden,
        "BuildFailed" => match refusal(message) {
            Some(code @ (CauseCode::ApplyDecryptionFailed | CauseCode::ApplyPathMissing)) => code,
            _ => CauseCode::ApplyBuildFailed,
        },
        _ => refusal(message).unwrap_or(CauseCode::ApplyOther),
    }
}

/// Why a HelmRelease is not ready, from the most specific condition.
pub fn helm(reason: &str, message: &str) -> CauseCode {
    match reason {
        "ValuesError" => CauseCode::ApplyHelmValues,
        "TestFailed" => CauseCode::ApplyHelmTestFailed,
        _ => match refusal(message) {
            Some(CauseCode::ApplyPathMissing | CauseCode::ApplyBuildFailed) | None => {
                CauseCode::ApplyHelmFailed
            }
            Some(code) => code,
        },
    }
}

/// Whether Helm could not make manifests of the chart and its values: the words of its template engine.
pub fn is_rendering(message: &str) -> bool {
    has(
        message,
        &[
            "execution error at (",
            "parse error at (",
            "template: ",
            "values don't meet the specifications",
        ],
    )
}

/// Whether Helm only says that time ran out: the deeper cause is in the pods.
pub fn is_timeout(message: &str) -> bool {
    has(
        message,
        &[
            "context deadline exceeded",
            "timed out waiting",
            "timeout waiting",
            "resource not ready",
            "stalled resources",
        ],
    )
}

/// What a refusal says, in the fewest words that still tell: "spec.selector is immutable" out of a paragraph.
pub fn telling(code: CauseCode, message: &str) -> Sentence {
    match (code, field(message)) {
        (CauseCode::ApplyImmutableField, Some(field)) => {
            Sentence::default().quote(field).words(" is immutable")
        }
        _ => Sentence::default().quote(message.trim()),
    }
}

/// The path of the field that a message complains about: `spec.selector: Invalid value: …`.
fn field(message: &str) -> Option<&str> {
    let at = message.find(": Invalid value").or_else(|| {
        message
            .find(": field is immutable")
            .or_else(|| message.find(": Forbidden: updates to"))
    })?;
    let path = message
        .get(..at)?
        .rsplit([' ', '\n', '\t', '"', '['])
        .next()?;
    (path.contains('.') || path == "spec")
        .then_some(path)
        .filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_own_words_for_what_it_does_not_have_are_known() {
        for message in [
            "failed to determine artifact digest: GET http://r/v2/charts/a/manifests/9.9.9: MANIFEST_UNKNOWN: manifest unknown; unknown tag=9.9.9",
            "scan failed: GET http://r/v2/a/tags/list: NAME_UNKNOWN: repository name not known to registry",
        ] {
            let code = source("OCIArtifactPullFailed", message);
            assert_eq!(code, CauseCode::SourceNotFound, "{message}");
        }
    }

    #[test]
    fn a_chart_that_cannot_be_rendered_is_told_from_a_cluster_that_refuses() {
        assert!(is_rendering(
            "Helm upgrade failed for release a/a with chart a@0.1.0: execution error at (a/templates/settings.yaml:4:17): a host is needed"
        ));
        assert!(!is_rendering(
            "Helm upgrade failed for release a/a with chart a@0.1.0: timeout waiting for: [Deployment/a/a status: 'InProgress']"
        ));
    }

    #[test]
    fn refusals_are_told_apart_by_the_servers_own_words() {
        for (message, code) in [
            (
                r#"Deployment/shop/checkout dry-run failed (Invalid): Deployment.apps "checkout" is invalid: spec.selector: Invalid value: v1.LabelSelector{}: field is immutable"#,
                CauseCode::ApplyImmutableField,
            ),
            (
                "StatefulSet.apps \"db\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas'",
                CauseCode::ApplyImmutableField,
            ),
            (
                "Certificate/shop/tls dry-run failed: no matches for kind \"Certificate\" in version \"cert-manager.io/v1\"",
                CauseCode::ApplyUnknownKind,
            ),
            (
                "Deployment/shop/a dry-run failed (Forbidden): admission webhook \"validate.kyverno.svc\" denied the request: no latest tag",
                CauseCode::ApplyAdmissionDenied,
            ),
            (
                "dry-run failed (InternalError): Internal error occurred: failed calling webhook \"x\": connection refused",
                CauseCode::ApplyAdmissionUnreachable,
            ),
            (
                "deployments.apps \"a\" is forbidden: User \"system:serviceaccount:shop:flux\" cannot patch resource",
                CauseCode::ApplyForbidden,
            ),
            (
                "kustomization path not found: stat /tmp/kustomization-1/apps/x: no such file or directory",
                CauseCode::ApplyPathMissing,
            ),
            (
                "kustomize build failed: accumulating resources: accumulation err='accumulating resources from 'x.yaml': open /tmp/x.yaml: no such file or directory'",
                CauseCode::ApplyBuildFailed,
            ),
            (
                "Service/shop/a dry-run failed (Invalid): Service \"a\" is invalid: spec.ports[0].port: Required value",
                CauseCode::ApplyInvalid,
            ),
            (
                "cannot get sops data key: failed to decrypt",
                CauseCode::ApplyDecryptionFailed,
            ),
        ] {
            assert_eq!(refusal(message), Some(code), "{message}");
        }
        assert_eq!(refusal("something new"), None);
    }

    #[test]
    fn the_field_is_found_in_the_paragraph() {
        let message = r#"Deployment.apps "x" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}}: field is immutable"#;
        assert_eq!(field(message), Some("spec.selector"));
        assert_eq!(
            field("spec.selector: field is immutable"),
            Some("spec.selector")
        );
        assert_eq!(field("no field here"), None);
    }

    #[test]
    fn sources_fail_for_four_reasons() {
        assert_eq!(
            source(
                "GitOperationFailed",
                "failed to checkout and determine revision: authentication required"
            ),
            CauseCode::SourceAuthenticationFailed
        );
        assert_eq!(
            source(
                "GitOperationFailed",
                "couldn't find remote ref \"refs/heads/x\""
            ),
            CauseCode::SourceNotFound
        );
        assert_eq!(
            source(
                "InvalidCommitSignature",
                "signature verification of commit failed"
            ),
            CauseCode::SourceVerificationFailed
        );
        assert_eq!(
            source("GitOperationFailed", "dial tcp: i/o timeout"),
            CauseCode::SourceFetchFailed
        );
        assert_eq!(
            chart(
                "InvalidChartReference",
                "no 'x' chart with version matching '9' found"
            ),
            CauseCode::SourceChartNotFound
        );
    }
}
