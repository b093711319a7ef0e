//! How moments and spans of time are said: ages, countdowns, what something took, the exact moment.
//!
//! Owns the words; knows nothing of clocks: the present moment and the viewer's offset from UTC are passed in.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// How long the words may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For cells and tables: "14 min".
    Short,
    /// For sentences: "14 minutes".
    Long,
}

/// A length of time in one unit, rounded down: an age of 119 minutes is "1 h", never "2 h". Below a minute it moves
/// in steps of five seconds, so that a page full of ages does not flicker.
pub fn span(seconds: i64, length: Length) -> String {
    let seconds = seconds.max(0);
    let (count, short, long) = match seconds {
        0..60 => (seconds / 5 * 5, "s", "second"),
        60..3_600 => (seconds / 60, "min", "minute"),
        3_600..172_800 => (seconds / 3_600, "h", "hour"),
        _ => (seconds / 86_400, "d", "day"),
    };
    match length {
        Length::Short => format!("{count} {short}"),
        Length::Long if count == 1 => format!("1 {long}"),
        Length::Long => format!("{count} {long}s"),
    }
}

/// A moment seen from now: "14 minutes ago", "just now", "in 2 minutes". In full it is what the terminal says
/// ([`api::time::relative`]), but for the steps of five seconds.
pub fn relative(now: Timestamp, at: Timestamp, length: Length) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds >= 5 {
        format!("{} ago", span(seconds, length))
    } else if seconds > -5 {
        "just now".to_owned()
    } else {
        format!("in {}", countdown(-seconds, length))
    }
}

/// How long ago, without "ago": for columns that are headed "since" or stand beside a version.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds < 5 {
        "now".to_owned()
    } else {
        span(seconds, Length::Short)
    }
}

/// What is left until something happens; to the second below two minutes, because people watch it.
pub fn countdown(seconds: i64, length: Length) -> String {
    match seconds {
        ..=0 => "now".to_owned(),
        1..120 => match length {
            Length::Short => format!("{seconds} s"),
            Length::Long if seconds == 1 => "1 second".to_owned(),
            Length::Long => format!("{seconds} seconds"),
        },
        _ => span(seconds, length),
    }
}

/// What a finished stage took, in at most two units: "6 m 12 s".
pub fn took(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) if rest == 0 => format!("{minutes} m"),
        (0, _) => format!("{minutes} m {rest} s"),
        (_, 0) => format!("{hours} h"),
        (..24, _) => format!("{hours} h {minutes} m"),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// The wall clock where the viewer is: "14:02", with the day when it is not today.
pub fn clock(now: Timestamp, at: Timestamp, offset_minutes: i32) -> String {
    let (today, local) = (civil(now, offset_minutes).date(), civil(at, offset_minutes));
    let time = format!("{:02}:{:02}", local.hour(), local.minute());
    if local.date() == today {
        time
    } else {
        format!("{} {} {time}", local.day(), month(local.month()))
    }
}

/// The moment in full, for whoever points at a relative time: "2026-11-21 14:02:11 UTC+01:00".
pub fn exact(at: Timestamp, offset_minutes: i32) -> String {
    let local = civil(at, offset_minutes);
    let zone = if offset_minutes == 0 {
        "UTC".to_owned()
    } else {
        let (sign, minutes) = (
            if offset_minutes < 0 { '-' } else { '+' },
            offset_minutes.unsigned_abs(),
        );
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} {zone}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

/// The moment on the viewer's calendar. Offsets beyond a day do not exist; they read as UTC.
fn civil(at: Timestamp, offset_minutes: i32) -> DateTime {
    let offset = Offset::from_seconds(offset_minutes.saturating_mul(60)).unwrap_or(Offset::UTC);
    offset.to_datetime(at)
}

/// The month as three letters.
fn month(number: i8) -> &'static str {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    usize::try_from(number)
        .ok()
        .and_then(|month| MONTHS.get(month.wrapping_sub(1)))
        .copied()
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ages_round_down_and_never_claim_more_time_than_passed() {
        let now = at("2026-11-21T12:00:00Z");
        for (then, words) in [
            ("2026-11-21T11:59:58Z", "now"),
            ("2026-11-21T11:59:17Z", "40 s"),
            ("2026-11-21T11:59:01Z", "55 s"),
            ("2026-11-21T11:59:00Z", "1 min"),
            ("2026-11-21T10:00:01Z", "1 h"),
            ("2026-11-19T12:00:01Z", "47 h"),
            ("2026-11-19T12:00:00Z", "2 d"),
        ] {
            assert_eq!(age(now, at(then)), words, "{then}");
        }
    }

    #[test]
    fn a_moment_ahead_is_said_as_ahead() {
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(
            relative(now, at("2026-11-21T12:00:48Z"), Length::Short),
            "in 48 s"
        );
        assert_eq!(
            relative(now, at("2026-11-21T12:05:00Z"), Length::Long),
            "in 5 minutes"
        );
        assert_eq!(
            relative(now, at("2026-11-21T12:00:03Z"), Length::Long),
            "just now"
        );
        assert_eq!(
            relative(now, at("2026-11-21T11:58:59Z"), Length::Long),
            "1 minute ago"
        );
    }

    #[test]
    fn the_window_says_ages_as_the_terminal_does() {
        let now = at("2026-11-21T12:00:00Z");
        for seconds in [
            -200_000, -3_700, -4, 0, 4, 5, 60, 61, 3_599, 86_400, 172_800,
        ] {
            let then = Timestamp::from_second(now.as_second() - seconds).unwrap();
            assert_eq!(
                relative(now, then, Length::Long),
                api::time::relative(then, now),
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_countdown_that_ran_out_says_now() {
        assert_eq!(countdown(0, Length::Short), "now");
        assert_eq!(countdown(-30, Length::Short), "now");
        assert_eq!(countdown(119, Length::Short), "119 s");
        assert_eq!(countdown(120, Length::Short), "2 min");
    }

    #[test]
    fn took_has_at_most_two_units() {
        assert_eq!(took(372), "6 m 12 s");
        assert_eq!(took(3_600), "1 h");
        assert_eq!(took(3_840), "1 h 4 m");
        assert_eq!(took(90_061), "1 d 1 h");
        assert_eq!(took(180), "3 m");
        assert_eq!(took(7), "7 s");
    }

    #[test]
    fn the_clock_names_the_day_when_it_is_not_today() {
        let now = at("2026-11-21T00:30:00Z");
        assert_eq!(clock(now, at("2026-11-21T00:02:00Z"), 0), "00:02");
        assert_eq!(clock(now, at("2026-11-20T23:02:00Z"), 0), "20 Nov 23:02");
        // The same two moments are one day an hour further east.
        assert_eq!(clock(now, at("2026-11-20T23:02:00Z"), 60), "00:02");
    }

    #[test]
    fn the_exact_moment_carries_its_offset() {
        assert_eq!(
            exact(at("2026-11-21T13:02:11Z"), 60),
            "2026-11-21 14:02:11 UTC+01:00"
        );
        assert_eq!(
            exact(at("2026-11-21T13:02:11Z"), -210),
            "2026-11-21 09:32:11 UTC-03:30"
        );
    }
}
