//! `landfall changes`: what happened, newest first.

use std::process::ExitCode;

use api::Error;
use jiff::Timestamp;

use super::{show, show_json};
use crate::arguments::Changes;
use crate::{open, print};

/// Runs the command.
pub async fn run(changes: Changes) -> Result<ExitCode, Error> {
    let open = open::systems(&changes.systems).await?;
    let mut found = open.console.changes(open.patience).await?;
    let is_empty = found.changes.is_empty();
    found.changes.retain(|change| {
        let environment = change.environment.as_deref();
        let is_there =
            |wanted: &String| environment.is_none_or(|one| one.eq_ignore_ascii_case(wanted));
        let is_its = |wanted: &String| change.app.as_ref() == Some(wanted);
        changes.env.as_ref().is_none_or(is_there) && changes.app.as_ref().is_none_or(is_its)
    });
    if changes.json {
        show_json(&found)?;
    } else {
        show(&print::changes::changes(
            &found,
            changes.all,
            Timestamp::now(),
        ));
    }
    Ok(open.asked(is_empty, !found.notes.is_empty()).await)
}
