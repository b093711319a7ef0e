//! Tests only: a shop with two apps. `checkout` is applied by a Kustomization, `search` by a HelmRelease; both live in
//! dev (written by image automation) and in production (promoted by hand), each on its own cluster.

pub mod ecs;
pub mod objects;
pub mod staging;
pub mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::code::{
    CiJob, CiRun, CiState, Commit, Declared, DeclaredHistory, DeclaredImage, Revert,
};
use facts::flux::*;
use facts::image::Image;
use facts::kubernetes::*;
use facts::meta::{Condition, Key, Kind, Meta, Reference, Status};
use facts::{ClusterFacts, Coverage, Reach};
use jiff::{SignedDuration, Timestamp};

use objects::{containers, helm_chart, kustomization, pod, replica_set};
pub use objects::{pod_name, release};

use super::{Repo, World};

pub const FLEET: &str = "code.example/shop/fleet";
pub const CLUSTERS: [(&str, &str); 2] = [("nonprod", "dev"), ("prod", "production")];
pub const APPS: [&str; 2] = ["checkout", "search"];

pub fn source(app: &str) -> String {
    format!("code.example/shop/{app}")
}

pub fn image(app: &str) -> String {
    format!("registry.example/shop/{app}")
}

/// A SHA that its number can be read from.
pub fn sha(app: &str, number: u32) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in app.bytes().chain(number.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let one = format!("{hash:016x}");
    format!("{one}{one}{}", &one[..8])
}

pub fn digest(app: &str, number: u32) -> String {
    let one = sha(&format!("image of {app}"), number);
    format!("sha256:{one}{}", &one[..24])
}

pub fn tag(app: &str, number: u32) -> String {
    format!("main-{}-{}", &sha(app, number)[..7], 1_700_000_000 + number)
}

pub fn namespace(cluster: &str) -> &'static str {
    if cluster == "prod" {
        "shop"
    } else {
        "shop-dev"
    }
}

pub fn environment(cluster: &str) -> &'static str {
    if cluster == "prod" {
        "production"
    } else {
        "dev"
    }
}

pub fn path(app: &str, cluster: &str) -> String {
    format!("apps/{}/{app}", environment(cluster))
}

pub fn key(namespace: &str, name: &str) -> Key {
    Key::new(namespace, name)
}

pub fn condition(
    kind: &str,
    status: Status,
    reason: &str,
    message: &str,
    since: Timestamp,
) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        since: Some(since),
        observed_generation: None,
    }
}

pub fn reference(kind: &str, namespace: &str, name: &str) -> Reference {
    Reference {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn meta(namespace: &str, name: &str, created: Timestamp) -> Meta {
    Meta {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("{namespace}-{name}"),
        generation: 1,
        created: Some(created),
        ..Meta::default()
    }
}

fn minutes(count: i64) -> Option<SignedDuration> {
    Some(SignedDuration::from_mins(count))
}

pub fn revision(number: u32) -> Revision {
    Revision::new(format!("main@sha1:{}", sha("fleet", number)))
}

/// The world in which commit 3 of both apps is deployed everywhere, and nothing else is under way.
pub fn calm() -> World {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let mut world = World {
        now,
        facts: facts::Facts::default(),
        repos: BTreeMap::new(),
        tags: BTreeMap::new(),
        images: BTreeMap::new(),
        deaf: BTreeMap::new(),
        shut: BTreeMap::new(),
    };
    for app in APPS {
        world.repos.insert(
            source(app),
            Repo {
                default_branch: "main".to_owned(),
                ..Repo::default()
            },
        );
        for number in 1..=3 {
            let at = 2880 - 300 * i64::from(number);
            world.commit(&source(app), app, number, at);
            world.build(app, number, at - 5);
        }
    }
    world.repos.insert(
        FLEET.to_owned(),
        Repo {
            default_branch: "main".to_owned(),
            ..Repo::default()
        },
    );
    world.commit(FLEET, "fleet", 1, 2000);
    for (cluster, _) in CLUSTERS {
        world.facts.clusters.insert(
            cluster.to_owned(),
            Arc::new(ClusterFacts {
                reach: Reach::Answering,
                ..ClusterFacts::default()
            }),
        );
        world.edit(cluster, |facts| {
            for kind in Kind::ALL {
                let seen = Coverage::Seen { as_of: now };
                facts
                    .coverage
                    .insert((kind, facts::cluster::Scope::All), seen);
            }
        });
        world.flux(cluster);
        for app in APPS {
            world.declare_at(app, cluster, 2, 1, 2000);
            world.declare_at(app, cluster, 3, 2, 1900);
            world.workload(app, cluster, 3, 1890);
        }
    }
    for app in APPS {
        world.way_in(app, 1890);
    }
    world.commit(FLEET, "fleet", 2, 1900);
    for (cluster, _) in CLUSTERS {
        world.fetch(cluster, 2, 1899);
        for app in APPS {
            world.apply(app, cluster, 2, 1898);
        }
        world.apply("infra", cluster, 2, 1898);
    }
    world
}

/// The world in which commit 4 of `checkout` and `search` went all the way.
pub fn delivered() -> World {
    let mut world = calm();
    for app in APPS {
        world.push(app);
    }
    world.commit(FLEET, "fleet", 3, 30);
    for (cluster, _) in CLUSTERS {
        for app in APPS {
            world.declare_at(app, cluster, 4, 3, 30);
        }
        world.fetch(cluster, 3, 29);
        for app in APPS {
            world.apply(app, cluster, 3, 28);
            world.roll(app, cluster, 4, 28);
        }
        world.apply("infra", cluster, 3, 28);
    }
    world
}

impl World {
    /// Adds a commit to the end of a repository's main branch.
    pub fn commit(&mut self, repository: &str, name: &str, number: u32, ago: i64) -> Commit {
        let at = self.ago(ago);
        let repo = self.repo(repository);
        let parents = repo.branches.get("main").cloned().into_iter().collect();
        let commit = Commit {
            sha: sha(name, number),
            parents,
            author: "Mina Osei".to_owned(),
            at,
            subject: format!("Change {number} of {name}"),
            branches: vec!["main".to_owned()],
        };
        repo.commits.insert(commit.sha.clone(), commit.clone());
        repo.branches.insert("main".to_owned(), commit.sha.clone());
        repo.touched
            .insert(commit.sha.clone(), vec!["src/main.rs".to_owned()]);
        commit
    }

    /// Commit `by` of a repository takes commit `what` back.
    pub fn revert(&mut self, repository: &str, name: &str, what: u32, by: u32, ago: i64) {
        let revert = Revert {
            by: sha(name, by),
            author: "Mina Osei".to_owned(),
            at: self.ago(ago),
            others: Vec::new(),
        };
        self.repo(repository)
            .reverts
            .insert(sha(name, what), revert);
    }

    /// A CI run for a commit.
    pub fn run(&self, app: &str, number: u32, state: CiState, ago: i64) -> CiRun {
        CiRun {
            id: 4800 + u64::from(number),
            name: "build".to_owned(),
            url: format!("https://{}/actions/runs/{}", source(app), 4800 + number),
            state,
            created: self.ago(ago + 6),
            updated: self.ago(ago),
            jobs: vec![CiJob {
                name: "image".to_owned(),
                state,
                failed_step: None,
                last_lines: Vec::new(),
            }],
        }
    }

    /// CI succeeded for a commit and pushed its image.
    pub fn build(&mut self, app: &str, number: u32, ago: i64) {
        let run = self.run(app, number, CiState::Succeeded, ago);
        self.repo(&source(app))
            .ci
            .insert(sha(app, number), vec![run]);
        self.publish(app, number, ago + 1);
    }

    pub fn publish(&mut self, app: &str, number: u32, ago: i64) {
        self.tags
            .entry(image(app))
            .or_default()
            .insert(tag(app, number), digest(app, number));
        let created = Some(self.ago(ago));
        self.images.insert(
            (image(app), digest(app, number)),
            Image {
                digest: digest(app, number),
                source: Some(format!("https://{}", source(app))),
                revision: Some(sha(app, number)),
                created,
                platforms: vec!["linux/amd64".to_owned()],
                children: Vec::new(),
            },
        );
    }

    /// Commit 4: pushed, built and published.
    pub fn push(&mut self, app: &str) {
        self.commit(&source(app), app, 4, 41);
        self.build(app, 4, 34);
    }

    /// The fleet's commit `fleet` declares an app's commit for a cluster.
    pub fn declare_at(&mut self, app: &str, cluster: &str, number: u32, fleet: u32, ago: i64) {
        let at = self.ago(ago);
        let file = format!("{}/kustomization.yaml", path(app, cluster));
        let marker = (cluster == "nonprod").then(|| format!("flux-system:{app}"));
        let commit = Commit {
            sha: sha("fleet", fleet),
            parents: Vec::new(),
            author: "Tomás Reyes".to_owned(),
            at,
            subject: format!("Release {app} {}", &sha(app, number)[..7]),
            branches: vec!["main".to_owned()],
        };
        let history = self
            .repo(FLEET)
            .declared
            .entry(("main".to_owned(), path(app, cluster)))
            .or_insert_with(|| DeclaredHistory {
                head: String::new(),
                entries: Vec::new(),
                complete: true,
                charts: Vec::new(),
            });
        history.head = commit.sha.clone();
        history.entries.insert(
            0,
            Declared {
                commit,
                images: vec![DeclaredImage {
                    repository: image(app),
                    tag: Some(tag(app, number)),
                    digest: None,
                    file,
                    line: 14,
                    marker,
                }],
                broken: None,
            },
        );
    }

    /// A branch of the fleet declares a commit of `checkout` for a cluster.
    pub fn declare_on(&mut self, branch: &str, cluster: &str, number: u32) {
        let path = path("checkout", cluster);
        let main = ("main".to_owned(), path.clone());
        let mut history = self.repo(FLEET).declared[&main].clone();
        history.entries[0].images[0].tag = Some(tag("checkout", number));
        let own = (branch.to_owned(), path);
        self.repo(FLEET).declared.insert(own, history);
    }

    /// Flux's own objects of a cluster.
    fn flux(&mut self, cluster: &str) {
        let old = self.ago(20_000);
        let is_dev = cluster == "nonprod";
        let marked = |app: &str| format!("{}:{}", image(app), tag(app, 3));
        let ran = self.ago(2);
        let now = self.now;
        self.edit(cluster, |facts| {
            let name = "fleet";
            facts.sources.insert(
                (Kind::GitRepository, key("flux-system", name)),
                Source {
                    kind: Kind::GitRepository,
                    meta: meta("flux-system", name, old),
                    url: format!("https://{FLEET}.git"),
                    reference: SourceReference::Branch("main".to_owned()),
                    suspended: false,
                    interval: minutes(1),
                    chart: None,
                    chart_source: None,
                    artifact: None,
                    observed_generation: 1,
                    conditions: vec![condition("Ready", Status::True, "Succeeded", "stored", old)],
                    handled_request: None,
                },
            );
            facts.kustomizations.insert(
                key("flux-system", "infra"),
                kustomization("infra", "infra", old),
            );
            for app in APPS {
                let mut one = kustomization(app, &path(app, cluster), old);
                one.depends_on = vec![reference("Kustomization", "flux-system", "infra")];
                one.inventory = vec![if app == "search" {
                    reference("HelmRelease", namespace(cluster), app)
                } else {
                    reference("Deployment", namespace(cluster), app)
                }];
                facts.kustomizations.insert(key("flux-system", app), one);
            }
            helm_chart(facts, cluster, old);
            facts.namespaces.insert(
                namespace(cluster).to_owned(),
                Namespace {
                    meta: Meta {
                        name: namespace(cluster).to_owned(),
                        ..Meta::default()
                    },
                },
            );
            if !is_dev {
                return;
            }
            for app in APPS {
                facts.image_repositories.insert(
                    key("flux-system", app),
                    ImageRepository {
                        meta: meta("flux-system", app, old),
                        image: image(app),
                        suspended: false,
                        interval: minutes(5),
                        scanned: Some(now - SignedDuration::from_mins(3)),
                        latest_tags: vec![tag(app, 3), tag(app, 2)],
                        conditions: vec![condition("Ready", Status::True, "Succeeded", "", old)],
                        observed_generation: 1,
                    },
                );
                facts.image_policies.insert(
                    key("flux-system", app),
                    ImagePolicy {
                        meta: meta("flux-system", app, old),
                        repository: reference("ImageRepository", "flux-system", app),
                        suspended: false,
                        rule: "numerical asc".to_owned(),
                        filter: Some("^main-[a-f0-9]+-(?P<ts>[0-9]+)$".to_owned()),
                        latest_tag: Some(tag(app, 3)),
                        latest_digest: None,
                        conditions: vec![condition("Ready", Status::True, "Succeeded", "", old)],
                        observed_generation: 1,
                    },
                );
            }
            facts.image_automations.insert(
                key("flux-system", "bumps"),
                ImageUpdateAutomation {
                    meta: meta("flux-system", "bumps", old),
                    source: reference("GitRepository", "flux-system", "fleet"),
                    path: "apps/dev".to_owned(),
                    checkout_branch: None,
                    push_branch: None,
                    suspended: false,
                    interval: minutes(5),
                    ran: Some(ran),
                    push_commit: Some(sha("fleet", 2)),
                    pushed: Some(now - SignedDuration::from_mins(1900)),
                    observed_policies: APPS
                        .iter()
                        .map(|app| ((*app).to_owned(), marked(app)))
                        .collect(),
                    conditions: vec![condition(
                        "Ready",
                        Status::True,
                        "Succeeded",
                        "repository up-to-date",
                        old,
                    )],
                    observed_generation: 1,
                },
            );
        });
    }

    /// Changes a Kustomization of a cluster.
    pub fn kustomization(
        &mut self,
        cluster: &str,
        name: &str,
        change: impl FnOnce(&mut facts::flux::Kustomization),
    ) {
        self.edit(cluster, |facts| {
            let one = facts.kustomizations.get_mut(&key("flux-system", name));
            change(one.expect(name));
        });
    }

    /// Image automation noticed and wrote commit 4.
    pub fn automate(&mut self, app: &str) {
        let at = self.ago(31);
        self.edit("nonprod", |facts| {
            let name = key("flux-system", app);
            let scanned = facts.image_repositories.get_mut(&name).unwrap();
            scanned.latest_tags.insert(0, tag(app, 4));
            facts.image_policies.get_mut(&name).unwrap().latest_tag = Some(tag(app, 4));
            let bumps = facts
                .image_automations
                .get_mut(&key("flux-system", "bumps"))
                .unwrap();
            bumps
                .observed_policies
                .insert(app.to_owned(), format!("{}:{}", image(app), tag(app, 4)));
            bumps.pushed = Some(at);
        });
    }

    /// The source fetches a commit of the fleet.
    pub fn fetch(&mut self, cluster: &str, fleet: u32, ago: i64) {
        let updated = Some(self.ago(ago));
        self.edit(cluster, |facts| {
            let source = facts
                .sources
                .get_mut(&(Kind::GitRepository, key("flux-system", "fleet")))
                .unwrap();
            source.artifact = Some(Artifact {
                revision: revision(fleet),
                digest: "sha256:aa".to_owned(),
                updated,
                origin_revision: None,
                origin_source: None,
            });
        });
    }

    /// A Kustomization applies a commit of the fleet.
    pub fn apply(&mut self, name: &str, cluster: &str, fleet: u32, ago: i64) {
        let at = self.ago(ago);
        self.edit(cluster, |facts| {
            let one = facts
                .kustomizations
                .get_mut(&key("flux-system", name))
                .unwrap();
            one.attempted = Some(revision(fleet));
            one.applied = Some(revision(fleet));
            one.history.insert(
                0,
                Snapshot {
                    took: None,
                    digest: format!("sha256:{name}{fleet}"),
                    revision: Some(revision(fleet)),
                    first: Some(at),
                    last: Some(at),
                    status: "ReconciliationSucceeded".to_owned(),
                },
            );
            one.conditions = vec![condition(
                "Ready",
                Status::True,
                "ReconciliationSucceeded",
                "Applied revision",
                at,
            )];
        });
    }

    /// A workload with all its pods of a commit; the release too, where Helm installs it.
    pub fn workload(&mut self, app: &str, cluster: &str, number: u32, ago: i64) {
        let at = self.ago(ago);
        let space = namespace(cluster);
        let by_helm = app == "search";
        self.edit(cluster, |facts| {
            let group = if by_helm { "helm" } else { "kustomize" };
            let owner_space = if by_helm { space } else { "flux-system" };
            let mut labels = BTreeMap::from([
                ("app.kubernetes.io/name".to_owned(), app.to_owned()),
                (format!("{group}.toolkit.fluxcd.io/name"), app.to_owned()),
                (
                    format!("{group}.toolkit.fluxcd.io/namespace"),
                    owner_space.to_owned(),
                ),
            ]);
            let mut workload_meta = meta(space, app, at);
            workload_meta.labels = labels.clone();
            labels.clear();
            let pod_labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
            facts.workloads.insert(
                (Kind::Deployment, key(space, app)),
                Workload {
                    kind: Kind::Deployment,
                    meta: workload_meta,
                    selector: pod_labels.clone(),
                    pod_labels: pod_labels.clone(),
                    containers: containers(app, number),
                    environment: Vec::new(),
                    paused: false,
                    wanted: 2,
                    observed_generation: 1,
                    updated: 2,
                    ready: 2,
                    available: 2,
                    total: 2,
                    edited: None,
                    on_delete: false,
                    partition: 0,
                    update_revision: None,
                    conditions: vec![
                        condition(
                            "Available",
                            Status::True,
                            "MinimumReplicasAvailable",
                            "",
                            at,
                        ),
                        condition(
                            "Progressing",
                            Status::True,
                            "NewReplicaSetAvailable",
                            "",
                            at,
                        ),
                    ],
                },
            );
            let mut service = meta(space, app, at);
            service.labels.clear();
            facts.services.insert(
                key(space, app),
                Service {
                    meta: service,
                    selector: pod_labels,
                    external_name: false,
                    has_ports: true,
                    edited: None,
                },
            );
            facts.endpoint_slices.insert(
                key(space, &format!("{app}-1")),
                EndpointSlice {
                    meta: meta(space, &format!("{app}-1"), at),
                    service: app.to_owned(),
                    ready: 2,
                    not_ready: 0,
                    ready_pods: Vec::new(),
                    has_ports: true,
                },
            );
            replica_set(facts, app, space, number, 2, at);
            for index in 0..2 {
                facts.pods.insert(
                    key(space, &pod_name(app, number, index)),
                    pod(app, space, number, index, at),
                );
            }
            if by_helm {
                release(facts, app, space, number, at);
            }
        });
    }

    /// Flux changed the template: the Deployment names a commit's image, and a new ReplicaSet wants its pods.
    pub fn template(&mut self, app: &str, cluster: &str, number: u32, ago: i64) {
        let at = self.ago(ago);
        let space = namespace(cluster);
        self.edit(cluster, |facts| {
            let workload = facts
                .workloads
                .get_mut(&(Kind::Deployment, key(space, app)))
                .unwrap();
            workload.containers = containers(app, number);
            workload.meta.generation += 1;
            workload.observed_generation += 1;
            workload.updated = 0;
            workload.conditions = vec![condition(
                "Progressing",
                Status::True,
                "ReplicaSetUpdated",
                "",
                at,
            )];
            replica_set(facts, app, space, number, 1, at);
            if app == "search" {
                release(facts, app, space, number, at);
            }
        });
    }

    /// One new pod stands beside the old ones, in a state of its own.
    pub fn one_pod(&mut self, app: &str, cluster: &str, change: impl FnOnce(&mut Pod)) {
        let number = 4;
        let at = self.ago(27);
        let space = namespace(cluster);
        self.edit(cluster, |facts| {
            let mut one = pod(app, space, number, 0, at);
            one.conditions[0] = condition("Ready", Status::False, "ContainersNotReady", "", at);
            one.containers[0].ready = false;
            change(&mut one);
            facts.pods.insert(one.meta.key(), one);
            let workload = facts
                .workloads
                .get_mut(&(Kind::Deployment, key(space, app)))
                .unwrap();
            workload.updated = 1;
            workload.total = 3;
        });
    }

    /// The rollout of a commit is over.
    pub fn roll(&mut self, app: &str, cluster: &str, number: u32, ago: i64) {
        let at = self.ago(ago);
        let space = namespace(cluster);
        self.edit(cluster, |facts| {
            facts
                .pods
                .retain(|_, pod| pod.meta.label("app") != Some(app));
            facts.replica_sets.change(|set| {
                if set.meta.owners[0].name == app {
                    (set.wanted, set.total, set.ready) = (0, 0, 0);
                }
            });
            let workload = facts
                .workloads
                .get_mut(&(Kind::Deployment, key(space, app)))
                .unwrap();
            workload.containers = containers(app, number);
            workload.meta.generation += 1;
            workload.observed_generation = workload.meta.generation;
            (workload.updated, workload.ready, workload.total) = (2, 2, 2);
            replica_set(facts, app, space, number, 2, at);
            for index in 0..2 {
                facts.pods.insert(
                    key(space, &pod_name(app, number, index)),
                    pod(app, space, number, index, at),
                );
            }
            if app == "search" {
                release(facts, app, space, number, at);
            }
        });
    }

    /// A warning about a pod of commit 4.
    pub fn warn(&mut self, app: &str, cluster: &str, reason: &str, message: &str, count: u32) {
        let at = self.ago(5);
        let space = namespace(cluster);
        let about = reference("Pod", space, &pod_name(app, 4, 0));
        self.edit(cluster, |facts| {
            facts.events.insert(
                key(space, &format!("event-{reason}")),
                Event {
                    meta: meta(space, &format!("event-{reason}"), at),
                    about,
                    warning: true,
                    reason: reason.to_owned(),
                    message: message.to_owned(),
                    count,
                    last: Some(at),
                },
            );
        });
    }
}
