//! The team file: parses it and says what is wrong with it (docs/TEAMFILE.md describes it).
//!
//! Owns the file's form. What its parts mean belongs to `facts::Team` and to the forge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// Accounts and regions of AWS whose ECS services are read.
    #[serde(default)]
    pub aws: Vec<Aws>,
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

/// One account and region of AWS. Its credentials are never here: the SDK's own chain has them, the named profile, or the
/// named file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Aws {
    /// What people call it; an environment's `cluster` may name it.
    pub name: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where AWS answers, if not at its own address.
    pub endpoint: Option<Url>,
    /// The profile of `~/.aws/config`.
    pub profile: Option<String>,
    /// A file in the form of `~/.aws/credentials` whose credentials are taken, and no others; beside the team file if it
    /// is no whole path.
    pub credentials: Option<PathBuf>,
    /// The ECS clusters to read; absent: all.
    #[serde(default)]
    pub clusters: Vec<String>,
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
    #[error("two entries of aws are called '{0}'")]
    Twice(String),
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
        let mut file = Self::parse(&text).map_err(bad)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        for credentials in file
            .aws
            .iter_mut()
            .filter_map(|aws| aws.credentials.as_mut())
        {
            *credentials = beside.join(&*credentials);
        }
        Ok(file)
    }

    /// Parses the text; the error is the reason alone.
    fn parse(text: &str) -> Result<Self, Reason> {
        let file: Self = serde_yaml_ng::from_str(text)?;
        if file.version != VERSION {
            return Err(Reason::Version(file.version));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = file.aws.iter().find(|aws| !names.insert(&aws.name)) {
            return Err(Reason::Twice(twice.name.clone()));
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
    fn an_account_of_aws_has_a_name_a_region_and_never_a_key() {
        let text = "version: 1\naws:\n- {name: aws, region: eu-west-1, profile: shop, clusters: [shop-prod]}\n";
        let file = TeamFile::parse(text).expect("fine");
        assert_eq!(file.aws[0].name, "aws");
        assert_eq!(file.aws[0].clusters, ["shop-prod"]);
        assert!(file.aws[0].endpoint.is_none());
        assert!(file.aws[0].credentials.is_none());
        let key = "version: 1\naws:\n- {name: aws, region: eu-west-1, secretAccessKey: x}\n";
        let error = TeamFile::parse(key).expect_err("a secret");
        assert!(error.to_string().contains("secretAccessKey"), "{error}");
        let twice = "version: 1\naws:\n- {name: a, region: r}\n- {name: a, region: s}\n";
        let error = TeamFile::parse(twice).expect_err("which is meant?");
        assert!(error.to_string().contains("'a'"), "{error}");
    }

    #[test]
    fn a_file_of_credentials_lies_beside_the_team_file_or_where_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("team.yaml");
        let text = "version: 1\naws:\n- {name: a, region: r, credentials: keys}\n- {name: b, region: r, credentials: /keys}\n";
        std::fs::write(&path, text).expect("written");
        let file = TeamFile::read(&path).expect("fine");
        let named: Vec<_> = file.aws.iter().map(|aws| aws.credentials.clone()).collect();
        let beside = folder.path().join("keys");
        assert_eq!(named, [Some(beside), Some(PathBuf::from("/keys"))]);
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
