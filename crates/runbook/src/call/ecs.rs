//! One change of an Amazon ECS service, or of one of its tasks.
//!
//! Owns the change as data, and what the object has to be still. ECS compares nothing before it writes: the hands read the
//! object right before they send, and hold it against this.

use api::ObjectRef;
use api::headline::plain;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The most characters of somebody else's value in a sentence.
const LONGEST: usize = 160;

/// One change of one service or task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EcsCall {
    /// The service or the task. Its system is the account and region, its namespace the ECS cluster.
    pub object: ObjectRef,
    /// What is done.
    pub change: EcsChange,
    /// What it has to be still.
    pub only_if: EcsVersion,
}

/// What is done to a service or a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EcsChange {
    /// A new deployment of what the service runs.
    ForceDeployment,
    /// So many tasks.
    DesiredCount(i32),
    /// This revision of its task definition, by its ARN.
    TaskDefinition(String),
    /// The task is stopped.
    StopTask,
}

/// A service or task as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EcsVersion {
    /// `metadata.uid`.
    pub uid: String,
    /// The id of the service's PRIMARY deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The ARN of the revision that the service wants to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// How many tasks the service wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<i64>,
}

impl EcsCall {
    /// The IAM action that it needs.
    pub fn action(&self) -> &'static str {
        match self.change {
            EcsChange::ForceDeployment
            | EcsChange::DesiredCount(_)
            | EcsChange::TaskDefinition(_) => "ecs:UpdateService",
            EcsChange::StopTask => "ecs:StopTask",
        }
    }

    /// What of it is not as it was any more, in a sentence; `None` where it may be sent. `object` is what is read of it right
    /// before; nothing, where it is gone.
    pub fn moved(&self, object: Option<&Json>) -> Option<String> {
        let on = &self.object;
        let Some(object) = object else {
            return Some(format!("{on} is not there any more"));
        };
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        let shown = |text: Option<&str>| plain(text.unwrap_or("none"), LONGEST);
        let was = &self.only_if;
        if text("/metadata/uid") != Some(was.uid.as_str()) {
            return Some(format!("{on} is another one of that name now"));
        }
        for (pointer, wanted, what) in [
            ("/metadata/resourceVersion", &was.deployment, "deployment"),
            (
                "/spec/taskDefinition",
                &was.task_definition,
                "task definition",
            ),
        ] {
            if let Some(wanted) = wanted
                && text(pointer) != Some(wanted)
            {
                let (now, then) = (shown(text(pointer)), shown(Some(wanted)));
                return Some(format!("its {what} is {now} now, and was {then}"));
            }
        }
        let count = object.pointer("/spec/desiredCount").and_then(Json::as_i64);
        if let Some(wanted) = was.desired_count
            && count != Some(wanted)
        {
            let now = count.map_or_else(|| "not said".to_owned(), |count| count.to_string());
            return Some(format!("its desired count is {now} now, and was {wanted}"));
        }
        let is_stopping = || text("/spec/desiredStatus") == Some("STOPPED");
        (self.change == EcsChange::StopTask && is_stopping())
            .then(|| format!("{on} is being stopped already"))
    }

    /// What it is called in a sentence.
    pub fn naming(&self) -> String {
        let on = &self.object;
        match self.change {
            EcsChange::ForceDeployment => format!("the new deployment of {on}"),
            EcsChange::DesiredCount(_) | EcsChange::TaskDefinition(_) => {
                format!("the change of {on}")
            }
            EcsChange::StopTask => format!("the end of {on}"),
        }
    }

    /// As a request is written in a plan: `UpdateService shop/api forceNewDeployment`.
    pub fn request(&self) -> String {
        let (cluster, name) = (&self.object.namespace, &self.object.name);
        match &self.change {
            EcsChange::ForceDeployment => {
                format!("UpdateService {cluster}/{name} forceNewDeployment")
            }
            EcsChange::DesiredCount(count) => {
                format!("UpdateService {cluster}/{name} desiredCount {count}")
            }
            EcsChange::TaskDefinition(arn) => {
                format!("UpdateService {cluster}/{name} taskDefinition {arn}")
            }
            EcsChange::StopTask => format!("StopTask {cluster}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Call;

    fn call() -> EcsCall {
        EcsCall {
            object: ObjectRef::new("aws", "ECS service", "shop", "api"),
            change: EcsChange::DesiredCount(3),
            only_if: EcsVersion {
                uid: "u".to_owned(),
                deployment: Some("ecs-svc/1".to_owned()),
                task_definition: Some("api:1".to_owned()),
                desired_count: Some(2),
            },
        }
    }

    #[test]
    fn whatever_was_read_of_a_service_has_to_be_so_still() {
        let fine = json!({
            "metadata": {"uid": "u", "resourceVersion": "ecs-svc/1"},
            "spec": {"taskDefinition": "api:1", "desiredCount": 2},
        });
        assert_eq!(call().moved(Some(&fine)), None);
        assert!(call().moved(None).is_some());
        for pointer in [
            "/metadata/uid",
            "/metadata/resourceVersion",
            "/spec/taskDefinition",
            "/spec/desiredCount",
        ] {
            for other in [json!(null), json!("x"), json!(7)] {
                let mut moved = fine.clone();
                *moved.pointer_mut(pointer).expect("there") = other;
                assert!(call().moved(Some(&moved)).is_some(), "{pointer}");
            }
        }
    }

    #[test]
    fn a_call_is_read_from_the_journal_as_the_kind_that_it_was_written_as() {
        for change in [
            EcsChange::ForceDeployment,
            EcsChange::DesiredCount(0),
            EcsChange::TaskDefinition("arn:x".to_owned()),
            EcsChange::StopTask,
        ] {
            let call = Call::Ecs(EcsCall { change, ..call() });
            let written = serde_json::to_string(&call).expect("text");
            assert_eq!(serde_json::from_str::<Call>(&written).expect("read"), call);
        }
    }
}
