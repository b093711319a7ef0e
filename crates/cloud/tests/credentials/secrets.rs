//! Neither the token nor what it brings is where others could read it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;

use super::sts::{Answer, Hands, Sts};
use super::{Person, READ, broker, options};

#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged until it is dropped.
pub fn all_lines() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

pub fn assert_without(lines: &Lines, secrets: &[&str]) {
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("what callers may log"));
    for secret in secrets {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_however_much_is() {
    let (lines, logged) = all_lines();
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", 3600)
    });
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    let credentials = broker.credentials().await.unwrap();
    sts.answer(|asked| {
        let quoted = asked.field("WebIdentityToken").to_owned();
        Answer::Refuses(400, "ValidationError", quoted)
    });
    hands.pass(3600);
    let none = broker.credentials().await.unwrap_err();
    tracing::info!(?credentials, ?none, %none, ?broker, "what callers may log");
    drop(logged);
    assert_without(
        &lines,
        &["ada-token-1", "the-secret-key", "the-session-token"],
    );
}

#[tokio::test]
async fn nothing_of_a_token_of_a_cluster_is_logged_however_much_is() {
    let (lines, logged) = all_lines();
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.field("Action") {
            "GetCallerIdentity" => Answer::Says(500, String::new()),
            _ => Answer::Gives("AKIA1", 3600),
        }
    });
    let mut options = options(&hands);
    let endpoint = sts.serve().await;
    let broker = broker(READ, &endpoint, &Person::ada(), &options);
    // Nobody has said yet what time it is at AWS.
    options.skew = cloud::Skew::default();
    let eks = cloud::Eks {
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint),
        credentials: cloud::Source::Role(broker),
    };
    let tokens = eks.tokens("shop", &options).await;
    let token = tokens.token().await.unwrap();
    tracing::info!(?eks, ?tokens, ?token, "what callers may log");
    drop(logged);
    assert!(sts.asked().len() > 1, "the time was asked for");
    let url = crate::eks::url_in(&token);
    let signature = url.rsplit('=').next().unwrap();
    let secrets = [
        signature,
        "k8s-aws-v1",
        "the-secret-key",
        "the-session-token",
    ];
    assert_without(&lines, &secrets);
}

#[tokio::test]
async fn a_refusal_that_quotes_the_token_is_told_without_it() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        let token = asked.field("WebIdentityToken");
        let message = format!("Value '{token}' at 'webIdentityToken' is\u{202e} too\n long");
        Answer::Refuses(400, "ValidationError", message)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    let none = broker.credentials().await.unwrap_err();
    assert_eq!(
        none.reason,
        format!("assume {READ}: Value '[the token]' at 'webIdentityToken' is too long")
    );
}

#[tokio::test]
async fn the_request_is_not_signed_and_holds_nothing_but_what_sts_asks_for() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", 3600)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    broker.credentials().await.unwrap();
    let asked = sts.asked();
    let asked = &asked[0];
    assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
    assert!(!asked.headers.contains_key("x-amz-security-token"));
    let fields: Vec<(&str, &str)> = asked
        .form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", READ),
            ("RoleSessionName", "ada@shop.example"),
            ("Version", "2011-06-15"),
            ("WebIdentityToken", "ada-token-1"),
        ]
    );
    assert_eq!(asked.uri.path(), "/");
}
