//! How a run ends: the last conditions, `status.history`, the events, and runs that changed nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{COMPONENT, Failure, Phase, Progress, Run, retry_interval, set_or_cut};
use crate::controllers::fields::{duration_at, entry, go_duration, integer, put, stamp, text};
use crate::controllers::source::handle_request;
use crate::controllers::{Controllers, Key, Next, generation, requested};

/// Flux keeps this many entries.
const HISTORY: usize = 5;

impl Controllers {
    pub(super) fn succeed(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        run: &Run,
        mut status: Value,
        digest: String,
    ) -> Next {
        put(&mut status, &["lastAppliedRevision"], json!(run.revision));
        set_or_cut(
            &mut status,
            "lastAppliedOriginRevision",
            &run.origin_revision,
        );
        remember(
            &mut status,
            &digest,
            "ReconciliationSucceeded",
            run,
            self.now,
        );
        let mut conditions = self.conditions(&mut status, object);
        conditions.yes(
            "Ready",
            "ReconciliationSucceeded",
            &format!("Applied revision: {}", run.revision),
        );
        conditions.remove("Reconciling");
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(object)),
        );
        handle_request(&mut status, object);
        self.write_status(key, status);
        let interval = duration_at(object, &["spec", "interval"], 600);
        let message = format!(
            "Reconciliation finished in {}, next run in {}",
            go_duration(self.now.duration_since(run.since)),
            go_duration(interval)
        );
        self.store.record_event(
            object,
            false,
            "ReconciliationSucceeded",
            &message,
            COMPONENT,
        );
        progress.phase = Phase::Idle;
        progress.steady = Some(run.clone());
        if self.outdated(object, run) {
            return Next::NOW;
        }
        Next::After(interval)
    }

    pub(super) fn fail(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        run: &Run,
        mut status: Value,
        failure: Failure,
    ) -> Next {
        if let Some(digest) = &failure.digest {
            remember(&mut status, digest, failure.reason, run, self.now);
        }
        let mut conditions = self.conditions(&mut status, object);
        conditions.no("Ready", failure.reason, &failure.message);
        conditions.retrying();
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store
            .record_event(object, true, failure.reason, &failure.message, COMPONENT);
        progress.phase = Phase::Idle;
        progress.steady = None;
        if self.outdated(object, run) {
            return Next::NOW;
        }
        Next::After(retry_interval(object))
    }

    /// Whether something came while the run was at work that asks for another: a revision, a spec, a request.
    fn outdated(&self, object: &Value, run: &Run) -> bool {
        let source = super::source_of(object);
        let revision = self
            .object(&source)
            .map(|source| text(&source, &["status", "artifact", "revision"]).to_owned());
        revision.is_some_and(|revision| revision != run.revision)
            || generation(object) != run.generation
            || requested(object) != run.requested
    }

    /// The status with the runs counted in that changed nothing since it was written.
    pub(super) fn settled_status(&mut self, key: &Key, object: &Value) -> Value {
        let mut status = object["status"].clone();
        let now = self.now;
        if let Some((runs, last)) = self
            .rhythms
            .get_mut(key)
            .and_then(|rhythm| rhythm.take(now))
        {
            count_in(&mut status, runs, last);
        }
        status
    }

    /// Writes what ticked on since the last statuses: runs and scans that changed nothing.
    pub(in crate::controllers) fn settle_statuses(&mut self) {
        let now = self.now;
        let ticked: Vec<(Key, i64, Timestamp)> = self
            .rhythms
            .iter_mut()
            .filter(|(key, _)| {
                matches!(
                    key.kind,
                    "Kustomization" | "ImageRepository" | "ImageUpdateAutomation"
                )
            })
            .filter_map(|(key, rhythm)| {
                let (runs, last) = rhythm.take(now)?;
                Some((key.clone(), runs, last))
            })
            .collect();
        for (key, runs, last) in ticked {
            let Some(object) = self.object(&key) else {
                continue;
            };
            let mut status = object["status"].clone();
            match key.kind {
                "Kustomization" => count_in(&mut status, runs, last),
                "ImageRepository" => put(&mut status, &["lastScanResult", "scanTime"], stamp(last)),
                _ => put(&mut status, &["lastAutomationRunTime"], stamp(last)),
            }
            self.write_status(&key, status);
        }
        self.observe();
    }
}

/// Counts runs in that changed nothing.
fn count_in(status: &mut Value, runs: i64, last: Timestamp) {
    if let Some(newest) = status
        .get_mut("history")
        .and_then(Value::as_array_mut)
        .and_then(|history| history.first_mut())
    {
        let total = integer(newest, &["totalReconciliations"]).unwrap_or(0) + runs;
        entry(newest).insert("totalReconciliations".to_owned(), json!(total));
        entry(newest).insert("lastReconciled".to_owned(), stamp(last));
    }
    // Every run passes through Ready=Unknown: the transition is the last run's.
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if text(condition, &["type"]) == "Ready" {
            entry(condition).insert("lastTransitionTime".to_owned(), stamp(last));
        }
    }
}

/// Adds an attempt to `status.history`: the same digest and status again only counts up.
fn remember(status: &mut Value, digest: &str, reason: &str, run: &Run, now: Timestamp) {
    let took = now
        .duration_since(run.since)
        .max(SignedDuration::from_millis(100));
    let mut metadata = json!({"revision": run.revision});
    if !run.origin_revision.is_empty() {
        metadata["originRevision"] = json!(run.origin_revision);
    }
    let history = entry(status).entry("history").or_insert_with(|| json!([]));
    let Some(history) = history.as_array_mut() else {
        return;
    };
    let known = history.iter().position(|snapshot| {
        text(snapshot, &["digest"]) == digest && text(snapshot, &["lastReconciledStatus"]) == reason
    });
    let (first, total) = match known.map(|position| history.remove(position)) {
        Some(known) => (
            known["firstReconciled"].clone(),
            integer(&known, &["totalReconciliations"]).unwrap_or(0) + 1,
        ),
        None => (stamp(now), 1),
    };
    history.insert(
        0,
        json!({
            "digest": digest,
            "firstReconciled": first,
            "lastReconciled": stamp(now),
            "lastReconciledDuration": go_duration(took),
            "lastReconciledStatus": reason,
            "totalReconciliations": total,
            "metadata": metadata,
        }),
    );
    history.truncate(HISTORY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_counts_the_same_digest_up_and_keeps_five() {
        let run = |revision: &str| Run {
            since: Timestamp::UNIX_EPOCH,
            revision: revision.to_owned(),
            origin_revision: String::new(),
            artifact: String::new(),
            generation: 1,
            requested: String::new(),
        };
        let mut status = json!({});
        let mut at = |second: i64, digest: &str, revision: &str| {
            let now = Timestamp::from_second(second).unwrap();
            remember(
                &mut status,
                digest,
                "ReconciliationSucceeded",
                &run(revision),
                now,
            );
            status["history"].clone()
        };
        at(10, "a", "r1");
        let twice = at(20, "a", "r2");
        assert_eq!(twice.as_array().unwrap().len(), 1);
        assert_eq!(twice[0]["totalReconciliations"], 2);
        assert_eq!(twice[0]["firstReconciled"], "1970-01-01T00:00:10Z");
        assert_eq!(twice[0]["metadata"]["revision"], "r2");
        for digest in ["b", "c", "d", "e", "f"] {
            at(30, digest, "r3");
        }
        let full = at(40, "b", "r4");
        let digests: Vec<_> = full
            .as_array()
            .unwrap()
            .iter()
            .map(|s| text(s, &["digest"]))
            .collect();
        assert_eq!(digests, ["b", "f", "e", "d", "c"]);
    }
}
