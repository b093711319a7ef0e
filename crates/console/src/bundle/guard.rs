//! The last look at a bundle: whatever looks like a secret is taken out of every text, people's names out of addresses, and
//! the folders that are theirs out of paths.
//!
//! Owns the shapes that only a bundle hides: those of tokens are `api::token`'s. It guesses, and guesses too much: a hidden
//! name costs a question, a shown token costs a cluster. It is a guard and not the reason why a bundle holds no secret.

use std::sync::LazyLock;

use api::headline::plain;
use api::token::HIDDEN;
use regex::Regex;
use serde_json::{Map, Value};

use super::places::Places;
use crate::keys::{hide, is_aws_key, looks_random};

/// What secrets look like beside the tokens that [`plain`] knows, and what is left of each. Only ASCII is told apart by case.
const SHAPES: [(&str, &str); 9] = [
    // A private key, whole or cut off.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
        HIDDEN,
    ),
    // An address with credentials in it.
    (r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#]*@", "${1}(hidden)@"),
    // A header, whatever follows its scheme: where words are shown to their reader, fewer of them are taken for a credential.
    (
        r"\b((?i-u:bearer|basic|negotiate))\s+[A-Za-z0-9+/=_.~-]{8,}",
        "$1 (hidden)",
    ),
    // Whatever is set to something under a name that says what it is: token=x, "password": "x", X-Amz-Signature=x.
    (
        r#"((?i-u:password|passwd|passphrase|secret|token|key|credential|signature|authorization|assertion|cookie)["']?\s*[=:]\s*["']?)[^\s"',;&]{3,}"#,
        "${1}(hidden)",
    ),
    // People, in what AWS calls them: a user's path and name, a session's name.
    (
        r#"(arn:aws[a-z-]*:(?:iam|sts):[a-z0-9-]*:[0-9]*:(?:user|federated-user|assumed-role/[^\s/"',;]+)/)[^\s"',;)]+"#,
        "${1}…",
    ),
    // In what Kubernetes calls them where it refuses: `User "okta:jo"`.
    (r#"(\bUser "(?:[^"@/:]*:)*)[^"@/:]+(["@])"#, "${1}…${2}"),
    // Whose home it is.
    (
        r#"(^|[^A-Za-z0-9._%~-])/(?:home|Users)/[^\s/"':;,]+"#,
        "${1}~",
    ),
    (r#"[A-Za-z]:\\Users\\[^\s\\"':;,]+"#, "~"),
    // And what stands before an @ is theirs.
    (
        r"[A-Za-z0-9._%+'-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)",
        "…@$1",
    ),
];

/// The patterns of the table; that each of them is one is tested.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = SHAPES.iter();
    let patterns = patterns.map(|(shape, left)| Regex::new(shape).map(|shape| (shape, *left)));
    patterns.filter_map(Result::ok).collect()
});

static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9+_=~-]+").ok());

/// All that stands together, with slashes and dots within: a key of AWS is the whole of it, and never a piece of a path.
static WHOLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9/+_~-]+(?:\.[A-Za-z0-9/+_~-]+)*").ok());

/// Goes over every text in a document, names of fields too.
pub(super) fn over(value: &mut Value, places: &Places) {
    let shown = |text: &str| clean(&places.left_out(&plain(text, usize::MAX)));
    match value {
        Value::String(text) => *text = shown(text),
        Value::Array(values) => values.iter_mut().for_each(|value| over(value, places)),
        Value::Object(fields) => {
            for (name, mut value) in std::mem::take(fields) {
                over(&mut value, places);
                let name = untaken(shown(&name), fields);
                fields.insert(name, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The name, with a number where another field is called so: two contexts that only their people tell apart are two.
fn untaken(name: String, fields: &Map<String, Value>) -> String {
    if !fields.contains_key(&name) {
        return name;
    }
    let mut numbered = (2_u64..).map(|number| format!("{name} ({number})"));
    let untaken = numbered.find(|name| !fields.contains_key(name));
    untaken.unwrap_or_default()
}

/// A text without what looks like a secret, on one line and without what is invisible: that could part a token.
pub(super) fn clean(text: &str) -> String {
    let text = plain(text, usize::MAX);
    let (Some(run), Some(whole)) = (&*RUN, &*WHOLE) else {
        return HIDDEN.to_owned();
    };
    // First of all: what an address or an @ takes of such a key leaves the rest of it.
    let mut text = hide(whole, &text, is_aws_key);
    for (shape, left) in PATTERNS.iter() {
        if shape.is_match(&text) {
            text = shape.replace_all(&text, *left).into_owned();
        }
    }
    hide(run, &text, looks_random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_the_table_is_a_pattern() {
        for (shape, _) in SHAPES {
            assert!(Regex::new(shape).is_ok(), "{:?}", Regex::new(shape));
        }
        assert_eq!(PATTERNS.len(), SHAPES.len());
        assert!(RUN.is_some() && WHOLE.is_some());
    }

    #[test]
    fn what_looks_like_a_secret_is_taken_out_of_whatever_stands_around_it() {
        // Made up, and put together here so that nobody's scanner takes this file for a leak.
        let join = |parts: &[&str]| parts.concat();
        let secrets = [
            join(&["eyJhbGciOiJSUzI1NiJ9", ".eyJzdWIiOiJqbyJ9", ".c2lnbmF0dXJl"]),
            join(&["AK", "IAIOSFODNN7EXAMPLE"]),
            join(&["AS", "IAIOSFODNN7EXAMPLE"]),
            join(&["wJalrXUtnFEMI7K7MDENGbPx", "RfiCYEXAMPLEKEY"]),
            join(&["wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"]),
            join(&["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"]),
            join(&["gh", "s_16C7e42F292c"]),
            join(&["github", "_pat_11ABCDEFG0123456789_abcdefghij"]),
            join(&["gl", "pat-x1y2z3x1y2z3x1y2z3x1"]),
            join(&["xo", "xb-1234567890-abcdefghijkl"]),
            join(&["ya", "29.a0AfH6SMBx1y2z3"]),
            join(&["k8s-", "aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0x"]),
            join(&["hv", "s.CAESIJ1234567890abc"]),
            join(&[
                "-----BEGIN RSA PRI",
                "VATE KEY-----\nMIIEpAIB\n-----END RSA PRI",
                "VATE KEY-----",
            ]),
            join(&["-----BEGIN PRI", "VATE KEY-----\nMIIEpAIBcut"]),
        ];
        let around = [
            "{}",
            "the provider said: {}",
            "{}.",
            "\"{}\"",
            "(got {}, wanted another)",
            "Authorization: Bearer {}",
            "https://jo:{}@code.example/shop",
            "https://code.example/?access_token={}&x=1",
            "password={}",
            "é{}é",
        ];
        for secret in &secrets {
            for around in around {
                let said = clean(&around.replace("{}", secret));
                let telling = secret.replace('\n', " ");
                let core: String = telling.chars().skip(6).take(10).collect();
                assert!(!said.contains(&core), "{secret:?} in {around:?}: {said}");
                assert!(said.contains(HIDDEN), "{said}");
            }
            // An invisible character in the middle parts nothing.
            let (one, two) = secret.split_at(8);
            let said = clean(&format!("{one}\u{200b}{two}"));
            assert!(!said.contains(two.trim()), "{said}");
        }
        for (text, left) in [
            (
                "Authorization: Basic am86aHVudGVyMg==",
                "Authorization: (hidden) (hidden)",
            ),
            (
                "https://jo:hunter2@code.example/shop",
                "https://(hidden)@code.example/shop",
            ),
            (
                "https://hunter2@code.example",
                "https://(hidden)@code.example",
            ),
            (
                "https://jo:p@ss:w@code.example",
                "https://(hidden)@code.example",
            ),
            ("client_secret: hunter2", "client_secret: (hidden)"),
            (
                "X-Amz-Signature=0a0b0c0d&X-Amz-Date=1",
                "X-Amz-Signature=(hidden)&X-Amz-Date=1",
            ),
            (
                "User \"jo.doe+x@shop.example\" cannot list",
                "User \"…@shop.example\" cannot list",
            ),
            (
                "arn:aws:sts::1:assumed-role/reader/jo@shop.example",
                "arn:aws:sts::1:assumed-role/reader/…",
            ),
            (
                "arn:aws-cn:iam::1:user/board/jo.doe is not authorized",
                "arn:aws-cn:iam::1:user/… is not authorized",
            ),
            (
                "User \"okta:jo\" cannot list; User \"jo\" cannot get",
                "User \"okta:…\" cannot list; User \"…\" cannot get",
            ),
            // What stands before an @ is taken for a person's, and a branch is.
            ("main@sha1:0a0b0c", "…@sha1:0a0b0c"),
        ] {
            assert_eq!(clean(text), left);
        }
    }

    #[test]
    fn what_is_needed_to_help_stays() {
        for text in [
            "https://ABC0123456789DEF.gr7.eu-west-1.eks.amazonaws.com",
            "http://127.0.0.1:41234/api/v3",
            "arn:aws:iam::123456789012:role/landfall-reader",
            "kustomizations.kustomize.toolkit.fluxcd.io",
            "sha256:0a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00010203040506070809",
            "secrets is forbidden: cannot list resource \"secrets\" in API group \"\" at the cluster scope",
            "whether a pod waits for a secret that was not synced",
            "the credentials were not accepted (401 Unauthorized) (sign in again)",
            "https://code.example/Shop42/Deploy/blob/main/apps/Checkout/v12",
            "/Shop42/Deploy/blob/main/apps/Checkout/v12/Overlays",
            "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
            "2026-11-30T19:07:21.123456789Z",
            "checkout-7d9c5b8f4d-x2x7k",
            "-----BEGIN CERTIFICATE-----",
            "#platform-help",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn names_of_fields_are_gone_over_too() {
        let secret = ["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"].concat();
        let mut value = serde_json::json!({secret.clone(): [{"a": secret}], "n": 7});
        over(&mut value, &Places::default());
        assert_eq!(
            value,
            serde_json::json!({"(hidden)": [{"a": "(hidden)"}], "n": 7})
        );
    }

    #[test]
    fn systems_that_only_a_persons_name_tells_apart_are_all_there() {
        let mut value =
            serde_json::json!({"admin@prod": 1, "jo@prod": 2, "mia@prod": 3, "staging": 4});
        over(&mut value, &Places::default());
        assert_eq!(
            value,
            serde_json::json!({"…@prod": 1, "…@prod (2)": 2, "…@prod (3)": 3, "staging": 4})
        );
    }

    #[test]
    fn a_home_says_nobodys_name() {
        for (text, left) in [
            (
                "the token file /home/jo.doe/.kube/token cannot be read",
                "the token file ~/.kube/token cannot be read",
            ),
            ("\"/Users/jo/Library\"", "\"~/Library\""),
            ("C:\\Users\\jo\\.kube\\config", "~\\.kube\\config"),
            // Somebody's page is no folder here.
            (
                "https://code.example/home/shop",
                "https://code.example/home/shop",
            ),
        ] {
            assert_eq!(clean(text), left);
        }
    }
}
