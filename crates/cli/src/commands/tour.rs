//! `landfall tour`: what a machine without a display shows of the embedded company.

use std::process::ExitCode;

use api::error::Code;
use api::{Ask, Error};
use console::Console;
use jiff::Timestamp;
use sandbox::start::Options;

use super::show;
use crate::arguments::Tour;
use crate::print;
use crate::print::{bold, styled};

/// How long to wait for the embedded company, which is on this machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs the command.
pub async fn run(tour: Tour) -> Result<ExitCode, Error> {
    let served = crate::open::serve(
        Options {
            seed: tour.seed,
            ..Options::default()
        },
        None,
    )
    .await?;
    let console = Console::open(&crate::open::sources(&served))?;
    let board = console.board(PATIENCE).await?;
    show(&print::board::board(&board, Timestamp::now()));
    let telling = served.sandbox.most_telling().ok_or_else(|| {
        Error::new(
            Code::Internal,
            "the embedded company has no situation to tell",
        )
    })?;
    show(&format!(
        "\n{}\n\n",
        styled(bold(), format!("landfall why {}", telling.ask))
    ));
    let ask = Ask {
        text: telling.ask.clone(),
        app: telling.app.clone(),
        environment: telling.environment.clone(),
        repository: None,
    };
    let answer = console.answer(ask, PATIENCE).await?;
    show(&print::answer::answer(&answer, false));
    // This is a tour, not a question: a blocked commit is what it is meant to show.
    Ok(ExitCode::SUCCESS)
}
