//! What was published for Flux besides Git and images: Helm charts and OCI artifacts with manifests. Clusters share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared shelf.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// Charts by the URL of their repository.
    charts: BTreeMap<String, Vec<Chart>>,
    /// Artifacts by the URL of their repository (`oci://…`) and tag.
    artifacts: BTreeMap<(String, String), Artifact>,
}

/// A published chart version. Every chart renders the same: see the controllers' built-in chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// `service`
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// The version of what it deploys; empty if it doesn't say.
    pub app_version: String,
}

/// A published OCI artifact: a folder of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The repository in the code host, `owner/name`.
    pub repository: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// The folder that was packed; empty for all.
    pub folder: String,
    /// `org.opencontainers.image.source`: the repository's URL.
    pub source: String,
    /// `org.opencontainers.image.revision`: `main@sha1:<commit>`.
    pub revision: String,
}

impl Shelf {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a chart version in the Helm repository of a URL, as HelmRepositories name it.
    pub fn publish_chart(&self, repository: &str, chart: Chart) {
        self.table()
            .charts
            .entry(repository.trim_end_matches('/').to_owned())
            .or_default()
            .push(chart);
    }

    /// Publishes an artifact under a tag, in place of what had the tag.
    pub fn publish_artifact(&self, repository: &str, tag: &str, artifact: Artifact) {
        self.table()
            .artifacts
            .insert((repository.to_owned(), tag.to_owned()), artifact);
    }

    /// The charts of a Helm repository, in the order of publication.
    pub fn charts(&self, repository: &str) -> Vec<Chart> {
        self.table()
            .charts
            .get(repository.trim_end_matches('/'))
            .cloned()
            .unwrap_or_default()
    }

    /// How many chart versions a Helm repository has: its index is another when this is.
    pub fn chart_count(&self, repository: &str) -> usize {
        self.table()
            .charts
            .get(repository.trim_end_matches('/'))
            .map_or(0, Vec::len)
    }

    /// What a tag of an artifact repository stands for.
    pub fn artifact(&self, repository: &str, tag: &str) -> Option<Artifact> {
        self.table()
            .artifacts
            .get(&(repository.to_owned(), tag.to_owned()))
            .cloned()
    }

    /// The tags of an artifact repository, sorted.
    pub fn artifact_tags(&self, repository: &str) -> Vec<String> {
        self.table()
            .artifacts
            .keys()
            .filter(|(of, _)| of == repository)
            .map(|(_, tag)| tag.clone())
            .collect()
    }
}
