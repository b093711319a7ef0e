//! The connections in the terminal: which systems answer, as whom, and what may not be read there.

use std::fmt::Write;

use api::connection::SystemKind;
use api::{Connection, ConnectionState};

use super::{blue, bold, dim, foreign, green, red, styled, yellow};

/// All connections as text.
pub fn connections(connections: &[Connection]) -> String {
    let mut page = String::new();
    for connection in connections {
        let kind = match connection.kind {
            SystemKind::Cluster => "cluster",
            SystemKind::Ecs => "Amazon ECS",
            SystemKind::CodeHost => "code host",
            SystemKind::Registry => "registry",
        };
        let (glyph, words) = state(&connection.state);
        let identity = connection
            .identity
            .as_ref()
            .map(|who| format!(" as {}", foreign(who, 100)))
            .unwrap_or_default();
        let _ = writeln!(
            page,
            "{glyph} {} {}{identity}  {}",
            styled(bold(), foreign(&connection.name, 100)),
            styled(
                dim(),
                format!("{kind} at {}", foreign(&connection.address, 200))
            ),
            words
        );
        for refusal in &connection.refusals {
            let _ = writeln!(
                page,
                "    {} {}",
                styled(yellow(), "may not"),
                foreign(refusal, 300)
            );
        }
    }
    page
}

fn state(state: &ConnectionState) -> (String, String) {
    match state {
        ConnectionState::Connecting => (styled(blue(), "…"), "connecting".to_owned()),
        ConnectionState::Syncing { seen } => (
            styled(blue(), "…"),
            format!("reading, {seen} objects so far"),
        ),
        ConnectionState::Live { .. } => (styled(green(), "✓"), "live".to_owned()),
        ConnectionState::Degraded { error, .. } => (
            styled(yellow(), "!"),
            format!("degraded: {}", foreign(error, 400)),
        ),
        // No right is missing: nobody is asking.
        ConnectionState::Denied { verb, resource } if verb == "sign in" => (
            styled(red(), "✗"),
            format!("not signed in: {}", foreign(resource, 400)),
        ),
        ConnectionState::Denied { verb, resource } => (
            styled(red(), "✗"),
            format!(
                "denied: may not {} {}",
                foreign(verb, 60),
                foreign(resource, 100)
            ),
        ),
        ConnectionState::Unreachable { error, private } => {
            let vpn = if *private { " Is the VPN on?" } else { "" };
            (
                styled(red(), "✗"),
                format!("unreachable: {}{vpn}", foreign(error, 400)),
            )
        }
        ConnectionState::Absent { what } => (
            styled(yellow(), "–"),
            format!("absent: {}", foreign(what, 400)),
        ),
    }
}
