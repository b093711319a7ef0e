//! helm-controller: from a HelmRelease to a Helm release with its manifests, and back where an upgrade fails.
//!
//! Owns the chart template, the prerequisites and the choice of the next action. What actions do and how they end is in
//! [`action`]; the status they write in [`outcome`].

mod action;
mod outcome;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::conditions::{self, Conditions};
use super::fields::{at, cut, duration_at, flag, integer, list, put, text};
use super::names::digest;
use super::refusal::Refusal;
use super::shelf::Chart;
use super::source::handle_request;
use super::{Controllers, Key, Next, generation, requested};
use action::{Action, Waiting};
use outcome::Stored;

const COMPONENT: &str = "helm-controller";

/// `--requeue-dependency`
const RETRY_DEPENDENCY: i64 = 30;

/// Where a release stands between its steps.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// An object of it has changed since it was last looked at.
    pub(super) touched: bool,
    phase: Phase,
    /// The manifests of the release in the cluster, to know which fields are its own.
    applied: HashMap<Key, Value>,
    /// Helm's storage: every release there was.
    stored: Vec<Stored>,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    /// An action runs; its manifests are applied next.
    Running(Action),
    /// Manifests are applied and waited for.
    Waiting(Waiting),
}

impl Controllers {
    pub(super) fn helm_release(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let mut progress = self.releases.remove(key).unwrap_or_default();
        let next = match std::mem::take(&mut progress.phase) {
            Phase::Idle => self.prepare(key, &object, &mut progress),
            Phase::Running(action) => self.act(key, &object, &mut progress, action),
            Phase::Waiting(waiting) => self.await_release(key, &object, &mut progress, waiting),
        };
        self.releases.insert(key.clone(), progress);
        next
    }

    fn release_conditions<'a>(&self, status: &'a mut Value, object: &Value) -> Conditions<'a> {
        Conditions {
            status,
            generation: generation(object),
            now: self.now,
        }
    }

    /// Writes that prerequisites are not there.
    fn unfulfilled(
        &self,
        key: &Key,
        object: &Value,
        mut status: Value,
        reason: &str,
        message: &str,
    ) {
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.reconciling("Progressing", "Fulfilling prerequisites");
        conditions.no("Ready", reason, message);
        handle_request(&mut status, object);
        self.write_status(key, status);
    }

    fn prepare(&mut self, key: &Key, object: &Value, progress: &mut Progress) -> Next {
        if flag(object, &["spec", "suspend"]) {
            return self.suspended(key, object, false);
        }
        let mut status = object["status"].clone();
        let chart_key = self.chart_template(key, object, &mut status);
        if let Err(why) = self.release_dependencies(key, object) {
            self.unfulfilled(key, object, status, "DependencyNotReady", &why.0);
            self.store
                .record_event(object, false, "DependencyNotReady", &why.0, COMPONENT);
            return Next::seconds(RETRY_DEPENDENCY);
        }
        let Some(source) = self.object(&chart_key) else {
            let message = format!(
                "could not get Source object: {}.source.toolkit.fluxcd.io \"{}\" not found",
                chart_key.kind, chart_key.name
            );
            self.unfulfilled(key, object, status, "ArtifactFailed", &message);
            return self.back_off(key);
        };
        if let Err(why) = source_ready(&chart_key, &source) {
            self.unfulfilled(key, object, status, "SourceNotReady", &why.0);
            return Next::seconds(RETRY_DEPENDENCY);
        }
        let values = match self.values(key, object) {
            Ok(values) => values,
            Err(why) => {
                self.unfulfilled(key, object, status, "ValuesError", &why.0);
                self.store
                    .record_event(object, true, "ValuesError", &why.0, COMPONENT);
                return self.back_off(key);
            }
        };
        let chart = match self.chart_of(&source) {
            Some(chart) => chart,
            None => {
                let message = "Source not ready: artifact not found. Retrying in 30s";
                self.unfulfilled(key, object, status, "ArtifactFailed", message);
                return Next::seconds(RETRY_DEPENDENCY);
            }
        };
        self.succeeded(key);
        let config = digest(values.to_string().as_bytes());
        // Another chart, other values or another spec: failures count from the beginning.
        if integer(&status, &["lastAttemptedGeneration"]) != Some(generation(object))
            || text(&status, &["lastAttemptedRevision"]) != chart.version
            || text(&status, &["lastAttemptedConfigDigest"]) != config
            || reset_requested(object, &status)
        {
            clear_failures(&mut status);
        }
        for (field, value) in [
            ("lastAttemptedGeneration", json!(generation(object))),
            ("lastAttemptedRevision", json!(chart.version)),
            ("lastAttemptedConfigDigest", json!(config)),
            ("storageNamespace", json!(&*key.namespace)),
        ] {
            put(&mut status, &[field], value);
        }
        self.next_action(key, object, progress, status, chart, values)
    }

    /// Makes the HelmChart that `spec.chart` describes. Answers the key of the object that has the artifact.
    fn chart_template(&mut self, key: &Key, object: &Value, status: &mut Value) -> Key {
        if let Some(reference) = at(object, &["spec", "chartRef"]) {
            let namespace = match text(reference, &["namespace"]) {
                "" => &key.namespace,
                namespace => namespace,
            };
            let kind = if text(reference, &["kind"]) == "OCIRepository" {
                "OCIRepository"
            } else {
                "HelmChart"
            };
            cut(status, &["helmChart"]);
            return Key::new(kind, namespace, text(reference, &["name"]));
        }
        let template = &object["spec"]["chart"]["spec"];
        let namespace = match text(template, &["sourceRef", "namespace"]) {
            "" => &key.namespace,
            namespace => namespace,
        };
        let chart = Key::new(
            "HelmChart",
            namespace,
            &format!("{}-{}", key.namespace, key.name),
        );
        let mut spec = template.clone();
        cut(&mut spec, &["sourceRef", "namespace"]);
        for (field, fallback) in [
            ("interval", object["spec"]["interval"].clone()),
            ("reconcileStrategy", json!("ChartVersion")),
            ("version", json!("*")),
        ] {
            if at(&spec, &[field]).is_none() {
                put(&mut spec, &[field], fallback);
            }
        }
        let wanted = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmChart",
            "metadata": {"name": &*chart.name, "namespace": &*chart.namespace, "labels": labels(key)},
            "spec": spec,
        });
        if let Err(error) = self.store.apply(wanted) {
            tracing::warn!(%error, "a HelmChart could not be stored");
        }
        put(status, &["helmChart"], json!(chart.path()));
        chart
    }

    fn release_dependencies(&self, key: &Key, object: &Value) -> Result<(), Refusal> {
        for dependency in list(object, &["spec", "dependsOn"]) {
            let namespace = match text(dependency, &["namespace"]) {
                "" => &key.namespace,
                namespace => namespace,
            };
            let name = text(dependency, &["name"]);
            let other = self.store.get("HelmRelease", namespace, name).ok_or_else(|| {
                format!(
                    "unable to get '{namespace}/{name}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found"
                )
            })?;
            let observed = integer(&other, &["status", "observedGeneration"]);
            if observed != Some(generation(&other))
                || !conditions::is(&other["status"], "Ready", "True")
            {
                return Err(Refusal(format!(
                    "dependency '{namespace}/{name}' is not ready"
                )));
            }
        }
        Ok(())
    }

    /// `spec.values` over what `spec.valuesFrom` names.
    fn values(&self, key: &Key, object: &Value) -> Result<Value, Refusal> {
        let mut values = Value::Object(Map::new());
        for reference in list(object, &["spec", "valuesFrom"]) {
            let (kind, name) = (text(reference, &["kind"]), text(reference, &["name"]));
            let data_key = match text(reference, &["valuesKey"]) {
                "" => "values.yaml",
                data_key => data_key,
            };
            let unresolved = |why: String| {
                format!(
                    "could not resolve {kind} chart values reference '{}/{name}' with key '{data_key}': {why}",
                    key.namespace
                )
            };
            let found = self.store.get(kind, &key.namespace, name);
            let Some(found) = found else {
                if flag(reference, &["optional"]) {
                    continue;
                }
                let plural = format!("{}s", kind.to_lowercase());
                return Err(unresolved(format!("{plural} \"{name}\" not found")).into());
            };
            let content = match kind {
                "Secret" => text(&found, &["stringData", data_key]).to_owned(),
                _ => text(&found, &["data", data_key]).to_owned(),
            };
            if content.is_empty() {
                return Err(unresolved(format!("missing key '{data_key}' in {kind}")).into());
            }
            let read: Value =
                serde_yaml_ng::from_str(&content).map_err(|error| unresolved(error.to_string()))?;
            merge_values(&mut values, &read);
        }
        if let Some(own) = at(object, &["spec", "values"]) {
            merge_values(&mut values, own);
        }
        Ok(values)
    }

    fn chart_of(&mut self, source: &Value) -> Option<Chart> {
        if text(source, &["kind"]) == "HelmChart" {
            return self.stored_chart(source);
        }
        // A chart in an OCI artifact: its version carries the first twelve digits of the digest.
        let artifact = &source["status"]["artifact"];
        let files = self
            .contents
            .files(text(artifact, &["digest"]), &self.code)?;
        let file: super::charts::ChartFile =
            serde_yaml_ng::from_str(files.get("Chart.yaml")?).ok()?;
        let revision = text(artifact, &["revision"]);
        let short = revision
            .rsplit_once(':')
            .map_or("", |(_, hex)| hex.get(..12).unwrap_or(hex));
        Some(Chart {
            name: file.name,
            version: format!("{}+{short}", file.version),
            app_version: file.app_version.unwrap_or_default(),
        })
    }

    /// A deleted HelmRelease takes its release and its HelmChart with it, unless it is suspended.
    pub(super) fn finalize_release(&self, object: &Value) {
        let Some(key) = Key::of(object) else {
            return;
        };
        if flag(object, &["spec", "suspend"]) {
            return;
        }
        self.prune(
            list(object, &["status", "inventory", "entries"]),
            &[],
            &labels(&key),
        );
        if let Some((namespace, name)) = text(object, &["status", "helmChart"]).split_once('/') {
            self.store.delete("HelmChart", namespace, name);
        }
    }
}

/// The labels by which everything of a release is known as its own.
fn labels(key: &Key) -> Value {
    json!({
        "helm.toolkit.fluxcd.io/name": &*key.name,
        "helm.toolkit.fluxcd.io/namespace": &*key.namespace,
    })
}

/// `spec.timeout`, five minutes by default.
fn timeout(object: &Value) -> jiff::SignedDuration {
    duration_at(object, &["spec", "timeout"], 300)
}

fn release_name(object: &Value) -> String {
    let name = text(object, &["metadata", "name"]);
    match (
        text(object, &["spec", "releaseName"]),
        text(object, &["spec", "targetNamespace"]),
    ) {
        ("", "") => name.to_owned(),
        ("", namespace) => format!("{namespace}-{name}"),
        (release, _) => release.to_owned(),
    }
}

fn release_namespace(object: &Value) -> &str {
    match text(object, &["spec", "targetNamespace"]) {
        "" => text(object, &["metadata", "namespace"]),
        namespace => namespace,
    }
}

fn clear_failures(status: &mut Value) {
    for field in ["failures", "installFailures", "upgradeFailures"] {
        cut(status, &[field]);
    }
}

/// Whether the annotation that resets failures was set along with a request that is not handled yet.
fn reset_requested(object: &Value, status: &Value) -> bool {
    let reset = text(
        object,
        &["metadata", "annotations", "reconcile.fluxcd.io/resetAt"],
    );
    !reset.is_empty()
        && reset == requested(object)
        && text(status, &["lastHandledReconcileAt"]) != reset
}

/// Whether a source has what a release needs, in helm-controller's words.
fn source_ready(key: &Key, source: &Value) -> Result<(), Refusal> {
    let status = &source["status"];
    let not_ready = |why: &str| {
        Err(Refusal(format!(
            "{} '{}/{}' is not ready: {why}",
            key.kind, key.namespace, key.name
        )))
    };
    if integer(status, &["observedGeneration"]) != Some(generation(source)) {
        return match conditions::find(status, "Ready") {
            Some(ready) if text(ready, &["status"]) == "False" => {
                not_ready(text(ready, &["message"]))
            }
            _ => not_ready("latest generation of object has not been reconciled"),
        };
    }
    if let Some(stalled) = conditions::find(status, "Stalled") {
        return not_ready(text(stalled, &["message"]));
    }
    if at(status, &["artifact"]).is_none() {
        return not_ready("does not have an artifact");
    }
    Ok(())
}

fn merge_values(values: &mut Value, over: &Value) {
    match (values, over) {
        (Value::Object(values), Value::Object(over)) => {
            for (key, value) in over {
                merge_values(values.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (values, over) => *values = over.clone(),
    }
}
