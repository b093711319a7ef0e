//! What GitHub adds to Git: CI runs and pull requests, and the REST API (v3) that reads them.
//!
//! Owns runs, jobs, logs and pull requests. Commits, branches and files are read from the [`CodeHost`], so that both
//! always agree. Only reading is served: the company's own life goes on through this type's functions.

mod records;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::git::CodeHost;

pub use records::{Conclusion, Job, Pull, PullState, Run, RunStatus, Step};

/// The code host's CI runs and pull requests. Clones share them.
#[derive(Clone, Debug)]
pub struct GitHub {
    code: CodeHost,
    web: Arc<str>,
    records: Arc<Mutex<Records>>,
}

#[derive(Debug, Default)]
struct Records {
    runs: BTreeMap<String, BTreeMap<u64, Run>>,
    pulls: BTreeMap<String, BTreeMap<u64, Pull>>,
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
            .insert(run.id, run);
    }

    /// Changes a run in place. Says whether it was there.
    pub fn update_run(&self, repository: &str, id: u64, change: impl FnOnce(&mut Run)) -> bool {
        self.records()
            .runs
            .get_mut(repository)
            .and_then(|runs| runs.get_mut(&id))
            .map(change)
            .is_some()
    }

    /// A repository's runs, newest first.
    pub fn runs(&self, repository: &str) -> Vec<Run> {
        let mut runs: Vec<Run> = self
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
        self.records().runs.get(repository)?.get(&id).cloned()
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
            .insert(pull.number, pull);
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
        let mut pulls: Vec<Pull> = self
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
        self.records().pulls.get(repository)?.get(&number).cloned()
    }
}
