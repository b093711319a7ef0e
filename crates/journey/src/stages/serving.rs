//! Stage 9: traffic reaches the pods.
//!
//! Owns which Services are the app's, and whether each of them has a ready endpoint. What leads to those from outside of
//! the cluster is [`ways`]'.

mod ways;

use std::collections::{BTreeMap, BTreeSet};

use api::{Sentence, StageKind};
use facts::flux::Kustomization;
use facts::kubernetes::{EndpointSlice, Service};
use facts::meta::{Key, Kind, Reference};

use super::{Case, ecs, pods};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::route::{Route, owner, route};
use crate::view::Learned;

/// How serving stands, once the pods are ready.
pub fn outcome(case: &Case<'_, '_>) -> Outcome {
    look(case).unwrap_or_else(|gap| Outcome::unknown(StageKind::Serving, &gap))
}

fn look(case: &Case<'_, '_>) -> Learned<Outcome> {
    let stage = StageKind::Serving;
    let place = case.target.place;
    if place.is_ecs() {
        return ecs::serving::look(case);
    }
    let namespace = case.target.namespace();
    place.whole(Kind::Service, namespace)?;
    let applied = applied(case);
    if let Ok(applied) = &applied
        && let Some((service, by)) = deleted(case, applied)
    {
        return Ok(Outcome::found(stage, missing(case, service, by)));
    }
    let services = services(case, applied.as_deref().unwrap_or_default());
    if services.is_empty() {
        // Whether one ought to be there is only known where it is known what applies the workload.
        applied?;
        return Ok(Outcome::skipped(stage, "no Service selects these pods"));
    }
    place.whole(Kind::EndpointSlice, namespace)?;
    let (mut proof, mut notes) = (Vec::new(), Vec::new());
    let mut total: u32 = 0;
    for service in &services {
        let object = evidence::object(place, "Service", &service.meta.key());
        let ends = Endpoints::of(case, service);
        if sends_nothing(service) {
            // Some write the endpoints of such a Service by hand, as Patroni does.
            if service.external_name || ends.ours == 0 {
                return Ok(Outcome::found(stage, without_selector(case, service)));
            }
            let note = Sentence::default().object(&object);
            notes.push(note.words(
                " has no selector: what leads its traffic to these pods is not Kubernetes itself.",
            ));
        } else if ends.reached() == 0 || !selects(case, service) {
            return Ok(Outcome::found(stage, unreached(case, service, &ends)));
        }
        total = total.saturating_add(ends.reached());
        if ends.others > 0 {
            let pods = if ends.others == 1 { "pod" } else { "pods" };
            notes.push(Sentence::default().object(&object).words(format!(
                " sends traffic to {} other {pods}, too: not all of it reaches these.",
                ends.others
            )));
        }
        proof.push(evidence::evidence(&object, "endpoints", ends.told(), None));
    }
    // A Service that reaches the pods is where ways from outside end.
    let ways = ways::look(place, namespace, &services)?;
    if let Some(finding) = ways.finding {
        return Ok(Outcome::found(stage, finding));
    }
    proof.extend(ways.proof);
    let words = if total == 1 {
        "1 endpoint ready"
    } else {
        "endpoints ready"
    };
    let summary = if total == 1 {
        Sentence::default().words(words)
    } else {
        Sentence::default().words(format!("{total} {words}"))
    };
    let mut outcome = Outcome::done(stage, summary).proof(proof);
    outcome.notes.extend(notes);
    outcome.notes.extend(ways.notes);
    Ok(outcome)
}

/// A Service that exists and does not reach the pods.
fn unreached(case: &Case<'_, '_>, service: &Service, ends: &Endpoints) -> Finding {
    let object = evidence::object(case.target.place, "Service", &service.meta.key());
    let pairs = service.selector.iter();
    let selector: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let selector = selector.join(",");
    let shown = [
        evidence::evidence(&object, "endpoints", ends.told(), None),
        evidence::evidence(&object, "spec.selector", selector.clone(), None),
    ];
    let named = Sentence::default().object(&object);
    let (code, sentence) = if !selects(case, service) {
        // Whatever it reaches is another workload's.
        let (sentence, these) = match ends.others.saturating_add(ends.reached()) {
            0 => (
                named.words(" has no ready endpoint: its selector "),
                "the pods",
            ),
            _ => (
                named.words(" sends its traffic to other pods: its selector "),
                "these",
            ),
        };
        let sentence = sentence
            .name(selector)
            .words(format!(" does not match {these}"));
        (CauseCode::ServingNoEndpoint, sentence)
    } else if ends.portless > 0 {
        let sentence = named.words(" sends to a port that these pods do not have");
        (CauseCode::ServingPortMissing, sentence)
    } else if ends.others > 0 {
        let sentence = named
            .words(" sends its traffic to other pods, and to none of these, though they are ready");
        (CauseCode::ServingNoEndpoint, sentence)
    } else {
        let sentence = named.words(" has no ready endpoint, though its pods are ready");
        (CauseCode::ServingNoEndpoint, sentence)
    };
    Finding::blocked(code, object, sentence).proof(shown)
}

/// The endpoints of a Service: each pod once, though one may be in several slices, for each family of addresses at least. A
/// port by its number is not looked at: a Service that sends to one on which nothing listens has ready endpoints all the same.
#[derive(Default)]
struct Endpoints {
    /// Ready pods of the workload.
    ours: u32,
    /// Ready, and not said to be anybody's.
    unsaid: u32,
    /// Not ready, of all slices.
    not_ready: u32,
    /// Ready pods that are not the workload's.
    others: u32,
    /// Ready, and not said to be of other pods, without the port that the Service names.
    portless: u32,
}

impl Endpoints {
    fn of(case: &Case<'_, '_>, service: &Service) -> Self {
        let place = case.target.place;
        // What the selector selects may be another workload's all the same: its owner tells.
        let own: BTreeSet<&str> = pods::own(place, case.target.workload)
            .into_iter()
            .map(|pod| pod.meta.name.as_str())
            .collect();
        let (mut reached, mut portless) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Self::default();
        for slice in place.slices(&service.meta.key()) {
            found.not_ready = found.not_ready.saturating_add(slice.not_ready);
            let pods = slice.ready_pods.iter().map(String::as_str);
            let unsaid = slice.ready.saturating_sub(count(slice.ready_pods.len()));
            let (seen, number) = match is_portless(service, slice) {
                true => (&mut portless, &mut found.portless),
                false => (&mut reached, &mut found.unsaid),
            };
            seen.extend(pods);
            *number = number.saturating_add(unsaid);
        }
        let ours = reached.intersection(&own).count();
        found.ours = count(ours);
        found.others = count(reached.len() - ours);
        let portless = portless.difference(&reached);
        let portless = portless.filter(|pod| own.contains(*pod)).count();
        found.portless = found.portless.saturating_add(count(portless));
        found
    }

    /// How many addresses may be of the workload's pods.
    fn reached(&self) -> u32 {
        self.ours.saturating_add(self.unsaid)
    }

    /// As evidence shows them.
    fn told(&self) -> String {
        let mut told = format!("{} ready, {} not ready", self.reached(), self.not_ready);
        if self.others > 0 {
            told.push_str(&format!(", {} of other pods", self.others));
        }
        if self.portless > 0 {
            told.push_str(&format!(", {} without the Service's port", self.portless));
        }
        told
    }
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

/// Whether traffic to the Service reaches none of a slice's pods, however ready: they have no port that it names.
fn is_portless(service: &Service, slice: &EndpointSlice) -> bool {
    service.has_ports && !slice.has_ports
}

/// The app's Services: those that select the workload's pods, those named like it, because a selector that matches
/// nothing is the very mistake to be found, and those that what applies it applied for it, because a selector that is
/// gone selects nothing and leaves no trace.
fn services<'a>(case: &Case<'_, 'a>, applied: &[Applied<'a>]) -> Vec<&'a Service> {
    let target = case.target;
    let (place, namespace) = (target.place, target.namespace());
    let selecting = place
        .services_for(namespace, &target.workload.pod_labels)
        .into_iter()
        .filter(|service| selects(case, service));
    let workload = &target.workload.meta.name;
    let by_name = |name: &str| place.service(&Key::new(namespace, name));
    let named = [workload, &target.app]
        .into_iter()
        .filter_map(|name| by_name(name))
        // One of the workload's own name that sends its traffic elsewhere is a mistake, too; of another name it may
        // rightly be another workload's.
        .filter(|service| {
            !sends_nothing(service)
                && (service.meta.name == *workload || !selects_another(case, service))
        });
    let emptied = names(case)
        .into_iter()
        .filter_map(by_name)
        .filter(|service| sends_nothing(service))
        .filter(|service| {
            let listed = applied
                .iter()
                .any(|(entry, _)| entry.key() == service.meta.key());
            listed || is_of_the_same_release(case, service)
        });
    let found: BTreeMap<&str, &Service> = selecting
        .chain(named)
        .chain(emptied)
        .map(|service| (service.meta.name.as_str(), service))
        .collect();
    found.into_values().collect()
}

/// What a Service of this workload may be called: like what serves, like what a Canary tries, which is Flagger's own
/// default, or like the app.
fn names<'c>(case: &'c Case<'_, '_>) -> [&'c str; 3] {
    let target = case.target;
    [
        &target.workload.meta.name,
        &target.applied.meta.name,
        &target.app,
    ]
}

/// A Service that a Kustomization lists among what it applied.
type Applied<'a> = (&'a Reference, &'a Kustomization);

/// The Services of this workload that its Kustomization lists among what it applied.
fn applied<'a>(case: &Case<'_, 'a>) -> Learned<Vec<Applied<'a>>> {
    let target = case.target;
    let Route::Flux(path) = route(case.view, target)? else {
        return Ok(Vec::new());
    };
    let Some(one) = path.kustomization else {
        return Ok(Vec::new());
    };
    let names = names(case);
    let is_ours = |entry: &&Reference| {
        entry.kind == "Service"
            && entry.namespace == target.namespace()
            && names.contains(&entry.name.as_str())
    };
    let entries = one.inventory.iter().filter(is_ours);
    Ok(entries.map(|entry| (entry, one)).collect())
}

/// The app's Service that is listed, and that the cluster does not have.
fn deleted<'a>(case: &Case<'_, 'a>, applied: &[Applied<'a>]) -> Option<Applied<'a>> {
    let place = case.target.place;
    let is_lost = |(entry, _): &&Applied<'a>| place.service(&entry.key()).is_none();
    applied.iter().find(is_lost).copied()
}

/// Whether the HelmRelease that installed the workload installed a Service too: what Helm installs is in no inventory,
/// and Flux labels it with its release.
fn is_of_the_same_release(case: &Case<'_, '_>, service: &Service) -> bool {
    let group = "helm.toolkit.fluxcd.io";
    let release = owner(&case.target.applied.meta, group);
    release.is_some() && release == owner(&service.meta, group)
}

/// Whether a Service sends nothing to any pod by itself.
fn sends_nothing(service: &Service) -> bool {
    service.selector.is_empty() || service.external_name
}

fn without_selector(case: &Case<'_, '_>, service: &Service) -> Finding {
    let object = evidence::object(case.target.place, "Service", &service.meta.key());
    let (words, field, value) = if service.external_name {
        let words = " is an ExternalName: it sends nothing to these pods";
        (words, "spec.type", "ExternalName")
    } else {
        let words = " has no selector: it sends nothing to these pods";
        (words, "spec.selector", "")
    };
    let proof = evidence::evidence(&object, field, value, None);
    let sentence = Sentence::default().object(&object).words(words);
    Finding::blocked(CauseCode::ServingNoSelector, object, sentence).proof([proof])
}

fn missing(case: &Case<'_, '_>, service: &Reference, by: &Kustomization) -> Finding {
    let place = case.target.place;
    let object = evidence::referred(place, service);
    let owner = evidence::object(place, "Kustomization", &by.meta.key());
    let sentence = Sentence::default()
        .object(&object)
        .words(", which ")
        .object(&owner)
        .words(" applied, is not in the cluster any more");
    let proof = evidence::evidence(&owner, "status.inventory", format!("{object}"), None);
    let again = (!by.suspended).then(|| {
        Sentence::default()
            .words("Flux applies it again when ")
            .object(&owner)
            .words(" is reconciled.")
    });
    Finding::blocked(CauseCode::ServingServiceMissing, object, sentence)
        .proof([proof])
        .qualified(again)
}

fn selects(case: &Case<'_, '_>, service: &Service) -> bool {
    !service.external_name && matches(service, &case.target.workload.pod_labels)
}

/// Whether it selects another workload's pods and not ours: then it only shares the name.
fn selects_another(case: &Case<'_, '_>, service: &Service) -> bool {
    !selects(case, service)
        && case.target.place.workloads().any(|workload| {
            workload.meta.namespace == service.meta.namespace
                && matches(service, &workload.pod_labels)
        })
}

fn matches(service: &Service, labels: &BTreeMap<String, String>) -> bool {
    service
        .selector
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}
