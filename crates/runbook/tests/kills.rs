//! A run whose process is killed, at every point, again and again: nothing is sent twice, and the journal tells the truth.
//!
//! `LANDFALL_KILLS=1000 cargo test -p runbook --test kills` kills oftener; `LANDFALL_SEED` repeats what a failure printed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::ObjectRef;
use async_trait::async_trait;
use jiff::Timestamp;
use runbook::action::{Action, Confirm, On, Step, TargetKind, Undo};
use runbook::call::{Call, Change, ObjectCall, RUN, Right, Version, run_stamp};
use runbook::ground::{Look, Read};
use runbook::hands::Hands;
use runbook::journal::{Answer, Event, Journal, Outcome, Run, RunId, Standing, Way};
use runbook::permit::{Confirmation, Permit, Request, authorise};
use runbook::plan::{Plan, PlannedStep, Target};
use runbook::run::{Broke, Ended, Pace, Progress, World, run, verify};
use serde_json::json;
use tokio::sync::watch;

/// A run's steps, of one call each.
const STEPS: usize = 10;
/// The most points that a child passes: five a step, one more where an answer is lost, its beginning and its end.
const POINTS: usize = STEPS * 6 + 2;
const FOLDER: &str = "LANDFALL_KILLED_FOLDER";
const GOES_ON: &str = "LANDFALL_KILLED_GOES_ON";
const IN_STEP: &str = "LANDFALL_KILLED_IN_STEP";
const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// A cluster that is a file: a line for each call that arrived.
struct Cluster {
    file: PathBuf,
    /// What is passed before and after a call arrives.
    point: fn(),
}

impl Cluster {
    fn new(folder: &Path, point: fn()) -> Self {
        let file = folder.join("arrived");
        Self { file, point }
    }

    fn arrived(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

#[async_trait]
impl Hands for Cluster {
    async fn read(&self, look: &Look) -> Read {
        let Look::Object(object) = look else {
            return Read::All(Vec::new());
        };
        let is_done = self.arrived().contains(&object.name);
        let mut read = json!({
            "metadata": {"name": object.name, "uid": "u", "resourceVersion": "7"},
            "spec": {"suspend": is_done},
        });
        if is_done {
            read["metadata"]["resourceVersion"] = json!("8");
            read["metadata"]["annotations"] = json!({RUN: "r1"});
        }
        Read::Object(read)
    }

    async fn try_out(&self, _: &Call, _: &RunId) -> Answer {
        panic!("a run tries nothing out")
    }

    async fn send(&self, call: &Call, _: &RunId) -> Answer {
        let object = &call.object().unwrap().object;
        (self.point)();
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.file).unwrap();
        file.write_all(format!("{}\n", object.name).as_bytes())
            .unwrap();
        file.sync_data().unwrap();
        (self.point)();
        // Of every third the answer is lost.
        if object.name.ends_with(['2', '5', '8']) {
            return Answer::Unknown {
                why: "the connection broke".to_owned(),
            };
        }
        Answer::Done {
            version: "8".to_owned(),
        }
    }

    async fn may(&self, _: &str, _: &Right) -> Option<bool> {
        None
    }

    async fn cluster_uid(&self, _: &str) -> Option<String> {
        Some("c".to_owned())
    }

    async fn identity(&self, _: &str) -> Option<String> {
        None
    }
}

/// No time passes, and nobody waits.
struct Still;

#[async_trait]
impl Pace for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, _: Duration) {}
}

fn plan() -> Plan {
    let step = |number: usize| {
        let on = ObjectRef::new(
            "prod",
            "Kustomization",
            "flux-system",
            format!("app-{number}"),
        );
        let call = ObjectCall {
            object: on.clone(),
            path: format!(
                "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/{}",
                on.name
            ),
            change: Change::Merge(json!({"spec": {"suspend": true}})),
            only_if: Some(Version {
                uid: "u".to_owned(),
                resource_version: Some("7".to_owned()),
            }),
            stamps: vec![run_stamp()],
            right: Right {
                verb: "patch".to_owned(),
                group: "kustomize.toolkit.fluxcd.io".to_owned(),
                resource: "kustomizations".to_owned(),
                subresource: String::new(),
                namespace: "flux-system".to_owned(),
            },
        };
        PlannedStep {
            step: Step::Suspend {},
            on,
            says: String::new(),
            calls: vec![call.into()],
            changes: Vec::new(),
        }
    };
    let steps: Vec<PlannedStep> = (0..STEPS).map(step).collect();
    Plan {
        action: "suspend".to_owned(),
        action_hash: "file".to_owned(),
        target: Target {
            object: steps[0].on.clone(),
            uid: "u".to_owned(),
            cluster_uid: "c".to_owned(),
            app: String::new(),
            environment: "staging".to_owned(),
            production: false,
        },
        inputs: BTreeMap::new(),
        reason: String::new(),
        steps,
        confirm: Confirm::Click,
        undo: Undo::By("resume".to_owned()),
        touches: Vec::new(),
        cautions: Vec::new(),
        made_at: NOW,
    }
}

fn permit(way: Way, journal: &Journal) -> Permit {
    let plan = plan();
    let action = Action {
        version: 1,
        id: "suspend".to_owned(),
        title: "Suspend".to_owned(),
        about: String::new(),
        roles: Vec::new(),
        on: On {
            kinds: vec![TargetKind::Kustomization],
            environments: Vec::new(),
            apps: Vec::new(),
        },
        inputs: Vec::new(),
        steps: Vec::new(),
        confirm: Confirm::Click,
        reason: false,
        per_hour: None,
        undo: Undo::By("resume".to_owned()),
    };
    authorise(&Request {
        run: RunId::new("r1"),
        plan: &plan,
        confirmed: &plan.hash(),
        confirmation: Confirmation::Clicked,
        action: &action,
        action_hash: "file",
        by: "ada",
        roles: None,
        rights: &BTreeMap::new(),
        freezes: &[],
        despite_freeze: None,
        records: &journal.records().unwrap(),
        way,
        now: NOW,
    })
    .unwrap()
}

/// Lets the parent know of a point that was passed; in step, goes on when it says so.
fn point() {
    let mut byte = *b".";
    // The parent may be gone, and then nobody cares.
    let _ = io::stderr().write_all(&byte);
    if std::env::var_os(IN_STEP).is_some() {
        let _ = io::stdin().read_exact(&mut byte);
    }
}

fn go(folder: &Path, way: Way, point: fn()) -> Result<Ended, Broke> {
    let journal = Journal::open(folder.join("journal")).unwrap();
    let cluster = Cluster::new(folder, point);
    let tell = move |progress: &Progress<'_>| {
        if matches!(progress, Progress::Written(_)) {
            point();
        }
    };
    let world = World {
        hands: &cluster,
        journal: &journal,
        pace: &Still,
        tell: &tell,
    };
    let permit = permit(way, &journal);
    runtime().block_on(run(permit, world, watch::channel(false).1))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// The process that the other test starts and kills: for whoever runs the tests there is nothing in it.
#[test]
fn killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let goes_on = std::env::var_os(GOES_ON).is_some();
    let way = if goes_on { Way::Resume } else { Way::Terminal };
    go(&folder, way, point).unwrap();
}

/// Starts a process that runs, and kills it after so many points. Whether it got so far.
fn kill(folder: &Path, way: Way, random: &mut fastrand::Rng) -> bool {
    let in_step = random.bool();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "killed", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if in_step {
        command.env(IN_STEP, "1");
    }
    if way == Way::Resume {
        command.env(GOES_ON, "1");
    }
    let mut child: Child = command.spawn().unwrap();
    let mut said = child.stderr.take().unwrap();
    let mut word = child.stdin.take().unwrap();
    // The last of them is past the end of any run.
    let points = random.usize(1..=POINTS);
    let mut byte = [0];
    for number in 1..=points {
        if said.read_exact(&mut byte).is_err() {
            break;
        }
        if in_step && number < points {
            word.write_all(b".").unwrap();
        }
    }
    if !in_step {
        // It has gone on meanwhile: anywhere between two points.
        let long = Duration::from_micros(random.u64(0..400));
        let begun = Instant::now();
        while begun.elapsed() < long {
            std::hint::spin_loop();
        }
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// The only run, if its beginning was written down.
fn known(journal: &Journal) -> Option<Run> {
    let mut runs = journal.runs().unwrap();
    assert!(
        runs.len() <= 1,
        "one run was begun, and these are known: {runs:?}"
    );
    runs.pop()
}

/// Which steps were meant, were answered, and were seen to have worked.
fn steps(run: &Run, which: impl Fn(&Event) -> Option<usize>) -> Vec<usize> {
    let mut steps: Vec<usize> = run
        .events
        .iter()
        .filter_map(|(_, event)| which(event))
        .collect();
    steps.dedup();
    steps
}

fn done(event: &Event) -> Option<usize> {
    match event {
        Event::Answered {
            step,
            answer: Answer::Done { .. },
            ..
        } => Some(*step),
        _ => None,
    }
}

fn meant(event: &Event) -> Option<usize> {
    match event {
        Event::Intent { step, .. } => Some(*step),
        _ => None,
    }
}

/// What is written down is what happened, as far as it can be: the number of calls that arrived.
fn truth(folder: &Path, journal: &Journal) -> usize {
    journal.verify().unwrap();
    let arrived = Cluster::new(folder, || ()).arrived();
    let count = arrived.len();
    let expected: Vec<String> = (0..count).map(|number| format!("app-{number}")).collect();
    assert_eq!(arrived, expected, "each call arrives once, in order");
    let Some(run) = known(journal) else {
        assert_eq!(
            count, 0,
            "something was sent of which no beginning was written down"
        );
        return 0;
    };
    let meant = steps(&run, meant);
    assert_eq!(
        meant,
        (0..meant.len()).collect::<Vec<_>>(),
        "each call is meant once"
    );
    assert!(
        meant.len() == count || meant.len() == count + 1,
        "{count} arrived, and {} were meant",
        meant.len()
    );
    let done = steps(&run, done);
    assert!(
        done.len() <= count,
        "{count} arrived, and {} are written down as done",
        done.len()
    );
    match &run.standing {
        Standing::Running { .. } => panic!("its process was killed"),
        Standing::Interrupted { last } => {
            let named = if meant.is_empty() {
                "It was begun, and nothing was sent.".to_owned()
            } else {
                format!("Step {} of {STEPS}", meant.len())
            };
            assert!(last.starts_with(&named), "{named} / {last}");
        }
        Standing::Ended { outcome, .. } => assert_ended(*outcome, count, meant.len()),
    }
    count
}

fn assert_ended(outcome: Outcome, arrived: usize, meant: usize) {
    match outcome {
        Outcome::Worked => assert_eq!((arrived, meant), (STEPS, STEPS)),
        Outcome::Failed => assert_eq!(meant, arrived + 1, "only a call that did not arrive failed"),
        other => panic!("it ended as {other:?}"),
    }
}

/// Looks how far a run came, and holds that against what happened.
fn look(folder: &Path, journal: &Journal) {
    let cluster = Cluster::new(folder, || panic!("to look sends nothing"));
    let world = World {
        hands: &cluster,
        journal,
        pace: &Still,
        tell: &|_| (),
    };
    let looked = runtime()
        .block_on(verify(&RunId::new("r1"), world))
        .unwrap();
    let count = truth(folder, journal);
    let run = known(journal).unwrap();
    let done = steps(&run, done);
    assert_eq!(
        done.len(),
        count,
        "what arrived is written down as done, once it was looked at"
    );
    match looked {
        Standing::Interrupted { last } => {
            let unsent = format!(
                "Step {}: the change of Kustomization flux-system/app-{count} was not sent.",
                count + 1
            );
            assert_eq!(last, unsent);
        }
        Standing::Ended { outcome, .. } => {
            assert_ended(outcome, count, steps(&run, meant).len());
        }
        Standing::Running { .. } => panic!("its process was killed"),
    }
}

/// A folder in memory where there is one: a kill takes nothing from a file that was written, and a disk is slow.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

#[test]
fn a_killed_run_sends_nothing_twice_and_is_told_of_as_it_was() {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().expect("a number"))
    };
    let wanted = number("LANDFALL_KILLS").unwrap_or(200);
    let seed = number("LANDFALL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("LANDFALL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut kills, mut came) = (0, [0; STEPS + 1]);
    while kills < wanted {
        let folder = folder();
        let folder = folder.path();
        let journal = Journal::open(folder.join("journal")).unwrap();
        let mut way = Way::Terminal;
        loop {
            if kill(folder, way, &mut random) {
                kills += 1;
                came[truth(folder, &journal)] += 1;
            }
            let run = known(&journal);
            if run
                .as_ref()
                .is_some_and(|run| matches!(run.standing, Standing::Ended { .. }))
            {
                break;
            }
            if run.is_none() {
                continue;
            }
            way = Way::Resume;
            if random.bool() {
                look(folder, &journal);
            } else if random.bool() {
                // On to the end, without another kill.
                go(folder, Way::Resume, || ()).unwrap();
            }
            let standing = known(&journal).unwrap().standing;
            if matches!(standing, Standing::Ended { .. }) {
                break;
            }
        }
        truth(folder, &journal);
    }
    let unmet = (0..=STEPS).filter(|count| came[*count] == 0);
    assert_eq!(
        unmet.count(),
        0,
        "no kill found so many calls arrived: {came:?}"
    );
}
