//! The connections in the terminal: which systems answer, as whom, until when, and which rights are missing there.

use std::fmt::Write;

use api::connection::{Held, Right, SystemKind};
use api::time::relative;
use api::{Connection, ConnectionState};
use jiff::Timestamp;

use super::{blue, bold, dim, foreign, green, red, styled, yellow};

/// All connections as text; of the rights only what is amiss, unless all are wanted.
pub fn connections(connections: &[Connection], all: bool, now: Timestamp) -> String {
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
        let until = connection.until.map(|until| until_when(until, now));
        let until = until.unwrap_or_default();
        let _ = writeln!(
            page,
            "{glyph} {} {}{identity}{until}  {}",
            styled(bold(), foreign(&connection.name, 100)),
            styled(
                dim(),
                format!("{kind} at {}", foreign(&connection.address, 200))
            ),
            words
        );
        let rights = &connection.rights;
        let unsaid = |refusal: &&String| !rights.iter().any(|right| says(right, refusal));
        for refusal in connection.refusals.iter().filter(unsaid) {
            let _ = writeln!(
                page,
                "    {} {}",
                styled(yellow(), "may not"),
                foreign(refusal, 300)
            );
        }
        write_rights(&mut page, connection, all);
    }
    page
}

/// Whether a right that is missing says what a refusal says: "list pods outside shop: forbidden".
fn says(right: &Right, refusal: &str) -> bool {
    let mut words = refusal.split([' ', ':']);
    let (Some(verb), Some(what)) = (words.next(), words.next()) else {
        return false;
    };
    let missing = match &right.held {
        Held::No { verbs } => verbs,
        Held::Only { .. } => &right.verbs,
        Held::Yes | Held::Unknown { .. } | Held::NotNeeded { .. } => return false,
    };
    right.name.split('.').next() == Some(what) && missing.iter().any(|one| one == verb)
}

/// When what opens it ends: a token that is made anew in time, or a certificate that is not.
fn until_when(until: Timestamp, now: Timestamp) -> String {
    match until > now {
        true => format!(
            " until {} ({})",
            until.strftime("%Y-%m-%d %H:%M UTC"),
            relative(until, now)
        ),
        false => format!(", which ended {}", relative(until, now)),
    }
}

/// "24 of 25 rights", and below it what is missing, what that hides, and whom to ask.
fn write_rights(page: &mut String, connection: &Connection, all: bool) {
    if connection.rights.is_empty() {
        return;
    }
    let _ = writeln!(page, "    {}", styled(dim(), connection.rights_words()));
    let amiss: Vec<&Right> = connection.rights_amiss().collect();
    let shown = connection.rights.iter();
    for right in shown.filter(|right| all || amiss.contains(right)) {
        let (glyph, words) = match &right.held {
            Held::Yes => (
                styled(green(), "✓"),
                format!("to {}", right.verbs.join(", ")),
            ),
            Held::NotNeeded { .. } => (styled(dim(), "–"), right.held.words()),
            Held::Unknown { .. } => (styled(yellow(), "?"), right.held.words()),
            Held::Only { .. } | Held::No { .. } => (styled(yellow(), "✗"), right.held.words()),
        };
        let _ = write!(
            page,
            "    {glyph} {}: {}",
            foreign(&right.name, 100),
            foreign(&words, 300)
        );
        let _ = match amiss.contains(&right) {
            true => writeln!(
                page,
                ". Without it is unknown: {}",
                foreign(&right.without, 200)
            ),
            false => writeln!(page),
        };
    }
    if !connection.granted_by.is_empty() {
        let whom = connection.granted_by.iter().map(|who| foreign(who, 200));
        let whom: Vec<String> = whom.collect();
        let _ = writeln!(page, "    {} {}", styled(bold(), "ask"), whom.join(", or "));
    }
}

/// A state's glyph and words.
pub fn state(state: &ConnectionState) -> (String, String) {
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
        ConnectionState::NotAsked { why } => (
            styled(red(), "✗"),
            format!("not asked: {}", foreign(why, 400)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn right(name: &str, held: Held) -> Right {
        Right {
            name: name.to_owned(),
            verbs: vec!["list".to_owned(), "watch".to_owned()],
            held,
            without: format!("what {name} say"),
        }
    }

    fn printed(all: bool) -> String {
        shown(connection(), all)
    }

    fn shown(connection: Connection, all: bool) -> String {
        let at = Timestamp::from_second(60).unwrap_or_default();
        let page = connections(&[connection], all, at);
        anstream::adapter::strip_str(&page).to_string()
    }

    fn connection() -> Connection {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        Connection {
            name: "prod".to_owned(),
            kind: SystemKind::Cluster,
            address: "https://prod.example".to_owned(),
            identity: Some("jo".to_owned()),
            state: ConnectionState::Live { since: at(0) },
            until: Some(at(3600)),
            refusals: Vec::new(),
            rights: vec![
                right("pods", Held::Yes),
                right(
                    "events",
                    Held::No {
                        verbs: vec!["watch".to_owned()],
                    },
                ),
                right(
                    "nodes",
                    Held::Unknown {
                        why: "\u{1b}[2J\nrefused".to_owned(),
                    },
                ),
                right(
                    "canaries",
                    Held::NotNeeded {
                        why: "not installed here".to_owned(),
                    },
                ),
            ],
            granted_by: vec!["#platform\u{202e}".to_owned(), "group admins".to_owned()],
        }
    }

    #[test]
    fn only_what_is_amiss_is_listed_with_what_it_hides_and_whom_to_ask() {
        let expected = "\
✓ prod cluster at https://prod.example as jo until 1970-01-01 01:00 UTC (in 59 minutes)  live
    1 of 3 rights, 1 cannot be told
    ✗ events: missing: may not watch. Without it is unknown: what events say
    ? nodes: cannot tell: [2J refused. Without it is unknown: what nodes say
    ask #platform, or group admins
";
        assert_eq!(printed(false), expected);
    }

    #[test]
    fn a_refusal_was_said_once_more_where_a_missing_right_says_it() {
        let mut connection = connection();
        let only = Held::Only {
            namespaces: vec!["shop".to_owned()],
        };
        connection.rights.push(right("canaries.flagger.app", only));
        let refusals = [
            "watch events: forbidden",
            "list events: forbidden",
            "list canaries outside shop: forbidden",
            "list nodes: forbidden",
            "read ECS tasks: forbidden",
        ];
        connection.refusals = refusals.map(str::to_owned).to_vec();
        let page = shown(connection, false);
        let lines = page
            .lines()
            .filter_map(|line| line.trim().strip_prefix("may not "));
        let lines: Vec<&str> = lines.collect();
        // Of events only watching is missing; of nodes it is not known; and AWS' actions have other names.
        assert_eq!(lines, [refusals[1], refusals[3], refusals[4]], "{page}");
    }

    #[test]
    fn all_of_them_are_listed_where_that_is_wanted() {
        let page = printed(true);
        assert!(page.contains("    ✓ pods: to list, watch\n"), "{page}");
        assert!(
            page.contains("    – canaries: not needed: not installed here\n"),
            "{page}"
        );
    }
}
