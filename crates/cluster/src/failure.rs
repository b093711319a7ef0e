//! Why a request to a cluster failed, in plain words, said once.
//!
//! Owns the telling apart: refused, unknown host, silence, TLS, credentials, permission, an answer that makes no sense.
//! A reason names the host and what happened, never the operation or the cluster: whoever asked adds those.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use api::headline::plain;
use api::token::HIDDEN;
use facts::Coverage;
use http::HeaderValue;
use kube::client::AuthError;
use rustls::CertificateError;

use crate::host::{is_loopback, is_private};

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody listens there.
    Refused,
    /// The host's name is not known.
    UnknownHost,
    /// No answer within the time allowed.
    Silent,
    /// The connection broke, or there is no way there.
    Broken,
    /// Something in between answered that the server is not there (502, 503, 504).
    BadGateway,
    /// The server's certificate has expired or is not valid yet.
    CertificateDate,
    /// The server's certificate is signed by an authority that is not trusted.
    UnknownAuthority,
    /// The server's certificate is for another name.
    CertificateName,
    /// Another disagreement about TLS.
    Tls,
    /// The credentials cannot be had: a sign-in plugin, a file, or whoever has the tokens.
    Credentials,
    /// There is no token at the moment, and nobody need sign in for the next one.
    NoToken,
    /// The kubeconfig itself cannot be used any more.
    Kubeconfig,
    /// The server does not accept the credentials (401).
    Unauthorized,
    /// The server knows us and says no (403).
    Denied,
    /// The server does not know what was asked for (404).
    NotFound,
    /// What was asked for has expired (410): begin anew.
    Gone,
    /// Another error of the server's.
    Server(u16),
    /// An answer that is not what it should be.
    Malformed,
    /// Something answers there that is no Kubernetes API.
    NotKubernetes,
}

/// A failure with its reason and, where one is known, a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Failure {
    /// What kind of failure it was.
    pub why: Why,
    /// What happened.
    pub reason: String,
    /// What to look at; empty where nothing better is known.
    pub hint: String,
    /// Whether the address is a private one, which is reached only from inside or through a VPN.
    pub private: bool,
    /// How long the server wants not to be asked again, where it says so: a busy one does (429, 503).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without hint.
    pub(crate) fn new(why: Why, reason: impl Into<String>) -> Self {
        Self {
            why,
            reason: reason.into(),
            hint: String::new(),
            private: false,
            retry_after: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The reason, and the hint in brackets.
    pub fn words(&self) -> String {
        if self.hint.is_empty() {
            self.reason.clone()
        } else {
            format!("{} ({})", self.reason, self.hint)
        }
    }

    /// Whether the server did not answer at all, or only something in its place did.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self.why,
            Why::Refused
                | Why::UnknownHost
                | Why::Silent
                | Why::Broken
                | Why::BadGateway
                | Why::CertificateDate
                | Why::UnknownAuthority
                | Why::CertificateName
                | Why::Tls
                // The server may be well, and nothing of it can be read.
                | Why::NoToken
        )
    }

    /// Whether it is the credentials that are wanting: the server is well, and we are nobody there.
    pub(crate) fn is_signed_out(&self) -> bool {
        matches!(self.why, Why::Credentials | Why::Unauthorized)
    }

    /// Whether nothing can be asked before somebody signs in or mends the kubeconfig: trying again soon is of no use
    /// and may open a browser each time.
    pub fn needs_sign_in(&self) -> bool {
        matches!(
            self.why,
            Why::Credentials | Why::Kubeconfig | Why::Unauthorized
        )
    }

    /// The same, said of the server: one that was never asked is not to pass for one that does not answer.
    pub(crate) fn of_server(&self) -> String {
        match self.why {
            Why::NoToken => format!("it was not asked: {}", self.words()),
            _ => self.words(),
        }
    }

    /// How well a kind is known whose read failed so.
    pub(crate) fn coverage(&self) -> Coverage {
        let message = self.of_server();
        if self.is_unreachable() {
            Coverage::Unreachable { message }
        } else if matches!(self.why, Why::Denied) || self.needs_sign_in() {
            Coverage::Denied { message }
        } else {
            Coverage::Failed { message }
        }
    }

    /// What the answer's header said of trying again.
    pub(crate) fn retry_after(mut self, seconds: Option<&HeaderValue>) -> Self {
        let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        self.retry_after = seconds.map(Duration::from_secs).or(self.retry_after);
        self
    }

    /// The same without the token that was sent in this header, should the server repeat it.
    pub(crate) fn without(mut self, authorization: Option<&HeaderValue>) -> Self {
        let sent = authorization.and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
        // Shorter ones are words that stand everywhere.
        if let Some(token) = sent.filter(|token| token.len() >= 6) {
            self.reason = self.reason.replace(token, HIDDEN);
        }
        self
    }

    /// From an answer with an error status.
    pub(crate) fn answer(status: u16, body: &[u8]) -> Self {
        let said = serde_json::from_slice::<serde_json::Value>(body).ok();
        let said = said
            .as_ref()
            .and_then(|value| value.get("message"))
            .and_then(|message| message.as_str())
            .map(|message| plain(message, 1000))
            .unwrap_or_default();
        Self::status(status, &said)
    }

    fn status(status: u16, said: &str) -> Self {
        let name = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("unknown status");
        let code = format!("{status} {name}");
        let said_or_code = if said.is_empty() { &code } else { said };
        match status {
            401 => Self::new(
                Why::Unauthorized,
                "the credentials were not accepted (401 Unauthorized)",
            )
            .hint("sign in again"),
            403 => Self::new(Why::Denied, said_or_code),
            404 => Self::new(Why::NotFound, said_or_code),
            410 => Self::new(Why::Gone, said_or_code),
            502..=504 => Self::new(Why::BadGateway, said_with(said, &code)),
            _ => Self::new(Why::Server(status), said_with(said, &code)),
        }
    }

    /// From what kube's client says, while talking to `host`.
    pub(crate) fn client(error: &kube::Error, host: &str) -> Self {
        let mut failure = match error {
            kube::Error::Api(status) => {
                let mut failure = Self::status(status.code, &plain(&status.message, 1000));
                // Without its headers; the server says it in the body, too.
                let seconds = status.details.as_ref().map(|of| of.retry_after_seconds);
                failure.retry_after = seconds
                    .filter(|seconds| *seconds > 0)
                    .map(|seconds| Duration::from_secs(seconds.into()));
                failure
            }
            kube::Error::InferKubeconfig(error) => {
                Self::new(Why::Kubeconfig, plain(&error.to_string(), 400))
            }
            kube::Error::ProxyProtocolUnsupported { .. }
            | kube::Error::ProxyProtocolDisabled { .. } => Self::new(
                Why::Kubeconfig,
                "the proxy's address is of a kind that cannot be used",
            )
            .hint("http://, https:// and socks5:// can"),
            error => Self::transport(error, host),
        };
        failure.private = is_private(host);
        if failure.hint.is_empty() {
            failure.hint = hint(failure.why, host).to_owned();
        }
        failure
    }

    /// The same of a cluster that no kubeconfig names and whose tokens come from elsewhere: the hints of a kubeconfig's
    /// would send people to a file that there isn't.
    pub(crate) fn at_an_address(self) -> Self {
        let hint = match self.why {
            Why::Unauthorized => {
                return Self {
                    reason: "the cluster does not accept the sign-in (401 Unauthorized)".to_owned(),
                    hint: "does it trust the issuer?".to_owned(),
                    ..self
                };
            }
            Why::UnknownAuthority => "are the certificate authorities given for it the right ones?",
            Why::CertificateName | Why::NotKubernetes => "is the address right?",
            _ => return self,
        };
        self.hint(hint)
    }

    /// From a broken stream, while reading from `host`.
    pub(crate) fn stream(error: &io::Error, host: &str) -> Self {
        let mut failure = Self::transport(error, host);
        failure.private = is_private(host);
        failure
    }

    fn transport(error: &(dyn StdError + 'static), host: &str) -> Self {
        let causes: Vec<_> = causes(error);
        if let Some(error) = causes.iter().find_map(|e| e.downcast_ref::<AuthError>()) {
            return credentials(error);
        }
        if let Some(error) = causes
            .iter()
            .find_map(|e| e.downcast_ref::<rustls::Error>())
        {
            return tls(error, host);
        }
        if causes.iter().any(|e| e.to_string() == "dns error") {
            return Self::new(Why::UnknownHost, format!("the host {host} is not known"));
        }
        let kinds: Vec<_> = causes
            .iter()
            .filter_map(|e| e.downcast_ref::<io::Error>())
            .map(io::Error::kind)
            .collect();
        if kinds.contains(&io::ErrorKind::ConnectionRefused) {
            Self::new(Why::Refused, format!("{host} refused the connection"))
        } else if kinds.contains(&io::ErrorKind::TimedOut) {
            silent(host)
        } else if kinds.iter().any(|kind| {
            matches!(
                kind,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
            )
        }) {
            Self::new(Why::Broken, format!("there is no way to {host}"))
        } else {
            Self::new(Why::Broken, format!("{host} closed the connection"))
        }
    }
}

/// What the server said, with its status where the words don't carry it.
fn said_with(said: &str, code: &str) -> String {
    if said.is_empty() {
        format!("the server answered {code}")
    } else {
        format!("the server answered {code}: {said}")
    }
}

/// An answer where every API server says its version, and this one doesn't.
pub(crate) fn not_kubernetes(host: &str, answered: &str) -> Failure {
    Failure::new(
        Why::NotKubernetes,
        format!("{host} is no Kubernetes API: asked for /version, it answers {answered}"),
    )
    .hint("look at server of the cluster in the kubeconfig")
}

/// No answer in time.
pub(crate) fn silent(host: &str) -> Failure {
    let mut failure =
        Failure::new(Why::Silent, format!("{host} does not answer")).hint(hint(Why::Silent, host));
    failure.private = is_private(host);
    failure
}

/// The error and everything below it, with what `io::Error` hides: its `source` skips the very error that it wraps.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut found = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        found.push(error);
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    found
}

fn tls(error: &rustls::Error, host: &str) -> Failure {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => Failure::new(
            Why::CertificateDate,
            format!("the certificate of {host} has expired"),
        )
        .hint("it must be renewed where the cluster is run, unless this machine's clock is wrong"),
        Tls::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => Failure::new(
            Why::CertificateDate,
            format!("the certificate of {host} is not valid yet"),
        )
        .hint("is this machine's clock right?"),
        // A cluster that was built anew has an authority of the same name with another key: a bad signature.
        Tls::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => Failure::new(
            Why::UnknownAuthority,
            format!("the certificate of {host} is signed by an authority that is not trusted"),
        )
        .hint("look at certificate-authority-data of the cluster in the kubeconfig"),
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Failure::new(
            Why::CertificateName,
            format!("the certificate of {host} is for another name"),
        )
        .hint("tls-server-name in the kubeconfig may say which"),
        Tls::InvalidMessage(_) => Failure::new(Why::Tls, format!("{host} does not speak TLS"))
            .hint("is the address right, with http or https as it should be?"),
        error => Failure::new(
            Why::Tls,
            format!(
                "no TLS connection to {host}: {}",
                plain(&error.to_string(), 300)
            ),
        ),
    }
}

/// kube's own credentials: those of files, and of the file itself. Plugins are not run by kube, whose words for one that
/// failed would quote what it printed.
fn credentials(error: &AuthError) -> Failure {
    let failure = |reason: String| Failure::new(Why::Credentials, reason);
    match error {
        AuthError::ReadTokenFile(error, path) => failure(format!(
            "the token file {} cannot be read: {}",
            path.display(),
            plain(&error.to_string(), 200)
        )),
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            failure("the kubeconfig's credentials hold characters that none can".to_owned())
        }
        // An auth provider that there isn't; it names the provider.
        AuthError::AuthExec(said) => failure(plain(said, 300)),
        _ => failure("the kubeconfig's credentials cannot be used".to_owned()),
    }
}

fn hint(why: Why, host: &str) -> &'static str {
    let loopback = is_loopback(host);
    let private = is_private(host);
    match why {
        Why::Refused if loopback => "is it running?",
        Why::Refused | Why::Silent | Why::Broken if private => "is the VPN on?",
        Why::UnknownHost => "is the name right, and the VPN on?",
        Why::Refused => "is the address right?",
        Why::Silent => "is a firewall or proxy in between?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_private_address_asks_for_the_vpn() {
        assert_eq!(
            silent("10.1.2.3:6443").to_string(),
            "10.1.2.3:6443 does not answer (is the VPN on?)"
        );
        assert_eq!(
            silent("52.1.2.3:443").to_string(),
            "52.1.2.3:443 does not answer (is a firewall or proxy in between?)"
        );
    }

    #[test]
    fn a_refusal_quotes_the_server_and_nothing_else() {
        let failure = Failure::answer(
            403,
            br#"{"kind":"Status","status":"Failure","message":"pods is forbidden: User \"jo\" cannot list resource \"pods\"","reason":"Forbidden","code":403}"#,
        );
        assert_eq!(failure.why, Why::Denied);
        assert_eq!(
            failure.to_string(),
            "pods is forbidden: User \"jo\" cannot list resource \"pods\""
        );
        assert_eq!(Failure::answer(403, b"<html>").to_string(), "403 Forbidden");
        assert_eq!(
            Failure::answer(500, b"{\"message\":\"etcd\\u001b[31m\"}").to_string(),
            "the server answered 500 Internal Server Error: etcd[31m"
        );
        assert!(Failure::answer(503, b"").is_unreachable());
    }

    #[test]
    fn a_server_that_repeats_the_token_had_it_shown() {
        let of = |said: &str| Failure::answer(403, format!(r#"{{"message":"{said}"}}"#).as_bytes());
        // By its shape, where the client has credentials of its own.
        assert_eq!(
            of("forbidden: tok Bearer SECRETK8STOKEN").to_string(),
            "forbidden: tok Bearer (hidden)"
        );
        // Whatever it looks like, where it is known.
        let sent = HeaderValue::from_static("Bearer correct-horse");
        assert_eq!(
            of("no: correct-horse").without(Some(&sent)).to_string(),
            "no: (hidden)"
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_kube_says_of_a_command_is_never_repeated() {
        use std::os::unix::process::ExitStatusExt;
        let error = AuthError::AuthExecRun {
            cmd: "aws --token=topsecret".to_owned(),
            out: Box::new(std::process::Output {
                status: std::process::ExitStatus::from_raw(255 << 8),
                stdout: b"topsecret".to_vec(),
                stderr: b"topsecret".to_vec(),
            }),
        };
        let failure = Failure::client(&kube::Error::Auth(error), "h:1");
        assert_eq!(
            failure.to_string(),
            "the kubeconfig's credentials cannot be used"
        );
        assert!(failure.needs_sign_in());
    }
}
