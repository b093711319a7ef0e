//! Stage 9: traffic reaches the pods.
//!
//! Owns which Services are the app's, and whether each of them has a ready endpoint.

use std::collections::BTreeMap;

use api::{Sentence, StageKind};
use facts::flux::Kustomization;
use facts::kubernetes::Service;
use facts::meta::{Key, Kind, Reference};

use super::{Case, ecs};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::route::{Route, route};
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
    let services = services(case);
    if services.is_empty() {
        if let Some((service, by)) = deleted(case)? {
            return Ok(Outcome::found(stage, missing(case, service, by)));
        }
        return Ok(Outcome::skipped(stage, "no Service selects these pods"));
    }
    place.whole(Kind::EndpointSlice, namespace)?;
    let mut proof = Vec::new();
    let mut total = 0;
    for service in &services {
        let object = evidence::object(place, "Service", &service.meta.key());
        let slices = place.index.slices(&service.meta.key()).iter();
        let (ready, not_ready) = slices.fold((0, 0), |(ready, not_ready), slice| {
            (ready + slice.ready, not_ready + slice.not_ready)
        });
        let selector: Vec<String> = service
            .selector
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if ready == 0 || !selects(case, service) {
            let sentence = Sentence::default().object(&object);
            let sentence = match (ready, selects(case, service)) {
                (_, true) => sentence.words(" has no ready endpoint, though its pods are ready"),
                (0, false) => sentence
                    .words(" has no ready endpoint: its selector ")
                    .name(selector.join(","))
                    .words(" does not match the pods"),
                (_, false) => sentence
                    .words(" sends its traffic to other pods: its selector ")
                    .name(selector.join(","))
                    .words(" does not match these"),
            };
            let shown = [
                evidence::evidence(
                    &object,
                    "endpoints",
                    format!("{ready} ready, {not_ready} not ready"),
                    None,
                ),
                evidence::evidence(&object, "spec.selector", selector.join(","), None),
            ];
            return Ok(Outcome::found(
                stage,
                Finding::blocked(CauseCode::ServingNoEndpoint, object, sentence).proof(shown),
            ));
        }
        total += ready;
        proof.push(evidence::evidence(
            &object,
            "endpoints",
            format!("{ready} ready, {not_ready} not ready"),
            None,
        ));
    }
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
    Ok(Outcome::done(stage, summary).proof(proof))
}

/// The app's Services: those that select the workload's pods, and those named like it, because a selector that matches
/// nothing is the very mistake to be found.
fn services<'a>(case: &Case<'_, 'a>) -> Vec<&'a Service> {
    let target = case.target;
    let (place, namespace) = (target.place, target.namespace());
    let selecting = place
        .index
        .services(namespace, &target.workload.pod_labels)
        .filter(|service| selects(case, service));
    let workload = &target.workload.meta.name;
    let named = [workload, &target.app]
        .into_iter()
        .filter_map(|name| place.facts.services.get(&Key::new(namespace, name)))
        // One of the workload's own name that sends its traffic elsewhere is a mistake, too; of another name it may
        // rightly be another workload's.
        .filter(|service| {
            !service.selector.is_empty()
                && (service.meta.name == *workload || !selects_another(case, service))
        });
    let found: BTreeMap<&str, &Service> = selecting
        .chain(named)
        .map(|service| (service.meta.name.as_str(), service))
        .collect();
    found.into_values().collect()
}

/// The app's Service that its Kustomization lists among what it applied, and that the cluster does not have.
fn deleted<'a>(case: &Case<'_, 'a>) -> Learned<Option<(&'a Reference, &'a Kustomization)>> {
    let target = case.target;
    let Route::Flux(path) = route(case.view, target)? else {
        return Ok(None);
    };
    let Some(one) = path.kustomization else {
        return Ok(None);
    };
    let name = &target.workload.meta.name;
    let lost = one.inventory.iter().find(|entry| {
        entry.kind == "Service"
            && entry.namespace == target.namespace()
            && (entry.name == *name || entry.name == target.app)
            && !target.place.facts.services.contains_key(&entry.key())
    });
    Ok(lost.map(|service| (service, one)))
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
    matches(service, &case.target.workload.pod_labels)
}

/// Whether it selects another workload's pods and not ours: then it only shares the name.
fn selects_another(case: &Case<'_, '_>, service: &Service) -> bool {
    !selects(case, service)
        && case.target.place.facts.workloads.values().any(|workload| {
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
