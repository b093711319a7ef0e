//! Tests only: an answer about one app says the same whether all pods were read or only those that it wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use facts::code::repository_key;
use facts::code::{CiJob, CiState};
use facts::image::Image;
use facts::kubernetes::Container;
use facts::{ClusterFacts, Facts, Selection};

use super::*;
use crate::world::company::source;

/// The kinds that are read only where they are wanted.
const SPARED: [Kind; 2] = [Kind::Pod, Kind::ReplicaSet];

/// Facts of clusters of which no pod has been read yet, and where each image is known to come from.
fn spared(world: &World) -> Facts {
    let mut facts = world.facts.clone();
    for cluster in facts.clusters.values_mut() {
        let cluster = Arc::make_mut(cluster);
        if cluster.platform == facts::Platform::Ecs {
            continue;
        }
        cluster.sparing = true;
        cluster.pods = facts::Objects::default();
        cluster.replica_sets = facts::Objects::default();
        cluster
            .coverage
            .retain(|(kind, _), _| !SPARED.contains(kind));
    }
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((image, _), built) in &world.images {
        let source = built.source.as_deref().map(repository_key);
        let known = sources.entry(image.clone()).or_default();
        known.insert(source.unwrap_or_default());
    }
    let alone = sources.into_iter().filter(|(_, known)| known.len() == 1);
    let sources = alone.filter_map(|(image, known)| Some((image, known.into_iter().next()?)));
    let mut sources: BTreeMap<_, _> = sources.filter(|(_, source)| !source.is_empty()).collect();
    sources.extend((*world.facts.sources).clone());
    facts.sources = Arc::new(sources);
    facts
}

/// Reads what is wanted of a cluster: one kind at a time, as they come.
fn read(into: &mut ClusterFacts, all: &ClusterFacts, wanted: &Selection, kind: Kind) {
    let coverage = all.coverage(kind, &wanted.namespace).clone();
    let scope = Scope::Selected(wanted.clone());
    into.coverage.insert((kind, scope), coverage);
    if kind == Kind::Pod {
        for (key, pod) in all.pods.iter().filter(|(_, one)| wanted.selects(&one.meta)) {
            into.pods.insert(key.clone(), pod.clone());
        }
    } else {
        let sets = all.replica_sets.iter();
        for (key, set) in sets.filter(|(_, one)| wanted.selects(&one.meta)) {
            into.replica_sets.insert(key.clone(), set.clone());
        }
    }
}

/// What reading sparingly came to.
struct Sparing {
    answer: Result<api::Answer, api::Error>,
    /// What was said on the way there.
    before: Vec<Result<api::Answer, api::Error>>,
    /// How many pods were read for it.
    read: usize,
}

/// Answers with what is wanted until nothing is; of pods and ReplicaSets, this kind comes first.
fn sparingly(world: &World, ask: &api::Ask, first: Kind) -> Sparing {
    let mut facts = spared(world);
    let mut before = Vec::new();
    let mut late = BTreeSet::new();
    let second = SPARED.into_iter().find(|kind| *kind != first).unwrap();
    for _ in 0..64 {
        let crate::Evaluation {
            answer,
            wants,
            pods,
            ..
        } = crate::answer(&facts, ask, world.now);
        if wants.is_empty() && pods.is_empty() && late.is_empty() {
            let read = facts.clusters.values().map(|one| one.pods.len()).sum();
            return Sparing {
                answer,
                before,
                read,
            };
        }
        before.push(answer);
        for want in &wants {
            facts.absorb(world.find(want));
        }
        // Pods come last: most is known without them then, and most could be said.
        if !wants.is_empty() {
            continue;
        }
        let mut come = |wanted: &BTreeSet<(String, Selection)>, kind| {
            for (cluster, wanted) in wanted {
                let into = facts.clusters.get_mut(cluster).unwrap();
                read(
                    Arc::make_mut(into),
                    &world.facts.clusters[cluster],
                    wanted,
                    kind,
                );
            }
        };
        come(&std::mem::take(&mut late), second);
        come(&pods, first);
        late = pods;
    }
    panic!("the engine wants for ever");
}

/// The same world where both apps are built from one repository, and CI builds each in a job of its own.
fn as_monorepo(world: &mut World) {
    let shared = source(APP);
    for image in world.images.values_mut() {
        image.source = Some(format!("https://{shared}"));
    }
    for run in world.repo(&shared).ci.values_mut().flatten() {
        let jobs = APPS.iter().map(|app| CiJob {
            name: format!("build ({app})"),
            state: if *app == APP {
                CiState::Succeeded
            } else {
                run.state
            },
            failed_step: None,
            last_lines: Vec::new(),
        });
        run.jobs = jobs.collect();
    }
}

/// The same world where a sidecar, known from everywhere, stands first in every template.
fn with_sidecars(world: &mut World) {
    let proxy = "registry.example/mesh/proxy";
    let built = world.images.values().next().cloned();
    world.images.extend(built.map(|one| {
        let source = Some("https://code.example/mesh/proxy".to_owned());
        let digest = "sha256:5e11".to_owned();
        let key = (proxy.to_owned(), digest.clone());
        (
            key,
            Image {
                digest,
                source,
                ..one
            },
        )
    }));
    for (cluster, _) in CLUSTERS {
        world.edit(cluster, |facts| {
            let sidecar = Container {
                name: "proxy".to_owned(),
                image: format!("{proxy}@sha256:5e11"),
                init: false,
                memory_limit: None,
            };
            let there: Vec<_> = facts
                .workloads
                .iter()
                .map(|(key, one)| (key.clone(), one.clone()))
                .collect();
            for (key, mut one) in there {
                one.containers.insert(0, sidecar.clone());
                facts.workloads.insert(key, one);
            }
        });
    }
}

fn about(app: &str, text: &str) -> api::Ask {
    api::Ask {
        app: Some(app.to_owned()),
        ..ask(text)
    }
}

/// What is said before all was read is said of less, and is what is said at last.
fn never_wrong_before(
    spared: &Sparing,
    whole: &Result<api::Answer, api::Error>,
) -> Result<(), TestCaseError> {
    let known = judged(whole.clone());
    for early in spared.before.iter().cloned().map(judged) {
        for (key, early) in early {
            let at_last = known.get(&key).map_or(State::Unknown, |one| one.state);
            if early.state != State::Unknown && early.state != at_last {
                let said = early.headline.text(|at| at.to_string());
                return Err(TestCaseError::fail(format!(
                    "{key:?}, at last {at_last:?}: {:?}, {said}",
                    early.state
                )));
            }
        }
    }
    Ok(())
}

proptest! {
    // Where the registry deleted what runs, only what was read before says what that was built from: whoever reads sparingly
    // knows more then.
    #[test]
    fn an_answer_about_one_app_is_the_same_from_its_pods_alone(
        (name, mut world) in whole_worlds(),
        (monorepo, sidecars) in any::<(bool, bool)>(),
        app in proptest::sample::select(APPS.to_vec()),
        text in asks(),
        first in proptest::sample::select(SPARED.to_vec()),
    ) {
        if monorepo {
            as_monorepo(&mut world);
        }
        if sidecars {
            with_sidecars(&mut world);
        }
        let ask = about(app, &text);
        let spared = sparingly(&world, &ask, first);
        let whole = world.answer(&ask);
        never_wrong_before(&spared, &whole.answer).map_err(|why| TestCaseError::fail(format!("{name}, {why}")))?;
        if let (Ok(spared), Ok(whole)) = (&spared.answer, &whole.answer) {
            for (one, other) in spared.journeys.iter().zip(&whole.journeys) {
                prop_assert_eq!(one, other, "{}", name);
            }
            prop_assert_eq!(&spared.unread, &whole.unread, "{}", name);
        }
        prop_assert_eq!(spared.answer, whole.answer, "{}", name);
    }
}

/// The world of a trial.
fn named(name: &str) -> World {
    let trial = TRIALS.iter().find(|trial| trial.name == name).unwrap();
    (trial.world)()
}

/// A world with one more mishap, asked about the newest commit: nothing wrong is said before all is read.
fn holds_before(mishap: usize, mut world: World) {
    MISHAPS[mishap](&mut world);
    let ask = about(APP, &sha(APP, 4));
    for first in SPARED {
        let spared = sparingly(&world, &ask, first);
        never_wrong_before(&spared, &world.answer(&ask).answer).unwrap();
    }
}

#[test]
fn no_image_has_it_was_said_before_the_pods_that_run_it_were_read() {
    holds_before(8, named("ECS: no task definition names it"));
}

#[test]
fn pods_of_an_older_template_passed_for_the_newest_before_replica_sets_were_read() {
    holds_before(11, named("paused"));
}

#[test]
fn an_app_whose_repository_moved_was_looked_for_where_it_was() {
    let mut world = delivered();
    let image = world.images.keys().next().unwrap().0.clone();
    let mut facts = spared(&world);
    let old = "code.example/before/it-moved".to_owned();
    Arc::make_mut(&mut facts.sources).insert(image, old);
    world.facts.sources = facts.sources;
    for app in APPS {
        let ask = about(app, &sha(app, 4));
        let spared = sparingly(&world, &ask, Kind::Pod);
        assert_eq!(spared.answer, world.answer(&ask).answer, "{app}");
    }
}

#[test]
fn only_the_pods_of_the_app_are_wanted() {
    let world = delivered();
    let of = |app: &str| -> usize {
        let clusters = world.facts.clusters.values();
        let clusters = clusters.filter(|one| one.platform == facts::Platform::Kubernetes);
        let pods = clusters.flat_map(|one| one.pods.values());
        pods.filter(|pod| pod.meta.label("app") == Some(app))
            .count()
    };
    let ecs: usize = world
        .facts
        .clusters
        .get(AWS)
        .map_or(0, |one| one.pods.len());
    for app in APPS {
        let Sparing { answer, read, .. } = sparingly(&world, &about(app, ""), Kind::Pod);
        let answer = answer.unwrap();
        assert!(
            answer
                .journeys
                .iter()
                .all(|one| one.state == State::Deployed)
        );
        assert_eq!(read - ecs, of(app), "{app}");
    }
}
