//! What the API server itself took down of changes: its audit log, in which each request that came through stands once.
//!
//! Owns reading it. Landfall has no part in it, so it tells what Landfall did whatever that says.

use std::path::Path;

use serde_json::Value;

use super::Checked;

/// One change that was asked for, and that was more than tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// How it was asked for, as a plan says it: `PATCH /apis/…`, without a query.
    pub what: String,
    /// Who asked.
    pub who: String,
    /// Whose change it was to be, in managed fields.
    pub manager: String,
    /// The run whose mark it carries; empty where it carries none, as deletions do.
    pub run: String,
    /// The HTTP status of the answer.
    pub status: u64,
}

impl Heard {
    /// Whether the server did it.
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The changes in a namespace.
pub(super) fn in_namespace(log: &Path, namespace: &str) -> Checked<Vec<Heard>> {
    let log = std::fs::read_to_string(log)?;
    // The last line may be half written: it is not over then.
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let in_it = events.filter(|event| event["objectRef"]["namespace"] == namespace);
    Ok(in_it.filter_map(|event| heard(&event)).collect())
}

fn heard(event: &Value) -> Option<Heard> {
    let text = |at: &str| {
        let text = event.pointer(at).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let address = text("/requestURI");
    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
    let option = |name: &str| {
        let mut options = query.split('&').filter_map(|part| part.split_once('='));
        options.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    };
    let method = match text("/verb").as_str() {
        "patch" => "PATCH",
        "create" => "POST",
        "update" => "PUT",
        "delete" => "DELETE",
        _ => return None,
    };
    let is_a_change = text("/stage") == "ResponseComplete" && option("dryRun").is_none();
    is_a_change.then(|| Heard {
        what: format!("{method} {path}"),
        who: text("/user/username"),
        manager: option("fieldManager").unwrap_or_default(),
        run: text("/requestObject/metadata/annotations/landfall.dev~1run"),
        status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
    })
}
