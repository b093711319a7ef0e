//! source-controller's GitRepositories, OCIRepositories and HelmRepositories. (HelmCharts: [`super::helmchart`].)
//!
//! A source that cannot be fetched keeps its artifact: what builds from it stays on the old revision, and stays green.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::conditions::{self, Conditions};
use super::contents::Origin;
use super::fields::{at, cut, duration_at, entry, flag, integer, put, stamp, text};
use super::names::digest;
use super::refusal::Refusal;
use super::versions::{Range, newest};
use super::{Controllers, Key, Next, generation, requested};
use crate::git::Repository;

const COMPONENT: &str = "source-controller";

/// Why a source could not be fetched: reason and message of its conditions.
pub(super) struct FetchError {
    pub(super) reason: String,
    pub(super) message: String,
}

impl FetchError {
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// What was fetched.
pub(super) struct Fetched {
    /// `main@sha1:…`
    pub(super) revision: String,
    /// The artifact's digest.
    pub(super) digest: String,
    /// The artifact's file name.
    pub(super) file: String,
    /// `metadata` of the artifact, or null.
    pub(super) metadata: Value,
    /// Reason and message of Ready and ArtifactInStorage.
    pub(super) stored: (&'static str, String),
    /// The event about a new artifact.
    pub(super) news: (&'static str, String),
}

impl Controllers {
    pub(super) fn git_repository(&mut self, key: &Key) -> Next {
        self.source(key, |controllers, object| controllers.fetch_git(object))
    }

    pub(super) fn oci_repository(&mut self, key: &Key) -> Next {
        self.source(key, |controllers, object| controllers.fetch_oci(object))
    }

    pub(super) fn helm_repository(&mut self, key: &Key) -> Next {
        let oci = self
            .object(key)
            .is_some_and(|object| text(&object, &["spec", "type"]) == "oci");
        if oci {
            // An OCI HelmRepository is only an address: Flux reconciles nothing.
            return Next::OnChange;
        }
        self.source(key, |controllers, object| controllers.fetch_index(object))
    }

    /// Fetches a source and writes its status, whatever its kind.
    fn source(
        &mut self,
        key: &Key,
        fetch: impl FnOnce(&mut Self, &Value) -> Result<Fetched, FetchError>,
    ) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        if flag(&object, &["spec", "suspend"]) {
            return self.suspended(key, &object, false);
        }
        let fault = self
            .faults
            .table()
            .sources
            .get(&(self.cluster().to_owned(), key.path()))
            .map(|fault| FetchError::new(&fault.reason, &fault.message));
        let fetched = match fault {
            Some(error) => Err(error),
            None => fetch(self, &object),
        };
        match fetched {
            Ok(fetched) => {
                self.succeeded(key);
                let interval = duration_at(&object, &["spec", "interval"], 60);
                if self.stored(key, &object, fetched) {
                    Next::After(interval)
                } else {
                    Next::Idle(interval)
                }
            }
            Err(error) => {
                self.fetch_failed(key, &object, &error);
                self.back_off(key)
            }
        }
    }

    /// Writes what a successful fetch means. Answers whether anything was to write.
    pub(super) fn stored(&mut self, key: &Key, object: &Value, fetched: Fetched) -> bool {
        let before = &object["status"];
        let artifact = at(before, &["artifact"]);
        let same = artifact.is_some_and(|artifact| {
            text(artifact, &["revision"]) == fetched.revision
                && text(artifact, &["digest"]) == fetched.digest
        });
        let settled = same
            && conditions::is(before, "Ready", "True")
            && integer(before, &["observedGeneration"]) == Some(generation(object))
            && text(before, &["lastHandledReconcileAt"]) == requested(object);
        if settled {
            return false;
        }
        let recovered = conditions::find(before, "FetchFailed").is_some();
        let mut status = before.clone();
        if !same {
            status = with_artifact(status, key, &fetched, self.now);
        }
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        for gone in [
            "Reconciling",
            "Stalled",
            "FetchFailed",
            "BuildFailed",
            "ArtifactOutdated",
        ] {
            conditions.remove(gone);
        }
        let (reason, message) = &fetched.stored;
        conditions.yes("Ready", reason, message);
        conditions.yes("ArtifactInStorage", reason, message);
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(object)),
        );
        handle_request(&mut status, object);
        self.write_status(key, status);
        let (reason, message) = &fetched.news;
        if !same {
            self.store
                .record_event(object, false, reason, message, COMPONENT);
        } else if recovered {
            self.store
                .record_event(object, false, "Succeeded", message, COMPONENT);
        }
        true
    }

    /// Writes that a fetch failed: the artifact stays.
    pub(super) fn fetch_failed(&mut self, key: &Key, object: &Value, error: &FetchError) {
        let mut status = object["status"].clone();
        let progress = if at(&status, &["artifact"]).is_some() {
            "reconciliation in progress"
        } else {
            "building artifact"
        };
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.reconciling("ProgressingWithRetry", progress);
        conditions.yes("FetchFailed", &error.reason, &error.message);
        conditions.no("Ready", &error.reason, &error.message);
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store
            .record_event(object, true, &error.reason, &error.message, COMPONENT);
    }

    /// `owner/name` of a repository of the company's code host, from a URL as sources spell it.
    pub(super) fn repository_path<'a>(&self, url: &'a str) -> Option<&'a str> {
        let (_, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        (host == self.code_host).then(|| path.trim_end_matches('/').trim_end_matches(".git"))
    }

    fn fetch_git(&mut self, object: &Value) -> Result<Fetched, FetchError> {
        let url = text(object, &["spec", "url"]);
        let failed = |why: String| {
            FetchError::new(
                "GitOperationFailed",
                format!("failed to checkout and determine revision: {why}"),
            )
        };
        let Some(path) = self.repository_path(url) else {
            let host = url.split('/').nth(2).unwrap_or(url);
            return Err(failed(format!(
                "unable to list remote for '{url}': Get \"{url}/info/refs?service=git-upload-pack\": dial tcp: lookup \
                 {host} on 10.96.0.10:53: no such host"
            )));
        };
        let Some(repository) = self.code.repository(path) else {
            return Err(failed(format!(
                "unable to list remote for '{url}': repository not found"
            )));
        };
        let (name, commit) = follow(&repository, object, url).map_err(|why| failed(why.0))?;
        let revision = match name.as_str() {
            "" => format!("sha1:{commit}"),
            name => format!("{name}@sha1:{commit}"),
        };
        // Most fetches find nothing new: then nothing is read or stored.
        let known = text(object, &["status", "artifact", "digest"]);
        let unchanged = text(object, &["status", "artifact", "revision"]) == revision
            && self
                .contents
                .origin(known)
                .is_some_and(|origin| origin.repository == path);
        let (subject, digest) = if unchanged {
            (String::new(), known.to_owned())
        } else {
            let message = repository.message(&commit).unwrap_or_default();
            let origin = Origin {
                repository: path.to_owned(),
                commit: commit.clone(),
                folder: String::new(),
            };
            let subject = message.lines().next().unwrap_or_default().to_owned();
            (subject, self.contents.store(origin))
        };
        Ok(Fetched {
            stored: (
                "Succeeded",
                format!("stored artifact for revision '{revision}'"),
            ),
            news: (
                "NewArtifact",
                format!("stored artifact for commit '{subject}'"),
            ),
            revision,
            digest,
            file: format!("{commit}.tar.gz"),
            metadata: Value::Null,
        })
    }

    fn fetch_oci(&mut self, object: &Value) -> Result<Fetched, FetchError> {
        let url = text(object, &["spec", "url"]);
        let wanted = |field: &str| text(object, &["spec", "ref", field]);
        let tag = match (wanted("semver"), wanted("tag")) {
            ("", "") => "latest".to_owned(),
            ("", tag) => tag.to_owned(),
            (range, _) => {
                let tags = self.shelf.artifact_tags(url);
                Range::parse(range)
                    .and_then(|range| newest(tags.iter().map(String::as_str), &range))
                    .ok_or_else(|| {
                        FetchError::new(
                            "ReadOperationFailed",
                            format!(
                                "failed to determine the artifact tag for '{url}': no match found for semver: {range}"
                            ),
                        )
                    })?
                    .to_owned()
            }
        };
        let Some(artifact) = self.shelf.artifact(url, &tag) else {
            let plain = url.trim_start_matches("oci://");
            let (host, path) = plain.split_once('/').unwrap_or((plain, ""));
            return Err(FetchError::new(
                "OCIArtifactPullFailed",
                format!(
                    "failed to determine artifact digest: GET https://{host}/v2/{path}/manifests/{tag}: \
                     MANIFEST_UNKNOWN: manifest unknown; unknown tag={tag}"
                ),
            ));
        };
        let metadata = json!({
            "org.opencontainers.image.source": artifact.source,
            "org.opencontainers.image.revision": artifact.revision,
        });
        let message = format!(
            "origin source '{}', origin revision '{}'",
            artifact.source, artifact.revision
        );
        let origin = Origin {
            repository: artifact.repository,
            commit: artifact.commit,
            folder: artifact.folder,
        };
        // What the registry names is the manifest, what the artifact's digest names is the layer.
        let manifest = digest(format!("manifest {}", origin.digest()).as_bytes());
        let digest = self.contents.store(origin);
        let revision = format!("{tag}@{manifest}");
        Ok(Fetched {
            stored: (
                "Succeeded",
                format!("stored artifact for digest '{revision}'"),
            ),
            news: (
                "NewArtifact",
                format!("stored artifact with revision '{revision}' from '{url}', {message}"),
            ),
            file: format!("{manifest}.tar.gz"),
            revision,
            digest,
            metadata,
        })
    }

    fn fetch_index(&mut self, object: &Value) -> Result<Fetched, FetchError> {
        let url = text(object, &["spec", "url"]);
        let count = self.shelf.chart_count(url);
        if count == 0 {
            return Err(FetchError::new(
                "Failed",
                format!(
                    "failed to fetch Helm repository index: failed to fetch {url}/index.yaml : 404 Not Found"
                ),
            ));
        }
        let revision = digest(format!("{url} {count}").as_bytes());
        Ok(Fetched {
            stored: (
                "Succeeded",
                format!("stored artifact: revision '{revision}'"),
            ),
            news: (
                "NewArtifact",
                format!("stored fetched index of {}kB from '{url}'", 1 + count),
            ),
            digest: digest(revision.as_bytes()),
            file: format!("index-{}.yaml", revision.trim_start_matches("sha256:")),
            revision,
            metadata: Value::Null,
        })
    }
}

/// The commit that a GitRepository's `spec.ref` means now, and the name that its revision carries.
fn follow(repository: &Repository, object: &Value, url: &str) -> Result<(String, String), Refusal> {
    let wanted = |field: &str| text(object, &["spec", "ref", field]);
    let missing =
        |what: String| format!("unable to clone '{url}': couldn't find remote ref \"{what}\"");
    let branch = wanted("branch");
    if !wanted("commit").is_empty() {
        return Ok((branch.to_owned(), wanted("commit").to_owned()));
    }
    if !wanted("name").is_empty() {
        let name = wanted("name");
        let commit = repository
            .resolve(name)
            .ok_or_else(|| missing(name.to_owned()))?;
        return Ok((name.to_owned(), commit));
    }
    if !wanted("semver").is_empty() {
        let (tags, range) = (repository.tags(), wanted("semver"));
        return Range::parse(range)
            .and_then(|range| newest(tags.keys().map(String::as_str), &range))
            .and_then(|tag| Some((tag.to_owned(), tags.get(tag)?.clone())))
            .ok_or_else(|| format!("no match found for semver: {range}").into());
    }
    if !wanted("tag").is_empty() {
        let tag = wanted("tag");
        let commit = repository.tags().get(tag).cloned();
        return Ok((
            tag.to_owned(),
            commit.ok_or_else(|| missing(format!("refs/tags/{tag}")))?,
        ));
    }
    let branch = if branch.is_empty() { "master" } else { branch };
    let commit = repository
        .head(branch)
        .ok_or_else(|| missing(format!("refs/heads/{branch}")))?;
    Ok((branch.to_owned(), commit))
}

/// A status with a new artifact.
fn with_artifact(mut status: Value, key: &Key, fetched: &Fetched, now: Timestamp) -> Value {
    let path = format!(
        "{}/{}/{}/{}",
        key.kind.to_lowercase(),
        key.namespace,
        key.name,
        fetched.file
    );
    let mut artifact = json!({
        "revision": fetched.revision,
        "digest": fetched.digest,
        "lastUpdateTime": stamp(now),
        "path": path,
        "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
        "size": 1000 + super::names::number(0, &[&fetched.digest], 20_000),
    });
    if !fetched.metadata.is_null() {
        put(&mut artifact, &["metadata"], fetched.metadata.clone());
    }
    put(&mut status, &["artifact"], artifact);
    status
}

/// Acknowledges a request for reconciliation.
pub(super) fn handle_request(status: &mut Value, object: &Value) {
    match requested(object) {
        "" => cut(status, &["lastHandledReconcileAt"]),
        value => {
            entry(status).insert("lastHandledReconcileAt".to_owned(), json!(value));
        }
    }
}
