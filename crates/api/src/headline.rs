//! A sentence as typed spans, so that each viewer renders commits, objects and times its own way.
//!
//! Owns the spans and their plain text. A sentence never contains a rendered age: an [`Span::Instant`] is a
//! point in time, and whoever shows it says "14 minutes ago" or "at 14:02".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;
use crate::token::without_tokens;

/// A sentence: spans in reading order. Words carry their own spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sentence(pub Vec<Span>);

/// One piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Span {
    /// Our own words.
    Words {
        /// The words, with the spaces and punctuation around them.
        text: String,
    },
    /// An object that can be opened.
    Object {
        /// Which one.
        object: ObjectRef,
    },
    /// A commit that can be opened.
    Commit {
        /// The repository's address, as the images and sources name it.
        repository: String,
        /// The full SHA.
        sha: String,
    },
    /// Somebody else's words: a controller's message, the last line of a log. Always shown as text, never as markup.
    Quote {
        /// What they said, whole.
        text: String,
    },
    /// A name that is not an object: an app, an environment, a branch, a tag, a person.
    Name {
        /// The name.
        text: String,
    },
    /// A point in time that the viewer renders as an age or as a clock time.
    Instant {
        /// When.
        at: Timestamp,
    },
}

/// A sentence quotes no more characters than this. What shows it may cut it shorter.
pub const LONGEST_QUOTE: usize = 2_000;

/// So far beyond where a text is cut it is looked at: a token that the cut parts is still seen to be one. No shape of a token
/// needs more to be told.
const AHEAD: usize = 64;

impl Sentence {
    /// Adds our own words.
    #[must_use]
    pub fn words(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Words { text: text.into() });
        self
    }

    /// Adds an object.
    #[must_use]
    pub fn object(mut self, object: &ObjectRef) -> Self {
        self.0.push(Span::Object {
            object: object.clone(),
        });
        self
    }

    /// Adds a commit.
    #[must_use]
    pub fn commit(mut self, repository: impl Into<String>, sha: impl Into<String>) -> Self {
        self.0.push(Span::Commit {
            repository: repository.into(),
            sha: sha.into(),
        });
        self
    }

    /// Adds somebody else's words without tokens, their first [`LONGEST_QUOTE`] characters: the whole of them is evidence.
    #[must_use]
    pub fn quote(mut self, text: impl Into<String>) -> Self {
        let mut text = without_tokens(&text.into());
        if let Some((end, _)) = text.char_indices().nth(LONGEST_QUOTE) {
            text.truncate(end);
            text.push('…');
        }
        self.0.push(Span::Quote { text });
        self
    }

    /// Adds a name.
    #[must_use]
    pub fn name(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Name { text: text.into() });
        self
    }

    /// Adds a point in time.
    #[must_use]
    pub fn instant(mut self, at: Timestamp) -> Self {
        self.0.push(Span::Instant { at });
        self
    }

    /// Adds another sentence's spans.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sentence as one line of text. `instant` renders points in time; quotes lose line breaks and control
    /// characters, and are cut to 240 characters (the whole text is in the evidence).
    pub fn text(&self, instant: impl Fn(Timestamp) -> String) -> String {
        let mut line = String::new();
        for span in &self.0 {
            match span {
                Span::Words { text } => line.push_str(text),
                Span::Name { text } | Span::Quote { text } => line.push_str(&plain(text, 240)),
                Span::Object { object } => line.push_str(&plain(&object.to_string(), 240)),
                Span::Commit { sha, .. } => line.push_str(short(sha)),
                Span::Instant { at } => line.push_str(&instant(*at)),
            }
        }
        line
    }
}

/// The first seven characters of a SHA, as people write it.
pub fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// Foreign text as one harmless line: control characters (escape sequences, bidirectional overrides) gone, white
/// space collapsed, tokens hidden, at most `longest` characters with an ellipsis for the rest.
pub fn plain(text: &str, longest: usize) -> String {
    // First harmless, then hidden, then cut: what is invisible must not part a token, nor the end of the line.
    let harmless = line(text, longest.saturating_add(AHEAD));
    line(&without_tokens(&harmless), longest)
}

fn line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = !line.is_empty();
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if count >= longest {
            line.push('…');
            return line;
        }
        if space {
            line.push(' ');
            count += 1;
            space = false;
        }
        line.push(c);
        count += 1;
    }
    line
}

/// Characters that change how other characters look or hide between them: bidirectional controls, zero-width
/// marks, the byte-order mark, tag characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_turn_the_line_around() {
        assert_eq!(plain("a\u{1b}[31m\nb\u{202e}c\t\td", 99), "a[31m bc d");
    }

    #[test]
    fn a_server_that_repeats_the_token_it_was_sent_had_it_shown() {
        let said = "forbidden: tok Bearer SECRETK8STOKEN";
        let left = "forbidden: tok Bearer (hidden)";
        assert_eq!(plain(said, 99), left);
        assert_eq!(plain(&said.replace("K8S", "K8\u{200b}S"), 99), left);
        let quoted = Sentence::default().quote(said);
        assert_eq!(
            quoted.0,
            [Span::Quote {
                text: left.to_owned()
            }]
        );
        // Wherever the line is cut, nothing of the token is left before the cut.
        for longest in 0..said.len() {
            assert!(!plain(said, longest).contains("SEC"), "{longest}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(plain("ééééé", 3), "ééé…");
    }
}
