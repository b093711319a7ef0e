//! What a plugin answers: a token or a certificate, and until when it is good.
//!
//! Owns reading `ExecCredential` as client-go does. Quotes nothing of it: all of it may be secret.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How long before its end a credential counts as ended: a request that is on its way must still arrive with it.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What a plugin gives.
pub(crate) struct Credential {
    /// A bearer token.
    pub(crate) token: Option<SecretString>,
    /// A client certificate and its key, each in PEM.
    pub(crate) identity: Option<(SecretString, SecretString)>,
    /// Until when it is used; `None`: until it is refused.
    pub(crate) until: Option<Timestamp>,
}

impl Credential {
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOne {
    /// It has another form.
    Malformed,
    /// It has ended already.
    Expired,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    api_version: String,
    kind: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<SecretString>,
    client_certificate_data: Option<SecretString>,
    client_key_data: Option<SecretString>,
    expiration_timestamp: Option<Timestamp>,
}

/// Reads what a plugin printed, which was told to speak this version.
pub(super) fn read(stdout: &[u8], version: &str, now: Timestamp) -> Result<Credential, NotOne> {
    let answer: Answer = serde_json::from_slice(stdout).map_err(|_| NotOne::Malformed)?;
    if answer.kind != "ExecCredential" || answer.api_version != version {
        return Err(NotOne::Malformed);
    }
    let filled = |text: Option<SecretString>| text.filter(|text| !text.expose_secret().is_empty());
    let status = answer.status;
    let token = filled(status.token);
    let identity = match (
        filled(status.client_certificate_data),
        filled(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(NotOne::Malformed),
    };
    if token.is_none() && identity.is_none() {
        return Err(NotOne::Malformed);
    }
    let until = match status.expiration_timestamp {
        None => None,
        Some(end) => {
            let left = end.duration_since(now);
            if !left.is_positive() {
                return Err(NotOne::Expired);
            }
            // A short-lived one would have ended before it is used.
            let margin = MARGIN.min(left / 2);
            end.checked_sub(margin).ok()
        }
    };
    Ok(Credential {
        token,
        identity,
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "client.authentication.k8s.io/v1";

    fn now() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    fn answer(status: &str) -> Result<Credential, NotOne> {
        let text = format!(r#"{{"apiVersion":"{V1}","kind":"ExecCredential","status":{status}}}"#);
        read(text.as_bytes(), V1, now())
    }

    fn until(end: &str) -> Option<String> {
        let status = format!(r#"{{"token":"t","expirationTimestamp":"{end}"}}"#);
        let credential = answer(&status).map_err(|error| panic!("{error:?}")).ok()?;
        credential.until.map(|until| until.to_string())
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        assert_eq!(
            until("2026-11-30T12:15:00Z").as_deref(),
            Some("2026-11-30T12:14:00Z")
        );
        assert_eq!(
            until("2026-11-30T12:00:40Z").as_deref(),
            Some("2026-11-30T12:00:20Z"),
            "one that lives less than two minutes is used for half of its life"
        );
        let endless = answer(r#"{"token":"t"}"#).ok().unwrap();
        assert_eq!(endless.until, None);
        assert!(endless.is_good(now()));
    }

    #[test]
    fn what_has_ended_is_no_credential() {
        let status = r#"{"token":"t","expirationTimestamp":"2026-11-30T11:59:59Z"}"#;
        assert_eq!(answer(status).err(), Some(NotOne::Expired));
    }

    #[test]
    fn what_is_no_credential_is_not_taken_for_one() {
        for status in [
            "{}",
            "null",
            r#"{"token":""}"#,
            r#"{"token":7}"#,
            r#"{"clientCertificateData":"c"}"#,
            r#"{"clientKeyData":"k","token":"t"}"#,
            r#"{"token":"t","expirationTimestamp":"soon"}"#,
        ] {
            assert_eq!(answer(status).err(), Some(NotOne::Malformed), "{status}");
        }
        let other = r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}}"#;
        let kind = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"Secret","status":{"token":"t"}}"#;
        for text in ["", "{", "topsecret", other, kind] {
            let read = read(text.as_bytes(), V1, now());
            assert_eq!(read.err(), Some(NotOne::Malformed), "{text}");
        }
    }
}
