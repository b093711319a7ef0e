//! Plain HTTP to the server: a request is built, sent, and its answer taken apart.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::broken::{Broken, Checked, field, short};
use crate::stream::Stream;
use crate::target::{Target, TargetError};

pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// The server, as somebody.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: reqwest::Client,
    url: String,
    token: String,
    /// Whom the requests are made for, if not for whom the token names.
    user: Option<String>,
}

/// A request being built.
#[derive(Debug)]
pub(crate) struct Call {
    request: reqwest::RequestBuilder,
    asked: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) asked: String,
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as JSON; null if it is none.
    pub(crate) body: Value,
}

impl Api {
    pub(crate) fn new(target: &Target) -> Result<Self, TargetError> {
        Ok(Self {
            client: target.client()?,
            url: target.url.trim_end_matches('/').to_owned(),
            token: target.token.clone(),
            user: None,
        })
    }

    /// The same server, for another user.
    pub(crate) fn impersonating(&self, user: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            ..self.clone()
        }
    }

    /// The same server, with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            user: None,
            ..self.clone()
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let asked = format!("{method} {path}");
        let request = self.client.request(method, format!("{}{path}", self.url));
        let mut request = request.bearer_auth(&self.token);
        if let Some(user) = &self.user {
            request = request.header("Impersonate-User", user);
        }
        Call { request, asked }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, media: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path)
            .body(media, &body.to_string())
    }

    /// Server-side apply by a manager.
    pub(crate) fn apply(&self, path: &str, manager: &str, body: &Value) -> Call {
        self.patch(path, APPLY_PATCH, body)
            .query("fieldManager", manager)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

impl Call {
    pub(crate) fn query(mut self, key: &str, value: &str) -> Self {
        self.asked.push_str(&format!(" {key}={value}"));
        self.request = self.request.query(&[(key, value)]);
        self
    }

    pub(crate) fn accept(mut self, media: &str) -> Self {
        self.request = self.request.header(ACCEPT, media);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    pub(crate) fn body(mut self, media: &str, text: &str) -> Self {
        self.request = self
            .request
            .header(CONTENT_TYPE, media)
            .body(text.to_owned());
        self
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Result<Answer, Broken> {
        let asked = self.asked;
        let no_answer = |source| Broken::NoAnswer {
            asked: asked.clone(),
            source,
        };
        let answer = self.request.send().await.map_err(no_answer)?;
        let code = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await.map_err(no_answer)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer {
            asked,
            code,
            headers,
            text,
            body,
        })
    }

    /// Sends it and expects this code; the body.
    pub(crate) async fn gives(self, code: u16) -> Result<Value, Broken> {
        Ok(self.send().await?.coded(code)?.body)
    }

    /// Sends it and expects a refusal; the Status.
    pub(crate) async fn refused(self, code: u16, reason: &str) -> Result<Value, Broken> {
        self.send().await?.refusal(code, reason)
    }

    /// Sends it as a watch and expects events.
    pub(crate) async fn watch(self) -> Result<Stream, Broken> {
        let call = self.query("watch", "true");
        let asked = call.asked.clone();
        let no_answer = |source| Broken::NoAnswer {
            asked: asked.clone(),
            source,
        };
        let answer = call.request.send().await.map_err(no_answer)?;
        let code = answer.status().as_u16();
        if code != 200 {
            let text = answer.text().await.map_err(no_answer)?;
            return Err(Broken::Otherwise {
                what: asked,
                found: format!("{code} {}", short(&text)),
                wanted: "200".to_owned(),
            });
        }
        Ok(Stream::new(asked, answer))
    }
}

impl Answer {
    /// The answer, if it has this code.
    pub(crate) fn coded(self, code: u16) -> Result<Self, Broken> {
        if self.code == code {
            return Ok(self);
        }
        Err(Broken::Otherwise {
            what: self.asked,
            found: format!("{} {}", self.code, short(&self.text)),
            wanted: code.to_string(),
        })
    }

    /// The Status, if the answer is a refusal with this code and reason in the form that every refusal has.
    pub(crate) fn refusal(self, code: u16, reason: &str) -> Result<Value, Broken> {
        let answer = self.coded(code)?;
        let about = |broken: Broken| Broken::NotSo(format!("{}: {broken}", answer.asked));
        let shape: Checked = [
            ("/kind", json!("Status")),
            ("/apiVersion", json!("v1")),
            ("/metadata", json!({})),
            ("/status", json!("Failure")),
            ("/reason", json!(reason)),
            ("/code", json!(code)),
        ]
        .into_iter()
        .try_for_each(|(pointer, wanted)| match pointer {
            // A list that cannot be continued carries a token there.
            "/metadata" if code == 410 => Ok(()),
            _ => field(&answer.body, pointer, wanted),
        });
        shape.map_err(about)?;
        crate::broken::filled(&answer.body, "/message").map_err(about)?;
        Ok(answer.body)
    }

    /// A header's text; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}
