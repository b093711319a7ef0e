//! One connection to an API server: requests that read, and the one way to send one that may change something.
//!
//! Owns the client, its timeouts, the header that signs each request, and the reading of the server's clock. It can GET,
//! and POST the three reviews of who one is and what one may. What changes an object goes through [`Server::send_once`]
//! alone, which only `writing` calls, which only an action's run uses: a test of the repository's own rules holds that.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::AsyncBufRead;
use http::{Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::bearer::Bearer;
use crate::context::{Context, Origin};
use crate::failure::{Failure, Why, silent};
use crate::ground::{Ground, blocking};
use crate::options::{Clock, Options};
use crate::sign_in::{Asks, SIGN_IN_WITHIN, SignIn, still_runs};
use crate::tokens::authorization;

/// A connection.
pub(crate) struct Server {
    client: Client,
    /// `host:port`, for words.
    pub(crate) host: String,
    clock: Clock,
    /// Who has the tokens, where the client has no credentials of its own.
    bearer: Option<Bearer>,
    /// Until when the certificate that a sign-in plugin gave is good.
    until: Option<Timestamp>,
    /// When the certificate ends that the client shows, wherever it is from.
    certificate_ends: Option<Timestamp>,
    /// Requests under way, whether or not who asked still waits; they end with the connection.
    sent: Mutex<JoinSet<()>>,
}

/// How long a request goes on that nobody waits for any more.
pub(crate) const SEND_AT_MOST: Duration = Duration::from_secs(60);

/// An answer.
pub(crate) struct Answer {
    /// The body.
    pub(crate) body: Bytes,
    /// The server's clock minus ours, if it said its time.
    pub(crate) offset: Option<SignedDuration>,
    /// When we asked.
    pub(crate) asked: Timestamp,
}

/// What came back of a request that was sent once.
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Bytes,
    /// What it says, if it is an error.
    pub(crate) failure: Failure,
}

/// How far a request came that has brought no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Nothing of it was sent.
    Before(Failure),
    /// It may have arrived.
    After(Failure),
}

/// Questions about ourselves that are POSTs; they create nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Review<'a> {
    /// Who we are, in this version of authentication.k8s.io.
    Myself(&'a str),
    /// What we may do in a namespace.
    Rules(&'a str),
    /// Whether we may do one thing.
    Access(Access<'a>),
}

/// One thing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access<'a> {
    /// `list`.
    pub verb: &'a str,
    /// The API group; empty for the core.
    pub group: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource; empty for none.
    pub subresource: &'a str,
    /// The namespace; empty for all of them at once, and for what is in none.
    pub namespace: &'a str,
    /// The object's name; empty for whichever.
    pub name: &'a str,
}

impl Server {
    /// Reads the kubeconfig, signs in where a plugin does that, and makes a client. Sends nothing to the server yet.
    pub(crate) async fn dial(
        context: &Context,
        options: &Options,
        sign_in: &Arc<SignIn>,
    ) -> Result<Self, Failure> {
        let read = context.clone();
        let mut ground = blocking(move || Ground::read(&read)).await?;
        let mut until = None;
        let bearer = match (&context.origin, ground.plugin.take()) {
            (Origin::Address { tokens, .. }, _) => Some(Bearer::Tokens(tokens.clone())),
            (Origin::Files(_), None) => None,
            (Origin::Files(_), Some(plugin)) => {
                let plugin = Arc::new(plugin);
                let credential = sign_in.credential(&plugin, Asks::ToConnect).await?;
                if let Some(identity) = &credential.identity {
                    ground.identify(identity);
                    until = credential.until;
                }
                let has_token = credential.token.is_some();
                has_token.then(|| Bearer::Plugin(sign_in.clone(), plugin))
            }
        };
        let within = options.answer_within;
        let (client, host, certificate_ends) = blocking(move || {
            let ends = ground.certificate_ends();
            let (client, host) = ground.client(within)?;
            Ok((client, host, ends))
        })
        .await?;
        Ok(Self {
            client,
            host,
            clock: options.clock.clone(),
            bearer,
            until,
            certificate_ends,
            sent: Mutex::default(),
        })
    }

    /// Whether its credentials have run out, so that another must be dialled.
    pub(crate) fn is_stale(&self) -> bool {
        self.until.is_some_and(|until| self.clock.now() >= until)
    }

    /// When what opens the server ends, unless it is made anew before; `None` where that is not known.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match &self.bearer {
            Some(bearer) => bearer.until(),
            None => self.until.into_iter().chain(self.certificate_ends).min(),
        }
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str, within: Duration) -> Result<Answer, Failure> {
        self.ask(Method::GET, path, Vec::new(), within).await
    }

    /// Asks about ourselves.
    pub(crate) async fn review(
        &self,
        review: Review<'_>,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let (path, body) = match review {
            Review::Myself(version) => (
                format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews"),
                serde_json::json!({
                    "apiVersion": format!("authentication.k8s.io/{version}"),
                    "kind": "SelfSubjectReview",
                }),
            ),
            Review::Rules(namespace) => (
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews".to_owned(),
                serde_json::json!({
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectRulesReview",
                    "spec": {"namespace": namespace},
                }),
            ),
            Review::Access(access) => (
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
                serde_json::json!({
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": {
                        "verb": access.verb,
                        "group": access.group,
                        "resource": access.resource,
                        "subresource": access.subresource,
                        "namespace": access.namespace,
                        "name": access.name,
                    }},
                }),
            ),
        };
        self.ask(Method::POST, &path, body.to_string().into_bytes(), within)
            .await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let request = self
            .authorized(request(method, path, body)?, within)
            .await?;
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let asked = self.clock.now();
        let exchange = async {
            let client = self.client.clone();
            let sent = async move { client.send(request.map(Body::from)).await };
            let response = self.detached(sent).await?;
            let response = response.map_err(|error| Failure::client(&error, &self.host))?;
            let status = response.status().as_u16();
            let date = date(response.headers());
            let offset = date.map(|date| offset(date, asked, self.clock.now()));
            let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
            let body = response
                .into_body()
                .collect_bytes()
                .await
                .map_err(|error| Failure::client(&error, &self.host))?;
            if status < 400 {
                Ok(Answer {
                    body,
                    offset,
                    asked,
                })
            } else {
                Err(Failure::answer(status, &body).retry_after(retry_after.as_ref()))
            }
        };
        tokio::time::timeout(within, exchange)
            .await
            .unwrap_or_else(|_| Err(silent(&self.host)))
            .map_err(|failure| self.told(failure.without(sent.as_ref())))
    }

    /// Sends a request that may change something: once, whatever comes of it. For `writing` alone.
    ///
    /// Nothing below sends it a second time. kube's own retrying, which would repeat any method after 429, 503 and 504, is
    /// off (`ground`). hyper-util's client takes another connection only for a request that hyper hands back because
    /// none of it was written (`retry_canceled_requests`, `TrySendError::take_message`).
    pub(crate) async fn send_once(
        &self,
        request: Request<Vec<u8>>,
        within: Duration,
    ) -> Result<Reply, Lost> {
        let request = self
            .authorized(request, within)
            .await
            .map_err(|failure| Lost::Before(self.told(failure)))?;
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let told = |failure: Failure| self.told(failure.without(sent.as_ref()));
        let client = self.client.clone();
        let exchange = async move {
            let response = client.send(request.map(Body::from)).await?;
            let status = response.status().as_u16();
            Ok((status, response.into_body().collect_bytes().await?))
        };
        match tokio::time::timeout(within, self.detached(exchange)).await {
            Ok(Ok(Ok((status, body)))) => Ok(Reply {
                failure: told(Failure::answer(status, &body)),
                status,
                body,
            }),
            Ok(Ok(Err(error))) => {
                let failure = told(Failure::client(&error, &self.host));
                if never_left(&error) {
                    Err(Lost::Before(failure))
                } else {
                    Err(Lost::After(failure))
                }
            }
            Ok(Err(failure)) => Err(Lost::After(told(failure))),
            Err(_) => Err(Lost::After(told(silent(&self.host)))),
        }
    }

    /// Opens a stream of lines: a watch, or a log.
    pub(crate) async fn lines(
        &self,
        path: &str,
        within: Duration,
    ) -> Result<impl AsyncBufRead + Unpin + Send + use<>, Failure> {
        let request = request(Method::GET, path, Vec::new())?;
        let request = self.authorized(request, within).await?;
        let client = self.client.clone();
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let opened = async move { client.request_stream(request).await.map(Box::pin) };
        tokio::time::timeout(within, self.detached(opened))
            .await
            .unwrap_or_else(|_| Err(silent(&self.host)))
            .and_then(|opened| opened.map_err(|error| Failure::client(&error, &self.host)))
            .map_err(|failure| self.told(failure.without(sent.as_ref())))
    }

    /// A failure in words that fit where this connection's credentials come from.
    pub(crate) fn told(&self, failure: Failure) -> Failure {
        match self.bearer {
            Some(Bearer::Tokens(_)) => failure.at_an_address(),
            Some(Bearer::Plugin(..)) | None => failure,
        }
    }

    /// The request with a token of this moment, where tokens come from elsewhere. It is for this server alone: the
    /// client follows no redirect.
    async fn authorized(
        &self,
        mut request: Request<Vec<u8>>,
        within: Duration,
    ) -> Result<Request<Vec<u8>>, Failure> {
        let Some(bearer) = self.bearer.clone() else {
            return Ok(request);
        };
        let within = match bearer {
            Bearer::Tokens(_) => within,
            // It is not the server that lets us wait.
            Bearer::Plugin(..) => SIGN_IN_WITHIN,
        };
        let asked = self.detached({
            let bearer = bearer.clone();
            async move { bearer.token().await }
        });
        let token = match (tokio::time::timeout(within, asked).await, bearer) {
            (Ok(Ok(token)), _) => token?,
            (_, Bearer::Plugin(..)) => return Err(still_runs()),
            (_, Bearer::Tokens(_)) => {
                let reason = "the sign-in has given no token yet";
                return Err(Failure::new(Why::NoToken, reason));
            }
        };
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, authorization(&token)?);
        Ok(request)
    }

    /// Does something in a task of its own that goes on after who asked has given up: somebody may be getting a new
    /// token, which others wait for, and whose answer would be lost with the request.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            while sent.try_join_next().is_some() {}
            sent.spawn(async move {
                let _ = tell.send(tokio::time::timeout(SEND_AT_MOST, work).await);
            });
        }
        match told.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(silent(&self.host)),
            Err(_) => Err(Failure::new(Why::Broken, "sending the request broke off")),
        }
    }
}

/// Whether certainly nothing of a request was sent: no connection was made, or it could not be signed.
fn never_left(error: &kube::Error) -> bool {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source()).any(|error| {
        let client = error.downcast_ref::<hyper_util::client::legacy::Error>();
        client.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || error.is::<kube::client::AuthError>()
    })
}

/// A name made safe to stand in a path or query: everything but letters, digits, `-`, `.`, `_` and `~` is escaped.
/// Names come from servers, and a server may be anybody's.
pub(crate) fn segment(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    // A path segment of dots would climb.
    if matches!(safe.as_str(), "." | "..") {
        safe = safe.replace('.', "%2E");
    }
    safe
}

fn request(method: Method, path: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, Failure> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|_| Failure::new(Why::Malformed, "a name that cannot stand in an address"))
}

/// The server's time, of the `Date` header.
fn date(headers: &header::HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date)
        .ok()
        .map(|date| date.timestamp())
}

/// The server's clock minus ours. The header counts whole seconds, so its middle is meant, and so is the middle of
/// our waiting; what is left is an error of about a second, and differences below two seconds are none.
fn offset(date: Timestamp, asked: Timestamp, answered: Timestamp) -> SignedDuration {
    let waited = answered.duration_since(asked);
    let here = asked.checked_add(waited / 2).unwrap_or(asked);
    let there = date
        .checked_add(SignedDuration::from_millis(500))
        .unwrap_or(date);
    let offset = there.duration_since(here);
    if offset.abs() < SignedDuration::from_secs(2) {
        SignedDuration::ZERO
    } else {
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_servers_clock_is_read_and_small_differences_are_none() {
        let mut headers = header::HeaderMap::new();
        headers.insert(
            header::DATE,
            "Sat, 21 Nov 2026 20:31:00 GMT".parse().unwrap(),
        );
        let there = date(&headers).unwrap();
        assert_eq!(there, at("2026-11-21T20:31:00Z"));
        let now = at("2026-11-21T20:30:59.2Z");
        assert_eq!(offset(there, now, now), SignedDuration::ZERO);
        let hour_ago = at("2026-11-21T19:31:00Z");
        let waited = at("2026-11-21T19:31:01Z");
        assert_eq!(
            offset(there, hour_ago, waited),
            SignedDuration::from_secs(3600)
        );
        headers.insert(header::DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }

    #[test]
    fn names_from_servers_cannot_leave_their_place_in_a_path() {
        assert_eq!(segment("../../secrets?x#y"), "..%2F..%2Fsecrets%3Fx%23y");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("api-1.shop_x"), "api-1.shop_x");
        assert_eq!(segment("é\u{1b}"), "%C3%A9%1B");
    }
}
