//! What people change through the API: UpdateService and StopTask, and what ECS makes of it.

use sandbox::amazon::{Breaker, router};
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};

use super::peer::Moto;
use super::{Ground, KEY, ask};

/// What the account says of a change and moto 5.2 does not.
const MOTO_HAS_NOT: &[&str] = &[
    "service.createdAt",
    "service.currentServiceDeployment",
    "service.deploymentConfiguration",
    "service.events",
    "task.containers[].imageDigest",
    "task.createdAt",
    "task.startedAt",
];

impl Ground {
    fn update(&self, asked: &Value) -> Value {
        let mut asked = asked.clone();
        asked["service"] = "api".into();
        self.ask("UpdateService", asked)["service"].clone()
    }
}

fn primary(service: &Value) -> Value {
    let mut all = service["deployments"].as_array().unwrap().iter();
    all.find(|one| one["status"] == "PRIMARY").unwrap().clone()
}

#[test]
fn a_forced_deployment_replaces_every_task_and_keeps_the_revision_and_the_count() {
    let ground = Ground::new(Breaker::RollsBack);
    let before = ground.service();
    let tasks = ground.tasks("RUNNING");
    let after = ground.update(&json!({"forceNewDeployment": true}));
    assert_ne!(primary(&after)["id"], primary(&before)["id"]);
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    assert_eq!(after["desiredCount"], before["desiredCount"]);
    ground.pass(120);
    let done = ground.service();
    assert_eq!(primary(&done)["id"], primary(&after)["id"]);
    assert_eq!(primary(&done)["rolloutState"], "COMPLETED");
    assert_eq!(done["runningCount"], 2);
    for task in ground.tasks("RUNNING") {
        assert!(tasks.iter().all(|old| old["taskArn"] != task["taskArn"]));
    }
}

#[test]
fn a_revision_is_set_back_to_and_the_tasks_are_of_it() {
    let ground = Ground::new(Breaker::RollsBack);
    let first = ground.service()["taskDefinition"].clone();
    ground.deploy("2", None);
    ground.pass(120);
    assert_ne!(ground.service()["taskDefinition"], first);
    ground.update(&json!({"taskDefinition": first}));
    ground.pass(120);
    assert_eq!(ground.service()["taskDefinition"], first);
    for task in ground.tasks("RUNNING") {
        assert_eq!(task["taskDefinitionArn"], first);
    }
}

#[test]
fn a_count_is_reached_in_both_directions_and_begins_no_deployment() {
    let ground = Ground::new(Breaker::RollsBack);
    let before = primary(&ground.service())["id"].clone();
    for count in [4, 1, 0, 2] {
        ground.update(&json!({"desiredCount": count}));
        ground.pass(120);
        let service = ground.service();
        assert_eq!(service["desiredCount"], count);
        assert_eq!(service["runningCount"], count, "{service}");
        assert_eq!(primary(&service)["id"], before);
        assert_eq!(primary(&service)["rolloutState"], "COMPLETED");
    }
}

#[test]
fn a_task_that_is_stopped_ends_and_another_takes_its_place() {
    let ground = Ground::new(Breaker::RollsBack);
    let task = ground.tasks("RUNNING")[0]["taskArn"].clone();
    ground.ask("StopTask", json!({"task": task, "reason": "it hangs"}));
    ground.pass(120);
    let running = ground.tasks("RUNNING");
    assert_eq!(running.len(), 2);
    assert!(running.iter().all(|one| one["taskArn"] != task));
    let stopped = ground.tasks("STOPPED");
    let stopped = stopped.iter().find(|one| one["taskArn"] == task).unwrap();
    assert_eq!(stopped["stopCode"], "UserInitiated");
    assert_eq!(stopped["stoppedReason"], "it hangs");
    assert_eq!(
        ground.service()["deployments"][0]["rolloutState"],
        "COMPLETED"
    );
}

#[tokio::test]
async fn what_it_says_to_a_change_is_what_moto_says() {
    let ground = Ground::new(Breaker::RollsBack);
    let server = Server::start(&ground.clock, router(&ground.account), ANY_PORT)
        .await
        .unwrap();
    let moto = Moto::start();
    let theirs = moto.fill().await;
    let ours = ground.tasks("RUNNING")[0]["taskArn"].clone();
    for (action, asked) in [
        (
            "UpdateService",
            json!({"cluster": "shop", "service": "api", "forceNewDeployment": true}),
        ),
        (
            "UpdateService",
            json!({"cluster": "shop", "service": "api", "desiredCount": 3}),
        ),
        (
            "UpdateService",
            json!({"cluster": "shop", "service": "api", "taskDefinition": "api:9"}),
        ),
        (
            "UpdateService",
            json!({"cluster": "shop", "service": "none", "desiredCount": 3}),
        ),
        (
            "UpdateService",
            json!({"cluster": "none", "service": "api", "desiredCount": 3}),
        ),
        (
            "StopTask",
            json!({"cluster": "shop", "task": "TASK", "reason": "it hangs"}),
        ),
    ] {
        let with = |task: &Value| {
            let mut asked = asked.clone();
            if action == "StopTask" {
                asked["task"] = task.clone();
            }
            asked
        };
        let (status, said) = ask(&server.url(), KEY, action, &with(&ours)).await;
        let (expected, known) = ask(&moto.url, "test", action, &with(&theirs)).await;
        assert_eq!(status, expected, "{action} {asked}: {said} {known}");
        assert_eq!(said["__type"], known["__type"]);
        if status != 200 {
            assert_eq!(said["message"], known["message"]);
        }
        let known = super::moto::fields(&known);
        let own = super::moto::fields(&said);
        let is_excused = |one: &&String| MOTO_HAS_NOT.iter().any(|has| one.starts_with(has));
        let new: Vec<_> = own
            .difference(&known)
            .filter(|one| !is_excused(one))
            .collect();
        assert!(new.is_empty(), "{action}: moto says otherwise: {new:#?}");
    }
}
