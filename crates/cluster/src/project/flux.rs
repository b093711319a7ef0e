//! Flux's sources and Kustomizations, of every version that clusters still serve.

use facts::Kind;
use facts::flux::{
    Artifact, ImageOverride, Kustomization, Revision, Snapshot, Source, SourceReference,
};
use facts::meta::Reference;
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, Present, conditions};
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

/// References to ConfigMaps and Secrets, always of the referring object's namespace.
pub(crate) fn read_from(parts: List<Part<ReferencePart>>, namespace: &str) -> Vec<Reference> {
    let parts = parts.parts().map(|part| Reference {
        namespace: namespace.to_owned(),
        ..part.from(namespace, "ConfigMap")
    });
    parts.filter(|one| !one.name.is_empty()).collect()
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
    kube_config: Perhaps<Present>,
    target_namespace: Text,
    prune: Flag,
    name_prefix: Text,
    name_suffix: Text,
    images: List<Part<ImagePart>>,
    patches: List<Part<PatchPart>>,
    depends_on: List<Part<ReferencePart>>,
    components: List<Text>,
    post_build: Part<PostBuild>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PostBuild {
    substitute_from: List<Part<ReferencePart>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImagePart {
    name: Text,
    new_name: Text,
    new_tag: Text,
    digest: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PatchPart {
    patch: Text,
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
    last_reconciled_duration: Span,
    last_reconciled_status: Text,
    metadata: Table<Text>,
}

impl Partial for KustomizationPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(mut self, _: Kind) -> Object {
        let edited = self.metadata.0.edited();
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        Object::Kustomization(Kustomization {
            edited,
            source: spec.source_ref.0.from(&meta.namespace, "GitRepository"),
            path: plain_path(&spec.path.0),
            suspended: spec.suspend.0,
            interval: spec.interval.0,
            retry_interval: spec.retry_interval.0,
            verifies: spec.wait.0 || !spec.health_checks.0.is_empty(),
            remote: spec.kube_config.0.is_some(),
            target_namespace: spec.target_namespace.some(),
            renames: spec
                .name_prefix
                .some()
                .or(spec.name_suffix.some())
                .is_some(),
            images: spec.images.parts().filter_map(image).collect(),
            prunes: spec.prune.0,
            patches: !spec.patches.0.is_empty(),
            patches_images: spec.patches.parts().any(|one| names_image(&one.patch.0)),
            components: {
                let listed = spec.components.0.into_iter().filter_map(Text::some);
                let from = &spec.path.0;
                listed
                    .map(|one| plain_path(&format!("{from}/{one}")))
                    .collect()
            },
            substitutes: read_from(spec.post_build.0.substitute_from, &meta.namespace),
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

/// One of `spec.images`; without a name it is of no image.
fn image(part: ImagePart) -> Option<ImageOverride> {
    Some(ImageOverride {
        name: part.name.some()?,
        new_name: part.new_name.some(),
        tag: part.new_tag.some(),
        digest: part.digest.some(),
    })
}

/// Whether a patch speaks of an image, and not only of when or with which secret it is pulled.
fn names_image(patch: &str) -> bool {
    patch
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| matches!(word, "image" | "images"))
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
            took: part.last_reconciled_duration.0,
            status: part.last_reconciled_status.0,
        })
        .collect();
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.last));
    history
}

#[cfg(test)]
mod tests;
