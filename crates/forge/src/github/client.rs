//! Requests to GitHub's REST API: tokens, pages, ETags, rate limits.
//!
//! Owns what happens around every request, and what a refusal means. Which requests are made, and what the answers say,
//! is decided elsewhere.

mod look;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use api::connection::SystemKind;
use futures::StreamExt as _;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use url::Url;

use super::limit::{clock_time, limit};
use super::link;
use crate::clock::Clock;
use crate::config::{Config, below, is_private, shown, split};
use crate::connections::Ledger;
use crate::error::{Http, Trouble, http, tidy};
use crate::git::locked;
use crate::tokens::Pass;
use crate::web::Web;

pub(super) use self::write::Reply;

/// Pages read of one list; GitHub gives 100 items a page.
const MAX_PAGES: usize = 10;
/// The largest answer that is read.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// How much of a log's end is looked at.
const LOG_END: usize = 256 * 1024;
/// Answers kept for their ETags, and the largest one that is.
const MAX_ETAGS: usize = 2_048;
const MAX_TAGGED: usize = 256 * 1024;

/// The requests to all code hosts that have an API.
pub(super) struct Client {
    config: Arc<Config>,
    clock: Clock,
    ledger: Arc<Ledger>,
    web: Web,
    /// The last answer with an ETag, by address: the same again costs no rate limit.
    tagged: Mutex<HashMap<Url, Tagged>>,
    /// When hosts that we asked too much will answer again.
    limited: Mutex<HashMap<String, Timestamp>>,
}

#[derive(Clone)]
struct Tagged {
    etag: String,
    body: Arc<[u8]>,
    next: Option<Url>,
}

/// Why one request gave nothing.
pub(super) enum Refusal {
    /// The host says that there is no such thing.
    Missing,
    /// Anything else.
    Trouble(Trouble),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A repository on a host with an API.
pub(super) struct Target<'a> {
    host: &'a str,
    path: &'a str,
    /// `…/repos/owner/name`
    base: Url,
}

impl Client {
    pub(super) fn new(config: Arc<Config>, clock: Clock, ledger: Arc<Ledger>, web: Web) -> Self {
        Self {
            config,
            clock,
            ledger,
            web,
            tagged: Mutex::default(),
            limited: Mutex::default(),
        }
    }

    /// A repository on its host.
    ///
    /// # Errors
    /// The host has no API that we know of.
    pub(super) fn target<'a>(&self, repository: &'a str) -> Result<Target<'a>, Trouble> {
        let (host, path) = split(repository)
            .ok_or_else(|| Trouble::Other(format!("{repository} is no repository's address")))?;
        let api = self.config.api_url(host).ok_or_else(|| {
            Trouble::Other(format!(
                "it is not known where {host} tells about CI runs and pull requests: \
                 add `api` to its entry below `codeHosts` in the team file"
            ))
        })?;
        if path.split('/').count() != 2 {
            return Err(Trouble::Other(format!(
                "{path} is no repository of GitHub's form, which is owner/name"
            )));
        }
        let base = below(api, &format!("repos/{path}"))
            .ok_or_else(|| Trouble::Other(format!("{host}'s API has no usable address")))?;
        let known = self
            .config
            .code_host(host)
            .and_then(|known| known.address.clone())
            .map_or_else(|| format!("https://{host}"), |base| shown(&base));
        self.ledger
            .know(SystemKind::CodeHost, host, known, is_private(&base));
        Ok(Target { host, path, base })
    }

    /// One thing; `None` if the host has no such thing.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn one<T: DeserializeOwned>(
        &self,
        target: &Target<'_>,
        url: Url,
    ) -> Result<Option<T>, Trouble> {
        match self.get(target, &url).await {
            Ok((body, _)) => Ok(Some(read(target, &body)?)),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Trouble(trouble)) => Err(trouble),
        }
    }

    /// A list's pages.
    ///
    /// # Errors
    /// One of them cannot be read, or there are more than we read.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        target: &Target<'_>,
        url: Url,
    ) -> Result<Vec<T>, Refusal> {
        let mut pages = Vec::new();
        let mut url = Some(url);
        while let Some(page) = url.take() {
            let (body, next) = self.get(target, &page).await?;
            pages.push(read(target, &body)?);
            if next.is_some() && pages.len() == MAX_PAGES {
                // Half a list would make what it leaves out look absent.
                return Err(Refusal::Trouble(Trouble::Other(format!(
                    "{} lists more for {} than is read",
                    target.host, target.path
                ))));
            }
            url = next;
        }
        Ok(pages)
    }

    async fn get(
        &self,
        target: &Target<'_>,
        url: &Url,
    ) -> Result<(Arc<[u8]>, Option<Url>), Refusal> {
        let result = self.ask(target, url).await;
        let now = self.clock.now();
        let subject = format!("{} over its API", target.path);
        match &result {
            Ok(_) | Err(Refusal::Missing) => {
                self.ledger
                    .answered(SystemKind::CodeHost, target.host, &subject, now);
            }
            Err(Refusal::Trouble(trouble)) => {
                self.ledger
                    .failed(SystemKind::CodeHost, target.host, &subject, trouble, now);
            }
        }
        result
    }

    async fn ask(
        &self,
        target: &Target<'_>,
        url: &Url,
    ) -> Result<(Arc<[u8]>, Option<Url>), Refusal> {
        self.not_limited(target.host)?;
        let known = locked(&self.tagged).get(url).cloned();
        let sent = async |pass: &Pass| {
            let mut request = self.request(target, url, pass);
            if let Some(known) = &known {
                request = request.header(IF_NONE_MATCH, &known.etag);
            }
            request
                .send()
                .await
                .map_err(|error| target.no_answer(&error))
        };
        let mut pass = self.config.pass(target.host, url).await;
        let mut response = sent(&pass).await?;
        if response.status().as_u16() == 401
            && let Some(next) = self.config.next_pass(target.host, url, &pass).await
        {
            // The next token, or none: what everybody may read is read without.
            pass = next;
            response = sent(&pass).await?;
        }
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if let (304, Some(known)) = (status, known) {
            return Ok((known.body, known.next));
        }
        let body = limited(response)
            .await
            .map_err(|error| target.no_answer(&error))?;
        if !(200..300).contains(&status) {
            return Err(self.refused(target, &pass, status, &headers, &body));
        }
        let body: Arc<[u8]> = body.into();
        let next = headers
            .get(LINK)
            .and_then(|header| link::next(header.to_str().ok()?, url));
        if let Some(etag) = headers.get(ETAG).and_then(|etag| etag.to_str().ok())
            && body.len() <= MAX_TAGGED
        {
            let mut tagged = locked(&self.tagged);
            if tagged.len() >= MAX_ETAGS
                && let Some(any) = tagged.keys().next().cloned()
            {
                // One that will be read whole again, and not all of them at once.
                tagged.remove(&any);
            }
            tagged.insert(
                url.clone(),
                Tagged {
                    etag: etag.to_owned(),
                    body: Arc::clone(&body),
                    next: next.clone(),
                },
            );
        }
        Ok((body, next))
    }

    /// The end of a log; `None` if it cannot be read, which only leaves the evidence shorter.
    pub(super) async fn log(&self, target: &Target<'_>, url: Url) -> Option<String> {
        self.not_limited(target.host).ok()?;
        // Redirects to another host lose the token by themselves.
        let pass = self.config.pass(target.host, &url).await;
        let response = self.request(target, &url, &pass).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let mut end: Vec<u8> = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(Ok(bytes)) = stream.next().await {
            end.extend_from_slice(&bytes);
            if end.len() > 2 * LOG_END {
                end.drain(..end.len() - LOG_END);
            }
        }
        Some(String::from_utf8_lossy(&end).into_owned())
    }

    fn request(&self, target: &Target<'_>, url: &Url, pass: &Pass) -> reqwest::RequestBuilder {
        let request = self.web.client(url).get(url.clone());
        dressed(request, target, url, pass)
    }

    fn not_limited(&self, host: &str) -> Result<(), Trouble> {
        let limited = locked(&self.limited);
        match limited.get(host) {
            Some(until) if *until > self.clock.now() => Err(Trouble::RateLimited {
                host: host.to_owned(),
                until: clock_time(*until),
                ends: *until,
            }),
            _ => Ok(()),
        }
    }

    fn refused(
        &self,
        target: &Target<'_>,
        pass: &Pass,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Refusal {
        let mut words = message(body);
        if let Some(token) = pass.token() {
            // Some hosts say back what they were shown.
            words = words.replace(token.expose_secret(), "(hidden)");
        }
        if let Some(until) = limit(status, headers, &words, self.clock.now()) {
            locked(&self.limited).insert(target.host.to_owned(), until);
            return Refusal::Trouble(Trouble::RateLimited {
                host: target.host.to_owned(),
                until: clock_time(until),
                ends: until,
            });
        }
        let reason = if words.is_empty() {
            format!("status {status}")
        } else {
            words
        };
        // GitHub says 404 of what it does not show to whoever asks: without the token that there should be, what is not there
        // cannot be told from what is not shown.
        if let (401 | 403 | 404, Some(lacking)) = (status, pass.lacking()) {
            return Refusal::Trouble(Trouble::Denied {
                host: target.host.to_owned(),
                subject: target.path.to_owned(),
                reason: lacking.to_owned(),
            });
        }
        match status {
            // 409: an empty repository; 422: not the SHA of anything here.
            404 | 409 | 410 | 422 => Refusal::Missing,
            401 | 403 => Refusal::Trouble(Trouble::Denied {
                host: target.host.to_owned(),
                subject: target.path.to_owned(),
                reason,
            }),
            500.. => Refusal::Trouble(Trouble::Unreachable {
                host: target.host.to_owned(),
                reason: format!("its API answers with status {status}"),
            }),
            _ => Refusal::Trouble(Trouble::Other(format!(
                "{} refused to tell about {}: {reason}",
                target.host, target.path
            ))),
        }
    }
}

impl Target<'_> {
    /// The host's name.
    pub(super) fn host(&self) -> &str {
        self.host
    }

    /// `owner/name`
    pub(super) fn path(&self) -> &str {
        self.path
    }

    /// An address below the repository's.
    pub(super) fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// A refusal of something that every repository has: the repository itself is missing.
    pub(super) fn whole(&self, refusal: Refusal) -> Trouble {
        match refusal {
            Refusal::Missing => Trouble::NotFound {
                host: self.host.to_owned(),
                subject: format!("repository {}", self.path),
            },
            Refusal::Trouble(trouble) => trouble,
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Trouble {
        match http(error) {
            Http::NoAnswer(reason) => Trouble::Unreachable {
                host: self.host.to_owned(),
                reason,
            },
            Http::Status(status) => {
                Trouble::Other(format!("{} answered with status {status}", self.host))
            }
            Http::Else(reason) => {
                Trouble::Other(format!("reading from {} failed: {reason}", self.host))
            }
        }
    }
}

/// A request as GitHub wants it, with the token.
fn dressed(
    request: reqwest::RequestBuilder,
    target: &Target<'_>,
    url: &Url,
    pass: &Pass,
) -> reqwest::RequestBuilder {
    let request = request
        .header(ACCEPT, "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28");
    // Whatever led here: only the API itself is shown a token.
    let token = pass
        .token()
        .filter(|_| url.origin() == target.base.origin())
        .and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok());
    match token {
        Some(mut token) => {
            token.set_sensitive(true);
            request.header(AUTHORIZATION, token)
        }
        None => request,
    }
}

fn read<T: DeserializeOwned>(target: &Target<'_>, body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        Trouble::Other(format!(
            "{}'s API answered with something unexpected: {}",
            target.host,
            tidy(&error.to_string())
        ))
    })
}

async fn limited(response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(bytes) = stream.next().await {
        body.extend_from_slice(&bytes?);
        if body.len() > MAX_BODY {
            // Cut short it is no JSON, which is said.
            break;
        }
    }
    Ok(body)
}

fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    serde_json::from_slice::<Message>(body)
        .map(|body| tidy(&body.message))
        .unwrap_or_default()
}
