//! What happened, as the embedded company tells it, and what of it is kept.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::time::Duration;

use api::history::ChangeKind;
use api::{Ask, Changes, Sentence, Span, State};
use console::{Console, Sources};
use sandbox::served::Served;
use sandbox::start::Options;

/// Longer than any machine needs; what is not so by then is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

async fn company() -> Served {
    let options = Options {
        seed: 3,
        ..Options::default()
    };
    Served::start(options, None)
        .await
        .expect("the company starts")
}

fn open(company: &Served) -> Console {
    Console::open(&Sources {
        kubeconfig: Some(company.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(company.team.clone()),
        cache: Some(company.cache.clone()),
        sparing: false,
        history: Some(company.history.clone()),
        ..Sources::default()
    })
    .expect("the console opens")
}

/// Every byte that is kept.
fn kept(history: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for ending in ["", "-wal"] {
        let mut path = history.as_os_str().to_owned();
        path.push(ending);
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn quotes(sentence: &Sentence) -> Vec<String> {
    let spans = sentence.0.iter().filter_map(|span| match span {
        Span::Quote { text } => Some(text.clone()),
        _ => None,
    });
    spans.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_slept_through_is_told_and_stays_and_no_message_is_kept() {
    let company = company().await;
    let console = open(&company);
    let changes = console.changes(PATIENCE).await.expect("it is open");
    let of = |kind: ChangeKind| changes.changes.iter().filter(move |one| one.kind == kind);
    // Two days of history were played through the company's own controllers before anybody looked.
    let deployments: Vec<_> = of(ChangeKind::Deployment).collect();
    assert!(deployments.len() > 20, "{}", deployments.len());
    let with_commit = deployments
        .iter()
        .filter(|one| one.commit.is_some())
        .count();
    assert!(
        with_commit * 10 > deployments.len() * 8,
        "{with_commit} of {}",
        deployments.len()
    );
    assert!(of(ChangeKind::Configuration).next().is_some());
    let is_ordered = changes.changes.is_sorted_by(|a, b| a.at >= b.at);
    assert!(is_ordered, "the newest comes first");

    // Everything that can be asked is asked, and what its controllers and logs say is remembered here.
    let answer = console.answer(Ask::default(), PATIENCE).await;
    let answer = answer.expect("every app's newest commit");
    let mut said = Vec::new();
    for journey in &answer.journeys {
        said.extend(quotes(&journey.headline));
        if !matches!(journey.state, State::Blocked | State::RolledBack) {
            continue;
        }
        let evidence = journey.evidence.iter();
        let messages =
            evidence.filter(|one| one.field.ends_with("message") || one.field.contains("log"));
        said.extend(messages.map(|one| one.value.clone()));
    }
    // A message of a few letters may stand in a name by chance.
    said.retain(|text| text.trim().len() > 24);
    assert!(said.len() > 10, "{}", said.len());
    drop(console);

    let bytes = kept(&company.history);
    assert!(has(&bytes, &answer.journeys[0].app));
    for text in &said {
        assert!(!has(&bytes, text), "this is kept: {text}");
    }
    // A Landfall that reads nothing of any system any more still tells it: only the file knows.
    let ids = |changes: &Changes| {
        changes
            .changes
            .iter()
            .map(|one| one.id.clone())
            .collect::<Vec<_>>()
    };
    for id in ids(&changes).iter().take(20) {
        assert!(has(&bytes, id), "{id}");
    }
    let again = open(&company).changes(PATIENCE).await.expect("it is open");
    for id in ids(&changes) {
        assert!(ids(&again).contains(&id), "{id}");
    }
    assert!(again.notes.is_empty(), "{:?}", again.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_page_lists_the_commits_that_an_environment_lacks() {
    let company = company().await;
    let console = open(&company);
    let board = console.board(PATIENCE).await.expect("it is open");
    let behind = board.rows.iter().find_map(|row| {
        let cell = row
            .cells
            .iter()
            .find(|cell| cell.delivery.behind.is_some_and(|behind| behind > 0))?;
        Some((row.app.clone(), cell.clone()))
    });
    let Some((app, cell)) = behind else {
        panic!("some environment is behind");
    };
    let found = console
        .watch_app(app)
        .settled(PATIENCE)
        .await
        .expect("it is open");
    let workload = cell.running.expect("it runs").workload;
    let target = found.targets.iter().find(|one| one.workload == workload);
    let lacks = target
        .expect("it has that target")
        .lacks
        .clone()
        .expect("known");
    assert_eq!(
        Some(lacks.newest),
        cell.delivery.behind,
        "the list is as long as the board says"
    );
    assert!(found.commits.len() >= lacks.newest as usize);
}
