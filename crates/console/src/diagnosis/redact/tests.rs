//! Secrets of many shapes, planted: none comes out.

use proptest::prelude::*;
use regex::Regex;

use super::shapes::{BEGINNINGS, NAMED, SHAPES};
use super::*;

/// Made up, and put together here so that nobody's scanner takes this file for a leak.
fn secrets() -> Vec<String> {
    let join = |parts: &[&str]| parts.concat();
    vec![
        join(&["eyJhbGciOiJSUzI1NiJ9", ".eyJzdWIiOiJqbyJ9", ".c2lnbmF0dXJl"]),
        join(&["AK", "IAIOSFODNN7EXAMPLE"]),
        join(&["AS", "IAIOSFODNN7EXAMPLE"]),
        join(&["wJalrXUtnFEMI7K7MDENGbPx", "RfiCYEXAMPLEKEY"]),
        join(&["wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"]),
        join(&["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"]),
        join(&["github", "_pat_11ABCDEFG0123456789_abcdefghij"]),
        join(&["gl", "pat-x1y2z3x1y2z3x1y2z3x1"]),
        join(&["xo", "xb-1234567890-abcdefghijkl"]),
        join(&["hv", "s.CAESIJ1234567890abc"]),
        join(&["sk", "_live_4eC39HqLyjWDarjtT1zdp7dc"]),
        join(&["S", "G.abcdefghij.klmnopqrstuvwxyz"]),
        join(&["dop", "_v1_0a0b0c0d0e0f00010203040506070809"]),
        join(&["https://hooks.slack", ".com/services/T00/B00/abcdefghijkl"]),
    ]
}

/// A key of three lines, as a program prints it.
fn pem() -> Vec<String> {
    let dashes = "-----";
    vec![
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}"),
        "MIIEpAIBAAKCAQEAplantedplanted/plantedplantedplantedplantedABCDEF".to_owned(),
        "plantedplantedplantedplanted==".to_owned(),
        format!("{dashes}END RSA PRIVATE KEY{dashes}"),
    ]
}

/// Ways in which programs say a password. `{}` is where it stands.
const SAID: [&str; 27] = [
    "password={}",
    "DB_PASSWORD={} and more",
    "db password: {}",
    "{\"password\":\"{}\",\"user\":\"jo\"}",
    "{\"msg\":\"{\\\"password\\\":\\\"{}\\\"}\"}",
    "{'client_secret': '{}'}",
    "api-key: {}",
    "apiKey={}",
    "aws_secret_access_key = {}",
    "token=\"{}\"",
    "--password {}",
    "--db-password={}",
    "connecting to postgres://shop:{}@db:5432/shop",
    "connecting to amqp://shop:{}@queue",
    "https://jo:{}@code.example/shop",
    "shop:{}@tcp(db:3306)/shop",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "Authorization: Digest username=jo, response={}",
    "Cookie: a=b; sid={}; c=d",
    "{\"Authorization\":\"Custom {}\"}",
    "GET /?access_token={}&x=1",
    "X-Amz-Signature={}",
    "AccountName=shop;AccountKey={};EndpointSuffix=core",
    "Password=\u{1b}[31m{}\u{1b}[0m",
    "pass\u{200b}word={}",
    "pass\u{ad}word={}",
];

fn said(way: &str, secret: &str) -> String {
    // The first pair of braces that is one.
    way.replacen("{}", secret, 1)
}

/// Whether something of a secret is left: any six of its characters together.
fn leaks(shown: &str, secret: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    let pieces = letters.windows(6.min(letters.len()));
    pieces
        .map(|piece| piece.iter().collect::<String>())
        .any(|piece| shown.contains(&piece))
}

#[test]
fn every_shape_of_the_table_is_a_pattern() {
    for (shape, _) in SHAPES {
        let shape = Regex::new(&shape.replace("NAMED", NAMED));
        assert!(shape.is_ok(), "{shape:?}");
    }
    assert!(Regex::new(BEGINNINGS).is_ok());
    assert_eq!(PATTERNS.len(), SHAPES.len() + 1);
    assert!(RUN.is_some() && WHOLE.is_some() && SEQUENCE.is_some());
}

#[test]
fn keys_are_taken_out_of_whatever_stands_around_them() {
    let redaction = Redaction::default();
    for secret in secrets() {
        for around in ["{}", "got {}.", "(\"{}\")", "é{}é", "a=1 b={} c=2", "{},{}"] {
            let text = around.replace("{}", &secret);
            let lines = redaction.lines(std::slice::from_ref(&text));
            for shown in [redaction.line(&text, 400), lines.join("\n")] {
                let tail: String = secret.chars().skip(secret.len() - 10).collect();
                assert!(!shown.contains(&tail), "{secret} in {around}: {shown}");
            }
        }
    }
}

#[test]
fn a_key_of_many_lines_is_hidden_whole_wherever_the_log_is_cut() {
    let redaction = Redaction::default();
    let pem = pem();
    for stamped in [false, true] {
        for from in 0..pem.len() {
            for to in from + 1..=pem.len() {
                let mut log = pem[from..to].to_vec();
                if from == 2 && to == 3 {
                    // One short line of it alone is told by nothing.
                    continue;
                }
                if stamped {
                    for line in &mut log {
                        line.insert_str(0, "2026-11-30T19:07:21.123456789Z ");
                    }
                }
                let shown = redaction.lines(&log).join("\n");
                assert!(!shown.contains("planted"), "{from}..{to}: {shown}");
            }
        }
    }
    let after = [pem, vec!["listening on 8080".to_owned()]].concat();
    assert_eq!(
        redaction.lines(&after).last().map(String::as_str),
        Some("listening on 8080")
    );
}

#[test]
fn a_secret_that_the_end_of_a_line_parts_came_into_sight() {
    let redaction = Redaction::knowing([format!("long{}", "er".repeat(200))]);
    let token = &secrets()[0];
    for before in 0..700 {
        // What is hidden first makes room for what was beyond the end.
        let text = format!(
            "{} {} {token}",
            "x".repeat(before),
            format!("{token} ").repeat(12)
        );
        let shown =
            redaction.lines(std::slice::from_ref(&text)).concat() + &redaction.line(&text, 300);
        assert!(!shown.contains("eyJ"), "{before}: {shown}");
        assert!(shown.chars().count() <= LONGEST_LINE + 302);
    }
}

#[test]
fn signs_that_are_left_out_pushed_half_a_token_into_sight() {
    let redaction = Redaction::default();
    let token = &secrets()[0];
    for before in 16_300..16_390_usize {
        // Two bytes each, and none of them is seen.
        let text = format!(
            "{}{token}",
            "\u{ad}".repeat(before / 2) + &"x".repeat(before % 2)
        );
        for shown in [
            redaction.lines(std::slice::from_ref(&text)).concat(),
            redaction.line(&text, 600),
        ] {
            assert!(!shown.contains("hbGci"), "{before}: {shown}");
        }
    }
}

#[test]
fn what_is_needed_to_help_stays() {
    let redaction = Redaction::default();
    for text in [
        "2026-11-30T19:07:21.123456789Z listening on :8080",
        "Error: couldn't find key password in Secret shop/db",
        "secret \"db-credentials\" not found",
        "MountVolume.SetUp failed for volume \"tls\" : secret \"tls\" not found",
        "clusterroles.rbac.authorization.k8s.io \"view\" not found",
        "User \"okta:jo@shop.example\" cannot get resource \"secrets\"",
        "Back-off pulling image \"ghcr.io/shop/checkout:1.4.2@sha256:0a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00010203040506070809\"",
        "checkout-7d9c5b8f4d-x2x7k 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span=00f067aa0ba902b7",
        "    at com.shop.Checkout.pay(Checkout.java:42)",
        "dial tcp 10.0.0.7:5432: connect: connection refused",
        "https://code.example/Shop42/Deploy/blob/main/apps/Checkout/v12",
    ] {
        assert_eq!(redaction.lines(&[text.to_owned()]), [text]);
        assert_eq!(redaction.line(text, 400), text.trim());
    }
}

#[test]
fn control_characters_are_gone_and_spaces_stay() {
    let redaction = Redaction::default();
    let log = ["\u{1b}[2J\u{1b}]0;title\u{7}a\tb\u{202e}c\u{0}\r  d\u{2028}e".to_owned()];
    assert_eq!(redaction.lines(&log), ["a    bc  de"]);
}

#[test]
fn a_variables_secret_is_hidden_wherever_it_is_repeated() {
    let redaction = Redaction::knowing(
        [
            "correct horse",
            "hunter2",
            "shop!",
            "on",
            "true",
            "first line\nsecond line",
        ]
        .map(str::to_owned),
    );
    for (text, shown) in [
        (
            "login with correct horse failed",
            "login with (hidden) failed",
        ),
        ("xhunter2x", "x(hidden)x"),
        ("a shop! of shops", "a (hidden) of shops"),
        ("it is on and true", "it is on and true"),
        ("> second line", "> (hidden)"),
    ] {
        assert_eq!(redaction.line(text, 200), shown);
    }
}

#[test]
fn a_variable_is_shown_where_neither_its_name_nor_its_value_says_secret() {
    let redaction = Redaction::default();
    let shown = |name, value: &str| redaction.value(name, value);
    assert_eq!(shown("LOG_LEVEL", "debug").as_deref(), Some("debug"));
    assert_eq!(shown("KEYSPACE", "shop").as_deref(), Some("shop"));
    for (name, value) in [
        ("DB_PASSWORD", "x"),
        ("stripe.api-key", "x"),
        ("SENTRY_DSN", "x"),
        ("SIGNING_KEY", "x"),
        ("DATABASE", "postgres://shop:hunter2@db/shop"),
        ("JAVA_OPTS", "-Ddb.password=hunter2"),
        ("CERT", "a\nb"),
        ("LONG", &"x".repeat(121)),
    ] {
        assert_eq!(shown(name, value), None, "{name}");
    }
}

proptest! {
    #[test]
    fn a_password_of_any_signs_never_comes_out(
        way in prop::sample::select(&SAID[..]),
        // No quotes and backslashes: where a value in quotes ends would be another question.
        secret in "[A-Za-z0-9!#$%*+.:;<=>?^_|~\\[\\]{}-]{12,40}",
    ) {
        let redaction = Redaction::default();
        let text = said(way, &secret);
        // A scheme's credential has fewer signs, and the end of an address' login is not told where it has such.
        let is_limited = way.contains("https://") || way.ends_with(" {}") && way.contains(": B");
        prop_assume!(!is_limited || secret.chars().all(|c| c.is_ascii_alphanumeric()));
        let line = redaction.line(&text, 400);
        prop_assert!(!leaks(&line, &secret), "{line}");
        let lines = redaction.lines(&[text]).concat();
        prop_assert!(!leaks(&lines, &secret), "{lines}");
    }

    #[test]
    fn what_is_known_never_comes_out(before in ".{0,40}", secret in "[ -~]{8,40}", after in ".{0,40}") {
        let secret = secret.trim().to_owned();
        prop_assume!(secret.len() >= 8 && is_telling(&secret));
        // What is left of white space is one space.
        prop_assume!(!secret.contains("  ") && !HIDDEN.contains(&secret));
        let redaction = Redaction::knowing([secret.clone()]);
        let text = format!("{before}{secret}{after}");
        prop_assert!(!redaction.line(&text, 200).contains(&secret));
        prop_assert!(!redaction.lines(&[text]).concat().contains(&secret));
    }

    #[test]
    fn nothing_that_acts_comes_out_of_any_line(text in any::<String>()) {
        let redaction = Redaction::default();
        let lines = redaction.lines(std::slice::from_ref(&text)).concat();
        for shown in [redaction.line(&text, 200), lines] {
            prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
            prop_assert_eq!(shown.chars().filter(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}')).count(), 0);
        }
    }
}
