//! Lists: which objects, of which moment, and how the next page is found.
//!
//! A continue token pins the version of the first page, so that all pages together are one consistent list.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::Failure;
use super::kinds::Kind;
use super::route::Query;
use super::selectors::Selection;
use super::store::Store;
use super::store::state::{Expired, Key};

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// The objects.
    pub items: Vec<Arc<Value>>,
    /// The version that the whole list is of.
    pub version: u64,
    /// Where the next page begins; empty on the last.
    pub next: String,
    /// How many objects come after this page, where that is known.
    pub remaining: Option<usize>,
}

/// What a continue token says.
#[derive(Debug, Serialize, Deserialize)]
struct Continue {
    #[serde(rename = "v")]
    format: String,
    #[serde(rename = "rv")]
    version: u64,
    /// The last object of the page before.
    start: Key,
}

const CONTINUE_FORMAT: &str = "meta.k8s.io/v1";

/// The version in a token that goes on with what is there now.
const WHATEVER: u64 = 0;

/// Reads a request's selectors.
pub(crate) fn selection(kind: &Kind, query: &Query) -> Result<Selection, Failure> {
    let (labels, fields) = (query.text("labelSelector"), query.text("fieldSelector"));
    Selection::parse(kind, labels, fields).map_err(|error| {
        Failure::bad_request(format!(
            "Unable to find {:?} that match label selector {labels:?}, field selector {fields:?}: {error}",
            format!("{}, Resource={}", kind.api_version(), kind.plural),
        ))
    })
}

/// Reads a version; empty and `0` ask for whatever there is.
pub(crate) fn version_asked(query: &Query) -> Result<Option<u64>, Failure> {
    match query.text("resourceVersion") {
        "" | "0" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!(
                "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: invalid syntax"
            ))
        }),
    }
}

/// Lists what a request asks for; an empty namespace means all.
pub(crate) fn list(
    store: &Store,
    kind: &'static Kind,
    namespace: &str,
    query: &Query,
) -> Result<Page, Failure> {
    if kind.kind == "Event" {
        store.expire_events();
    }
    let selection = selection(kind, query)?;
    let limit = query
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(0);
    let token = match query.text("continue") {
        "" => None,
        token => Some(decode(token)?),
    };
    let asked = version_asked(query)?;
    if token.is_some() && asked.is_some() {
        return Err(Failure::bad_request(
            "resourceVersion: Forbidden: specifying resource version is not allowed when using continue",
        ));
    }
    let (objects, version) = snapshot(store, kind, query, limit, token.as_ref(), asked)?;

    let start = token.map(|token| token.start);
    let mut chosen = objects
        .into_iter()
        .filter(|(key, _)| namespace.is_empty() || key.0 == namespace)
        .filter(|(key, _)| start.as_ref().is_none_or(|start| key > start))
        .filter(|(_, object)| selection.matches(object));
    let (mut items, mut last) = (Vec::new(), None);
    while limit == 0 || items.len() < limit {
        let Some((key, object)) = chosen.next() else {
            break;
        };
        items.push(object);
        last = Some(key);
    }
    let rest = chosen.count();
    let next = match last {
        Some(start) if rest > 0 => encode(&Continue {
            format: CONTINUE_FORMAT.to_owned(),
            version,
            start,
        }),
        _ => String::new(),
    };
    Ok(Page {
        items,
        version,
        next,
        // With a selector a real server does not count what it has not looked at.
        remaining: (rest > 0 && selection == Selection::default()).then_some(rest),
    })
}

type Snapshot = (std::collections::BTreeMap<Key, Arc<Value>>, u64);

fn snapshot(
    store: &Store,
    kind: &'static Kind,
    query: &Query,
    limit: usize,
    token: Option<&Continue>,
    asked: Option<u64>,
) -> Result<Snapshot, Failure> {
    let state = store.state();
    let newest = state.version();
    let exact = match query.text("resourceVersionMatch") {
        "Exact" => true,
        // Before `resourceVersionMatch` there was, a limit made the version exact.
        "" => limit > 0,
        _ => false,
    };
    let version = match (token, asked) {
        (Some(token), _) if token.version == WHATEVER => newest,
        (Some(token), _) => token.version,
        (None, Some(asked)) if asked > newest => {
            return Err(Failure::too_large_version(asked, newest));
        }
        (None, Some(asked)) if exact => asked,
        (None, _) => newest,
    };
    match (state.at(kind.kind, version), token) {
        (Ok(objects), _) => Ok((objects, version)),
        (Err(Expired), Some(token)) => Err(Failure::expired_continue(encode(&Continue {
            format: CONTINUE_FORMAT.to_owned(),
            version: WHATEVER,
            start: token.start.clone(),
        }))),
        (Err(Expired), None) => Err(Failure::expired_version(version, newest)),
    }
}

fn encode(token: &Continue) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

fn decode(token: &str) -> Result<Continue, Failure> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Continue>(&bytes).ok())
        .filter(|token| token.format == CONTINUE_FORMAT)
        .ok_or_else(|| Failure::bad_request("continue key is not valid: unable to decode it"))
}

/// One object, or what to answer if it is not there.
pub(crate) fn found(
    store: &Store,
    kind: &'static Kind,
    namespace: &str,
    name: &str,
) -> Result<Arc<Value>, Failure> {
    if kind.kind == "Event" {
        store.expire_events();
    }
    store
        .get(kind.kind, namespace, name)
        .ok_or_else(|| Failure::not_found(kind, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::kubernetes::object;

    const CONFIG_MAP: &str = "ConfigMap";

    fn store() -> Store {
        let store = Store::new("prod", Clock::default());
        for name in ["a", "b", "c", "d", "e"] {
            put(&store, name, "1");
        }
        store
    }

    fn put(store: &Store, name: &str, value: &str) {
        let object = json!({"apiVersion": "v1", "kind": CONFIG_MAP,
            "metadata": {"name": name, "namespace": "shop", "labels": {"value": value}}, "data": {"v": value}});
        store.apply(object).unwrap();
    }

    fn page(store: &Store, query: &str) -> Result<Page, Failure> {
        let query = Query::of(&format!("/x?{query}").parse().unwrap());
        list(store, Kind::named(CONFIG_MAP).unwrap(), "", &query)
    }

    fn names(page: &Page) -> Vec<&str> {
        page.items.iter().map(|item| object::name(item)).collect()
    }

    #[test]
    fn pages_are_of_one_moment() {
        let store = store();
        let first = page(&store, "limit=2").unwrap();
        assert_eq!((names(&first), first.remaining), (vec!["a", "b"], Some(3)));
        put(&store, "d", "2");
        put(&store, "b2", "1");
        store.delete(CONFIG_MAP, "shop", "c");

        let second = page(&store, &format!("limit=2&continue={}", first.next)).unwrap();
        assert_eq!(names(&second), ["c", "d"]);
        assert_eq!(second.items[1]["data"]["v"], "1");
        assert_eq!(second.version, first.version);
        let third = page(&store, &format!("limit=2&continue={}", second.next)).unwrap();
        assert_eq!((names(&third), third.next.as_str()), (vec!["e"], ""));
    }

    #[test]
    fn a_token_whose_moment_is_forgotten_is_gone() {
        let store = store();
        let first = page(&store, "limit=2").unwrap();
        store.keep_changes(1);
        put(&store, "x", "1");
        put(&store, "y", "1");
        let failure = page(&store, &format!("limit=2&continue={}", first.next)).unwrap_err();
        let status = failure.to_status();
        assert_eq!(
            (&status["code"], &status["reason"]),
            (&json!(410), &json!("Expired"))
        );
        // What the refusal offers is the rest as it is now.
        let offered = status["metadata"]["continue"].as_str().unwrap();
        let rest = page(&store, &format!("continue={offered}")).unwrap();
        assert_eq!(names(&rest), ["c", "d", "e", "x", "y"]);
    }

    #[test]
    fn tokens_that_nobody_gave_are_refused() {
        let store = store();
        for token in ["nonsense!", "e30", "bm9wZQ"] {
            let failure = page(&store, &format!("continue={token}")).unwrap_err();
            assert_eq!(failure.to_status()["code"], 400, "{token}");
        }
    }

    #[test]
    fn selectors_count_before_the_limit() {
        let store = store();
        put(&store, "e", "2");
        put(&store, "a", "2");
        let chosen = page(&store, "limit=2&labelSelector=value%3D2").unwrap();
        assert_eq!(
            (names(&chosen), chosen.next.as_str(), chosen.remaining),
            (vec!["a", "e"], "", None)
        );
        assert_eq!(
            page(&store, "fieldSelector=spec.x%3D1")
                .unwrap_err()
                .to_status()["code"],
            400
        );
    }

    #[test]
    fn versions_may_be_asked_for() {
        let store = store();
        let then = store.version();
        put(&store, "a", "2");
        let exact = page(
            &store,
            &format!("resourceVersion={then}&resourceVersionMatch=Exact"),
        )
        .unwrap();
        assert_eq!(
            (exact.version, &exact.items[0]["data"]["v"]),
            (then, &json!("1"))
        );
        let newer = page(&store, &format!("resourceVersion={then}")).unwrap();
        assert_eq!(
            (newer.version, &newer.items[0]["data"]["v"]),
            (then + 1, &json!("2"))
        );
        let future = page(&store, &format!("resourceVersion={}", then + 9)).unwrap_err();
        assert_eq!(future.to_status()["code"], 504);
        assert_eq!(
            page(&store, "resourceVersion=x").unwrap_err().to_status()["code"],
            400
        );
    }
}
