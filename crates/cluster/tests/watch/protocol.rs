//! Lists, watches, pages, 410, discovery, and a server that goes and comes back.

use std::time::{Duration, Instant};

use api::ConnectionState;
use facts::cluster::Scope;
use facts::{Coverage, Key, Kind, Reach};
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{DEPLOYMENTS, KUSTOMIZATIONS, PODS, World, pod, until, until_connection};

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_change_and_go() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert_eq!(facts.reach, Reach::Answering);
    assert_eq!(
        facts
            .pods
            .get(&Key::new("shop", "api-1"))
            .expect("there")
            .phase,
        "Running"
    );
    for kind in Kind::ALL {
        assert!(facts.coverage(kind, "").is_whole(), "{kind:?}");
    }
    assert!(matches!(
        facts.coverage(Kind::Pod, "shop"),
        Coverage::Seen { .. }
    ));
    assert!(matches!(
        facts.coverage(Kind::HelmRelease, "shop"),
        Coverage::NotServed { .. }
    ));

    world.responder.put(PODS, pod("shop", "api-2"));
    until(&cluster, "a new pod", |f| f.pods.len() == 2).await;
    let failed =
        json!({"metadata": {"name": "api-2", "namespace": "shop"}, "status": {"phase": "Failed"}});
    world.responder.put(PODS, failed);
    until(&cluster, "a changed pod", |f| {
        f.pods.get(&Key::new("shop", "api-2")).expect("there").phase == "Failed"
    })
    .await;
    world.responder.delete(PODS, "shop", "api-1");
    until(&cluster, "a pod gone", |f| f.pods.len() == 1).await;
    let connection = until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. }) && c.identity.is_some()
    })
    .await;
    assert_eq!(connection.identity.as_deref(), Some("jo"));
    assert_eq!(connection.name, "test");
    assert!(connection.refusals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bookmark_says_that_nothing_changed_up_to_now() {
    let world = World::new();
    let cluster = world.cluster();
    cluster.settled().await;
    let as_of = |facts: &facts::ClusterFacts| match facts.coverage(Kind::Pod, "") {
        Coverage::Seen { as_of } => *as_of,
        other => panic!("{other:?}"),
    };
    let before = as_of(&cluster.facts().borrow());
    world.responder.bookmark();
    until(&cluster, "a newer moment", |f| as_of(f) > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_410_everything_is_listed_anew_and_never_seems_empty() {
    let world = World::new();
    for n in 0..50 {
        world.responder.put(PODS, pod("shop", &format!("api-{n}")));
    }
    let cluster = world.cluster();
    cluster.settled().await;
    let mut facts = cluster.facts();
    assert_eq!(facts.borrow_and_update().pods.len(), 50);
    let watched = tokio::spawn(async move {
        let mut fewest = usize::MAX;
        while facts.changed().await.is_ok() {
            let facts = facts.borrow_and_update();
            fewest = fewest.min(facts.pods.len());
            if facts.pods.contains_key(&Key::new("shop", "new")) {
                break;
            }
        }
        fewest
    });
    // Both happen before anybody is told: the deletion is never sent as an event.
    world.responder.behave(|b| {
        b.held.insert(PODS.to_owned());
    });
    world.responder.compact();
    world.responder.delete(PODS, "shop", "api-7");
    world.responder.put(PODS, pod("shop", "new"));
    world.responder.compact();
    world.responder.behave(|b| b.held.clear());
    let facts = until(&cluster, "the new list", |f| {
        f.pods.contains_key(&Key::new("shop", "new"))
            && !f.pods.contains_key(&Key::new("shop", "api-7"))
    })
    .await;
    assert_eq!(facts.pods.len(), 50);
    assert!(
        watched.await.unwrap() >= 49,
        "the old objects stayed until the new list was there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn big_lists_come_in_pages_and_survive_a_page_that_expired() {
    let world = World::new();
    for n in 0..230 {
        world.responder.put(PODS, pod("shop", &format!("api-{n}")));
    }
    world.responder.behave(|b| b.expire_continue = 2);
    let cluster = world.cluster_with(|o| o.page_size = 50);
    cluster.settled().await;
    assert_eq!(cluster.facts().borrow().pods.len(), 230);
    let lists: Vec<String> = world
        .responder
        .requests()
        .into_iter()
        .filter(|r| r.starts_with("GET /api/v1/pods") && !r.contains("watch=true"))
        .collect();
    assert_eq!(
        lists,
        [
            "GET /api/v1/pods?limit=50",
            "GET /api/v1/pods?limit=50&continue=50",
            "GET /api/v1/pods?limit=50",
            "GET /api/v1/pods?limit=50&continue=50",
            "GET /api/v1/pods",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_leaves_its_facts_and_all_is_live_when_it_is_back() {
    let mut world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    world.responder.put(
        KUSTOMIZATIONS,
        json!({"metadata": {"name": "shop", "namespace": "shop"}}),
    );
    let cluster = world.cluster();
    cluster.settled().await;

    world.off();
    let gone = Instant::now();
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    println!("noticed {:?}", gone.elapsed());
    assert_eq!((facts.pods.len(), facts.kustomizations.len()), (1, 1));
    assert!(facts.coverage(Kind::Pod, "shop").is_whole());
    let Reach::Lost { error, .. } = &facts.reach else {
        panic!()
    };
    assert!(
        error.contains("refused the connection (is it running?)"),
        "{error}"
    );
    until_connection(&cluster, "degraded", |c| {
        matches!(
            &c.state,
            ConnectionState::Degraded {
                retry_at: Some(_),
                ..
            }
        )
    })
    .await;

    // What happened meanwhile is never told by an event.
    world.responder.delete(PODS, "shop", "api-1");
    world.responder.put(PODS, pod("shop", "api-2"));
    world.responder.compact();
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.on();
    let back = Instant::now();
    until(&cluster, "back", |f| {
        f.reach == Reach::Answering
            && f.pods.contains_key(&Key::new("shop", "api-2"))
            && f.pods.len() == 1
    })
    .await;
    until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
    println!("live again {:?}", back.elapsed());
    world.responder.put(PODS, pod("shop", "api-3"));
    until(&cluster, "events again", |f| f.pods.len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_without_a_word_is_missed() {
    let world = World::new();
    let cluster = world.cluster_with(|o| {
        o.heartbeat = Duration::from_millis(200);
        o.answer_within = Duration::from_millis(300);
    });
    cluster.settled().await;
    world.responder.behave(|b| b.silent = true);
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    let Reach::Lost { error, .. } = &facts.reach else {
        panic!()
    };
    assert!(error.contains("does not answer"), "{error}");
    world.responder.behave(|b| b.silent = false);
    world.responder.put(PODS, pod("shop", "api-1"));
    until(&cluster, "back", |f| {
        f.reach == Reach::Answering && f.pods.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_of_flux_land_in_the_same_facts_and_an_upgrade_is_followed() {
    let world = World::new();
    world.responder.withdraw(KUSTOMIZATIONS);
    let beta = KUSTOMIZATIONS.replace("/v1/", "/v1beta2/");
    world.responder.serve(&beta);
    let object = json!({"metadata": {"name": "shop", "namespace": "shop"}, "status": {"lastAppliedRevision": "main/1"}});
    world.responder.put(&beta, object.clone());
    let cluster = world.cluster();
    cluster.settled().await;
    let key = Key::new("shop", "shop");
    let applied = cluster
        .facts()
        .borrow()
        .kustomizations
        .get(&key)
        .expect("there")
        .applied
        .clone();
    assert_eq!(applied.unwrap().text, "main/1");

    world.responder.withdraw(&beta);
    world.responder.put(KUSTOMIZATIONS, json!({"metadata": {"name": "shop", "namespace": "shop"}, "status": {"lastAppliedRevision": "main@sha1:2"}}));
    world.responder.compact();
    until(&cluster, "the new version", |f| {
        f.kustomizations
            .get(&key)
            .and_then(|k| k.applied.as_ref())
            .is_some_and(|r| r.text == "main@sha1:2")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_is_absent_until_it_is_installed() {
    let world = World::new();
    world.responder.withdraw(KUSTOMIZATIONS);
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(matches!(
        facts.coverage(Kind::Kustomization, "shop"),
        Coverage::NotServed { .. }
    ));
    assert!(matches!(
        facts.coverage(Kind::Deployment, "shop"),
        Coverage::Seen { .. }
    ));
    until_connection(&cluster, "absent", |c| {
        c.state
            == ConnectionState::Absent {
                what: "Flux".into(),
            }
    })
    .await;
    world.responder.put(
        KUSTOMIZATIONS,
        json!({"metadata": {"name": "shop", "namespace": "shop"}}),
    );
    until(&cluster, "flux", |f| f.kustomizations.len() == 1).await;
    until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_answer_needs_is_asked_for_first() {
    let world = World::new();
    world.responder.behave(|b| {
        b.held.insert(DEPLOYMENTS.to_owned());
    });
    let cluster = world.cluster();
    let facts = until(&cluster, "the rest of the first tier", |f| {
        f.coverage(Kind::Kustomization, "").is_whole()
            && f.coverage(Kind::ReplicaSet, "").is_whole()
    })
    .await;
    assert_eq!(*facts.coverage(Kind::Pod, ""), Coverage::NotAsked);
    assert!(
        !world
            .responder
            .requests()
            .iter()
            .any(|r| r.contains("/pods") || r.contains("/events"))
    );
    world.responder.behave(|b| b.held.clear());
    cluster.settled().await;
    assert!(
        cluster
            .facts()
            .borrow()
            .coverage(Kind::Event, "")
            .is_whole()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_clock_is_learned_and_followed() {
    let world = World::new();
    world.responder.behave(|b| b.ahead = 3600);
    let cluster = world.cluster_with(|o| o.heartbeat = Duration::from_millis(200));
    let near = |offset: SignedDuration, seconds: i64| {
        offset
            .saturating_sub(SignedDuration::from_secs(seconds))
            .abs()
            < SignedDuration::from_secs(3)
    };
    until(&cluster, "an hour ahead", |f| near(f.clock_offset, 3600)).await;
    world.responder.behave(|b| b.ahead = 0);
    until(&cluster, "the same", |f| f.clock_offset.is_zero()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_cluster_ends_its_watches() {
    let world = World::new();
    let cluster = world.cluster();
    cluster.settled().await;
    until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.responder.watching() < 12 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.responder.watching(), 12);
    drop(cluster);
    while world.responder.watching() > 0 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.responder.watching(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_batches_and_the_first_at_once() {
    let world = World::new();
    let cluster = world.cluster_with(|o| o.flush_every = Duration::from_millis(500));
    cluster.settled().await;
    until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut facts = cluster.facts();
    facts.borrow_and_update();
    let began = Instant::now();
    for n in 0..200 {
        world.responder.put(PODS, pod("shop", &format!("api-{n}")));
    }
    facts.changed().await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "{:?}",
        began.elapsed()
    );
    let mut flushes = 1;
    while facts.borrow_and_update().pods.len() < 200 {
        facts.changed().await.unwrap();
        flushes += 1;
    }
    assert!(flushes <= 4, "{flushes}");
    let all = Scope::All;
    assert!(facts.borrow().coverage[&(Kind::Pod, all)].is_whole());
}
