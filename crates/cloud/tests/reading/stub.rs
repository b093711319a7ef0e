//! Canned answers in AWS' protocols, for what moto does not have: service deployments, events, digests, refusals.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use api::connection::Held;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use facts::kubernetes::ContainerState;
use facts::{Coverage, Key, Kind, Reach};
use serde_json::{Value, json};

use super::{account, after_round, is_seen};

const DEFINITION: &str = "arn:aws:ecs:eu-west-1:1:task-definition/api";
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop-api/0a1b";
const DIGEST: &str = "sha256:0a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00010203040506070809";

/// The answers by action, and how often each action was asked for.
#[derive(Clone, Default)]
struct Stub(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    answers: BTreeMap<String, (u16, String)>,
    asked: Vec<String>,
    /// How far its clock is ahead.
    ahead: jiff::SignedDuration,
}

impl Stub {
    fn answer(&self, action: &str, answer: Value) {
        self.put(action, 200, answer.to_string());
    }

    fn refuse(&self, action: &str) {
        let message = format!("User: x is not authorized to perform: ecs:{action}");
        let answer = json!({"__type": "AccessDeniedException", "message": message});
        self.put(action, 400, answer.to_string());
    }

    fn put(&self, action: &str, status: u16, text: String) {
        let mut inner = self.0.lock().unwrap();
        inner.answers.insert(action.to_owned(), (status, text));
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn handle(
    State(stub): State<Stub>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, String); 1], String) {
    let action = match headers.get("x-amz-target") {
        Some(target) => {
            let target = target.to_str().unwrap();
            target.rsplit('.').next().unwrap().to_owned()
        }
        None => {
            let body = String::from_utf8_lossy(&body).into_owned();
            let mut fields = body.split('&');
            let action = fields.find_map(|field| field.strip_prefix("Action="));
            action.unwrap().to_owned()
        }
    };
    // Tasks of both kinds are listed by one action.
    let stopped = String::from_utf8_lossy(&body).contains("\"STOPPED\"");
    let name = if action == "ListTasks" && stopped {
        "ListStopped".to_owned()
    } else {
        action.clone()
    };
    let mut inner = stub.0.lock().unwrap();
    inner.asked.push(name.clone());
    let now = jiff::Timestamp::now().saturating_add(inner.ahead).unwrap();
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (status, text) = match inner.answers.get(&name) {
        Some((status, text)) => (*status, text.clone()),
        None => {
            let unknown = json!({"__type": "UnknownOperationException"});
            (400, unknown.to_string())
        }
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("date", date)], text)
}

fn task(id: &str, revision: u32) -> Value {
    json!({
        "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/shop/{id}"),
        "taskDefinitionArn": format!("{DEFINITION}:{revision}"),
        "group": "service:api", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "createdAt": 1_767_225_600, "startedAt": 1_767_225_630,
        "containers": [{
            "name": "api", "image": "registry.example/shop/api:1", "imageDigest": DIGEST, "lastStatus": "RUNNING",
        }],
    })
}

/// A service whose last change was rolled back by its circuit breaker.
fn rolled_back() -> Stub {
    let stub = Stub::default();
    let service = json!({
        "serviceArn": "arn:aws:ecs:eu-west-1:1:service/shop/api", "serviceName": "api", "status": "ACTIVE",
        "taskDefinition": format!("{DEFINITION}:1"), "desiredCount": 1, "runningCount": 1, "pendingCount": 0,
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "deployments": [{
            "id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": format!("{DEFINITION}:1"), "desiredCount": 1,
            "runningCount": 1, "pendingCount": 0, "failedTasks": 0, "rolloutState": "COMPLETED",
        }],
        "events": [{"id": "1", "createdAt": 1_767_225_700, "message": "(service api) has reached a steady state."}],
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "api", "containerPort": 8080}],
    });
    let definition = |revision: u32| {
        json!({"taskDefinition": {
            "taskDefinitionArn": format!("{DEFINITION}:{revision}"), "registeredAt": 1_767_225_600,
            "containerDefinitions": [{"name": "api", "image": format!("registry.example/shop/api:{revision}")}],
        }})
    };
    let mut stopped = task("bad", 1);
    stopped["lastStatus"] = json!("STOPPED");
    stopped["stopCode"] = json!("EssentialContainerExited");
    stopped["stoppedReason"] = json!("Essential container in task exited");
    stopped["containers"][0]["lastStatus"] = json!("STOPPED");
    stopped["containers"][0]["exitCode"] = json!(3);
    stub.answer(
        "DescribeClusters",
        json!({"clusters": [{"clusterName": "shop"}]}),
    );
    stub.answer("ListServices", json!({"serviceArns": ["a"]}));
    stub.answer("DescribeServices", json!({"services": [service]}));
    stub.answer(
        "ListTasks",
        json!({"taskArns": ["arn:aws:ecs:eu-west-1:1:task/shop/good"]}),
    );
    stub.answer(
        "ListStopped",
        json!({"taskArns": ["arn:aws:ecs:eu-west-1:1:task/shop/bad"]}),
    );
    stub.answer(
        "DescribeTasks",
        json!({"tasks": [task("good", 1), stopped]}),
    );
    stub.answer("DescribeTaskDefinition", definition(1));
    stub.answer(
        "ListServiceDeployments",
        json!({"serviceDeployments": [{
            "serviceDeploymentArn": "arn:d/2", "status": "ROLLBACK_SUCCESSFUL", "createdAt": 1_767_225_600,
            "targetServiceRevisionArn": "arn:r/2",
        }]}),
    );
    stub.answer(
        "DescribeServiceDeployments",
        json!({"serviceDeployments": [{
            "serviceDeploymentArn": "arn:d/2", "status": "ROLLBACK_SUCCESSFUL", "createdAt": 1_767_225_600,
            "statusReason": "Service deployment rolled back because the circuit breaker threshold was exceeded.",
            "rollback": {"reason": "circuit breaker", "startedAt": 1_767_225_650},
            "deploymentCircuitBreaker": {"status": "TRIGGERED", "failureCount": 3, "threshold": 3},
        }]}),
    );
    stub.answer(
        "DescribeServiceRevisions",
        json!({"serviceRevisions": [{"serviceRevisionArn": "arn:r/2", "taskDefinition": format!("{DEFINITION}:1")}]}),
    );
    let health = "<TargetHealthDescriptions><member><Target><Id>10.0.0.7</Id><Port>8080</Port></Target><TargetHealth>\
        <State>unhealthy</State><Reason>Target.FailedHealthChecks</Reason><Description>Health checks failed</Description>\
        </TargetHealth></member></TargetHealthDescriptions>";
    let xml = format!(
        "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <DescribeTargetHealthResult>{health}</DescribeTargetHealthResult></DescribeTargetHealthResponse>"
    );
    stub.put("DescribeTargetHealth", 200, xml);
    stub
}

#[tokio::test]
async fn everything_is_read_and_a_quiet_round_costs_seven_requests() {
    let stub = rolled_back();
    let account = account(&stub.serve().await, &["shop"]);
    let (facts, _) = after_round(&account, 1).await;
    let first = stub.asked();
    for kind in Kind::ECS {
        assert!(is_seen(&facts, kind), "{kind:?}");
    }
    let extra = facts
        .ecs_services
        .get(&Key::new("shop", "api"))
        .expect("there");
    let change = &extra.service_deployments[0];
    assert_eq!(change.status, "ROLLBACK_SUCCESSFUL");
    assert!(change.reason.contains("circuit breaker threshold"));
    assert_eq!(change.task_definition, format!("{DEFINITION}:1"));
    assert_eq!(change.failures, 3);
    assert!(extra.circuit_breaker.unwrap().rollback);
    assert_eq!(extra.events.len(), 1);
    let target = &extra.target_groups[0].targets[0];
    assert_eq!(
        (target.state.as_str(), target.reason.as_str()),
        ("unhealthy", "Target.FailedHealthChecks")
    );
    let good = facts.pods.get(&Key::new("shop", "good")).expect("there");
    assert_eq!(good.containers[0].digest(), Some(DIGEST));
    assert!(good.containers[0].ready);
    let bad = facts.pods.get(&Key::new("shop", "bad")).expect("there");
    assert_eq!(bad.phase, "Failed");
    assert!(matches!(
        bad.containers[0].state,
        ContainerState::Terminated { exit_code: 3, .. }
    ));
    // What never changes, and what nothing says has changed, is asked for once.
    assert!(
        first.contains(&"ListServiceDeployments".to_owned()),
        "{first:?}"
    );
    stub.answer("DescribeTasks", json!({"tasks": [task("good", 1)]}));
    account.try_now();
    let (facts, _) = after_round(&account, 2).await;
    let quiet = stub.asked();
    assert_eq!(
        quiet,
        [
            "DescribeClusters",
            "ListServices",
            "DescribeServices",
            "ListTasks",
            "ListStopped",
            "DescribeTasks",
            "DescribeTargetHealth",
        ]
    );
    // AWS has forgotten neither, and a stopped task is not asked for again.
    assert!(facts.pods.contains_key(&Key::new("shop", "bad")));
    stub.answer("ListStopped", json!({"taskArns": []}));
    account.try_now();
    let (facts, _) = after_round(&account, 3).await;
    assert!(
        facts.pods.contains_key(&Key::new("shop", "bad")),
        "captured"
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_denied_with_aws_own_words_and_the_rest_is_there() {
    for (action, kind) in [
        ("ListServices", Kind::EcsService),
        ("DescribeTasks", Kind::EcsTask),
        ("DescribeTaskDefinition", Kind::EcsTaskDefinition),
        ("ListServiceDeployments", Kind::EcsServiceDeployment),
    ] {
        let stub = rolled_back();
        stub.refuse(action);
        let account = account(&stub.serve().await, &["shop"]);
        let (facts, _) = after_round(&account, 1).await;
        assert_eq!(facts.reach, Reach::Answering);
        for other in Kind::ECS {
            let coverage = facts.coverage(other, "shop");
            if other == kind {
                let Coverage::Denied { message } = coverage else {
                    panic!("{action}: {other:?} is {coverage:?}");
                };
                assert!(message.contains(action), "{message}");
            } else {
                assert!(coverage.is_whole(), "{action}: {other:?} is {coverage:?}");
            }
        }
        let refused = account.connection().borrow().refusals.clone();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let rights = account.connection().borrow().rights.clone();
        let missing = rights.iter().filter_map(|right| match &right.held {
            Held::No { verbs } => Some((verbs.clone(), right.without.as_str())),
            _ => None,
        });
        let without = match kind {
            Kind::EcsServiceDeployment => "whether an ECS service was rolled back, and by what",
            _ => "the apps that run on Amazon ECS",
        };
        let missing: Vec<_> = missing.collect();
        assert_eq!(missing, [(vec![format!("ecs:{action}")], without)]);
    }
}

#[tokio::test]
async fn a_right_is_held_once_each_of_its_actions_was_seen_to_work_and_not_before() {
    let account = account(&rolled_back().serve().await, &["shop"]);
    assert!(account.connection().borrow().rights.is_empty());
    after_round(&account, 1).await;
    let connection = account.connection().borrow().clone();
    assert_eq!(connection.rights_held(), (3, 3), "{:#?}", connection.rights);
    assert_eq!(account.until(), None, "nobody says when a key ends");

    // An account without services: next to nothing is sent, so next to nothing is known.
    let stub = rolled_back();
    stub.answer("ListServices", json!({"serviceArns": []}));
    stub.answer("ListTasks", json!({"taskArns": []}));
    stub.answer("ListStopped", json!({"taskArns": []}));
    let account = self::account(&stub.serve().await, &["shop"]);
    after_round(&account, 1).await;
    let connection = account.connection().borrow().clone();
    assert_eq!(connection.rights_held(), (0, 3), "{:#?}", connection.rights);
    for right in connection.rights_amiss() {
        let words = right.held.words();
        assert!(
            words.starts_with("cannot tell: not before it is used: "),
            "{words}"
        );
    }
}

#[tokio::test]
async fn what_does_not_know_service_deployments_has_none() {
    let stub = rolled_back();
    let unknown = json!({"__type": "UnknownOperationException"});
    stub.put("ListServiceDeployments", 400, unknown.to_string());
    let account = account(&stub.serve().await, &["shop"]);
    let (facts, _) = after_round(&account, 1).await;
    let coverage = facts.coverage(Kind::EcsServiceDeployment, "shop");
    assert!(
        matches!(coverage, Coverage::NotServed { .. }),
        "{coverage:?}"
    );
    stub.asked();
    account.try_now();
    after_round(&account, 2).await;
    assert!(!stub.asked().contains(&"ListServiceDeployments".to_owned()));
}

#[tokio::test]
async fn too_many_requests_end_a_round_and_leave_what_was_read() {
    let stub = rolled_back();
    let account = account(&stub.serve().await, &["shop"]);
    after_round(&account, 1).await;
    let slow = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
    stub.put("DescribeServices", 400, slow.to_string());
    stub.asked();
    account.try_now();
    let (facts, _) = after_round(&account, 2).await;
    let tries = stub.asked();
    let tries = tries.iter().filter(|action| *action == "DescribeServices");
    assert_eq!(tries.count(), 3, "the SDK's own tries, and no more");
    assert!(
        matches!(&facts.reach, Reach::Lost { error, .. } if error.contains("Rate exceeded")),
        "{:?}",
        facts.reach
    );
    assert!(is_seen(&facts, Kind::EcsService));
    assert!(facts.pods.contains_key(&Key::new("shop", "good")));
}

#[tokio::test]
async fn aws_own_clock_is_learned_from_its_answers() {
    let stub = rolled_back();
    stub.0.lock().unwrap().ahead = jiff::SignedDuration::from_mins(3);
    let account = account(&stub.serve().await, &["shop"]);
    let (facts, _) = after_round(&account, 1).await;
    let seconds = facts.clock_offset.as_secs();
    assert!((178..=182).contains(&seconds), "{seconds}");
}
