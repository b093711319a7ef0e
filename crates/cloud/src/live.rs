//! One thing of an account as it is now, past everything that is remembered: what an action looks at.
//!
//! Owns the form in which a service, a task and a revision of a task definition are handed on: JSON with `metadata`, `spec`
//! and `status` as an object of Kubernetes has them, the fields below as ECS' API spells them, times in RFC 3339. Of a task
//! definition it has the names of containers and images alone: what stands in their environment is nobody's here.

use aws_sdk_ecs::types::{self, DeploymentRolloutState};
use facts::Kind;
use serde_json::{Value, json};

use crate::account::Account;
use crate::failure::{Failure, Why};
use crate::project::last;
use crate::time::at;

/// Events of a service that are handed on, the newest.
const EVENTS: usize = 20;

impl Account {
    /// A service as it is now; `None` where there is none of that name any more. Its `metadata.uid` is its ARN with when it
    /// was made, its `metadata.resourceVersion` the id of its PRIMARY deployment.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn service_now(&self, cluster: &str, name: &str) -> Result<Option<Value>, Failure> {
        self.reads(cluster)?;
        let client = &self.clients().await.ecs;
        let asked = client.describe_services().cluster(cluster).services(name);
        let answer = match asked.send().await.map_err(|error| Failure::of(&error)) {
            Err(failure) if failure.why == Why::Missing => return Ok(None),
            answer => answer?,
        };
        let found = answer.services.unwrap_or_default();
        let found = found
            .iter()
            .find(|service| service.service_name() == Some(name));
        Ok(found.and_then(|found| service(cluster, found)))
    }

    /// A task as it is now, by its id; `None` where ECS does not know it any more, which is about an hour after it stopped.
    /// Its `metadata.uid` is its ARN.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn task_now(&self, cluster: &str, id: &str) -> Result<Option<Value>, Failure> {
        self.reads(cluster)?;
        let client = &self.clients().await.ecs;
        let asked = client.describe_tasks().cluster(cluster).tasks(id);
        let answer = match asked.send().await.map_err(|error| Failure::of(&error)) {
            Err(failure) if failure.why == Why::Missing => return Ok(None),
            answer => answer?,
        };
        let found = answer.tasks.unwrap_or_default();
        let found = found
            .iter()
            .find(|task| task.task_arn().map(last) == Some(id));
        Ok(found.map(|found| task(cluster, found)))
    }

    /// A revision of a task definition as `family:revision`, or a family's newest; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn task_definition_now(&self, name: &str) -> Result<Option<Value>, Failure> {
        let client = &self.clients().await.ecs;
        let asked = client.describe_task_definition().task_definition(name);
        let answer = asked.send().await.map_err(|error| Failure::of(&error));
        match answer {
            Ok(answer) => answer
                .task_definition()
                .map(|found| Some(definition(name, found)))
                .ok_or_else(|| Failure::unsaid("a task definition")),
            // ECS has no code of its own for it.
            Err(failure)
                if failure
                    .message
                    .contains("Unable to describe task definition") =>
            {
                Ok(None)
            }
            Err(failure) if failure.why == Why::Missing => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Which account and region this is, whatever it is called here: `aws:123456789012:eu-west-1`.
    ///
    /// # Errors
    /// AWS does not say who we are.
    pub async fn identity_now(&self) -> Result<String, Failure> {
        let answer = self.clients().await.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let number = answer.account().filter(|number| !number.is_empty());
        let number = number.ok_or_else(|| Failure::unsaid("the account's number"))?;
        Ok(format!("aws:{number}:{}", self.region()))
    }

    /// That an ECS cluster is one of those that are read here.
    pub(crate) fn reads(&self, cluster: &str) -> Result<(), Failure> {
        if self.has_cluster(cluster) {
            return Ok(());
        }
        Err(Failure {
            why: Why::Other,
            message: format!(
                "the ECS cluster {} is none of those that are read of {}",
                api::headline::plain(cluster, 120),
                self.name()
            ),
        })
    }
}

/// `None` of one that is deleted, which ECS goes on to describe.
fn service(cluster: &str, found: &types::Service) -> Option<Value> {
    let status = found.status().unwrap_or_default();
    if status == "INACTIVE" {
        return None;
    }
    let arn = found.service_arn().unwrap_or_default();
    let uid = match at(found.created_at()) {
        // One that is made anew has the same ARN.
        Some(created) => format!("{arn}@{created}"),
        None => arn.to_owned(),
    };
    let configuration = found.deployment_configuration();
    let breaker = configuration.and_then(|one| one.deployment_circuit_breaker());
    let is_primary = |one: &&types::Deployment| one.status() == Some("PRIMARY");
    let primary = found.deployments().iter().find(is_primary);
    let mut events: Vec<&types::ServiceEvent> = found.events().iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(at(event.created_at())));
    let events = events.into_iter().take(EVENTS).map(
        |event| json!({"at": at(event.created_at()), "says": event.message().unwrap_or_default()}),
    );
    Some(json!({
        "kind": Kind::EcsService.name(),
        "metadata": {
            "namespace": cluster,
            "name": found.service_name(),
            "uid": uid,
            "resourceVersion": primary.and_then(types::Deployment::id),
        },
        "spec": {
            "desiredCount": found.desired_count(),
            "taskDefinition": found.task_definition(),
            "schedulingStrategy": found.scheduling_strategy().map(types::SchedulingStrategy::as_str),
            "deploymentController": found.deployment_controller().map(|one| one.r#type().as_str()),
            "deploymentStrategy": configuration.and_then(|one| one.strategy()).map(types::DeploymentStrategy::as_str),
            "minimumHealthyPercent": configuration.and_then(types::DeploymentConfiguration::minimum_healthy_percent),
            "maximumPercent": configuration.and_then(types::DeploymentConfiguration::maximum_percent),
            "circuitBreaker": breaker.map(|one| json!({"enable": one.enable(), "rollback": one.rollback()})),
        },
        "status": {
            "status": status,
            "runningCount": found.running_count(),
            "pendingCount": found.pending_count(),
            "deployments": found.deployments().iter().map(deployment).collect::<Vec<_>>(),
            "events": events.collect::<Vec<_>>(),
        },
    }))
}

fn deployment(one: &types::Deployment) -> Value {
    json!({
        "id": one.id(),
        "status": one.status(),
        "taskDefinition": one.task_definition(),
        "desiredCount": one.desired_count(),
        "runningCount": one.running_count(),
        "pendingCount": one.pending_count(),
        "failedTasks": one.failed_tasks(),
        "rolloutState": one.rollout_state().map(DeploymentRolloutState::as_str),
        "rolloutStateReason": one.rollout_state_reason(),
        "createdAt": at(one.created_at()),
        "updatedAt": at(one.updated_at()),
    })
}

fn task(cluster: &str, found: &types::Task) -> Value {
    let arn = found.task_arn().unwrap_or_default();
    json!({
        "kind": Kind::EcsTask.name(),
        "metadata": {"namespace": cluster, "name": last(arn), "uid": arn},
        "spec": {
            "taskDefinition": found.task_definition_arn(),
            "group": found.group(),
            "desiredStatus": found.desired_status(),
        },
        "status": {
            "lastStatus": found.last_status(),
            "stopCode": found.stop_code().map(types::TaskStopCode::as_str),
            "stoppedReason": found.stopped_reason(),
        },
    })
}

fn definition(name: &str, found: &types::TaskDefinition) -> Value {
    let containers = found.container_definitions().iter();
    let containers = containers.map(|one| json!({"name": one.name(), "image": one.image()}));
    json!({
        "kind": Kind::EcsTaskDefinition.name(),
        "metadata": {"namespace": "", "name": name, "uid": found.task_definition_arn()},
        "spec": {
            "family": found.family(),
            "revision": found.revision(),
            "containers": containers.collect::<Vec<_>>(),
        },
        "status": {"status": found.status().map(types::TaskDefinitionStatus::as_str)},
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::{ContainerDefinition, Deployment, KeyValuePair};

    use super::*;

    fn api() -> types::builders::ServiceBuilder {
        let deployment = |id: &str, status: &str| {
            let one = Deployment::builder().id(id).status(status);
            one.running_count(1).build()
        };
        types::Service::builder()
            .service_arn("arn:aws:ecs:eu-west-1:1:service/shop/api")
            .service_name("api")
            .status("ACTIVE")
            .created_at(DateTime::from_secs(0))
            .deployments(deployment("ecs-svc/1", "ACTIVE"))
            .deployments(deployment("ecs-svc/2", "PRIMARY"))
    }

    #[test]
    fn a_service_made_anew_is_another_one_and_a_deleted_one_is_none() {
        let found = service("shop", &api().build()).expect("there");
        assert_eq!(found["metadata"]["resourceVersion"], "ecs-svc/2");
        let anew = api().created_at(DateTime::from_secs(9)).build();
        let anew = service("shop", &anew).expect("there");
        assert_ne!(found["metadata"]["uid"], anew["metadata"]["uid"]);
        assert_eq!(service("shop", &api().status("INACTIVE").build()), None);
    }

    #[test]
    fn what_stands_in_a_containers_environment_is_not_handed_on() {
        let secret = KeyValuePair::builder().name("PASSWORD").value("SECRET");
        let container = ContainerDefinition::builder()
            .name("api")
            .image("registry.example/api:2")
            .environment(secret.build());
        let found = types::TaskDefinition::builder()
            .container_definitions(container.build())
            .build();
        let shown = definition("api:2", &found).to_string();
        assert!(shown.contains("registry.example/api:2"));
        assert!(!shown.contains("SECRET") && !shown.contains("PASSWORD"));
    }
}
