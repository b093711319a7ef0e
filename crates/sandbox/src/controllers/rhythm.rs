//! Runs at an interval that change nothing: counted instead of run, as long as nothing they depend on changes.

use jiff::{SignedDuration, Timestamp};

/// The runs of an object since something last changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rhythm {
    /// Runs that are not in the status yet, up to `last`.
    runs: i64,
    last: Timestamp,
    interval: SignedDuration,
}

impl Rhythm {
    /// A run took place and changed nothing.
    pub fn ran(&mut self, at: Timestamp, interval: SignedDuration) {
        self.count(at);
        if self.runs == 0 || self.last < at {
            self.runs += 1;
        }
        self.last = at;
        self.interval = interval.max(SignedDuration::from_secs(1));
    }

    /// The first run after a moment.
    pub fn tick_after(&self, moment: Timestamp) -> Timestamp {
        let passed = moment.duration_since(self.last).max(SignedDuration::ZERO);
        let ticks = passed.as_millis() / self.interval.as_millis().max(1) + 1;
        i32::try_from(ticks)
            .ok()
            .and_then(|ticks| self.interval.checked_mul(ticks))
            .and_then(|later| self.last.checked_add(later).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Counts the runs up to a moment that nobody ran, because they would have changed nothing.
    fn count(&mut self, until: Timestamp) {
        let passed = until.duration_since(self.last);
        if self.interval.is_zero() || passed < self.interval {
            return;
        }
        let mut ticks = i32::try_from(passed.as_millis() / self.interval.as_millis().max(1))
            .unwrap_or(i32::MAX);
        // A run at that very moment counts itself.
        if self.interval.checked_mul(ticks) == Some(passed) {
            ticks -= 1;
        }
        if let Some(last) = self
            .interval
            .checked_mul(ticks)
            .and_then(|later| self.last.checked_add(later).ok())
        {
            self.runs += i64::from(ticks);
            self.last = last;
        }
    }

    /// Takes the runs up to a moment that the status does not have yet: how many, and when the last was.
    pub fn take(&mut self, until: Timestamp) -> Option<(i64, Timestamp)> {
        self.count(until);
        let runs = std::mem::take(&mut self.runs);
        (runs > 0).then_some((runs, self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn runs_that_nobody_ran_are_counted() {
        let minute = SignedDuration::from_secs(60);
        let mut rhythm = Rhythm::default();
        rhythm.ran(second(1000), minute);
        assert_eq!(rhythm.tick_after(second(1000)), second(1060));
        assert_eq!(rhythm.tick_after(second(1300)), second(1360));
        assert_eq!(rhythm.tick_after(second(1301)), second(1360));
        assert_eq!(rhythm.take(second(1301)), Some((6, second(1300))));
        assert_eq!(rhythm.take(second(1301)), None);
        rhythm.ran(second(1360), minute);
        rhythm.ran(second(1480), minute);
        assert_eq!(rhythm.take(second(1485)), Some((3, second(1480))));
    }
}
