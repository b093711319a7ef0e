//! Ingresses, and cert-manager's Certificates: the ways in from outside of the cluster, and what is served on them.
//!
//! Nothing secret is in either: a Certificate names its Secret and says how it stands.

use std::collections::BTreeSet;

use facts::Kind;
use facts::kubernetes::{Ingress, IngressTls};
use facts::others::Certificate;
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{List, Moment, Part, Text};

/// What a class was called before `spec.ingressClassName`; controllers still obey it.
const CLASS: &str = "kubernetes.io/ingress.class";

/// An Ingress.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct IngressPart {
    metadata: Part<MetaPart>,
    spec: Part<IngressSpec>,
    status: Part<IngressStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct IngressSpec {
    ingress_class_name: Text,
    default_backend: Part<Backend>,
    rules: List<Part<Rule>>,
    tls: List<Part<Tls>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    http: Part<Http>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Http {
    paths: List<Part<HttpPath>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HttpPath {
    backend: Part<Backend>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Backend {
    service: Part<BackendService>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BackendService {
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tls {
    hosts: List<Text>,
    secret_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct IngressStatus {
    load_balancer: Part<LoadBalancer>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    ingress: List<Part<Address>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    ip: Text,
    hostname: Text,
}

impl Partial for IngressPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let meta = self.metadata.0.project();
        let spec = self.spec.0;
        let paths = spec.rules.parts().flat_map(|rule| rule.http.0.paths.0);
        let backends = paths.map(|path| path.0.backend.0);
        let services: BTreeSet<String> = backends
            .chain([spec.default_backend.0])
            .filter_map(|backend| backend.service.0.name.some())
            .collect();
        // Without a Secret's name the controller serves a certificate of its own.
        let tls = spec.tls.parts().filter_map(|entry| {
            Some(IngressTls {
                secret: entry.secret_name.some()?,
                hosts: texts(entry.hosts),
            })
        });
        let addresses = self.status.0.load_balancer.0.ingress.parts();
        Object::Ingress(Ingress {
            class: spec
                .ingress_class_name
                .some()
                .or_else(|| meta.annotation(CLASS).map(str::to_owned)),
            services,
            tls: tls.collect(),
            addresses: addresses
                .filter_map(|address| address.ip.some().or(address.hostname.some()))
                .collect(),
            meta,
        })
    }
}

/// A Certificate.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CertificatePart {
    metadata: Part<MetaPart>,
    spec: Part<CertificateSpec>,
    status: Part<CertificateStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CertificateSpec {
    secret_name: Text,
    dns_names: List<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CertificateStatus {
    conditions: List<Part<ConditionPart>>,
    not_after: Moment,
}

impl Partial for CertificatePart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let (spec, status) = (self.spec.0, self.status.0);
        Object::Certificate(Certificate {
            meta: self.metadata.0.project(),
            secret: spec.secret_name.0,
            names: texts(spec.dns_names),
            conditions: conditions(status.conditions),
            ends: status.not_after.0,
        })
    }
}

/// Those of a list that are texts.
fn texts(list: List<Text>) -> Vec<String> {
    list.0.into_iter().filter_map(Text::some).collect()
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn one(kind: Kind, object: &str) -> Object {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        page(kind, json.as_bytes()).unwrap().objects.remove(0)
    }

    fn ingress(object: &str) -> Ingress {
        match one(Kind::Ingress, object) {
            Object::Ingress(ingress) => ingress,
            other => panic!("{other:?}"),
        }
    }

    fn certificate(object: &str) -> Certificate {
        match one(Kind::Certificate, object) {
            Object::Certificate(certificate) => certificate,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_ingress_says_what_it_leads_to_and_under_which_addresses() {
        let found = ingress(
            r#"{"metadata":{"name":"shop","namespace":"shop","creationTimestamp":"2026-01-02T03:04:05Z"},
              "spec":{"ingressClassName":"nginx","defaultBackend":{"service":{"name":"web","port":{"number":80}}},
                "rules":[{"host":"a.example","http":{"paths":[
                    {"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":80}}}},
                    {"path":"/x","backend":{"service":{"name":"api"}}},
                    {"path":"/y","backend":{"resource":{"kind":"StorageBucket","name":"files"}}}]}},{"host":"b.example"}],
                "tls":[{"hosts":["a.example","b.example"],"secretName":"shop-tls"},{"hosts":["c.example"]}]},
              "status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"},{"hostname":"lb.example","ports":[]},{}]}}}"#,
        );
        assert_eq!(found.class.as_deref(), Some("nginx"));
        assert!(found.services.iter().eq(["api", "web"]));
        let entry = IngressTls {
            secret: "shop-tls".to_owned(),
            hosts: vec!["a.example".to_owned(), "b.example".to_owned()],
        };
        assert_eq!(found.tls, [entry]);
        assert_eq!(found.addresses, ["203.0.113.7", "lb.example"]);
        assert!(found.meta.created.is_some());
    }

    #[test]
    fn an_older_ingress_says_its_class_in_an_annotation() {
        let annotated = r#""metadata":{"name":"a","namespace":"b","annotations":{"kubernetes.io/ingress.class":"old"}}"#;
        let class = |spec: &str| ingress(&format!("{{{annotated},\"spec\":{spec}}}")).class;
        assert_eq!(class("{}").as_deref(), Some("old"));
        let newer = r#"{"ingressClassName":"new"}"#;
        assert_eq!(class(newer).as_deref(), Some("new"));
        assert_eq!(
            ingress(r#"{"metadata":{"name":"a"},"spec":null}"#).class,
            None
        );
    }

    #[test]
    fn a_field_of_another_shape_costs_itself_alone() {
        let found = ingress(
            r#"{"metadata":{"name":"a","namespace":"b"},"status":{"loadBalancer":[]},
              "spec":{"rules":[7,null,{"http":"no"},{"http":{"paths":{"backend":1}}},{"http":{"paths":[{"backend":{"service":{"name":"api"}}}]}}],
                "tls":{"secretName":"x"},"defaultBackend":"web"}}"#,
        );
        assert!(found.services.iter().eq(["api"]));
        assert!(found.tls.is_empty() && found.addresses.is_empty());
        let found = certificate(
            r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"secretName":"tls","dnsNames":"a.example"},
              "status":{"conditions":{},"notAfter":"soon"}}"#,
        );
        assert_eq!(found.secret, "tls");
        assert!(found.names.is_empty() && found.conditions.is_empty() && found.ends.is_none());
    }

    #[test]
    fn a_certificate_as_cert_manager_writes_it() {
        let found = certificate(
            r#"{"apiVersion":"cert-manager.io/v1","metadata":{"name":"shop","namespace":"shop"},
              "spec":{"secretName":"shop-tls","dnsNames":["a.example"],"issuerRef":{"name":"letsencrypt","kind":"ClusterIssuer"}},
              "status":{"notAfter":"2026-03-02T00:00:00Z","renewalTime":"2026-02-01T00:00:00Z","conditions":[
                {"type":"Ready","status":"False","reason":"DoesNotExist","message":"Issuing certificate as Secret does not exist","observedGeneration":1,"lastTransitionTime":"2026-01-02T03:04:05Z"}]}}"#,
        );
        assert_eq!(
            (found.secret.as_str(), found.names.as_slice()),
            ("shop-tls", &["a.example".to_owned()][..])
        );
        assert_eq!(found.conditions[0].reason, "DoesNotExist");
        assert_eq!(
            found.ends.map(|at| at.to_string()).as_deref(),
            Some("2026-03-02T00:00:00Z")
        );
    }
}
