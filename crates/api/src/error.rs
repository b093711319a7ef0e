//! The error that reaches a person or a script: what happened, to what, why, and what to do.
//!
//! Owns the stable codes (docs/ERRORS.md is the list with their meaning). A code exists only where somebody
//! branches on it. Messages here are safe to show: no secret, no stack of causes.

use serde::{Deserialize, Serialize};

use crate::token::without_tokens;

/// What a failed request says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// The stable code that a script may branch on.
    pub code: Code,
    /// One sentence: the operation, its subject, and why it failed.
    pub message: String,
    /// What the reader can do now; empty when nothing better than the message is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// Whether the same request may succeed later without anything being changed.
    pub retryable: bool,
}

/// The codes, in kebab case on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// What was asked for names nothing in any repository that could be read.
    UnknownAsk,
    /// What was asked for names several things; the message lists them.
    AmbiguousAsk,
    /// The words after the command make no sense.
    Usage,
    /// There is no kubeconfig where one was looked for.
    NoKubeconfig,
    /// The kubeconfig, the team file or another file of the person's cannot be read as what it should be.
    BadFile,
    /// A named context, app or environment does not exist; the message lists those that do.
    UnknownName,
    /// A system did not answer.
    Unreachable,
    /// A system answered that this person may not.
    Denied,
    /// Nobody is signed in, or the sign-in came to nothing.
    SignedOut,
    /// The object that was asked for does not exist (any more).
    NotFound,
    /// Landfall itself is wrong; a report helps.
    Internal,
}

impl Error {
    /// An error with no hint that does not go away by itself. Its message may quote a server, which may repeat a token.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: without_tokens(&message.into()),
            hint: String::new(),
            retryable: false,
        }
    }

    /// Says what the reader can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Marks the error as one that may go away by itself.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() {
            Ok(())
        } else {
            write!(f, "\n{}", self.hint)
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_quotes_a_server_repeated_the_token_it_was_sent() {
        let said = Error::new(Code::Denied, "pods: forbidden: tok Bearer SECRETK8STOKEN");
        assert_eq!(said.message, "pods: forbidden: tok Bearer (hidden)");
    }
}
