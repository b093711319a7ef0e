//! What Flux' own histories tell: which commit brought a rollout, and what was applied without one.
//!
//! Owns the pairing in time of what Flux applied with the rollouts that followed from it.

use std::collections::{BTreeMap, BTreeSet};

use api::history::{Change, ChangeKind};
use api::{ObjectRef, Sentence};
use facts::flux::{HelmRelease, Kustomization, Snapshot};
use facts::meta::{Key, Kind};
use jiff::{SignedDuration, Timestamp};

use super::{Draft, Told};
use crate::discover::{Target, Targets};
use crate::environment;
use crate::evidence;
use crate::route::{self, owner};
use crate::view::{Place, View};

/// A rollout begins while Flux applies; Flux writes its history down when it has looked at the health of what it
/// applied, which takes as long as the rollout does.
const WRITTEN_LATE: SignedDuration = SignedDuration::from_mins(15);
/// Clocks and watches need not be in step.
const SLACK: SignedDuration = SignedDuration::from_secs(30);
/// Helm writes its release before it applies it, and the rollout follows at once.
const AFTER_HELM: SignedDuration = SignedDuration::from_mins(5);

/// Says of each rollout which commit of Git brought it, and adds what was applied without one.
pub fn attach(view: &View<'_>, all: &Targets<'_>, place: Place<'_>, told: &mut Told<'_>) {
    let by = Appliers::new(all, place);
    for release in place.helm_releases() {
        if place
            .whole(Kind::HelmRelease, &release.meta.namespace)
            .is_ok()
        {
            of_helm(&by, place, release, told);
        }
    }
    for one in place.kustomizations() {
        if place
            .whole(Kind::Kustomization, &one.meta.namespace)
            .is_ok()
        {
            of_kustomization(view, all, &by, place, one, told);
        }
    }
}

fn of_helm(by: &Appliers<'_>, place: Place<'_>, release: &HelmRelease, told: &mut Told<'_>) {
    let key = release.meta.key();
    let installed = by.installed.get(&key).map_or(&[][..], Vec::as_slice);
    let objects = workloads(installed);
    let object = evidence::object(place, "HelmRelease", &key);
    for (index, one) in release.history.iter().enumerate().rev() {
        // What was first installed changed nothing that was there; an older one may have been forgotten.
        let Some(at) = one.last.or(one.first) else {
            continue;
        };
        let went_well = matches!(one.status.as_str(), "deployed" | "superseded");
        let window = (at.checked_sub(SLACK), at.checked_add(AFTER_HELM));
        let mut is_told = false;
        let rollouts: Vec<&mut Draft<'_>> = told
            .rollouts(&objects, window)
            // The oldest release that may have brought it did.
            .filter_map(|draft| {
                (!std::mem::replace(&mut draft.is_installed, true)).then_some(draft)
            })
            .collect();
        for (draft, is_last) in with_the_last(rollouts) {
            // What was rolled out before it in the same time somebody else began.
            draft.change.arrived |= is_last && went_well && release.waits;
            is_told = true;
        }
        if is_told || one.version <= 1 {
            continue;
        }
        let sentence = Sentence::default()
            .object(&object)
            .words(" ")
            .words(if went_well {
                "installed chart "
            } else {
                "tried chart "
            })
            .name(&one.chart_version)
            .words(format!(" as release {}", one.version));
        let change = Change {
            id: format!(
                "{}/{object}/{}/{}",
                place.name, release.meta.uid, one.version
            ),
            kind: ChangeKind::Configuration,
            at,
            at_latest: false,
            arrived: went_well && release.waits,
            app: only(installed.iter().map(|target| target.app.clone())),
            environment: only(installed.iter().map(|target| target.environment.clone())),
            cluster: place.name.to_owned(),
            object: object.clone(),
            image: None,
            before: None,
            commit: None,
            release: None,
            by: None,
            sentence,
            evidence: vec![
                evidence::evidence(
                    &object,
                    format!("status.history[{index}].chartVersion"),
                    &one.chart_version,
                    Some(at),
                ),
                evidence::evidence(
                    &object,
                    format!("status.history[{index}].status"),
                    &one.status,
                    Some(at),
                ),
            ],
        };
        told.add(Draft::bare(change));
    }
}

fn of_kustomization(
    view: &View<'_>,
    all: &Targets<'_>,
    by: &Appliers<'_>,
    place: Place<'_>,
    one: &Kustomization,
    told: &mut Told<'_>,
) {
    let key = one.meta.key();
    let applied = by.applied.get(&key).map_or(&[][..], Vec::as_slice);
    let objects = workloads(applied);
    let object = evidence::object(place, "Kustomization", &key);
    let configuration = route::place_of(view, place, one).ok().flatten();
    let first = one.history.iter().filter_map(|entry| entry.first).min();
    let mut entries: Vec<(usize, &Snapshot)> = one.history.iter().enumerate().collect();
    entries.sort_by_key(|(_, entry)| entry.first);
    for (index, entry) in entries {
        // What came back keeps the time when it was there first.
        let Some(at) = entry.first.filter(|_| !came_back(one, index)) else {
            continue;
        };
        let release = configuration.as_ref().and_then(|place| {
            let sha = entry.revision.as_ref()?.commit()?;
            Some((place.repository.clone(), sha.to_owned()))
        });
        let went_well = entry.status == "ReconciliationSucceeded";
        let window = (at.checked_sub(written_late(entry)), at.checked_add(SLACK));
        let mut is_told = false;
        let rollouts: Vec<&mut Draft<'_>> = told
            .rollouts(&objects, window)
            // The oldest entry that may have brought it did.
            .filter_map(|draft| (!std::mem::replace(&mut draft.is_applied, true)).then_some(draft))
            .collect();
        for (draft, is_last) in with_the_last(rollouts) {
            is_told = true;
            // What was rolled out before it in the same time somebody else began.
            if !is_last {
                continue;
            }
            draft.change.arrived |= went_well && one.verifies;
            draft.release.clone_from(&release);
            draft
                .change
                .evidence
                .push(revision(&object, index, entry, at));
        }
        // The oldest that is still told changed something that nobody can tell any more.
        if is_told || Some(at) == first || !went_well {
            continue;
        }
        let sentence = Sentence::default().object(&object).words(" applied ");
        let sentence = match &release {
            Some((repository, sha)) => sentence.commit(repository, sha),
            None => sentence.name(entry.revision.as_ref().map_or("", |one| one.name())),
        };
        let change = Change {
            id: format!("{}/{object}/{}/{}", place.name, one.meta.uid, entry.digest),
            kind: ChangeKind::Configuration,
            at,
            at_latest: false,
            arrived: went_well && one.verifies,
            app: only(applied.iter().map(|target| target.app.clone())),
            environment: only(applied.iter().map(|target| target.environment.clone())).or_else(
                || {
                    only(
                        environment::of_cluster(view.team(), all, place)
                            .iter()
                            .cloned(),
                    )
                },
            ),
            cluster: place.name.to_owned(),
            object: object.clone(),
            image: None,
            before: None,
            commit: None,
            release: None,
            by: None,
            sentence,
            evidence: vec![revision(&object, index, entry, at)],
        };
        let mut draft = Draft::bare(change);
        draft.release = release;
        told.add(draft);
    }
}

fn revision(
    object: &ObjectRef,
    index: usize,
    entry: &Snapshot,
    at: Timestamp,
) -> api::journey::Evidence {
    let text = entry.revision.as_ref().map_or("", |one| one.text.as_str());
    let field = format!("status.history[{index}].metadata.revision");
    evidence::evidence(object, field, text, Some(at))
}

/// Whether manifests were applied before, and again later: something else is told to be older, and began after them.
fn came_back(one: &Kustomization, index: usize) -> bool {
    let first = one.history.get(index).and_then(|entry| entry.first);
    let mut older = one.history.iter().skip(index + 1);
    older.any(|entry| entry.first >= first)
}

/// How long before it wrote its history Flux may have applied.
fn written_late(entry: &Snapshot) -> SignedDuration {
    let took = entry.took.unwrap_or_default();
    took.saturating_add(SLACK).max(WRITTEN_LATE)
}

/// The targets of one cluster by what applies them.
struct Appliers<'a> {
    /// By HelmRelease.
    installed: BTreeMap<Key, Vec<Target<'a>>>,
    /// By the Kustomization that applies them, or the HelmRelease that installs them.
    applied: BTreeMap<Key, Vec<Target<'a>>>,
}

impl<'a> Appliers<'a> {
    fn new(all: &Targets<'a>, place: Place<'_>) -> Self {
        let mut by = Self {
            installed: BTreeMap::new(),
            applied: BTreeMap::new(),
        };
        for target in all.all().filter(|one| one.place.name == place.name) {
            let meta = &target.applied.meta;
            let helm = owner(meta, "helm.toolkit.fluxcd.io");
            let through = helm
                .as_ref()
                .and_then(|key| place.helm_release(key))
                .and_then(|helm| owner(&helm.meta, "kustomize.toolkit.fluxcd.io"));
            if let Some(key) = through.or_else(|| owner(meta, "kustomize.toolkit.fluxcd.io")) {
                by.applied.entry(key).or_default().push(target);
            }
            if let Some(key) = helm {
                by.installed.entry(key).or_default().push(target);
            }
        }
        by
    }
}

fn workloads(targets: &[Target<'_>]) -> Vec<ObjectRef> {
    let named = targets
        .iter()
        .map(|one| evidence::workload(one.place, one.workload));
    named.collect()
}

/// Each rollout, and whether it is the last one of its object.
fn with_the_last<'d, 'v>(rollouts: Vec<&'d mut Draft<'v>>) -> Vec<(&'d mut Draft<'v>, bool)> {
    let mut last: BTreeMap<ObjectRef, Timestamp> = BTreeMap::new();
    for draft in &rollouts {
        let at = last
            .entry(draft.change.object.clone())
            .or_insert(draft.change.at);
        *at = draft.change.at.max(*at);
    }
    let is_last = |draft: &Draft<'v>| last.get(&draft.change.object) == Some(&draft.change.at);
    let rollouts = rollouts.into_iter();
    rollouts
        .map(|draft| {
            let is_last = is_last(draft);
            (draft, is_last)
        })
        .collect()
}

/// The one of several that are all the same.
fn only(names: impl IntoIterator<Item = String>) -> Option<String> {
    let names: BTreeSet<String> = names.into_iter().collect();
    let mut names = names.into_iter();
    names.next().filter(|_| names.next().is_none())
}
