//! What differs between a workload here and the same app's where it is well: pure.
//!
//! Owns what is compared: images, wanted pods, resources, variables, and what configuration is taken. Of a value that may not be
//! shown only that it differs is said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::object::{comes_from, containers, pod_spec, settings, takes, text, variables};
use super::redact::Redaction;

/// One thing that differs. What is absent is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `app: LOG_LEVEL`. Foreign.
    pub what: String,
    /// What it is here.
    pub here: Option<Shown>,
    /// What it is where it is well.
    pub there: Option<Shown>,
}

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Plain(String),
    /// Not at all.
    Hidden,
}

/// A value: what it is compared by, and as what it is shown.
struct Side {
    raw: String,
    shown: Shown,
}

impl Side {
    fn plain(raw: String) -> Self {
        Self {
            shown: Shown::Plain(raw.clone()),
            raw,
        }
    }
}

/// What differs, in the order of names.
pub fn differences(
    kind: &str,
    here: &Value,
    there: (&str, &Value),
    redaction: &Redaction,
) -> Vec<Difference> {
    let mut here = sides(kind, here, redaction);
    let mut there = sides(there.0, there.1, redaction);
    let names: BTreeSet<String> = here.keys().chain(there.keys()).cloned().collect();
    let mut differences = Vec::new();
    for what in names {
        let (here, there) = (here.remove(&what), there.remove(&what));
        let raw = |side: &Option<Side>| side.as_ref().map(|side| side.raw.clone());
        if raw(&here) != raw(&there) {
            differences.push(Difference {
                what,
                here: here.map(|side| side.shown),
                there: there.map(|side| side.shown),
            });
        }
    }
    differences
}

fn sides(kind: &str, json: &Value, redaction: &Redaction) -> BTreeMap<String, Side> {
    let mut sides = BTreeMap::new();
    if let Some(wanted) = json.pointer("/spec/replicas").and_then(Value::as_u64) {
        sides.insert("wanted pods".to_owned(), Side::plain(wanted.to_string()));
    }
    let Some(spec) = pod_spec(kind, json) else {
        return sides;
    };
    for taken in takes(spec) {
        sides.insert(taken, Side::plain("taken".to_owned()));
    }
    for container in containers(spec) {
        let name = text(container, "/name");
        for (setting, value) in settings(container) {
            sides.insert(format!("{name}: {setting}"), Side::plain(value));
        }
        for variable in variables(container) {
            let side = match (variable.from, variable.value) {
                (Some(from), _) => Side::plain(comes_from(from)),
                (None, value) => {
                    let raw = value.unwrap_or_default().to_owned();
                    let shown = redaction.value(variable.name, &raw);
                    let shown = shown.map_or(Shown::Hidden, Shown::Plain);
                    Side { raw, shown }
                }
            };
            sides.insert(format!("{name}: variable {}", variable.name), side);
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(image: &str, replicas: u64, env: &Value) -> Value {
        json!({"spec": {"replicas": replicas, "template": {"spec": {
            "containers": [{"name": "app", "image": image, "env": env,
                "envFrom": [{"secretRef": {"name": format!("db-{replicas}")}}]}]}}}})
    }

    #[test]
    fn what_differs_is_named_and_what_may_not_be_shown_is_not() {
        let here = workload(
            "r/app:2",
            1,
            &json!([{"name": "LOG_LEVEL", "value": "debug"}, {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "SAME_TOKEN", "value": "x"},
                {"name": "HOST", "valueFrom": {"secretKeyRef": {"name": "db", "key": "host"}}}]),
        );
        let there = workload(
            "r/app:1",
            2,
            &json!([{"name": "LOG_LEVEL", "value": "info"}, {"name": "DB_PASSWORD", "value": "other"},
                {"name": "SAME_TOKEN", "value": "x"}, {"name": "HOST", "value": "db"}]),
        );
        let redaction = Redaction::default();
        let found = differences("Deployment", &here, ("Deployment", &there), &redaction);
        let plain = |text: &str| Some(Shown::Plain(text.to_owned()));
        let of = |what: &str, here, there| Difference {
            what: what.to_owned(),
            here,
            there,
        };
        assert_eq!(
            found,
            [
                of("Secret db-1 as variables", plain("taken"), None),
                of("Secret db-2 as variables", None, plain("taken")),
                of("app: image", plain("r/app:2"), plain("r/app:1")),
                of(
                    "app: variable DB_PASSWORD",
                    Some(Shown::Hidden),
                    Some(Shown::Hidden)
                ),
                of(
                    "app: variable HOST",
                    plain("key host of Secret db"),
                    plain("db")
                ),
                of("app: variable LOG_LEVEL", plain("debug"), plain("info")),
                of("wanted pods", plain("1"), plain("2")),
            ]
        );
    }
}
