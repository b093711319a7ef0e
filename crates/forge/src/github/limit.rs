//! Rate limits: whether a refusal is one, and when it ends. Pure.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// GitHub's word for a secondary limit without a time: "wait at least one minute".
const SECONDARY: SignedDuration = SignedDuration::from_secs(60);

/// Until when a host answers no more requests, if that is what a refusal says.
pub(super) fn limit(
    status: u16,
    headers: &HeaderMap,
    words: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        // No server means more than a day.
        let wait = SignedDuration::from_secs(seconds.clamp(1, 86_400));
        return now.checked_add(wait).ok();
    }
    if number("x-ratelimit-remaining") == Some(0) {
        // The host says it by its own clock, which may be another than ours.
        let there = headers
            .get(DATE)
            .and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok())
            .map_or(now, |date| date.timestamp());
        let wait = number("x-ratelimit-reset")
            .and_then(|at| Timestamp::from_second(at).ok())
            .map_or(SECONDARY, |reset| reset.duration_since(there));
        return now.checked_add(wait.max(SignedDuration::from_secs(1))).ok();
    }
    let is_secondary = status == 429 || words.to_ascii_lowercase().contains("rate limit");
    is_secondary
        .then(|| now.checked_add(SECONDARY).ok())
        .flatten()
}

/// A moment as a sentence says it.
pub(super) fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    reqwest::header::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_used_up_limit_is_told_from_a_refusal() {
        let now = Timestamp::from_second(1_000).unwrap();
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert_eq!(
            limit(403, &headers(&[]), "Resource not accessible", now),
            None
        );
        assert_eq!(
            limit(
                403,
                &headers(&[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1600")
                ]),
                "",
                now
            ),
            at(1_600)
        );
        // The host's clock is 500 seconds ahead of ours.
        assert_eq!(
            limit(
                403,
                &headers(&[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1600"),
                    ("date", "Thu, 01 Jan 1970 00:25:00 GMT")
                ]),
                "",
                now
            ),
            at(1_100)
        );
        assert_eq!(
            limit(429, &headers(&[("retry-after", "30")]), "", now),
            at(1_030)
        );
        assert_eq!(
            limit(
                403,
                &headers(&[]),
                "You have exceeded a secondary rate limit",
                now
            ),
            at(1_060)
        );
        assert_eq!(
            limit(404, &headers(&[("x-ratelimit-remaining", "0")]), "", now),
            None
        );
    }
}
