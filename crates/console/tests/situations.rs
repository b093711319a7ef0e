//! The exam: every situation of the embedded company, under three seeds, through the real clients.
//!
//! The expected answers stand in crates/sandbox/situations.yaml, written before the engine first met a situation. State,
//! stage, cause and object must agree in every environment; headlines are snapshots with what changes by itself
//! (commits, times, what controllers invent) replaced.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing"
)]

use std::time::Duration;

use api::{Answer, Ask, Journey, Sentence, Span, State};
use console::{Console, Sources};
use sandbox::served::Served;
use sandbox::situations::{Expected, Situation};
use sandbox::start::Options;

/// Longer than any machine needs; what is not read by then is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

struct Exam {
    // Dropped first: it reads from the company.
    console: Console,
    sources: Sources,
    company: Served,
}

impl Exam {
    async fn begin(seed: u64) -> Self {
        let company = Served::start(
            Options {
                seed,
                ..Options::default()
            },
            None,
        )
        .await
        .expect("the company starts");
        let sources = Sources {
            kubeconfig: Some(company.kubeconfig.clone()),
            contexts: Vec::new(),
            team: Some(company.team.clone()),
            data: None,
            cache: Some(company.cache.clone()),
            sparing: false,
            history: None,
            ..Sources::default()
        };
        let console = Console::open(&sources).expect("the console opens");
        Self {
            console,
            sources,
            company,
        }
    }

    async fn answer(&self, situation: &Situation) -> Answer {
        self.answer_of(&self.console, situation).await
    }

    /// A console that reads pods only where they are wanted.
    fn sparing(&self) -> Console {
        let sources = Sources {
            sparing: true,
            ..self.sources.clone()
        };
        Console::open(&sources).expect("the console opens")
    }

    async fn answer_of(&self, console: &Console, situation: &Situation) -> Answer {
        let ask = Ask {
            text: situation.ask.clone(),
            app: situation.app.clone(),
            environment: situation.environment.clone(),
            repository: None,
        };
        let answer = console.answer(ask, PATIENCE).await;
        answer.unwrap_or_else(|error| panic!("{}: {error}", situation.name))
    }
}

/// What differs between an expectation and a journey, in a line; empty when nothing does.
fn difference(expected: &Expected, journey: Option<&Journey>) -> String {
    let Some(journey) = journey else {
        return "there is no journey".to_owned();
    };
    let state = word(&journey.state);
    let stage = journey.blocking_stage.map(|stage| stage.name().to_owned());
    let cause = journey.cause.as_ref().map(|cause| cause.code.clone());
    let object = journey.cause.as_ref().map(|cause| cause.object.to_string());
    if state == expected.state
        && stage == expected.stage
        && cause == expected.cause
        && expected.is_object(object.as_deref())
    {
        return String::new();
    }
    format!(
        "expected {} {} {} {}, got {state} {} {} {}: {}",
        expected.state,
        expected.stage.as_deref().unwrap_or("-"),
        expected.cause.as_deref().unwrap_or("-"),
        expected.object.as_deref().unwrap_or("-"),
        stage.as_deref().unwrap_or("-"),
        cause.as_deref().unwrap_or("-"),
        object.as_deref().unwrap_or("-"),
        journey.headline.text(|at| at.to_string()),
    )
}

/// What is wrong with the actions that are offered at a journey's cause: one stands where nothing is stopped, or is done to
/// what the journey does not name, or the cause has one that fits its object and none is there.
fn astray(journey: &Journey) -> Option<String> {
    let Some(cause) = journey
        .cause
        .as_ref()
        .filter(|_| !journey.state.is_settled())
    else {
        let first = journey.acts.first()?;
        return Some(format!(
            "{} is offered, and nothing is stopped",
            first.action
        ));
    };
    let stranger = journey.acts.iter().find(|act| {
        let mut read = journey.evidence.iter();
        let is_named = act.object == cause.object
            || cause.workload.as_ref() == Some(&act.object)
            || journey
                .running
                .as_ref()
                .is_some_and(|one| one.workload == act.object)
            || read.any(|line| line.object == act.object);
        !is_named
    });
    if let Some(act) = stranger {
        return Some(format!(
            "{} is offered on {}, which is named nowhere",
            act.action, act.object
        ));
    }
    let moving = journey.state == State::Moving;
    let mut must = ACTS
        .iter()
        .filter(|(code, _)| *code == cause.code && !moving);
    let (code, action) =
        must.find(|(_, action)| !journey.acts.iter().any(|act| act.action == *action))?;
    Some(format!("{code} offers no {action}: {:?}", journey.acts))
}

/// What the company's causes have to offer, written down apart from the engine's own table.
const ACTS: [(&str, &str); 8] = [
    ("apply-suspended", "resume"),
    ("source-suspended", "resume"),
    ("release-automation-suspended", "resume"),
    ("source-pending", "reconcile"),
    ("release-needs-promotion", "promote"),
    ("apply-helm-failed", "reconcile-reset"),
    ("pods-image-pull", "roll-back"),
    ("pods-crash", "restart"),
];

/// A value as the JSON spells it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .expect("JSON")
        .as_str()
        .expect("a word")
        .to_owned()
}

async fn examine(seed: u64) -> (Vec<String>, Vec<(String, String, Sentence)>) {
    let exam = Exam::begin(seed).await;
    let mut wrong = Vec::new();
    let mut headlines = Vec::new();
    let mut asked = 0;
    for situation in exam.company.sandbox.situations() {
        let answer = exam.answer(situation).await;
        // Everything can be read here, and nothing is gone: a line that says otherwise is not so.
        wrong.extend(answer.unread.iter().map(|unread| {
            let said = unread.text(|at| at.to_string());
            format!("seed {seed}, {}: {said}", situation.name)
        }));
        for expected in &situation.expected {
            asked += 1;
            let is_asked = |journey: &Journey| {
                let app = situation.app.as_ref();
                journey.environment == expected.environment
                    && app.is_none_or(|app| *app == journey.app)
            };
            let journey = answer.journeys.iter().find(|journey| is_asked(journey));
            let difference = difference(expected, journey);
            if !difference.is_empty() {
                wrong.push(format!(
                    "seed {seed}, {} in {}: {difference}",
                    situation.name, expected.environment
                ));
            }
            let may_be_green = matches!(expected.state.as_str(), "deployed" | "superseded");
            let green = |journey: &&Journey| {
                is_asked(journey) && matches!(journey.state, State::Deployed | State::Superseded)
            };
            assert!(
                may_be_green || !answer.journeys.iter().any(|one| green(&one)),
                "FALSE GREEN: {} in {}",
                situation.name,
                expected.environment
            );
            if let Some(journey) = journey {
                wrong.extend(astray(journey).map(|what| {
                    format!(
                        "seed {seed}, {} in {}: {what}",
                        situation.name, expected.environment
                    )
                }));
                headlines.push((
                    situation.name.clone(),
                    expected.environment.clone(),
                    journey.headline.clone(),
                ));
            }
        }
    }
    println!(
        "seed {seed}: {} situations, {asked} answers, {} wrong",
        exam.company.sandbox.situations().len(),
        wrong.len()
    );
    (wrong, headlines)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_is_answered_as_written_under_seed_1_and_reads_well() {
    let (wrong, headlines) = examine(1).await;
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let page: Vec<String> = headlines
        .iter()
        .map(|(situation, environment, headline)| {
            format!("{situation} · {environment}\n  {}", timeless(headline))
        })
        .collect();
    insta::assert_snapshot!("headlines", page.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_is_answered_as_written_under_seed_2() {
    let (wrong, _) = examine(2).await;
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_is_answered_as_written_under_seed_3() {
    let (wrong, _) = examine(3).await;
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_one_app_says_the_same_when_only_its_pods_are_read() {
    let exam = Exam::begin(2).await;
    let mut wrong = Vec::new();
    // Some of them: each is asked of a console that knows nothing yet.
    for situation in exam.company.sandbox.situations().iter().step_by(4) {
        let sparing = exam.sparing();
        // First by all: so it is known where each image comes from.
        let whole = exam.answer(situation).await;
        let spared = exam.answer_of(&sparing, situation).await;
        let said = |answer: &Answer| -> Vec<String> {
            let journeys = answer.journeys.iter().map(|one| {
                let cause = one.cause.as_ref();
                let cause = cause.map(|cause| format!("{} {}", cause.code, cause.object));
                let line = timeless(&one.headline);
                let place = format!("{} {} {}", one.app, one.environment, one.cluster);
                format!("{place}: {} {cause:?} {line}", word(&one.state))
            });
            journeys.chain(answer.unread.iter().map(timeless)).collect()
        };
        let (whole, spared) = (said(&whole), said(&spared));
        if whole != spared {
            wrong.push(format!("{}:\n  {whole:?}\n  {spared:?}", situation.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A headline without what every start of the company changes.
fn timeless(headline: &Sentence) -> String {
    let mut line = String::new();
    for span in &headline.0 {
        match span {
            Span::Commit { .. } => line.push_str("‹commit›"),
            Span::Instant { .. } => line.push_str("‹ago›"),
            Span::Words { text } => line.push_str(text),
            Span::Name { text } | Span::Quote { text } => {
                line.push_str(&invented_replaced(&api::headline::plain(text, 240)));
            }
            Span::Object { object } if object.kind == "Pod" => {
                let made: Vec<&str> = object.name.rsplitn(3, '-').collect();
                let name = if made.len() == 3 {
                    format!("{}-‹pod›", made[2])
                } else {
                    object.name.clone()
                };
                line.push_str(&format!("Pod {}/{name}", object.namespace));
            }
            Span::Object { object } => line.push_str(&invented_replaced(&object.to_string())),
        }
    }
    line
}

/// Replaces every word of six or more hexadecimal digits with a decimal one among them: SHAs, digests, times, run ids. And
/// drops the word that a long quote ends in, which is cut at another letter when such a word before it is longer.
fn invented_replaced(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let invented = word.len() >= 6
            && word.bytes().all(|b| b.is_ascii_hexdigit())
            && word.bytes().any(|b| b.is_ascii_digit());
        out.push_str(if invented { "‹id›" } else { word });
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            if c == '…' {
                word.clear();
            }
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}
