//! Numbers in sentences.
//!
//! Owns nothing else.

/// `1 pod`, `3 pods`.
pub(super) fn pods(number: i64) -> String {
    many(number, "pod")
}

pub(super) fn many(number: i64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// `is` after one, `are` after more.
pub(super) fn are(number: i64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}
