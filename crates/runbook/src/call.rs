//! What is sent: one change of one object, one commit, or one change of an ECS service, exactly as it goes out, as data.
//!
//! Owns the calls and their words. Sends nothing.

mod commit;
mod ecs;

use api::ObjectRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::ground::Look;
use crate::journal::RunId;

pub use commit::{Commit, Edit, Landing};
pub use ecs::{EcsCall, EcsChange, EcsVersion};

/// Whose changes these are, in an object's managed fields. Flux takes back what managers wrote whose names begin with
/// `kubectl`.
pub const FIELD_MANAGER: &str = "landfall";
/// The annotation that says which run wrote something: what came of a write whose answer was lost is read from it.
pub const RUN: &str = "landfall.dev/run";

/// The stamp by which what is made is called as the run is: a second call of the same run finds the name taken.
pub const NAME: &str = "/metadata/name";

/// One thing that is sent, once. As JSON it is what it holds: journals of before there were several kinds are read still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Call {
    /// To a cluster.
    Object(ObjectCall),
    /// To a code host.
    Commit(Commit),
    /// To AWS.
    Ecs(EcsCall),
}

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectCall {
    /// The object that changes. The name of one that is made may end in the run's id, which is not in here yet:
    /// [`Self::subject`] has it.
    pub object: ObjectRef,
    /// Its path on the API server, without a query.
    pub path: String,
    /// What is done to it.
    pub change: Change,
    /// What it has to be still: another object of the same name, or one that has changed since, is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<Version>,
    /// Where in what is sent the run's id stands, as JSON pointers: a plan is the same for every run of it. It stands after
    /// the text that is there already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<String>,
    /// The right that it needs.
    pub right: Right,
}

/// What is done to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// These fields become these; `null` removes one (a JSON merge patch).
    Merge(Json),
    /// It is made.
    Create(Json),
    /// It is deleted, with what it owns.
    Delete,
}

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The object's own id.
    pub uid: String,
    /// Its version; absent where any version of this very object will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// A right in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// `patch`.
    pub verb: String,
    /// The API group; empty for the core.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// The subresource; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// Where.
    pub namespace: String,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        write!(f, " in {}", self.namespace)
    }
}

impl From<ObjectCall> for Call {
    fn from(call: ObjectCall) -> Self {
        Self::Object(call)
    }
}

impl Call {
    /// The change of an object, if it is one.
    pub fn object(&self) -> Option<&ObjectCall> {
        match self {
            Self::Object(call) => Some(call),
            Self::Commit(_) | Self::Ecs(_) => None,
        }
    }

    /// The commit, if it is one.
    pub fn commit(&self) -> Option<&Commit> {
        match self {
            Self::Commit(commit) => Some(commit),
            Self::Object(_) | Self::Ecs(_) => None,
        }
    }

    /// The change of an ECS service or task, if it is one.
    pub fn ecs(&self) -> Option<&EcsCall> {
        match self {
            Self::Ecs(call) => Some(call),
            Self::Object(_) | Self::Commit(_) => None,
        }
    }

    /// The system that it is sent to, or whose objects follow from it.
    pub fn system(&self) -> &str {
        match self {
            Self::Object(call) => &call.object.system,
            Self::Commit(commit) => &commit.system,
            Self::Ecs(call) => &call.object.system,
        }
    }

    /// The right in the cluster that it needs; `None` where it goes elsewhere.
    pub fn right(&self) -> Option<&Right> {
        match self {
            Self::Object(call) => Some(&call.right),
            Self::Commit(_) | Self::Ecs(_) => None,
        }
    }

    /// What is read to find out whether it has arrived, where its answer was lost.
    pub fn look(&self, run: &RunId) -> Look {
        match self {
            Self::Object(call) => Look::Object(call.subject(run)),
            Self::Commit(commit) => commit.look(run),
            Self::Ecs(call) => Look::Object(call.object.clone()),
        }
    }

    /// What it is done to, in a sentence: `Deployment shop/checkout`, or a branch of a repository.
    pub fn subject(&self, run: &RunId) -> String {
        match self {
            Self::Object(call) => call.subject(run).to_string(),
            Self::Commit(commit) => commit.place(),
            Self::Ecs(call) => call.object.to_string(),
        }
    }

    /// What it is called in a sentence: `the change of Deployment shop/checkout`.
    pub fn naming(&self, run: &RunId) -> String {
        let subject = self.subject(run);
        match self {
            Self::Object(call) => match call.change {
                Change::Merge(_) => format!("the change of {subject}"),
                Change::Create(_) => format!("the creation of {subject}"),
                Change::Delete => format!("the deletion of {subject}"),
            },
            Self::Commit(commit) => match commit.landing {
                Landing::Commit => format!("the commit to {subject}"),
                Landing::PullRequest => format!("the pull request into {subject}"),
            },
            Self::Ecs(call) => call.naming(),
        }
    }
}

impl ObjectCall {
    /// The object, by the name that it has in this run.
    pub fn subject(&self, run: &RunId) -> ObjectRef {
        let mut object = self.object.clone();
        if matches!(self.change, Change::Create(_)) && self.stamps.iter().any(|at| at == NAME) {
            object.name.push_str(run.as_str());
        }
        object
    }

    /// What is sent as the body by this run, with what the object has to be still.
    pub fn body(&self, run: &RunId) -> Json {
        let mut body = match &self.change {
            Change::Merge(fields) => fields.clone(),
            Change::Create(object) => object.clone(),
            Change::Delete => json!({
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Background",
            }),
        };
        let version = self.only_if.as_ref();
        let holder = match &self.change {
            Change::Merge(_) => "/metadata",
            Change::Delete => "/preconditions",
            Change::Create(_) => "",
        };
        if let Some(version) = version.filter(|_| !holder.is_empty()) {
            put(&mut body, &format!("{holder}/uid"), json!(version.uid));
            if let Some(version) = &version.resource_version {
                put(
                    &mut body,
                    &format!("{holder}/resourceVersion"),
                    json!(version),
                );
            }
        }
        for stamp in &self.stamps {
            let before = body.pointer(stamp).and_then(Json::as_str);
            let text = format!("{}{run}", before.unwrap_or_default());
            put(&mut body, stamp, json!(text));
        }
        body
    }
}

/// Sets the value at a JSON pointer, making the objects on the way. What is no object on the way stays as it is.
fn put(within: &mut Json, pointer: &str, value: Json) {
    let mut place = within;
    for part in pointer.split('/').skip(1) {
        let Json::Object(fields) = place else { return };
        let name = part.replace("~1", "/").replace("~0", "~");
        place = fields.entry(name).or_insert_with(|| json!({}));
    }
    *place = value;
}

/// The stamp that every change of an object's fields carries.
pub fn run_stamp() -> String {
    format!("/metadata/annotations/{}", RUN.replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(change: Change, stamps: Vec<String>) -> ObjectCall {
        ObjectCall {
            object: ObjectRef::new("prod", "Deployment", "shop", "checkout"),
            path: "/apis/apps/v1/namespaces/shop/deployments/checkout".to_owned(),
            change,
            only_if: Some(Version {
                uid: "u".to_owned(),
                resource_version: Some("7".to_owned()),
            }),
            stamps,
            right: Right {
                verb: "patch".to_owned(),
                group: "apps".to_owned(),
                resource: "deployments".to_owned(),
                subresource: String::new(),
                namespace: "shop".to_owned(),
            },
        }
    }

    #[test]
    fn what_is_sent_names_the_version_that_was_looked_at_and_the_run() {
        let run = RunId::new("r1");
        let scale = call(
            Change::Merge(json!({"spec": {"replicas": 3}})),
            vec![run_stamp()],
        );
        assert_eq!(
            scale.body(&run),
            json!({
                "spec": {"replicas": 3},
                "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {"landfall.dev/run": "r1"}},
            })
        );
        let gone = call(Change::Delete, Vec::new()).body(&run);
        assert_eq!(
            gone["preconditions"],
            json!({"uid": "u", "resourceVersion": "7"})
        );
    }

    #[test]
    fn what_is_made_is_called_as_the_run_is_and_keeps_what_its_name_begins_with() {
        let mut make = call(
            Change::Create(json!({"metadata": {"name": "backup-"}})),
            vec![NAME.to_owned(), run_stamp()],
        );
        make.object.name = "backup-".to_owned();
        let run = RunId::new("r1");
        assert_eq!(
            make.body(&run),
            json!({"metadata": {"name": "backup-r1", "annotations": {"landfall.dev/run": "r1"}}})
        );
        assert_eq!(make.subject(&run).name, "backup-r1");
        make.change = Change::Delete;
        assert_eq!(make.subject(&run).name, "backup-");
    }
}
