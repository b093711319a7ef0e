//! What looks like a token, and a text without it.
//!
//! Owns the one table of how tokens begin. Servers repeat what they were sent, and whatever of theirs is shown, kept or printed
//! comes past here: [`crate::headline::plain`], every quotation, every error. It goes by shapes alone, and lets what it
//! cannot tell from a name, a SHA or a digest stand; whoever knows the very token that was sent takes it out before.

/// What stands in a token's place.
pub const HIDDEN: &str = "(hidden)";

/// How a kind of token is told by itself.
struct Shape {
    /// With what it begins.
    begins: &'static str,
    /// What the rest consists of.
    rest: fn(u8) -> bool,
    /// How many of these follow at least.
    least: usize,
}

const fn shape(begins: &'static str, rest: fn(u8) -> bool, least: usize) -> Shape {
    Shape {
        begins,
        rest,
        least,
    }
}

/// The kinds, each with its documented prefix.
const SHAPES: &[Shape] = &[
    // Signed tokens and keys in JSON: their first bytes are always these in base64.
    shape("eyJ", dotted, 10),
    // AWS: ids of keys and sessions; an EKS cluster's token.
    shape("AKIA", capital, 12),
    shape("ASIA", capital, 12),
    shape("ABIA", capital, 12),
    shape("ACCA", capital, 12),
    shape("k8s-aws-v1.", word, 10),
    // GitHub: a person's own, an OAuth app's, an app's for a person, a server's, a refresh token; fine-grained ones.
    shape("ghp_", word, 10),
    shape("gho_", word, 10),
    shape("ghu_", word, 10),
    shape("ghs_", word, 10),
    shape("ghr_", word, 10),
    shape("github_pat_", word, 10),
    // GitLab.
    shape("glpat-", dotted, 10),
    shape("gldt-", word, 10),
    shape("glrt-", word, 10),
    shape("glcbt-", word, 10),
    shape("glptt-", word, 10),
    shape("glft-", word, 10),
    shape("glsoat-", word, 10),
    // Slack.
    shape("xox", word, 12),
    shape("xapp-", word, 10),
    // Google: access tokens, and keys of its APIs.
    shape("ya29.", dotted, 10),
    shape("AIza", word, 10),
    // Docker, npm, HashiCorp's Vault.
    shape("dckr_", word, 14),
    shape("npm_", alphanumeric, 20),
    shape("hvs.", word, 10),
    shape("hvb.", word, 10),
    shape("hvr.", word, 10),
];

/// A header: the scheme says that a credential follows.
const SCHEMES: [&str; 3] = ["bearer", "basic", "negotiate"];

/// From how many characters on what follows a scheme is a credential, if a digit is among them.
const CREDENTIAL: usize = 8;
/// The same with a capital letter and no digit: shorter ones are words, as in "Basic Authentication".
const LONG_CREDENTIAL: usize = 16;

fn alphanumeric(c: u8) -> bool {
    c.is_ascii_alphanumeric()
}

fn capital(c: u8) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit()
}

fn word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')
}

fn dotted(c: u8) -> bool {
    word(c) || c == b'.'
}

/// What a credential behind a scheme consists of (RFC 7235, token68).
fn of_a_credential(c: u8) -> bool {
    dotted(c) || matches!(c, b'~' | b'+' | b'/' | b'=')
}

/// A text with [`HIDDEN`] in the place of whatever looks like a token.
pub fn without_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    // The character before.
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = token(rest) {
            shown.push_str(HIDDEN);
            rest = &rest[length..];
            before = None;
            continue;
        }
        if before.is_none_or(|before: char| !before.is_alphanumeric())
            && let Some((scheme, credential)) = header(rest)
        {
            shown.push_str(&rest[..scheme]);
            shown.push_str(HIDDEN);
            rest = &rest[scheme + credential..];
            before = None;
            continue;
        }
        shown.push(c);
        rest = &rest[c.len_utf8()..];
        before = Some(c);
    }
    shown
}

/// How long the token is that the text begins with, in bytes.
fn token(text: &str) -> Option<usize> {
    SHAPES.iter().find_map(|shape| {
        let rest = text.strip_prefix(shape.begins)?;
        let rest = run(rest, shape.rest);
        // Words of a name in small letters are none.
        let is_token = rest.len() >= shape.least && !is_small(rest);
        is_token.then(|| shape.begins.len() + rest.len())
    })
}

/// How long the scheme is that the text begins with, with the space behind it, and the credential behind that.
fn header(text: &str) -> Option<(usize, usize)> {
    SCHEMES.iter().find_map(|scheme| {
        let (said, rest) = text.split_at_checked(scheme.len())?;
        if !said.eq_ignore_ascii_case(scheme) {
            return None;
        }
        let credential = rest.trim_start();
        let space = rest.len() - credential.len();
        let credential = run(credential, of_a_credential);
        let has_digit = credential.bytes().any(|c| c.is_ascii_digit());
        let least = if has_digit {
            CREDENTIAL
        } else {
            LONG_CREDENTIAL
        };
        let is_one = space > 0 && credential.len() >= least && !is_small(credential);
        is_one.then(|| (scheme.len() + space, credential.len()))
    })
}

/// How far the text consists of these.
fn run(text: &str, of: fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|c| !of(c)).unwrap_or(text.len());
    &text[..end]
}

/// Neither digits nor capital letters.
fn is_small(text: &str) -> bool {
    !text
        .bytes()
        .any(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_out_of_whatever_stands_around_it() {
        // Made up, and put together here so that nobody's scanner takes this file for a leak.
        let join = |parts: &[&str]| parts.concat();
        for token in [
            join(&["eyJhbGciOiJSUzI1NiJ9", ".eyJzdWIiOiJqbyJ9", ".c2lnbmF0dXJl"]),
            join(&["AK", "IAIOSFODNN7EXAMPLE"]),
            join(&["k8s-", "aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0x"]),
            join(&["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"]),
            join(&["gh", "o_SECRETTOKEN"]),
            join(&["github", "_pat_11ABCDEFG0123456789_abcdefghij"]),
            join(&["gl", "pat-x1y2z3x1y2z3x1y2z3x1"]),
            join(&["xo", "xb-1234567890-abcdefghijkl"]),
            join(&["ya", "29.a0AfH6SMBx1y2z3"]),
            join(&["hv", "s.CAESIJ1234567890abc"]),
            join(&["np", "m_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dE3fG6"]),
        ] {
            for around in [
                "{}",
                "token {} is blocked",
                "(\"{}\")",
                "https://h.example/?access_token={}&x=1",
                "token%3D{}",
                "é{}é",
            ] {
                let said = without_tokens(&around.replace("{}", &token));
                assert_eq!(said, around.replace("{}", HIDDEN), "{token}");
            }
        }
    }

    #[test]
    fn what_follows_a_scheme_is_hidden_where_it_can_be_a_credential() {
        for (said, left) in [
            (
                "forbidden: tok Bearer SECRETK8STOKEN",
                "forbidden: tok Bearer (hidden)",
            ),
            (
                "Authorization: Basic am86aHVudGVyMg==",
                "Authorization: Basic (hidden)",
            ),
            (
                "\"bearer 5f4dcc3b5aa765d61d8327deb882cf99\"",
                "\"bearer (hidden)\"",
            ),
            ("BEARER aBcDeFgHiJkLmNoPqR, then", "BEARER (hidden), then"),
        ] {
            assert_eq!(without_tokens(said), left);
        }
    }

    #[test]
    fn words_names_shas_and_digests_stand() {
        for said in [
            "Bearer of bad news",
            "Basic Authentication is required",
            "Bearer authentication-of-the-frontend",
            "the token bearer is 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
            "forbearer 1234567890",
            "main@sha1:0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
            "sha256:0a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00010203040506070809",
            "npm_config_registry_of_the_frontend",
            "boroughs_by_population",
            "feature/SHOP-1234-Add-Login-Page-V2",
            "checkout-7d9c5b8f4d-x2x7k",
            "https://ABC0123456789DEF.gr7.eu-west-1.eks.amazonaws.com",
            "arn:aws:ecs:eu-west-1:123456789012:task/shop/0a0b0c0d0e0f00010203040506070809",
            "Grüße: bearer é",
            "",
        ] {
            assert_eq!(without_tokens(said), said);
        }
    }
}
