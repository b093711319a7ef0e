//! Why an environment does not declare an image that exists: who has to change it, or who set it back.
//!
//! Owns promotions by people. What image automation does about it is in `automation`.

use api::{Sentence, State};
use facts::code::{Commit, DeclaredHistory, DeclaredImage, HeadOf, PullRequest};

use super::{contents_of, folder, of_app, reference, written};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::images::Built;
use crate::route::{Configuration, Path};
use crate::stages::{Case, automation};
use crate::view::{Gap, Learned};

/// A release that a person took back in Git: an entry before the present one declared the commit.
pub fn set_back(
    case: &Case<'_, '_>,
    place: &Configuration,
    history: &DeclaredHistory,
) -> Learned<Option<Finding>> {
    let Some(asked) = case.view.commit(case.key, case.commit)? else {
        return Ok(None);
    };
    // Only what was written after the commit was made can have declared it.
    let candidates = history
        .entries
        .windows(2)
        .take_while(|pair| pair[1].commit.at >= asked.at);
    for pair in candidates {
        let images = of_app(case, &pair[1]);
        let mut contains = !images.is_empty();
        for image in &images {
            contains = contains && contents_of(case, image)?.contains();
        }
        if !contains {
            continue;
        }
        let by = &pair[0].commit;
        let object = evidence::commit(&place.repository, &by.sha);
        let sentence = Sentence::default()
            .commit(&place.repository, &by.sha)
            .words(" by ")
            .name(&by.author)
            .words(" set ")
            .name(folder(&place.path))
            .words(" back to another image ")
            .instant(by.at);
        let proof = evidence::evidence(&object, "message", &by.subject, Some(by.at));
        let marked = of_app(case, &history.entries[0])
            .iter()
            .any(|image| image.marker.is_some());
        let undone = marked.then(|| {
            Sentence::default().words(
                "The line still carries an image policy's marker: the automation may write the newer image again.",
            )
        });
        return Ok(Some(
            Finding::new(
                CauseCode::ReleaseSetBack,
                State::RolledBack,
                object,
                sentence,
            )
            .since(Some(by.at))
            .proof([proof])
            .qualified(undone),
        ));
    }
    Ok(None)
}

/// Why the environment does not declare it: what should write it does not, or a person has to.
pub fn why_not(
    case: &Case<'_, '_>,
    place: &Configuration,
    image: &DeclaredImage,
    built: &Built,
) -> Learned<Finding> {
    if let Some(finding) = automation::why_not(case, place, image, built)? {
        return Ok(finding);
    }
    let file = evidence::file(&place.repository, &image.file);
    let pulls = case.view.open_pulls(&place.repository);
    let (promoting, others) = match &pulls {
        Ok(pulls) => promoting(case, place, image, built, pulls)?,
        Err(_) => (None, Vec::new()),
    };
    if let Some(pull) = promoting {
        return Ok(open_pull(place, pull));
    }
    let mut sentence = Sentence::default()
        .words("a person has to promote it, by changing ")
        .object(&file)
        .words(" from ")
        .name(written(&reference(image)));
    if let Some(tag) = &built.reference.tag
        && built.contents.is_exact()
    {
        sentence = sentence.words(" to ").name(tag);
    }
    let mut finding = Finding::new(
        CauseCode::ReleaseNeedsPromotion,
        State::NeedsPromotion,
        file,
        sentence,
    )
    .since(built.contents.created);
    if let Err(gap) = pulls {
        finding = finding.qualified(Some(
            Sentence::default()
                .words("Whether a pull request already does so is not known: ")
                .quote(gap.why)
                .words("."),
        ));
    }
    Ok(others.into_iter().fold(finding, |finding, (pull, why)| {
        let beside = Sentence::default().object(&evidence::pull(&place.repository, pull));
        finding.qualified(Some(match why {
            None => beside.words(" changes the same file, but does not bring this commit."),
            Some(gap) => beside
                .words(" changes the same file; whether it brings this commit is not known: ")
                .quote(gap.why)
                .words("."),
        }))
    }))
}

/// Another pull request that changes the same file: it does not bring the commit, or why that is not known.
type Beside<'a> = (&'a PullRequest, Option<Gap>);

/// The open pull request whose branch declares an image with the commit, one that names the app or the image before any
/// other; and the ones that change the same file and do not, or may not. That a pull request touches the file says
/// nothing: it may promote an older image.
fn promoting<'a>(
    case: &Case<'_, '_>,
    place: &Configuration,
    image: &DeclaredImage,
    built: &Built,
    pulls: &'a [PullRequest],
) -> Learned<(Option<&'a PullRequest>, Vec<Beside<'a>>)> {
    let names_it = |pull: &PullRequest| {
        let said = format!("{} {}", pull.title, pull.head);
        let tag = built.reference.tag.as_deref();
        said.contains(&case.target.app)
            || said.contains(api::headline::short(case.commit))
            || tag.is_some_and(|tag| said.contains(tag))
    };
    let mut candidates: Vec<&PullRequest> = pulls
        .iter()
        .filter(|pull| pull.base == place.branch && pull.files.contains(&image.file))
        .collect();
    candidates.sort_by_key(|pull| !names_it(pull));
    let mut others = Vec::new();
    for pull in candidates {
        match pull_brings(case, place, pull) {
            Ok(true) => return Ok((Some(pull), Vec::new())),
            Ok(false) => others.push((pull, None)),
            Err(gap) if gap.pending => return Err(gap),
            Err(gap) => others.push((pull, Some(gap))),
        }
    }
    Ok((None, others))
}

/// Whether what a pull request's branch declares for the place contains the commit.
fn pull_brings(case: &Case<'_, '_>, place: &Configuration, pull: &PullRequest) -> Learned<bool> {
    match &pull.head_of {
        HeadOf::Own => brings(case, place, &pull.head),
        // Forks are not read, and the repository's own branch of that name is another one.
        HeadOf::Fork(Some(fork)) => Err(Gap::new(format!(
            "its branch {} is in fork {fork}, which is not read",
            pull.head
        ))),
        HeadOf::Fork(None) => Err(Gap::new(format!(
            "its branch {} is in a fork that the code host does not name",
            pull.head
        ))),
    }
}

/// Whether what a branch of the place's repository declares there contains the commit.
pub fn brings(case: &Case<'_, '_>, place: &Configuration, branch: &str) -> Learned<bool> {
    let history = case.view.declared(&place.repository, branch, &place.path)?;
    let newest = history.and_then(|history| history.entries.first());
    let images = newest.map_or_else(Vec::new, |newest| of_app(case, newest));
    if images.is_empty() {
        return Err(Gap::new(format!(
            "branch {branch} of {} could not be read for what {} declares",
            place.repository,
            folder(&place.path)
        )));
    }
    for image in images {
        if !contents_of(case, image)?.contains() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A pull request that waits to be merged.
pub fn open_pull(place: &Configuration, pull: &PullRequest) -> Finding {
    let object = evidence::pull(&place.repository, pull);
    let sentence = Sentence::default()
        .object(&object)
        .words(" by ")
        .name(&pull.author)
        .words(" waits to be merged into ")
        .name(&place.branch)
        .words(", opened ")
        .instant(pull.created);
    let proof = [
        evidence::evidence(&object, "state", "open", Some(pull.created)),
        evidence::evidence(&object, "title", &pull.title, Some(pull.created)),
    ];
    Finding::new(
        CauseCode::ReleasePullRequestOpen,
        State::NeedsPromotion,
        object,
        sentence,
    )
    .since(Some(pull.created))
    .proof(proof)
}

/// A source that is pinned to a tag or commit releases only what that contains.
pub fn pinned(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    place: &Configuration,
    pin: &str,
    commit: &Commit,
) -> Learned<Option<Finding>> {
    let Ok(Some(source)) = &path.source else {
        return Ok(None);
    };
    let Some(at) = source
        .artifact
        .as_ref()
        .and_then(|artifact| artifact.revision.commit())
    else {
        return Ok(None);
    };
    if case.view.contained(&place.repository, &commit.sha, at)? {
        return Ok(None);
    }
    let object = evidence::object(case.target.place, source.kind.name(), &source.meta.key());
    let sentence = Sentence::default()
        .object(&object)
        .words(" is pinned to ")
        .name(pin)
        .words(", which does not contain ")
        .commit(&place.repository, &commit.sha)
        .words(": a person has to move it");
    let proof = evidence::evidence(&object, "spec.ref", pin, None);
    Ok(Some(
        Finding::new(
            CauseCode::ReleaseNeedsPromotion,
            State::NeedsPromotion,
            object,
            sentence,
        )
        .since(Some(commit.at))
        .proof([proof]),
    ))
}
