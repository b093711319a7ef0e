//! Field by field held to moto, which others wrote, in the actions that moto has.
//!
//! Owns the table of what moto has not: service deployments, events, digests and most times are held to nothing here.

use std::collections::BTreeSet;

use sandbox::amazon::{Account, Breaker, ROLE, router};
use sandbox::clock::Clock;
use sandbox::faults::Faults;
use sandbox::names::Names;
use sandbox::provider::{self, Provider};
use sandbox::registry::Registry;
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};

use super::peer::Moto;
use super::{Ground, KEY, ask, query, signed};

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

#[tokio::test]
async fn a_role_is_given_for_an_id_token_as_moto_gives_it_and_for_nothing_else() {
    let clock = Clock::default();
    let provider = Provider::new(&Names::of(3), clock.clone()).unwrap();
    let issuer = Server::start(&clock, provider::router(&provider), ANY_PORT);
    let issuer = issuer.await.unwrap();
    provider.is_at(&issuer.url());
    let registry = Registry::new(clock.clone());
    let faults = Faults::default();
    let account = Account::new(
        "aws",
        clock.clone(),
        registry,
        "registry.example",
        faults,
        1,
    );
    let account = account.trusting(&provider);
    let server = Server::start(&clock, router(&account), ANY_PORT)
        .await
        .unwrap();
    let moto = Moto::start();
    let token = id_token(&issuer.url(), &provider).await;
    let asked = |role: &str, token: &str| {
        format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={role}&RoleSessionName=mia&DurationSeconds=900&WebIdentityToken={token}"
        )
    };
    let (status, ours) = query(&server.url(), "", &asked(ROLE, &token)).await;
    let (expected, theirs) = query(&moto.url, "test", &asked(ROLE, &token)).await;
    assert_eq!((status, expected), (200, 200), "{ours} {theirs}");
    let known = tags(&theirs);
    let unknown: Vec<_> = tags(&ours).difference(&known).copied().collect();
    // The subject and the audience are in AWS' own reference, and not in moto.
    let excused = ["Audience", "SubjectFromWebIdentityToken"];
    assert!(
        unknown.iter().all(|tag| excused.contains(tag)),
        "{unknown:?}: {theirs}"
    );

    let within = |tag: &str| {
        let rest = ours.split(&format!("<{tag}>")).nth(1).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let who = |key: String, session: String| {
        let url = server.url();
        async move {
            let answer = signed(&url, &key, "sts")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-amz-security-token", session)
                .body("Action=GetCallerIdentity&Version=2011-06-15")
                .send()
                .await
                .unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let (key, session) = (within("AccessKeyId"), within("SessionToken"));
    let (status, caller) = who(key.clone(), session.clone()).await;
    assert_eq!(status, 200, "{caller}");
    assert!(
        caller.contains(":assumed-role/landfall-reader/mia<"),
        "{caller}"
    );
    let (status, other) = who(key.clone(), "another".to_owned()).await;
    assert!(
        status == 403 && other.contains("InvalidClientTokenId"),
        "{other}"
    );

    let other = "arn:aws:iam::123456789012:role/admin";
    let (status, refused) = query(&server.url(), "", &asked(other, &token)).await;
    assert!(
        status == 403 && refused.contains("AccessDenied"),
        "{refused}"
    );
    for forged in ["", "eyJhbGciOiJub25lIn0.e30.", &token[..token.len() - 4]] {
        let (status, refused) = query(&server.url(), "", &asked(ROLE, forged)).await;
        assert!(
            status == 400 && refused.contains("InvalidIdentityToken"),
            "{refused}"
        );
    }
    clock.advance(jiff::SignedDuration::from_secs(901));
    let (_, late) = who(key, session).await;
    assert!(late.contains("ExpiredToken"), "{late}");
    let (_, late) = query(&server.url(), "", &asked(ROLE, &token)).await;
    assert!(
        late.contains("InvalidIdentityToken"),
        "its ID token ended too: {late}"
    );
}

/// The ID token of somebody who signs in by a code.
async fn id_token(issuer: &str, provider: &Provider) -> String {
    let post = async |path: &str, form: String| -> Value {
        let kind = "application/x-www-form-urlencoded";
        let request = reqwest::Client::new().post(format!("{issuer}{path}"));
        let answer = request.header("content-type", kind).body(form).send();
        let text = answer.await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let invited = post("/device/code", "client_id=landfall&scope=openid".to_owned()).await;
    let person = &provider.people()[0];
    assert!(provider.typed(invited["user_code"].as_str().unwrap(), person));
    let code = invited["device_code"].as_str().unwrap();
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let form = format!("client_id=landfall&grant_type={grant}&device_code={code}");
    let given = post("/token", form).await;
    given["id_token"].as_str().unwrap().to_owned()
}

/// Every field of an answer with its type: `services[].desiredCount number`.
pub fn fields(answer: &Value) -> BTreeSet<String> {
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
    pub async fn fill(&self) -> Value {
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
