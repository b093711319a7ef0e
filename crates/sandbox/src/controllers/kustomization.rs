//! kustomize-controller: from a source's artifact to applied, pruned and checked objects.
//!
//! Owns the order of a run and what its status says at each step: `lastAttemptedRevision` moves once dependencies are
//! ready and the path exists; apply and prune come before health checks; `lastAppliedRevision` moves after them.

mod checks;
mod history;
mod manifests;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::apply::{Effect, inventory_entry, log};
use super::build;
use super::conditions::{self, Conditions};
use super::fields::{at, cut, duration_at, flag, go_duration, integer, list, put, text};
use super::names::number;
use super::refusal::Refusal;
use super::source::handle_request;
use super::{Controllers, Key, Next, generation, requested};
use checks::Checking;

const COMPONENT: &str = "kustomize-controller";

/// `--requeue-dependency`
const RETRY_DEPENDENCY: i64 = 30;

/// Where a Kustomization stands between its steps.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// An object that it applied has changed since it last looked.
    pub(super) touched: bool,
    /// An object that it applied has another spec, or is gone.
    pub(super) drifted: bool,
    phase: Phase,
    /// Digest of the build that is in the cluster.
    live: Option<String>,
    /// What it applied last, to know which fields are its own.
    applied: HashMap<Key, Value>,
    built: Option<Built>,
    /// What the last run that succeeded was about: the same again changes nothing.
    steady: Option<Run>,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Applying(Run),
    Checking(Checking),
}

/// What a run is about.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    since: Timestamp,
    revision: String,
    origin_revision: String,
    /// The artifact's digest.
    artifact: String,
    generation: i64,
    requested: String,
}

impl Progress {
    /// The artifact that was applied last, or is being applied.
    pub(super) fn artifact(&self) -> Option<&str> {
        Some(self.built.as_ref()?.artifact.as_str())
    }
}

impl Run {
    /// Whether another run would be about the same.
    fn same(&self, other: &Self) -> bool {
        Self {
            since: other.since,
            ..self.clone()
        } == *other
    }
}

/// A build, kept because the next run is often about the same artifact.
#[derive(Clone, Debug)]
struct Built {
    artifact: String,
    generation: i64,
    /// Digest of the built manifests: equal across revisions that change nothing here.
    digest: String,
    manifests: Arc<Vec<Value>>,
    /// What it was built from, and the files in which that was looked up.
    inputs: build::Inputs,
    files: Arc<build::Files>,
}

/// Why a run failed.
struct Failure {
    reason: &'static str,
    message: String,
    /// Whether the history gets an entry: from applying on.
    digest: Option<String>,
}

impl Failure {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            digest: None,
        }
    }
}

impl Controllers {
    pub(super) fn kustomization(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let mut progress = self.kustomizations.remove(key).unwrap_or_default();
        let next = match std::mem::take(&mut progress.phase) {
            Phase::Idle => self.begin(key, &object, &mut progress),
            Phase::Applying(run) => self.apply_run(key, &object, &mut progress, run),
            Phase::Checking(checking) => self.check(key, &object, &mut progress, checking),
        };
        self.kustomizations.insert(key.clone(), progress);
        next
    }

    fn begin(&mut self, key: &Key, object: &Value, progress: &mut Progress) -> Next {
        if flag(object, &["spec", "suspend"]) {
            return self.suspended(key, object, true);
        }
        let source = source_of(object);
        let Some(source_object) = self.object(&source) else {
            let plural =
                crate::kubernetes::kinds::Kind::named(source.kind).map_or("", |kind| kind.plural);
            let message = format!(
                "{plural}.source.toolkit.fluxcd.io \"{}\" not found",
                source.name
            );
            self.not_started(key, object, progress, "ArtifactFailed", &message);
            return Next::After(retry_interval(object));
        };
        let artifact = &source_object["status"]["artifact"];
        let revision = text(artifact, &["revision"]);
        if revision.is_empty() {
            let message = "Source artifact not found, retrying in 30s";
            self.not_started(key, object, progress, "ArtifactFailed", message);
            return Next::seconds(RETRY_DEPENDENCY);
        }
        if let Err(why) = self.dependencies(key, object, &source, revision) {
            self.not_started(key, object, progress, "DependencyNotReady", &why.0);
            self.store.record_event(
                object,
                false,
                "DependencyNotReady",
                "Dependencies do not meet ready condition, retrying in 30s",
                COMPONENT,
            );
            return Next::seconds(RETRY_DEPENDENCY);
        }
        let run = Run {
            since: self.now,
            revision: revision.to_owned(),
            origin_revision: text(artifact, &["metadata", "org.opencontainers.image.revision"])
                .to_owned(),
            artifact: text(artifact, &["digest"]).to_owned(),
            generation: generation(object),
            requested: requested(object).to_owned(),
        };
        let same = progress
            .steady
            .as_ref()
            .is_some_and(|steady| steady.same(&run));
        if same && !progress.touched && self.apply_fault(key, &run.artifact).is_none() {
            return Next::Idle(duration_at(object, &["spec", "interval"], 600));
        }
        progress.touched = false;
        let mut status = self.settled_status(key, object);
        let timeout = go_duration(timeout(object));
        let exists = self
            .contents
            .files(&run.artifact, &self.code)
            .is_some_and(|files| build::exists(&files, text(object, &["spec", "path"])));
        let doing = if exists { "Building" } else { "Fetching" };
        if exists {
            put(&mut status, &["lastAttemptedRevision"], json!(run.revision));
        }
        let mut conditions = self.conditions(&mut status, object);
        conditions.unknown("Ready", "Progressing", "Reconciliation in progress");
        conditions.reconciling(
            "Progressing",
            &format!(
                "{doing} manifests for revision {} with a timeout of {timeout}",
                run.revision
            ),
        );
        self.write_status(key, status);
        // Fetching, building and a dry run take a moment, longer for some than for others.
        let work = 300 + number(self.seed, &[&key.path(), &run.revision], 900);
        progress.phase = Phase::Applying(run);
        Next::After(SignedDuration::from_millis(
            i64::try_from(work).unwrap_or(1000),
        ))
    }

    /// Writes a status that says why nothing was attempted.
    fn not_started(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        reason: &str,
        message: &str,
    ) {
        let mut status = self.settled_status(key, object);
        let mut conditions = self.conditions(&mut status, object);
        conditions.no("Ready", reason, message);
        conditions.retrying();
        handle_request(&mut status, object);
        progress.steady = None;
        self.write_status(key, status);
    }

    fn apply_run(&mut self, key: &Key, object: &Value, progress: &mut Progress, run: Run) -> Next {
        match self.build_and_apply(key, object, progress, &run) {
            Ok((status, checking)) => match checking {
                Some(checking) => {
                    self.write_status(key, status);
                    progress.phase = Phase::Checking(checking);
                    Next::NOW
                }
                None => {
                    let digest = progress.built.as_ref().map(|built| built.digest.clone());
                    self.succeed(
                        key,
                        object,
                        progress,
                        &run,
                        status,
                        digest.unwrap_or_default(),
                    )
                }
            },
            Err((status, failure)) => self.fail(key, object, progress, &run, status, failure),
        }
    }

    /// Builds, applies and prunes. Answers the status so far, and the checks to run if there are any.
    fn build_and_apply(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        run: &Run,
    ) -> Result<(Value, Option<Checking>), (Value, Failure)> {
        let mut status = object["status"].clone();
        let fault = self.apply_fault(key, &run.artifact);
        let early = |reason: &'static str| {
            fault
                .as_ref()
                .filter(|fault| fault.reason == reason)
                .map(|fault| Failure::new(reason, fault.message.clone()))
        };
        if let Some(failure) = early("ArtifactFailed") {
            return Err((status, failure));
        }
        let built = match self.built(key, object, progress, run) {
            Ok(built) => built,
            Err(failure) => return Err((status, failure)),
        };
        if let Some(failure) = early("BuildFailed") {
            return Err((status, failure));
        }
        let drift = format!(
            "Detecting drift for revision {} with a timeout of {}",
            run.revision,
            go_duration(timeout(object))
        );
        self.conditions(&mut status, object)
            .reconciling("Progressing", &drift);
        let with_history = |reason, message: String| Failure {
            reason,
            message,
            digest: Some(built.digest.clone()),
        };
        let late = ["PruneFailed", "HealthCheckFailed"];
        if let Some(fault) = fault
            .as_ref()
            .filter(|fault| !late.contains(&fault.reason.as_str()))
        {
            let failure = with_history("ReconciliationFailed", format!("{}\n", fault.message));
            return Err((status, failure));
        }
        // The same manifests again, and nobody touched what they made: a dry run would find nothing to do.
        let again = !progress.drifted && progress.live.as_deref() == Some(built.digest.as_str());
        let effects = if again {
            built
                .manifests
                .iter()
                .filter_map(Key::of)
                .map(|key| Effect {
                    key,
                    action: "unchanged",
                })
                .collect()
        } else {
            progress.live = None;
            match self.apply_all(&built.manifests, &mut progress.applied) {
                Ok(effects) => effects,
                Err(message) => {
                    return Err((status, with_history("ReconciliationFailed", message.0)));
                }
            }
        };
        progress.live = Some(built.digest.clone());
        progress.drifted = false;
        let said = log(&effects);
        if !said.is_empty() {
            self.store
                .record_event(object, false, "Progressing", &said, COMPONENT);
        }
        let keep: Vec<Key> = effects.iter().map(|effect| effect.key.clone()).collect();
        let entries: Vec<Value> = built.manifests.iter().map(inventory_entry).collect();
        let old = list(&status, &["inventory", "entries"]).to_vec();
        put(&mut status, &["inventory", "entries"], json!(entries));
        if flag(object, &["spec", "prune"]) {
            if let Some(fault) = fault.as_ref().filter(|fault| fault.reason == "PruneFailed") {
                return Err((status, with_history("PruneFailed", fault.message.clone())));
            }
            let pruned = self.prune(&old, &keep, &labels(key));
            progress.applied.retain(|applied, _| keep.contains(applied));
            if !pruned.is_empty() {
                self.store
                    .record_event(object, false, "Progressing", &log(&pruned), COMPONENT);
            }
        }
        // What was just applied is no news to itself: seen while this Kustomization's progress is out of the table.
        self.observe();
        if let Some(fault) = fault.filter(|fault| fault.reason == "HealthCheckFailed") {
            return Err((status, with_history("HealthCheckFailed", fault.message)));
        }
        let checking = self.checks(key, object, run, &built.digest, &keep, &mut status);
        Ok((status, checking))
    }

    /// Whether every dependency is ready, and on the same revision where it has the same source.
    fn dependencies(
        &self,
        key: &Key,
        object: &Value,
        source: &Key,
        revision: &str,
    ) -> Result<(), Refusal> {
        for dependency in list(object, &["spec", "dependsOn"]) {
            let namespace = match text(dependency, &["namespace"]) {
                "" => &key.namespace,
                namespace => namespace,
            };
            let name = format!("{namespace}/{}", text(dependency, &["name"]));
            let other = self
                .store
                .get("Kustomization", namespace, text(dependency, &["name"]))
                .ok_or_else(|| {
                    format!(
                        "dependency '{name}' not found: kustomizations.kustomize.toolkit.fluxcd.io \"{}\" not found",
                        text(dependency, &["name"])
                    )
                })?;
            let observed = integer(&other, &["status", "observedGeneration"]);
            if observed != Some(generation(&other))
                || !conditions::is(&other["status"], "Ready", "True")
            {
                return Err(Refusal(format!("dependency '{name}' is not ready")));
            }
            if source_of(&other) == *source
                && text(&other, &["status", "lastAppliedRevision"]) != revision
            {
                return Err(Refusal(format!(
                    "dependency '{name}' revision is not up to date"
                )));
            }
        }
        Ok(())
    }

    fn conditions<'a>(&self, status: &'a mut Value, object: &Value) -> Conditions<'a> {
        Conditions {
            status,
            generation: generation(object),
            now: self.now,
        }
    }

    /// A deleted Kustomization takes what it applied with it, if it prunes and is not suspended.
    pub(super) fn finalize_kustomization(&self, object: &Value) {
        let Some(key) = Key::of(object) else {
            return;
        };
        if flag(object, &["spec", "prune"]) && !flag(object, &["spec", "suspend"]) {
            self.prune(
                list(object, &["status", "inventory", "entries"]),
                &[],
                &labels(&key),
            );
        }
    }
}

/// The labels by which everything that a Kustomization applies is known as its own.
fn labels(key: &Key) -> Value {
    json!({
        "kustomize.toolkit.fluxcd.io/name": &*key.name,
        "kustomize.toolkit.fluxcd.io/namespace": &*key.namespace,
    })
}

fn source_of(object: &Value) -> Key {
    let reference = &object["spec"]["sourceRef"];
    let kind = crate::kubernetes::kinds::Kind::named(text(reference, &["kind"]))
        .map_or("GitRepository", |k| k.kind);
    let namespace = match text(reference, &["namespace"]) {
        "" => text(object, &["metadata", "namespace"]),
        namespace => namespace,
    };
    Key::new(kind, namespace, text(reference, &["name"]))
}

fn retry_interval(object: &Value) -> SignedDuration {
    let path: &[&str] = if at(object, &["spec", "retryInterval"]).is_some() {
        &["spec", "retryInterval"]
    } else {
        &["spec", "interval"]
    };
    duration_at(object, path, 600)
}

/// `spec.timeout`, or the interval less half a minute; never less than that.
fn timeout(object: &Value) -> SignedDuration {
    let half_a_minute = SignedDuration::from_secs(30);
    let timeout = if at(object, &["spec", "timeout"]).is_some() {
        duration_at(object, &["spec", "timeout"], 30)
    } else {
        duration_at(object, &["spec", "interval"], 600) - half_a_minute
    };
    timeout.max(half_a_minute)
}

/// Removes a key that would say an older revision.
fn set_or_cut(status: &mut Value, field: &str, value: &str) {
    if value.is_empty() {
        cut(status, &[field]);
    } else {
        put(status, &[field], json!(value));
    }
}
