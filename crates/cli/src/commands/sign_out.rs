//! `landfall sign-out`: ends the sign-in on this machine and at the provider, or that at a code host on this machine.

use std::process::ExitCode;

use api::{Error, SignInState};

use super::show;
use super::sign_in::{code_host, no_team, of_team, stands};
use crate::arguments::SignOut;
use crate::print::foreign;

/// Runs the command.
pub async fn run(arguments: SignOut) -> Result<ExitCode, Error> {
    if let Some(host) = &arguments.code_host {
        let said = code_host(host, arguments.team)?.sign_out().await?;
        // The names and addresses in it are the team file's.
        show(&format!("{}\n", foreign(&said, 1000)));
        return Ok(ExitCode::SUCCESS);
    }
    let signing_in = of_team(arguments.team)?.ok_or_else(no_team)?;
    let before = stands(&signing_in).await;
    // However it stands: what cannot be read now may still be kept.
    signing_in.sign_out().await?;
    let was_out = matches!(before.state, SignInState::SignedOut { .. });
    show(match (was_out, before.not_kept) {
        (true, None) => "Nobody was signed in.\n",
        (true, Some(_)) => "Nobody is signed in, and there is no keyring that could keep it.\n",
        (false, _) => "Signed out.\n",
    });
    Ok(ExitCode::SUCCESS)
}
