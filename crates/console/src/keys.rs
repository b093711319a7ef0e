//! Keys that nothing names as such: what looks like one, and hiding it.
//!
//! Owns the guess by a key's form alone, for all that leaves this machine as a file: the bundle and a diagnosis.

use api::token::HIDDEN;
use regex::{Captures, Regex};

/// From how many characters on capitals, small letters and digits in one are taken for a key.
const KEY_LENGTH: usize = 24;

/// How many characters AWS' secret keys have: letters of base64, so that every other one has a slash.
const AWS_KEY_LENGTH: usize = 40;

/// The text with every such part hidden that is a secret by this.
pub(crate) fn hide(part: &Regex, text: &str, is_secret: fn(&str) -> bool) -> String {
    let shown = |part: &Captures<'_>| {
        let part = part.get(0).map_or("", |part| part.as_str());
        if is_secret(part) { HIDDEN } else { part }.to_owned()
    };
    part.replace_all(text, shown).into_owned()
}

/// Whether it has the form of a secret access key of AWS.
pub(crate) fn is_aws_key(part: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+');
    let has = |is: fn(&char) -> bool| part.chars().any(|c| is(&c));
    part.len() == AWS_KEY_LENGTH
        && part.chars().all(is_base64)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
}

/// Whether nobody would have chosen it: long, of capital and small letters and digits.
pub(crate) fn looks_random(run: &str) -> bool {
    let has = |is: fn(&char) -> bool| run.chars().filter(is).count();
    run.len() >= KEY_LENGTH
        && has(char::is_ascii_uppercase) >= 2
        && has(char::is_ascii_lowercase) >= 2
        && has(char::is_ascii_digit) >= 2
}
