//! The account's API, asked as any client asks it, and what ECS makes of what people do. That the real SDK reads it is
//! what the product's own tests show; [`moto`] holds it to what others wrote.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "amazon/changes.rs"]
mod changes;
#[path = "amazon/moto.rs"]
mod moto;
#[path = "../../cloud/tests/peer/moto.rs"]
mod peer;

use jiff::{SignedDuration, Timestamp};
use sandbox::amazon::{Account, Breaker, NewService, router};
use sandbox::clock::Clock;
use sandbox::faults::{Faults, PodBehaviour};
use sandbox::registry::{ImageSpec, Registry};
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};

const HOST: &str = "registry.example";
const KEY: &str = "SANDBOX-DEVELOPER";

/// An account with one service, whose first image runs.
struct Ground {
    clock: Clock,
    registry: Registry,
    faults: Faults,
    account: Account,
}

impl Ground {
    fn new(breaker: Breaker) -> Self {
        let clock = Clock::default();
        clock.play("2026-11-21T10:00:00Z".parse().unwrap());
        let registry = Registry::new(clock.clone());
        let faults = Faults::default();
        let account = Account::new(
            "aws",
            clock.clone(),
            registry.clone(),
            HOST,
            faults.clone(),
            1,
        );
        let ground = Self {
            clock,
            registry,
            faults,
            account,
        };
        ground.push("1");
        ground.account.create_cluster("shop", "production");
        let revision = ground.register("1");
        let new = NewService {
            cluster: "shop",
            name: "api",
            desired: 2,
            breaker,
            instances: false,
        };
        ground.account.create_service(&new, revision);
        ground.pass(120);
        ground
    }

    fn push(&self, tag: &str) -> String {
        let image = ImageSpec {
            labels: [("tag".to_owned(), tag.to_owned())].into(),
            created: self.clock.now(),
            platforms: vec!["linux/amd64".to_owned()],
        };
        self.registry.push("shop/api", tag, image)
    }

    fn register(&self, tag: &str) -> u32 {
        let image = format!("{HOST}/shop/api:{tag}");
        self.account.register("api", &image, "mina-osei")
    }

    /// A new image that behaves so is deployed.
    fn deploy(&self, tag: &str, behaviour: Option<PodBehaviour>) {
        let digest = self.push(tag);
        if let Some(behaviour) = behaviour {
            self.faults.table().images.insert(digest, behaviour);
        }
        let revision = self.register(tag);
        self.account.update_service("shop", "api", revision);
    }

    fn pass(&self, seconds: i64) {
        let now: Timestamp = self.clock.now();
        let then = now.checked_add(SignedDuration::from_secs(seconds));
        self.clock.play(then.unwrap());
    }

    fn ask(&self, action: &str, mut asked: Value) -> Value {
        asked["cluster"] = "shop".into();
        self.account.ask(action, &asked).expect(action)
    }

    fn service(&self) -> Value {
        self.ask("DescribeServices", json!({"services": ["api"]}))["services"][0].clone()
    }

    fn tasks(&self, status: &str) -> Vec<Value> {
        let listed = self.ask("ListTasks", json!({"desiredStatus": status}));
        if listed["taskArns"] == json!([]) {
            return Vec::new();
        }
        let asked = json!({"tasks": listed["taskArns"]});
        let answer = self.ask("DescribeTasks", asked);
        answer["tasks"].as_array().unwrap().clone()
    }

    fn newest_change(&self) -> Value {
        let listed = self.ask("ListServiceDeployments", json!({"service": "api"}));
        let arn = &listed["serviceDeployments"][0]["serviceDeploymentArn"];
        let asked = json!({"serviceDeploymentArns": [arn]});
        self.ask("DescribeServiceDeployments", asked)["serviceDeployments"][0].clone()
    }
}

fn pull_fails() -> Option<PodBehaviour> {
    let message = "403 Forbidden".to_owned();
    Some(PodBehaviour::PullFails { message })
}

#[test]
fn a_rolling_update_starts_the_new_tasks_and_then_stops_the_old() {
    let ground = Ground::new(Breaker::RollsBack);
    let steady = ground.service();
    assert_eq!(steady["runningCount"], 2);
    assert_eq!(steady["deployments"][0]["rolloutState"], "COMPLETED");
    ground.deploy("2", None);
    ground.pass(30);
    let service = ground.service();
    assert_eq!(service["runningCount"], 4, "{service}");
    let statuses = ["PRIMARY", "ACTIVE"];
    for (deployment, status) in service["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .zip(statuses)
    {
        assert_eq!(
            (&deployment["status"], &deployment["runningCount"]),
            (&json!(status), &json!(2))
        );
    }
    assert_eq!(ground.newest_change()["status"], "IN_PROGRESS");
    ground.pass(60);
    let service = ground.service();
    assert_eq!(service["runningCount"], 2);
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    let last = service["events"][0]["message"].as_str().unwrap();
    assert!(last.ends_with("has reached a steady state."), "{last}");
    let digest = ground.registry.digest("shop/api", "2").unwrap();
    for task in ground.tasks("RUNNING") {
        assert_eq!(task["containers"][0]["imageDigest"], digest.as_str());
    }
    let stopped = ground.tasks("STOPPED");
    assert_eq!(stopped.len(), 2);
    assert_eq!(stopped[0]["stopCode"], "ServiceSchedulerInitiated");
    assert_eq!(ground.newest_change()["status"], "SUCCESSFUL");
    ground.pass(3600);
    assert!(ground.tasks("STOPPED").is_empty(), "AWS forgets them");
}

#[test]
fn a_circuit_breaker_takes_back_what_cannot_start_and_the_old_tasks_run_on() {
    let ground = Ground::new(Breaker::RollsBack);
    let before = ground.service()["taskDefinition"].clone();
    ground.deploy("2", pull_fails());
    ground.pass(600);
    let service = ground.service();
    assert_eq!(service["taskDefinition"], before);
    assert_eq!(service["runningCount"], 2);
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
    let change = ground.newest_change();
    assert_eq!(change["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(change["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert!(change["rollback"]["startedAt"].is_i64());
    assert!(change["rollback"]["serviceRevisionArn"].is_string());
    let stopped = ground.tasks("STOPPED");
    assert!(stopped.len() >= 3);
    for task in stopped {
        assert_eq!(task["stopCode"], "TaskFailedToStart");
        assert!(task["startedAt"].is_null() && task["containers"][0]["imageDigest"].is_null());
    }
}

#[test]
fn without_a_circuit_breaker_it_tries_for_ever_and_something_of_the_last_hour_is_always_there() {
    let ground = Ground::new(Breaker::Off);
    ground.deploy("2", pull_fails());
    for _ in 0..12 {
        ground.pass(1700);
        let deployment = ground.service()["deployments"][0].clone();
        assert_eq!(deployment["rolloutState"], "IN_PROGRESS");
        assert!(!ground.tasks("STOPPED").is_empty());
        let running = ground.tasks("RUNNING");
        let up = running
            .iter()
            .filter(|task| task["lastStatus"] == "RUNNING");
        assert_eq!(up.count(), 2, "the old ones");
    }
}

#[test]
fn a_circuit_breaker_that_rolls_nothing_back_leaves_a_failed_deployment_and_the_old_tasks() {
    let ground = Ground::new(Breaker::GivesUp);
    ground.deploy("2", pull_fails());
    ground.pass(600);
    let service = ground.service();
    let [failed, old] = [0, 1].map(|index| service["deployments"][index].clone());
    assert_eq!(failed["rolloutState"], "FAILED");
    assert_eq!(old["runningCount"], 2, "{service}");
    assert_eq!(service["taskDefinition"], failed["taskDefinition"]);
    assert_eq!(ground.newest_change()["status"], "STOPPED");
    ground.account.scale_to_zero("shop", "api");
    ground.pass(60);
    assert_eq!(ground.service()["runningCount"], 0);
}

#[test]
fn a_task_that_fails_its_health_checks_is_stopped_and_counts_as_failed() {
    let ground = Ground::new(Breaker::Off);
    let behaviour = PodBehaviour::Unready {
        probe: "503".to_owned(),
        log: Vec::new(),
    };
    ground.deploy("2", Some(behaviour));
    ground.pass(150);
    let stopped = ground.tasks("STOPPED");
    assert_eq!(stopped.len(), 2);
    let why = stopped[0]["stoppedReason"].as_str().unwrap();
    assert!(why.starts_with("Task failed ELB health checks"), "{why}");
    assert_eq!(ground.service()["deployments"][0]["failedTasks"], 2);
}

#[tokio::test]
async fn it_answers_whoever_has_its_key_page_by_page_and_refuses_the_rest() {
    let ground = Ground::new(Breaker::RollsBack);
    let server = Server::start(&ground.clock, router(&ground.account), ANY_PORT)
        .await
        .unwrap();
    let url = server.url();
    let asked = json!({"cluster": "shop", "maxResults": 1});
    let (status, answer) = ask(&url, KEY, "ListTasks", &asked).await;
    assert_eq!(
        (status, answer["taskArns"].as_array().map(Vec::len)),
        (200, Some(1))
    );
    let asked = json!({"cluster": "shop", "maxResults": 1, "nextToken": answer["nextToken"]});
    let (_, rest) = ask(&url, KEY, "ListTasks", &asked).await;
    assert_ne!(rest["taskArns"], answer["taskArns"]);
    assert!(rest["nextToken"].is_null());
    for (key, action, asked, code) in [
        (
            "somebody",
            "ListClusters",
            json!({}),
            "UnrecognizedClientException",
        ),
        (KEY, "DeleteCluster", json!({}), "UnknownOperationException"),
        (
            KEY,
            "ListServices",
            json!({"cluster": "none"}),
            "ClusterNotFoundException",
        ),
        (
            KEY,
            "DescribeTaskDefinition",
            json!({"taskDefinition": "none:1"}),
            "ClientException",
        ),
        (
            KEY,
            "DescribeServices",
            json!({"cluster": "shop", "services": vec!["a"; 11]}),
            "InvalidParameterException",
        ),
    ] {
        let (status, answer) = ask(&url, key, action, &asked).await;
        assert_eq!((status, &answer["__type"]), (400, &json!(code)), "{action}");
    }
    let health = "Action=DescribeTargetHealth&TargetGroupArn=arn%3Aaws%3Aelasticloadbalancing%3Aeu-central-1%3A123456789012%3Atargetgroup%2Fapi%2F1234567890120a1b";
    let (status, answer) = query(&url, KEY, health).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer.matches("<State>healthy</State>").count(),
        2,
        "{answer}"
    );
    let (status, answer) = query(&url, "somebody", "Action=GetCallerIdentity").await;
    assert!(
        status == 403 && answer.contains("<Code>InvalidClientTokenId</Code>"),
        "{answer}"
    );
}

/// An action of ECS; the status and the JSON of the answer.
async fn ask(url: &str, key: &str, action: &str, asked: &Value) -> (u16, Value) {
    let answer = signed(url, key, "ecs")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "x-amz-target",
            format!("AmazonEC2ContainerServiceV20141113.{action}"),
        )
        .body(asked.to_string())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{action}: {text}"));
    (status, json)
}

/// An action of the Query protocol; the status and the XML of the answer.
async fn query(url: &str, key: &str, body: &str) -> (u16, String) {
    let answer = signed(url, key, "sts")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn signed(url: &str, key: &str, service: &str) -> reqwest::RequestBuilder {
    let scope = format!("20261121/eu-central-1/{service}/aws4_request");
    let signature =
        format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host, Signature=0a1b");
    reqwest::Client::new()
        .post(format!("{url}/"))
        .header("authorization", signature)
}
