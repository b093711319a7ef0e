//! Sign-in with a code that is typed elsewhere (RFC 8628): for a terminal without a browser, and where no port is free.
//!
//! Owns the invitation and the wait for it. Whoever shows it says that only who began this should go on: a code that a
//! stranger sends is how this way is abused.

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::CoreDeviceAuthorizationResponse;
use openidconnect::{DeviceCodeErrorResponseType, Nonce, RequestTokenError, Scope};
use url::Url;

use crate::failure::{Failure, Unproven, shown};
use crate::provider::{Provider, Tokens};

/// What the person is shown.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// What to type.
    pub code: String,
    /// Where.
    pub address: Url,
    /// The same with the code in it.
    pub whole: Option<Url>,
    /// By our clock, until when.
    pub until: Timestamp,
}

/// An invitation that was given and not taken yet.
pub struct Invited<'p> {
    provider: &'p Provider,
    given: CoreDeviceAuthorizationResponse,
}

/// Asks for a code.
///
/// # Errors
/// The provider offers none, does not answer, or refuses.
pub async fn invite(provider: &Provider) -> Result<(Invitation, Invited<'_>), Failure> {
    let endpoint = provider.device_endpoint();
    let endpoint = endpoint.ok_or_else(|| provider.not_offered("code to be typed elsewhere"))?;
    let requests = provider.requests().set_device_authorization_url(endpoint);
    let mut asked = requests.exchange_device_code();
    for scope in &provider.spec().scopes {
        asked = asked.add_scope(Scope::new(scope.clone()));
    }
    let given = asked.request_async(provider.wire()).await;
    let given: CoreDeviceAuthorizationResponse = given.map_err(|error| provider.refused(error))?;
    let lives = SignedDuration::try_from(given.expires_in()).unwrap_or(SignedDuration::ZERO);
    let form = |_| Failure::Unproven(Unproven::Form);
    let invitation = Invitation {
        code: shown(given.user_code().secret()),
        address: Url::parse(given.verification_uri()).map_err(form)?,
        whole: given
            .verification_uri_complete()
            .and_then(|one| Url::parse(one.secret()).ok()),
        until: provider.now().checked_add(lives).unwrap_or(Timestamp::MAX),
    };
    Ok((invitation, Invited { provider, given }))
}

impl Invited<'_> {
    /// Waits until the person has typed the code, asking as often as the provider wants to be asked.
    ///
    /// # Errors
    /// The person says no or the code's time ends; otherwise as a sign-in in the browser.
    pub async fn tokens(self) -> Result<Tokens, Failure> {
        let requests = self.provider.requests();
        let request = requests.exchange_device_access_token(&self.given);
        let request = request.map_err(|_| self.provider.not_offered("tokens"))?;
        let given = request
            .request_async(self.provider.wire(), tokio::time::sleep, None)
            .await;
        let given = given.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => match said.error() {
                DeviceCodeErrorResponseType::AccessDenied => {
                    Failure::NotDone("the code was refused".to_owned())
                }
                DeviceCodeErrorResponseType::ExpiredToken => {
                    Failure::NotDone("the code's time is over".to_owned())
                }
                _ => self
                    .provider
                    .refused(RequestTokenError::ServerResponse(said)),
            },
            other => self.provider.refused(other),
        })?;
        // A device is sent no nonce: the code that it alone holds binds the answer to the question.
        self.provider
            .proven(&given, |_: Option<&Nonce>| Ok(()))
            .await
    }
}
