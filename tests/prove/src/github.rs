//! The embedded company's GitHub, held to GitHub's own description of its REST API.
//!
//! GitHub has no server to run here, so its stand-in is trusted as far as this says: every answer that the product reads
//! is asked for, over three companies, and compared field by field with the OpenAPI description that GitHub publishes.
//! Owns the table of answers and where the description comes from. It needs npm, and none of the ground's programs.

mod description;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use sandbox::served::{ServeError, Served};
use sandbox::start::{Options, System};
use serde_json::Value;

use crate::parts::{UNFINISHED, end};
use crate::{leftover, tool};
use description::{Description, DescriptionError};

/// The package that carries the description, as GitHub publishes it (MIT).
const PACKAGE: &str = "@octokit/openapi";
const VERSION: &str = "23.0.2";
const FILE: &str = "package/generated/api.github.com.json";
/// How many of a repository's commits and runs are asked about.
const EACH: usize = 20;
const SEEDS: [u64; 3] = [1, 2, 3];

/// An answer that is compared: its template in the description, what follows the API's address, and its status.
type Answer = (&'static str, String, u16);

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum GitHubError {
    /// The description cannot be had: nothing was run, which is never the same as passed.
    #[error("GitHub's description ({PACKAGE} {VERSION}) cannot be had: {0}")]
    NoDescription(String),
    /// It is not what it should be.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The company does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The stand-in does not answer at all.
    #[error("the stand-in does not answer: {0}")]
    Http(#[from] reqwest::Error),
}

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many answers were compared.
    pub answers: usize,
    /// What is wrong with which, one line each.
    pub wrong: Vec<String>,
}

/// Compares every answer.
///
/// # Errors
/// npm, the description or the company is missing.
pub async fn compare(cache: &Path) -> Result<Report, GitHubError> {
    let description = described(cache).await?;
    let mut report = Report::default();
    let mut validators = BTreeMap::new();
    for seed in SEEDS {
        let company = Served::start(
            Options {
                seed,
                ..Options::default()
            },
            None,
        )
        .await?;
        let api = format!("{}/api/v3", company.sandbox.url(System::Code));
        for (template, path, status) in answers(&company) {
            let answer = reqwest::Client::new()
                .get(format!("{api}{path}"))
                .header("User-Agent", "landfall-prove")
                .send()
                .await?;
            report.answers += 1;
            if answer.status() != status {
                report.wrong.push(format!(
                    "GET {path} (company {seed}): status {}, not {status}",
                    answer.status().as_u16()
                ));
                continue;
            }
            let mut answer: Value = answer.json().await?;
            if status == 422
                && let Some(error) = answer.as_object_mut()
            {
                // GitHub says the status in every error; the description names it in all but this one.
                error.remove("status");
            }
            let validator = match validators.entry((template, status)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(description.answer(template, status)?),
            };
            report
                .wrong
                .extend(validator.iter_errors(&answer).map(|error| {
                    let place = error.instance_path().to_string();
                    format!("GET {path} (company {seed}) {place}: {error}")
                }));
        }
    }
    Ok(report)
}

/// Every answer that the product reads, of every repository of a company.
fn answers(company: &Served) -> Vec<Answer> {
    let (code, github) = (
        &company.sandbox.company().code,
        &company.sandbox.company().github,
    );
    let mut answers: Vec<Answer> = vec![
        ("/rate_limit", "/rate_limit".to_owned(), 200),
        ("/repos/{owner}/{repo}", "/repos/no/such".to_owned(), 404),
    ];
    for name in code.paths() {
        let Some(repository) = code.repository(&name) else {
            continue;
        };
        let mut add = |template: &'static str, path: String, status: u16| {
            answers.push((template, format!("/repos/{name}{path}"), status));
        };
        add("/repos/{owner}/{repo}", String::new(), 200);
        for (template, path) in [
            ("/repos/{owner}/{repo}/branches", "/branches"),
            ("/repos/{owner}/{repo}/tags", "/tags"),
            ("/repos/{owner}/{repo}/commits", "/commits"),
            ("/repos/{owner}/{repo}/pulls", "/pulls?state=all"),
            ("/repos/{owner}/{repo}/actions/runs", "/actions/runs"),
        ] {
            add(template, path.to_owned(), 200);
        }
        add(
            "/repos/{owner}/{repo}/branches/{branch}",
            "/branches/no-such".to_owned(),
            404,
        );
        add(
            "/repos/{owner}/{repo}/pulls/{pull_number}",
            "/pulls/99999".to_owned(),
            404,
        );
        add(
            "/repos/{owner}/{repo}/commits/{ref}",
            format!("/commits/{}", "0".repeat(40)),
            422,
        );
        for branch in repository.branches().keys() {
            add(
                "/repos/{owner}/{repo}/branches/{branch}",
                format!("/branches/{branch}"),
                200,
            );
            // What is made over the API is answered in the same shapes.
            add(
                "/repos/{owner}/{repo}/git/ref/{ref}",
                format!("/git/ref/heads/{branch}"),
                200,
            );
        }
        let commits = repository.log(&repository.default_branch(), EACH);
        for commit in &commits {
            let sha = &commit.sha;
            add(
                "/repos/{owner}/{repo}/commits/{ref}",
                format!("/commits/{sha}"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/git/commits/{commit_sha}",
                format!("/git/commits/{sha}"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/git/trees/{tree_sha}",
                format!("/git/trees/{}", commit.tree),
                200,
            );
            add(
                "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
                format!("/commits/{sha}/pulls"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/commits/{ref}/check-runs",
                format!("/commits/{sha}/check-runs"),
                200,
            );
        }
        for pair in commits.windows(2) {
            let between = format!("/compare/{}...{}", pair[1].sha, pair[0].sha);
            add("/repos/{owner}/{repo}/compare/{basehead}", between, 200);
        }
        for pull in github.pulls(&name) {
            let number = pull.number;
            add(
                "/repos/{owner}/{repo}/pulls/{pull_number}",
                format!("/pulls/{number}"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/pulls/{pull_number}/files",
                format!("/pulls/{number}/files"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
                format!("/pulls/{number}/commits"),
                200,
            );
        }
        for run in github.runs(&name).iter().take(EACH) {
            let id = run.id;
            add(
                "/repos/{owner}/{repo}/actions/runs/{run_id}",
                format!("/actions/runs/{id}"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
                format!("/actions/runs/{id}/jobs"),
                200,
            );
            add(
                "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
                format!("/actions/runs/{id}/pending_deployments"),
                200,
            );
            for job in &run.jobs {
                add(
                    "/repos/{owner}/{repo}/actions/jobs/{job_id}",
                    format!("/actions/jobs/{}", job.id),
                    200,
                );
            }
        }
    }
    answers
}

/// The description, from the cache or from npm's registry.
async fn described(cache: &Path) -> Result<Description, GitHubError> {
    let failed = |why: &dyn std::fmt::Display| GitHubError::NoDescription(why.to_string());
    let kept = cache.join(format!("github-openapi-{VERSION}"));
    let file = kept.join(FILE);
    if !file.is_file() {
        let unfinished = leftover::folder(cache, UNFINISHED).map_err(|error| failed(&error))?;
        let unfinished = unfinished.path();
        let wanted = format!("{PACKAGE}@{VERSION}");
        run("npm", &["pack", "--silent", &wanted], unfinished).await?;
        let packed = PathBuf::from(format!(
            "{}-{VERSION}.tgz",
            PACKAGE.trim_start_matches('@').replace('/', "-")
        ));
        let archive = packed.display().to_string();
        run("tar", &["-xzf", &archive, FILE], unfinished).await?;
        std::fs::create_dir_all(&kept).map_err(|error| failed(&error))?;
        // The folder that is the first of the file's path; another run's is as good as ours.
        let renamed = std::fs::rename(unfinished.join("package"), kept.join("package"));
        if !file.is_file() {
            renamed.map_err(|error| failed(&error))?;
        }
    }
    let text = std::fs::read(&file).map_err(|error| failed(&error))?;
    let document = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    Ok(Description::new(document))
}

async fn run(name: &str, arguments: &[&str], folder: &Path) -> Result<(), GitHubError> {
    let failed = |why: &dyn std::fmt::Display| GitHubError::NoDescription(format!("{name}: {why}"));
    let program = tool::find(name).ok_or_else(|| failed(&"it is not on PATH"))?;
    let output = tool::run(&program, arguments, &[], folder, folder)
        .await
        .map_err(|error| failed(&error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(&end(&output.stderr)))
}
