//! Tests only: the worlds in which something is wrong on Amazon ECS, and what is true there besides the causes.

use api::State;
use facts::kubernetes::ContainerState;
use facts::meta::{Kind, Status};
use facts::{Coverage, Reach, cluster::Scope};

use super::faults::*;
use super::{ask, journeys, read_aloud};
use crate::world::World;
use crate::world::company::ecs::*;
use crate::world::company::*;

/// Commit 4 is everywhere but on ECS, where commit 3 runs.
pub fn before() -> World {
    delivered().with_ecs()
}

/// A revision names commit 4.
pub fn registered() -> World {
    let mut world = before();
    world.register(4, 20);
    world
}

/// The service was updated to it just now.
pub fn updated() -> World {
    let mut world = registered();
    world.update_service(4, 6);
    world
}

/// Commit 4 runs on ECS too.
pub fn arrived() -> World {
    let mut world = updated();
    world.run_tasks(4, 4);
    world
}

/// The circuit breaker took it back.
pub fn rolled_back() -> World {
    let mut world = updated();
    let exited = ended(&world, "", "", 3);
    world.stopped_task(
        "EssentialContainerExited",
        "Essential container in task exited",
        exited,
    );
    let at = world.ago(1);
    world.service(|service, workload| {
        let change = &mut service.service_deployments[0];
        change.status = "ROLLBACK_SUCCESSFUL".to_owned();
        change.reason =
            "Service deployment rolled back because the circuit breaker threshold was exceeded."
                .to_owned();
        change.failures = 3;
        change.rolled_back = Some(at);
        service.deployments.remove(0);
        service.deployments[0].status = "PRIMARY".to_owned();
        service.task_definition = arn(3);
        workload.update_revision = Some(arn(3));
        let image = format!("{}:{}", image(APP), tag(APP, 3));
        workload.containers[0].image = image;
        (workload.updated, workload.ready, workload.total) = (2, 2, 2);
    });
    world
}

/// The deployment failed, and the breaker rolls nothing back.
pub fn failed() -> World {
    let mut world = updated();
    world.service(|service, _| {
        service.deployments[0].rollout_state = "FAILED".to_owned();
        service.deployments[0].reason =
            "ECS deployment circuit breaker: tasks failed to start.".to_owned();
    });
    world
}

/// The image cannot be pulled.
pub fn unpulled() -> World {
    let mut world = updated();
    world.stopped_task(
        "TaskFailedToStart",
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref",
        waiting("CannotPullContainerError", "CannotPullContainerError: failed to resolve ref"),
    );
    world
}

/// A container ended.
pub fn exited() -> World {
    let mut world = updated();
    let killed = "OutOfMemoryError: Container killed due to memory usage";
    let state = ended(&world, "OutOfMemoryError", killed, 137);
    world.stopped_task(
        "EssentialContainerExited",
        "Essential container in task exited",
        state,
    );
    world
}

/// The container's health check says no.
pub fn unwell() -> World {
    let mut world = updated();
    let at = world.ago(3);
    world.one_task(|task| {
        task.conditions = vec![condition("Ready", Status::False, "UNHEALTHY", "", at)];
        task.containers[0].ready = false;
    });
    world
}

/// There is no capacity.
pub fn unplaced() -> World {
    let mut world = updated();
    world.ecs_event(
        2,
        "(service checkout) was unable to place a task because no container instance met all of its requirements.",
    );
    world
}

/// Nobody wants tasks.
pub fn asleep() -> World {
    let mut world = arrived();
    world.edit(AWS, |facts| facts.pods.retain(|_, _| false));
    world.service(|_, workload| {
        (
            workload.wanted,
            workload.updated,
            workload.ready,
            workload.total,
        ) = (0, 0, 0, 0);
    });
    world
}

/// The load balancer's health check fails.
pub fn unserved() -> World {
    let mut world = arrived();
    world.service(|service, _| {
        service.target_groups[0].targets = vec![target(
            "unhealthy",
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [404]",
        )];
    });
    world
}

fn on_ecs(world: &World, number: u32) -> api::Journey {
    journeys(world, &sha(APP, number))
        .into_iter()
        .find(|journey| journey.cluster == AWS)
        .unwrap()
}

#[test]
fn ecs_and_kubernetes_stand_side_by_side() {
    let world = arrived();
    let journeys = journeys(&world, &sha(APP, 4));
    let states: Vec<_> = journeys
        .iter()
        .map(|one| (one.environment.as_str(), one.cluster.as_str(), one.state))
        .collect();
    assert_eq!(
        states,
        [
            ("dev", "nonprod", State::Deployed),
            ("production", AWS, State::Deployed),
            ("production", PROD, State::Deployed),
        ]
    );
    let headline = read_aloud(&world, &on_ecs(&world, 4).headline);
    assert!(headline.contains("2 of 2 tasks"), "{headline}");
    let board = world.board().board;
    let row = board.rows.iter().find(|row| row.app == APP).unwrap();
    assert_eq!(row.cells.len(), 3);
}

#[test]
fn nothing_of_ecs_speaks_kubernetes_words() {
    for world in [
        before(),
        registered(),
        updated(),
        arrived(),
        rolled_back(),
        failed(),
        unpulled(),
        exited(),
        unwell(),
        unplaced(),
        asleep(),
        unserved(),
    ] {
        let journey = on_ecs(&world, 4);
        let text = serde_json::to_string(&journey).unwrap();
        for word in [
            "Pod ",
            "\"Pod\"",
            " pod ",
            "pods ",
            "Kustomization",
            "Flux",
            "Deployment ",
        ] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn a_deployment_that_its_breaker_may_still_take_back_is_not_deployed() {
    let mut world = arrived();
    world.service(|service, _| {
        service.deployments[0].rollout_state = "IN_PROGRESS".to_owned();
    });
    assert_eq!(on_ecs(&world, 4).state, State::Moving);
}

#[test]
fn a_task_without_a_digest_proves_nothing() {
    let mut world = arrived();
    world.edit(AWS, |facts| {
        facts.pods.change(|task| {
            task.containers[0].image_id.clear();
        });
    });
    assert_eq!(on_ecs(&world, 4).state, State::Unknown);
}

#[test]
fn why_the_tasks_stopped_is_said_beside_a_roll_back() {
    let world = rolled_back();
    let journey = on_ecs(&world, 4);
    let notes: Vec<String> = journey
        .notes
        .iter()
        .map(|note| read_aloud(&world, note))
        .collect();
    assert!(
        notes.iter().any(|note| note.contains("exit code 3")),
        "{notes:?}"
    );
}

#[test]
fn a_roll_back_that_may_not_be_read_is_unknown_and_not_a_service_nobody_updated() {
    let mut world = rolled_back();
    let message = "ecs:ListServiceDeployments".to_owned();
    world.edit(AWS, |facts| {
        let denied = Coverage::Denied { message };
        facts
            .coverage
            .insert((Kind::EcsServiceDeployment, Scope::All), denied);
    });
    world.service(|service, _| service.service_deployments.clear());
    let journey = on_ecs(&world, 4);
    assert_eq!(journey.state, State::Unknown);
    let headline = read_aloud(&world, &journey.headline);
    assert!(
        headline.contains("ecs:ListServiceDeployments"),
        "{headline}"
    );
}

#[test]
fn where_service_deployments_are_not_served_the_deployments_tell() {
    let mut world = failed();
    world.edit(AWS, |facts| {
        let as_of = facts::Coverage::NotServed {
            as_of: jiff::Timestamp::UNIX_EPOCH,
        };
        facts
            .coverage
            .insert((Kind::EcsServiceDeployment, Scope::All), as_of);
    });
    world.service(|service, _| service.service_deployments.clear());
    let journey = on_ecs(&world, 4);
    assert_eq!(journey.cause.unwrap().code, "ecs-deployment-failed");
}

#[test]
fn an_account_that_does_not_answer_is_said_in_its_own_words() {
    let mut world = arrived();
    world.edit(AWS, |facts| {
        *facts = facts::ClusterFacts {
            platform: facts::Platform::Ecs,
            reach: Reach::Unreachable {
                error: "no route to host".to_owned(),
            },
            ..facts::ClusterFacts::default()
        };
    });
    let answer = world.answer(&ask(&sha(APP, 4))).answer.unwrap();
    let unread: Vec<String> = answer
        .unread
        .iter()
        .map(|one| read_aloud(&world, one))
        .collect();
    assert_eq!(
        unread,
        ["Amazon ECS of aws could not be read, so what runs there is not known: no route to host."]
    );
}

#[test]
fn a_task_that_starts_is_no_trouble() {
    let mut world = updated();
    let at = world.ago(3);
    world.one_task(|task| {
        task.phase = "Pending".to_owned();
        task.conditions = vec![condition("Ready", Status::False, "PENDING", "", at)];
        task.containers[0].ready = false;
        task.containers[0].image_id.clear();
        task.containers[0].state = ContainerState::Waiting {
            reason: "PENDING".to_owned(),
            message: String::new(),
        };
    });
    let journey = on_ecs(&world, 4);
    assert_eq!(journey.state, State::Moving);
    assert_eq!(journey.cause.unwrap().code, "ecs-deployment-running");
}

#[test]
fn an_account_that_no_environment_is_bound_to_may_belong_to_any() {
    let mut world = arrived();
    world.edit(AWS, |facts| {
        *facts = facts::ClusterFacts {
            platform: facts::Platform::Ecs,
            ..facts::ClusterFacts::default()
        };
    });
    let bound = |cluster: &str| facts::team::Environment {
        name: "production".to_owned(),
        cluster: Some(cluster.to_owned()),
        namespaces: Vec::new(),
    };
    let mut question = ask(&sha(APP, 4));
    question.environment = Some("production".to_owned());
    world.facts.team.environments = vec![bound(PROD)];
    let answer = world.answer(&question).answer.unwrap();
    assert_eq!(answer.unread.len(), 1, "{:?}", answer.unread);
    let mut dev = bound(AWS);
    dev.name = "dev".to_owned();
    world.facts.team.environments.push(dev);
    let answer = world.answer(&question).answer.unwrap();
    assert!(answer.unread.is_empty(), "{:?}", answer.unread);
}
