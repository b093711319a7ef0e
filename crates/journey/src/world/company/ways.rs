//! Tests only: how production is reached from outside: an Ingress for each app, and a Certificate for each.

use facts::kubernetes::{Ingress, IngressTls};
use facts::meta::Status;
use facts::others::Certificate;
use jiff::SignedDuration;

use super::{condition, key, meta};
use crate::world::World;

/// The cluster whose apps have a way in.
const CLUSTER: &str = "prod";
const NAMESPACE: &str = "shop";

impl World {
    /// An app gets an Ingress, served for a long time, with a certificate that has weeks left.
    pub fn way_in(&mut self, app: &str, ago: i64) {
        let (at, ends) = (
            self.ago(ago),
            self.now + SignedDuration::from_hours(24 * 40),
        );
        let secret = format!("{app}-tls");
        let host = format!("{app}.shop.example");
        self.edit(CLUSTER, |facts| {
            let ingress = Ingress {
                meta: meta(NAMESPACE, app, at),
                class: Some("nginx".to_owned()),
                services: [app.to_owned()].into(),
                tls: vec![IngressTls {
                    secret: secret.clone(),
                    hosts: vec![host.clone()],
                }],
                addresses: vec!["203.0.113.7".to_owned()],
            };
            facts.ingresses.insert(ingress.meta.key(), ingress);
            let says = "Certificate is up to date and has not expired";
            let certificate = Certificate {
                meta: meta(NAMESPACE, &secret, at),
                secret,
                names: vec![host],
                conditions: vec![condition("Ready", Status::True, "Ready", says, at)],
                ends: Some(ends),
            };
            facts
                .certificates
                .insert(certificate.meta.key(), certificate);
        });
    }

    /// The Ingress of an app changes.
    pub fn ingress(&mut self, app: &str, change: impl FnOnce(&mut Ingress)) {
        self.edit(CLUSTER, |facts| {
            change(facts.ingresses.get_mut(&key(NAMESPACE, app)).unwrap());
        });
    }

    /// The Certificate of an app changes.
    pub fn certificate(&mut self, app: &str, change: impl FnOnce(&mut Certificate)) {
        let name = key(NAMESPACE, &format!("{app}-tls"));
        self.edit(CLUSTER, |facts| {
            change(facts.certificates.get_mut(&name).unwrap());
        });
    }

    /// cert-manager says that the Certificate is not ready.
    pub fn not_ready(&mut self, app: &str, reason: &str, message: &str, ago: i64) {
        let since = self.ago(ago);
        self.certificate(app, |one| {
            one.ends = None;
            one.conditions = vec![condition("Ready", Status::False, reason, message, since)];
        });
    }

    /// What cert-manager says of an issuing.
    pub fn issuing(&mut self, app: &str, status: Status, reason: &str, ago: i64) {
        let since = self.ago(ago);
        let says = match status {
            Status::True => "Issuing certificate as Secret does not exist",
            _ => "The certificate request has failed to complete and will be retried: no such zone",
        };
        self.certificate(app, |one| {
            one.conditions
                .push(condition("Issuing", status, reason, says, since));
        });
    }
}
