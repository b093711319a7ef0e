//! Requests to the provider: over TLS that the system or the team file trusts, to nowhere else, and not for ever.
//!
//! Owns the HTTP client and what is learned from every answer of the provider's clock.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

/// The time by this machine's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most that an answer may weigh: a set of keys is a few kilobytes.
const MOST: usize = 1 << 20;
/// What we call ourselves: GitHub answers nobody without a name.
const USER_AGENT: &str = concat!("landfall/", env!("CARGO_PKG_VERSION"));
/// From this difference on a clock counts as wrong: `Date` has whole seconds, and an answer takes a moment.
const NOTABLE: i64 = 2;

/// The fields of a form that are secrets: what is shown for tokens, and tokens themselves.
const SECRETS: [&str; 5] = [
    "code",
    "code_verifier",
    "device_code",
    "refresh_token",
    "token",
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The client could not send it, or nothing came back.
    #[error(transparent)]
    Silent(#[from] reqwest::Error),
    /// It says that it cannot answer now: an outage is no refusal.
    #[error("it answers {0}")]
    NotNow(http::StatusCode),
    /// It would go elsewhere than to this machine, in plain.
    #[error("{0} is not https")]
    Plain(String),
    /// What came back is larger than anything that is expected.
    #[error("the answer is larger than {MOST} bytes")]
    TooMuch,
    /// What came back is no HTTP answer.
    #[error(transparent)]
    Form(#[from] http::Error),
}

/// The client.
#[derive(Clone)]
pub struct Wire {
    client: reqwest::Client,
    /// Whether the issuer is a plain one on this machine, and nothing else is spoken to.
    only_here: bool,
    clock: Clock,
    /// By how many seconds the provider's clock is ahead of ours.
    ahead: Arc<AtomicI64>,
}

impl Wire {
    /// A client for an issuer that trusts what the system trusts, and these authorities, each a PEM certificate. Over TLS
    /// only, unless the issuer is a plain one on this machine: then it speaks to this machine only, and through no proxy.
    ///
    /// # Errors
    /// An authority is no certificate.
    pub fn new(issuer: &Url, authorities: &[String], clock: Clock) -> Result<Self, WireError> {
        let mut certificates = Vec::new();
        for pem in authorities {
            certificates.extend(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        let only_here = issuer.scheme() == "http" && is_here(issuer);
        let mut client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_certs_merge(certificates)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .https_only(!only_here);
        if only_here {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build()?,
            only_here,
            clock,
            ahead: Arc::default(),
        })
    }

    /// The time by this machine's clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The time by the provider's clock, as far as its answers tell.
    pub fn provider_now(&self) -> Timestamp {
        self.now()
            .checked_add(self.ahead())
            .unwrap_or(Timestamp::MAX)
    }

    /// By how much the provider's clock is ahead of ours.
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed))
    }

    #[cfg(test)]
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::Relaxed);
    }

    fn learn(&self, answer: &reqwest::Response) {
        let date = answer.headers().get(http::header::DATE);
        let date = date.and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let ahead = date.timestamp().as_second() - self.now().as_second();
            let ahead = if ahead.abs() < NOTABLE { 0 } else { ahead };
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, WireError> {
        let sent = Sent::of(&request);
        let request = reqwest::Request::try_from(request)?;
        if self.only_here && !is_here(request.url()) {
            return Err(WireError::Plain(
                request.url().origin().ascii_serialization(),
            ));
        }
        let mut answer = self.client.execute(request).await?;
        self.learn(&answer);
        let status = answer.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(WireError::NotNow(status));
        }
        let mut built = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            built = built.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > MOST {
                return Err(WireError::TooMuch);
            }
            body.extend_from_slice(&part);
        }
        if status.is_client_error() {
            sent.out_of(&mut body);
        }
        Ok(built.body(body)?)
    }
}

/// The secrets of a request: a refusal is shown to people, and may repeat them.
pub struct Sent(Vec<String>);

impl Sent {
    /// Those of this request.
    pub fn of(request: &HttpRequest) -> Self {
        let header = request.headers().get(http::header::AUTHORIZATION);
        let header = header.and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
        let fields = url::form_urlencoded::parse(request.body());
        let fields = fields.filter(|(name, _)| SECRETS.contains(&name.as_ref()));
        let fields = fields.map(|(_, value)| value.into_owned());
        let all = header.map(str::to_owned).into_iter().chain(fields);
        // Shorter ones are words that stand everywhere.
        Self(all.filter(|secret| secret.len() >= 6).collect())
    }

    /// Takes them out of a refusal.
    pub fn out_of(&self, refusal: &mut Vec<u8>) {
        if self.0.is_empty() {
            return;
        }
        let mut words = String::from_utf8_lossy(refusal).into_owned();
        for secret in &self.0 {
            words = words.replace(secret, "(hidden)");
        }
        *refusal = words.into_bytes();
    }
}

/// Whether an address is this machine's.
pub fn is_here(address: &Url) -> bool {
    match address.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_repeats_what_was_sent_had_it_shown() {
        let form = "grant_type=refresh_token&refresh_token=correct%2Bhorse&client_id=landfall";
        let request = http::Request::post("https://id.example/token")
            .header(http::header::AUTHORIZATION, "Bearer battery-staple")
            .body(form.as_bytes().to_vec())
            .unwrap();
        let mut refusal = b"landfall: correct+horse and battery-staple are no token".to_vec();
        Sent::of(&request).out_of(&mut refusal);
        assert_eq!(
            String::from_utf8(refusal).unwrap(),
            "landfall: (hidden) and (hidden) are no token"
        );
    }

    async fn asked(issuer: &str, address: &str) -> WireError {
        let issuer = issuer.parse().unwrap();
        let wire = Wire::new(&issuer, &[], Arc::new(Timestamp::now)).unwrap();
        let request = http::Request::get(address).body(Vec::new()).unwrap();
        wire.send(request).await.unwrap_err()
    }

    #[tokio::test]
    async fn plain_is_for_an_issuer_on_this_machine_and_goes_nowhere_else() {
        let here = "http://127.0.0.1:1";
        assert!(matches!(asked(here, here).await, WireError::Silent(why) if why.is_connect()));
        let elsewhere = asked(here, "http://id.example/token").await;
        assert!(matches!(elsewhere, WireError::Plain(_)), "{elsewhere}");
        for issuer in [
            "https://id.example",
            "http://id.example",
            "https://127.0.0.1:1",
        ] {
            let plain = asked(issuer, "http://127.0.0.1:1/token").await;
            assert!(matches!(plain, WireError::Silent(why) if why.is_builder()));
        }
    }
}
