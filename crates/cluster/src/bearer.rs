//! What signs the requests of one connection, where its client does not do that by itself.
//!
//! Owns asking for a token. When a plugin runs for one, and what is kept of it, is [`crate::sign_in`]'s.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::failure::{Failure, Why};
use crate::plugin::Plugin;
use crate::sign_in::{Asks, SignIn};
use crate::tokens::Tokens;

/// What signs requests, where the client does not.
#[derive(Clone)]
pub(crate) enum Bearer {
    /// Tokens from elsewhere.
    Tokens(Arc<dyn Tokens>),
    /// The tokens that a sign-in plugin gives.
    Plugin(Arc<SignIn>, Arc<Plugin>),
}

impl Bearer {
    /// When the token ends that it has; `None` where that is not known.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Tokens(tokens) => tokens.until(),
            Self::Plugin(sign_in, _) => sign_in.until(),
        }
    }

    /// A token that is good now.
    pub(crate) async fn token(&self) -> Result<SecretString, Failure> {
        match self {
            Self::Tokens(tokens) => Ok(tokens.token().await?),
            Self::Plugin(sign_in, plugin) => {
                let credential = sign_in.credential(plugin, Asks::ToSend).await?;
                credential.token.clone().ok_or_else(|| {
                    let reason =
                        "the sign-in plugin of the kubeconfig gave a token, and now it gives none";
                    Failure::new(Why::Credentials, reason)
                })
            }
        }
    }
}
