//! Field by field held to moto, which others wrote, in the actions that moto has.
//!
//! Owns the table of what moto has not: service deployments, events, digests and most times are held to nothing here.

use std::collections::BTreeSet;

use sandbox::amazon::{Breaker, router};
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};

use super::peer::Moto;
use super::{Ground, KEY, ask, query};

/// What the account says and moto 5.2 does not, so that nothing here holds it to anything.
const MOTO_HAS_NOT: &[&str] = &[
    "DescribeServices services[].createdAt",
    "DescribeServices services[].currentServiceDeployment",
    "DescribeServices services[].deploymentConfiguration",
    "DescribeServices services[].events[]",
    "DescribeTaskDefinition tags",
    "DescribeTaskDefinition taskDefinition.registeredAt",
    "DescribeTaskDefinition taskDefinition.registeredBy",
    "DescribeTasks tasks[].containers[].imageDigest",
    "DescribeTasks tasks[].createdAt",
    "DescribeTasks tasks[].startedAt",
];

#[tokio::test]
async fn what_it_says_is_what_moto_says_field_by_field() {
    let ground = Ground::new(Breaker::RollsBack);
    let server = Server::start(&ground.clock, router(&ground.account), ANY_PORT)
        .await
        .unwrap();
    let moto = Moto::start();
    let task = moto.fill().await;
    let own = ground.tasks("RUNNING")[0]["taskArn"].clone();
    let mut differences = BTreeSet::new();
    for (action, asked) in [
        ("ListClusters", json!({})),
        (
            "DescribeClusters",
            json!({"clusters": ["shop", "none"], "include": ["TAGS"]}),
        ),
        (
            "ListServices",
            json!({"cluster": "shop", "maxResults": 100}),
        ),
        (
            "DescribeServices",
            json!({"cluster": "shop", "services": ["api", "none"], "include": ["TAGS"]}),
        ),
        (
            "ListTasks",
            json!({"cluster": "shop", "desiredStatus": "RUNNING"}),
        ),
        (
            "DescribeTasks",
            json!({"cluster": "shop", "tasks": ["TASK"]}),
        ),
        ("DescribeTaskDefinition", json!({"taskDefinition": "api"})),
        (
            "DescribeTaskDefinition",
            json!({"taskDefinition": "none:9"}),
        ),
        ("ListServices", json!({"cluster": "none"})),
    ] {
        let with = |task: &Value| {
            let mut asked = asked.clone();
            if action == "DescribeTasks" {
                asked["tasks"][0] = task.clone();
            }
            asked
        };
        let (status, ours) = ask(&server.url(), KEY, action, &with(&own)).await;
        let (expected, theirs) = ask(&moto.url, "test", action, &with(&task)).await;
        assert_eq!(status, expected, "{action} {asked}: {ours} {theirs}");
        assert_eq!(ours["__type"], theirs["__type"]);
        if status != 200 {
            assert_eq!(ours["message"], theirs["message"]);
        }
        let known = fields(&theirs);
        let unknown = fields(&ours)
            .difference(&known)
            .cloned()
            .collect::<Vec<_>>();
        differences.extend(unknown.into_iter().map(|field| format!("{action} {field}")));
    }
    let is_excused = |one: &String| MOTO_HAS_NOT.iter().any(|known| one.starts_with(known));
    let new: Vec<_> = differences.iter().filter(|one| !is_excused(one)).collect();
    assert!(new.is_empty(), "moto says otherwise: {new:#?}");
    let is_used = |known: &&&str| differences.iter().any(|one| one.starts_with(**known));
    let idle: Vec<_> = MOTO_HAS_NOT
        .iter()
        .filter(|known| !is_used(known))
        .collect();
    assert!(idle.is_empty(), "moto has it after all: {idle:?}");
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let (_, ours) = query(&server.url(), KEY, who).await;
    let (_, theirs) = query(&moto.url, "test", who).await;
    assert_eq!(tags(&ours), tags(&theirs));
}

/// Every field of an answer with its type: `services[].desiredCount number`.
fn fields(answer: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, &format!("{path}{dot}{name}"), found);
                }
            }
            Value::Array(items) => {
                found.insert(format!("{path} list"));
                for item in items {
                    walk(item, &format!("{path}[]"), found);
                }
            }
            Value::Null => {}
            Value::Bool(_) => drop(found.insert(format!("{path} bool"))),
            Value::Number(_) => drop(found.insert(format!("{path} number"))),
            Value::String(_) => drop(found.insert(format!("{path} text"))),
        }
    }
    let mut found = BTreeSet::new();
    walk(answer, "", &mut found);
    found
}

/// The names of an XML answer's elements.
fn tags(xml: &str) -> BTreeSet<&str> {
    let begun = xml.split('<').skip(1);
    begun
        .filter(|tag| !tag.starts_with('/') && !tag.starts_with('?'))
        .map(|tag| tag.split(['>', ' ']).next().unwrap_or(tag))
        .collect()
}

impl Moto {
    /// Makes what the ground has; the ARN of the task.
    async fn fill(&self) -> Value {
        let make = |action: &'static str, asked: Value| async move {
            let (status, answer) = ask(&self.url, "test", action, &asked).await;
            assert_eq!(status, 200, "{action}: {answer}");
            answer
        };
        let tags = json!([{"key": "environment", "value": "production"}]);
        make(
            "CreateCluster",
            json!({"clusterName": "shop", "tags": tags}),
        )
        .await;
        let container = json!({
            "name": "api", "image": "registry.example/shop/api:1", "memory": 512, "essential": true,
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        });
        let definition = json!({"family": "api", "containerDefinitions": [container]});
        make("RegisterTaskDefinition", definition).await;
        let group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/0a1b";
        let balancer =
            json!({"targetGroupArn": group, "containerName": "api", "containerPort": 8080});
        let service = json!({
            "cluster": "shop", "serviceName": "api", "taskDefinition": "api:1", "desiredCount": 2,
            "launchType": "FARGATE", "loadBalancers": [balancer],
        });
        make("CreateService", service).await;
        let run = json!({
            "cluster": "shop", "taskDefinition": "api:1", "launchType": "FARGATE", "group": "service:api",
        });
        let answer = make("RunTask", run).await;
        answer["tasks"][0]["taskArn"].clone()
    }
}
