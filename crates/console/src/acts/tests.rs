//! Tests only: the engine's table against the actions that ship.

use journey::acts::{FITS, On, To};
use runbook::library::Library;

use super::*;
use crate::library::TargetKind;

fn shipped() -> Library {
    Library::shipped().expect("what ships is read")
}

/// The kinds of object that a line of the table may be done to.
fn kinds(on: On) -> Vec<&'static str> {
    match on {
        On::Cause(kinds) | On::Evidence(kinds) => kinds.to_vec(),
        On::Workload | On::WorkloadAt(_) => vec!["Deployment"],
        On::Named(kind) => vec![kind],
    }
}

#[test]
fn every_action_at_a_cause_ships_and_is_for_the_object_that_it_is_offered_on() {
    let library = shipped();
    for fit in FITS {
        let cause = fit.cause.code();
        let action = library.action(fit.action);
        let action = action.unwrap_or_else(|| panic!("{cause}: no action {} ships", fit.action));
        for kind in kinds(fit.on) {
            let target = TargetKind::of(kind);
            assert!(
                target.is_some_and(|kind| action.on.kinds.contains(&kind)),
                "{cause}: {} is not for a {kind}",
                fit.action
            );
        }
        let to = action.inputs.iter().any(|input| input.name == "to");
        assert!(
            to || fit.to == To::Asked,
            "{cause}: {} asks for no version",
            fit.action
        );
    }
}

fn suspended() -> Journey {
    let json = serde_json::json!({
        "app": "checkout", "environment": "production", "cluster": "prod-eu", "state": "blocked",
        "headline": [], "notes": [], "blockingStage": "apply",
        "cause": {
            "code": "apply-suspended", "stage": "apply", "sentence": [], "remedy": "Resume it.",
            "object": {"system": "prod-eu", "kind": "Kustomization", "namespace": "flux-system", "name": "checkout"}
        },
        "otherCauses": [], "chain": [], "evidence": [], "stages": []
    });
    serde_json::from_value(json).expect("a journey")
}

fn offered(journey: &Journey, roles: Option<&[&str]>) -> Vec<Act> {
    let roles: Option<Vec<String>> =
        roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
    let fits = fitting(journey).into_iter();
    let library = shipped();
    fits.filter_map(|one| act(&library, journey, one, roles.as_deref()))
        .collect()
}

#[test]
fn who_may_not_is_told_at_the_cause_who_may() {
    let journey = suspended();
    let acts = offered(&journey, Some(&["sre"]));
    assert_eq!(acts.len(), 1);
    assert_eq!((acts[0].title.as_str(), &acts[0].greyed), ("Resume", &None));
    let acts = offered(&journey, Some(&["support"]));
    assert_eq!(
        acts[0].greyed.as_deref(),
        Some("Resume is for developer, sre; you are support")
    );
    let acts = offered(&journey, None);
    assert_eq!(
        acts[0].greyed, None,
        "a team without roles keeps nothing from anybody"
    );
}

#[test]
fn what_no_action_is_for_is_offered_on_nothing() {
    let mut journey = suspended();
    let cause = journey.cause.as_mut().expect("a cause");
    cause.object.kind = "Bucket".to_owned();
    assert_eq!(offered(&journey, None), []);
}
