//! GitHub's REST API, as far as it is read: runs, checks, pull requests, commits.
//!
//! Owns the requests: tokens, pages, ETags, rate limits. The mapping to facts is [`runs`]'s and [`pulls`]'s.

pub(crate) mod link;
mod pulls;
mod runs;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::connection::SystemKind;
use facts::code::{CiRun, CiState, Commit, PullRequest, PullState};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, DATE, ETAG, HeaderMap, IF_NONE_MATCH, LINK, RETRY_AFTER,
};
use serde::de::DeserializeOwned;
use url::Url;

use self::pulls::{ApiCommit, File, Pull};
use self::runs::{
    CheckRuns, Job, Jobs, PendingDeployment, Run, Runs, last_lines, waits_for_person,
};
use crate::clock::Clock;
use crate::config::{Config, below, is_private, shown, split};
use crate::connections::Ledger;
use crate::error::{Http, Trouble, http, tidy};
use crate::git::locked;

/// Pages read of one list; GitHub gives 100 items a page.
const MAX_PAGES: usize = 10;
/// The largest answer that is read.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// How much of a log's end is looked at.
const LOG_END: usize = 256 * 1024;
/// Runs whose jobs are read, the newest first.
const MAX_RUNS: usize = 10;
/// Failed jobs of a run whose logs are read.
const MAX_LOGS: usize = 3;
/// Open pull requests whose files are read.
const MAX_PULLS: usize = 50;
/// Answers kept for their ETags, and the largest one that is.
const MAX_ETAGS: usize = 512;
const MAX_TAGGED: usize = 256 * 1024;
/// GitHub's word for a secondary limit without a time: "wait at least one minute".
const SECONDARY: SignedDuration = SignedDuration::from_secs(60);

/// The API of all code hosts that have one.
pub(crate) struct GitHub {
    config: Arc<Config>,
    clock: Clock,
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    /// The last answer with an ETag, by address: the same again costs no rate limit.
    tagged: Mutex<HashMap<Url, Tagged>>,
    /// When hosts that we asked too much will answer again.
    limited: Mutex<HashMap<String, Timestamp>>,
}

#[derive(Clone)]
struct Tagged {
    etag: String,
    body: Arc<[u8]>,
    next: Option<Url>,
}

/// Why one request gave nothing.
enum Refusal {
    /// The host says that there is no such thing.
    Missing,
    /// Anything else.
    Trouble(Trouble),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A repository on a host with an API.
struct Target<'a> {
    host: &'a str,
    path: &'a str,
    /// `…/repos/owner/name`
    base: Url,
}

impl GitHub {
    pub(crate) fn new(
        config: Arc<Config>,
        clock: Clock,
        ledger: Arc<Ledger>,
        http: reqwest::Client,
    ) -> Self {
        Self {
            config,
            clock,
            ledger,
            http,
            tagged: Mutex::default(),
            limited: Mutex::default(),
        }
    }

    /// Whether a repository's host has an API at all.
    pub(crate) fn serves(&self, repository: &str) -> bool {
        self.target(repository).is_ok()
    }

    /// The CI runs of a commit, newest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn ci(&self, repository: &str, sha: &str) -> Result<Vec<CiRun>, Trouble> {
        let target = self.target(repository)?;
        let mut url = target.at(&["actions", "runs"]);
        url.query_pairs_mut()
            .append_pair("head_sha", sha)
            .append_pair("per_page", "100");
        let pages: Vec<Runs> = self
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
            self.complete(&target, run).await?;
        }
        Ok(facts)
    }

    /// Check runs, where there are no Actions runs: how other CI systems report.
    async fn checks(&self, target: &Target<'_>, sha: &str) -> Result<Vec<CiRun>, Trouble> {
        let mut url = target.at(&["commits", sha, "check-runs"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        let pages: Vec<CheckRuns> = match self.pages(target, url).await {
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

    /// Jobs and logs of a run that did not simply succeed. Without them the run's state still stands.
    async fn complete(&self, target: &Target<'_>, run: &mut CiRun) -> Result<(), Trouble> {
        if matches!(run.state, CiState::Succeeded | CiState::Skipped) {
            return Ok(());
        }
        let id = run.id.to_string();
        if run.state == CiState::WaitingForReview {
            let url = target.at(&["actions", "runs", &id, "pending_deployments"]);
            if let Ok(pages) = self.pages::<Vec<PendingDeployment>>(target, url).await
                && !pages.iter().all(|pending| waits_for_person(pending))
            {
                run.state = CiState::Queued;
            }
        }
        let mut url = target.at(&["actions", "runs", &id, "jobs"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        let jobs: Vec<Job> = match self.pages::<Jobs>(target, url).await {
            Ok(pages) => pages.into_iter().flat_map(|page| page.jobs).collect(),
            Err(Refusal::Trouble(trouble @ Trouble::RateLimited { .. })) => return Err(trouble),
            Err(_) => return Ok(()),
        };
        let mut logs = 0;
        for job in jobs {
            let mut fact = job.fact();
            if fact.state == CiState::Failed && logs < MAX_LOGS {
                logs += 1;
                let url = target.at(&["actions", "jobs", &job.id.to_string(), "logs"]);
                if let Some(log) = self.log(target, url).await {
                    fact.last_lines = last_lines(&log);
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
        Ok(())
    }

    /// The pull requests that a commit belongs to; `None` if the host does not know the commit.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn pulls(
        &self,
        repository: &str,
        sha: &str,
    ) -> Result<Option<Vec<PullRequest>>, Trouble> {
        let target = self.target(repository)?;
        let mut url = target.at(&["commits", sha, "pulls"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        match self.pages::<Vec<Pull>>(&target, url).await {
            Ok(pages) => Ok(Some(pages.into_iter().flatten().map(Pull::fact).collect())),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Trouble(trouble)) => Err(trouble),
        }
    }

    /// All open pull requests, with their files.
    ///
    /// # Errors
    /// They cannot be read, or there are too many to read their files.
    pub(crate) async fn open_pulls(&self, repository: &str) -> Result<Vec<PullRequest>, Trouble> {
        let target = self.target(repository)?;
        let mut url = target.at(&["pulls"]);
        url.query_pairs_mut()
            .append_pair("state", "open")
            .append_pair("per_page", "100");
        let pages: Vec<Vec<Pull>> = self
            .pages(&target, url)
            .await
            .map_err(|refusal| target.whole(refusal))?;
        let mut pulls = pages
            .into_iter()
            .flatten()
            .map(Pull::fact)
            .collect::<Vec<_>>();
        for pull in pulls.iter_mut().take(MAX_PULLS) {
            let mut url = target.at(&["pulls", &pull.number.to_string(), "files"]);
            url.query_pairs_mut().append_pair("per_page", "100");
            let pages: Vec<Vec<File>> = match self.pages(&target, url).await {
                Ok(pages) => pages,
                // Closed in the meantime, or not shown: its files stay unknown.
                Err(Refusal::Missing) => continue,
                Err(Refusal::Trouble(trouble)) => return Err(trouble),
            };
            pull.files = pages.into_iter().flatten().flat_map(paths).collect();
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
        let target = self.target(repository)?;
        let url = target.at(&["pulls", &number.to_string()]);
        let pull: Option<Pull> = self.one(&target, url).await?;
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
        let target = self.target(repository)?;
        let url = target.at(&["actions", "runs", &id.to_string()]);
        let run: Option<Run> = self.one(&target, url).await?;
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
        let target = self.target(repository)?;
        let url = target.at(&["commits", sha]);
        let commit: Option<ApiCommit> = self.one(&target, url).await?;
        Ok(commit
            // A branch of that name answers, too.
            .filter(|commit| commit.fact().sha.starts_with(sha))
            .map(|mut commit| {
                let files = std::mem::take(&mut commit.files);
                (commit.fact(), files.into_iter().flat_map(paths).collect())
            }))
    }

    fn target<'a>(&self, repository: &'a str) -> Result<Target<'a>, Trouble> {
        let (host, path) = split(repository)
            .ok_or_else(|| Trouble::Other(format!("{repository} is no repository's address")))?;
        let api = self.config.api_url(host).ok_or_else(|| {
            Trouble::Other(format!(
                "it is not known where {host} tells about CI runs and pull requests: \
                 add `api` to its entry below `codeHosts` in the team file"
            ))
        })?;
        if path.split('/').count() != 2 {
            return Err(Trouble::Other(format!(
                "{path} is no repository of GitHub's form, which is owner/name"
            )));
        }
        let base = below(api, &format!("repos/{path}"))
            .ok_or_else(|| Trouble::Other(format!("{host}'s API has no usable address")))?;
        let known = self
            .config
            .code_host(host)
            .and_then(|known| known.address.clone())
            .map_or_else(|| format!("https://{host}"), |base| shown(&base));
        self.ledger
            .know(SystemKind::CodeHost, host, known, is_private(&base));
        Ok(Target { host, path, base })
    }

    async fn one<T: DeserializeOwned>(
        &self,
        target: &Target<'_>,
        url: Url,
    ) -> Result<Option<T>, Trouble> {
        match self.get(target, &url).await {
            Ok((body, _)) => Ok(Some(read(target, &body)?)),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Trouble(trouble)) => Err(trouble),
        }
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        target: &Target<'_>,
        url: Url,
    ) -> Result<Vec<T>, Refusal> {
        let mut pages = Vec::new();
        let mut url = Some(url);
        while let Some(page) = url.take() {
            let (body, next) = self.get(target, &page).await?;
            pages.push(read(target, &body)?);
            if next.is_some() && pages.len() == MAX_PAGES {
                // Half a list would make what it leaves out look absent.
                return Err(Refusal::Trouble(Trouble::Other(format!(
                    "{} lists more for {} than is read",
                    target.host, target.path
                ))));
            }
            url = next;
        }
        Ok(pages)
    }

    async fn get(
        &self,
        target: &Target<'_>,
        url: &Url,
    ) -> Result<(Arc<[u8]>, Option<Url>), Refusal> {
        let result = self.ask(target, url).await;
        let now = self.clock.now();
        let subject = format!("{} over its API", target.path);
        match &result {
            Ok(_) | Err(Refusal::Missing) => {
                self.ledger
                    .answered(SystemKind::CodeHost, target.host, &subject, now);
            }
            Err(Refusal::Trouble(trouble)) => {
                self.ledger
                    .failed(SystemKind::CodeHost, target.host, &subject, trouble, now);
            }
        }
        result
    }

    async fn ask(
        &self,
        target: &Target<'_>,
        url: &Url,
    ) -> Result<(Arc<[u8]>, Option<Url>), Refusal> {
        self.not_limited(target.host)?;
        let known = locked(&self.tagged).get(url).cloned();
        let mut request = self.request(target, url);
        if let Some(known) = &known {
            request = request.header(IF_NONE_MATCH, &known.etag);
        }
        let response = request
            .send()
            .await
            .map_err(|error| target.no_answer(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if let (304, Some(known)) = (status, known) {
            return Ok((known.body, known.next));
        }
        let body = limited(response)
            .await
            .map_err(|error| target.no_answer(&error))?;
        if !(200..300).contains(&status) {
            return Err(self.refused(target, status, &headers, &body));
        }
        let body: Arc<[u8]> = body.into();
        let next = headers
            .get(LINK)
            .and_then(|header| link::next(header.to_str().ok()?, url));
        if let Some(etag) = headers.get(ETAG).and_then(|etag| etag.to_str().ok())
            && body.len() <= MAX_TAGGED
        {
            let mut tagged = locked(&self.tagged);
            if tagged.len() >= MAX_ETAGS {
                tagged.clear();
            }
            tagged.insert(
                url.clone(),
                Tagged {
                    etag: etag.to_owned(),
                    body: Arc::clone(&body),
                    next: next.clone(),
                },
            );
        }
        Ok((body, next))
    }

    /// The end of a log; `None` if it cannot be read, which only leaves the evidence shorter.
    async fn log(&self, target: &Target<'_>, url: Url) -> Option<String> {
        self.not_limited(target.host).ok()?;
        // Redirects to another host lose the token by themselves.
        let response = self.request(target, &url).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let mut end: Vec<u8> = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(Ok(bytes)) = stream.next().await {
            end.extend_from_slice(&bytes);
            if end.len() > 2 * LOG_END {
                end.drain(..end.len() - LOG_END);
            }
        }
        Some(String::from_utf8_lossy(&end).into_owned())
    }

    fn request(&self, target: &Target<'_>, url: &Url) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .get(url.clone())
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        if let Some(token) = self.config.token(target.host) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.secret()));
        }
        request
    }

    fn not_limited(&self, host: &str) -> Result<(), Trouble> {
        let limited = locked(&self.limited);
        match limited.get(host) {
            Some(until) if *until > self.clock.now() => Err(Trouble::RateLimited {
                host: host.to_owned(),
                until: clock_time(*until),
            }),
            _ => Ok(()),
        }
    }

    fn refused(
        &self,
        target: &Target<'_>,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Refusal {
        let words = message(body);
        if let Some(until) = limit(status, headers, &words, self.clock.now()) {
            locked(&self.limited).insert(target.host.to_owned(), until);
            return Refusal::Trouble(Trouble::RateLimited {
                host: target.host.to_owned(),
                until: clock_time(until),
            });
        }
        let reason = if words.is_empty() {
            format!("status {status}")
        } else {
            words
        };
        match status {
            // 409: an empty repository; 422: not the SHA of anything here.
            404 | 409 | 410 | 422 => Refusal::Missing,
            401 | 403 => Refusal::Trouble(Trouble::Denied {
                host: target.host.to_owned(),
                subject: target.path.to_owned(),
                reason,
            }),
            500.. => Refusal::Trouble(Trouble::Unreachable {
                host: target.host.to_owned(),
                reason: format!("its API answers with status {status}"),
            }),
            _ => Refusal::Trouble(Trouble::Other(format!(
                "{} refused to tell about {}: {reason}",
                target.host, target.path
            ))),
        }
    }
}

impl Target<'_> {
    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// A refusal of something that every repository has: the repository itself is missing.
    fn whole(&self, refusal: Refusal) -> Trouble {
        match refusal {
            Refusal::Missing => Trouble::NotFound {
                host: self.host.to_owned(),
                subject: format!("repository {}", self.path),
            },
            Refusal::Trouble(trouble) => trouble,
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Trouble {
        match http(error) {
            Http::NoAnswer(reason) => Trouble::Unreachable {
                host: self.host.to_owned(),
                reason,
            },
            Http::Status(status) => {
                Trouble::Other(format!("{} answered with status {status}", self.host))
            }
            Http::Else(reason) => {
                Trouble::Other(format!("reading from {} failed: {reason}", self.host))
            }
        }
    }
}

fn paths(file: File) -> impl Iterator<Item = String> {
    // A renamed file touches both of its names.
    [Some(file.filename), file.previous_filename]
        .into_iter()
        .flatten()
}

fn read<T: DeserializeOwned>(target: &Target<'_>, body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        Trouble::Other(format!(
            "{}'s API answered with something unexpected: {}",
            target.host,
            tidy(&error.to_string())
        ))
    })
}

async fn limited(response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(bytes) = stream.next().await {
        body.extend_from_slice(&bytes?);
        if body.len() > MAX_BODY {
            // Cut short it is no JSON, which is said.
            break;
        }
    }
    Ok(body)
}

fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    serde_json::from_slice::<Message>(body)
        .map(|body| tidy(&body.message))
        .unwrap_or_default()
}

/// Until when a host answers no more requests, if that is what a refusal says.
fn limit(status: u16, headers: &HeaderMap, words: &str, now: Timestamp) -> Option<Timestamp> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        // No server means more than a day.
        let wait = SignedDuration::from_secs(seconds.clamp(1, 86_400));
        return now.checked_add(wait).ok();
    }
    if number("x-ratelimit-remaining") == Some(0) {
        // The host says it by its own clock, which may be another than ours.
        let there = headers
            .get(DATE)
            .and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok())
            .map_or(now, |date| date.timestamp());
        let wait = number("x-ratelimit-reset")
            .and_then(|at| Timestamp::from_second(at).ok())
            .map_or(SECONDARY, |reset| reset.duration_since(there));
        return now.checked_add(wait.max(SignedDuration::from_secs(1))).ok();
    }
    let is_secondary = status == 429 || words.to_ascii_lowercase().contains("rate limit");
    is_secondary
        .then(|| now.checked_add(SECONDARY).ok())
        .flatten()
}

fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// The client for APIs: connections that hang are given up.
///
/// # Errors
/// The TLS library cannot be set up.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(20))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    reqwest::header::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_used_up_limit_is_told_from_a_refusal() {
        let now = Timestamp::from_second(1_000).unwrap();
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert_eq!(
            limit(403, &headers(&[]), "Resource not accessible", now),
            None
        );
        assert_eq!(
            limit(
                403,
                &headers(&[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1600")
                ]),
                "",
                now
            ),
            at(1_600)
        );
        // The host's clock is 500 seconds ahead of ours.
        assert_eq!(
            limit(
                403,
                &headers(&[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1600"),
                    ("date", "Thu, 01 Jan 1970 00:25:00 GMT")
                ]),
                "",
                now
            ),
            at(1_100)
        );
        assert_eq!(
            limit(429, &headers(&[("retry-after", "30")]), "", now),
            at(1_030)
        );
        assert_eq!(
            limit(
                403,
                &headers(&[]),
                "You have exceeded a secondary rate limit",
                now
            ),
            at(1_060)
        );
        assert_eq!(
            limit(404, &headers(&[("x-ratelimit-remaining", "0")]), "", now),
            None
        );
    }
}
