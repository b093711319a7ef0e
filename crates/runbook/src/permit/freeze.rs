//! Freezes: times in which nothing is changed, once or every week, and why one gives way.
//!
//! Owns when a freeze holds. What it takes to go on in spite of one is said here and asked for by the permit. Times of the
//! week are UTC's: two people in two places are never frozen at different times.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::input::is_hidden;
use crate::plan::Target;
use crate::step::holds_secret;

/// The longest reason for going on in spite of a freeze, in characters.
const LONGEST: usize = 500;
/// A week, in seconds.
const WEEK: i64 = 7 * DAY;
const DAY: i64 = 24 * 60 * 60;
/// What Monday, 1970-01-05T00:00:00Z, is in seconds: the first whole week began there.
const MONDAY: i64 = 4 * DAY;

/// The days, as a week's time names them, from Monday on.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A rule by which nothing is changed for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// In these environments; in all, where there are none.
    pub environments: Vec<String>,
    /// When.
    pub when: When,
    /// Why.
    pub reason: String,
}

/// When a freeze holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    Once {
        /// From then on.
        from: Timestamp,
        /// Until before then.
        until: Timestamp,
    },
    /// Every week.
    Weekly {
        /// From then on.
        from: WeekTime,
        /// Until before then, the next time that comes round.
        until: WeekTime,
    },
}

/// A time of the week, in UTC: `Fri 16:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekTime {
    /// Since Monday, 00:00.
    seconds: i64,
}

/// A text is no time of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no time of the week in UTC, such as Fri 16:00")]
pub struct NoWeekTime;

impl std::str::FromStr for WeekTime {
    type Err = NoWeekTime;

    fn from_str(text: &str) -> Result<Self, NoWeekTime> {
        let (day, time) = text.split_once(' ').ok_or(NoWeekTime)?;
        let day = DAYS.iter().position(|known| *known == day);
        let day = day.and_then(|day| i64::try_from(day).ok());
        let (hour, minute) = time.split_once(':').ok_or(NoWeekTime)?;
        let number = |text: &str, below: i64| -> Result<i64, NoWeekTime> {
            let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: Option<i64> = text.parse().ok().filter(|number| *number < below);
            number.filter(|_| is_two_digits).ok_or(NoWeekTime)
        };
        let (hour, minute) = (number(hour, 24)?, number(minute, 60)?);
        Ok(Self {
            seconds: day.ok_or(NoWeekTime)? * DAY + hour * 60 * 60 + minute * 60,
        })
    }
}

/// A time in which nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreezeWindow {
    /// In these environments; in all, where there are none.
    pub environments: Vec<String>,
    /// From then on.
    pub from: Timestamp,
    /// Until before then.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

impl Freeze {
    /// The window that holds at an instant; `None` where none does.
    pub fn window(&self, now: Timestamp) -> Option<FreezeWindow> {
        let (from, until) = match self.when {
            When::Once { from, until } => (from, until),
            When::Weekly { from, until } => week(from, until, now)?,
        };
        (from <= now && now < until).then(|| FreezeWindow {
            environments: self.environments.clone(),
            from,
            until,
            reason: self.reason.clone(),
        })
    }
}

/// The last time that a weekly rule began, and when that ends. From a time until the same time is the whole week.
fn week(from: WeekTime, until: WeekTime, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = (now.as_second() - MONDAY - from.seconds).rem_euclid(WEEK);
    let lasts = match (until.seconds - from.seconds).rem_euclid(WEEK) {
        0 => WEEK,
        lasts => lasts,
    };
    let began = Timestamp::from_second(now.as_second() - since).ok()?;
    let ends = began.checked_add(SignedDuration::from_secs(lasts)).ok()?;
    Some((began, ends))
}

/// The freeze that holds for a target at an instant, of several the one that ends last: no allowance of one ends another.
pub fn holding<'f>(
    freezes: &'f [FreezeWindow],
    target: &Target,
    now: Timestamp,
) -> Option<&'f FreezeWindow> {
    let named = |environment: &String| environment.eq_ignore_ascii_case(&target.environment);
    let holds = |freeze: &&FreezeWindow| {
        // Where nobody can tell the environment, it may be any.
        let here = freeze.environments.is_empty()
            || freeze.environments.iter().any(named)
            || (target.environment.is_empty() && target.production);
        here && freeze.from <= now && now < freeze.until
    };
    freezes
        .iter()
        .filter(holds)
        .max_by_key(|freeze| freeze.until)
}

/// What is frozen, in words: the environment, or the target where nobody can tell its environment.
pub fn frozen(target: &Target) -> String {
    if target.environment.is_empty() {
        super::named(target)
    } else {
        target.environment.clone()
    }
}

/// Why a reason for going on in spite of a freeze cannot be written down; `None` where it can.
pub(super) fn unrecordable(why: &str) -> Option<&'static str> {
    if why.chars().any(is_hidden) {
        Some("it is one line, without control characters")
    } else if holds_secret(why) {
        Some("it looks as if it held a secret, and it is written down for everybody")
    } else if why.chars().count() > LONGEST {
        Some("it is at most 500 characters long")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly(from: &str, until: &str) -> Freeze {
        Freeze {
            environments: Vec::new(),
            when: When::Weekly {
                from: from.parse().unwrap(),
                until: until.parse().unwrap(),
            },
            reason: "the weekend".to_owned(),
        }
    }

    #[test]
    fn a_weekend_is_frozen_from_its_first_second_and_until_before_its_last() {
        // 2026-12-04 is a Friday.
        let weekend = weekly("Fri 16:00", "Mon 06:00");
        let window = |text: &str| weekend.window(at(text));
        assert_eq!(window("2026-12-04T15:59:59Z"), None);
        for inside in [
            "2026-12-04T16:00:00Z",
            "2026-12-05T12:00:00Z",
            "2026-12-07T05:59:59Z",
        ] {
            let window = window(inside).expect(inside);
            assert_eq!(window.from, at("2026-12-04T16:00:00Z"));
            assert_eq!(window.until, at("2026-12-07T06:00:00Z"));
        }
        assert_eq!(window("2026-12-07T06:00:00Z"), None);
        assert_eq!(window("2026-12-09T12:00:00Z"), None);
    }

    #[test]
    fn a_rule_within_one_day_and_one_of_the_whole_week_are_what_they_say() {
        let lunch = weekly("Wed 11:00", "Wed 12:00");
        assert!(lunch.window(at("2026-12-02T11:30:00Z")).is_some());
        assert!(lunch.window(at("2026-12-02T12:00:00Z")).is_none());
        let always = weekly("Wed 11:00", "Wed 11:00");
        for hour in 0..400 {
            let now = at("2026-12-01T00:30:00Z") + SignedDuration::from_hours(hour);
            assert!(always.window(now).is_some(), "{now}");
        }
    }

    #[test]
    fn at_whatever_instant_a_weekly_window_holds_it_holds_that_instant() {
        let ends = [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH];
        let many = (0..2_000_i64).map(|n| {
            let second = (n * 7_919_771) % 4_000_000_000 - 1_000_000_000;
            Timestamp::from_second(second).unwrap()
        });
        let nights = weekly("Sun 22:15", "Mon 04:45");
        let mut held = 0;
        for now in ends.into_iter().chain(many) {
            // Near the ends of time there may be no window: never a panic.
            if let Some(window) = nights.window(now) {
                held += 1;
                assert!(window.from <= now && now < window.until, "{now}");
                assert_eq!(
                    window.until.duration_since(window.from),
                    SignedDuration::from_mins(390)
                );
            }
        }
        assert!(held > 10, "{held}");
    }

    #[test]
    fn what_is_no_time_of_the_week_is_none() {
        for wrong in [
            "",
            "Fri",
            "Fri 24:00",
            "Fri 16:60",
            "Fri 4:00",
            "fri 16:00",
            "Friday 16:00",
            "Fri 16",
            "Fri +1:00",
            "Fri  16:00",
            "16:00",
            "Fri 16:00 CET",
        ] {
            assert_eq!(wrong.parse::<WeekTime>(), Err(NoWeekTime), "{wrong}");
        }
        for (place, day) in DAYS.iter().enumerate() {
            let time: WeekTime = format!("{day} 00:00").parse().unwrap();
            assert_eq!(time.seconds, DAY * i64::try_from(place).unwrap());
        }
    }
}
