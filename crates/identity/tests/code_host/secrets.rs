//! No token is in any log line, however talkative, in any error, or in anything that prints itself.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode};
use identity::{CodeHost, CodeHostSpec, Memory};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tracing_subscriber::fmt::MakeWriter;

use super::{Hub, shown};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is said once is remembered for the whole process: other tests must not say that nobody listens.
const ALONE: &str = "LANDFALL_TEST_ALONE";

#[test]
fn no_token_is_in_any_line() {
    if std::env::var_os(ALONE).is_none() {
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "secrets::no_token_is_in_any_line"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_writer(lines.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut printed = String::new();
    let mut secrets = Vec::new();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let hub = Hub::start(true).await;
            let code_host = hub.code_host(&Arc::new(Memory::default()));
            let account = hub.sign_in(&code_host, "mia").await;
            secrets.extend(hub.github.secrets());
            let token = code_host.token().await.unwrap();
            printed.push_str(&format!("{account:?} {token:?} {:?}", hub.spec()));
            hub.clock.advance(SignedDuration::from_hours(9));
            shown(&code_host).await.unwrap();
            secrets.extend(hub.github.secrets());
            let pasted = SecretString::from("github_pat_canary");
            secrets.push("github_pat_canary".to_owned());
            let why = code_host.sign_in_with(&pasted).await.unwrap_err();
            printed.push_str(&format!("{why} {why:?}"));
            hub.github.revoke("mia");
            code_host.refused(&code_host.token().await.unwrap().unwrap());
            let why = code_host.token().await.unwrap_err();
            printed.push_str(&format!("{why} {why:?} {:?}", code_host.standing()));
        });
    });
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(lines.lines().count() > 20, "nothing was written: {lines}");
    assert!(secrets.len() >= 5, "{}", secrets.len());
    for secret in secrets {
        assert!(!lines.contains(&secret), "a line has {secret}");
        assert!(!printed.contains(&secret), "{printed}");
    }
}

#[tokio::test]
async fn a_code_host_that_said_no_was_said_not_to_answer_and_its_words_had_the_token() {
    let repeats = axum::Router::new().fallback(|headers: HeaderMap| async move {
        let sent = headers["authorization"].to_str().unwrap().to_owned();
        let said = format!(r#"{{"message": "token {sent} is blocked"}}"#);
        (StatusCode::FORBIDDEN, said)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move { axum::serve(listener, repeats).await });
    let address = address.parse().unwrap();
    let spec = CodeHostSpec::github("code.example", &address, &address);
    let clock = Arc::new(Timestamp::now);
    let code_host = CodeHost::new(spec, Arc::new(Memory::default()), None, clock).unwrap();
    let pasted = SecretString::from("correct-horse-battery");
    let why = code_host.sign_in_with(&pasted).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "code.example answers 403 Forbidden: token Bearer (hidden) is blocked"
    );
    assert!(why.may_pass(), "an account may be locked for an hour");
    served.abort();
}
