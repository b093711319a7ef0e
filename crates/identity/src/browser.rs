//! Sign-in in the system's browser: authorization code with PKCE, sent back to loopback (RFC 8252, RFC 7636).
//!
//! Owns one sign-in from the address that is opened to tokens that are proven.

use std::time::Duration;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreResponseType};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, PkceCodeChallenge, RedirectUrl, Scope,
};
use secrecy::ExposeSecret;
use url::Url;

use crate::failure::{Failure, Unproven};
use crate::landing::{Landed, Landing};
use crate::provider::{Provider, Tokens};

/// Signs a person in. `open` opens an address in the system's browser; the person has `patience` to come back.
///
/// # Errors
/// No port is free, no browser opens, nobody comes back in time, the provider refuses, or what it sends proves nothing.
pub async fn sign_in(
    provider: &Provider,
    open: impl FnOnce(&Url) -> std::io::Result<()> + Send + 'static,
    patience: Duration,
) -> Result<Tokens, Failure> {
    let spec = provider.spec();
    let landing = Landing::open(&spec.ports).await?;
    let address = RedirectUrl::new(landing.address());
    let address = address.map_err(|_| Failure::Unproven(Unproven::Form))?;
    let requests = provider.requests().set_redirect_uri(address);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow: CoreAuthenticationFlow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let mut asked = requests.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
    for scope in &spec.scopes {
        asked = asked.add_scope(Scope::new(scope.clone()));
    }
    if spec.scopes.iter().any(|scope| scope == "offline_access") {
        // OpenID Connect Core 11: without it a provider gives no refresh token, or need not.
        asked = asked.add_prompt(CoreAuthPrompt::Consent);
    }
    let (url, state, nonce) = asked.set_pkce_challenge(challenge).url();
    let opened = async {
        // A browser in a terminal is there until it is closed: the page it comes back to is served meanwhile.
        match tokio::task::spawn_blocking(move || open(&url)).await {
            Ok(Err(why)) => Err(Failure::NoBrowser(why.to_string())),
            Ok(Ok(())) | Err(_) => std::future::pending().await,
        }
    };
    let issuer = provider.issuer();
    let came_back = async {
        tokio::select! {
            failed = opened => failed,
            landed = landing.wait(state.secret(), &issuer, provider.names_itself()) => landed,
        }
    };
    let landed = tokio::time::timeout(patience, came_back).await;
    let landed = landed.map_err(|_| {
        Failure::NotDone(format!(
            "nobody came back from the browser in {} s",
            patience.as_secs()
        ))
    })??;
    let code = match landed {
        Landed::Code(code) => code,
        Landed::Refused(said) => {
            let host = provider.host();
            return Err(Failure::NotDone(format!("{host} says \"{said}\"")));
        }
    };
    let code = AuthorizationCode::new(code.expose_secret().to_owned());
    let request = requests
        .exchange_code(code)
        .map_err(|_| provider.not_offered("tokens"))?;
    let given = request
        .set_pkce_verifier(verifier)
        .request_async(provider.wire())
        .await;
    let given = given.map_err(|error| provider.refused(error))?;
    provider.proven(&given, &nonce).await
}
