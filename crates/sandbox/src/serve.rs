//! Serving an axum router on a loopback port: owned tasks, the company's `Date`, a count of requests by route.
//!
//! Owns sockets and connections, and knows no protocol above HTTP/1.1. Dropping a [`Server`] closes its port and every
//! connection at once, also those that stream: to a client it looks like a host that went away.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderValue;
use http::header::DATE;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::Clock;

/// Any free port of the loopback interface.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A router being served. Dropping it ends its tasks.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    requests: Requests,
    tasks: JoinSet<()>,
}

/// How many requests each route has had: a shared count that tests read.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<BTreeMap<String, u64>>>);

impl Requests {
    /// The number of requests whose method and route begin so: `"GET /api/v3"`; an empty text counts all. Routes are
    /// written as the router has them (`GET /v2/{*path}`), paths that match none as they came.
    pub fn count(&self, beginning: &str) -> u64 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|(route, _)| route.starts_with(beginning))
            .map(|(_, count)| count)
            .sum()
    }

    fn note(&self, route: String) {
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(route)
            .or_default() += 1;
    }
}

impl Server {
    /// Serves the router; port 0 takes any free one ([`ANY_PORT`]), and a stopped server's address can be used again.
    ///
    /// # Errors
    /// The port cannot be had.
    pub async fn start(clock: &Clock, router: Router, at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let requests = Requests::default();
        let router = router.layer(from_fn_with_state(
            (clock.clone(), requests.clone()),
            count_and_date,
        ));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router));
        Ok(Self {
            address,
            requests,
            tasks,
        })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The count of requests.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Closes the port and every connection, and returns when they are closed.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Accepts connections for ever. The connections live in a set of this task's own, so they end with it.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: give connections a chance to end instead of spinning.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

async fn count_and_date(
    State((clock, requests)): State<(Clock, Requests)>,
    request: Request,
    next: Next,
) -> Response {
    let path = match request.extensions().get::<MatchedPath>() {
        Some(route) => route.as_str(),
        None => request.uri().path(),
    };
    requests.note(format!("{} {path}", request.method()));
    let mut response = next.run(request).await;
    if let Ok(date) = HeaderValue::from_str(&http_date(&clock)) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// The company's now as HTTP writes it: `Sat, 21 Nov 2026 20:31:00 GMT`.
fn http_date(clock: &Clock) -> String {
    clock
        .now()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn answers_with_the_companys_date_counts_and_comes_back_at_its_port() {
        let clock = Clock::default();
        clock.play("2026-11-21T20:31:00Z".parse().unwrap());
        let router = Router::new().route("/pods/{name}", get(|| async { "here" }));
        let server = Server::start(&clock, router.clone(), ANY_PORT)
            .await
            .unwrap();
        let address = server.address();
        let answer = ask(address, "/pods/a").await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        assert!(
            answer.contains("date: Sat, 21 Nov 2026 20:31:00 GMT"),
            "{answer}"
        );
        ask(address, "/pods/b").await.unwrap();
        ask(address, "/nothing").await.unwrap();
        assert_eq!(server.requests().count("GET /pods/{name}"), 2);
        assert_eq!(server.requests().count(""), 3);

        server.stop().await;
        assert!(ask(address, "/pods/a").await.is_err());
        let server = Server::start(&clock, router, address).await.unwrap();
        assert!(ask(address, "/pods/a").await.unwrap().ends_with("here"));
        drop(server);
    }

    #[tokio::test]
    async fn stopping_ends_connections_that_stream() {
        let router = Router::new().route(
            "/watch",
            get(|| async {
                let endless = futures::stream::pending::<Result<bytes::Bytes, io::Error>>();
                axum::body::Body::from_stream(endless)
            }),
        );
        let server = Server::start(&Clock::default(), router, ANY_PORT)
            .await
            .unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream
            .write_all(b"GET /watch HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        server.stop().await;
        let mut rest = Vec::new();
        // The end of the stream or a reset, but an end.
        let _ = stream.read_to_end(&mut rest).await;
    }
}
