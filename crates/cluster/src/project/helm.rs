//! HelmReleases, v2 and the betas before it.

use facts::Kind;
use facts::flux::{HelmRelease, Release};
use facts::meta::Reference;
use serde::Deserialize;

use super::flux::{ReferencePart, depends_on, plain_path, read_from};
use super::meta::{ConditionPart, MetaPart, Present, conditions};
use super::values::Images;
use super::{Object, Partial};
use crate::tolerant::{Flag, Integer, List, Moment, Part, Perhaps, Span, Text};

/// A HelmRelease.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct HelmReleasePart {
    metadata: Part<MetaPart>,
    spec: Part<Spec>,
    status: Part<HelmStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    chart: Perhaps<Chart>,
    chart_ref: Perhaps<ReferencePart>,
    suspend: Flag,
    interval: Span,
    depends_on: List<Part<ReferencePart>>,
    values_from: List<Part<ReferencePart>>,
    values: Images,
    target_namespace: Text,
    kube_config: Perhaps<Present>,
    install: Part<Deed>,
    upgrade: Part<Deed>,
}

/// What is set for installing or upgrading.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Deed {
    disable_wait: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chart {
    spec: Part<ChartSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ChartSpec {
    chart: Text,
    version: Text,
    source_ref: Perhaps<ReferencePart>,
    values_files: List<Text>,
    /// Of the first betas.
    values_file: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HelmStatus {
    observed_generation: Integer,
    last_attempted_revision: Text,
    last_attempted_generation: Integer,
    /// Of v2beta1 and v2beta2 only.
    last_applied_revision: Text,
    /// Of v2beta1 and v2beta2 only.
    last_release_revision: Integer,
    failures: Integer,
    helm_chart: Text,
    history: List<Part<ReleasePart>>,
    conditions: List<Part<ConditionPart>>,
    last_handled_reconcile_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReleasePart {
    version: Integer,
    chart_version: Text,
    app_version: Text,
    status: Text,
    first_deployed: Moment,
    last_deployed: Moment,
}

impl Partial for HelmReleasePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(mut self, _: Kind) -> Object {
        let edited = self.metadata.0.edited();
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let status = self.status.0;
        let chart = spec.chart.0.map(|chart| chart.spec.0).unwrap_or_default();
        let source = match (chart.source_ref.0, spec.chart_ref.0) {
            (Some(part), _) => Some(part.from(&meta.namespace, "HelmRepository")),
            (None, Some(part)) => Some(part.from(&meta.namespace, "OCIRepository")),
            (None, None) => None,
        };
        let mut history: Vec<Release> = status
            .history
            .parts()
            .map(|part| Release {
                version: part.version.or_zero(),
                chart_version: part.chart_version.0,
                app_version: part.app_version.some(),
                status: part.status.0,
                first: part.first_deployed.0,
                last: part.last_deployed.0,
            })
            .collect();
        history.sort_by_key(|release| std::cmp::Reverse(release.version));
        // The betas before the history said only which chart version was last released well.
        if history.is_empty()
            && let Some(chart_version) = status.last_applied_revision.some()
        {
            history.push(Release {
                version: status.last_release_revision.or_zero(),
                chart_version,
                app_version: None,
                status: "deployed".to_owned(),
                first: None,
                last: None,
            });
        }
        Object::HelmRelease(HelmRelease {
            chart: chart.chart.some(),
            chart_version: chart.version.some(),
            values_files: {
                let listed = chart.values_files.0.into_iter().filter_map(Text::some);
                let all = listed.chain(chart.values_file.some());
                all.map(|path| plain_path(&path)).collect()
            },
            values_from: read_from(spec.values_from, &meta.namespace),
            source,
            helm_chart: helm_chart(&status.helm_chart.0),
            edited,
            suspended: spec.suspend.0,
            interval: spec.interval.0,
            depends_on: depends_on(spec.depends_on, &meta.namespace, "HelmRelease"),
            images: spec.values.0,
            target_namespace: spec.target_namespace.or(&meta.namespace),
            remote: spec.kube_config.0.is_some(),
            waits: !spec.install.0.disable_wait.0 && !spec.upgrade.0.disable_wait.0,
            observed_generation: status.observed_generation.or_zero(),
            attempted: status.last_attempted_revision.some(),
            attempted_generation: status.last_attempted_generation.0,
            failures: status.failures.or_zero(),
            history,
            conditions: conditions(status.conditions),
            handled_request: status.last_handled_reconcile_at.some(),
            meta,
        })
    }
}

/// `namespace/name` of the HelmChart that was made for the release.
fn helm_chart(text: &str) -> Option<Reference> {
    let (namespace, name) = text.split_once('/')?;
    Some(Reference {
        kind: "HelmChart".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn release(object: &str) -> HelmRelease {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        match page(Kind::HelmRelease, json.as_bytes())
            .unwrap()
            .objects
            .remove(0)
        {
            Object::HelmRelease(release) => release,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_release_as_helm_controller_writes_it() {
        let r = release(
            r#"{"apiVersion":"helm.toolkit.fluxcd.io/v2","metadata":{"name":"podinfo","namespace":"shop","generation":5},
              "spec":{"chart":{"spec":{"chart":"podinfo","reconcileStrategy":"ChartVersion","sourceRef":{"kind":"HelmRepository","name":"podinfo","namespace":"flux-system"},"version":"6.x"}},
                "dependsOn":[{"name":"redis"}],"interval":"5m","values":{"image":{"repository":"ghcr.io/shop/api","tag":"1.2.3"}}},
              "status":{"conditions":[{"type":"Released","status":"False","reason":"UpgradeFailed","message":"Helm upgrade failed"}],
                "failures":2,"helmChart":"flux-system/shop-podinfo",
                "history":[{"appVersion":"6.4.0","chartName":"podinfo","chartVersion":"6.4.0","configDigest":"d","firstDeployed":"2026-01-01T00:00:00Z","lastDeployed":"2026-01-01T00:00:00Z","name":"podinfo","namespace":"shop","status":"superseded","version":1},
                           {"chartVersion":"6.5.0","lastDeployed":"2026-01-02T00:00:00Z","status":"failed","version":2}],
                "lastAttemptedConfigDigest":"x","lastAttemptedGeneration":5,"lastAttemptedReleaseAction":"upgrade","lastAttemptedRevision":"6.5.0","observedGeneration":5,"upgradeFailures":2}}"#,
        );
        assert_eq!(r.chart.as_deref(), Some("podinfo"));
        assert_eq!(r.source.unwrap().namespace, "flux-system");
        assert_eq!(r.helm_chart.unwrap().name, "shop-podinfo");
        assert_eq!(r.target_namespace, "shop");
        assert_eq!(r.images, ["ghcr.io/shop/api:1.2.3"]);
        assert_eq!(r.attempted.as_deref(), Some("6.5.0"));
        assert_eq!(r.failures, 2);
        let versions: Vec<_> = r
            .history
            .iter()
            .map(|h| (h.version, h.status.as_str()))
            .collect();
        assert_eq!(versions, [(2, "failed"), (1, "superseded")]);
        assert_eq!(r.depends_on[0].kind, "HelmRelease");
    }

    #[test]
    fn what_a_release_reads_besides_its_own_values_is_named() {
        let r = release(
            r#"{"metadata":{"name":"a","namespace":"shop"},"spec":{"valuesFrom":[{"kind":"ConfigMap","name":"shared"},{"kind":"Secret","name":"keys","optional":true},7],
              "chart":{"spec":{"chart":"./charts/a","valuesFiles":["./values/prod.yaml"],"valuesFile":"values/old.yaml"}}}}"#,
        );
        let read: Vec<_> = r
            .values_from
            .iter()
            .map(|one| (one.kind.as_str(), one.namespace.as_str(), one.name.as_str()))
            .collect();
        assert_eq!(
            read,
            [("ConfigMap", "shop", "shared"), ("Secret", "shop", "keys")]
        );
        assert_eq!(r.values_files, ["values/prod.yaml", "values/old.yaml"]);
    }

    #[test]
    fn a_release_of_an_oci_chart_names_its_source() {
        let r = release(
            r#"{"metadata":{"name":"a","namespace":"shop"},"spec":{"chartRef":{"kind":"OCIRepository","name":"chart"},"targetNamespace":"other"}}"#,
        );
        let source = r.source.unwrap();
        assert_eq!(
            (source.kind.as_str(), source.namespace.as_str()),
            ("OCIRepository", "shop")
        );
        assert_eq!(r.chart, None);
        assert_eq!(r.target_namespace, "other");
    }

    #[test]
    fn the_first_beta_knew_only_the_last_applied_revision() {
        let r = release(
            r#"{"apiVersion":"helm.toolkit.fluxcd.io/v2beta1","metadata":{"name":"a","namespace":"shop"},
              "status":{"lastAppliedRevision":"1.0.0","lastAttemptedRevision":"1.1.0","lastReleaseRevision":4}}"#,
        );
        assert_eq!(
            (r.history[0].version, r.history[0].chart_version.as_str()),
            (4, "1.0.0")
        );
        let r = release(
            r#"{"metadata":{"name":"a","namespace":"shop"},"status":{"lastAttemptedRevision":"1.1.0"}}"#,
        );
        assert!(r.history.is_empty(), "nothing was ever released");
    }
}
