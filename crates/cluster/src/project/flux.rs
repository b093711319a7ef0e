//! Flux's sources and Kustomizations, of every version that clusters still serve.

use facts::Kind;
use facts::flux::{Artifact, Kustomization, Revision, Snapshot, Source, SourceReference};
use facts::meta::Reference;
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{Flag, Integer, List, Moment, Part, Perhaps, Span, Table, Text};

/// A reference to an object, as Flux writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReferencePart {
    kind: Text,
    name: Text,
    namespace: Text,
}

impl ReferencePart {
    /// The reference, seen from a namespace; `kind` where none is written.
    pub(crate) fn from(self, namespace: &str, kind: &str) -> Reference {
        Reference {
            kind: self.kind.or(kind),
            namespace: self.namespace.or(namespace),
            name: self.name.0,
        }
    }
}

/// References of `spec.dependsOn`.
pub(crate) fn depends_on(
    parts: List<Part<ReferencePart>>,
    namespace: &str,
    kind: &str,
) -> Vec<Reference> {
    parts
        .parts()
        .map(|part| Reference {
            // dependsOn has no kind: it is always the depending object's own.
            kind: kind.to_owned(),
            ..part.from(namespace, kind)
        })
        .filter(|reference| !reference.name.is_empty())
        .collect()
}

/// A revision, unless there is none.
pub(crate) fn revision(text: Text) -> Option<Revision> {
    text.some().map(Revision::new)
}

/// A path in a repository without what doesn't change it: `./`, doubled, leading and trailing slashes. `..` never leads
/// out of the repository, as in Flux itself.
pub(crate) fn plain_path(text: &str) -> String {
    let mut parts = Vec::new();
    for part in text.trim().split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A GitRepository, OCIRepository, HelmRepository, HelmChart or Bucket.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SourcePart {
    metadata: Part<MetaPart>,
    spec: Part<SourceSpec>,
    status: Part<SourceStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceSpec {
    url: Text,
    endpoint: Text,
    bucket_name: Text,
    #[serde(rename = "ref")]
    reference: Part<RefPart>,
    suspend: Flag,
    interval: Span,
    chart: Text,
    version: Text,
    source_ref: Perhaps<ReferencePart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RefPart {
    branch: Text,
    tag: Text,
    semver: Text,
    commit: Text,
    digest: Text,
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceStatus {
    artifact: Perhaps<ArtifactPart>,
    observed_generation: Integer,
    conditions: List<Part<ConditionPart>>,
    last_handled_reconcile_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ArtifactPart {
    revision: Text,
    digest: Text,
    /// Before `digest` (v1beta1 and early v1beta2): the same, without its algorithm.
    checksum: Text,
    last_update_time: Moment,
    metadata: Table<Text>,
}

impl Partial for SourcePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, kind: Kind) -> Object {
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        let url = match kind {
            Kind::Bucket => format!("{}/{}", spec.endpoint.0, spec.bucket_name.0),
            Kind::HelmChart => String::new(),
            _ => spec.url.0,
        };
        let is_chart = kind == Kind::HelmChart;
        let reference = if is_chart {
            // `*` and nothing both mean: the newest.
            match spec.version.some() {
                Some(version) => SourceReference::Semver(version),
                None => SourceReference::Default,
            }
        } else {
            reference(spec.reference.0)
        };
        Object::Source(Source {
            kind,
            url,
            reference,
            suspended: spec.suspend.0,
            interval: spec.interval.0,
            chart: spec.chart.some().filter(|_| is_chart),
            chart_source: spec
                .source_ref
                .0
                .filter(|_| is_chart)
                .map(|part| part.from(&meta.namespace, "HelmRepository")),
            artifact: status.artifact.0.and_then(artifact),
            observed_generation: status.observed_generation.or_zero(),
            conditions: conditions(status.conditions),
            handled_request: status.last_handled_reconcile_at.some(),
            meta,
        })
    }
}

/// What a source follows, in source-controller's order: commit, name, semver, tag, branch for Git (a commit on a branch
/// is a fixed commit), digest, semver, tag for OCI.
fn reference(part: RefPart) -> SourceReference {
    let fixed = part.commit.some().or(part.digest.some());
    if let Some(fixed) = fixed {
        SourceReference::Fixed(fixed)
    } else if let Some(name) = part.name.some() {
        SourceReference::Name(name)
    } else if let Some(semver) = part.semver.some() {
        SourceReference::Semver(semver)
    } else if let Some(tag) = part.tag.some() {
        SourceReference::Tag(tag)
    } else if let Some(branch) = part.branch.some() {
        SourceReference::Branch(branch)
    } else {
        SourceReference::Default
    }
}

/// The artifact; an object without a revision is none (Flux writes `artifact: {}` nowhere, but nothing can follow it).
fn artifact(mut part: ArtifactPart) -> Option<Artifact> {
    let revision = revision(part.revision)?;
    let digest = part.digest.some().unwrap_or_else(|| {
        if part.checksum.0.is_empty() {
            String::new()
        } else {
            // Checksums are hexadecimal SHA-1 (40 digits) in the oldest versions, SHA-256 (64) after.
            let algorithm = if part.checksum.0.len() == 40 {
                "sha1"
            } else {
                "sha256"
            };
            format!("{algorithm}:{}", part.checksum.0)
        }
    });
    let mut label = |name: &str| part.metadata.0.remove(name).and_then(Text::some);
    let origin_revision = label("org.opencontainers.image.revision").map(Revision::new);
    let origin_source = label("org.opencontainers.image.source");
    Some(Artifact {
        revision,
        digest,
        updated: part.last_update_time.0,
        origin_revision,
        origin_source,
    })
}

/// A Kustomization.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct KustomizationPart {
    metadata: Part<MetaPart>,
    spec: Part<KustomizationSpec>,
    status: Part<KustomizationStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KustomizationSpec {
    source_ref: Part<ReferencePart>,
    path: Text,
    suspend: Flag,
    interval: Span,
    retry_interval: Span,
    wait: Flag,
    health_checks: List<Part<ReferencePart>>,
    target_namespace: Text,
    depends_on: List<Part<ReferencePart>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KustomizationStatus {
    observed_generation: Integer,
    last_attempted_revision: Text,
    last_applied_revision: Text,
    last_applied_origin_revision: Text,
    inventory: Part<Inventory>,
    history: List<Part<SnapshotPart>>,
    conditions: List<Part<ConditionPart>>,
    last_handled_reconcile_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inventory {
    entries: List<Part<InventoryEntry>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InventoryEntry {
    id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SnapshotPart {
    digest: Text,
    first_reconciled: Moment,
    last_reconciled: Moment,
    last_reconciled_status: Text,
    metadata: Table<Text>,
}

impl Partial for KustomizationPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        Object::Kustomization(Kustomization {
            source: spec.source_ref.0.from(&meta.namespace, "GitRepository"),
            path: plain_path(&spec.path.0),
            suspended: spec.suspend.0,
            interval: spec.interval.0,
            retry_interval: spec.retry_interval.0,
            verifies: spec.wait.0 || !spec.health_checks.0.is_empty(),
            target_namespace: spec.target_namespace.some(),
            depends_on: depends_on(spec.depends_on, &meta.namespace, "Kustomization"),
            observed_generation: status.observed_generation.or_zero(),
            attempted: revision(status.last_attempted_revision),
            applied: revision(status.last_applied_revision),
            applied_origin: revision(status.last_applied_origin_revision),
            inventory: status
                .inventory
                .0
                .entries
                .parts()
                .filter_map(|entry| inventory_entry(&entry.id.0))
                .collect(),
            history: history(status.history),
            conditions: conditions(status.conditions),
            handled_request: status.last_handled_reconcile_at.some(),
            meta,
        })
    }
}

/// Takes `namespace_name_group_kind` apart. Names of RBAC objects may hold a colon, which is written as `__`.
fn inventory_entry(id: &str) -> Option<Reference> {
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, _group) = rest.rsplit_once('_')?;
    Some(Reference {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.replace("__", ":"),
    })
}

/// The history, newest first: Flux writes it so, but the order is part of what is promised, so it is made certain.
fn history(parts: List<Part<SnapshotPart>>) -> Vec<Snapshot> {
    let mut history: Vec<Snapshot> = parts
        .parts()
        .map(|mut part| Snapshot {
            digest: part.digest.0,
            revision: part.metadata.0.remove("revision").and_then(revision),
            first: part.first_reconciled.0,
            last: part.last_reconciled.0,
            status: part.last_reconciled_status.0,
        })
        .collect();
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.last));
    history
}

#[cfg(test)]
mod tests {
    use facts::{Status, meta::condition};
    use jiff::SignedDuration;

    use super::super::page;
    use super::*;

    const SHA: &str = "3f2c1ab0d4e5f60718293a4b5c6d7e8f90a1b2c3";

    fn one(kind: Kind, object: &str) -> Object {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        page(kind, json.as_bytes()).unwrap().objects.remove(0)
    }

    fn source(kind: Kind, object: &str) -> Source {
        match one(kind, object) {
            Object::Source(source) => source,
            other => panic!("{other:?}"),
        }
    }

    fn kustomization(object: &str) -> Kustomization {
        match one(Kind::Kustomization, object) {
            Object::Kustomization(kustomization) => kustomization,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_git_repository_as_source_controller_writes_it() {
        let source = source(
            Kind::GitRepository,
            &r#"{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository",
              "metadata":{"name":"gitops","namespace":"flux-system","generation":2},
              "spec":{"interval":"1m0s","ref":{"branch":"main"},"secretRef":{"name":"k"},"timeout":"60s","url":"ssh://git@git.shop/gitops"},
              "status":{"artifact":{"digest":"sha256:aa","lastUpdateTime":"2026-11-21T20:31:00Z","path":"p","revision":"main@sha1:SHA","size":10,"url":"u"},
                "conditions":[{"lastTransitionTime":"2026-11-21T20:31:00Z","message":"stored artifact for revision 'main@sha1:SHA'","observedGeneration":2,"reason":"Succeeded","status":"True","type":"Ready"}],
                "observedGeneration":2,"lastHandledReconcileAt":"2026-11-21T20:30:59Z"}}"#
                .replace("SHA", SHA),
        );
        assert_eq!(source.interval, Some(SignedDuration::from_secs(60)));
        assert_eq!(source.reference, SourceReference::Branch("main".into()));
        let artifact = source.artifact.unwrap();
        assert_eq!(artifact.revision.commit(), Some(SHA));
        assert!(artifact.updated.is_some());
        let ready = condition(&source.conditions, "Ready").unwrap();
        assert_eq!(
            (ready.status, ready.observed_generation),
            (Status::True, Some(2))
        );
        assert!(!source.suspended);
        assert!(source.handled_request.is_some());
    }

    #[test]
    fn the_oldest_served_version_lands_in_the_same_shape() {
        let source = source(
            Kind::GitRepository,
            &r#"{"apiVersion":"source.toolkit.fluxcd.io/v1beta1","metadata":{"name":"g","namespace":"f"},
              "spec":{"interval":"5m","ref":{"branch":"main","commit":"SHA"},"gitImplementation":"go-git","suspend":true,"url":"https://git.shop/g"},
              "status":{"artifact":{"checksum":"da39a3ee5e6b4b0d3255bfef95601890afd80709","revision":"main/SHA"}}}"#
                .replace("SHA", SHA),
        );
        assert_eq!(source.reference, SourceReference::Fixed(SHA.into()));
        assert!(source.suspended);
        let artifact = source.artifact.unwrap();
        assert_eq!(artifact.revision.commit(), Some(SHA));
        assert!(artifact.digest.starts_with("sha1:da39"));
    }

    #[test]
    fn an_oci_artifact_says_which_commit_it_was_made_from() {
        let source = source(
            Kind::OCIRepository,
            r#"{"metadata":{"name":"o","namespace":"f"},"spec":{"url":"oci://r/x","ref":{"semver":">=1","tag":"latest"}},
              "status":{"artifact":{"revision":"latest@sha256:bb","metadata":{"org.opencontainers.image.revision":"main@sha1:cc","org.opencontainers.image.source":"https://git.shop/x"}}}}"#,
        );
        assert_eq!(source.reference, SourceReference::Semver(">=1".into()));
        let artifact = source.artifact.unwrap();
        assert_eq!(artifact.origin_revision.unwrap().text, "main@sha1:cc");
        assert_eq!(
            artifact.origin_source.as_deref(),
            Some("https://git.shop/x")
        );
    }

    #[test]
    fn a_chart_names_its_repository_and_a_bucket_its_place() {
        let chart = source(
            Kind::HelmChart,
            r#"{"metadata":{"name":"c","namespace":"f"},"spec":{"chart":"podinfo","version":"6.*","sourceRef":{"kind":"HelmRepository","name":"podinfo"},"interval":"10m"},
              "status":{"artifact":{"revision":"6.5.0"},"observedChartName":"podinfo"}}"#,
        );
        assert_eq!(chart.chart.as_deref(), Some("podinfo"));
        assert_eq!(chart.chart_source.unwrap().namespace, "f");
        assert_eq!(chart.reference, SourceReference::Semver("6.*".into()));
        assert_eq!(chart.artifact.unwrap().revision.commit(), None);
        let bucket = source(
            Kind::Bucket,
            r#"{"metadata":{"name":"b","namespace":"f"},"spec":{"endpoint":"s3.eu","bucketName":"x"}}"#,
        );
        assert_eq!(bucket.url, "s3.eu/x");
    }

    #[test]
    fn a_kustomization_as_kustomize_controller_writes_it() {
        let k = kustomization(
            r#"{"metadata":{"name":"shop","namespace":"flux-system","generation":4},
              "spec":{"dependsOn":[{"name":"infra"},{"name":"crds","namespace":"platform","readyExpr":"true"},{}],"force":false,"interval":"10m0s","retryInterval":"2m","path":"./apps//shop/","prune":true,
                "sourceRef":{"kind":"OCIRepository","name":"gitops"},"targetNamespace":"shop","wait":true},
              "status":{"conditions":[],"history":[
                  {"digest":"sha256:1","firstReconciled":"2026-01-01T00:00:00Z","lastReconciled":"2026-01-01T00:10:00Z","lastReconciledDuration":"1s","lastReconciledStatus":"ReconciliationSucceeded","metadata":{"revision":"main@sha1:a"},"totalReconciliations":2},
                  {"digest":"sha256:2","firstReconciled":"2026-01-02T00:00:00Z","lastReconciled":"2026-01-02T00:10:00Z","lastReconciledStatus":"HealthCheckFailed","metadata":{"revision":"main@sha1:b","originRevision":"x"}}],
                "inventory":{"entries":[{"id":"shop_api_apps_Deployment","v":"v1"},{"id":"_shop__Namespace","v":"v1"},{"id":"_system__node_rbac.authorization.k8s.io_ClusterRole","v":"v1"},{"id":"broken"}]},
                "lastAppliedRevision":"main@sha1:a","lastAppliedOriginRevision":"main@sha1:o","lastAttemptedRevision":"main@sha1:b","observedGeneration":4}}"#,
        );
        assert_eq!(k.path, "apps/shop");
        assert!(k.verifies);
        assert_eq!(k.source.kind, "OCIRepository");
        let names: Vec<_> = k
            .depends_on
            .iter()
            .map(|d| (d.namespace.as_str(), d.name.as_str()))
            .collect();
        assert_eq!(names, [("flux-system", "infra"), ("platform", "crds")]);
        assert_eq!(k.attempted.unwrap().text, "main@sha1:b");
        assert_eq!(k.applied.unwrap().text, "main@sha1:a");
        assert_eq!(k.applied_origin.unwrap().text, "main@sha1:o");
        let things: Vec<_> = k
            .inventory
            .iter()
            .map(|r| (r.kind.as_str(), r.namespace.as_str(), r.name.as_str()))
            .collect();
        assert_eq!(
            things,
            [
                ("Deployment", "shop", "api"),
                ("Namespace", "", "shop"),
                ("ClusterRole", "", "system:node")
            ]
        );
        assert_eq!(k.history[0].digest, "sha256:2", "newest first");
        assert_eq!(k.history[0].revision.as_ref().unwrap().text, "main@sha1:b");
        assert_eq!(k.retry_interval, Some(SignedDuration::from_secs(120)));
    }

    #[test]
    fn a_kustomization_without_health_checks_does_not_verify() {
        let k = kustomization(
            r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"wait":"yes","path":"./"}}"#,
        );
        assert!(!k.verifies && k.path.is_empty());
        let k = kustomization(
            r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"healthChecks":[{"apiVersion":"apps/v1","kind":"Deployment","name":"x","namespace":"y"}]}}"#,
        );
        assert!(k.verifies);
    }

    #[test]
    fn paths_are_written_in_many_ways_and_mean_one() {
        for (text, path) in [
            ("./", ""),
            (".", ""),
            ("", ""),
            ("/", ""),
            ("./apps/shop/", "apps/shop"),
            ("/apps/./shop", "apps/shop"),
            ("apps/../clusters/prod", "clusters/prod"),
            ("../../etc", "etc"),
            (".hidden", ".hidden"),
        ] {
            assert_eq!(plain_path(text), path, "{text}");
        }
    }

    #[test]
    fn an_object_of_nothing_but_a_name_is_kept() {
        let k =
            kustomization(r#"{"metadata":{"name":"a","namespace":"b"},"spec":[],"status":"none"}"#);
        assert_eq!(k.meta.name, "a");
        assert_eq!((k.attempted, k.applied), (None, None));
    }
}
