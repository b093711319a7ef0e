//! One AWS account and region of the company, as far as Amazon ECS needs it: clusters, services, task definitions,
//! tasks, the targets behind their load balancer, and who asks.
//!
//! Owns the account's state and what people do in it. What ECS makes of that is the scheduler's, and how AWS' protocols
//! say it is [`http`]'s, who asks `sts`'. Nothing runs in between: whoever looks first lets everything happen that was due by then, each
//! thing as of its own moment.
//!
//! Simplified: one container a task, one target group a service, rolling updates only, tasks never end by themselves
//! once they have run well.

mod answers;
mod changes;
mod http;
mod scheduler;
mod state;
mod sts;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::provider::Provider;
use crate::registry::Registry;
use scheduler::Surroundings;
use state::{Cluster, Definition, Deployment, Service, State};

pub use http::router;
pub use sts::ROLE;

/// The region that everything is in.
pub const REGION: &str = "eu-central-1";
/// The account's number: AWS' own for documentation.
const NUMBER: &str = "123456789012";
/// The access key that the account knows. It opens nothing elsewhere, and no AWS key looks like it.
const ACCESS_KEY: &str = "SANDBOX-DEVELOPER";
/// What requests are signed with; signatures are not checked.
const SECRET_KEY: &str = "a secret of the embedded company";

/// The account. Clones share it.
#[derive(Clone)]
pub struct Account {
    name: String,
    clock: Clock,
    registry: Registry,
    registry_host: String,
    faults: Faults,
    state: Arc<Mutex<State>>,
    /// Whose ID tokens its role is given for.
    provider: Option<Provider>,
    sessions: Arc<Mutex<sts::Sessions>>,
}

/// A service's circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// None: ECS tries for ever.
    Off,
    /// It ends a deployment that fails, and that is all.
    GivesUp,
    /// It takes a deployment that fails back.
    RollsBack,
}

/// A service to create.
pub struct NewService<'a> {
    /// Its cluster.
    pub cluster: &'a str,
    /// Its name, its family's and its container's.
    pub name: &'a str,
    /// How many tasks it wants.
    pub desired: usize,
    /// What becomes of a deployment whose tasks fail.
    pub breaker: Breaker,
    /// Whether its tasks run on container instances of the company's own, else on Fargate.
    pub instances: bool,
}

impl Account {
    /// An account in which nothing is. `seed` chooses its ids.
    pub fn new(
        name: &str,
        clock: Clock,
        registry: Registry,
        registry_host: &str,
        faults: Faults,
        seed: u64,
    ) -> Self {
        Self {
            name: name.to_owned(),
            clock,
            registry,
            registry_host: registry_host.to_owned(),
            faults,
            state: Arc::new(Mutex::new(State::new(seed))),
            provider: None,
            sessions: Arc::default(),
        }
    }

    /// The same with an identity provider, whose people may take its role.
    #[must_use]
    pub fn trusting(mut self, provider: &Provider) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The credentials in the form of AWS' shared credentials file.
    pub fn credentials_file() -> String {
        format!(
            "# Of the embedded company: these open nothing else.\n[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
        )
    }

    /// Creates an ECS cluster; its tag names the environment.
    pub fn create_cluster(&self, name: &str, environment: &str) {
        let tags = vec![("environment".to_owned(), environment.to_owned())];
        let cluster = Cluster {
            tags,
            ..Cluster::default()
        };
        self.state().clusters.insert(name.to_owned(), cluster);
    }

    /// Registers the next revision of a family; returns its number.
    pub fn register(&self, family: &str, image: &str, by: &str) -> u32 {
        let now = self.clock.now();
        let mut state = self.state();
        let revisions = state.definitions.entry(family.to_owned()).or_default();
        let revision = u32::try_from(revisions.len()).unwrap_or(u32::MAX - 1) + 1;
        revisions.push(Definition {
            revision,
            image: image.to_owned(),
            registered: now,
            by: by.to_owned(),
        });
        revision
    }

    /// Creates a service of a family's revision. Its cluster has to be there.
    pub fn create_service(&self, new: &NewService<'_>, revision: u32) {
        let now = self.clock.now();
        let mut state = self.state();
        let deployment = state.deployment(revision, now);
        let service = Service {
            name: new.name.to_owned(),
            created: now,
            desired: new.desired,
            breaker: new.breaker,
            instances: new.instances,
            in_use: true,
            deployments: vec![deployment],
            tasks: Vec::new(),
            events: Vec::new(),
        };
        if let Some(cluster) = state.clusters.get_mut(new.cluster) {
            cluster.services.insert(new.name.to_owned(), service);
        }
    }

    /// Updates a service to a revision of its family.
    pub fn update_service(&self, cluster: &str, name: &str, revision: u32) {
        let now = self.clock.now();
        let mut state = self.caught_up();
        changes::begin(&mut state, cluster, name, revision, now);
    }

    /// Sets a service's desired count to zero.
    pub fn scale_to_zero(&self, cluster: &str, name: &str) {
        let now = self.clock.now();
        let mut state = self.caught_up();
        changes::scale(&mut state, cluster, name, 0, now);
    }

    /// Takes away the load balancer's rule that sends traffic to a service's target group.
    pub fn lose_rule(&self, cluster: &str, name: &str) {
        let mut state = self.caught_up();
        if let Some(service) = state.service_mut(cluster, name) {
            service.in_use = false;
        }
    }

    /// What an action of ECS answers; `None` if it is refused or not served. For tests, which need no key.
    pub fn ask(&self, action: &str, asked: &Value) -> Option<Value> {
        self.answer(action, asked)?.ok()
    }

    /// What an action of ECS answers; `None` if it is none that is served.
    fn answer(&self, action: &str, asked: &Value) -> Option<answers::Answer> {
        let now = self.clock.now();
        let mut state = self.caught_up();
        let changed = changes::ecs(action, asked, &mut state, now);
        changed.or_else(|| answers::ecs(action, asked, &state, now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every secret that was given to somebody who took the role: for tests that look where they went.
    pub fn secrets(&self) -> Vec<String> {
        self.sessions()
            .values()
            .flat_map(sts::Session::secrets)
            .collect()
    }

    fn sessions(&self) -> MutexGuard<'_, sts::Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, after everything that is due has happened.
    fn caught_up(&self) -> MutexGuard<'_, State> {
        let now = self.clock.now();
        let mut state = self.state();
        let surroundings = Surroundings {
            account: &self.name,
            registry: &self.registry,
            registry_host: &self.registry_host,
            faults: &self.faults,
        };
        scheduler::catch_up(&mut state, &surroundings, now);
        state
    }
}

/// An ARN of this account.
fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{NUMBER}:{rest}")
}

/// The last part of an ARN, or a name as it is: AWS takes both.
fn name_of(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

impl Deployment {
    /// Its number as its ids have it.
    fn id(&self) -> String {
        format!("ecs-svc/{:019}", self.number)
    }
}
