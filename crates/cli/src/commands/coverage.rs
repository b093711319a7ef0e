//! `landfall coverage`: what could not be linked to source, each with the line that would fix it.

use std::process::ExitCode;

use api::Error;
use jiff::Timestamp;

use super::{show, show_json};
use crate::arguments::Coverage;
use crate::{open, print};

/// Runs the command.
pub async fn run(coverage: Coverage) -> Result<ExitCode, Error> {
    let open = open::systems(&coverage.systems).await?;
    let board = open.console.board(open.patience).await?;
    if coverage.json {
        let document = serde_json::json!({
            "version": board.version,
            "linked": board.rows.iter().map(|row| row.cells.len()).sum::<usize>(),
            "unlinked": board.unlinked,
            "unread": board.unread,
        });
        show_json(&document)?;
    } else {
        show(&print::coverage::coverage(&board, Timestamp::now()));
    }
    Ok(ExitCode::SUCCESS)
}
