//! Tests only: a board that stands says what one from nothing says, whatever changed and in whatever order; and a change
//! costs what it touches.

use std::collections::BTreeMap;

use facts::{ClusterFacts, Facts, Found, Want};
use jiff::SignedDuration;

use super::*;
use crate::Standing;
use crate::trials::faults::PROD;
use crate::world::company::{image, key, tag};

/// A board that stands, and the world it is of.
struct Watched {
    world: World,
    facts: Facts,
    answers: BTreeMap<Want, Found>,
    standing: Standing,
}

impl Watched {
    fn new(world: World) -> Self {
        Self {
            world,
            facts: Facts::default(),
            answers: BTreeMap::new(),
            standing: Standing::default(),
        }
    }

    /// Takes the world in as it is now, and checks each evaluation on the way; how many parts they evaluated.
    fn look(&mut self) -> Result<usize, TestCaseError> {
        let mut changed = Vec::new();
        for (want, answer) in &mut self.answers {
            let now = self.world.find(want);
            if now != *answer {
                *answer = now;
                changed.push(want.clone());
            }
        }
        let mut evaluated = 0;
        loop {
            self.know(&mut changed);
            let stands = self.standing.board(&self.facts, &changed, self.world.now);
            evaluated += self.standing.evaluated();
            let from_nothing = crate::board(&self.facts, self.world.now);
            for (one, other) in stands.board.rows.iter().zip(&from_nothing.board.rows) {
                prop_assert_eq!(one, other);
            }
            prop_assert_eq!(&stands, &from_nothing);
            changed.clear();
            for want in stands.wants {
                if !self.answers.contains_key(&want) {
                    self.answers.insert(want.clone(), self.world.find(&want));
                    changed.push(want);
                }
            }
            if changed.is_empty() {
                return Ok(evaluated);
            }
        }
    }

    /// The facts anew, from the world and all answers; repositories that are known otherwise than before are changed.
    fn know(&mut self, changed: &mut Vec<Want>) {
        let before = std::mem::take(&mut self.facts);
        self.facts.clusters = self.world.facts.clusters.clone();
        self.facts.team = self.world.facts.team.clone();
        for answer in self.answers.values() {
            self.facts.absorb(answer.clone());
        }
        for (repository, known) in &self.facts.code.repositories {
            let before = before.code.repositories.get(repository);
            if before.map(|one| &one.coverage) != Some(&known.coverage) {
                changed.push(Want::Repository {
                    repository: repository.clone(),
                });
            }
        }
    }
}

/// What may happen to a world while somebody watches, beyond the mishaps.
const EVENTS: &[fn(&mut World)] = &[
    |world| world.now += SignedDuration::from_secs(7),
    |world| world.now += SignedDuration::from_mins(1),
    |world| world.now += SignedDuration::from_mins(47),
    |world| {
        in_each(world, |facts| {
            facts.clock_offset += SignedDuration::from_secs(90)
        })
    },
    |world| {
        let since = world.now;
        in_each(world, |facts| {
            let error = "timeout".to_owned();
            facts.reach = facts::Reach::Lost { since, error };
        });
    },
    |world| in_each(world, |facts| facts.reach = facts::Reach::Answering),
    |world| {
        in_each(world, |facts| {
            let first = facts.workloads.keys().next().cloned();
            first.map(|key| facts.workloads.remove(&key));
        });
    },
    |world| {
        // What was taken comes back, and runs nothing that anybody could name.
        let whole = delivered();
        for (name, _) in CLUSTERS {
            let there = whole.facts.clusters[name].workloads.clone();
            if world.facts.clusters.contains_key(name) {
                world.edit(name, |facts| {
                    for (key, one) in there.iter() {
                        if !facts.workloads.contains_key(key) {
                            facts.workloads.insert(key.clone(), one.clone());
                        }
                    }
                });
            }
        }
    },
    |world| in_each(world, |facts| facts.pods.clear()),
    |world| {
        // One more of the last, under another name: an app that is new.
        in_each(world, |facts| {
            let last = facts.workloads.values().last().cloned();
            if let Some(mut one) = last {
                one.meta.name.push_str("-more");
                facts.workloads.insert((one.kind, one.meta.key()), one);
            }
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.workloads.change(|one| {
                let labels = &mut one.meta.labels;
                labels.insert("app.kubernetes.io/name".to_owned(), "service".to_owned());
                let instance = one.meta.name.clone();
                labels.insert("app.kubernetes.io/instance".to_owned(), instance);
            });
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.namespaces.change(|one| {
                let label = ("environment".to_owned(), "elsewhere".to_owned());
                one.meta.labels.extend([label]);
            });
        });
    },
    |world| {
        in_each(world, |facts| {
            let first = facts.kustomizations.keys().next().cloned();
            first.map(|key| facts.kustomizations.remove(&key));
        });
    },
    |world| {
        in_each(world, |facts| {
            facts
                .image_repositories
                .change(|one| one.image.push_str("-moved"));
        });
    },
    |world| {
        in_each(world, |facts| {
            facts
                .pods
                .change(|pod| pod.containers.iter_mut().for_each(|one| one.ready = false));
        });
    },
    |world| {
        in_each(world, |facts| {
            facts
                .pods
                .change(|pod| pod.containers.iter_mut().for_each(|one| one.ready = true));
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.services.change(|one| one.selector.clear());
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.ingresses.change(|one| one.addresses.clear())
        })
    },
    |world| {
        // One of the class alone is served.
        in_each(world, |facts| {
            if let Some(one) = facts.ingresses.get_mut(&key("shop", "search")) {
                one.addresses.push("203.0.113.9".to_owned());
            }
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.ingresses.change(|one| one.class = None);
        });
    },
    |world| {
        // A new way in, to whatever is there.
        let now = world.now;
        in_each(world, |facts| {
            let services: std::collections::BTreeSet<String> =
                facts.services.keys().map(|key| key.name.clone()).collect();
            let first = facts.ingresses.values().next().cloned();
            if let Some(mut one) = first {
                one.meta.name = "another".to_owned();
                one.meta.created = Some(now);
                one.services = services;
                one.addresses.clear();
                facts.ingresses.insert(one.meta.key(), one);
            }
        });
    },
    |world| {
        let since = world.now;
        in_each(world, |facts| {
            facts.certificates.change(|one| {
                one.conditions.iter_mut().for_each(|said| {
                    said.status = facts::Status::False;
                    said.since = Some(since);
                });
            });
        });
    },
    |world| {
        in_each(world, |facts| {
            facts.certificates.change(|one| one.conditions.clear())
        })
    },
    |world| {
        in_each(world, |facts| {
            let first = facts.certificates.keys().next().cloned();
            first.map(|key| facts.certificates.remove(&key));
        });
    },
    |world| {
        // What an Ingress serves is another's Secret now.
        in_each(world, |facts| {
            facts
                .certificates
                .change(|one| one.secret = "checkout-tls".to_owned());
        });
    },
    |world| {
        for kind in [Kind::Ingress, Kind::Certificate] {
            in_each(world, |facts| {
                let message = "no".to_owned();
                let scope = Scope::All;
                facts
                    .coverage
                    .insert((kind, scope), Coverage::Denied { message });
            });
        }
    },
    |world| {
        let as_of = world.now;
        for kind in [Kind::Ingress, Kind::Certificate] {
            in_each(world, |facts| {
                let scope = Scope::Namespace("shop".to_owned());
                facts
                    .coverage
                    .insert((kind, scope), Coverage::Seen { as_of });
            });
        }
    },
    |world| {
        // The registry does not tell what this image is made of any more.
        for found in world.images.values_mut() {
            found.source = None;
        }
    },
    |world| {
        let moved = (image(APP), tag(APP, 3));
        if let Some(tags) = world.tags.get_mut(&moved.0) {
            tags.remove(&moved.1);
        }
    },
    |world| {
        for kind in [Kind::Pod, Kind::Kustomization, Kind::Deployment] {
            in_each(world, |facts| {
                let message = "no".to_owned();
                facts
                    .coverage
                    .insert((kind, Scope::All), Coverage::Denied { message });
            });
        }
    },
    |world| {
        let as_of = world.now;
        for kind in [Kind::Pod, Kind::Kustomization, Kind::Deployment] {
            in_each(world, |facts| {
                facts
                    .coverage
                    .insert((kind, Scope::All), Coverage::Seen { as_of });
            });
        }
    },
];

fn in_each(world: &mut World, change: impl Fn(&mut ClusterFacts)) {
    let names: Vec<String> = world.facts.clusters.keys().cloned().collect();
    for name in names {
        world.edit(&name, &change);
    }
}

proptest! {
    #[test]
    fn a_board_that_stands_says_what_one_from_nothing_says(
        (name, world) in worlds(),
        mishaps in proptest::collection::vec(0..MISHAPS.len(), 0..=2),
        events in proptest::collection::vec(0..EVENTS.len(), 1..5),
    ) {
        let _ = name;
        let mut watched = Watched::new(world);
        watched.look()?;
        // What goes wrong first needs what some of the events take away.
        let mishaps = mishaps.into_iter().map(|one| MISHAPS[one]);
        for happens in mishaps.chain(events.into_iter().map(|one| EVENTS[one])) {
            happens(&mut watched.world);
            watched.look()?;
        }
    }
}

#[test]
fn a_board_that_stands_evaluates_only_what_a_change_touches() {
    let mut watched = Watched::new(delivered());
    let all = watched.look().unwrap();
    assert_eq!(watched.look().unwrap(), 0, "nothing has changed");
    let later = watched.world.now + SignedDuration::from_secs(1);
    drop(watched.standing.board(&watched.facts, &[], later));
    assert_eq!(watched.standing.evaluated(), 0, "nor with each second");
    watched.world.edit(PROD, |facts| {
        let ours = |pod: &&facts::kubernetes::Pod| pod.meta.label("app") == Some(APP);
        let key = facts.pods.values().find(ours).unwrap().meta.key();
        facts.pods.get_mut(&key).unwrap().node = Some("another".to_owned());
    });
    // What is found of its workload, and what that tells.
    assert_eq!(watched.look().unwrap(), 2, "of {all}");
}

#[test]
fn a_workload_that_came_back_was_missing_on_the_board() {
    let mut watched = Watched::new(delivered());
    watched.look().unwrap();
    let taken = (Kind::Deployment, key("shop", APP));
    let mut whole = None;
    watched.world.edit(PROD, |facts| {
        whole = facts.workloads.remove(&taken);
        facts.pods.clear();
    });
    watched.look().unwrap();
    watched.world.edit(PROD, |facts| {
        facts.workloads.insert(taken, whole.unwrap());
    });
    watched.look().unwrap();
    let board = watched
        .standing
        .board(&watched.facts, &[], watched.world.now);
    let row = board.board.rows.iter().find(|row| row.app == APP).unwrap();
    assert_eq!(row.cells.len(), 2, "{row:#?}");
}

/// Without chance: what a cell rests on lies in other Ingresses and in Certificates too.
#[test]
fn a_way_in_that_changed_was_as_before_on_the_board() {
    let steps: [fn(&mut World); 7] = [
        |world| world.ingress(APP, |one| one.addresses.clear()),
        |world| world.ingress("search", |one| one.class = None),
        |world| world.ingress("search", |one| one.class = Some("nginx".to_owned())),
        |world| world.ingress(APP, |one| one.services.clear()),
        |world| world.not_ready("search", "Expired", "", 6),
        |world| world.certificate("search", |one| one.secret.push_str("-2")),
        |world| world.certificate("search", |one| one.secret = "search-tls".to_owned()),
    ];
    let mut watched = Watched::new(delivered());
    watched.look().unwrap();
    for (number, step) in steps.into_iter().enumerate() {
        step(&mut watched.world);
        let evaluated = watched
            .look()
            .unwrap_or_else(|error| panic!("{number}: {error}"));
        assert!(evaluated > 0, "{number}");
    }
}
