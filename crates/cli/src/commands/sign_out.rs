//! `landfall sign-out`: ends the sign-in on this machine and at the provider.

use std::process::ExitCode;

use api::{Error, SignInState};
use console::{Console, Sources};

use super::show;
use super::sign_in::{no_team, stands};
use crate::arguments::SignOut;

/// Runs the command.
pub async fn run(arguments: SignOut) -> Result<ExitCode, Error> {
    let console = Console::open(&Sources {
        team: arguments.team,
        data: console::data_folder(),
        ..Sources::default()
    })?;
    let signing_in = console.signing_in().ok_or_else(no_team)?;
    let was_out = matches!(
        stands(&signing_in).await.state,
        SignInState::SignedOut { .. }
    );
    signing_in.sign_out().await?;
    show(if was_out {
        "Nobody was signed in.\n"
    } else {
        "Signed out.\n"
    });
    Ok(ExitCode::SUCCESS)
}
