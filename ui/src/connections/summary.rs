//! The connections in one line, for the header: "2 of 3 clusters live, prod-eu last answered 40 s ago".
//!
//! Owns the choice of what is said first. Only what runs apps counts here, clusters and AWS accounts: without a registry the
//! board still stands.

use api::connection::{Connection, ConnectionState, SystemKind};
use jiff::Timestamp;

use crate::feed::Feed;
use crate::foreign;
use crate::time;
use crate::words::{self, Tone};

/// The line and how loud it is. Before the first document nobody knows whether there are clusters.
pub fn line(standing: &Feed, all: &[Connection], now: Timestamp) -> (Tone, String) {
    if *standing == Feed::Loading {
        return (Tone::Idle, "Opening the clusters".to_owned());
    }
    let clusters: Vec<&Connection> = all
        .iter()
        .filter(|connection| connection.kind.runs_apps())
        .collect();
    if clusters.is_empty() {
        return (Tone::Idle, "No clusters".to_owned());
    }
    let live = clusters
        .iter()
        .filter(|connection| matches!(connection.state, ConnectionState::Live { .. }))
        .count();
    let total = clusters.len();
    let of_aws = |one: &&Connection| one.kind == SystemKind::Ecs;
    let noun = match (clusters.iter().copied().filter(of_aws).count(), total) {
        (0, 1) => "cluster",
        (0, _) => "clusters",
        (1, 1) => "AWS account",
        (accounts, _) if accounts == total => "AWS accounts",
        _ => "clusters and AWS accounts",
    };
    let count = format!("{live} of {total} {noun} live");
    // The one that needs a look first: what fails before what is under way.
    let other = clusters
        .iter()
        .filter(|connection| !matches!(connection.state, ConnectionState::Live { .. }))
        .max_by_key(|connection| trouble(&connection.state));
    let Some(other) = other else {
        return (Tone::Ok, count);
    };
    let tone = words::connection(&other.state).1;
    (tone, format!("{count}, {}", said(other, now)))
}

/// Whether a cluster is still being read for the first time.
pub fn is_reading(all: &[Connection]) -> bool {
    all.iter().any(|connection| {
        connection.kind.runs_apps()
            && matches!(
                connection.state,
                ConnectionState::Connecting | ConnectionState::Syncing { .. }
            )
    })
}

/// How one connection stands, with its name.
fn said(connection: &Connection, now: Timestamp) -> String {
    let name = foreign::line(&connection.name);
    match &connection.state {
        ConnectionState::Connecting => format!("{name} connecting"),
        ConnectionState::Syncing { seen } => format!("reading {name}, {seen} objects"),
        ConnectionState::Live { .. } => format!("{name} live"),
        ConnectionState::Degraded { since, .. } => {
            format!("{name} {} old", time::age(now, *since))
        }
        ConnectionState::Denied { .. } => format!("{name} denied"),
        ConnectionState::NotAsked { .. } => format!("{name} not asked"),
        ConnectionState::Unreachable { .. } => format!("{name} unreachable"),
        ConnectionState::Absent { .. } => format!("{name} not there"),
    }
}

/// How much a state needs a look.
fn trouble(state: &ConnectionState) -> u8 {
    match state {
        ConnectionState::Unreachable { .. } | ConnectionState::NotAsked { .. } => 5,
        ConnectionState::Degraded { .. } => 4,
        ConnectionState::Denied { .. } => 3,
        ConnectionState::Absent { .. } => 2,
        ConnectionState::Syncing { .. } | ConnectionState::Connecting => 1,
        ConnectionState::Live { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str, state: ConnectionState) -> Connection {
        Connection {
            name: name.to_owned(),
            kind: SystemKind::Cluster,
            address: "https://example".to_owned(),
            identity: None,
            state,
            until: None,
            refusals: vec![],
            rights: vec![],
            granted_by: vec![],
        }
    }

    #[test]
    fn what_fails_is_named_before_what_is_under_way() {
        let now: Timestamp = "2026-11-21T12:00:40Z".parse().unwrap();
        let since: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut all = vec![
            cluster("nonprod", ConnectionState::Live { since }),
            cluster("prod-us", ConnectionState::Syncing { seen: 12 }),
            cluster(
                "prod-eu",
                ConnectionState::Degraded {
                    error: "timed out".to_owned(),
                    retry_at: None,
                    since,
                },
            ),
        ];
        assert_eq!(
            line(&Feed::Live, &all, now),
            (
                Tone::Wait,
                "1 of 3 clusters live, prod-eu 40 s old".to_owned()
            )
        );
        assert!(is_reading(&all), "prod-us is");
        all.truncate(1);
        assert!(!is_reading(&all));
        assert_eq!(
            line(&Feed::Live, &all, now),
            (Tone::Ok, "1 of 1 cluster live".to_owned())
        );
        all[0].kind = SystemKind::Registry;
        assert_eq!(line(&Feed::Live, &all, now).1, "No clusters");
    }

    #[test]
    fn an_aws_account_was_counted_as_a_cluster() {
        let since = Timestamp::UNIX_EPOCH;
        let live = |name| cluster(name, ConnectionState::Live { since });
        let mut all = vec![live("nonprod"), live("prod"), live("aws")];
        all[2].kind = SystemKind::Ecs;
        let said = |all: &[Connection]| line(&Feed::Live, all, since).1;
        assert_eq!(said(&all), "3 of 3 clusters and AWS accounts live");
        assert_eq!(said(&all[..2]), "2 of 2 clusters live");
        assert_eq!(said(&all[2..]), "1 of 1 AWS account live");
    }

    #[test]
    fn no_clusters_are_said_only_once_the_connections_are_known() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(line(&Feed::Loading, &[], now).1, "Opening the clusters");
        assert_eq!(line(&Feed::Live, &[], now).1, "No clusters");
    }
}
