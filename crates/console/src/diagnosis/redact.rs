//! What of foreign text may stand in a diagnosis: all but what looks like a secret, and nothing that acts.
//!
//! Owns the guess and its shapes beside those of `api::token`. It guesses too much: a hidden word costs a question, a shown
//! password costs a system. What an object's own variables say under a secret's name is hidden wherever it is repeated. People
//! and hosts stay: who made a change is what is asked for.

mod shapes;

use std::borrow::Cow;

use api::headline::plain;
use api::token::{HIDDEN, without_tokens};

use crate::keys::{hide, is_aws_key, looks_random};

use self::shapes::{NAMES, PATTERNS, RUN, SEQUENCE, WHOLE};

/// A line that is longer is cut to this many characters.
pub const LONGEST_LINE: usize = 600;
/// So far beyond the cut a line is looked at: a secret that the cut parts is still seen to be one.
const AHEAD: usize = 600;
/// Of a longer text only so many bytes are looked at: most of them may be signs that are left out.
const LOOKED_AT: usize = 16 * 1024;
/// How many characters of a key may stand before it is seen to be one.
const EDGE: usize = 64;
/// A known secret of fewer characters is hidden as a word of its own only: "on" and "eu" are in every log.
const SHORT: usize = 6;
/// From how many characters on a line of nothing but base64 is a piece of something encoded.
const BASE64_LINE: usize = 40;

/// Hides what looks like a secret.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    /// Values that are known to be secret, longest first.
    known: Vec<String>,
}

impl Redaction {
    /// One that knows these values to be secret.
    pub fn knowing(values: impl IntoIterator<Item = String>) -> Self {
        let values = values.into_iter();
        let mut known: Vec<String> = values
            .flat_map(|value| {
                let lines: Vec<String> = value.lines().map(|line| line.trim().to_owned()).collect();
                // What has several lines is logged line by line.
                lines.into_iter().chain([value.trim().to_owned()])
            })
            .filter(|value| is_telling(value))
            .collect();
        // The longest first: what is part of another must not leave the rest of it.
        known.sort_by(|a, b| {
            let length = |text: &str| text.chars().count();
            length(b).cmp(&length(a)).then_with(|| a.cmp(b))
        });
        known.dedup();
        Self { known }
    }

    /// Foreign text as one harmless line of at most `longest` characters, without what looks like a secret.
    pub fn line(&self, text: &str, longest: usize) -> String {
        // First harmless and on one line: what is invisible must not part a secret, nor the end of a line.
        let (text, is_cut) = begin(text);
        let seen: String = without_sequences(text)
            .chars()
            .filter(|c| is_seen(*c))
            .collect();
        let text = plain(&seen, longest.saturating_add(AHEAD + 1));
        self.shown(&text, longest, is_cut)
    }

    /// Lines of a log, each harmless and cut to [`LONGEST_LINE`], with their spaces, without what looks like a secret. What has
    /// several lines is seen to be one.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        let mut shown: Vec<String> = Vec::with_capacity(lines.len());
        let (mut within_key, mut within_base64) = (false, false);
        for line in lines {
            let (line, is_cut) = begin(line);
            let line = harmless(line);
            if within_key {
                within_key = !is_end(&line);
                shown.push(HIDDEN.to_owned());
                continue;
            }
            if is_end(&line) && !line.contains("-----BEGIN") {
                // The log begins in the middle of a key.
                shown.fill(HIDDEN.to_owned());
                shown.push(HIDDEN.to_owned());
                continue;
            }
            within_key = is_begin_alone(&line);
            // The last line of something encoded is a short one.
            let least = if within_base64 { 1 } else { BASE64_LINE };
            within_base64 = is_base64_alone(&line, least);
            if within_base64 {
                shown.push(HIDDEN.to_owned());
                continue;
            }
            shown.push(self.shown(&line, LONGEST_LINE, is_cut));
        }
        shown
    }

    /// A variable's value as it may be shown; `None` where it may not.
    pub fn value(&self, name: &str, value: &str) -> Option<String> {
        const LONGEST: usize = 120;
        if says_secret(name) || value.lines().count() > 1 || value.chars().count() > LONGEST {
            return None;
        }
        let shown = self.line(value, LONGEST);
        // Half a value is read as the whole.
        (shown == value.trim()).then_some(shown)
    }

    /// A harmless text without what looks like a secret, cut to `longest` characters.
    /// `is_cut`: its end is missing already.
    fn shown(&self, text: &str, longest: usize, is_cut: bool) -> String {
        let (looked_at, is_cut) = match text.char_indices().nth(longest.saturating_add(AHEAD)) {
            Some((end, _)) => (text.get(..end).unwrap_or_default(), true),
            None => (text, is_cut),
        };
        let mut shown = self.hide(looked_at);
        if is_cut {
            // What is hidden makes the text shorter: a secret that its end parts must not come into sight.
            let known = self.known.first().map_or(0, |known| known.chars().count());
            let left = shown.chars().count().saturating_sub(EDGE.max(known));
            shown = shown.chars().take(left).chain(['…']).collect();
        }
        cut(&shown, longest)
    }

    fn hide(&self, text: &str) -> String {
        let (Some(run), Some(whole)) = (&*RUN, &*WHOLE) else {
            return HIDDEN.to_owned();
        };
        let mut text = self.without_known(text);
        // First of all: what an address takes of such a key leaves the rest of it.
        text = hide(whole, &text, is_aws_key);
        for (shape, left) in PATTERNS.iter() {
            if let Cow::Owned(changed) = shape.replace_all(&text, *left) {
                text = changed;
            }
        }
        hide(run, &without_tokens(&text), looks_random)
    }

    fn without_known(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for known in &self.known {
            if known.chars().count() >= SHORT {
                text = text.replace(known.as_str(), HIDDEN);
            } else {
                text = without_word(&text, known);
            }
        }
        text
    }
}

/// Whether a variable's name says that its value is secret.
pub fn says_secret(name: &str) -> bool {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | '.'));
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    // "key" alone says nothing in the middle of a name: monkey, keyspace.
    letters.ends_with("key") || NAMES.iter().any(|name| letters.contains(name))
}

/// Whether a value under a secret's name can be one: switches, counts and paths stand in every log.
fn is_telling(value: &str) -> bool {
    const SWITCHES: [&str; 8] = [
        "true", "false", "none", "null", "yes", "enabled", "disabled", "default",
    ];
    let is_count = value.len() < SHORT && value.bytes().all(|c| c.is_ascii_digit());
    let is_elsewhere = value.starts_with('/') || value.starts_with("$(");
    value.chars().count() > 2
        && !is_count
        && !is_elsewhere
        && !SWITCHES
            .iter()
            .any(|switch| value.eq_ignore_ascii_case(switch))
}

/// A text without a word.
fn without_word(text: &str, word: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in text.match_indices(word) {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let end = at + found.len();
        let after = text.get(end..).and_then(|text| text.chars().next());
        let parts = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        if parts(before) && parts(after) {
            left.push_str(text.get(from..at).unwrap_or_default());
            left.push_str(HIDDEN);
            from = end;
        }
    }
    left.push_str(text.get(from..).unwrap_or_default());
    left
}

/// What is looked at of a text, and whether that is not all.
fn begin(text: &str) -> (&str, bool) {
    if text.len() <= LOOKED_AT {
        return (text, false);
    }
    let end = text.floor_char_boundary(LOOKED_AT);
    (text.get(..end).unwrap_or_default(), true)
}

/// A line with its spaces, and nothing in it that acts, hides or turns around.
fn harmless(line: &str) -> String {
    let line = without_sequences(line);
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => shown.push_str("    "),
            _ if c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') => {
                shown.push(' ');
            }
            // What `plain` leaves of a single character is nothing where it acts or hides.
            _ if plain(c.encode_utf8(&mut [0; 4]), 1).is_empty() => {}
            _ if !is_seen(c) => {}
            _ => shown.push(c),
        }
    }
    shown
}

/// Whether a character is one that `plain` takes out, or one that is seen: no soft hyphen, no filler, nothing that only changes
/// the look of the one before.
fn is_seen(c: char) -> bool {
    !matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn without_sequences(text: &str) -> Cow<'_, str> {
    match &*SEQUENCE {
        Some(sequence) => sequence.replace_all(text, ""),
        None => Cow::Borrowed(text),
    }
}

fn cut(line: &str, longest: usize) -> String {
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Whether a private key begins in a line and does not end in it.
fn is_begin_alone(line: &str) -> bool {
    let begun = line.rsplit_once("-----BEGIN").map(|(_, rest)| rest);
    begun.is_some_and(|rest| rest.contains("PRIVATE KEY") && !rest.contains("-----END"))
}

fn is_end(line: &str) -> bool {
    let end = line.split_once("-----END").map(|(_, rest)| rest);
    end.is_some_and(|rest| rest.contains("PRIVATE KEY"))
}

/// Whether a line is nothing but base64, beside the time at its beginning. Digests and commits are hexadecimal.
fn is_base64_alone(line: &str, least: usize) -> bool {
    let last = line.rsplit(' ').next().unwrap_or_default();
    let before = line.strip_suffix(last).unwrap_or_default().trim();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let is_time = before.is_empty() || before.parse::<jiff::Timestamp>().is_ok();
    is_time
        && last.len() >= least
        && last.chars().all(is_base64)
        && last
            .chars()
            .any(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '=')
        && !last.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
