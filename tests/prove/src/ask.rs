//! The question, put to the product through its public terminal, and the comparison with what must be answered.
//!
//! Owns the run of `landfall why --json`, and when an answer is right: all its journeys are. Knows nothing of the engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::process::dies_with_us;
use crate::scenario::{Expected, WrongToday};

/// How long the product may take: far more than it ever does.
const LONGEST: Duration = Duration::from_secs(120);
/// In place of an exit code that there is not.
const ENDED_BY_A_SIGNAL: i32 = -1;

/// Where the product finds its systems.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// `landfall`.
    pub program: PathBuf,
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// The team file.
    pub team: PathBuf,
    /// A home of its own: clones and caches go there.
    pub home: PathBuf,
}

/// What the product answered, as far as scenarios judge it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// One a target.
    pub journeys: Vec<Journey>,
    /// What it printed when that was no answer, or why there is no journey.
    pub failed: Option<String>,
    /// The commit that it says it is about.
    pub commit: String,
    /// What could not be read, in its words.
    pub unread: Vec<String>,
    /// The exit code of the terminal; none where it was not the terminal that was asked.
    pub exit: Option<i32>,
}

/// One journey of an answer.
#[derive(Clone, Debug, Default)]
pub struct Journey {
    /// The app it is about.
    pub app: String,
    /// The state.
    pub state: String,
    /// The blocking stage.
    pub stage: String,
    /// The cause's code.
    pub cause: String,
    /// The root object: kind and name.
    pub object: String,
    /// The workload that runs there now.
    pub workload: String,
    /// The headline as a person reads it.
    pub headline: String,
}

impl Journey {
    /// What is judged of it, in one line.
    pub fn judged(&self) -> String {
        let parts = [&self.state, &self.stage, &self.cause, &self.object];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        parts.join(" ")
    }
}

impl Answer {
    /// What a person reads: every headline, or what was said instead.
    pub fn told(&self) -> String {
        let headlines = self.journeys.iter().map(|journey| journey.headline.trim());
        let headlines: Vec<&str> = headlines.collect();
        match &self.failed {
            Some(said) => said.trim().to_owned(),
            None => headlines.join("; "),
        }
    }

    /// The code that scripts are promised for these journeys: README.md.
    fn promised(&self) -> i32 {
        let any = |states: &[&str]| {
            let mut all = self.journeys.iter();
            all.any(|journey| states.contains(&journey.state.as_str()))
        };
        // Nothing is left unread here, and there is a journey.
        if any(&["blocked", "rolled-back", "reverted"]) {
            2
        } else if any(&["unknown"]) {
            3
        } else if self.journeys.iter().all(|one| is_green(&one.state)) {
            0
        } else {
            1
        }
    }

    /// What is wrong with the answer beside its journeys, if anything is.
    pub fn fault(&self, asked: &str) -> Option<String> {
        if self.failed.is_some() {
            return None;
        }
        if self.commit != asked {
            return Some(format!("it speaks of commit {:?}", self.commit));
        }
        if let Some(gap) = self.unread.first() {
            return Some(format!("not read: {gap}"));
        }
        let promised = self.promised();
        let said = self.exit.filter(|said| *said != promised)?;
        Some(format!("exit code {said} instead of {promised}"))
    }

    /// Whether this is the wrong answer that is known, about the commit that was asked about.
    pub fn is_known(
        &self,
        asked: &str,
        known: &WrongToday,
        filled: impl Fn(&str) -> String,
    ) -> bool {
        let says = filled(&known.says);
        if self.fault(asked).is_some() {
            return false;
        }
        match &self.failed {
            Some(said) => said.contains(&says),
            None => self.judged().trim() == says,
        }
    }

    /// What is judged of all its journeys, in one line.
    pub fn judged(&self) -> String {
        let journeys: Vec<String> = self.journeys.iter().map(Journey::judged).collect();
        journeys.join("; ")
    }
}

/// How an answer compares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    /// State and stage of every journey are right.
    pub stage: bool,
    /// State, stage, cause and object of every journey are right.
    pub cause: bool,
    /// One was called deployed or superseded and is not.
    pub false_green: bool,
}

/// Asks about a commit of an app.
pub async fn ask(terminal: &Terminal, app: &str, commit: &str) -> Answer {
    let home: &Path = &terminal.home;
    let mut command = Command::from(dies_with_us("KILL", &terminal.program));
    let asking = command
        .args(["why", commit, "--app", app, "--json", "--kubeconfig"])
        .arg(&terminal.kubeconfig)
        .arg("--team")
        .arg(&terminal.team)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        // A run that is ended while it asks ends the product, too.
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(LONGEST, asking).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return failed(error.to_string()),
        Err(_) => return failed(format!("no answer within {} s", LONGEST.as_secs())),
    };
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let answer = read(&document).unwrap_or_else(|| {
        failed(format!(
            "{} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    });
    Answer {
        exit: Some(output.status.code().unwrap_or(ENDED_BY_A_SIGNAL)),
        ..answer
    }
}

/// What an answer's JSON says; `None` if it is no answer. One without a journey has failed, with what could not be read.
pub fn read(document: &Value) -> Option<Answer> {
    let journeys = document["journeys"].as_array()?;
    let unread = document["unread"].as_array().into_iter().flatten();
    let unread: Vec<String> = unread.map(sentence).collect();
    if journeys.is_empty() {
        return Some(failed(match unread.is_empty() {
            true => "no journey".to_owned(),
            false => format!("no journey, and not read: {}", unread.join("; ")),
        }));
    }
    let commit = document["commit"]["sha"].as_str();
    Some(Answer {
        journeys: journeys.iter().map(journey).collect(),
        commit: commit.unwrap_or_default().to_owned(),
        unread,
        ..Answer::default()
    })
}

fn journey(journey: &Value) -> Journey {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cause = &journey["cause"];
    Journey {
        app: word(&journey["app"]),
        state: word(&journey["state"]),
        stage: word(&journey["blockingStage"]),
        cause: word(&cause["code"]),
        object: object(&cause["object"]),
        workload: object(&journey["running"]["workload"]),
        headline: sentence(&journey["headline"]),
    }
}

/// An answer that is none, with what was said instead.
pub fn failed(said: String) -> Answer {
    Answer {
        failed: Some(said),
        ..Answer::default()
    }
}

/// An object as scenarios write it: `Deployment shop/api`.
fn object(object: &Value) -> String {
    let word = |field: &str| object[field].as_str().unwrap_or_default();
    match (word("kind"), word("namespace"), word("name")) {
        ("", _, _) => String::new(),
        (kind, "", name) => format!("{kind} {name}"),
        (kind, namespace, name) => format!("{kind} {namespace}/{name}"),
    }
}

/// A sentence as text; instants stay what they are.
fn sentence(spans: &Value) -> String {
    let Some(spans) = spans.as_array() else {
        return String::new();
    };
    spans
        .iter()
        .map(|span| match span["type"].as_str() {
            Some("object") => object(&span["object"]),
            Some("commit") => span["sha"]
                .as_str()
                .unwrap_or_default()
                .chars()
                .take(7)
                .collect(),
            Some("instant") => span["at"].as_str().unwrap_or_default().to_owned(),
            _ => span["text"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Compares an answer about a commit of an app with what must be said. Where one journey is expected, every journey has to
/// be it; where several are, each has to be there once, and nothing else. An answer with a fault is wrong.
pub fn mark(
    answer: &Answer,
    app: &str,
    asked: &str,
    expected: &Expected,
    filled: impl Fn(&str) -> String,
) -> Marks {
    let right_stage = |journey: &Journey, expected: &Expected| {
        is_about(journey, app, expected, &filled)
            && journey.state == expected.state
            && same(&journey.stage, &expected.stage, &filled)
    };
    let right_cause = |journey: &Journey, expected: &Expected| {
        right_stage(journey, expected)
            && same(&journey.cause, &expected.cause, &filled)
            && is_object(&journey.object, &expected.object, &filled)
    };
    let is_whole = answer.fault(asked).is_none();
    Marks {
        stage: is_whole && are(&answer.journeys, expected, right_stage),
        cause: is_whole && are(&answer.journeys, expected, right_cause),
        false_green: has_false_green(answer, app, expected, &filled),
    }
}

fn are(
    journeys: &[Journey],
    expected: &Expected,
    is_right: impl Fn(&Journey, &Expected) -> bool,
) -> bool {
    if expected.also.is_empty() {
        let mut all = journeys.iter();
        return !journeys.is_empty() && all.all(|journey| is_right(journey, expected));
    }
    let mut left: Vec<&Journey> = journeys.iter().collect();
    let mut takes_one = |expected: &Expected| {
        let found = left.iter().position(|journey| is_right(journey, expected));
        found.map(|at| left.remove(at)).is_some()
    };
    expected.all().all(&mut takes_one) && left.is_empty()
}

/// Whether something is called green that may not be: a journey that no expected green one is about, or the exit code. What is
/// called deployed has to be expected as deployed: a newer commit that runs is another thing.
fn has_false_green(
    answer: &Answer,
    app: &str,
    expected: &Expected,
    filled: impl Fn(&str) -> String,
) -> bool {
    let is_wanted = |journey: &Journey| {
        let may_be = |one: &Expected| match journey.state.as_str() {
            "deployed" => one.state == "deployed",
            _ => is_green(&one.state),
        };
        let mut wanted = expected.all().filter(|one| may_be(one));
        wanted.any(|one| is_about(journey, app, one, &filled))
    };
    let mut green = answer
        .journeys
        .iter()
        .filter(|journey| is_green(&journey.state));
    let says_so = answer.exit == Some(0) && expected.all().any(|one| !is_green(&one.state));
    says_so || green.any(|journey| !is_wanted(journey))
}

/// Whether this is the app, and where it is named the workload, that is expected.
fn is_about(
    journey: &Journey,
    app: &str,
    expected: &Expected,
    filled: impl Fn(&str) -> String,
) -> bool {
    let workload = expected.workload.as_deref().map(filled);
    journey.app == expected.app.as_deref().unwrap_or(app)
        && workload.is_none_or(|workload| journey.workload == workload)
}

fn is_green(state: &str) -> bool {
    matches!(state, "deployed" | "superseded" | "not-affected")
}

fn same(said: &str, wanted: &Option<String>, filled: impl Fn(&str) -> String) -> bool {
    said == wanted.as_deref().map(filled).unwrap_or_default()
}

fn is_object(said: &str, wanted: &Option<String>, filled: impl Fn(&str) -> String) -> bool {
    match wanted.as_deref().map(filled) {
        Some(wanted) => match wanted.strip_suffix('*') {
            Some(beginning) => said.starts_with(beginning),
            None => said == wanted,
        },
        None => said.is_empty(),
    }
}
