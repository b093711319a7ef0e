//! Who we are at a code host: whoever has the token is asked for it before every request, so that a sign-in, a renewal or its
//! end counts at once.
//!
//! Owns where a token may go: to the code host's own addresses over TLS, or on this machine, and nowhere else.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::Config;
use crate::web::is_own;

/// Somebody who has tokens for one code host.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The token that is good now; none where nobody is signed in.
    ///
    /// # Errors
    /// Somebody is, or was, and there is no token: what is not shown to everybody is not read, and the reason says why.
    async fn token(&self) -> Result<Option<SecretString>, NoToken>;

    /// The code host refused this token with 401. It is the other's to find out what that means; the next call of
    /// [`Self::token`] gives one that may be tried.
    async fn refused(&self, token: &SecretString);

    /// Who is signed in, and why not, for a person to see. Asks nobody.
    fn whom(&self) -> Whom;
}

/// Why there is no token although somebody signed in, in words that end a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoToken {
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Who somebody is at a code host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// Who, with what the token may and until when.
    pub identity: Option<String>,
    /// What does not work about it, and what to do.
    pub problem: Option<String>,
}

/// What one request is made with.
pub(crate) enum Pass {
    /// Nothing: nobody is signed in.
    Nobody,
    /// This.
    Token(SecretString),
    /// Nothing, and there should be something.
    Lacking(String),
}

impl Pass {
    /// The token.
    pub(crate) fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nobody | Self::Lacking(_) => None,
        }
    }

    /// Why there is no token that should be.
    pub(crate) fn lacking(&self) -> Option<&str> {
        match self {
            Self::Lacking(reason) => Some(reason),
            Self::Nobody | Self::Token(_) => None,
        }
    }
}

impl Config {
    /// What a request to a code host at this address is made with.
    pub(crate) async fn pass(&self, host: &str, url: &Url) -> Pass {
        let Some(tokens) = self.tokens(host) else {
            return Pass::Nobody;
        };
        match tokens.token().await {
            Ok(None) => Pass::Nobody,
            Ok(Some(token)) if url.scheme() == "https" || is_own(url) => Pass::Token(token),
            Ok(Some(_)) => Pass::Lacking(format!(
                "{host}'s address is plain http, over which no token is sent"
            )),
            Err(why) => Pass::Lacking(why.reason),
        }
    }

    /// The code host refused what a request was made with. What to try then, if that is anything else.
    pub(crate) async fn next_pass(&self, host: &str, url: &Url, was: &Pass) -> Option<Pass> {
        let (token, tokens) = (was.token()?, self.tokens(host)?);
        tokens.refused(token).await;
        let next = self.pass(host, url).await;
        let is_same = next
            .token()
            .is_some_and(|next| next.expose_secret() == token.expose_secret());
        (!is_same).then_some(next)
    }
}
