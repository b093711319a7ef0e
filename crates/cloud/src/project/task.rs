//! An ECS task as a pod: its containers with the digests that ECS reports.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{self, HealthStatus, TaskStopCode};
use facts::Kind;
use facts::ecs::{GROUP, TASK_DEFINITION, TaskDefinition};
use facts::image::ImageReference;
use facts::kubernetes::{ContainerState, ContainerStatus, Pod};
use facts::meta::{Condition, Meta, Owner, Status};

use super::{Definitions, last};
use crate::time::at;

/// The service that a task belongs to; `None` for one that was started by itself.
pub(crate) fn group_of(task: &types::Task) -> Option<&str> {
    task.group()?.strip_prefix("service:")
}

/// A task of a service. Without its task definition nothing says whether it has a health check: then only a check that
/// reports makes it ready.
pub(crate) fn task(cluster: &str, task: &types::Task, definitions: &Definitions) -> Pod {
    let service = group_of(task).unwrap_or_default();
    let revision = task.task_definition_arn().unwrap_or_default();
    let definition = definitions.get(revision).and_then(Option::as_ref);
    let last_status = task.last_status().unwrap_or_default();
    let is_stopped = last_status == "STOPPED";
    let healthy = is_healthy(task, definition);
    let ready = last_status == "RUNNING" && healthy;
    let health = task.health_status().map(HealthStatus::as_str);
    Pod {
        meta: Meta {
            namespace: cluster.to_owned(),
            name: last(task.task_arn().unwrap_or_default()).to_owned(),
            uid: task.task_arn().unwrap_or_default().to_owned(),
            created: at(task.created_at()),
            deleting: at(task.stopping_at()).filter(|_| !is_stopped),
            labels: BTreeMap::from([
                (
                    GROUP.to_owned(),
                    task.group().unwrap_or_default().to_owned(),
                ),
                (TASK_DEFINITION.to_owned(), revision.to_owned()),
            ]),
            owners: vec![Owner {
                kind: Kind::EcsService.name().to_owned(),
                name: service.to_owned(),
                uid: String::new(),
            }],
            ..Meta::default()
        },
        phase: phase(task, last_status).to_owned(),
        reason: task.stop_code().map(|code| code.as_str().to_owned()),
        message: task.stopped_reason().map(str::to_owned),
        node: task
            .container_instance_arn()
            .map(|instance| last(instance).to_owned()),
        started: at(task.started_at()),
        conditions: vec![Condition {
            kind: "Ready".to_owned(),
            status: if ready { Status::True } else { Status::False },
            reason: match health {
                Some(health) if health != "UNKNOWN" => health.to_owned(),
                _ => last_status.to_owned(),
            },
            message: String::new(),
            since: if is_stopped {
                at(task.stopped_at())
            } else {
                at(task.started_at())
            },
            observed_generation: None,
        }],
        containers: task
            .containers()
            .iter()
            .map(|one| container(task, one, definition, ready))
            .collect(),
    }
}

/// Whether nothing says that the task is unwell: a container's check, where there is one, must have said that it is well.
fn is_healthy(task: &types::Task, definition: Option<&TaskDefinition>) -> bool {
    match task.health_status() {
        Some(HealthStatus::Healthy) => true,
        Some(HealthStatus::Unhealthy) => false,
        _ => definition.is_some_and(|definition| definition.checked.is_empty()),
    }
}

/// What has become of it, in the words of a pod. A task that was stopped on purpose is no failure.
fn phase(task: &types::Task, last_status: &str) -> &'static str {
    match last_status {
        "RUNNING" | "DEACTIVATING" | "STOPPING" => "Running",
        "STOPPED" | "DEPROVISIONING" | "DELETED" => {
            let reason = task.stopped_reason().unwrap_or_default();
            let failed = reason.contains("failed") || reason.contains("unhealthy");
            match task.stop_code() {
                Some(TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::UserInitiated) => {
                    if failed {
                        "Failed"
                    } else {
                        "Succeeded"
                    }
                }
                _ => "Failed",
            }
        }
        _ => "Pending",
    }
}

fn container(
    task: &types::Task,
    one: &types::Container,
    definition: Option<&TaskDefinition>,
    ready: bool,
) -> ContainerStatus {
    let name = one.name().unwrap_or_default();
    let image = one.image().unwrap_or_default();
    let init = definition.is_some_and(|definition| {
        let mut containers = definition.containers.iter();
        containers.any(|container| container.name == name && container.init)
    });
    let is_running = one.last_status() == Some("RUNNING");
    let is_unwell = one.health_status() == Some(&HealthStatus::Unhealthy);
    ContainerStatus {
        name: name.to_owned(),
        init,
        image: image.to_owned(),
        image_id: one
            .image_digest()
            .map(|digest| format!("{}@{digest}", ImageReference::parse(image).repository))
            .unwrap_or_default(),
        ready: ready && is_running && !is_unwell,
        restarts: 0,
        state: state(task, one),
        last: None,
    }
}

fn state(task: &types::Task, one: &types::Container) -> ContainerState {
    let message = one.reason().unwrap_or_default().to_owned();
    // "CannotPullContainerError: pull image manifest has been retried…": the word before the colon is the reason.
    let reason = message.split(':').next().unwrap_or_default().to_owned();
    match (one.last_status(), one.exit_code()) {
        (Some("RUNNING"), _) => ContainerState::Running {
            since: at(task.started_at()),
        },
        (Some("STOPPED"), Some(exit_code)) => ContainerState::Terminated {
            reason,
            message,
            exit_code,
            finished: at(task.execution_stopped_at()).or_else(|| at(task.stopped_at())),
        },
        (status, _) => ContainerState::Waiting {
            reason: if reason.is_empty() {
                status.unwrap_or_default().to_owned()
            } else {
                reason
            },
            message,
        },
    }
}

#[cfg(test)]
mod tests {
    use facts::kubernetes::Container;

    use super::*;

    const REVISION: &str = "arn:aws:ecs:eu-west-1:1:task-definition/api:2";

    fn definitions(checked: &[&str]) -> Definitions {
        let definition = TaskDefinition {
            arn: REVISION.to_owned(),
            containers: vec![Container {
                name: "api".to_owned(),
                image: "registry.example/shop/api:2".to_owned(),
                init: false,
                memory_limit: None,
            }],
            checked: checked.iter().map(|name| (*name).to_owned()).collect(),
            ..TaskDefinition::default()
        };
        Definitions::from([(REVISION.to_owned(), Some(definition))])
    }

    fn running() -> types::builders::TaskBuilder {
        types::Task::builder()
            .task_arn("arn:aws:ecs:eu-west-1:1:task/shop/3f2c")
            .group("service:api")
            .task_definition_arn(REVISION)
            .last_status("RUNNING")
            .containers(
                types::Container::builder()
                    .name("api")
                    .image("registry.example/shop/api:2")
                    .image_digest("sha256:aa")
                    .last_status("RUNNING")
                    .build(),
            )
    }

    fn is_ready(pod: &Pod) -> bool {
        pod.conditions[0].status == Status::True && pod.containers[0].ready
    }

    #[test]
    fn a_running_task_reports_the_digest_it_runs() {
        let pod = task("shop", &running().build(), &definitions(&[]));
        assert!(is_ready(&pod));
        assert_eq!(pod.containers[0].digest(), Some("sha256:aa"));
        assert_eq!(pod.meta.name, "3f2c");
        assert_eq!(pod.meta.label(TASK_DEFINITION), Some(REVISION));
    }

    #[test]
    fn a_health_check_that_has_not_spoken_yet_makes_nothing_ready() {
        let checked = definitions(&["api"]);
        assert!(!is_ready(&task("shop", &running().build(), &checked)));
        // Whether there is a check is not known without the task definition.
        let unread = Definitions::new();
        assert!(!is_ready(&task("shop", &running().build(), &unread)));
        let well = running().health_status(HealthStatus::Healthy).build();
        assert!(is_ready(&task("shop", &well, &checked)));
        let unwell = running().health_status(HealthStatus::Unhealthy).build();
        assert!(!is_ready(&task("shop", &unwell, &definitions(&[]))));
    }

    #[test]
    fn a_task_that_was_scaled_away_did_not_fail() {
        let stopped = |code, reason: &str| {
            let one = running()
                .last_status("STOPPED")
                .stop_code(code)
                .stopped_reason(reason);
            task("shop", &one.build(), &definitions(&[])).phase
        };
        let scheduler = TaskStopCode::ServiceSchedulerInitiated;
        let scaled = "Scaling activity initiated by (deployment ecs-svc/1)";
        assert_eq!(stopped(scheduler.clone(), scaled), "Succeeded");
        let unwell = "Task failed ELB health checks in (target-group arn:aws:x)";
        assert_eq!(stopped(scheduler, unwell), "Failed");
        let exited = "Essential container in task exited";
        assert_eq!(
            stopped(TaskStopCode::EssentialContainerExited, exited),
            "Failed"
        );
    }
}
