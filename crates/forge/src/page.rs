//! One small page read whole, such as a team file: https, no larger than it should be, and from the host that was named.
//!
//! Owns its limits. Nothing is kept of it here.

use url::Url;

use crate::error::{Http, http};
use crate::web::{Web, is_own};

/// The most that a page may weigh.
const MOST: usize = 1 << 20;

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It would be read over a line that anyone may write on.
    #[error("{0} is not https")]
    NotTls(Url),
    /// Nobody answered.
    #[error("{url} was not answered: {reason}")]
    NoAnswer {
        /// What was asked for.
        url: Url,
        /// Why not.
        reason: String,
    },
    /// The answer is no page.
    #[error("{url} answers {status}")]
    Refused {
        /// What was asked for.
        url: Url,
        /// The status.
        status: u16,
    },
    /// It is no text, or too much.
    #[error("{0} is no text of at most {MOST} bytes")]
    Form(Url),
}

impl PageError {
    /// Whether the server says that there is no such page.
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 404 | 410,
                ..
            }
        )
    }
}

/// Reads a page of text.
///
/// # Errors
/// It is not https (but on this machine), nobody answers, or what comes is no text of a sensible size.
pub async fn page(url: &Url) -> Result<String, PageError> {
    if url.scheme() != "https" && !is_own(url) {
        return Err(PageError::NotTls(url.clone()));
    }
    let no_answer = |error: &reqwest::Error| match http(error) {
        Http::Status(status) => PageError::Refused {
            url: url.clone(),
            status,
        },
        Http::NoAnswer(reason) | Http::Else(reason) => PageError::NoAnswer {
            url: url.clone(),
            reason,
        },
    };
    let web = Web::new().map_err(|error| no_answer(&error))?;
    let answer = web.client(url).get(url.clone()).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(|error| no_answer(&error))?;
    if answer.url().scheme() != url.scheme() {
        return Err(PageError::NotTls(answer.url().clone()));
    }
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len() + part.len() > MOST {
            return Err(PageError::Form(url.clone()));
        }
        body.extend_from_slice(&part);
    }
    String::from_utf8(body).map_err(|_| PageError::Form(url.clone()))
}
