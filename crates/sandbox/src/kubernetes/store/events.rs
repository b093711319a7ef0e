//! Core v1 Events as the company's controllers record them: they count up when they recur, and are gone after an hour.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Store;
use super::state::Propagation;
use crate::clock::rfc3339;
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::object;

/// The API server's default `--event-ttl`.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(1);

/// How much company time may pass before old Events are looked for again.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_secs(30);

impl Store {
    /// Records that something happened to an object. The same thing said again counts up the Event that is there.
    pub fn record_event(
        &self,
        about: &Value,
        warning: bool,
        reason: &str,
        message: &str,
        source_component: &str,
    ) {
        let now = self.clock().now();
        self.expire_events();
        let kind = about["kind"].as_str().unwrap_or_default();
        let name = object::name(about);
        let namespace = match object::namespace(about) {
            // Events about cluster-wide objects live here.
            "" => "default",
            namespace => namespace,
        };
        let id = object::hex(&[
            kind,
            object::namespace(about),
            name,
            object::uid(about),
            reason,
            message,
            source_component,
        ]);
        let event_name = format!("{name}.{}", &id[..16]);
        let count = self
            .get("Event", namespace, &event_name)
            .map(|event| {
                (
                    event["count"].as_i64().unwrap_or(1) + 1,
                    event["firstTimestamp"].clone(),
                )
            })
            .unwrap_or((1, json!(rfc3339(now))));
        let mut involved = json!({
            "kind": kind,
            "name": name,
            "uid": object::uid(about),
            "apiVersion": about["apiVersion"],
            "resourceVersion": object::text(about, "resourceVersion"),
        });
        if !object::namespace(about).is_empty() {
            involved["namespace"] = json!(object::namespace(about));
        }
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": event_name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": source_component},
            "firstTimestamp": count.1,
            "lastTimestamp": rfc3339(now),
            "count": count.0,
            "type": if warning { "Warning" } else { "Normal" },
            "eventTime": null,
            "reportingComponent": source_component,
            "reportingInstance": "",
        });
        if let Err(error) = self.apply(event) {
            tracing::warn!(%error, reason, "an event was not recorded");
        }
    }

    /// Removes Events that nobody repeated for an hour of the company's time.
    pub(crate) fn expire_events(&self) {
        let now = self.clock().now();
        {
            let mut swept = self.swept();
            let passed = now.duration_since(*swept).abs();
            if passed < SWEEP_EVERY {
                return;
            }
            *swept = now;
        }
        let Some(kind) = Kind::named("Event") else {
            return;
        };
        // These times sort as text: all are UTC and whole seconds.
        let oldest = rfc3339(now.checked_sub(TIME_TO_LIVE).unwrap_or(Timestamp::MIN));
        let mut state = self.state();
        let old: Vec<_> = state
            .list("Event", None)
            .filter(|event| {
                let last = match event["lastTimestamp"].as_str() {
                    Some(last) => last,
                    None => object::text(event, "creationTimestamp"),
                };
                last < oldest.as_str()
            })
            .map(|event| super::state::key_of(event))
            .collect();
        for key in old {
            state.remove(kind, &key, Propagation::Cascade, &rfc3339(now));
        }
    }
}
