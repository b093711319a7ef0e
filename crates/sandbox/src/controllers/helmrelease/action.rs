//! Helm's actions: install, upgrade and rollback, what they apply and how long they wait for it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::outcome::{Stored, failures, release_number};
use super::{COMPONENT, Phase, Progress, labels, release_name, release_namespace, timeout};
use crate::controllers::apply::own;
use crate::controllers::charts;
use crate::controllers::fields::{at, duration_at, flag, go_duration, integer, list, text};
use crate::controllers::health::{self, Health};
use crate::controllers::names::{digest, number};
use crate::controllers::shelf::Chart;
use crate::controllers::source::handle_request;
use crate::controllers::{Controllers, Key, Next, generation, requested};
use crate::faults::ApplyFault;

/// Helm's wait looks this often, in seconds.
const POLL: i64 = 5;

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Install,
    Upgrade,
    Rollback,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
        }
    }
}

/// An action that was decided on.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) kind: Kind,
    pub(super) chart: Chart,
    pub(super) values: Value,
    pub(super) since: Timestamp,
}

/// An action whose manifests are in the cluster.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) action: Action,
    pub(super) manifests: Vec<Value>,
    deadline: Timestamp,
    keys: Vec<Key>,
}

/// Why an action failed, and whether its failure is to be rolled back whatever the spec says.
pub(super) struct Failed {
    pub(super) message: String,
    pub(super) roll_back: bool,
    /// Whether its manifests reached the cluster.
    pub(super) applied: Option<Vec<Value>>,
}

impl Controllers {
    /// Decides what comes next from Helm's last release and what is wanted.
    pub(super) fn next_action(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        status: Value,
        chart: Chart,
        values: Value,
    ) -> Next {
        let latest = list(&status, &["history"])
            .first()
            .cloned()
            .unwrap_or_default();
        let config = digest(values.to_string().as_bytes());
        let forced = {
            let force = text(
                object,
                &["metadata", "annotations", "reconcile.fluxcd.io/forceAt"],
            );
            !force.is_empty()
                && force == requested(object)
                && text(&status, &["lastHandledReconcileAt"]) != force
        };
        let exhausted = |kind: Kind| failures(&status, kind) > retries(object, kind);
        let kind = match text(&latest, &["status"]) {
            "" if exhausted(Kind::Install) && !forced => {
                return self.retries_exceeded(key, object, status, Kind::Install);
            }
            "" => Kind::Install,
            "deployed" => {
                let in_sync = text(&latest, &["chartName"]) == chart.name
                    && text(&latest, &["chartVersion"]) == chart.version
                    && text(&latest, &["configDigest"]) == config;
                if in_sync && !forced {
                    return self.in_sync(key, object, progress, status);
                }
                if exhausted(Kind::Upgrade) && !forced {
                    return self.retries_exceeded(key, object, status, Kind::Upgrade);
                }
                Kind::Upgrade
            }
            _ if failures(&status, Kind::Upgrade) == 0 || forced => Kind::Upgrade,
            _ => {
                if exhausted(Kind::Upgrade) && !remediates_last(object) {
                    return self.retries_exceeded(key, object, status, Kind::Upgrade);
                }
                Kind::Rollback
            }
        };
        self.begin_action(
            key,
            object,
            progress,
            status,
            Action {
                kind,
                chart,
                values,
                since: self.now,
            },
        )
    }

    /// Marks an action as running; it takes effect a moment later.
    pub(super) fn begin_action(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        mut status: Value,
        action: Action,
    ) -> Next {
        let message = format!(
            "Running '{}' action with timeout of {}",
            action.kind.name(),
            go_duration(action_timeout(object, action.kind))
        );
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.reconciling("Progressing", &message);
        if action.kind != Kind::Rollback {
            conditions.unknown("Ready", "Progressing", &message);
        }
        self.write_status(key, status);
        let work = 800 + number(self.seed, &[&key.path(), &action.chart.version], 1500);
        progress.phase = Phase::Running(action);
        Next::After(SignedDuration::from_millis(
            i64::try_from(work).unwrap_or(1000),
        ))
    }

    /// Renders and applies.
    pub(super) fn act(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        action: Action,
    ) -> Next {
        let fault = self.release_fault(key, object);
        if action.kind == Kind::Rollback {
            let target = progress
                .stored
                .iter()
                .rev()
                .find(|stored| stored.good)
                .map(|stored| stored.manifests.clone());
            let Some(manifests) = target else {
                return self.missing_target(key, object);
            };
            return self.apply_release(key, object, progress, action, manifests, None);
        }
        let rendered = charts::render(
            &action.chart,
            &release_name(object),
            release_namespace(object),
            &action.values,
        );
        let mut manifests = match rendered {
            Ok(manifests) => manifests,
            Err(message) => {
                let failed = Failed {
                    message: message.0,
                    roll_back: false,
                    applied: None,
                };
                return self.action_failed(key, object, progress, action, failed);
            }
        };
        own(&mut manifests, &labels(key));
        match fault {
            Some(fault) if fault.reason == "TestFailed" => {
                self.apply_release(key, object, progress, action, manifests, None)
            }
            Some(fault) if matches!(fault.reason.as_str(), "UpgradeFailed" | "InstallFailed") => {
                let failed = Failed {
                    message: fault.message,
                    roll_back: fault.rolls_back,
                    applied: None,
                };
                self.action_failed(key, object, progress, action, failed)
            }
            Some(fault) => {
                // What fails before Helm is asked: values, chart, cluster.
                let status = object["status"].clone();
                self.unfulfilled(key, object, status, &fault.reason, &fault.message);
                self.store
                    .record_event(object, true, &fault.reason, &fault.message, COMPONENT);
                self.back_off(key)
            }
            None => self.apply_release(key, object, progress, action, manifests, None),
        }
    }

    fn apply_release(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        action: Action,
        manifests: Vec<Value>,
        roll_back: Option<bool>,
    ) -> Next {
        let effects = match self.apply_all(&manifests, &mut progress.applied) {
            Ok(effects) => effects,
            Err(message) => {
                let failed = Failed {
                    message: message.0.trim().to_owned(),
                    roll_back: roll_back.unwrap_or(false),
                    applied: None,
                };
                return self.action_failed(key, object, progress, action, failed);
            }
        };
        let keys: Vec<Key> = effects.into_iter().map(|effect| effect.key).collect();
        self.prune(
            list(&object["status"], &["inventory", "entries"]),
            &keys,
            &labels(key),
        );
        progress.applied.retain(|applied, _| keys.contains(applied));
        self.observe();
        progress.touched = false;
        let waits = !flag(object, &["spec", action.kind.name(), "disableWait"]);
        let waiting = Waiting {
            deadline: action
                .since
                .checked_add(action_timeout(object, action.kind))
                .unwrap_or(Timestamp::MAX),
            // Helm waits for nothing that is paused.
            keys: keys
                .into_iter()
                .filter(|key| {
                    waits
                        && !self
                            .object(key)
                            .is_some_and(|live| flag(&live, &["spec", "paused"]))
                })
                .collect(),
            action,
            manifests,
        };
        progress.phase = Phase::Waiting(waiting);
        Next::NOW
    }

    /// One look at what was applied.
    pub(super) fn await_release(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        waiting: Waiting,
    ) -> Next {
        let found: Vec<(&Key, Health)> = waiting
            .keys
            .iter()
            .map(|key| (key, health::of(self.object(key).as_deref())))
            .collect();
        if found.iter().all(|(_, health)| *health == Health::Current) {
            progress.touched = false;
            let fault = self
                .release_fault(key, object)
                .filter(|fault| fault.reason == "TestFailed");
            return self.action_succeeded(key, object, progress, waiting, fault);
        }
        let failed = found.iter().any(|(_, health)| *health == Health::Failed);
        let over = self.now >= waiting.deadline;
        if !failed && !over {
            progress.phase = Phase::Waiting(waiting);
            return Next::seconds(POLL);
        }
        let failed = Failed {
            message: health::culprits(&found),
            roll_back: false,
            applied: Some(waiting.manifests),
        };
        self.action_failed(key, object, progress, waiting.action, failed)
    }

    /// The fault that this release meets, if it holds for what was applied by its parent.
    fn release_fault(&self, key: &Key, object: &Value) -> Option<ApplyFault> {
        // The commit that a HelmRelease is of is that of the Kustomization that applied it.
        let parent = ["name", "namespace"].map(|end| {
            text(
                object,
                &[
                    "metadata",
                    "labels",
                    &format!("kustomize.toolkit.fluxcd.io/{end}"),
                ],
            )
            .to_owned()
        });
        let artifact = self
            .kustomizations
            .get(&Key::new("Kustomization", &parent[1], &parent[0]))
            .and_then(|progress| progress.artifact())
            .unwrap_or_default();
        self.apply_fault(key, artifact)
    }

    /// Helm's storage after an action: the new release on top, what it replaces superseded.
    pub(super) fn remember_release(
        &self,
        object: &Value,
        progress: &mut Progress,
        action: &Action,
        manifests: Vec<Value>,
        good: bool,
    ) -> Value {
        let version = release_number(&object["status"], &progress.stored) + 1;
        if good {
            for stored in &mut progress.stored {
                stored.current = false;
            }
        }
        let source = match action.kind {
            Kind::Rollback => progress
                .stored
                .iter()
                .rev()
                .find(|stored| stored.good)
                .cloned(),
            _ => None,
        };
        let stored = Stored {
            version,
            chart: source
                .as_ref()
                .map_or_else(|| action.chart.clone(), |source| source.chart.clone()),
            config: source.as_ref().map_or_else(
                || digest(action.values.to_string().as_bytes()),
                |source| source.config.clone(),
            ),
            manifests,
            good,
            current: good,
            first: progress
                .stored
                .first()
                .map_or(self.now, |first| first.first),
        };
        let snapshot = stored.snapshot(object, action.kind, self.now);
        progress.stored.push(stored);
        // Helm keeps five releases; the last good one is needed for a rollback.
        while progress.stored.len() > 5 && progress.stored.iter().skip(1).any(|stored| stored.good)
        {
            progress.stored.remove(0);
        }
        snapshot
    }
}

fn action_timeout(object: &Value, kind: Kind) -> SignedDuration {
    match at(object, &["spec", kind.name(), "timeout"]) {
        Some(_) => duration_at(object, &["spec", kind.name(), "timeout"], 300),
        None => timeout(object),
    }
}

/// `spec.<action>.remediation.retries`: none by default, forever if negative.
pub(super) fn retries(object: &Value, kind: Kind) -> i64 {
    match integer(object, &["spec", kind.name(), "remediation", "retries"]) {
        Some(negative) if negative < 0 => i64::MAX,
        retries => retries.unwrap_or(0),
    }
}

/// Whether the last failure is rolled back too: by default only if there are retries.
pub(super) fn remediates_last(object: &Value) -> bool {
    at(
        object,
        &["spec", "upgrade", "remediation", "remediateLastFailure"],
    )
    .and_then(Value::as_bool)
    .unwrap_or(retries(object, Kind::Upgrade) > 0)
}

impl Controllers {
    /// Acknowledges a run that ended: the generation is observed, the request handled.
    pub(super) fn conclude(&self, key: &Key, object: &Value, mut status: Value) {
        status["observedGeneration"] = json!(generation(object));
        handle_request(&mut status, object);
        for (annotation, field) in [
            ("forceAt", "lastHandledForceAt"),
            ("resetAt", "lastHandledResetAt"),
        ] {
            let annotation = format!("reconcile.fluxcd.io/{annotation}");
            let asked = text(object, &["metadata", "annotations", &annotation]);
            if !asked.is_empty() && asked == requested(object) {
                status[field] = json!(asked);
            }
        }
        self.write_status(key, status);
    }
}
