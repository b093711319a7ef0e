//! What the terminal shows: answers, the board, connections, plans and runs. Plain when piped: anstream drops the colours.
//!
//! Owns the shared pieces: colours, glyphs with their words, foreign text, lines that fit.

pub mod actions;
pub mod acts;
pub mod answer;
pub mod approvals;
pub mod audit;
pub mod board;
pub mod changes;
pub mod connections;
pub mod coverage;
pub mod plan;
pub mod run;

use anstyle::{AnsiColor, Style};
use api::{StageState, State};

/// Foreign text as one line that cannot move the cursor, whole up to `longest` characters.
pub fn foreign(text: &str, longest: usize) -> String {
    api::headline::plain(text, longest)
}

/// A state's glyph, words and colour: word and shape first, colour last.
pub fn state(state: State) -> (&'static str, &'static str, Style) {
    match state {
        State::Deployed => ("✓", "deployed", green()),
        State::Superseded => ("✓", "superseded", green()),
        State::NotAffected => ("–", "not affected", dim()),
        State::Moving => ("→", "moving", blue()),
        State::Waiting => ("…", "waiting", blue()),
        State::NeedsPromotion => ("↑", "needs promotion", yellow()),
        State::Blocked => ("✗", "blocked", red()),
        State::RolledBack => ("✗", "rolled back", red()),
        State::Reverted => ("↶", "reverted", yellow()),
        State::Unknown => ("?", "unknown", yellow()),
    }
}

/// A stage's glyph and colour.
pub fn stage(state: &StageState) -> (&'static str, Style) {
    match state {
        StageState::NotReached => ("·", dim()),
        StageState::Done => ("✓", green()),
        StageState::Moving => ("→", blue()),
        StageState::Waiting { .. } => ("…", blue()),
        StageState::Blocked => ("✗", red()),
        StageState::Skipped { .. } => ("–", dim()),
        StageState::Unknown { .. } => ("?", yellow()),
    }
}

/// Text in a style.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How wide the terminal is; 100 when it is none.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0).max(40))
}

/// Breaks a line at spaces to `width`, later lines indented.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push('\n');
            lines.push_str(indent);
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word_length;
    }
    lines
}

pub fn bold() -> Style {
    Style::new().bold()
}

pub fn dim() -> Style {
    Style::new().dimmed()
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

pub fn green() -> Style {
    colour(AnsiColor::Green)
}

pub fn red() -> Style {
    colour(AnsiColor::Red)
}

pub fn yellow() -> Style {
    colour(AnsiColor::Yellow)
}

pub fn blue() -> Style {
    colour(AnsiColor::Blue)
}
