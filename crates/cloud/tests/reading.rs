//! Reading an account: against moto, which others wrote, and against canned answers for what moto does not have.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

#[path = "reading/moto.rs"]
mod moto;
#[path = "peer/moto.rs"]
mod peer;
#[path = "reading/stub.rs"]
mod stub;

use std::sync::Arc;
use std::time::Duration;

use cloud::{Account, Credentials, Options, Source, Spec};
use facts::ClusterFacts;
use facts::{Coverage, Kind};

/// An account at `endpoint`, whose rounds come only when they are asked for.
fn account(endpoint: &str, clusters: &[&str]) -> Account {
    let spec = Spec {
        name: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Source::Given(Credentials::new("test", "test", None, None, "tests")),
        clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
    };
    let never = Duration::from_secs(3600);
    let options = Options {
        poll: never,
        poll_busy: never,
        retry: never,
        ..Options::default()
    };
    Account::start(spec, options)
}

/// Waits for the `number`th round, and says what is known then and how many requests there were in all.
async fn after_round(account: &Account, number: u64) -> (Arc<ClusterFacts>, u64) {
    let facts = account.facts();
    let mut rounds = account.rounds();
    let (_, requests) = *rounds
        .wait_for(|(rounds, _)| *rounds >= number)
        .await
        .unwrap();
    (facts.borrow().clone(), requests)
}

fn is_seen(facts: &ClusterFacts, kind: Kind) -> bool {
    matches!(facts.coverage(kind, "shop"), Coverage::Seen { .. })
}

#[tokio::test]
async fn an_account_out_of_reach_was_said_in_the_sdks_own_words() {
    // Nobody listens there.
    let account = account("http://127.0.0.1:1", &[]);
    let _failed = after_round(&account, 1).await;
    let state = account.connection().borrow().state.clone();
    let api::ConnectionState::Unreachable { error, .. } = state else {
        panic!("{state:?}");
    };
    assert_eq!(error, "AWS does not answer: connection refused");
}
