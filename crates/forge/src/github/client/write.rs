//! One request that changes something: sent once, never again, and never without a token.
//!
//! Owns how far such a request came. What a refusal means for whoever asked is decided elsewhere.

use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use url::Url;

use api::connection::SystemKind;

use super::{Client, Target, clock_time, dressed, limit, limited, read};
use crate::error::{Trouble, tidy};
use crate::git::locked;
use crate::tokens::Pass;

/// How far a request came.
pub(in crate::github) enum Reply {
    /// The host did it, and said so.
    Done(Value),
    /// The host says no; nothing changed.
    Refused { status: u16, words: String },
    /// The host never got it.
    NotSent(String),
    /// The host may have done it: no answer came, or none that says.
    Unknown(String),
}

/// Why nothing is sent: there is no token to write with. In a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::github) struct NoPass(String);

impl Client {
    /// Whether there is a token to write with.
    ///
    /// # Errors
    /// There is none.
    pub(in crate::github) async fn may_write(&self, target: &Target<'_>) -> Result<(), NoPass> {
        self.pass_to_write(target, &target.base).await.map(drop)
    }

    async fn pass_to_write(&self, target: &Target<'_>, url: &Url) -> Result<Pass, NoPass> {
        match self.config.pass(target.host, url).await {
            Pass::Token(token) => Ok(Pass::Token(token)),
            Pass::Nobody => Err(NoPass(format!(
                "nobody is signed in at {}: sign in there first",
                target.host
            ))),
            Pass::Lacking(reason) => Err(NoPass(reason)),
        }
    }

    /// Sends it, once.
    pub(in crate::github) async fn send(
        &self,
        target: &Target<'_>,
        method: Method,
        url: Url,
        body: &Value,
    ) -> Reply {
        if let Err(trouble) = self.not_limited(target.host) {
            return Reply::NotSent(trouble.to_string());
        }
        let pass = match self.pass_to_write(target, &url).await {
            Ok(pass) => pass,
            Err(why) => return Reply::NotSent(why.to_string()),
        };
        let request = self.web.writing(&url).request(method, url.clone());
        let request = dressed(request, target, &url, &pass).json(body);
        let (sent, trouble) = match request.send().await {
            Ok(response) => self.answered(target, &pass, response).await,
            Err(error) => {
                let trouble = target.no_answer(&error);
                let why = trouble.to_string();
                let sent = match error.is_connect() || error.is_builder() {
                    true => Reply::NotSent(why),
                    false => Reply::Unknown(why),
                };
                (sent, Some(trouble))
            }
        };
        let (now, subject) = (self.clock.now(), format!("{} over its API", target.path));
        let kind = SystemKind::CodeHost;
        match trouble {
            None => self.ledger.answered(kind, target.host, &subject, now),
            Some(trouble) => {
                self.ledger
                    .failed(kind, target.host, &subject, &trouble, now);
            }
        }
        sent
    }

    /// What an answer says, and what is wrong with the host, if anything is.
    async fn answered(
        &self,
        target: &Target<'_>,
        pass: &Pass,
        response: reqwest::Response,
    ) -> (Reply, Option<Trouble>) {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let unknown = |trouble: Trouble| (Reply::Unknown(trouble.to_string()), Some(trouble));
        let body = match limited(response).await {
            Ok(body) => body,
            // A refusal is one by its status; of what was done the answer has to say what it is.
            Err(_) if (300..500).contains(&status) => Vec::new(),
            Err(error) => return unknown(target.no_answer(&error)),
        };
        match status {
            200..300 => match read(target, &body) {
                Ok(body) => (Reply::Done(body), None),
                Err(trouble) => unknown(trouble),
            },
            300..500 => (
                self.refusal(target, pass, status, &headers, &body).await,
                None,
            ),
            _ => unknown(Trouble::Unreachable {
                host: target.host.to_owned(),
                reason: format!("its API answers with status {status}"),
            }),
        }
    }

    async fn refusal(
        &self,
        target: &Target<'_>,
        pass: &Pass,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Reply {
        let mut words = words(body);
        if let Some(token) = pass.token() {
            words = words.replace(token.expose_secret(), "(hidden)");
        }
        if let Some(until) = limit(status, headers, &words, self.clock.now()) {
            locked(&self.limited).insert(target.host.to_owned(), until);
            words = format!(
                "it takes no more requests until {}: its rate limit is used up",
                clock_time(until)
            );
        } else if status == 401
            && let (Some(token), Some(tokens)) = (pass.token(), self.config.tokens(target.host))
        {
            // Whoever has the token finds out what that means.
            tokens.refused(token).await;
        }
        Reply::Refused { status, words }
    }
}

/// What a refusal says, with the errors that it lists.
fn words(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let listed = body["errors"].as_array().into_iter().flatten();
    let listed = listed.filter_map(|error| {
        let text = |key: &str| error[key].as_str();
        let field = || Some(format!("{} is {}", text("field")?, text("code")?));
        error
            .as_str()
            .or_else(|| text("message"))
            .map(ToOwned::to_owned)
            .or_else(field)
    });
    let all: Vec<String> = body["message"]
        .as_str()
        .map(ToOwned::to_owned)
        .into_iter()
        .chain(listed)
        .map(|words| tidy(&words))
        .collect();
    all.join(": ")
}
