//! What only Amazon ECS has: deployments, service deployments, events, task definitions, target groups.
//!
//! Owns the facts that a [`Workload`](crate::kubernetes::Workload) and a [`Pod`](crate::kubernetes::Pod) have no room
//! for. An ECS service and its tasks are kept as those too, so that the proof by digest is one for both; the names of
//! fields are those of the ECS API.

use jiff::Timestamp;

use crate::kubernetes::Container;

/// The label of a task and the selector of its service: the API's field `group`, such as `service:api`.
pub const GROUP: &str = "group";
/// The label of a task that names the revision it was started from: the API's field `taskDefinitionArn`.
pub const TASK_DEFINITION: &str = "taskDefinitionArn";

/// What a service has beyond its tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// `serviceArn`
    pub arn: String,
    /// `taskDefinition`: the ARN of the revision that it wants to run.
    pub task_definition: String,
    /// The ARN of the newest active revision of the same family; `None` if that was not read.
    pub newest_task_definition: Option<String>,
    /// The capacity providers of its strategy, or its launch type.
    pub capacity: Vec<String>,
    /// `deploymentConfiguration.deploymentCircuitBreaker`, if it is enabled.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// `deployments`: the PRIMARY one first.
    pub deployments: Vec<Deployment>,
    /// What ListServiceDeployments knows, newest first.
    pub service_deployments: Vec<ServiceDeployment>,
    /// `events`, newest first, 20 at most.
    pub events: Vec<Event>,
    /// Where its load balancers send traffic to.
    pub target_groups: Vec<TargetGroup>,
}

impl Service {
    /// The deployment that the service is on its way to, or arrived at.
    pub fn primary(&self) -> Option<&Deployment> {
        let mut deployments = self.deployments.iter();
        deployments.find(|deployment| deployment.status == "PRIMARY")
    }
}

/// `deploymentCircuitBreaker` of a service that has it enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// Whether a deployment that fails is rolled back.
    pub rollback: bool,
}

/// An entry of `service.deployments`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// `id`, such as `ecs-svc/1234567890`.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// `taskDefinition`
    pub task_definition: String,
    /// `rolloutState`: `COMPLETED`, `FAILED`, `IN_PROGRESS`; empty where ECS does not say, as for external controllers.
    pub rollout_state: String,
    /// `rolloutStateReason`
    pub reason: String,
    /// `desiredCount`
    pub desired: u32,
    /// `pendingCount`
    pub pending: u32,
    /// `runningCount`
    pub running: u32,
    /// `failedTasks`
    pub failed: u32,
    /// `createdAt`
    pub created: Option<Timestamp>,
    /// `updatedAt`
    pub updated: Option<Timestamp>,
}

/// One service deployment: a change of the service, and what became of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceDeployment {
    /// `serviceDeploymentArn`
    pub arn: String,
    /// `status`: `PENDING`, `IN_PROGRESS`, `SUCCESSFUL`, `STOPPED`, `STOP_REQUESTED`, `ROLLBACK_REQUESTED`,
    /// `ROLLBACK_IN_PROGRESS`, `ROLLBACK_SUCCESSFUL`, `ROLLBACK_FAILED`.
    pub status: String,
    /// `statusReason`
    pub reason: String,
    /// The task definition of `targetServiceRevision`; empty if that was not read.
    pub task_definition: String,
    /// `rollback.reason`
    pub rollback_reason: String,
    /// `rollback.startedAt`
    pub rolled_back: Option<Timestamp>,
    /// `alarms.triggeredAlarmNames`
    pub alarms: Vec<String>,
    /// `deploymentCircuitBreaker.failureCount`
    pub failures: u32,
    /// `createdAt`
    pub created: Option<Timestamp>,
    /// `finishedAt`, or `stoppedAt`
    pub finished: Option<Timestamp>,
}

impl ServiceDeployment {
    /// Whether nothing more happens to it.
    pub fn is_over(&self) -> bool {
        matches!(
            self.status.as_str(),
            "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED"
        )
    }
}

/// An entry of `service.events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `createdAt`
    pub at: Option<Timestamp>,
    /// `message`, whole.
    pub message: String,
}

/// One revision of a task definition. It never changes; only whether it is still active does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskDefinition {
    /// `taskDefinitionArn`
    pub arn: String,
    /// `containerDefinitions`; those that are not essential may end, and count as init containers.
    pub containers: Vec<Container>,
    /// `registeredAt`
    pub registered: Option<Timestamp>,
    /// `registeredBy`
    pub registered_by: Option<String>,
    /// The names of essential containers that have a health check.
    pub checked: Vec<String>,
}

/// `family:revision` of a task definition's ARN: the name that people know it by.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A target group that a service registers its tasks in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetGroup {
    /// `targetGroupArn`
    pub arn: String,
    /// The container whose port is registered.
    pub container: String,
    /// What DescribeTargetHealth says.
    pub targets: Vec<Target>,
}

impl TargetGroup {
    /// Its name, from its ARN `…:targetgroup/NAME/ID`.
    pub fn name(&self) -> &str {
        self.arn.split('/').nth(1).unwrap_or(&self.arn)
    }
}

/// One target of a target group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// `target.id`: an address or an instance.
    pub id: String,
    /// `target.port`
    pub port: u32,
    /// `targetHealth.state`: `healthy`, `unhealthy`, `initial`, `draining`, `unused`, `unavailable`…
    pub state: String,
    /// `targetHealth.reason`, such as `Target.FailedHealthChecks`.
    pub reason: String,
    /// `targetHealth.description`
    pub description: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ends_people_know() {
        assert_eq!(
            short("arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-api:42"),
            "shop-api:42"
        );
        let group = TargetGroup {
            arn: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop-api/0a1b".to_owned(),
            ..TargetGroup::default()
        };
        assert_eq!(group.name(), "shop-api");
    }
}
