//! Deleting objects through the API: what is meant, what goes with it, and what the answer is.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::list::{Page, found, list};
use super::object;
use super::store::state::{FOREGROUND, ORPHAN, Propagation};
use super::write::Place;
use crate::clock::rfc3339;

impl Place<'_> {
    /// Deletes an object as the options say, whatever the query does; answers with a Status if it is gone, with the object
    /// if something still holds it, and of pods always with the object.
    pub(crate) fn delete(&self, options: &Value) -> Result<Arc<Value>, Failure> {
        let preconditions = &options["preconditions"];
        let existing = found(self.store, self.kind, self.namespace, self.name)?;
        for (field, label) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            if let Some(meant) = preconditions[field].as_str() {
                let is = object::text(&existing, field);
                if meant != is {
                    return Err(Failure::deletion_precondition(
                        self.kind, self.name, label, meant, is,
                    ));
                }
            }
        }
        let policy = policy(options)?;
        if !is_dry_run(options) {
            let now = rfc3339(self.store.clock().now());
            let is_held = object::has_finalizers(&existing);
            let (finalizer, propagation) = match policy {
                "Foreground" => (Some(FOREGROUND), Propagation::Cascade),
                "Orphan" => (Some(ORPHAN), Propagation::Orphan),
                _ => (None, Propagation::Cascade),
            };
            let by_stages = finalizer.is_some() || self.kind.kind == "Namespace";
            let mut state = self.store.state();
            let outcome = if by_stages && !is_held {
                let marked = state.delete_by_stages(self.kind, &self.key(), finalizer, &now);
                marked.map(|marked| (marked, false))
            } else {
                state.delete(self.kind, &self.key(), propagation, &now)
            };
            match outcome {
                Some((_, true)) => {}
                Some((held, false)) => return Ok(held),
                None => return Err(Failure::not_found(self.kind, self.name)),
            }
        }
        if self.kind.kind == "Pod" {
            return Ok(existing);
        }
        let mut details = json!({
            "name": self.name, "kind": self.kind.plural, "uid": object::uid(&existing)});
        if !self.kind.group.is_empty() {
            details["group"] = json!(self.kind.group);
        }
        Ok(Arc::new(json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        })))
    }

    /// Deletes every object that the query chooses; answers with their list.
    pub(crate) fn delete_all(&self, options: &Value) -> Result<Page, Failure> {
        let page = list(self.store, self.kind, self.namespace, self.query)?;
        for object in &page.items {
            let place = Place {
                store: self.store,
                kind: self.kind,
                namespace: object::namespace(object),
                name: object::name(object),
                query: self.query,
                manager: self.manager,
            };
            // Who went meanwhile, or with another, is gone as well.
            if let Err(failure) = place.delete(options)
                && !failure.is_not_found()
            {
                return Err(failure);
            }
        }
        Ok(page)
    }
}

/// What is to happen to dependents, in the words of the request.
fn policy(options: &Value) -> Result<&str, Failure> {
    match options["propagationPolicy"].as_str().unwrap_or_default() {
        "" if options["orphanDependents"] == true => Ok("Orphan"),
        policy @ ("" | "Background" | "Foreground" | "Orphan") => Ok(policy),
        other => {
            let problem = format!(
                "Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            );
            Err(Failure::invalid_options(
                "DeleteOptions",
                "propagationPolicy",
                &problem,
            ))
        }
    }
}

fn is_dry_run(options: &Value) -> bool {
    options["dryRun"]
        .as_array()
        .is_some_and(|stages| stages.iter().any(|stage| stage == "All"))
}
