//! Points in time as words, the same in the window and in the terminal.

use jiff::Timestamp;

/// How long ago, or until when: "just now", "14 minutes ago", "in 3 minutes", "2 days ago". Whole units, rounded
/// down, so that nothing is said to be older or later than it is.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let words = duration(seconds.abs());
    match seconds {
        -4..=4 => "just now".to_owned(),
        5.. => format!("{words} ago"),
        _ => format!("in {words}"),
    }
}

/// A length of time in one unit: "42 seconds", "1 minute", "3 hours", "2 days".
pub fn duration(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The same in as few characters as a table has: "42s", "1m", "3h", "2d".
pub fn short_duration(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_words() {
        let now = Timestamp::from_second(1_000_000).expect("a time");
        let at = |seconds: i64| {
            relative(
                Timestamp::from_second(1_000_000 + seconds).expect("a time"),
                now,
            )
        };
        assert_eq!(at(-2), "just now");
        assert_eq!(at(-60), "1 minute ago");
        assert_eq!(at(-3599), "59 minutes ago");
        assert_eq!(at(200), "in 3 minutes");
        assert_eq!(at(-200_000), "2 days ago");
    }
}
