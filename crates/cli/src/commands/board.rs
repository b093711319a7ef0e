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
    Ok(open.read(&found).await)
}
