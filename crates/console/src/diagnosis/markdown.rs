//! Foreign text within Markdown: always as code, and never able to end it.
//!
//! Owns how a report is put together, so that no line of a log and no name of an object is a heading, a link, a picture or
//! somebody's mention, wherever it is pasted.

use api::headline::short;
use api::{Sentence, Span};

use super::redact::Redaction;

/// The longest text within a line.
pub const LONGEST: usize = 600;

/// A report under way.
pub struct Page<'a> {
    text: String,
    redaction: &'a Redaction,
    most: usize,
    is_full: bool,
}

impl<'a> Page<'a> {
    /// An empty one, whose foreign text passes this.
    pub fn new(redaction: &'a Redaction) -> Self {
        Self {
            text: String::new(),
            redaction,
            most: usize::MAX,
            is_full: false,
        }
    }

    /// From now on it grows to so many bytes, blocks aside: further lines are left out.
    pub fn grow_to(&mut self, most: usize) {
        self.most = most;
        self.is_full = false;
    }

    /// Whether lines were left out since.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// A heading of our own words, and of code.
    pub fn heading(&mut self, level: usize, words: &str) {
        if !self.text.is_empty() {
            self.line("");
        }
        self.line(&format!("{} {words}", "#".repeat(level)));
        self.line("");
    }

    /// A line as it is.
    pub fn line(&mut self, words: &str) {
        if self.text.len() + words.len() >= self.most {
            self.is_full = true;
        }
        if !self.is_full {
            self.push(words);
        }
    }

    fn push(&mut self, words: &str) {
        self.text.push_str(words);
        self.text.push('\n');
    }

    /// A line of a list.
    pub fn item(&mut self, depth: usize, words: &str) {
        self.line(&format!("{}- {words}", "  ".repeat(depth)));
    }

    /// Lines that are foreign, as a block; they have passed [`Redaction::lines`].
    pub fn block(&mut self, lines: &[String]) {
        let longest = lines.iter().map(|line| backticks(line)).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        // Whole, or what comes behind it would be in it.
        self.push(&format!("{fence}text"));
        for line in lines {
            self.push(line);
        }
        self.push(&fence);
    }

    /// Foreign text as code within a line.
    pub fn code(&self, text: &str) -> String {
        if self.is_full {
            // It would be left out.
            return String::new();
        }
        let text = self.redaction.line(text, LONGEST);
        if text.is_empty() {
            return "(nothing)".to_owned();
        }
        let fence = "`".repeat(backticks(&text) + 1);
        // With a space on either side what begins or ends with a backtick stays itself.
        match text.starts_with('`') || text.ends_with('`') {
            true => format!("{fence} {text} {fence}"),
            false => format!("{fence}{text}{fence}"),
        }
    }

    /// A sentence of ours, and what is foreign in it as code.
    pub fn sentence(&self, sentence: &Sentence) -> String {
        let spans = sentence.0.iter().map(|span| match span {
            Span::Words { text } => self.words(text),
            Span::Name { text } | Span::Quote { text } => self.code(text),
            Span::Object { object } => self.code(&object.to_string()),
            Span::Commit { sha, .. } => self.code(short(sha)),
            Span::Instant { at } => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        });
        spans.collect()
    }

    /// Words that are ours, or of which that is not certain: whatever Markdown would read as a sign is one letter.
    pub fn words(&self, text: &str) -> String {
        let (begins, ends) = (text.starts_with(' '), text.ends_with(' '));
        let text = self.redaction.line(text, LONGEST);
        let mut plain = String::with_capacity(text.len() + 2);
        if begins {
            plain.push(' ');
        }
        for c in text.chars() {
            if matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!' | '@'
            ) {
                plain.push('\\');
            }
            plain.push(c);
        }
        if ends && !plain.ends_with(' ') {
            plain.push(' ');
        }
        plain
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// The whole.
    pub fn end(self) -> String {
        self.text
    }
}

/// The most backticks in a row.
fn backticks(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_log_line_ended_its_block() {
        let redaction = Redaction::default();
        let mut page = Page::new(&redaction);
        page.block(&["```".to_owned(), "# x ````".to_owned()]);
        assert_eq!(page.end(), "`````text\n```\n# x ````\n`````\n");
    }

    #[test]
    fn a_name_is_no_link_and_no_mention() {
        let redaction = Redaction::default();
        let page = Page::new(&redaction);
        assert_eq!(
            page.code("[x](https://evil) @all"),
            "`[x](https://evil) @all`"
        );
        assert_eq!(page.code("`a``b"), "``` `a``b ```");
        assert_eq!(page.words(" by @all <img> "), " by \\@all \\<img\\> ");
        assert_eq!(page.code("\u{1b}[2J"), "(nothing)");
    }

    proptest! {
        #[test]
        fn nothing_ends_its_code(text in "[`a \n#-]{0,40}") {
            let redaction = Redaction::default();
            let code = Page::new(&redaction).code(&text);
            prop_assert!(!code.contains('\n'));
            if code != "(nothing)" {
                let fence = code.len() - code.trim_start_matches('`').len();
                let inner = &code[fence..code.len() - fence];
                prop_assert!(backticks(inner) < fence, "{code}");
                prop_assert!(!inner.starts_with('`') && !inner.ends_with('`'), "{code}");
            }
            let mut page = Page::new(&redaction);
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            page.block(&lines);
            let text = page.end();
            let fence = text.lines().next_back().unwrap_or_default();
            prop_assert_eq!(text.lines().filter(|line| line.trim().starts_with(fence)).count(), 2);
        }
    }
}
