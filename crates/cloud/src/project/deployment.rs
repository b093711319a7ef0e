//! Task definitions, service deployments and targets as facts.

use aws_sdk_ecs::types::{self, ServiceDeploymentStatus};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use facts::ecs::{ServiceDeployment, Target, TaskDefinition};
use facts::kubernetes::Container;

use super::count;
use crate::time::at;

/// A revision of a task definition.
pub(crate) fn definition(one: &types::TaskDefinition) -> TaskDefinition {
    // ECS takes a container for essential that does not say.
    let is_essential = |container: &types::ContainerDefinition| container.essential != Some(false);
    let containers = one.container_definitions();
    TaskDefinition {
        arn: one.task_definition_arn().unwrap_or_default().to_owned(),
        containers: containers
            .iter()
            .map(|container| Container {
                name: container.name().unwrap_or_default().to_owned(),
                image: container.image().unwrap_or_default().to_owned(),
                init: !is_essential(container),
                memory_limit: container.memory().map(|memory| format!("{memory} MiB")),
            })
            .collect(),
        registered: at(one.registered_at()),
        registered_by: one.registered_by().map(str::to_owned),
        checked: containers
            .iter()
            .filter(|container| is_essential(container) && container.health_check().is_some())
            .filter_map(|container| container.name().map(str::to_owned))
            .collect(),
    }
}

/// A service deployment; its task definition is its target revision's.
pub(crate) fn service_deployment(
    one: &types::ServiceDeployment,
    task_definition: String,
) -> ServiceDeployment {
    let rollback = one.rollback();
    ServiceDeployment {
        arn: one.service_deployment_arn().unwrap_or_default().to_owned(),
        status: one
            .status()
            .map(ServiceDeploymentStatus::as_str)
            .unwrap_or_default()
            .to_owned(),
        reason: one.status_reason().unwrap_or_default().to_owned(),
        task_definition,
        rollback_reason: rollback
            .and_then(|rollback| rollback.reason())
            .unwrap_or_default()
            .to_owned(),
        rolled_back: at(rollback.and_then(|rollback| rollback.started_at())),
        alarms: one
            .alarms()
            .map(|alarms| alarms.triggered_alarm_names().to_vec())
            .unwrap_or_default(),
        failures: one
            .deployment_circuit_breaker()
            .map(|breaker| count(breaker.failure_count()))
            .unwrap_or_default(),
        created: at(one.created_at()),
        finished: at(one.finished_at()).or_else(|| at(one.stopped_at())),
    }
}

/// What DescribeTargetHealth says of one target.
pub(crate) fn target(one: &TargetHealthDescription) -> Target {
    let (target, health) = (one.target(), one.target_health());
    Target {
        id: target
            .and_then(|target| target.id())
            .unwrap_or_default()
            .to_owned(),
        port: count(target.and_then(|target| target.port()).unwrap_or_default()),
        state: health
            .and_then(|health| health.state())
            .map(|state| state.as_str().to_owned())
            .unwrap_or_default(),
        reason: health
            .and_then(|health| health.reason())
            .map(|reason| reason.as_str().to_owned())
            .unwrap_or_default(),
        description: health
            .and_then(|health| health.description())
            .unwrap_or_default()
            .to_owned(),
    }
}
