//! What is not linked to source, in the terminal.

use std::fmt::Write;

use api::Board;
use jiff::Timestamp;

use super::{bold, dim, foreign, green, styled, width, wrapped, yellow};

/// The list as text.
pub fn coverage(board: &Board, now: Timestamp) -> String {
    let mut page = String::new();
    let linked: usize = board.rows.iter().map(|row| row.cells.len()).sum();
    let missing = board.unlinked.len();
    let words = format!(
        "{linked} of {} workloads are linked to the source they are built from.",
        linked + missing
    );
    let style = if missing == 0 { green() } else { bold() };
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
