//! moto on a free port of loopback: services, tasks and task definitions made by the SDK and read by us.
//!
//! moto lists no service deployments, has no events and reports no digests: what is read of it is said to be less.

use aws_sdk_ecs::types::{ContainerDefinition, LaunchType, Tag};
use facts::kubernetes::ContainerState;
use facts::meta::Status;
use facts::{Coverage, Key, Kind, Reach};

use super::peer::Moto;
use super::{account, after_round, is_seen};

impl Moto {
    async fn client(&self) -> aws_sdk_ecs::Client {
        let credentials = cloud::Credentials::new("test", "test", None, None, "tests");
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .credentials_provider(credentials)
            .endpoint_url(&self.url)
            .load()
            .await;
        aws_sdk_ecs::Client::new(&config)
    }
}

async fn register(client: &aws_sdk_ecs::Client, number: u32) -> String {
    let container = ContainerDefinition::builder()
        .name("api")
        .image(format!("registry.example/shop/api:{number}"))
        .memory(256)
        .essential(true)
        .build();
    let answer = client
        .register_task_definition()
        .family("api")
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    let registered = answer.task_definition().unwrap();
    registered.task_definition_arn().unwrap().to_owned()
}

#[tokio::test]
async fn what_moto_has_is_read_and_what_it_has_not_is_said() {
    let moto = Moto::start();
    let client = moto.client().await;
    let tag = |key, value| Tag::builder().key(key).value(value).build();
    client
        .create_cluster()
        .cluster_name("shop")
        .tags(tag("environment", "production"))
        .send()
        .await
        .unwrap();
    let first = register(&client, 1).await;
    client
        .create_service()
        .cluster("shop")
        .service_name("api")
        .task_definition(&first)
        .desired_count(2)
        .launch_type(LaunchType::Fargate)
        .tags(tag("app", "shop-api"))
        .send()
        .await
        .unwrap();
    let run = |group: &'static str| {
        let client = client.clone();
        let first = first.clone();
        async move {
            let answer = client
                .run_task()
                .cluster("shop")
                .task_definition(first)
                .launch_type(LaunchType::Fargate)
                .group(group)
                .send()
                .await
                .unwrap();
            answer.tasks()[0].task_arn().unwrap().to_owned()
        }
    };
    let running = run("service:api").await;
    run("family:api").await;
    let second = register(&client, 2).await;

    let account = account(&moto.url, &[]);
    let (facts, _) = after_round(&account, 1).await;

    assert_eq!(facts.reach, Reach::Answering);
    let environment = facts
        .namespaces
        .get("shop")
        .expect("there")
        .meta
        .label("environment");
    assert_eq!(environment, Some("production"));
    for kind in [
        Kind::EcsService,
        Kind::EcsTask,
        Kind::EcsTaskDefinition,
        Kind::EcsTargetGroup,
    ] {
        assert!(is_seen(&facts, kind), "{kind:?}");
    }
    // Flux is not read of ECS: there is none.
    assert!(facts.coverage(Kind::Kustomization, "").is_whole());
    let key = Key::new("shop", "api");
    let workload = facts
        .workloads
        .get(&(Kind::EcsService, key.clone()))
        .expect("there");
    assert_eq!(workload.wanted, 2);
    assert_eq!(workload.meta.label("app"), Some("shop-api"));
    assert_eq!(workload.containers[0].image, "registry.example/shop/api:1");
    assert_eq!(workload.update_revision.as_deref(), Some(first.as_str()));
    let extra = facts.ecs_services.get(&key).expect("there");
    assert_eq!(extra.capacity, ["FARGATE"]);
    assert_eq!(extra.primary().unwrap().rollout_state, "IN_PROGRESS");
    assert_eq!(
        extra.newest_task_definition.as_deref(),
        Some(second.as_str())
    );
    let newest = &facts
        .task_definitions
        .get(&second)
        .expect("there")
        .containers[0];
    assert_eq!(newest.image, "registry.example/shop/api:2");
    // The task that belongs to no service is none of ours; moto's containers are pending for ever and have no digest.
    let id = running.rsplit('/').next().unwrap();
    let tasks: Vec<&str> = facts
        .pods
        .values()
        .map(|pod| pod.meta.name.as_str())
        .collect();
    assert_eq!(tasks, [id]);
    let task = facts.pods.get(&Key::new("shop", id)).expect("there");
    assert_eq!(task.phase, "Running");
    assert_eq!(task.containers[0].digest(), None);
    assert!(!task.containers[0].ready);
    assert!(matches!(
        task.containers[0].state,
        ContainerState::Waiting { .. }
    ));
    // No service deployments: said, and the rest is known all the same.
    let gap = facts.coverage(Kind::EcsServiceDeployment, "shop");
    assert!(matches!(gap, Coverage::Failed { .. }), "{gap:?}");

    client
        .stop_task()
        .cluster("shop")
        .task(&running)
        .reason("Essential container in task exited")
        .send()
        .await
        .unwrap();
    account.try_now();
    let (facts, _) = after_round(&account, 2).await;
    let stopped = facts.pods.get(&Key::new("shop", id)).expect("there");
    assert_ne!(stopped.conditions[0].status, Status::True, "{stopped:?}");
    assert!(stopped.message.as_deref().unwrap().contains("Essential"));
}

#[tokio::test]
async fn an_account_that_vanishes_is_lost_and_keeps_what_it_said() {
    let moto = Moto::start();
    let client = moto.client().await;
    client
        .create_cluster()
        .cluster_name("shop")
        .send()
        .await
        .unwrap();
    let account = account(&moto.url, &["shop"]);
    let (facts, _) = after_round(&account, 1).await;
    assert!(is_seen(&facts, Kind::EcsService));
    drop(moto);
    account.try_now();
    let (facts, _) = after_round(&account, 2).await;
    assert!(
        matches!(facts.reach, Reach::Lost { .. }),
        "{:?}",
        facts.reach
    );
    assert!(is_seen(&facts, Kind::EcsService));
    assert!(facts.namespaces.contains_key("shop"));
}
