//! Stage 3: an image that contains the commit is in the registry.
//!
//! Owns where to look for one. What an image contains is read in `images`.

use std::collections::BTreeSet;

use api::{Sentence, StageKind};
use facts::image::ImageReference;

use super::Case;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome, ended, when};
use crate::images::{self, Built};
use crate::view::Learned;

/// Finds an image of the app that contains the commit: one that runs or is declared somewhere, else by its tag.
pub fn find(case: &Case<'_, '_>) -> Learned<Option<Built>> {
    let repository = &case.target.image.repository;
    let mut candidates = vec![case.target.image.clone()];
    for target in std::iter::once(*case.target).chain(case.siblings()) {
        candidates.push(target.image.clone());
        candidates.extend(target.running.iter().cloned());
    }
    let chosen = case
        .view
        .places()
        .flat_map(|place| place.policies(repository))
        .filter_map(|policy| policy.latest_tag.clone());
    candidates.extend(chosen.map(|tag| ImageReference {
        repository: repository.clone(),
        tag: Some(tag),
        digest: None,
    }));
    let mut seen = BTreeSet::new();
    candidates.retain(|candidate| seen.insert(candidate.clone()));
    // Commits that are pushed together are built once, as the newest of them.
    let head = case
        .view
        .head(case.key)
        .ok()
        .filter(|head| *head != case.commit);
    let found = images::find(
        case.view,
        case.key,
        case.commit,
        head,
        repository,
        &candidates,
    )?;
    if found.is_none() {
        // Pods elsewhere that are still to be read may run it by a digest that no tag leads to any more.
        let pods = case
            .siblings()
            .map(|one| one.place.whole_pods(one.workload));
        pods.filter(|one| one.as_ref().is_err_and(|gap| gap.pending))
            .collect::<Learned<()>>()?;
    }
    Ok(found)
}

/// How the image stands. `built` says whether CI ended well, if that is known.
pub fn outcome(case: &Case<'_, '_>, found: &Learned<Option<Built>>, build: &Outcome) -> Outcome {
    match found {
        Ok(Some(built)) => done(built),
        Err(gap) => Outcome::unknown(StageKind::Image, gap),
        Ok(None) if !build.is_met() => Outcome::not_reached(StageKind::Image),
        Ok(None) => {
            let unread = case.siblings().find_map(|one| {
                let gap = one.place.whole_pods(one.workload).err()?;
                let note = Sentence::default()
                    .words("Whether pods elsewhere run it by a digest that no tag leads to is not known: ")
                    .quote(&gap.why);
                Some(ended(note))
            });
            let repository = &case.target.image.repository;
            let tags_of = evidence::image_repository(repository);
            // The run that says it succeeded is what has to be looked at.
            let run = build.stage.evidence.first().map(|line| line.object.clone());
            let object = run.unwrap_or_else(|| tags_of.clone());
            let succeeded = match &build.stage.evidence.first() {
                Some(line) => when(
                    Sentence::default().object(&line.object).words(" succeeded"),
                    line.at,
                ),
                None => Sentence::default().words("CI succeeded"),
            };
            let sentence = succeeded
                .words(", but no image in ")
                .name(repository)
                .words(" contains it");
            let tags = case
                .view
                .quietly(|| case.view.tags(repository))
                .ok()
                .flatten()
                .map_or_else(String::new, |tags| newest(tags));
            let mut proof = vec![evidence::evidence(&tags_of, "tags", tags, None)];
            proof.extend(build.stage.evidence.iter().cloned());
            Outcome::found(
                StageKind::Image,
                Finding::blocked(CauseCode::ImageNeverPushed, object, sentence)
                    .since(build.stage.since)
                    .proof(proof)
                    .qualified(unread),
            )
        }
    }
}

fn done(built: &Built) -> Outcome {
    let object = evidence::image(&built.reference);
    let name = built
        .reference
        .tag
        .as_deref()
        .or(built.contents.digest.as_deref())
        .unwrap_or_default();
    let mut summary = Sentence::default().name(name);
    if !built.contents.is_exact()
        && let Some(revision) = &built.contents.revision
    {
        summary = summary
            .words(", built from the newer ")
            .name(api::headline::short(revision));
    }
    let mut proof = Vec::new();
    if let Some(digest) = &built.contents.digest {
        proof.push(evidence::evidence(
            &object,
            "digest",
            digest,
            built.contents.created,
        ));
    }
    if let Some(revision) = &built.contents.revision {
        proof.push(evidence::evidence(
            &object,
            "org.opencontainers.image.revision",
            revision,
            built.contents.created,
        ));
    }
    Outcome::done(StageKind::Image, summary)
        .since(built.contents.created)
        .proof(proof)
}

/// The last tags, as many as a person reads.
fn newest(tags: &[String]) -> String {
    let shown: Vec<&str> = tags.iter().rev().take(10).map(String::as_str).collect();
    shown.join(", ")
}
