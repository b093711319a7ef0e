//! Stage 6: Flux applied what it fetched.
//!
//! Owns the three positions of a Kustomization (not attempted, attempted, applied) and what keeps it from the next.
//! Manifests are live before the health check ends: a failed one does not stop the walk.

use api::journey::NextAttempt;
use api::{Sentence, StageKind, State};
use facts::code::Commit;
use facts::flux::{HelmRelease, Kustomization, Revision, Snapshot, Source};
use facts::image::ImageReference;
use facts::kubernetes::Edited;
use facts::meta::{Condition, Meta, Status};
use jiff::{SignedDuration, Timestamp};

use super::{Case, helm, source};
use crate::causes::CauseCode;
use crate::conditions::{believed, is_true};
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images;
use crate::messages;
use crate::root::{self, Seen};
use crate::route::Path;
use crate::view::{Gap, Learned, Place};

/// How Flux stands to the release commit; without one, only what is wrong with its objects themselves is said.
pub fn outcome(case: &Case<'_, '_>, path: &Path<'_>, release: Option<&Commit>) -> Outcome {
    let outcome = look(case, path, release);
    // What has not come this far is not kept by the parents of what applies it.
    if outcome.is_met() || release.is_none() {
        return outcome;
    }
    let above = path.parents.iter().find(|parent| parent.suspended);
    outcome.note(above.map(|parent| suspended_above(case, path, parent)))
}

/// What applies the workload and is suspended: it sets nothing back, whatever it said before.
pub fn held(place: Place<'_>, path: &Path<'_>) -> Option<Finding> {
    let helm = path.helm.filter(|one| one.suspended);
    let kustomization = path.kustomization.filter(|one| one.suspended);
    let object = helm
        .map(|one| evidence::object(place, "HelmRelease", &one.meta.key()))
        .or_else(|| {
            kustomization.map(|one| evidence::object(place, "Kustomization", &one.meta.key()))
        })?;
    Some(root::suspended(object))
}

/// What applies the workload is being deleted: Flux does nothing with it but take away what it applied.
pub fn leaving(place: Place<'_>, path: &Path<'_>) -> Option<Finding> {
    let helm = path.helm.map(|one| ("HelmRelease", &one.meta));
    let kustomization = path.kustomization.map(|one| ("Kustomization", &one.meta));
    let mut owners = helm.into_iter().chain(kustomization);
    let deleted = |(kind, meta): (_, &'_ Meta)| Some((kind, meta.key(), meta.deleting?));
    let (kind, key, at) = owners.find_map(deleted)?;
    let object = evidence::object(place, kind, &key);
    let sentence = Sentence::default()
        .object(&object)
        .words(" is being deleted and applies nothing any more");
    let proof = evidence::evidence(
        &object,
        "metadata.deletionTimestamp",
        at.to_string(),
        Some(at),
    );
    Some(
        Finding::blocked(CauseCode::ApplyOwnerGone, object, sentence)
            .since(Some(at))
            .proof([proof]),
    )
}

/// What Flux says may be of an older spec, with another path or an override of the image: then it says nothing of a commit.
pub fn of_older_spec(place: Place<'_>, path: &Path<'_>) -> Option<Finding> {
    let one = path.kustomization?;
    let behind = one.meta.generation.saturating_sub(one.observed_generation);
    // Suspending it is a change of its spec, which Flux does not take up.
    let is_only_suspended = by_hand(one.edited.as_ref(), one.confirmed()).is_none();
    if behind <= i64::from(one.suspended && is_only_suspended) {
        return None;
    }
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    if one.suspended {
        return Some(root::suspended(object));
    }
    let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta);
    if let Some(ready) = ready.filter(|ready| ready.status == Status::False) {
        return Some(root::own(place, one, ready));
    }
    let sentence = Sentence::default()
        .object(&object)
        .words(" was changed, and Flux has not taken that up yet");
    let proof = evidence::evidence(
        &object,
        "status.observedGeneration",
        one.observed_generation.to_string(),
        None,
    );
    Some(Finding::moving(CauseCode::ApplyRunning, object, sentence).proof([proof]))
}

/// A suspended parent does not stop what it applied before; it stops changes to it.
fn suspended_above(case: &Case<'_, '_>, path: &Path<'_>, parent: &Kustomization) -> Sentence {
    let place = case.target.place;
    let above = evidence::object(place, "Kustomization", &parent.meta.key());
    let sentence = Sentence::default().object(&above).words(" is suspended");
    match path.kustomization {
        Some(below) => sentence
            .words(": changes to ")
            .object(&evidence::object(place, "Kustomization", &below.meta.key()))
            .words(" itself do not arrive."),
        None => sentence.words("."),
    }
}

fn look(case: &Case<'_, '_>, path: &Path<'_>, release: Option<&Commit>) -> Outcome {
    let first = by_kustomization(case, path, release);
    match path.helm {
        Some(helm) if first.is_met() => of_helm(case, path, helm, first)
            .unwrap_or_else(|gap| Outcome::unknown(StageKind::Apply, &gap)),
        _ => first,
    }
}

/// The same of the Kustomization alone, whatever becomes of the HelmRelease that it applies.
pub fn by_kustomization(case: &Case<'_, '_>, path: &Path<'_>, release: Option<&Commit>) -> Outcome {
    match path.kustomization {
        Some(kustomization) => of_kustomization(case, path, kustomization, release)
            .unwrap_or_else(|gap| Outcome::unknown(StageKind::Apply, &gap)),
        None => Outcome::done(StageKind::Apply, Sentence::default().words("applied")),
    }
}

fn of_kustomization(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    one: &Kustomization,
    release: Option<&Commit>,
) -> Learned<Outcome> {
    let stage = StageKind::Apply;
    let place = case.target.place;
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta);
    let Some(release) = release else {
        // Only what would stop any commit is worth saying before its turn has come.
        let standing = if one.suspended {
            Some(root::suspended(object))
        } else {
            case.view
                .quietly(|| root::kustomization(place, one, &mut Seen::default()))
                .ok()
                .flatten()
                .filter(|finding| finding.turn == State::Blocked)
        };
        return Ok(match standing {
            Some(finding) => Outcome::found(stage, finding),
            None => Outcome::not_reached(stage),
        });
    };
    let Ok(Some(source)) = &path.source else {
        return Ok(Outcome::not_reached(stage));
    };
    if includes(
        case,
        path,
        source,
        one.applied.as_ref(),
        one.applied_origin.as_ref(),
        release,
    )? {
        return Ok(applied(case, one, ready, release));
    }
    if includes(
        case,
        path,
        source,
        one.attempted.as_ref(),
        one.applied_origin
            .as_ref()
            .filter(|_| one.attempted == one.applied),
        release,
    )? {
        return attempted(case, one, ready);
    }
    let finding = not_attempted(case, one, ready)?;
    let late = (finding.code == CauseCode::ApplyPending)
        .then(|| overdue(case, source, &object))
        .flatten();
    Ok(Outcome::found(stage, finding.qualified(late)))
}

/// Flux begins within seconds of a fetch, minutes where a thousand objects wait for four workers.
const BUSY: SignedDuration = SignedDuration::from_mins(10);

/// Said where Flux has taken longer than it ever should.
fn overdue(case: &Case<'_, '_>, source: &Source, object: &api::ObjectRef) -> Option<Sentence> {
    let fetched = source.artifact.as_ref()?.updated?;
    case.target.place.has_passed(BUSY, fetched).then(|| {
        Sentence::default()
            .words("It was fetched ")
            .instant(fetched)
            .words(" already: the controller of ")
            .object(object)
            .words(" may be busy or stuck.")
    })
}

/// Whether a revision contains the release commit; none contains nothing.
fn includes(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    source: &Source,
    revision: Option<&Revision>,
    origin: Option<&Revision>,
    release: &Commit,
) -> Learned<bool> {
    let Some(revision) = revision else {
        return Ok(false);
    };
    let Ok(Some(place)) = &path.configuration else {
        return Err(Gap::new("the source is not made from a Git repository"));
    };
    let at = match origin.and_then(Revision::commit) {
        Some(commit) => commit,
        None => source::commit_of(source, revision)?,
    };
    case.view.contained(&place.repository, &release.sha, at)
}

fn applied(
    case: &Case<'_, '_>,
    one: &Kustomization,
    ready: Option<&Condition>,
    release: &Commit,
) -> Outcome {
    let place = case.target.place;
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let revision = one.applied.as_ref().map_or("", |one| one.text.as_str());
    let built = took_effect(one, release);
    let since = built
        .as_ref()
        .map(|(_, first)| *first)
        .or_else(|| ready.filter(|ready| ready.status == Status::True)?.since)
        .filter(|since| *since >= release.at);
    let mut summary = Sentence::default()
        .name(source::shortened(revision))
        .words(" applied");
    if !one.verifies {
        summary = summary.words(", not verified by Flux");
    }
    let failing = ready
        .filter(|ready| ready.status == Status::False)
        .map(|ready| {
            Sentence::default()
                .words("What comes after this commit is stopped: ")
                .then(root::own(place, one, ready).sentence)
                .words(".")
        });
    let suspended = one.suspended.then(|| {
        Sentence::default()
            .object(&object)
            .words(" is suspended: newer commits will not be applied.")
    });
    Outcome::done(StageKind::Apply, summary)
        .since(since)
        // Flux does not say when it applied a revision, only when it first built what is the same to the letter.
        .proof([evidence::evidence(
            &object,
            "status.lastAppliedRevision",
            revision,
            None,
        )])
        .proof(built.map(|(index, first)| {
            let field = format!("status.history[{index}].firstReconciled");
            evidence::evidence(&object, field, first.to_string(), Some(first))
        }))
        .note(failing)
        .note(suspended)
}

/// When what is applied now was first built, and its place in the history, if that says when the release commit took
/// effect: it is not of before the commit, and nothing else was applied since.
fn took_effect(one: &Kustomization, release: &Commit) -> Option<(usize, Timestamp)> {
    let is_applied = |entry: &Snapshot| entry.revision.as_ref() == one.applied.as_ref();
    let index = one.history.iter().position(is_applied)?;
    let first = one.history[index].first?;
    (first >= release.at && !one.went_away(index)).then_some((index, first))
}

/// Attempted and not applied: at work, failed, or live and waiting for its health.
fn attempted(
    case: &Case<'_, '_>,
    one: &Kustomization,
    ready: Option<&Condition>,
) -> Learned<Outcome> {
    let stage = StageKind::Apply;
    let place = case.target.place;
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let revision = one.attempted.as_ref().map_or("", |one| one.text.as_str());
    let proof = evidence::evidence(&object, "status.lastAttemptedRevision", revision, None);
    let Some(ready) = ready else {
        let sentence = Sentence::default()
            .object(&object)
            .words(" has begun to apply it");
        return Ok(Outcome::found(
            stage,
            Finding::moving(CauseCode::ApplyRunning, object, sentence).proof([proof]),
        ));
    };
    if one.suspended {
        return Ok(Outcome::found(
            stage,
            root::suspended(object).proof([proof]),
        ));
    }
    if ready.reason == "DependencyNotReady" {
        return not_attempted(case, one, Some(ready)).map(|finding| Outcome::found(stage, finding));
    }
    let is_live = matches!(
        ready.reason.as_str(),
        "HealthCheckFailed" | "HealthCheckCanceled" | "PruneFailed"
    ) || is_checking(one, ready);
    let finding = root::own(place, one, ready);
    if !is_live {
        return Ok(Outcome::found(stage, finding.proof([proof])));
    }
    // Fact 2: applied already, whatever lastAppliedRevision says.
    let mut outcome = Outcome::done(
        stage,
        Sentence::default().name(source::shortened(revision)).words(
            if ready.status == Status::False {
                " is live, not confirmed"
            } else {
                " is live, its health being checked"
            },
        ),
    )
    .since(ready.since)
    .proof(finding.evidence.clone())
    .proof([proof]);
    if ready.status == Status::False {
        outcome = outcome.note(Some(finding.sentence.clone().words(".")));
    }
    // Kept for the verdict: it decides if the walk finds nothing deeper and no proof.
    outcome.finding = Some(finding);
    Ok(outcome)
}

fn is_checking(one: &Kustomization, ready: &Condition) -> bool {
    let says = |message: &str| message.to_ascii_lowercase().contains("health check");
    ready.status != Status::False
        && (says(&ready.message)
            || believed(
                &one.conditions,
                "Reconciling",
                one.observed_generation,
                &one.meta,
            )
            .is_some_and(|found| says(&found.message)))
}

/// Not attempted: suspended, waiting for a dependency, without an artifact or a path, or simply not yet.
fn not_attempted(
    case: &Case<'_, '_>,
    one: &Kustomization,
    ready: Option<&Condition>,
) -> Learned<Finding> {
    let place = case.target.place;
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let proof = evidence::evidence(
        &object,
        "status.lastAttemptedRevision",
        one.attempted
            .as_ref()
            .map_or("none", |one| one.text.as_str()),
        ready.and_then(|ready| ready.since),
    );
    if one.suspended {
        return Ok(root::suspended(object).proof([proof]));
    }
    let waits = ready.is_some_and(|ready| ready.reason == "DependencyNotReady");
    match root::of_dependencies(place, one, &mut Seen::default()) {
        Ok(Some(finding)) if waits || finding.turn == State::Blocked => {
            return Ok(finding
                .proof(
                    ready
                        .map(|ready| evidence::condition(&object, ready))
                        .into_iter()
                        .flatten(),
                )
                .proof([proof]));
        }
        Ok(_) => {}
        Err(gap) => return Err(gap),
    }
    if let Some(ready) = ready.filter(|ready| ready.status == Status::False) {
        let code = messages::kustomization(&ready.reason, &ready.message);
        let before_attempt = matches!(ready.reason.as_str(), "ArtifactFailed" | "AccessDenied")
            || code == CauseCode::ApplyPathMissing
            || is_true(
                &one.conditions,
                "Stalled",
                one.observed_generation,
                &one.meta,
            );
        if before_attempt {
            return Ok(root::own(place, one, ready).proof([proof]));
        }
    }
    let sentence = Sentence::default()
        .object(&object)
        .words(" has not tried to apply it yet");
    let reconciling = is_true(
        &one.conditions,
        "Reconciling",
        one.observed_generation,
        &one.meta,
    );
    let turn = if reconciling {
        State::Moving
    } else {
        State::Waiting
    };
    Ok(
        Finding::new(CauseCode::ApplyPending, turn, object.clone(), sentence)
            .since(ready.and_then(|ready| ready.since))
            .proof([proof])
            .next(Some(NextAttempt {
                at: None,
                who: object,
                what: "does so by itself".to_owned(),
            })),
    )
}

/// The HelmRelease has its new spec; whether Helm did it.
fn of_helm(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    one: &HelmRelease,
    before: Outcome,
) -> Learned<Outcome> {
    let stage = StageKind::Apply;
    let place = case.target.place;
    let object = evidence::object(place, "HelmRelease", &one.meta.key());
    let values = evidence::evidence(&object, "spec.values", one.images.join(", "), None);
    if is_behind(case, one)? {
        let confirmed = path.kustomization.and_then(Kustomization::confirmed);
        if let Some(edited) = by_hand(one.edited.as_ref(), confirmed) {
            return Ok(Outcome::found(
                stage,
                edited_by(object, edited).proof([values]),
            ));
        }
        let sentence = Sentence::default()
            .object(&object)
            .words(" does not name the new image yet");
        return Ok(Outcome::found(
            stage,
            Finding::moving(CauseCode::ApplyRunning, object, sentence).proof([values]),
        ));
    }
    if one.suspended {
        return Ok(Outcome::found(stage, root::suspended(object)));
    }
    let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta);
    let Some(ready) = ready else {
        let sentence = Sentence::default()
            .object(&object)
            .words(" has not been taken up by Flux yet");
        let proof = evidence::evidence(
            &object,
            "status.observedGeneration",
            one.observed_generation.to_string(),
            None,
        );
        return Ok(Outcome::found(
            stage,
            Finding::moving(CauseCode::ApplyPending, object, sentence).proof([proof]),
        ));
    };
    if ready.status == Status::True {
        let newest = one.history.first();
        let summary = match newest {
            Some(release) => Sentence::default()
                .words("chart version ")
                .name(&release.chart_version)
                .words(", release ")
                .name(release.version.to_string()),
            None => Sentence::default().words("released"),
        };
        let mut outcome = Outcome::done(stage, summary)
            .since(newest.and_then(|release| release.last).or(ready.since))
            // Helm does nothing where nothing changed for it: then it is older than what was applied.
            .no_earlier_than(before.stage.since.filter(|_| case.is_configuration()))
            .proof(evidence::condition(&object, ready))
            .proof(before.stage.evidence);
        outcome.notes = before.notes;
        return Ok(outcome);
    }
    if ready.reason == "DependencyNotReady" {
        let found = root::of_helm_dependencies(place, one, &mut Seen::default())?;
        let proof = evidence::condition(&object, ready);
        let finding = found.unwrap_or_else(|| {
            let sentence = Sentence::default()
                .object(&object)
                .words(" waited for a dependency that is ready now");
            Finding::waiting(CauseCode::ApplyDependency, object.clone(), sentence)
                .since(ready.since)
        });
        return Ok(Outcome::found(stage, finding.proof(proof)));
    }
    match helm::failure(place, one) {
        None => Ok(Outcome::found(stage, helm::working(place, one, ready))),
        Some(mut finding) => {
            if helm::is_rolled_back(one) {
                finding.turn = State::RolledBack;
            }
            Ok(Outcome::found(stage, finding))
        }
    }
}

/// What a hand changed after what applies the object was last reconciled well: only that sets it back.
pub fn by_hand(edited: Option<&Edited>, confirmed: Option<Timestamp>) -> Option<&Edited> {
    edited.filter(|edited| confirmed.is_none_or(|at| at < edited.at))
}

/// Somebody changed an object that Flux applies, with a tool.
pub fn edited_by(object: api::ObjectRef, edited: &Edited) -> Finding {
    let sentence = Sentence::default()
        .object(&object)
        .words(" was changed by hand, with ")
        .name(&edited.manager)
        .words(", ")
        .instant(edited.at)
        .words(", after Flux had applied what Git declares");
    let proof = evidence::evidence(
        &object,
        "metadata.managedFields",
        &edited.manager,
        Some(edited.at),
    );
    Finding::blocked(CauseCode::RolloutDrifted, object, sentence)
        .since(Some(edited.at))
        .proof([proof])
}

/// Whether the release's values name an image of the app, and one that does not contain the commit.
fn is_behind(case: &Case<'_, '_>, one: &HelmRelease) -> Learned<bool> {
    if case.is_configuration() {
        return Ok(false);
    }
    let named = one
        .images
        .iter()
        .map(|image| ImageReference::parse(image))
        .find(|image| image.repository == case.target.image.repository);
    match named {
        Some(image) if image.tag.is_some() || image.digest.is_some() => {
            Ok(!images::contents(case.view, case.key, case.commit, &image)?.contains())
        }
        _ => Ok(false),
    }
}
