//! IAM Identity Center: the person allows us on a page of AWS' with a code, and takes the roles that are assigned to them.
//!
//! Owns the way in (here), the tokens of a session (`session`) and the taking of its roles (`assigned`). It opens no
//! browser: whoever invites shows the page and the code. Nothing of it outlives the process.

mod assigned;
mod session;

use std::time::Duration;

use api::headline::plain;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::config::http::HttpResponse;
use aws_sdk_ssooidc::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::failure::{Failure, Why};
use crate::meter::Meter;
use crate::no_credentials::NoCredentials;
use crate::options::Options;
pub use session::CenterSession;

/// What the person sees that they allow.
const CLIENT: &str = "Landfall";
/// All that is asked for: the accounts and roles that are assigned to the person.
const SCOPE: &str = "sso:account:access";
/// RFC 8628's grant.
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH: &str = "refresh_token";
/// Where nothing else is said (RFC 8628, 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// What is added where we ask too often (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest quotation of what AWS says.
const LONGEST: usize = 400;

/// An IAM Identity Center.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityCenter {
    /// The address of its portal, such as `https://shop.awsapps.com/start`.
    pub start_url: String,
    /// Its region, which need not be the accounts'.
    pub region: String,
    /// Where AWS answers, if not at its own address.
    pub endpoint: Option<String>,
}

/// What the person does to let us in.
#[derive(Debug)]
pub struct Invitation {
    /// The code that AWS' page shows or asks for. Only whoever began this should go on with it.
    pub code: String,
    /// The page.
    pub page: String,
    /// The page with the code in it.
    pub page_with_code: String,
    /// By our clock, when it is too late.
    pub until: Timestamp,
    desk: Desk,
    device: SecretString,
    interval: Duration,
}

/// Where tokens are given out, and as whom we ask for them.
#[derive(Clone)]
struct Desk {
    shared: SdkConfig,
    oidc: aws_sdk_ssooidc::Client,
    options: Options,
    client: String,
    secret: SecretString,
}

/// Tokens.
struct Given {
    access: SecretString,
    refresh: Option<SecretString>,
    /// By our clock.
    until: Timestamp,
}

impl IdentityCenter {
    /// Asks for a code.
    ///
    /// # Errors
    /// AWS does not answer, or knows no such portal.
    pub async fn invite(&self, options: &Options) -> Result<Invitation, NoCredentials> {
        let shared = self.shared(options);
        let oidc = aws_sdk_ssooidc::Client::from_conf(
            aws_sdk_ssooidc::config::Builder::from(&shared)
                .interceptor(Meter::new(options))
                .build(),
        );
        let registered = oidc
            .register_client()
            .client_name(CLIENT)
            .client_type("public")
            .scopes(SCOPE)
            .grant_types(DEVICE)
            .grant_types(REFRESH)
            .send()
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| none(Failure::of(&error)))?;
        let (Some(client), Some(secret)) = (registered.client_id, registered.client_secret) else {
            return Err(none(Failure::unsaid("the client that it registered")));
        };
        let asked = oidc
            .start_device_authorization()
            .client_id(&client)
            .client_secret(&secret)
            .start_url(&self.start_url)
            .send()
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| none(Failure::of(&error)))?;
        let page = |page: Option<String>| page.filter(|page| page.starts_with("https://"));
        let (Some(code), Some(device), Some(shown)) = (
            asked.user_code,
            asked.device_code,
            page(asked.verification_uri),
        ) else {
            return Err(none(Failure::unsaid("a code, or a page to type it on")));
        };
        let lives = SignedDuration::from_secs(asked.expires_in.into());
        let now = options.clock.now();
        Ok(Invitation {
            code: plain(&code, 40),
            page_with_code: page(asked.verification_uri_complete).unwrap_or_else(|| shown.clone()),
            page: shown,
            until: now.checked_add(lives).unwrap_or(now),
            desk: Desk {
                shared,
                oidc,
                options: options.clone(),
                client,
                secret: secret.into(),
            },
            device: device.into(),
            interval: match u64::try_from(asked.interval) {
                Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
                _ => INTERVAL,
            },
        })
    }

    /// No credentials, and nothing of the environment.
    fn shared(&self, options: &Options) -> SdkConfig {
        let timeout = TimeoutConfig::builder()
            .operation_timeout(options.answer_within.mul_f64(0.8))
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .timeout_config(timeout);
        config.set_endpoint_url(self.endpoint.clone());
        config.build()
    }
}

impl Invitation {
    /// Waits until the person has allowed it.
    ///
    /// # Errors
    /// They refused, or did nothing until it was too late.
    pub async fn accepted(self) -> Result<CenterSession, NoCredentials> {
        let mut wait = self.interval;
        loop {
            tokio::time::sleep(wait).await;
            let answer = self.desk.exchange(DEVICE, &self.device).await;
            let late = self.desk.options.clock.now() >= self.until;
            match answer {
                Ok(given) => return Ok(CenterSession::begin(self.desk, given)),
                Err(_) if late => {
                    return Err(over("nobody allowed it before the code ended"));
                }
                Err(refused) => wait = refused.wait(wait).ok_or(refused.none)?,
            }
        }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

/// What came instead of tokens.
struct Refused {
    none: NoCredentials,
    code: String,
}

impl Refused {
    /// How long to wait until the next try, where there is one.
    fn wait(&self, before: Duration) -> Option<Duration> {
        match self.code.as_str() {
            "AuthorizationPendingException" => Some(before),
            "SlowDownException" => Some(before + SLOWER),
            _ if self.none.may_pass => Some(before + SLOWER),
            _ => None,
        }
    }
}

impl Desk {
    /// Gives a device's code or a refresh token for tokens.
    async fn exchange(&self, grant: &str, token: &SecretString) -> Result<Given, Refused> {
        let asked = self
            .oidc
            .create_token()
            .client_id(&self.client)
            .client_secret(self.secret.expose_secret())
            .grant_type(grant);
        let asked = match grant {
            REFRESH => asked.refresh_token(token.expose_secret()),
            _ => asked.device_code(token.expose_secret()),
        };
        // At its most talkative the SDK logs what AWS answers, and a refusal may quote the token.
        let answer = asked.send().with_subscriber(NoSubscriber::default()).await;
        let answer = answer.map_err(|error| refused(&error, token))?;
        let unsaid = || Refused {
            none: none(Failure::unsaid("a token")),
            code: String::new(),
        };
        let lives = SignedDuration::from_secs(answer.expires_in.into());
        let until = self.options.clock.now().checked_add(lives);
        Ok(Given {
            access: answer.access_token.ok_or_else(unsaid)?.into(),
            refresh: answer.refresh_token.map(SecretString::from),
            until: until.map_err(|_| unsaid())?,
        })
    }
}

fn refused(error: &SdkError<CreateTokenError, HttpResponse>, token: &SecretString) -> Refused {
    let code = error.code().unwrap_or_default().to_owned();
    let mut failure = Failure::of(error);
    let said = error.as_service_error().and_then(described);
    let words = said.unwrap_or(&failure.message);
    failure.message = plain(
        &words.replace(token.expose_secret(), "[the token]"),
        LONGEST,
    );
    let passes = matches!(failure.why, Why::Throttled | Why::Unreachable)
        || error
            .raw_response()
            .is_some_and(|answer| answer.status().is_server_error());
    if !passes {
        failure.why = Why::SignedOut;
    }
    Refused {
        none: NoCredentials {
            may_pass: passes,
            ..none(failure)
        },
        code,
    }
}

/// OAuth's description of an error, which is not where the SDK looks for a message.
fn described(error: &CreateTokenError) -> Option<&str> {
    match error {
        CreateTokenError::AccessDeniedException(it) => it.error_description(),
        CreateTokenError::ExpiredTokenException(it) => it.error_description(),
        CreateTokenError::InvalidClientException(it) => it.error_description(),
        CreateTokenError::InvalidGrantException(it) => it.error_description(),
        CreateTokenError::InvalidRequestException(it) => it.error_description(),
        CreateTokenError::UnauthorizedClientException(it) => it.error_description(),
        _ => None,
    }
}

fn none(failure: Failure) -> NoCredentials {
    let may_pass = matches!(failure.why, Why::Throttled | Why::Unreachable);
    NoCredentials {
        why: failure.why,
        reason: format!(
            "sign in with IAM Identity Center: {}",
            plain(&failure.message, LONGEST)
        ),
        hint: if may_pass { "" } else { "Sign in anew." }.to_owned(),
        may_pass,
    }
}

/// The session is over, or never began.
fn over(words: &str) -> NoCredentials {
    none(Failure {
        why: Why::SignedOut,
        message: words.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(code: &str, may_pass: bool) -> Option<u64> {
        let refused = Refused {
            none: NoCredentials {
                may_pass,
                ..over("no")
            },
            code: code.to_owned(),
        };
        let wait = refused.wait(Duration::from_secs(5));
        wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn whoever_asks_too_often_asks_more_seldom_and_whoever_is_refused_stops() {
        assert_eq!(after("AuthorizationPendingException", false), Some(5));
        assert_eq!(after("SlowDownException", false), Some(10));
        assert_eq!(after("InternalServerException", true), Some(10));
        assert_eq!(after("AccessDeniedException", false), None);
        assert_eq!(after("ExpiredTokenException", false), None);
    }
}
