//! What every object has: metadata and conditions, and the bound that foreign texts are kept within.

use std::collections::BTreeMap;
use std::fmt;

use facts::kubernetes::Edited;
use facts::{Condition, Meta, Owner, Status};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::tolerant::{Integer, List, Moment, Part, Perhaps, Table, Text};

/// The longest message that is kept whole, in bytes: an event may carry a megabyte, and every copy of the facts would.
pub(crate) const LONGEST_MESSAGE: usize = 64 * 1024;

/// Somebody else's words, whole up to [`LONGEST_MESSAGE`]; what is cut off is said. Control characters stay: they are
/// data here, and each viewer renders them harmless.
pub(crate) fn message(text: Text) -> String {
    let mut text = text.0;
    if text.len() > LONGEST_MESSAGE {
        let bytes = text.len();
        let mut end = LONGEST_MESSAGE;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(&format!(
            "… (the first {end} of {bytes} bytes; the object has the whole)"
        ));
    }
    text
}

/// `metadata`
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MetaPart {
    pub(crate) name: Text,
    pub(crate) namespace: Text,
    uid: Text,
    pub(crate) resource_version: Text,
    generation: Integer,
    creation_timestamp: Moment,
    deletion_timestamp: Moment,
    labels: Table<Text>,
    annotations: Perhaps<Annotations>,
    owner_references: List<Part<OwnerPart>>,
    managed_fields: List<Part<ManagedPart>>,
}

/// An entry of `managedFields`: who set which fields.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ManagedPart {
    manager: Text,
    time: Moment,
    fields_v1: Part<FieldsPart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FieldsPart {
    #[serde(rename = "f:spec")]
    spec: Table<Part<TemplatePart>>,
}

/// What of a field of the spec is looked into: whether a template's own spec is among it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TemplatePart {
    #[serde(rename = "f:spec")]
    spec: Perhaps<Present>,
}

/// Something that is there, whatever it is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Present {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OwnerPart {
    kind: Text,
    name: Text,
    uid: Text,
}

/// How the names of field managers end that write specs by themselves: Flux, Kubernetes' own controllers, operators
/// (`manager` is what their scaffolding calls them), and what scales or restarts. All others are hands, or tools in them.
const BY_THEMSELVES: &[&str] = &[
    "controller",
    "manager",
    "operator",
    "autoscaler",
    "scheduler",
    "kubelet",
    "flagger",
    "keda",
    "reloader",
    // What server-side apply calls whoever wrote before it.
    "before-first-apply",
    // Flux's own name for what it wrote before it applied on the server's side.
    "flux-client-side-apply",
];

impl ManagedPart {
    fn is_hand(&self) -> bool {
        let manager = self.manager.0.to_ascii_lowercase();
        !manager.is_empty() && !BY_THEMSELVES.iter().any(|end| manager.ends_with(end))
    }

    /// Whether it set anything of the spec but a template's labels and annotations, as a restart does, and but that Flux
    /// is to leave the object alone, which is a field of its own to us.
    fn sets_spec(&self) -> bool {
        let is_more = |field: &str, part: &TemplatePart| match field {
            "f:suspend" => false,
            "f:template" => part.spec.0.is_some(),
            _ => true,
        };
        let mut fields = self.fields_v1.spec.0.iter();
        fields.any(|(field, part)| is_more(field, &part.0))
    }
}

impl MetaPart {
    /// Who changed the spec by hand last; what writes by itself is no hand.
    pub(crate) fn edited(&mut self) -> Option<Edited> {
        let entries = std::mem::take(&mut self.managed_fields);
        entries
            .parts()
            .filter(|entry| entry.is_hand() && entry.sets_spec())
            .filter_map(|entry| {
                Some(Edited {
                    at: entry.time.0?,
                    manager: entry.manager.0,
                })
            })
            .max_by_key(|edited| edited.at)
    }

    pub(crate) fn project(self) -> Meta {
        Meta {
            namespace: self.namespace.0,
            name: self.name.0,
            uid: self.uid.0,
            generation: self.generation.or_zero(),
            created: self.creation_timestamp.0,
            deleting: self.deletion_timestamp.0,
            labels: self.labels.texts(),
            annotations: self.annotations.0.map(|kept| kept.0).unwrap_or_default(),
            owners: self
                .owner_references
                .parts()
                .map(|owner| Owner {
                    kind: owner.kind.0,
                    name: owner.name.0,
                    uid: owner.uid.0,
                })
                .collect(),
        }
    }
}

/// The annotations that facts are read from; the others (a last-applied configuration can be as large as the object)
/// are passed over without being copied.
struct Annotations(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;

        impl<'de> Visitor<'de> for Kept {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut kept = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if is_kept(&key) {
                        kept.insert(key, message(map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Annotations(kept))
            }
        }

        deserializer.deserialize_map(Kept)
    }
}

/// Whether an annotation is one that facts are read from: of Flux, Kubernetes or Landfall itself.
fn is_kept(key: &str) -> bool {
    let domain = key.split('/').next().unwrap_or_default();
    key != "kubectl.kubernetes.io/last-applied-configuration"
        && ["fluxcd.io", "kubernetes.io", "landfall.dev"]
            .iter()
            .any(|kept| {
                domain
                    .strip_suffix(kept)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
}

/// One of `status.conditions`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConditionPart {
    #[serde(rename = "type")]
    kind: Text,
    status: Text,
    reason: Text,
    message: Text,
    last_transition_time: Moment,
    observed_generation: Integer,
}

/// Conditions, in the object's order.
pub(crate) fn conditions(parts: List<Part<ConditionPart>>) -> Vec<Condition> {
    parts
        .parts()
        .map(|part| Condition {
            kind: part.kind.0,
            status: match part.status.0.as_str() {
                "True" => Status::True,
                "False" => Status::False,
                _ => Status::Unknown,
            },
            reason: part.reason.0,
            message: message(part.message),
            since: part.last_transition_time.0,
            observed_generation: part.observed_generation.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(json: &str) -> Meta {
        serde_json::from_str::<Part<MetaPart>>(json)
            .unwrap()
            .0
            .project()
    }

    #[test]
    fn metadata_as_the_server_writes_it() {
        let meta = meta(
            r#"{"name":"api","namespace":"shop","uid":"7c1d","resourceVersion":"41","generation":3,
                "creationTimestamp":"2026-01-02T03:04:05Z","deletionTimestamp":null,
                "labels":{"app":"api"},
                "annotations":{"reconcile.fluxcd.io/requestedAt":"x","deployment.kubernetes.io/revision":"4",
                  "kubectl.kubernetes.io/last-applied-configuration":"{}","example.com/note":"no",
                  "notkubernetes.io/x":"no","landfall.dev/app":"api"},
                "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"api-1","uid":"9","controller":true}],
                "managedFields":[{"manager":"x","fieldsV1":{"f:spec":{}}}]}"#,
        );
        assert_eq!(
            (meta.namespace.as_str(), meta.name.as_str()),
            ("shop", "api")
        );
        assert_eq!(meta.generation, 3);
        assert!(meta.created.is_some() && meta.deleting.is_none());
        assert_eq!(meta.label("app"), Some("api"));
        assert_eq!(
            meta.annotations.keys().collect::<Vec<_>>(),
            [
                "deployment.kubernetes.io/revision",
                "landfall.dev/app",
                "reconcile.fluxcd.io/requestedAt"
            ]
        );
        assert_eq!(meta.owners[0].kind, "ReplicaSet");
    }

    fn edited(entries: &str) -> Option<String> {
        let json = format!(r#"{{"name":"api","managedFields":[{entries}]}}"#);
        let mut part = serde_json::from_str::<Part<MetaPart>>(&json).unwrap().0;
        part.edited().map(|edited| edited.manager)
    }

    #[test]
    fn a_change_by_a_tool_in_a_hand_is_one_by_hand() {
        let by = |manager: &str, fields: &str| {
            format!(
                r#"{{"manager":"{manager}","operation":"Update","time":"2026-01-02T03:04:05Z","fieldsV1":{{"f:spec":{fields}}}}}"#
            )
        };
        let image = r#"{"f:template":{"f:spec":{"f:containers":{}}}}"#;
        for hand in [
            "kubectl-edit",
            "node-fetch",
            "python-requests",
            "Terraform",
            "helm",
        ] {
            assert_eq!(edited(&by(hand, image)).as_deref(), Some(hand));
        }
        for itself in [
            "kustomize-controller",
            "kube-controller-manager",
            "manager",
            "Flagger",
            "",
        ] {
            assert_eq!(edited(&by(itself, image)), None, "{itself}");
        }
        let restart = r#"{"f:template":{"f:metadata":{"f:annotations":{}}}}"#;
        assert_eq!(edited(&by("kubectl-rollout", restart)), None);
        assert_eq!(edited(&by("flux", r#"{"f:suspend":{}}"#)), None);
        assert_eq!(
            edited(&by("flux", r#"{"f:suspend":{},"f:path":{}}"#)).as_deref(),
            Some("flux")
        );
    }

    #[test]
    fn labels_that_are_no_table_do_not_cost_the_name() {
        let meta =
            meta(r#"{"labels":["a"],"annotations":7,"ownerReferences":{"a":1},"name":"api"}"#);
        assert_eq!(meta.name, "api");
        assert!(meta.labels.is_empty() && meta.owners.is_empty());
    }

    #[test]
    fn a_megabyte_of_message_is_cut_at_a_character_and_says_so() {
        let text = message(Text("é\u{1b}".repeat(400_000)));
        assert!(text.len() < LONGEST_MESSAGE + 100);
        assert!(text.ends_with("of 1200000 bytes; the object has the whole)"));
        assert!(text.contains('\u{1b}'), "control characters are data");
    }

    #[test]
    fn a_condition_that_says_something_new_is_unknown_not_true() {
        let parts: List<Part<ConditionPart>> = serde_json::from_str(
            r#"[{"type":"Ready","status":"true"},{"type":"Ready","status":true},{"type":"Ready","status":"True"}]"#,
        )
        .unwrap();
        let statuses: Vec<_> = conditions(parts).into_iter().map(|c| c.status).collect();
        assert_eq!(statuses, [Status::Unknown, Status::Unknown, Status::True]);
    }
}
