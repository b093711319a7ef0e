//! Why a request did not give what was asked for, told apart as far as an answer depends on it.

use std::error::Error;

use api::headline::plain;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use facts::Coverage;

use crate::no_credentials::NoCredentials;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The account says that we may not.
    Denied,
    /// There are no credentials, or they are not accepted.
    SignedOut,
    /// The account does not let the person take the role that reads it.
    NotAssumed,
    /// There is no token of the person's at the moment, and nobody need sign in for the next one: nothing was asked.
    NoToken,
    /// Too many requests, after the SDK's own waits.
    Throttled,
    /// No answer.
    Unreachable,
    /// What answers does not know the request, as stand-ins for AWS don't know all of them.
    NotServed,
    /// What was asked about does not exist.
    Missing,
    /// Any other answer.
    Other,
}

/// Why a request did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind it is.
    pub why: Why,
    /// AWS' own words, or the SDK's.
    pub message: String,
}

/// AWS' words are no longer than this where they are shown.
const LONGEST: usize = 1_000;

/// Codes by which AWS refuses.
const DENIED: [&str; 4] = [
    "AccessDeniedException",
    "AccessDenied",
    "UnauthorizedOperation",
    "AuthorizationError",
];
/// Codes by which AWS says that it does not know who asks, or not any more.
const SIGNED_OUT: [&str; 9] = [
    "UnauthorizedException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];
/// Codes of what a stand-in or a region does not have.
const NOT_SERVED: [&str; 4] = [
    "UnknownOperationException",
    "UnsupportedFeatureException",
    "NotImplemented",
    "InvalidAction",
];

impl Failure {
    /// What the SDK says of a request that failed.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        // Nothing was sent at all: why is known better than the SDK can say it.
        if let Some(none) = NoCredentials::within(error) {
            return Self {
                why: none.why,
                message: none.reason.clone(),
            };
        }
        match error {
            SdkError::ServiceError(answer) => {
                let (code, said) = (answer.err().code(), answer.err().message());
                let status = answer.raw().status().as_u16();
                answered(code.unwrap_or_default(), said, status)
            }
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                let why = unanswered(status);
                let message = format!("{} (HTTP {status})", DisplayErrorContext(error));
                Self { why, message }
            }
            SdkError::TimeoutError(_) => Self::no_answer("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Self::no_answer("no answer in time")
            }
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                Self::no_answer(&deepest(error))
            }
            _ => Self::silent_of(error),
        }
    }

    /// What a provider of credentials says.
    pub(crate) fn silent_of(error: &(dyn Error + 'static)) -> Self {
        silent(&DisplayErrorContext(error).to_string())
    }

    /// What was sent, or was to be, was not answered.
    fn no_answer(reason: &str) -> Self {
        Self {
            why: Why::Unreachable,
            message: format!("AWS does not answer: {reason}"),
        }
    }

    /// An answer that lacks what it is for.
    pub(crate) fn unsaid(what: &str) -> Self {
        Self {
            why: Why::Other,
            message: format!("AWS answered without {what}"),
        }
    }

    /// Whether nothing else will be answered either: the round ends, and what was read before stays.
    pub(crate) fn ends_round(&self) -> bool {
        matches!(
            self.why,
            Why::SignedOut | Why::NotAssumed | Why::NoToken | Why::Throttled | Why::Unreachable
        )
    }

    /// Whether it is told of who asks, and not of what is asked about.
    pub(crate) fn is_of_everything(&self) -> bool {
        matches!(self.why, Why::SignedOut | Why::NotAssumed | Why::NoToken)
    }

    /// The same, said of the account: who refuses has answered, and who was never asked is not silent.
    pub(crate) fn of_account(&self) -> String {
        match self.why {
            Why::NotAssumed => format!("it refuses us: {}", self.message),
            Why::NoToken => format!("it was not asked: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// How well a kind is known that could not be read for this reason.
    pub(crate) fn coverage(&self, as_of: jiff::Timestamp) -> Coverage {
        let message = self.of_account();
        match self.why {
            Why::Denied | Why::NotAssumed => Coverage::Denied { message },
            Why::NotServed => Coverage::NotServed { as_of },
            Why::Unreachable | Why::NoToken => Coverage::Unreachable { message },
            Why::SignedOut | Why::Throttled | Why::Missing | Why::Other => {
                Coverage::Failed { message }
            }
        }
    }
}

fn answered(code: &str, said: Option<&str>, status: u16) -> Failure {
    let why = if DENIED.contains(&code) {
        Why::Denied
    } else if SIGNED_OUT.contains(&code) {
        Why::SignedOut
    } else if code.contains("Throttl") || code.contains("TooManyRequests") || status == 429 {
        Why::Throttled
    } else if NOT_SERVED.contains(&code) {
        Why::NotServed
    } else if code.contains("NotFound") {
        Why::Missing
    } else {
        unanswered(status)
    };
    let message = match said.filter(|said| !said.is_empty()) {
        // It may quote what it was sent.
        Some(said) => plain(said, LONGEST),
        None if code.is_empty() => format!("AWS answered HTTP {status}"),
        None => format!("AWS answered {code}"),
    };
    Failure { why, message }
}

/// What a status says by itself.
fn unanswered(status: u16) -> Why {
    match status {
        401 => Why::SignedOut,
        403 => Why::Denied,
        501 => Why::NotServed,
        502..=504 => Why::Unreachable,
        _ => Why::Other,
    }
}

/// No answer came. The SDK has no kind for credentials that cannot be had: it is in its words.
fn silent(words: &str) -> Failure {
    let signed_out = words.contains("credential") || words.contains("SSO");
    Failure {
        why: if signed_out {
            Why::SignedOut
        } else {
            Why::Unreachable
        },
        message: brief(words),
    }
}

/// The innermost cause, which alone says something to a person: around it stand the SDK's own layers.
fn deepest(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    let words = error.to_string();
    let words = words.split(" (os error ").next().unwrap_or(&words);
    match words {
        "Connection refused" => "connection refused".to_owned(),
        "Connection reset by peer" => "connection reset".to_owned(),
        words => words.trim().to_owned(),
    }
}

/// The SDK's chain of causes without what is only for its makers, which stands in brackets at its end.
fn brief(words: &str) -> String {
    let words = words.split(" (").next().unwrap_or(words);
    plain(words, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_code_then_by_status() {
        let why = |code, status| answered(code, None, status).why;
        assert_eq!(why("AccessDeniedException", 400), Why::Denied);
        assert_eq!(why("ExpiredTokenException", 400), Why::SignedOut);
        assert_eq!(why("ThrottlingException", 400), Why::Throttled);
        assert_eq!(why("ClusterNotFoundException", 400), Why::Missing);
        assert_eq!(why("", 501), Why::NotServed);
        assert_eq!(why("ServerException", 503), Why::Unreachable);
        assert_eq!(why("InvalidParameterException", 400), Why::Other);
    }

    #[test]
    fn credentials_that_cannot_be_had_are_no_network_trouble() {
        let failure =
            silent("dispatch failure: other: an error occurred while loading credentials");
        assert_eq!(failure.why, Why::SignedOut);
        assert_eq!(silent("dispatch failure: io error").why, Why::Unreachable);
    }

    #[test]
    fn what_aws_repeats_of_a_token_was_shown() {
        let said = "the token Bearer SECRETK8STOKEN\u{1b}[31m is not accepted";
        let failure = answered("InvalidIdentityToken", Some(said), 400);
        assert_eq!(
            failure.message,
            "the token Bearer (hidden)[31m is not accepted"
        );
    }

    #[test]
    fn refusals_quote_aws() {
        let said = "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:ListServices";
        let failure = answered("AccessDeniedException", Some(said), 400);
        let coverage = failure.coverage(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            coverage,
            Coverage::Denied {
                message: said.to_owned()
            }
        );
    }
}
