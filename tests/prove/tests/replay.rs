//! The replay: every recorded scenario, asked again without any of the real programs.
//!
//! A recording is served by the embedded company's servers and read by the product's own reader, forge and engine; the
//! expected answer is the scenario's. `REPLAY=NAME cargo test -p prove --test replay -- --nocapture` replays those whose
//! name contains NAME and prints what was answered.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api::Ask;
use console::{Clock, Console, Sources};
use futures::StreamExt;
use prove::ask::{self, Answer, Marks};
use prove::by_hand;
use prove::recording::{KINDS, Recording, folder};
use prove::replay::World;
use prove::scenario::{self, Scenario};

/// Longer than any machine needs; what is not read by then is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many worlds are asked at once.
const AT_ONCE: usize = 8;

/// Scenarios that have no recording, and why not.
const NOT_RECORDED: &[(&str, &str)] = &[];

/// Asks about a recording as the terminal would.
async fn answer(scenario: &str, recording: &Recording) -> Answer {
    let world = World::start(recording).await;
    let world = world.unwrap_or_else(|error| panic!("{scenario}: {error}"));
    ask_in(&world, scenario, recording).await
}

async fn ask_in(world: &World, scenario: &str, recording: &Recording) -> Answer {
    let clock = world.clock.clone();
    let sources = Sources {
        kubeconfig: Some(world.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(world.team.clone()),
        data: None,
        cache: Some(world.cache.clone()),
        sparing: false,
        history: None,
        ..Sources::default()
    };
    let console = Console::open_at(&sources, Clock::new(move || clock.now()))
        .unwrap_or_else(|error| panic!("{scenario}: {error}"));
    let ask = Ask {
        text: recording.asked.clone(),
        app: Some(scenario.to_owned()),
        environment: None,
        repository: None,
    };
    match console.answer(ask, PATIENCE).await {
        Ok(answer) => {
            let document = serde_json::to_value(&answer).expect("JSON");
            ask::read(&document).expect("an answer")
        }
        Err(error) => ask::failed(error.to_string()),
    }
}

/// A scenario's answer, its marks, and whether it is the wrong one that is known.
async fn replayed(scenario: Scenario, recording: Recording) -> (Scenario, Answer, Marks, bool) {
    let task = tokio::spawn(async move {
        let answer = answer(&scenario.name, &recording).await;
        let (name, asked) = (&scenario.name, &recording.asked);
        let marks = ask::mark(&answer, name, asked, &scenario.expect, |text| {
            recording.filled(text)
        });
        let known = scenario.wrong_today.as_ref();
        let filled = |text: &str| recording.filled(text);
        let is_known = known.is_some_and(|known| answer.is_known(&recording.asked, known, filled));
        (scenario, answer, marks, is_known)
    });
    task.await.expect("a replay ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_made_by_hand_is_answered_as_it_says() {
    let cases = by_hand::all().expect("cases");
    let (mut wrong, count) = (Vec::new(), cases.len());
    for case in cases {
        let recording = case.world().expect("a recording");
        let world = World::start_with(&recording, |hub| case.host(&recording, hub));
        let world = world.await.expect("a world");
        let answer = ask_in(&world, &case.from, &recording).await;
        let filled = |text: &str| recording.filled(text);
        let marks = ask::mark(&answer, &case.from, &recording.asked, &case.expect, filled);
        assert!(!marks.false_green, "FALSE GREEN: {}", case.name);
        if !marks.cause {
            let (wanted, judged) = (case.expect.told(), answer.judged());
            wrong.push(format!(
                "{}: wanted {wanted}\n    got {judged}: {}",
                case.name,
                answer.told()
            ));
        }
    }
    println!("{count} cases made by hand, {} wrong", wrong.len());
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn only() -> Option<String> {
    std::env::var("REPLAY").ok().filter(|name| !name.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_is_answered_as_its_scenario_says() {
    let only = only();
    let mut recorded = Vec::new();
    for scenario in scenario::all().expect("scenarios") {
        if only
            .as_ref()
            .is_some_and(|only| !scenario.name.contains(only.as_str()))
        {
            continue;
        }
        if let Some(recording) = Recording::of(&scenario.name).expect("a recording") {
            assert_eq!(
                recording.made_of, scenario.made_of,
                "the steps of {0} are not those that were recorded: ./dev prove --record --only {0}",
                scenario.name
            );
            recorded.push((scenario, recording));
        }
    }
    assert!(
        !recorded.is_empty(),
        "nothing is recorded: ./dev prove --record"
    );
    let begun = Instant::now();
    let count = recorded.len();
    let mut answers = futures::stream::iter(recorded)
        .map(|(scenario, recording)| replayed(scenario, recording))
        .buffer_unordered(AT_ONCE);
    let (mut wrong, mut right_already) = (Vec::new(), Vec::new());
    let mut right = 0;
    while let Some((scenario, answer, marks, is_known)) = answers.next().await {
        let (said, judged) = (answer.told(), answer.judged());
        if only.is_some() {
            println!("{}: {said}", scenario.name);
        }
        assert!(
            !marks.false_green,
            "FALSE GREEN: {} is {judged}",
            scenario.name
        );
        right += usize::from(marks.cause);
        match (marks.cause, scenario.wrong_today) {
            (true, None) => {}
            (true, Some(_)) => right_already.push(scenario.name),
            (false, _) if is_known => {}
            (false, _) => wrong.push(format!(
                "{}: wanted {}\n    got {judged}: {said}",
                scenario.name,
                scenario.expect.told()
            )),
        }
    }
    println!(
        "{count} recordings, {right} right, {} wrong, {:.1} s",
        count - right,
        begun.elapsed().as_secs_f64()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        right_already.is_empty(),
        "these are right now: take wrongToday out of {right_already:?}"
    );
}

#[test]
fn every_scenario_is_recorded_and_nothing_else_is() {
    let excused: BTreeMap<&str, &str> = NOT_RECORDED.iter().copied().collect();
    let mut scenarios = Vec::new();
    for scenario in scenario::all().expect("scenarios") {
        let is_recorded = Recording::path(&scenario.name).exists();
        assert_ne!(
            is_recorded,
            excused.contains_key(scenario.name.as_str()),
            "{}: ./dev prove --record --only {0}, or say in NOT_RECORDED why not",
            scenario.name
        );
        scenarios.push(format!("{}.yaml", scenario.name));
    }
    for file in std::fs::read_dir(folder()).expect("recordings") {
        let name = file
            .expect("a file")
            .file_name()
            .into_string()
            .expect("UTF-8");
        assert!(
            scenarios.contains(&name),
            "tests/recordings/{name} is of no scenario"
        );
    }
}

#[test]
fn every_kind_that_the_reader_lists_is_recorded() {
    let mut read: Vec<&str> = facts::Kind::ALL.iter().map(|kind| kind.name()).collect();
    let mut recorded = KINDS.to_vec();
    read.sort_unstable();
    recorded.sort_unstable();
    assert_eq!(read, recorded);
}

#[test]
fn nothing_of_the_machine_is_recorded() {
    for scenario in scenario::all().expect("scenarios") {
        let Ok(text) = std::fs::read_to_string(Recording::path(&scenario.name)) else {
            continue;
        };
        let loopback = text.match_indices("127.0.0.1:");
        for (at, _) in loopback {
            let port = text.get(at + 10..at + 12).unwrap_or_default();
            assert!(
                port.starts_with('1') && !port.ends_with(|c: char| c.is_ascii_digit()),
                "{}: a port of one run's",
                scenario.name
            );
        }
        for own in [
            "landfall-prove-",
            "/root/",
            "/home/",
            "/work/",
            "prove-admin",
        ] {
            assert!(!text.contains(own), "{} holds {own}", scenario.name);
        }
    }
}
