//! The present moment, once for the whole page, and the views that say how long ago something was.
//!
//! Owns the tick. Each age renders only when its words change, and in digits of one width, so that nothing shifts.

use std::time::Duration;

use jiff::Timestamp;
use leptos::prelude::*;

use crate::time::{self, Length};

/// The present moment, moving once a second.
#[derive(Clone, Copy, Debug)]
pub struct Clock(RwSignal<Timestamp>);

impl Clock {
    /// Starts the page's clock and gives it to everything below.
    pub fn provide() -> Self {
        let clock = Self(RwSignal::new(now()));
        // The page lives as long as its clock; an interval that cannot be set leaves ages standing, never wrong.
        let _ = set_interval_with_handle(move || clock.0.set(now()), Duration::from_secs(1));
        provide_context(clock);
        clock
    }

    /// The present moment; whoever reads it is run again as it moves.
    pub fn now(self) -> Timestamp {
        self.0.get()
    }

    /// The present moment, read once.
    pub fn at_once(self) -> Timestamp {
        self.0.get_untracked()
    }
}

/// The clock of the page.
pub fn clock() -> Clock {
    expect_context()
}

/// The moment by the machine's clock.
fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds since 1970 are a whole number far below i64's end"
    )]
    let milliseconds = js_sys::Date::now() as i64;
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Minutes east of UTC at a moment, where the viewer is.
pub fn offset_minutes(at: Timestamp) -> i32 {
    let date = js_sys::Date::new_0();
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are exact in a double for the next 280,000 years"
    )]
    let milliseconds = at.as_millisecond() as f64;
    date.set_time(milliseconds);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number of minutes within a day"
    )]
    let minutes = -date.get_timezone_offset() as i32;
    minutes
}

/// "14 min ago", with the exact moment for whoever points at it.
pub fn ago(at: Timestamp, length: Length) -> impl IntoView {
    ticking(at, move |now| time::relative(now, at, length))
}

/// "14 min".
pub fn age(at: Timestamp) -> impl IntoView {
    ticking(at, move |now| time::age(now, at))
}

/// "in 48 s", or that the moment is there.
pub fn until(at: Timestamp) -> impl IntoView {
    ticking(at, move |now| {
        let left = at.as_second() - now.as_second();
        if left > 0 {
            format!("in {}", time::countdown(left, Length::Short))
        } else {
            "due now".to_owned()
        }
    })
}

/// The wall clock's time, with the exact moment for whoever points at it.
pub fn wall(at: Timestamp) -> impl IntoView {
    ticking(at, move |now| time::clock(now, at, offset_minutes(at)))
}

/// Words about a moment that are said anew when they change.
fn ticking(
    at: Timestamp,
    words: impl Fn(Timestamp) -> String + Send + Sync + 'static,
) -> impl IntoView {
    let clock = clock();
    let words = Memo::new(move |_| words(clock.now()));
    view! {
        <time class="when" datetime=at.to_string() title=time::exact(at, offset_minutes(at))>
            {move || words.get()}
        </time>
    }
}
