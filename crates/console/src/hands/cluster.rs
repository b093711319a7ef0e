//! The clusters that are open, as an action reads and changes them.
//!
//! Owns the way from a change of an object to what is sent. The only place outside of `cluster` that can name a change of one;
//! a test of the repository's rules holds that.

use std::sync::Arc;

use api::ObjectRef;
use cluster::{Access, Cluster, Write, WriteFailure, WriteKind};
use runbook::call::{Change, FIELD_MANAGER, ObjectCall, Right};
use runbook::ground::Read;
use runbook::journal::{Answer, RunId};

/// The clusters.
pub struct Clusters(pub Arc<[Cluster]>);

impl Clusters {
    fn cluster(&self, system: &str) -> Option<&Cluster> {
        self.0.iter().find(|cluster| cluster.name() == system)
    }

    pub async fn object(&self, object: &ObjectRef) -> Read {
        let Some(cluster) = self.cluster(&object.system) else {
            return Read::Unknown(not_open(&object.system));
        };
        let found = cluster.look(object).await;
        let read = found.map(|found| found.map_or(Read::Absent, Read::Object));
        read.unwrap_or_else(|why| Read::Unknown(why.to_string()))
    }

    pub async fn all(&self, system: &str, kind: &'static str, namespace: &str) -> Read {
        let Some(cluster) = self.cluster(system) else {
            return Read::Unknown(not_open(system));
        };
        let read = cluster.look_all(kind, namespace).await.map(Read::All);
        read.unwrap_or_else(|why| Read::Unknown(why.to_string()))
    }

    /// Sends a change, once; `dry_run`: the server keeps nothing of it.
    pub async fn change(&self, call: &ObjectCall, run: &RunId, dry_run: bool) -> Answer {
        let system = &call.object.system;
        let Some(cluster) = self.cluster(system) else {
            return Answer::NotSent {
                why: not_open(system),
            };
        };
        let write = Write {
            kind: match call.change {
                Change::Merge(_) => WriteKind::Merge,
                Change::Create(_) => WriteKind::Create,
                Change::Delete => WriteKind::Delete,
            },
            path: call.path.clone(),
            body: call.body(run).to_string().into_bytes(),
            dry_run,
            field_manager: FIELD_MANAGER.to_owned(),
        };
        match cluster.send(&write).await {
            Ok(object) => Answer::Done {
                // A deletion answers without one.
                version: object["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            },
            Err(WriteFailure::Refused { why, moved, .. }) => Answer::Refused { why, moved },
            Err(WriteFailure::NotSent { why }) => Answer::NotSent { why },
            Err(WriteFailure::Unknown { why }) => Answer::Unknown { why },
        }
    }

    pub async fn may(&self, system: &str, right: &Right) -> Option<bool> {
        let access = Access {
            verb: &right.verb,
            group: &right.group,
            resource: &right.resource,
            subresource: &right.subresource,
            namespace: &right.namespace,
            name: "",
        };
        self.cluster(system)?.may(access).await
    }

    pub async fn uid(&self, system: &str) -> Option<String> {
        self.cluster(system)?.uid().await
    }

    pub async fn identity(&self, system: &str) -> Option<String> {
        let connection = self.cluster(system)?.connection();
        connection.borrow().identity.clone()
    }
}

fn not_open(system: &str) -> String {
    format!("{system} is no cluster that is open here")
}
