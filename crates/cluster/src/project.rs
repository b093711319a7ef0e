//! From the JSON of objects to facts.
//!
//! Owns the parsing of list pages and watch events into small typed facts, straight from partial structs: a whole Pod
//! is tens of kilobytes, of which a journey needs one. Pure: no client, no clock. A malformed field never costs its
//! object (see [`crate::tolerant`]); what is no object at all is counted, so that nobody takes its absence for evidence.

pub(crate) mod flux;
pub(crate) mod helm;
pub(crate) mod image;
pub(crate) mod ingress;
pub(crate) mod meta;
pub(crate) mod network;
pub(crate) mod others;
pub(crate) mod pod;
pub(crate) mod values;
pub(crate) mod workload;

use facts::flux::{
    HelmRelease, ImagePolicy, ImageRepository, ImageUpdateAutomation, Kustomization, Source,
};
use facts::kubernetes::{
    EndpointSlice, Event, Ingress, Namespace, Node, Pod, ReplicaSet, Service, Workload,
};
use facts::others::{Canary, Certificate, ExternalSecret};
use facts::{Key, Kind};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::tolerant::{Integer, Part, Perhaps, Text};
use meta::MetaPart;

/// One object's facts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    Namespace(Namespace),
    Node(Node),
    Pod(Pod),
    ReplicaSet(ReplicaSet),
    Workload(Workload),
    Service(Service),
    EndpointSlice(EndpointSlice),
    Event(Event),
    Source(Source),
    Kustomization(Kustomization),
    HelmRelease(HelmRelease),
    ImageRepository(ImageRepository),
    ImagePolicy(ImagePolicy),
    ImageUpdateAutomation(ImageUpdateAutomation),
    Canary(Canary),
    ExternalSecret(ExternalSecret),
    Ingress(Ingress),
    Certificate(Certificate),
}

impl Object {
    /// The key that it is kept under.
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Namespace(object) => object.meta.key(),
            Self::Node(object) => object.meta.key(),
            Self::Pod(object) => object.meta.key(),
            Self::ReplicaSet(object) => object.meta.key(),
            Self::Workload(object) => object.meta.key(),
            Self::Service(object) => object.meta.key(),
            Self::EndpointSlice(object) => object.meta.key(),
            Self::Event(object) => object.meta.key(),
            Self::Source(object) => object.meta.key(),
            Self::Kustomization(object) => object.meta.key(),
            Self::HelmRelease(object) => object.meta.key(),
            Self::ImageRepository(object) => object.meta.key(),
            Self::ImagePolicy(object) => object.meta.key(),
            Self::ImageUpdateAutomation(object) => object.meta.key(),
            Self::Canary(object) => object.meta.key(),
            Self::ExternalSecret(object) => object.meta.key(),
            Self::Ingress(object) => object.meta.key(),
            Self::Certificate(object) => object.meta.key(),
        }
    }
}

/// The part of an object that its facts are made from.
pub(crate) trait Partial: Default + DeserializeOwned {
    /// Its metadata.
    fn meta(&self) -> &MetaPart;
    /// Its facts; `kind` for those shapes that several kinds share.
    fn project(self, kind: Kind) -> Object;
}

/// One page of a list.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// The objects.
    pub(crate) objects: Vec<Object>,
    /// How many entries were no objects.
    pub(crate) malformed: usize,
    /// `metadata.resourceVersion`, where a watch goes on.
    pub(crate) version: String,
    /// `metadata.continue`, where the next page begins.
    pub(crate) next: Option<String>,
}

/// One line of a watch.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "short-lived: moved into the table of its kind at once"
)]
pub(crate) enum Change {
    /// Added or modified.
    Applied { object: Object, version: String },
    /// Deleted.
    Deleted { key: Key, version: String },
    /// Nothing changed up to here.
    Bookmark { version: String },
    /// The server ends the watch: a Status.
    Ended { code: i64, message: String },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListPart<P: Default> {
    metadata: Part<ListMetaPart>,
    /// Strict, unlike everything below it: a body whose items are no array is no list, and must not read as an empty one.
    #[serde(bound(deserialize = "P: Deserialize<'de>"))]
    items: Option<Vec<Perhaps<P>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMetaPart {
    resource_version: Text,
    #[serde(rename = "continue")]
    next: Text,
}

/// Reads JSON that servers write; JSON that they don't (a key twice) is read once more through a tree, where the last
/// of two keys wins.
fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
        .or_else(|_| serde_json::from_slice(json).and_then(serde_json::from_value::<T>))
}

fn page_of<P: Partial>(kind: Kind, json: &[u8]) -> Result<Page, serde_json::Error> {
    let list = read::<Perhaps<ListPart<P>>>(json)?
        .0
        .ok_or_else(|| serde_json::Error::custom("not a list"))?;
    let mut page = Page {
        version: list.metadata.0.resource_version.0,
        next: list.metadata.0.next.some(),
        ..Page::default()
    };
    // Every list says where a watch goes on. A Status, or what a proxy answers in the server's place, does not: it is
    // no evidence that there is nothing.
    if page.version.is_empty() {
        return Err(serde_json::Error::custom("a list without resourceVersion"));
    }
    for item in list.items.unwrap_or_default() {
        match item.0 {
            Some(part) if !part.meta().name.0.is_empty() => page.objects.push(part.project(kind)),
            Some(_) | None => page.malformed += 1,
        }
    }
    Ok(page)
}

/// Reads one page of a list of a kind.
///
/// # Errors
/// If it is no JSON object.
pub(crate) fn page(kind: Kind, json: &[u8]) -> Result<Page, serde_json::Error> {
    match kind {
        Kind::Namespace => page_of::<network::NamespacePart>(kind, json),
        Kind::Node => page_of::<network::NodePart>(kind, json),
        Kind::Pod => page_of::<pod::PodPart>(kind, json),
        Kind::ReplicaSet => page_of::<workload::ReplicaSetPart>(kind, json),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            page_of::<workload::WorkloadPart>(kind, json)
        }
        Kind::Service => page_of::<network::ServicePart>(kind, json),
        Kind::EndpointSlice => page_of::<network::EndpointSlicePart>(kind, json),
        Kind::Event => page_of::<pod::EventPart>(kind, json),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => page_of::<flux::SourcePart>(kind, json),
        Kind::Kustomization => page_of::<flux::KustomizationPart>(kind, json),
        Kind::HelmRelease => page_of::<helm::HelmReleasePart>(kind, json),
        Kind::ImageRepository => page_of::<image::ImageRepositoryPart>(kind, json),
        Kind::ImagePolicy => page_of::<image::ImagePolicyPart>(kind, json),
        Kind::ImageUpdateAutomation => page_of::<image::ImageUpdateAutomationPart>(kind, json),
        Kind::Canary => page_of::<others::CanaryPart>(kind, json),
        Kind::ExternalSecret => page_of::<others::ExternalSecretPart>(kind, json),
        Kind::Ingress => page_of::<ingress::IngressPart>(kind, json),
        Kind::Certificate => page_of::<ingress::CertificatePart>(kind, json),
        // Not of a Kubernetes cluster.
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => Ok(Page::default()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<P: Default> {
    #[serde(bound(deserialize = "P: Deserialize<'de>"))]
    object: Perhaps<P>,
}

/// What every line of a watch has, whatever its object is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyLine {
    #[serde(rename = "type")]
    kind: Text,
    object: Part<AnyObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyObject {
    metadata: Part<Version>,
    code: Integer,
    message: Text,
    reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    resource_version: Text,
}

fn object_of<P: Partial>(kind: Kind, json: &[u8]) -> Result<Option<Object>, serde_json::Error> {
    let line: Line<P> = read(json)?;
    Ok(line
        .object
        .0
        .filter(|part| !part.meta().name.0.is_empty())
        .map(|part| part.project(kind)))
}

fn object(kind: Kind, json: &[u8]) -> Result<Option<Object>, serde_json::Error> {
    match kind {
        Kind::Namespace => object_of::<network::NamespacePart>(kind, json),
        Kind::Node => object_of::<network::NodePart>(kind, json),
        Kind::Pod => object_of::<pod::PodPart>(kind, json),
        Kind::ReplicaSet => object_of::<workload::ReplicaSetPart>(kind, json),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            object_of::<workload::WorkloadPart>(kind, json)
        }
        Kind::Service => object_of::<network::ServicePart>(kind, json),
        Kind::EndpointSlice => object_of::<network::EndpointSlicePart>(kind, json),
        Kind::Event => object_of::<pod::EventPart>(kind, json),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => object_of::<flux::SourcePart>(kind, json),
        Kind::Kustomization => object_of::<flux::KustomizationPart>(kind, json),
        Kind::HelmRelease => object_of::<helm::HelmReleasePart>(kind, json),
        Kind::ImageRepository => object_of::<image::ImageRepositoryPart>(kind, json),
        Kind::ImagePolicy => object_of::<image::ImagePolicyPart>(kind, json),
        Kind::ImageUpdateAutomation => object_of::<image::ImageUpdateAutomationPart>(kind, json),
        Kind::Canary => object_of::<others::CanaryPart>(kind, json),
        Kind::ExternalSecret => object_of::<others::ExternalSecretPart>(kind, json),
        Kind::Ingress => object_of::<ingress::IngressPart>(kind, json),
        Kind::Certificate => object_of::<ingress::CertificatePart>(kind, json),
        // Not of a Kubernetes cluster.
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => Ok(None),
    }
}

/// Reads one line of a watch of a kind; `None` if its object is none or its type is one that nobody knows.
///
/// # Errors
/// If it is no JSON object.
pub(crate) fn change(kind: Kind, json: &[u8]) -> Result<Option<Change>, serde_json::Error> {
    let any: AnyLine = read(json)?;
    let version = any.object.0.metadata.0.resource_version.0;
    Ok(match any.kind.0.as_str() {
        "ADDED" | "MODIFIED" => {
            object(kind, json)?.map(|object| Change::Applied { object, version })
        }
        "DELETED" => object(kind, json)?.map(|object| Change::Deleted {
            key: object.key(),
            version,
        }),
        "BOOKMARK" => Some(Change::Bookmark { version }),
        "ERROR" => Some(Change::Ended {
            code: any.object.0.code.or_zero(),
            message: any.object.0.message.or(&any.object.0.reason.0),
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_it_goes_on_and_counts_what_is_no_object() {
        let page = page(
            Kind::Namespace,
            br#"{"kind":"NamespaceList","apiVersion":"v1",
                "metadata":{"resourceVersion":"1042","continue":"abc","remainingItemCount":7},
                "items":[{"metadata":{"name":"shop"}},17,null,{"metadata":{}},{"metadata":{"name":"dev"}}]}"#,
        )
        .unwrap();
        assert_eq!(
            (page.version.as_str(), page.next.as_deref()),
            ("1042", Some("abc"))
        );
        let keys: Vec<_> = page.objects.iter().map(|o| o.key().name).collect();
        assert_eq!(keys, ["shop", "dev"]);
        assert_eq!(page.malformed, 3);
    }

    #[test]
    fn a_key_that_stands_twice_does_not_cost_the_page() {
        let page = page(
            Kind::Namespace,
            br#"{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a","name":"shop"}}]}"#,
        )
        .unwrap();
        assert_eq!(page.objects[0].key().name, "shop");
    }

    #[test]
    fn a_page_that_is_no_json_is_an_error_and_not_an_empty_list() {
        for body in [
            "",
            "<html>",
            "[]",
            "\"text\"",
            "{\"items\":[{\"metadata\"",
            "{}",
            r#"{"error":"gateway"}"#,
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}"#,
            r#"{"metadata":{"resourceVersion":"1"},"items":{}}"#,
        ] {
            assert!(page(Kind::Pod, body.as_bytes()).is_err(), "{body}");
        }
        let empty = br#"{"metadata":{"resourceVersion":"1"},"items":null}"#;
        assert!(page(Kind::Pod, empty).unwrap().objects.is_empty());
    }

    #[test]
    fn watch_lines_as_the_server_writes_them() {
        let line = |json: &str| change(Kind::Event, json.as_bytes()).unwrap();
        assert!(matches!(
            line(r#"{"type":"ADDED","object":{"kind":"Event","metadata":{"name":"e","namespace":"shop","resourceVersion":"7"},"message":"m","reason":"r"}}"#),
            Some(Change::Applied { object: Object::Event(event), version }) if event.message == "m" && version == "7"
        ));
        assert!(matches!(
            line(r#"{"type":"DELETED","object":{"metadata":{"name":"e","namespace":"shop","resourceVersion":"9"}}}"#),
            Some(Change::Deleted { key, version }) if key == Key::new("shop", "e") && version == "9"
        ));
        assert_eq!(
            line(
                r#"{"type":"BOOKMARK","object":{"kind":"Event","metadata":{"resourceVersion":"12","creationTimestamp":null}}}"#
            ),
            Some(Change::Bookmark {
                version: "12".into()
            })
        );
        assert_eq!(
            line(
                r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version: 1 (9)","reason":"Expired","code":410}}"#
            ),
            Some(Change::Ended {
                code: 410,
                message: "too old resource version: 1 (9)".into()
            })
        );
        assert_eq!(
            line(r#"{"type":"SURPRISE","object":{"metadata":{"name":"e"}}}"#),
            None
        );
        assert_eq!(line(r#"{"type":"ADDED","object":[1]}"#), None);
    }
}
