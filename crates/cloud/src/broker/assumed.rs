//! A role that the person's token opens: sts:AssumeRoleWithWebIdentity.
//!
//! Owns the request, and what AWS' refusals of it mean. The token is passed on, and kept only where it was refused, so as not
//! to be tried twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::headline::plain;
use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::config::{Credentials, Region};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::{ASSUME, LONGEST, Taker};
use crate::failure::{Failure, Why};
use crate::fresh::Maker;
use crate::meter::Meter;
use crate::no_credentials::NoCredentials;
use crate::options::{Clock, Options};
use crate::web_identity::{Identity, WebIdentity, session_name};

/// How long whoever signed the person in may take: a keyring may have to be unlocked, and nobody may be there.
const IDENTITY_WITHIN: Duration = Duration::from_secs(30);

/// A role, and whose sign-in opens it.
#[derive(Clone)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The region whose STS is asked.
    pub region: String,
    /// Where STS answers, if not at its own address.
    pub endpoint: Option<String>,
    /// The person.
    pub identity: Arc<dyn WebIdentity>,
}

/// Who asks STS.
pub(super) struct Asker {
    role: Role,
    sts: aws_sdk_sts::Client,
    meter: Meter,
    clock: Clock,
    /// The token that was refused last.
    refused: Mutex<Option<SecretString>>,
}

impl Asker {
    pub(super) fn new(role: Role, options: &Options) -> Self {
        let meter = Meter::new(options);
        // Its own tries are counted here, not by the SDK; and it fails before the request that waits for it does, so
        // that AWS' words are what is told.
        let timeout = TimeoutConfig::builder()
            .operation_timeout(options.answer_within.mul_f64(0.8))
            .build();
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(role.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeout)
            .interceptor(meter.clone());
        config.set_endpoint_url(role.endpoint.clone());
        Self {
            sts: aws_sdk_sts::Client::from_conf(config.build()),
            role,
            meter,
            clock: options.clock.clone(),
            refused: Mutex::default(),
        }
    }
}

#[async_trait]
impl Taker for Asker {
    fn name(&self) -> &str {
        &self.role.arn
    }

    /// Whether the person has a token that was not refused.
    async fn has_news(&self) -> bool {
        let asked = tokio::time::timeout(IDENTITY_WITHIN, self.role.identity.token()).await;
        let Ok(Ok(identity)) = asked else {
            return false;
        };
        let refused = self.refused();
        !refused
            .as_ref()
            .is_some_and(|token| is_same(token, &identity.token))
    }

    fn forget(&self) {
        *self.refused() = None;
    }
}

#[async_trait]
impl Maker<Credentials> for Asker {
    async fn make(&self) -> Result<(Credentials, Timestamp), NoCredentials> {
        let identity = self.identity().await?;
        let (came, identity) = match self.ask(&identity).await {
            // It may have ended on its way. One that is not newer says nothing new.
            Err(NotAssumed {
                expired: true,
                none,
            }) => match self.identity().await? {
                next if is_same(&next.token, &identity.token) => (Err(none), next),
                next => (self.ask(&next).await.map_err(|not| not.none), next),
            },
            came => (came.map_err(|not| not.none), identity),
        };
        let refused = came.as_ref().is_err_and(|none| !none.may_pass);
        *self.refused() = refused.then_some(identity.token);
        came
    }
}

/// AWS did not give the role's credentials.
struct NotAssumed {
    none: NoCredentials,
    /// The token had ended.
    expired: bool,
}

impl Asker {
    fn refused(&self) -> MutexGuard<'_, Option<SecretString>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn identity(&self) -> Result<Identity, NoCredentials> {
        let asked = tokio::time::timeout(IDENTITY_WITHIN, self.role.identity.token()).await;
        let came = match asked {
            Ok(came) => came.map_err(NoCredentials::from),
            Err(_) => Err(NoCredentials {
                why: Why::NoToken,
                ..NoCredentials::interrupted("the sign-in gave no token within 30 seconds")
            }),
        };
        if came.is_err() {
            *self.refused() = None;
        }
        came
    }

    async fn ask(&self, identity: &Identity) -> Result<(Credentials, Timestamp), NotAssumed> {
        let token = identity.token.expose_secret();
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.role.arn)
            .role_session_name(session_name(&identity.session))
            .web_identity_token(token)
            .send()
            // At its most talkative the SDK logs what AWS answers, and a refusal may quote the token.
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| self.refusal(&error, token))?;
        self.taken(answer).ok_or_else(|| NotAssumed {
            none: self.none(
                Failure::unsaid("credentials that can be used"),
                String::new(),
                true,
            ),
            expired: false,
        })
    }

    /// The credentials of an answer, and by our clock when they end.
    fn taken(&self, answer: AssumeRoleWithWebIdentityOutput) -> Option<(Credentials, Timestamp)> {
        let given = answer.credentials?;
        let theirs = Timestamp::from_second(given.expiration.secs()).ok()?;
        let until = theirs.checked_sub(self.meter.offset()).ok()?;
        if until <= self.clock.now() {
            return None;
        }
        let credentials = Credentials::builder()
            .access_key_id(given.access_key_id)
            .secret_access_key(given.secret_access_key)
            .session_token(given.session_token)
            .expiry(given.expiration.try_into().ok()?)
            .provider_name("landfall-sign-in")
            .build();
        Some((credentials, until))
    }

    fn refusal(
        &self,
        error: &SdkError<AssumeRoleWithWebIdentityError, HttpResponse>,
        token: &str,
    ) -> NotAssumed {
        let code = error.code().unwrap_or_default();
        let failed = match error.raw_response() {
            Some(answer) => answer.status().is_server_error(),
            None => !matches!(error, SdkError::ConstructionFailure(_)),
        };
        let mut failure = Failure::of(error);
        // AWS quotes the values that it does not like.
        failure.message = plain(&failure.message.replace(token, "[the token]"), LONGEST);
        let throttled = failure.why == Why::Throttled;
        let may_pass = failed || throttled || code.starts_with("IDPCommunicationError");
        failure.why = match failure.why {
            Why::Throttled => Why::Throttled,
            _ if may_pass => Why::Unreachable,
            _ if code.starts_with("ExpiredToken") => Why::SignedOut,
            _ => Why::NotAssumed,
        };
        NotAssumed {
            none: self.none(failure, hint(code).to_owned(), may_pass),
            expired: code.starts_with("ExpiredToken"),
        }
    }

    fn none(&self, failure: Failure, hint: String, may_pass: bool) -> NoCredentials {
        let Failure { why, message } = failure;
        let arn = &self.role.arn;
        NoCredentials {
            why,
            reason: format!("{ASSUME} {arn}: {message}"),
            hint,
            may_pass,
        }
    }
}

/// What to do about a refusal, by AWS' code for it.
fn hint(code: &str) -> &'static str {
    match code {
        "AccessDenied" | "AccessDeniedException" => {
            "The role's trust policy has to allow sts:AssumeRoleWithWebIdentity to this person's sign-in."
        }
        "InvalidIdentityToken" | "InvalidIdentityTokenException" => {
            "The account's IAM has to know the sign-in's issuer as an OpenID Connect provider, with its client ID as an audience."
        }
        "IDPRejectedClaim" | "IDPRejectedClaimException" => "Signing in anew may help.",
        "ExpiredToken" | "ExpiredTokenException" => "Sign in anew.",
        "RegionDisabledException" => {
            "Whoever administers the account can activate STS in the region."
        }
        _ => "",
    }
}

/// Whether two tokens are the same one.
fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
