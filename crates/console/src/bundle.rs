//! The diagnostic bundle: one file that says how everything stands, to be read by whoever sends it, and then by whoever
//! helps.
//!
//! Owns its form, and its writing. It is made of types that have no place for a secret; `guard` goes over each of its texts
//! all the same, because what systems say of themselves is in it.

mod guard;
mod known;
mod places;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use api::error::Code;
use api::{Connection, Error, SignIn, SignInState};
use facts::ClusterFacts;
use jiff::Timestamp;
use serde::Serialize;

use crate::errors::Noted;
use crate::sources::{Sources, downloads_folder};
use crate::team_file::TeamFile;

/// The version of the bundle's form.
const VERSION: u32 = 1;

/// Variables that change what is opened and how: whether they are set is said, and never what they are.
const VARIABLES: [&str; 12] = [
    "KUBECONFIG",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
];

/// What is in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle<'a> {
    /// The version of this form.
    version: u32,
    made_at: Timestamp,
    /// Landfall's own version.
    landfall: &'static str,
    platform: Platform,
    settings: &'a Settings,
    /// The team file, without what its certificates consist of.
    #[serde(skip_serializing_if = "Option::is_none")]
    team_file: Option<&'a TeamFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<Who>,
    connections: Vec<Connection>,
    /// Objects by cluster or account and kind, with how well the kind is known.
    objects: BTreeMap<String, BTreeMap<&'static str, known::Known>>,
    /// The last error of each code, of answers and of objects that were opened.
    errors: Vec<Noted>,
}

#[derive(Serialize)]
struct Platform {
    system: &'static str,
    architecture: &'static str,
    /// The variables that are set.
    variables: Vec<&'static str>,
}

/// What was chosen when the systems were opened. Paths are not written with it: they name people.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    kubeconfig: &'static str,
    contexts: Vec<String>,
    team_file: &'static str,
    cache: &'static str,
    history: &'static str,
    is_sparing: bool,
    /// Which folders are left out of the paths in errors.
    #[serde(skip)]
    places: places::Places,
}

impl Settings {
    /// What these sources choose; whether a team file is used.
    pub fn of(sources: &Sources, has_team_file: bool) -> Self {
        let chosen = |is_named, named, else_| if is_named { named } else { else_ };
        Self {
            kubeconfig: chosen(sources.kubeconfig.is_some(), "named", "the person's own"),
            contexts: sources.contexts.clone(),
            team_file: match (&sources.team, has_team_file) {
                (Some(_), _) => "named",
                (None, true) => "of the team that was joined",
                (None, false) => "none",
            },
            cache: chosen(sources.cache.is_some(), "named", "the platform's"),
            history: chosen(sources.history.is_some(), "kept", "of this process"),
            is_sparing: sources.sparing,
            places: places::Places::of(sources),
        }
    }
}

/// Who is signed in, without their name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    provider: String,
    state: &'static str,
    /// What stands after the @ of the person's e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// What hinders it.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Why it ends with the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_kept: Option<String>,
}

impl Who {
    fn of(sign_in: &SignIn) -> Self {
        let mut who = Self {
            provider: sign_in.provider.clone(),
            state: "",
            domain: None,
            roles: Vec::new(),
            until: None,
            why: None,
            not_kept: sign_in.not_kept.clone(),
        };
        match &sign_in.state {
            SignInState::SignedOut { failed } => {
                who.state = "signed out";
                who.why = failed.as_ref().map(|why| why.message.clone());
            }
            SignInState::Unread { why } => {
                who.state = "unread";
                who.why = Some(why.clone());
            }
            // The page's address and the code open a session for whoever is quick.
            SignInState::InBrowser { .. } => who.state = "in the browser",
            SignInState::Code { until, .. } => {
                who.state = "waiting for a code";
                who.until = Some(*until);
            }
            SignInState::Resuming { late } => {
                who.state = "resuming";
                who.why.clone_from(late);
            }
            SignInState::SignedIn {
                person,
                roles,
                until,
                late,
                home: _,
            } => {
                who.state = "signed in";
                who.domain = person.rsplit_once('@').map(|(_, domain)| domain.to_owned());
                who.roles.clone_from(roles);
                who.until = Some(*until);
                who.why.clone_from(late);
            }
            SignInState::Over { why } => {
                who.state = "over";
                who.why = Some(why.clone());
            }
        }
        who
    }
}

/// A connection without people's names: what kind of identity it is stays. What of them is in messages the guard knows.
fn nameless(mut connection: Connection) -> Connection {
    connection.identity = connection.identity.as_deref().map(unnamed);
    for granter in &mut connection.granted_by {
        if let Some(name) = granter.strip_prefix("user ") {
            *granter = format!("user {}", unnamed(name));
        }
    }
    connection
}

/// `okta:…` for `okta:jo`, `…@shop.example` for a mail address, `… (scopes repo)` for an account with what it may.
fn unnamed(identity: &str) -> String {
    // Machines are nobody, and ARNs are cut by the guard wherever they stand.
    if identity == forge::ANONYMOUS
        || identity.starts_with("system:")
        || identity.starts_with("arn:")
    {
        return identity.to_owned();
    }
    let begins = identity.find(" (").unwrap_or(identity.len());
    let (name, more) = identity.split_at(begins);
    let (name, domain) = name.rsplit_once('@').unwrap_or((name, ""));
    let at = if domain.is_empty() { "" } else { "@" };
    let (prefix, colon) = match name.rsplit_once(':') {
        Some((prefix, _)) => (prefix, ":"),
        None => ("", ""),
    };
    format!("{prefix}{colon}…{at}{domain}{more}")
}

/// What the bundle is made of.
pub struct Parts<'a> {
    /// When it is made.
    pub made_at: Timestamp,
    /// What was chosen.
    pub settings: &'a Settings,
    /// The team file, if one is used.
    pub team_file: Option<&'a TeamFile>,
    /// Who is signed in, where that is needed.
    pub sign_in: Option<SignIn>,
    /// How the connections stand.
    pub connections: Vec<Connection>,
    /// What is known of each cluster and account.
    pub facts: Vec<(String, std::sync::Arc<ClusterFacts>)>,
    /// The last errors.
    pub errors: Vec<Noted>,
}

/// The bundle as text.
///
/// # Errors
/// It cannot be written as JSON.
pub fn text(parts: Parts<'_>) -> Result<String, Error> {
    let bundle = Bundle {
        version: VERSION,
        made_at: parts.made_at,
        landfall: env!("CARGO_PKG_VERSION"),
        platform: Platform {
            system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            variables: VARIABLES
                .into_iter()
                .filter(|name| std::env::var_os(name).is_some())
                .collect(),
        },
        settings: parts.settings,
        team_file: parts.team_file,
        sign_in: parts.sign_in.as_ref().map(Who::of),
        connections: parts.connections.into_iter().map(nameless).collect(),
        objects: parts
            .facts
            .iter()
            .map(|(name, facts)| (name.clone(), known::known(facts)))
            .collect(),
        errors: parts.errors,
    };
    let written = serde_json::to_value(&bundle).and_then(|mut value| {
        guard::over(&mut value, &parts.settings.places);
        serde_json::to_string_pretty(&value)
    });
    written.map(|text| text + "\n").map_err(|why| {
        Error::new(
            Code::Internal,
            format!("the diagnostic bundle cannot be written as JSON: {why}"),
        )
    })
}

/// Where a bundle goes that nobody named a file for.
pub fn place(now: Timestamp) -> PathBuf {
    let name = now.strftime("landfall-diagnostics-%Y%m%dT%H%M%SZ.json");
    downloads_folder().join(name.to_string())
}

/// Writes it to a file that is not there yet, for its owner alone.
///
/// # Errors
/// There is such a file, or it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |why: &std::io::Error| {
        Error::new(
            Code::BadFile,
            format!(
                "the diagnostic bundle cannot be written to {}: {why}",
                path.display()
            ),
        )
    };
    let mut file = options.open(path).map_err(|why| {
        let hint = match why.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "Name another file: nothing is written over, so that what was sent stays what it was."
            }
            _ => "Name a file in a folder that is there and that you may write to.",
        };
        failed(&why).hint(hint)
    })?;
    file.write_all(text.as_bytes()).map_err(|why| {
        // Half a bundle is none. Why it was half is what is said.
        let _ = std::fs::remove_file(path);
        failed(&why)
    })
}

#[cfg(test)]
mod tests;
