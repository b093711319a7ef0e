//! When what lives for a while is used, made anew or asked for again: pure, from what it is and what came of the last try.
//!
//! Owns the times, for credentials and for tokens alike. Who does not answer is asked again, ever more seldom; who refused
//! is left alone for [`REFUSED`], because people change what they may and nothing tells us.

use jiff::{SignedDuration, Timestamp};

/// So little is left that it is not used any more: a request takes a moment, and clocks differ.
const LEFT: SignedDuration = SignedDuration::from_secs(5);
/// The first wait after no answer; it doubles each time.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);
/// The wait after a refusal.
const REFUSED: SignedDuration = SignedDuration::from_mins(5);

/// What is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    life: Option<Life>,
    failed: Option<Failed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    until: Timestamp,
    /// When it is made anew.
    due: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed {
    /// How often in a row there was no answer.
    times: u32,
    /// When last.
    at: Timestamp,
    refused: bool,
}

impl Plan {
    /// It came. It is made anew when a fifth of its life is left, or `ahead` where that is less.
    pub(crate) fn given(now: Timestamp, until: Timestamp, ahead: SignedDuration) -> Self {
        let ahead = (now.duration_until(until) / 5).min(ahead);
        let due = until.checked_sub(ahead).unwrap_or(until);
        Self {
            life: Some(Life { until, due }),
            failed: None,
        }
    }

    /// There was no answer.
    pub(crate) fn unanswered(&mut self, now: Timestamp) {
        let times = match self.failed {
            Some(failed) if !failed.refused => failed.times,
            _ => 0,
        };
        self.failed = Some(Failed {
            times: times.saturating_add(1),
            at: now,
            refused: false,
        });
    }

    /// The answer was no.
    pub(crate) fn refused(&mut self, now: Timestamp) {
        self.failed = Some(Failed {
            times: 0,
            at: now,
            refused: true,
        });
    }

    /// Something changed that a refusal depends on.
    pub(crate) fn reconsider(&mut self) {
        self.failed = self.failed.filter(|failed| !failed.refused);
    }

    /// Whether it can be used.
    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        self.life
            .is_some_and(|life| now.duration_until(life.until) > LEFT)
    }

    /// Whether it is time to ask for it.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next() <= now
    }

    /// When it is asked for.
    fn next(&self) -> Timestamp {
        let wanted = self.life.map_or(Timestamp::MIN, |life| life.due);
        let allowed = self.failed.map_or(Timestamp::MIN, |failed| {
            let wait = if failed.refused {
                REFUSED
            } else {
                FIRST
                    .saturating_mul(1 << failed.times.saturating_sub(1).min(16))
                    .min(LONGEST)
            };
            failed.at.checked_add(wait).unwrap_or(Timestamp::MAX)
        });
        wanted.max(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AHEAD: SignedDuration = SignedDuration::from_mins(5);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn what_lives_an_hour_is_made_anew_five_minutes_before_its_end() {
        assert_eq!(Plan::given(at(0), at(3600), AHEAD).next(), at(3300));
    }

    #[test]
    fn what_lives_a_quarter_of_an_hour_is_made_anew_after_four_fifths_of_it() {
        let plan = Plan::given(at(0), at(900), AHEAD);
        assert_eq!(plan.next(), at(720));
        assert!(plan.is_usable(at(894)));
        assert!(
            !plan.is_usable(at(895)),
            "what ends while it is sent is not used"
        );
    }

    #[test]
    fn who_does_not_answer_is_asked_ever_more_seldom() {
        let mut plan = Plan::given(at(0), at(60), AHEAD);
        let mut waits = Vec::new();
        let mut now = plan.next();
        for _ in 0..10 {
            plan.unanswered(now);
            waits.push(now.duration_until(plan.next()).as_secs());
            now = plan.next();
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn who_refused_is_left_alone_unless_something_changed() {
        let mut plan = Plan::given(at(0), at(60), AHEAD);
        plan.refused(at(48));
        assert!(!plan.is_due(at(347)));
        assert!(plan.is_due(at(348)));
        assert!(plan.is_usable(at(50)), "what is there is still valid");
        plan.reconsider();
        assert!(plan.is_due(at(49)));
    }

    #[test]
    fn a_refusal_that_is_reconsidered_does_not_end_the_waits_of_who_does_not_answer() {
        let mut plan = Plan::default();
        plan.unanswered(at(0));
        plan.reconsider();
        assert!(!plan.is_due(at(0)));
    }
}
