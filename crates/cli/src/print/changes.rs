//! What happened, in the terminal: one line a change.

use std::fmt::Write;

use api::history::ChangeKind;
use api::{Change, Changes};
use jiff::Timestamp;

use super::{blue, dim, foreign, styled, width, yellow};

/// How many lines are printed unless all are asked for.
const FEW: usize = 40;

/// The list as text.
pub fn changes(found: &Changes, all: bool, now: Timestamp) -> String {
    let mut page = String::new();
    let shown = if all { found.changes.len() } else { FEW };
    let list = found.changes.iter().take(shown);
    let longest = |words: &dyn Fn(&Change) -> usize, most: usize| {
        let lengths = found.changes.iter().take(shown).map(words);
        lengths.max().unwrap_or(0).min(most)
    };
    let app_width = longest(&|change| name(change).chars().count(), 24);
    let place_width = longest(&|change| place(change).chars().count(), 16);
    for change in list {
        let (glyph, style) = match change.kind {
            ChangeKind::Deployment => ("→", blue()),
            ChangeKind::Rollback => ("↶", yellow()),
            ChangeKind::Configuration => ("·", dim()),
        };
        let at = api::time::short_duration(now.duration_since(change.at).as_secs());
        let by = change.by.as_ref().map_or("", |by| by.name());
        let before = format!(
            "{at:>4}  {:<app_width$}  {:<place_width$}  ",
            foreign(name(change), app_width),
            foreign(place(change), place_width)
        );
        let sentence = change.sentence.text(|at| api::time::relative(at, now));
        let room = width().saturating_sub(before.chars().count() + 2).max(30);
        let who = if by.is_empty() {
            String::new()
        } else {
            format!("  {}", foreign(by, 24))
        };
        let said = foreign(&sentence, room.saturating_sub(who.chars().count()));
        let _ = writeln!(
            page,
            "{} {before}{said}{}",
            styled(style, glyph),
            styled(dim(), who)
        );
    }
    if found.changes.is_empty() && !found.notes.is_empty() {
        page.push_str("Nothing is known to have happened.\n");
    } else if found.changes.is_empty() {
        page.push_str("Nothing happened that any system still tells.\n");
    } else if found.changes.len() > shown {
        let more = found.changes.len() - shown;
        let _ = writeln!(page, "{}", styled(dim(), format!("{more} more with --all")));
    }
    for note in &found.notes {
        let note = super::answer::sentence(note, now);
        let _ = writeln!(page, "{} {note}", styled(yellow(), "?"));
    }
    page
}

fn name(change: &Change) -> &str {
    change.app.as_deref().unwrap_or(&change.object.name)
}

fn place(change: &Change) -> &str {
    change.environment.as_deref().unwrap_or(&change.cluster)
}
