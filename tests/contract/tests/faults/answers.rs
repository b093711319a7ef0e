//! Answers that are none: too many requests, errors, slowness, JSON that ends in its middle.

use std::time::Duration;

use contract::proxy::{Fault, Rule};
use facts::{Coverage, Kind, Reach};

use crate::ground::{Ground, LISTS, PODS, known, pods, until, until_pods};

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_said_and_asked_again() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    let refused = Fault::Status(429, Some(1));
    ground.rule(ground.pods("limit=", refused));
    let cluster = ground.watch();
    let facts = until(&cluster, "said", |f| {
        matches!(known(f), Coverage::Failed { .. })
    })
    .await;
    let Coverage::Failed { message } = known(&facts) else {
        panic!()
    };
    assert!(message.contains("429 Too Many Requests"), "{message}");
    assert_eq!(facts.reach, Reach::Answering);
    until(&cluster, "the others", |f| {
        f.coverage(Kind::Deployment, "shop").is_whole()
    })
    .await;
    ground.proxy.script().clear();
    until_pods(&cluster, &["api-1"]).await;
    assert!(ground.asked(LISTS) >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_makes_one_kind_unknown_and_only_while_it_lasts() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    ground.rule(ground.pods("limit=", Fault::Status(500, None)));
    let cluster = ground.watch();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(matches!(known(&facts), Coverage::Failed { .. }));
    assert!(facts.coverage(Kind::ReplicaSet, "shop").is_whole());
    assert_eq!(facts.reach, Reach::Answering);
    ground.proxy.script().clear();
    until_pods(&cluster, &["api-1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_error_does_not_make_known_things_unknown() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    // The first watch cannot go on, and the list after it fails once.
    ground.rule(ground.pods("watch=true", Fault::Gone).times(1));
    let failing = ground.pods("limit=", Fault::Status(500, None));
    ground.rule(failing.from_nth(2).times(1));
    let cluster = ground.watch();
    let mut facts = cluster.facts();
    let known_all_along = tokio::spawn(async move {
        let first = facts.wait_for(|facts| known(facts).is_whole()).await;
        drop(first.unwrap());
        let next = facts.wait_for(|f| !known(f).is_whole() || f.pods.len() == 2);
        known(&next.await.unwrap()).is_whole()
    });
    until_pods(&cluster, &["api-1"]).await;
    ground.proxy.script().counted(LISTS, 3).await;
    ground.pod("api-2");
    until_pods(&cluster, &["api-1", "api-2"]).await;
    assert!(known_all_along.await.unwrap());
    assert_eq!(ground.proxy.script().faults(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_server_is_lost_and_what_is_known_stays() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    let cluster = ground.watch();
    until_pods(&cluster, &["api-1"]).await;
    ground.rule(Rule::new(Fault::Status(503, None)));
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert!(pods(&facts).contains("api-1"));
    ground.gone("api-1");
    ground.pod("api-2");
    ground.proxy.script().clear();
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
    until_pods(&cluster, &["api-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_waited_for_and_asked_for_once() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    let slow = Fault::Slow(Duration::from_millis(700));
    ground.rule(ground.pods("limit=", slow));
    let cluster = ground.watch();
    until(&cluster, "the others", |f| {
        f.coverage(Kind::Namespace, "").is_whole()
    })
    .await;
    let facts = until_pods(&cluster, &["api-1"]).await;
    assert_eq!(facts.reach, Reach::Answering);
    assert_eq!(ground.asked(LISTS), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_ends_in_its_middle_is_no_shorter_list() {
    let ground = Ground::new().await;
    for n in 0..9 {
        ground.pod(&format!("api-{n}"));
    }
    ground.rule(ground.pods("limit=", Fault::TruncatedAfter(700)));
    let cluster = ground.watch();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(
        matches!(known(&facts), Coverage::Failed { message } if message.contains("not what it should be")),
        "{:?}",
        known(&facts)
    );
    assert!(facts.pods.is_empty(), "never part of a list as all of it");
    ground.proxy.script().clear();
    until(&cluster, "all", |f| {
        known(f).is_whole() && f.pods.len() == 9
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_breaks_between_its_pages_is_begun_again() {
    let ground = Ground::new().await;
    for n in 0..9 {
        ground.pod(&format!("api-{n}"));
    }
    let cut = ground.pods("continue=", Fault::ResetAfter(300)).times(1);
    ground.rule(cut);
    let cluster = ground.watch_with(|options| options.page_size = 4);
    let mut facts = cluster.facts();
    let all = facts.wait_for(|facts| {
        assert!(
            facts.pods.is_empty() || facts.pods.len() == 9,
            "never a page alone"
        );
        facts.pods.len() == 9 && known(facts).is_whole()
    });
    let all = tokio::time::timeout(Duration::from_secs(60), all).await;
    assert!(all.is_ok(), "all pods are known");
    // One page and a broken one, then three.
    assert_eq!(ground.asked("GET /api/v1/pods?limit=4"), 5);
    assert_eq!(ground.proxy.script().faults(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clock_is_told_by_its_date() {
    let ground = Ground::new().await;
    ground.rule(Rule::new(Fault::Skewed(7200)));
    let cluster = ground.watch();
    let facts = until(&cluster, "two hours", |f| f.clock_offset.as_hours() >= 1).await;
    let off = facts.clock_offset.as_secs() - 7200;
    assert!(off.abs() < 60, "{:?}", facts.clock_offset);
    assert_eq!(facts.reach, Reach::Answering);
    ground.proxy.script().clear();
    until(&cluster, "its own time", |f| f.clock_offset.is_zero()).await;
    assert!(ground.asked(&format!("GET {PODS}")) > 0);
}
