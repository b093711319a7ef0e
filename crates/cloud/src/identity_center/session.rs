//! A session with IAM Identity Center: an access token that is kept fresh, and the roles that it opens.
//!
//! Owns the order of the refresh token: the next one replaces it before anything else is done, and one that was refused is
//! never sent again.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::assigned::Assigned;
use super::{Desk, Given, REFRESH, over};
use crate::broker::Broker;
use crate::fresh::{Fresh, Maker};
use crate::meter::Meter;
use crate::no_credentials::NoCredentials;
use crate::plan::Pace;

/// When the access token is made anew, as botocore does: a quarter of an hour before its end.
const PACE: Pace = Pace {
    ahead: SignedDuration::from_mins(15),
    longest: SignedDuration::from_mins(2),
    refused: SignedDuration::from_mins(5),
};

/// A person's session. Copies share it.
#[derive(Clone)]
pub struct CenterSession {
    keeper: Arc<Keeper>,
    access: Fresh<SecretString>,
    portal: aws_sdk_sso::Client,
}

struct Keeper {
    desk: Desk,
    refresh: Mutex<Option<SecretString>>,
}

impl CenterSession {
    pub(super) fn begin(desk: Desk, given: Given) -> Self {
        let portal = aws_sdk_sso::Client::from_conf(
            aws_sdk_sso::config::Builder::from(&desk.shared)
                .interceptor(Meter::new(&desk.options))
                .build(),
        );
        let clock = desk.options.clock.clone();
        let keeper = Arc::new(Keeper {
            desk,
            refresh: Mutex::new(given.refresh),
        });
        let access = Fresh::new(keeper.clone(), clock, PACE);
        access.put(given.access, given.until);
        Self {
            keeper,
            access,
            portal,
        }
    }

    /// The credentials of a role that is assigned to the person, such as `Read` of `111122223333`. The session's name in it
    /// is AWS' own: the person's.
    pub fn role(&self, account: &str, role: &str) -> Broker {
        let options = &self.keeper.desk.options;
        Broker::of(Assigned::new(self.clone(), account, role, options), options)
    }

    /// Ends it here at once, and at AWS. Brokers of its roles are told by whoever holds them.
    ///
    /// # Errors
    /// AWS could not be told: here it is over all the same.
    pub async fn sign_out(&self) -> Result<(), NoCredentials> {
        let access = self.access.get().await;
        *self.keeper.refresh.lock().await = None;
        self.access.forget();
        let Ok(access) = access else {
            return Ok(());
        };
        let told = self
            .portal
            .logout()
            .access_token(access.expose_secret())
            .send()
            .with_subscriber(NoSubscriber::default())
            .await;
        told.map(|_| ())
            .map_err(|error| super::none(crate::failure::Failure::of(&error)))
    }

    pub(super) async fn access(&self) -> Result<SecretString, NoCredentials> {
        self.access.get().await
    }

    pub(super) fn portal(&self) -> &aws_sdk_sso::Client {
        &self.portal
    }
}

impl std::fmt::Debug for CenterSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CenterSession")
    }
}

#[async_trait]
impl Maker<SecretString> for Keeper {
    async fn make(&self) -> Result<(SecretString, Timestamp), NoCredentials> {
        let mut refresh = self.refresh.lock().await;
        let Some(token) = refresh.clone() else {
            return Err(over("the session has ended"));
        };
        match self.desk.exchange(REFRESH, &token).await {
            Ok(given) => {
                // AWS gives the next one with the answer, or lets us keep this one.
                *refresh = given.refresh.or(Some(token));
                Ok((given.access, given.until))
            }
            Err(refused) => {
                if !refused.none.may_pass {
                    *refresh = None;
                }
                Err(refused.none)
            }
        }
    }
}
