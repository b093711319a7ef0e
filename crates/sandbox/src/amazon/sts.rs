//! AWS' STS, as far as a sign-in needs it: credentials of a role for an ID token, and who somebody is.
//!
//! Owns the sessions. Signatures are not checked: nothing here is worth one.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use openidconnect::CsrfToken;

use super::answers::Refusal;
use super::{ACCESS_KEY, Account, NUMBER};

/// The one role: it trusts the company's provider.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/landfall-reader";
/// What a session lasts where nothing else is asked for.
const USUAL: i64 = 3600;

/// Sessions by their access key.
pub(super) type Sessions = BTreeMap<String, Session>;

/// Somebody in the role.
pub(super) struct Session {
    secret: String,
    token: String,
    name: String,
    until: Timestamp,
}

/// Who signed a request.
pub(super) enum Caller {
    /// The user whose key the credentials' file has.
    Developer,
    /// Somebody in the role, by their session's name.
    InRole(String),
}

impl Session {
    /// What opens the account.
    pub(super) fn secrets(&self) -> [String; 2] {
        [self.secret.clone(), self.token.clone()]
    }
}

/// Who signed a request, or why it is nobody.
pub(super) fn caller(account: &Account, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let key = headers
        .get(AUTHORIZATION)
        .and_then(|signed| signed.to_str().ok())
        .and_then(|signed| signed.split_once("Credential="))
        .and_then(|(_, credential)| credential.split('/').next())
        .unwrap_or_default();
    if key == ACCESS_KEY {
        return Ok(Caller::Developer);
    }
    let shown = headers
        .get("x-amz-security-token")
        .and_then(|token| token.to_str().ok());
    let sessions = account.sessions();
    let session = sessions
        .get(key)
        .filter(|session| shown == Some(session.token.as_str()));
    match session {
        Some(session) if session.until > account.clock.now() => {
            Ok(Caller::InRole(session.name.clone()))
        }
        Some(_) => Err(Refusal(
            "ExpiredTokenException",
            "The security token included in the request is expired".to_owned(),
        )),
        None => Err(Refusal(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        )),
    }
}

/// GetCallerIdentity.
pub(super) fn identity(caller: &Caller) -> String {
    let (arn, id) = match caller {
        Caller::Developer => (
            format!("arn:aws:iam::{NUMBER}:user/developer"),
            "AIDASANDBOXDEVELOPER".to_owned(),
        ),
        Caller::InRole(name) => (in_role(name), format!("AROASANDBOXREADER:{name}")),
    };
    format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{NUMBER}</Account>")
}

/// AssumeRoleWithWebIdentity, with the fields of its form.
pub(super) fn assume(account: &Account, field: impl Fn(&str) -> String) -> Result<String, Refusal> {
    let name = field("RoleSessionName");
    let is_name = (2..=64).contains(&name.len())
        && name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "_=,.@-".contains(one));
    if !is_name {
        let why = "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*";
        return Err(Refusal("ValidationError", why.to_owned()));
    }
    let provider = account.provider.as_ref();
    let token = field("WebIdentityToken");
    let Some(person) = provider.and_then(|provider| provider.whose(&token)) else {
        return Err(Refusal(
            "InvalidIdentityToken",
            "The web identity token that was passed is invalid, or its provider is not one of this account's".to_owned(),
        ));
    };
    if field("RoleArn") != ROLE {
        return Err(Refusal(
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned(),
        ));
    }
    let seconds = field("DurationSeconds").parse().unwrap_or(USUAL);
    let until = account
        .clock
        .now()
        .saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX);
    let random = || CsrfToken::new_random_len(24).into_secret();
    let (key, secret, session) = (format!("SANDBOX-{}", random()), random(), random());
    let answer = format!(
        "<SubjectFromWebIdentityToken>{email}</SubjectFromWebIdentityToken><Audience>{audience}</Audience>\
         <AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROASANDBOXREADER:{name}</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{session}</SessionToken><Expiration>{until}</Expiration></Credentials>",
        email = person.email,
        audience = crate::provider::CLIENT,
        arn = in_role(&name),
        until = until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    let session = Session {
        secret,
        token: session,
        name,
        until,
    };
    account.sessions().insert(key, session);
    Ok(answer)
}

fn in_role(name: &str) -> String {
    format!("arn:aws:sts::{NUMBER}:assumed-role/landfall-reader/{name}")
}
