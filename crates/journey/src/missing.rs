//! What an answer cannot speak of: what could not be read, what is gone, and where a commit cannot be followed to.
//!
//! Owns that nothing is only missing from an answer: a target that is not there would read as one that is well.

use std::collections::BTreeMap;

use api::Sentence;
use facts::flux::Kustomization;
use facts::meta::{Kind, Reference};
use facts::{Coverage, Reach};

use crate::discover::{Target, Targets};
use crate::environment::of_namespace;
use crate::evidence;
use crate::route::{Route, route};
use crate::verdict::configured_by;
use crate::view::{Gap, Place, View};

/// Targets that a configuration commit may reach and that it cannot be followed to: a target that is only missing from
/// the answer would read as one that the commit does not concern.
pub fn unfollowed<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    chosen: &[Target<'a>],
    key: &str,
) -> Vec<Sentence> {
    let configures = |target: &Target<'a>| configured_by(view, target, key).is_some();
    let is_configuration = all.built_from(key).next().is_none() || all.all().iter().any(configures);
    if !is_configuration {
        return Vec::new();
    }
    let mut lost: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for target in chosen {
        if !matches!(&target.source, Ok(Some(source)) if source == key)
            && let Some(why) = lost_at(view, target)
        {
            let apps = lost.entry((&target.environment, why)).or_default();
            apps.push(&target.app);
        }
    }
    lost.into_iter()
        .map(|((environment, why), mut apps)| {
            apps.dedup();
            let more = apps.len().saturating_sub(NAMED);
            apps.truncate(NAMED);
            let mut sentence = Sentence::default().words("Whether it reaches ");
            for (index, app) in apps.iter().enumerate() {
                let between = if index == 0 { "" } else { ", " };
                sentence = sentence.words(between).name(*app);
            }
            if more > 0 {
                sentence = sentence.words(format!(" and {more} more"));
            }
            sentence
                .words(" in ")
                .name(environment)
                .words(" is not known: ")
                .quote(why)
                .words(".")
        })
        .collect()
}

/// How many apps are named that a commit cannot be followed to.
const NAMED: usize = 3;

/// Where the way from Git to a target is lost, in words; `None` where it is known, or known not to exist.
fn lost_at<'a>(view: &View<'a>, target: &Target<'a>) -> Option<String> {
    let known = |gap: Gap| (!gap.pending).then_some(gap.why);
    match route(view, target) {
        Err(gap) => known(gap),
        Ok(Route::Gone(owner)) => Some(format!(
            "{} {}/{}, which applied it, does not exist",
            owner.kind, owner.namespace, owner.name
        )),
        Ok(Route::Nobody { .. }) => None,
        Ok(Route::Flux(path)) => match (path.configuration, path.source, path.kustomization) {
            (Err(gap), ..) => known(gap),
            (Ok(_), Ok(None), Some(one)) => Some(format!(
                "{} {}/{}, the source of Kustomization {}, does not exist",
                one.source.kind, one.source.namespace, one.source.name, one.meta.name
            )),
            _ => None,
        },
    }
}

/// The kinds that run an app.
const WORKLOADS: [Kind; 3] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];
/// The same of ECS: a service whose task definition cannot be read names no image.
const OF_ECS: [Kind; 2] = [Kind::EcsService, Kind::EcsTaskDefinition];

/// Workloads, and what applies them, that Flux lists among what it applied and that a cluster does not have any more: no
/// journey can speak of them, because nothing of them runs. `concerns` is asked with the name and the environment of each.
pub fn gone(view: &View<'_>, concerns: impl Fn(&str, &str) -> bool) -> Vec<Sentence> {
    let mut said = Vec::new();
    for place in view.places() {
        // What is applied to another cluster is not missed in this one.
        let here = |one: &&Kustomization| !one.remote;
        for one in place.facts.kustomizations.values().filter(here) {
            for entry in &one.inventory {
                let Some((kind, is_there)) = applied(place, entry) else {
                    continue;
                };
                let environment = of_namespace(&view.facts.team, place, &entry.namespace);
                let is_concerned = if WORKLOADS.contains(&kind) {
                    concerns(&entry.name, &environment)
                } else {
                    names(view, &entry.name).any(|(app, environment)| concerns(app, &environment))
                };
                if is_there || place.whole(kind, &entry.namespace).is_err() || !is_concerned {
                    continue;
                }
                let missing = Sentence::default().object(&evidence::referred(place, entry));
                let by = evidence::object(place, "Kustomization", &one.meta.key());
                said.push(if WORKLOADS.contains(&kind) {
                    missing
                        .words(" is not in ")
                        .name(&environment)
                        .words(" any more, though ")
                        .object(&by)
                        .words(" applied it: nothing of it runs there.")
                } else {
                    missing
                        .words(" is not in cluster ")
                        .name(place.name)
                        .words(" any more, though ")
                        .object(&by)
                        .words(" applied it: what it applied may have gone with it.")
                });
            }
        }
    }
    said
}

/// The kind of an entry that runs an app or applies one, and whether the object is there.
fn applied(place: Place<'_>, entry: &Reference) -> Option<(Kind, bool)> {
    let kind = Kind::from_name(&entry.kind)?;
    let key = entry.key();
    let is_there = match kind {
        Kind::Kustomization => place.facts.kustomizations.contains_key(&key),
        Kind::HelmRelease => place.facts.helm_releases.contains_key(&key),
        kind if WORKLOADS.contains(&kind) => place.facts.workloads.contains_key(&(kind, key)),
        _ => return None,
    };
    Some((kind, is_there))
}

/// The apps and environments that an object of Flux's may be for, by the custom of naming it after them: `shop`,
/// `shop-production`. A missing object says no more of itself.
fn names<'v>(view: &'v View<'_>, name: &'v str) -> impl Iterator<Item = (&'v str, String)> {
    let team = view.facts.team.environments.iter();
    let mut known: Vec<String> = team.map(|one| one.name.clone()).collect();
    if known.is_empty() {
        // Without a team file nobody knows what environments are called.
        known.push(String::new());
    }
    let environment = known.iter().find(|one| {
        !one.is_empty()
            && name
                .strip_suffix(one.as_str())
                .is_some_and(|rest| rest.ends_with('-'))
    });
    let candidates: Vec<String> =
        environment.map_or_else(|| known.clone(), |one| vec![one.clone()]);
    let parts = name.match_indices('-').map(|(at, _)| &name[..at]);
    parts
        .chain([name])
        .flat_map(move |app| candidates.clone().into_iter().map(move |one| (app, one)))
}

/// What could not be read at all: clusters that do not answer, kinds of workloads that may not be listed.
/// With `only`, of that cluster alone, and of accounts that the team file binds to no environment: their ECS clusters'
/// own names say where they belong, and those are not known before they are read.
pub fn unread(view: &View<'_>, all: &[Target<'_>], only: Option<&str>) -> Vec<Sentence> {
    let is_bound = |name: &str| {
        let mut environments = view.facts.team.environments.iter();
        environments.any(|one| one.cluster.as_deref() == Some(name))
    };
    let meant = |place: Place<'_>| {
        only.is_none_or(|only| only == place.name) || (place.is_ecs() && !is_bound(place.name))
    };
    let mut said = Vec::new();
    for place in view.places().filter(|place| meant(*place)) {
        let (workloads, what): (&[Kind], _) = if place.is_ecs() {
            (&OF_ECS, "Amazon ECS of ")
        } else {
            (&WORKLOADS, "Cluster ")
        };
        let cluster = Sentence::default().words(what).name(place.name);
        match &place.facts.reach {
            Reach::Connecting => {
                said.push(cluster.words(" has not answered yet: what runs there is not known."));
                continue;
            }
            Reach::Unreachable { error } => {
                said.push(
                    cluster
                        .words(" does not answer, so what runs there is not known: ")
                        .quote(error)
                        .words("."),
                );
                continue;
            }
            Reach::Answering | Reach::Lost { .. } => {}
        }
        let not_yet = |kind: &Kind| *place.facts.coverage(*kind, "") == Coverage::NotAsked;
        if workloads.iter().any(not_yet) {
            let sentence = cluster.clone();
            said.push(sentence.words(" is still being read: apps may be missing."));
        }
        for kind in workloads.iter().filter(|kind| !not_yet(kind)) {
            if let Err(gap) = place.whole(*kind, "") {
                said.push(
                    Sentence::default()
                        .words("Apps may be missing: ")
                        .quote(gap.why)
                        .words("."),
                );
            }
        }
    }
    for target in all.iter().filter(|target| meant(target.place)) {
        if let Err(gap) = &target.source
            && !gap.pending
        {
            said.push(
                Sentence::default()
                    .words("What ")
                    .object(&evidence::workload(target.place, target.workload))
                    .words(" is built from is not known: ")
                    .quote(&gap.why)
                    .words("."),
            );
        }
    }
    said
}
