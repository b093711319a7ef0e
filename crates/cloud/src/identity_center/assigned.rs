//! A role that IAM Identity Center assigned to the person: sso:GetRoleCredentials.
//!
//! Owns the request, and what its refusals mean.

use api::headline::plain;
use async_trait::async_trait;
use aws_sdk_sso::config::Credentials;
use aws_sdk_sso::types::RoleCredentials;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::{CenterSession, LONGEST};
use crate::broker::{ASSUME, Taker};
use crate::failure::{Failure, Why};
use crate::fresh::Maker;
use crate::no_credentials::NoCredentials;
use crate::options::{Clock, Options};
use crate::skew::Skew;

/// Who takes it.
pub(super) struct Assigned {
    session: CenterSession,
    account: String,
    role: String,
    /// What it is called.
    name: String,
    clock: Clock,
    skew: Skew,
}

impl Assigned {
    pub(super) fn new(
        session: CenterSession,
        account: &str,
        role: &str,
        options: &Options,
    ) -> Self {
        Self {
            session,
            account: account.to_owned(),
            role: role.to_owned(),
            name: format!("{role} of {account}"),
            clock: options.clock.clone(),
            skew: options.skew.clone(),
        }
    }

    fn none(&self, failure: &Failure, may_pass: bool) -> NoCredentials {
        let hint = match failure.why {
            Why::SignedOut => "Sign in anew.",
            Why::NotAssumed => "Whoever administers IAM Identity Center can assign the role.",
            _ => "",
        };
        NoCredentials {
            why: failure.why,
            reason: format!(
                "{ASSUME} {}: {}",
                self.name,
                plain(&failure.message, LONGEST)
            ),
            hint: hint.to_owned(),
            may_pass,
        }
    }

    /// The credentials, and by our clock when they end.
    fn taken(&self, given: RoleCredentials) -> Option<(Credentials, Timestamp)> {
        let theirs = Timestamp::from_millisecond(given.expiration).ok()?;
        let until = theirs.checked_sub(self.skew.offset()).ok()?;
        if until <= self.clock.now() {
            return None;
        }
        let lives = SignedDuration::from_millis(given.expiration);
        let credentials = Credentials::builder()
            .access_key_id(given.access_key_id?)
            .secret_access_key(given.secret_access_key?)
            .session_token(given.session_token?)
            .expiry(std::time::UNIX_EPOCH.checked_add(lives.unsigned_abs())?)
            .provider_name("landfall-identity-center")
            .build();
        Some((credentials, until))
    }
}

#[async_trait]
impl Taker for Assigned {
    fn name(&self) -> &str {
        &self.name
    }

    /// A new sign-in is a new session, with brokers of its own.
    async fn has_news(&self) -> bool {
        false
    }

    fn forget(&self) {}
}

#[async_trait]
impl Maker<Credentials> for Assigned {
    async fn make(&self) -> Result<(Credentials, Timestamp), NoCredentials> {
        let access = self.session.access().await?;
        let answer = self
            .session
            .portal()
            .get_role_credentials()
            .account_id(&self.account)
            .role_name(&self.role)
            .access_token(access.expose_secret())
            .send()
            .with_subscriber(NoSubscriber::default())
            .await;
        let given = match answer {
            Ok(answer) => answer.role_credentials,
            Err(error) => {
                let failed = error
                    .raw_response()
                    .is_some_and(|answer| answer.status().is_server_error());
                let mut failure = Failure::of(&error);
                failure.message = failure
                    .message
                    .replace(access.expose_secret(), "[the token]");
                let may_pass = failed || matches!(failure.why, Why::Throttled | Why::Unreachable);
                failure.why = match failure.why {
                    Why::Throttled => Why::Throttled,
                    _ if may_pass => Why::Unreachable,
                    Why::SignedOut => Why::SignedOut,
                    _ => Why::NotAssumed,
                };
                return Err(self.none(&failure, may_pass));
            }
        };
        given
            .and_then(|given| self.taken(given))
            .ok_or_else(|| self.none(&Failure::unsaid("credentials that can be used"), true))
    }
}
