//! An answer as far as two of them are compared: what is said of each target, and every word about what was not read.
//!
//! Owns the rules: what is green, what counts as another answer, and what it must say.

use std::collections::BTreeMap;

use api::error::Code;
use api::{Answer, Journey, StageState, State};

/// An answer, or why there is none.
#[derive(Debug)]
pub struct Judged {
    /// What is said of each target: by app, cluster and workload.
    said: BTreeMap<String, Said>,
    /// Why there is no answer.
    refused: Option<Code>,
    /// The terminal's exit code is 0.
    exits_well: bool,
    /// Every sentence in which a gap may be told.
    told: String,
}

#[derive(Debug, PartialEq)]
struct Said {
    state: State,
    cause: Option<(String, String)>,
    headline: String,
}

impl Judged {
    /// Judges an answer.
    pub fn of(answer: Result<Answer, api::Error>) -> Self {
        match answer {
            Ok(answer) => Self::whole(&answer),
            Err(error) => Self {
                said: BTreeMap::new(),
                refused: Some(error.code),
                exits_well: false,
                told: format!("{} {}", error.message, error.hint),
            },
        }
    }

    fn whole(answer: &Answer) -> Self {
        let mut told: Vec<String> = answer.unread.iter().map(text).collect();
        let mut said = BTreeMap::new();
        for journey in &answer.journeys {
            told.push(text(&journey.headline));
            told.extend(journey.notes.iter().map(text));
            told.extend(
                journey
                    .stages
                    .iter()
                    .filter_map(|stage| match &stage.state {
                        StageState::Unknown { why } => Some(why.clone()),
                        _ => None,
                    }),
            );
            let cause = journey.cause.as_ref();
            let cause = cause.map(|cause| (cause.code.clone(), cause.object.to_string()));
            let one = Said {
                state: journey.state,
                cause,
                headline: text(&journey.headline),
            };
            said.insert(key(journey), one);
        }
        let settled = answer.journeys.iter().all(|one| one.state.is_settled());
        Self {
            exits_well: settled && !said.is_empty() && answer.unread.is_empty(),
            said,
            refused: None,
            told: told.join("\n"),
        }
    }

    /// Whether the same is said of the same targets.
    pub fn is_same(&self, other: &Self) -> bool {
        let what = |one: &Said| (one.state, one.cause.clone());
        let all = |judged: &Self| -> Vec<_> {
            let said = judged.said.iter();
            said.map(|(key, one)| (key.clone(), what(one))).collect()
        };
        all(self) == all(other) && self.refused == other.refused
    }
}

fn text(sentence: &api::Sentence) -> String {
    sentence.text(|at| at.to_string())
}

/// What tells a target apart from every other, whatever its environment is called.
fn key(journey: &Journey) -> String {
    let workload = journey.running.as_ref().map(|one| one.workload.to_string());
    let workload = workload.unwrap_or_default();
    format!("{} {} {workload}", journey.app, journey.cluster)
}

/// What is wrong with an answer for which something was taken away, that `names` name.
pub fn wrong(whole: &Judged, less: &Judged, names: &[String]) -> Option<String> {
    if less.exits_well && !whole.exits_well {
        return Some(format!("exit code 0, that was not: {}", less.told));
    }
    for (key, after) in &less.said {
        let before = whole.said.get(key);
        if after.state.is_settled() && before.is_none_or(|before| before.state != after.state) {
            let before = before.map(|before| before.state);
            return Some(format!(
                "{before:?} became {:?}: {}",
                after.state, after.headline
            ));
        }
    }
    // What is refused for good says that there is no such thing.
    let is_final = |code: Code| matches!(code, Code::UnknownAsk | Code::UnknownName);
    if less.refused != whole.refused && less.refused.is_some_and(is_final) {
        return Some(format!("refused for good: {}", less.told));
    }
    let is_told = names.iter().any(|name| less.told.contains(name.as_str()));
    (!less.is_same(whole) && !is_told).then(|| {
        let said = |judged: &Judged| -> Vec<String> {
            judged.said.values().map(|one| one.headline.clone()).collect()
        };
        format!(
            "another answer that does not say what was not read\n    before: {:?}\n    after:  {:?}\n    told: {}",
            said(whole),
            said(less),
            less.told
        )
    })
}
