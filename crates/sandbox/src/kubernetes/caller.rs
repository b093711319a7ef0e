//! Who a request is from, whom it is made for, what they may, and how much of its body is read.

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::access::{Attempt, Rules};
use super::failure::Failure;
use super::roles;
use super::store::Store;

/// The largest body that a real API server reads.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// So much beyond the limit is read and thrown away, so that whoever sends too much hears why.
const WASTE_LIMIT: usize = 16 * BODY_LIMIT;

/// The body, if it is not too large.
pub(super) async fn read(body: Body) -> Result<Bytes, Failure> {
    let mut stream = body.into_data_stream();
    let (mut kept, mut all) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Failure::too_large())?;
        all += chunk.len();
        if all > WASTE_LIMIT {
            break;
        }
        if all <= BODY_LIMIT {
            kept.extend_from_slice(&chunk);
        }
    }
    if all > BODY_LIMIT {
        return Err(Failure::too_large());
    }
    Ok(kept.into())
}

/// Whom a request is made for: whoever sends it, or whom they may impersonate.
pub(super) fn spoken_for(
    store: &Store,
    user: String,
    headers: &HeaderMap,
) -> Result<String, Failure> {
    let Some(other) = headers.get("impersonate-user") else {
        return Ok(user);
    };
    let other = other.to_str().unwrap_or_default();
    let attempt = Attempt {
        verb: "impersonate",
        resource: "users",
        name: other,
        ..Attempt::default()
    };
    if !rules(store, &user).allow(&attempt) {
        return Err(Failure::forbidden(&user, &attempt, other));
    }
    Ok(other.to_owned())
}

/// What a user may: what the store was told, and what roles add.
pub(super) fn rules(store: &Store, user: &str) -> Rules {
    let mut rules = store.access().rules(user);
    rules.0.extend(roles::of(store, user).0);
    rules
}

/// Takes `/as/TOKEN` off a path.
pub(super) fn named_in_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/as/")?;
    match rest.find('/') {
        Some(end) => Some((&rest[..end], &rest[end..])),
        None => Some((rest, "/")),
    }
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().unwrap_or_default();
    Some(value.strip_prefix("Bearer ").unwrap_or_default().trim())
}
