//! How Helm's actions end: history, failure counts, the conditions Released, Remediated, TestSuccess and Ready, and the
//! events, with Helm's last logs where an action failed.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::action::{Action, Failed, Kind, Waiting, remediates_last, retries};
use super::{COMPONENT, Progress, clear_failures, release_name, release_namespace};
use crate::controllers::apply::inventory_entry;
use crate::controllers::conditions;
use crate::controllers::fields::{
    duration_at, entry, flag, go_duration, integer, list, put, stamp, text,
};
use crate::controllers::names::digest;
use crate::controllers::shelf::Chart;
use crate::controllers::{Controllers, Key, Next};
use crate::faults::ApplyFault;

/// A release in Helm's storage.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) version: i64,
    pub(super) chart: Chart,
    /// Digest of its values.
    pub(super) config: String,
    pub(super) manifests: Vec<Value>,
    /// Whether it ever was deployed: a rollback can go back to it.
    pub(super) good: bool,
    /// Whether it is the one that is deployed.
    pub(super) current: bool,
    pub(super) first: Timestamp,
}

impl Stored {
    /// Its entry in `status.history`.
    pub(super) fn snapshot(&self, object: &Value, kind: Kind, now: Timestamp) -> Value {
        let identity = format!("{} {} {}", self.version, self.chart.version, self.config);
        let mut snapshot = json!({
            "apiVersion": "v2",
            "digest": digest(identity.as_bytes()),
            "name": release_name(object),
            "namespace": release_namespace(object),
            "version": self.version,
            "status": if self.good { "deployed" } else { "failed" },
            "action": kind.name(),
            "chartName": self.chart.name,
            "chartVersion": self.chart.version,
            "configDigest": self.config,
            "firstDeployed": stamp(self.first),
            "lastDeployed": stamp(now),
        });
        if !self.chart.app_version.is_empty() {
            snapshot["appVersion"] = json!(self.chart.app_version);
        }
        snapshot
    }
}

/// The number of the newest release.
pub(super) fn release_number(status: &Value, stored: &[Stored]) -> i64 {
    let listed = list(status, &["history"])
        .first()
        .and_then(|snapshot| integer(snapshot, &["version"]));
    stored
        .last()
        .map(|stored| stored.version)
        .or(listed)
        .unwrap_or(0)
}

/// How often an action has failed since what is wanted last changed.
pub(super) fn failures(status: &Value, kind: Kind) -> i64 {
    let field = match kind {
        Kind::Install => "installFailures",
        _ => "upgradeFailures",
    };
    integer(status, &[field]).unwrap_or(0)
}

/// `shop/cart.v3`
fn full_name(snapshot: &Value) -> String {
    format!(
        "{}/{}.v{}",
        text(snapshot, &["namespace"]),
        text(snapshot, &["name"]),
        integer(snapshot, &["version"]).unwrap_or(0)
    )
}

/// `service@1.2.3`
fn versioned_chart(snapshot: &Value) -> String {
    format!(
        "{}@{}",
        text(snapshot, &["chartName"]),
        text(snapshot, &["chartVersion"])
    )
}

/// Puts a snapshot on top of the history; a deployed one supersedes what was deployed.
fn add_to_history(status: &mut Value, snapshot: Value) {
    let deployed = text(&snapshot, &["status"]) == "deployed";
    let history = entry(status).entry("history").or_insert_with(|| json!([]));
    let Some(history) = history.as_array_mut() else {
        return;
    };
    for older in history.iter_mut() {
        if deployed && text(older, &["status"]) == "deployed" {
            older["status"] = json!("superseded");
        }
    }
    history.insert(0, snapshot);
    history.truncate(5);
}

/// What remains of the history once a release is in sync: it and the one to go back to.
fn truncate(status: &mut Value) {
    if let Some(history) = status.get_mut("history").and_then(Value::as_array_mut) {
        let previous = history
            .iter()
            .skip(1)
            .position(|snapshot| matches!(text(snapshot, &["status"]), "deployed" | "superseded"));
        if let Some(previous) = previous {
            history.truncate(previous + 2);
        }
    }
}

impl Controllers {
    /// Nothing to do.
    pub(super) fn in_sync(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        mut status: Value,
    ) -> Next {
        progress.touched = false;
        truncate(&mut status);
        let latest = status["history"][0].clone();
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.remove("Reconciling");
        let stale = conditions::is(conditions.status, "Remediated", "True")
            || !conditions::is(conditions.status, "Ready", "True");
        if stale {
            // A rollback's result that is wanted again, or a failure that passed.
            let message = format!(
                "Helm upgrade succeeded for release {} with chart {}",
                full_name(&latest),
                versioned_chart(&latest)
            );
            conditions.remove("Remediated");
            conditions.remove("Stalled");
            conditions.yes("Released", "UpgradeSucceeded", &message);
            conditions.yes("Ready", "UpgradeSucceeded", &message);
        } else if let Some(ready) = conditions::find(conditions.status, "Ready").cloned() {
            // Said anew of the generation that needed nothing.
            conditions.yes(
                "Ready",
                text(&ready, &["reason"]),
                text(&ready, &["message"]),
            );
        }
        let same = object["status"] == status;
        self.conclude(key, object, status);
        let interval = duration_at(object, &["spec", "interval"], 600);
        if same {
            Next::Idle(interval)
        } else {
            Next::After(interval)
        }
    }

    /// No retry is left: terminal until chart, values or spec change.
    pub(super) fn retries_exceeded(
        &mut self,
        key: &Key,
        object: &Value,
        mut status: Value,
        kind: Kind,
    ) -> Next {
        let message = format!(
            "Failed to {} after {} attempt(s)",
            kind.name(),
            failures(&status, kind)
        );
        self.release_conditions(&mut status, object)
            .stalled("RetriesExceeded", &message);
        self.conclude(key, object, status);
        Next::OnChange
    }

    pub(super) fn missing_target(&mut self, key: &Key, object: &Value) -> Next {
        let mut status = object["status"].clone();
        self.release_conditions(&mut status, object).stalled(
            "MissingRollbackTarget",
            "Failed to perform remediation: missing target release for rollback: cannot remediate failed release",
        );
        self.conclude(key, object, status);
        Next::OnChange
    }

    pub(super) fn action_succeeded(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        waiting: Waiting,
        test_fault: Option<ApplyFault>,
    ) -> Next {
        let Waiting {
            action, manifests, ..
        } = waiting;
        let mut status = object["status"].clone();
        let entries: Vec<Value> = manifests.iter().map(inventory_entry).collect();
        put(&mut status, &["inventory", "entries"], json!(entries));
        let previous = list(&status, &["history"])
            .iter()
            .find(|snapshot| matches!(text(snapshot, &["status"]), "deployed" | "superseded"))
            .cloned()
            .unwrap_or_default();
        let snapshot = self.remember_release(object, progress, &action, manifests, true);
        add_to_history(&mut status, snapshot.clone());
        if action.kind == Kind::Rollback {
            return self.rolled_back(key, object, progress, status, &previous);
        }
        self.ran(&mut status, &action);
        let verb = action.kind.name();
        let reason = match action.kind {
            Kind::Install => "InstallSucceeded",
            _ => "UpgradeSucceeded",
        };
        let (release, chart) = (full_name(&snapshot), versioned_chart(&snapshot));
        let message = format!("Helm {verb} succeeded for release {release} with chart {chart}");
        clear_failures(&mut status);
        let mut conditions = self.release_conditions(&mut status, object);
        for gone in ["Remediated", "Stalled", "Reconciling", "TestSuccess"] {
            conditions.remove(gone);
        }
        conditions.yes("Released", reason, &message);
        conditions.yes("Ready", reason, &message);
        let tested = flag(object, &["spec", "test", "enable"]) || test_fault.is_some();
        let failed_test = tested.then(|| match test_fault {
            Some(fault) => {
                let message = format!("Helm test failed for release {release} with chart {chart}: {}", fault.message);
                conditions.no("TestSuccess", "TestFailed", &message);
                conditions.no("Ready", "TestFailed", &message);
                conditions.reconciling("ProgressingWithRetry", &message);
                Some(message)
            }
            None => {
                let message = format!(
                    "Helm test succeeded for release {release} with chart {chart}: 1 test hook completed successfully"
                );
                conditions.yes("TestSuccess", "TestSucceeded", &message);
                conditions.yes("Ready", "TestSucceeded", &message);
                None
            }
        });
        self.store
            .record_event(object, false, reason, &message, COMPONENT);
        if let Some(Some(failure)) = failed_test {
            self.store
                .record_event(object, true, "TestFailed", &failure, COMPONENT);
            put(&mut status, &["failures"], json!(1));
            put(&mut status, &["upgradeFailures"], json!(1));
            let exhausted = retries(object, Kind::Upgrade) == 0;
            if exhausted {
                return self.retries_exceeded(key, object, status, Kind::Upgrade);
            }
        }
        truncate(&mut status);
        self.conclude(key, object, status);
        Next::After(duration_at(object, &["spec", "interval"], 600))
    }

    /// A rollback succeeded: the old version runs, Ready says so and is false.
    fn rolled_back(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        mut status: Value,
        previous: &Value,
    ) -> Next {
        progress.touched = false;
        let message = format!(
            "Helm rollback to previous release {} with chart {} succeeded",
            full_name(previous),
            versioned_chart(previous)
        );
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.yes("Remediated", "RollbackSucceeded", &message);
        conditions.no("Ready", "RollbackSucceeded", &message);
        self.store
            .record_event(object, false, "RollbackSucceeded", &message, COMPONENT);
        if failures(&status, Kind::Upgrade) > retries(object, Kind::Upgrade) {
            return self.retries_exceeded(key, object, status, Kind::Upgrade);
        }
        self.release_conditions(&mut status, object)
            .reconciling("ProgressingWithRetry", &message);
        self.write_status(key, status);
        self.back_off(key)
    }

    /// An install or upgrade failed: counted, and remediated where the spec (or the situation) asks for it.
    pub(super) fn action_failed(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        action: Action,
        failed: Failed,
    ) -> Next {
        let mut status = object["status"].clone();
        let (verb, reason) = match action.kind {
            Kind::Install => ("install", "InstallFailed"),
            Kind::Upgrade => ("upgrade", "UpgradeFailed"),
            Kind::Rollback => return self.rollback_failed(key, object, &failed.message),
        };
        if let Some(manifests) = &failed.applied {
            let entries: Vec<Value> = manifests.iter().map(inventory_entry).collect();
            put(&mut status, &["inventory", "entries"], json!(entries));
        }
        let message = if failed.message.starts_with("Helm ") {
            failed.message.clone()
        } else {
            format!(
                "Helm {verb} failed for release {}/{} with chart {}@{}: {}",
                release_namespace(object),
                release_name(object),
                action.chart.name,
                action.chart.version,
                failed.message.trim()
            )
        };
        let manifests = failed.applied.unwrap_or_default();
        let snapshot = self.remember_release(object, progress, &action, manifests, false);
        add_to_history(&mut status, snapshot);
        self.ran(&mut status, &action);
        let count = failures(&status, action.kind) + 1;
        put(&mut status, &[&format!("{verb}Failures")], json!(count));
        let all = integer(&status, &["failures"]).unwrap_or(0) + 1;
        put(&mut status, &["failures"], json!(all));
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.remove("TestSuccess");
        conditions.remove("Remediated");
        conditions.no("Released", reason, &message);
        conditions.no("Ready", reason, &message);
        let logs = helm_logs(&action, &release_name(object), &failed.message, self.now);
        self.store.record_event(
            object,
            true,
            reason,
            &format!("{message}\n\nLast Helm logs:\n\n{logs}"),
            COMPONENT,
        );
        self.remediate(key, object, progress, status, action, failed.roll_back)
    }

    fn remediate(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        mut status: Value,
        action: Action,
        roll_back: bool,
    ) -> Next {
        let exhausted = failures(&status, action.kind) > retries(object, action.kind);
        if action.kind == Kind::Install {
            if exhausted {
                return self.retries_exceeded(key, object, status, Kind::Install);
            }
            // The failed install is uninstalled, and tried again.
            status["history"] = json!([]);
            self.write_status(key, status);
            return self.back_off(key);
        }
        if exhausted && !roll_back && !remediates_last(object) {
            return self.retries_exceeded(key, object, status, Kind::Upgrade);
        }
        let rollback = Action {
            kind: Kind::Rollback,
            since: self.now,
            ..action
        };
        self.begin_action(key, object, progress, status, rollback)
    }

    fn rollback_failed(&mut self, key: &Key, object: &Value, why: &str) -> Next {
        let mut status = object["status"].clone();
        let previous = list(&status, &["history"])
            .iter()
            .find(|snapshot| matches!(text(snapshot, &["status"]), "deployed" | "superseded"))
            .cloned()
            .unwrap_or_default();
        let message = format!(
            "Helm rollback to previous release {} with chart {} failed: {}",
            full_name(&previous),
            versioned_chart(&previous),
            why.trim()
        );
        let mut conditions = self.release_conditions(&mut status, object);
        conditions.no("Remediated", "RollbackFailed", &message);
        conditions.no("Ready", "RollbackFailed", &message);
        self.store
            .record_event(object, true, "RollbackFailed", &message, COMPONENT);
        self.retries_exceeded(key, object, status, Kind::Upgrade)
    }

    /// What the last action was and how long it took.
    fn ran(&self, status: &mut Value, action: &Action) {
        put(
            status,
            &["lastAttemptedReleaseAction"],
            json!(action.kind.name()),
        );
        put(
            status,
            &["lastAttemptedReleaseActionDuration"],
            json!(go_duration(self.now.duration_since(action.since))),
        );
    }
}

/// The last lines of what Helm logged.
fn helm_logs(action: &Action, release: &str, why: &str, now: Timestamp) -> String {
    let line = |text: String| format!("{}: {text}", now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"));
    [
        line(format!("preparing {} for {release}", action.kind.name())),
        line(format!("performing {} for {release}", action.kind.name())),
        line(format!(
            "warning: {} \"{release}\" failed: {}",
            match action.kind {
                Kind::Install => "Release",
                _ => "Upgrade",
            },
            why.trim()
        )),
    ]
    .join("\n")
}
