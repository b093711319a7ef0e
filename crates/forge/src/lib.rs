//! Git history, GitHub's REST API and image registries: answers [`Want`] with [`Found`].
//!
//! Owns the copies of repositories, the requests to code hosts and registries, and how fresh what they said is. It never
//! judges what it read: a fact, or why there is none, is all it gives. It changes something in one way only: a commit, or a
//! branch with a pull request, of files that the caller hands over ([`Forge::commit`], [`Forge::open_pull_request`]).

mod ask;
mod clock;
mod config;
mod connections;
mod declared;
pub mod edit;
mod error;
mod find;
mod folder;
mod git;
mod github;
mod gitops;
mod in_git;
mod kept;
mod looks;
mod page;
mod registry;
mod tokens;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::Connection;
use api::connection::SystemKind;
use facts::code::{CiRun, Commit, PullRequest};
use facts::image::Image;
use facts::{Found, Read, Want};
use jiff::Timestamp;

pub use config::{CodeHost, Config, RegistryHost};
pub use connections::ANONYMOUS;
pub use error::ForgeError;
pub use folder::{FileAt, FolderAt};
pub use github::writing::{
    CommitFiles, Committed, MayCommit, Opened, PullRequestText, RUN_TRAILER, Seen, WriteFailure,
    run_branch,
};
pub use gitops::{AtHead, FileText};
pub use in_git::{GitFileError, GitLink};
pub use page::{PageError, page};
pub use tokens::{NoToken, Tokens, Whom};

use crate::clock::Clock;
use crate::config::{is_private, shown};
use crate::connections::Ledger;
use crate::error::Trouble;
use crate::git::Git;
use crate::github::GitHub;
use crate::kept::Kept;
use crate::looks::Looks;
use crate::registry::Registries;
use crate::web::Web;

/// What failed is asked for again after this long, however fresh an answer may be: visible windows cap their retry here.
pub(crate) const RETRY: Duration = Duration::from_secs(3);

/// The edge to code hosts and registries. Clones share everything; dropping the last one ends what is under way.
#[derive(Clone)]
pub struct Forge {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    config: Arc<Config>,
    fresh_for: Duration,
    ledger: Arc<Ledger>,
    git: Git,
    github: Arc<GitHub>,
    registries: Arc<Registries>,
    looks: Looks,
    ci: Kept<(String, String), Read<Vec<CiRun>>>,
    pulls: Kept<(String, String), Read<Vec<PullRequest>>>,
    tags: Kept<String, Read<Vec<String>>>,
    digests: Kept<(String, String), Read<String>>,
    images: Kept<(String, String), Read<Image>>,
    /// The commits of pull requests and CI runs, by repository and what was asked.
    numbers: Kept<(String, String), Result<Option<String>, Trouble>>,
    /// Commits that no copy has, by repository and SHA.
    on_hosts: Kept<(String, String), Result<Option<HostCommit>, Trouble>>,
    clock: Clock,
}

/// A commit that only a code host knows, with the files that it touches.
pub(crate) type HostCommit = (Commit, Vec<String>);

impl Forge {
    /// A forge on the system's clock.
    ///
    /// # Errors
    /// The cache folder cannot be made, or the TLS library cannot be set up.
    pub fn new(config: Config) -> Result<Self, ForgeError> {
        Self::with_clock(config, Timestamp::now)
    }

    /// A forge on another clock, so that a test can make answers old.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clock(
        config: Config,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, ForgeError> {
        std::fs::create_dir_all(&config.cache).map_err(|error| ForgeError::Cache {
            folder: config.cache.display().to_string(),
            reason: error::deepest(&error),
        })?;
        let web = Web::new().map_err(|error| ForgeError::Http {
            reason: error::deepest(&error),
        })?;
        let clock = Clock::new(now);
        let config = Arc::new(config);
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let mut named = Vec::new();
        // One with nothing special about it is shown once it was met.
        let has_address = |known: &&CodeHost| known.address.is_some() || known.api.is_some();
        for known in config.code_hosts.iter().filter(has_address) {
            if let Some(url) = config.git_url(&format!("{}/x", known.host)) {
                let address = known
                    .address
                    .as_ref()
                    .map_or_else(|| format!("https://{}", known.host), shown);
                ledger.know(SystemKind::CodeHost, &known.host, address, is_private(&url));
                named.push((SystemKind::CodeHost, known.host.clone()));
            }
        }
        for known in &config.registries {
            if let Some(url) = config.registry_url(&known.host) {
                ledger.know(
                    SystemKind::Registry,
                    &known.host,
                    shown(&url),
                    is_private(&url),
                );
                named.push((SystemKind::Registry, known.host.clone()));
            }
        }
        let parts = || (Arc::clone(&config), clock.clone(), Arc::clone(&ledger));
        let (a, b, c) = parts();
        let git = Git::new(a, b, c);
        let (a, b, c) = parts();
        let github = Arc::new(GitHub::new(a, b, c, web.clone()));
        let (a, b, c) = parts();
        let registries = Arc::new(Registries::new(a, b, c, web));
        let looks = Looks::new(
            named,
            Arc::clone(&github),
            Arc::clone(&registries),
            Arc::clone(&ledger),
        );
        Ok(Self {
            inner: Arc::new(Inner {
                fresh_for: config.fresh_for,
                config,
                git,
                github,
                registries,
                looks,
                ci: Kept::new(clock.clone()),
                pulls: Kept::new(clock.clone()),
                tags: Kept::new(clock.clone()),
                digests: Kept::new(clock.clone()),
                images: Kept::new(clock.clone()),
                numbers: Kept::new(clock.clone()),
                on_hosts: Kept::new(clock.clone()),
                clock,
                ledger,
            }),
        })
    }

    /// Answers a want. It never fails: what cannot be read is a gap, with the reason in plain words, inside the answer.
    /// What can change is read again once it is older than `fresh_for`; callers who want the same share one request.
    pub async fn find(&self, want: &Want) -> Found {
        self.inner.find(want.clone(), true).await
    }

    /// As [`Self::find`], but a SHA is looked for in the copy of the repository alone: asking a code host about it costs
    /// one of the requests that it counts, and another repository's copy may have it.
    pub async fn find_in_copies(&self, want: &Want) -> Found {
        self.inner.find(want.clone(), false).await
    }

    /// The source repository of each image, by the labels of builds that were read before, however long ago; only of
    /// images of which all of them say the same. Asks nobody.
    pub fn sources(&self) -> BTreeMap<String, String> {
        self.inner.registries.sources()
    }

    /// A cluster is back that was away: what failed until now and what was read before is asked for anew, as with one of
    /// the forge's own hosts.
    pub fn came_back(&self) {
        self.inner.clock.came_back();
    }

    /// Somebody looks at the connections: each host that is named is asked whether it answers, and as whom, unless it was
    /// lately. Whether any is being asked. Must be called inside a Tokio runtime.
    pub fn look(&self) -> bool {
        self.inner.looks.begin()
    }

    /// Somebody wants to know now: the next [`Self::look`] asks every one of them, however lately it was.
    pub fn look_anew(&self) {
        self.inner.ledger.forget_looks();
    }

    /// How every code host and registry that is configured or was met stands, code hosts first.
    pub fn connections(&self) -> Vec<Connection> {
        let whom = |host: &str| {
            let tokens = self.inner.config.tokens(host);
            tokens.map(|tokens| tokens.whom()).unwrap_or_default()
        };
        self.inner.ledger.connections(self.inner.clock.now(), whom)
    }
}
