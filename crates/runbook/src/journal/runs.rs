//! Runs, as the journal tells of them: what was meant, how far it came, and whether it broke off.
//!
//! Owns reading that out of the records, and its words. Whether a run still goes is told by its lock, not by a record.

use jiff::Timestamp;

use super::{Answer, Event, Outcome, Record, RunId, Way};
use crate::plan::Plan;
use crate::step::Effect;

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What it is called.
    pub id: RunId,
    /// When it was begun.
    pub at: Timestamp,
    /// What was meant.
    pub plan: Plan,
    /// The plan's hash.
    pub plan_hash: String,
    /// Who began it.
    pub by: String,
    /// How it came in at first.
    pub way: Way,
    /// What happened since, in order.
    pub events: Vec<(Timestamp, Event)>,
    /// How it stands.
    pub standing: Standing,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on, in some process of this machine.
    Running {
        /// What happened last, in a sentence.
        last: String,
    },
    /// It broke off. Nothing goes on by itself.
    Interrupted {
        /// What happened last, as far as it was written down, in a sentence.
        last: String,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// In a sentence.
        says: String,
    },
}

/// All runs in these records, the oldest first. `alive` tells whether a run's process still goes.
pub fn runs(records: &[Record], alive: impl Fn(&RunId) -> bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for record in records {
        let known = runs.iter_mut().rev().find(|run| run.id == record.run);
        match (known, &record.event) {
            (Some(run), event) => run.events.push((record.at, event.clone())),
            (
                None,
                Event::Begun {
                    plan,
                    plan_hash,
                    by,
                    way,
                    ..
                },
            ) => runs.push(Run {
                id: record.run.clone(),
                at: record.at,
                plan: plan.as_ref().clone(),
                plan_hash: plan_hash.clone(),
                by: by.clone(),
                way: *way,
                events: Vec::new(),
                standing: Standing::Interrupted {
                    last: String::new(),
                },
            }),
            // What was refused has no run.
            (None, _) => {}
        }
    }
    for run in &mut runs {
        run.standing = standing(run, &alive);
    }
    runs
}

/// The runs whose end is not in these records.
pub(super) fn open(records: &[Record]) -> Vec<RunId> {
    let is_open = |run: Run| (!matches!(run.standing, Standing::Ended { .. })).then_some(run.id);
    runs(records, |_| true)
        .into_iter()
        .filter_map(is_open)
        .collect()
}

fn standing(run: &Run, alive: impl Fn(&RunId) -> bool) -> Standing {
    let ended = run.events.iter().find_map(|(_, event)| match event {
        Event::Ended { outcome, says } => Some(Standing::Ended {
            outcome: *outcome,
            says: says.clone(),
        }),
        _ => None,
    });
    ended.unwrap_or_else(|| {
        let last = last(run);
        if alive(&run.id) {
            Standing::Running { last }
        } else {
            Standing::Interrupted { last }
        }
    })
}

/// What happened last in a run, in a sentence.
fn last(run: &Run) -> String {
    let events = run.events.iter().rev().map(|(_, event)| event);
    let mut says = events.filter_map(|event| match event {
        Event::Begun { .. } | Event::Refused { .. } | Event::Ended { .. } => None,
        Event::Intent { step, call } => Some(format!(
            "{}: it was about to be sent, and whether it was done is not known.",
            place(run, *step, *call)
        )),
        Event::Answered { step, call, answer } => {
            let place = place(run, *step, *call);
            Some(match answer {
                Answer::Done { .. } => format!("{place}: done."),
                Answer::Refused { why, .. } => format!("{place}: refused, {why}"),
                Answer::NotSent { why } => format!("{place}: not sent, {why}"),
                Answer::Unknown { why } => {
                    format!("{place}: no answer came, and whether it was done is not known. {why}")
                }
            })
        }
        Event::Seen { step, effect } => {
            let (Effect::Worked { says }
            | Effect::NotYet { says }
            | Effect::Failed { says }
            | Effect::Unknown { says }) = effect;
            Some(format!("{}: {says}", step_of(&run.plan, *step)))
        }
    });
    says.next()
        .unwrap_or_else(|| "It was begun, and nothing was sent.".to_owned())
}

fn step_of(plan: &Plan, step: usize) -> String {
    format!("Step {} of {}", step + 1, plan.steps.len())
}

fn place(run: &Run, step: usize, call: usize) -> String {
    let planned = run.plan.steps.get(step).map(|step| step.calls.as_slice());
    let what = planned
        .unwrap_or_default()
        .get(call)
        .map(|call| call.naming(&run.id));
    let what = what.unwrap_or_else(|| format!("call {}", call + 1));
    format!("{}, {what}", step_of(&run.plan, step))
}
