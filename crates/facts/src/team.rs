//! What the team says about itself in the team file: only overrides and names; everything else is found.

use std::collections::BTreeMap;

/// The team file's part that the engine needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// Environments from first to last; empty means: development-like names, then staging-like, then the rest, then
    /// production-like.
    pub environments: Vec<Environment>,
    /// Which branch releases, by repository key; absent means the remote's HEAD.
    pub branches: BTreeMap<String, String>,
}

/// One environment, and where it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The cluster, if it is bound to one.
    pub cluster: Option<String>,
    /// The namespaces, as exact names or with one `*`; empty means all.
    pub namespaces: Vec<String>,
}
