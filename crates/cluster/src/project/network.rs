//! Services, EndpointSlices, Nodes and Namespaces.

use facts::Kind;
use facts::kubernetes::{EndpointSlice, Namespace, Node, Service};
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{Flag, List, Maybe, Part, Table, Text};

/// A Service.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServicePart {
    metadata: Part<MetaPart>,
    spec: Part<ServiceSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    selector: Table<Text>,
    r#type: Text,
    ports: List<Part<serde::de::IgnoredAny>>,
}

impl Partial for ServicePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(mut self, _: Kind) -> Object {
        let edited = self.metadata.0.edited();
        let spec = self.spec.0;
        Object::Service(Service {
            meta: self.metadata.0.project(),
            selector: spec.selector.texts(),
            external_name: spec.r#type.0 == "ExternalName",
            has_ports: !spec.ports.0.is_empty(),
            edited,
        })
    }
}

/// An EndpointSlice.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointSlicePart {
    metadata: Part<MetaPart>,
    endpoints: List<Part<Endpoint>>,
    ports: List<Part<serde::de::IgnoredAny>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Endpoint {
    addresses: List<Text>,
    conditions: Part<EndpointConditions>,
    target_ref: Part<TargetRef>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TargetRef {
    kind: Text,
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Maybe,
}

impl Partial for EndpointSlicePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        let (mut ready, mut not_ready) = (0_u32, 0_u32);
        let mut ready_pods = Vec::new();
        for endpoint in self.endpoints.parts() {
            let addresses = u32::try_from(endpoint.addresses.0.len()).unwrap_or(u32::MAX);
            // The API: "a nil value should be interpreted as ready".
            if endpoint.conditions.ready.0.unwrap_or(true) {
                ready = ready.saturating_add(addresses);
                let TargetRef { kind, name } = endpoint.target_ref.0;
                if kind.0 == "Pod" {
                    ready_pods.extend(endpoint.addresses.0.iter().map(|_| name.0.clone()));
                }
            } else {
                not_ready = not_ready.saturating_add(addresses);
            }
        }
        Object::EndpointSlice(EndpointSlice {
            has_ports: !self.ports.0.is_empty(),
            service: meta
                .label("kubernetes.io/service-name")
                .unwrap_or_default()
                .to_owned(),
            ready,
            not_ready,
            ready_pods,
            meta,
        })
    }
}

/// A Node.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodePart {
    metadata: Part<MetaPart>,
    spec: Part<NodeSpec>,
    status: Part<NodeStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    unschedulable: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeStatus {
    node_info: Part<NodeInfo>,
    conditions: List<Part<ConditionPart>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeInfo {
    architecture: Text,
}

impl Partial for NodePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        Object::Node(Node {
            meta: self.metadata.0.project(),
            architecture: self.status.0.node_info.0.architecture.0,
            cordoned: self.spec.0.unschedulable.0,
            conditions: conditions(self.status.0.conditions),
        })
    }
}

/// A Namespace.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamespacePart {
    metadata: Part<MetaPart>,
}

impl Partial for NamespacePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        Object::Namespace(Namespace {
            meta: self.metadata.0.project(),
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
    fn addresses_are_counted_and_silence_means_ready() {
        let Object::EndpointSlice(slice) = one(
            Kind::EndpointSlice,
            r#"{"addressType":"IPv4","metadata":{"name":"api-x","namespace":"shop","labels":{"kubernetes.io/service-name":"api"}},
              "endpoints":[{"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":true,"serving":true}},
                {"addresses":["10.0.0.3"],"conditions":{"ready":false}},{"addresses":["10.0.0.4"],"conditions":{}},{"addresses":["10.0.0.5"]}, null]}"#,
        ) else {
            panic!()
        };
        assert_eq!(
            (slice.service.as_str(), slice.ready, slice.not_ready),
            ("api", 4, 1)
        );
        let Object::EndpointSlice(slice) = one(
            Kind::EndpointSlice,
            r#"{"metadata":{"name":"api-x","namespace":"shop"},"endpoints":null}"#,
        ) else {
            panic!()
        };
        assert_eq!((slice.ready, slice.not_ready), (0, 0));
    }

    #[test]
    fn a_service_without_selector_selects_nothing() {
        let Object::Service(service) = one(
            Kind::Service,
            r#"{"metadata":{"name":"api","namespace":"shop"},"spec":{"type":"ExternalName"}}"#,
        ) else {
            panic!()
        };
        assert!(service.selector.is_empty() && service.external_name);
    }

    #[test]
    fn a_service_says_who_changed_it_by_hand() {
        let edited = |manager: &str| {
            let json = format!(
                r#"{{"metadata":{{"name":"api","namespace":"shop","managedFields":[
                  {{"manager":"kustomize-controller","operation":"Apply","time":"2026-01-02T03:04:05Z","fieldsV1":{{"f:spec":{{"f:selector":{{}}}}}}}},
                  {{"manager":"{manager}","operation":"Update","time":"2026-01-02T03:05:05Z","fieldsV1":{{"f:spec":{{"f:selector":{{"f:app":{{}}}}}}}}}}]}},
                  "spec":{{"selector":{{"app":"api"}}}}}}"#
            );
            match one(Kind::Service, &json) {
                Object::Service(service) => service.edited.map(|edited| edited.manager),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(edited("kubectl-patch").as_deref(), Some("kubectl-patch"));
        assert_eq!(edited("endpoint-controller"), None);
    }

    #[test]
    fn a_ready_address_says_whose_pod_it_is() {
        let Object::EndpointSlice(slice) = one(
            Kind::EndpointSlice,
            r#"{"metadata":{"name":"api-x","namespace":"shop"},"endpoints":[
                {"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","name":"api-1","namespace":"shop"}},
                {"addresses":["10.0.0.2"],"conditions":{"ready":false},"targetRef":{"kind":"Pod","name":"api-2"}},
                {"addresses":["10.0.0.3"]}, {"addresses":["10.0.0.4"],"targetRef":{"kind":"Node","name":"n1"}}]}"#,
        ) else {
            panic!()
        };
        assert_eq!(
            (slice.ready, slice.ready_pods),
            (3, vec!["api-1".to_owned()])
        );
    }

    #[test]
    fn a_node_says_its_architecture() {
        let Object::Node(node) = one(
            Kind::Node,
            r#"{"metadata":{"name":"n1"},"spec":{"unschedulable":true},"status":{"nodeInfo":{"architecture":"arm64"},"conditions":[{"type":"Ready","status":"Unknown"}]}}"#,
        ) else {
            panic!()
        };
        assert_eq!((node.architecture.as_str(), node.cordoned), ("arm64", true));
    }
}
