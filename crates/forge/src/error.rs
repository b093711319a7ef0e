//! Why something could not be read, in plain words, and which coverage that is.
//!
//! Owns the reduction of other libraries' error chains to one short reason: no address with credentials, no repeated
//! causes, no error numbers.

use std::error::Error as StdError;

use facts::Coverage;
use jiff::Timestamp;

/// Why there can be no forge at all.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The cache folder cannot be made.
    #[error("cannot make the folder {folder} for copies of repositories: {reason}")]
    Cache {
        /// The folder.
        folder: String,
        /// Why not.
        reason: String,
    },
    /// The HTTP client cannot be set up: no root certificates, for example.
    #[error("cannot set up HTTP: {reason}")]
    Http {
        /// Why not.
        reason: String,
    },
}

/// Why one read failed. Cloned freely: everyone who waited for the read gets it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// The host did not answer.
    #[error("{host} does not answer: {reason}")]
    Unreachable { host: String, reason: String },
    /// The host says that we may not.
    #[error("{host} does not let us read {subject}: {reason}")]
    Denied {
        host: String,
        subject: String,
        reason: String,
    },
    /// The host does not know what was asked for.
    #[error("{host} has no {subject}, or does not show it to us")]
    NotFound { host: String, subject: String },
    /// Too many requests; the time is when the host will answer again.
    #[error("{host} answers no more requests until {until}: its rate limit is used up")]
    RateLimited {
        host: String,
        until: String,
        /// The same by our clock.
        ends: Timestamp,
    },
    /// The first copy takes long.
    #[error("still copying {repository} for the first time")]
    StillCopying { repository: String },
    /// Anything else, whole.
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// The coverage that this leaves.
    pub(crate) fn coverage(&self) -> Coverage {
        let message = self.to_string();
        match self {
            Self::Unreachable { .. } => Coverage::Unreachable { message },
            Self::Denied { .. } => Coverage::Denied { message },
            Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::StillCopying { .. }
            | Self::Other(_) => Coverage::Failed { message },
        }
    }
}

/// What an HTTP client's error comes down to.
pub(crate) enum Http {
    /// An answer with this status.
    Status(u16),
    /// No answer, and why.
    NoAnswer(String),
    /// Something else, such as a body that is no JSON.
    Else(String),
}

/// Takes an HTTP client's error apart.
pub(crate) fn http(error: &reqwest::Error) -> Http {
    if let Some(status) = error.status() {
        return Http::Status(status.as_u16());
    }
    if error.is_timeout() {
        return Http::NoAnswer("no answer in time".to_owned());
    }
    let reason = deepest(error);
    if error.is_connect() || error.is_request() || error.is_body() {
        Http::NoAnswer(reason)
    } else {
        Http::Else(reason)
    }
}

/// The innermost cause: the only one that says something new.
pub(crate) fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    tidy(&error.to_string())
}

/// One line, without error numbers and no longer than a sentence should be.
pub(crate) fn tidy(text: &str) -> String {
    // A server may repeat what it was shown.
    let text = api::token::without_tokens(text);
    let text = match text.split_once(" (os error ") {
        Some((words, _)) => words,
        None => &*text,
    };
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 300 {
            line.push('…');
            break;
        }
    }
    match line.strip_prefix("failed to lookup address information: ") {
        Some(reason) => format!("its name cannot be resolved: {reason}"),
        None if line.starts_with("Connection refused") => "connection refused".to_owned(),
        None if line.starts_with("Connection reset") => "connection reset".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_repeats_the_token_it_was_sent_had_it_shown() {
        let said = tidy("token ghp_0123456789abcdefghijABCDEFGHIJ012345 is blocked");
        assert_eq!(said, "token (hidden) is blocked");
    }

    #[test]
    fn an_error_number_is_no_plain_word() {
        assert_eq!(
            tidy("Connection refused (os error 111)"),
            "connection refused"
        );
        assert_eq!(
            tidy("failed to lookup address information: Name or service not known"),
            "its name cannot be resolved: Name or service not known"
        );
        assert_eq!(tidy("a\n  b\u{1b}[31m"), "a b [31m");
    }

    #[test]
    fn each_trouble_leaves_its_own_coverage() {
        let host = || "code.example".to_owned();
        let unreachable = Trouble::Unreachable {
            host: host(),
            reason: "connection refused".to_owned(),
        };
        assert_eq!(
            unreachable.coverage(),
            Coverage::Unreachable {
                message: "code.example does not answer: connection refused".to_owned()
            }
        );
        let not_found = Trouble::NotFound {
            host: host(),
            subject: "repository shop/api".to_owned(),
        };
        assert!(matches!(not_found.coverage(), Coverage::Failed { .. }));
    }
}
