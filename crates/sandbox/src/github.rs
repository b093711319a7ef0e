//! What GitHub adds to Git: CI runs and pull requests, and the REST API (v3) that reads them.
//!
//! Owns runs, jobs, logs, pull requests and who is signed in. Commits, branches and files are the [`CodeHost`]'s, so that both
//! always agree. Commits and pull requests can be made over the API; the rest of the company's life goes on through this
//! type's functions.

mod endpoints;
mod http;
mod patch;
mod records;
mod sign_in;
mod view;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::git::CodeHost;

pub use http::router;
pub use records::{Conclusion, Job, Pull, PullState, Run, RunStatus, Step};
pub use sign_in::{Application, CLIENT};

/// The code host's CI runs and pull requests. Clones share them.
#[derive(Clone, Debug)]
pub struct GitHub {
    code: CodeHost,
    web: Arc<str>,
    records: Arc<Mutex<Records>>,
}

#[derive(Debug, Default)]
struct Records {
    runs: BTreeMap<String, BTreeMap<u64, Arc<Run>>>,
    pulls: BTreeMap<String, BTreeMap<u64, Arc<Pull>>>,
    /// Repositories that the API shows to nobody.
    denied: BTreeSet<String>,
    /// Branches, by repository, that only pull requests may change.
    protected: BTreeSet<(String, String)>,
    limit: RateLimit,
    accounts: sign_in::Accounts,
}

/// How many requests may still be made. GitHub allows 5,000 an hour to somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests an hour.
    pub limit: u64,
    /// Requests made in this hour.
    pub used: u64,
    /// When the hour ends.
    pub reset: Timestamp,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            limit: 5000,
            used: 0,
            reset: Timestamp::UNIX_EPOCH,
        }
    }
}

impl RateLimit {
    /// Requests that may still be made in this hour.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl GitHub {
    /// GitHub over a code host, without any run or pull request. `host` is the name that people know it by: links for
    /// people (`html_url`) begin with `https://` and it, while links of the API lead to where it was asked.
    pub fn new(code: CodeHost, host: &str) -> Self {
        Self {
            code,
            web: format!("https://{host}").into(),
            records: Arc::default(),
        }
    }

    /// The repositories below.
    pub fn code(&self) -> &CodeHost {
        &self.code
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a CI run to a repository, or replaces the one of that id.
    pub fn put_run(&self, repository: &str, run: Run) {
        self.records()
            .runs
            .entry(repository.to_owned())
            .or_default()
            .insert(run.id, Arc::new(run));
    }

    /// Changes a run in place. Says whether it was there.
    pub fn update_run(&self, repository: &str, id: u64, change: impl FnOnce(&mut Run)) -> bool {
        self.records()
            .runs
            .get_mut(repository)
            .and_then(|runs| runs.get_mut(&id))
            .map(|run| change(Arc::make_mut(run)))
            .is_some()
    }

    /// A repository's runs, newest first.
    pub fn runs(&self, repository: &str) -> Vec<Run> {
        let runs = self.shared_runs(repository).into_iter();
        runs.map(Arc::unwrap_or_clone).collect()
    }

    fn shared_runs(&self, repository: &str) -> Vec<Arc<Run>> {
        let mut runs: Vec<Arc<Run>> = self
            .records()
            .runs
            .get(repository)
            .map(|runs| runs.values().cloned().collect())
            .unwrap_or_default();
        runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.id)));
        runs
    }

    /// A run.
    pub fn run(&self, repository: &str, id: u64) -> Option<Run> {
        let records = self.records();
        Some(records.runs.get(repository)?.get(&id)?.as_ref().clone())
    }

    /// Adds a pull request to a repository, or replaces the one of that number. Its head can be fetched as
    /// `refs/pull/<number>/head`, as on GitHub, if the commit is there.
    pub fn put_pull(&self, repository: &str, mut pull: Pull) {
        if let Some(code) = self.code.repository(repository) {
            let head = format!("refs/pull/{}/head", pull.number);
            if let Err(error) = code.set_ref(&head, &pull.head_sha) {
                tracing::warn!(%error, number = pull.number, "a pull request without its commit");
            }
            if pull.base_sha.is_none() {
                pull.base_sha = match &pull.state {
                    PullState::Merged { sha, .. } => code
                        .show(sha)
                        .and_then(|commit| commit.parents.first().cloned()),
                    PullState::Open | PullState::Closed { .. } => code.head(&pull.base),
                };
            }
        }
        self.records()
            .pulls
            .entry(repository.to_owned())
            .or_default()
            .insert(pull.number, Arc::new(pull));
    }

    /// Changes a pull request in place, and moves its head's ref if that changed. Says whether it was there.
    pub fn update_pull(
        &self,
        repository: &str,
        number: u64,
        change: impl FnOnce(&mut Pull),
    ) -> bool {
        let Some(mut pull) = self.pull(repository, number) else {
            return false;
        };
        change(&mut pull);
        self.put_pull(repository, pull);
        true
    }

    /// A repository's pull requests, newest first.
    pub fn pulls(&self, repository: &str) -> Vec<Pull> {
        let pulls = self.shared_pulls(repository).into_iter();
        pulls.map(Arc::unwrap_or_clone).collect()
    }

    fn shared_pulls(&self, repository: &str) -> Vec<Arc<Pull>> {
        let mut pulls: Vec<Arc<Pull>> = self
            .records()
            .pulls
            .get(repository)
            .map(|pulls| pulls.values().cloned().collect())
            .unwrap_or_default();
        pulls.sort_by_key(|pull| std::cmp::Reverse((pull.created, pull.number)));
        pulls
    }

    /// A pull request.
    pub fn pull(&self, repository: &str, number: u64) -> Option<Pull> {
        let records = self.records();
        Some(
            records
                .pulls
                .get(repository)?
                .get(&number)?
                .as_ref()
                .clone(),
        )
    }

    /// Hides a repository from the API, or no longer: it answers 404, as GitHub does to those who may not read. Git
    /// itself is not affected.
    pub fn deny(&self, repository: &str, denied: bool) {
        let mut records = self.records();
        match denied {
            true => records.denied.insert(repository.to_owned()),
            false => records.denied.remove(repository),
        };
    }

    fn is_denied(&self, repository: &str) -> bool {
        self.records().denied.contains(repository)
    }

    /// Lets only pull requests change a branch, or no longer. It binds the API; a push over Git is not affected.
    pub fn protect(&self, repository: &str, branch: &str, protected: bool) {
        let key = (repository.to_owned(), branch.to_owned());
        let mut records = self.records();
        match protected {
            true => records.protected.insert(key),
            false => records.protected.remove(&key),
        };
    }

    fn is_protected(&self, repository: &str, branch: &str) -> bool {
        let key = (repository.to_owned(), branch.to_owned());
        self.records().protected.contains(&key)
    }

    /// Allows this many requests an hour, and begins a new hour.
    pub fn set_rate_limit(&self, limit: u64) {
        self.records().limit = RateLimit {
            limit,
            ..RateLimit::default()
        };
    }

    /// How many requests may still be made; the hour begins with the first one after the last hour ended.
    pub fn rate_limit(&self) -> RateLimit {
        let now = self.code.clock().now();
        let limit = &mut self.records().limit;
        if limit.reset <= now {
            limit.used = 0;
            limit.reset = now
                .saturating_add(SignedDuration::from_hours(1))
                .unwrap_or(now);
        }
        *limit
    }

    fn count_request(&self) {
        self.records().limit.used += 1;
    }
}
