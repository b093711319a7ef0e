//! Tests only: the ways a world goes wrong, as changes to a healthy one.

use facts::code::{CiState, HeadOf, PullRequest, PullState};
use facts::flux::{Artifact, Revision, SourceReference};
use facts::kubernetes::{ContainerState, Pod};
use facts::meta::{Kind, Meta, Owner, Status};
use facts::others::Canary;

use crate::world::World;
use crate::world::company::*;

pub const APP: &str = "checkout";
pub const PROD: &str = "prod";
pub const DEV: &str = "nonprod";

/// Commit 4 is on main, and nothing more.
pub fn committed() -> World {
    let mut world = calm();
    world.commit(&source(APP), APP, 4, 41);
    world
}

/// Commit 4 is built and published.
pub fn pushed() -> World {
    let mut world = calm();
    for app in APPS {
        world.push(app);
    }
    world
}

/// Commit 4 is declared for both clusters.
pub fn declared() -> World {
    let mut world = pushed();
    world.commit(FLEET, "fleet", 3, 30);
    for (cluster, _) in CLUSTERS {
        for app in APPS {
            world.declare_at(app, cluster, 4, 3, 30);
        }
    }
    world
}

/// The sources have it.
pub fn fetched() -> World {
    let mut world = declared();
    for (cluster, _) in CLUSTERS {
        world.fetch(cluster, 3, 29);
        world.apply("infra", cluster, 3, 28);
    }
    world
}

/// The Kustomizations applied it, and the workloads know.
pub fn applied() -> World {
    let mut world = fetched();
    for (cluster, _) in CLUSTERS {
        for app in APPS {
            world.apply(app, cluster, 3, 28);
            world.template(app, cluster, 4, 28);
        }
    }
    world
}

/// One new pod stands in a state of its own.
pub fn pod(change: impl FnOnce(&mut Pod)) -> World {
    let mut world = applied();
    world.one_pod(APP, PROD, change);
    world
}

pub fn waiting(reason: &str, message: &str) -> ContainerState {
    ContainerState::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

pub fn ended(world: &World, reason: &str, message: &str, exit_code: i32) -> ContainerState {
    ContainerState::Terminated {
        reason: reason.to_owned(),
        message: message.to_owned(),
        exit_code,
        finished: Some(world.ago(3)),
    }
}

/// A pull request for commit 4 of a branch.
pub fn pull(world: &World, state: PullState) -> PullRequest {
    PullRequest {
        number: 1204,
        title: "Retry card capture on timeout".to_owned(),
        url: "https://code.example/shop/checkout/pull/1204".to_owned(),
        author: "tomas".to_owned(),
        base: "main".to_owned(),
        head: "retry-capture".to_owned(),
        head_of: HeadOf::Own,
        head_sha: sha(APP, 4),
        state,
        created: world.ago(90),
        files: Vec::new(),
    }
}

/// Commit 4 is on a branch of its own.
pub fn branched() -> World {
    let mut world = calm();
    world.commit(&source(APP), APP, 4, 41);
    let repo = world.repo(&source(APP));
    repo.branches.insert("main".to_owned(), sha(APP, 3));
    repo.branches
        .insert("retry-capture".to_owned(), sha(APP, 4));
    repo.commits.get_mut(&sha(APP, 4)).unwrap().branches = vec!["retry-capture".to_owned()];
    world
}

pub fn in_pull(state: impl FnOnce(&World) -> PullState) -> World {
    let mut world = branched();
    let pull = pull(&world, state(&world));
    world
        .repo(&source(APP))
        .pulls
        .insert(sha(APP, 4), vec![pull]);
    world
}

pub fn reverted() -> World {
    let mut world = committed();
    world.commit(&source(APP), APP, 5, 20);
    world.revert(&source(APP), APP, 4, 5, 20);
    world.build(APP, 5, 15);
    world
}

pub fn ci(state: CiState) -> World {
    let mut world = committed();
    let mut run = world.run(APP, 4, state, 34);
    if state == CiState::Failed {
        run.jobs[0].failed_step = Some("Run tests".to_owned());
        run.jobs[0].last_lines = vec![
            "test capture ... FAILED".to_owned(),
            "error: 1 test failed".to_owned(),
        ];
    }
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    world
}

pub fn never_pushed() -> World {
    ci(CiState::Succeeded)
}

/// Image automation in dev, changed.
pub fn automation(change: impl FnOnce(&mut World)) -> World {
    let mut world = pushed();
    change(&mut world);
    world
}

pub fn source_fails(reason: &str, message: &str) -> World {
    let mut world = declared();
    let since = world.ago(25);
    world.edit(PROD, |facts| {
        let source = facts
            .sources
            .get_mut(&(Kind::GitRepository, key("flux-system", "fleet")))
            .unwrap();
        source.conditions = vec![
            condition("FetchFailed", Status::True, reason, message, since),
            condition("Ready", Status::False, reason, message, since),
        ];
    });
    world
}

/// The Kustomization of the app attempted commit 3 of the fleet and failed at it.
pub fn attempted(reason: &str, message: &str) -> World {
    let mut world = fetched();
    fail(&mut world, APP, reason, message);
    world
}

pub fn fail(world: &mut World, name: &str, reason: &str, message: &str) {
    let since = world.ago(14);
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", name))
            .unwrap();
        one.attempted = Some(revision(3));
        one.applied = Some(revision(2));
        one.conditions = vec![condition("Ready", Status::False, reason, message, since)];
    });
}

/// The app's Kustomization waits for `infra`.
pub fn wait_for_infra(world: &mut World) {
    let since = world.ago(13);
    world.edit(PROD, |facts| {
        let one = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        one.conditions = vec![condition(
            "Ready",
            Status::False,
            "DependencyNotReady",
            "dependency 'flux-system/infra' is not ready",
            since,
        )];
    });
}

/// The HelmRelease of `search` has commit 4 and failed at it; the workload still has commit 3.
pub fn helm(conditions: &[(&str, Status, &str, &str)]) -> World {
    let mut world = fetched();
    world.apply("search", PROD, 3, 28);
    let since = world.ago(14);
    let at = world.ago(27);
    world.edit(PROD, |facts| {
        release(facts, "search", "shop", 4, at);
        let one = facts.helm_releases.get_mut(&key("shop", "search")).unwrap();
        one.conditions = conditions
            .iter()
            .map(|(kind, status, reason, message)| condition(kind, *status, reason, message, since))
            .collect();
        one.history[0].status = "failed".to_owned();
    });
    world
}

/// Flux applied commit 4 of the app, and its Kustomization's own spec keeps commit 3.
pub fn overridden(app: &str, change: impl FnOnce(&mut facts::flux::Kustomization)) -> World {
    let mut world = fetched();
    world.apply(app, PROD, 3, 28);
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", app));
        change(one.unwrap());
    });
    world
}

/// One of `spec.images` that names a commit of the app.
pub fn image_of(number: u32) -> facts::flux::ImageOverride {
    facts::flux::ImageOverride {
        name: image(APP),
        new_name: None,
        tag: Some(tag(APP, number)),
        digest: None,
    }
}

pub fn workload(world: &mut World, change: impl FnOnce(&mut facts::kubernetes::Workload)) {
    world.edit(PROD, |facts| {
        let is_its = |of: &&(Kind, facts::Key)| of.1 == key("shop", APP);
        let its = facts.workloads.keys().find(is_its).cloned();
        // A mishap of a workload that is gone changes nothing.
        its.and_then(|its| facts.workloads.get_mut(&its))
            .map(change);
    });
}

/// The Deployment becomes another kind of workload.
pub fn as_kind(world: &mut World, kind: Kind) {
    world.edit(PROD, |facts| {
        let mut workload = std::sync::Arc::unwrap_or_clone(
            facts
                .workloads
                .remove(&(Kind::Deployment, key("shop", APP)))
                .unwrap(),
        );
        workload.kind = kind;
        workload.update_revision = (kind == Kind::StatefulSet).then(|| "checkout-new".to_owned());
        facts.workloads.insert((kind, key("shop", APP)), workload);
        let applied = facts
            .kustomizations
            .get_mut(&key("flux-system", APP))
            .unwrap();
        applied.inventory = vec![reference(kind.name(), "shop", APP)];
        facts.pods.change(|pod| {
            if pod.meta.label("app") == Some(APP) {
                pod.meta.labels.remove("pod-template-hash");
                pod.meta.labels.insert(
                    "controller-revision-hash".to_owned(),
                    "checkout-new".to_owned(),
                );
                pod.meta.owners[0].kind = kind.name().to_owned();
                pod.meta.owners[0].name = APP.to_owned();
            }
        });
    });
}

/// The new ReplicaSet cannot create pods.
pub fn refused(message: &str) -> World {
    let mut world = applied();
    let since = world.ago(26);
    world.edit(PROD, |facts| {
        facts.replica_sets.change(|set| {
            if set.meta.owners[0].name == APP && set.meta.annotations.values().any(|n| n == "4") {
                set.conditions = vec![condition(
                    "ReplicaFailure",
                    Status::True,
                    "FailedCreate",
                    message,
                    since,
                )];
                set.total = 0;
            }
        });
    });
    world
}

/// The chart of `search` lies in the fleet, and commit 4 changes it there, and nothing else. `version` is the chart's, as
/// it was packed `packed` minutes ago; Flux fetched the commit 29 minutes ago and built the same manifests as before.
pub fn chart_in_git(version: &str, packed: i64) -> World {
    let mut world = calm();
    let name = "search";
    world.commit(FLEET, name, 4, 30);
    let commit = sha(name, 4);
    world.repo(FLEET).touched.insert(
        commit.clone(),
        vec!["charts/service/values.yaml".to_owned()],
    );
    let (packed, fetched) = (world.ago(packed), world.ago(29));
    world.edit(PROD, |facts| {
        let fleet = reference("GitRepository", "flux-system", "fleet");
        let artifact = |text: &str, updated| {
            Some(Artifact {
                revision: Revision::new(text),
                digest: "sha256:aa".to_owned(),
                updated: Some(updated),
                origin_revision: None,
                origin_source: None,
            })
        };
        let at = format!("main@sha1:{commit}");
        let source = facts
            .sources
            .get_mut(&(Kind::GitRepository, key("flux-system", "fleet")))
            .unwrap();
        source.artifact = artifact(&at, fetched);
        let chart = facts
            .sources
            .get_mut(&(Kind::HelmChart, key("flux-system", "shop-search")))
            .unwrap();
        chart.chart = Some("./charts/service".to_owned());
        chart.chart_source = Some(fleet.clone());
        chart.reference = SourceReference::Default;
        chart.artifact = artifact(version, packed);
        let release = facts.helm_releases.get_mut(&key("shop", name)).unwrap();
        release.chart = Some("./charts/service".to_owned());
        release.chart_version = None;
        release.source = Some(fleet);
        release.history[0].chart_version = version.to_owned();
        let above = facts
            .kustomizations
            .get_mut(&key("flux-system", name))
            .unwrap();
        let revision = Revision::new(at);
        above.attempted = Some(revision.clone());
        above.applied = Some(revision.clone());
        above.history[0].revision = Some(revision);
    });
    world
}

/// Flux applied commit 4 to the target of a Canary in production; its primary still runs commit 3.
pub fn canary(phase: &str) -> World {
    let mut world = applied();
    let before = calm().facts.clusters[PROD].clone();
    let since = world.ago(20);
    let rename = |meta: &mut Meta| meta.name = meta.name.replacen(APP, "checkout-primary", 1);
    world.edit(PROD, |facts| {
        let label = ("app".to_owned(), "checkout-primary".to_owned());
        let owner = |kind: &str, name: &str| {
            vec![Owner {
                kind: kind.to_owned(),
                name: name.to_owned(),
                uid: name.to_owned(),
            }]
        };
        let mut primary = before
            .workloads
            .get(&(Kind::Deployment, key("shop", APP)))
            .unwrap()
            .clone();
        rename(&mut primary.meta);
        primary.meta.labels.clear();
        primary.meta.owners = owner("Canary", APP);
        primary.selector = [label.clone()].into();
        primary.pod_labels = [label.clone()].into();
        let at = (Kind::Deployment, primary.meta.key());
        facts.workloads.insert(at, primary);
        for set in before.replica_sets.values() {
            let mut set = set.clone();
            if set.meta.owners[0].name == APP {
                rename(&mut set.meta);
                set.meta.owners = owner("Deployment", "checkout-primary");
                set.meta.owners[0].uid = "shop-checkout".to_owned();
                facts.replica_sets.insert(set.meta.key(), set);
            }
        }
        for pod in before.pods.values() {
            let mut pod = pod.clone();
            if pod.meta.label("app") == Some(APP) {
                rename(&mut pod.meta);
                let set = pod.meta.owners[0].name.replacen(APP, "checkout-primary", 1);
                pod.meta.owners = owner("ReplicaSet", &set);
                pod.meta.labels.extend([label.clone()]);
                facts.pods.insert(pod.meta.key(), pod);
            }
        }
        let canary = Canary {
            meta: Meta {
                namespace: "shop".to_owned(),
                name: APP.to_owned(),
                ..Meta::default()
            },
            target_kind: "Deployment".to_owned(),
            target: APP.to_owned(),
            phase: phase.to_owned(),
            weight: 20,
            failed_checks: 0,
            conditions: vec![condition("Promoted", Status::Unknown, phase, "", since)],
        };
        facts.canaries.insert(canary.meta.key(), canary);
    });
    world
}

/// Further mishaps, to be added to any world.
pub const MISHAPS: &[fn(&mut World)] = &[
    |world| {
        let since = world.ago(6);
        for (cluster, _) in CLUSTERS {
            world.edit(cluster, |facts| {
                let key = (Kind::GitRepository, key("flux-system", "fleet"));
                facts.sources.get_mut(&key).unwrap().conditions = vec![condition(
                    "Ready",
                    Status::False,
                    "GitOperationFailed",
                    "i/o timeout",
                    since,
                )];
            });
        }
    },
    |world| {
        world.edit(PROD, |facts| {
            let key = (Kind::GitRepository, key("flux-system", "fleet"));
            facts.sources.get_mut(&key).unwrap().suspended = true;
        });
    },
    |world| {
        world.edit(PROD, |facts| {
            facts.kustomizations.change(|one| one.suspended = true);
        });
    },
    |world| {
        let since = world.ago(6);
        world.edit(PROD, |facts| {
            if let Some(one) = facts.kustomizations.get_mut(&key("flux-system", "infra")) {
                let says = "health check failed: [HelmRelease/shop/search status: 'Failed']";
                one.conditions = vec![condition(
                    "Ready",
                    Status::False,
                    "HealthCheckFailed",
                    says,
                    since,
                )];
            }
        });
    },
    |world| {
        world.edit(PROD, |facts| {
            facts.pods.change(|pod| {
                pod.conditions.retain(|one| one.kind != "Ready");
                for status in &mut pod.containers {
                    status.ready = false;
                    status.restarts = 7;
                    status.state = waiting("CrashLoopBackOff", "");
                }
            });
        });
    },
    |world| {
        world.edit(PROD, |facts| {
            facts.pods.change(|pod| {
                pod.conditions.retain(|one| one.kind != "Ready");
                for status in &mut pod.containers {
                    status.ready = false;
                    status.state = waiting("ContainerCreating", "");
                }
            });
        });
    },
    |world| world.revert(&source(APP), APP, 4, 3, 5),
    |world| {
        let run = world.run(APP, 4, CiState::Failed, 34);
        world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    },
    |world| {
        world
            .tags
            .get_mut(&image(APP))
            .unwrap()
            .remove(&tag(APP, 4));
    },
    |world| {
        world.images.remove(&(image(APP), digest(APP, 4)));
    },
    |world| workload(world, |one| one.paused = true),
    |world| workload(world, |one| one.observed_generation -= 1),
    |world| {
        world.edit(PROD, |facts| {
            facts.endpoint_slices.change(|slice| {
                slice.ready = 0;
            });
        });
    },
    |world| {
        let created = world.ago(20);
        world.edit(PROD, |facts| {
            if let Some(one) = facts.ingresses.get_mut(&key("shop", APP)) {
                one.addresses.clear();
                one.meta.created = Some(created);
            }
        });
    },
    |world| {
        let since = world.ago(6);
        world.edit(PROD, |facts| {
            facts.certificates.change(|one| {
                let says = "Certificate expired on Mon, 02 Mar 2026 11:54:00 UTC";
                one.conditions = vec![condition("Ready", Status::False, "Expired", says, since)];
            });
        });
    },
    |world| {
        world.edit(PROD, |facts| {
            let first = facts.pods.keys().next().cloned();
            facts.pods.remove(&first.unwrap());
        });
    },
    |world| {
        world.edit(DEV, |facts| {
            facts.image_automations.change(|one| {
                one.suspended = true;
            });
            facts.image_policies.change(|one| {
                one.suspended = true;
            });
        });
    },
];
