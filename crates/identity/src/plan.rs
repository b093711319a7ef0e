//! When tokens are used, made anew, or given up: pure, from what they are and what came of the last try.
//!
//! Owns the times. A provider that does not answer is asked again, ever more seldom; one that refuses is never asked again
//! for the same token: nothing here ever leads to a browser.

use jiff::{SignedDuration, Timestamp};

/// The longest before their end that tokens are made anew; those that live shorter have a fifth of their life.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// So little is left of tokens that they are not used any more: a request takes a moment, and clocks differ.
const LEFT: SignedDuration = SignedDuration::from_secs(5);
/// The first wait after no answer; it doubles each time.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);

/// What is known of the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// From when to when they live.
    life: Option<(Timestamp, Timestamp)>,
    /// How often in a row there was no answer, and when last.
    silent: Option<(u32, Timestamp)>,
    refused: bool,
}

impl Plan {
    /// Tokens came.
    pub fn given(now: Timestamp, until: Timestamp) -> Self {
        Self {
            life: Some((now, until)),
            ..Self::default()
        }
    }

    /// There was no answer.
    pub fn unanswered(&mut self, now: Timestamp) {
        let times = self.silent.map_or(0, |(times, _)| times);
        self.silent = Some((times.saturating_add(1), now));
    }

    /// The answer was no.
    pub fn refused(&mut self) {
        self.refused = true;
    }

    /// Whether the tokens can be used.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.life
            .is_some_and(|(_, until)| now.duration_until(until) > LEFT)
    }

    /// When they are made anew; never, where that was refused.
    pub fn next(&self) -> Option<Timestamp> {
        if self.refused {
            return None;
        }
        let wanted = self.life.map_or(Timestamp::MIN, |(from, until)| {
            let ahead = (from.duration_until(until) / 5).min(AHEAD);
            until.checked_sub(ahead).unwrap_or(until)
        });
        let allowed = self.silent.map_or(Timestamp::MIN, |(times, at)| {
            let wait = FIRST
                .saturating_mul(1 << times.saturating_sub(1).min(16))
                .min(LONGEST);
            at.checked_add(wait).unwrap_or(Timestamp::MAX)
        });
        Some(wanted.max(allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn tokens_of_a_minute_are_made_anew_twelve_seconds_before_their_end() {
        let plan = Plan::given(at(0), at(60));
        assert_eq!(plan.next(), Some(at(48)));
        assert!(plan.is_usable(at(54)));
        assert!(
            !plan.is_usable(at(55)),
            "what ends while it is sent is not used"
        );
    }

    #[test]
    fn tokens_of_an_hour_are_made_anew_five_minutes_before_their_end() {
        assert_eq!(Plan::given(at(0), at(3600)).next(), Some(at(3300)));
    }

    #[test]
    fn a_provider_that_does_not_answer_is_asked_ever_more_seldom() {
        let mut plan = Plan::given(at(0), at(60));
        let mut waits = Vec::new();
        let mut now = plan.next().unwrap();
        for _ in 0..10 {
            plan.unanswered(now);
            let next = plan.next().unwrap();
            waits.push(now.duration_until(next).as_secs());
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn what_was_refused_is_never_asked_for_again() {
        let mut plan = Plan::given(at(0), at(60));
        plan.refused();
        assert_eq!(plan.next(), None);
        assert!(plan.is_usable(at(50)), "what is there is still valid");
    }
}
