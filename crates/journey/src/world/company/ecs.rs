//! Tests only: the shop on Amazon ECS too. `checkout` is a service of the ECS cluster `shop-prod`, behind a target group.

use facts::cluster::Scope;
use facts::ecs::{
    CircuitBreaker, Deployment, Event, GROUP, Service, ServiceDeployment, TASK_DEFINITION, Target,
    TargetGroup, TaskDefinition,
};
use facts::kubernetes::{Container, ContainerState, ContainerStatus, Namespace, Pod, Workload};
use facts::meta::{Kind, Meta, Owner, Status};
use facts::{ClusterFacts, Coverage, Platform, Reach};
use jiff::Timestamp;

use super::{World, condition, digest, image, key, tag};

/// The account.
pub const AWS: &str = "aws";
/// The ECS cluster.
pub const SHOP: &str = "shop-prod";
const APP: &str = "checkout";

/// The ARN of the revision that names a commit.
pub fn arn(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{APP}:{number}")
}

fn meta(name: &str, created: Timestamp) -> Meta {
    Meta {
        namespace: SHOP.to_owned(),
        name: name.to_owned(),
        uid: name.to_owned(),
        generation: 1,
        created: Some(created),
        ..Meta::default()
    }
}

fn containers(number: u32) -> Vec<Container> {
    vec![Container {
        name: APP.to_owned(),
        image: format!("{}:{}", image(APP), tag(APP, number)),
        init: false,
        memory_limit: Some("512 MiB".to_owned()),
    }]
}

/// A task of a commit that runs and is ready.
fn task(number: u32, index: u32, at: Timestamp) -> Pod {
    let mut meta = meta(&format!("{number}f2c{index}"), at);
    meta.labels = [
        (GROUP.to_owned(), format!("service:{APP}")),
        (TASK_DEFINITION.to_owned(), arn(number)),
    ]
    .into();
    meta.owners = vec![Owner {
        kind: Kind::EcsService.name().to_owned(),
        name: APP.to_owned(),
        uid: String::new(),
    }];
    Pod {
        meta,
        phase: "Running".to_owned(),
        reason: None,
        message: None,
        node: None,
        started: Some(at),
        conditions: vec![condition("Ready", Status::True, "RUNNING", "", at)],
        containers: vec![ContainerStatus {
            name: APP.to_owned(),
            init: false,
            image: format!("{}:{}", image(APP), tag(APP, number)),
            image_id: format!("{}@{}", image(APP), digest(APP, number)),
            ready: true,
            restarts: 0,
            state: ContainerState::Running { since: Some(at) },
            last: None,
        }],
    }
}

impl World {
    /// Adds an account in which commit 3 of `checkout` is deployed.
    #[must_use]
    pub fn with_ecs(mut self) -> Self {
        let now = self.now;
        let mut facts = ClusterFacts {
            platform: Platform::Ecs,
            reach: Reach::Answering,
            ..ClusterFacts::default()
        };
        for kind in Kind::ECS {
            let seen = Coverage::Seen { as_of: now };
            facts.coverage.insert((kind, Scope::All), seen);
        }
        let namespace = Namespace {
            meta: Meta {
                name: SHOP.to_owned(),
                ..Meta::default()
            },
        };
        facts.namespaces.insert(SHOP.to_owned(), namespace);
        self.facts.clusters.insert(AWS.to_owned(), facts.into());
        let at = self.ago(1890);
        let group = TargetGroup {
            arn: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/checkout/0a1b".to_owned(),
            container: APP.to_owned(),
            targets: vec![target("healthy", "", "")],
        };
        self.edit(AWS, |facts| {
            let service = Service {
                arn: format!("arn:aws:ecs:eu-west-1:123456789012:service/{SHOP}/{APP}"),
                capacity: vec!["FARGATE".to_owned()],
                circuit_breaker: Some(CircuitBreaker { rollback: true }),
                target_groups: vec![group],
                ..Service::default()
            };
            facts.ecs_services.insert(key(SHOP, APP), service);
            let selector = [(GROUP.to_owned(), format!("service:{APP}"))];
            let mut meta = meta(APP, at);
            meta.labels = [("app".to_owned(), APP.to_owned())].into();
            let workload = Workload {
                kind: Kind::EcsService,
                meta,
                selector: selector.clone().into(),
                pod_labels: selector.into(),
                containers: Vec::new(),
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
                conditions: Vec::new(),
            };
            let name = (Kind::EcsService, key(SHOP, APP));
            facts.workloads.insert(name, workload);
        });
        self.register(3, 1891);
        self.update_service(3, 1890);
        self.run_tasks(3, 1890);
        self
    }

    /// A revision of the task definition names a commit.
    pub fn register(&mut self, number: u32, ago: i64) {
        let at = self.ago(ago);
        self.edit(AWS, |facts| {
            let definition = TaskDefinition {
                arn: arn(number),
                containers: containers(number),
                registered: Some(at),
                ..TaskDefinition::default()
            };
            facts.task_definitions.insert(arn(number), definition);
            let service = facts.ecs_services.get_mut(&key(SHOP, APP)).unwrap();
            service.newest_task_definition = Some(arn(number));
        });
    }

    /// The service, and what it has beyond one.
    pub fn service(&mut self, change: impl FnOnce(&mut Service, &mut Workload)) {
        self.edit(AWS, |facts| {
            let service = facts.ecs_services.get_mut(&key(SHOP, APP)).unwrap();
            let name = (Kind::EcsService, key(SHOP, APP));
            change(service, facts.workloads.get_mut(&name).unwrap());
        });
    }

    /// The service is updated to a commit's revision, and its deployment has just begun.
    pub fn update_service(&mut self, number: u32, ago: i64) {
        let at = self.ago(ago);
        self.service(|service, workload| {
            service.task_definition = arn(number);
            workload.update_revision = Some(arn(number));
            workload.containers = containers(number);
            (workload.updated, workload.ready) = (0, 0);
            for before in &mut service.deployments {
                before.status = "ACTIVE".to_owned();
            }
            let deployment = Deployment {
                id: format!("ecs-svc/{number}"),
                status: "PRIMARY".to_owned(),
                task_definition: arn(number),
                rollout_state: "IN_PROGRESS".to_owned(),
                desired: 2,
                created: Some(at),
                updated: Some(at),
                ..Deployment::default()
            };
            service.deployments.insert(0, deployment);
            let change = ServiceDeployment {
                arn: format!("arn:deployment/{number}"),
                status: "IN_PROGRESS".to_owned(),
                task_definition: arn(number),
                created: Some(at),
                ..ServiceDeployment::default()
            };
            service.service_deployments.insert(0, change);
        });
    }

    /// All tasks are of a commit, and the deployment is over.
    pub fn run_tasks(&mut self, number: u32, ago: i64) {
        let at = self.ago(ago);
        self.edit(AWS, |facts| {
            facts.pods.retain(|_, _| false);
            for index in 0..2 {
                let one = task(number, index, at);
                facts.pods.insert(one.meta.key(), one);
            }
        });
        self.service(|service, workload| {
            (workload.updated, workload.ready, workload.total) = (2, 2, 2);
            service.deployments.truncate(1);
            service.deployments[0].rollout_state = "COMPLETED".to_owned();
            service.deployments[0].running = 2;
            service.service_deployments[0].status = "SUCCESSFUL".to_owned();
        });
    }

    /// One task of commit 4, in a state of its own, beside those of commit 3.
    pub fn one_task(&mut self, change: impl FnOnce(&mut Pod)) {
        let at = self.ago(3);
        self.edit(AWS, |facts| {
            let mut one = task(4, 0, at);
            change(&mut one);
            facts.pods.insert(one.meta.key(), one);
        });
        self.service(|_, workload| workload.total = 3);
    }

    /// A task of commit 4 stopped.
    pub fn stopped_task(&mut self, code: &str, reason: &str, state: ContainerState) {
        let at = self.ago(2);
        self.one_task(|task| {
            task.phase = "Failed".to_owned();
            task.reason = Some(code.to_owned());
            task.message = Some(reason.to_owned());
            task.conditions = vec![condition("Ready", Status::False, "STOPPED", "", at)];
            task.containers[0].ready = false;
            task.containers[0].state = state;
        });
        self.service(|service, _| service.deployments[0].failed = 1);
    }

    /// ECS says something about the service.
    pub fn ecs_event(&mut self, ago: i64, message: &str) {
        let event = Event {
            at: Some(self.ago(ago)),
            message: message.to_owned(),
        };
        self.service(|service, _| service.events.insert(0, event));
    }
}

/// A target in a state.
pub fn target(state: &str, reason: &str, description: &str) -> Target {
    Target {
        id: "10.0.3.7".to_owned(),
        port: 8080,
        state: state.to_owned(),
        reason: reason.to_owned(),
        description: description.to_owned(),
    }
}
