//! `landfall coverage`: what could not be linked to source, each with the line that would fix it.

use std::process::ExitCode;

use api::{BoardRow, Error};
use jiff::Timestamp;

use super::{show, show_json};
use crate::arguments::Coverage;
use crate::{open, print};

/// Runs the command.
pub async fn run(coverage: Coverage) -> Result<ExitCode, Error> {
    let open = open::systems(&coverage.systems).await?;
    let board = open.console.board(open.patience).await?;
    if coverage.json {
        let (linked, unknown) = BoardRow::linked(&board.rows);
        let document = serde_json::json!({
            "version": board.version,
            "linked": linked,
            "unknown": unknown,
            "unlinked": board.unlinked,
            "unread": board.unread,
        });
        show_json(&document)?;
    } else {
        show(&print::coverage::coverage(&board, Timestamp::now()));
    }
    Ok(open.read(&board).await)
}
