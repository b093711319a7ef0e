//! Parts of objects that are only ever created: the token of a service account, the eviction of a pod.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::list::found;
use super::object;
use super::roles::account;
use super::write::Place;

/// Gives a service account a token, which names it until the server ends.
pub(crate) fn token(place: &Place<'_>, asked: &Value) -> Result<Value, Failure> {
    let existing = found(place.store, place.kind, place.namespace, place.name)?;
    let user = account(place.namespace, place.name);
    let version = place.store.version().to_string();
    let token = object::hex(&[place.store.name(), &user, object::uid(&existing), &version]);
    place.store.access().give_token(&user, &token);
    let now = place.store.clock().now();
    let ends = now.checked_add(jiff::SignedDuration::from_hours(1));
    let mut answer = asked.clone();
    object::fields(&mut answer);
    answer["apiVersion"] = json!("authentication.k8s.io/v1");
    answer["kind"] = json!("TokenRequest");
    answer["status"] = json!({
        "token": token,
        "expirationTimestamp": crate::clock::rfc3339(ends.unwrap_or(now)),
    });
    Ok(answer)
}

/// Deletes a pod as whoever drains a node does.
pub(crate) fn evict(place: &Place<'_>, eviction: &Value) -> Result<Arc<Value>, Failure> {
    let named = object::name(eviction);
    if !named.is_empty() && named != place.name {
        return Err(Failure::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let mut options = eviction["deleteOptions"].clone();
    if place.query.dry_run() {
        object::fields(&mut options).insert("dryRun".into(), json!(["All"]));
    }
    place.delete(&options)?;
    Ok(Arc::new(json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    })))
}
