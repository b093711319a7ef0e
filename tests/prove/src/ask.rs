//! The question, put to the product through its public terminal, and the comparison with what must be answered.
//!
//! Owns the run of `landfall why --json`. Knows nothing of the engine.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::scenario::Expected;

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
    /// The state.
    pub state: String,
    /// The blocking stage.
    pub stage: String,
    /// The cause's code.
    pub cause: String,
    /// The root object: kind and name.
    pub object: String,
    /// The headline as a person reads it.
    pub headline: String,
    /// What it printed when that was no answer.
    pub failed: Option<String>,
}

/// How an answer compares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    /// State and stage are right.
    pub stage: bool,
    /// State, stage, cause and object are right.
    pub cause: bool,
    /// It was called deployed or superseded and is not.
    pub false_green: bool,
}

/// Asks about a commit of an app.
pub async fn ask(terminal: &Terminal, app: &str, commit: &str) -> Answer {
    let home: &Path = &terminal.home;
    let output = Command::new(&terminal.program)
        .args(["why", commit, "--app", app, "--json", "--kubeconfig"])
        .arg(&terminal.kubeconfig)
        .arg("--team")
        .arg(&terminal.team)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .output()
        .await;
    let output = match output {
        Ok(output) => output,
        Err(error) => return failed(error.to_string()),
    };
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    read(&document).unwrap_or_else(|| {
        failed(format!(
            "{} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    })
}

/// What an answer's JSON says; `None` if it is no answer.
pub fn read(document: &Value) -> Option<Answer> {
    let journey = document["journeys"].as_array()?.first()?;
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cause = &journey["cause"];
    Some(Answer {
        state: word(&journey["state"]),
        stage: word(&journey["blockingStage"]),
        cause: word(&cause["code"]),
        object: object(&cause["object"]),
        headline: sentence(&journey["headline"]),
        failed: None,
    })
}

fn failed(said: String) -> Answer {
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

/// Compares an answer with what must be said.
pub fn mark(answer: &Answer, expected: &Expected, filled: impl Fn(&str) -> String) -> Marks {
    let same = |said: &str, wanted: &Option<String>| {
        said == wanted.as_deref().map(&filled).unwrap_or_default()
    };
    let stage = answer.state == expected.state && same(&answer.stage, &expected.stage);
    let object = match expected.object.as_deref().map(&filled) {
        Some(wanted) => match wanted.strip_suffix('*') {
            Some(beginning) => answer.object.starts_with(beginning),
            None => answer.object == wanted,
        },
        None => answer.object.is_empty(),
    };
    let green = |state: &str| matches!(state, "deployed" | "superseded" | "not-affected");
    Marks {
        stage,
        cause: stage && same(&answer.cause, &expected.cause) && object,
        false_green: green(&answer.state) && !green(&expected.state),
    }
}
