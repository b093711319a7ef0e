//! `./dev prove --actions`: every action that ships, by the real terminal program on real controllers, and what may not
//! become of a change: two, one in another cluster, one that is called done and is not.
//!
//! Owns the table of checks and its run. It prints nothing. What a person at a terminal is, is in `operator`; what the API
//! server took down of them, in `heard`; what they act on, in `world`. Everything else is the checks, a file a topic; each
//! says what broken line of the product turns it red.

mod approvals;
mod clusters;
mod commits;
mod diagnosis;
mod double;
mod flux;
mod heard;
mod jobs;
mod keyring;
mod kills;
mod lost;
mod meant;
mod never;
mod operator;
mod rig;
mod rights;
mod workloads;
mod world;

use std::time::Duration;

use futures::future::LocalBoxFuture;

pub use rig::Rig;

use crate::api::ApiError;
use crate::ground::GroundError;
use crate::images::RegistryError;
use crate::parts::PartsError;
use crate::peers::PeersError;
use crate::play::PlayError;
use crate::row::Row;

/// A check that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(300);

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    run: for<'a> fn(&'a Rig) -> LocalBoxFuture<'a, Checked<String>>,
}

/// One line a check, which rustfmt leaves alone.
macro_rules! checks {
    ($($name:literal $run:path => $proves:literal;)*) => {
        &[$(Check { name: $name, proves: $proves, run: |rig| Box::pin($run(rig)) }),*]
    };
}

/// Every check, in their order.
pub static CHECKS: &[Check] = checks! {
    "restart-deployment" workloads::restart_deployment => "a Deployment is restarted: every pod is another one, ready, of the template with the run's mark";
    "restart-statefulset" workloads::restart_stateful_set => "a StatefulSet is restarted: the same";
    "restart-daemonset" workloads::restart_daemon_set => "a DaemonSet is restarted: the same, on every node";
    "scale" workloads::scale => "so many pods are there and ready";
    "delete-pod" workloads::delete_pod => "the pod is gone and another one is there in its place";
    "run-cronjob" jobs::run => "one Job is made of the CronJob, bears the run's name, and succeeds";
    "delete-job" jobs::delete => "a Job that failed is gone with its pods";
    "reconcile" flux::reconcile => "source first: what is in Git and was not asked for is applied and runs";
    "reconcile-reset" flux::reset => "a HelmRelease that gave up upgrades, once what was wrong was mended";
    "suspend" flux::suspend => "Flux leaves it alone, whatever comes, and the reason stands on it";
    "resume" flux::resume => "Flux applies what was missed";
    "promote" commits::promote => "one commit changes one line in Git, Flux brings it, and it has worked when that version runs";
    "roll-back" commits::roll_back => "the automation that would undo it is suspended first, then the version before is committed, and stays";
    "pull-request" commits::pull_request => "a pull request is there, and nothing that Flux follows has changed";
    "not-signed-in" commits::not_signed_in => "nobody is signed in at the code host: the plan says how to, and nothing is committed";
    "lost-commit" commits::lost => "the answer to a commit is lost: it is found by its run, has worked, and is made once";
    "never-committed" commits::never_arrived => "a 502 for a commit that never reached the code host: never worked, and sent once";
    "cannot-pull" never::pulled => "a restart whose pods cannot be pulled has failed, and never worked";
    "failed-job" never::succeeded => "a Job that fails is a run that failed";
    "stopped" never::stopped => "a scaling that has no room is stopped by Ctrl-C: it says what stands, and never that it worked";
    "double" double::at_once => "one plan meant by two processes at once, and once more after them: one change, and the others are refused in words";
    "double-cronjob" double::twice => "one plan of a CronJob's run meant twice in a row: one Job";
    "two-operators" double::two_operators => "one plan meant on two machines at once: one change";
    "wrong-cluster" clusters::before => "another cluster behind the same name, since the plan: refused, and neither is written to";
    "cluster-meanwhile" clusters::meanwhile => "another cluster behind the same name, between the plan's last look and the sending: the same";
    "lost-reset" lost::reset => "an answer that the connection broke on: seen to have worked, sent once";
    "lost-gateway" lost::gateway => "an answer that a gateway said 502 for: the same";
    "lost-silence" lost::silence => "an answer that never comes: the same";
    "never-arrived" lost::never_arrived => "a 502 for what never reached the server: never worked, and sent once";
    "too-many" lost::too_many => "a 429: failed, nothing changed, and not asked again";
    "rights" rights::missing => "a right that is missing is named by the plan, and nothing is sent";
    "admission" rights::admission => "what admission forbids is said by the plan in the server's words, and a run of it has failed";
    "diagnose" diagnosis::tells => "a diagnosis tells of the object, its pods and what could not be read, hides a password, and sends nothing";
    "kills" kills::kills => "killed at any moment (LANDFALL_KILLS times): no change twice, none unknown, and the last step is told truly";
    "forged-approval" approvals::forged => "whoever may do everything else forges no request and no approval: the API server refuses each way";
    "approved" approvals::approved => "asked for on one machine, approved on another, run once by who asked, and recorded in the cluster";
    "apart" approvals::apart => "a target that another machine's run holds is left alone, and one that a crash left is taken over";
};

/// Runs the checks whose name contains `only`, or all, one after another; `told` hears of each when it is over. Must be
/// awaited on the main thread: programs are tied to the life of the thread that starts them.
pub async fn run(rig: &Rig, only: Option<&str>, told: &dyn Fn(&Row)) -> Vec<Row> {
    let mut rows = Vec::new();
    for check in CHECKS {
        if only.is_some_and(|only| !check.name.contains(only)) {
            continue;
        }
        let longest = match check.name {
            "kills" => LONGEST + kills::longest(),
            _ => LONGEST,
        };
        let row = Row::of(check.name, check.proves, longest, (check.run)(rig)).await;
        told(&row);
        rows.push(row);
    }
    rows
}

/// What a check finds.
type Checked<Found = ()> = Result<Found, Wrong>;

/// Why the rig is not there, or a check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The terminal program cannot be had: then nothing was run, which is never the same as passed.
    #[error("landfall cannot be had. LANDFALL_BIN names it; ./dev prove sets it")]
    Missing,
    /// A part cannot be had.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The ground does not come up.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// The API server refused the check itself.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The app does not come up.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The keyring cannot be had.
    #[error(transparent)]
    Keyring(#[from] PeersError),
    /// The proxy does not start.
    #[error(transparent)]
    Proxy(#[from] contract::proxy::ProxyError),
    /// A program or file.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// Something that should be JSON is not.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// An app's set-up is none.
    #[error(transparent)]
    Yaml(#[from] serde_yaml_ng::Error),
    /// It is not as it has to be.
    #[error("{what}: {said}")]
    Not {
        /// What was looked at, and what it had to be.
        what: String,
        /// What it is.
        said: String,
    },
}

impl Wrong {
    /// Whether it is for want of a program that nothing was run.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing | Self::Parts(_) => true,
            Self::Keyring(why) => why.is_missing(),
            _ => false,
        }
    }
}

/// Whether something is so; `said` is what shows it.
fn so(what: &str, is_so: bool, said: impl std::fmt::Display) -> Checked {
    match is_so {
        true => Ok(()),
        false => Err(Wrong::Not {
            what: what.to_owned(),
            said: said.to_string(),
        }),
    }
}
