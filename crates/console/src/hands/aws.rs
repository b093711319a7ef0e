//! The accounts of AWS that are open, as an action reads and changes their ECS services and tasks.
//!
//! Owns the way from a change of a plan to what is sent. ECS compares nothing before it writes, so the object is read once
//! more right before, and nothing is sent where it is not what the plan says. The only place outside of `cloud` that can name
//! a change of an account; a test of the repository's rules holds that.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::ObjectRef;
use cloud::{Account, EcsWrite, EcsWriteFailure, EcsWriteKind, Failure};
use facts::Kind;
use runbook::call::{EcsCall, EcsChange};
use runbook::ground::Read;
use runbook::journal::{Answer, RunId};
use serde_json::Value as Json;

/// The accounts.
pub struct Accounts(pub Arc<[Account]>);

impl Accounts {
    /// Whether a system is an account that is open.
    pub fn has(&self, system: &str) -> bool {
        self.account(system).is_some()
    }

    fn account(&self, system: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.name() == system)
    }

    pub async fn object(&self, object: &ObjectRef) -> Read {
        match self.now(object).await {
            Ok(found) => found.map_or(Read::Absent, Read::Object),
            Err(why) => Read::Unknown(why.message),
        }
    }

    /// An object as it is now, past every round.
    async fn now(&self, object: &ObjectRef) -> Result<Option<Json>, Failure> {
        let other = |message: String| Failure {
            why: cloud::Why::Other,
            message,
        };
        let account = self.account(&object.system);
        let account = account.ok_or_else(|| other(not_open(&object.system)))?;
        let (cluster, name) = (&object.namespace, &object.name);
        match Kind::from_name(&object.kind) {
            Some(Kind::EcsService) => account.service_now(cluster, name).await,
            Some(Kind::EcsTask) => account.task_now(cluster, name).await,
            Some(Kind::EcsTaskDefinition) => account.task_definition_now(name).await,
            _ => Err(other(format!("nothing of ECS is a {}", object.kind))),
        }
    }

    /// Whether a change could be sent now: everything of it but the sending. AWS tries nothing out.
    pub async fn try_out(&self, call: &EcsCall) -> Answer {
        match self.still(call).await {
            Ok(version) => Answer::Done { version },
            Err(answer) => answer,
        }
    }

    /// Sends a change, once.
    pub async fn send(&self, call: &EcsCall, run: &RunId) -> Answer {
        if let Err(answer) = self.still(call).await {
            return answer;
        }
        let system = &call.object.system;
        let Some(account) = self.account(system) else {
            return Answer::NotSent {
                why: not_open(system),
            };
        };
        match account.send(&write(call, run)).await {
            Ok(written) => Answer::Done {
                version: written.deployment.unwrap_or_default(),
            },
            Err(EcsWriteFailure::Refused { why, moved }) => Answer::Refused { why, moved },
            Err(EcsWriteFailure::NotSent { why }) => Answer::NotSent { why },
            Err(EcsWriteFailure::Unknown { why }) => Answer::Unknown { why },
        }
    }

    /// That the object is what the plan says; its version.
    async fn still(&self, call: &EcsCall) -> Result<String, Answer> {
        let found = self.now(&call.object).await;
        let found = found.map_err(|why| Answer::NotSent {
            why: format!("{} cannot be read: {}", call.object, why.message),
        })?;
        if let Some(why) = call.moved(found.as_ref()) {
            return Err(Answer::Refused { why, moved: true });
        }
        let version = found
            .as_ref()
            .map(|found| &found["metadata"]["resourceVersion"]);
        let version = version.and_then(Json::as_str).unwrap_or_default();
        Ok(version.to_owned())
    }

    /// Which account and region it is; `None` where AWS does not say.
    pub async fn uid(&self, system: &str) -> Option<String> {
        let uid = self.account(system)?.identity_now().await;
        uid.inspect_err(|why| tracing::debug!(system, %why, "an account does not say which it is"))
            .ok()
    }

    pub fn identity(&self, system: &str) -> Option<String> {
        let connection = self.account(system)?.connection();
        connection.borrow().identity.clone()
    }
}

fn write(call: &EcsCall, run: &RunId) -> EcsWrite {
    let service = call.object.name.clone();
    EcsWrite {
        cluster: call.object.namespace.clone(),
        change: match &call.change {
            EcsChange::ForceDeployment => EcsWriteKind::ForceDeployment { service },
            EcsChange::DesiredCount(count) => EcsWriteKind::DesiredCount {
                service,
                count: *count,
            },
            EcsChange::TaskDefinition(arn) => EcsWriteKind::TaskDefinition {
                service,
                arn: arn.clone(),
            },
            EcsChange::StopTask => EcsWriteKind::StopTask {
                task: service,
                reason: format!("Landfall run {run}"),
            },
        },
    }
}

fn not_open(system: &str) -> String {
    format!("{system} is no account that is open here")
}
