//! Making a call of an object that was read, with the fields that it changes.
//!
//! Owns that every change is guarded by what was read, carries the run's mark, and is listed whole: the list is made of what
//! is sent.

use api::headline::plain;
use serde_json::Value as Json;

use crate::call::{Call, Change, ObjectCall, Version, run_stamp};
use crate::journal::RunId;
use crate::plan::Changed;
use crate::step::object::Object;

/// What stands for the run's id in a plan, which is the same for every run of it.
pub(super) const THE_RUN: &str = "(the run's id)";

/// The most characters of a value in a plan's list.
const LONGEST_VALUE: usize = 300;

/// A merge into an object, with the run's mark. `as_it_is`: only while it is the version that was read. Flux writes the status of
/// its own objects all the time, and once more as soon as what feeds them moves: that is no reason to leave them alone.
pub(super) fn merge(
    object: &Object<'_>,
    fields: Json,
    stamps: impl IntoIterator<Item = String>,
    as_it_is: bool,
) -> Result<(Call, Vec<Changed>), String> {
    let kind = object.kind()?;
    let on = object.on.clone();
    let api_version = object.text("apiVersion")?.unwrap_or_default();
    let mut call = ObjectCall {
        path: kind.path_as(api_version, &on.namespace, &on.name),
        right: kind.right("patch", &on.namespace),
        object: on,
        change: Change::Merge(fields),
        only_if: None,
        stamps: stamps.into_iter().chain([run_stamp()]).collect(),
    };
    let mut changes = Vec::new();
    list(
        object,
        &mut Vec::new(),
        &call.body(&RunId::new(THE_RUN)),
        &mut changes,
    )?;
    call.only_if = Some(version(object, as_it_is)?);
    Ok((call.into(), changes))
}

/// The deletion of exactly that object. `as_it_is`: only while it is the version that was read, too.
pub(super) fn delete(object: &Object<'_>, as_it_is: bool) -> Result<(Call, Vec<Changed>), String> {
    let kind = object.kind()?;
    let on = object.on.clone();
    let gone = Changed {
        object: on.clone(),
        field: "metadata.name".to_owned(),
        from: Some(on.name.clone()),
        to: None,
    };
    let call = ObjectCall {
        path: kind.path(&on.namespace, &on.name),
        right: kind.right("delete", &on.namespace),
        object: on,
        change: Change::Delete,
        only_if: Some(version(object, as_it_is)?),
        stamps: Vec::new(),
    };
    Ok((call.into(), vec![gone]))
}

fn version(object: &Object<'_>, as_it_is: bool) -> Result<Version, String> {
    let version = object.version()?;
    Ok(Version {
        resource_version: version.resource_version.filter(|_| as_it_is),
        ..version
    })
}

/// Adds what a merge of `new` at a place changes.
fn list(
    object: &Object<'_>,
    place: &mut Vec<String>,
    new: &Json,
    changes: &mut Vec<Changed>,
) -> Result<(), String> {
    if let Json::Object(fields) = new {
        for (name, value) in fields {
            place.push(name.clone());
            list(object, place, value, changes)?;
            place.pop();
        }
        return Ok(());
    }
    let from = old(object, place)?;
    let to = words(new);
    if from != to {
        changes.push(Changed {
            object: object.on.clone(),
            field: spelt(place),
            from,
            to,
        });
    }
    Ok(())
}

fn old(object: &Object<'_>, place: &[String]) -> Result<Option<String>, String> {
    let Some((last, before)) = place.split_last() else {
        return Ok(None);
    };
    let holder = object.field(&before.join("."))?;
    Ok(holder.and_then(|holder| holder.get(last)).and_then(words))
}

fn words(value: &Json) -> Option<String> {
    let text = match value {
        Json::Null => return None,
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(plain(&text, LONGEST_VALUE))
}

/// `spec.replicas`; `metadata.annotations["landfall.dev/run"]`.
fn spelt(place: &[String]) -> String {
    let mut text = String::new();
    for name in place {
        if name.contains(['.', '/']) {
            text.push_str(&format!("[{name:?}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
    text
}
