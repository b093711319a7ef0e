//! The company's time: real time plus an offset that tests may grow.
//!
//! Only the company's controllers and the time stamps they write tick on it; sockets and timeouts stay real. Every
//! server's `Date` header carries it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

thread_local! {
    /// The moment that this thread works at, while it makes up for time that has passed.
    static MOMENT: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

/// A shared clock. While the company's past is played, it stands where the player put it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to real time.
    offset: Arc<AtomicI64>,
    /// Milliseconds since the epoch while the past is played; 0 means the present.
    playing: Arc<AtomicI64>,
}

impl Clock {
    /// The company's now.
    pub fn now(&self) -> Timestamp {
        if let Some(moment) = MOMENT.get() {
            return moment;
        }
        let playing = self.playing.load(Ordering::SeqCst);
        if playing != 0 {
            return Timestamp::from_millisecond(playing).unwrap_or(Timestamp::UNIX_EPOCH);
        }
        let offset = SignedDuration::from_millis(self.offset.load(Ordering::SeqCst));
        Timestamp::now()
            .checked_add(offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// Works as of a moment: what `work` does on this thread sees that time, nobody else does. This is how controllers
    /// write the times at which things were due after the clock was advanced, or while the past is played.
    pub fn as_of<T>(&self, moment: Timestamp, work: impl FnOnce() -> T) -> T {
        struct Restore(Option<Timestamp>);
        impl Drop for Restore {
            fn drop(&mut self) {
                MOMENT.set(self.0);
            }
        }
        let _restore = Restore(MOMENT.replace(Some(moment)));
        work()
    }

    /// Puts the clock at a moment of the past while history is played.
    pub fn play(&self, at: Timestamp) {
        self.playing.store(at.as_millisecond(), Ordering::SeqCst);
    }

    /// Ends the playing: from here on real time plus the offset.
    pub fn go_live(&self) {
        self.playing.store(0, Ordering::SeqCst);
    }

    /// Grows the offset: the company's controllers see this much time pass at once.
    pub fn advance(&self, by: SignedDuration) {
        self.offset.fetch_add(
            i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
            Ordering::SeqCst,
        );
    }
}

/// A moment as Kubernetes writes it: `2026-11-21T20:31:00Z`, whole seconds, cut off and never rounded into the future.
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_never_written_as_one_to_come() {
        let late: Timestamp = "2026-11-21T20:31:00.9Z".parse().unwrap();
        assert_eq!(rfc3339(late), "2026-11-21T20:31:00Z");
    }

    #[test]
    fn work_as_of_a_moment_sees_it_and_nobody_else_does() {
        let clock = Clock::default();
        let moment = Timestamp::UNIX_EPOCH;
        let elsewhere = clock.as_of(moment, || {
            assert_eq!(clock.now(), moment);
            let other = clock.clone();
            std::thread::spawn(move || other.now()).join().unwrap()
        });
        assert_ne!(elsewhere, moment);
        assert_ne!(clock.now(), moment);
    }
}
