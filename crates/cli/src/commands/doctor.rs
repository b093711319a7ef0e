//! `landfall doctor`: which systems answer, as whom, until when, what may not be read there, and who could grant it.

use std::process::ExitCode;

use api::{ConnectionState, Error};

use super::{say, show, show_json};
use crate::arguments::Doctor;
use crate::{exit, open, print};

/// Runs the command.
pub async fn run(doctor: Doctor) -> Result<ExitCode, Error> {
    let open = open::for_doctor(&doctor.systems).await?;
    if let Some(why) = &open.lacking {
        exit::say(why);
    }
    // The board asks everything that can be asked, so that every system has had to answer.
    open.console.board(open.patience).await?;
    let connections = open
        .console
        .watch_connections()
        .settled(open.patience)
        .await
        .unwrap_or_default();
    if doctor.json {
        let mut document =
            serde_json::json!({ "version": api::JSON_VERSION, "connections": connections });
        if let Some(sign_in) = &open.sign_in {
            document["signIn"] = serde_json::json!(sign_in);
        }
        show_json(&document)?;
    } else {
        let now = jiff::Timestamp::now();
        show(&print::connections::connections(
            &connections,
            doctor.all,
            now,
        ));
    }
    if let Some(file) = &doctor.bundle {
        let written = open.console.export_bundle(Some(file), open.patience);
        let written = written.await?;
        // Beside the document that --json promises, not in it.
        say(&format!(
            "wrote {}: read it before you send it",
            written.display()
        ));
    }
    let mut connections = connections.iter();
    let all_live =
        connections.all(|connection| matches!(connection.state, ConnectionState::Live { .. }));
    let well = all_live && open.lacking.is_none();
    Ok(ExitCode::from(if well { 0 } else { 3 }))
}
