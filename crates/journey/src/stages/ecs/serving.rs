//! Stage 9 of ECS: the load balancer has a healthy target.
//!
//! Owns the reading of target health. A service without a target group has no such stage.

use api::{ObjectRef, Sentence, StageKind};
use facts::ecs::{Target, TargetGroup};
use facts::meta::Kind;

use super::service;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::stages::Case;
use crate::view::{Gap, Learned};

/// How serving stands, once the tasks run.
pub fn look(case: &Case<'_, '_>) -> Learned<Outcome> {
    let stage = StageKind::Serving;
    let place = case.target.place;
    let namespace = case.target.namespace();
    place.whole(Kind::EcsService, namespace)?;
    let groups = service(place, case.target.workload)
        .map(|service| service.target_groups.as_slice())
        .unwrap_or_default();
    if groups.is_empty() {
        let why = "no load balancer sends traffic to this service";
        return Ok(Outcome::skipped(stage, why));
    }
    place.whole(Kind::EcsTargetGroup, namespace)?;
    let mut proof = Vec::new();
    let mut total = 0;
    for group in groups {
        let name = Kind::EcsTargetGroup.name();
        let object = ObjectRef::new(place.name, name, namespace, group.name());
        let healthy = group.targets.iter().filter(|one| one.state == "healthy");
        let healthy = healthy.count();
        if healthy == 0 {
            return Ok(Outcome::found(stage, unhealthy(object, group)?));
        }
        total += healthy;
        proof.push(evidence::evidence(
            &object,
            "targetHealth.state",
            format!("{healthy} of {} healthy", group.targets.len()),
            None,
        ));
    }
    let words = if total == 1 {
        "1 target healthy".to_owned()
    } else {
        format!("{total} targets healthy")
    };
    Ok(Outcome::done(stage, Sentence::default().words(words)).proof(proof))
}

/// A group without a healthy target: why, by the target that says most.
fn unhealthy(object: ObjectRef, group: &TargetGroup) -> Learned<Finding> {
    let of_state = |state: &str| group.targets.iter().find(|one| one.state == state);
    if let Some(target) = of_state("unhealthy") {
        let sentence = shown(&object, target).words(" is unhealthy");
        return Ok(Finding::blocked(
            CauseCode::EcsTargetUnhealthy,
            object.clone(),
            because(sentence, target),
        )
        .proof(proof(&object, target)));
    }
    if let Some(target) = of_state("initial") {
        let sentence = shown(&object, target).words(" is being registered");
        return Ok(Finding::moving(
            CauseCode::EcsTargetUnhealthy,
            object.clone(),
            because(sentence, target),
        )
        .proof(proof(&object, target)));
    }
    // Where health is not checked, nobody knows.
    if let Some(target) = of_state("unavailable") {
        return Err(Gap::new(format!(
            "{object} does not say whether its targets are healthy: {}",
            target.reason
        )));
    }
    let sentence = Sentence::default()
        .object(&object)
        .words(" has no target that takes traffic");
    // Unused and draining targets say why, too. That no rule of the load balancer names the group says most.
    let telling = group.targets.iter().filter(|one| !one.reason.is_empty());
    let telling = telling.min_by_key(|one| one.state != "unused");
    let (sentence, proof) = match telling {
        Some(target) => (because(sentence, target), proof(&object, target)),
        None => {
            let states = group.targets.iter().map(|one| one.state.as_str());
            let states: Vec<&str> = states.collect();
            let states = match states.is_empty() {
                true => "no targets".to_owned(),
                false => states.join(", "),
            };
            let field = "targetHealth.state";
            (
                sentence,
                vec![evidence::evidence(&object, field, states, None)],
            )
        }
    };
    Ok(Finding::blocked(CauseCode::EcsTargetUnhealthy, object, sentence).proof(proof))
}

fn shown(object: &ObjectRef, target: &Target) -> Sentence {
    Sentence::default()
        .words("target ")
        .name(format!("{}:{}", target.id, target.port))
        .words(" of ")
        .object(object)
}

fn because(sentence: Sentence, target: &Target) -> Sentence {
    let sentence = match target.reason.as_str() {
        "" => sentence,
        reason => sentence.words(" (").name(reason).words(")"),
    };
    match target.description.as_str() {
        "" => sentence,
        description => sentence.words(": ").quote(description),
    }
}

fn proof(object: &ObjectRef, target: &Target) -> Vec<api::journey::Evidence> {
    let fields = [
        ("targetHealth.reason", &target.reason),
        ("targetHealth.description", &target.description),
        ("targetHealth.state", &target.state),
    ];
    let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(field, value)| evidence::evidence(object, field, value, None))
        .collect()
}
