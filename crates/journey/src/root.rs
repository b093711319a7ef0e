//! Why an object of Flux's is not ready, down to the first thing that is not merely waiting for another.
//!
//! Owns the walk along dependsOn, with circles found, and the chain it leaves behind. Which object a health check waits
//! for is read in `culprit`.

pub mod culprit;

use api::journey::ChainLink;
use api::{ObjectRef, Sentence, Span, State};
use facts::flux::{HelmRelease, Kustomization};
use facts::meta::{Condition, Key, Kind, Reference, Status};
use jiff::Timestamp;

use crate::causes::CauseCode;
use crate::conditions::{believed, is_true};
use crate::evidence;
use crate::finding::{Finding, when};
use crate::messages;
use crate::route;
use crate::stages::{helm, source};
use crate::view::{Gap, Learned, Place};

/// How long a chain of objects that wait for each other may be.
const DEPTH: usize = 32;

/// How many objects are looked at: a wide web of dependencies has more ways through it than anybody waits for.
const STEPS: usize = 4096;

/// The objects passed on the way down.
#[derive(Default)]
pub struct Seen {
    path: Vec<(Kind, Key)>,
    steps: usize,
}

impl Seen {
    /// Steps on an object; false if we stand on it already.
    fn step(&mut self, kind: Kind, key: &Key) -> Learned<bool> {
        self.steps += 1;
        if self.path.len() >= DEPTH || self.steps > STEPS {
            return Err(Gap::new(
                "too many objects wait for each other to follow them all",
            ));
        }
        if self.path.iter().any(|one| one.0 == kind && one.1 == *key) {
            return Ok(false);
        }
        self.path.push((kind, key.clone()));
        Ok(true)
    }

    fn back(&mut self) {
        self.path.pop();
    }
}

/// One step of a chain.
fn link(object: &ObjectRef, says: impl Into<String>, root: bool) -> ChainLink {
    ChainLink {
        object: object.clone(),
        says: says.into(),
        root,
    }
}

/// Makes a finding the root of a chain, unless it has one.
fn rooted(mut finding: Finding, says: &str) -> Finding {
    if finding.chain.is_empty() {
        finding
            .chain
            .push(link(&finding.object.clone(), says, true));
    }
    finding
}

/// What every sentence of something that waits says after its object.
const WAITS: &str = " waits";

/// Puts an object that waits on top of what it waits for. The sentence names the two ends: what stands between them is
/// in the chain.
pub fn waits(waiting: &ObjectRef, says: &str, mut root: Finding) -> Finding {
    // A root's sentence that already begins with another that waits: two spans, then the root itself.
    let waits_already = matches!(
        root.sentence.0.as_slice(),
        [Span::Object { .. }, Span::Words { text }, ..] if text.starts_with(WAITS) && text.ends_with("for ")
    );
    let (between, told) = if waits_already {
        let between = root.chain.iter().filter(|link| !link.root).count();
        (between, Sentence(root.sentence.0.split_off(2)))
    } else {
        (0, which(&root))
    };
    root.chain.insert(0, link(waiting, says, false));
    root.sentence = Sentence::default()
        .object(waiting)
        .words(match between {
            0 => format!("{WAITS} for "),
            1 => format!("{WAITS}, behind another, for "),
            more => format!("{WAITS}, behind {more} others, for "),
        })
        .then(told);
    root
}

/// A finding as part of another's sentence: its object, "which", and what is wrong with it.
fn which(finding: &Finding) -> Sentence {
    let spans = &finding.sentence.0;
    match spans.split_first() {
        Some((Span::Object { object }, rest)) if *object == finding.object => {
            let mut sentence = Sentence::default().object(object).words(", which");
            sentence.0.extend(rest.iter().cloned());
            sentence
        }
        _ => finding.sentence.clone(),
    }
}

/// Of several things that are waited for, the one to name: what is broken, else what is unknown, else what moves.
fn worst(candidates: Vec<Learned<Option<Finding>>>) -> Learned<Option<Finding>> {
    let mut moving = None;
    let mut gap = None;
    for candidate in candidates {
        match candidate {
            Ok(Some(finding)) if !matches!(finding.turn, State::Moving | State::Waiting) => {
                return Ok(Some(finding));
            }
            Ok(Some(finding)) => {
                moving.get_or_insert(finding);
            }
            Ok(None) => {}
            Err(why) => {
                gap.get_or_insert(why);
            }
        }
    }
    match gap {
        Some(gap) => Err(gap),
        None => Ok(moving),
    }
}

/// Why the dependencies of a Kustomization do not let it go on.
pub fn of_dependencies(
    place: Place<'_>,
    waiting: &Kustomization,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    seen.step(Kind::Kustomization, &waiting.meta.key())?;
    let mut found = Vec::new();
    for dependency in &waiting.depends_on {
        found.push(kustomization_dependency(place, waiting, dependency, seen));
    }
    let object = evidence::object(place, "Kustomization", &waiting.meta.key());
    Ok(worst(found)?.map(|root| waits(&object, "waits for its dependency", root)))
}

fn kustomization_dependency(
    place: Place<'_>,
    waiting: &Kustomization,
    dependency: &Reference,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    if dependency.kind == "HelmRelease" {
        return helm_dependency(place, dependency, seen);
    }
    let key = dependency.key();
    let found = place.kustomization(&key);
    let Some(found) = place.object(found, Kind::Kustomization, &key.namespace)? else {
        return Ok(Some(missing(place, dependency)));
    };
    let object = evidence::referred(place, dependency);
    if !seen.step(Kind::Kustomization, &key)? {
        return Ok(Some(circle(object)));
    }
    let trouble = kustomization(place, found, seen);
    seen.back();
    if let Some(finding) = trouble? {
        return Ok(Some(finding));
    }
    // Flux also waits until a dependency on the same source has applied the same revision.
    if found.source == waiting.source {
        let Some(source) = route::source(place, &found.source)? else {
            return Ok(None);
        };
        let newest = source.artifact.as_ref().map(|artifact| &artifact.revision);
        if newest.is_some() && found.applied.as_ref() != newest {
            if found.suspended {
                return Ok(Some(rooted(suspended(object), "is suspended")));
            }
            let sentence = Sentence::default()
                .object(&object)
                .words(" has not applied the newest revision yet");
            let proof = evidence::evidence(
                &object,
                "status.lastAppliedRevision",
                found
                    .applied
                    .as_ref()
                    .map_or("none", |one| one.text.as_str()),
                None,
            );
            return Ok(Some(rooted(
                Finding::moving(CauseCode::ApplyDependency, object, sentence).proof([proof]),
                "has not applied the newest revision yet",
            )));
        }
    }
    Ok(None)
}

/// Why the dependencies of a HelmRelease do not let it go on.
pub fn of_helm_dependencies(
    place: Place<'_>,
    waiting: &HelmRelease,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    seen.step(Kind::HelmRelease, &waiting.meta.key())?;
    let mut found = Vec::new();
    for dependency in &waiting.depends_on {
        found.push(helm_dependency(place, dependency, seen));
    }
    let object = evidence::object(place, "HelmRelease", &waiting.meta.key());
    Ok(worst(found)?.map(|root| waits(&object, "waits for its dependency", root)))
}

fn helm_dependency(
    place: Place<'_>,
    dependency: &Reference,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    let key = dependency.key();
    let found = place.helm_release(&key);
    let Some(found) = place.object(found, Kind::HelmRelease, &key.namespace)? else {
        return Ok(Some(missing(place, dependency)));
    };
    if !seen.step(Kind::HelmRelease, &key)? {
        return Ok(Some(circle(evidence::referred(place, dependency))));
    }
    let trouble = helm_release(place, found, seen);
    seen.back();
    trouble
}

fn missing(place: Place<'_>, dependency: &Reference) -> Finding {
    let object = evidence::referred(place, dependency);
    let sentence = Sentence::default().object(&object).words(" does not exist");
    rooted(
        Finding::blocked(CauseCode::ApplyDependency, object, sentence),
        "does not exist",
    )
}

fn circle(object: ObjectRef) -> Finding {
    let sentence = Sentence::default()
        .object(&object)
        .words(" waits in a circle for what waits for it");
    rooted(
        Finding::blocked(CauseCode::ApplyDependency, object, sentence),
        "waits in a circle",
    )
}

/// Suspended, by whom it may be.
pub fn suspended(object: ObjectRef) -> Finding {
    let sentence = Sentence::default()
        .object(&object)
        .words(" is suspended and applies nothing");
    let proof = evidence::evidence(&object, "spec.suspend", "true", None);
    Finding::blocked(CauseCode::ApplySuspended, object, sentence).proof([proof])
}

/// How an object stands before its own words count.
enum Standing<'a> {
    /// Nothing is wrong with it.
    Ready,
    /// It does not say why it is not ready: it is suspended, or was never reconciled.
    Silent(Box<Finding>),
    /// It says why it is not ready.
    Says(&'a Condition),
}

fn standing<'a>(
    object: &ObjectRef,
    ready: Option<&'a Condition>,
    is_suspended: bool,
) -> Standing<'a> {
    match ready {
        Some(ready) if ready.status == Status::True => Standing::Ready,
        _ if is_suspended => {
            Standing::Silent(Box::new(rooted(suspended(object.clone()), "is suspended")))
        }
        Some(ready) => Standing::Says(ready),
        None => {
            let sentence = Sentence::default()
                .object(object)
                .words(" has not been reconciled yet");
            let pending = Finding::moving(CauseCode::ApplyPending, object.clone(), sentence);
            Standing::Silent(Box::new(rooted(pending, "has not been reconciled yet")))
        }
    }
}

/// Why a Kustomization is not ready; `None` if it is.
pub fn kustomization(
    place: Place<'_>,
    one: &Kustomization,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta);
    let ready = match standing(&object, ready, one.suspended) {
        Standing::Says(ready) => ready,
        Standing::Ready => return Ok(None),
        Standing::Silent(finding) => return Ok(Some(*finding)),
    };
    if ready.reason == "DependencyNotReady" {
        return Ok(Some(dependency_not_ready(place, one, ready, seen)?));
    }
    let checking = ready.status == Status::Unknown;
    if (ready.reason == "HealthCheckFailed" || checking)
        && let Some(deeper) = culprit::culprit(place, one, ready, seen)?
        && (!checking || deeper.turn == State::Blocked)
    {
        let mut deeper = deeper;
        deeper.chain.insert(
            0,
            link(&object, "is not ready, because of what it applied", false),
        );
        return Ok(Some(deeper));
    }
    Ok(Some(rooted(own(place, one, ready), &ready.reason)))
}

/// A Kustomization that says that a dependency is not ready, followed down.
fn dependency_not_ready(
    place: Place<'_>,
    one: &Kustomization,
    ready: &Condition,
    seen: &mut Seen,
) -> Learned<Finding> {
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let mut found = Vec::new();
    for dependency in &one.depends_on {
        found.push(kustomization_dependency(place, one, dependency, seen));
    }
    Ok(behind(object, ready, worst(found)?))
}

/// An object that says it waits for a dependency: behind the root of that, if one is left.
fn behind(object: ObjectRef, ready: &Condition, root: Option<Finding>) -> Finding {
    if let Some(root) = root {
        return waits(&object, "waits for its dependency", root);
    }
    // What it waited for is ready by now; it looks again every 30 seconds.
    let sentence = Sentence::default()
        .object(&object)
        .words(" waited for a dependency that is ready now");
    let proof = evidence::condition(&object, ready);
    rooted(
        Finding::waiting(CauseCode::ApplyDependency, object, sentence)
            .since(ready.since)
            .proof(proof),
        "waited for a dependency that is ready now",
    )
}

/// A Kustomization's own failure or work, in its own words.
pub fn own(place: Place<'_>, one: &Kustomization, ready: &Condition) -> Finding {
    let object = evidence::object(place, "Kustomization", &one.meta.key());
    let proof = evidence::condition(&object, ready);
    if ready.status != Status::False {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is being reconciled");
        let sentence = match ready.since {
            Some(since) => sentence.words(", begun ").instant(since),
            None => sentence,
        };
        return Finding::moving(CauseCode::ApplyRunning, object, sentence)
            .since(ready.since)
            .proof(proof);
    }
    let code = messages::kustomization(&ready.reason, &ready.message);
    let first = failing_since(place, one, ready);
    let since = first.or(ready.since);
    let first = first.map(|at| {
        let field = "status.history[0].firstReconciled";
        evidence::evidence(&object, field, at.to_string(), Some(at))
    });
    let sentence = Sentence::default().object(&object).words(match code {
        CauseCode::ApplyHealthCheckFailed => " is live, but its health check failed",
        CauseCode::ApplyPruneFailed => " is live, but failed to delete what left Git",
        CauseCode::ApplyPathMissing => " found no folder at its path",
        CauseCode::ApplyBuildFailed => " failed to build its manifests",
        CauseCode::ApplyDecryptionFailed => " failed to decrypt its secrets",
        _ => " failed to apply",
    });
    let sentence = when(sentence, since)
        .words(": ")
        .then(messages::telling(code, &ready.message));
    let stalled = is_true(
        &one.conditions,
        "Stalled",
        one.observed_generation,
        &one.meta,
    );
    let interval = one.retry_interval.or(one.interval);
    let next = (!stalled).then(|| api::journey::NextAttempt {
        at: place.next_tick(ready.since, interval),
        who: object.clone(),
        what: "tries again".to_owned(),
    });
    Finding::blocked(code, object, sentence)
        .since(since)
        .proof(proof)
        .proof(first)
        .next(next)
}

/// When a Kustomization first failed at what it fails at now, where that is before its condition's own time: the
/// condition turns at every attempt. The manifests may be known for longer than the revision that is attempted, and may
/// have been fine then: the revision's own fetch is the earliest that counts, and one that was applied once says nothing.
fn failing_since(place: Place<'_>, one: &Kustomization, ready: &Condition) -> Option<Timestamp> {
    let newest = one.history.first()?;
    let is_same = newest.status == ready.reason
        && newest.revision == one.attempted
        && one.attempted != one.applied;
    let source = route::source(place, &one.source).ok().flatten()?;
    let artifact = source.artifact.as_ref()?;
    let is_told = is_same && Some(&artifact.revision) == one.attempted.as_ref();
    let since = newest.first?.max(artifact.updated?);
    (is_told && ready.since.is_none_or(|at| since < at)).then_some(since)
}

/// Why a HelmRelease is not ready; `None` if it is.
pub fn helm_release(
    place: Place<'_>,
    one: &HelmRelease,
    seen: &mut Seen,
) -> Learned<Option<Finding>> {
    let object = evidence::object(place, "HelmRelease", &one.meta.key());
    let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta);
    let ready = match standing(&object, ready, one.suspended) {
        Standing::Says(ready) => ready,
        Standing::Ready => return Ok(None),
        Standing::Silent(finding) => return Ok(Some(*finding)),
    };
    if ready.reason == "DependencyNotReady" {
        let mut found = Vec::new();
        for dependency in &one.depends_on {
            found.push(helm_dependency(place, dependency, seen));
        }
        return Ok(Some(behind(object, ready, worst(found)?)));
    }
    if let Some(chart) = source::chart_trouble(place, one)? {
        let mut chart = rooted(chart, "cannot be fetched");
        chart.chain.insert(0, link(&object, "has no chart", false));
        return Ok(Some(chart));
    }
    let failure = helm::failure(place, one);
    if let Some(failure) = &failure
        && failure.code == CauseCode::ApplyHelmFailed
        && helm::timed_out(one)
        && let Some(deeper) = culprit::of_release(place, one)?
    {
        let mut deeper = rooted(deeper, "is not ready");
        deeper.chain.insert(
            0,
            link(&object, "timed out waiting for its workloads", false),
        );
        return Ok(Some(deeper));
    }
    Ok(Some(match failure {
        Some(failure) => rooted(failure, &ready.reason),
        None => rooted(helm::working(place, one, ready), "is being reconciled"),
    }))
}
