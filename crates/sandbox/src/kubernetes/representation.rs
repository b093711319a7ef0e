//! How objects are shown: whole, as metadata only, or as rows of a table; what the `Accept` header asks for.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::kinds::Kind;
use super::list::Page;
use super::table;

/// How a client wants to see objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Whole,
    /// Only what identifies them.
    Metadata,
    /// As kubectl prints them.
    Table(Rows),
}

/// What rows of a table carry besides their cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Nothing.
    None,
    /// The object's metadata.
    Metadata,
    /// The object.
    Object,
}

impl Form {
    /// The first of the accepted forms that this server has; `None` if it has none of them.
    pub(crate) fn of(accept: &str, include_object: &str) -> Option<Self> {
        if accept.trim().is_empty() {
            return Some(Self::Whole);
        }
        accept.split(',').find_map(|choice| {
            let mut parts = choice.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                return None;
            }
            let (mut shape, mut version) = ("", "v1");
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("as", value)) => shape = value,
                    Some(("v", value)) => version = value,
                    _ => {}
                }
            }
            match shape {
                "" => Some(Self::Whole),
                _ if version != "v1" => None,
                "Table" => Some(Self::Table(match include_object {
                    "None" => Rows::None,
                    "Object" => Rows::Object,
                    _ => Rows::Metadata,
                })),
                "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Self::Metadata),
                _ => None,
            }
        })
    }

    /// One object as the body of an answer or of a watch event.
    pub(crate) fn one(self, kind: &'static Kind, object: &Arc<Value>, now: Timestamp) -> Vec<u8> {
        match self {
            Self::Whole => bytes(&**object),
            Self::Metadata => bytes(&metadata_only(object)),
            Self::Table(rows) => {
                let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let objects = std::slice::from_ref(object);
                bytes(&table::table(kind, objects, version, rows, now))
            }
        }
    }

    /// One more object of a watch: tables name their columns once.
    pub(crate) fn another(
        self,
        kind: &'static Kind,
        object: &Arc<Value>,
        now: Timestamp,
    ) -> Vec<u8> {
        let Self::Table(rows) = self else {
            return self.one(kind, object, now);
        };
        let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        let mut table = table::table(kind, std::slice::from_ref(object), version, rows, now);
        table["columnDefinitions"] = Value::Null;
        bytes(&table)
    }

    /// A page of a list.
    pub(crate) fn page(self, kind: &'static Kind, page: &Page, now: Timestamp) -> Vec<u8> {
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if !page.next.is_empty() {
            metadata["continue"] = json!(page.next);
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        match self {
            Self::Whole => bytes(&List {
                kind: format!("{}List", kind.kind),
                api_version: kind.api_version(),
                metadata,
                // Lists of built-in kinds leave out what every item would repeat.
                items: page
                    .items
                    .iter()
                    .map(|object| Item {
                        object,
                        bare: !kind.custom,
                    })
                    .collect(),
            }),
            Self::Metadata => bytes(&json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": page.items.iter().map(|object| metadata_only(object)).collect::<Vec<_>>(),
            })),
            Self::Table(rows) => bytes(&table::table(kind, &page.items, metadata, rows, now)),
        }
    }

    /// What a bookmark carries: nothing but a version.
    pub(crate) fn bookmark(self, kind: &'static Kind, version: u64, initial_end: bool) -> Value {
        let mut metadata =
            json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        match self {
            Self::Whole => {
                json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata})
            }
            Self::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}),
            Self::Table(_) => json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "columnDefinitions": [], "rows": []}),
        }
    }
}

/// An object's metadata as an object.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

pub(crate) fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Values made of JSON always serialize; an empty body would be noticed at once.
    serde_json::to_vec(value).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// An object inside a list.
struct Item<'a> {
    object: &'a Value,
    bare: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(fields) = self.object else {
            return self.object.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in fields {
            if !self.bare || !matches!(key.as_str(), "kind" | "apiVersion") {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_known_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,\
                       application/json";
        assert_eq!(Form::of(kubectl, ""), Some(Form::Table(Rows::Metadata)));
        assert_eq!(Form::of(kubectl, "Object"), Some(Form::Table(Rows::Object)));
        assert_eq!(
            Form::of(
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                ""
            ),
            Some(Form::Metadata)
        );
        assert_eq!(
            Form::of("application/vnd.kubernetes.protobuf, application/json", ""),
            Some(Form::Whole)
        );
        assert_eq!(Form::of("*/*", ""), Some(Form::Whole));
        assert_eq!(Form::of("", ""), Some(Form::Whole));
        assert_eq!(Form::of("application/vnd.kubernetes.protobuf", ""), None);
        assert_eq!(
            Form::of("application/json;as=Table;v=v1beta1;g=meta.k8s.io", ""),
            None
        );
    }

    #[test]
    fn only_items_of_built_in_lists_are_bare() {
        let item = |kind: &str, api_version: &str| {
            let object = Arc::new(
                json!({"kind": kind, "apiVersion": api_version, "metadata": {"name": "a"}}),
            );
            let page = Page {
                items: vec![object],
                version: 7,
                next: String::new(),
                remaining: None,
            };
            let body = Form::Whole.page(Kind::named(kind).unwrap(), &page, Timestamp::UNIX_EPOCH);
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["metadata"]["resourceVersion"], "7");
            body["items"][0].clone()
        };
        assert_eq!(item("Pod", "v1"), json!({"metadata": {"name": "a"}}));
        assert_eq!(
            item("Kustomization", "kustomize.toolkit.fluxcd.io/v1")["kind"],
            "Kustomization"
        );
    }
}
