//! The records GitHub keeps: CI runs with their jobs and steps, and pull requests.

use jiff::Timestamp;

/// One run of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Unique on the whole code host.
    pub id: u64,
    /// The workflow's name, such as `CI`.
    pub name: String,
    /// The workflow's file, such as `.github/workflows/ci.yaml`; empty means that one.
    pub workflow: String,
    /// The commit it runs for.
    pub head_sha: String,
    /// The branch it runs for.
    pub branch: String,
    /// What started it, such as `push` or `pull_request`; empty means `push`.
    pub event: String,
    /// The login of who started it.
    pub actor: String,
    /// Where it stands.
    pub status: RunStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Its jobs, in order.
    pub jobs: Vec<Job>,
    /// The environments whose reviewers have to approve it before it goes on.
    pub waiting_for: Vec<String>,
}

impl Run {
    /// The workflow's file.
    pub(super) fn workflow_path(&self) -> &str {
        match self.workflow.as_str() {
            "" => ".github/workflows/ci.yaml",
            workflow => workflow,
        }
    }

    /// What started it.
    pub(super) fn event_or_push(&self) -> &str {
        match self.event.as_str() {
            "" => "push",
            event => event,
        }
    }

    /// Who started it.
    pub(super) fn actor_or_somebody(&self) -> &str {
        match self.actor.as_str() {
            "" => "ghost",
            actor => actor,
        }
    }
}

/// Where a run, job or step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunStatus {
    /// No runner has taken it.
    #[default]
    Queued,
    /// At work.
    InProgress,
    /// Ended; the conclusion says how.
    Completed,
    /// Waiting for a person's approval, or for a concurrency group.
    Waiting,
}

/// How a run, job or step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// Somebody cancelled it, or a newer run did.
    Cancelled,
    /// A condition or filter left it out.
    Skipped,
    /// It took too long.
    TimedOut,
    /// It needs a person's action, such as the approval of a first contribution.
    ActionRequired,
}

impl RunStatus {
    /// The word of GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Waiting => "waiting",
        }
    }
}

impl Conclusion {
    /// The word of GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
            Self::ActionRequired => "action_required",
        }
    }
}

/// One job of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Unique on the whole code host.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: RunStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// When a runner took it.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Its log's lines, without the time stamps that the API puts before them.
    pub log: Vec<String>,
}

/// One step of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: RunStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
}

/// A pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pull {
    /// Its number in its repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The login of who opened it.
    pub author: String,
    /// The branch it would change.
    pub base: String,
    /// The base's commit when it was last looked at; put in by [`super::GitHub::put_pull`] where absent.
    pub base_sha: Option<String>,
    /// The branch it comes from; it may be deleted by now.
    pub head: String,
    /// Its head commit.
    pub head_sha: String,
    /// Open, merged or closed.
    pub state: PullState,
    /// Whether it is a draft.
    pub draft: bool,
    /// When it was opened.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// The names of its labels.
    pub labels: Vec<String>,
}

impl Pull {
    /// Whether it is not decided.
    pub fn is_open(&self) -> bool {
        self.state == PullState::Open
    }
}

/// Where a pull request stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PullState {
    /// Not decided.
    #[default]
    Open,
    /// Merged as this commit: the merge, the squashed commit, or the last of the rebased ones.
    Merged {
        /// The commit on the base branch.
        sha: String,
        /// When.
        at: Timestamp,
        /// The login of who merged it.
        by: String,
    },
    /// Closed without merging.
    Closed {
        /// When.
        at: Timestamp,
    },
}
