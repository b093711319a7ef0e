//! Why there are no credentials or no token, in AWS' own words, with what to do about it; never with a secret.

use crate::failure::Why;
use crate::web_identity::NoIdentity;

/// Why there are no credentials, or no token of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoCredentials {
    /// What kind of failure it is.
    pub why: Why,
    /// What was done, of what, and AWS' own words.
    pub reason: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// Whether it may be had later without anybody doing something.
    pub may_pass: bool,
}

impl NoCredentials {
    /// Nothing came of it for a reason of our own.
    pub(crate) fn interrupted(reason: &str) -> Self {
        Self {
            why: Why::Unreachable,
            reason: reason.to_owned(),
            hint: String::new(),
            may_pass: true,
        }
    }

    /// The one among the causes of an error, however deep the SDK laid it.
    pub(crate) fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }
}

impl From<NoIdentity> for NoCredentials {
    fn from(none: NoIdentity) -> Self {
        Self {
            why: match none.may_pass {
                true => Why::NoToken,
                false => Why::SignedOut,
            },
            reason: none.reason,
            hint: none.hint,
            may_pass: none.may_pass,
        }
    }
}
