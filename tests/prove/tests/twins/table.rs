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
