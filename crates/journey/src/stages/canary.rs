//! Stage 7, where Flagger rolls out: it tries what Flux applied beside the primary, which alone serves.
//!
//! Owns which workload is whose primary, and what a Canary that has not promoted the commit says. A Canary that cannot
//! be read takes nothing back: the workloads are then judged as they are, and none of them gets greener by that.

use api::{Sentence, State};
use facts::kubernetes::Workload;
use facts::meta::{Kind, condition};
use facts::others::Canary;

use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, when};
use crate::view::{Learned, Place};

/// The Canary that tries what is applied to a workload, and the primary that serves in its place; `None` where Flagger
/// has not made one.
pub fn primary<'a>(place: Place<'a>, applied: &Workload) -> Option<(&'a Canary, &'a Workload)> {
    let canary = of(place, applied)?;
    let mut key = applied.meta.key();
    key.name = canary.primary();
    let primary = place.workload(applied.kind, &key)?;
    Some((canary, primary))
}

/// The Canary whose target a workload is.
fn of<'a>(place: Place<'a>, applied: &Workload) -> Option<&'a Canary> {
    let is_its = |canary: &&Canary| {
        canary.meta.namespace == applied.meta.namespace
            && canary.target_kind == applied.kind.name()
            && canary.target == applied.meta.name
    };
    place.canaries().find(is_its)
}

/// Whether a workload is the primary of another that is there too: then that one's journey speaks for both. What a
/// Canary owns is one also where Canaries cannot be read.
pub fn is_primary(place: Place<'_>, workload: &Workload) -> bool {
    let Some(target) = workload.meta.name.strip_suffix("-primary") else {
        return false;
    };
    let mut key = workload.meta.key();
    target.clone_into(&mut key.name);
    let Some(target) = place.workload(workload.kind, &key) else {
        return false;
    };
    let owners = &workload.meta.owners;
    of(place, target).is_some() || owners.iter().any(|owner| owner.kind == Kind::Canary.name())
}

/// Whether it can be known who changes a workload and whether it serves: a Canary's primary is Flagger's, and what lies
/// beside one only tries. Two workloads that are called like them may be.
pub fn known(place: Place<'_>, workload: &Workload) -> Learned<()> {
    let is_there = |name: String| {
        let mut key = workload.meta.key();
        key.name = name;
        place.workload(workload.kind, &key).is_some()
    };
    let mut owners = workload.meta.owners.iter();
    let name = &workload.meta.name;
    let is_flaggers = owners.any(|owner| owner.kind == Kind::Canary.name())
        || is_there(format!("{name}-primary"))
        || name
            .strip_suffix("-primary")
            .is_some_and(|name| is_there(name.to_owned()));
    match is_flaggers {
        true => place.whole(Kind::Canary, &workload.meta.namespace),
        false => Ok(()),
    }
}

/// Why the primary does not run what Flux applied to the Canary's target.
pub fn not_promoted(place: Place<'_>, canary: &Canary) -> Finding {
    let object = evidence::object(place, "Canary", &canary.meta.key());
    let promoted = condition(&canary.conditions, "Promoted");
    let since = promoted.and_then(|promoted| promoted.since);
    let mut proof = vec![evidence::evidence(
        &object,
        "status.phase",
        &canary.phase,
        since,
    )];
    let sentence = Sentence::default().object(&object);
    let (code, turn, sentence) = match canary.phase.as_str() {
        "Failed" => {
            let sentence = when(sentence.words(" failed its analysis"), since)
                .words(": all traffic went back to the version before");
            (CauseCode::RolloutCanaryFailed, State::RolledBack, sentence)
        }
        "Waiting" | "WaitingPromotion" => (
            CauseCode::RolloutCanaryWaiting,
            State::Blocked,
            sentence.words(" waits for somebody to confirm that it may go on"),
        ),
        _ => (
            CauseCode::RolloutCanaryRunning,
            State::Moving,
            sentence.words(format!(" tries it with {} % of the traffic", canary.weight)),
        ),
    };
    if let Some(promoted) = promoted {
        proof.extend(evidence::condition(&object, promoted));
    }
    Finding::new(code, turn, object, sentence)
        .since(since)
        .proof(proof)
}

/// Whether the Canary has nothing under way: what its target declares is what the primary runs.
pub fn is_settled(canary: &Canary) -> bool {
    matches!(canary.phase.as_str(), "Initialized" | "Succeeded")
}
