//! CI runs, jobs, check runs and pending deployments as the API shows them.

use serde_json::{Value, json};

use super::{View, node_id, number_of};
use crate::clock::rfc3339;
use crate::github::{Conclusion, Job, Run, RunStatus};

impl View {
    /// A run.
    pub fn run(&self, run: &Run) -> Value {
        let id = run.id;
        let at = format!("/actions/runs/{id}");
        let workflow = run.workflow_path();
        let workflow_id = number_of(&format!("{}:{workflow}", self.repository.path()));
        let suite = number_of(&format!("suite:{id}"));
        let commit = self.repository.show(&run.head_sha);
        let head_commit = commit.as_ref().map(|commit| {
            json!({
                "id": commit.sha,
                "tree_id": commit.tree,
                "message": commit.message,
                "timestamp": rfc3339(commit.committer.at),
                "author": { "name": commit.author.name, "email": commit.author.email },
                "committer": { "name": commit.committer.name, "email": commit.committer.email },
            })
        });
        let title = commit
            .as_ref()
            .and_then(|commit| commit.message.lines().next())
            .unwrap_or(&run.name);
        let actor = self.user(run.actor_or_somebody(), "User");
        let pulls: Vec<Value> = self
            .github
            .shared_pulls(self.repository.path())
            .iter()
            .filter(|pull| pull.is_open() && pull.head_sha == run.head_sha)
            .map(|pull| self.minimal_pull(pull))
            .collect();
        json!({
            "id": id,
            "name": run.name,
            "node_id": node_id("WorkflowRun", id),
            "check_suite_id": suite,
            "check_suite_node_id": node_id("CheckSuite", suite),
            "head_branch": run.branch,
            "head_sha": run.head_sha,
            "path": workflow,
            "run_number": self.run_number(run),
            "run_attempt": 1,
            "event": run.event_or_push(),
            "display_title": title,
            "status": run.status.as_str(),
            "conclusion": run.conclusion.map(Conclusion::as_str),
            "workflow_id": workflow_id,
            "url": self.url(&at),
            "html_url": self.html(&at),
            "pull_requests": pulls,
            "created_at": rfc3339(run.created),
            "updated_at": rfc3339(run.updated),
            "run_started_at": rfc3339(run.created),
            "actor": actor,
            "triggering_actor": actor,
            "jobs_url": self.url(&format!("{at}/jobs")),
            "logs_url": self.url(&format!("{at}/logs")),
            "check_suite_url": self.url(&format!("/check-suites/{suite}")),
            "artifacts_url": self.url(&format!("{at}/artifacts")),
            "cancel_url": self.url(&format!("{at}/cancel")),
            "rerun_url": self.url(&format!("{at}/rerun")),
            "previous_attempt_url": null,
            "workflow_url": self.url(&format!("/actions/workflows/{workflow_id}")),
            "head_commit": head_commit,
            "repository": self.minimal_repository(),
            "head_repository": self.minimal_repository(),
        })
    }

    /// Which run of its workflow it is, from 1.
    fn run_number(&self, run: &Run) -> usize {
        self.github
            .shared_runs(self.repository.path())
            .iter()
            .filter(|other| {
                other.workflow_path() == run.workflow_path()
                    && (other.created, other.id) <= (run.created, run.id)
            })
            .count()
    }

    /// A job of a run.
    pub fn job(&self, run: &Run, job: &Job) -> Value {
        // What waits for a person has not been planned yet.
        let planned = match job.status {
            RunStatus::Waiting => &[][..],
            _ => &job.steps,
        };
        let steps: Vec<Value> = planned
            .iter()
            .enumerate()
            .map(|(place, step)| {
                let began = (step.status != RunStatus::Queued)
                    .then_some(job.started)
                    .flatten();
                let ended = step.conclusion.and(job.completed.or(job.started));
                json!({
                    "name": step.name,
                    "status": step.status.as_str(),
                    "conclusion": step.conclusion.map(Conclusion::as_str),
                    "number": place + 1,
                    "started_at": began.map(rfc3339),
                    "completed_at": ended.map(rfc3339),
                })
            })
            .collect();
        let has_runner = job.started.is_some();
        json!({
            "id": job.id,
            "run_id": run.id,
            "run_url": self.url(&format!("/actions/runs/{}", run.id)),
            "run_attempt": 1,
            "workflow_name": run.name,
            "head_branch": run.branch,
            "head_sha": run.head_sha,
            "node_id": node_id("CheckRun", job.id),
            "url": self.url(&format!("/actions/jobs/{}", job.id)),
            "html_url": self.job_html(run, job),
            "status": job.status.as_str(),
            "conclusion": job.conclusion.map(Conclusion::as_str),
            "created_at": rfc3339(run.created),
            "started_at": rfc3339(job.started.unwrap_or(run.created)),
            "completed_at": job.completed.map(rfc3339),
            "name": job.name,
            "steps": steps,
            "check_run_url": self.url(&format!("/check-runs/{}", job.id)),
            "labels": ["ubuntu-latest"],
            "runner_id": has_runner.then_some(1),
            "runner_name": has_runner.then_some("GitHub Actions 1"),
            "runner_group_id": has_runner.then_some(1),
            "runner_group_name": has_runner.then_some("GitHub Actions"),
        })
    }

    /// A job as a check of its commit.
    pub fn check_run(&self, run: &Run, job: &Job) -> Value {
        let url = self.url(&format!("/check-runs/{}", job.id));
        let pulls: Vec<Value> = self
            .github
            .shared_pulls(self.repository.path())
            .iter()
            .filter(|pull| pull.is_open() && pull.head_sha == run.head_sha)
            .map(|pull| self.minimal_pull(pull))
            .collect();
        json!({
            "id": job.id,
            "name": job.name,
            "node_id": node_id("CheckRun", job.id),
            "head_sha": run.head_sha,
            "external_id": format!("{}-{}", run.id, job.id),
            "url": url,
            "html_url": self.job_html(run, job),
            "details_url": self.job_html(run, job),
            "status": job.status.as_str(),
            "conclusion": job.conclusion.map(Conclusion::as_str),
            "started_at": job.started.map(rfc3339),
            "completed_at": job.completed.map(rfc3339),
            "output": {
                "title": null,
                "summary": null,
                "text": null,
                "annotations_count": 0,
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": { "id": number_of(&format!("suite:{}", run.id)) },
            "app": null,
            "pull_requests": pulls,
        })
    }

    fn job_html(&self, run: &Run, job: &Job) -> String {
        self.html(&format!("/actions/runs/{}/job/{}", run.id, job.id))
    }

    /// What a run waits for before it may go on.
    pub fn pending_deployment(&self, run: &Run, environment: &str) -> Value {
        let id = number_of(&format!("{}@{environment}", self.repository.path()));
        json!({
            "environment": {
                "id": id,
                "node_id": node_id("Environment", id),
                "name": environment,
                "url": self.url(&format!("/environments/{environment}")),
                "html_url": self.html(&format!(
                    "/deployments/activity_log?environments_filter={environment}"
                )),
            },
            "wait_timer": 0,
            "wait_timer_started_at": rfc3339(run.updated),
            "current_user_can_approve": false,
            "reviewers": [],
        })
    }
}
