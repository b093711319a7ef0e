//! Signing in with a plugin: at most one run at a time for one context, and one answer for all who wait.
//!
//! Owns when a plugin runs, and what it answered while that is good. It runs only with a person's consent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::{Failure, Why};
use crate::options::Options;
use crate::plugin::{Credential, Plugin};

/// After how long it is said that a plugin still runs.
pub(crate) const SIGN_IN_WITHIN: Duration = Duration::from_secs(10);

/// What is said of a plugin that takes its time.
pub(crate) fn still_runs() -> Failure {
    let reason = "the sign-in plugin of the kubeconfig has not ended yet";
    Failure::new(Why::Credentials, reason).hint("is it waiting for you in a browser?")
}

type Outcome = Result<Arc<Credential>, Failure>;

/// What one context signs in with.
pub(crate) struct SignIn {
    options: Options,
    /// The run under way, or what the last one answered.
    run: Mutex<Option<Run>>,
}

struct Run {
    plugin: Arc<Plugin>,
    began: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
    /// Ends with us, and its process with it.
    _task: JoinSet<()>,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Who makes a connection: a run that failed before is no answer.
    ToConnect,
    /// One of many requests: a run that failed a moment ago is an answer for all of them.
    ToSend,
}

impl SignIn {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            run: Mutex::default(),
        }
    }

    /// A credential that is good now. Who gives up waiting ends nothing: the others wait on.
    pub(crate) async fn credential(&self, plugin: &Arc<Plugin>, asks: Asks) -> Outcome {
        let command = &plugin.command;
        if !self.options.consent.allows(command) {
            let reason = format!(
                "the kubeconfig wants to run `{}`, which nobody allowed yet",
                command.begins()
            );
            return Err(Failure::new(Why::Credentials, reason)
                .hint("look at the whole command, and allow it if it is what you want"));
        }
        let mut outcome = {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            match run.as_ref().filter(|run| self.is_answer(run, plugin, asks)) {
                Some(run) => run.outcome.clone(),
                None => run.insert(self.begin(plugin)).outcome.clone(),
            }
        };
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Err(Failure::new(
                Why::Credentials,
                "running the sign-in plugin of the kubeconfig broke off",
            )),
        }
    }

    /// Until when the credential is used that the last run gave; `None` where there is none, or it has no end.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        match &*run.as_ref()?.outcome.borrow() {
            Some(Ok(credential)) => credential.until,
            Some(Err(_)) | None => None,
        }
    }

    /// Forgets what was answered: it is not accepted.
    pub(crate) fn forget(&self) {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        run.take_if(|run| run.outcome.borrow().is_some());
    }

    fn begin(&self, plugin: &Arc<Plugin>) -> Run {
        let (tell, outcome) = watch::channel(None);
        let mut task = JoinSet::new();
        let (running, within) = (plugin.clone(), self.options.plugin_within);
        let clock = self.options.clock.clone();
        task.spawn(async move {
            let outcome = running.run(within, &clock).await;
            tell.send_replace(Some(outcome.map(Arc::new)));
        });
        Run {
            plugin: plugin.clone(),
            began: Instant::now(),
            outcome,
            _task: task,
        }
    }

    /// Whether a run's answer is the answer to who asks: it is under way, or what it gave is good, or it failed a moment
    /// ago.
    fn is_answer(&self, run: &Run, plugin: &Plugin, asks: Asks) -> bool {
        if !run.plugin.is_same(plugin) {
            return false;
        }
        match &*run.outcome.borrow() {
            // It broke if nobody is there to tell its end.
            None => run.outcome.has_changed().is_ok(),
            Some(Ok(credential)) => credential.is_good(self.options.clock.now()),
            Some(Err(_)) => asks == Asks::ToSend && run.began.elapsed() < self.repeats_after(),
        }
    }

    /// How long a failure is the answer to requests.
    fn repeats_after(&self) -> Duration {
        self.options.plugin_within + self.options.sign_in_backoff.first
    }
}

#[cfg(test)]
mod tests;
