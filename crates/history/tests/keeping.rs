//! The record as its readers meet it: several processes, files that are deleted or broken, and what must never be in it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::board::{BoardCell, BoardRow, Delivery};
use api::history::{By, Change, ChangeKind, Took};
use api::journey::{Cause, ChainLink, Commit, Evidence, Health, Journey, NextAttempt, Running};
use api::{Answer, Ask, Board, ObjectRef, Sentence, Stage, StageKind, StageState, State};
use history::{History, Kept, Options};
use jiff::Timestamp;

/// What stands in every text that a controller or a log may have written.
const FOREIGN: &str = "hunter2-is-what-the-crash-printed";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn commit(number: u32, committed: i64) -> Commit {
    Commit {
        repository: "code.example/shop/checkout".to_owned(),
        sha: format!("{number:040x}"),
        subject: "Round totals".to_owned(),
        author: "Mina Osei".to_owned(),
        at: at(committed),
    }
}

fn workload() -> ObjectRef {
    ObjectRef::new("prod-eu", "Deployment", "shop", "checkout")
}

/// The board of one app in production.
fn board(commit: Commit, state: State, took: Vec<Took>) -> Board {
    Board {
        rows: vec![Arc::new(BoardRow {
            app: "checkout".to_owned(),
            repository: Some(commit.repository.clone()),
            newest: Some(commit),
            cells: vec![BoardCell {
                environment: "production".to_owned(),
                cluster: "prod-eu".to_owned(),
                running: Some(running()),
                delivery: Delivery {
                    commit: None,
                    state,
                    pending: false,
                    behind: Some(0),
                    stage: (!state.is_settled()).then_some(StageKind::Build),
                    cause: None,
                    headline: Sentence::default().quote(FOREIGN),
                    since: None,
                    took,
                },
                stale_since: None,
            }],
        })],
        ..Board::default()
    }
}

fn running() -> Running {
    Running {
        workload: workload(),
        image: "registry.example/shop/checkout:main".to_owned(),
        commit: None,
        since: Some(at(0)),
        health: Health::Healthy,
        ready: 3,
        wanted: 3,
    }
}

fn change(number: u32, second: i64) -> Change {
    Change {
        id: format!("prod-eu/shop/Deployment/checkout/{number}"),
        kind: ChangeKind::Deployment,
        at: at(second),
        at_latest: false,
        arrived: true,
        app: Some("checkout".to_owned()),
        environment: Some("production".to_owned()),
        cluster: "prod-eu".to_owned(),
        object: workload(),
        image: Some(format!("registry.example/shop/checkout:v{number}")),
        before: None,
        commit: Some(commit(number, second - 600)),
        release: None,
        by: Some(By::Commit {
            name: "Mina Osei".to_owned(),
        }),
        sentence: Sentence::default().name(format!("v{number}")),
        evidence: Vec::new(),
    }
}

fn open(path: &Path) -> History {
    History::open(Options {
        path: Some(path.to_owned()),
        clusters: BTreeSet::from(["prod-eu".to_owned()]),
        now: at(10_000),
    })
}

/// Waits until what is kept is as it should be; fails when it never is.
async fn until(history: &History, what: impl FnMut(&Arc<Kept>) -> bool) -> Arc<Kept> {
    let mut kept = history.kept();
    let waited = tokio::time::timeout(Duration::from_secs(60), kept.wait_for(what)).await;
    Arc::clone(
        &waited
            .expect("it comes to be so")
            .expect("the thread lives"),
    )
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    (folder, path)
}

/// Every byte of every file in a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap();
    files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn what_was_seen_is_there_after_a_restart() {
    let (_folder, path) = file();
    let history = open(&path);
    let scribe = history.scribe();
    for number in 0..4_u32 {
        let commit = commit(number, i64::from(number) * 1_000);
        let took = vec![Took {
            stage: StageKind::Build,
            seconds: 240 + i64::from(number),
        }];
        scribe.board(
            &board(commit, State::Deployed, took),
            at(i64::from(number) * 1_000 + 900),
        );
        scribe.changes(vec![change(number, i64::from(number) * 1_000 + 700)]);
    }
    drop(history);

    let history = open(&path);
    let kept = until(&history, |kept| kept.changes.len() == 4).await;
    assert_eq!(
        kept.changes[0].id,
        change(3, 0).id,
        "the newest comes first"
    );
    let key = (
        "checkout".to_owned(),
        "production".to_owned(),
        StageKind::Build,
    );
    let build = kept.usual.stages[&key];
    assert_eq!((build.seconds, build.samples), (241, 4));
    let lead = kept.usual.leads[&("checkout".to_owned(), "production".to_owned())];
    assert_eq!((lead.seconds, lead.samples), (600, 4));
    assert_eq!(kept.notes, []);
}

#[tokio::test]
async fn two_processes_write_at_once_and_lose_nothing() {
    let (_folder, path) = file();
    let (one, other) = (open(&path), open(&path));
    let writing = [(one.scribe(), 0), (other.scribe(), 500)].map(|(scribe, first)| {
        std::thread::spawn(move || {
            for number in first..first + 200 {
                let one = vec![change(number, i64::from(number))];
                // Nobody waits in there: what there was no time for is handed in again.
                while !scribe.changes(one.clone()) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        })
    });
    for thread in writing {
        thread.join().unwrap();
    }
    let all = |kept: &Arc<Kept>| kept.changes.len() == 400;
    let (from_one, from_other) = (until(&one, all).await, until(&other, all).await);
    assert_eq!(from_one.changes, from_other.changes);
}

#[tokio::test]
async fn a_file_that_is_deleted_or_broken_while_it_is_open_stops_nobody() {
    let (folder, path) = file();
    let history = open(&path);
    history.scribe().changes(vec![change(1, 0)]);
    until(&history, |kept| kept.changes.len() == 1).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    history.scribe().changes(vec![change(2, 0)]);
    drop(history);

    // The next one begins anew.
    let history = open(&path);
    history.scribe().changes(vec![change(3, 0)]);
    let kept = until(&history, |kept| !kept.changes.is_empty()).await;
    assert_eq!(kept.changes.len(), 1);
    drop(history);

    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::write(&path, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    let history = open(&path);
    let kept = until(&history, |kept| !kept.notes.is_empty()).await;
    let said = kept.notes[0].text(|at| at.to_string());
    assert!(said.contains("it is damaged"), "{said}");
    history.scribe().changes(vec![change(4, 0)]);
    until(&history, |kept| kept.changes.len() == 1).await;
}

#[tokio::test]
async fn where_nothing_can_be_written_it_is_kept_for_as_long_as_the_process_lives() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("a-file");
    std::fs::write(&in_the_way, "").unwrap();
    let history = open(&in_the_way.join("history.db"));
    history.scribe().changes(vec![change(1, 0)]);
    let kept = until(&history, |kept| kept.changes.len() == 1).await;
    let said = kept.notes[0].text(|at| at.to_string());
    assert!(
        said.starts_with("The record of the past cannot be kept in "),
        "{said}"
    );
}

#[tokio::test]
async fn another_clusters_past_is_none_of_ours() {
    let (_folder, path) = file();
    let history = open(&path);
    let mut elsewhere = change(1, 0);
    elsewhere.id = "elsewhere".to_owned();
    elsewhere.cluster = "kind-kind".to_owned();
    history.scribe().changes(vec![elsewhere, change(2, 0)]);
    let kept = until(&history, |kept| !kept.changes.is_empty()).await;
    assert_eq!(kept.changes.len(), 1);
}

/// A journey in which every text that a controller or a log may have written is the same.
fn talkative() -> Answer {
    let evidence = Evidence {
        object: workload(),
        field: "containerStatuses[app].lastState.terminated.message".to_owned(),
        value: FOREIGN.to_owned(),
        at: None,
    };
    let cause = Cause {
        code: "pods-crash".to_owned(),
        stage: StageKind::Pods,
        object: workload(),
        sentence: Sentence::default().quote(FOREIGN),
        remedy: FOREIGN.to_owned(),
        since: None,
        version: Some(FOREIGN.to_owned()),
        workload: Some(workload()),
    };
    let stage = |kind| Stage {
        kind,
        state: StageState::Unknown {
            why: FOREIGN.to_owned(),
        },
        since: None,
        took_seconds: Some(240),
        usual: None,
        summary: Sentence::default().quote(FOREIGN),
        evidence: vec![evidence.clone()],
    };
    Answer {
        version: api::JSON_VERSION,
        ask: Ask {
            text: FOREIGN.to_owned(),
            ..Ask::default()
        },
        commit: Some(commit(7, 0)),
        journeys: vec![Journey {
            app: "checkout".to_owned(),
            environment: "production".to_owned(),
            cluster: "prod-eu".to_owned(),
            commit: Some(commit(7, 0)),
            state: State::Blocked,
            headline: Sentence::default().quote(FOREIGN),
            notes: vec![Sentence::default().quote(FOREIGN)],
            blocking_stage: Some(StageKind::Pods),
            cause: Some(cause.clone()),
            acts: Vec::new(),
            other_causes: vec![cause],
            chain: vec![ChainLink {
                object: workload(),
                says: FOREIGN.to_owned(),
                root: true,
            }],
            evidence: vec![evidence.clone()],
            next_attempt: Some(NextAttempt {
                at: None,
                who: workload(),
                what: FOREIGN.to_owned(),
            }),
            running: Some(running()),
            stages: StageKind::ALL.into_iter().map(stage).collect(),
            lead_time: None,
            stale_since: None,
            pending: false,
        }],
        pending: 0,
        unread: vec![Sentence::default().quote(FOREIGN)],
        at: at(5),
    }
}

#[tokio::test]
async fn no_log_line_and_no_message_of_anybody_is_in_the_file() {
    let (folder, path) = file();
    let history = open(&path);
    history.scribe().answer(&talkative());
    history
        .scribe()
        .board(&board(commit(8, 0), State::Blocked, Vec::new()), at(6));
    history.scribe().changes(vec![change(9, 0)]);
    drop(history);
    let written = bytes(folder.path());
    assert!(has(&written, "pods-crash"), "the journey was kept");
    assert!(has(&written, &commit(8, 0).sha), "the board was kept");
    assert!(!has(&written, FOREIGN));
}
