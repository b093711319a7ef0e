//! source-controller's HelmCharts: which published or committed chart version a release gets.

use serde_json::{Value, json};

use super::charts::ChartFile;
use super::conditions::Conditions;
use super::fields::{at, duration_at, flag, put, text};
use super::names::digest;
use super::shelf::Chart;
use super::source::{FetchError, Fetched, handle_request};
use super::versions::{Range, newest};
use super::{Controllers, Key, Next, generation};
use crate::kubernetes::kinds::Kind;

/// Why there is no chart, and what that means for trying again.
enum ChartError {
    /// Only another chart or another spec helps.
    Stalled(FetchError),
    /// Tried again, later and later.
    Retry(FetchError),
}

/// Fields of the status that are written with an artifact.
type Observed = Vec<(&'static str, Value)>;

impl Controllers {
    pub(super) fn helm_chart(&mut self, key: &Key) -> Next {
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
        let resolved = match fault {
            Some(error) => Err(ChartError::Retry(error)),
            None => self.resolve_chart(key, &object),
        };
        match resolved {
            Ok((fetched, observed)) => {
                self.succeeded(key);
                let interval = duration_at(&object, &["spec", "interval"], 600);
                let new = observed
                    .iter()
                    .any(|(field, value)| object["status"].get(*field) != Some(value));
                let mut object = Value::clone(&object);
                if new {
                    for (field, value) in observed {
                        put(&mut object, &["status", field], value);
                    }
                    // Written first, so that it is there whether or not the artifact is another.
                    self.write_status(key, object["status"].clone());
                }
                if self.stored(key, &object, fetched) || new {
                    Next::After(interval)
                } else {
                    Next::Idle(interval)
                }
            }
            Err(ChartError::Retry(error)) => {
                self.fetch_failed(key, &object, &error);
                self.back_off(key)
            }
            Err(ChartError::Stalled(error)) => {
                self.succeeded(key);
                self.chart_stalled(key, &object, &error);
                Next::OnChange
            }
        }
    }

    fn chart_stalled(&self, key: &Key, object: &Value, error: &FetchError) {
        let mut status = object["status"].clone();
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.stalled(&error.reason, &error.message);
        conditions.yes("FetchFailed", &error.reason, &error.message);
        conditions.no("Ready", &error.reason, &error.message);
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(object)),
        );
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store.record_event(
            object,
            true,
            &error.reason,
            &error.message,
            "source-controller",
        );
    }

    fn resolve_chart(
        &mut self,
        key: &Key,
        object: &Value,
    ) -> Result<(Fetched, Observed), ChartError> {
        let (kind, name) = (
            text(object, &["spec", "sourceRef", "kind"]),
            text(object, &["spec", "sourceRef", "name"]),
        );
        let source = Kind::named(kind)
            .map(|kind| Key::new(kind.kind, &key.namespace, name))
            .and_then(|key| self.object(&key));
        let Some(source) = source else {
            let plural = Kind::named(kind).map_or("", |kind| kind.plural);
            return Err(ChartError::Retry(FetchError::new(
                "SourceUnavailable",
                format!(
                    "failed to get source: {plural}.source.toolkit.fluxcd.io \"{name}\" not found"
                ),
            )));
        };
        let oci = kind == "HelmRepository" && text(&source, &["spec", "type"]) == "oci";
        let revision = text(&source, &["status", "artifact", "revision"]);
        if revision.is_empty() && !oci {
            return Err(ChartError::Retry(FetchError::new(
                "NoSourceArtifact",
                format!("no artifact available for {kind} source '{name}'"),
            )));
        }
        let (chart, packaged) = if kind == "HelmRepository" {
            (self.published_chart(object, &source)?, false)
        } else {
            let artifact = text(&source, &["status", "artifact", "digest"]);
            (self.committed_chart(object, artifact)?, true)
        };
        let mut version = chart.version.clone();
        if packaged && text(object, &["spec", "reconcileStrategy"]) == "Revision" {
            let commit = revision
                .rsplit_once(':')
                .map_or(revision, |(_, commit)| commit);
            version = format!("{version}+{}", commit.get(..12).unwrap_or(commit));
        }
        let (reason, done) = if packaged {
            ("ChartPackageSucceeded", "packaged")
        } else {
            ("ChartPullSucceeded", "pulled")
        };
        let summary = format!("{done} '{}' chart with version '{version}'", chart.name);
        let fetched = Fetched {
            digest: digest(format!("{} {version} {}", chart.name, chart.app_version).as_bytes()),
            file: format!("{}-{version}.tgz", chart.name),
            metadata: Value::Null,
            stored: (reason, summary.clone()),
            news: (reason, summary),
            revision: version,
        };
        let mut observed = vec![("observedChartName", json!(chart.name))];
        if !revision.is_empty() {
            observed.push(("observedSourceArtifactRevision", json!(revision)));
        }
        Ok((fetched, observed))
    }

    /// The newest published version in the range.
    fn published_chart(&self, object: &Value, source: &Value) -> Result<Chart, ChartError> {
        let wanted = text(object, &["spec", "chart"]);
        let range = match text(object, &["spec", "version"]) {
            "" => "*",
            range => range,
        };
        let invalid = |why: String| {
            ChartError::Stalled(FetchError::new(
                "InvalidChartReference",
                format!(
                    "invalid chart reference: failed to get chart version for remote reference: {why}"
                ),
            ))
        };
        let charts: Vec<Chart> = self
            .shelf
            .charts(text(source, &["spec", "url"]))
            .into_iter()
            .filter(|chart| chart.name == wanted)
            .collect();
        if charts.is_empty() {
            return Err(invalid("no chart name found".to_owned()));
        }
        let parsed =
            Range::parse(range).ok_or_else(|| invalid(format!("improper constraint: {range}")))?;
        let version = newest(charts.iter().map(|chart| chart.version.as_str()), &parsed)
            .ok_or_else(|| {
                invalid(format!(
                    "no '{wanted}' chart with version matching '{range}' found"
                ))
            })?;
        charts
            .iter()
            .rfind(|chart| chart.version == version)
            .cloned()
            .ok_or_else(|| invalid("no chart version found".to_owned()))
    }

    /// The chart in a folder of a source's artifact.
    fn committed_chart(&mut self, object: &Value, artifact: &str) -> Result<Chart, ChartError> {
        let path = text(object, &["spec", "chart"])
            .trim_start_matches("./")
            .trim_matches('/')
            .to_owned();
        let invalid = |why: String| {
            ChartError::Stalled(FetchError::new(
                "InvalidChartReference",
                format!("invalid chart reference: {why}"),
            ))
        };
        let files = self
            .contents
            .files(artifact, &self.code)
            .unwrap_or_default();
        let content = files.get(&format!("{path}/Chart.yaml")).ok_or_else(|| {
            invalid(format!(
                "failed to open chart path /source/{path}: stat {path}: no such file or directory"
            ))
        })?;
        let file: ChartFile = serde_yaml_ng::from_str(content)
            .map_err(|error| invalid(format!("cannot load Chart.yaml: {error}")))?;
        Ok(Chart {
            name: file.name,
            version: file.version,
            app_version: file.app_version.unwrap_or_default(),
        })
    }

    /// The chart that a HelmChart's artifact holds.
    pub(super) fn stored_chart(&mut self, chart: &Value) -> Option<Chart> {
        let name = text(chart, &["status", "observedChartName"]);
        let revision = text(chart, &["status", "artifact", "revision"]);
        let version = revision
            .split_once('+')
            .map_or(revision, |(version, _)| version);
        let namespace = text(chart, &["metadata", "namespace"]);
        let kind = Kind::named(text(chart, &["spec", "sourceRef", "kind"]))?;
        let source = self.object(&Key::new(
            kind.kind,
            namespace,
            text(chart, &["spec", "sourceRef", "name"]),
        ))?;
        let app_version = if kind.kind == "HelmRepository" {
            self.shelf
                .charts(text(&source, &["spec", "url"]))
                .into_iter()
                .rfind(|chart| chart.name == name && chart.version == version)
                .map(|chart| chart.app_version)
        } else {
            let artifact = text(&source, &["status", "artifact", "digest"]).to_owned();
            self.committed_chart(chart, &artifact)
                .ok()
                .map(|chart| chart.app_version)
        };
        at(chart, &["status", "artifact"])?;
        Some(Chart {
            name: name.to_owned(),
            version: revision.to_owned(),
            app_version: app_version.unwrap_or_default(),
        })
    }
}
