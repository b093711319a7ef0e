//! That a commit of the GitOps repository changes nothing in a target.
//!
//! Owns the proof of it: an environment that is left out of the answer by mistake reads as one that is done.

use std::collections::BTreeSet;

use api::{Sentence, StageKind};
use facts::code::Commit;
use facts::flux::Kustomization;
use jiff::SignedDuration;

use super::Way;
use super::made_of;
use crate::evidence;
use crate::finding::Outcome;
use crate::reverts;
use crate::stages::{Case, release};
use crate::view::{Gap, Learned};

/// Whether the commit changes nothing in what our own Kustomization applies, proven; `None` if it may.
pub fn unaffected(case: &Case<'_, '_>, way: &Way<'_>, known: &Commit) -> Learned<Option<Outcome>> {
    let ours = way.path.kustomization;
    let same = match ours {
        Some(one) => same_digest(case, way, one, known)?,
        None => None,
    };
    // Where the Kustomization's own spec keeps the commit's change away, the digest stays, too: then only Git tells.
    let hides = |one: &&Kustomization| one.patches || !one.components.is_empty();
    let hiding = ours.filter(hides);
    if hiding.is_none() && ours.is_none_or(|one| one.images.is_empty()) && same.is_some() {
        return Ok(same);
    }
    let place = release::unpacked(case, &way.place)?;
    // Where only a part of the repository is packed, its path is a guess until something is found there.
    let is_found = !place.packed || release::is_found(case, &place)?;
    let everything = BTreeSet::new();
    let concerns = |one| made_of::concerns(case, &place, one, &everything);
    if !is_found || ours.map(concerns).transpose()?.unwrap_or_default() {
        return match hiding.filter(|_| same.is_some()) {
            Some(one) => Err(Gap::new(format!(
                "Kustomization {}/{} builds the same as before, and its own spec.patches or spec.components may keep the change away",
                one.meta.namespace, one.meta.name
            ))),
            None => Ok(None),
        };
    }
    let touched = case.view.touched(case.key, case.commit)?;
    let object = evidence::commit(case.key, case.commit);
    let sentence = Sentence::default()
        .words("it touches nothing that ")
        .name(if place.path.is_empty() {
            "the root"
        } else {
            &place.path
        })
        .words(" is made of");
    Ok(Some(
        Outcome::unaffected(
            StageKind::Release,
            "the commit changes nothing that this environment is made of",
            sentence,
        )
        .proof([evidence::evidence(
            &object,
            "paths",
            touched.join("\n"),
            Some(known.at),
        )]),
    ))
}

/// How far a person's clock may be ahead of the cluster's: what was first applied less than this before a commit's time
/// may have been applied after it.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

/// What was built before the commit is what is built with it: the digest of the manifests did not change.
fn same_digest(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    one: &Kustomization,
    known: &Commit,
) -> Learned<Option<Outcome>> {
    let Some(newest) = one.history.first() else {
        return Ok(None);
    };
    let (Some(revision), Some(first)) = (
        newest
            .revision
            .as_ref()
            .and_then(|revision| revision.commit()),
        newest.first,
    ) else {
        return Ok(None);
    };
    // What is said here is of the path that the spec names now.
    if one.observed_generation < one.meta.generation {
        return Ok(None);
    }
    let changed = one.went_away(0);
    // The commit's time is its author's clock. It is only believed where nothing contradicts it: Flux's fetch and the
    // commit that is applied now both come after it.
    let fetched = match &way.path.source {
        Ok(Some(source)) => source.artifact.as_ref().and_then(|one| one.updated),
        _ => None,
    };
    let head = case.view.commit(&way.place.repository, revision)?;
    let is_believed = case.target.place.is_past(known.at)
        && fetched.is_some_and(|at| at >= known.at)
        && head.is_some_and(|head| head.at >= known.at);
    let was_before = first
        .checked_add(CLOCKS)
        .is_ok_and(|later| later < known.at);
    if newest.status != "ReconciliationSucceeded" || changed || !was_before || !is_believed {
        return Ok(None);
    }
    if !case
        .view
        .contained(&way.place.repository, case.commit, revision)?
    {
        return Ok(None);
    }
    // What was taken back in the same fetch leaves the digest as it was, too.
    if reverts::in_effect(case.view, &way.place.repository, case.commit, revision)?.is_some() {
        return Ok(None);
    }
    let object = evidence::object(case.target.place, "Kustomization", &one.meta.key());
    let sentence = Sentence::default()
        .words("the manifests that ")
        .object(&object)
        .words(" builds are the same as before");
    Ok(Some(
        Outcome::unaffected(
            StageKind::Release,
            "the built manifests are the same as before",
            sentence,
        )
        .proof([evidence::evidence(
            &object,
            "status.history[0].digest",
            &newest.digest,
            Some(first),
        )]),
    ))
}
