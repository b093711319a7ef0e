//! One request through the proxy: the fault it gets, or the server's answer as it streams.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, RETRY_AFTER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::json;

use super::script::{Fault, Script};

/// How long what was sent before a reset has to arrive: a reset throws away what the other side has not read.
const BEFORE_RESET: Duration = Duration::from_millis(50);

/// Why a body ends in its middle.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    /// The script says so.
    #[error("cut by the script")]
    Scripted,
    /// The server broke off.
    #[error("the server broke off")]
    Server(#[from] reqwest::Error),
}

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Cut>>>;

/// The way to the server.
#[derive(Debug)]
pub(super) struct Forward {
    server: Mutex<Server>,
    script: Arc<Script>,
}

/// A server, and what speaks to it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub client: reqwest::Client,
    pub url: String,
}

impl Forward {
    pub(super) fn new(server: Server, script: Arc<Script>) -> Self {
        let server = Mutex::new(server);
        Self { server, script }
    }

    /// Another server from now on.
    pub(super) fn turn(&self, server: Server) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    fn server(&self) -> Server {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.clone()
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        reset: Arc<AtomicBool>,
    ) -> Result<Response<Body>, Infallible> {
        let fault = self.script.note(request.method(), request.uri());
        Ok(match fault {
            Some(Fault::Status(code, retry_after)) => refusal(code, retry_after),
            Some(Fault::Gone) => refusal(410, None),
            Some(Fault::GoneEvent) => {
                let event = json!({"type": "ERROR", "object": status(410)});
                whole(StatusCode::OK, format!("{event}\n"))
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Slow(pause)) => {
                tokio::time::sleep(pause).await;
                self.through(request).await
            }
            Some(Fault::Lost(said)) => {
                drop(self.through(request).await);
                match said {
                    Some(code) => refusal(code, None),
                    None => std::future::pending().await,
                }
            }
            Some(Fault::ResetAfter(bytes)) => {
                let answer = self.through(request).await;
                cut(answer, bytes, Some(reset))
            }
            Some(Fault::TruncatedAfter(bytes)) => cut(self.through(request).await, bytes, None),
            Some(Fault::Skewed(seconds)) => {
                let mut answer = self.through(request).await;
                skew(answer.headers_mut(), seconds);
                answer
            }
            None => self.through(request).await,
        })
    }

    /// The server's answer.
    async fn through(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return refusal(400, None);
        };
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let mut headers = head.headers;
        for ours in [HOST, CONNECTION, TRANSFER_ENCODING] {
            headers.remove(ours);
        }
        let server = self.server();
        let sent = server
            .client
            .request(head.method, format!("{}{target}", server.url))
            .headers(headers)
            .body(body.to_bytes())
            .send()
            .await;
        let Ok(answer) = sent else {
            return refusal(502, None);
        };
        let code = answer.status();
        let mut headers = answer.headers().clone();
        for theirs in [CONNECTION, TRANSFER_ENCODING] {
            headers.remove(theirs);
        }
        let frames = answer
            .bytes_stream()
            .map(|bytes| Ok(Frame::data(bytes?)))
            .boxed();
        let mut response = Response::new(StreamBody::new(frames));
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        response
    }
}

/// The first bytes of an answer, and then its end: a reset if there is one to set, else in good order.
fn cut(answer: Response<Body>, most: usize, reset: Option<Arc<AtomicBool>>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    // It would promise more than comes.
    head.headers.remove(CONTENT_LENGTH);
    let data = body.into_data_stream().boxed();
    let frames = stream::unfold((data, most), move |(mut data, left)| {
        let reset = reset.clone();
        async move {
            if left > 0
                && let Some(chunk) = data.next().await
            {
                let kept = chunk.map(|chunk| chunk.slice(..chunk.len().min(left)));
                let sent = kept.as_ref().map_or(0, Bytes::len);
                return Some((kept.map(Frame::data), (data, left - sent)));
            }
            let reset = reset?;
            tokio::time::sleep(BEFORE_RESET).await;
            reset.store(true, Ordering::Relaxed);
            Some((Err(Cut::Scripted), (data, 0)))
        }
    });
    Response::from_parts(head, StreamBody::new(frames.boxed()))
}

fn skew(headers: &mut HeaderMap, seconds: i64) {
    let told = headers.get(DATE).and_then(|date| date.to_str().ok());
    let moved = told
        .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
        .and_then(|date| {
            let by = jiff::SignedDuration::from_secs(seconds);
            date.timestamp().checked_add(by).ok()
        })
        .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .and_then(|date| HeaderValue::from_str(&date).ok());
    if let Some(moved) = moved {
        headers.insert(DATE, moved);
    }
}

fn status(code: u16) -> serde_json::Value {
    let reason = match code {
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("the proxy's script says {code}"), "reason": reason, "code": code})
}

fn refusal(code: u16, retry_after: Option<u32>) -> Response<Body> {
    let number = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = whole(number, status(code).to_string());
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn whole(code: StatusCode, text: String) -> Response<Body> {
    let frame = stream::once(async move { Ok(Frame::data(Bytes::from(text))) });
    let mut response = Response::new(StreamBody::new(frame.boxed()));
    *response.status_mut() = code;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
