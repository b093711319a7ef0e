//! Every check against the embedded company's API server: what holds on a real one holds there.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::io::Write;

use contract::{CHECKS, LATER, Target, Trust};
use sandbox::clock::Clock;
use sandbox::kubernetes::{Server, Store};
use sandbox::serve::ANY_PORT;

/// So many changes are kept: soon forgotten by whoever writes on purpose, long enough for watches that are read.
const KEPT: usize = 1_000;

async fn embedded() -> (Server, Target) {
    let store = Store::new("prod", Clock::default());
    store.keep_changes(KEPT);
    let server = Server::start(store, ANY_PORT).await.unwrap();
    let target = Target {
        url: server.url(),
        token: "admin".to_owned(),
        trust: Trust::Machine,
    };
    (server, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_passes_against_the_embedded_server() {
    let (_server, target) = embedded().await;
    let only = std::env::var("ONLY").ok();
    let report = contract::run(&target, only.as_deref()).await.unwrap();
    let broken: Vec<String> = report
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row.name, row.broken.as_ref()?)))
        .collect();
    // Not through the test's own output, which nobody sees when all is well.
    let mut out = std::io::stderr();
    writeln!(
        out,
        "contract: {} checks, {} passed, {} failed; {} not in the sandbox yet",
        report.rows.len(),
        report.passed,
        report.failed,
        LATER.len()
    )
    .unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // Every row of the table was run.
    assert!(only.is_some() || report.rows.len() == CHECKS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_by_now_is_held_to_it() {
    let (_server, target) = embedded().await;
    let report = contract::run_later(&target, None).await.unwrap();
    let there = report.rows.iter().filter(|row| row.broken.is_none());
    let there: Vec<&str> = there.map(|row| row.name).collect();
    assert!(
        there.is_empty(),
        "these belong to the table of both: {there:?}"
    );
}

#[test]
fn the_tables_name_every_check_once() {
    let later = LATER.iter().map(|later| &later.check);
    let names: Vec<&str> = CHECKS.iter().chain(later).map(|check| check.name).collect();
    let unique: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    assert!(names.len() >= 60, "{}", names.len());
    assert!(CHECKS.iter().all(|check| !check.proves.is_empty()));
    assert!(LATER.iter().all(|later| !later.because.is_empty()));
}
