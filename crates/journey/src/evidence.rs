//! How things are named and proven: references to objects of every system, and pieces of evidence.
//!
//! Owns the spelling of references and field paths. Judges nothing.

use api::ObjectRef;
use api::journey::Evidence;
use facts::code::{CiRun, PullRequest};
use facts::image::ImageReference;
use facts::kubernetes::{Event, Pod, Workload};
use facts::meta::{Condition, Key, Reference};
use jiff::Timestamp;

use crate::view::Place;

/// An object of a cluster.
pub fn object(place: Place<'_>, kind: &str, key: &Key) -> ObjectRef {
    ObjectRef::new(place.name, kind, &key.namespace, &key.name)
}

/// An object of a cluster, by reference.
pub fn referred(place: Place<'_>, reference: &Reference) -> ObjectRef {
    object(place, &reference.kind, &reference.key())
}

/// A workload.
pub fn workload(place: Place<'_>, workload: &Workload) -> ObjectRef {
    object(place, workload.kind.name(), &workload.meta.key())
}

/// A pod, or a task of ECS.
pub fn pod(place: Place<'_>, pod: &Pod) -> ObjectRef {
    object(place, place.pod_kind().name(), &pod.meta.key())
}

/// A CI run.
pub fn run(repository: &str, run: &CiRun) -> ObjectRef {
    hosted(repository, "WorkflowRun", run.id.to_string())
}

/// A pull request.
pub fn pull(repository: &str, pull: &PullRequest) -> ObjectRef {
    hosted(repository, "PullRequest", pull.number.to_string())
}

/// A commit.
pub fn commit(repository: &str, sha: &str) -> ObjectRef {
    hosted(repository, "Commit", sha)
}

/// A file of a repository.
pub fn file(repository: &str, path: &str) -> ObjectRef {
    hosted(repository, "File", path)
}

/// An image, by tag or digest.
pub fn image(reference: &ImageReference) -> ObjectRef {
    let name = reference
        .tag
        .as_deref()
        .or(reference.digest.as_deref())
        .unwrap_or("latest");
    hosted(&reference.repository, "Image", name)
}

/// All tags of an image.
pub fn image_repository(repository: &str) -> ObjectRef {
    let (host, path) = split(repository);
    ObjectRef::new(host, "ImageTags", "", path)
}

fn hosted(repository: &str, kind: &str, name: impl Into<String>) -> ObjectRef {
    let (host, path) = split(repository);
    ObjectRef::new(host, kind, path, name)
}

fn split(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or(("", repository))
}

/// One thing that was read.
pub fn evidence(
    object: &ObjectRef,
    field: impl Into<String>,
    value: impl Into<String>,
    at: Option<Timestamp>,
) -> Evidence {
    Evidence {
        object: object.clone(),
        field: field.into(),
        value: value.into(),
        at,
    }
}

/// What a condition says: its reason and its message, whole.
pub fn condition(object: &ObjectRef, condition: &Condition) -> Vec<Evidence> {
    let field = |part: &str| format!("status.conditions[{}].{part}", condition.kind);
    let mut said = Vec::new();
    if !condition.message.is_empty() {
        said.push(evidence(
            object,
            field("message"),
            &condition.message,
            condition.since,
        ));
    }
    if !condition.reason.is_empty() {
        said.push(evidence(
            object,
            field("reason"),
            &condition.reason,
            condition.since,
        ));
    }
    said
}

/// What an event says about an object.
pub fn event(place: Place<'_>, event: &Event) -> Evidence {
    evidence(
        &referred(place, &event.about),
        format!("event[{}].message", event.reason),
        &event.message,
        event.last,
    )
}
