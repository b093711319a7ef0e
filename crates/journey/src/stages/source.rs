//! Stage 5: Flux fetched what Git declares.
//!
//! Owns whether a source has the release commit, and why it has not. A source that fails leaves everything behind it
//! green: that is said even where nothing is stopped by it.

use api::journey::NextAttempt;
use api::{Sentence, StageKind, StageState};
use facts::code::Commit;
use facts::flux::{HelmRelease, Revision, Source, SourceReference};
use facts::meta::{Condition, Kind, Status, condition};
use jiff::SignedDuration;

use super::Case;
use crate::causes::CauseCode;
use crate::conditions::{believed, is_true};
use crate::evidence;
use crate::finding::{Finding, Outcome, when};
use crate::messages;
use crate::route::{self, Path};
use crate::view::{Gap, Learned, Place};

/// How the source stands to the release commit; without one, only what is wrong with the source itself is said.
pub fn outcome(case: &Case<'_, '_>, path: &Path<'_>, release: Option<&Commit>) -> Outcome {
    let stage = StageKind::Source;
    let place = case.target.place;
    let Some(kustomization) = path.kustomization else {
        return match path.helm {
            Some(helm) => match chart_trouble(place, helm) {
                Ok(Some(finding)) => Outcome::found(stage, finding),
                Ok(None) => Outcome::skipped(stage, "no Kustomization brings the HelmRelease"),
                Err(gap) => Outcome::unknown(stage, &gap),
            },
            None => Outcome::skipped(stage, "nothing of Flux's applies this workload"),
        };
    };
    let source = match &path.source {
        Ok(Some(source)) => *source,
        Ok(None) => {
            let reference = &kustomization.source;
            let object = evidence::referred(place, reference);
            let sentence = Sentence::default()
                .object(&object)
                .words(" does not exist, though ")
                .object(&evidence::object(
                    place,
                    "Kustomization",
                    &kustomization.meta.key(),
                ))
                .words(" follows it");
            return Outcome::found(
                stage,
                Finding::blocked(CauseCode::SourceNotFound, object, sentence),
            );
        }
        Err(gap) => return Outcome::unknown(stage, gap),
    };
    let standing = standing(place, source);
    let Some(release) = release else {
        return match standing {
            Some(finding) => Outcome::found(stage, finding),
            None => Outcome::not_reached(stage),
        };
    };
    match has(case, path, source, release) {
        Err(gap) => Outcome::unknown(stage, &gap),
        Ok(true) => fetched(place, source, release).note(standing.map(|finding| stale(&finding))),
        Ok(false) => Outcome::found(
            stage,
            standing.unwrap_or_else(|| pending(case, path, source, release)),
        ),
    }
}

/// Why the stages before the source are skipped where its branch is gone.
pub const BRANCH_GONE: &str = "the branch that the source follows is not in Git";

/// Git was read and does not have the branch that the source follows: what it follows has to be mended, whatever
/// the source itself says by now.
pub fn branch_gone(case: &Case<'_, '_>, path: &Path<'_>, source: &Outcome) -> Option<Finding> {
    let Ok(Some(place)) = &path.configuration else {
        return None;
    };
    let declared = case
        .view
        .declared(&place.repository, &place.branch, &place.path);
    let Ok(Some(follower)) = &path.source else {
        return None;
    };
    // An artifact that is packed elsewhere, or a tag, follows no branch.
    let follows_it =
        follower.kind == Kind::GitRepository && !place.packed && place.pinned.is_none();
    if !follows_it || !matches!(declared, Ok(None)) {
        return None;
    }
    let says_so = source
        .finding
        .clone()
        .filter(|finding| finding.code == CauseCode::SourceNotFound);
    Some(says_so.unwrap_or_else(|| {
        let object = evidence::object(
            case.target.place,
            follower.kind.name(),
            &follower.meta.key(),
        );
        let sentence = Sentence::default()
            .object(&object)
            .words(" follows the branch ")
            .name(&place.branch)
            .words(", which ")
            .name(&place.repository)
            .words(" does not have");
        let proof = evidence::evidence(&object, "spec.ref", &place.branch, None);
        Finding::blocked(CauseCode::SourceNotFound, object, sentence).proof([proof])
    }))
}

/// Whether the source's artifact contains the release commit.
fn has(case: &Case<'_, '_>, path: &Path<'_>, source: &Source, release: &Commit) -> Learned<bool> {
    let Some(artifact) = &source.artifact else {
        return Ok(false);
    };
    let Ok(Some(place)) = &path.configuration else {
        return Err(Gap::new("the source is not made from a Git repository"));
    };
    let at = commit_of(source, &artifact.revision)?;
    case.view.contained(&place.repository, &release.sha, at)
}

/// The commit that a revision of a source stands for.
pub fn commit_of<'a>(source: &'a Source, revision: &'a Revision) -> Learned<&'a str> {
    if let Some(commit) = revision.commit() {
        return Ok(commit);
    }
    source
        .artifact
        .as_ref()
        .filter(|artifact| artifact.revision == *revision)
        .and_then(|artifact| artifact.origin_revision.as_ref())
        .and_then(Revision::commit)
        .ok_or_else(|| {
            Gap::new(format!(
                "revision {} of {} {}/{} does not say which commit it was made from",
                revision.text,
                source.kind.name(),
                source.meta.namespace,
                source.meta.name
            ))
        })
}

fn fetched(place: Place<'_>, source: &Source, release: &Commit) -> Outcome {
    let object = evidence::object(place, source.kind.name(), &source.meta.key());
    let artifact = source.artifact.as_ref();
    let updated = artifact.and_then(|artifact| artifact.updated);
    let revision = artifact.map_or("", |artifact| artifact.revision.text.as_str());
    let exact = artifact.is_some_and(|one| one.revision.commit() == Some(&release.sha));
    Outcome::done(
        StageKind::Source,
        Sentence::default()
            .name(shortened(revision))
            .words(" fetched"),
    )
    .since(updated)
    .took(exact.then_some(release.at), updated.filter(|_| exact))
    .proof([evidence::evidence(
        &object,
        "status.artifact.revision",
        revision,
        updated,
    )])
}

/// A revision with its hash cut to seven digits.
pub fn shortened(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((before, hash)) if hash.len() > 7 => {
            format!(
                "{}@{}",
                before.rsplit_once('@').map_or(before, |(name, _)| name),
                api::headline::short(hash)
            )
        }
        _ => revision.to_owned(),
    }
}

/// What is wrong with a source by itself: suspended or failing.
pub fn standing(place: Place<'_>, source: &Source) -> Option<Finding> {
    let object = evidence::object(place, source.kind.name(), &source.meta.key());
    if source.suspended {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is suspended and fetches nothing new");
        let proof = evidence::evidence(&object, "spec.suspend", "true", None);
        return Some(
            Finding::blocked(CauseCode::SourceSuspended, object, sentence)
                .proof([proof])
                .proof(revision(place, source)),
        );
    }
    let failure = failure(source)?;
    let code = if source.kind == Kind::HelmChart {
        messages::chart(&failure.reason, &failure.message)
    } else if failure.kind == "SourceVerified" {
        CauseCode::SourceVerificationFailed
    } else {
        messages::source(&failure.reason, &failure.message)
    };
    let sentence = Sentence::default().object(&object).words(match code {
        CauseCode::SourceAuthenticationFailed => " failed to sign in",
        CauseCode::SourceVerificationFailed => " failed its verification",
        CauseCode::SourceNotFound => " did not find what it follows",
        CauseCode::SourceChartNotFound => " found no such chart",
        _ => " failed to fetch",
    });
    let sentence = when(sentence, failure.since)
        .words(": ")
        .quote(&failure.message);
    let proof = evidence::condition(&object, failure);
    let next = retries(place, source, failure);
    Some(
        Finding::blocked(code, object, sentence)
            .since(failure.since)
            .proof(proof)
            .proof(revision(place, source))
            .next(next),
    )
}

fn revision(place: Place<'_>, source: &Source) -> Option<api::journey::Evidence> {
    let artifact = source.artifact.as_ref()?;
    Some(evidence::evidence(
        &evidence::object(place, source.kind.name(), &source.meta.key()),
        "status.artifact.revision",
        &artifact.revision.text,
        artifact.updated,
    ))
}

/// The condition that says that a source fails: the failing one before the summary of it.
fn failure(source: &Source) -> Option<&Condition> {
    let get = |kind: &str| {
        believed(
            &source.conditions,
            kind,
            source.observed_generation,
            &source.meta,
        )
    };
    let raised = ["FetchFailed", "BuildFailed", "StorageOperationFailed"]
        .into_iter()
        .filter_map(get)
        .find(|found| found.status == Status::True);
    let refused = ["SourceVerified", "Ready"]
        .into_iter()
        .filter_map(get)
        .find(|found| found.status == Status::False);
    raised.or(refused)
}

fn retries(place: Place<'_>, source: &Source, failure: &Condition) -> Option<NextAttempt> {
    if is_true(
        &source.conditions,
        "Stalled",
        source.observed_generation,
        &source.meta,
    ) {
        return None;
    }
    Some(NextAttempt {
        at: place.next_tick(failure.since, source.interval),
        who: evidence::object(place, source.kind.name(), &source.meta.key()),
        what: "tries again".to_owned(),
    })
}

fn pending(case: &Case<'_, '_>, path: &Path<'_>, source: &Source, release: &Commit) -> Finding {
    let place = case.target.place;
    let object = evidence::object(place, source.kind.name(), &source.meta.key());
    let from = source
        .artifact
        .as_ref()
        .and_then(|artifact| artifact.updated)
        .or_else(|| condition(&source.conditions, "Ready").and_then(|ready| ready.since));
    let at = place.next_tick(from, source.interval);
    let repository = match &path.configuration {
        Ok(Some(place)) => place.repository.as_str(),
        _ => "",
    };
    let sentence = Sentence::default()
        .object(&object)
        .words(" has not fetched ")
        .commit(repository, &release.sha)
        .words(" yet, committed ")
        .instant(release.at);
    let proof = revision(place, source);
    // Twice the interval and a minute: a fetch may just have missed the commit, and takes its time.
    let due = source
        .interval
        .and_then(|interval| interval.checked_mul(2))
        .and_then(|interval| release.at.checked_add(interval).ok())
        .and_then(|due| due.checked_add(SignedDuration::from_mins(1)).ok());
    let late = due.filter(|due| place.is_past(*due)).map(|_| {
        Sentence::default()
            .words("A fetch is overdue: the controller of ")
            .object(&object)
            .words(" may be busy or stuck.")
    });
    Finding::waiting(CauseCode::SourcePending, object.clone(), sentence)
        .since(Some(release.at))
        .proof(proof)
        .next(Some(NextAttempt {
            at,
            who: object,
            what: "fetches again".to_owned(),
        }))
        .qualified(late)
}

/// Said beside a journey that the source's trouble does not stop: green but stale.
fn stale(finding: &Finding) -> Sentence {
    Sentence::default()
        .words("What comes after this commit will not arrive: ")
        .then(finding.sentence.clone())
        .words(".")
}

/// Why the chart of a HelmRelease cannot be had: the Helm repository's own trouble before the chart's.
pub fn chart_trouble(place: Place<'_>, helm: &HelmRelease) -> Learned<Option<Finding>> {
    let reference = helm.helm_chart.as_ref().or(helm.source.as_ref());
    let Some(reference) = reference else {
        return Ok(None);
    };
    if Kind::from_name(&reference.kind).is_none() {
        return Ok(None);
    }
    let Some(chart) = route::source(place, reference)? else {
        return Ok(None);
    };
    // Until the HelmChart follows the release's new version, it speaks of the old one.
    let followed = match &chart.reference {
        SourceReference::Semver(version) => Some(version),
        _ => None,
    };
    if chart.kind == Kind::HelmChart
        && helm.chart_version.is_some()
        && followed != helm.chart_version.as_ref()
    {
        return Ok(None);
    }
    let Some(mut finding) = standing(place, chart) else {
        return Ok(None);
    };
    if let Some(repository) = &chart.chart_source
        && Kind::from_name(&repository.kind).is_some()
        && let Some(repository) = route::source(place, repository)?
        && let Some(deeper) = standing(place, repository)
    {
        finding = deeper;
    }
    if finding.code == CauseCode::SourceChartNotFound {
        let wanted = match (&helm.chart, &helm.chart_version) {
            (Some(chart), Some(version)) => format!("{chart} {version}"),
            (Some(chart), None) => chart.clone(),
            _ => String::new(),
        };
        if !wanted.is_empty() {
            let object = evidence::object(place, "HelmRelease", &helm.meta.key());
            finding = finding.proof([evidence::evidence(
                &object,
                "spec.chart.spec.version",
                wanted,
                None,
            )]);
        }
    }
    Ok(Some(finding))
}

/// A stage that is done, but whose HelmRelease has no chart to be made from.
pub fn with_chart(outcome: Outcome, place: Place<'_>, helm: Option<&HelmRelease>) -> Outcome {
    let Some(helm) = helm.filter(|_| matches!(outcome.stage.state, StageState::Done)) else {
        return outcome;
    };
    match chart_trouble(place, helm) {
        Ok(None) => outcome,
        Ok(Some(finding)) => Outcome::found(StageKind::Source, finding),
        Err(gap) => Outcome::unknown(StageKind::Source, &gap),
    }
}
