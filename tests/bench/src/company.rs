//! A synthetic company of any size: N apps in M environments, each environment a cluster of its own, all delivered.
//!
//! Owns its names and its facts. Everything that the engine wants is answered at once ([`Company::known`]), so that what
//! is measured afterwards is the engine alone. The shape is that of `crates/sandbox`, with less in it: one Kustomization, one
//! Deployment with its ReplicaSet and two pods, one Service for each app and environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::cluster::Scope;
use facts::code::{
    Commit, Declared, DeclaredHistory, DeclaredImage, Relation, Resolved, ResolvedBy,
};
use facts::flux::{Artifact, Kustomization, Revision, Snapshot, Source, SourceReference};
use facts::found::{Found, Head};
use facts::image::Image;
use facts::kubernetes::{
    Container, ContainerState, ContainerStatus, EndpointSlice, Namespace, Pod, ReplicaSet, Service,
    Workload,
};
use facts::meta::{Condition, Key, Kind, Meta, Owner, Reference, Status};
use facts::{ClusterFacts, Coverage, Facts, Reach, Read, Want};
use jiff::{SignedDuration, Timestamp};

const HOST: &str = "code.bench.example";
const REGISTRY: &str = "registry.bench.example";
const FLUX: &str = "flux-system";
/// Each app has this many commits; the newest runs everywhere.
const NEWEST: u32 = 3;
const PODS: u32 = 2;

/// How large a company is.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    /// How many apps.
    pub apps: u32,
    /// How many environments, each with a cluster of its own.
    pub environments: u32,
    /// When it is looked at.
    pub now: Timestamp,
}

/// One fact that may change.
#[derive(Clone, Copy)]
pub enum Change {
    /// A pod is not ready any more.
    Pod,
    /// A Deployment counts one ready pod less.
    Workload,
    /// A Kustomization is suspended.
    Kustomization,
    /// A pod runs another image.
    Image,
}

impl Company {
    /// The facts, with everything in them that `evaluate` wants.
    pub fn known<E>(&self, evaluate: impl Fn(&Facts) -> (E, Vec<Want>)) -> Facts {
        let mut facts = self.clusters();
        loop {
            let (_, wants) = evaluate(&facts);
            if wants.is_empty() {
                return facts;
            }
            for want in wants {
                facts.absorb(self.find(&want));
            }
        }
    }

    /// The newest commit of an app.
    pub fn newest(&self, app: u32) -> String {
        sha(app, NEWEST)
    }

    /// What may change in it, one fact each, in words.
    pub fn changes(&self) -> [(&'static str, Change); 4] {
        [
            ("board, after one pod changed", Change::Pod),
            ("board, after one Deployment changed", Change::Workload),
            (
                "board, after one Kustomization changed",
                Change::Kustomization,
            ),
            ("board, after one pod with another image", Change::Image),
        ]
    }

    /// Changes one fact of the first app in the first environment.
    pub fn change(&self, facts: &mut Facts, what: Change) {
        let Some(cluster) = facts.clusters.get_mut(&environment(0)) else {
            return;
        };
        let cluster = Arc::make_mut(cluster);
        let key = Key::new(name(0), pod(0, 0));
        match what {
            Change::Pod => {
                if let Some(pod) = cluster.pods.get_mut(&key) {
                    pod.conditions = vec![condition(
                        "Ready",
                        Status::False,
                        "ContainersNotReady",
                        self.ago(1),
                    )];
                    for status in &mut pod.containers {
                        status.ready = false;
                    }
                }
            }
            Change::Image => {
                if let Some(pod) = cluster.pods.get_mut(&key) {
                    for status in &mut pod.containers {
                        status.image_id = format!("{}@{}", image(0), digest(1));
                    }
                }
            }
            Change::Workload => {
                let key = (Kind::Deployment, Key::new(name(0), name(0)));
                if let Some(workload) = cluster.workloads.get_mut(&key) {
                    workload.ready = 1;
                }
            }
            Change::Kustomization => {
                let mut keys = cluster.kustomizations.keys();
                let key = keys.next().cloned();
                drop(keys);
                if let Some(one) = key.and_then(|key| cluster.kustomizations.get_mut(&key)) {
                    one.suspended = true;
                }
            }
        }
    }

    fn ago(&self, minutes: i64) -> Timestamp {
        self.now - SignedDuration::from_mins(minutes)
    }

    fn clusters(&self) -> Facts {
        let cluster = |number: u32| {
            let environment = environment(number);
            let facts = Arc::new(self.cluster(&environment));
            (environment, facts)
        };
        Facts {
            clusters: (0..self.environments).map(cluster).collect(),
            ..Facts::default()
        }
    }

    fn cluster(&self, environment: &str) -> ClusterFacts {
        let seen = Coverage::Seen { as_of: self.now };
        let mut facts = ClusterFacts {
            reach: Reach::Answering,
            coverage: Kind::ALL
                .into_iter()
                .map(|kind| ((kind, Scope::All), seen.clone()))
                .collect(),
            ..ClusterFacts::default()
        };
        facts.sources.insert(
            (Kind::GitRepository, Key::new(FLUX, "fleet")),
            self.source(),
        );
        for app in 0..self.apps {
            self.deploy(&mut facts, app, environment);
        }
        facts
    }

    fn meta(&self, namespace: &str, name: &str) -> Meta {
        Meta {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: format!("{namespace}/{name}"),
            generation: 1,
            created: Some(self.ago(60)),
            ..Meta::default()
        }
    }

    fn source(&self) -> Source {
        Source {
            kind: Kind::GitRepository,
            meta: self.meta(FLUX, "fleet"),
            url: format!("https://{HOST}/fleet.git"),
            reference: SourceReference::Branch("main".to_owned()),
            suspended: false,
            interval: Some(SignedDuration::from_mins(1)),
            chart: None,
            chart_source: None,
            artifact: Some(Artifact {
                revision: released(),
                digest: "sha256:aa".to_owned(),
                updated: Some(self.ago(29)),
                origin_revision: None,
                origin_source: None,
            }),
            observed_generation: 1,
            conditions: vec![condition("Ready", Status::True, "Succeeded", self.ago(29))],
            handled_request: None,
        }
    }

    fn deploy(&self, facts: &mut ClusterFacts, app: u32, environment: &str) {
        let (at, space) = (self.ago(28), name(app));
        let namespace = Meta {
            name: space.clone(),
            ..Meta::default()
        };
        facts
            .namespaces
            .insert(space.clone(), Namespace { meta: namespace });
        let one = self.kustomization(app, environment);
        facts.kustomizations.insert(one.meta.key(), one);
        let labels = BTreeMap::from([("app".to_owned(), space.clone())]);
        let containers = vec![Container {
            name: "app".to_owned(),
            image: format!("{}:{}", image(app), tag(app)),
            init: false,
            memory_limit: None,
        }];
        let mut meta = self.meta(&space, &space);
        for (label, value) in [("name", space.as_str()), ("namespace", FLUX)] {
            let label = format!("kustomize.toolkit.fluxcd.io/{label}");
            meta.labels.insert(label, value.to_owned());
        }
        facts.workloads.insert(
            (Kind::Deployment, meta.key()),
            Workload {
                kind: Kind::Deployment,
                meta: meta.clone(),
                selector: labels.clone(),
                pod_labels: labels.clone(),
                containers: containers.clone(),
                environment: Vec::new(),
                paused: false,
                wanted: PODS,
                observed_generation: 1,
                updated: PODS,
                ready: PODS,
                available: PODS,
                total: PODS,
                edited: None,
                on_delete: false,
                partition: 0,
                update_revision: None,
                conditions: vec![
                    condition("Available", Status::True, "MinimumReplicasAvailable", at),
                    condition("Progressing", Status::True, "NewReplicaSetAvailable", at),
                ],
            },
        );
        let mut set = self.meta(&space, &format!("{space}-7d9f"));
        set.owners = vec![owner("Deployment", &meta)];
        set.labels = labels.clone();
        set.annotations.insert(
            "deployment.kubernetes.io/revision".to_owned(),
            "1".to_owned(),
        );
        for number in 0..PODS {
            let mut one = self.meta(&space, &pod(app, number));
            one.labels = labels.clone();
            one.owners = vec![owner("ReplicaSet", &set)];
            facts.pods.insert(one.key(), self.pod(app, one, at));
        }
        facts.replica_sets.insert(
            set.key(),
            ReplicaSet {
                meta: set,
                containers,
                wanted: PODS,
                total: PODS,
                ready: PODS,
                conditions: Vec::new(),
            },
        );
        let service = self.meta(&space, &space);
        facts.services.insert(
            service.key(),
            Service {
                meta: service,
                selector: labels,
                external_name: false,
                has_ports: true,
                edited: None,
            },
        );
        let slice = self.meta(&space, &format!("{space}-1"));
        facts.endpoint_slices.insert(
            slice.key(),
            EndpointSlice {
                meta: slice,
                service: space,
                ready: PODS,
                not_ready: 0,
                has_ports: true,
                ready_pods: (0..PODS).map(|number| pod(app, number)).collect(),
            },
        );
    }

    fn pod(&self, app: u32, meta: Meta, at: Timestamp) -> Pod {
        Pod {
            meta,
            phase: "Running".to_owned(),
            reason: None,
            message: None,
            node: Some("node-1".to_owned()),
            started: Some(at),
            conditions: vec![condition("Ready", Status::True, "", at)],
            containers: vec![ContainerStatus {
                name: "app".to_owned(),
                init: false,
                image: format!("{}:{}", image(app), tag(app)),
                image_id: format!("{}@{}", image(app), digest(app)),
                ready: true,
                restarts: 0,
                state: ContainerState::Running { since: Some(at) },
                last: None,
            }],
        }
    }

    fn kustomization(&self, app: u32, environment: &str) -> Kustomization {
        let at = self.ago(28);
        Kustomization {
            meta: self.meta(FLUX, &name(app)),
            source: reference("GitRepository", FLUX, "fleet"),
            path: path(app, environment),
            edited: None,
            suspended: false,
            interval: Some(SignedDuration::from_mins(10)),
            retry_interval: None,
            verifies: true,
            remote: false,
            target_namespace: None,
            renames: false,
            images: Vec::new(),
            prunes: true,
            patches: false,
            patches_images: false,
            components: Vec::new(),
            substitutes: Vec::new(),
            depends_on: Vec::new(),
            observed_generation: 1,
            attempted: Some(released()),
            applied: Some(released()),
            applied_origin: None,
            inventory: vec![
                reference("Deployment", &name(app), &name(app)),
                reference("Service", &name(app), &name(app)),
            ],
            history: vec![Snapshot {
                digest: format!("sha256:{app:064x}"),
                revision: Some(released()),
                first: Some(at),
                last: Some(at),
                took: None,
                status: "ReconciliationSucceeded".to_owned(),
            }],
            conditions: vec![condition(
                "Ready",
                Status::True,
                "ReconciliationSucceeded",
                at,
            )],
            handled_request: None,
        }
    }

    /// What Git and the registry say when they are asked.
    fn find(&self, want: &Want) -> Found {
        match want.clone() {
            Want::Repository { repository } => {
                let head = match number_of(&repository) {
                    Some(app) => sha(app, NEWEST),
                    None => fleet(),
                };
                Found::Repository {
                    repository,
                    head: Head {
                        coverage: Coverage::Seen { as_of: self.now },
                        default_branch: "main".to_owned(),
                        branches: BTreeMap::from([("main".to_owned(), head)]),
                        reverts: BTreeMap::new(),
                    },
                }
            }
            Want::Resolve { repository, text } => {
                let found = number_of(&repository).filter(|app| sha(*app, NEWEST) == text);
                let resolved = found.map(|_| Resolved {
                    sha: text.clone(),
                    by: ResolvedBy::Sha,
                });
                Found::Resolve {
                    resolved: resolved.into_iter().collect(),
                    repository,
                    text,
                }
            }
            Want::Commit { repository, sha } => Found::Commit {
                commit: Read::Known(self.commit(&sha)),
                repository,
                sha,
            },
            Want::Relation { repository, a, b } => Found::Relation {
                relation: match a.cmp(&b) {
                    std::cmp::Ordering::Equal => Relation::Same,
                    std::cmp::Ordering::Less => Relation::Ancestor { ahead: 1 },
                    std::cmp::Ordering::Greater => Relation::Descendant { ahead: 1 },
                },
                repository,
                a,
                b,
            },
            Want::Ci { repository, sha } => Found::Ci {
                runs: Read::Known(Vec::new()),
                repository,
                sha,
            },
            Want::Pulls { repository, sha } => Found::Pulls {
                pulls: Read::Known(Vec::new()),
                repository,
                sha,
            },
            Want::OpenPulls { repository } => Found::OpenPulls {
                pulls: Read::Known(Vec::new()),
                repository,
            },
            Want::Touched { repository, sha } => Found::Touched {
                paths: Read::Known(Vec::new()),
                repository,
                sha,
            },
            Want::Concern {
                repository,
                sha,
                path,
                objects,
            } => Found::Concern {
                concern: Read::Known(false),
                repository,
                sha,
                path,
                objects,
            },
            Want::Changes {
                repository,
                sha,
                path,
            } => Found::Changes {
                changes: Read::Known(Vec::new()),
                repository,
                sha,
                path,
            },
            Want::Declared {
                repository,
                branch,
                path,
            } => Found::Declared {
                history: Read::Known(self.declared(&path)),
                repository,
                branch,
                path,
            },
            Want::Tags { repository } => {
                let tags = number_of(&repository).map(tag);
                Found::Tags {
                    tags: Read::Known(tags.into_iter().collect()),
                    repository,
                }
            }
            Want::Digest { repository, tag } => Found::Digest {
                digest: number_of(&repository)
                    .map_or(Read::Missing, |app| Read::Known(digest(app))),
                repository,
                tag,
            },
            Want::Image { repository, digest } => Found::Image {
                image: number_of(&repository)
                    .map_or(Read::Missing, |app| Read::Known(self.image(app, &digest))),
                repository,
                digest,
            },
        }
    }

    fn commit(&self, sha: &str) -> Commit {
        Commit {
            sha: sha.to_owned(),
            parents: Vec::new(),
            author: "Robin Vale".to_owned(),
            at: self.ago(60),
            subject: "A change".to_owned(),
            branches: vec!["main".to_owned()],
        }
    }

    fn declared(&self, path: &str) -> DeclaredHistory {
        let images = path
            .rsplit('/')
            .next()
            .and_then(number_of)
            .map(|app| DeclaredImage {
                repository: image(app),
                tag: Some(tag(app)),
                digest: None,
                file: format!("{path}/kustomization.yaml"),
                line: 9,
                marker: None,
            });
        DeclaredHistory {
            head: fleet(),
            entries: vec![Declared {
                commit: self.commit(&fleet()),
                images: images.into_iter().collect(),
                broken: None,
            }],
            complete: true,
            charts: Vec::new(),
        }
    }

    fn image(&self, app: u32, digest: &str) -> Image {
        Image {
            digest: digest.to_owned(),
            source: Some(format!("https://{HOST}/apps/{}", name(app))),
            revision: Some(sha(app, NEWEST)),
            created: Some(self.ago(50)),
            platforms: vec!["linux/amd64".to_owned()],
            children: Vec::new(),
        }
    }
}

fn name(app: u32) -> String {
    format!("app-{app:04}")
}

/// The app whose name ends a repository or a path.
fn number_of(text: &str) -> Option<u32> {
    text.rsplit_once("app-")?.1.parse().ok()
}

fn environment(number: u32) -> String {
    let names = ["production", "staging", "dev", "test", "preview"];
    let name = names.get(number as usize);
    name.map_or_else(|| format!("env{number}"), |name| (*name).to_owned())
}

fn image(app: u32) -> String {
    format!("{REGISTRY}/apps/{}", name(app))
}

fn tag(app: u32) -> String {
    format!("main-{}", sha(app, NEWEST).get(33..).unwrap_or_default())
}

fn digest(app: u32) -> String {
    format!("sha256:{:064x}", app + 1)
}

fn sha(app: u32, number: u32) -> String {
    format!("{:040x}", (u64::from(app) + 1) * 16 + u64::from(number))
}

fn fleet() -> String {
    format!("{:040x}", 7)
}

fn released() -> Revision {
    Revision::new(format!("main@sha1:{}", fleet()))
}

fn path(app: u32, environment: &str) -> String {
    format!("apps/{environment}/{}", name(app))
}

fn pod(app: u32, number: u32) -> String {
    format!("{}-7d9f-{number}", name(app))
}

fn reference(kind: &str, namespace: &str, name: &str) -> Reference {
    Reference {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn owner(kind: &str, meta: &Meta) -> Owner {
    Owner {
        kind: kind.to_owned(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
    }
}

fn condition(kind: &str, status: Status, reason: &str, since: Timestamp) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: String::new(),
        since: Some(since),
        observed_generation: None,
    }
}
