//! Stage 6, for HelmReleases: what an install or upgrade came to.
//!
//! Owns the reading of Released, TestSuccess and Remediated: Ready only sums them up, and after a rollback it says
//! that the rollback succeeded.

use api::journey::{Evidence, NextAttempt};
use api::{ObjectRef, Sentence, State};
use facts::flux::HelmRelease;
use facts::meta::{Condition, Status};

use crate::causes::CauseCode;
use crate::conditions::{believed, is_true};
use crate::evidence;
use crate::finding::{Finding, when};
use crate::messages;
use crate::view::Place;

fn get<'a>(one: &'a HelmRelease, kind: &str) -> Option<&'a Condition> {
    believed(&one.conditions, kind, one.observed_generation, &one.meta)
}

/// What the release failed at, in the words of the most specific condition; `None` if it did not fail.
pub fn failure(place: Place<'_>, one: &HelmRelease) -> Option<Finding> {
    let object = evidence::object(place, "HelmRelease", &one.meta.key());
    let told = cause(one)?;
    let code = messages::helm(&told.reason, &told.message);
    let sentence = Sentence::default().object(&object).words(verb(told, code));
    let sentence = when(sentence, told.since)
        .words(": ")
        .then(messages::telling(code, &told.message));
    let retrying = get(one, "Reconciling").is_some_and(|found| found.status == Status::True);
    // Another attempt may find the cluster in a better state; it renders the same templates with the same values.
    let may_heal = code == CauseCode::ApplyHelmFailed && !messages::is_rendering(&told.message);
    let turn = if retrying && may_heal {
        State::Moving
    } else {
        State::Blocked
    };
    let stalled = stalled(one);
    let next = stalled.is_none().then(|| NextAttempt {
        at: place.next_tick(told.since, one.interval),
        who: object.clone(),
        what: "tries again".to_owned(),
    });
    let mut proof = evidence::condition(&object, told);
    for kind in ["Ready", "Remediated", "Stalled"] {
        if let Some(found) = get(one, kind)
            && found.kind != told.kind
        {
            proof.extend(evidence::condition(&object, found));
        }
    }
    proof.extend(history(one, &object));
    let exhausted = stalled.map(|_| {
        Sentence::default()
            .words("The retries of ")
            .object(&object)
            .words(" are used up: nothing more happens until somebody acts.")
    });
    let rolled = is_rolled_back(one).then(|| {
        let sentence = Sentence::default().object(&object);
        match previous(one) {
            Some(version) => sentence
                .words(" was rolled back to chart version ")
                .name(version)
                .words("."),
            None => sentence.words(" was rolled back."),
        }
    });
    Some(
        Finding::new(code, turn, object, sentence)
            .since(told.since)
            .proof(proof)
            .next(next)
            .qualified(exhausted)
            .qualified(rolled),
    )
}

/// The condition that tells why: what Helm did before what Flux made of it.
fn cause(one: &HelmRelease) -> Option<&Condition> {
    let failed = |found: &&Condition| found.status == Status::False;
    get(one, "Released")
        .filter(failed)
        .or_else(|| get(one, "TestSuccess").filter(failed))
        .or_else(|| {
            get(one, "Ready").filter(|ready| {
                ready.status == Status::False
                    && !matches!(ready.reason.as_str(), "Progressing" | "DependencyNotReady")
            })
        })
}

fn verb(told: &Condition, code: CauseCode) -> &'static str {
    match (told.reason.as_str(), code) {
        ("InstallFailed", _) => " failed to install",
        ("UpgradeFailed", _) => " failed to upgrade",
        (_, CauseCode::ApplyHelmTestFailed) => " failed its test",
        (_, CauseCode::ApplyHelmValues) => " failed to put its values together",
        _ => " failed",
    }
}

fn history(one: &HelmRelease, object: &ObjectRef) -> Option<Evidence> {
    let newest = one.history.first()?;
    let said: Vec<String> = one
        .history
        .iter()
        .take(2)
        .map(|release| format!("{} {}", release.chart_version, release.status))
        .collect();
    Some(evidence::evidence(
        object,
        "status.history",
        said.join(", "),
        newest.last,
    ))
}

/// The chart version that is deployed again after a rollback.
fn previous(one: &HelmRelease) -> Option<&str> {
    one.history
        .iter()
        .find(|release| release.status == "deployed")
        .map(|release| release.chart_version.as_str())
}

fn stalled(one: &HelmRelease) -> Option<&Condition> {
    get(one, "Stalled").filter(|found| found.status == Status::True)
}

/// Whether a failed upgrade was rolled back.
pub fn is_rolled_back(one: &HelmRelease) -> bool {
    is_true(
        &one.conditions,
        "Remediated",
        one.observed_generation,
        &one.meta,
    ) || get(one, "Ready").is_some_and(|ready| {
        matches!(
            ready.reason.as_str(),
            "RollbackSucceeded" | "UninstallSucceeded"
        )
    })
}

/// Whether Helm only gave up waiting for its workloads.
pub fn timed_out(one: &HelmRelease) -> bool {
    cause(one).is_some_and(|told| messages::is_timeout(&told.message))
}

/// A release that is neither ready nor failed.
pub fn working(place: Place<'_>, one: &HelmRelease, ready: &Condition) -> Finding {
    let object = evidence::object(place, "HelmRelease", &one.meta.key());
    let mut sentence = Sentence::default()
        .object(&object)
        .words(" is being installed or upgraded");
    if let Some(since) = ready.since {
        sentence = sentence.words(", begun ").instant(since);
    }
    let proof = evidence::condition(&object, ready);
    Finding::moving(CauseCode::ApplyRunning, object, sentence)
        .since(ready.since)
        .proof(proof)
}
