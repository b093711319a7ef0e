//! What is missing of a team's set-up: the file, its signature, the provider, and the systems that it names.
//!
//! Owns the questions and the words for each answer. Changes nothing anywhere.

mod acting;

use std::collections::BTreeMap;
use std::time::Duration;

use api::connection::SystemKind;
use api::error::Code;
use api::{Connection, ConnectionState, Error, SignInState};
use cluster::Clock;
use identity::{Examined, Failure, Giver, Issuer, Known, NotKept};

use crate::Console;
use crate::joining::Membership;
use crate::sources::{self, Sources};
use crate::team_file::{TeamFile, signature};

/// How long the sign-in may take to be gone on with: a keyring may have to be unlocked first.
const RESUMING: Duration = Duration::from_secs(20);

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
    /// It may be as somebody wants it, or is this machine's alone: nothing of the team's set-up is missing.
    Remark,
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
            Code::UnknownName,
            "no team was joined here, and no team file is named",
        )
        .hint("Name one: `landfall team check landfall.yaml`.")
    })?;
    let mut checks = match (sources.team.as_deref(), sources.data.as_deref()) {
        (Some(path), _) => vec![joinable(path), signed(&file, path)],
        (None, Some(folder)) => vec![at_link(Membership::in_folder(folder).at_link().await)],
        (None, None) => Vec::new(),
    };
    checks.extend(environments(&file));
    checks.extend(roles(&file));
    checks.extend(acting::freezes(&file));
    let clock = Clock::default();
    checks.extend(acting::actions(&file, sources, &clock).await?);
    let signing_in = sources::signing_in(sources, &clock)?;
    let mut is_in = true;
    if let Some(signing_in) = &signing_in {
        let (of_provider, lets_in) = provider(&signing_in.issuer()).await;
        checks.extend(of_provider);
        let stands = signing_in.watch().settled(RESUMING).await.flatten();
        let stands = stands.map(|stands| stands.state);
        let not_kept = signing_in.session().not_kept().borrow().clone();
        is_in = matches!(stands, Some(SignInState::SignedIn { .. }));
        // Without a folder for data nothing is kept, and no keyring asked.
        if sources.data.is_some() {
            checks.push(keyring(not_kept.as_ref()));
        }
        let to_do = match lets_in {
            true => format!(
                "Run `landfall sign-in{}` and this once more: it shows whether groups come with it.",
                of_team(sources)
            ),
            false => "Not before the provider is as it should be.".to_owned(),
        };
        checks.push(somebody(stands, not_kept.as_ref(), &file, &to_do));
    }
    if is_in {
        let console = Console::open_with(sources, clock, signing_in)?;
        console.board(patience).await?;
        let connections = console.watch_connections().settled(patience).await;
        let connections = connections.unwrap_or_default();
        let of_team = of_team(sources);
        let each = connections.iter();
        checks.extend(each.flat_map(|one| connection(one, &of_team)));
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

/// What a command has to say so that it is of the same team.
fn of_team(sources: &Sources) -> String {
    let file = sources.team.as_ref();
    file.map_or_else(String::new, |file| format!(" --team {}", file.display()))
}

/// How the file at the link that was joined by stands to the one that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AtLink {
    /// It is the same.
    Same,
    /// The same key signed it later.
    Newer,
    /// The same key signed it before.
    Older,
    /// Another key signed it.
    OtherKey {
        /// The link.
        from: String,
        /// That key's.
        fingerprint: String,
    },
}

/// What that means for whoever joined.
fn at_link(found: Result<AtLink, Error>) -> Check {
    const SUBJECT: &str = "the file";
    let check = |found, says: String| Check::new(SUBJECT, found, says);
    match found {
        Ok(AtLink::Same) => check(
            Found::Fine,
            "is the one that stands at the link it was joined by".to_owned(),
        ),
        Ok(AtLink::Newer) => check(
            Found::Missing,
            "is not the newest: a newer one stands at the link it was joined by".to_owned(),
        )
        .mended_by("`landfall team update` takes it."),
        Ok(AtLink::Older) => check(
            Found::Missing,
            "is newer than the one that stands at the link it was joined by".to_owned(),
        )
        .mended_by("The newer one stays. Ask whoever keeps it whether somebody put an old file back."),
        Ok(AtLink::OtherKey { from, fingerprint }) => check(
            Found::Missing,
            format!("stays the one that was joined by: the one at its link is signed by another key, {fingerprint}"),
        )
        .mended_by(format!(
            "Ask the team, not the link. If they say that this is their new key's fingerprint, `landfall team leave` and \
             `landfall team join {from}`. If they do not, leave it: somebody else changed that file."
        )),
        Err(why) if why.retryable || matches!(why.code, Code::Unreachable | Code::Denied) => check(
            Found::CannotTell,
            format!("could not be compared with the one at its link: {}", why.message),
        )
        .mended_by(why.hint),
        Err(why) => check(
            Found::Missing,
            format!("stays the one that was joined by: {}", why.message),
        )
        .mended_by(
            "Tell whoever keeps the team file, and join by nothing that stands there until they have mended it.",
        ),
    }
}

/// Whether the file is one that others can use too.
fn joinable(path: &std::path::Path) -> Check {
    const SUBJECT: &str = "the file";
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
            .map_err(|why| format!("proves nothing: {why}")),
        (Ok(_), Err(why)) if why.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "is missing: there is no {from}.minisig beside the file"
        )),
        (_, Err(why)) | (Err(why), _) => Err(format!("cannot be read: {why}")),
    };
    match proven {
        Ok(at) => Check::new(SUBJECT, Found::Fine, format!("is the file's, made {at}")),
        Err(why) => Check::new(SUBJECT, Found::Missing, why).mended_by(format!(
            "If the file is as you want it: `landfall team sign {from} --key KEY`, and publish both. If not, somebody changed it."
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

/// Roles that nobody could have, and groups that make people more than one thing.
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
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for role in &file.roles {
        for group in &role.groups {
            let roles = groups.entry(group).or_default();
            if !roles.contains(&role.name.as_str()) {
                roles.push(&role.name);
            }
        }
    }
    let several =
        groups.iter().filter_map(|(group, roles)| {
            match roles.as_slice() {
        [first, _, ..] => Some(
            Check::new(
                &format!("group {group}"),
                Found::Remark,
                format!(
                    "is in the roles {}: its members have them all, and start where {first} starts",
                    roles.join(", ")
                ),
            )
            .mended_by("If that is not meant, take it from all but one."),
        ),
        _ => None,
    }
        });
    nobody.map(check).chain(several).collect()
}

/// What the provider offers to this application, and whether somebody could sign in there.
async fn provider(issuer: &Issuer) -> (Vec<Check>, bool) {
    let subject = Giver::host(issuer);
    let provider = match issuer.provider().await {
        Ok(provider) => provider,
        Err(why) => {
            let error = crate::sign_in::error(&why);
            // The line begins with it.
            let says = error.message.strip_prefix(&subject);
            let says = says.map_or(error.message.as_str(), str::trim_start);
            let found = match why {
                // One that is down is no fault of the set-up.
                Failure::Unreachable { .. } => Found::CannotTell,
                _ => Found::Missing,
            };
            let check = Check::new(&subject, found, says).mended_by(error.hint);
            return (vec![check], false);
        }
    };
    let found = provider.examined().await;
    let is_refused = |(_, known): &(u16, Known)| matches!(known, Known::No(_));
    // An application that it does not know is sent back nowhere.
    let lets_in = !found.redirects.iter().all(is_refused);
    (offered(&subject, &found), lets_in)
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

/// Whether the keyring keeps a sign-in from one command to the next.
fn keyring(not_kept: Option<&NotKept>) -> Check {
    const SUBJECT: &str = "the keyring";
    let shut = |says: &str| Check::new(SUBJECT, Found::CannotTell, says);
    let keeps_nothing = |says: String| Check::new(SUBJECT, Found::Remark, says);
    let unlock = "Unlock it, and run this once more: a sign-in that is in it goes on by itself.";
    match not_kept {
        None => Check::new(SUBJECT, Found::Fine, "answers"),
        Some(NotKept::NoKeyring) => {
            keeps_nothing("is missing: this machine has none that answers, and a sign-in ends with its command".to_owned())
                .mended_by("A desktop session brings one (GNOME Keyring, KWallet). Without it, commands that have --sign-in sign in for themselves.")
        }
        Some(NotKept::Locked) => shut("is locked").mended_by(unlock),
        Some(NotKept::Silent) => {
            shut("does not answer: it may wait to be unlocked").mended_by(unlock)
        }
        Some(NotKept::Refused(why)) => {
            keeps_nothing(format!("does not keep a sign-in, which ends with its command: {why}"))
                .mended_by("Until it does, commands that have --sign-in sign in for themselves.")
        }
    }
}

/// Who is signed in and what that makes them; `sign_in`: what to do where nobody is.
fn somebody(
    stands: Option<SignInState>,
    not_kept: Option<&NotKept>,
    file: &TeamFile,
    sign_in: &str,
) -> Check {
    const SUBJECT: &str = "your sign-in";
    let untold =
        |says: String, to_do: &str| Check::new(SUBJECT, Found::CannotTell, says).mended_by(to_do);
    let (person, roles) = match stands {
        Some(SignInState::SignedIn { person, roles, .. }) => (person, roles),
        Some(SignInState::Over { why }) => return untold(format!("is over: {why}"), sign_in),
        Some(SignInState::Unread { .. }) => {
            return untold(
                "may be there: the keyring does not show it".to_owned(),
                "Not before the keyring is unlocked.",
            );
        }
        Some(SignInState::Resuming { late: Some(why) }) => {
            return untold(
                format!("cannot be gone on with at the moment: {why}"),
                "It is still there: a new one would not help. Once that has passed, run this once more.",
            );
        }
        Some(SignInState::Resuming { late: None }) | None => {
            return untold(
                "did not come back in time".to_owned(),
                "Run this once more.",
            );
        }
        Some(
            SignInState::SignedOut { .. }
            | SignInState::InBrowser { .. }
            | SignInState::Code { .. },
        ) => {
            let to_do = match not_kept {
                None => sign_in,
                Some(_) => {
                    "Not before there is a keyring that keeps one: a sign-in would end with its own command."
                }
            };
            return untold("nobody is signed in".to_owned(), to_do);
        }
    };
    match (roles.as_slice(), file.roles.is_empty()) {
        ([], false) => Check::new(SUBJECT, Found::Missing, format!("{person} has no role in the team"))
            .mended_by("Are these groups in the ID token? The claim is groupsClaim in the team file, and the provider has to fill it."),
        ([], true) => Check::new(SUBJECT, Found::Fine, person),
        (roles, _) => Check::new(SUBJECT, Found::Fine, format!("{person} is {}", roles.join(", "))),
    }
}

/// How a system answers, and what may not be read there.
fn connection(connection: &Connection, of_team: &str) -> Vec<Check> {
    let name = &connection.name;
    let to_do = match connection.kind {
        SystemKind::Cluster | SystemKind::Ecs => {
            "`landfall team init` proposes the rights.".to_owned()
        }
        SystemKind::CodeHost => format!(
            "Sign in there: `landfall sign-in --code-host {name}{of_team}`. If you are, ask whoever runs it for the right to read."
        ),
        SystemKind::Registry => "Ask whoever runs it for the right to read.".to_owned(),
    };
    let to_do = to_do.as_str();
    let check = |found, says: String| Check::new(name, found, says);
    let first = match &connection.state {
        ConnectionState::Live { .. } if connection.refusals.is_empty() => {
            check(Found::Fine, "answers".to_owned())
        }
        ConnectionState::Live { .. } => {
            let refusals = connection.refusals.join("; ");
            let says = format!("answers, and not everything may be read: {refusals}");
            check(Found::Missing, says).mended_by(to_do)
        }
        ConnectionState::Connecting => {
            check(Found::CannotTell, "nothing there was answered".to_owned())
        }
        ConnectionState::Syncing { .. } => check(
            Found::CannotTell,
            "did not answer everything in time".to_owned(),
        ),
        ConnectionState::Degraded { error, .. } => check(Found::CannotTell, error.clone()),
        ConnectionState::Denied { verb, resource } => {
            let says = format!("does not let you {verb} {resource}");
            check(Found::Missing, says).mended_by(to_do)
        }
        ConnectionState::NotAsked { why } => {
            check(Found::CannotTell, format!("was not asked: {why}"))
        }
        ConnectionState::Unreachable { error, private } => {
            let to_do = match private {
                true => "Its address is a private one: is the VPN on?",
                false => "",
            };
            // It may be down, which is no fault of the set-up.
            check(Found::CannotTell, error.clone()).mended_by(to_do)
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
        let says = format!(
            "{}: {}. Without it is unknown: {}",
            right.name,
            right.held.words(),
            right.without
        );
        match right.held.is_missing() {
            true => check(Found::Missing, says).mended_by(format!("{whom}{to_do}")),
            // Nobody has to grant what may be there.
            false => check(Found::CannotTell, says),
        }
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
    use api::connection::Held;

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
        assert_eq!(found.len(), 1, "{found:?}");
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
        let none = look();
        assert_eq!(none.found, Found::Missing);
        assert!(
            none.says.starts_with("is missing: there is no "),
            "{none:?}"
        );
        assert!(!none.says.contains("os error"), "{none:?}");
        let signature = signature::sign(&text, &key, None, jiff::Timestamp::now()).expect("signed");
        std::fs::write(folder.path().join("landfall.yaml.minisig"), signature).expect("written");
        assert_eq!(look().found, Found::Fine, "{:?}", look());
        std::fs::write(&path, format!("{text}name: Other\n")).expect("written");
        assert_eq!(look().found, Found::Missing, "it is another file's");
        std::fs::write(&path, "version: 1\n").expect("written");
        assert!(look().says.contains("names no key"));
    }

    #[test]
    fn a_group_in_two_roles_was_not_noticed() {
        let text = "roles: [{name: sre, groups: [ops, dev]}, {name: developer, groups: [dev]}]\n";
        let found = roles(&file(text));
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(only.subject, "group dev");
        assert_eq!(only.found, Found::Remark, "it may be meant");
        assert!(only.says.contains("sre, developer"), "{only:?}");
    }

    /// Publishes a file of this name, signed at this second with the key in the folder that is called so.
    fn publish(folder: &std::path::Path, name: &str, key: &str, second: i64) {
        let secret = folder.join(key);
        let public = folder.join(format!("{key}.pub"));
        if !secret.exists() {
            let made = signature::make_key(&secret, None).expect("a key");
            std::fs::write(&public, made.text()).expect("written");
        }
        let signed_by = std::fs::read_to_string(&public).expect("a key");
        let text = format!("version: 1\nname: {name}\nsignedBy: {signed_by}\n");
        let at = jiff::Timestamp::from_second(second).expect("a time");
        let signature = signature::sign(&text, &secret, None, at).expect("signed");
        std::fs::write(folder.join("landfall.yaml"), text).expect("written");
        std::fs::write(folder.join("landfall.yaml.minisig"), signature).expect("written");
    }

    #[tokio::test]
    async fn what_stands_at_the_link_by_now_was_not_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("landfall.yaml");
        let membership = Membership::in_folder(&folder.path().join("data"));
        publish(folder.path(), "first", "key", 100);
        let offer = Membership::offer(&path.to_string_lossy()).await;
        let offer = offer.expect("offered");
        let fingerprint = offer.fingerprint.clone();
        membership.join(&offer, &fingerprint).expect("joined");
        let look = async || at_link(membership.at_link().await);
        assert_eq!(look().await.found, Found::Fine);

        publish(folder.path(), "second", "key", 200);
        let newer = look().await;
        assert_eq!(newer.found, Found::Missing);
        assert!(newer.to_do.contains("landfall team update"), "{newer:?}");
        let kept = membership.team_file().expect("readable").expect("joined");
        assert_eq!(kept.name.as_deref(), Some("first"), "it was only looked at");

        publish(folder.path(), "older", "key", 50);
        assert!(look().await.says.contains("is newer than"));

        publish(folder.path(), "taken over", "theirs", 300);
        let other = look().await;
        assert_eq!(other.found, Found::Missing);
        assert!(other.says.contains("another key"), "{other:?}");
        assert!(!other.says.contains(&fingerprint), "it is the new one's");
        assert!(
            other.to_do.contains("Ask the team, not the link"),
            "{other:?}"
        );

        std::fs::write(&path, "version: 1\nname: tampered\n").expect("written");
        let tampered = look().await;
        assert_eq!(tampered.found, Found::Missing);
        assert!(tampered.says.contains("not to be believed"), "{tampered:?}");
    }

    #[test]
    fn a_link_that_does_not_answer_makes_no_file_wrong() {
        let why = Error::new(Code::Unreachable, "the team file cannot be read: no route");
        assert_eq!(at_link(Err(why.retryable())).found, Found::CannotTell);
    }

    #[test]
    fn signing_in_was_advised_where_somebody_was_signed_in() {
        let late = Some("id.example did not answer: no route".to_owned());
        let why = "the keyring is locked".to_owned();
        for (stands, not_kept) in [
            (SignInState::Resuming { late }, None),
            (SignInState::Unread { why }, Some(&NotKept::Locked)),
            (
                SignInState::SignedOut { failed: None },
                Some(&NotKept::NoKeyring),
            ),
        ] {
            let said = somebody(Some(stands), not_kept, &file(""), "sign in");
            assert_eq!(said.found, Found::CannotTell);
            assert!(!said.to_do.contains("sign in"), "{said:?}");
        }
        let out = SignInState::SignedOut { failed: None };
        let nobody = somebody(Some(out), None, &file(""), "sign in");
        assert_eq!(nobody.to_do, "sign in");
    }

    /// What is said of a sign-in at an issuer that nobody is signed in at, whose team file is named.
    async fn of_issuer(issuer: &str) -> (Vec<Check>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("landfall.yaml");
        let text = format!("version: 1\nsignIn: {{issuer: '{issuer}', clientId: x}}\n");
        std::fs::write(&path, text).expect("written");
        let team = Some(path.clone());
        let sources = Sources {
            team,
            ..Sources::default()
        };
        let checks = check(&sources, Duration::from_secs(1))
            .await
            .expect("looked at");
        (checks, path.display().to_string())
    }

    #[tokio::test]
    async fn a_provider_that_is_down_was_called_missing_and_a_sign_in_there_advised() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let (checks, _) = of_issuer(&format!("http://{address}")).await;
        let of = |subject: &str| checks.iter().find(|check| check.subject == subject);
        let provider = of(&address).expect("it was looked at");
        assert_eq!(provider.found, Found::CannotTell, "{provider:?}");
        let sign_in = of("your sign-in").expect("it was looked at");
        assert!(!sign_in.to_do.contains("sign-in`"), "{sign_in:?}");
    }

    #[test]
    fn a_sign_in_to_another_team_was_advised_for_a_file_that_was_named() {
        let team = Some("own/w5.yaml".into());
        let named = Sources {
            team,
            ..Sources::default()
        };
        assert_eq!(of_team(&named), " --team own/w5.yaml");
        assert_eq!(of_team(&Sources::default()), "");
    }

    #[test]
    fn the_keyring_was_not_looked_at() {
        assert_eq!(keyring(None).found, Found::Fine);
        let locked = keyring(Some(&NotKept::Locked));
        assert_eq!(locked.found, Found::CannotTell, "the set-up lacks nothing");
        assert!(locked.to_do.starts_with("Unlock it"), "{locked:?}");
        let absent = keyring(Some(&NotKept::NoKeyring));
        assert_eq!(absent.found, Found::Remark);
        assert!(!absent.to_do.contains("nlock"), "{absent:?}");
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
        let found = connection(&prod, "");
        let each: Vec<Found> = found.iter().map(|check| check.found).collect();
        assert_eq!(each, [Found::Fine, Found::Missing, Found::CannotTell]);
        assert!(found[1].says.contains("events") && found[1].to_do.contains("#platform"));
        assert!(found[1].to_do.contains("team init"), "{found:?}");
        assert_eq!(found[2].to_do, "", "nobody has to grant what may be there");
        prod.rights.clear();
        assert_eq!(
            connection(&prod, "")[1].found,
            Found::CannotTell,
            "nobody said"
        );
        // Neither has rights of Kubernetes' or AWS'.
        prod.state = ConnectionState::Denied {
            verb: "read".to_owned(),
            resource: "anything".to_owned(),
        };
        prod.kind = SystemKind::CodeHost;
        let said = connection(&prod, " --team a.yaml").remove(0).to_do;
        assert!(
            said.contains("landfall sign-in --code-host prod --team a.yaml"),
            "{said}"
        );
        prod.kind = SystemKind::Registry;
        let said = connection(&prod, "").remove(0).to_do;
        assert!(!said.contains("team init"), "{said}");
        prod.state = ConnectionState::Unreachable {
            error: "no route".to_owned(),
            private: false,
        };
        assert_eq!(connection(&prod, "")[0].found, Found::CannotTell);
        let named = file("codeHosts: [{host: code.example}]\n");
        assert_eq!(unasked(&named, &[prod]).len(), 1);
    }

    #[test]
    fn a_file_that_nobody_can_join_by_was_called_fine() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("landfall.yaml");
        let text = "version: 1\naws: [{name: a, region: r, credentials: keys}]\n";
        std::fs::write(&path, text).expect("written");
        assert_eq!(joinable(&path).found, Found::Missing);
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
