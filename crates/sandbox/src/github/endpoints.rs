//! What each path of the REST API answers.

use serde_json::{Value, json};

use super::http::{Asked, Problem, Reply};
use super::view::View;
use super::{Conclusion, GitHub, Job, Pull, Run, RunStatus};
use crate::git::Commit;

type Answer = Result<Reply, Problem>;

fn whole(value: Value) -> Answer {
    Ok(Reply::Json(value, None))
}

fn list<T>(asked: &Asked, all: &[T], shape: impl Fn(&T) -> Value) -> Answer {
    let (page, links) = asked.page(all, shape);
    Ok(Reply::Json(Value::Array(page), links))
}

/// A list inside an object that says how many there are.
fn counted<T>(asked: &Asked, name: &str, all: &[T], shape: impl Fn(&T) -> Value) -> Answer {
    let (page, links) = asked.page(all, shape);
    let value = json!({ "total_count": all.len(), name: page });
    Ok(Reply::Json(value, links))
}

pub(super) fn repository(view: &View, asked: &Asked) -> Answer {
    let mut repository = view.full_repository();
    // Nobody's rights are told to nobody.
    if let Some(writes) = view.github.caller_writes(&asked.headers) {
        repository["permissions"] = json!({
            "admin": false, "maintain": false, "push": writes, "triage": writes, "pull": true,
        });
    }
    whole(repository)
}

pub(super) fn branches(view: &View, asked: &Asked) -> Answer {
    let all: Vec<(String, String)> = view.repository.branches().into_iter().collect();
    list(asked, &all, |(name, sha)| view.branch(name, sha))
}

pub(super) fn branch(view: &View, asked: &Asked) -> Answer {
    let name = asked.part("rest");
    let branch_not_found = || Problem {
        message: "Branch not found".to_owned(),
        ..Problem::not_found()
    };
    let sha = view.repository.head(name).ok_or_else(branch_not_found)?;
    let head = view.repository.show(&sha).ok_or_else(branch_not_found)?;
    let url = view.url(&format!("/branches/{name}"));
    let protected = view.github.is_protected(view.repository.path(), name);
    whole(json!({
        "name": name,
        "commit": view.commit(&head),
        "_links": { "self": url, "html": view.html(&format!("/tree/{name}")) },
        "protected": protected,
        "protection": { "enabled": protected },
        "protection_url": format!("{url}/protection"),
    }))
}

pub(super) fn tags(view: &View, asked: &Asked) -> Answer {
    // GitHub lists tags by name, last first.
    let all: Vec<(String, String)> = view.repository.tags().into_iter().rev().collect();
    list(asked, &all, |(name, sha)| view.tag(name, sha))
}

/// The log of a branch, tag or commit, perhaps only of a path.
pub(super) fn commits(view: &View, asked: &Asked) -> Answer {
    let repository = &view.repository;
    if repository.branches().is_empty() {
        return Err(Problem {
            status: http::StatusCode::CONFLICT,
            message: "Git Repository is empty.".to_owned(),
        });
    }
    let from = asked.parameter("sha").unwrap_or("HEAD");
    let tip = repository.resolve(from).ok_or_else(Problem::not_found)?;
    let mut log = repository.log(&tip, usize::MAX);
    for (name, is_since) in [("since", true), ("until", false)] {
        if let Some(moment) = asked.parameter(name) {
            let moment: jiff::Timestamp = moment
                .parse()
                .map_err(|_| Problem::unprocessable(format!("{name} is no moment")))?;
            log.retain(|commit| match is_since {
                true => commit.committer.at >= moment,
                false => commit.committer.at <= moment,
            });
        }
    }
    if let Some(path) = asked.parameter("path") {
        let below = format!("{}/", path.trim_end_matches('/'));
        log.retain(|commit| {
            let parent = commit.parents.first().map(String::as_str);
            repository
                .changes(parent, &commit.sha)
                .iter()
                .any(|change| change.path == path || change.path.starts_with(&below))
        });
    }
    list(asked, &log, |commit| view.commit(commit))
}

/// `commits/{ref}`, `commits/{sha}/pulls` and `commits/{ref}/check-runs`; a ref may have slashes.
pub(super) fn commit(view: &View, asked: &Asked) -> Answer {
    let rest = asked.part("rest");
    if let Some(revision) = rest.strip_suffix("/pulls") {
        let commit = known(view, revision)?;
        let pulls = view.pulls_of(&commit.sha);
        return list(asked, &pulls, |pull| view.pull(pull));
    }
    if let Some(revision) = rest.strip_suffix("/check-runs") {
        let commit = known(view, revision)?;
        return check_runs(view, asked, &commit.sha);
    }
    let commit = known(view, rest)?;
    let links = std::cell::RefCell::new(None);
    let (value, _) = view.commit_with_files(&commit, |files| {
        if files.len() <= super::view::MOST_FILES && asked.parameter("page").is_none() {
            return files.to_vec();
        }
        let (page, found) = asked.page(files, Value::clone);
        links.replace(found);
        page
    });
    Ok(Reply::Json(value, links.into_inner()))
}

/// The commit that a ref stands for, or GitHub's words for there being none.
fn known(view: &View, revision: &str) -> Result<Commit, Problem> {
    let name = revision
        .strip_prefix("heads/")
        .or_else(|| revision.strip_prefix("tags/"))
        .unwrap_or(revision);
    view.repository
        .show(revision)
        .or_else(|| view.repository.show(name))
        .ok_or_else(|| Problem::unprocessable(format!("No commit found for SHA: {revision}")))
}

fn check_runs(view: &View, asked: &Asked, sha: &str) -> Answer {
    let runs = view.github.shared_runs(view.repository.path());
    let mut found: Vec<(&Run, &Job)> = Vec::new();
    for run in runs.iter().filter(|run| run.head_sha == sha) {
        found.extend(run.jobs.iter().map(|job| (run.as_ref(), job)));
    }
    found.retain(|(_, job)| {
        asked
            .parameter("check_name")
            .is_none_or(|name| job.name == name)
            && asked
                .parameter("status")
                .is_none_or(|status| job.status.as_str() == status)
    });
    counted(asked, "check_runs", &found, |(run, job)| {
        view.check_run(run, job)
    })
}

/// `compare/{base}...{head}`
pub(super) fn compare(view: &View, asked: &Asked) -> Answer {
    let repository = &view.repository;
    let (base_name, head_name) = asked
        .part("rest")
        .split_once("...")
        .ok_or_else(Problem::not_found)?;
    // `owner:branch` names a branch of a fork; here there are none.
    let show = |name: &str| {
        let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
        repository.show(name).ok_or_else(Problem::not_found)
    };
    let (base, head) = (show(base_name)?, show(head_name)?);
    let comparison = repository
        .compare(&base.sha, &head.sha)
        .ok_or_else(Problem::not_found)?;
    let merge_base = comparison
        .merge_base
        .as_deref()
        .and_then(|sha| repository.show(sha))
        .ok_or_else(|| Problem {
            message: format!("No common ancestor between {base_name} and {head_name}."),
            ..Problem::not_found()
        })?;
    let (ahead, behind) = (comparison.ahead.len(), comparison.behind.len());
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let mut commits: Vec<Commit> = comparison
        .ahead
        .iter()
        .filter_map(|sha| repository.show(sha))
        .collect();
    commits.reverse();
    // Without pages GitHub shows the last 250.
    let (shown, links) = match asked.parameter("page").or(asked.parameter("per_page")) {
        Some(_) => asked.page(&commits, |commit| view.commit(commit)),
        None => {
            let first = commits.len().saturating_sub(250);
            let shown = commits[first..].iter();
            (shown.map(|commit| view.commit(commit)).collect(), None)
        }
    };
    let mut changes = repository.changes(Some(&merge_base.sha), &head.sha);
    changes.truncate(super::view::MOST_FILES);
    let at = format!("/compare/{base_name}...{head_name}");
    let value = json!({
        "url": view.url(&at),
        "html_url": view.html(&at),
        "permalink_url": view.html(&format!("/compare/{}...{}", base.sha, head.sha)),
        "diff_url": view.html(&format!("{at}.diff")),
        "patch_url": view.html(&format!("{at}.patch")),
        "base_commit": view.commit(&base),
        "merge_base_commit": view.commit(&merge_base),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": shown,
        "files": view.files(&changes, &head.sha),
    });
    Ok(Reply::Json(value, links))
}

pub(super) fn pulls(view: &View, asked: &Asked) -> Answer {
    let state = asked.parameter("state").unwrap_or("open");
    if !matches!(state, "open" | "closed" | "all") {
        return Err(Problem::unprocessable("Validation Failed"));
    }
    let head = asked
        .parameter("head")
        .map(|head| head.rsplit_once(':').map_or(head, |(_, branch)| branch));
    let mut found = view.github.shared_pulls(view.repository.path());
    found.retain(|pull| {
        (state == "all" || (state == "open") == pull.is_open())
            && asked.parameter("base").is_none_or(|base| pull.base == base)
            && head.is_none_or(|head| pull.head == head)
    });
    if asked.parameter("sort") == Some("updated") {
        found.sort_by_key(|pull| std::cmp::Reverse((pull.updated, pull.number)));
    }
    if asked.parameter("direction") == Some("asc") {
        found.reverse();
    }
    list(asked, &found, |pull| view.pull(pull))
}

fn known_pull(view: &View, asked: &Asked) -> Result<Pull, Problem> {
    view.github
        .pull(view.repository.path(), asked.number("number")?)
        .ok_or_else(Problem::not_found)
}

pub(super) fn pull(view: &View, asked: &Asked) -> Answer {
    whole(view.full_pull(&known_pull(view, asked)?))
}

pub(super) fn pull_files(view: &View, asked: &Asked) -> Answer {
    let pull = known_pull(view, asked)?;
    let files = view.files(&view.pull_changes(&pull), &pull.head_sha);
    list(asked, &files, Value::clone)
}

pub(super) fn pull_commits(view: &View, asked: &Asked) -> Answer {
    let commits = view.pull_commits(&known_pull(view, asked)?);
    list(asked, &commits, |commit| view.commit(commit))
}

pub(super) fn runs(view: &View, asked: &Asked) -> Answer {
    let mut found = view.github.shared_runs(view.repository.path());
    found.retain(|run| {
        let is = |name: &str, value: &str| asked.parameter(name).is_none_or(|it| it == value);
        is("head_sha", &run.head_sha)
            && is("branch", &run.branch)
            && is("event", run.event_or_push())
            && is("actor", run.actor_or_somebody())
            && asked.parameter("status").is_none_or(|status| {
                run.status.as_str() == status
                    || run.conclusion.map(Conclusion::as_str) == Some(status)
            })
    });
    counted(asked, "workflow_runs", &found, |run| view.run(run))
}

fn known_run(view: &View, asked: &Asked) -> Result<Run, Problem> {
    view.github
        .run(view.repository.path(), asked.number("id")?)
        .ok_or_else(Problem::not_found)
}

pub(super) fn run(view: &View, asked: &Asked) -> Answer {
    whole(view.run(&known_run(view, asked)?))
}

pub(super) fn jobs(view: &View, asked: &Asked) -> Answer {
    let run = known_run(view, asked)?;
    counted(asked, "jobs", &run.jobs, |job| view.job(&run, job))
}

pub(super) fn pending_deployments(view: &View, asked: &Asked) -> Answer {
    let run = known_run(view, asked)?;
    let waiting = run.waiting_for.iter();
    whole(
        waiting
            .map(|environment| view.pending_deployment(&run, environment))
            .collect(),
    )
}

/// The run and job of a job's number.
fn known_job(github: &GitHub, path: &str, id: u64) -> Option<(Run, Job)> {
    let runs = github.shared_runs(path);
    runs.iter().find_map(|run| {
        let job = run.jobs.iter().find(|job| job.id == id)?;
        Some((run.as_ref().clone(), job.clone()))
    })
}

pub(super) fn job(view: &View, asked: &Asked) -> Answer {
    let (run, job) = known_job(&view.github, view.repository.path(), asked.number("id")?)
        .ok_or_else(Problem::not_found)?;
    whole(view.job(&run, &job))
}

/// Redirects to the log, which is there once the job has ended.
pub(super) fn job_logs(view: &View, asked: &Asked) -> Answer {
    let path = view.repository.path();
    let id = asked.number("id")?;
    let (_, job) = known_job(&view.github, path, id).ok_or_else(Problem::not_found)?;
    if job.status != RunStatus::Completed {
        return Err(Problem::not_found());
    }
    Ok(Reply::Found(format!(
        "{}/_logs/{path}/{id}",
        asked.origin()
    )))
}

/// A job's log: a moment before each line, as runners write it.
pub(super) fn log_text(github: &GitHub, path: &str, id: u64) -> Option<String> {
    let (run, job) = known_job(github, path, id)?;
    let began = job.started.unwrap_or(run.created);
    let mut text = String::new();
    for (place, line) in job.log.iter().enumerate() {
        let passed = jiff::SignedDuration::from_millis(i64::try_from(place).unwrap_or(0) * 20);
        let at = began.checked_add(passed).unwrap_or(began);
        // Runners write seven digits of a second.
        text.push_str(&format!(
            "{}0000Z {line}\n",
            at.strftime("%Y-%m-%dT%H:%M:%S.%3f")
        ));
    }
    Some(text)
}
