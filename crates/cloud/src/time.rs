//! AWS' instants as ours.

use aws_sdk_ecs::primitives::{DateTime, DateTimeFormat};
use jiff::Timestamp;

/// An instant of an answer.
pub(crate) fn at(instant: Option<&DateTime>) -> Option<Timestamp> {
    let instant = instant?;
    let nanosecond = i32::try_from(instant.subsec_nanos()).unwrap_or_default();
    Timestamp::new(instant.secs(), nanosecond).ok()
}

/// The instant of a `Date` header.
pub(crate) fn of_header(text: &str) -> Option<Timestamp> {
    let instant = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    at(Some(&instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_an_instant() {
        let read = of_header("Mon, 02 Mar 2026 12:00:00 GMT").unwrap();
        assert_eq!(read.to_string(), "2026-03-02T12:00:00Z");
        assert_eq!(of_header("yesterday"), None);
    }
}
