//! What is missing of a team's set-up: the file, its signature, the provider, and the systems that it names.
//!
//! Owns the questions and the words for each answer. Changes nothing anywhere.

use std::time::Duration;

use api::{Connection, ConnectionState, Error, SignInState};
use cluster::Clock;
use identity::{Examined, Issuer, Known};

use crate::sources::{self, Sources};
use crate::team_file::{TeamFile, signature};
use crate::{Console, SigningIn};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What: `the signature`, a system's name.
    pub subject: String,
    /// What was found.
    pub found: Found,
    /// The finding, in words.
    pub says: String,
    /// What to do about it; empty where there is nothing.
    pub to_do: String,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is.
    Fine,
    /// It is not.
    Missing,
    /// That cannot be told from here.
    CannotTell,
}

impl Check {
    fn new(subject: &str, found: Found, says: impl Into<String>) -> Self {
        Self {
            subject: subject.to_owned(),
            found,
            says: says.into(),
            to_do: String::new(),
        }
    }

    fn mended_by(mut self, to_do: impl Into<String>) -> Self {
        self.to_do = to_do.into();
        self
    }
}

/// Looks at everything that the team file names. Whoever is signed in sees more: nobody is signed in by this. Must be called
/// inside a Tokio runtime.
///
/// # Errors
/// There is no team file, or it cannot be used at all.
pub async fn check(sources: &Sources, patience: Duration) -> Result<Vec<Check>, Error> {
    let file = sources::team_file(sources)?.ok_or_else(|| {
        Error::new(
            api::error::Code::UnknownName,
            "no team was joined here, and no team file is named",
        )
        .hint("Name one: `landfall team check landfall.yaml`.")
    })?;
    let mut checks = vec![joinable(sources.team.as_deref())];
    checks.extend(sources.team.as_deref().map(|path| signed(&file, path)));
    checks.extend(environments(&file));
    checks.extend(roles(&file));
    let clock = Clock::default();
    let signing_in = sources::signing_in(sources, &clock)?;
    let mut is_in = true;
    if let Some(signing_in) = &signing_in {
        checks.extend(provider(&signing_in.issuer()).await);
        let (check, signed_in) = somebody(signing_in, &file).await;
        checks.push(check);
        is_in = signed_in;
    }
    if is_in {
        let console = Console::open_with(sources, clock, signing_in)?;
        console.board(patience).await?;
        let connections = console.watch_connections().settled(patience).await;
        let connections = connections.unwrap_or_default();
        checks.extend(connections.iter().flat_map(connection));
        checks.extend(unasked(&file, &connections));
    } else {
        checks.push(
            Check::new(
                "the systems",
                Found::CannotTell,
                "were not asked: the sign-in opens them",
            )
            .mended_by("Once it is there, run this once more."),
        );
    }
    Ok(checks)
}

/// Whether the file is one that others can use too.
fn joinable(path: Option<&std::path::Path>) -> Check {
    const SUBJECT: &str = "the file";
    let Some(path) = path else {
        return Check::new(SUBJECT, Found::Fine, "is the one that was joined by");
    };
    let from = path.display().to_string();
    let joined = std::fs::read_to_string(path)
        .map_err(|why| why.to_string())
        .and_then(|text| TeamFile::of_joined(&text, &from).map_err(|why| why.message));
    match joined {
        Ok(_) => Check::new(SUBJECT, Found::Fine, "can be read"),
        Err(why) => Check::new(SUBJECT, Found::Missing, why)
            .mended_by("It can be used with --team on this machine, and nobody can join by it."),
    }
}

/// Whether the file's signature is of its key.
fn signed(file: &TeamFile, path: &std::path::Path) -> Check {
    const SUBJECT: &str = "the signature";
    let from = path.display().to_string();
    let Some(key) = &file.signed_by else {
        return Check::new(
            SUBJECT,
            Found::Missing,
            "cannot be proven: the file names no key",
        )
        .mended_by("`landfall team key` makes one; put it under signedBy.");
    };
    let read = |path: String| std::fs::read_to_string(path);
    let proven = match (read(from.clone()), read(format!("{from}.minisig"))) {
        (Ok(text), Ok(signature)) => signature::Key::parse(key)
            .and_then(|key| key.signed_at(&text, &signature))
            .map_err(|why| why.to_string()),
        (_, Err(why)) | (Err(why), _) => Err(why.to_string()),
    };
    match proven {
        Ok(at) => Check::new(SUBJECT, Found::Fine, format!("is the file's, made {at}")),
        Err(why) => Check::new(SUBJECT, Found::Missing, why).mended_by(format!(
            "`landfall team sign {from} --key KEY`, and publish both."
        )),
    }
}

/// Environments that no system of the file could be.
fn environments(file: &TeamFile) -> Vec<Check> {
    let names: Vec<&str> = file
        .clusters
        .iter()
        .map(|cluster| cluster.name.as_str())
        .chain(file.aws.iter().map(|aws| aws.name.as_str()))
        .collect();
    // Without clusters of its own the file may speak of everybody's kubeconfig.
    if file.clusters.is_empty() {
        return Vec::new();
    }
    let mut checks = Vec::new();
    for environment in file.team().environments {
        if let Some(cluster) = environment.cluster
            && !names.contains(&cluster.as_str())
        {
            let subject = format!("environment {}", environment.name);
            let says = format!("is in '{cluster}', which the file names nowhere");
            checks.push(
                Check::new(&subject, Found::Missing, says)
                    .mended_by(format!("It names: {}.", names.join(", "))),
            );
        }
    }
    checks
}

/// Roles that nobody could have.
fn roles(file: &TeamFile) -> Vec<Check> {
    let nobody = file.roles.iter().filter(|role| role.groups.is_empty());
    let check = |role: &crate::team_file::form::Role| {
        Check::new(
            &format!("role {}", role.name),
            Found::Missing,
            "has no groups: nobody has it",
        )
        .mended_by("List the provider's groups whose members are this.")
    };
    nobody.map(check).collect()
}

/// What the provider offers to this application.
async fn provider(issuer: &Issuer) -> Vec<Check> {
    let subject = issuer.host().to_owned();
    let provider = match issuer.provider().await {
        Ok(provider) => provider,
        Err(why) => {
            let error = crate::sign_in::error(&why);
            return vec![Check::new(&subject, Found::Missing, error.message).mended_by(error.hint)];
        }
    };
    offered(&subject, &provider.examined().await)
}

fn offered(subject: &str, found: &Examined) -> Vec<Check> {
    let mut checks = vec![Check::new(subject, Found::Fine, "answers as the issuer")];
    let mut missing = |says: String, to_do: &str| {
        checks.push(Check::new(subject, Found::Missing, says).mended_by(to_do));
    };
    if !found.unknown_scopes.is_empty() {
        missing(
            format!(
                "does not list the scopes {}",
                found.unknown_scopes.join(", ")
            ),
            "Add them there, or take them from scopes in the team file.",
        );
    }
    if !found.lasts {
        missing(
            "gives no refresh tokens to this application: people sign in again every hour"
                .to_owned(),
            "Put offline_access under scopes, and allow the grant Refresh Token there.",
        );
    }
    if !found.has_codes {
        missing(
            "offers no codes: where no browser opens, nobody can sign in".to_owned(),
            "Allow the grant Device Authorization there.",
        );
    }
    if !found.can_revoke {
        // Some providers have no such thing: that is theirs to know, and no fault of the set-up.
        let says = "takes no tokens back: signing out ends a sign-in on this machine only";
        checks.push(Check::new(subject, Found::Fine, says));
    }
    for (port, known) in &found.redirects {
        let address = identity::redirect(*port);
        let check = match known {
            Known::Yes => Check::new(subject, Found::Fine, format!("sends browsers back to {address}")),
            Known::No(status) => Check::new(
                subject,
                Found::Missing,
                format!("does not send browsers back to {address}: it answers {status}"),
            )
            .mended_by("Is the client id right, and this address among the application's redirects, letter by letter?"),
            Known::CannotTell(why) => Check::new(
                subject,
                Found::CannotTell,
                format!("did not say whether it sends browsers back to {address}: {why}"),
            ),
        };
        checks.push(check);
    }
    checks
}

/// Who is signed in and what that makes them; whether somebody is.
async fn somebody(signing_in: &SigningIn, file: &TeamFile) -> (Check, bool) {
    const SUBJECT: &str = "your sign-in";
    let stands = signing_in
        .watch()
        .settled(Duration::from_secs(20))
        .await
        .flatten();
    let (person, roles) = match stands.map(|stands| stands.state) {
        Some(SignInState::SignedIn { person, roles, .. }) => (person, roles),
        other => {
            let says = match other {
                Some(SignInState::Over { why }) => format!("is over: {why}"),
                Some(SignInState::Resuming { late: Some(why) }) => {
                    format!("cannot be gone on with at the moment: {why}")
                }
                Some(SignInState::Resuming { late: None }) | None => {
                    "did not come back in time".to_owned()
                }
                Some(_) => "nobody is signed in".to_owned(),
            };
            let check = Check::new(SUBJECT, Found::CannotTell, says).mended_by(
                "Run `landfall sign-in` and this once more: it shows whether groups come with it.",
            );
            return (check, false);
        }
    };
    let check = match (roles.as_slice(), file.roles.is_empty()) {
        ([], false) => Check::new(SUBJECT, Found::Missing, format!("{person} has no role in the team"))
            .mended_by("Are these groups in the ID token? The claim is groupsClaim in the team file, and the provider has to fill it."),
        ([], true) => Check::new(SUBJECT, Found::Fine, person),
        (roles, _) => Check::new(SUBJECT, Found::Fine, format!("{person} is {}", roles.join(", "))),
    };
    (check, true)
}

/// How a system answers, and what may not be read there.
fn connection(connection: &Connection) -> Vec<Check> {
    const TO_DO: &str = "`landfall team init` proposes the rights.";
    let name = &connection.name;
    let check = |found, says: String| Check::new(name, found, says);
    let first = match &connection.state {
        ConnectionState::Live { .. } if connection.refusals.is_empty() => {
            check(Found::Fine, "answers".to_owned())
        }
        ConnectionState::Live { .. } => {
            let refusals = connection.refusals.join("; ");
            let says = format!("answers, and not everything may be read: {refusals}");
            check(Found::Missing, says).mended_by(TO_DO)
        }
        ConnectionState::Connecting => {
            check(Found::CannotTell, "nothing there was answered".to_owned())
        }
        ConnectionState::Syncing { .. } => check(
            Found::CannotTell,
            "did not answer everything in time".to_owned(),
        ),
        ConnectionState::Degraded { error, .. } => check(Found::Missing, error.clone()),
        ConnectionState::Denied { verb, resource } => {
            let says = format!("does not let you {verb} {resource}");
            check(Found::Missing, says).mended_by(TO_DO)
        }
        ConnectionState::Unreachable { error, private } => {
            let to_do = match private {
                true => "Its address is a private one: is the VPN on?",
                false => "",
            };
            check(Found::Missing, error.clone()).mended_by(to_do)
        }
        ConnectionState::Absent { what } => check(Found::CannotTell, format!("has no {what}")),
    };
    let is_live = matches!(connection.state, ConnectionState::Live { .. });
    if is_live && connection.kind.runs_apps() && connection.rights.is_empty() {
        let says = "did not say in time which rights are there".to_owned();
        return vec![first, check(Found::CannotTell, says)];
    }
    let whom = match connection.granted_by.as_slice() {
        [] => String::new(),
        whom => format!("Ask {}. ", whom.join(", or ")),
    };
    let amiss = connection.rights_amiss().map(|right| {
        let found = match right.held.is_missing() {
            true => Found::Missing,
            false => Found::CannotTell,
        };
        let says = format!(
            "{}: {}. Without it is unknown: {}",
            right.name,
            right.held.words(),
            right.without
        );
        check(found, says).mended_by(format!("{whom}{TO_DO}"))
    });
    std::iter::once(first).chain(amiss).collect()
}

/// What the file names and nobody asked: a code host is met when something of it is wanted.
fn unasked(file: &TeamFile, connections: &[Connection]) -> Vec<Check> {
    let hosts = file.code_hosts.iter().map(|host| &host.host);
    let named = hosts.chain(file.registries.iter().map(|registry| &registry.host));
    named
        .filter(|host| connections.iter().all(|known| known.name != **host))
        .map(|host| Check::new(host, Found::CannotTell, "nothing there was asked for"))
        .collect()
}

#[cfg(test)]
mod tests {
    use api::connection::{Held, SystemKind};

    use super::*;

    fn file(text: &str) -> TeamFile {
        TeamFile::of_text(&format!("version: 1\n{text}"), "here").expect("a team file")
    }

    #[test]
    fn an_environment_in_no_system_of_the_file_and_a_role_of_nobody_are_found() {
        let text = "signIn: {issuer: 'https://id.example', clientId: x}\n\
            clusters: [{name: prod, server: 'https://prod.example'}]\n\
            environments: [{name: production, cluster: prod}, {name: staging, cluster: stage}]\n\
            roles: [{name: sre, groups: []}, {name: developer, groups: [dev]}]\n";
        let found = environments(&file(text));
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(only.subject, "environment staging");
        assert!(only.says.contains("'stage'") && only.to_do.contains("prod"));
        let found = roles(&file(text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject, "role sre");
        // It may be a context of everybody's own kubeconfig.
        assert!(environments(&file("environments: [{name: a, cluster: b}]\n")).is_empty());
    }

    #[test]
    fn a_file_is_signed_only_by_its_key_and_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("landfall.yaml");
        let key = folder.path().join("key");
        let made = signature::make_key(&key, None).expect("a key");
        let text = format!("version: 1\nsignedBy: {}\n", made.text());
        std::fs::write(&path, &text).expect("written");
        let look = || signed(&TeamFile::read(&path).expect("a file"), &path);
        assert_eq!(look().found, Found::Missing, "there is none");
        let signature = signature::sign(&text, &key, None, jiff::Timestamp::now()).expect("signed");
        std::fs::write(folder.path().join("landfall.yaml.minisig"), signature).expect("written");
        assert_eq!(look().found, Found::Fine, "{:?}", look());
        std::fs::write(&path, format!("{text}name: Other\n")).expect("written");
        assert_eq!(look().found, Found::Missing, "it is another file's");
        std::fs::write(&path, "version: 1\n").expect("written");
        assert!(look().says.contains("names no key"));
    }

    #[test]
    fn nothing_was_missing_though_rights_were() {
        let right = |name: &str, held| api::connection::Right {
            name: name.to_owned(),
            verbs: vec!["list".to_owned()],
            held,
            without: "what runs".to_owned(),
        };
        let no = Held::No {
            verbs: vec!["list".to_owned()],
        };
        let unknown = Held::Unknown {
            why: "it does not say".to_owned(),
        };
        let mut prod = Connection {
            name: "prod".to_owned(),
            kind: SystemKind::Cluster,
            address: "https://prod.example".to_owned(),
            identity: None,
            state: ConnectionState::Live {
                since: jiff::Timestamp::UNIX_EPOCH,
            },
            until: None,
            refusals: Vec::new(),
            rights: vec![
                right("pods", Held::Yes),
                right("events", no),
                right("nodes", unknown),
            ],
            granted_by: vec!["#platform".to_owned()],
        };
        let found: Vec<Found> = connection(&prod).iter().map(|check| check.found).collect();
        assert_eq!(found, [Found::Fine, Found::Missing, Found::CannotTell]);
        let said = &connection(&prod)[1];
        assert!(said.says.contains("events") && said.to_do.contains("#platform"));
        prod.rights.clear();
        assert_eq!(connection(&prod)[1].found, Found::CannotTell, "nobody said");
        let named = file("codeHosts: [{host: code.example}]\n");
        assert_eq!(unasked(&named, &[prod]).len(), 1);
    }

    #[test]
    fn a_file_that_nobody_can_join_by_was_called_fine() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("landfall.yaml");
        let text = "version: 1\naws: [{name: a, region: r, credentials: keys}]\n";
        std::fs::write(&path, text).expect("written");
        assert_eq!(joinable(Some(&path)).found, Found::Missing);
    }

    #[test]
    fn what_a_provider_lacks_is_said_with_what_to_do() {
        let all = Examined {
            unknown_scopes: Vec::new(),
            lasts: true,
            has_codes: true,
            can_revoke: true,
            redirects: vec![(8741, Known::Yes)],
        };
        let missing = |found: &Examined| {
            let checks = offered("id.example", found).into_iter();
            checks
                .filter(|check| check.found == Found::Missing)
                .map(|check| check.says)
                .collect::<Vec<_>>()
        };
        assert!(missing(&all).is_empty());
        let none = Examined {
            unknown_scopes: vec!["groups".to_owned()],
            lasts: false,
            has_codes: false,
            can_revoke: false,
            redirects: vec![
                (8741, Known::No(400)),
                (18741, Known::CannotTell("it answers 302".to_owned())),
            ],
        };
        let said = missing(&none);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(
            said[3].contains("8741") && said[3].contains("400"),
            "{said:?}"
        );
    }
}
