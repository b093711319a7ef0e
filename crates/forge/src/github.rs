//! GitHub's REST API, as far as it is read: runs, checks, pull requests, commits. What is changed over it is [`writing`]'s.
//!
//! Owns which requests answer which question. The requests themselves are [`client`]'s, the mapping to facts is
//! [`runs`]'s and [`pulls`]'s.

mod client;
mod limit;
pub(crate) mod link;
mod pulls;
mod runs;
pub(crate) mod writing;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use facts::code::{CiJob, CiRun, CiState, Commit, PullRequest, PullState};

use self::client::{Client, Refusal, Target};
use self::pulls::{ApiCommit, File, Pull};
use self::runs::{
    CheckRuns, Job, Jobs, PendingDeployment, Run, Runs, last_lines, waits_for_person,
};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::Config;
use crate::connections::Ledger;
use crate::error::Trouble;
use crate::git::locked;
use crate::web::Web;

/// Runs whose jobs are read, the newest first.
const MAX_RUNS: usize = 10;
/// Failed jobs of a run whose logs are read.
const MAX_LOGS: usize = 3;
/// Open pull requests whose files are read.
const MAX_PULLS: usize = 50;
/// Ended runs and unchanged pull requests whose details are kept.
const MAX_DETAILS: usize = 2_048;

/// The API of all code hosts that have one.
pub(crate) struct GitHub {
    client: Client,
    /// The jobs of runs that ended, by repository, run and when it last changed: they and their logs stay as they are.
    jobs: Details<(String, u64, Timestamp), Vec<CiJob>>,
    /// The files of open pull requests, by repository, number, base and head.
    files: Details<(String, u64, String, String), Vec<String>>,
}

/// What cannot change, so that it costs no second request.
struct Details<K, V>(Mutex<HashMap<K, V>>);

impl<K: Hash + Eq, V: Clone> Details<K, V> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn get(&self, key: &K) -> Option<V> {
        locked(&self.0).get(key).cloned()
    }

    fn put(&self, key: K, value: V) {
        let mut known = locked(&self.0);
        if known.len() >= MAX_DETAILS {
            known.clear();
        }
        known.insert(key, value);
    }
}

impl GitHub {
    pub(crate) fn new(config: Arc<Config>, clock: Clock, ledger: Arc<Ledger>, web: Web) -> Self {
        Self {
            client: Client::new(config, clock, ledger, web),
            jobs: Details::new(),
            files: Details::new(),
        }
    }

    /// Whether a host answers, and takes what we are signed in with.
    ///
    /// # Errors
    /// It does not.
    pub(crate) async fn look(&self, host: &str) -> Result<(), Trouble> {
        self.client.look(host).await
    }

    /// Whether a repository's host has an API at all.
    pub(crate) fn serves(&self, repository: &str) -> bool {
        self.client.target(repository).is_ok()
    }

    /// The CI runs of a commit, newest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn ci(&self, repository: &str, sha: &str) -> Result<Vec<CiRun>, Trouble> {
        let target = self.client.target(repository)?;
        let mut url = target.at(&["actions", "runs"]);
        url.query_pairs_mut()
            .append_pair("head_sha", sha)
            .append_pair("per_page", "100");
        let pages: Vec<Runs> = self
            .client
            .pages(&target, url)
            .await
            .map_err(|refusal| target.whole(refusal))?;
        let runs = pages
            .iter()
            .flat_map(|page| &page.workflow_runs)
            .collect::<Vec<_>>();
        if runs.is_empty() {
            return self.checks(&target, sha).await;
        }
        let mut facts = runs.iter().map(|run| run.fact()).collect::<Vec<_>>();
        facts.sort_by_key(|run| std::cmp::Reverse((run.created, run.id)));
        for run in facts.iter_mut().take(MAX_RUNS) {
            let ended = matches!(run.state, CiState::Failed | CiState::Cancelled);
            let key = (repository.to_owned(), run.id, run.updated);
            if ended && let Some(jobs) = self.jobs.get(&key) {
                run.jobs = jobs;
                continue;
            }
            let is_whole = self.complete(&target, run).await?;
            if ended && is_whole {
                self.jobs.put(key, run.jobs.clone());
            }
        }
        Ok(facts)
    }

    /// Check runs, where there are no Actions runs: how other CI systems report.
    async fn checks(&self, target: &Target<'_>, sha: &str) -> Result<Vec<CiRun>, Trouble> {
        let mut url = target.at(&["commits", sha, "check-runs"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        let pages: Vec<CheckRuns> = match self.client.pages(target, url).await {
            Ok(pages) => pages,
            // The host does not know the commit: it was never pushed there, so nothing ran.
            Err(Refusal::Missing) => return Ok(Vec::new()),
            Err(Refusal::Trouble(trouble)) => return Err(trouble),
        };
        let mut facts = pages
            .iter()
            .flat_map(|page| &page.check_runs)
            .map(|check| check.fact())
            .collect::<Vec<_>>();
        facts.sort_by_key(|run| std::cmp::Reverse((run.created, run.id)));
        Ok(facts)
    }

    /// Jobs and logs of a run that did not simply succeed; whether all could be read. Without them the run's state still
    /// stands.
    async fn complete(&self, target: &Target<'_>, run: &mut CiRun) -> Result<bool, Trouble> {
        if matches!(run.state, CiState::Succeeded | CiState::Skipped) {
            return Ok(true);
        }
        let id = run.id.to_string();
        if run.state == CiState::WaitingForReview {
            let url = target.at(&["actions", "runs", &id, "pending_deployments"]);
            if let Ok(pages) = self
                .client
                .pages::<Vec<PendingDeployment>>(target, url)
                .await
                && !pages.iter().all(|pending| waits_for_person(pending))
            {
                run.state = CiState::Queued;
            }
        }
        let mut url = target.at(&["actions", "runs", &id, "jobs"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        let jobs: Vec<Job> = match self.client.pages::<Jobs>(target, url).await {
            Ok(pages) => pages.into_iter().flat_map(|page| page.jobs).collect(),
            Err(Refusal::Trouble(trouble @ Trouble::RateLimited { .. })) => return Err(trouble),
            Err(_) => return Ok(false),
        };
        let mut is_whole = true;
        let mut logs = 0;
        for job in jobs {
            let mut fact = job.fact();
            if fact.state == CiState::Failed && logs < MAX_LOGS {
                logs += 1;
                let url = target.at(&["actions", "jobs", &job.id.to_string(), "logs"]);
                match self.client.log(target, url).await {
                    Some(log) => fact.last_lines = last_lines(&log),
                    None => is_whole = false,
                }
            }
            run.jobs.push(fact);
        }
        // A run whose every unfinished job waits for a person waits for a person, though its status says otherwise.
        let unfinished = run
            .jobs
            .iter()
            .filter(|job| {
                matches!(
                    job.state,
                    CiState::Queued | CiState::Running | CiState::WaitingForReview
                )
            })
            .collect::<Vec<_>>();
        if run.state == CiState::Running
            && !unfinished.is_empty()
            && unfinished
                .iter()
                .all(|job| job.state == CiState::WaitingForReview)
        {
            run.state = CiState::WaitingForReview;
        }
        Ok(is_whole)
    }

    /// The pull requests that a commit belongs to; `None` if the host does not know the commit. GitHub names none that
    /// was closed without merging: where there is no other, one whose last commit it is is looked for among the newest.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn pulls(
        &self,
        repository: &str,
        sha: &str,
    ) -> Result<Option<Vec<PullRequest>>, Trouble> {
        let target = self.client.target(repository)?;
        let mut url = target.at(&["commits", sha, "pulls"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        match self.client.pages::<Vec<Pull>>(&target, url).await {
            Ok(pages) => {
                let found: Vec<_> = pages.into_iter().flatten().map(Pull::fact).collect();
                Ok(Some(match found.is_empty() {
                    true => self.closed_pulls(repository, sha).await?,
                    false => found,
                }))
            }
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Trouble(trouble)) => Err(trouble),
        }
    }

    /// The pull requests that were closed lately and whose last commit it is.
    async fn closed_pulls(&self, repository: &str, sha: &str) -> Result<Vec<PullRequest>, Trouble> {
        let target = self.client.target(repository)?;
        let mut url = target.at(&["pulls"]);
        url.query_pairs_mut()
            .append_pair("state", "closed")
            .append_pair("sort", "updated")
            .append_pair("direction", "desc")
            .append_pair("per_page", "100");
        let newest: Option<Vec<Pull>> = self.client.one(&target, url).await?;
        let newest = newest.into_iter().flatten().map(Pull::fact);
        Ok(newest.filter(|pull| pull.head_sha == sha).collect())
    }

    /// All open pull requests, with their files.
    ///
    /// # Errors
    /// They cannot be read, or there are too many to read their files.
    pub(crate) async fn open_pulls(&self, repository: &str) -> Result<Vec<PullRequest>, Trouble> {
        let target = self.client.target(repository)?;
        let mut url = target.at(&["pulls"]);
        url.query_pairs_mut()
            .append_pair("state", "open")
            .append_pair("per_page", "100");
        let pages: Vec<Vec<Pull>> = self
            .client
            .pages(&target, url)
            .await
            .map_err(|refusal| target.whole(refusal))?;
        let mut pulls = pages
            .into_iter()
            .flatten()
            .map(Pull::fact)
            .collect::<Vec<_>>();
        for pull in pulls.iter_mut().take(MAX_PULLS) {
            let key = (
                repository.to_owned(),
                pull.number,
                pull.base.clone(),
                pull.head_sha.clone(),
            );
            if let Some(files) = self.files.get(&key) {
                pull.files = files;
                continue;
            }
            let mut url = target.at(&["pulls", &pull.number.to_string(), "files"]);
            url.query_pairs_mut().append_pair("per_page", "100");
            let pages: Vec<Vec<File>> = match self.client.pages(&target, url).await {
                Ok(pages) => pages,
                // Closed in the meantime, or not shown: its files stay unknown.
                Err(Refusal::Missing) => continue,
                Err(Refusal::Trouble(trouble)) => return Err(trouble),
            };
            pull.files = pages.into_iter().flatten().flat_map(paths).collect();
            self.files.put(key, pull.files.clone());
        }
        Ok(pulls)
    }

    /// The commit that stands for a pull request: the one that landed, or its head.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn pull(
        &self,
        repository: &str,
        number: u64,
    ) -> Result<Option<String>, Trouble> {
        let target = self.client.target(repository)?;
        let url = target.at(&["pulls", &number.to_string()]);
        let pull: Option<Pull> = self.client.one(&target, url).await?;
        Ok(pull.map(|pull| {
            let pull = pull.fact();
            match pull.state {
                PullState::Merged { sha, .. } => sha,
                PullState::Open { .. } | PullState::Closed { .. } => pull.head_sha,
            }
        }))
    }

    /// The commit that a run was for.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn run(&self, repository: &str, id: u64) -> Result<Option<String>, Trouble> {
        let target = self.client.target(repository)?;
        let url = target.at(&["actions", "runs", &id.to_string()]);
        let run: Option<Run> = self.client.one(&target, url).await?;
        Ok(run.and_then(|run| run.head_sha))
    }

    /// A commit that the host knows though no branch has it, by its SHA or its beginning, with the files it touches.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn commit(
        &self,
        repository: &str,
        sha: &str,
    ) -> Result<Option<(Commit, Vec<String>)>, Trouble> {
        let target = self.client.target(repository)?;
        let url = target.at(&["commits", sha]);
        let commit: Option<ApiCommit> = self.client.one(&target, url).await?;
        Ok(commit
            // A branch of that name answers, too.
            .filter(|commit| commit.fact().sha.starts_with(sha))
            .map(|mut commit| {
                let files = std::mem::take(&mut commit.files);
                (commit.fact(), files.into_iter().flat_map(paths).collect())
            }))
    }
}

fn paths(file: File) -> impl Iterator<Item = String> {
    // A renamed file touches both of its names.
    [Some(file.filename), file.previous_filename]
        .into_iter()
        .flatten()
}
