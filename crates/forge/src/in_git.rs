//! Files of a Git repository as of one commit, such as a team file and its signature.
//!
//! Owns the form of a link to them: `https://code.example/shop/deploy//landfall.yaml?ref=main`. The two slashes part the
//! repository from the path in it, as Flux and kustomize have it; without `ref` it is the remote's HEAD. The copy is kept
//! beside those of other repositories.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::clock::Clock;
use crate::config::{CodeHost, Config, shown};
use crate::connections::Ledger;
use crate::error::Trouble;
use crate::git::Git;
use crate::web::is_own;

/// The most that a file may weigh, in bytes.
pub(crate) const MOST: usize = 1 << 20;

/// A link to a file in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLink {
    repository: Url,
    reference: Option<String>,
    path: String,
}

/// Why a file in a repository cannot be read, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitFileError {
    /// The host does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The host does not let us, or has no such repository for us.
    #[error("{0}")]
    Denied(String),
    /// There is no such branch, tag or file, or it is none that can be read.
    #[error("{0}")]
    Else(String),
}

impl GitLink {
    /// The link that an address is, if it has two slashes in its path. User and password in it are left out: whoever reads
    /// by them reads by what everybody sees who gets the link.
    pub fn parse(address: &Url) -> Option<Self> {
        let (repository, path) = address.path().split_once("//")?;
        if !matches!(address.scheme(), "https" | "http") || path.is_empty() {
            return None;
        }
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let mut base: Url = shown(address).parse().ok()?;
        base.set_path(repository);
        base.set_query(None);
        base.set_fragment(None);
        let mut query = address.query_pairs();
        let reference = query.find(|(name, _)| name == "ref");
        Some(Self {
            repository: base,
            reference: reference.map(|(_, value)| value.into_owned()),
            path: path.into_owned(),
        })
    }

    /// The file's path in the repository.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The branch, tag or commit that it names.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The repository's address.
    pub(crate) fn repository(&self) -> &Url {
        &self.repository
    }

    /// The repository, as image labels and Flux sources name it: host, port where one is written, and path.
    pub(crate) fn key(&self) -> String {
        let host = self.repository.host_str().unwrap_or_default();
        let path = self.repository.path().trim_matches('/');
        let path = path.trim_end_matches(".git");
        match self.repository.port() {
            Some(port) => format!("{host}:{port}/{path}"),
            None => format!("{host}/{path}"),
        }
    }

    /// The texts of files of the repository, all as of the same commit; none for those that it has not. `cache` keeps the
    /// copy.
    ///
    /// # Errors
    /// The repository cannot be read, or has no such branch or tag.
    pub async fn read(
        &self,
        paths: &[&str],
        cache: PathBuf,
    ) -> Result<Vec<Option<String>>, GitFileError> {
        if self.repository.scheme() != "https" && !is_own(&self.repository) {
            return Err(GitFileError::Else(format!(
                "{} is not https",
                self.repository
            )));
        }
        let host = self.repository.host_str().unwrap_or_default().to_owned();
        let mut address = self.repository.clone();
        address.set_path("");
        let name = self
            .repository
            .path()
            .trim_matches('/')
            .trim_end_matches(".git");
        let config = Config {
            code_hosts: vec![CodeHost {
                host: host.clone(),
                address: Some(address),
                api: None,
                tokens: None,
            }],
            registries: Vec::new(),
            cache,
            // It is read to be new.
            fresh_for: Duration::ZERO,
        };
        let clock = Clock::new(Timestamp::now);
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let git = Git::new(Arc::new(config), clock, ledger);
        let repository = git.repository(&format!("{host}/{name}"))?;
        let look = repository.fresh().await;
        if let Some(trouble) = look.trouble {
            return Err(trouble.into());
        }
        let copy = look
            .copy
            .ok_or_else(|| GitFileError::Else(format!("{} is empty", self.repository)))?;
        let snapshot = &copy.snapshot;
        let wanted = self
            .reference
            .as_deref()
            .unwrap_or(&snapshot.default_branch);
        let commit = snapshot
            .branches
            .get(wanted)
            .or_else(|| snapshot.tags.get(wanted));
        let commit = commit.ok_or_else(|| {
            GitFileError::Else(format!(
                "{} has no branch or tag '{wanted}'",
                self.repository
            ))
        })?;
        let read = paths.iter().map(|path| copy.text(commit, path));
        read.collect::<Result<_, Trouble>>()
            .map_err(GitFileError::from)
    }
}

impl From<Trouble> for GitFileError {
    fn from(trouble: Trouble) -> Self {
        let words = trouble.to_string();
        match trouble {
            Trouble::Unreachable { .. }
            | Trouble::RateLimited { .. }
            | Trouble::StillCopying { .. } => Self::Unreachable(words),
            Trouble::Denied { .. } | Trouble::NotFound { .. } => Self::Denied(words),
            Trouble::Other(_) => Self::Else(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Option<GitLink> {
        GitLink::parse(&text.parse().expect("an address"))
    }

    #[test]
    fn two_slashes_part_the_repository_from_the_file() {
        let one =
            link("https://code.example/shop/deploy//team/landfall.yaml?ref=main").expect("one");
        assert_eq!(one.repository.as_str(), "https://code.example/shop/deploy");
        assert_eq!(one.path(), "team/landfall.yaml");
        assert_eq!(one.reference.as_deref(), Some("main"));
        let spaced = link("https://code.example/shop//team%20files/a.yaml").expect("one");
        assert_eq!(spaced.path(), "team files/a.yaml");
        assert_eq!(link("https://code.example/landfall.yaml"), None);
        assert_eq!(link("ssh://code.example/shop//landfall.yaml"), None);
        assert_eq!(link("https://code.example/shop//"), None);
    }

    #[test]
    fn a_token_in_a_link_was_printed_with_it() {
        let one = link("https://x:ghp_secret@code.example/shop//landfall.yaml").expect("one");
        assert!(!format!("{one:?}").contains("ghp_secret"));
    }
}
