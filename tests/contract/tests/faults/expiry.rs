//! Versions that are forgotten, in watches and between pages.

use contract::proxy::Fault;
use facts::Reach;

use crate::ground::{Ground, LISTS, WATCHES, until_pods};

/// A watch that cannot go on is begun anew from a list, and what happened in between is seen.
async fn anew(fault: Fault) {
    let ground = Ground::new().await;
    ground.pod("api-1");
    ground.pod("api-2");
    ground.rule(ground.pods("watch=true", fault).times(2));
    let cluster = ground.watch();
    until_pods(&cluster, &["api-1", "api-2"]).await;
    ground.gone("api-1");
    ground.pod("api-3");
    let facts = until_pods(&cluster, &["api-2", "api-3"]).await;
    assert_eq!(facts.reach, Reach::Answering);
    let script = ground.proxy.script();
    script.counted(WATCHES, 3).await;
    assert_eq!((ground.asked(LISTS), script.faults()), (3, 2));
    ground.gone("api-2");
    until_pods(&cluster, &["api-3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_answered_with_410_begins_anew() {
    anew(Fault::Gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ends_with_410_begins_anew() {
    anew(Fault::GoneEvent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_expire_are_begun_again() {
    let ground = Ground::new().await;
    let names: Vec<String> = (0..9).map(|n| format!("api-{n}")).collect();
    for name in &names {
        ground.pod(name);
    }
    ground.rule(ground.pods("continue=", Fault::Gone).times(1));
    let cluster = ground.watch_with(|options| options.page_size = 4);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    until_pods(&cluster, &wanted).await;
    // A page and a refusal, then three pages.
    assert_eq!(ground.asked("GET /api/v1/pods?limit=4"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_always_expire_are_asked_for_in_one_piece() {
    let ground = Ground::new().await;
    let names: Vec<String> = (0..9).map(|n| format!("api-{n}")).collect();
    for name in &names {
        ground.pod(name);
    }
    ground.rule(ground.pods("continue=", Fault::Gone));
    let cluster = ground.watch_with(|options| options.page_size = 4);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    until_pods(&cluster, &wanted).await;
    let script = ground.proxy.script();
    let whole = script.requests();
    let whole = whole.iter().filter(|r| *r == "GET /api/v1/pods").count();
    assert_eq!((whole, script.faults()), (1, 2));
}
