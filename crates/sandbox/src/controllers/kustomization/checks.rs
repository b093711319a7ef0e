//! The health checks of a Kustomization with `wait` or `healthChecks`: a poll every five seconds until all is current,
//! something failed, or time is up.

use jiff::Timestamp;
use serde_json::Value;

use super::{COMPONENT, Failure, Phase, Progress, Run, timeout};
use crate::controllers::conditions;
use crate::controllers::fields::{flag, go_duration, list, text};
use crate::controllers::health::{self, Health};
use crate::controllers::{Controllers, Key, Next};
use crate::kubernetes::kinds::Kind;

/// Flux's poll interval, in seconds.
const POLL: i64 = 5;

/// Checks at work.
#[derive(Debug)]
pub(super) struct Checking {
    run: Run,
    digest: String,
    started: Timestamp,
    deadline: Timestamp,
    keys: Vec<Key>,
    was_healthy: bool,
}

impl Controllers {
    /// Begins the checks that the spec asks for, if any; without any there is no Healthy condition.
    pub(super) fn checks(
        &self,
        key: &Key,
        object: &Value,
        run: &Run,
        digest: &str,
        applied: &[Key],
        status: &mut Value,
    ) -> Option<Checking> {
        let keys: Vec<Key> = if flag(object, &["spec", "wait"]) {
            applied
                .iter()
                .filter(|applied| *applied != key)
                .cloned()
                .collect()
        } else {
            list(object, &["spec", "healthChecks"])
                .iter()
                .filter_map(|check| {
                    let kind = Kind::named(text(check, &["kind"]))?;
                    Some(Key::new(
                        kind.kind,
                        text(check, &["namespace"]),
                        text(check, &["name"]),
                    ))
                })
                .collect()
        };
        let was_healthy = conditions::is(status, "Healthy", "True");
        let mut conditions = self.conditions(status, object);
        if keys.is_empty() {
            conditions.remove("Healthy");
            return None;
        }
        let timeout = timeout(object);
        let message = format!(
            "Running health checks for revision {} with a timeout of {}",
            run.revision,
            go_duration(timeout)
        );
        conditions.reconciling("Progressing", &message);
        conditions.unknown("Healthy", "Progressing", &message);
        Some(Checking {
            run: run.clone(),
            digest: digest.to_owned(),
            started: self.now,
            deadline: self.later(timeout),
            keys,
            was_healthy,
        })
    }

    /// One poll.
    pub(super) fn check(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        checking: Checking,
    ) -> Next {
        let found: Vec<(&Key, Health)> = checking
            .keys
            .iter()
            .map(|key| (key, health::of(self.object(key).as_deref())))
            .collect();
        let failed = found.iter().any(|(_, health)| *health == Health::Failed);
        let over = self.now >= checking.deadline;
        let took = go_duration(self.now.duration_since(checking.started));
        let mut status = object["status"].clone();
        if found.iter().all(|(_, health)| *health == Health::Current) {
            progress.touched = false;
            let message = format!("Health check passed in {took}");
            if !checking.was_healthy {
                self.store
                    .record_event(object, false, "Progressing", &message, COMPONENT);
            }
            self.conditions(&mut status, object)
                .yes("Healthy", "Succeeded", &message);
            return self.succeed(
                key,
                object,
                progress,
                &checking.run,
                status,
                checking.digest,
            );
        }
        if !failed && !over {
            progress.phase = Phase::Checking(checking);
            return Next::seconds(POLL);
        }
        let message = health::culprits(&found);
        self.conditions(&mut status, object)
            .no("Healthy", "HealthCheckFailed", &message);
        let failure = Failure {
            reason: "HealthCheckFailed",
            message: format!("health check failed after {took}: {message}"),
            digest: Some(checking.digest),
        };
        self.fail(key, object, progress, &checking.run, status, failure)
    }
}
