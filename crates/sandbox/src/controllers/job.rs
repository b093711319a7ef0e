//! The Job controller: pods that run to their end, until as many have done so as are wanted, or too many have failed.

use serde_json::{Value, json};

use super::conditions;
use super::fields::{at, count, cut, entry, flag, put, stamp, text};
use super::workload::{put_count, set_condition};
use super::{Controllers, Key, Next};

const COMPONENT: &str = "job-controller";

impl Controllers {
    pub(super) fn job(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let is_over = ["Complete", "Failed"]
            .iter()
            .any(|end| conditions::is(&object["status"], end, "True"));
        if is_over || flag(&object, &["spec", "suspend"]) {
            return Next::OnChange;
        }
        let wanted = count(&object, &["spec", "completions"], 1);
        let (mut active, succeeded, failed) = self.pods_of_job(&object);
        let failures = count(&object, &["spec", "backoffLimit"], 6);
        let end = match (succeeded >= wanted, failed > failures) {
            (true, _) => Some("Complete"),
            (false, true) => Some("Failed"),
            (false, false) => None,
        };
        if end.is_none() {
            let parallel = count(&object, &["spec", "parallelism"], 1);
            let template = &object["spec"]["template"];
            let missing = parallel.min(wanted - succeeded).saturating_sub(active);
            for _ in 0..missing {
                let uid = text(&object, &["metadata", "uid"]).to_owned();
                let name = self.pod_name(&object);
                let labels = [
                    ("batch.kubernetes.io/controller-uid", uid.as_str()),
                    ("batch.kubernetes.io/job-name", &*key.name),
                    ("controller-uid", uid.as_str()),
                    ("job-name", &*key.name),
                ];
                self.create_pod(&object, &name, template, &labels);
            }
            active += missing;
            self.observe();
        }
        let mut status = object["status"].clone();
        if at(&status, &["startTime"]).is_none() {
            put(&mut status, &["startTime"], stamp(self.now));
        }
        put(&mut status, &["uncountedTerminatedPods"], json!({}));
        for (field, number) in [
            ("active", active),
            ("succeeded", succeeded),
            ("failed", failed),
        ] {
            put_count(&mut status, field, number);
        }
        match end {
            Some("Complete") => {
                let said = (
                    "CompletionsReached",
                    "Reached expected number of succeeded pods",
                );
                self.ended(&mut status, ["SuccessCriteriaMet", "Complete"], said);
                put(&mut status, &["completionTime"], stamp(self.now));
                self.store
                    .record_event(&object, false, "Completed", "Job completed", COMPONENT);
            }
            Some(_) => {
                let message = "Job has reached the specified backoff limit";
                let said = ("BackoffLimitExceeded", message);
                self.ended(&mut status, ["FailureTarget", "Failed"], said);
                self.store
                    .record_event(&object, true, "BackoffLimitExceeded", message, COMPONENT);
            }
            None => {}
        }
        self.write_status(key, status);
        Next::OnChange
    }

    /// How many of its pods are at work, have done it, and have failed.
    fn pods_of_job(&self, object: &Value) -> (usize, usize, usize) {
        let pods = self.active_pods(object);
        let of = |phase: &str| {
            let pods = pods.iter();
            pods.filter(|pod| text(pod, &["status", "phase"]) == phase)
                .count()
        };
        let (succeeded, failed) = (of("Succeeded"), of("Failed"));
        (pods.len() - succeeded - failed, succeeded, failed)
    }

    fn ended(&self, status: &mut Value, kinds: [&str; 2], (reason, message): (&str, &str)) {
        for kind in kinds {
            set_condition(status, self.now, (kind, "True"), reason, message);
        }
        let said = entry(status).get_mut("conditions");
        for condition in said.and_then(Value::as_array_mut).into_iter().flatten() {
            // A Deployment's conditions have it, a Job's never had.
            cut(condition, &["lastUpdateTime"]);
        }
    }
}
