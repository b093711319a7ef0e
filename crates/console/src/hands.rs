//! The hands of a run: the clusters that are open, as an action reads and changes them.
//!
//! Owns the way from a call of a plan to what is sent. The only place outside of `cluster` that can name a change of one;
//! a test of the repository's rules holds that.

use std::sync::Arc;

use api::ObjectRef;
use async_trait::async_trait;
use cluster::{Access, Cluster, Write, WriteFailure, WriteKind};
use runbook::call::{Call, Change, FIELD_MANAGER, Right};
use runbook::ground::{Look, Read};
use runbook::hands::Hands;
use runbook::journal::{Answer, RunId};

/// The clusters that are open.
pub struct ClusterHands(pub Arc<[Cluster]>);

impl ClusterHands {
    fn cluster(&self, system: &str) -> Option<&Cluster> {
        self.0.iter().find(|cluster| cluster.name() == system)
    }

    async fn write(&self, call: &Call, run: &RunId, dry_run: bool) -> Answer {
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
}

fn not_open(system: &str) -> String {
    format!("{system} is no cluster that is open here")
}

#[async_trait]
impl Hands for ClusterHands {
    async fn read(&self, look: &Look) -> Read {
        let system = match look {
            Look::Object(ObjectRef { system, .. }) | Look::All { system, .. } => system,
        };
        let Some(cluster) = self.cluster(system) else {
            return Read::Unknown(not_open(system));
        };
        let read = match look {
            Look::Object(object) => cluster
                .look(object)
                .await
                .map(|found| found.map_or(Read::Absent, Read::Object)),
            Look::All {
                kind, namespace, ..
            } => cluster.look_all(kind, namespace).await.map(Read::All),
        };
        read.unwrap_or_else(|why| Read::Unknown(why.to_string()))
    }

    async fn try_out(&self, call: &Call, run: &RunId) -> Answer {
        self.write(call, run, true).await
    }

    async fn send(&self, call: &Call, run: &RunId) -> Answer {
        self.write(call, run, false).await
    }

    async fn may(&self, system: &str, right: &Right) -> Option<bool> {
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

    async fn cluster_uid(&self, system: &str) -> Option<String> {
        self.cluster(system)?.uid().await
    }

    async fn identity(&self, system: &str) -> Option<String> {
        let connection = self.cluster(system)?.connection();
        connection.borrow().identity.clone()
    }
}
