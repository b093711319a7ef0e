//! `landfall board`: every app in every environment.

use std::process::ExitCode;

use api::Error;
use jiff::Timestamp;

use super::{show, show_json};
use crate::arguments::Board;
use crate::{open, print};

/// Runs the command.
pub async fn run(board: Board) -> Result<ExitCode, Error> {
    let open = open::systems(&board.systems).await?;
    let found = open.console.board(open.patience).await?;
    if board.json {
        show_json(&found)?;
    } else {
        show(&print::board::board(&found, Timestamp::now()));
    }
    let nothing_read = found.rows.is_empty() && !found.unread.is_empty();
    Ok(ExitCode::from(if nothing_read { 3 } else { 0 }))
}
