//! Tests only: what is deleted from a cluster that can be read whole is never only missing from an answer. Exhaustive:
//! each object on the way to each app in each environment, of two worlds, under each kind of question.

use api::journey::Journey;
use api::{Answer, State};
use facts::ClusterFacts;
use facts::meta::Kind;

use super::rank;
use crate::trials::faults::{DEV, PROD, fetched};
use crate::trials::{ask, read_aloud};
use crate::world::World;
use crate::world::company::staging::with_staging;
use crate::world::company::{APPS, FLEET, delivered, key, reference, sha};

/// Where an app lives: the cluster, the namespace, the environment, and what its Kustomization's name ends with.
#[derive(Clone, Copy, Debug)]
struct Home {
    cluster: &'static str,
    namespace: &'static str,
    environment: &'static str,
    ending: &'static str,
}

const HOMES: [Home; 3] = [
    Home {
        cluster: DEV,
        namespace: "shop-dev",
        environment: "dev",
        ending: "",
    },
    Home {
        cluster: DEV,
        namespace: "shop-staging",
        environment: "staging",
        ending: "-staging",
    },
    Home {
        cluster: PROD,
        namespace: "shop",
        environment: "production",
        ending: "",
    },
];

impl Home {
    fn kustomization(self, app: &str) -> facts::Key {
        key("flux-system", &format!("{app}{}", self.ending))
    }
}

fn workload(facts: &mut ClusterFacts, home: Home, app: &str) {
    let is_its = |key: &facts::Key| key.namespace == home.namespace && key.name.starts_with(app);
    facts.workloads.retain(|(_, key), _| !is_its(key));
    facts.pods.retain(|key, _| !is_its(key));
    facts.replica_sets.retain(|key, _| !is_its(key));
    facts.endpoint_slices.retain(|key, _| !is_its(key));
}

fn service(facts: &mut ClusterFacts, home: Home, app: &str) {
    facts.services.remove(&key(home.namespace, app));
    let slice = format!("{app}-1");
    facts.endpoint_slices.remove(&key(home.namespace, &slice));
}

fn helm(facts: &mut ClusterFacts, home: Home, app: &str) {
    facts.helm_releases.remove(&key(home.namespace, app));
}

/// What a deletion is of, and whether the pods go on to run: then they prove by themselves which commit that is, and only
/// of a commit of the configuration nothing is proven any more.
struct Deletion {
    name: &'static str,
    pods_stay: bool,
    delete: fn(&mut ClusterFacts, Home, &str),
}

const DELETIONS: [Deletion; 10] = [
    Deletion {
        name: "the workload",
        pods_stay: false,
        delete: workload,
    },
    Deletion {
        name: "the Service",
        pods_stay: false,
        delete: service,
    },
    Deletion {
        name: "the Service's selector",
        pods_stay: false,
        delete: |facts, home, app| {
            let one = facts.services.get_mut(&key(home.namespace, app)).unwrap();
            one.selector.clear();
            let slice = format!("{app}-1");
            facts.endpoint_slices.remove(&key(home.namespace, &slice));
        },
    },
    Deletion {
        name: "the Service's endpoints",
        pods_stay: false,
        delete: |facts, home, app| {
            let slice = format!("{app}-1");
            facts.endpoint_slices.remove(&key(home.namespace, &slice));
        },
    },
    Deletion {
        name: "the HelmRelease",
        pods_stay: true,
        delete: helm,
    },
    Deletion {
        name: "the HelmRelease and what it installed",
        pods_stay: false,
        delete: |facts, home, app| {
            helm(facts, home, app);
            workload(facts, home, app);
            service(facts, home, app);
        },
    },
    Deletion {
        name: "the Kustomization",
        pods_stay: true,
        delete: |facts, home, app| drop(facts.kustomizations.remove(&home.kustomization(app))),
    },
    Deletion {
        name: "the Kustomization and what it applied",
        pods_stay: false,
        delete: |facts, home, app| {
            facts.kustomizations.remove(&home.kustomization(app));
            helm(facts, home, app);
            workload(facts, home, app);
            service(facts, home, app);
        },
    },
    Deletion {
        name: "all that the Kustomization applied and its inventory",
        pods_stay: false,
        delete: |facts, home, app| {
            let one = facts.kustomizations.get_mut(&home.kustomization(app));
            one.unwrap().inventory.clear();
            helm(facts, home, app);
            workload(facts, home, app);
            service(facts, home, app);
        },
    },
    Deletion {
        name: "the source",
        pods_stay: true,
        delete: |facts, _, _| {
            let fleet = key("flux-system", "fleet");
            facts.sources.remove(&(Kind::GitRepository, fleet));
        },
    },
];

/// Flux lists all that it applied: Services beside what runs, and Kustomizations with what applies them.
fn listed(world: World) -> World {
    let mut world = with_staging(world);
    for home in HOMES {
        world.edit(home.cluster, |facts| {
            for app in APPS {
                let own = home.kustomization(app);
                let one = facts.kustomizations.get_mut(&own).unwrap();
                let service = reference("Service", home.namespace, app);
                one.inventory.push(service);
                let root = facts.kustomizations.get_mut(&key("flux-system", "infra"));
                let child = reference("Kustomization", &own.namespace, &own.name);
                root.unwrap().inventory.push(child);
            }
        });
    }
    // A commit that is about everything.
    let notes = vec!["apps/base/notes.yaml".to_owned()];
    world.repo(FLEET).touched.insert(sha("fleet", 3), notes);
    world
}

fn at<'a>(answer: &'a Answer, home: Home, app: &str) -> Option<&'a Journey> {
    answer
        .journeys
        .iter()
        .find(|one| one.app == app && one.environment == home.environment)
}

fn is_green(state: State) -> bool {
    rank(state) == rank(State::Deployed)
}

/// What is wrong with an answer after something on the way to an app was deleted.
fn judge(
    world: &World,
    (before, after): (&Answer, &Answer),
    (home, app): (Home, &str),
    may_stay_green: bool,
) -> Option<String> {
    let was = at(before, home, app)?;
    let is_named = |said: &String| {
        let place = [home.environment, home.cluster, home.namespace];
        said.contains(app) && place.iter().any(|one| said.contains(one))
    };
    let mut said = after.unread.iter().map(|one| read_aloud(world, one));
    let is_said = said.any(|one| is_named(&one));
    match at(after, home, app) {
        None if is_said => None,
        None => Some("it is only missing".to_owned()),
        Some(now) if rank(now.state) > rank(was.state) => {
            Some(format!("it became {:?}", now.state))
        }
        Some(now) if is_green(now.state) && !may_stay_green && !is_said => {
            Some(format!("it is still {:?}", now.state))
        }
        Some(_) => None,
    }
}

#[test]
fn nothing_that_is_deleted_is_only_missing_or_still_green() {
    let mut wrong = Vec::new();
    for (name, world) in [("delivered", delivered()), ("fetched", fetched())] {
        let world = listed(world);
        let mut asks: Vec<String> = APPS.iter().map(|app| sha(app, 4)).collect();
        asks.extend(APPS.map(str::to_owned));
        asks.extend([sha("fleet", 3), String::new()]);
        for text in asks {
            let question = ask(&text);
            // What is found before is found again: only the clusters change.
            let (facts, _) = world.gathered(&question);
            let known = World {
                facts,
                ..world.clone()
            };
            let before = known.answer(&question).answer.unwrap();
            assert!(
                !before.journeys.is_empty() && before.unread.is_empty(),
                "{name}: {before:#?}"
            );
            for home in HOMES {
                for app in APPS {
                    for Deletion {
                        name: what,
                        pods_stay,
                        delete,
                    } in &DELETIONS
                    {
                        let mut less = known.clone();
                        less.edit(home.cluster, |facts| delete(facts, home, app));
                        let may_stay_green =
                            less.facts == known.facts || (*pods_stay && text != sha("fleet", 3));
                        // An error is no good news.
                        let Ok(after) = less.answer(&question).answer else {
                            continue;
                        };
                        let found = judge(&less, (&before, &after), (home, app), may_stay_green);
                        wrong.extend(found.map(|why| {
                            let place = home.environment;
                            format!(
                                "{name}, asked {text:?}, without {what} of {app} in {place}: {why}"
                            )
                        }));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
