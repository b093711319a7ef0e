//! What of a plugin's complaint may be shown: one line, without anything that looks like a credential.
//!
//! Owns the guess what looks like one beside the tokens that [`plain`] knows. It guesses too much rather than too little: a hidden request id costs a look into
//! a terminal, a shown token costs the cluster.

use api::headline::plain;
use api::token::HIDDEN;

/// The longest that a complaint may be.
const LONGEST: usize = 300;

/// From how many characters on letters and digits in one are taken for a key.
const KEY_LENGTH: usize = 24;

/// From how many characters on capital and small letters in one are taken for a key, digits or none.
const LONG_KEY_LENGTH: usize = 40;

/// How names of what is secret end.
const SECRET_NAMES: [&str; 8] = [
    "token",
    "password",
    "passwd",
    "secret",
    "key",
    "credential",
    "authorization",
    "assertion",
];

/// Whether a variable's or field's name says that its value is secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|end| name.ends_with(end))
}

/// The last line of what a plugin said on error. `known` are secrets that it was given or printed: they are hidden
/// whatever they look like.
pub(super) fn last_line(stderr: &[u8], known: &[&str]) -> String {
    let said = String::from_utf8_lossy(stderr);
    // First harmless, then hidden, then cut: what is invisible must not part a token, nor the end of the line.
    let mut line = said
        .lines()
        .rev()
        .map(|line| plain(line, usize::MAX))
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    for secret in known {
        let secret = plain(secret, usize::MAX);
        // Shorter ones are words that stand everywhere.
        if secret.len() >= 6 {
            line = line.replace(&secret, HIDDEN);
        }
    }
    plain(&hide(&line), LONGEST)
}

/// The line with everything hidden that looks like a credential.
fn hide(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    let mut before = "";
    let mut between = "";
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_a_run(c)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        let next = tail.find(is_of_a_run).unwrap_or(tail.len());
        let (separator, tail) = tail.split_at(next);
        let is_hidden = run == "hidden" && between.ends_with('(');
        if !run.is_empty() && !is_hidden && (looks_secret(run) || is_assigned(before, between)) {
            shown.push_str(HIDDEN);
        } else {
            shown.push_str(run);
        }
        shown.push_str(separator);
        (before, between, rest) = (run, separator, tail);
    }
    shown
}

/// What tokens and keys consist of. Not `=`, which parts a name from its value.
fn is_of_a_run(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '.' | '~' | '%')
}

fn looks_secret(run: &str) -> bool {
    run.split('.').any(|part| {
        let has = |is: fn(char) -> bool| part.chars().any(is);
        let digits = has(|c| c.is_ascii_digit());
        let capital = has(|c| c.is_ascii_uppercase());
        let small = has(|c| c.is_ascii_lowercase());
        (part.len() >= KEY_LENGTH && digits && (capital || small))
            || (part.len() >= LONG_KEY_LENGTH && capital && small)
    })
}

/// Whether what comes is the value of something whose name says that it is secret: `token=x`, `"token": "x"`, `Bearer x`.
fn is_assigned(name: &str, between: &str) -> bool {
    let is_scheme = ["bearer", "basic"].contains(&name.to_ascii_lowercase().as_str());
    (is_scheme && between == " ")
        || (is_secret_name(name)
            && (between.contains('=') || (between.contains(':') && between.contains('"'))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> String {
        last_line(line.as_bytes(), &[])
    }

    #[test]
    fn complaints_are_repeated_as_they_are() {
        for line in [
            "The SSO session associated with this profile has expired or is otherwise invalid.",
            "Unable to locate credentials. You can configure credentials by running \"aws login\".",
            "error: get-token: authentication error: authcode-browser error: context deadline exceeded",
            "An error occurred (ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation",
            "invalid token: expired",
            "profile (production-readonly) could not be found in /home/jo/.aws/config",
        ] {
            assert_eq!(shown(line), line);
        }
        assert_eq!(
            shown("a stack trace\nlast\u{1b}[31m words\n\n"),
            "last[31m words"
        );
        assert_eq!(shown(""), "");
        // With the ellipsis, and a space before it.
        assert!(shown(&"word ".repeat(200)).chars().count() <= LONGEST + 2);
    }

    #[test]
    fn what_looks_like_a_credential_is_hidden() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqbyJ9.c2ln";
        for secret in [
            jwt,
            "k8s-aws-v1.aHR0cHM6Ly9zdHM",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "ya29.a0AfH6SMBx",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKlMnOpQr",
        ] {
            for line in [
                format!("error: {secret} was refused"),
                format!("token=\"{secret}\""),
                format!("{{\"status\":{{\"token\":\"{secret}\"}}}}"),
                format!("{}{secret}", "word ".repeat(58)),
            ] {
                let line = shown(&line);
                assert!(!line.contains(&secret[..12]), "{line}");
            }
        }
        assert_eq!(
            shown("password=hunter2 refused"),
            "password=(hidden) refused"
        );
        assert_eq!(shown("sent Bearer hunter2"), "sent Bearer (hidden)");
        assert_eq!(shown(r#"{"token": "hunter2"}"#), r#"{"token": "(hidden)"}"#);
        let hidden_before = format!(r#"{{"token": "{jwt}"}}"#);
        assert_eq!(shown(&hidden_before), r#"{"token": "(hidden)"}"#);
    }

    #[test]
    fn an_invisible_character_does_not_part_a_token() {
        let line = "eyJhbGciOi\u{200b}JSUzI1NiJ9\u{1b}.eyJzdWIiOiJqbyJ9 refused";
        assert_eq!(shown(line), "(hidden) refused");
    }

    #[test]
    fn what_it_was_given_is_hidden_whatever_it_looks_like() {
        assert_eq!(
            last_line(b"correct horse is wrong", &["correct horse", "is"]),
            "(hidden) is wrong"
        );
    }

    proptest! {
        #[test]
        fn no_key_is_shown(key in "[A-Za-z0-9+/]{15,100}[0-9][A-Za-z]{8}", before in "[a-z :]{0,20}") {
            let line = shown(&format!("{before} '{key}'"));
            prop_assert!(!line.contains(&key), "{line}");
        }

        #[test]
        fn any_text_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let line = last_line(&bytes, &[]);
            prop_assert!(line.chars().count() <= LONGEST + 2);
        }
    }
}
