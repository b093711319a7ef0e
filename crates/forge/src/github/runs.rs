//! GitHub's Actions runs, jobs and check runs, as facts. Pure.
//!
//! Owns the mapping of statuses and conclusions to [`CiState`], and the choice of a log's lines that matter.

use facts::code::{CiJob, CiRun, CiState};
use jiff::Timestamp;
use serde::Deserialize;

/// A page of workflow runs.
#[derive(Deserialize)]
pub(crate) struct Runs {
    #[serde(default)]
    pub(crate) workflow_runs: Vec<Run>,
}

/// One workflow run.
#[derive(Deserialize)]
pub(crate) struct Run {
    pub(crate) id: u64,
    name: Option<String>,
    display_title: Option<String>,
    html_url: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    pub(crate) head_sha: Option<String>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Run {
    /// The fact, without jobs.
    pub(crate) fn fact(&self) -> CiRun {
        let created = self.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        CiRun {
            id: self.id,
            name: named([&self.name, &self.display_title]),
            url: self.html_url.clone().unwrap_or_default(),
            state: state(self.status.as_deref(), self.conclusion.as_deref()),
            created,
            updated: self.updated_at.unwrap_or(created),
            jobs: Vec::new(),
        }
    }
}

/// A page of jobs.
#[derive(Deserialize)]
pub(crate) struct Jobs {
    #[serde(default)]
    pub(crate) jobs: Vec<Job>,
}

/// One job.
#[derive(Deserialize)]
pub(crate) struct Job {
    pub(crate) id: u64,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default)]
    steps: Option<Vec<Step>>,
}

#[derive(Deserialize)]
struct Step {
    name: Option<String>,
    conclusion: Option<String>,
}

impl Job {
    /// The fact, without log.
    pub(crate) fn fact(&self) -> CiJob {
        let failed = self.steps.iter().flatten().find(|step| {
            step.conclusion
                .as_deref()
                .is_some_and(|conclusion| conclusion_state(conclusion) == CiState::Failed)
        });
        CiJob {
            name: named([&self.name, &None]),
            state: state(self.status.as_deref(), self.conclusion.as_deref()),
            failed_step: failed.and_then(|step| step.name.clone()),
            last_lines: Vec::new(),
        }
    }
}

/// A page of check runs.
#[derive(Deserialize)]
pub(crate) struct CheckRuns {
    #[serde(default)]
    pub(crate) check_runs: Vec<CheckRun>,
}

/// One check run: how CI systems other than Actions report.
#[derive(Deserialize)]
pub(crate) struct CheckRun {
    id: u64,
    name: Option<String>,
    html_url: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    app: Option<App>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct App {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
}

impl CheckRun {
    /// The fact; a failed check's own words stand in for a log.
    pub(crate) fn fact(&self) -> CiRun {
        let created = self.started_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let state = state(self.status.as_deref(), self.conclusion.as_deref());
        let app = self.app.as_ref().and_then(|app| app.name.clone());
        let jobs = match (&self.output, state) {
            (Some(output), CiState::Failed) => vec![CiJob {
                name: named([&self.name, &app]),
                state,
                failed_step: output.title.clone(),
                last_lines: last_lines(output.summary.as_deref().unwrap_or_default()),
            }],
            _ => Vec::new(),
        };
        CiRun {
            id: self.id,
            name: named([&self.name, &app]),
            url: self.html_url.clone().unwrap_or_default(),
            state,
            created,
            updated: self.completed_at.unwrap_or(created),
            jobs,
        }
    }
}

/// A deployment that waits for someone or something.
#[derive(Deserialize)]
pub(crate) struct PendingDeployment {
    #[serde(default)]
    reviewers: Vec<serde_json::Value>,
    /// Minutes.
    #[serde(default)]
    wait_timer: u64,
}

/// Whether a person is waited for, and not just a timer: no list means that we could not look, and a person is assumed,
/// as GitHub's own page does.
pub(crate) fn waits_for_person(pending: &[PendingDeployment]) -> bool {
    pending.is_empty()
        || pending
            .iter()
            .any(|one| !one.reviewers.is_empty() || one.wait_timer == 0)
}

fn named(names: [&Option<String>; 2]) -> String {
    names
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty())
        .cloned()
        .unwrap_or_else(|| "unnamed".to_owned())
}

/// GitHub's status and conclusion as one state. An unknown status is under way; an unknown conclusion is a failure:
/// nothing unknown is ever a success.
pub(crate) fn state(status: Option<&str>, conclusion: Option<&str>) -> CiState {
    match (status.unwrap_or_default(), conclusion) {
        ("completed", conclusion) => conclusion_state(conclusion.unwrap_or_default()),
        ("queued" | "requested" | "pending", _) => CiState::Queued,
        ("waiting" | "action_required", _) => CiState::WaitingForReview,
        // Some lists put the conclusion where the status belongs.
        ("success" | "failure" | "cancelled" | "skipped" | "timed_out" | "neutral", None) => {
            conclusion_state(status.unwrap_or_default())
        }
        _ => CiState::Running,
    }
}

fn conclusion_state(conclusion: &str) -> CiState {
    match conclusion {
        "success" | "neutral" => CiState::Succeeded,
        "cancelled" | "stale" => CiState::Cancelled,
        "skipped" => CiState::Skipped,
        // A first-time contributor's run waits for a maintainer.
        "action_required" => CiState::WaitingForReview,
        // failure, timed_out, startup_failure, and whatever comes.
        _ => CiState::Failed,
    }
}

/// The lines of a job's log that end in its last error, at most 20: what follows is clean-up.
pub(crate) fn last_lines(log: &str) -> Vec<String> {
    const LINES: usize = 20;
    let lines = log
        .trim_start_matches('\u{feff}')
        .lines()
        .map(plain_line)
        .collect::<Vec<_>>();
    let end = lines
        .iter()
        .rposition(|line| line.starts_with("##[error]"))
        .map_or(lines.len(), |last| last + 1);
    let mut kept = lines[..end]
        .iter()
        .rev()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("##[endgroup]"))
        .take(LINES)
        .map(|line| {
            let line = ["##[error]", "##[group]", "##[command]"]
                .iter()
                .find_map(|mark| line.strip_prefix(mark))
                .unwrap_or(line);
            shortened(line)
        })
        .collect::<Vec<_>>();
    kept.reverse();
    kept
}

/// A line of log is evidence, not an essay.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 1_000;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// A line without its time stamp and colours.
fn plain_line(line: &str) -> String {
    let line = match line.split_once(' ') {
        Some((stamp, rest)) if stamp.parse::<Timestamp>().is_ok() => rest,
        _ => line,
    };
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // `ESC [ … letter`
            if chars.next() == Some('[') {
                for c in chars.by_ref() {
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
        } else if c == '\t' || !c.is_control() {
            plain.push(c);
        }
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_conclusion_has_its_state() {
        for (status, conclusion, expected) in [
            ("queued", None, CiState::Queued),
            ("requested", None, CiState::Queued),
            ("pending", None, CiState::Queued),
            ("waiting", None, CiState::WaitingForReview),
            ("in_progress", None, CiState::Running),
            ("completed", Some("success"), CiState::Succeeded),
            ("completed", Some("neutral"), CiState::Succeeded),
            ("completed", Some("failure"), CiState::Failed),
            ("completed", Some("timed_out"), CiState::Failed),
            ("completed", Some("startup_failure"), CiState::Failed),
            ("completed", Some("cancelled"), CiState::Cancelled),
            ("completed", Some("stale"), CiState::Cancelled),
            ("completed", Some("skipped"), CiState::Skipped),
            (
                "completed",
                Some("action_required"),
                CiState::WaitingForReview,
            ),
        ] {
            assert_eq!(
                state(Some(status), conclusion),
                expected,
                "{status} {conclusion:?}"
            );
        }
    }

    #[test]
    fn what_is_unknown_is_never_a_success() {
        assert_eq!(state(Some("completed"), Some("sparkling")), CiState::Failed);
        assert_eq!(state(Some("completed"), None), CiState::Failed);
        assert_eq!(state(Some("dancing"), None), CiState::Running);
        assert_eq!(state(None, None), CiState::Running);
    }

    #[test]
    fn a_log_ends_with_its_error_and_not_with_the_clean_up() {
        let log = "\u{feff}2026-01-01T10:00:00.0000000Z ##[group]Run cargo test
2026-01-01T10:00:01.0000000Z \u{1b}[31mtest charge ... FAILED\u{1b}[0m
2026-01-01T10:00:01.1000000Z ##[endgroup]

2026-01-01T10:00:02.0000000Z ##[error]Process completed with exit code 101.
2026-01-01T10:00:03.0000000Z Post job cleanup.
";
        assert_eq!(
            last_lines(log),
            [
                "Run cargo test",
                "test charge ... FAILED",
                "Process completed with exit code 101."
            ]
        );
    }

    #[test]
    fn a_log_without_marks_gives_its_last_twenty_lines() {
        let log = (0..50).map(|n| format!("line {n}\r\n")).collect::<String>();
        let lines = last_lines(&log);
        assert_eq!(lines.len(), 20);
        assert_eq!(lines.first().unwrap(), "line 30");
        assert_eq!(lines.last().unwrap(), "line 49");
        assert!(last_lines("").is_empty());
        assert_eq!(last_lines(&"é".repeat(5_000))[0].chars().count(), 1_001);
    }

    #[test]
    fn the_first_failed_step_is_named() {
        let job: Job = serde_json::from_str(
            r#"{"id":1,"name":"build","status":"completed","conclusion":"failure","steps":[
                {"name":"Checkout","conclusion":"success"},
                {"name":"Test","conclusion":"failure"},
                {"name":"Push","conclusion":"skipped"}]}"#,
        )
        .unwrap();
        let fact = job.fact();
        assert_eq!(fact.failed_step.as_deref(), Some("Test"));
        assert_eq!(fact.state, CiState::Failed);
    }

    #[test]
    fn half_empty_answers_are_read_all_the_same() {
        let run: Run = serde_json::from_str(r#"{"id":7,"status":null,"name":null}"#).unwrap();
        assert_eq!(run.fact().name, "unnamed");
        let job: Job = serde_json::from_str(r#"{"id":1,"steps":null}"#).unwrap();
        assert_eq!(job.fact().failed_step, None);
    }

    #[test]
    fn a_timer_is_no_person() {
        let pending = |text: &str| serde_json::from_str::<Vec<PendingDeployment>>(text).unwrap();
        assert!(waits_for_person(&pending(
            r#"[{"reviewers":[{"type":"User"}]}]"#
        )));
        assert!(!waits_for_person(&pending(
            r#"[{"reviewers":[],"wait_timer":30}]"#
        )));
        assert!(waits_for_person(&pending(r#"[{"wait_timer":0}]"#)));
        assert!(waits_for_person(&[]));
    }
}
