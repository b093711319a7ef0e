//! What is not linked to source, in the terminal.

use std::fmt::Write;

use api::{Board, BoardRow};
use jiff::Timestamp;

use super::{bold, dim, foreign, green, styled, width, wrapped, yellow};

/// The list as text.
pub fn coverage(board: &Board, now: Timestamp) -> String {
    let mut page = String::new();
    let (linked, unknown) = BoardRow::linked(&board.rows);
    let missing = board.unlinked.len();
    let mut words = format!(
        "{linked} of {} workloads are linked to the source they are built from",
        linked + unknown + missing
    );
    if unknown > 0 {
        words.push_str(&format!("; of {unknown} that is not known"));
    }
    words.push('.');
    let is_whole = missing == 0 && unknown == 0 && board.unread.is_empty();
    let style = if is_whole { green() } else { bold() };
    let _ = writeln!(page, "{}", styled(style, words));
    for one in &board.unlinked {
        let title = format!("{} on {}", one.workload, one.workload.system);
        let _ = writeln!(page, "\n{} {}", styled(yellow(), "?"), foreign(&title, 200));
        let _ = writeln!(page, "  {}", styled(dim(), foreign(&one.image, 200)));
        let _ = writeln!(
            page,
            "  {}",
            wrapped(&foreign(&one.fix, 600), width().saturating_sub(2), "  ")
        );
    }
    for unread in &board.unread {
        let unread = super::answer::sentence(unread, now);
        let _ = writeln!(page, "{} {unread}", styled(yellow(), "?"));
    }
    page
}
