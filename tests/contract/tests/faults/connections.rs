//! Connections that hang, break, or are only half there.

use std::time::Duration;

use contract::proxy::{Fault, Rule};
use facts::Reach;

use crate::ground::{Ground, LISTS, WATCHES, pods, until, until_pods};

/// What is silent is noticed soon enough for a test.
fn impatient(options: &mut cluster::Options) {
    options.answer_within = Duration::from_millis(300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_lost_and_comes_back() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    let cluster = ground.watch_with(impatient);
    until_pods(&cluster, &["api-1"]).await;
    ground.rule(Rule::new(Fault::Hang));
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert!(pods(&facts).contains("api-1"), "what is known stays");
    ground.pod("api-2");
    ground.proxy.script().clear();
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
    until_pods(&cluster, &["api-1", "api-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_unreachable_and_not_empty() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    ground.rule(Rule::new(Fault::Hang));
    let cluster = ground.watch_with(impatient);
    let facts = until(&cluster, "unreachable", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    assert!(crate::ground::known(&facts).gap("pods").is_some());
    ground.proxy.script().clear();
    until_pods(&cluster, &["api-1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_reset_again_and_again_loses_nothing() {
    let ground = Ground::new().await;
    ground.pod("api-0");
    // Each watch breaks in the middle of its first event.
    ground.rule(ground.pods("watch=true", Fault::ResetAfter(40)).times(3));
    let cluster = ground.watch();
    until_pods(&cluster, &["api-0"]).await;
    let mut wanted = vec!["api-0".to_owned()];
    for n in 1..=3 {
        ground.proxy.script().counted(WATCHES, n).await;
        let name = format!("api-{n}");
        ground.pod(&name);
        wanted.push(name);
        let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
        until_pods(&cluster, &names).await;
    }
    ground.gone("api-0");
    until_pods(&cluster, &["api-1", "api-2", "api-3"]).await;
    assert_eq!(ground.proxy.script().faults(), 3);
    assert!(ground.asked(WATCHES) >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_cut_off_comes_again() {
    let ground = Ground::new().await;
    let cut = ground
        .pods("watch=true", Fault::TruncatedAfter(60))
        .times(1);
    ground.rule(cut);
    let cluster = ground.watch();
    until_pods(&cluster, &[]).await;
    ground.proxy.script().counted(WATCHES, 1).await;
    ground.pod("api-1");
    until_pods(&cluster, &["api-1"]).await;
    // The watch went on from where it was: nothing was listed twice.
    assert_eq!((ground.asked(LISTS), ground.asked(WATCHES)), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_noticed_and_left() {
    let ground = Ground::new().await;
    ground.pod("api-1");
    let cluster = ground.watch_with(impatient);
    until_pods(&cluster, &["api-1"]).await;
    ground.proxy.freeze();
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert!(pods(&facts).contains("api-1"));
    ground.gone("api-1");
    ground.pod("api-2");
    ground.proxy.thaw();
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
    until_pods(&cluster, &["api-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cluster_that_goes_takes_no_other_with_it() {
    let (one, other) = (Ground::new().await, Ground::new().await);
    let (first, second) = (one.watch_with(impatient), other.watch_with(impatient));
    until_pods(&first, &[]).await;
    until_pods(&second, &[]).await;
    let before = other.asked(LISTS);
    one.proxy.freeze();
    until(&first, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    other.pod("api-1");
    let facts = until_pods(&second, &["api-1"]).await;
    assert_eq!(facts.reach, Reach::Answering);
    assert_eq!(other.asked(LISTS), before, "and listed nothing again");
}
