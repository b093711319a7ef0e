//! The OCI distribution API: paths, and everything that reads.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LINK, RANGE,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::Registry;
use super::content::{is_digest, is_name, media_type};
use super::refusal::{Code, Refusal};

/// What the answer is made of: a response, or why there is none.
pub(super) type Answer = Result<Response, Refusal>;

/// The largest blob that is taken, in bytes.
const LARGEST: usize = 512 << 20;

/// The routes of the OCI distribution API, below `/v2/`.
pub fn router(registry: &Registry) -> Router {
    Router::new()
        .route("/v2", any(version))
        .route("/v2/", any(version))
        .route("/v2/{*path}", any(serve))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(registry.clone())
}

async fn version() -> Response {
    json_answer(&json!({}))
}

/// A request, taken apart.
pub(super) struct Asked {
    pub method: Method,
    pub headers: HeaderMap,
    pub query: Vec<(String, String)>,
    pub body: Bytes,
}

impl Asked {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn header(&self, name: http::header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

async fn serve(
    State(registry): State<Registry>,
    Path(path): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked {
        method,
        headers,
        query,
        body,
    };
    match registry.answer(&path, &asked) {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

impl Registry {
    fn answer(&self, path: &str, asked: &Asked) -> Answer {
        if path == "_catalog" {
            let names = self.repositories();
            return page(
                "/v2/_catalog",
                asked,
                names,
                |names| json!({ "repositories": names }),
            );
        }
        let parts: Vec<&str> = path.split('/').collect();
        let named = |count: usize| parts[..parts.len().saturating_sub(count)].join("/");
        match parts.as_slice() {
            [.., "tags", "list"] => self.list_tags(&self.checked(&named(2))?, asked),
            [.., "manifests", reference] => {
                let name = self.checked(&named(2))?;
                match asked.method {
                    Method::GET | Method::HEAD => self.get_manifest(&name, reference, asked),
                    Method::PUT => self.put_manifest_asked(&name, reference, asked),
                    Method::DELETE => self.delete_manifest(&name, reference),
                    _ => Err(unsupported(asked)),
                }
            }
            [.., "blobs", "uploads"] | [.., "blobs", "uploads", ""] => {
                let count = if parts.last() == Some(&"") { 3 } else { 2 };
                self.begin_upload(&self.checked(&named(count))?, asked)
            }
            [.., "blobs", "uploads", id] => {
                self.continue_upload(&self.checked(&named(3))?, id, asked)
            }
            [.., "blobs", digest] => self.get_blob(&self.checked(&named(2))?, digest, asked),
            [.., "referrers", digest] => {
                self.get_referrers(&self.checked(&named(2))?, digest, asked)
            }
            _ => Err(Code::NameUnknown.with(format!("no such path: /v2/{path}"))),
        }
    }

    /// The name, if it is one and may be read.
    fn checked(&self, name: &str) -> Result<String, Refusal> {
        if !is_name(name) {
            return Err(Code::NameInvalid.with(format!("invalid repository name: {name}")));
        }
        if self.contents().denied.contains(name) {
            let message = format!("requested access to the resource is denied: {name}");
            return Err(Code::Denied.with(message));
        }
        Ok(name.to_owned())
    }

    fn list_tags(&self, name: &str, asked: &Asked) -> Answer {
        if !self.contents().repositories.contains_key(name) {
            return Err(unknown_name(name));
        }
        let path = format!("/v2/{name}/tags/list");
        page(
            &path,
            asked,
            self.tags(name),
            |tags| json!({ "name": name, "tags": tags }),
        )
    }

    fn get_manifest(&self, name: &str, reference: &str, asked: &Asked) -> Answer {
        let contents = self.contents();
        let repository = contents
            .repositories
            .get(name)
            .ok_or_else(|| unknown_name(name))?;
        let (digest, manifest) = repository
            .find(reference)
            .ok_or_else(|| Code::ManifestUnknown.with(format!("unknown manifest: {reference}")))?;
        if !accepts(&asked.headers, &manifest.media_type) {
            let message = format!(
                "the manifest is of type {}, which the Accept header does not allow",
                manifest.media_type
            );
            return Err(Code::ManifestUnknown.with(message));
        }
        Ok((
            [
                (CONTENT_TYPE, manifest.media_type.clone()),
                (CONTENT_LENGTH, manifest.bytes.len().to_string()),
                (ETAG, format!("\"{digest}\"")),
            ],
            [("docker-content-digest", digest.to_owned())],
            body_unless_head(asked, manifest.bytes.clone()),
        )
            .into_response())
    }

    fn get_blob(&self, name: &str, digest: &str, asked: &Asked) -> Answer {
        if !is_digest(digest) {
            return Err(Code::DigestInvalid.with(format!("invalid digest: {digest}")));
        }
        let blob = self
            .blob(name, digest)
            .ok_or_else(|| Code::BlobUnknown.with(format!("unknown blob: {digest}")))?;
        match asked.method {
            Method::GET | Method::HEAD => {}
            Method::DELETE => return self.delete_blob(name, digest),
            _ => return Err(unsupported(asked)),
        }
        let length = blob.len();
        let range = match asked.header(RANGE) {
            Some(range) => Some(
                range_of(range, length)
                    .ok_or_else(|| Code::RangeInvalid.with(format!("not in the blob: {range}")))?,
            ),
            None => None,
        };
        let (status, part) = match &range {
            Some(range) => (StatusCode::PARTIAL_CONTENT, blob.slice(range.clone())),
            None => (StatusCode::OK, blob),
        };
        let mut response = (
            status,
            [
                (CONTENT_TYPE, "application/octet-stream".to_owned()),
                (CONTENT_LENGTH, part.len().to_string()),
                (ACCEPT_RANGES, "bytes".to_owned()),
                (ETAG, format!("\"{digest}\"")),
            ],
            [("docker-content-digest", digest.to_owned())],
            body_unless_head(asked, part),
        )
            .into_response();
        if let Some(range) = range
            && let Ok(value) = format!("bytes {}-{}/{length}", range.start, range.end - 1).parse()
        {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
        Ok(response)
    }

    /// The manifests that say they belong to another: signatures, attestations.
    fn get_referrers(&self, name: &str, digest: &str, asked: &Asked) -> Answer {
        if !is_digest(digest) {
            return Err(Code::DigestInvalid.with(format!("invalid digest: {digest}")));
        }
        let wanted = asked.parameter("artifactType");
        let contents = self.contents();
        let manifests = contents.repositories.get(name).map(|it| &it.manifests);
        let mut found = Vec::new();
        for (referrer, manifest) in manifests.into_iter().flatten() {
            let Ok(value) = serde_json::from_slice::<Value>(&manifest.bytes) else {
                continue;
            };
            let artifact_type = value["artifactType"]
                .as_str()
                .or_else(|| value["config"]["mediaType"].as_str())
                .unwrap_or_default();
            if value["subject"]["digest"] == digest
                && wanted.is_none_or(|wanted| wanted == artifact_type)
            {
                found.push(json!({
                    "mediaType": manifest.media_type,
                    "digest": referrer,
                    "size": manifest.bytes.len(),
                    "artifactType": artifact_type,
                    "annotations": value["annotations"],
                }));
            }
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type::INDEX,
            "manifests": found,
        });
        let mut response = ([(CONTENT_TYPE, media_type::INDEX)], index.to_string()).into_response();
        if wanted.is_some() {
            let filters = http::HeaderValue::from_static("artifactType");
            response
                .headers_mut()
                .insert("oci-filters-applied", filters);
        }
        Ok(response)
    }
}

pub(super) fn unsupported(asked: &Asked) -> Refusal {
    Code::Unsupported.with(format!("{} is not served here", asked.method))
}

fn unknown_name(name: &str) -> Refusal {
    Code::NameUnknown.with(format!("repository name not known to registry: {name}"))
}

fn body_unless_head(asked: &Asked, bytes: Bytes) -> Body {
    match asked.method {
        Method::HEAD => Body::empty(),
        _ => Body::from(bytes),
    }
}

fn json_answer(value: &Value) -> Response {
    (
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        [("docker-distribution-api-version", "registry/2.0")],
        value.to_string(),
    )
        .into_response()
}

/// One page of a sorted list: `n` entries behind `last`, with a link to the next page.
fn page(path: &str, asked: &Asked, all: Vec<String>, body: impl Fn(&[String]) -> Value) -> Answer {
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return Err(unsupported(asked));
    }
    let limit = match asked.parameter("n") {
        Some(n) => Some(n.parse::<usize>().map_err(|_| {
            Code::PaginationInvalid.with(format!("invalid number of results requested: {n}"))
        })?),
        None => None,
    };
    let behind: Vec<String> = match asked.parameter("last") {
        Some(last) => all.into_iter().filter(|it| it.as_str() > last).collect(),
        None => all,
    };
    let shown = &behind[..limit.unwrap_or(behind.len()).min(behind.len())];
    let mut response = json_answer(&body(shown));
    if let (Some(limit), Some(last)) = (limit, shown.last())
        && shown.len() < behind.len()
    {
        let last = percent_encoding::utf8_percent_encode(last, percent_encoding::NON_ALPHANUMERIC);
        if let Ok(link) = format!("<{path}?n={limit}&last={last}>; rel=\"next\"").parse() {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

/// Whether the Accept headers allow a media type; none allow all.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .peekable();
    accepted.peek().is_none()
        || accepted.any(|accepted| {
            matches!(accepted, "*/*" | "application/*" | "") || accepted == media_type
        })
}

/// `bytes=<from>-<to>`, `bytes=<from>-` or `bytes=-<last>`.
fn range_of(range: &str, length: usize) -> Option<std::ops::Range<usize>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (from, to) {
        ("", last) => length.checked_sub(last.parse().ok()?)?..length,
        (from, "") => from.parse().ok()?..length,
        (from, to) => from.parse().ok()?..to.parse::<usize>().ok()?.checked_add(1)?.min(length),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_allow_what_they_name() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            headers
        };
        assert!(accepts(&headers(&[]), media_type::INDEX));
        assert!(accepts(&headers(&["*/*"]), media_type::INDEX));
        assert!(accepts(
            &headers(&[
                "text/html",
                "application/vnd.oci.image.manifest.v1+json;q=0.5, application/vnd.oci.image.index.v1+json"
            ]),
            media_type::INDEX
        ));
        assert!(!accepts(
            &headers(&[media_type::MANIFEST]),
            media_type::INDEX
        ));
    }

    #[test]
    fn ranges_stay_inside() {
        assert_eq!(range_of("bytes=0-3", 10), Some(0..4));
        assert_eq!(range_of("bytes=8-99", 10), Some(8..10));
        assert_eq!(range_of("bytes=4-", 10), Some(4..10));
        assert_eq!(range_of("bytes=-3", 10), Some(7..10));
        for range in [
            "bytes=10-",
            "bytes=5-4",
            "bytes=-11",
            "bytes=x-1",
            "items=0-1",
        ] {
            assert_eq!(range_of(range, 10), None, "{range}");
        }
    }
}
