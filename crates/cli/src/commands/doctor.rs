//! `landfall doctor`: which systems answer, as whom, until when, what may not be read there, and who could grant it.

use std::io::Write;
use std::process::ExitCode;

use api::{ConnectionState, Error};

use super::{show, show_json};
use crate::arguments::Doctor;
use crate::{open, print};

/// Runs the command.
pub async fn run(doctor: Doctor) -> Result<ExitCode, Error> {
    let open = open::systems(&doctor.systems).await?;
    // The board asks everything that can be asked, so that every system has had to answer.
    open.console.board(open.patience).await?;
    let connections = open
        .console
        .watch_connections()
        .settled(open.patience)
        .await
        .unwrap_or_default();
    if doctor.json {
        show_json(
            &serde_json::json!({ "version": api::JSON_VERSION, "connections": connections }),
        )?;
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
        let _closed = writeln!(
            anstream::stderr(),
            "wrote {}: read it before you send it",
            written.display()
        );
    }
    let well = connections
        .iter()
        .all(|connection| matches!(connection.state, ConnectionState::Live { .. }));
    Ok(ExitCode::from(if well { 0 } else { 3 }))
}
