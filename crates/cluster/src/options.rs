//! What a caller may choose: patience, rhythm, and the clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::consent::Consent;
use crate::failure::Failure;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Where chance comes from: numbers from 0 up to 1.
#[derive(Clone)]
pub struct Chance(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Chance {
    /// Numbers of the caller's.
    pub fn new(number: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(number))
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new(fastrand::f64)
    }
}

impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance")
    }
}

/// The longest that a server's `Retry-After` is obeyed: beyond it somebody looks at a window that does nothing.
const LONGEST_ASKED: Duration = Duration::from_secs(30);
/// How much longer than it must be a wait may be, as a part of it: the windows of a whole team lose an API server at the
/// same moment, and should not all come back at the same moment.
const SPREAD: f64 = 0.25;

/// How long to wait before trying again: doubling from the first to the most.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    /// The wait after so many failures in a row, from 1.
    pub fn after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}

/// What a caller may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to call the cluster; the context's name if empty.
    pub name: String,
    /// Namespaces to look in where all namespaces may not be read at once, beside the context's own and those that the
    /// server lists.
    pub namespaces: Vec<String>,
    /// Whether pods and ReplicaSets are read only where they are wanted, see [`crate::Cluster::want`].
    pub sparing: bool,
    /// How long [`crate::Cluster::settled`] waits at most.
    pub patience: Duration,
    /// The shortest time between two publications of the facts.
    pub flush_every: Duration,
    /// How often a silent connection is looked at: what finds a server that vanished without a word.
    pub heartbeat: Duration,
    /// How long the server may take to accept a connection, or to answer a heartbeat.
    pub answer_within: Duration,
    /// How long one page of a list may take.
    pub list_within: Duration,
    /// Objects in one page of a list: what client-go asks for.
    pub page_size: u32,
    /// Waits between tries to reach the server, and to read a kind anew.
    pub backoff: Backoff,
    /// Waits between tries that somebody must sign in for first.
    pub sign_in_backoff: Backoff,
    /// How often what may not be read, or not be watched, is tried again.
    pub recheck: Duration,
    /// How often a kind that may be listed but not watched is listed.
    pub poll: Duration,
    /// How often a cluster without some Flux kind is asked whether it has it now.
    pub rediscover: Duration,
    /// How often the server is asked which rights we have, while nothing is known to have changed.
    pub rights_every: Duration,
    /// Which of the commands that kubeconfigs name to sign in with may run; none unless somebody says so.
    pub consent: Consent,
    /// How long such a command may run before it is ended with all that it began.
    pub plugin_within: Duration,
    /// Our own time.
    pub clock: Clock,
    /// What spreads waits.
    pub chance: Chance,
}

impl Options {
    /// The wait after a failure, the `failures`th in a row: what the server asked for if that is longer than ours, and a
    /// little more by chance.
    pub(crate) fn wait(&self, failure: &Failure, failures: u32) -> Duration {
        let backoff = if failure.needs_sign_in() {
            self.sign_in_backoff
        } else {
            self.backoff
        };
        let asked = failure.retry_after.unwrap_or_default().min(LONGEST_ASKED);
        self.spread(backoff.after(failures).max(asked))
    }

    /// Waits after what ended too soon, the `times`th in a row, though nothing failed.
    pub(crate) async fn pause(&self, times: u32) {
        tokio::time::sleep(self.spread(self.backoff.after(times))).await;
    }

    /// A wait, a little longer by chance.
    fn spread(&self, wait: Duration) -> Duration {
        wait + wait.mul_f64(SPREAD * (self.chance.0)().clamp(0.0, 1.0))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespaces: Vec::new(),
            sparing: false,
            patience: Duration::from_secs(15),
            flush_every: Duration::from_millis(50),
            heartbeat: Duration::from_secs(5),
            answer_within: Duration::from_secs(4),
            list_within: Duration::from_secs(60),
            page_size: 500,
            backoff: Backoff {
                first: Duration::from_millis(250),
                // Whoever looks at the window sees it come back within this and a moment.
                most: Duration::from_secs(3),
            },
            sign_in_backoff: Backoff {
                first: Duration::from_secs(5),
                // Some plugins open a browser each time.
                most: Duration::from_secs(60),
            },
            recheck: Duration::from_secs(60),
            poll: Duration::from_secs(15),
            rediscover: Duration::from_secs(30),
            rights_every: Duration::from_secs(600),
            consent: Consent::default(),
            plugin_within: Duration::from_secs(30),
            clock: Clock::default(),
            chance: Chance::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most() {
        let backoff = Options::default().backoff;
        let waits: Vec<_> = (1..=6).map(|n| backoff.after(n).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 3000, 3000]);
        assert_eq!(backoff.after(u32::MAX).as_secs(), 3);
    }

    #[test]
    fn a_wait_is_what_the_server_asks_for_bounded_and_spread() {
        let options = |chance: f64| Options {
            chance: Chance::new(move || chance),
            ..Options::default()
        };
        let asked = |seconds: u64| Failure {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Failure::answer(429, b"")
        };
        assert_eq!(options(0.0).wait(&asked(7), 1).as_secs(), 7);
        assert_eq!(options(1.0).wait(&asked(8), 1).as_secs(), 10);
        assert_eq!(options(0.0).wait(&asked(86_400), 1).as_secs(), 30);
        // It never makes a wait shorter than it would have been.
        assert_eq!(options(0.0).wait(&asked(0), 9).as_secs(), 3);
        assert_eq!(
            options(0.5).wait(&Failure::answer(503, b""), 1).as_micros(),
            281_250
        );
    }
}
