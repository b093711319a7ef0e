//! How far AWS' clock is from ours, as its answers say.
//!
//! Owns what is learned from `Date` headers. The SDK corrects its own requests for it, but not those that are signed for
//! others to send.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long it is believed: a computer that slept, or whose clock was set, has another.
const BELIEVED: SignedDuration = SignedDuration::from_mins(15);

/// AWS' clock minus ours. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Skew(Arc<Mutex<Option<Learned>>>);

#[derive(Clone, Copy, Debug)]
struct Learned {
    /// Whole seconds: a Date header knows no parts of one.
    offset: SignedDuration,
    /// By our clock.
    at: Timestamp,
}

impl Skew {
    /// AWS' clock minus ours, as was learned last; nothing where nothing was.
    pub fn offset(&self) -> SignedDuration {
        self.learned()
            .map_or(SignedDuration::ZERO, |learned| learned.offset)
    }

    /// What their clock said when ours said so.
    pub(crate) fn learn(&self, theirs: Timestamp, ours: Timestamp) {
        let offset = SignedDuration::from_secs(theirs.duration_since(ours).as_secs());
        // Half a second of rounding is no offset.
        let offset = if offset.abs() <= SignedDuration::from_secs(1) {
            SignedDuration::ZERO
        } else {
            offset
        };
        *self.learned() = Some(Learned { offset, at: ours });
    }

    /// Whether it was learned so lately that it is still believed.
    pub(crate) fn is_known(&self, now: Timestamp) -> bool {
        self.learned()
            .is_some_and(|learned| now.duration_since(learned.at).abs() < BELIEVED)
    }

    fn learned(&self) -> MutexGuard<'_, Option<Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_offset_is_believed_for_a_quarter_of_an_hour_of_either_direction() {
        let skew = Skew::default();
        assert!(!skew.is_known(at(0)));
        skew.clone().learn(at(600), at(0));
        assert_eq!(skew.offset(), SignedDuration::from_mins(10));
        assert!(skew.is_known(at(899)));
        assert!(!skew.is_known(at(900)));
        assert!(!skew.is_known(at(-900)), "the clock was set back");
    }

    #[test]
    fn a_second_is_no_offset() {
        let skew = Skew::default();
        skew.learn(at(1), at(0));
        assert_eq!(skew.offset(), SignedDuration::ZERO);
    }
}
