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
    facts.sources = Arc::new(sources.filter(|(_, source)| !source.is_empty()).collect());
    facts
}

/// Reads what is wanted of a cluster.
fn read(into: &mut ClusterFacts, all: &ClusterFacts, wanted: &Selection) {
    for (key, pod) in all.pods.iter().filter(|(_, one)| wanted.selects(&one.meta)) {
        into.pods.insert(key.clone(), pod.clone());
    }
    let sets = all.replica_sets.iter();
    for (key, set) in sets.filter(|(_, one)| wanted.selects(&one.meta)) {
        into.replica_sets.insert(key.clone(), set.clone());
    }
    for kind in SPARED {
        let coverage = all.coverage(kind, &wanted.namespace).clone();
        let scope = Scope::Selected(wanted.clone());
        into.coverage.insert((kind, scope), coverage);
    }
}

/// The answer, and how many pods were read for it.
fn sparingly(world: &World, ask: &api::Ask) -> (crate::Evaluation, usize) {
    let mut facts = spared(world);
    for _ in 0..64 {
        let evaluation = crate::answer(&facts, ask, world.now);
        if evaluation.wants.is_empty() && evaluation.pods.is_empty() {
            let pods = facts.clusters.values().map(|one| one.pods.len());
            return (evaluation, pods.sum());
        }
        for want in &evaluation.wants {
            facts.absorb(world.find(want));
        }
        for (cluster, wanted) in &evaluation.pods {
            let all = &world.facts.clusters[cluster];
            let into = facts.clusters.get_mut(cluster).unwrap();
            read(Arc::make_mut(into), all, wanted);
        }
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

proptest! {
    // Where the registry deleted what runs, only what was read before says what that was built from: whoever reads sparingly
    // knows more then.
    #[test]
    fn an_answer_about_one_app_is_the_same_from_its_pods_alone(
        (name, mut world) in whole_worlds(),
        (monorepo, sidecars) in any::<(bool, bool)>(),
        app in proptest::sample::select(APPS.to_vec()),
        text in asks(),
    ) {
        if monorepo {
            as_monorepo(&mut world);
        }
        if sidecars {
            with_sidecars(&mut world);
        }
        let ask = about(app, &text);
        let (spared, _) = sparingly(&world, &ask);
        let whole = world.answer(&ask);
        if let (Ok(spared), Ok(whole)) = (&spared.answer, &whole.answer) {
            for (one, other) in spared.journeys.iter().zip(&whole.journeys) {
                prop_assert_eq!(one, other, "{}", name);
            }
            prop_assert_eq!(&spared.unread, &whole.unread, "{}", name);
        }
        prop_assert_eq!(spared.answer, whole.answer, "{}", name);
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
        let (evaluation, read) = sparingly(&world, &about(app, ""));
        let answer = evaluation.answer.unwrap();
        assert!(
            answer
                .journeys
                .iter()
                .all(|one| one.state == State::Deployed)
        );
        assert_eq!(read - ecs, of(app), "{app}");
    }
}
