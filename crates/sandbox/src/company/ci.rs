//! The company's CI: runs on the code host, and the images that they push.
//!
//! Owns what a run looks like and how a pushed commit becomes one while the company lives. Which past run failed, and
//! why, is the timeline's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::broadcast;

use super::apps::App;
use super::flux::FLUX;
use crate::clock::{Clock, rfc3339};
use crate::git::{CodeHost, Push};
use crate::github::{Conclusion, GitHub, Job, Run, RunStatus, Step};
use crate::kubernetes::Store;
use crate::names::Names;
use crate::registry::{ImageSpec, Registry};

/// Numbers that the code host gives, shared by history and live CI.
#[derive(Clone, Debug)]
pub struct Counters {
    runs: Arc<AtomicU64>,
    pulls: Arc<AtomicU64>,
    builds: Arc<AtomicU64>,
}

impl Counters {
    pub(super) fn new(names: &Names) -> Self {
        Self {
            runs: Arc::new(AtomicU64::new(names.first_run())),
            pulls: Arc::new(AtomicU64::new(names.first_pull())),
            // The last build before the number gains a digit, which text sorts in front.
            builds: Arc::new(AtomicU64::new(98)),
        }
    }

    pub(super) fn run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn pull(&self) -> u64 {
        self.pulls.fetch_add(1, Ordering::Relaxed)
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No runner has taken it.
    Queued,
    /// Testing.
    Running,
    /// Waiting for a person's approval before the image may be pushed.
    WaitingForReview,
    /// Ended well.
    Succeeded,
    /// The unit tests failed.
    Failed,
    /// Left out by a filter on paths.
    Skipped,
}

/// CI's surroundings: enough to record runs and push images.
#[derive(Clone, Debug)]
pub struct Ci {
    /// Where runs are recorded.
    pub github: GitHub,
    /// Where images go.
    pub registry: Registry,
    /// Numbers.
    pub counters: Counters,
    /// The code host's name, for the images' labels.
    pub code_host: String,
}

/// A run to record.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The app it builds.
    pub app: &'a App,
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: &'a str,
    /// The branch.
    pub branch: &'a str,
    /// How far it is.
    pub progress: Progress,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// What its last job has logged.
    pub log: Vec<String>,
}

/// The steps of the two jobs.
const TEST: [&str; 3] = ["Check out", "Install", "Unit tests"];
const IMAGE: [&str; 3] = ["Check out", "Build image", "Push image"];

impl Ci {
    /// Records a run, or how it goes on.
    pub fn record(&self, record: &Record<'_>) {
        use Conclusion::{Failure, Skipped, Success};
        use RunStatus::{Completed, InProgress, Queued, Waiting};
        let (status, conclusion, test, image) = match record.progress {
            Progress::Queued => (Queued, None, (Queued, None), None),
            Progress::Running => (InProgress, None, (InProgress, None), None),
            Progress::WaitingForReview => (
                Waiting,
                None,
                (Completed, Some(Success)),
                Some((Waiting, None)),
            ),
            Progress::Succeeded => (
                Completed,
                Some(Success),
                (Completed, Some(Success)),
                Some((Completed, Some(Success))),
            ),
            Progress::Failed => (
                Completed,
                Some(Failure),
                (Completed, Some(Failure)),
                Some((Completed, Some(Skipped))),
            ),
            Progress::Skipped => (Completed, Some(Skipped), (Completed, Some(Skipped)), None),
        };
        let mut jobs = vec![job(record, 1, "test", &TEST, test)];
        if let Some(image) = image {
            jobs.push(job(record, 2, "image", &IMAGE, image));
        }
        let shared = !record.app.source_folder.is_empty();
        let run = Run {
            id: record.id,
            name: if shared {
                record.app.name.clone()
            } else {
                "CI".to_owned()
            },
            workflow: if shared {
                format!(".github/workflows/{}.yaml", record.app.name)
            } else {
                String::new()
            },
            head_sha: record.sha.to_owned(),
            branch: record.branch.to_owned(),
            event: if record.branch == "main" {
                "push"
            } else {
                "pull_request"
            }
            .to_owned(),
            actor: "ci".to_owned(),
            status,
            conclusion,
            created: record.created,
            updated: record.updated,
            jobs,
            waiting_for: match record.progress {
                Progress::WaitingForReview => vec!["release".to_owned()],
                _ => Vec::new(),
            },
        };
        self.github.put_run(&record.app.repository, run);
    }

    /// Pushes an app's image of a commit; returns tag and digest.
    pub fn push_image(&self, app: &App, sha: &str, built: Timestamp) -> (String, String) {
        let short = sha.get(..7).unwrap_or(sha);
        let tag = match app.spec.numbered_tags {
            true => format!(
                "build-{}",
                self.counters.builds.fetch_add(1, Ordering::Relaxed)
            ),
            false => format!("main-{short}-{}", built.as_second()),
        };
        let labels = BTreeMap::from(
            [
                (
                    "source",
                    format!("https://{}/{}", self.code_host, app.repository),
                ),
                ("revision", sha.to_owned()),
                ("created", rfc3339(built)),
                ("title", app.name.clone()),
            ]
            .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value)),
        );
        let image = ImageSpec {
            labels,
            created: built,
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
        };
        let digest = self.registry.push(&app.image_path, &tag, image);
        (tag, digest)
    }
}

fn job(
    record: &Record<'_>,
    number: u64,
    name: &str,
    steps: &[&str],
    (status, conclusion): (RunStatus, Option<Conclusion>),
) -> Job {
    let last = steps.len().saturating_sub(1);
    let begun = status == RunStatus::InProgress || status == RunStatus::Completed;
    let done = status == RunStatus::Completed && conclusion != Some(Conclusion::Skipped);
    let steps = steps
        .iter()
        .enumerate()
        .map(|(index, step)| Step {
            name: (*step).to_owned(),
            status: match begun && index < last {
                true => RunStatus::Completed,
                false => status,
            },
            conclusion: match begun && index < last && conclusion != Some(Conclusion::Skipped) {
                true => Some(Conclusion::Success),
                false => conclusion,
            },
        })
        .collect();
    let mut log = Vec::new();
    if number == 1 && begun {
        log.push(format!("Checking out {}", record.sha));
        log.extend(record.log.iter().cloned());
    }
    Job {
        id: record.id * 10 + number,
        name: name.to_owned(),
        status,
        conclusion,
        started: begun.then_some(record.created),
        completed: done.then_some(record.updated),
        steps,
        log,
    }
}

/// A live run between a push and its image.
struct Build {
    app: App,
    id: u64,
    sha: String,
    branch: String,
    created: Timestamp,
    progress: Progress,
    /// When it goes on.
    due: Timestamp,
}

/// How often the live CI looks at the company's clock, which tests may advance.
const LOOK: Duration = Duration::from_millis(100);
/// How long a run waits for a runner.
const QUEUE_SECONDS: i64 = 8;

/// Builds every push to an app's repository from now on, for ever: queued, running, and after 60 to 90 seconds on the
/// company's clock an image, if the branch is main. `scans` is the cluster whose Flux is told of new images, as a
/// registry's webhook and a Receiver do. Drop or abort the task to end it.
pub fn run_live(
    ci: Ci,
    apps: Vec<App>,
    code: CodeHost,
    scans: Store,
    clock: Clock,
) -> impl Future<Output = ()> + Send + 'static {
    // Subscribed here and not in the task: a push must not get lost before the task first runs.
    let pushes = code.pushes();
    build_pushes(ci, apps, code, scans, clock, pushes)
}

async fn build_pushes(
    ci: Ci,
    apps: Vec<App>,
    code: CodeHost,
    scans: Store,
    clock: Clock,
    mut pushes: broadcast::Receiver<Push>,
) {
    let mut builds: Vec<Build> = Vec::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            push = pushes.recv() => match push {
                Ok(push) => builds.extend(begin(&ci, &apps, &code, &clock, &push)),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "CI missed pushes");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = look.tick(), if !builds.is_empty() => {
                let now = clock.now();
                builds.retain_mut(|build| go_on(&ci, &scans, build, now));
            }
        }
    }
}

/// The runs that a push starts: one for each app of the repository, skipped where its folder was not touched.
fn begin(ci: &Ci, apps: &[App], code: &CodeHost, clock: &Clock, push: &Push) -> Vec<Build> {
    let now = clock.now();
    let touched: Vec<String> = code
        .repository(&push.path)
        .map(|repository| repository.changes(push.before.as_deref(), &push.after))
        .unwrap_or_default()
        .into_iter()
        .map(|change| change.path)
        .collect();
    let mut begun = Vec::new();
    for app in apps.iter().filter(|app| app.repository == push.path) {
        let concerned = touched
            .iter()
            .any(|path| path.starts_with(&app.source_folder));
        let build = Build {
            app: app.clone(),
            id: ci.counters.run(),
            sha: push.after.clone(),
            branch: push.branch.clone(),
            created: now,
            progress: if concerned {
                Progress::Queued
            } else {
                Progress::Skipped
            },
            due: later(now, QUEUE_SECONDS),
        };
        record(ci, &build, now);
        if concerned {
            begun.push(build);
        }
    }
    begun
}

/// Moves a run on as far as it is due; says whether it is still under way.
fn go_on(ci: &Ci, scans: &Store, build: &mut Build, now: Timestamp) -> bool {
    while build.due <= now {
        let at = build.due;
        if build.progress == Progress::Queued {
            build.progress = Progress::Running;
            // 60 to 90 seconds in all, the same for the same run.
            let seconds = 52 + i64::try_from(build.id % 31).unwrap_or(0);
            build.due = later(at, seconds);
            record(ci, build, at);
        } else {
            build.progress = Progress::Succeeded;
            if build.branch == "main" {
                scans
                    .clock()
                    .as_of(at, || ci.push_image(&build.app, &build.sha, at));
                request_scan(scans, &build.app, at);
            }
            record(ci, build, at);
            return false;
        }
    }
    true
}

/// Asks Flux to scan an app's image now.
fn request_scan(scans: &Store, app: &App, at: Timestamp) {
    let result = scans.edit("ImageRepository", FLUX, &app.name, |object| {
        object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = rfc3339(at).into();
    });
    if let Err(error) = result {
        tracing::debug!(%error, "nobody scans this image");
    }
}

fn record(ci: &Ci, build: &Build, updated: Timestamp) {
    ci.record(&Record {
        app: &build.app,
        id: build.id,
        sha: &build.sha,
        branch: &build.branch,
        progress: build.progress,
        created: build.created,
        updated,
        log: Vec::new(),
    });
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}
