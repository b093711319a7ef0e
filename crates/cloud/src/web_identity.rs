//! Who the person is, as AWS is told: the token that their sign-in gave, and the name of their sessions.
//!
//! Owns the seam to whoever signs people in, and the rules for a session's name. Knows no provider.

use async_trait::async_trait;
use secrecy::SecretString;

/// The longest name of a session that STS accepts.
const LONGEST: usize = 64;
/// The shortest.
const SHORTEST: usize = 2;
/// What a session is called whose person has no name.
const NAMELESS: &str = "landfall";

/// Whoever signed the person in.
#[async_trait]
pub trait WebIdentity: Send + Sync {
    /// The person's token, as fresh as there is one. It is asked for often and must cost nothing while it is valid; it
    /// never opens a browser.
    ///
    /// # Errors
    /// Nobody is signed in, or the provider does not answer.
    async fn token(&self) -> Result<Identity, NoIdentity>;
}

/// The person's token, and who they are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The ID token that the role trusts.
    pub token: SecretString,
    /// The person's e-mail: their sessions are named after it, and so are they in CloudTrail.
    pub session: String,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoIdentity {
    /// What is so.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// Whether it may be had later without anybody doing something: the provider did not answer.
    pub may_pass: bool,
}

/// A name that STS accepts (`[\w+=,.@-]{2,64}`), as near to the person's as can be.
pub(crate) fn session_name(person: &str) -> String {
    let mut name: String = person
        .trim()
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .take(LONGEST)
        .collect();
    if name.is_empty() {
        name.push_str(NAMELESS);
    }
    while name.len() < SHORTEST {
        name.push('-');
    }
    name
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_session_name_as_it_is() {
        let address = "ada.lovelace+ops@shop-eu.example";
        assert_eq!(session_name(address), address);
    }

    #[test]
    fn what_sts_does_not_accept_in_a_name_is_a_hyphen() {
        assert_eq!(
            session_name("jörg o'neil@x.example"),
            "j-rg-o-neil@x.example"
        );
        assert_eq!(session_name("a/b:c\n"), "a-b-c");
    }

    #[test]
    fn a_name_is_never_too_long_or_too_short() {
        assert_eq!(session_name(&"ü".repeat(300)), "-".repeat(64));
        assert_eq!(session_name("x"), "x-");
        assert_eq!(session_name("  "), "landfall");
    }

    #[test]
    fn an_identity_is_printed_without_its_token() {
        let identity = Identity {
            token: "eyJhbGciOi".into(),
            session: "ada@x.example".to_owned(),
        };
        let printed = format!("{identity:?}");
        assert!(!printed.contains("eyJ"), "{printed}");
    }
}
