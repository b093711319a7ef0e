//! Where the browser lands after a sign-in: one page on loopback, for one answer.
//!
//! Owns the listener. It answers anyone on this machine, and only the holder of the right `state` is heard: what comes with
//! another is shown a page and changes nothing, so that no other program can end a sign-in by asking first.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::SecretString;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::failure::{Failure, shown};

/// The path that the provider knows. Okta compares the whole address letter by letter.
pub const PATH: &str = "/landfall/signed-in";

/// How long the page may take to its reader.
const PAGE: Duration = Duration::from_secs(2);

/// What the browser brought.
#[derive(Debug)]
pub enum Landed {
    /// What tokens are given for.
    Code(SecretString),
    /// The provider's refusal, in words.
    Refused(String),
}

/// A listener that waits for the browser.
pub struct Landing {
    listener: TcpListener,
    port: u16,
}

#[derive(Deserialize)]
struct Brought {
    state: Option<String>,
    code: Option<SecretString>,
    error: Option<String>,
    error_description: Option<String>,
    /// RFC 9207: who sends the browser back.
    iss: Option<String>,
}

struct Expected {
    state: [u8; 32],
    host: String,
    issuer: String,
    /// RFC 9207, 2.4: whether an answer that does not name it is another's.
    names_itself: bool,
    first: Mutex<Option<oneshot::Sender<Landed>>>,
    heard: mpsc::Sender<()>,
}

/// Where the provider has to send the browser for a port: what is registered there.
pub fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}{PATH}")
}

impl Landing {
    /// Listens on the first of these ports that is free, on 127.0.0.1 alone.
    ///
    /// # Errors
    /// None of them is.
    pub async fn open(ports: &[u16]) -> Result<Self, Failure> {
        for port in ports {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            if let Ok(listener) = TcpListener::bind(address).await
                && let Ok(bound) = listener.local_addr()
            {
                let port = bound.port();
                return Ok(Self { listener, port });
            }
        }
        Err(Failure::NoPort(ports.to_vec()))
    }

    /// Where the provider has to send the browser.
    pub fn address(&self) -> String {
        address(self.port)
    }

    /// Waits for the one who brings this state, from this issuer; where it says that it always names itself (`names_itself`),
    /// from nobody who does not. Nobody is answered any more after that.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn wait(
        self,
        state: &str,
        issuer: &str,
        names_itself: bool,
    ) -> Result<Landed, Failure> {
        let (first, landed) = oneshot::channel();
        let (heard, mut is_heard) = mpsc::channel(1);
        let expected = Arc::new(Expected {
            state: Sha256::digest(state).into(),
            host: format!("127.0.0.1:{}", self.port),
            issuer: issuer.to_owned(),
            names_itself,
            first: Mutex::new(Some(first)),
            heard,
        });
        // Who only asks what would come is sent nothing, and uses nothing up.
        let page = get(land).head(async || StatusCode::METHOD_NOT_ALLOWED);
        let pages = Router::new().route(PATH, page).with_state(expected);
        let ended = async move {
            is_heard.recv().await;
        };
        let served = axum::serve(self.listener, pages).with_graceful_shutdown(ended);
        let served = async {
            served
                .await
                .map_err(|why| Failure::NoBrowser(why.to_string()))
        };
        tokio::pin!(served, landed);
        let landed = tokio::select! {
            landed = &mut landed => {
                // The page is still on its way to the browser; another program's half-sent request is not waited for.
                let _page = tokio::time::timeout(PAGE, &mut served).await;
                landed
            }
            served = &mut served => {
                served?;
                landed.await
            }
        };
        landed.map_err(|_| Failure::NotDone("the page on this machine was closed".to_owned()))
    }
}

async fn land(
    State(expected): State<Arc<Expected>>,
    headers: HeaderMap,
    brought: Result<Query<Brought>, QueryRejection>,
) -> Response {
    // A page elsewhere whose name was made to point here has its own name in this header.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if host != Some(expected.host.as_str()) {
        return page(StatusCode::FORBIDDEN, "This page is not for you.");
    }
    let another = || {
        let words = "This answers another sign-in. Go back to Landfall and begin again.";
        page(StatusCode::BAD_REQUEST, words)
    };
    // No provider says anything twice.
    let Ok(Query(brought)) = brought else {
        return another();
    };
    // Hashes are compared: how far two of them agree says nothing of the state.
    let state: [u8; 32] = Sha256::digest(brought.state.unwrap_or_default()).into();
    let is_issuer = match brought.iss {
        Some(issuer) => issuer == expected.issuer,
        None => !expected.names_itself,
    };
    if state != expected.state || !is_issuer {
        return another();
    }
    let landed = match (brought.code, brought.error) {
        (Some(code), None) => Landed::Code(code),
        (_, Some(error)) => Landed::Refused(shown(&brought.error_description.unwrap_or(error))),
        (None, None) => {
            return page(
                StatusCode::BAD_REQUEST,
                "The provider sent nothing to sign in with.",
            );
        }
    };
    let first = expected
        .first
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(first) = first else {
        return page(
            StatusCode::GONE,
            "This sign-in is over. Go back to Landfall.",
        );
    };
    let words = match landed {
        Landed::Code(_) => "You can close this page and go back to Landfall.",
        Landed::Refused(_) => "You are not signed in. Go back to Landfall.",
    };
    let _gone = first.send(landed);
    let _over = expected.heard.try_send(());
    page(StatusCode::OK, words)
}

/// A page that runs nothing, loads nothing and is kept nowhere.
fn page(status: StatusCode, words: &str) -> Response {
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Landfall</title><h1>Landfall</h1><p>{words}</p></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ISSUER: &str = "https://id.tidewater.example";

    /// A landing that waits for the state `right`, and its address.
    async fn waiting() -> (tokio::task::JoinHandle<Result<Landed, Failure>>, String) {
        let landing = Landing::open(&[0]).await.unwrap();
        let address = landing.address();
        let waits = tokio::spawn(async move { landing.wait("right", ISSUER, false).await });
        (waits, address)
    }

    fn code(landed: Result<Landed, Failure>) -> String {
        match landed {
            Ok(Landed::Code(code)) => code.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// What the page answers to a visit.
    async fn visit(address: &str, query: &str, host: Option<&str>) -> Option<u16> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.get(format!("{address}?{query}"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Some(request.send().await.ok()?.status().as_u16())
    }

    #[tokio::test]
    async fn another_programs_request_first_ended_the_sign_in() {
        let (waits, address) = waiting().await;
        for wrong in [
            "",
            "code=stolen",
            "code=stolen&state=wrong",
            "error=access_denied&state=wrong",
            "code=stolen&state=right&iss=https%3A%2F%2Fevil.example",
            "state=right",
            "code=stolen&state=wrong&state=right",
        ] {
            assert_eq!(visit(&address, wrong, None).await, Some(400), "{wrong}");
        }
        let elsewhere = visit(&address, "code=stolen&state=right", Some("evil.example")).await;
        assert_eq!(elsewhere, Some(403), "a name that was made to point here");
        let path = address.replace(PATH, "/");
        assert_eq!(
            visit(&path, "code=stolen&state=right", None).await,
            Some(404)
        );
        assert!(!waits.is_finished());
        let query = format!("code=mine&state=right&iss={ISSUER}");
        assert_eq!(visit(&address, &query, None).await, Some(200));
        assert_eq!(code(waits.await.unwrap()), "mine");
    }

    #[tokio::test]
    async fn an_answer_without_an_issuer_was_taken_from_a_provider_that_always_names_itself() {
        let landing = Landing::open(&[0]).await.unwrap();
        let address = landing.address();
        let waits = tokio::spawn(async move { landing.wait("right", ISSUER, true).await });
        for without in ["code=stolen&state=right", "error=access_denied&state=right"] {
            assert_eq!(visit(&address, without, None).await, Some(400), "{without}");
        }
        assert!(!waits.is_finished());
        let query = format!("code=mine&state=right&iss={ISSUER}");
        assert_eq!(visit(&address, &query, None).await, Some(200));
        assert_eq!(code(waits.await.unwrap()), "mine");
    }

    #[tokio::test]
    async fn who_only_asked_what_would_come_used_the_code_up() {
        let (waits, address) = waiting().await;
        let query = format!("{address}?code=mine&state=right&iss={ISSUER}");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client.head(&query).send().await.unwrap();
        assert_eq!(asked.status().as_u16(), 405);
        let query = format!("code=mine&state=right&iss={ISSUER}");
        assert_eq!(visit(&address, &query, None).await, Some(200));
        assert_eq!(code(waits.await.unwrap()), "mine");
    }

    #[tokio::test]
    async fn a_second_hit_on_the_redirect_was_heard() {
        let (waits, address) = waiting().await;
        assert_eq!(
            visit(&address, "code=mine&state=right", None).await,
            Some(200)
        );
        let again = visit(&address, "code=other&state=right", None).await;
        assert!(again.is_none_or(|status| status == 410), "{again:?}");
        assert_eq!(code(waits.await.unwrap()), "mine");
        assert_eq!(
            visit(&address, "code=other&state=right", None).await,
            None,
            "nobody listens"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_said_without_control_characters() {
        let (waits, address) = waiting().await;
        let query = "error=access_denied&error_description=no%1b%5b31m+way&state=right";
        assert_eq!(visit(&address, query, None).await, Some(200));
        let Ok(Landed::Refused(said)) = waits.await.unwrap() else {
            panic!("it was refused")
        };
        assert_eq!(said, "no [31m way");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let landing = Landing::open(&[port, 0]).await.unwrap();
        assert!(!landing.address().contains(&format!(":{port}/")));
        let Err(none) = Landing::open(&[port]).await else {
            panic!("it is taken")
        };
        assert_eq!(none, Failure::NoPort(vec![port]));
    }
}
