//! Flux's objects, reduced to the fields that decide a journey. Field names follow docs of Flux 2.9 (source v1,
//! kustomize v1, helm v2, image v1); older served versions are projected into the same shape.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::image::{ImageReference, canonical_repository};
use crate::kubernetes::Edited;
use crate::meta::{Condition, Kind, Meta, Reference};

/// A revision such as `main@sha1:3f2c…`, `latest@sha256:…`, `6.5.0` or the old `main/3f2c…`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Exactly as the object has it.
    pub text: String,
}

impl Revision {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The Git commit it names, if it is a Git revision: 40 hexadecimal digits after the last `@sha1:`, or after the
    /// last `/` of the old form.
    pub fn commit(&self) -> Option<&str> {
        let hex = match self.text.rsplit_once('@') {
            Some((_, named)) => named.strip_prefix("sha1:")?,
            None => self
                .text
                .rsplit_once('/')
                .map_or(self.text.as_str(), |(_, hex)| hex),
        };
        (hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
    }

    /// The OCI digest it names (`sha256:…`), if it is an OCI revision.
    pub fn digest(&self) -> Option<&str> {
        self.text
            .rsplit_once('@')
            .map(|(_, named)| named)
            .filter(|named| named.starts_with("sha256:"))
    }

    /// What stands before the `@`: the branch or tag; the whole text for chart versions.
    pub fn name(&self) -> &str {
        match self.text.rsplit_once('@') {
            Some((name, _)) => name.strip_prefix("refs/heads/").unwrap_or(name),
            None => self
                .text
                .rsplit_once('/')
                .map_or(self.text.as_str(), |(name, _)| name),
        }
    }
}

/// `status.artifact` of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// `revision`
    pub revision: Revision,
    /// `digest` of the stored tarball.
    pub digest: String,
    /// `lastUpdateTime`
    pub updated: Option<Timestamp>,
    /// `metadata["org.opencontainers.image.revision"]` of an OCI artifact: the Git revision it was made from.
    pub origin_revision: Option<Revision>,
    /// `metadata["org.opencontainers.image.source"]` of an OCI artifact: the repository it was made from.
    pub origin_source: Option<String>,
}

/// A GitRepository, OCIRepository, HelmRepository, HelmChart or Bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Which of the five.
    pub kind: Kind,
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.url`; for a HelmChart empty, for a Bucket `endpoint/bucket`.
    pub url: String,
    /// What of it is followed, as written: branch, tag, semver range, chart version; `ref.name` wins over the others.
    pub reference: SourceReference,
    /// `spec.suspend`
    pub suspended: bool,
    /// `spec.interval`
    pub interval: Option<SignedDuration>,
    /// A HelmChart's `spec.chart`.
    pub chart: Option<String>,
    /// A HelmChart's `spec.sourceRef`.
    pub chart_source: Option<Reference>,
    /// `status.artifact`
    pub artifact: Option<Artifact>,
    /// `status.observedGeneration`
    pub observed_generation: i64,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.lastHandledReconcileAt`
    pub handled_request: Option<String>,
}

/// What a source follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceReference {
    /// The default: `master` for Git, `latest` for OCI, everything for a HelmRepository.
    #[default]
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A semver range; for a HelmChart its `spec.version`.
    Semver(String),
    /// A fixed commit or digest.
    Fixed(String),
    /// `ref.name`, a full reference name.
    Name(String),
}

/// A Kustomization.
#[derive(Clone, Debug, PartialEq)]
pub struct Kustomization {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.sourceRef`
    pub source: Reference,
    /// `spec.path`, without a leading `./` or slash; empty for the root.
    pub path: String,
    /// Who changed its spec by hand last, beyond suspending it.
    pub edited: Option<Edited>,
    /// `spec.suspend`
    pub suspended: bool,
    /// `spec.interval`
    pub interval: Option<SignedDuration>,
    /// `spec.retryInterval`
    pub retry_interval: Option<SignedDuration>,
    /// `spec.wait` or any `spec.healthChecks`: whether Ready says anything about health.
    pub verifies: bool,
    /// Whether it applies to another cluster: `spec.kubeConfig` is there.
    pub remote: bool,
    /// `spec.targetNamespace`
    pub target_namespace: Option<String>,
    /// Whether it gives what it applies other names: `spec.namePrefix` or `spec.nameSuffix` is there.
    pub renames: bool,
    /// `spec.images`
    pub images: Vec<ImageOverride>,
    /// `spec.prune`: whether what Git does not declare any more is deleted.
    pub prunes: bool,
    /// Whether there are `spec.patches`.
    pub patches: bool,
    /// Whether one of `spec.patches` has the word image in it.
    pub patches_images: bool,
    /// `spec.components`, from the root of the source as `path` is.
    pub components: Vec<String>,
    /// The ConfigMaps and Secrets of `spec.postBuild.substituteFrom`.
    pub substitutes: Vec<Reference>,
    /// `spec.dependsOn`
    pub depends_on: Vec<Reference>,
    /// `status.observedGeneration`
    pub observed_generation: i64,
    /// `status.lastAttemptedRevision`
    pub attempted: Option<Revision>,
    /// `status.lastAppliedRevision`
    pub applied: Option<Revision>,
    /// `status.lastAppliedOriginRevision`
    pub applied_origin: Option<Revision>,
    /// `status.inventory.entries`
    pub inventory: Vec<Reference>,
    /// `status.history`, newest first.
    pub history: Vec<Snapshot>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.lastHandledReconcileAt`
    pub handled_request: Option<String>,
}

impl Kustomization {
    /// Whether other manifests were applied after those of an entry of the history had first been. Flux moves a digest
    /// that comes back to the front and keeps its first time.
    pub fn went_away(&self, index: usize) -> bool {
        let Some(entry) = self.history.get(index) else {
            return false;
        };
        let is_later = |last: Option<Timestamp>| match (last, entry.first) {
            (Some(last), Some(first)) => last >= first,
            _ => true,
        };
        self.history
            .iter()
            .any(|other| other.digest != entry.digest && is_later(other.last))
    }

    /// When Flux last set back what was changed by hand: a reconciliation that went well. One that failed since leaves that
    /// as it was.
    pub fn confirmed(&self) -> Option<Timestamp> {
        self.last_well()?.last
    }

    /// When that reconciliation began: what was applied before then, it has read.
    pub fn confirmed_begun(&self) -> Option<Timestamp> {
        let newest = self.last_well()?;
        let took = newest.took.unwrap_or_default();
        newest.last?.checked_sub(took).ok()
    }

    fn last_well(&self) -> Option<&Snapshot> {
        let well = |entry: &&Snapshot| entry.status == "ReconciliationSucceeded";
        let ended = self.history.iter().filter(well);
        ended.max_by_key(|entry| entry.last)
    }
}

/// One of a Kustomization's `spec.images`: what it puts in the place of an image, whatever its path declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOverride {
    /// `name`, of the image as it is declared, often in a base.
    pub name: String,
    /// `newName`
    pub new_name: Option<String>,
    /// `newTag`
    pub tag: Option<String>,
    /// `digest`
    pub digest: Option<String>,
}

impl ImageOverride {
    /// Whether it leaves a part of the name to Flux's own substitution.
    pub fn has_variable(&self) -> bool {
        let parts = [&self.new_name, &self.tag, &self.digest];
        parts.into_iter().flatten().any(|part| part.contains("${"))
    }

    /// What it makes of an image. A new tag or digest replaces both, as kustomize has it.
    pub fn made_of(&self, declared: &ImageReference) -> ImageReference {
        let is_kept = self.tag.is_none() && self.digest.is_none();
        let kept = Some(declared).filter(|_| is_kept);
        ImageReference {
            repository: canonical_repository(self.new_name.as_ref().unwrap_or(&self.name)),
            tag: kept.map_or_else(|| self.tag.clone(), |one| one.tag.clone()),
            digest: kept.map_or_else(|| self.digest.clone(), |one| one.digest.clone()),
        }
    }
}

/// As `kustomize edit set image` takes it.
impl std::fmt::Display for ImageOverride {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let new_name = self.new_name.as_ref().unwrap_or(&self.name);
        write!(f, "{}={new_name}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// One entry of a Kustomization's `status.history`.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Digest of the built manifests: equal across two revisions means that nothing changed here.
    pub digest: String,
    /// `metadata.revision`
    pub revision: Option<Revision>,
    /// `firstReconciled`
    pub first: Option<Timestamp>,
    /// `lastReconciled`
    pub last: Option<Timestamp>,
    /// `lastReconciledDuration`: how long the last one took.
    pub took: Option<SignedDuration>,
    /// `lastReconciledStatus`, a reason such as `ReconciliationSucceeded`.
    pub status: String,
}

/// A HelmRelease.
#[derive(Clone, Debug, PartialEq)]
pub struct HelmRelease {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.chart.spec.chart`; absent with `chartRef`.
    pub chart: Option<String>,
    /// `spec.chart.spec.version`, a version or range.
    pub chart_version: Option<String>,
    /// `spec.chart.spec.valuesFiles`, from the root of the chart's source, without a leading `./`.
    pub values_files: Vec<String>,
    /// The ConfigMaps and Secrets of `spec.valuesFrom`.
    pub values_from: Vec<Reference>,
    /// `spec.chart.spec.sourceRef` or `spec.chartRef`.
    pub source: Option<Reference>,
    /// `status.helmChart` as a reference to the HelmChart made for it.
    pub helm_chart: Option<Reference>,
    /// Who changed its spec by hand last, beyond suspending it.
    pub edited: Option<Edited>,
    /// `spec.suspend`
    pub suspended: bool,
    /// `spec.interval`
    pub interval: Option<SignedDuration>,
    /// `spec.dependsOn`
    pub depends_on: Vec<Reference>,
    /// Image references found in `spec.values`: a mapping with `repository` and `tag`, or a string `image`.
    pub images: Vec<String>,
    /// `spec.targetNamespace` or its own.
    pub target_namespace: String,
    /// Whether it installs into another cluster: `spec.kubeConfig` is there.
    pub remote: bool,
    /// Whether Helm waits until what it installs is well: neither `spec.install.disableWait` nor `spec.upgrade.disableWait`.
    pub waits: bool,
    /// `status.observedGeneration`
    pub observed_generation: i64,
    /// `status.lastAttemptedRevision`, a chart version.
    pub attempted: Option<String>,
    /// `status.lastAttemptedGeneration`
    pub attempted_generation: Option<i64>,
    /// `status.failures`
    pub failures: i64,
    /// `status.history`, newest first.
    pub history: Vec<Release>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.lastHandledReconcileAt`
    pub handled_request: Option<String>,
}

/// One entry of a HelmRelease's `status.history`.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The release's number.
    pub version: i64,
    /// `chartVersion`
    pub chart_version: String,
    /// `appVersion`
    pub app_version: Option<String>,
    /// `deployed`, `failed`, `superseded`…
    pub status: String,
    /// `firstDeployed`
    pub first: Option<Timestamp>,
    /// `lastDeployed`
    pub last: Option<Timestamp>,
}

/// An ImageRepository: the scan of one image's tags.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRepository {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.image`
    pub image: String,
    /// `spec.suspend`
    pub suspended: bool,
    /// `spec.interval`
    pub interval: Option<SignedDuration>,
    /// `status.lastScanResult.scanTime`
    pub scanned: Option<Timestamp>,
    /// `status.lastScanResult.latestTags`: a sample, not all.
    pub latest_tags: Vec<String>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.observedGeneration`
    pub observed_generation: i64,
}

/// An ImagePolicy: which of the scanned tags is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePolicy {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.imageRepositoryRef`
    pub repository: Reference,
    /// `spec.suspend`
    pub suspended: bool,
    /// The rule in words: `semver >=1.0`, `alphabetical asc`, `numerical desc`.
    pub rule: String,
    /// `spec.filterTags.pattern`
    pub filter: Option<String>,
    /// `status.latestRef.tag`
    pub latest_tag: Option<String>,
    /// `status.latestRef.digest`
    pub latest_digest: Option<String>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.observedGeneration`
    pub observed_generation: i64,
}

/// An ImageUpdateAutomation: who writes chosen tags to Git.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageUpdateAutomation {
    /// Name, labels, owners.
    pub meta: Meta,
    /// `spec.sourceRef`
    pub source: Reference,
    /// `spec.update.path`, without a leading `./`.
    pub path: String,
    /// `spec.git.checkout.ref.branch`, if it differs from the source's.
    pub checkout_branch: Option<String>,
    /// `spec.git.push.branch`, if it differs from the branch checked out.
    pub push_branch: Option<String>,
    /// `spec.suspend`
    pub suspended: bool,
    /// `spec.interval`
    pub interval: Option<SignedDuration>,
    /// `status.lastAutomationRunTime`
    pub ran: Option<Timestamp>,
    /// `status.lastPushCommit`
    pub push_commit: Option<String>,
    /// `status.lastPushTime`
    pub pushed: Option<Timestamp>,
    /// `status.observedPolicies`: policy name to `image:tag`.
    pub observed_policies: BTreeMap<String, String>,
    /// `status.conditions`
    pub conditions: Vec<Condition>,
    /// `status.observedGeneration`
    pub observed_generation: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3f2c1ab0d4e5f60718293a4b5c6d7e8f90a1b2c3";

    #[test]
    fn a_revision_is_split_at_the_last_at_sign() {
        let odd = Revision::new(format!("feature/a@b@sha1:{SHA}"));
        assert_eq!((odd.name(), odd.commit()), ("feature/a@b", Some(SHA)));
    }

    #[test]
    fn old_clusters_write_branch_slash_sha() {
        let old = Revision::new(format!("main/{SHA}"));
        assert_eq!((old.name(), old.commit()), ("main", Some(SHA)));
    }

    #[test]
    fn an_override_replaces_tag_and_digest_or_neither() {
        let declared = ImageReference::parse("registry.example/shop/api:v1@sha256:ab");
        let made = |name: &str, new_name: Option<&str>, tag: Option<&str>, digest: Option<&str>| {
            let text = |one: Option<&str>| one.map(str::to_owned);
            let one = ImageOverride {
                name: name.to_owned(),
                new_name: text(new_name),
                tag: text(tag),
                digest: text(digest),
            };
            one.made_of(&declared)
        };
        let own = "registry.example/shop/api";
        for (made, expected) in [
            (
                made(own, None, Some("v2"), None),
                "registry.example/shop/api:v2",
            ),
            (
                made(own, None, None, Some("sha256:cd")),
                "registry.example/shop/api@sha256:cd",
            ),
            (
                made("api", Some(own), Some("v2"), Some("sha256:cd")),
                "registry.example/shop/api:v2@sha256:cd",
            ),
            (
                made(own, Some("mirror.example/api"), None, None),
                "mirror.example/api:v1@sha256:ab",
            ),
            (made("api", None, Some("v2"), None), "api:v2"),
        ] {
            assert_eq!(made, ImageReference::parse(expected));
        }
    }

    #[test]
    fn a_chart_version_is_no_commit() {
        assert_eq!(Revision::new("6.5.0").commit(), None);
        assert_eq!(Revision::new("latest@sha256:ab").commit(), None);
        assert_eq!(
            Revision::new("latest@sha256:ab").digest(),
            Some("sha256:ab")
        );
    }
}
