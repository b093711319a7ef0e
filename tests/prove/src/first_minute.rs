//! `./dev prove --sign-in`: the first minute of somebody who has nothing yet, on real programs, and what may not go wrong
//! with the tokens after that.
//!
//! Owns the table of checks, its run and what a run reports. It prints nothing. Where the programs come from, and what
//! the person's machine is, is in `first_minute/…`.

mod amazon;
mod api_server;
mod checks;
mod chromium;
mod issuer;
mod person;
mod rig;
mod searched;

use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::Value;

pub use rig::{Programs, Rig};

use crate::api::ApiError;
use crate::parts::PartsError;
use crate::peers::PeersError;
use crate::process::NotReady;
use crate::row::Row;

/// A check that takes so much longer than it means to hangs.
const LONGEST: Duration = Duration::from_secs(240);

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

/// Every check, in their order: the last searches what all before it left.
pub static CHECKS: &[Check] = checks! {
    "first-minute" checks::first_minute::from_nothing => "from nothing: a team is joined, somebody signs in with a real browser, and sees a real cluster within a minute";
    "wrong-fingerprint" checks::first_minute::wrong_fingerprint => "a team file that another key signed, or nobody, is not joined";
    "minute-tokens" checks::minutes::minute_tokens => "tokens that live a minute, for ten minutes, over restarts: one sign-in, no failed request, one refresh at a time";
    "refused" checks::refused::revoked => "a sign-in that the provider ended: no browser opens, one clear message, no more tries, and signing in works";
    "provider-down" checks::down::busy => "a provider that answers 503: what has tokens goes on, then says why not, and goes on by itself after that";
    "provider-gone" checks::down::closed => "a provider that hangs up: the same";
    "no-keyring" checks::unkept::no_keyring => "without a keyring it works in memory, says so once, and writes no token anywhere";
    "locked-keyring" checks::unkept::locked_keyring => "with a locked keyring the same";
    "untrusting-cluster" checks::clusters::untrusting => "a cluster that does not trust the issuer says so, and the other works";
    "other-hits" checks::redirect::other_hits => "another program that asks the redirect first, or again, changes nothing";
    "port-taken" checks::redirect::port_taken => "a port that is taken is passed over, and where all are it is said";
    "core-dumps" checks::dumps::none => "no core is written of a process that holds tokens, and none can be";
    "eks" checks::eks::opened => "a cluster of EKS' takes the token that is made of a role's credentials, and refuses another cluster's";
    "rights" checks::rights::exact => "with exactly the rights that team init proposes everything is read, and without any one of them exactly what it names is not";
    "canary" checks::canary::nowhere => "no token, code or verifier is anywhere outside the keyring: files, output with RUST_LOG=trace, environment, words";
};

/// Runs the checks whose name contains `only`, or all, one after another; `told` hears of each when it is over. Must be
/// awaited on the main thread: programs are tied to the life of the thread that starts them.
pub async fn run(rig: &Rig, only: Option<&str>, told: &dyn Fn(&Row)) -> Vec<Row> {
    let mut rows = Vec::new();
    for check in CHECKS {
        if only.is_some_and(|only| !check.name.contains(only)) {
            continue;
        }
        let longest = LONGEST + checks::minutes::length();
        let row = Row::of(check.name, check.proves, longest, (check.run)(rig)).await;
        told(&row);
        rows.push(row);
    }
    rows
}

/// What a check finds.
pub(crate) type Checked<Found = ()> = Result<Found, Wrong>;

/// Why the rig is not there, or a check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// A program cannot be had: then nothing was run, which is never the same as passed.
    #[error("{program} cannot be had. {hint}")]
    Missing {
        /// Which.
        program: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A part cannot be had.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// A peer cannot be had, or does not start.
    #[error(transparent)]
    Peers(#[from] PeersError),
    /// A program ended or never answered.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The API server refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// No answer.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// A program, file or port.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("a key could not be made: {0}")]
    Key(#[from] rcgen::Error),
    /// Something that should be JSON is not.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Something that should be YAML is not.
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
            Self::Missing { .. } | Self::Parts(_) => true,
            Self::Peers(error) => error.is_missing(),
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

/// Whether a value is this one.
fn is(what: &str, value: &Value, wanted: impl Into<Value>) -> Checked {
    let wanted = wanted.into();
    so(&format!("{what} is not {wanted}"), *value == wanted, value)
}
