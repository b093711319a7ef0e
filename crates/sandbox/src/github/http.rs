//! The HTTP side of the REST API: routes, errors, pages, entity tags and the rate limit.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, patch, post, put};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, LINK, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::endpoints;
use super::sign_in;
use super::view::View;
use super::writes::{self, Told};
use super::{GitHub, RateLimit};

/// The largest answer, in bytes: a job's log.
const LARGEST: usize = 256 << 20;

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// Makes a handler of a function from a view and a request to a reply.
macro_rules! endpoint {
    ($answer:path) => {
        |State(github): State<GitHub>,
         Path(parts): Path<Vec<(String, String)>>,
         Query(query): Query<Vec<(String, String)>>,
         headers: HeaderMap,
         uri: Uri| async move {
            answer(
                &github,
                Asked {
                    parts,
                    query,
                    headers,
                    uri,
                },
                $answer,
            )
        }
    };
}

/// Makes a handler of a function from a view and a request that changes something to a reply.
macro_rules! write {
    ($answer:path) => {
        |State(github): State<GitHub>,
         Path(parts): Path<Vec<(String, String)>>,
         headers: HeaderMap,
         uri: Uri,
         body: Bytes| async move {
            let asked = Asked {
                parts,
                query: Vec::new(),
                headers,
                uri,
            };
            written(&github, asked, &body, $answer)
        }
    };
}

/// The routes of GitHub's REST API, below `/api/v3/` as on GitHub Enterprise Server.
pub fn router(github: &GitHub) -> Router {
    let repository = "/api/v3/repos/{owner}/{name}";
    let at = |ending: &str| format!("{repository}{ending}");
    Router::new()
        .route("/api/v3/rate_limit", get(rate_limit))
        .route("/api/v3/user", get(sign_in::user))
        .route(repository, get(endpoint!(endpoints::repository)))
        .route(&at("/branches"), get(endpoint!(endpoints::branches)))
        .route(&at("/branches/{*rest}"), get(endpoint!(endpoints::branch)))
        .route(&at("/tags"), get(endpoint!(endpoints::tags)))
        .route(&at("/commits"), get(endpoint!(endpoints::commits)))
        .route(&at("/commits/{*rest}"), get(endpoint!(endpoints::commit)))
        .route(&at("/compare/{*rest}"), get(endpoint!(endpoints::compare)))
        .route(
            &at("/pulls"),
            get(endpoint!(endpoints::pulls)).post(write!(writes::new_pull)),
        )
        .route(
            &at("/pulls/{number}/merge"),
            put(write!(writes::merge_pull)),
        )
        .route(&at("/git/ref/{*rest}"), get(endpoint!(writes::git_ref)))
        .route(&at("/git/refs"), post(write!(writes::new_ref)))
        .route(&at("/git/refs/{*rest}"), patch(write!(writes::move_ref)))
        .route(&at("/git/blobs"), post(write!(writes::new_blob)))
        .route(&at("/git/trees"), post(write!(writes::new_tree)))
        .route(&at("/git/trees/{sha}"), get(endpoint!(writes::git_tree)))
        .route(&at("/git/commits"), post(write!(writes::new_commit)))
        .route(
            &at("/git/commits/{sha}"),
            get(endpoint!(writes::git_commit)),
        )
        .route(&at("/pulls/{number}"), get(endpoint!(endpoints::pull)))
        .route(
            &at("/pulls/{number}/files"),
            get(endpoint!(endpoints::pull_files)),
        )
        .route(
            &at("/pulls/{number}/commits"),
            get(endpoint!(endpoints::pull_commits)),
        )
        .route(&at("/actions/runs"), get(endpoint!(endpoints::runs)))
        .route(&at("/actions/runs/{id}"), get(endpoint!(endpoints::run)))
        .route(
            &at("/actions/runs/{id}/jobs"),
            get(endpoint!(endpoints::jobs)),
        )
        .route(
            &at("/actions/runs/{id}/pending_deployments"),
            get(endpoint!(endpoints::pending_deployments)),
        )
        .route(&at("/actions/jobs/{id}"), get(endpoint!(endpoints::job)))
        .route(
            &at("/actions/jobs/{id}/logs"),
            get(endpoint!(endpoints::job_logs)),
        )
        .route("/api/v3/{*rest}", any(nothing))
        .layer(from_fn_with_state(github.clone(), guard))
        .route(
            "/login/device",
            get(sign_in::ask_for_code).post(sign_in::typed),
        )
        .route("/login/device/code", post(sign_in::device_code))
        .route("/login/oauth/access_token", post(sign_in::access_token))
        // Where the redirect to a log leads: another host on GitHub, without tokens and limits.
        .route("/_logs/{owner}/{name}/{id}", get(log))
        .with_state(github.clone())
}

/// A request, taken apart.
pub(super) struct Asked {
    parts: Vec<(String, String)>,
    query: Vec<(String, String)>,
    pub headers: HeaderMap,
    uri: Uri,
}

/// What an endpoint says.
pub(super) enum Reply {
    /// JSON, and perhaps links to other pages.
    Json(Value, Option<HeaderValue>),
    /// Look there.
    Found(String),
    /// It is made, and looks so.
    Created(Value),
    /// It is not made, because of these errors.
    Invalid(Value),
}

/// What an endpoint refuses with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub status: StatusCode,
    pub message: String,
}

impl Problem {
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: "Not Found".to_owned(),
        }
    }

    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            message: message.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "message": self.message,
            "documentation_url": DOCUMENTATION,
            "status": self.status.as_str(),
        });
        json_response(self.status, &body)
    }
}

impl Asked {
    /// A part of the path by its name in the route; empty if there is none.
    pub fn part(&self, name: &str) -> &str {
        find(&self.parts, name).unwrap_or_default()
    }

    /// A part of the path that is a number.
    pub fn number(&self, name: &str) -> Result<u64, Problem> {
        self.part(name).parse().map_err(|_| Problem::not_found())
    }

    /// A parameter of the query that is not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name).filter(|value| !value.is_empty())
    }

    /// Where the client came to, without a path.
    pub fn origin(&self) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// The asked page of a list, and links to the others.
    pub fn page<T>(
        &self,
        all: &[T],
        shape: impl Fn(&T) -> Value,
    ) -> (Vec<Value>, Option<HeaderValue>) {
        let (page, each) = self.page_and_size();
        let pages = all.len().div_ceil(each).max(1);
        let shown = all
            .iter()
            .skip((page - 1).saturating_mul(each))
            .take(each)
            .map(shape)
            .collect();
        (shown, self.links(page, pages))
    }

    /// Which page is asked for, from 1, and how many entries it has, at most 100.
    pub fn page_and_size(&self) -> (usize, usize) {
        let number = |name: &str| self.parameter(name).and_then(|text| text.parse().ok());
        let each: usize = number("per_page").unwrap_or(30);
        let page: usize = number("page").unwrap_or(1);
        (page.max(1), each.clamp(1, 100))
    }

    fn links(&self, page: usize, pages: usize) -> Option<HeaderValue> {
        let mut links = Vec::new();
        let mut link = |to: usize, name: &str| {
            let others = self.query.iter().filter(|(key, _)| key != "page");
            let query: Vec<String> = others
                .cloned()
                .chain([("page".to_owned(), to.to_string())])
                .map(|(key, value)| format!("{}={}", escape(&key), escape(&value)))
                .collect();
            let (origin, path) = (self.origin(), self.uri.path());
            links.push(format!(
                "<{origin}{path}?{}>; rel=\"{name}\"",
                query.join("&")
            ));
        };
        if page > 1 {
            link((page - 1).min(pages), "prev");
        }
        if page < pages {
            link(page + 1, "next");
            link(pages, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        links.join(", ").parse().ok().filter(|_| pages > 1)
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

pub(super) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%5F", "_")
}

fn answer(
    github: &GitHub,
    asked: Asked,
    endpoint: impl Fn(&View, &Asked) -> Result<Reply, Problem>,
) -> Response {
    reply(view(github, &asked).and_then(|view| endpoint(&view, &asked)))
}

/// As [`answer`], of a request that changes something.
fn written(
    github: &GitHub,
    asked: Asked,
    body: &[u8],
    endpoint: impl Fn(&View, &Told) -> Result<Reply, Problem>,
) -> Response {
    let done = || {
        let view = view(github, &asked)?;
        let by = github.writer(&asked.headers)?;
        let body = serde_json::from_slice(body).map_err(|_| Problem {
            status: StatusCode::BAD_REQUEST,
            message: "Problems parsing JSON".to_owned(),
        })?;
        Ok((view, by, body))
    };
    reply(done().and_then(|(view, by, body)| endpoint(&view, &Told { asked, body, by })))
}

fn view(github: &GitHub, asked: &Asked) -> Result<View, Problem> {
    let path = format!("{}/{}", asked.part("owner"), asked.part("name"));
    let repository = github
        .code
        .repository(&path)
        .filter(|_| !github.is_denied(&path) && github.shows(&path, &asked.headers))
        .ok_or_else(Problem::not_found)?;
    Ok(View {
        github: github.clone(),
        repository,
        api: format!("{}/api/v3", asked.origin()),
    })
}

fn reply(done: Result<Reply, Problem>) -> Response {
    match done {
        Ok(Reply::Json(body, links)) => {
            let mut response = json_response(StatusCode::OK, &body);
            if let Some(links) = links {
                response.headers_mut().insert(LINK, links);
            }
            response
        }
        Ok(Reply::Found(location)) => {
            (StatusCode::FOUND, [(http::header::LOCATION, location)]).into_response()
        }
        Ok(Reply::Created(body)) => json_response(StatusCode::CREATED, &body),
        Ok(Reply::Invalid(errors)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let body = json!({
                "message": "Validation Failed",
                "errors": errors,
                "documentation_url": DOCUMENTATION,
                "status": status.as_str(),
            });
            json_response(status, &body)
        }
        Err(problem) => problem.into_response(),
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        body.to_string(),
    )
        .into_response()
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn rate_limit(State(github): State<GitHub>) -> Response {
    let limit = github.rate_limit();
    let core = json!({
        "limit": limit.limit,
        "used": limit.used,
        "remaining": limit.remaining(),
        "reset": limit.reset.as_second(),
    });
    let body = json!({ "resources": { "core": core, "search": core }, "rate": core });
    json_response(StatusCode::OK, &body)
}

/// A job's log as plain text.
async fn log(
    State(github): State<GitHub>,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Response {
    match endpoints::log_text(&github, &format!("{owner}/{name}"), id) {
        Some(text) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What GitHub does around every answer: wants a User-Agent, counts, tags, and says 304 for what has not changed.
async fn guard(State(github): State<GitHub>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(USER_AGENT) {
        let message = "Request forbidden by administrative rules. Please make sure your request \
                       has a User-Agent header (https://docs.github.com/en/rest/overview/\
                       resources-in-the-rest-api#user-agent-required).";
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    let credentials = match github.credentials(request.headers()) {
        Ok(credentials) => credentials,
        Err(problem) => return problem.into_response(),
    };
    let is_free = request.uri().path() == "/api/v3/rate_limit";
    if !is_free && github.rate_limit().remaining() == 0 {
        let problem = Problem {
            status: StatusCode::FORBIDDEN,
            message: "API rate limit exceeded for user ID 1.".to_owned(),
        };
        return with_limits(problem.into_response(), &github.rate_limit());
    }
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let (mut parts, body) = next.run(request).await.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::empty());
    if parts.status == StatusCode::OK {
        // The links and the address are part of what was answered.
        let links = parts.headers.get(LINK).map(HeaderValue::as_bytes);
        let tag = entity_tag(&body, links.unwrap_or_default());
        if known.is_some_and(|known| names(&known, &tag)) {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(CONTENT_TYPE);
            parts.headers.remove(CONTENT_LENGTH);
        }
        if let Ok(tag) = tag.parse() {
            parts.headers.insert(ETAG, tag);
        }
        let caching = HeaderValue::from_static("private, max-age=60, s-maxage=60");
        parts.headers.insert(CACHE_CONTROL, caching);
    }
    if parts.status != StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::from(body);
        if !is_free {
            github.count_request();
        }
    }
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    for (name, value) in credentials {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    with_limits(response, &github.rate_limit())
}

fn entity_tag(body: &[u8], links: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(body)
        .chain_update(links)
        .finalize();
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digits}\"")
}

/// Whether an `If-None-Match` header names a tag; weak and strong ones are the same here.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.to_str().is_ok_and(|header| {
        header
            .split(',')
            .any(|it| bare(it) == bare(tag) || it.trim() == "*")
    })
}

fn with_limits(mut response: Response, limit: &RateLimit) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-ratelimit-limit", limit.limit.to_string()),
        ("x-ratelimit-remaining", limit.remaining().to_string()),
        ("x-ratelimit-used", limit.used.to_string()),
        ("x-ratelimit-reset", limit.reset.as_second().to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
