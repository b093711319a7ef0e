//! Reading a service: what it wants, and how far its deployments are.
//!
//! Owns when a service can be changed by ECS' own deployments at all.

use api::ObjectRef;
use api::headline::plain;
use facts::Kind;
use serde_json::Value as Json;

use crate::call::{Call, EcsCall, EcsChange, EcsVersion};
use crate::ground::Ground;
use crate::plan::PlannedStep;
use crate::step::object::Object;
use crate::step::{Effect, Unfit};

/// The most characters of AWS' words in a sentence.
const LONGEST_QUOTE: usize = 240;

/// A service as it was read.
pub(super) struct Service<'a> {
    pub object: Object<'a>,
    /// The ARN of the revision that it wants to run.
    pub revision: &'a str,
    pub wanted: i64,
    pub running: i64,
    pub pending: i64,
    pub deployments: Vec<Deployment<'a>>,
}

/// One of a service's deployments.
pub(super) struct Deployment<'a> {
    pub id: &'a str,
    pub status: &'a str,
    /// The ARN of its revision.
    pub revision: &'a str,
    pub wanted: i64,
    pub running: i64,
    pub pending: i64,
    pub failed: i64,
    /// `rolloutState`; empty where ECS does not say.
    pub state: &'a str,
    reason: &'a str,
}

impl Deployment<'_> {
    /// Why it is in its state, in AWS' words.
    pub fn reason(&self) -> String {
        let line = plain(self.reason, LONGEST_QUOTE);
        match line.trim_end_matches('.') {
            "" => "without a reason".to_owned(),
            words => words.to_owned(),
        }
    }

    /// Its id, as a harmless word.
    pub fn name(&self) -> String {
        plain(self.id, 80)
    }
}

/// The ARN of the revision that a service wants to run, as far as it was read.
pub(super) fn runs<'a>(on: &ObjectRef, ground: &'a Ground) -> Option<&'a str> {
    let json = ground.object(on).ok()??;
    json["spec"]["taskDefinition"].as_str()
}

impl<'a> Service<'a> {
    /// The service that a step is planned on: it is there, stays, and its deployments are ECS' own.
    pub fn planned_on(ground: &'a Ground, on: &ObjectRef, what: &str) -> Result<Self, Unfit> {
        super::is_of_kind(on, Kind::EcsService, what)?;
        let object = Object::planned_on(ground, on)?;
        let status = object.text("status.status")?.unwrap_or("in no state");
        let controller = object.text("spec.deploymentController")?.unwrap_or("ECS");
        let service = Self::of(object)?;
        let says = if status != "ACTIVE" {
            format!("{on} is {}: it cannot be changed", plain(status, 40))
        } else if controller != "ECS" {
            let controller = plain(controller, 40);
            format!("{on} is deployed by {controller}, and not by ECS itself")
        } else if service.primary().is_none_or(|one| one.id.is_empty()) {
            format!("ECS names no PRIMARY deployment of {on}: nothing would tell a new one from it")
        } else if service.revision.is_empty() {
            format!("ECS does not say which revision {on} runs")
        } else {
            return Ok(service);
        };
        Err(Unfit { says })
    }

    /// The service that a step was done to: it is there, and it is that one.
    pub fn watched(ground: &'a Ground, step: &PlannedStep) -> Result<Self, Effect> {
        let on = &step.on;
        let Some(json) = ground.object(on)? else {
            return Err(Effect::Failed {
                says: format!("{on} is not there any more"),
            });
        };
        let object = Object::new(on, json);
        let call = step.calls.iter().find_map(Call::ecs);
        if let Some(call) = call
            && object.text("metadata.uid")? != Some(call.only_if.uid.as_str())
        {
            return Err(Effect::Failed {
                says: format!("{on} is another one now: it was deleted and made anew"),
            });
        }
        Ok(Self::of(object)?)
    }

    fn of(object: Object<'a>) -> Result<Self, String> {
        let mut deployments = Vec::new();
        for json in object.list("status.deployments")? {
            deployments.push(Deployment::of(&object.on, json)?);
        }
        Ok(Self {
            revision: object.text("spec.taskDefinition")?.unwrap_or_default(),
            wanted: object.count("spec.desiredCount")?,
            running: object.count("status.runningCount")?,
            pending: object.count("status.pendingCount")?,
            deployments,
            object,
        })
    }

    /// The deployment that it is on its way to, or arrived at.
    pub fn primary(&self) -> Option<&Deployment<'a>> {
        let mut all = self.deployments.iter();
        all.find(|one| one.status == "PRIMARY")
    }

    /// The deployment that is called so.
    pub fn deployment(&self, id: &str) -> Option<&Deployment<'a>> {
        self.deployments.iter().find(|one| one.id == id)
    }

    /// A change of exactly this service as it was read.
    pub fn call(&self, change: EcsChange) -> Result<Call, String> {
        let version = self.object.text("metadata.uid")?;
        let uid = version.filter(|uid| !uid.is_empty());
        let uid = uid.ok_or_else(|| format!("ECS does not say which {} it is", self.object.on))?;
        Ok(Call::Ecs(EcsCall {
            object: self.object.on.clone(),
            change,
            only_if: EcsVersion {
                uid: uid.to_owned(),
                deployment: self.primary().map(|one| one.id.to_owned()),
                task_definition: Some(self.revision.to_owned()),
                desired_count: Some(self.wanted),
            },
        }))
    }

    /// What ECS says of a deployment that failed, where it does: one that was taken back is not listed for long.
    pub fn failure_of(&self, deployment: &str) -> Result<Option<String>, String> {
        let failed = format!("(deployment {deployment}) deployment failed");
        let events = self.object.list("status.events")?.iter();
        let mut said = events.filter_map(|event| event["says"].as_str());
        let said = said.find(|says| says.contains(&failed));
        Ok(said.map(quoted))
    }

    /// What ECS says newest, where that is why nothing gets on.
    pub fn trouble(&self) -> Result<Option<String>, String> {
        let newest = self.object.list("status.events")?.first();
        let says = newest.and_then(|event| event["says"].as_str());
        let says = says.filter(|says| says.contains("unable to"));
        Ok(says.map(quoted))
    }

    /// How its tasks are replaced, in words.
    pub fn replacement(&self) -> Result<String, String> {
        let share = |field: &str, usual: &str| self.object.amount(&format!("spec.{field}"), usual);
        let tasks = super::tasks(self.wanted);
        let verb = crate::step::words::are(self.wanted);
        Ok(format!(
            "{tasks} {verb} replaced: at least {}% run meanwhile (minimumHealthyPercent), at most {}% (maximumPercent)",
            share("minimumHealthyPercent", "100")?,
            share("maximumPercent", "200")?
        ))
    }

    /// What a person should know before a new deployment of it begins.
    pub fn before_a_deployment(&self) -> Result<Vec<String>, String> {
        let on = &self.object.on;
        let mut cautions = Vec::new();
        if let Some(primary) = self.primary() {
            let name = primary.name();
            match primary.state {
                "FAILED" => cautions.push(format!(
                    "The deployment {name} before has failed ({}): a new one does not mend why",
                    primary.reason()
                )),
                "IN_PROGRESS" => cautions.push(format!(
                    "The deployment {name} is under way: the new one takes its place"
                )),
                _ if primary.running < primary.wanted => cautions.push(format!(
                    "Not all of its tasks run before it: {} of {}",
                    primary.running,
                    super::tasks(primary.wanted)
                )),
                _ => {}
            }
        }
        if let Some(strategy) = self.object.text("spec.deploymentStrategy")?
            && strategy != "ROLLING"
        {
            cautions.push(format!(
                "{on} is deployed {}: traffic moves as its strategy says, and hooks of the team's may run",
                plain(strategy, 40)
            ));
        }
        if !self.object.flag("spec.circuitBreaker.enable")? {
            cautions.push(format!(
                "{on} has no circuit breaker: where the new tasks do not start, ECS tries for ever"
            ));
        }
        Ok(cautions)
    }
}

impl<'a> Deployment<'a> {
    fn of(on: &ObjectRef, json: &'a Json) -> Result<Self, String> {
        let one = Object::new(on, json);
        let text = |field: &str| one.text(field).map(Option::unwrap_or_default);
        Ok(Self {
            id: text("id")?,
            status: text("status")?,
            revision: text("taskDefinition")?,
            wanted: one.count("desiredCount")?,
            running: one.count("runningCount")?,
            pending: one.count("pendingCount")?,
            failed: one.count("failedTasks")?,
            state: text("rolloutState")?,
            reason: text("rolloutStateReason")?,
        })
    }
}

fn quoted(words: &str) -> String {
    let line = plain(words, LONGEST_QUOTE);
    line.trim_end_matches('.').to_owned()
}
