//! Credentials of a role that the person's own sign-in opens, shared by all who need them.
//!
//! Owns who uses them and when they are made anew. How the role is taken is a [`Taker`]'s: by the person's token
//! (`assumed`), or by IAM Identity Center. The credentials live in memory alone.

mod assumed;

use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_sts::config::{Credentials, ProvideCredentials};
use jiff::{SignedDuration, Timestamp};

use crate::fresh::{Fresh, Maker};
use crate::no_credentials::NoCredentials;
use crate::options::Options;
use crate::plan::Pace;
use assumed::Asker;
pub use assumed::Role;

/// What is done to a role; the first word of each failure to.
pub(crate) const ASSUME: &str = "assume";
/// The longest quotation of what AWS says.
pub(crate) const LONGEST: usize = 400;
/// When credentials are made anew, and when they are asked for again.
const PACE: Pace = Pace {
    ahead: SignedDuration::from_mins(5),
    longest: SignedDuration::from_mins(2),
    refused: SignedDuration::from_mins(5),
};

/// Who takes a role.
#[async_trait]
pub(crate) trait Taker: Maker<Credentials> {
    /// What it is called.
    fn name(&self) -> &str;
    /// Whether something changed since it was refused that the refusal may depend on.
    async fn has_news(&self) -> bool;
    /// The person signed out.
    fn forget(&self);
}

/// The credentials of a role, as fresh as they are needed. Copies share them.
#[derive(Clone)]
pub struct Broker {
    taker: Arc<dyn Taker>,
    fresh: Fresh<Credentials>,
}

impl Broker {
    /// One for a role that the person's token opens; no request is sent before somebody needs credentials.
    pub fn new(role: Role, options: &Options) -> Self {
        Self::of(Asker::new(role, options), options)
    }

    /// One of whoever takes the role.
    pub(crate) fn of(taker: impl Taker + 'static, options: &Options) -> Self {
        let taker = Arc::new(taker);
        Self {
            fresh: Fresh::new(taker.clone(), options.clock.clone(), PACE),
            taker,
        }
    }

    /// The role: its ARN, or what it is called in IAM Identity Center and of which account.
    pub fn role(&self) -> &str {
        self.taker.name()
    }

    /// Credentials that can be used now. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// Nobody is signed in, AWS refuses, or does not answer: told without asking where it was asked just now.
    pub async fn credentials(&self) -> Result<Credentials, NoCredentials> {
        match self.fresh.get().await {
            Err(none) if !none.may_pass && self.taker.has_news().await => {
                self.fresh.reconsider();
                self.fresh.get().await
            }
            came => came,
        }
    }

    /// By our clock, when the credentials end that there are; `None` where there are none.
    pub fn until(&self) -> Option<Timestamp> {
        self.fresh.until()
    }

    /// Whose credentials they are: another number after a sign-out.
    pub(crate) fn era(&self) -> u64 {
        self.fresh.era()
    }

    /// AWS says that the credentials have ended, which by our clock they have not.
    pub(crate) fn doubt(&self) {
        self.fresh.doubt();
    }

    /// AWS is asked again after a refusal, however long ago: somebody says that it was put right.
    pub fn reconsider(&self) {
        self.fresh.reconsider();
    }

    /// The person signed out, or another one in: nothing of the last one's is used any more.
    pub fn forget(&self) {
        self.taker.forget();
        self.fresh.forget();
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Broker").field(&self.role()).finish()
    }
}

impl ProvideCredentials for Broker {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials()
                .await
                .map_err(CredentialsError::provider_error)
        })
    }
}
