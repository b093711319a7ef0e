//! Stage 1: the commit exists and is on the branch that releases.
//!
//! Owns the following of a squashed or rebased pull request to the commit that reached the branch.

use api::{Sentence, StageKind, State};
use facts::code::{Commit, PullRequest, PullState, Revert};

use super::{Branch, Case};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::reverts;
use crate::view::{Learned, View};

/// The commit that a pull request's merge brought to the releasing branch in place of this one, if that is another.
pub fn landed<'a>(
    view: &View<'a>,
    key: &str,
    commit: &str,
) -> Learned<Option<(&'a str, &'a PullRequest)>> {
    let head = view.head(key)?;
    if view.contained(key, commit, head)? {
        return Ok(None);
    }
    for pull in view.pulls(key, commit)? {
        if let PullState::Merged { sha, .. } = &pull.state
            && sha != commit
            && view.contained(key, sha, head)?
        {
            return Ok(Some((sha, pull)));
        }
    }
    Ok(None)
}

/// How the commit stands.
pub fn outcome(case: &Case<'_, '_>) -> Outcome {
    look(case).unwrap_or_else(|gap| Outcome::unknown(StageKind::Commit, &gap))
}

fn look(case: &Case<'_, '_>) -> Learned<Outcome> {
    let (view, key, commit) = (case.view, case.key, case.commit);
    let (branch, head) = match case.branch {
        Branch::Releasing => (view.releasing_branch(key)?, view.head(key)?),
        Branch::Followed(branch) => (branch, view.head_of(key, branch)?),
    };
    let contained = view.contained(key, commit, head)?;
    let known = view.quietly(|| view.commit(key, commit)).ok().flatten();
    if contained {
        if let Some(revert) = reverts::in_effect(view, key, commit, head)? {
            return Ok(Outcome::found(
                StageKind::Commit,
                reverted(key, commit, revert),
            ));
        }
        let object = evidence::commit(key, commit);
        return Ok(Outcome::done(
            StageKind::Commit,
            Sentence::default().words("on ").name(branch),
        )
        .since(known.map(|commit| commit.at))
        .proof([evidence::evidence(
            &object,
            "branch",
            branch,
            known.map(|commit| commit.at),
        )]));
    }
    let pulls = view.pulls(key, commit)?;
    let open = pulls
        .iter()
        .find(|pull| matches!(pull.state, PullState::Open { .. }));
    if let Some(pull) = open {
        return Ok(Outcome::found(StageKind::Commit, in_open(key, pull)));
    }
    let closed = pulls.iter().find_map(|pull| match pull.state {
        PullState::Closed { at } => Some((pull, at)),
        _ => None,
    });
    if let Some((pull, at)) = closed {
        let object = evidence::pull(key, pull);
        let sentence = Sentence::default()
            .object(&object)
            .words(" was closed without merging ")
            .instant(at);
        let proof = evidence::evidence(&object, "state", "closed", Some(at));
        return Ok(Outcome::found(
            StageKind::Commit,
            Finding::blocked(CauseCode::CommitInClosedPullRequest, object, sentence)
                .since(Some(at))
                .proof([proof]),
        ));
    }
    let object = evidence::commit(key, commit);
    let branches = view
        .commit(key, commit)?
        .map_or(&[][..], |one| &one.branches);
    let sentence = match branches.first() {
        Some(other) => Sentence::default().words("it is on branch ").name(other),
        None => Sentence::default().words("it is on no branch"),
    };
    let proof = evidence::evidence(&object, "branches", branches.join(", "), None);
    Ok(Outcome::found(
        StageKind::Commit,
        Finding::blocked(
            CauseCode::CommitOnOtherBranch,
            object,
            sentence
                .words(", and ")
                .name(branch)
                .words(" is what releases"),
        )
        .since(known.map(|commit| commit.at))
        .proof([proof]),
    ))
}

/// Taken back by a later commit.
pub fn reverted(key: &str, commit: &str, revert: &Revert) -> Finding {
    let object = evidence::commit(key, &revert.by);
    let sentence = Sentence::default()
        .commit(key, &revert.by)
        .words(" by ")
        .name(&revert.author)
        .words(" took it back ")
        .instant(revert.at);
    let proof = evidence::evidence(
        &object,
        "message",
        format!("This reverts commit {commit}."),
        Some(revert.at),
    );
    Finding::new(CauseCode::CommitReverted, State::Reverted, object, sentence)
        .since(Some(revert.at))
        .proof([proof])
}

/// Taken back by a later commit that does not call itself a revert: it sets the image to what it was before.
pub fn set_back(key: &str, by: &Commit) -> Finding {
    let object = evidence::commit(key, &by.sha);
    let sentence = Sentence::default()
        .commit(key, &by.sha)
        .words(" by ")
        .name(&by.author)
        .words(" set the image back to what it was before, ")
        .instant(by.at);
    let proof = evidence::evidence(&object, "message", &by.subject, Some(by.at));
    Finding::new(CauseCode::CommitReverted, State::Reverted, object, sentence)
        .since(Some(by.at))
        .proof([proof])
}

fn in_open(key: &str, pull: &PullRequest) -> Finding {
    let object = evidence::pull(key, pull);
    let draft = matches!(pull.state, PullState::Open { draft: true });
    let sentence = Sentence::default()
        .object(&object)
        .words(" by ")
        .name(&pull.author)
        .words(if draft {
            " is still a draft, opened "
        } else {
            " is not merged yet, opened "
        })
        .instant(pull.created);
    let proof = [
        evidence::evidence(&object, "state", "open", Some(pull.created)),
        evidence::evidence(&object, "title", &pull.title, Some(pull.created)),
    ];
    // Nothing brings it on by itself: a person has to review and merge.
    Finding::blocked(CauseCode::CommitInOpenPullRequest, object, sentence)
        .since(Some(pull.created))
        .proof(proof)
}
