//! One run for all who wait, and whose answer it is.

#![cfg(unix)]

use super::*;
use crate::consent::Consent;

fn plugin(script: &str) -> Arc<Plugin> {
    let exec = serde_json::json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh",
        "args": ["-c", script]});
    Arc::new(
        Plugin::of(
            &serde_json::from_value(exec).unwrap(),
            "https://prod.example",
        )
        .ok()
        .unwrap(),
    )
}

fn consenting() -> SignIn {
    SignIn::new(Options {
        consent: Consent::all(),
        ..Options::default()
    })
}

#[tokio::test]
async fn a_failure_is_the_answer_for_all_requests_and_for_nobody_who_connects() {
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let plugin = plugin(&format!("echo run >> '{}'; exit 1", ran.display()));
    let runs = || std::fs::read_to_string(&ran).unwrap().lines().count();
    let sign_in = consenting();
    for _ in 0..5 {
        assert!(sign_in.credential(&plugin, Asks::ToSend).await.is_err());
    }
    assert_eq!(runs(), 1);
    assert!(sign_in.credential(&plugin, Asks::ToConnect).await.is_err());
    assert_eq!(runs(), 2);
}

#[tokio::test]
async fn who_gives_up_waiting_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let answer = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}"#;
    let plugin = plugin(&format!(
        "echo run >> '{}'; sleep 0.5; echo '{answer}'",
        ran.display()
    ));
    let sign_in = consenting();
    let hasty = sign_in.credential(&plugin, Asks::ToConnect);
    let hasty = tokio::time::timeout(Duration::from_millis(50), hasty).await;
    assert!(hasty.is_err(), "it takes longer");
    let patient = sign_in.credential(&plugin, Asks::ToConnect).await;
    assert!(patient.is_ok_and(|credential| credential.token.is_some()));
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "run\n");
}

#[tokio::test]
async fn another_command_is_not_answered_with_what_the_first_one_gave() {
    let answer = |token: &str| {
        format!(
            r#"echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}'"#
        )
    };
    let sign_in = consenting();
    for token in ["first", "second"] {
        let credential = sign_in
            .credential(&plugin(&answer(token)), Asks::ToSend)
            .await;
        let credential = credential.ok().unwrap();
        let given = credential.token.as_ref().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(given), token);
    }
}
