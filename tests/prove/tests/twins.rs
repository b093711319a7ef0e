//! The twins: situations of the embedded company held to what real Kubernetes and Flux showed in the same trouble.
//!
//! Owns the comparison; which situation is which scenario's twin, and what still differs and why, is
//! `twins/table.rs`'s. Where they differ the embedded company is wrong, unless the table says otherwise.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "twins/shape.rs"]
mod shape;
#[path = "twins/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};

use prove::recording::Recording;
use prove::recording::trim::trim;
use sandbox::clock::Clock;
use sandbox::company::Company;
use sandbox::company::apps::{App, Environment};
use sandbox::situations;
use serde_json::Value;

use shape::{Mask, Shapes};
use table::{EXCEPTIONS, Side, TWINS};

/// A working day of the company's, like any other.
const NOON: &str = "2026-11-21T10:40:00Z";

/// The kinds that are compared: those that an app's journey rests on.
const COMPARED: [&str; 11] = [
    "GitRepository",
    "OCIRepository",
    "HelmChart",
    "Kustomization",
    "HelmRelease",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Pod",
    "EndpointSlice",
];

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The objects that belong to the named ones, by ownership, and the Events about any of them.
fn family<'o>(
    objects: &[&'o Value],
    is_first: impl Fn(&Value) -> bool,
) -> (Vec<&'o Value>, Vec<&'o Value>) {
    let mut family: Vec<&Value> = Vec::new();
    let mut uids: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = family.len();
        for object in objects {
            let owners = object["metadata"]["ownerReferences"].as_array();
            let is_owned = owners.is_some_and(|owners| {
                owners
                    .iter()
                    .any(|owner| owner["uid"].as_str().is_some_and(|uid| uids.contains(uid)))
            });
            if (is_first(object) || is_owned) && uids.insert(text(object, "uid")) {
                family.push(object);
            }
        }
        if family.len() == before {
            break;
        }
    }
    let events = objects
        .iter()
        .filter(|object| {
            let uid = object["involvedObject"]["uid"].as_str();
            object["kind"] == "Event" && uid.is_some_and(|uid| uids.contains(uid))
        })
        .copied()
        .collect();
    family.retain(|object| COMPARED.iter().any(|kind| object["kind"] == *kind));
    (family, events)
}

fn shapes(mask: &Mask, (family, events): &(Vec<&Value>, Vec<&Value>)) -> Shapes {
    let mut shapes = Shapes::new();
    for object in family {
        mask.object(object, &mut shapes);
    }
    for event in events {
        mask.event(event, &mut shapes);
    }
    shapes
}

/// What the embedded company shows of an app in an environment.
fn simulated(company: &Company, app: &App, environment: Environment) -> Shapes {
    let store = company.store(environment);
    let (namespace, kustomization) = (app.namespace(environment), app.kustomization(environment));
    let source = app.source(environment, &company.names);
    let kinds = COMPARED.iter().chain(&["Event", "Service"]);
    let mut objects: Vec<Value> = kinds
        .flat_map(|kind| store.list(kind, None))
        .map(|object| Value::clone(&object))
        .collect();
    // What recordings leave out says nothing here either.
    objects.iter_mut().for_each(trim);
    let objects: Vec<&Value> = objects.iter().collect();
    let first = |object: &Value| {
        let (of, name) = (text(object, "namespace"), text(object, "name"));
        match object["kind"].as_str().unwrap_or_default() {
            "GitRepository" => name == source,
            "Kustomization" => name == kustomization,
            "HelmChart" => name == format!("{namespace}-{}", app.name),
            "OCIRepository" | "HelmRelease" | "Deployment" | "StatefulSet" | "DaemonSet"
            | "Service" => name == app.name && (of == namespace || of == "flux-system"),
            _ => false,
        }
    };
    let names = [
        company.names.code_host.clone(),
        company.names.registry_host.clone(),
        app.gitops.clone(),
        app.image_path.clone(),
        app.name.clone(),
        namespace.clone(),
        kustomization.clone(),
        source.clone(),
        "flux-system".to_owned(),
    ];
    shapes(&Mask::new(names), &family(&objects, first))
}

/// What the real ones showed in a scenario.
fn real(scenario: &str, recording: &Recording) -> Shapes {
    let objects: Vec<&Value> = recording.objects.iter().collect();
    let names = [
        recording.filled("{code}"),
        recording.filled("{registry}"),
        format!("fleet/{scenario}"),
        format!("apps/{scenario}"),
        scenario.to_owned(),
    ];
    let first = |object: &Value| {
        text(object, "name") == scenario
            && (object["kind"] == "Service" || COMPARED.iter().any(|kind| object["kind"] == *kind))
    };
    shapes(&Mask::new(names), &family(&objects, first))
}

/// Everything that the real ones ever showed, so that what a twin leaves out is not called untrue.
fn ever_real() -> Shapes {
    let mut all = Shapes::new();
    for scenario in prove::scenario::all().expect("scenarios") {
        if let Some(recording) = Recording::of(&scenario.name).expect("a recording") {
            all.extend(real(&scenario.name, &recording));
        }
    }
    all
}

/// Kinds that an app of another form does without.
const OF_OTHER_FORMS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "HelmRelease",
    "HelmChart",
    "HelmRepository",
    "OCIRepository",
    "GitRepository",
];

/// The differences of all twins: each once, with the situations that show it.
fn differences() -> BTreeMap<(Side, String), Vec<&'static str>> {
    let now = NOON.parse().expect("an instant");
    let company = Company::build(1, &Clock::default(), now, None).expect("the company");
    let known = situations::of(&company).expect("situations");
    let ever_real = ever_real();
    let mut differences: BTreeMap<(Side, String), Vec<&'static str>> = BTreeMap::new();
    for (situation, environment, scenario) in TWINS {
        let told = known.iter().find(|known| known.name == *situation);
        let app = told.and_then(|told| {
            company
                .apps
                .iter()
                .find(|app| Some(&app.name) == told.app.as_ref())
        });
        let app = app.unwrap_or_else(|| panic!("there is no situation {situation}"));
        let environment = Environment::ALL
            .into_iter()
            .find(|known| known.name() == *environment)
            .unwrap_or_else(|| panic!("there is no environment {environment}"));
        let recording = Recording::of(scenario)
            .expect("a recording")
            .unwrap_or_else(|| panic!("{scenario} is not recorded"));
        let (simulated, real) = (
            simulated(&company, app, environment),
            real(scenario, &recording),
        );
        // Another scenario may have what this one leaves out: the company's apps are not built alike.
        for shape in simulated.difference(&ever_real) {
            let of = differences
                .entry((Side::Simulated, shape.clone()))
                .or_default();
            of.push(situation);
        }
        let kind = |shape: &str| shape.split(':').next().unwrap_or_default().to_owned();
        let kinds: BTreeSet<String> = simulated.iter().map(|shape| kind(shape)).collect();
        for shape in real.difference(&simulated) {
            // An app may be of another form than its twin: a StatefulSet has no ReplicaSets. And Events last an hour: what
            // the company no longer has says nothing.
            if OF_OTHER_FORMS.contains(&kind(shape).as_str()) && !kinds.contains(&kind(shape))
                || shape.starts_with("Event:")
                || shape.ends_with(" of nought")
            {
                continue;
            }
            let of = differences.entry((Side::Real, shape.clone())).or_default();
            of.push(situation);
        }
    }
    differences
}

#[test]
fn twins_differ_only_as_the_table_says() {
    let differences = differences();
    let mut used = BTreeSet::new();
    let mut new = Vec::new();
    for ((side, shape), of) in &differences {
        let excused = EXCEPTIONS
            .iter()
            .position(|differs| differs.side == *side && shape.starts_with(differs.shape));
        match excused {
            Some(index) => {
                used.insert(index);
            }
            None => new.push(format!("{side:?} {shape}   [{}]", of.join(" "))),
        }
    }
    println!(
        "{} twins, {} differences, {} kinds of them excused",
        TWINS.len(),
        differences.len(),
        EXCEPTIONS.len()
    );
    assert!(
        new.is_empty(),
        "{} differences that the table does not know:\n{}",
        new.len(),
        new.join("\n")
    );
    let idle: Vec<&str> = (0..)
        .zip(EXCEPTIONS)
        .filter(|(index, _)| !used.contains(index))
        .map(|(_, differs)| differs.shape)
        .collect();
    assert!(idle.is_empty(), "no twins differ so any more: {idle:?}");
}
