//! An ECS service as a workload, and what it has beyond one.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{self, DeploymentRolloutState};
use facts::Kind;
use facts::ecs::{CircuitBreaker, Deployment, Event, GROUP, Service, TargetGroup};
use facts::kubernetes::{Namespace, Workload};
use facts::meta::Meta;

use super::{Definitions, count, labels, last};
use crate::time::at;

/// Events that are kept of a service, the newest: ECS gives a hundred, and repeats itself.
const EVENTS: usize = 20;

/// An ECS cluster as a namespace: its tags say environments.
pub(crate) fn cluster(cluster: &types::Cluster) -> Namespace {
    let arn = cluster.cluster_arn().unwrap_or_default();
    let name = cluster.cluster_name().unwrap_or_else(|| last(arn));
    Namespace {
        meta: Meta {
            name: name.to_owned(),
            uid: arn.to_owned(),
            labels: labels(cluster.tags()),
            ..Meta::default()
        },
    }
}

/// A service as a workload. Without its task definition it has no containers.
pub(crate) fn workload(
    cluster: &str,
    service: &types::Service,
    definitions: &Definitions,
) -> Workload {
    let name = service.service_name().unwrap_or_default();
    let primary = primary(service);
    let definition = service.task_definition().unwrap_or_default();
    let (pending, running) = match primary {
        Some(one) => (one.pending_count(), one.running_count()),
        None => (service.pending_count(), service.running_count()),
    };
    let all = service.deployments().iter();
    let total: i32 = all
        .map(|one| one.pending_count() + one.running_count())
        .sum();
    let total = total.max(service.running_count() + service.pending_count());
    let selector = BTreeMap::from([(GROUP.to_owned(), format!("service:{name}"))]);
    Workload {
        kind: Kind::EcsService,
        meta: Meta {
            namespace: cluster.to_owned(),
            name: name.to_owned(),
            uid: service.service_arn().unwrap_or_default().to_owned(),
            // ECS counts no changes of a service: what it says is always of its newest.
            generation: 1,
            created: at(service.created_at()),
            labels: labels(service.tags()),
            ..Meta::default()
        },
        pod_labels: selector.clone(),
        selector,
        containers: definitions
            .get(definition)
            .and_then(Option::as_ref)
            .map(|definition| definition.containers.clone())
            .unwrap_or_default(),
        environment: Vec::new(),
        paused: false,
        wanted: count(service.desired_count()),
        observed_generation: 1,
        updated: count(running + pending),
        ready: count(running),
        available: count(running),
        total: count(total),
        edited: None,
        on_delete: false,
        partition: 0,
        update_revision: Some(definition.to_owned()),
        conditions: Vec::new(),
    }
}

fn primary(service: &types::Service) -> Option<&types::Deployment> {
    let mut deployments = service.deployments().iter();
    deployments.find(|one| one.status() == Some("PRIMARY"))
}

/// What a service has beyond a workload, as far as its own description says it.
pub(crate) fn extras(service: &types::Service) -> Service {
    let breaker = service
        .deployment_configuration()
        .and_then(|configuration| configuration.deployment_circuit_breaker())
        .filter(|breaker| breaker.enable())
        .map(|breaker| CircuitBreaker {
            rollback: breaker.rollback(),
        });
    let mut deployments: Vec<Deployment> = service.deployments().iter().map(deployment).collect();
    deployments.sort_by_key(|one| (one.status != "PRIMARY", std::cmp::Reverse(one.created)));
    let mut events: Vec<Event> = service
        .events()
        .iter()
        .map(|event| Event {
            at: at(event.created_at()),
            message: event.message().unwrap_or_default().to_owned(),
        })
        .collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(EVENTS);
    let target_groups = service
        .load_balancers()
        .iter()
        .filter_map(|balancer| {
            Some(TargetGroup {
                arn: balancer.target_group_arn()?.to_owned(),
                container: balancer.container_name().unwrap_or_default().to_owned(),
                targets: Vec::new(),
            })
        })
        .collect();
    Service {
        arn: service.service_arn().unwrap_or_default().to_owned(),
        task_definition: service.task_definition().unwrap_or_default().to_owned(),
        newest_task_definition: None,
        capacity: capacity(service),
        circuit_breaker: breaker,
        deployments,
        service_deployments: Vec::new(),
        events,
        target_groups,
    }
}

fn capacity(service: &types::Service) -> Vec<String> {
    let providers: Vec<String> = service
        .capacity_provider_strategy()
        .iter()
        .map(|item| item.capacity_provider().to_owned())
        .collect();
    if !providers.is_empty() {
        return providers;
    }
    let launch = service.launch_type().map(|kind| kind.as_str().to_owned());
    launch.into_iter().collect()
}

fn deployment(one: &types::Deployment) -> Deployment {
    Deployment {
        id: one.id().unwrap_or_default().to_owned(),
        status: one.status().unwrap_or_default().to_owned(),
        task_definition: one.task_definition().unwrap_or_default().to_owned(),
        rollout_state: one
            .rollout_state()
            .map(DeploymentRolloutState::as_str)
            .unwrap_or_default()
            .to_owned(),
        reason: one.rollout_state_reason().unwrap_or_default().to_owned(),
        desired: count(one.desired_count()),
        pending: count(one.pending_count()),
        running: count(one.running_count()),
        failed: count(one.failed_tasks()),
        created: at(one.created_at()),
        updated: at(one.updated_at()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::{ServiceEvent, Tag};

    use super::*;

    #[test]
    fn a_service_wants_what_its_task_definition_names() {
        let arn = "arn:aws:ecs:eu-west-1:1:task-definition/api:2";
        let service = types::Service::builder()
            .service_name("api")
            .task_definition(arn)
            .desired_count(3)
            .deployments(
                types::Deployment::builder()
                    .status("ACTIVE")
                    .running_count(2)
                    .build(),
            )
            .deployments(
                types::Deployment::builder()
                    .status("PRIMARY")
                    .running_count(1)
                    .pending_count(1)
                    .build(),
            )
            .tags(Tag::builder().key("App").value("shop-api").build())
            .build();
        let found = workload("shop", &service, &Definitions::new());
        assert_eq!(
            (found.wanted, found.updated, found.ready, found.total),
            (3, 2, 1, 4)
        );
        assert_eq!(found.update_revision.as_deref(), Some(arn));
        assert_eq!(found.meta.label("app"), Some("shop-api"));
        assert!(found.containers.is_empty());
        assert_eq!(extras(&service).primary().map(|one| one.running), Some(1));
    }

    #[test]
    fn of_many_events_the_newest_twenty_are_kept() {
        let event = |second| {
            ServiceEvent::builder()
                .created_at(DateTime::from_secs(second))
                .message(format!("event {second}"))
                .build()
        };
        let service = types::Service::builder()
            .set_events(Some((0..30).map(event).collect()))
            .build();
        let events = extras(&service).events;
        assert_eq!(events.len(), EVENTS);
        assert_eq!(events[0].message, "event 29");
    }
}
