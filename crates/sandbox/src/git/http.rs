//! The HTTP side of Git's smart protocol: routes, content types, compressed requests.

use std::io::Read;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use flate2::read::MultiGzDecoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::advertisement::{Service, Version, advertise, ls_refs};
use super::packet::{Packet, Packets};
use super::repository::Repository;
use super::{CodeHost, GitError, receive_pack, upload_pack};
use crate::faults::Faults;

/// The largest request, in bytes, compressed or not.
const LARGEST: usize = 512 << 20;

#[derive(Clone)]
struct Served {
    host: CodeHost,
    faults: Faults,
}

/// The routes of Git over smart HTTP: `/{owner}/{name}.git/…`, with and without `.git`.
pub fn router(host: &CodeHost, faults: &Faults) -> Router {
    Router::new()
        .route("/{owner}/{name}/info/refs", get(info_refs))
        .route("/{owner}/{name}/git-upload-pack", post(fetch))
        .route("/{owner}/{name}/git-receive-pack", post(push))
        .with_state(Served {
            host: host.clone(),
            faults: faults.clone(),
        })
}

impl Served {
    fn repository(&self, owner: &str, name: &str) -> Option<Repository> {
        let name = name.strip_suffix(".git").unwrap_or(name);
        self.host.repository(&format!("{owner}/{name}"))
    }
}

#[derive(Deserialize)]
struct InfoRefs {
    service: Option<String>,
}

async fn info_refs(
    State(served): State<Served>,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<InfoRefs>,
    headers: HeaderMap,
) -> Response {
    let Some(repository) = served.repository(&owner, &name) else {
        return not_found();
    };
    let Some(service) = query.service.as_deref().and_then(Service::from_name) else {
        return words(
            StatusCode::FORBIDDEN,
            "Please upgrade your git client.\nGit's dumb HTTP protocol is not served here.",
        );
    };
    let bytes = advertise(&repository.state(), service, version(&headers));
    answer(service, "advertisement", bytes)
}

async fn fetch(
    State(served): State<Served>,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some(repository) = served.repository(&owner, &name) else {
        return not_found();
    };
    let version = version(request.headers());
    serve(Service::UploadPack, request, move |body| {
        let state = repository.state();
        match version {
            Version::V0 | Version::V1 => upload_pack::fetch_v0(&state, body),
            Version::V2 => {
                let mut packets = Packets::new(body);
                let command = packets.line()?.unwrap_or_default();
                let command = command.strip_prefix("command=").unwrap_or_default();
                // Capabilities stand before the delimiter, arguments behind it.
                let mut arguments = packets.clone();
                while let Some(Packet::Data(_)) = arguments.next()? {}
                match command {
                    "ls-refs" => ls_refs(&state, &mut arguments),
                    "fetch" => upload_pack::fetch_v2(&state, &mut arguments),
                    other => Err(GitError::Broken(format!("no command \"{other}\""))),
                }
            }
        }
    })
    .await
}

async fn push(
    State(served): State<Served>,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some(repository) = served.repository(&owner, &name) else {
        return not_found();
    };
    let faults = served.faults.clone();
    serve(Service::ReceivePack, request, move |body| {
        receive_pack::receive(&repository, &faults, body)
    })
    .await
}

/// Reads the request, works out the answer off the async threads, and says errors as Git's clients expect them.
async fn serve(
    service: Service,
    request: Request,
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, GitError> + Send + 'static,
) -> Response {
    let body = match read_body(request).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match tokio::task::spawn_blocking(move || work(&body)).await {
        Ok(Ok(bytes)) => answer(service, "result", bytes),
        Ok(Err(error)) => {
            let mut out = super::packet::Writer::default();
            out.line(&format!("ERR {}: {error}", service.name()));
            answer(service, "result", out.bytes)
        }
        Err(error) => words(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The body, unpacked if git compressed it.
async fn read_body(request: Request) -> Result<Bytes, Box<Response>> {
    let bad = |error: &dyn std::error::Error| {
        Box::new(words(StatusCode::BAD_REQUEST, &error.to_string()))
    };
    let is_gzip = request
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|value| value == "gzip" || value == "x-gzip");
    let body = to_bytes(request.into_body(), LARGEST)
        .await
        .map_err(|error| bad(&error))?;
    if !is_gzip {
        return Ok(body);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&body[..])
        .take(LARGEST as u64)
        .read_to_end(&mut plain)
        .map_err(|error| bad(&error))?;
    Ok(plain.into())
}

fn version(headers: &HeaderMap) -> Version {
    Version::of_header(headers.get("git-protocol").and_then(|it| it.to_str().ok()))
}

fn answer(service: Service, what: &str, bytes: Vec<u8>) -> Response {
    let content_type = format!("application/x-{}-{what}", service.name());
    (
        [
            (CONTENT_TYPE, content_type.as_str()),
            (CACHE_CONTROL, "no-cache, max-age=0, must-revalidate"),
        ],
        Body::from(bytes),
    )
        .into_response()
}

fn not_found() -> Response {
    words(StatusCode::NOT_FOUND, "Repository not found.")
}

fn words(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{text}\n"),
    )
        .into_response()
}
