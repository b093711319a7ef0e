//! What a caller may choose: patience, rhythm, and the clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

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

/// How long to wait before trying again: doubling from the first to the most. No chance in it: one person's few
/// connections are no herd.
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
    /// Our own time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespaces: Vec::new(),
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
            clock: Clock::default(),
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
}
