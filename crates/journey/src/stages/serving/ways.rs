//! The ways to a Service from outside of the cluster: Ingresses, and the certificates that they serve.
//!
//! Owns which Ingresses lead to the app's Services, and what an empty status and a Certificate's conditions prove.
//!
//! *No address.* Whether a controller publishes addresses at all is its own business: ingress-nginx without
//! `--publish-service` behind host ports, or Traefik without `publishedService`, serves for years with an empty status. So an
//! empty one is evidence only where another Ingress of the same class in the cluster has an address: that controller does
//! publish, and not for this one. Where none has, nothing is known of this way, which stops nothing and is said beside the
//! headline. Where not all Ingresses of the cluster may be read and none of those that may has one, it is unknown: the one
//! that would tell may be elsewhere.
//!
//! *Certificates.* cert-manager's own word is taken. One that is renewed stays Ready all the while; one that is not there
//! proves nothing, because a person may have put the Secret there; one whose `notAfter` is past is not ready, whatever its
//! conditions say: nobody is there to renew it.
//!
//! What is certainly wrong counts before what could not be read, and that before what is on its way: less that can be read
//! never makes an answer better.

use std::collections::BTreeMap;

use api::journey::Evidence;
use api::{ObjectRef, Sentence, State};
use facts::kubernetes::{Ingress, IngressTls, Service};
use facts::meta::{Condition, Key, Kind, Status, condition};
use facts::others::Certificate;
use jiff::{SignedDuration, Timestamp};

use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::view::{Gap, Learned, Place};

/// How long a controller may take before it is evidence that nothing comes: ingress-nginx writes every minute, a cloud's
/// load balancer takes a few (<https://cloud.google.com/kubernetes-engine/docs/tutorials/http-balancer>: "several minutes");
/// an ACME order that goes well is done in less.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

const ADDRESSES: &str = "status.loadBalancer.ingress";

/// What all ways in say together.
#[derive(Default)]
pub struct Ways {
    /// What stops one, or is on its way.
    pub finding: Option<Finding>,
    /// What proves that they are ready.
    pub proof: Vec<Evidence>,
    /// What is not known of one and stops nothing.
    pub notes: Vec<Sentence>,
}

/// What one thing on a way in says.
enum Said {
    Ready(Vec<Evidence>),
    Untold(Sentence, Evidence),
    Not(Box<Finding>),
}

/// The ways to these Services of a namespace.
pub fn look(place: Place<'_>, namespace: &str, services: &[&Service]) -> Learned<Ways> {
    place.whole(Kind::Ingress, namespace)?;
    let leading = services
        .iter()
        .flat_map(|service| place.ingresses_to(&service.meta.key()))
        .filter(|ingress| ingress.meta.deleting.is_none());
    // One may lead to several of them.
    let ingresses: BTreeMap<Key, &Ingress> = leading.map(|one| (one.meta.key(), one)).collect();
    let mut said = Vec::new();
    for ingress in ingresses.values() {
        said.push(address(place, ingress));
        for entry in &ingress.tls {
            said.extend(served(place, ingress, entry).transpose());
        }
    }
    weigh(said)
}

fn weigh(said: Vec<Learned<Said>>) -> Learned<Ways> {
    let is_certain = |finding: &Finding| finding.turn == State::Blocked;
    let (mut ways, mut gap) = (Ways::default(), None);
    for one in said {
        match one {
            Ok(Said::Ready(proof)) => ways.proof.extend(proof),
            Ok(Said::Untold(note, shown)) => {
                ways.notes.push(note);
                ways.proof.push(shown);
            }
            Ok(Said::Not(finding)) => {
                let is_worse = |known: &Finding| !is_certain(known) && is_certain(&finding);
                if ways.finding.as_ref().is_none_or(is_worse) {
                    ways.finding = Some(*finding);
                }
            }
            Err(why) => gap = gap.or(Some(why)),
        }
    }
    match gap {
        Some(gap) if !ways.finding.as_ref().is_some_and(is_certain) => Err(gap),
        _ => Ok(ways),
    }
}

// ---- addresses ----

fn address(place: Place<'_>, ingress: &Ingress) -> Learned<Said> {
    let object = evidence::object(place, Kind::Ingress.name(), &ingress.meta.key());
    let created = ingress.meta.created;
    let shown = |of: &ObjectRef, one: &Ingress| {
        let value = match one.addresses.is_empty() {
            true => "none".to_owned(),
            false => one.addresses.join(", "),
        };
        evidence::evidence(of, ADDRESSES, value, None)
    };
    let own = shown(&object, ingress);
    if !ingress.addresses.is_empty() {
        return Ok(Said::Ready(vec![own]));
    }
    let code = CauseCode::ServingIngressNoAddress;
    let named = Sentence::default().object(&object);
    if let Some(at) = created.filter(|at| !place.has_passed(GRACE, *at)) {
        let sentence = named.words(" was created ").instant(at);
        let sentence = sentence.words(" and has no address yet");
        let finding = Finding::moving(code, object, sentence);
        return Ok(not(finding.since(created).proof([own])));
    }
    let is_published = |one: &&Ingress| one.class == ingress.class && !one.addresses.is_empty();
    if let Some(other) = place.ingresses().find(is_published) {
        let beside = evidence::object(place, Kind::Ingress.name(), &other.meta.key());
        let sentence = match created {
            Some(at) => named
                .words(" was created ")
                .instant(at)
                .words(" and has no address; "),
            None => named.words(" has no address; "),
        };
        let sentence = match &ingress.class {
            Some(class) => sentence
                .object(&beside)
                .words(" of the same class, ")
                .name(class)
                .words(", has one"),
            None => sentence
                .object(&beside)
                .words(" of no class, as this one, has one"),
        };
        let proof = [own, shown(&beside, other)];
        let finding = Finding::blocked(code, object, sentence);
        return Ok(not(finding.since(created).proof(proof)));
    }
    place.whole(Kind::Ingress, "").map_err(|gap| Gap {
        why: format!(
            "{object} has no address, and whether another of its class has one cannot be seen: {}",
            gap.why
        ),
        ..gap
    })?;
    let note = named.words(" has no address, and no other Ingress of ");
    let note = match &ingress.class {
        Some(class) => note.words("class ").name(class),
        None => note.words("no class"),
    };
    let note = note.words(" in ").name(place.name).words(
        " has one: its controller may publish none, so that nothing is known of this way in.",
    );
    Ok(Said::Untold(note, own))
}

// ---- certificates ----

/// What is known of a Secret that an Ingress serves; `None` where cert-manager does not write it.
fn served(place: Place<'_>, ingress: &Ingress, entry: &IngressTls) -> Learned<Option<Said>> {
    let secret = Key::new(&ingress.meta.namespace, &entry.secret);
    place.whole(Kind::Certificate, &secret.namespace)?;
    let mut first = None;
    for certificate in place.certificates_of(&secret) {
        if certificate.meta.deleting.is_some() {
            continue;
        }
        match certified(place, ingress, entry, certificate) {
            // Of several for one Secret, one that is ready has written it.
            Ok(Said::Ready(proof)) => return Ok(Some(Said::Ready(proof))),
            said => first = first.or(Some(said)),
        }
    }
    first.transpose()
}

fn certified(
    place: Place<'_>,
    ingress: &Ingress,
    entry: &IngressTls,
    certificate: &Certificate,
) -> Learned<Said> {
    let object = evidence::object(place, Kind::Certificate.name(), &certificate.meta.key());
    let code = CauseCode::ServingCertificateNotReady;
    let named = || whose(place, ingress, entry, certificate, &object);
    let ready = condition(&certificate.conditions, "Ready");
    let issuing = condition(&certificate.conditions, "Issuing");
    let shown = |said: &[Option<&Condition>]| {
        let said = said.iter().flatten();
        let mut shown: Vec<Evidence> = said
            .flat_map(|said| evidence::condition(&object, said))
            .collect();
        let way = evidence::object(place, Kind::Ingress.name(), &ingress.meta.key());
        let field = "spec.tls[].secretName";
        shown.push(evidence::evidence(&way, field, &entry.secret, None));
        shown
    };
    match ready.map(|ready| (ready, ready.status)) {
        Some((ready, Status::True)) => {
            let Some(ended) = certificate.ends.filter(|ends| place.is_past(*ends)) else {
                return Ok(Said::Ready(evidence::condition(&object, ready)));
            };
            let sentence = named().words(" expired ").instant(ended);
            let sentence = sentence.words(" and was not renewed");
            let field = "status.notAfter";
            let mut proof = vec![evidence::evidence(&object, field, ended.to_string(), None)];
            proof.extend(shown(&[issuing]));
            let finding = Finding::blocked(code, object.clone(), sentence);
            Ok(not(finding.since(Some(ended)).proof(proof)))
        }
        Some((ready, Status::False)) => {
            let at_work = issuing.filter(|one| one.status == Status::True);
            if at_work.is_some_and(|one| is_recent(place, one.since)) {
                let sentence = named().words(" is being issued");
                let sentence = because(sentence, ready);
                let finding = Finding::moving(code, object.clone(), sentence);
                let since = at_work.and_then(|one| one.since);
                return Ok(not(finding
                    .since(since)
                    .proof(shown(&[Some(ready), issuing]))));
            }
            // Why issuing failed says more than what is not there therefore.
            let failed =
                issuing.filter(|one| one.status == Status::False && one.reason == "Failed");
            let telling = failed.unwrap_or(ready);
            let beside = failed.map_or(issuing, |_| Some(ready));
            let sentence = because(named().words(" is not ready"), telling);
            let finding = Finding::blocked(code, object.clone(), sentence);
            let proof = shown(&[Some(telling), beside]);
            Ok(not(finding.since(ready.since).proof(proof)))
        }
        unsaid => {
            let since = unsaid.and_then(|(ready, _)| ready.since);
            let since = since.max(certificate.meta.created);
            if !is_recent(place, since) {
                let why = format!("cert-manager does not say whether {object} is ready");
                return Err(Gap::new(why));
            }
            let sentence = named().words(" is not said to be ready yet");
            let proof = shown(&[unsaid.map(|(ready, _)| ready)]);
            let finding = Finding::moving(code, object.clone(), sentence);
            Ok(not(finding.since(since).proof(proof)))
        }
    }
}

/// "Certificate a, whose Secret Ingress b serves for c.example,"
fn whose(
    place: Place<'_>,
    ingress: &Ingress,
    entry: &IngressTls,
    certificate: &Certificate,
    object: &ObjectRef,
) -> Sentence {
    let way = evidence::object(place, Kind::Ingress.name(), &ingress.meta.key());
    let sentence = Sentence::default()
        .object(object)
        .words(", whose Secret ")
        .object(&way)
        .words(" serves");
    let hosts = match entry.hosts.is_empty() {
        true => &certificate.names,
        false => &entry.hosts,
    };
    let sentence = match hosts.as_slice() {
        [] => sentence,
        [one] => sentence.words(" for ").name(one),
        [first, others @ ..] => sentence
            .words(" for ")
            .name(first)
            .words(format!(" and {} more", others.len())),
    };
    sentence.words(",")
}

/// Adds cert-manager's own reason and message.
fn because(sentence: Sentence, said: &Condition) -> Sentence {
    let sentence = match said.reason.as_str() {
        "" => sentence,
        reason => sentence.words(" (").name(reason).words(")"),
    };
    match said.message.as_str() {
        "" => sentence,
        message => sentence.words(": ").quote(message),
    }
}

fn is_recent(place: Place<'_>, since: Option<Timestamp>) -> bool {
    since.is_some_and(|since| !place.has_passed(GRACE, since))
}

fn not(finding: Finding) -> Said {
    Said::Not(Box::new(finding))
}
