//! Changing objects through the API: create, update, patch, apply, status and scale.
//!
//! Everything goes through [`Store::write`], so that reading the old object and storing the new one is one step.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::applied;
use super::definitions::define;
use super::failure::Failure;
use super::kinds::Kind;
use super::managed::{Writer, updated};
use super::object;
use super::patch::{PatchError, PatchType};
use super::route::Query;
use super::scale;
use super::store::state::Key;
use super::store::{Store, copy_field};
use super::validate::validate;
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

/// What was sent, which decides what another UID in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// An object: its UID is a precondition.
    Whole,
    /// A patch: its UID is a field like others, and one that cannot change.
    Patch,
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
    /// Who writes.
    pub manager: &'a str,
}

impl Place<'_> {
    pub(super) fn key(&self) -> Key {
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
        self.fill(&mut body);
        if self.kind.kind == "Pod" {
            body["status"] = json!({"phase": "Pending"});
        }
        validate(self.kind, None, &body)?;
        if self.kind.kind == "CustomResourceDefinition" && !self.query.dry_run() {
            define(&mut body, &rfc3339(self.store.clock().now()))?;
        }
        let key = (self.namespace.to_owned(), name.clone());
        let (object, _) =
            self.store.write(
                self.kind,
                &key,
                self.query.dry_run(),
                |existing| match existing {
                    Some(_) => Err(Failure::already_exists(self.kind, &name)),
                    None => {
                        let now = self.now();
                        updated(self.kind, None, &mut body, self.writer(Part::Main, &now));
                        Ok(body)
                    }
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
        if self.kind.custom && part != Part::Scale && object::version(&body) == 0 {
            let problem = "Invalid value: 0: must be specified for an update";
            let field = "metadata.resourceVersion";
            return Err(Failure::invalid(self.kind, self.name, field, problem));
        }
        self.change(part, Sent::Whole, |_| Ok(body))
    }

    fn now(&self) -> String {
        rfc3339(self.store.clock().now())
    }

    fn writer<'b>(&'b self, part: Part, now: &'b str) -> Writer<'b> {
        Writer {
            manager: self.manager,
            applies: false,
            status: part == Part::Status,
            now,
        }
    }

    /// Applies what a manager wants of an object, which is made if it is not there.
    fn apply(&self, part: Part, body: &[u8]) -> Result<Arc<Value>, Failure> {
        if self.query.text("fieldManager").is_empty() {
            let problem = "Required value: is required for apply patch";
            return Err(Failure::invalid_options(
                "PatchOptions",
                "fieldManager",
                problem,
            ));
        }
        let wanted: Value = serde_yaml_ng::from_slice(body).map_err(|error| {
            let told = format!("error decoding YAML: error converting YAML to JSON: yaml: {error}");
            Failure::bad_request(told)
        })?;
        if !wanted["kind"].is_string() || !wanted["apiVersion"].is_string() {
            return Err(Failure::bad_request("invalid object type: /, Kind="));
        }
        self.check_kind(&wanted)?;
        self.check_namespace(&wanted)?;
        if !wanted["metadata"]["managedFields"].is_null() {
            let told = "metadata.managedFields must be nil";
            return Err(Failure::bad_request(told));
        }
        let namespace_is_there = || self.store.get("Namespace", "", self.namespace).is_some();
        if self.kind.namespaced && !namespace_is_there() {
            let namespaces = Kind::named("Namespace").unwrap_or(self.kind);
            return Err(Failure::not_found(namespaces, self.namespace));
        }
        let now = self.now();
        let writer = Writer {
            applies: true,
            ..self.writer(part, &now)
        };
        let force = self.query.flag("force");
        let write = |existing: Option<&Value>| {
            match existing {
                None if part != Part::Main => return Err(Failure::not_found(self.kind, self.name)),
                None => self.check_name(self.name)?,
                Some(existing) => {
                    let mut named = wanted.clone();
                    object::section(&mut named, "metadata")
                        .entry("name")
                        .or_insert_with(|| json!(self.name));
                    self.check_identity(existing, &named, Sent::Patch)?;
                }
            }
            let mut object = applied(self.kind, existing, &wanted, writer, force)?;
            self.fill(&mut object);
            if let Some(existing) = existing {
                self.check_finalizers(existing, &object)?;
            }
            validate(self.kind, existing, &object)?;
            Ok(object)
        };
        let dry_run = self.query.dry_run();
        let (object, _) = self.store.write(self.kind, &self.key(), dry_run, write)?;
        Ok(object)
    }

    /// Patches a part of an object.
    pub(crate) fn patch(
        &self,
        part: Part,
        content_type: &str,
        patch: &[u8],
    ) -> Result<Arc<Value>, Failure> {
        if content_type.starts_with("application/apply-patch+yaml") && part != Part::Scale {
            return self.apply(part, patch);
        }
        if !self.query.text("force").is_empty() {
            let problem = "Forbidden: may not be specified for non-apply patch";
            return Err(Failure::invalid_options("PatchOptions", "force", problem));
        }
        let accepted: &[&str] = if self.kind.custom {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ]
        } else {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ]
        };
        let patch_type = PatchType::of(content_type)
            .filter(|kind| *kind != PatchType::StrategicMerge || !self.kind.custom)
            .ok_or_else(|| Failure::unsupported_media_type(accepted))?;
        self.change(part, Sent::Patch, |mut current| {
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
        sent: Sent,
        change: impl FnOnce(Value) -> Result<Value, Failure>,
    ) -> Result<Arc<Value>, Failure> {
        let dry_run = self.query.dry_run();
        let write = |existing: Option<&Value>| {
            let existing = existing.ok_or_else(|| Failure::not_found(self.kind, self.name))?;
            let shown = match part {
                Part::Scale => scale::of(self.kind, existing),
                Part::Main | Part::Status => existing.clone(),
            };
            let mut changed = change(shown)?;
            // A scale is read from its workload, and compared as something sent whole.
            let sent = if part == Part::Scale {
                Sent::Whole
            } else {
                sent
            };
            self.check_identity(existing, &changed, sent)?;
            match part {
                Part::Main => {
                    self.fill(&mut changed);
                    self.check_finalizers(existing, &changed)?;
                    validate(self.kind, Some(existing), &changed)?;
                    if self.kind.has_status {
                        copy_field(existing, &mut changed, "status");
                    }
                }
                Part::Status => {
                    let mut whole = existing.clone();
                    copy_field(&changed, &mut whole, "status");
                    changed = whole;
                }
                Part::Scale => changed = scale::set(self.kind, existing, &changed)?,
            }
            let now = self.now();
            updated(
                self.kind,
                Some(existing),
                &mut changed,
                self.writer(part, &now),
            );
            Ok(changed)
        };
        let (object, _) = self.store.write(self.kind, &self.key(), dry_run, write)?;
        Ok(match part {
            Part::Scale => Arc::new(scale::of(self.kind, &object)),
            Part::Main | Part::Status => object,
        })
    }

    /// Fills in what is left out: the one default that clients look for.
    fn fill(&self, body: &mut Value) {
        if self.kind.has_scale && !self.kind.custom && body["spec"].is_object() {
            let spec = object::section(body, "spec");
            if spec.get("replicas").is_none_or(Value::is_null) {
                spec.insert("replicas".into(), json!(1));
            }
        }
    }

    fn check_finalizers(&self, existing: &Value, changed: &Value) -> Result<(), Failure> {
        if object::text(existing, "deletionTimestamp").is_empty() {
            return Ok(());
        }
        let held = &existing["metadata"]["finalizers"];
        let is_new = |finalizer: &&Value| {
            let held = held.as_array();
            !held.is_some_and(|held| held.contains(finalizer))
        };
        let wanted = changed["metadata"]["finalizers"].as_array();
        let Some(new) = wanted.into_iter().flatten().find(is_new) else {
            return Ok(());
        };
        let problem = format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \
             []string{{{new}}}"
        );
        Err(Failure::invalid(
            self.kind,
            self.name,
            "metadata.finalizers",
            &problem,
        ))
    }

    fn check_kind(&self, body: &Value) -> Result<(), Failure> {
        let (kind, version) = (&body["kind"], &body["apiVersion"]);
        let api_version = self.kind.api_version();
        let fits = |given: &Value, wanted: &str| given.is_null() || given == wanted;
        if body.is_object() && fits(kind, self.kind.kind) && fits(version, &api_version) {
            return Ok(());
        }
        if let (Some(kind), Some(version)) = (kind.as_str(), version.as_str()) {
            return Err(Failure::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {}",
                self.kind.kind
            )));
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

    fn check_identity(&self, existing: &Value, changed: &Value, sent: Sent) -> Result<(), Failure> {
        let version = object::text(changed, "resourceVersion");
        if !version.is_empty() && version != object::text(existing, "resourceVersion") {
            return Err(Failure::conflict(self.kind, self.name));
        }
        let (uid, found) = (object::uid(changed), object::uid(existing));
        if !uid.is_empty() && uid != found {
            return Err(match sent {
                Sent::Whole => Failure::precondition(self.kind, self.name, "UID", uid, found),
                Sent::Patch => Failure::another_uid(self.kind, self.name, uid),
            });
        }
        if object::name(changed) != self.name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                object::name(changed),
                self.name
            )));
        }
        Ok(())
    }

    /// The name that the object has or gets.
    fn name_for(&self, body: &Value) -> Result<String, Failure> {
        let (name, beginning) = (object::name(body), object::text(body, "generateName"));
        if !name.is_empty() {
            return self.check_name(name).map(|()| name.to_owned());
        }
        if beginning.is_empty() {
            let problem = "Required value: name or generateName is required";
            return Err(Failure::invalid(self.kind, "", "metadata.name", problem));
        }
        let version = self.store.version().to_string();
        let suffix = object::name_suffix(&[self.store.name(), beginning, &version]);
        Ok(format!("{beginning}{suffix}"))
    }

    fn check_name(&self, name: &str) -> Result<(), Failure> {
        if is_name(name) {
            Ok(())
        } else {
            let shape = match self.kind.kind {
                "Namespace" => "label must consist of lower case alphanumeric characters or '-'",
                _ => "subdomain must consist of lower case alphanumeric characters, '-' or '.'",
            };
            let problem = format!(
                "Invalid value: {name:?}: a lowercase RFC 1123 {shape}, and must start and end with an alphanumeric \
                     character"
            );
            Err(Failure::invalid(self.kind, name, "metadata.name", &problem))
        }
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests;
