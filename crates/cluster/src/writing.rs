//! The one way to change something in a cluster: one request, sent once, and what came of it.
//!
//! Owns what goes out for a change, and which answers mean that nothing changed. Decides nothing: what is sent is a plan's,
//! and who may send it is asked before. Only the hands of an action's run send; a test of the repository's rules holds that.

use std::sync::Arc;
use std::time::Duration;

use api::headline::plain;
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::failure::{Failure, Why};
use crate::server::{Lost, Reply, SEND_AT_MOST, Server, segment};
use crate::watch::Shared;

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What is done.
    pub kind: WriteKind,
    /// The object's path on the API server, or of one that is made, its collection's; without a query.
    pub path: String,
    /// What is sent: a JSON merge patch, an object, or DeleteOptions.
    pub body: Vec<u8>,
    /// Whether the server only says what would come of it, and keeps nothing.
    pub dry_run: bool,
    /// Whose change it is, in the object's managed fields.
    pub field_manager: String,
}

/// What a [`Write`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Fields become others (a JSON merge patch).
    Merge,
    /// An object is made.
    Create,
    /// An object is deleted.
    Delete,
}

/// How far a change came that was not made, or that nobody knows of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailure {
    /// The API server says no, in its own words. Nothing changed.
    #[error("{why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's word for it: `Conflict`. Empty where it has none.
        reason: String,
        /// Why, in the server's words.
        why: String,
        /// Whether the object is not what was looked at any more: changed, another one of its name, gone, or there already.
        moved: bool,
    },
    /// Nothing left this machine.
    #[error("nothing was sent: {why}")]
    NotSent {
        /// Why.
        why: String,
    },
    /// It was sent, and nothing says what came of it: it may have been done, and may still be.
    #[error("it is not known whether it was done: {why}")]
    Unknown {
        /// Why.
        why: String,
    },
}

impl From<Lost> for WriteFailure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Before(failure) => Self::NotSent {
                why: failure.words(),
            },
            Lost::After(failure) => Self::Unknown {
                why: failure.words(),
            },
        }
    }
}

/// Sends a change through the line, if that is up.
pub(crate) async fn send(
    shared: &Arc<Shared>,
    cluster: &str,
    write: &Write,
) -> Result<Value, WriteFailure> {
    match shared.line.server() {
        Some(server) => sent(&server, write, SEND_AT_MOST).await,
        None => Err(WriteFailure::NotSent {
            why: format!("{cluster} does not answer"),
        }),
    }
}

/// Sends a change, once.
async fn sent(server: &Server, write: &Write, within: Duration) -> Result<Value, WriteFailure> {
    let request = request(write).map_err(Lost::Before)?;
    let reply = server.send_once(request, within).await?;
    answer(write.kind, reply)
}

/// What goes out.
fn request(write: &Write) -> Result<Request<Vec<u8>>, Failure> {
    let unfit = |reason: &str| Failure::new(Why::Malformed, reason);
    let is_object_path = write.path.starts_with("/api/") || write.path.starts_with("/apis/");
    if !is_object_path || write.path.contains(['?', '#']) {
        return Err(unfit("the path is none of an object"));
    }
    let (method, media) = match write.kind {
        WriteKind::Merge => (Method::PATCH, "application/merge-patch+json"),
        WriteKind::Create => (Method::POST, "application/json"),
        WriteKind::Delete => (Method::DELETE, "application/json"),
    };
    let mut path = format!(
        "{}?fieldManager={}",
        write.path,
        segment(&write.field_manager)
    );
    let mut body = write.body.clone();
    if write.dry_run {
        path.push_str("&dryRun=All");
        if write.kind == WriteKind::Delete {
            // A server that is sent DeleteOptions does not read the query: without this it deletes in earnest.
            body = tried(&body).ok_or_else(|| unfit("the options of a deletion are no object"))?;
        }
    }
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, media)
        .body(body)
        .map_err(|_| unfit("a name that cannot stand in an address"))
}

/// DeleteOptions that delete nothing; `None` if they are no object.
fn tried(options: &[u8]) -> Option<Vec<u8>> {
    let mut options: Value = serde_json::from_slice(options).ok()?;
    let fields = options.as_object_mut()?;
    fields.insert("dryRun".to_owned(), json!(["All"]));
    Some(options.to_string().into_bytes())
}

/// What came of it. That nothing changed is believed of the API server alone, in its own form, and of no error of its side:
///
/// - 429 is said before anything is done (apiserver's `filters/maxinflight.go` and `priority-and-fairness.go`), as plain text.
/// - 500 and 504 are said after etcd's or the request's time was up too, when the change may have been made.
/// - 502 and 503 are what load balancers say of a connection that broke with the request on it. The API server has a 503 of
///   its own while it shuts down, but its aggregator says 503 after having sent the request on (`handler_proxy.go`), and
///   nothing tells them apart for certain.
fn answer(kind: WriteKind, reply: Reply) -> Result<Value, WriteFailure> {
    let said: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let said = said.filter(|said| said.get("kind").is_some_and(Value::is_string));
    let unknown = |why: String| Err(WriteFailure::Unknown { why });
    match (reply.status, said) {
        (200..=202, Some(said)) => Ok(said),
        (200..=202, None) => unknown("the answer is no object".to_owned()),
        (429, _) => Err(refused(kind, &reply, &Value::Null)),
        (400..=499, Some(said)) if said["kind"] == "Status" && said["code"] == reply.status => {
            Err(refused(kind, &reply, &said))
        }
        (status, _) => unknown(match status {
            400.. => reply.failure.words(),
            _ => format!("the server answered {status}"),
        }),
    }
}

fn refused(kind: WriteKind, reply: &Reply, said: &Value) -> WriteFailure {
    WriteFailure::Refused {
        status: reply.status,
        reason: plain(said["reason"].as_str().unwrap_or_default(), 100),
        why: reply.failure.words(),
        moved: is_moved(kind, reply.status, said),
    }
}

/// Whether the object is not what was looked at. A patch that names another UID is refused as the change of a field that
/// cannot change (422), and not as a conflict: so answers Kubernetes 1.36.
fn is_moved(kind: WriteKind, status: u16, said: &Value) -> bool {
    let details = &said["details"];
    match status {
        409 => true,
        404 => kind != WriteKind::Create && details["name"].is_string(),
        422 => {
            let causes = details["causes"].as_array().into_iter().flatten();
            causes.clone().any(|cause| cause["field"] == "metadata.uid")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
