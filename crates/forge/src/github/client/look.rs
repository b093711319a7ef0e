//! A look at a code host itself: whether it answers, and whether it takes what we are signed in with.
//!
//! Owns what is asked for that: one small thing that every host has.

use serde_json::{Map, Value};
use url::Url;

use super::{Client, Refusal, Target, limited, message};
use crate::config::shown;
use crate::error::Trouble;
use crate::looks::PATIENCE;
use crate::tokens::Pass;

impl Client {
    /// Looks at a code host.
    ///
    /// # Errors
    /// It does not answer, or not as a code host, or refuses.
    pub(in crate::github) async fn look(&self, host: &str) -> Result<(), Trouble> {
        if let Some(api) = self.config.api_url(host) {
            return self.look_at_api(host, api).await;
        }
        let known = self.config.code_host(host);
        let known = known.and_then(|known| known.address.clone());
        match known.or_else(|| Url::parse(&format!("https://{host}")).ok()) {
            Some(address) => self.look_at_address(host, address).await,
            None => Err(Trouble::Other(format!("{host} has no usable address"))),
        }
    }

    async fn look_at_api(&self, host: &str, api: Url) -> Result<(), Trouble> {
        self.not_limited(host)?;
        let target = Target {
            host,
            path: "anything",
            base: api,
        };
        let sent = async |pass: &Pass| {
            // Without a token only the limit is asked for, which does not count towards it: nobody has many requests.
            let what = pass.token().map_or("rate_limit", |_| "user");
            let request = self.request(&target, &target.at(&[what]), pass);
            let answer = request.timeout(PATIENCE).send().await;
            answer.map_err(|error| target.no_answer(&error))
        };
        let mut pass = self.config.pass(host, &target.base).await;
        let mut response = sent(&pass).await?;
        if response.status().as_u16() == 401
            && let Some(next) = self.config.next_pass(host, &target.base, &pass).await
        {
            pass = next;
            response = sent(&pass).await?;
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = limited(response).await;
        let body = body.map_err(|error| target.no_answer(&error))?;
        let no_api = |what: &str| {
            let api = shown(&target.base);
            Trouble::Other(format!("{host} has no GitHub API at {api}: {what}"))
        };
        match status {
            200..300 => match serde_json::from_slice::<Map<String, Value>>(&body) {
                Ok(_) => Ok(()),
                Err(_) => Err(no_api("what answers there is something else")),
            },
            // A GitHub Enterprise Server that counts no requests says so with this status.
            404 if message(&body).contains("Rate limiting is not enabled") => Ok(()),
            404 => Err(no_api("it answers with status 404")),
            _ => match self.refused(&target, &pass, status, &headers, &body) {
                Refusal::Trouble(trouble) => Err(trouble),
                Refusal::Missing => Err(no_api(&format!("it answers with status {status}"))),
            },
        }
    }

    /// Nothing is known of a host without GitHub's API but that its Git is here: whatever it answers, it answers.
    async fn look_at_address(&self, host: &str, address: Url) -> Result<(), Trouble> {
        let target = Target {
            host,
            path: "anything",
            base: address.clone(),
        };
        let request = self.web.client(&address).get(address).timeout(PATIENCE);
        let answer = request.send().await;
        let status = answer.map_err(|error| target.no_answer(&error))?.status();
        match status.is_server_error() {
            false => Ok(()),
            true => Err(Trouble::Unreachable {
                host: host.to_owned(),
                reason: format!("it answers with status {}", status.as_u16()),
            }),
        }
    }
}
