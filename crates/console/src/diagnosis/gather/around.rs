//! What stands around an object: what owns and applies it upwards, and what it owns down to its pods.
//!
//! Owns how one is found from the other: by owner references, by Flux's labels, and never by a name that is alike.

use std::collections::BTreeSet;

use api::ObjectRef;
use cluster::Cluster;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::super::object::{applier, list, owner, source, text};
use super::super::{Is, Seen};

/// How far up owners are followed.
const OWNERS: usize = 4;
/// How far up it is followed who applies an object.
const APPLIERS: usize = 3;

/// Why something could not be read: a sentence of the report.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub String);

/// Reads of one cluster, by when there has to be an answer.
pub struct Reader<'a> {
    /// Of which.
    pub cluster: &'a Cluster,
    /// By when.
    pub until: Instant,
}

impl Reader<'_> {
    /// An object; `None` where there is none.
    pub async fn one(&self, object: &ObjectRef) -> Result<Option<Value>, Unread> {
        match timeout_at(self.until, self.cluster.look(object)).await {
            Ok(read) => read.map_err(|why| Unread(why.to_string())),
            Err(_) => Err(Unread(format!("{object} was not read in time"))),
        }
    }

    pub async fn all(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, Unread> {
        match timeout_at(self.until, self.cluster.look_all(kind, namespace)).await {
            Ok(read) => read.map_err(|why| Unread(why.to_string())),
            Err(_) => Err(Unread(format!(
                "the {kind} objects in {namespace} were not read in time"
            ))),
        }
    }
}

/// The object, and what owns and applies it.
#[derive(Default)]
pub struct Around {
    pub objects: Vec<Seen>,
    /// The server says that there is no such object.
    pub is_absent: bool,
    pub unread: Vec<String>,
}

impl Around {
    /// Reads one more object; the place of it among those that were read.
    pub async fn add(&mut self, reader: &Reader<'_>, is: Is, object: &ObjectRef) -> Option<usize> {
        if self.objects.iter().any(|seen| seen.object == *object) {
            return None;
        }
        match reader.one(object).await {
            Ok(Some(json)) => {
                self.objects.push(Seen {
                    is,
                    object: object.clone(),
                    json,
                });
                return Some(self.objects.len() - 1);
            }
            Ok(None) => {
                self.is_absent |= is == Is::Itself;
                let system = reader.cluster.name();
                self.unread.push(format!("{object} is not on {system}"));
            }
            Err(why) => self.unread.push(why.0),
        }
        None
    }

    fn related(&self, at: usize, find: fn(&Value, &str) -> Option<ObjectRef>) -> Option<ObjectRef> {
        let seen = self.objects.get(at)?;
        find(&seen.json, &seen.object.system)
    }
}

/// Reads them.
pub async fn around(reader: &Reader<'_>, object: &ObjectRef) -> Around {
    let mut around = Around::default();
    let Some(mut top) = around.add(reader, Is::Itself, object).await else {
        return around;
    };
    for _ in 0..OWNERS {
        let Some(owner) = around.related(top, owner) else {
            break;
        };
        match around.add(reader, Is::Owner, &owner).await {
            Some(at) => top = at,
            None => break,
        }
    }
    for _ in 0..APPLIERS {
        if let Some(source) = around.related(top, source) {
            around.add(reader, Is::Source, &source).await;
        }
        let Some(applier) = around.related(top, applier) else {
            break;
        };
        match around.add(reader, Is::Applier, &applier).await {
            Some(at) => top = at,
            None => return around,
        }
    }
    if let Some(source) = around.related(top, source) {
        around.add(reader, Is::Source, &source).await;
    }
    around
}

/// What an object owns down to its pods.
#[derive(Default)]
pub struct Owned {
    pub pods: Vec<Value>,
    /// What stands between it and its pods: kind and name.
    pub between: Vec<(String, String)>,
    pub unread: Vec<String>,
}

/// Reads it.
pub async fn owned(reader: &Reader<'_>, root: &Seen) -> Owned {
    let mut owned = Owned::default();
    let ObjectRef {
        kind, namespace, ..
    } = &root.object;
    if kind == "Pod" {
        owned.pods.push(root.json.clone());
        return owned;
    }
    let mut owners: BTreeSet<String> = BTreeSet::new();
    owners.insert(text(&root.json, "/metadata/uid").to_owned());
    let between = match kind.as_str() {
        "Deployment" => Some("ReplicaSet"),
        "CronJob" => Some("Job"),
        _ => None,
    };
    if let Some(between) = between {
        match reader.all(between, namespace).await {
            Ok(all) => {
                let all: Vec<_> = all
                    .into_iter()
                    .filter(|one| is_owned(one, &owners))
                    .collect();
                for one in &all {
                    owners.insert(text(one, "/metadata/uid").to_owned());
                    let name = text(one, "/metadata/name").to_owned();
                    owned.between.push((between.to_owned(), name));
                }
            }
            Err(why) => owned.unread.push(why.0),
        }
    }
    match reader.all("Pod", namespace).await {
        Ok(all) => owned
            .pods
            .extend(all.into_iter().filter(|pod| is_owned(pod, &owners))),
        Err(why) => owned.unread.push(why.0),
    }
    owned
}

fn is_owned(json: &Value, owners: &BTreeSet<String>) -> bool {
    list(json, "/metadata/ownerReferences").any(|owner| owners.contains(text(owner, "/uid")))
}
