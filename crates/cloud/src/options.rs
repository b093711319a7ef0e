//! What a caller may choose: rhythm, patience, and the clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::skew::Skew;

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

/// What a caller may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time from one round of requests to the next.
    pub poll: Duration,
    /// The same while a deployment is under way.
    pub poll_busy: Duration,
    /// The longest time between two tries where the account does not answer: somebody looks at a window.
    pub retry: Duration,
    /// How long [`crate::Account::settled`] waits at most.
    pub patience: Duration,
    /// How long one request may take, all its tries together.
    pub answer_within: Duration,
    /// How long a stopped task is kept after AWS forgot it, which it does about an hour after the task stopped.
    pub keep_stopped: SignedDuration,
    /// How often what seldom changes, or may not be read, is asked again: the newest revision of a family, service
    /// deployments that may not be listed.
    pub recheck: SignedDuration,
    /// Our own time.
    pub clock: Clock,
    /// How far AWS' is from it. Copies of these options share what is learned.
    pub skew: Skew,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(10),
            poll_busy: Duration::from_secs(5),
            retry: Duration::from_secs(3),
            patience: Duration::from_secs(10),
            answer_within: Duration::from_secs(10),
            keep_stopped: SignedDuration::from_hours(1),
            recheck: SignedDuration::from_mins(1),
            clock: Clock::default(),
            skew: Skew::default(),
        }
    }
}
