//! Conditions as Flux's controllers keep them: a transition is a change of status, reason or message, and Stalled,
//! Reconciling and Ready come first. (Kubernetes' own workloads keep theirs in [`super::workload`].)

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fields::{entry, list, stamp, text};

/// A status being written: the object's status and what every condition needs to know.
pub struct Conditions<'a> {
    /// `status` of the object.
    pub status: &'a mut Value,
    /// `metadata.generation`
    pub generation: i64,
    /// The moment of writing.
    pub now: Timestamp,
}

impl Conditions<'_> {
    /// Sets a condition; its transition time moves only if status, reason or message differ.
    pub fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let conditions = entry(self.status)
            .entry("conditions")
            .or_insert_with(|| json!([]));
        let Some(conditions) = conditions.as_array_mut() else {
            return;
        };
        let fresh = json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": self.generation,
            "lastTransitionTime": stamp(self.now),
        });
        match conditions.iter_mut().find(|c| text(c, &["type"]) == kind) {
            Some(known)
                if text(known, &["status"]) == status
                    && text(known, &["reason"]) == reason
                    && text(known, &["message"]) == message =>
            {
                entry(known).insert("observedGeneration".to_owned(), json!(self.generation));
            }
            Some(known) => *known = fresh,
            None => conditions.push(fresh),
        }
        conditions.sort_by_key(|c| {
            let name = text(c, &["type"]).to_owned();
            (
                match name.as_str() {
                    "Stalled" => 0,
                    "Reconciling" => 1,
                    "Ready" => 2,
                    _ => 3,
                },
                name,
            )
        });
    }

    /// `True`
    pub fn yes(&mut self, kind: &str, reason: &str, message: &str) {
        self.set(kind, "True", reason, message);
    }

    /// `False`
    pub fn no(&mut self, kind: &str, reason: &str, message: &str) {
        self.set(kind, "False", reason, message);
    }

    /// `Unknown`
    pub fn unknown(&mut self, kind: &str, reason: &str, message: &str) {
        self.set(kind, "Unknown", reason, message);
    }

    /// Sets Reconciling and removes Stalled.
    pub fn reconciling(&mut self, reason: &str, message: &str) {
        self.remove("Stalled");
        self.yes("Reconciling", reason, message);
    }

    /// Sets Stalled and removes Reconciling.
    pub fn stalled(&mut self, reason: &str, message: &str) {
        self.remove("Reconciling");
        self.yes("Stalled", reason, message);
    }

    /// Removes a condition.
    pub fn remove(&mut self, kind: &str) {
        if let Some(conditions) = entry(self.status)
            .get_mut("conditions")
            .and_then(Value::as_array_mut)
        {
            conditions.retain(|c| text(c, &["type"]) != kind);
        }
    }

    /// A failed run keeps Reconciling, with the reason that says it will be tried again.
    pub fn retrying(&mut self) {
        if let Some(message) =
            find(self.status, "Reconciling").map(|c| text(c, &["message"]).to_owned())
        {
            self.yes("Reconciling", "ProgressingWithRetry", &message);
        }
    }
}

/// A condition of a status.
pub fn find<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    list(status, &["conditions"])
        .iter()
        .find(|c| text(c, &["type"]) == kind)
}

/// Whether a condition of a status has this status: `True`, `False` or `Unknown`.
pub fn is(status: &Value, kind: &str, wanted: &str) -> bool {
    find(status, kind).is_some_and(|c| text(c, &["status"]) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_is_a_change_of_status_reason_or_message() {
        let mut status = json!({});
        let mut set = |seconds: i64, generation, message: &str| {
            Conditions {
                status: &mut status,
                generation,
                now: Timestamp::from_second(seconds).unwrap(),
            }
            .yes("Ready", "Succeeded", message);
            find(&status, "Ready").unwrap().clone()
        };
        let first = set(10, 1, "a");
        let same = set(20, 2, "a");
        assert_eq!(first["lastTransitionTime"], same["lastTransitionTime"]);
        assert_eq!(same["observedGeneration"], 2);
        let other = set(30, 2, "b");
        assert_eq!(other["lastTransitionTime"], "1970-01-01T00:00:30Z");
    }

    #[test]
    fn stalled_reconciling_and_ready_come_first() {
        let mut status = json!({});
        let mut conditions = Conditions {
            status: &mut status,
            generation: 1,
            now: Timestamp::UNIX_EPOCH,
        };
        for kind in ["Healthy", "ArtifactInStorage", "Ready", "Reconciling"] {
            conditions.yes(kind, "R", "m");
        }
        let order: Vec<_> = list(&status, &["conditions"])
            .iter()
            .map(|c| text(c, &["type"]).to_owned())
            .collect();
        assert_eq!(
            order,
            ["Reconciling", "Ready", "ArtifactInStorage", "Healthy"]
        );
    }
}
