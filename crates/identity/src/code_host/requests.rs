//! What is asked of a code host for a sign-in: a code to be typed on its pages (RFC 8628, as GitHub does it), a token for it,
//! the next token, and whose a token is.
//!
//! Owns what is GitHub's own: errors that come with status 200, the wait that comes with `slow_down`, tokens that never end,
//! and the headers that tell what a token may and until when.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, ClientId, DeviceAuthorizationUrl, DeviceCodeErrorResponseType, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, RefreshToken, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::kept::{Kept, is_word, words_of};
use super::{Account, CodeHostSpec};
use crate::device::Invitation;
use crate::failure::{Failure, shown};
use crate::provider::{Person, Refreshed, Tokens, refusal, silent};
use crate::session::Giver;
use crate::wire::{Clock, Sent, Wire, WireError, is_here};

/// So long before its end a token is made anew rather than taken from the keyring.
const LEFT: SignedDuration = SignedDuration::from_secs(60);

/// The requests that one application may make.
type Application =
    BasicClient<EndpointNotSet, EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The requests.
pub struct Requests {
    spec: CodeHostSpec,
    wire: Wire,
    /// The access token that the code host refused somewhere: it is looked at before it is given out again.
    doubted: Mutex<Option<SecretString>>,
    /// Whose the last token is that was given out.
    account: Mutex<Option<Account>>,
}

impl Requests {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// An address is neither https nor on this machine, some are https and some are not, or an authority is no certificate.
    pub fn new(spec: CodeHostSpec, clock: Clock) -> Result<Self, Failure> {
        let addresses = [&spec.device, &spec.token, &spec.user];
        let wire = Wire::new(&spec.token, &spec.authorities, clock);
        let is_plain = |address: &&Url| address.scheme() != "https";
        if addresses.iter().any(|one| is_plain(one) && !is_here(one)) {
            return Err(Failure::NotOffered {
                host: spec.host,
                what: "address over TLS to sign in at",
            });
        }
        // One client asks all of them: a token that one of them gave could not be shown to the others.
        if addresses.iter().any(is_plain) && !addresses.iter().all(is_plain) {
            return Err(Failure::NotOffered {
                host: spec.host,
                what: "way to sign in: some of its addresses are https, and some are plain http",
            });
        }
        let wire = wire.map_err(|why| silent(&spec.host, &why))?;
        Ok(Self {
            spec,
            wire,
            doubted: Mutex::default(),
            account: Mutex::default(),
        })
    }

    /// The code host and the application in it.
    pub fn spec(&self) -> &CodeHostSpec {
        &self.spec
    }

    /// Whose the last token is that was given out.
    pub fn account(&self) -> Option<Account> {
        let account = self.account.lock();
        account.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The code host refused this one somewhere.
    pub fn doubt(&self, access: &SecretString) {
        *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = Some(access.clone());
    }

    /// A token for a code that the person types on the code host's pages; `show` shows it.
    ///
    /// # Errors
    /// There is no application, it may not do so, the person says no or takes too long, or the code host does not answer.
    pub async fn by_code(&self, show: impl FnOnce(&Invitation) + Send) -> Result<Tokens, Failure> {
        let application = self.application()?;
        let wire = Quirks {
            wire: &self.wire,
            wait: AtomicU64::new(0),
        };
        let scopes = self.spec.scopes.iter().cloned().map(Scope::new);
        let asked = application.exchange_device_code().add_scopes(scopes);
        let given = asked.request_async(&wire).await;
        let given: StandardDeviceAuthorizationResponse = given.map_err(|error| match &error {
            RequestTokenError::ServerResponse(said) if is_disabled(said.error()) => {
                self.no_device_flow()
            }
            _ => refusal(self.spec.host.clone(), error),
        })?;
        let asked = &self.spec.device;
        show(&Invitation::of(&given, &self.spec.host, asked, self.now())?);
        let request = application.exchange_device_access_token(&given);
        let sleep = |wanted: Duration| {
            tokio::time::sleep(wanted.max(Duration::from_secs(wire.wait.load(Ordering::Relaxed))))
        };
        let given = request.request_async(&wire, sleep, None).await;
        let given = given.map_err(|error| match &error {
            RequestTokenError::ServerResponse(said) => match said.error() {
                DeviceCodeErrorResponseType::AccessDenied => {
                    Failure::NotDone("the code was refused".to_owned())
                }
                DeviceCodeErrorResponseType::ExpiredToken => {
                    Failure::NotDone("the code's time is over".to_owned())
                }
                DeviceCodeErrorResponseType::Basic(what) if is_disabled(what) => {
                    self.no_device_flow()
                }
                _ => refusal(self.spec.host.clone(), error),
            },
            _ => refusal(self.spec.host.clone(), error),
        })?;
        let access = SecretString::from(given.access_token().secret().clone());
        let who = self.who(&access).await?;
        Ok(self.tokens(&Kept {
            until: self.ends(&given).or(who.until),
            refresh: refresh_of(&given),
            ..who
        }))
    }

    /// The tokens of one that the person pasted, once the code host has said whose it is.
    ///
    /// # Errors
    /// It is none, the code host does not accept it, or does not answer.
    pub async fn of_pasted(&self, token: &SecretString) -> Result<Tokens, Failure> {
        let word = token.expose_secret().trim();
        if !is_word(word) {
            let why = "what was given is no token: one is a single word";
            return Err(Failure::NotDone(why.to_owned()));
        }
        let who = self.who(&SecretString::from(word.to_owned())).await?;
        Ok(self.tokens(&who))
    }

    fn application(&self) -> Result<Application, Failure> {
        let client_id = self.spec.client_id.clone();
        let client_id = client_id.ok_or_else(|| Failure::NotOffered {
            host: self.spec.host.clone(),
            what: "code to be typed there: the team file names no application of it",
        })?;
        let device = DeviceAuthorizationUrl::from_url(self.spec.device.clone());
        let client = BasicClient::new(ClientId::new(client_id));
        let token = TokenUrl::from_url(self.spec.token.clone());
        Ok(client
            .set_device_authorization_url(device)
            .set_token_uri(token))
    }

    fn no_device_flow(&self) -> Failure {
        Failure::NotOffered {
            host: self.spec.host.clone(),
            what: "code to be typed there: its application has no device flow",
        }
    }

    /// By our clock, when what was given ends; never, where that is not said.
    fn ends(&self, given: &BasicTokenResponse) -> Option<Timestamp> {
        let lives = SignedDuration::try_from(given.expires_in()?).ok()?;
        self.now().checked_add(lives).ok()
    }

    /// Whose an access token is. A refusal is one only where the code host says that the token is none: an account that is
    /// locked for an hour, or too many requests, pass.
    async fn who(&self, access: &SecretString) -> Result<Kept, Failure> {
        let host = &self.spec.host;
        let later = |said: String| Failure::Answers {
            host: host.clone(),
            said,
        };
        let mut shown_token = HeaderValue::from_str(&format!("Bearer {}", access.expose_secret()))
            .map_err(|_| Failure::NotDone("what was given is no token".to_owned()))?;
        shown_token.set_sensitive(true);
        let request = http::Request::get(self.spec.user.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, shown_token)
            .body(Vec::new())
            .map_err(|why| silent(host, &why.into()))?;
        let answer = AsyncHttpClient::call(&self.wire, request).await;
        let answer = answer.map_err(|why| silent(host, &why))?;
        let said = || {
            let said = serde_json::from_slice::<Message>(answer.body());
            said.map(|said| shown(&said.message)).unwrap_or_default()
        };
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                return Err(Failure::Refused {
                    host: host.clone(),
                    said: Some(said())
                        .filter(|said| !said.is_empty())
                        .unwrap_or_else(|| "it does not accept the token".to_owned()),
                });
            }
            status => {
                let said = said();
                return Err(later(match said.as_str() {
                    "" => status.to_string(),
                    said => format!("{status}: {said}"),
                }));
            }
        }
        let user: User = serde_json::from_slice(answer.body())
            .map_err(|_| later("without saying whose the token is".to_owned()))?;
        if !is_word(&user.login) {
            return Err(later("with a name that nobody can have".to_owned()));
        }
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        Ok(Kept {
            id: user.id,
            login: shown(&user.login),
            scopes: words_of(header("x-oauth-scopes").unwrap_or_default()),
            until: ends_at(answer.headers()),
            access: access.clone(),
            refresh: None,
        })
    }

    /// What is given out.
    fn tokens(&self, kept: &Kept) -> Tokens {
        let account = Account {
            login: kept.login.clone(),
            scopes: kept.scopes.clone(),
            // Where the next one comes by itself its end is nobody's concern.
            until: kept.until.filter(|_| kept.refresh.is_none()),
        };
        *self.account.lock().unwrap_or_else(PoisonError::into_inner) = Some(account);
        Tokens {
            access: kept.access.clone(),
            // There is no other token that says who it is: the code host is shown the one.
            id: kept.access.clone(),
            refresh: Some(kept.written()),
            until: kept.until.unwrap_or(Timestamp::MAX),
            person: Person {
                subject: kept.id.to_string(),
                email: None,
                name: Some(kept.login.clone()),
                groups: Vec::new(),
            },
        }
    }

    /// The token that takes the old one's place. Asks nobody whose it is: it is to be kept before it is used.
    async fn next(&self, was: &Kept, refresh: &SecretString) -> Result<Kept, Failure> {
        let application = self.application()?;
        let wire = Quirks {
            wire: &self.wire,
            wait: AtomicU64::new(0),
        };
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        let given = application
            .exchange_refresh_token(&token)
            .request_async(&wire);
        let given = given
            .await
            .map_err(|error| refusal(self.spec.host.clone(), error))?;
        Ok(Kept {
            access: SecretString::from(given.access_token().secret().clone()),
            until: self.ends(&given),
            refresh: refresh_of(&given).or_else(|| Some(refresh.clone())),
            ..was.clone()
        })
    }
}

fn refresh_of(given: &BasicTokenResponse) -> Option<SecretString> {
    let refresh = given.refresh_token()?;
    Some(SecretString::from(refresh.secret().clone()))
}

fn is_disabled(error: &BasicErrorResponseType) -> bool {
    matches!(error, BasicErrorResponseType::Extension(code) if code == "device_flow_disabled")
}

/// When GitHub says that a token of the person's own ends: `2026-12-31 12:00:00 UTC`, or with a difference to it.
fn ends_at(headers: &HeaderMap) -> Option<Timestamp> {
    let said = headers.get("github-authentication-token-expiration")?;
    let said = said.to_str().ok()?.replace("UTC", "+0000");
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", said).ok()
}

#[async_trait]
impl Giver for Requests {
    fn host(&self) -> String {
        self.spec.host.clone()
    }

    /// What is kept is a whole line of ours, and not only what gets the next token: see [`Kept`].
    async fn refresh(&self, line: &SecretString) -> Refreshed {
        let given = |tokens| Refreshed { next: None, tokens };
        let Some(kept) = Kept::read(line) else {
            let host = self.spec.host.clone();
            return given(Err(Failure::Ended { host }));
        };
        let is_doubted = {
            let doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
            doubted
                .as_ref()
                .is_some_and(|doubted| doubted.expose_secret() == kept.access.expose_secret())
        };
        let now = self.now();
        let lives = kept
            .until
            .is_none_or(|until| now.duration_until(until) > LEFT);
        if lives && !is_doubted {
            return given(Ok(self.tokens(&kept)));
        }
        let looked_at = match (&kept.refresh, lives) {
            // Its time is over, and there is a next one.
            (Some(_), false) => None,
            _ => Some(self.who(&kept.access).await),
        };
        match (looked_at, &kept.refresh) {
            (Some(Ok(who)), refresh) => {
                *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let until = who.until.or(kept.until.filter(|_| refresh.is_some()));
                given(Ok(self.tokens(&Kept {
                    until,
                    refresh: refresh.clone(),
                    ..who
                })))
            }
            (None | Some(Err(Failure::Refused { .. })), Some(refresh)) => {
                match self.next(&kept, refresh).await {
                    Ok(next) => Refreshed {
                        next: Some(next.written()),
                        tokens: Ok(self.tokens(&next)),
                    },
                    Err(why) => given(Err(why)),
                }
            }
            (Some(Err(why)), _) => given(Err(why)),
            (None, None) => given(Err(Failure::SignedOut)),
        }
    }

    /// An application without a secret cannot take a token back at GitHub.
    async fn revoke(&self, _: &SecretString) -> Result<(), Failure> {
        Err(Failure::NotOffered {
            host: self.spec.host.clone(),
            what: "way to take a token back",
        })
    }

    fn now(&self) -> Timestamp {
        self.wire.now()
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// GitHub says what is wrong with status 200, and for how long to wait in the error itself.
struct Quirks<'w> {
    wire: &'w Wire,
    /// The longest wait that was asked for, in seconds.
    wait: AtomicU64,
}

/// An error, whatever the status.
#[derive(Deserialize)]
struct Wrong {
    #[serde(rename = "error")]
    _error: String,
    interval: Option<u64>,
}

impl<'c> AsyncHttpClient<'c> for Quirks<'_> {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let sent = Sent::of(&request);
            let mut answer = AsyncHttpClient::call(self.wire, request).await?;
            if let Ok(wrong) = serde_json::from_slice::<Wrong>(answer.body()) {
                self.wait
                    .fetch_max(wrong.interval.unwrap_or_default(), Ordering::Relaxed);
                *answer.status_mut() = StatusCode::BAD_REQUEST;
                sent.out_of(answer.body_mut());
            }
            Ok(answer)
        })
    }
}
