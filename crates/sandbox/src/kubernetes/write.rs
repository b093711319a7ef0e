//! Changing objects through the API: create, update, patch, delete, status and scale.
//!
//! Everything goes through [`Store::write`], so that reading the old object and storing the new one is one step.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::kinds::Kind;
use super::list::{found, list};
use super::object;
use super::patch::{PatchError, PatchType};
use super::route::Query;
use super::scale;
use super::store::state::{Key, Propagation};
use super::store::{Store, copy_field};
use crate::clock::rfc3339;

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status, where that is a part of its own.
    Main,
    /// The status.
    Status,
    /// The number of replicas.
    Scale,
}

/// A place that is written to.
pub(crate) struct Place<'a> {
    /// The cluster's objects.
    pub store: &'a Store,
    /// The kind.
    pub kind: &'static Kind,
    /// The namespace; empty for cluster-wide kinds.
    pub namespace: &'a str,
    /// The name; empty when creating.
    pub name: &'a str,
    /// The request's query.
    pub query: &'a Query,
}

impl Place<'_> {
    fn key(&self) -> Key {
        (self.namespace.to_owned(), self.name.to_owned())
    }

    /// Creates the object in the body.
    pub(crate) fn create(&self, mut body: Value) -> Result<Arc<Value>, Failure> {
        self.check_kind(&body)?;
        self.check_namespace(&body)?;
        let name = self.name_for(&body)?;
        if self.kind.namespaced && self.store.get("Namespace", "", self.namespace).is_none() {
            let namespaces = Kind::named("Namespace").unwrap_or(self.kind);
            return Err(Failure::not_found(namespaces, self.namespace));
        }
        if self.kind.has_status {
            object::fields(&mut body).remove("status");
        }
        let key = (self.namespace.to_owned(), name.clone());
        let (object, _) =
            self.store.write(
                self.kind,
                &key,
                self.query.dry_run(),
                |existing| match existing {
                    Some(_) => Err(Failure::already_exists(self.kind, &name)),
                    None => Ok(body),
                },
            )?;
        Ok(object)
    }

    /// Replaces a part of an object with the one in the body.
    pub(crate) fn update(&self, part: Part, body: Value) -> Result<Arc<Value>, Failure> {
        if part != Part::Scale {
            self.check_kind(&body)?;
        }
        self.check_namespace(&body)?;
        let named = object::name(&body);
        if named != self.name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({named}) does not match the name on the URL ({})",
                self.name
            )));
        }
        self.change(part, |_| Ok(body))
    }

    /// Patches a part of an object.
    pub(crate) fn patch(
        &self,
        part: Part,
        content_type: &str,
        patch: &[u8],
    ) -> Result<Arc<Value>, Failure> {
        let accepted: &[&str] = if self.kind.custom {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
            ]
        } else {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ]
        };
        let patch_type = PatchType::of(content_type)
            .filter(|kind| *kind != PatchType::StrategicMerge || !self.kind.custom)
            .ok_or_else(|| Failure::unsupported_media_type(accepted))?;
        self.change(part, |mut current| {
            patch_type
                .apply(&mut current, patch)
                .map_err(|error| match error {
                    PatchError::Step(_) => Failure::unprocessable(error.to_string()),
                    _ => Failure::bad_request(error.to_string()),
                })?;
            Ok(current)
        })
    }

    /// Writes what `change` makes of a part of the object that is there.
    fn change(
        &self,
        part: Part,
        change: impl FnOnce(Value) -> Result<Value, Failure>,
    ) -> Result<Arc<Value>, Failure> {
        let dry_run = self.query.dry_run();
        let write = |existing: Option<&Value>| {
            let existing = existing.ok_or_else(|| Failure::not_found(self.kind, self.name))?;
            let shown = match part {
                Part::Scale => scale::of(existing),
                Part::Main | Part::Status => existing.clone(),
            };
            let mut changed = change(shown)?;
            self.check_identity(existing, &changed)?;
            match part {
                Part::Main if self.kind.has_status => copy_field(existing, &mut changed, "status"),
                Part::Main => {}
                Part::Status => {
                    let mut whole = existing.clone();
                    copy_field(&changed, &mut whole, "status");
                    changed = whole;
                }
                Part::Scale => changed = scale::set(existing, &changed)?,
            }
            Ok(changed)
        };
        let (object, _) = self.store.write(self.kind, &self.key(), dry_run, write)?;
        Ok(match part {
            Part::Scale => Arc::new(scale::of(&object)),
            Part::Main | Part::Status => object,
        })
    }

    /// Deletes an object; answers with a Status if it is gone, with the object if something still holds it.
    pub(crate) fn delete(&self, options: &Value) -> Result<Arc<Value>, Failure> {
        let preconditions = &options["preconditions"];
        let existing = found(self.store, self.kind, self.namespace, self.name)?;
        for (field, label) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            if let Some(meant) = preconditions[field].as_str() {
                let is = object::text(&existing, field);
                if meant != is {
                    return Err(Failure::precondition(
                        self.kind, self.name, label, meant, is,
                    ));
                }
            }
        }
        if !self.query.dry_run() && !dry_run_option(options) {
            let now = rfc3339(self.store.clock().now());
            let outcome = {
                let mut state = self.store.state();
                state.delete(self.kind, &self.key(), self.propagation(options), &now)
            };
            match outcome {
                Some((_, true)) => {}
                Some((held, false)) => return Ok(held),
                None => return Err(Failure::not_found(self.kind, self.name)),
            }
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
    pub(crate) fn delete_all(&self, options: &Value) -> Result<super::list::Page, Failure> {
        let page = list(self.store, self.kind, self.namespace, self.query)?;
        for object in &page.items {
            let place = Place {
                store: self.store,
                kind: self.kind,
                namespace: object::namespace(object),
                name: object::name(object),
                query: self.query,
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

    fn propagation(&self, options: &Value) -> Propagation {
        let policy = match options["propagationPolicy"].as_str() {
            Some(policy) => policy,
            None => self.query.text("propagationPolicy"),
        };
        if policy == "Orphan" || options["orphanDependents"] == true {
            Propagation::Orphan
        } else {
            Propagation::Cascade
        }
    }

    fn check_kind(&self, body: &Value) -> Result<(), Failure> {
        let (kind, version) = (&body["kind"], &body["apiVersion"]);
        let api_version = self.kind.api_version();
        let fits = |given: &Value, wanted: &str| given.is_null() || given == wanted;
        if body.is_object() && fits(kind, self.kind.kind) && fits(version, &api_version) {
            return Ok(());
        }
        Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): got {version} {kind}",
            self.kind.kind
        )))
    }

    fn check_namespace(&self, body: &Value) -> Result<(), Failure> {
        let given = object::namespace(body);
        if given.is_empty() || given == self.namespace {
            return Ok(());
        }
        Err(Failure::bad_request(format!(
            "the namespace of the provided object does not match the namespace sent on the request: {given} is not {}",
            self.namespace
        )))
    }

    fn check_identity(&self, existing: &Value, changed: &Value) -> Result<(), Failure> {
        let version = object::text(changed, "resourceVersion");
        if !version.is_empty() && version != object::text(existing, "resourceVersion") {
            return Err(Failure::conflict(self.kind, self.name));
        }
        let (uid, found) = (object::uid(changed), object::uid(existing));
        if !uid.is_empty() && uid != found {
            return Err(Failure::precondition(
                self.kind, self.name, "UID", uid, found,
            ));
        }
        if object::name(changed) != self.name {
            let problem = format!(
                "Invalid value: {:?}: field is immutable",
                object::name(changed)
            );
            return Err(Failure::invalid(
                self.kind,
                self.name,
                "metadata.name",
                &problem,
            ));
        }
        Ok(())
    }

    /// The name that the object has or gets.
    fn name_for(&self, body: &Value) -> Result<String, Failure> {
        let (name, beginning) = (object::name(body), object::text(body, "generateName"));
        if !name.is_empty() {
            return if is_name(name) {
                Ok(name.to_owned())
            } else {
                let problem = format!(
                    "Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                     characters, '-' or '.', and must start and end with an alphanumeric character"
                );
                Err(Failure::invalid(self.kind, name, "metadata.name", &problem))
            };
        }
        if beginning.is_empty() {
            let problem = "Required value: name or generateName is required";
            return Err(Failure::invalid(self.kind, "", "metadata.name", problem));
        }
        let version = self.store.version().to_string();
        let suffix = object::name_suffix(&[self.store.name(), beginning, &version]);
        Ok(format!("{beginning}{suffix}"))
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || matches!(c, '-' | '.'))
}

fn dry_run_option(options: &Value) -> bool {
    options["dryRun"]
        .as_array()
        .is_some_and(|stages| stages.iter().any(|stage| stage == "All"))
}

#[cfg(test)]
mod tests;
