//! The time, injected, so that tests can make an answer old; and since when failures of before count for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time.
#[derive(Clone)]
pub(crate) struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// When a system was last seen to be back, in microseconds since 1970.
    back: Arc<AtomicI64>,
}

/// How long what was asked for is not asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// This long.
    For(Duration),
    /// This long, and no longer than until a system is back. A failure: with one system the whole outage ends, most
    /// likely. What heads a repository has: nobody saw what was pushed meanwhile.
    UntilBack(Duration),
}

impl Clock {
    /// A clock of the caller's.
    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            now: Arc::new(now),
            back: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// A system is back that was away: a VPN, a machine that slept.
    pub(crate) fn came_back(&self) {
        self.back
            .store(self.now().as_microsecond(), Ordering::Relaxed);
    }

    /// When a system was last seen to be back; the beginning of time if none ever was away.
    pub(crate) fn back(&self) -> Timestamp {
        Timestamp::from_microsecond(self.back.load(Ordering::Relaxed)).unwrap_or(Timestamp::MIN)
    }

    /// Whether what was read or failed at this moment still holds.
    pub(crate) fn holds(&self, at: Timestamp, holds: Holds) -> bool {
        match holds {
            Holds::For(age) => !self.is_older(at, age),
            Holds::UntilBack(age) => !self.is_older(at, age) && at > self.back(),
        }
    }

    /// Whether something of this moment is older than it may be. What lies in the future was written by a clock that
    /// was wrong: old, too.
    fn is_older(&self, at: Timestamp, than: Duration) -> bool {
        let now = self.now();
        let than = SignedDuration::try_from(than).unwrap_or(SignedDuration::MAX);
        let age = now.duration_since(at);
        age > than || age < SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_the_future_is_old() {
        let clock = Clock::new(|| Timestamp::from_second(1_000).unwrap());
        let minute = Duration::from_secs(60);
        assert!(!clock.is_older(Timestamp::from_second(950).unwrap(), minute));
        assert!(clock.is_older(Timestamp::from_second(930).unwrap(), minute));
        assert!(clock.is_older(Timestamp::from_second(1_001).unwrap(), minute));
    }

    #[test]
    fn a_failure_of_an_outage_that_is_over_does_not_hold() {
        let second = Arc::new(AtomicI64::new(100));
        let now = Arc::clone(&second);
        let clock = Clock::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap());
        let (failed, minute) = (clock.now(), Duration::from_secs(60));
        second.store(110, Ordering::SeqCst);
        assert!(clock.holds(failed, Holds::UntilBack(minute)));
        clock.came_back();
        assert!(!clock.holds(failed, Holds::UntilBack(minute)));
        assert!(clock.holds(failed, Holds::For(minute)), "an answer is one");
        second.store(111, Ordering::SeqCst);
        assert!(
            clock.holds(clock.now(), Holds::UntilBack(minute)),
            "a failure of after"
        );
    }
}
