//! Changing an account: against moto, which others wrote, and against servers that refuse, break and keep silent. Whatever
//! comes of it, a change is sent once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

#[path = "peer/moto.rs"]
mod peer;
#[path = "writing/silence.rs"]
mod silence;

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, LaunchType};
use cloud::{Account, Credentials, EcsWrite, EcsWriteFailure, EcsWriteKind, Options, Source, Spec};
use peer::Moto;
use silence::{How, Server};

fn account(endpoint: &str, clusters: &[&str]) -> Account {
    let spec = Spec {
        name: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Source::Given(Credentials::new("test", "test", None, None, "tests")),
        clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
    };
    let options = Options {
        answer_within: Duration::from_secs(2),
        ..Options::default()
    };
    Account::start(spec, options)
}

fn write(change: EcsWriteKind) -> EcsWrite {
    EcsWrite {
        cluster: "shop".to_owned(),
        change,
    }
}

fn force() -> EcsWrite {
    write(EcsWriteKind::ForceDeployment {
        service: "api".to_owned(),
    })
}

async fn client(moto: &Moto) -> aws_sdk_ecs::Client {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .endpoint_url(&moto.url)
        .load()
        .await;
    aws_sdk_ecs::Client::new(&config)
}

async fn register(client: &aws_sdk_ecs::Client, number: u32) -> String {
    let container = ContainerDefinition::builder()
        .name("api")
        .image(format!("registry.example/shop/api:{number}"))
        .memory(256)
        .essential(true)
        .build();
    let asked = client.register_task_definition().family("api");
    let answer = asked.container_definitions(container).send().await.unwrap();
    let registered = answer.task_definition().unwrap();
    registered.task_definition_arn().unwrap().to_owned()
}

#[tokio::test]
async fn what_moto_is_told_is_there_when_it_is_looked_at_again() {
    let moto = Moto::start();
    let client = client(&moto).await;
    let made = client.create_cluster().cluster_name("shop").send().await;
    made.unwrap();
    let first = register(&client, 1).await;
    let second = register(&client, 2).await;
    let made = client.create_service().cluster("shop").service_name("api");
    let made = made.task_definition(&first).desired_count(2);
    made.launch_type(LaunchType::Fargate).send().await.unwrap();
    let run = client.run_task().cluster("shop").task_definition(&first);
    let run = run.launch_type(LaunchType::Fargate).group("service:api");
    let started = run.send().await.unwrap();
    let arn = started.tasks()[0].task_arn().unwrap();
    let task = arn.rsplit('/').next().unwrap();

    let account = account(&moto.url, &[]);
    assert_eq!(
        account.identity_now().await.unwrap(),
        "aws:123456789012:eu-west-1"
    );
    let before = account.service_now("shop", "api").await.unwrap();
    let before = before.expect("there");
    assert_eq!(before["spec"]["taskDefinition"], first.as_str());
    assert_eq!(before["spec"]["desiredCount"], 2);

    let forced = account.send(&force()).await.unwrap();
    let after = account.service_now("shop", "api").await.unwrap();
    let after = after.expect("there");
    let deployment = forced.deployment.expect("one began");
    assert_eq!(after["metadata"]["resourceVersion"], deployment.as_str());
    assert_ne!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);

    let count = write(EcsWriteKind::DesiredCount {
        service: "api".to_owned(),
        count: 5,
    });
    account.send(&count).await.unwrap();
    let revision = write(EcsWriteKind::TaskDefinition {
        service: "api".to_owned(),
        arn: second.clone(),
    });
    account.send(&revision).await.unwrap();
    let after = account.service_now("shop", "api").await.unwrap();
    let after = after.expect("there");
    // What is not said stays.
    assert_eq!(after["spec"]["desiredCount"], 5);
    assert_eq!(after["spec"]["taskDefinition"], second.as_str());

    let stop = write(EcsWriteKind::StopTask {
        task: task.to_owned(),
        reason: "Landfall run r1".to_owned(),
    });
    account.send(&stop).await.unwrap();
    let stopped = account.task_now("shop", task).await.unwrap();
    let stopped = stopped.expect("ECS describes it for an hour");
    assert_eq!(stopped["spec"]["desiredStatus"], "STOPPED");
    assert_eq!(stopped["status"]["stoppedReason"], "Landfall run r1");

    let revision = account.task_definition_now("api:2").await.unwrap();
    let revision = revision.expect("there");
    assert_eq!(revision["metadata"]["uid"], second.as_str());
    assert_eq!(
        revision["spec"]["containers"][0]["image"],
        "registry.example/shop/api:2"
    );
    for none in ["api:9", "other"] {
        let found = account.task_definition_now(none).await.unwrap();
        assert_eq!(found, None, "{none}");
    }
    assert_eq!(account.service_now("shop", "other").await.unwrap(), None);
    assert_eq!(account.service_now("other", "api").await.unwrap(), None);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_refused_as_gone() {
    let moto = Moto::start();
    let client = client(&moto).await;
    let made = client.create_cluster().cluster_name("shop").send().await;
    made.unwrap();
    let account = account(&moto.url, &[]);
    let refused = account.send(&force()).await.expect_err("nothing is there");
    let EcsWriteFailure::Refused { why, moved: true } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, "Service not found.");
}

/// Turns red where the SDK's own tries are left on for what changes something.
#[tokio::test]
async fn whatever_comes_of_it_a_change_is_sent_once() {
    for (how, is_unknown) in [
        (How::Says(400, "AccessDeniedException"), false),
        (How::Says(400, "ThrottlingException"), false),
        (How::Says(500, "ServerException"), true),
        (How::Says(503, "ServiceUnavailable"), true),
        (How::HangsUp, true),
        (How::Silent, true),
        (How::Garbled, true),
    ] {
        let server = Server::start(how).await;
        let account = account(&server.url, &[]);
        let failure = account.send(&force()).await.expect_err("no answer is fine");
        match failure {
            EcsWriteFailure::Unknown { .. } => assert!(is_unknown, "{how:?}"),
            EcsWriteFailure::Refused { moved: false, .. } => assert!(!is_unknown, "{how:?}"),
            other => panic!("{how:?}: {other:?}"),
        }
        assert_eq!(server.updates(), 1, "{how:?}");
    }
}

#[tokio::test]
async fn what_never_left_this_machine_is_known_not_to_have() {
    // Nobody listens there.
    let nobody = account("http://127.0.0.1:1", &[]);
    let failure = nobody.send(&force()).await.expect_err("nobody is there");
    assert!(
        matches!(failure, EcsWriteFailure::NotSent { .. }),
        "{failure:?}"
    );
    // A cluster that the team file leaves out is not reached through what it names.
    let server = Server::start(How::Says(500, "ServerException")).await;
    let narrow = account(&server.url, &["other"]);
    let failure = narrow.send(&force()).await.expect_err("not one of ours");
    assert!(
        matches!(failure, EcsWriteFailure::NotSent { .. }),
        "{failure:?}"
    );
    assert_eq!(server.updates(), 0);
}

/// Nobody has signed in: there is nothing to sign a request with.
#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::start(How::Says(500, "ServerException")).await;
    let folder = std::env::temp_dir().join(format!("landfall-none-{}", std::process::id()));
    let spec = Spec {
        name: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(server.url.clone()),
        credentials: Source::File {
            path: folder.join("credentials"),
            profile: None,
        },
        clusters: Vec::new(),
    };
    let account = Account::start(spec, Options::default());
    let failure = account.send(&force()).await.expect_err("no credentials");
    assert!(
        matches!(failure, EcsWriteFailure::NotSent { .. }),
        "{failure:?}"
    );
    assert_eq!(server.updates(), 0);
}
