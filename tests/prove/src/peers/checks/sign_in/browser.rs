//! As much of a browser as a login needs: redirects, cookies and two forms.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::peers::checks::{Checked, Wrong, form, text};

/// More redirects than any login has.
const REDIRECTS: usize = 10;

/// A page that was come to.
pub(super) struct Page {
    /// Where it is.
    pub url: Url,
    /// Its status; 0 if it is the app's, which is not asked.
    pub status: u16,
    /// Its text.
    pub body: String,
}

pub(super) struct Browser<'p> {
    http: &'p Client,
    cookies: BTreeMap<String, String>,
}

impl<'p> Browser<'p> {
    pub(super) fn new(http: &'p Client) -> Self {
        Self {
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// Follows redirects until there is a page, or until one leads to another server.
    pub(super) async fn follow(&mut self, url: Url) -> Checked<Page> {
        let request = self.http.get(url.clone());
        self.send(url, request).await
    }

    async fn post(&mut self, url: Url, fields: &[(&str, &str)]) -> Checked<Page> {
        let request = form(self.http, url.as_str(), fields);
        self.send(url, request).await
    }

    async fn send(&mut self, mut url: Url, mut request: RequestBuilder) -> Checked<Page> {
        for _ in 0..REDIRECTS {
            let cookies = self.cookies.iter();
            let cookies: Vec<String> = cookies
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let answer = request.header(COOKIE, cookies.join("; ")).send().await?;
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let cookie = cookie.to_str().unwrap_or_default();
                let pair = cookie.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let Some(to) = answer.headers().get(LOCATION) else {
                return Ok(Page {
                    url,
                    status: answer.status().as_u16(),
                    body: answer.text().await?,
                });
            };
            let next = parsed(url.join(to.to_str().unwrap_or_default()))?;
            if next.origin() != url.origin() {
                let (status, body) = (0, String::new());
                return Ok(Page {
                    url: next,
                    status,
                    body,
                });
            }
            request = self.http.get(next.clone());
            url = next;
        }
        Err(Wrong::Not {
            what: "there is no end of redirects".to_owned(),
            said: url.to_string(),
        })
    }

    /// Does with a device's code what a person does: opens the page, and answers its question.
    pub(super) async fn confirm_device(
        &mut self,
        codes: &Value,
        answer: (&str, &str),
    ) -> Checked<Page> {
        let code = text("the user code", &codes["user_code"])?;
        let page = text("the page", &codes["verification_uri_complete"])?;
        let asked = self.follow(parsed(Url::parse(page))?).await?;
        let url = parsed(Url::parse(text("the page", &codes["verification_uri"])?))?;
        let fields = [("xsrf", hidden(&asked.body)), ("user_code", code)];
        let asked = self.post(url.clone(), &fields).await?;
        let fields = [("xsrf", hidden(&asked.body)), ("user_code", code), answer];
        self.post(url, &fields).await
    }
}

/// The form's own secret.
fn hidden(page: &str) -> &str {
    let value = page
        .split_once("name=\"xsrf\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value).unwrap_or_default()
}

/// A URL with a query.
pub(super) fn with(url: &str, fields: &[(&str, &str)]) -> Checked<Url> {
    parsed(Url::parse_with_params(url, fields))
}

fn parsed(url: Result<Url, url::ParseError>) -> Checked<Url> {
    url.map_err(|error| Wrong::Not {
        what: "an address is none".to_owned(),
        said: error.to_string(),
    })
}
