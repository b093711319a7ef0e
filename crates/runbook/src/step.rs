//! The steps: what each looks at, sends, and is seen to have done by.
//!
//! Owns the table of steps. Each is three pure functions: what to read, what to send given that, and whether it worked. Their
//! sentences end without a full stop, as an error's do.

mod arrived;
mod budgets;
mod changing;
mod delete_job;
mod delete_pod;
mod ecs;
mod gitops;
mod gone;
mod hidden;
pub mod kinds;
mod object;
mod reconcile;
mod restart;
mod rollout;
mod run_cron_job;
mod scale;
mod set_version;
mod suspend;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use hidden::holds_secret;
pub(crate) use set_version::landing;
pub use suspend::BECAUSE;

use std::borrow::Cow;

use api::ObjectRef;
use serde::{Deserialize, Serialize};

use crate::action::{Parameter, Step, Value};
use crate::call::Call;
use crate::ground::{Ground, Look};
use crate::input::Inputs;
use crate::journal::RunId;
use crate::plan::PlannedStep;

use self::set_version::Asked;

/// What a step has done, as it is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Effect {
    /// It worked; the sentence names the proof.
    Worked {
        /// In a sentence.
        says: String,
    },
    /// Not yet; the sentence names what is waited for.
    NotYet {
        /// In a sentence.
        says: String,
    },
    /// It will not work by itself.
    Failed {
        /// In a sentence.
        says: String,
    },
    /// That cannot be told.
    Unknown {
        /// Why.
        says: String,
    },
}

/// Why an action cannot be planned, or does not fit: what a greyed-out button says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct Unfit {
    /// In a sentence, with what is in the way.
    pub says: String,
}

impl From<String> for Unfit {
    fn from(says: String) -> Self {
        Self { says }
    }
}

/// What cannot be read cannot be told.
impl From<String> for Effect {
    fn from(says: String) -> Self {
        Self::Unknown { says }
    }
}

/// What a person said: the inputs, and why.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The inputs' values.
    pub inputs: &'a Inputs,
    /// Why; empty where nothing was said.
    pub reason: &'a str,
}

impl<'a> Said<'a> {
    /// What a parameter is: the file's value, or what was said. `what` it is stands in the sentence where nothing was.
    pub(crate) fn value(&self, parameter: &'a Parameter, what: &str) -> Result<&'a Value, String> {
        match parameter {
            Parameter::Fixed(value) => Ok(value),
            Parameter::Input { input } => self
                .inputs
                .get(input)
                .ok_or_else(|| format!("{what} is not said: there is no input {input}")),
        }
    }
}

/// What a step would do, with what a person should know of it. The sentences are a plan's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Itself, after what has to be done first for it. What it is told by an input stands in it as a value.
    pub steps: Vec<PlannedStep>,
    /// Who else feels it.
    pub touches: Vec<String>,
    /// What a person should know before.
    pub cautions: Vec<String>,
}

/// What has to be read before a step on an object can be planned, as far as what was read already tells. It is asked again
/// with what that brought, until it names nothing that has not been read: what feeds an object stands in the object.
pub fn looks(step: &Step, on: &ObjectRef, ground: &Ground) -> Vec<Look> {
    match step {
        Step::Restart { .. } => restart::looks(on),
        Step::Scale { .. } => scale::looks(on),
        Step::DeletePod { .. } => delete_pod::looks(on),
        Step::DeleteJob { .. } => delete_job::looks(on),
        Step::RunCronJob { .. } => run_cron_job::looks(on),
        Step::Reconcile { source_first, .. } => reconcile::looks(*source_first, on, ground),
        Step::Suspend {} | Step::Resume {} => suspend::looks(on),
        Step::SetVersion { .. } => set_version::looks(on, ground),
        Step::EcsRestart { .. }
        | Step::EcsScale { .. }
        | Step::EcsSetTaskDefinition { .. }
        | Step::EcsStopTask { .. } => ecs::looks(step, on, ground),
    }
}

/// What a step would do.
///
/// # Errors
/// It does not fit what is there.
pub fn plan(
    step: &Step,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    match step {
        Step::Restart { .. } => restart::plan(step, on, ground),
        Step::Scale { to, within } => scale::plan(to, *within, on, said, ground),
        Step::DeletePod { .. } => delete_pod::plan(step, on, ground),
        Step::DeleteJob { .. } => delete_job::plan(step, on, ground),
        Step::RunCronJob { .. } => run_cron_job::plan(step, on, ground),
        Step::Reconcile {
            source_first,
            reset,
            within,
        } => reconcile::plan(*source_first, *reset, *within, on, ground),
        Step::Suspend {} => suspend::plan(true, on, said.reason, ground),
        Step::Resume {} => suspend::plan(false, on, said.reason, ground),
        Step::SetVersion {
            to,
            by,
            image,
            within,
        } => {
            let image = image.as_ref();
            let within = *within;
            set_version::plan(
                Asked {
                    to,
                    by,
                    image,
                    within,
                },
                on,
                said,
                ground,
            )
        }
        Step::EcsRestart { .. }
        | Step::EcsScale { .. }
        | Step::EcsSetTaskDefinition { .. }
        | Step::EcsStopTask { .. } => ecs::plan(step, on, said, ground),
    }
}

/// A step with what a person said in it, as far as what has to be read hangs on that.
pub(crate) fn said<'a>(step: &'a Step, inputs: &Inputs) -> Cow<'a, Step> {
    match step {
        Step::EcsSetTaskDefinition { to, within } => match to {
            Parameter::Input { input } => inputs.get(input).map_or(Cow::Borrowed(step), |value| {
                Cow::Owned(Step::EcsSetTaskDefinition {
                    to: Parameter::Fixed(value.clone()),
                    within: *within,
                })
            }),
            Parameter::Fixed(_) => Cow::Borrowed(step),
        },
        _ => Cow::Borrowed(step),
    }
}

/// What has to be read to see what a step has done, of a run. It is asked again with what that brought, as [`looks`] is.
pub fn watches(step: &PlannedStep, run: &RunId, ground: &Ground) -> Vec<Look> {
    match step.step {
        // What it makes is called as the run is.
        Step::RunCronJob { .. } => run_cron_job::watches(step, run),
        Step::SetVersion { .. } => set_version::watches(step, run, ground),
        _ => vec![Look::Object(step.on.clone())],
    }
}

/// What a step has done, of a run, as far as it is seen.
pub fn seen(step: &PlannedStep, run: &RunId, ground: &Ground) -> Effect {
    let seen = match &step.step {
        Step::Restart { .. } => restart::seen(step, run, ground),
        Step::Scale { to, .. } => scale::seen(to, step, run, ground),
        Step::DeletePod { .. } | Step::DeleteJob { .. } => gone::seen(step, ground),
        Step::RunCronJob { .. } => run_cron_job::seen(step, run, ground),
        Step::Reconcile { .. } => reconcile::seen(step, run, ground),
        Step::Suspend {} => suspend::seen(true, step, run, ground),
        Step::Resume {} => suspend::seen(false, step, run, ground),
        Step::EcsRestart { .. }
        | Step::EcsScale { .. }
        | Step::EcsSetTaskDefinition { .. }
        | Step::EcsStopTask { .. } => ecs::seen(step, ground),
        Step::SetVersion {
            to,
            by,
            image,
            within,
        } => {
            let image = image.as_ref();
            let within = *within;
            set_version::seen(
                Asked {
                    to,
                    by,
                    image,
                    within,
                },
                step,
                run,
                ground,
            )
        }
    };
    seen.unwrap_or_else(|early| early)
}

/// Whether a call of a run has arrived, as far as what is read of it ([`Call::look`]) tells: what is asked where its answer was
/// lost. A no is of this moment, and no leave to send it again; `None` is what cannot be told.
pub fn arrived(call: &Call, run: &RunId, ground: &Ground) -> Option<bool> {
    arrived::arrived(call, run, ground)
}
