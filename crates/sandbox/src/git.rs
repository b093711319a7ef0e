//! The company's code host: all Git repositories, in memory, and Git's smart HTTP protocol over them.
//!
//! Owns objects, refs, history and the wire protocol (versions 0, 1 and 2, fetch and push). Objects live in memory and
//! not in a folder: nothing is left behind when the process is killed, and nothing needs an installed git. Knows
//! nothing of pull requests and CI runs; those are [`crate::github`]'s.

mod advertisement;
mod history;
mod http;
mod merge;
mod objects;
mod pack;
mod packet;
mod receive_pack;
mod repository;
mod select;
mod tree;
mod upload_pack;
mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::clock::Clock;

pub use history::{Commit, Comparison, Person};
pub use http::router;
pub use repository::{Edit, Repository};
pub use tree::{Change, ChangeKind};
pub(crate) use writing::NotMoved;

/// What can go wrong with a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A path that is not `owner/name`, or a file path with an empty, `.` or `..` part.
    #[error("\"{0}\" is not a usable path")]
    Path(String),
    /// A branch or tag name that Git does not allow.
    #[error("\"{0}\" is not a usable ref name")]
    Ref(String),
    /// The repository is there already.
    #[error("repository {0} exists already")]
    Exists(String),
    /// A branch, tag or commit that is not there.
    #[error("{path} has no {what}")]
    Missing {
        /// The repository.
        path: String,
        /// What was looked for.
        what: String,
    },
    /// An object that is not what its place says, or a pack that cannot be read.
    #[error("a broken object: {0}")]
    Broken(String),
}

/// A branch that moved, by a commit made in this process or by a real push. Deleting a branch is no push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The repository, `owner/name`.
    pub path: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Its head before; `None` for a new branch.
    pub before: Option<String>,
    /// Its head now.
    pub after: String,
}

/// All repositories of the company. Clones share them.
#[derive(Clone, Debug)]
pub struct CodeHost {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    repositories: RwLock<BTreeMap<String, Repository>>,
    pushes: broadcast::Sender<Push>,
}

impl CodeHost {
    /// An empty code host.
    ///
    /// # Errors
    /// None today: the signature leaves room for repositories on disk.
    pub fn new(clock: Clock) -> Result<Self, GitError> {
        // Receivers that fall behind by more than this learn that they did (RecvError::Lagged).
        let (pushes, _) = broadcast::channel(4096);
        Ok(Self {
            shared: Arc::new(Shared {
                clock,
                repositories: RwLock::default(),
                pushes,
            }),
        })
    }

    /// Creates an empty repository whose default branch will be `main`.
    ///
    /// # Errors
    /// The path is not `owner/name`, or taken.
    pub fn create(&self, path: &str) -> Result<Repository, GitError> {
        let usable = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with(".git")
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match path.split_once('/') {
            Some((owner, name)) if usable(owner) && usable(name) => {}
            _ => return Err(GitError::Path(path.to_owned())),
        }
        let mut repositories = self
            .shared
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if repositories.contains_key(path) {
            return Err(GitError::Exists(path.to_owned()));
        }
        let created = self.shared.clock.now();
        let repository = Repository::new(path, created, self.shared.pushes.clone());
        repositories.insert(path.to_owned(), repository.clone());
        Ok(repository)
    }

    /// A repository by its path, `owner/name`.
    pub fn repository(&self, path: &str) -> Option<Repository> {
        self.shared
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }

    /// The paths of all repositories, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.shared
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// Every push from here on, in all repositories.
    pub fn pushes(&self) -> broadcast::Receiver<Push> {
        self.shared.pushes.subscribe()
    }

    /// The company's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }
}
