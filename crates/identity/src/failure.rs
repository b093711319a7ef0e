//! Why a sign-in, or what follows from one, does not work.
//!
//! Owns the words. No token, code or secret is ever in them: what a provider says is taken by its code and its description,
//! both short and without control characters.

use crate::keeper::NotKept;

/// The most of a provider's words that is shown, in characters.
const MOST: usize = 200;

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer, or none that can be understood: the same may work later.
    #[error("{host} did not answer: {why}")]
    Unreachable {
        /// The provider's host.
        host: String,
        /// In words.
        why: String,
    },
    /// Something else than what should be there: another server's address, or a proxy in its place.
    #[error("{host} answers {said}")]
    Answers {
        /// The provider's host.
        host: String,
        /// In words.
        said: String,
    },
    /// The provider says no, for good: only a new sign-in helps.
    #[error("{host} refuses: {said}")]
    Refused {
        /// The provider's host.
        host: String,
        /// Its code and its description.
        said: String,
    },
    /// The person said no, or did nothing for too long.
    #[error("nobody signed in: {0}")]
    NotDone(String),
    /// What was received does not prove what it should.
    #[error("the sign-in was not accepted: {0}")]
    Unproven(Unproven),
    /// None of the ports that the provider may send the browser back to is free.
    #[error("none of the ports {} is free, and the provider sends the browser back to no other", listed(.0))]
    NoPort(Vec<u16>),
    /// The browser could not be opened.
    #[error("the browser could not be opened: {0}")]
    NoBrowser(String),
    /// The provider has no such way to sign in.
    #[error("{host} offers no {what}")]
    NotOffered {
        /// The provider's host.
        host: String,
        /// The way.
        what: &'static str,
    },
    /// What it gave to sign in with a code is not to be shown to anybody.
    #[error("{host} gave nothing to sign in with: {why}")]
    NoInvitation {
        /// The host that was asked.
        host: String,
        /// In words.
        why: &'static str,
    },
    /// Its certificate is of an authority that this machine does not know. No sign-in ends by it: a proxy may be in between.
    #[error("the certificate of {host} is of an authority that is not trusted on this machine")]
    Untrusted {
        /// The host.
        host: String,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The tokens' time is over, and the provider gave nothing to get others with.
    #[error("the sign-in has ended, and {host} gave nothing to go on with it")]
    Ended {
        /// The provider's host, or what stands for it.
        host: String,
    },
    /// Somebody else is, or was, signed in here.
    #[error("{is} signed in, and what is open is {was}'s")]
    AnotherPerson {
        /// Whose session it is.
        was: String,
        /// Who came.
        is: String,
    },
    /// What is kept cannot be read now: somebody may be signed in.
    #[error("what is kept of the sign-in cannot be read: {0}")]
    Unread(NotKept),
    /// What is kept could not be deleted: the sign-in may go on from it.
    #[error("what is kept of the sign-in could not be deleted: {0}")]
    StillKept(NotKept),
    /// Another process holds the session's file for too long.
    #[error("another Landfall on this machine is using the sign-in and does not let go of it")]
    InUse,
}

/// What does not hold of something that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is another provider's.
    #[error("it is of another issuer")]
    Issuer,
    /// It is made for another application.
    #[error("it is made for another application")]
    Audience,
    /// It is signed by nobody that the provider names, or not at all.
    #[error("its signature is not the provider's")]
    Signature,
    /// It is signed in a way that is not accepted.
    #[error("it is signed in a way that is not accepted")]
    Algorithm,
    /// It answers another sign-in.
    #[error("it answers another sign-in than this one")]
    Nonce,
    /// Its time is over, or has not come.
    #[error("its time is over")]
    Time,
    /// The access token beside it is another's.
    #[error("the access token that came with it is another's")]
    AccessToken,
    /// It is another person's.
    #[error("it is another person's")]
    Person,
    /// There is none.
    #[error("the provider sent no ID token")]
    Missing,
    /// It cannot be read.
    #[error("it cannot be read")]
    Form,
}

impl Failure {
    /// Whether the same may work later without anybody doing anything.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Answers { .. }
                | Self::Untrusted { .. }
                | Self::Unread(_)
                | Self::InUse
        )
    }
}

fn listed(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(", ")
}

/// A provider's words, fit to be shown.
pub fn shown(words: &str) -> String {
    let plain: String = words
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .take(MOST)
        .collect();
    plain.trim().to_owned()
}
