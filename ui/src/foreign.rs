//! Text that others wrote, made safe to look at: whole, but unable to hide or turn around what stands beside it.
//!
//! Owns what stands for characters that have no look of their own. That foreign text is only ever a text node, never
//! markup, is kept by the views: none of them sets inner HTML.

use std::fmt::Write as _;

/// How many characters of a document are shown at once: a megabyte in one element makes a webview stutter.
pub const PAGE: usize = 200_000;

/// Foreign text of many lines: line ends and tabs stay, every other control character becomes its picture (␛), and
/// characters that reorder or hide text become their number (⟨U+202E⟩).
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\u{00}'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            _ if hides(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// Foreign text as one line that keeps its ends when it is long: the beginning says what, the end says why.
pub fn line(text: &str) -> String {
    api::headline::plain(text, 2_000)
}

/// The first [`PAGE`] characters, cut at a character, and whether something is left out.
pub fn page(text: &str) -> (&str, bool) {
    match text.char_indices().nth(PAGE) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), true),
        None => (text, false),
    }
}

/// Characters without a look of their own that change how others look: C1 controls, bidirectional controls,
/// zero-width marks, separators that some views break lines at, the byte-order mark, tag characters.
fn hides(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible_and_lines_stay() {
        assert_eq!(visible("a\u{1b}[31mb\n\tc\u{7f}\0"), "a␛[31mb\n\tc␡␀");
        assert_eq!(visible("one\r\ntwo\rthree"), "one\ntwo␍three");
    }

    #[test]
    fn text_cannot_be_turned_around() {
        assert_eq!(
            visible("image\u{202e}gpj.exe\u{200b}"),
            "image⟨U+202E⟩gpj.exe⟨U+200B⟩"
        );
    }

    #[test]
    fn a_page_ends_at_a_character() {
        let text = "é".repeat(PAGE + 1);
        let (shown, more) = page(&text);
        assert_eq!(shown.chars().count(), PAGE);
        assert!(more);
        assert_eq!(page("short"), ("short", false));
    }
}
