//! The board in the terminal: what needs attention, then apps down and environments across.

use std::fmt::Write;

use api::headline::short;
use api::journey::Health;
use api::{Board, BoardCell, State};
use jiff::Timestamp;

use super::{bold, dim, foreign, green, red, state, styled, width, wrapped, yellow};

/// The whole board as text.
pub fn board(board: &Board, now: Timestamp) -> String {
    let mut page = String::new();
    if board.rows.is_empty() {
        // A table of nothing would read as one of everything.
        page.push_str(match board.unread.is_empty() {
            true => "No app was found.\n",
            false => "No app was found in what could be read.\n",
        });
    } else {
        write_attention(&mut page, board, now);
        write_rows(&mut page, board);
    }
    for unlinked in &board.unlinked {
        // The same workload may be on several clusters.
        let line = format!(
            "{} on {} runs {}: {}",
            unlinked.workload, unlinked.workload.system, unlinked.image, unlinked.fix
        );
        let _ = writeln!(
            page,
            "{} {}",
            styled(dim(), "unlinked"),
            foreign(&line, 300)
        );
    }
    for unread in &board.unread {
        let _ = writeln!(
            page,
            "{} {}",
            styled(yellow(), "?"),
            super::answer::sentence(unread, now)
        );
    }
    page
}

/// Apps down, environments across.
fn write_rows(page: &mut String, board: &Board) {
    let columns = columns(board);
    let app_width = board
        .rows
        .iter()
        .map(|row| row.app.chars().count())
        .max()
        .unwrap_or(3)
        .clamp(3, 32);
    let cell_width = 32;
    let _ = write!(page, "{}", styled(bold(), format!("{:<app_width$}", "app")));
    for (environment, cluster) in &columns {
        let title = if columns
            .iter()
            .filter(|(other, _)| other == environment)
            .count()
            > 1
        {
            format!("{environment} ({cluster})")
        } else {
            environment.clone()
        };
        let _ = write!(
            page,
            "  {}",
            styled(
                bold(),
                format!("{:<cell_width$}", foreign(&title, cell_width - 1))
            )
        );
    }
    page.push('\n');
    for row in &board.rows {
        let _ = write!(page, "{:<app_width$}", foreign(&row.app, app_width));
        for (environment, cluster) in &columns {
            let cell = row
                .cells
                .iter()
                .find(|cell| &cell.environment == environment && &cell.cluster == cluster);
            let (text, length) = cell.map_or_else(|| (String::new(), 0), cell_text);
            let _ = write!(
                page,
                "  {text}{}",
                " ".repeat(cell_width.saturating_sub(length))
            );
        }
        while page.ends_with(' ') {
            page.pop();
        }
        page.push('\n');
    }
}

/// Cells that will not mend themselves, each with its sentence.
fn write_attention(page: &mut String, board: &Board, now: Timestamp) {
    let mut begun = false;
    for row in &board.rows {
        for cell in &row.cells {
            let (glyph, _, style) = state(cell.delivery.state);
            if !matches!(cell.delivery.state, State::Blocked | State::RolledBack) {
                continue;
            }
            if !begun {
                let _ = writeln!(page, "{}", styled(bold(), "Needs attention"));
                begun = true;
            }
            let text = super::answer::sentence(&cell.delivery.headline, now);
            let _ = writeln!(
                page,
                "  {} {}",
                styled(style, glyph),
                wrapped(&text, width().saturating_sub(4), "    ")
            );
        }
    }
    if begun {
        page.push('\n');
    }
}

/// Every target that any app has, environments in the board's order.
fn columns(board: &Board) -> Vec<(String, String)> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for environment in &board.environments {
        for cell in board.rows.iter().flat_map(|row| &row.cells) {
            let column = (cell.environment.clone(), cell.cluster.clone());
            if &cell.environment == environment && !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    columns
}

/// A cell's text with its styles, and its length without them.
fn cell_text(cell: &BoardCell) -> (String, usize) {
    let (dot, style, version) = match &cell.running {
        None => ("·", dim(), "nothing".to_owned()),
        Some(running) => {
            let (dot, style) = match running.health {
                Health::Healthy => ("●", green()),
                Health::Degraded => ("◐", yellow()),
                Health::Down => ("○", red()),
                Health::ScaledToZero => ("○", dim()),
                Health::Unknown => ("?", yellow()),
            };
            (
                dot,
                style,
                running
                    .commit
                    .as_ref()
                    .map_or("no commit".to_owned(), |commit| {
                        short(&commit.sha).to_owned()
                    }),
            )
        }
    };
    let (glyph, word, delivery_style) = state(cell.delivery.state);
    let words = match (cell.delivery.state, cell.delivery.behind) {
        (State::Deployed, _) => "current".to_owned(),
        // What the newest commit does not change is not behind it.
        (State::NotAffected, _) => word.to_owned(),
        (_, Some(behind)) if behind > 0 => format!("{word}, {behind} behind"),
        _ => word.to_owned(),
    };
    let length = 2 + version.chars().count() + 2 + 2 + words.chars().count();
    let text = format!(
        "{} {version}  {} {words}",
        styled(style, dot),
        styled(delivery_style, glyph)
    );
    (text, length)
}
