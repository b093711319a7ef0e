//! The curated situations: what is wrong, what a person asks, and what the answer must be.
//!
//! Owns reading `situations.yaml`, which people write before the engine sees a situation, and filling a seed's names
//! into it. It knows nothing of how a situation comes about (that is [`crate::company`]'s) and never looks at an answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::company::apps::{App, Environment};
use crate::company::{Company, Landmark};
use crate::names::Names;

/// The situations as they are written down.
const WRITTEN: &str = include_str!("../situations.yaml");

/// Why the situations cannot be told: a mistake in the file, or in the company that should host them.
#[derive(Debug, thiserror::Error)]
pub enum SituationError {
    /// The file is no YAML of this form.
    #[error("situations.yaml cannot be read: {0}")]
    Unreadable(#[from] serde_yaml_ng::Error),
    /// A situation speaks of an app, commit or environment that is not there.
    #[error("situation {situation} speaks of {what}, which does not exist")]
    Missing {
        /// The situation.
        situation: String,
        /// What is not there.
        what: String,
    },
}

/// One situation, with this company's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Situation {
    /// Its name, the same under every seed.
    pub name: String,
    /// What a person pastes.
    pub ask: String,
    /// The app it is about.
    pub app: Option<String>,
    /// The environment it is about; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What is wrong, in one plain sentence.
    pub wrong: String,
    /// What the answer must be, for every environment of the app.
    #[serde(skip)]
    pub expected: Vec<Expected>,
    #[serde(skip)]
    telling: bool,
}

/// What the answer must be in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// The environment.
    pub environment: String,
    /// The state as the JSON spells it: `needs-promotion`.
    pub state: String,
    /// The blocking stage; none if it is settled.
    pub stage: Option<String>,
    /// The cause's code; none if it is settled.
    pub cause: Option<String>,
    /// The root object as a sentence names it, `Kind namespace/name`, with `*` for what a controller invents.
    pub object: Option<String>,
}

impl Expected {
    /// Whether an object is the expected one. `object` is written as a sentence names it.
    pub fn is_object(&self, object: Option<&str>) -> bool {
        match (&self.object, object) {
            (None, None) => true,
            (Some(expected), Some(object)) => match expected.split_once('*') {
                Some((begin, end)) => {
                    object.len() >= begin.len() + end.len()
                        && object.starts_with(begin)
                        && object.ends_with(end)
                }
                None => expected == object,
            },
            _ => false,
        }
    }
}

impl Situation {
    /// Whether it is the one to show to somebody who sees the product for the first time.
    pub fn most_telling(&self) -> bool {
        self.telling
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    most_telling: String,
    situations: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    app: String,
    commit: String,
    #[serde(default)]
    environment: Option<String>,
    wrong: String,
    expected: BTreeMap<String, WrittenExpectation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExpectation {
    state: String,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    object: Option<String>,
}

/// The situations of a company, in the file's order; those about apps that were not built are left out.
///
/// # Errors
/// The file is broken, or speaks of something that the company does not have.
pub fn of(company: &Company) -> Result<Vec<Situation>, SituationError> {
    let file: File = serde_yaml_ng::from_str(WRITTEN)?;
    let mut situations = Vec::with_capacity(file.situations.len());
    for written in file.situations {
        if let Some(app) = company.app(&written.app) {
            let telling = written.name == file.most_telling;
            situations.push(named(&written, telling, app, company)?);
        }
    }
    Ok(situations)
}

/// A situation under the company's names.
fn named(
    written: &Written,
    telling: bool,
    app: &App,
    company: &Company,
) -> Result<Situation, SituationError> {
    let missing = |what: String| SituationError::Missing {
        situation: written.name.clone(),
        what,
    };
    let landmark = company
        .landmarks
        .iter()
        .find(|((role, label), _)| *role == written.app && *label == written.commit)
        .map(|(_, landmark)| landmark)
        .ok_or_else(|| missing(format!("commit {}/{}", written.app, written.commit)))?;
    let mut expected = Vec::with_capacity(Environment::ALL.len());
    for environment in Environment::ALL {
        let name = environment.name();
        let Some(expectation) = written.expected.get(name) else {
            return Err(missing(format!("no answer for {name}")));
        };
        let object = match &expectation.object {
            Some(template) => Some(
                filled(template, environment, app, landmark, &company.names)
                    .map_err(|Unfillable(what)| missing(what))?,
            ),
            None => None,
        };
        expected.push(Expected {
            environment: name.to_owned(),
            state: expectation.state.clone(),
            stage: expectation.stage.clone(),
            cause: expectation.cause.clone(),
            object,
        });
    }
    if let Some(other) = written.expected.keys().find(|name| {
        !Environment::ALL
            .iter()
            .any(|environment| environment.name() == *name)
    }) {
        return Err(missing(format!("environment {other}")));
    }
    Ok(Situation {
        name: written.name.clone(),
        ask: landmark.sha.get(..7).unwrap_or(&landmark.sha).to_owned(),
        app: Some(app.name.clone()),
        environment: written.environment.clone(),
        wrong: written.wrong.clone(),
        expected,
        telling,
    })
}

/// What in a template has nothing to stand for.
#[derive(Debug)]
struct Unfillable(String);

/// A template with its placeholders filled in; an error names the placeholder that cannot be.
fn filled(
    template: &str,
    environment: Environment,
    app: &App,
    landmark: &Landmark,
    names: &Names,
) -> Result<String, Unfillable> {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, after)) = after.split_once('}') else {
            return Err(Unfillable(format!("an open brace in {template}")));
        };
        let value = match placeholder {
            "app" => Some(app.name.clone()),
            "namespace" => Some(app.namespace(environment)),
            "environment" => Some(environment.name().to_owned()),
            "repository" => Some(app.repository.clone()),
            "gitops" => Some(app.gitops.clone()),
            "declaration" => Some(app.declaration(environment)),
            "ingress" => Some(names.infrastructure.ingress.clone()),
            "commit" => Some(landmark.sha.clone()),
            "revert" => landmark.revert.clone(),
            "run" => landmark.run.map(|run| run.to_string()),
            "pull" => landmark.pull.map(|pull| pull.to_string()),
            _ => None,
        };
        text.push_str(before);
        text.push_str(&value.ok_or_else(|| Unfillable(format!("placeholder {placeholder}")))?);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [&str; 10] = [
        "deployed",
        "superseded",
        "not-affected",
        "moving",
        "waiting",
        "needs-promotion",
        "blocked",
        "rolled-back",
        "reverted",
        "unknown",
    ];

    #[test]
    fn every_situation_answers_every_environment_in_known_words() {
        let file: File = serde_yaml_ng::from_str(WRITTEN).unwrap();
        assert!(file.situations.len() >= 26);
        let mut names = std::collections::BTreeSet::new();
        for situation in &file.situations {
            assert!(names.insert(&situation.name), "{} twice", situation.name);
            assert_eq!(situation.expected.len(), 3, "{}", situation.name);
            for expectation in situation.expected.values() {
                assert!(
                    STATES.contains(&expectation.state.as_str()),
                    "{}",
                    situation.name
                );
                let settled = STATES[..3].contains(&expectation.state.as_str());
                assert_eq!(settled, expectation.stage.is_none(), "{}", situation.name);
                assert_eq!(settled, expectation.cause.is_none(), "{}", situation.name);
                assert_eq!(settled, expectation.object.is_none(), "{}", situation.name);
                // A cause's code begins with the stage that it stops, or says that it is ECS'.
                if let (Some(stage), Some(cause)) = (&expectation.stage, &expectation.cause) {
                    let is_ecs = cause.starts_with("ecs-");
                    assert!(is_ecs || cause.starts_with(&format!("{stage}-")), "{cause}");
                }
            }
        }
        assert!(names.contains(&file.most_telling));
    }

    #[test]
    fn a_star_stands_for_what_a_controller_invents() {
        let expected = Expected {
            environment: "dev".to_owned(),
            state: "blocked".to_owned(),
            stage: None,
            cause: None,
            object: Some("Pod shop-dev/cart-*".to_owned()),
        };
        assert!(expected.is_object(Some("Pod shop-dev/cart-7f9c-x2x4z")));
        assert!(!expected.is_object(Some("Pod shop-dev/cart")));
        assert!(!expected.is_object(None));
    }
}
