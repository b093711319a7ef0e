//! Flagger's Canaries and External Secrets' ExternalSecrets.

use facts::Kind;
use facts::others::{Canary, ExternalSecret};
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{Integer, List, Part, Text};

/// A Canary.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CanaryPart {
    metadata: Part<MetaPart>,
    spec: Part<CanarySpec>,
    status: Part<CanaryStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CanarySpec {
    target_ref: Part<Target>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    kind: Text,
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CanaryStatus {
    phase: Text,
    canary_weight: Integer,
    failed_checks: Integer,
    conditions: List<Part<ConditionPart>>,
}

impl Partial for CanaryPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let target = self.spec.0.target_ref.0;
        let status = self.status.0;
        Object::Canary(Canary {
            meta: self.metadata.0.project(),
            target_kind: target.kind.or("Deployment"),
            target: target.name.0,
            phase: status.phase.0,
            weight: status.canary_weight.or_zero(),
            failed_checks: status.failed_checks.or_zero(),
            conditions: conditions(status.conditions),
        })
    }
}

/// An ExternalSecret.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExternalSecretPart {
    metadata: Part<MetaPart>,
    spec: Part<SecretSpec>,
    status: Part<SecretStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SecretSpec {
    target: Part<SecretTarget>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SecretTarget {
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SecretStatus {
    conditions: List<Part<ConditionPart>>,
}

impl Partial for ExternalSecretPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        Object::ExternalSecret(ExternalSecret {
            secret: self.spec.0.target.0.name.or(&meta.name),
            conditions: conditions(self.status.0.conditions),
            meta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn one(kind: Kind, object: &str) -> Object {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        page(kind, json.as_bytes()).unwrap().objects.remove(0)
    }

    #[test]
    fn a_canary_as_flagger_writes_it() {
        let Object::Canary(canary) = one(
            Kind::Canary,
            r#"{"apiVersion":"flagger.app/v1beta1","metadata":{"name":"api","namespace":"shop"},
              "spec":{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"api"}},
              "status":{"phase":"Failed","canaryWeight":0,"failedChecks":5,"conditions":[{"type":"Promoted","status":"False","reason":"Failed","message":"Canary analysis failed"}]}}"#,
        ) else {
            panic!("no canary");
        };
        assert_eq!(
            (canary.target.as_str(), canary.phase.as_str()),
            ("api", "Failed")
        );
        assert_eq!(canary.primary(), "api-primary");
        assert_eq!((canary.weight, canary.failed_checks), (0, 5));
    }

    #[test]
    fn an_external_secret_writes_the_secret_of_its_own_name_unless_it_says_another() {
        for (spec, secret) in [("{}", "database"), (r#"{"target":{"name":"db"}}"#, "db")] {
            let object = format!(
                r#"{{"metadata":{{"name":"database","namespace":"shop"}},"spec":{spec},"status":{{"conditions":[{{"type":"Ready","status":"False","reason":"SecretSyncedError"}}]}}}}"#
            );
            let Object::ExternalSecret(found) = one(Kind::ExternalSecret, &object) else {
                panic!("no external secret");
            };
            assert_eq!(found.secret, secret);
            assert_eq!(found.conditions[0].reason, "SecretSyncedError");
        }
    }
}
