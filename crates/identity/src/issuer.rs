//! The provider as it is known before it answers: it is asked what it offers when somebody first needs it.
//!
//! Owns that asking. A session is gone on with, and a window opened, while the provider is down.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::failure::Failure;
use crate::provider::{Provider, Refreshed, Spec, host_of};
use crate::session::Giver;
use crate::wire::Clock;

/// The provider, found once.
pub struct Issuer {
    spec: Spec,
    clock: Clock,
    found: OnceCell<Provider>,
}

impl Issuer {
    /// Asks nobody yet.
    pub fn new(spec: Spec, clock: Clock) -> Self {
        Self {
            spec,
            clock,
            found: OnceCell::new(),
        }
    }

    /// Its host, for words.
    pub fn host(&self) -> &str {
        self.spec.issuer.host_str().unwrap_or("the provider")
    }

    /// The provider; asked what it offers if nobody was before.
    ///
    /// # Errors
    /// As [`Provider::discover`]; the next call asks again.
    pub async fn provider(&self) -> Result<&Provider, Failure> {
        let found = || Provider::discover(self.spec.clone(), self.clock.clone());
        self.found.get_or_try_init(found).await
    }
}

#[async_trait]
impl Giver for Issuer {
    fn host(&self) -> String {
        host_of(&self.spec.issuer)
    }

    async fn refresh(&self, refresh: &SecretString) -> Refreshed {
        match self.provider().await {
            Ok(provider) => provider.refresh(refresh).await,
            Err(why) => Refreshed {
                next: None,
                tokens: Err(why),
            },
        }
    }

    async fn revoke(&self, refresh: &SecretString) -> Result<(), Failure> {
        self.provider().await?.revoke(refresh).await
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
