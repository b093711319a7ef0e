//! Tests only: what fits is done to what the journey names, and nothing is offered where nothing is stopped.

use std::collections::BTreeSet;

use api::{Journey, ObjectRef, StageKind, State};

use super::{FITS, Fitting, On, fitting, version};
use crate::causes::CauseCode;
use crate::trials::{TRIALS, journey, journeys};
use crate::world::company::{APPS, calm, delivered, sha, tag};

const PROD: &str = "prod";

fn trial(name: &str) -> Journey {
    let trial = TRIALS.iter().find(|trial| trial.name == name);
    let trial = trial.unwrap_or_else(|| panic!("no trial {name}"));
    journey(&(trial.world)(), trial)
}

fn said(fitting: &[Fitting]) -> Vec<String> {
    let said = fitting.iter().map(|one| {
        let inputs: Vec<String> = one
            .inputs
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        format!("{} {}{}", one.action, one.object, inputs.concat())
    });
    said.collect()
}

/// Every object that a journey names.
fn named(journey: &Journey) -> BTreeSet<&ObjectRef> {
    let cause = journey.cause.iter();
    let causes = cause.flat_map(|cause| [Some(&cause.object), cause.workload.as_ref()]);
    let running = journey.running.iter().map(|running| &running.workload);
    let evidence = journey.evidence.iter().map(|line| &line.object);
    causes.flatten().chain(running).chain(evidence).collect()
}

#[test]
fn what_is_offered_at_a_cause_is_done_to_an_object_that_the_journey_names() {
    for trial in TRIALS {
        let journey = journey(&(trial.world)(), trial);
        for one in fitting(&journey) {
            let message = format!("{}/{}/", one.object.kind, one.object.namespace);
            let quoted = journey
                .evidence
                .iter()
                .any(|line| line.value.contains(&message));
            assert!(
                named(&journey).contains(&one.object) || quoted,
                "{}: {} is named nowhere",
                trial.name,
                one.object
            );
        }
    }
}

#[test]
fn a_line_of_the_table_that_fits_in_no_trial_would_be_a_button_that_nobody_sees() {
    let mut seen = BTreeSet::new();
    for trial in TRIALS {
        for one in fitting(&journey(&(trial.world)(), trial)) {
            seen.insert((trial.cause, one.action));
        }
    }
    // A commit of configuration's, and what has a test of its own below.
    let elsewhere = |cause: CauseCode, on: On| {
        cause == CauseCode::RolloutNotRestarted
            || matches!(on, On::Named(_) | On::Cause(["HelmRelease"]))
    };
    let unseen: Vec<_> = FITS
        .iter()
        .filter(|fit| !seen.contains(&(fit.cause, fit.action)) && !elsewhere(fit.cause, fit.on))
        .map(|fit| (fit.cause.code(), fit.action))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn nothing_is_offered_where_nothing_is_stopped_or_something_is_at_work() {
    for (world, number) in [(calm(), 2), (calm(), 3), (delivered(), 4)] {
        for app in APPS {
            for journey in journeys(&world, &sha(app, number)) {
                assert!(journey.state.is_settled(), "{journey:#?}");
                assert_eq!(fitting(&journey), []);
            }
        }
    }
    // Even where somebody left a cause there.
    let mut crashing = trial("crashing");
    assert!(!fitting(&crashing).is_empty());
    for state in [
        State::Deployed,
        State::Superseded,
        State::NotAffected,
        State::Moving,
        State::Unknown,
        State::Reverted,
    ] {
        crashing.state = state;
        assert_eq!(fitting(&crashing), [], "{state:?}");
    }
}

#[test]
fn nothing_is_offered_on_a_cluster_that_stopped_answering() {
    let mut crashing = trial("crashing");
    crashing.stale_since = Some(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(fitting(&crashing), []);
}

#[test]
fn what_is_suspended_is_resumed_and_what_waits_is_asked_to_look() {
    for (name, expected) in [
        ("suspended", "resume Kustomization flux-system/checkout"),
        ("the release is suspended", "resume HelmRelease shop/search"),
        (
            "the source is suspended",
            "resume GitRepository flux-system/fleet",
        ),
        (
            "the automation is suspended",
            "resume ImageUpdateAutomation flux-system/bumps",
        ),
        (
            "the source has not fetched",
            "reconcile GitRepository flux-system/fleet",
        ),
        (
            "the workload is gone",
            "reconcile Kustomization flux-system/checkout",
        ),
        ("drifted", "reconcile Kustomization flux-system/checkout"),
    ] {
        assert_eq!(said(&fitting(&trial(name))), [expected], "{name}");
    }
}

#[test]
fn a_promotion_is_filled_in_with_the_version_that_waits() {
    let promotes = trial("a person promotes");
    let expected = format!("promote Deployment shop/checkout to={}", tag("checkout", 4));
    assert_eq!(said(&fitting(&promotes)), [expected]);
    // What is not exactly this commit's is not filled in: a person says which.
    let mut newer = promotes.clone();
    newer.cause.as_mut().unwrap().version = None;
    assert_eq!(said(&fitting(&newer)), ["promote Deployment shop/checkout"]);
    // A pinned source is not moved by a line in the app's files.
    let cause = newer.cause.as_mut().unwrap();
    cause.object = ObjectRef::new(PROD, "GitRepository", "flux-system", "fleet");
    assert_eq!(fitting(&newer), []);
}

#[test]
fn a_roll_back_is_filled_in_only_with_what_surely_runs_and_is_another_commit() {
    let crashing = trial("crashing");
    let fits = fitting(&crashing);
    assert_eq!(fits[0].action, "restart");
    assert_eq!(fits[1].action, "roll-back");
    let cause = crashing.cause.as_ref().unwrap();
    let before = |journey: &Journey| version(super::To::Before, journey, cause, &fits[1].object);
    let mut with = crashing.clone();
    let running = with.running.as_mut().unwrap();
    running.ready = 1;
    running.image = format!(
        "registry.example/shop/checkout:{}@sha256:00",
        tag("checkout", 3)
    );
    running.commit = with.commit.clone().map(|commit| api::journey::Commit {
        sha: sha("checkout", 3),
        ..commit
    });
    assert_eq!(before(&with), Some(tag("checkout", 3)));
    let mut same = with.clone();
    same.running.as_mut().unwrap().commit = with.commit.clone();
    assert_eq!(before(&same), None);
    let mut down = with.clone();
    down.running.as_mut().unwrap().ready = 0;
    assert_eq!(before(&down), None);
    let mut unknown = with.clone();
    unknown.running.as_mut().unwrap().commit = None;
    assert_eq!(before(&unknown), None);
    let mut anothers = with;
    anothers.running.as_mut().unwrap().workload.name = "other".to_owned();
    assert_eq!(before(&anothers), None);
}

#[test]
fn an_app_was_to_be_restarted_because_another_that_it_waits_for_crashed() {
    let mut waits = trial("crashing");
    let ingress = ObjectRef::new(PROD, "Deployment", "ingress", "nginx");
    let cause = waits.cause.as_mut().unwrap();
    cause.stage = StageKind::Apply;
    cause.object = ObjectRef::new(PROD, "Pod", "ingress", "nginx-1");
    cause.workload = Some(ingress.clone());
    for one in fitting(&waits) {
        assert_eq!(one.object, ingress);
        assert!(
            one.inputs.is_empty(),
            "what runs of the app is no version of it"
        );
    }
    // Where nobody knows whose pods they are, nobody's are restarted.
    waits.cause.as_mut().unwrap().workload = None;
    assert_eq!(fitting(&waits), []);
}

#[test]
fn a_job_that_stands_in_the_way_is_taken_from_the_message_of_what_it_hinders() {
    let mut failed = trial("an immutable field");
    let job = "Job/shop/migrate dry-run failed (Invalid): Job.batch \"migrate\" is invalid: field is immutable";
    for line in &mut failed.evidence {
        line.value = job.to_owned();
    }
    assert_eq!(said(&fitting(&failed)), ["delete-job Job shop/migrate"]);
    // The same words of something else are nobody's order.
    for line in &mut failed.evidence {
        line.object.name = "other".to_owned();
    }
    assert_eq!(fitting(&failed), []);
}

#[test]
fn a_release_that_helm_gave_up_on_begins_anew() {
    for (name, expected) in [
        (
            "the upgrade fails",
            "reconcile-reset HelmRelease shop/search",
        ),
        (
            "the values are missing",
            "reconcile-reset HelmRelease shop/search",
        ),
        (
            "waits for a dependency whose release failed",
            "reconcile-reset HelmRelease shop/search",
        ),
    ] {
        assert_eq!(said(&fitting(&trial(name))), [expected], "{name}");
    }
}
