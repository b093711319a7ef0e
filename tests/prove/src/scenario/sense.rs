//! Whether a scenario makes sense: a word that nothing knows, or a step that waits for nothing, is refused before anything
//! is played.
//!
//! Owns what is wrong with a file beyond its form. States, stages and causes are the product's own tables.

use api::{StageKind, State};
use journey::causes::CauseCode;
use serde::de::DeserializeOwned;

use super::{Asked, Expected, Scenario, Step, Until};

/// What makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Senseless {
    /// An `until` with nothing is true at once; what is gone has neither condition nor field.
    #[error("until {0:?} waits for nothing: give it a condition, a field, or gone alone")]
    WaitsForNothing(String),
    /// A field without a way to it, or that contains nothing.
    #[error("field {0:?} is a JSON pointer with a text that it contains, or absent")]
    Field(String),
    /// A word of a step that has no effect beside another.
    #[error("{0} has no effect")]
    NoEffect(&'static str),
    /// A commit that the steps do not make.
    #[error("commit {asked} is asked about, and the steps make {made}")]
    NoSuchCommit {
        /// The number asked about.
        asked: usize,
        /// How many there are.
        made: usize,
    },
    /// A word of the expected answer that the product never says.
    #[error("{word:?} is no {what}")]
    UnknownWord {
        /// The kind of word.
        what: &'static str,
        /// The word.
        word: String,
    },
    /// A cause of another stage.
    #[error("{cause} is of stage {stage}")]
    OtherStage {
        /// The cause.
        cause: String,
        /// The stage that the table gives it.
        stage: String,
    },
    /// A settled answer with a stage, or another without.
    #[error("state {0} comes {1} stage, cause and object")]
    Parts(String, &'static str),
    /// An object that any object matches.
    #[error("{0:?} is no object: write its kind and its name, of which the end alone may be *")]
    AnyObject(String),
    /// Several journeys that nothing tells apart.
    #[error("where several journeys are expected, each names its workload")]
    NoWorkload,
}

/// Whether a scenario makes sense.
///
/// # Errors
/// What does not.
pub fn check(scenario: &Scenario) -> Result<(), Senseless> {
    let mut is_helm = false;
    for step in &scenario.steps {
        match step {
            Step::Live(live) => {
                is_helm = live.helm.is_some();
                if is_helm && live.marked {
                    return Err(Senseless::NoEffect("marked beside helm"));
                }
                if live.packed.is_some() && !live.source.is_empty() {
                    return Err(Senseless::NoEffect("source beside packed"));
                }
            }
            Step::Commit(commit) => {
                let is_built = commit.image.unwrap_or(true);
                if !is_built && (commit.fate.is_some() || commit.tag.is_some()) {
                    return Err(Senseless::NoEffect("fate or tag without an image"));
                }
            }
            Step::Release(release) if !is_helm && !release.helm.is_empty() => {
                return Err(Senseless::NoEffect("helm where nothing is a HelmRelease"));
            }
            Step::Until(until) => waits(until)?,
            _ => {}
        }
    }
    if let Some(Asked::Commit(asked)) = scenario.ask {
        let made = scenario.steps.iter().filter(|step| makes_commit(step));
        let made = made.count();
        if asked == 0 || asked > made {
            return Err(Senseless::NoSuchCommit { asked, made });
        }
    }
    answers(&scenario.expect, scenario.wrong_today.is_some())
}

/// Whether an expected answer makes sense where nothing is wrong today.
///
/// # Errors
/// What does not.
pub fn expected(expected: &Expected) -> Result<(), Senseless> {
    answers(expected, false)
}

fn answers(expected: &Expected, is_wrong_today: bool) -> Result<(), Senseless> {
    if !expected.also.is_empty() && expected.all().any(|one| one.workload.is_none()) {
        return Err(Senseless::NoWorkload);
    }
    expected
        .all()
        .try_for_each(|one| answer(one, is_wrong_today))
}

/// Whether a step waits for something.
fn waits(until: &Until) -> Result<(), Senseless> {
    let wants = until.condition.is_some() || until.field.is_some();
    if wants == until.gone {
        return Err(Senseless::WaitsForNothing(until.object.clone()));
    }
    if let Some(condition) = &until.condition
        && [&condition.status, &condition.reason, &condition.message]
            .iter()
            .all(|part| part.is_none())
    {
        return Err(Senseless::WaitsForNothing(until.object.clone()));
    }
    match &until.field {
        Some(field) if !field.at.starts_with('/') || field.absent != field.contains.is_empty() => {
            Err(Senseless::Field(field.at.clone()))
        }
        _ => Ok(()),
    }
}

/// Whether a step makes a commit of the app's.
fn makes_commit(step: &Step) -> bool {
    matches!(step, Step::Live(_) | Step::Commit(_) | Step::Revert)
}

fn answer(expected: &Expected, is_wrong_today: bool) -> Result<(), Senseless> {
    let state: State = word("state", &expected.state)?;
    if let Some(stage) = &expected.stage {
        word::<StageKind>("stage", stage)?;
    }
    let objects = expected.object.iter().chain(&expected.workload);
    objects.map(String::as_str).try_for_each(object)?;
    // A workload is named as a whole.
    if let Some(workload) = expected
        .workload
        .as_ref()
        .filter(|name| name.ends_with('*'))
    {
        return Err(Senseless::AnyObject(workload.clone()));
    }
    let parts = [&expected.stage, &expected.cause, &expected.object];
    if state.is_settled() && parts.iter().any(|part| part.is_some()) {
        return Err(Senseless::Parts(expected.state.clone(), "without"));
    }
    // What is not known may be so for no object's sake.
    if !state.is_settled() && state != State::Unknown && parts.iter().any(|part| part.is_none()) {
        return Err(Senseless::Parts(expected.state.clone(), "with"));
    }
    let Some(cause) = &expected.cause else {
        return Ok(());
    };
    let known = CauseCode::ALL.iter().find(|code| code.code() == cause);
    let Some(known) = known else {
        return match is_wrong_today {
            true => Ok(()),
            false => Err(Senseless::UnknownWord {
                what: "cause of docs/CAUSES.md",
                word: cause.clone(),
            }),
        };
    };
    let stage = known.stage().name();
    if expected.stage.as_deref() == Some(stage) {
        return Ok(());
    }
    Err(Senseless::OtherStage {
        cause: cause.clone(),
        stage: stage.to_owned(),
    })
}

/// A word as the product spells it.
fn word<T: DeserializeOwned>(what: &'static str, word: &str) -> Result<T, Senseless> {
    serde_json::from_value(word.into()).map_err(|_| Senseless::UnknownWord {
        what,
        word: word.to_owned(),
    })
}

/// Whether a text names an object: `Kind name`, with `*` at most at its end and after something of the last name.
fn object(text: &str) -> Result<(), Senseless> {
    let named = text.split_once(' ').is_some_and(|(kind, name)| {
        let name = name.strip_suffix('*').unwrap_or(name);
        let last = name.rsplit('/').next().unwrap_or_default();
        !kind.is_empty() && !last.is_empty() && !kind.contains('*') && !name.contains('*')
    });
    named
        .then_some(())
        .ok_or_else(|| Senseless::AnyObject(text.to_owned()))
}
