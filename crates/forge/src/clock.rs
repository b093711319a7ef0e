//! The time, injected, so that tests can make an answer old.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of the caller's.
    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// Whether something of this moment is older than it may be. What lies in the future was written by a clock that
    /// was wrong: old, too.
    pub(crate) fn is_older(&self, at: Timestamp, than: Duration) -> bool {
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
}
