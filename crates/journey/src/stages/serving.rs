//! Stage 9: traffic reaches the pods.
//!
//! Owns which Services are the app's, and whether each of them has a ready endpoint.

use api::{Sentence, StageKind};
use facts::kubernetes::Service;
use facts::meta::Kind;

use super::Case;
use crate::causes::CauseCode;
use crate::discover::in_namespace;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::view::Learned;

/// How serving stands, once the pods are ready.
pub fn outcome(case: &Case<'_, '_>) -> Outcome {
    look(case).unwrap_or_else(|gap| Outcome::unknown(StageKind::Serving, &gap))
}

fn look(case: &Case<'_, '_>) -> Learned<Outcome> {
    let stage = StageKind::Serving;
    let place = case.target.place;
    let namespace = case.target.namespace();
    place.whole(Kind::Service, namespace)?;
    let services: Vec<&Service> = in_namespace(&place.facts.services, namespace)
        .filter(|service| is_of_app(case, service))
        .collect();
    if services.is_empty() {
        return Ok(Outcome::skipped(stage, "no Service selects these pods"));
    }
    place.whole(Kind::EndpointSlice, namespace)?;
    let mut proof = Vec::new();
    let mut total = 0;
    for service in &services {
        let object = evidence::object(place, "Service", &service.meta.key());
        let slices = in_namespace(&place.facts.endpoint_slices, namespace)
            .filter(|slice| slice.service == service.meta.name);
        let (ready, not_ready) = slices.fold((0, 0), |(ready, not_ready), slice| {
            (ready + slice.ready, not_ready + slice.not_ready)
        });
        let selector: Vec<String> = service
            .selector
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if ready == 0 {
            let sentence = Sentence::default()
                .object(&object)
                .words(" has no ready endpoint");
            let sentence = if selects(case, service) {
                sentence.words(", though its pods are ready")
            } else {
                sentence
                    .words(": its selector ")
                    .name(selector.join(","))
                    .words(" does not match the pods")
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

/// A Service is the app's if it selects the workload's pods, or is named like it: a selector that matches nothing is
/// the very mistake to be found.
fn is_of_app(case: &Case<'_, '_>, service: &Service) -> bool {
    if service.selector.is_empty() {
        return false;
    }
    let name = &service.meta.name;
    selects(case, service)
        || (*name == case.target.workload.meta.name || *name == case.target.app)
            && !selects_another(case, service)
}

fn selects(case: &Case<'_, '_>, service: &Service) -> bool {
    matches(service, &case.target.workload.pod_labels)
}

/// Whether it selects another workload's pods: then it only shares the name.
fn selects_another(case: &Case<'_, '_>, service: &Service) -> bool {
    case.target.place.facts.workloads.values().any(|workload| {
        workload.meta.namespace == service.meta.namespace && matches(service, &workload.pod_labels)
    })
}

fn matches(service: &Service, labels: &std::collections::BTreeMap<String, String>) -> bool {
    service
        .selector
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}
