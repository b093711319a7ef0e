//! When what lives for a while is used, made anew or asked for again: pure, from what it is and what came of the last try.
//!
//! Owns the times, for credentials and for tokens alike, at a [`Pace`]. Who does not answer is asked again, ever more seldom;
//! who refused is left alone for a while and then asked, because people change what they may and nothing tells us.

use jiff::{SignedDuration, Timestamp};

/// So little is left that it is not used any more: a request takes a moment, and clocks differ.
const LEFT: SignedDuration = SignedDuration::from_secs(5);
/// The first wait after no answer; it doubles each time.
const FIRST: SignedDuration = SignedDuration::from_secs(1);

/// What is not as old as this came just now.
const YOUNG: SignedDuration = SignedDuration::from_mins(1);

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The longest before its end that it is made anew; what lives shorter has a fifth of its life.
    pub(crate) ahead: SignedDuration,
    /// The longest wait after no answer.
    pub(crate) longest: SignedDuration,
    /// The wait after a refusal.
    pub(crate) refused: SignedDuration,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pace: Pace,
    life: Option<Life>,
    failed: Option<Failed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    from: Timestamp,
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
    /// Nothing is known.
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            life: None,
            failed: None,
        }
    }

    /// It came.
    pub(crate) fn given(&mut self, now: Timestamp, until: Timestamp) {
        let ahead = (now.duration_until(until) / 5).min(self.pace.ahead);
        let due = until.checked_sub(ahead).unwrap_or(until);
        self.life = Some(Life {
            from: now,
            until,
            due,
        });
        self.failed = None;
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

    /// Whoever it was shown to says that it has ended, which by our clock it has not: that may have been set. What came
    /// just now is believed all the same, so that nobody asks in a loop. Whether it is given up.
    pub(crate) fn doubt(&mut self, now: Timestamp) -> bool {
        let young = |life: Life| now.duration_since(life.from).abs() < YOUNG;
        if self.life.is_none_or(young) {
            return false;
        }
        self.life = None;
        true
    }

    /// When it ends.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.life.map(|life| life.until)
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
                self.pace.refused
            } else {
                FIRST
                    .saturating_mul(1 << failed.times.saturating_sub(1).min(16))
                    .min(self.pace.longest)
            };
            failed.at.checked_add(wait).unwrap_or(Timestamp::MAX)
        });
        wanted.max(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        ahead: SignedDuration::from_mins(5),
        longest: SignedDuration::from_mins(2),
        refused: SignedDuration::from_mins(5),
    };

    fn given(until: i64) -> Plan {
        let mut plan = Plan::new(PACE);
        plan.given(at(0), at(until));
        plan
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn what_lives_an_hour_is_made_anew_five_minutes_before_its_end() {
        assert_eq!(given(3600).next(), at(3300));
    }

    #[test]
    fn what_lives_a_quarter_of_an_hour_is_made_anew_after_four_fifths_of_it() {
        let plan = given(900);
        assert_eq!(plan.next(), at(720));
        assert!(plan.is_usable(at(894)));
        assert!(
            !plan.is_usable(at(895)),
            "what ends while it is sent is not used"
        );
    }

    #[test]
    fn who_does_not_answer_is_asked_ever_more_seldom() {
        let mut plan = given(60);
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
        let mut plan = given(60);
        plan.refused(at(48));
        assert!(!plan.is_due(at(347)));
        assert!(plan.is_due(at(348)));
        assert!(plan.is_usable(at(50)), "what is there is still valid");
        plan.reconsider();
        assert!(plan.is_due(at(49)));
    }

    #[test]
    fn what_came_just_now_is_not_doubted_and_what_came_before_is() {
        let mut plan = given(3600);
        assert!(!plan.doubt(at(59)));
        assert!(plan.is_usable(at(59)));
        assert!(plan.doubt(at(-60)), "the clock was set back");
        assert!(!plan.is_usable(at(-60)));
        assert!(plan.is_due(at(-60)));
    }

    #[test]
    fn a_refusal_that_is_reconsidered_does_not_end_the_waits_of_who_does_not_answer() {
        let mut plan = Plan::new(PACE);
        plan.unanswered(at(0));
        plan.reconsider();
        assert!(!plan.is_due(at(0)));
    }
}
