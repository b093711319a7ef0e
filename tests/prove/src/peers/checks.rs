//! What is relied on of the peers, as a table; each check with what it proves.
//!
//! Owns the table, its run and what a run reports. It prints nothing.

mod amazon;
mod keyring;
mod sign_in;

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::Peers;

/// A check that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its peer and its name: `amazon::identity`.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    run: for<'a> fn(&'a Peers) -> BoxFuture<'a, Checked>,
}

/// One line a check, which rustfmt leaves alone.
macro_rules! checks {
    ($($peer:ident :: $name:ident => $proves:literal;)*) => {
        &[$(Check {
            name: concat!(stringify!($peer), "::", stringify!($name)),
            proves: $proves,
            run: |peers| Box::pin($peer::$name(peers)),
        }),*]
    };
}

/// Every check.
pub static CHECKS: &[Check] = checks! {
    amazon::identity => "STS says whose a signed request is";
    amazon::web_identity => "STS gives credentials for a web identity's token, unsigned";
    amazon::registry_token => "ECR gives a user and password for its registry, with an end";
    amazon::registry_image => "ECR has an image under its tag and the digest it was pushed with";
    amazon::registry_without_image => "ECR says ImageNotFoundException of a tag that is not there";
    amazon::secret_private_stage => "a version put under a private stage leaves AWSCURRENT alone";
    amazon::secret_swap => "AWSCURRENT moves to a version when it is named where it is, and AWSPREVIOUS follows";
    amazon::secret_stale_swap => "a move that names a version which lost AWSCURRENT is refused, and moves nothing";
    amazon::secret_used_token => "a used ClientRequestToken with other data is refused, with the same data it is not";
    amazon::service_rollout => "an ECS service has a PRIMARY deployment with rolloutState, task definition and counts";
    amazon::service_update => "an updated ECS service names its new task definition";
    amazon::task_definition => "an ECS task definition's revisions count up and keep their images";
    amazon::service_missing => "an ECS service that is not there is a failure with the reason MISSING";
    sign_in::discovery => "discovery names every endpoint that is used, S256, and keys that are there";
    sign_in::code => "a code with PKCE gives tokens: issuer, audience, nonce and groups in the ID token";
    sign_in::code_without_proof => "a request without PKCE is refused";
    sign_in::code_with_other_proof => "a code with another verifier is refused";
    sign_in::code_twice => "a code is good once";
    sign_in::nobody => "a login that is refused comes back as access_denied with the state";
    sign_in::groups => "another account has other groups, at userinfo too";
    sign_in::refresh_rotates => "a refresh token gives new tokens and a new refresh token";
    sign_in::refresh_twice => "a used refresh token is refused, and so is what it was exchanged for";
    sign_in::device => "a device is told to wait until its code is confirmed, then gets tokens";
    sign_in::device_refused => "a device whose code is refused is told access_denied";
    sign_in::revocation => "a revoked refresh token is refused";
    keyring::kept => "what is stored is found again, byte for byte, line ends too";
    keyring::replaced => "what is stored again replaces what was there";
    keyring::removed => "what is removed is not found";
    keyring::apart => "accounts of one service are kept apart";
    keyring::closed => "what is stored is not readable in the keyring's file";
};

/// What came of one check.
pub struct Row {
    /// The check.
    pub check: &'static Check,
    /// Why it did not pass; none if it did.
    pub broken: Option<String>,
}

/// Runs the checks whose name contains `only`, or all, one after another.
pub async fn run(peers: &Peers, only: Option<&str>) -> Vec<Row> {
    let mut rows = Vec::new();
    for check in CHECKS {
        if only.is_some_and(|only| !check.name.contains(only)) {
            continue;
        }
        let broken = match tokio::time::timeout(LONGEST, (check.run)(peers)).await {
            Ok(Ok(())) => None,
            Ok(Err(wrong)) => Some(wrong.to_string()),
            Err(_) => Some(format!("no end within {} s", LONGEST.as_secs())),
        };
        rows.push(Row { check, broken });
    }
    rows
}

/// What a check finds.
type Checked<Found = ()> = Result<Found, Wrong>;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    /// The peer does not answer.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// A program or a file.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// It is not as it has to be.
    #[error("{what}: {said}")]
    Not {
        /// What was looked at, and what it had to be.
        what: String,
        /// What it is.
        said: String,
    },
}

/// A form on its way.
fn form(http: &reqwest::Client, url: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    http.post(url)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.finish())
}

/// Whether something is so; `said` is what shows it.
fn so(what: &str, is_so: bool, said: &dyn std::fmt::Display) -> Checked {
    match is_so {
        true => Ok(()),
        false => Err(Wrong::Not {
            what: what.to_owned(),
            said: said.to_string(),
        }),
    }
}

/// Whether a value is this one.
fn is(what: &str, value: &Value, wanted: impl Into<Value>) -> Checked {
    let wanted = wanted.into();
    so(&format!("{what} is not {wanted}"), *value == wanted, value)
}

/// The text of a value, which has to be one.
fn text<'v>(what: &str, value: &'v Value) -> Checked<&'v str> {
    value.as_str().ok_or_else(|| Wrong::Not {
        what: format!("{what} is no text"),
        said: value.to_string(),
    })
}
