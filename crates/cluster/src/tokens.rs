//! Tokens from elsewhere: what a caller lends this crate to sign its requests with.
//!
//! Owns what is asked of whoever has them, and the header that they stand in. Keeps none: a token may live one minute,
//! so that it is asked for anew for every request, and whoever has it caches.

use async_trait::async_trait;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::failure::{Failure, Why};

/// Whoever has tokens for one cluster. It is asked for every request, so that asking must cost nothing while the token
/// that it has is good; several requests ask at once.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A bearer token that is good now.
    ///
    /// # Errors
    /// If there is none, with what a person is to know of it.
    async fn token(&self) -> Result<SecretString, NoToken>;

    /// When the token ends that it has, by our clock; `None` where there is none, or that is not known.
    fn until(&self) -> Option<Timestamp> {
        None
    }
}

/// Why there is no token. Its words are shown: they hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoToken {
    /// What happened: "the session has ended".
    pub reason: String,
    /// What to do; empty where nothing better is known.
    pub hint: String,
    /// Whether it may pass without anybody's doing: a provider that does not answer. Otherwise somebody must sign in.
    pub may_pass: bool,
}

impl From<NoToken> for Failure {
    fn from(none: NoToken) -> Self {
        let why = if none.may_pass {
            Why::NoToken
        } else {
            Why::Credentials
        };
        Self::new(why, api::headline::plain(&none.reason, 300))
            .hint(api::headline::plain(&none.hint, 300))
    }
}

/// The header that a token stands in; it is marked so that nothing prints it.
pub(crate) fn authorization(token: &SecretString) -> Result<HeaderValue, Failure> {
    let unusable = |reason: &str| Failure::new(Why::Credentials, reason);
    let token = token.expose_secret();
    if token.is_empty() {
        return Err(unusable("the token is empty"));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unusable("the token holds characters that none can"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_in_a_header_that_is_not_printed() {
        let header = authorization(&SecretString::from("topsecret")).unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer topsecret");
        assert!(!format!("{header:?}").contains("topsecret"));
    }

    #[test]
    fn a_token_that_is_none_is_said_without_it() {
        for token in ["", "top\nsecret"] {
            let failure = authorization(&SecretString::from(token)).unwrap_err();
            assert!(failure.needs_sign_in());
            assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
        }
    }

    #[test]
    fn what_may_pass_is_no_reason_to_sign_in() {
        let none = |may_pass| NoToken {
            reason: "the provider\u{1b}[31m does not answer".to_owned(),
            hint: "is the VPN on?".to_owned(),
            may_pass,
        };
        let failure = Failure::from(none(true));
        assert!(failure.is_unreachable() && !failure.needs_sign_in());
        assert_eq!(
            failure.to_string(),
            "the provider[31m does not answer (is the VPN on?)"
        );
        let failure = Failure::from(none(false));
        assert!(failure.needs_sign_in() && !failure.is_unreachable());
    }
}
