//! The team file: parses it and says what is wrong with it (docs/TEAMFILE.md describes it).
//!
//! Owns the file's form. What its parts mean belongs to `facts::Team` and to the forge.

use std::collections::BTreeMap;
use std::path::Path;

use api::Error;
use api::error::Code;
use facts::code::repository_key;
use facts::team::{Environment, Team};
use serde::Deserialize;
use url::Url;

/// The only version there is.
const VERSION: u32 = 1;

/// The file, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamFile {
    /// Must be 1.
    pub version: u32,
    /// What the team is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Code hosts whose address or API cannot be derived from their name.
    #[serde(default)]
    pub code_hosts: Vec<CodeHost>,
    /// Registries whose address cannot be derived from their name.
    #[serde(default)]
    pub registries: Vec<Registry>,
    /// Environments from first to last.
    #[serde(default)]
    environments: Vec<EnvironmentEntry>,
    /// The releasing branch by repository.
    #[serde(default)]
    branches: BTreeMap<String, String>,
}

/// One code host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeHost {
    /// As image labels and Flux sources name it.
    pub host: String,
    /// Where Git's smart HTTP answers.
    pub address: Option<Url>,
    /// GitHub's REST API.
    pub api: Option<Url>,
}

/// One registry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// As image references name it.
    pub host: String,
    /// Where the OCI distribution API answers.
    pub address: Option<Url>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvironmentEntry {
    name: String,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    namespaces: Vec<String>,
}

/// Why a team file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    #[error(transparent)]
    Form(#[from] serde_yaml_ng::Error),
    #[error("it is of version {0}, and this Landfall reads version {VERSION}")]
    Version(u32),
}

impl TeamFile {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// [`Code::BadFile`] when it cannot be read, is not YAML of this form, or has another version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bad = |why: Reason| {
            Error::new(
                Code::BadFile,
                format!("the team file {} cannot be used: {why}", path.display()),
            )
            .hint("docs/TEAMFILE.md describes what it may say")
        };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.into()))?;
        Self::parse(&text).map_err(bad)
    }

    /// Parses the text; the error is the reason alone.
    fn parse(text: &str) -> Result<Self, Reason> {
        let file: Self = serde_yaml_ng::from_str(text)?;
        if file.version != VERSION {
            return Err(Reason::Version(file.version));
        }
        Ok(file)
    }

    /// The part the engine needs.
    pub fn team(&self) -> Team {
        Team {
            environments: self
                .environments
                .iter()
                .map(|entry| Environment {
                    name: entry.name.clone(),
                    cluster: entry.cluster.clone(),
                    namespaces: entry.namespaces.clone(),
                })
                .collect(),
            branches: self
                .branches
                .iter()
                .map(|(repository, branch)| (repository_key(repository), branch.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_it_does_not_know_is_named() {
        let error = TeamFile::parse("version: 1\nregistrys: []\n").expect_err("misspelt");
        assert!(error.to_string().contains("registrys"), "{error}");
    }

    #[test]
    fn another_version_is_refused() {
        let error = TeamFile::parse("version: 2\n").expect_err("from the future");
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    #[test]
    fn branches_are_found_however_the_repository_is_written() {
        let file =
            TeamFile::parse("version: 1\nbranches: {'https://Code.example/shop/a.git': release}\n")
                .expect("fine");
        assert_eq!(
            file.team()
                .branches
                .get("code.example/shop/a")
                .map(String::as_str),
            Some("release")
        );
    }
}
