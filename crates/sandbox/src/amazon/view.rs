//! The account's state as the JSON of Amazon ECS' API, and as the XML of Elastic Load Balancing's.
//!
//! Owns the fields: those that a reader of deployments needs, spelt as AWS spells them, times as seconds since the epoch.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::scheduler::{HEALTHY_SECONDS, THRESHOLD, target_group_arn};
use super::state::{Cluster, Definition, Deployment, Phase, Service, Task};
use super::{Breaker, NUMBER, arn};

/// Seconds since the epoch, as AWS' JSON has times.
fn seconds(at: Timestamp) -> Value {
    json!(at.as_second())
}

pub(super) fn cluster_arn(name: &str) -> String {
    arn("ecs", &format!("cluster/{name}"))
}

pub(super) fn service_arn(cluster: &str, name: &str) -> String {
    arn("ecs", &format!("service/{cluster}/{name}"))
}

pub(super) fn task_arn(cluster: &str, id: &str) -> String {
    arn("ecs", &format!("task/{cluster}/{id}"))
}

pub(super) fn definition_arn(family: &str, revision: u32) -> String {
    arn("ecs", &format!("task-definition/{family}:{revision}"))
}

/// `serviceDeploymentArn`
pub(super) fn change_arn(cluster: &str, service: &str, number: u64) -> String {
    arn(
        "ecs",
        &format!("service-deployment/{cluster}/{service}/{number:021}"),
    )
}

/// `serviceRevisionArn`: each deployment has a service revision of its own here.
pub(super) fn revision_arn(cluster: &str, service: &str, number: u64) -> String {
    arn(
        "ecs",
        &format!("service-revision/{cluster}/{service}/{number:019}"),
    )
}

pub(super) fn cluster(name: &str, cluster: &Cluster, now: Timestamp) -> Value {
    let tags = cluster.tags.iter();
    let services = || cluster.services.values();
    let running = services().flat_map(|one| one.tasks.iter().filter(|task| task.is_running(now)));
    json!({
        "clusterArn": cluster_arn(name),
        "clusterName": name,
        "status": "ACTIVE",
        "activeServicesCount": cluster.services.len(),
        "runningTasksCount": running.count(),
        "tags": tags.map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>(),
    })
}

pub(super) fn definition(family: &str, one: &Definition, memory: u32) -> Value {
    json!({
        "taskDefinitionArn": definition_arn(family, one.revision),
        "family": family,
        "revision": one.revision,
        "status": "ACTIVE",
        "registeredAt": seconds(one.registered),
        "registeredBy": format!("arn:aws:iam::{NUMBER}:user/{}", one.by),
        "containerDefinitions": [{
            "name": family,
            "image": one.image,
            "memory": memory,
            "essential": true,
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        }],
    })
}

pub(super) fn service(cluster: &str, one: &Service, now: Timestamp) -> Value {
    let all = one.tasks.iter();
    let (mut running, mut pending) = (0, 0);
    for task in all {
        running += usize::from(task.is_running(now));
        pending += usize::from(task.status(now) == "PENDING");
    }
    let primary = one.primary();
    let revision = primary.map_or(0, |primary| primary.revision);
    // The newest is said first.
    let events = one.events.iter().rev().filter(|(at, _)| *at <= now);
    let mut said = json!({
        "serviceArn": service_arn(cluster, &one.name),
        "serviceName": one.name,
        "clusterArn": cluster_arn(cluster),
        "status": "ACTIVE",
        "taskDefinition": definition_arn(&one.name, revision),
        "desiredCount": one.desired,
        "runningCount": running,
        "pendingCount": pending,
        "launchType": if one.instances { "EC2" } else { "FARGATE" },
        "createdAt": seconds(one.created),
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {
                "enable": one.breaker != Breaker::Off,
                "rollback": one.breaker == Breaker::RollsBack,
            },
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
        },
        "deployments": one.shown(now).map(|of| deployment(one, of, now)).collect::<Vec<_>>(),
        "events": events
            .map(|(at, message)| json!({"createdAt": seconds(*at), "message": message}))
            .collect::<Vec<_>>(),
        "loadBalancers": [{
            "targetGroupArn": target_group_arn(&one.name),
            "containerName": one.name,
            "containerPort": 8080,
        }],
        "tags": [],
    });
    if let Some(primary) = primary {
        said["currentServiceDeployment"] = change_arn(cluster, &one.name, primary.number).into();
    }
    said
}

fn deployment(service: &Service, one: &Deployment, now: Timestamp) -> Value {
    let (running, pending) = service.counts(one.number, now);
    let is_primary = service.primary().map(|primary| primary.number) == Some(one.number);
    let (state, why) = match one.phase {
        Phase::Launch { .. } | Phase::Judge { .. } | Phase::Drain { .. } => (
            "IN_PROGRESS",
            format!("ECS deployment {} in progress.", one.id()),
        ),
        Phase::Completed => (
            "COMPLETED",
            format!("ECS deployment {} completed.", one.id()),
        ),
        Phase::Failed | Phase::RolledBack { .. } | Phase::Stopped { .. } => (
            "FAILED",
            "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        ),
    };
    json!({
        "id": one.id(),
        "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": definition_arn(&service.name, one.revision),
        "desiredCount": if is_primary { service.desired } else { 0 },
        "runningCount": running,
        "pendingCount": pending,
        "failedTasks": one.failed,
        "rolloutState": state,
        "rolloutStateReason": why,
        "createdAt": seconds(one.created),
        "updatedAt": seconds(one.updated),
    })
}

/// A service deployment as the list has it.
pub(super) fn brief(cluster: &str, service: &Service, one: &Deployment) -> Value {
    let mut said = json!({
        "serviceDeploymentArn": change_arn(cluster, &service.name, one.number),
        "serviceArn": service_arn(cluster, &service.name),
        "clusterArn": cluster_arn(cluster),
        "status": one.status(),
        "createdAt": seconds(one.created),
        "startedAt": seconds(one.created),
        "targetServiceRevisionArn": revision_arn(cluster, &service.name, one.number),
    });
    if !one.status_reason().is_empty() {
        said["statusReason"] = one.status_reason().into();
    }
    if one.due().is_none() {
        said["finishedAt"] = seconds(one.updated);
    }
    said
}

/// A service deployment as it is described.
pub(super) fn change(cluster: &str, service: &Service, one: &Deployment) -> Value {
    let mut said = brief(cluster, service, one);
    let revision = revision_arn(cluster, &service.name, one.number);
    if let Some(fields) = said.as_object_mut() {
        fields.remove("targetServiceRevisionArn");
    }
    said["targetServiceRevision"] = json!({"arn": revision});
    let is_open = matches!(one.phase, Phase::Failed | Phase::RolledBack { .. });
    if service.breaker != Breaker::Off {
        said["deploymentCircuitBreaker"] = json!({
            "status": if is_open { "TRIGGERED" } else { "MONITORING" },
            "failureCount": one.failed,
            "threshold": THRESHOLD,
        });
    }
    if let Phase::RolledBack { at } = one.phase {
        let before = service.deployments.iter().rev();
        let mut before = before
            .skip_while(|other| other.number != one.number)
            .skip(1);
        let to = before.find(|other| matches!(other.phase, Phase::Completed));
        said["rollback"] = json!({
            "reason": "The deployment circuit breaker threshold was exceeded.",
            "startedAt": seconds(at),
            "serviceRevisionArn": to.map(|to| revision_arn(cluster, &service.name, to.number)),
        });
    }
    said
}

pub(super) fn revision(cluster: &str, service: &Service, one: &Deployment) -> Value {
    json!({
        "serviceRevisionArn": revision_arn(cluster, &service.name, one.number),
        "serviceArn": service_arn(cluster, &service.name),
        "clusterArn": cluster_arn(cluster),
        "taskDefinition": definition_arn(&service.name, one.revision),
        "createdAt": seconds(one.created),
    })
}

pub(super) fn task(
    cluster: &str,
    service: &Service,
    one: &Task,
    image: &str,
    now: Timestamp,
) -> Value {
    let status = one.status(now);
    let end = one.end.as_ref().filter(|_| status == "STOPPED");
    let ordered = one
        .end
        .as_ref()
        .is_some_and(|end| end.code == "UserInitiated");
    let mut container = json!({
        "containerArn": arn("ecs", &format!("container/{cluster}/{}/{}", one.id, service.name)),
        "taskArn": task_arn(cluster, &one.id),
        "name": service.name,
        "image": image,
        "lastStatus": status,
    });
    let mut said = json!({
        "taskArn": task_arn(cluster, &one.id),
        "clusterArn": cluster_arn(cluster),
        "taskDefinitionArn": definition_arn(&service.name, one.revision),
        "group": format!("service:{}", service.name),
        "startedBy": format!("ecs-svc/{:019}", one.by),
        "lastStatus": status,
        "desiredStatus": if end.is_some() || ordered { "STOPPED" } else { "RUNNING" },
        "launchType": if service.instances { "EC2" } else { "FARGATE" },
        "createdAt": seconds(one.created),
    });
    if let Some(started) = one.started.filter(|started| *started <= now) {
        said["startedAt"] = seconds(started);
        container["imageDigest"] = one.digest.as_str().into();
    }
    if let Some(end) = end {
        said["stoppedAt"] = seconds(end.at);
        said["stoppingAt"] = seconds(end.at);
        said["stopCode"] = end.code.into();
        said["stoppedReason"] = end.reason.as_str().into();
        match end.exit_code {
            Some(code) => container["exitCode"] = code.into(),
            None => container["reason"] = end.reason.as_str().into(),
        }
    }
    said["containers"] = json!([container]);
    said
}

/// The targets of a service's group, as Elastic Load Balancing lists them.
pub(super) fn targets(service: &Service, now: Timestamp) -> String {
    let up = service.tasks.iter().filter(|task| task.is_running(now));
    up.map(|task| {
        let seen = task
            .started
            .and_then(|at| at.checked_add(SignedDuration::from_secs(HEALTHY_SECONDS)).ok());
        let unwell = task.end.as_ref().and_then(|end| end.unwell.as_deref());
        let health = match (seen, unwell) {
            _ if !service.in_use => {
                "<State>unused</State><Reason>Target.NotInUse</Reason><Description>Target group is not configured to receive traffic from the load balancer</Description>"
            }
            (Some(seen), Some(_)) if seen <= now => {
                "<State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason>"
            }
            (Some(seen), None) if seen <= now => "<State>healthy</State>",
            _ => {
                "<State>initial</State><Reason>Elb.InitialHealthChecking</Reason><Description>Initial health checks in progress</Description>"
            }
        };
        format!(
            "<member><Target><Id>{}</Id><Port>8080</Port></Target><TargetHealth>{health}</TargetHealth></member>",
            task.address
        )
    })
    .collect()
}
