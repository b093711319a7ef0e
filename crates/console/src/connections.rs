//! The connections as views show them: what the edges say of themselves, until when each is open, and whom to ask for what
//! is missing there.
//!
//! Owns the choice of whom to ask. Asks no system for anything.

use api::Connection;
use api::connection::SystemKind;
use api::headline::plain;
use cloud::Account;
use cluster::Cluster;
use forge::Forge;

use crate::team_file::form::Owner;

/// The longest that whom to ask may be called.
const LONGEST: usize = 200;

/// Every connection as it stands.
pub fn all(
    clusters: &[Cluster],
    accounts: &[Account],
    forge: &Forge,
    owners: &[Owner],
) -> Vec<Connection> {
    let clusters = clusters.iter().map(|cluster| Connection {
        until: cluster.until(),
        ..cluster.connection().borrow().clone()
    });
    let accounts = accounts.iter().map(|account| Connection {
        until: account.until(),
        ..account.connection().borrow().clone()
    });
    let all = clusters.chain(accounts).chain(forge.connections());
    all.map(|connection| with_granters(connection, owners))
        .collect()
}

/// Whom the team file names for it, then whom the system itself names; where neither does, in general words.
fn with_granters(mut connection: Connection, owners: &[Owner]) -> Connection {
    let mut rights = connection.rights.iter();
    if !rights.any(|right| right.held.is_missing()) {
        connection.granted_by.clear();
        return connection;
    }
    let mut granters = owners_of(&connection.name, owners);
    granters.append(&mut connection.granted_by);
    if granters.is_empty() {
        granters.push(match connection.kind {
            SystemKind::Cluster => "whoever keeps the cluster's RBAC".to_owned(),
            SystemKind::Ecs => "whoever keeps the account's IAM".to_owned(),
            SystemKind::CodeHost | SystemKind::Registry => "whoever keeps it".to_owned(),
        });
    }
    connection.granted_by = granters;
    connection
}

/// Whom the team file says to ask for the system that is called so: by its own name, else by every pattern that fits, else
/// for everything.
fn owners_of(name: &str, owners: &[Owner]) -> Vec<String> {
    let levels: [&dyn Fn(&str) -> bool; 3] =
        [&|of| of == name, &|of| of != "*" && fits(of, name), &|of| {
            of == "*"
        }];
    let mut asks = levels.iter().map(|level| -> Vec<String> {
        let theirs = owners.iter().filter(|owner| level(&owner.of));
        let asks = theirs.map(|owner| plain(&owner.ask, LONGEST));
        asks.filter(|ask| !ask.is_empty()).collect()
    });
    asks.find(|asks| !asks.is_empty()).unwrap_or_default()
}

/// Whether a name is what a pattern says: the same, with one `*` for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((begins, ends)) => name
            .strip_prefix(begins)
            .is_some_and(|rest| rest.ends_with(ends)),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use api::ConnectionState;
    use api::connection::{Held, Right};

    use super::*;

    fn cluster(held: Held, granted_by: &[&str]) -> Connection {
        Connection {
            name: "prod-eu".to_owned(),
            kind: SystemKind::Cluster,
            address: String::new(),
            identity: None,
            state: ConnectionState::Connecting,
            until: None,
            refusals: Vec::new(),
            rights: vec![Right {
                name: "pods".to_owned(),
                verbs: Vec::new(),
                held,
                without: "what runs".to_owned(),
            }],
            granted_by: granted_by.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    fn owners(list: &[(&str, &str)]) -> Vec<Owner> {
        let owner = |(of, ask): &(&str, &str)| Owner {
            of: (*of).to_owned(),
            ask: (*ask).to_owned(),
        };
        list.iter().map(owner).collect()
    }

    fn asked(list: &[(&str, &str)], granted_by: &[&str]) -> Vec<String> {
        let missing = Held::No { verbs: Vec::new() };
        with_granters(cluster(missing, granted_by), &owners(list)).granted_by
    }

    #[test]
    fn the_teams_word_comes_first_and_the_nearest_of_its_words_counts() {
        let all = [
            ("*", "#everybody"),
            ("prod-*", "#prod"),
            ("prod-eu", "#eu\u{1b}[31m"),
        ];
        assert_eq!(
            asked(&all, &["group platform"]),
            ["#eu[31m", "group platform"]
        );
        assert_eq!(asked(&all[..2], &[]), ["#prod"]);
        assert_eq!(asked(&all[..1], &[]), ["#everybody"]);
        assert_eq!(
            asked(&[("*", "  "), ("prod", "#x"), ("p*x", "#y")], &[]),
            ["whoever keeps the cluster's RBAC"]
        );
        assert_eq!(asked(&[], &["user jo"]), ["user jo"]);
    }

    #[test]
    fn every_pattern_that_fits_is_asked_and_what_names_no_system_is_not() {
        let all = [("prod-*", "#prod"), ("payments", "#pay"), ("*-eu", "#eu")];
        assert_eq!(asked(&all, &[]), ["#prod", "#eu"]);
        // An app's or a namespace's name fits no system that happens to run it.
        assert_eq!(asked(&all[1..2], &[]), ["whoever keeps the cluster's RBAC"]);
    }

    #[test]
    fn nobody_has_to_be_asked_where_nothing_is_known_to_be_missing() {
        for held in [Held::Yes, Held::Unknown { why: String::new() }] {
            let said = with_granters(cluster(held, &["group platform"]), &owners(&[("*", "#x")]));
            assert!(said.granted_by.is_empty());
        }
    }
}
