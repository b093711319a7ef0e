//! Changes against a server that takes down every byte, answers what it is told to, or says nothing and closes.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::address::Address;
use crate::context::Context;
use crate::options::Options;
use crate::sign_in::SignIn;
use crate::tokens::{NoToken, Tokens};

/// A token, or none.
struct Lent(Option<&'static str>);

#[async_trait]
impl Tokens for Lent {
    async fn token(&self) -> Result<SecretString, NoToken> {
        self.0.map(SecretString::from).ok_or_else(|| NoToken {
            reason: "the session has ended".to_owned(),
            hint: String::new(),
            may_pass: false,
        })
    }
}

/// What the server does once it has read a request.
#[derive(Clone)]
enum Does {
    /// Answers, and waits for the next.
    Answers(u16, String),
    /// Closes without a word.
    Closes,
    /// Answers, and closes a moment later, as a server does with a connection that idles.
    AnswersAndCloses(u16, String),
    /// Says nothing.
    Waits,
}

/// Requests as they came in, to the byte.
type Seen = Arc<Mutex<Vec<String>>>;

fn seen(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A server; its port and what it has seen. It ends with the test.
async fn serves(does: Does) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let all = Seen::default();
    let noted = all.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, does.clone(), noted.clone()));
        }
    });
    (port, all)
}

async fn serve(mut stream: TcpStream, does: Does, noted: Seen) {
    while let Some(request) = read(&mut stream).await {
        noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        match &does {
            Does::Answers(status, body) | Does::AnswersAndCloses(status, body) => {
                let text = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Does::Closes => return,
            Does::Waits => std::future::pending().await,
        }
        if matches!(does, Does::AnswersAndCloses(..)) {
            return;
        }
    }
}

/// One request, whole; `None` at the connection's end.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(whole);
            }
        }
        let mut more = [0; 4096];
        let read = stream.read(&mut more).await.ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&more[..read]);
    }
}

async fn connected(port: u16, token: Option<&'static str>) -> Server {
    let address = Address {
        name: "prod".to_owned(),
        server: format!("http://127.0.0.1:{port}"),
        authorities: Vec::new(),
        namespace: String::new(),
    };
    let context = Context::at(&address, Arc::new(Lent(token))).unwrap();
    let options = Options::default();
    let sign_in = Arc::new(SignIn::new(options.clone()));
    Server::dial(&context, &options, &sign_in).await.unwrap()
}

fn write(kind: WriteKind, dry_run: bool) -> Write {
    let of = "/apis/apps/v1/namespaces/shop/deployments";
    let (path, body) = match kind {
        WriteKind::Merge => (format!("{of}/web"), r#"{"spec":{"replicas":3}}"#),
        WriteKind::Create => (of.to_owned(), r#"{"metadata":{"name":"web"}}"#),
        WriteKind::Delete => (format!("{of}/web"), r#"{"kind":"DeleteOptions"}"#),
    };
    Write {
        kind,
        path,
        body: body.as_bytes().to_vec(),
        dry_run,
        field_manager: "landfall".to_owned(),
    }
}

const LONG: Duration = Duration::from_secs(10);

const WEB: &str = r#"{"kind":"Deployment","metadata":{"name":"web","resourceVersion":"8"}}"#;

/// What came of a patch that was answered so.
async fn answered(status: u16, body: &str) -> Result<Value, WriteFailure> {
    let (port, _) = serves(Does::Answers(status, body.to_owned())).await;
    let server = connected(port, Some("t")).await;
    sent(&server, &write(WriteKind::Merge, false), LONG).await
}

/// A refusal in the API server's form.
fn status(code: u16, reason: &str, message: &str, details: Value) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": details})
    .to_string()
}

#[tokio::test]
async fn what_goes_out_is_this_to_the_byte() {
    let (port, requests) = serves(Does::Answers(200, WEB.to_owned())).await;
    let server = connected(port, Some("t")).await;
    for (kind, dry_run) in [
        (WriteKind::Merge, false),
        (WriteKind::Merge, true),
        (WriteKind::Create, true),
        (WriteKind::Delete, false),
    ] {
        let answer = sent(&server, &write(kind, dry_run), LONG).await.unwrap();
        assert_eq!(answer["metadata"]["resourceVersion"], "8");
    }
    let whole = |line: &str, media: &str, body: &str| {
        format!(
            "{line} HTTP/1.1\r\naccept: application/json\r\ncontent-type: {media}\r\nauthorization: Bearer t\r\n\
             host: 127.0.0.1:{port}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let of = "/apis/apps/v1/namespaces/shop/deployments";
    let merge = "application/merge-patch+json";
    let replicas = r#"{"spec":{"replicas":3}}"#;
    assert_eq!(
        seen(&requests),
        [
            whole(
                &format!("PATCH {of}/web?fieldManager=landfall"),
                merge,
                replicas
            ),
            whole(
                &format!("PATCH {of}/web?fieldManager=landfall&dryRun=All"),
                merge,
                replicas
            ),
            whole(
                &format!("POST {of}?fieldManager=landfall&dryRun=All"),
                "application/json",
                r#"{"metadata":{"name":"web"}}"#
            ),
            whole(
                &format!("DELETE {of}/web?fieldManager=landfall"),
                "application/json",
                r#"{"kind":"DeleteOptions"}"#
            ),
        ]
    );
}

#[tokio::test]
async fn a_deletion_that_is_only_tried_says_so_in_its_options_too() {
    let (port, requests) = serves(Does::Answers(200, WEB.to_owned())).await;
    let server = connected(port, Some("t")).await;
    let tried = write(WriteKind::Delete, true);
    sent(&server, &tried, LONG).await.unwrap();
    let body = seen(&requests)[0]
        .split("\r\n\r\n")
        .nth(1)
        .unwrap()
        .to_owned();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({"kind": "DeleteOptions", "dryRun": ["All"]}));
    // Options that cannot say it are not sent at all.
    for body in ["", "[]", "{"] {
        let odd = Write {
            body: body.as_bytes().to_vec(),
            ..tried.clone()
        };
        let came = sent(&server, &odd, LONG).await;
        assert!(
            matches!(came, Err(WriteFailure::NotSent { .. })),
            "{came:?}"
        );
    }
    assert_eq!(seen(&requests).len(), 1);
}

#[tokio::test]
async fn the_servers_own_no_is_a_refusal_and_says_whether_the_object_moved() {
    let web = json!({"name": "web", "kind": "deployments"});
    let another = json!({"name": "web", "causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid"}]});
    let negative = json!({"name": "web", "causes": [{"reason": "FieldValueInvalid", "field": "spec.replicas"}]});
    for (code, reason, details, is_moved) in [
        (409, "Conflict", web.clone(), true),
        (409, "AlreadyExists", web.clone(), true),
        (404, "NotFound", web.clone(), true),
        (422, "Invalid", another, true),
        (404, "NotFound", json!({}), false),
        (422, "Invalid", negative, false),
        (403, "Forbidden", web.clone(), false),
        (401, "Unauthorized", json!({}), false),
        (400, "BadRequest", json!({}), false),
    ] {
        let came = answered(code, &status(code, reason, "no, because", details)).await;
        let Err(WriteFailure::Refused {
            status,
            reason: said,
            why,
            moved,
        }) = came
        else {
            panic!("{code} {reason}: {came:?}")
        };
        assert_eq!(
            (status, said.as_str(), moved),
            (code, reason, is_moved),
            "{reason}"
        );
        assert!(code == 401 || why.contains("no, because"), "{why}");
    }
    // The one answer that is no Status, said before anything is done.
    let busy = answered(429, "Too many requests, please try again later.").await;
    assert!(
        matches!(
            busy,
            Err(WriteFailure::Refused {
                status: 429,
                moved: false,
                ..
            })
        ),
        "{busy:?}"
    );
}

#[tokio::test]
async fn what_may_have_been_done_is_never_called_refused() {
    let no = |code: u16| {
        status(
            code,
            "Timeout",
            "Timeout: request did not complete",
            json!({}),
        )
    };
    let page = "<html>no</html>".to_owned();
    for (code, body) in [
        (500, no(500)),
        (502, page.clone()),
        (503, no(503)),
        (503, page.clone()),
        (504, no(504)),
        // What is in between may say no to the answer, after the change.
        (403, page.clone()),
        (404, page.clone()),
        (408, page.clone()),
        (409, no(500)),
        (302, String::new()),
        // It says yes, and not to what.
        (200, page.clone()),
        (200, String::new()),
        (201, "[]".to_owned()),
        (200, r#"{"ok":true}"#.to_owned()),
        (204, String::new()),
    ] {
        let came = answered(code, &body).await;
        assert!(
            matches!(came, Err(WriteFailure::Unknown { .. })),
            "{code} {body}: {came:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_after_reading_leaves_it_unknown_and_is_asked_once() {
    let (port, requests) = serves(Does::Closes).await;
    let server = connected(port, Some("t")).await;
    for kind in [WriteKind::Merge, WriteKind::Create, WriteKind::Delete] {
        let came = sent(&server, &write(kind, false), LONG).await;
        assert!(
            matches!(came, Err(WriteFailure::Unknown { .. })),
            "{came:?}"
        );
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(seen(&requests).len(), 3, "each was sent once");
}

#[tokio::test]
async fn a_connection_that_was_used_and_closes_after_reading_is_no_reason_to_send_again() {
    let (port, requests) = serves_first_a_read().await;
    let server = connected(port, Some("t")).await;
    assert!(server.get("/version", LONG).await.is_ok());
    let came = sent(&server, &write(WriteKind::Merge, false), LONG).await;
    assert!(
        matches!(came, Err(WriteFailure::Unknown { .. })),
        "{came:?}"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    let patches = seen(&requests)
        .into_iter()
        .filter(|r| r.starts_with("PATCH"));
    assert_eq!(patches.count(), 1);
}

/// A server that answers what is read, and closes on what would change something.
async fn serves_first_a_read() -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let all = Seen::default();
    let noted = all.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let noted = noted.clone();
            tokio::spawn(async move {
                while let Some(request) = read(&mut stream).await {
                    let is_read = request.starts_with("GET");
                    noted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(request);
                    if !is_read {
                        return;
                    }
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (port, all)
}

#[tokio::test]
async fn a_connection_that_died_in_its_sleep_costs_no_second_change() {
    let (port, requests) = serves(Does::AnswersAndCloses(200, WEB.to_owned())).await;
    let server = connected(port, Some("t")).await;
    assert!(server.get("/version", LONG).await.is_ok());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let came = sent(&server, &write(WriteKind::Create, false), LONG).await;
    assert!(came.is_ok(), "{came:?}");
    let made = seen(&requests)
        .into_iter()
        .filter(|r| r.starts_with("POST"));
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_leaves_it_unknown() {
    let (port, requests) = serves(Does::Waits).await;
    let server = connected(port, Some("t")).await;
    let within = Duration::from_millis(300);
    let came = sent(&server, &write(WriteKind::Merge, false), within).await;
    assert!(
        matches!(came, Err(WriteFailure::Unknown { .. })),
        "{came:?}"
    );
    assert_eq!(seen(&requests).len(), 1);
}

#[tokio::test]
async fn what_found_no_connection_or_no_token_was_not_sent() {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let server = connected(port, Some("t")).await;
    let came = sent(&server, &write(WriteKind::Merge, false), LONG).await;
    let Err(WriteFailure::NotSent { why }) = came else {
        panic!("{came:?}")
    };
    assert!(why.contains("refused the connection"), "{why}");

    let (port, requests) = serves(Does::Answers(200, WEB.to_owned())).await;
    let server = connected(port, None).await;
    let came = sent(&server, &write(WriteKind::Merge, false), LONG).await;
    let Err(WriteFailure::NotSent { why }) = came else {
        panic!("{came:?}")
    };
    assert_eq!(why, "the session has ended");

    let server = connected(port, Some("t")).await;
    for path in [
        "/version",
        "/api/v1/pods?dryRun=All",
        "/api/v1/pods#",
        "/api/v1/a b",
        "",
    ] {
        let odd = Write {
            path: path.to_owned(),
            ..write(WriteKind::Create, false)
        };
        let came = sent(&server, &odd, LONG).await;
        assert!(
            matches!(came, Err(WriteFailure::NotSent { .. })),
            "{path}: {came:?}"
        );
    }
    assert!(seen(&requests).is_empty());
}

#[tokio::test]
async fn a_server_that_repeats_the_token_does_not_get_it_into_a_record() {
    let (port, _) = serves(Does::Answers(
        403,
        status(403, "Forbidden", "no: correct-horse", json!({})),
    ))
    .await;
    let server = connected(port, Some("correct-horse")).await;
    let came = sent(&server, &write(WriteKind::Merge, false), LONG).await;
    let failure = came.unwrap_err();
    assert!(
        !format!("{failure:?} {failure}").contains("correct-horse"),
        "{failure:?}"
    );
}
