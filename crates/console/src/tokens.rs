//! What the sign-in gives to the systems: the edges ask here and do not know where it comes from.
//!
//! Owns the choice of token, and the words for having none.

use std::sync::Arc;

use async_trait::async_trait;
use identity::{CodeHost, Failure, Session, Standing, Tokens};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::code_host;

/// The ID token of whoever is signed in: what clusters that trust the issuer are shown, and what AWS gives credentials for.
pub struct IdToken(pub Arc<Session>);

impl IdToken {
    async fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        self.0.look_again().await;
        self.0.tokens().await
    }
}

#[async_trait]
impl cluster::Tokens for IdToken {
    async fn token(&self) -> Result<SecretString, cluster::NoToken> {
        match self.tokens().await {
            Ok(tokens) => Ok(tokens.id.clone()),
            Err(why) => Err(cluster::NoToken {
                reason: reason(&why),
                hint: hint(&why).to_owned(),
                may_pass: why.may_pass(),
            }),
        }
    }

    fn until(&self) -> Option<Timestamp> {
        let standing = self.0.standing();
        match &*standing.borrow() {
            Standing::SignedIn { until, .. } => Some(*until),
            Standing::SignedOut
            | Standing::Unread { .. }
            | Standing::Resuming { .. }
            | Standing::Over { .. } => None,
        }
    }
}

#[async_trait]
impl cloud::WebIdentity for IdToken {
    async fn token(&self) -> Result<cloud::Identity, cloud::NoIdentity> {
        match self.tokens().await {
            Ok(tokens) => Ok(cloud::Identity {
                token: tokens.id.clone(),
                session: tokens.person.called().to_owned(),
            }),
            Err(why) => Err(cloud::NoIdentity {
                reason: reason(&why),
                hint: hint(&why).to_owned(),
                may_pass: why.may_pass(),
            }),
        }
    }
}

/// The token of one EKS cluster, made of its account's credentials.
pub struct EksToken {
    account: cloud::Eks,
    cluster: String,
    options: cloud::Options,
    made: OnceCell<cloud::EksTokens>,
}

impl EksToken {
    /// Asks nobody yet.
    pub fn new(account: cloud::Eks, cluster: String, options: cloud::Options) -> Self {
        Self {
            account,
            cluster,
            options,
            made: OnceCell::new(),
        }
    }
}

#[async_trait]
impl cluster::Tokens for EksToken {
    async fn token(&self) -> Result<SecretString, cluster::NoToken> {
        let made = || self.account.tokens(&self.cluster, &self.options);
        let token = self.made.get_or_init(made).await.token().await;
        token.map_err(|why| cluster::NoToken {
            reason: why.reason,
            hint: why.hint,
            may_pass: why.may_pass,
        })
    }

    fn until(&self) -> Option<Timestamp> {
        self.made.get()?.until()
    }
}

/// The token of whoever is signed in at a code host.
pub struct CodeHostToken(pub Arc<CodeHost>);

#[async_trait]
impl forge::Tokens for CodeHostToken {
    async fn token(&self) -> Result<Option<SecretString>, forge::NoToken> {
        self.0.token().await.map_err(|why| forge::NoToken {
            reason: code_host::lacking(self.0.host(), &why),
        })
    }

    async fn refused(&self, token: &SecretString) {
        self.0.refused(token);
    }

    fn whom(&self) -> forge::Whom {
        forge::Whom {
            identity: self.0.account().map(|account| code_host::called(&account)),
            problem: code_host::problem(&self.0),
        }
    }
}

/// A system that was not asked is told apart from one that is down: whose silence it is has to be said.
fn reason(why: &Failure) -> String {
    match why {
        // It speaks of the sign-in by itself.
        Failure::Unread(_) => why.to_string(),
        why if why.may_pass() => format!("the sign-in cannot be gone on with: {why}"),
        why => why.to_string(),
    }
}

fn hint(why: &Failure) -> &'static str {
    match why {
        Failure::Unread(_) => "unlock it: it is looked at again by itself",
        why if why.may_pass() => "it is tried again by itself",
        _ => "sign in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_down_was_taken_for_the_systems_behind_it() {
        let down = Failure::Unreachable {
            host: "127.0.0.1:21505".to_owned(),
            why: "connection refused".to_owned(),
        };
        assert_eq!(
            reason(&down),
            "the sign-in cannot be gone on with: 127.0.0.1:21505 did not answer: connection refused"
        );
        assert_eq!(reason(&Failure::SignedOut), "nobody is signed in");
        let locked = Failure::Unread(identity::NotKept::Locked);
        assert_eq!(reason(&locked), locked.to_string());
    }
}
