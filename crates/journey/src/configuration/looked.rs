//! What reads ConfigMaps and Secrets, and whether it has looked at them since a commit changed them.
//!
//! Owns that neither a Kustomization nor a HelmRelease looks at what it reads before its next tick, and that nothing says
//! which content was read: only when the last look began.

use std::collections::BTreeSet;

use api::journey::NextAttempt;
use api::{ObjectRef, Sentence};
use facts::code::{Commit, Named};
use facts::flux::Kustomization;
use facts::meta::{Kind, Reference};
use jiff::{SignedDuration, Timestamp};

use super::Way;
use super::made_of::{Above, concerns, declarer, named};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::root;
use crate::route::Configuration;
use crate::stages::{Case, release};
use crate::view::Learned;
use crate::view::Place;

/// Who reads, and when it looked last.
struct Reader<'a> {
    object: ObjectRef,
    reads: &'a [Reference],
    suspended: bool,
    /// When its last look began that went well and left a trace.
    looked: Option<Timestamp>,
    interval: Option<SignedDuration>,
    /// Whether a look that finds nothing new leaves no trace.
    is_silent: bool,
}

/// How long after its time a look may take.
const LOOK: SignedDuration = SignedDuration::from_mins(1);

impl Reader<'_> {
    /// When it looks next after what it reads is there.
    fn tick(&self, since: Timestamp) -> Option<Timestamp> {
        since.checked_add(self.interval?).ok()
    }

    /// Whether it has looked since then. Whoever asks knows that its last look did not fail.
    fn has_looked(&self, since: Timestamp, place: Place<'_>) -> bool {
        let due = self
            .tick(since)
            .and_then(|tick| tick.checked_add(LOOK).ok());
        self.looked.is_some_and(|at| at >= since)
            || self.is_silent && due.is_some_and(|due| place.is_past(due))
    }
}

/// What reads a ConfigMap or Secret that the commit changes, and has not looked at it since that was applied.
pub fn not_yet(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    above: &[Above<'_>],
    known: &Commit,
) -> Learned<Option<Finding>> {
    let place = case.target.place;
    let by_kustomization = way.path.kustomization.map(|one| Reader {
        object: evidence::object(place, Kind::Kustomization.name(), &one.meta.key()),
        reads: &one.substitutes,
        suspended: one.suspended,
        looked: one.confirmed_begun(),
        interval: one.interval,
        is_silent: false,
    });
    let by_helm = way.path.helm.map(|one| Reader {
        object: evidence::object(place, Kind::HelmRelease.name(), &one.meta.key()),
        reads: &one.values_from,
        suspended: one.suspended,
        looked: one.history.first().and_then(|release| release.last),
        interval: one.interval,
        is_silent: true,
    });
    for reader in by_kustomization.into_iter().chain(by_helm) {
        let Some((since, read)) = applied(case, way, above, known, reader.reads)? else {
            continue;
        };
        if reader.has_looked(since, place) {
            continue;
        }
        return Ok(Some(match reader.suspended {
            true => root::suspended(reader.object),
            false => waiting(case, reader, since, &read),
        }));
    }
    Ok(None)
}

fn waiting(case: &Case<'_, '_>, reader: Reader<'_>, since: Timestamp, read: &[String]) -> Finding {
    let tick = reader.tick(since);
    let sentence = Sentence::default()
        .object(&reader.object)
        .words(" has not looked at ")
        .name(read.join(", "))
        .words(" since it was applied");
    let next = NextAttempt {
        at: tick.filter(|tick| !case.target.place.is_past(*tick)),
        who: reader.object.clone(),
        what: "looks again".to_owned(),
    };
    Finding::waiting(CauseCode::ApplyPending, reader.object, sentence)
        .since(Some(since))
        .next(Some(next))
}

/// Which of what is read the commit changes, and since when that is applied.
fn applied(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    above: &[Above<'_>],
    known: &Commit,
    reads: &[Reference],
) -> Learned<Option<(Timestamp, Vec<String>)>> {
    let ours = release::unpacked(case, &way.place)?;
    let ours = way.path.kustomization.map(|one| (one, &ours));
    let others = above
        .iter()
        .filter_map(|one| Some((one.path.kustomization?, &one.place)));
    let mut found: Option<(Timestamp, Vec<String>)> = None;
    for (one, at) in ours.into_iter().chain(others) {
        for read in reads.iter().filter(|read| !is_of_content(&read.name)) {
            let applier = declarer(case.target.place, read)?;
            let is_its = applier.is_some_and(|applier| applier.meta.key() == one.meta.key());
            let object: BTreeSet<Named> = [named(read)].into();
            if !is_its || !concerns(case, at, one, &object)? {
                continue;
            }
            let since = built_since(case, at, one)?.unwrap_or(known.at);
            let (latest, names) = found.get_or_insert((since, Vec::new()));
            *latest = since.max(*latest);
            names.push(format!("{} {}", read.kind, read.name));
        }
    }
    Ok(found)
}

/// When a Kustomization first built what contains the commit.
fn built_since(
    case: &Case<'_, '_>,
    at: &Configuration,
    one: &Kustomization,
) -> Learned<Option<Timestamp>> {
    let mut since: Option<Timestamp> = None;
    for entry in &one.history {
        let revision = entry
            .revision
            .as_ref()
            .and_then(|revision| revision.commit());
        let (Some(revision), Some(first)) = (revision, entry.first) else {
            continue;
        };
        if case.view.contained(&at.repository, case.commit, revision)? {
            since = Some(since.map_or(first, |since| since.min(first)));
        }
    }
    Ok(since)
}

/// Whether kustomize has made a name from the content, with ten characters of its own alphabet at the end: then what reads
/// it changes with it, and no look is waited for.
fn is_of_content(name: &str) -> bool {
    const DIGITS: &str = "ghk2456789mbcdtf";
    name.rsplit_once('-')
        .is_some_and(|(_, hash)| hash.len() == 10 && hash.chars().all(|one| DIGITS.contains(one)))
}
