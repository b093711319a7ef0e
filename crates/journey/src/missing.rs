//! What an answer cannot speak of: what could not be read, what is gone, and where a commit cannot be followed to.
//!
//! Owns that nothing is only missing from an answer: a target that is not there would read as one that is well.

mod idle;

use std::collections::{BTreeMap, BTreeSet};

use api::{Journey, ObjectRef, Sentence};
use facts::flux::{HelmRelease, Kustomization};
use facts::kubernetes::Workload;
use facts::meta::{Kind, Reference};
use facts::{Coverage, Reach};

use crate::discover::{Found, Target, Targets};
use crate::environment::{meant_for, of_cluster, of_namespace, same, without};
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
    let is_configuration =
        all.built_from(key).next().is_none() || all.all().any(|target| configures(&target));
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
pub const WORKLOADS: [Kind; 3] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];
/// The same of ECS: a service whose task definition cannot be read names no image.
const OF_ECS: [Kind; 2] = [Kind::EcsService, Kind::EcsTaskDefinition];
/// The kinds that say what should run: without them nothing of it is missed.
const APPLIERS: [Kind; 2] = [Kind::Kustomization, Kind::HelmRelease];

/// What is not there of what Flux should run or has applied: no journey can speak of it, because nothing of it runs.
/// `concerns` is asked with the app and the environment of each. What the journeys name as their cause is said.
pub fn gone<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    journeys: &[Journey],
    concerns: impl Fn(&str, &str) -> bool,
) -> Vec<Sentence> {
    let causes = journeys.iter().filter_map(|one| one.cause.as_ref());
    let causes: Vec<_> = causes.map(|cause| &cause.object).collect();
    let mut absences = Vec::new();
    for place in view.places() {
        let releases = place.helm_releases().map(Applier::Release);
        let appliers = releases.chain(place.kustomizations().map(Applier::Kustomization));
        let absent = appliers.map(|one| absence(view, all, (place, one), &causes, &concerns));
        absences.extend(absent);
    }
    said(absences.iter(), concerns)
}

/// What applies apps.
#[derive(Clone, Copy)]
pub enum Applier<'a> {
    /// A HelmRelease.
    Release(&'a HelmRelease),
    /// A Kustomization.
    Kustomization(&'a Kustomization),
}

/// What is not there of what one of them applied or should apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Absence {
    /// What it lists among what it applied, and the cluster does not have any more.
    lost: Vec<Sentence>,
    /// The app that it is for and that does not run.
    idle: Option<Idle>,
}

impl Absence {
    /// Whether all is there.
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.idle.is_none()
    }
}

/// An app that something is for, and that does not run there.
#[derive(Clone, Debug, PartialEq)]
struct Idle {
    cluster: String,
    app: String,
    /// The environment; several where it cannot be told which of a cluster's it is.
    environments: Vec<String>,
    sentence: Sentence,
}

/// What is not there of what one applied or should apply.
pub fn absence<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    (place, one): (Place<'a>, Applier<'a>),
    causes: &[&ObjectRef],
    concerns: &impl Fn(&str, &str) -> bool,
) -> Absence {
    let (lost, is_said) = match one {
        // What is applied to another cluster is not missed in this one.
        Applier::Kustomization(one) if !one.remote => {
            deleted(view, all, (place, one), causes, concerns)
        }
        _ => (Vec::new(), false),
    };
    let idle = (!is_said)
        .then(|| idle::idle(view, all, (place, one)))
        .flatten();
    Absence { lost, idle }
}

/// All that is absent, in words. Each missing app is said once, by what is nearest to it.
pub fn said<'l>(
    absences: impl Iterator<Item = &'l Absence> + Clone,
    concerns: impl Fn(&str, &str) -> bool,
) -> Vec<Sentence> {
    let lost = absences.clone().flat_map(|one| &one.lost).cloned();
    let mut sentences: Vec<Sentence> = lost.collect();
    let mut missed: BTreeSet<(&str, &str, &[String])> = BTreeSet::new();
    for idle in absences.filter_map(|one| one.idle.as_ref()) {
        let mut environments = idle.environments.iter();
        if environments.any(|one| concerns(&idle.app, one))
            && missed.insert((&idle.cluster, &idle.app, &idle.environments))
        {
            sentences.push(idle.sentence.clone());
        }
    }
    sentences
}

/// Workloads, Services, and what applies them, that a Kustomization lists among what it applied and that the cluster does
/// not have any more; and whether one of them is more than a Service.
fn deleted<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    (place, one): (Place<'a>, &'a Kustomization),
    causes: &[&ObjectRef],
    concerns: &impl Fn(&str, &str) -> bool,
) -> (Vec<Sentence>, bool) {
    let mut sentences = Vec::new();
    let mut is_said = false;
    for entry in &one.inventory {
        let Some((kind, false)) = applied(place, entry) else {
            continue;
        };
        if place.whole(kind, &entry.namespace).is_err()
            || causes.contains(&&evidence::referred(place, entry))
            || !is_concerned(view, all, place, one, (kind, entry), concerns)
        {
            continue;
        }
        sentences.push(lost(view, place, one, (kind, entry)));
        is_said |= kind != Kind::Service;
    }
    (sentences, is_said)
}

/// Whether an object that is gone may be part of what is asked about.
fn is_concerned<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    place: Place<'a>,
    by: &Kustomization,
    (kind, entry): (Kind, &Reference),
    concerns: &impl Fn(&str, &str) -> bool,
) -> bool {
    let environment = of_namespace(view.team(), place, &entry.namespace);
    let of_name = |environment: &str| {
        let rest = without(&entry.name, environment).unwrap_or(&entry.name);
        called(rest).any(|app| concerns(app, environment))
    };
    match kind {
        Kind::Service => {
            of_name(&environment) || {
                // Not named like any app, it may be for each that is applied together with it.
                let is_named = called(&entry.name).any(|name| all.name(name).is_some());
                let mut beside = all.all().filter(|target| {
                    target.place.name == place.name && is_listed(by, target.applied)
                });
                !is_named && beside.any(|target| concerns(&target.app, &target.environment))
            }
        }
        Kind::HelmRelease | Kind::Kustomization => {
            let namespace = (kind == Kind::HelmRelease).then_some(entry.namespace.as_str());
            let team = view.team();
            let known = of_cluster(team, all, place);
            let meant = meant_for(team, place, &known, (&entry.name, namespace, ""));
            meant.environments.iter().any(|one| of_name(one))
        }
        _ => concerns(&entry.name, &environment),
    }
}

fn is_listed(by: &Kustomization, workload: &Workload) -> bool {
    let key = workload.meta.key();
    let mut inventory = by.inventory.iter();
    inventory.any(|entry| entry.kind == workload.kind.name() && entry.key() == key)
}

/// An object that is gone, in words.
fn lost(
    view: &View<'_>,
    place: Place<'_>,
    one: &Kustomization,
    (kind, entry): (Kind, &Reference),
) -> Sentence {
    let missing = Sentence::default().object(&evidence::referred(place, entry));
    let by = evidence::object(place, "Kustomization", &one.meta.key());
    let environment = of_namespace(view.team(), place, &entry.namespace);
    let (missing, what) = match kind {
        Kind::Kustomization | Kind::HelmRelease => (
            missing.words(" is not in cluster ").name(place.name),
            " applied it: what it applied may have gone with it.",
        ),
        Kind::Service => (
            missing.words(" is not in ").name(&environment),
            " applied it: nothing is sent to pods under its name.",
        ),
        _ => (
            missing.words(" is not in ").name(&environment),
            " applied it: nothing of it runs there.",
        ),
    };
    missing.words(" any more, though ").object(&by).words(what)
}

/// The kind of an entry that runs an app, applies one or sends traffic to it, and whether the object is there.
pub fn applied(place: Place<'_>, entry: &Reference) -> Option<(Kind, bool)> {
    let kind = Kind::from_name(&entry.kind)?;
    let key = entry.key();
    let is_there = match kind {
        Kind::Kustomization => place.kustomization(&key).is_some(),
        Kind::HelmRelease => place.helm_release(&key).is_some(),
        Kind::Service => place.service(&key).is_some(),
        kind if WORKLOADS.contains(&kind) => place.workload(kind, &key).is_some(),
        _ => return None,
    };
    Some((kind, is_there))
}

/// The apps that an object may be for, by the custom of naming it after them: `shop`, `shop-api`, `team-shop`.
fn called(name: &str) -> impl Iterator<Item = &str> {
    let begins = name.match_indices('-').map(|(at, _)| &name[..at]);
    let ends = name.match_indices('-').map(|(at, _)| &name[at + 1..]);
    begins.chain(ends).chain([name])
}

/// Whether a commit may reach an app in an environment where nothing of it runs: it is built from the commit's
/// repository, or configured from it elsewhere and the commit touches more than other apps and environments.
pub fn reaches<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    (key, sha): (&str, &str),
    (app, environment): (&str, &str),
) -> bool {
    let is_source = |target: Target<'a>| matches!(&target.source, Ok(Some(one)) if one == key);
    all.of_app(app).any(is_source)
        || (all
            .of_app(app)
            .any(|one| configured_by(view, &one, key).is_some())
            && !is_of_others(view, all, (key, sha), (app, environment)))
}

/// Whether each path that a commit touches is below a folder, or in a file, that is named after another app or
/// environment. What could not be read may be of any.
fn is_of_others(
    view: &View<'_>,
    all: &Targets<'_>,
    (key, sha): (&str, &str),
    (app, environment): (&str, &str),
) -> bool {
    let Ok(touched) = view.touched(key, sha) else {
        return false;
    };
    let is_others = |path: &String| {
        let words = || path.split('/').filter_map(|part| part.split('.').next());
        let is_anothers =
            words().any(|word| all.name(word).is_some()) && !words().any(|one| one == app);
        let mut known = all.found().map(|target| &target.environment);
        let is_elsewhere = !words().any(|word| same(word, environment))
            && known.any(|other| words().any(|word| same(word, other)));
        is_anothers || is_elsewhere
    };
    !touched.is_empty() && touched.iter().all(is_others)
}

/// What could not be read at all: clusters that do not answer, kinds of workloads that may not be listed, and what
/// targets are built from. With `only`, of that cluster alone, and of accounts that the team file binds to no environment:
/// their ECS clusters' own names say where they belong, and those are not known before they are read.
pub fn unread<'f>(
    view: &View<'_>,
    all: impl Iterator<Item = &'f Found>,
    only: Option<&str>,
) -> Vec<Sentence> {
    let is_bound = |name: &str| {
        let mut environments = view.team().environments.iter();
        environments.any(|one| one.cluster.as_deref() == Some(name))
    };
    let meant = |place: Place<'_>| {
        only.is_none_or(|only| only == place.name) || (place.is_ecs() && !is_bound(place.name))
    };
    let mut said = Vec::new();
    let mut silent = BTreeSet::new();
    for place in view.places() {
        if meant(place) {
            unread_in(place, &mut said);
        } else {
            silent.insert(place.name);
        }
    }
    for found in all {
        if let Err(gap) = &found.source
            && !gap.pending
            && !silent.contains(found.cluster())
        {
            said.push(
                Sentence::default()
                    .words("What ")
                    .object(&found.object())
                    .words(" is built from is not known: ")
                    .quote(&gap.why)
                    .words("."),
            );
        }
    }
    said
}

fn unread_in(place: Place<'_>, said: &mut Vec<Sentence>) {
    let (workloads, appliers, what): (&[Kind], &[Kind], _) = if place.is_ecs() {
        (&OF_ECS, &[], "Amazon ECS of ")
    } else {
        (&WORKLOADS, &APPLIERS, "Cluster ")
    };
    let cluster = Sentence::default().words(what).name(place.name);
    match place.reach() {
        Reach::Connecting => {
            said.push(cluster.words(" has not answered yet: what runs there is not known."));
            return;
        }
        Reach::Unreachable { error } => {
            // Whether it is silent, refuses, or was not even asked, the reason alone says.
            let error = error.trim_end_matches('.');
            said.push(
                cluster
                    .words(" could not be read, so what runs there is not known: ")
                    .quote(error)
                    .words("."),
            );
            return;
        }
        Reach::Answering | Reach::Lost { .. } => {}
    }
    let not_yet = |kind: &Kind| *place.coverage(*kind, "") == Coverage::NotAsked;
    if workloads.iter().chain(appliers).any(not_yet) {
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
    for kind in appliers.iter().filter(|kind| !not_yet(kind)) {
        if let Err(gap) = place.whole(*kind, "") {
            said.push(
                Sentence::default()
                    .words("What should run and does not is not known: ")
                    .quote(gap.why)
                    .words("."),
            );
        }
    }
}
