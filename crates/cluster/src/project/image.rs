//! Flux's image automation: scans, policies, and what writes chosen tags to Git.

use facts::Kind;
use facts::flux::{ImagePolicy, ImageRepository, ImageUpdateAutomation};
use serde::Deserialize;

use super::flux::{ReferencePart, plain_path};
use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{Flag, Integer, List, Moment, Part, Perhaps, Span, Table, Text};

/// An ImageRepository.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ImageRepositoryPart {
    metadata: Part<MetaPart>,
    spec: Part<RepositorySpec>,
    status: Part<RepositoryStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RepositorySpec {
    image: Text,
    suspend: Flag,
    interval: Span,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RepositoryStatus {
    last_scan_result: Part<ScanResult>,
    conditions: List<Part<ConditionPart>>,
    observed_generation: Integer,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScanResult {
    scan_time: Moment,
    latest_tags: List<Text>,
}

impl Partial for ImageRepositoryPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let scan = self.status.0.last_scan_result.0;
        Object::ImageRepository(ImageRepository {
            meta: self.metadata.0.project(),
            image: self.spec.0.image.0,
            suspended: self.spec.0.suspend.0,
            interval: self.spec.0.interval.0,
            scanned: scan.scan_time.0,
            latest_tags: scan.latest_tags.0.into_iter().map(|tag| tag.0).collect(),
            conditions: conditions(self.status.0.conditions),
            observed_generation: self.status.0.observed_generation.or_zero(),
        })
    }
}

/// An ImagePolicy.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ImagePolicyPart {
    metadata: Part<MetaPart>,
    spec: Part<PolicySpec>,
    status: Part<PolicyStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PolicySpec {
    image_repository_ref: Part<ReferencePart>,
    suspend: Flag,
    policy: Part<Rules>,
    filter_tags: Part<FilterTags>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rules {
    semver: Perhaps<Range>,
    alphabetical: Perhaps<Order>,
    numerical: Perhaps<Order>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Range {
    range: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Order {
    order: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FilterTags {
    pattern: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PolicyStatus {
    latest_ref: Perhaps<ImageRef>,
    /// Of the betas: `repository:tag`, with `@digest` where the policy reflects it.
    latest_image: Text,
    conditions: List<Part<ConditionPart>>,
    observed_generation: Integer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImageRef {
    name: Text,
    tag: Text,
    digest: Text,
}

impl Rules {
    /// The rule in words; alphabetical and numerical order ascend unless told otherwise.
    fn words(self) -> String {
        if let Some(range) = self.semver.0 {
            format!("semver {}", range.range.0)
        } else if let Some(order) = self.alphabetical.0 {
            format!("alphabetical {}", order.order.or("asc"))
        } else if let Some(order) = self.numerical.0 {
            format!("numerical {}", order.order.or("asc"))
        } else {
            String::new()
        }
    }
}

/// Takes `registry:5000/repository:tag@digest` apart: tag and digest.
fn tag_and_digest(image: &str) -> (Option<String>, Option<String>) {
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest.to_owned())),
        None => (image, None),
    };
    let last = image.rsplit('/').next().unwrap_or_default();
    (last.split_once(':').map(|(_, tag)| tag.to_owned()), digest)
}

impl Partial for ImagePolicyPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        let (latest_tag, latest_digest) = match status.latest_ref.0 {
            Some(image) => (image.tag.some(), image.digest.some()),
            None => tag_and_digest(&status.latest_image.0),
        };
        Object::ImagePolicy(ImagePolicy {
            repository: spec
                .image_repository_ref
                .0
                .from(&meta.namespace, "ImageRepository"),
            suspended: spec.suspend.0,
            rule: spec.policy.0.words(),
            filter: spec.filter_tags.0.pattern.some(),
            latest_tag,
            latest_digest,
            conditions: conditions(status.conditions),
            observed_generation: status.observed_generation.or_zero(),
            meta,
        })
    }
}

/// An ImageUpdateAutomation.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ImageUpdateAutomationPart {
    metadata: Part<MetaPart>,
    spec: Part<AutomationSpec>,
    status: Part<AutomationStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AutomationSpec {
    source_ref: Part<ReferencePart>,
    update: Part<Update>,
    git: Part<Git>,
    suspend: Flag,
    interval: Span,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Update {
    path: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Git {
    checkout: Part<Checkout>,
    push: Part<Push>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Checkout {
    #[serde(rename = "ref")]
    reference: Part<Push>,
}

/// Something with a branch.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Push {
    branch: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AutomationStatus {
    last_automation_run_time: Moment,
    last_push_commit: Text,
    last_push_time: Moment,
    observed_policies: Table<Part<ImageRef>>,
    conditions: List<Part<ConditionPart>>,
    observed_generation: Integer,
}

impl ImageRef {
    /// `image:tag@digest`, as far as it is known.
    fn reference(self) -> String {
        let mut image = self.name.0;
        if let Some(tag) = self.tag.some() {
            image = format!("{image}:{tag}");
        }
        if let Some(digest) = self.digest.some() {
            image = format!("{image}@{digest}");
        }
        image
    }
}

impl Partial for ImageUpdateAutomationPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        Object::ImageUpdateAutomation(ImageUpdateAutomation {
            source: spec.source_ref.0.from(&meta.namespace, "GitRepository"),
            path: plain_path(&spec.update.0.path.0),
            checkout_branch: spec.git.0.checkout.0.reference.0.branch.some(),
            push_branch: spec.git.0.push.0.branch.some(),
            suspended: spec.suspend.0,
            interval: spec.interval.0,
            ran: status.last_automation_run_time.0,
            push_commit: status.last_push_commit.some(),
            pushed: status.last_push_time.0,
            observed_policies: status
                .observed_policies
                .0
                .into_iter()
                .map(|(policy, image)| (policy, image.0.reference()))
                .collect(),
            conditions: conditions(status.conditions),
            observed_generation: status.observed_generation.or_zero(),
            meta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn one(kind: Kind, object: &str) -> Object {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        page(kind, json.as_bytes()).unwrap().objects.remove(0)
    }

    fn policy(object: &str) -> ImagePolicy {
        match one(Kind::ImagePolicy, object) {
            Object::ImagePolicy(policy) => policy,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scan_as_image_reflector_controller_writes_it() {
        let Object::ImageRepository(repository) = one(
            Kind::ImageRepository,
            r#"{"metadata":{"name":"api","namespace":"flux-system"},"spec":{"image":"ghcr.io/shop/api","interval":"1m0s","exclusionList":["^.*\\.sig$"]},
              "status":{"canonicalImageName":"ghcr.io/shop/api","lastScanResult":{"latestTags":["b","a",3],"revision":"x","scanTime":"2026-01-01T00:00:00Z","tagCount":2},"observedGeneration":1}}"#,
        ) else {
            panic!()
        };
        assert_eq!(repository.latest_tags, ["b", "a", "3"]);
        assert!(repository.scanned.is_some());
    }

    #[test]
    fn a_policy_says_its_rule_in_words() {
        let p = policy(
            r#"{"metadata":{"name":"api","namespace":"flux-system"},
              "spec":{"filterTags":{"extract":"$ts","pattern":"^main-[a-f0-9]+-(?P<ts>[0-9]+)"},"imageRepositoryRef":{"name":"api","namespace":"other"},"policy":{"numerical":{"order":"desc"}}},
              "status":{"latestRef":{"digest":"sha256:aa","name":"ghcr.io/shop/api","tag":"main-1"}}}"#,
        );
        assert_eq!(p.rule, "numerical desc");
        assert_eq!(p.repository.namespace, "other");
        assert_eq!(p.latest_tag.as_deref(), Some("main-1"));
        assert_eq!(p.latest_digest.as_deref(), Some("sha256:aa"));
        assert_eq!(
            policy(
                r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"policy":{"alphabetical":{}}}}"#
            )
            .rule,
            "alphabetical asc"
        );
        assert_eq!(policy(r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"policy":{"semver":{"range":">=1.0"}}}}"#).rule, "semver >=1.0");
    }

    #[test]
    fn the_betas_wrote_the_latest_image_as_one_text() {
        let p = policy(
            r#"{"metadata":{"name":"a","namespace":"b"},"status":{"latestImage":"localhost:5000/shop/api:1.2@sha256:bb"}}"#,
        );
        assert_eq!(p.latest_tag.as_deref(), Some("1.2"));
        assert_eq!(p.latest_digest.as_deref(), Some("sha256:bb"));
        let p = policy(
            r#"{"metadata":{"name":"a","namespace":"b"},"status":{"latestImage":"localhost:5000/shop/api"}}"#,
        );
        assert_eq!(p.latest_tag, None, "a port is no tag");
    }

    #[test]
    fn an_automation_says_what_it_pushed_where() {
        let Object::ImageUpdateAutomation(a) = one(
            Kind::ImageUpdateAutomation,
            r#"{"metadata":{"name":"a","namespace":"flux-system"},
              "spec":{"git":{"checkout":{"ref":{"branch":"main"}},"commit":{"author":{"email":"e"}},"push":{"branch":"bump"}},"interval":"30m","sourceRef":{"kind":"GitRepository","name":"gitops"},"update":{"path":"./apps","strategy":"Setters"}},
              "status":{"lastAutomationRunTime":"2026-01-01T00:00:00Z","lastPushCommit":"abc","lastPushTime":"2026-01-01T00:00:00Z",
                "observedPolicies":{"api":{"name":"ghcr.io/shop/api","tag":"1"},"odd":7},"observedSourceRevision":"main@sha1:x"}}"#,
        ) else {
            panic!()
        };
        assert_eq!(a.path, "apps");
        assert_eq!(a.push_branch.as_deref(), Some("bump"));
        assert_eq!(a.checkout_branch.as_deref(), Some("main"));
        assert_eq!(a.observed_policies["api"], "ghcr.io/shop/api:1");
        assert_eq!(a.push_commit.as_deref(), Some("abc"));
    }
}
