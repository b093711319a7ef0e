//! What a provider offers to this application, for whoever keeps the team file: asked before anybody signs in.
//!
//! Owns the questions. No browser opens, nobody is signed in, and nothing is kept.

use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreGrantType, CoreResponseType,
};
use openidconnect::{
    AsyncHttpClient, AuthenticationFlow, CsrfToken, Nonce, PkceCodeChallenge, RedirectUrl, Scope,
};

use crate::landing;
use crate::provider::Provider;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Scopes that the team file asks for and the provider does not list; empty where it lists none at all.
    pub unknown_scopes: Vec<String>,
    /// Whether a sign-in lasts: `offline_access` is asked for, and refresh tokens are given.
    pub lasts: bool,
    /// Whether somebody without a browser here can sign in with a code.
    pub has_codes: bool,
    /// Whether signing out ends a sign-in there too.
    pub can_revoke: bool,
    /// Whether it sends a browser back to each of the ports.
    pub redirects: Vec<(u16, Known)>,
}

/// Whether the provider knows a redirect of this application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It sends the browser there.
    Yes,
    /// It does not: its status.
    No(u16),
    /// It did not say.
    CannotTell(String),
}

impl Provider {
    /// Asks what it offers.
    pub async fn examined(&self) -> Examined {
        let metadata = self.metadata();
        let scopes = metadata.scopes_supported();
        let unknown = |scope: &&String| {
            scopes.is_some_and(|all| all.iter().all(|known| known.as_str() != scope.as_str()))
        };
        let asks = self.spec().scopes.iter();
        let gives_refresh = metadata
            .grant_types_supported()
            .is_none_or(|all| all.contains(&CoreGrantType::RefreshToken));
        let mut redirects = Vec::new();
        for port in &self.spec().ports {
            redirects.push((*port, self.knows(*port).await));
        }
        Examined {
            unknown_scopes: asks.clone().filter(unknown).cloned().collect(),
            lasts: gives_refresh && asks.clone().any(|scope| scope == "offline_access"),
            has_codes: self.device_endpoint().is_some(),
            can_revoke: self.revocation_endpoint().is_some(),
            redirects,
        }
    }

    /// Asks to be sent back without a page: whoever is not signed in is, with a refusal, and to no address that is not
    /// registered (OpenID Connect Core, 3.1.2.6).
    async fn knows(&self, port: u16) -> Known {
        let address = landing::address(port);
        let Ok(redirect) = RedirectUrl::new(address.clone()) else {
            return Known::CannotTell(format!("{address} is no address"));
        };
        let requests = self.requests().set_redirect_uri(redirect);
        let flow: CoreAuthenticationFlow =
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (challenge, _) = PkceCodeChallenge::new_random_sha256();
        let (url, ..) = requests
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.spec().scopes.iter().cloned().map(Scope::new))
            .add_prompt(CoreAuthPrompt::None)
            .set_pkce_challenge(challenge)
            .url();
        let request = match http::Request::get(url.as_str()).body(Vec::new()) {
            Ok(request) => request,
            Err(why) => return Known::CannotTell(why.to_string()),
        };
        let answer = match self.wire().call(request).await {
            Ok(answer) => answer,
            Err(why) => return Known::CannotTell(self.silent(&why).to_string()),
        };
        let location = answer.headers().get(http::header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        match location {
            Some(location) if location.starts_with(&address) => Known::Yes,
            Some(_) => Known::CannotTell("it leads elsewhere first".to_owned()),
            None if answer.status().is_client_error() => Known::No(answer.status().as_u16()),
            None => Known::CannotTell(format!("it answers {}", answer.status())),
        }
    }
}
