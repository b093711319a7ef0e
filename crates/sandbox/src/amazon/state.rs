//! What an account holds: clusters, families, services with their deployments, tasks and events.
//!
//! Owns the values and the small questions to them. When anything changes is the scheduler's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Breaker;

/// Everything.
pub(super) struct State {
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// Revisions by family, the first one first.
    pub(super) definitions: BTreeMap<String, Vec<Definition>>,
    seed: u64,
    /// Ids that were given out.
    given: u64,
}

/// An ECS cluster.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) tags: Vec<(String, String)>,
    pub(super) services: BTreeMap<String, Service>,
}

/// One revision of a task definition.
pub(super) struct Definition {
    pub(super) revision: u32,
    pub(super) image: String,
    pub(super) registered: Timestamp,
    /// Who registered it, as the last part of an ARN.
    pub(super) by: String,
}

/// A service. Its family and its container have its name.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) desired: usize,
    pub(super) breaker: Breaker,
    pub(super) instances: bool,
    /// Whether a rule of the load balancer sends traffic to its target group.
    pub(super) in_use: bool,
    /// All that there ever were, the first one first.
    pub(super) deployments: Vec<Deployment>,
    pub(super) tasks: Vec<Task>,
    /// What ECS says, the first one first.
    pub(super) events: Vec<(Timestamp, String)>,
}

/// A change of a service to a revision: what `deployments` and service deployments both speak of.
pub(super) struct Deployment {
    pub(super) number: u64,
    pub(super) revision: u32,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Tasks that failed.
    pub(super) failed: u32,
    /// Launches that were tried.
    pub(super) tries: u32,
    pub(super) phase: Phase,
}

/// How far a deployment is, and when it goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Tasks are to be started.
    Launch {
        due: Timestamp,
    },
    /// Tasks were started: what becomes of them shows then.
    Judge {
        begun: Timestamp,
        due: Timestamp,
    },
    /// All run, and those of before are on their way out.
    Drain {
        due: Timestamp,
    },
    Completed,
    /// The circuit breaker ended it, and nothing came in its place.
    Failed,
    /// The circuit breaker took it back.
    RolledBack {
        at: Timestamp,
    },
    /// A newer one overtook it.
    Stopped {
        at: Timestamp,
    },
}

/// A task. Its life is known when it is started; what is seen of it hangs on the moment.
pub(super) struct Task {
    pub(super) id: String,
    /// The deployment that started it.
    pub(super) by: u64,
    pub(super) revision: u32,
    pub(super) digest: String,
    pub(super) address: String,
    pub(super) created: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) end: Option<End>,
}

/// How a task ends.
#[derive(Clone)]
pub(super) struct End {
    pub(super) at: Timestamp,
    /// `stopCode`
    pub(super) code: &'static str,
    /// `stoppedReason`
    pub(super) reason: String,
    /// What the container says: its exit code, or why there is none.
    pub(super) exit_code: Option<i32>,
    /// What the load balancer's health checks of it find, where that is why it ends.
    pub(super) unwell: Option<String>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            clusters: BTreeMap::new(),
            definitions: BTreeMap::new(),
            seed,
            given: 0,
        }
    }

    /// The next id: 32 hexadecimal digits, as tasks have them.
    pub(super) fn id(&mut self) -> String {
        self.given += 1;
        let digest = Sha256::digest(format!("amazon/{}/{}", self.seed, self.given));
        digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
    }

    /// A deployment that has just begun.
    pub(super) fn deployment(&mut self, revision: u32, now: Timestamp) -> Deployment {
        let id = self.id();
        Deployment {
            // 15 digits at most, so that it is never too large.
            number: u64::from_str_radix(id.get(..12).unwrap_or_default(), 16).unwrap_or(self.given),
            revision,
            created: now,
            updated: now,
            failed: 0,
            tries: 0,
            phase: Phase::Launch { due: now },
        }
    }

    pub(super) fn service_mut(&mut self, cluster: &str, name: &str) -> Option<&mut Service> {
        self.clusters.get_mut(cluster)?.services.get_mut(name)
    }

    pub(super) fn definition(&self, family: &str, revision: u32) -> Option<&Definition> {
        let mut revisions = self.definitions.get(family)?.iter();
        revisions.find(|one| one.revision == revision)
    }
}

impl Service {
    /// The deployment that counts: the newest that was not taken back.
    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().rev().find(|one| one.counts())
    }

    pub(super) fn primary_mut(&mut self) -> Option<&mut Deployment> {
        self.deployments.iter_mut().rev().find(|one| one.counts())
    }

    /// Those that are shown: the primary, and those before it whose tasks still run.
    pub(super) fn shown(&self, now: Timestamp) -> impl Iterator<Item = &Deployment> {
        let primary = self.primary().map(|one| one.number);
        self.deployments.iter().rev().filter(move |one| {
            let mut tasks = self.tasks.iter();
            Some(one.number) == primary
                || tasks.any(|task| task.by == one.number && task.is_running(now))
        })
    }

    /// Tasks of a deployment that are up, and those that are still to be.
    pub(super) fn counts(&self, deployment: u64, now: Timestamp) -> (usize, usize) {
        let of = || self.tasks.iter().filter(|task| task.by == deployment);
        let running = of().filter(|task| task.is_running(now)).count();
        let pending = of().filter(|task| task.status(now) == "PENDING").count();
        (running, pending)
    }

    pub(super) fn say(&mut self, at: Timestamp, what: &str) {
        let message = format!("(service {}) {what}", self.name);
        self.events.push((at, message));
    }
}

impl Deployment {
    fn counts(&self) -> bool {
        !matches!(self.phase, Phase::RolledBack { .. } | Phase::Stopped { .. })
    }

    /// When something happens to it next by itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Launch { due } | Phase::Judge { due, .. } | Phase::Drain { due } => Some(due),
            Phase::Completed | Phase::Failed | Phase::RolledBack { .. } | Phase::Stopped { .. } => {
                None
            }
        }
    }

    /// A service deployment's `status`.
    pub(super) fn status(&self) -> &'static str {
        match self.phase {
            Phase::Launch { .. } | Phase::Judge { .. } | Phase::Drain { .. } => "IN_PROGRESS",
            Phase::Completed => "SUCCESSFUL",
            Phase::RolledBack { .. } => "ROLLBACK_SUCCESSFUL",
            Phase::Failed | Phase::Stopped { .. } => "STOPPED",
        }
    }

    /// A service deployment's `statusReason`.
    pub(super) fn status_reason(&self) -> &'static str {
        match self.phase {
            Phase::RolledBack { .. } => {
                "Service deployment rolled back because the circuit breaker threshold was exceeded."
            }
            Phase::Failed => {
                "Service deployment stopped because the circuit breaker threshold was exceeded."
            }
            Phase::Stopped { .. } => "A new service deployment was started.",
            _ => "",
        }
    }
}

impl Task {
    /// `lastStatus`
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_over(self.end.as_ref().map(|end| end.at)) {
            "STOPPED"
        } else if is_over(self.started) {
            "RUNNING"
        } else {
            "PENDING"
        }
    }

    pub(super) fn is_running(&self, now: Timestamp) -> bool {
        self.status(now) == "RUNNING"
    }
}
