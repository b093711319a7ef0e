//! What should run somewhere and does not: Kustomizations and HelmReleases that are for an app in an environment, and
//! apply nothing that runs there.
//!
//! Owns the reason that each of them gives. Says nothing of those that are for no app that is known elsewhere: nobody
//! could tell what they should run.

use std::collections::BTreeSet;

use api::{ObjectRef, Sentence};
use facts::flux::{HelmRelease, Kustomization};
use facts::image::ImageReference;
use facts::kubernetes::Workload;
use facts::meta::{Condition, Key, Kind, Meta, Status};

use super::{Applier, Idle, WORKLOADS, called};
use crate::conditions::believed;
use crate::discover::Targets;
use crate::environment::{Meant, environment, meant_for, of_cluster, same, without};
use crate::evidence;
use crate::finding::ended;
use crate::route::owner;
use crate::view::{Place, View};

/// A Kustomization or HelmRelease, and what it is for.
struct For<'a> {
    object: ObjectRef,
    app: &'a str,
    /// The environment; several where it cannot be told which of a cluster's it is.
    environments: Vec<String>,
}

/// What one of them is for, if nothing of that runs there.
pub fn idle<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    (place, one): (Place<'a>, Applier<'a>),
) -> Option<Idle> {
    let known = of_cluster(view.team(), all, place);
    let (is_for, reason) = match one {
        Applier::Release(one) => {
            if one.remote || !is_read(place, &one.target_namespace) {
                return None;
            }
            let is_for = of_release(view, all, (place, &known), one)?;
            (is_for, why_release(place, one))
        }
        Applier::Kustomization(one) => {
            // What is applied to another cluster is not missed in this one.
            if one.remote || !is_read(place, one.target_namespace.as_deref().unwrap_or_default()) {
                return None;
            }
            let is_for = of_kustomization(view, all, (place, &known), one)?;
            (is_for, why_kustomization(view, place, one))
        }
    };
    Some(Idle {
        cluster: place.name.to_owned(),
        app: is_for.app.to_owned(),
        sentence: sentence(place, all, &is_for, reason),
        environments: is_for.environments,
    })
}

/// Whether it is known what runs there: what is not is said where it could not be read.
fn is_read(place: Place<'_>, namespace: &str) -> bool {
    let mut kinds = WORKLOADS.into_iter();
    kinds.all(|kind| place.whole(kind, namespace).is_ok())
}

/// What a HelmRelease is for, if nothing of that runs there.
fn of_release<'a>(
    view: &View<'_>,
    all: &Targets<'a>,
    (place, known): (Place<'a>, &BTreeSet<String>),
    one: &HelmRelease,
) -> Option<For<'a>> {
    let namespace = Some(one.target_namespace.as_str());
    let meant = meant_for(view.team(), place, known, (&one.meta.name, namespace, ""));
    let app = app_named(all, &one.meta.name, &meant.environments).or_else(|| {
        let image = |text: &String| ImageReference::parse(text).repository;
        let mut images = one.images.iter().map(image);
        images.find_map(|image| Some(all.of_image(&image).next()?.found().app.as_str()))
    })?;
    let runs = || installed(place, one);
    not_there(view, all, place, app, meant, runs).map(|environments| For {
        object: evidence::object(place, Kind::HelmRelease.name(), &one.meta.key()),
        app,
        environments,
    })
}

/// What a Kustomization is for, if nothing of that runs there.
fn of_kustomization<'a>(
    view: &View<'_>,
    all: &Targets<'a>,
    (place, known): (Place<'a>, &BTreeSet<String>),
    one: &Kustomization,
) -> Option<For<'a>> {
    let namespace = one.target_namespace.as_deref();
    let meant = meant_for(
        view.team(),
        place,
        known,
        (&one.meta.name, namespace, &one.path),
    );
    let app = app_named(all, &one.meta.name, &meant.environments)
        .or_else(|| one.path.rsplit('/').find_map(|folder| all.name(folder)))?;
    let runs = || running(place, one);
    not_there(view, all, place, app, meant, runs).map(|environments| For {
        object: evidence::object(place, Kind::Kustomization.name(), &one.meta.key()),
        app,
        environments,
    })
}

/// The app that an object is named after, without its environment: of several the longest, so that what is beside an app
/// is not taken for the app.
fn app_named<'a>(all: &Targets<'a>, name: &str, environments: &[String]) -> Option<&'a str> {
    let mut rests = environments.iter().filter_map(|one| without(name, one));
    let rest = rests.next().unwrap_or(name);
    let known = called(rest).filter_map(|part| all.name(part));
    known.max_by_key(|part| part.len())
}

/// The environments that were meant, if the app runs in none of them on this cluster and nothing else of what is applied
/// does.
fn not_there<'a>(
    view: &View<'_>,
    all: &Targets<'_>,
    place: Place<'_>,
    app: &str,
    meant: Meant,
    runs: impl FnOnce() -> Vec<&'a Workload>,
) -> Option<Vec<String>> {
    // What lives in a namespace that belongs to no environment goes by its cluster's name. It may be what was meant, but
    // not where something tells what was.
    let is_nowhere = |found: &str| {
        let mut named = view.team().environments.iter();
        found == place.name && named.all(|one| !same(&one.name, found))
    };
    let is_meant = |found: &str| {
        let mut environments = meant.environments.iter();
        environments.any(|one| same(one, found)) || (meant.is_guess && is_nowhere(found))
    };
    let has_target = all
        .of_app(app)
        .any(|target| target.place.name == place.name && is_meant(&target.environment));
    // Most have a target: what else they apply is looked for only where there is none.
    let is_there = |one: &&Workload| is_meant(&environment(view.team(), place, one));
    let is_missed = !has_target && !runs().iter().any(is_there);
    is_missed.then_some(meant.environments)
}

/// The workloads that a Kustomization applied and that are there, those of its HelmReleases among them.
fn running<'a>(place: Place<'a>, one: &Kustomization) -> Vec<&'a Workload> {
    let mut found = Vec::new();
    for entry in &one.inventory {
        match Kind::from_name(&entry.kind) {
            Some(Kind::HelmRelease) => {
                let release = place.helm_release(&entry.key());
                found.extend(release.into_iter().flat_map(|one| installed(place, one)));
            }
            Some(kind) => found.extend(place.workload(kind, &entry.key())),
            None => {}
        }
    }
    found
}

/// The workloads that a HelmRelease installed, by the labels that Flux puts on them.
fn installed<'a>(place: Place<'a>, one: &HelmRelease) -> Vec<&'a Workload> {
    let key: Key = one.meta.key();
    let is_its = |workload: &&Workload| {
        owner(&workload.meta, "helm.toolkit.fluxcd.io").is_some_and(|owner| owner == key)
    };
    place.workloads().filter(is_its).collect()
}

fn why_release(place: Place<'_>, one: &HelmRelease) -> Sentence {
    let stopped = stopped(
        one.suspended,
        &one.conditions,
        one.observed_generation,
        &one.meta,
    );
    // What was installed did not go because of what Helm failed at since, nor because Flux rests.
    match stopped.filter(|_| !is_installed(one)) {
        Some(why) => why,
        None => {
            let words = match installed(place, one).is_empty() {
                true => "no workload carries its labels",
                false => "what it installed is elsewhere",
            };
            let sentence = Sentence::default().words(words);
            match one.suspended {
                true => sentence.words(", and it is suspended"),
                false => sentence,
            }
        }
    }
}

/// Whether Helm has the release installed: the newest entry of the history tells that Helm did not fail at. An attempt
/// that failed leaves what was there before, which is nothing after the first one or an uninstall.
fn is_installed(one: &HelmRelease) -> bool {
    let mut newest = one.history.iter();
    let told = newest.find_map(|release| match release.status.as_str() {
        "deployed" | "superseded" => Some(true),
        "uninstalling" | "uninstalled" => Some(false),
        _ => None,
    });
    told.unwrap_or_default()
}

fn why_kustomization(view: &View<'_>, place: Place<'_>, one: &Kustomization) -> Sentence {
    if let Some(why) = stopped(
        one.suspended,
        &one.conditions,
        one.observed_generation,
        &one.meta,
    ) {
        return why;
    }
    if let Some(workload) = running(place, one).first() {
        return Sentence::default()
            .words("what it applied, ")
            .object(&evidence::workload(place, workload))
            .words(", is in ")
            .name(environment(view.team(), place, workload));
    }
    let is_workload =
        |kind: &str| Kind::from_name(kind).is_some_and(|one| WORKLOADS.contains(&one));
    match one.inventory.iter().find(|entry| is_workload(&entry.kind)) {
        Some(entry) => Sentence::default()
            .object(&evidence::referred(place, entry))
            .words(", which it applied, is not there any more"),
        None => Sentence::default().words("its inventory holds no workload"),
    }
}

/// Why Flux applies nothing more by itself, or has not yet.
fn stopped(
    suspended: bool,
    conditions: &[Condition],
    observed: i64,
    meta: &Meta,
) -> Option<Sentence> {
    if suspended {
        return Some(Sentence::default().words("it is suspended"));
    }
    match believed(conditions, "Ready", observed, meta) {
        Some(ready) if ready.status == Status::True => None,
        Some(ready) if !ready.message.is_empty() => Some(Sentence::default().quote(&ready.message)),
        Some(_) => Some(Sentence::default().words("it is not ready")),
        None => Some(Sentence::default().words("Flux has not taken it up yet")),
    }
}

fn sentence(place: Place<'_>, all: &Targets<'_>, applier: &For<'_>, reason: Sentence) -> Sentence {
    let sentence = Sentence::default().object(&applier.object);
    let sentence = sentence.words(" applies nothing that runs in ");
    let sentence = match applier.environments.as_slice() {
        [one] => {
            let elsewhere = all.of_app(applier.app).any(|t| same(&t.environment, one));
            let sentence = sentence.name(one);
            match elsewhere {
                true => sentence.words(" on ").name(place.name),
                false => sentence,
            }
        }
        _ => sentence.words("cluster ").name(place.name),
    };
    ended(sentence.words(": ").then(reason))
}
