//! Leave to run: the one place that every way in passes through.
//!
//! Owns the checks and their words. They are guard rails on the person's own machine: RBAC, IAM and admission are what
//! holds. The way in is written down and changes nothing.

pub mod freeze;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::{Action, Confirm};
use crate::call::{Call, Right};
use crate::journal::{Event, Record, RunId, Way};
use crate::offer::{self, Standing, Subject};
use crate::plan::{Plan, Target};

pub use freeze::{Freeze, FreezeWindow};

/// The oldest that a plan may be: people read for minutes, and a cluster does not stand still for them.
pub const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// What a freeze of production gives way to, beside the words why.
pub const THAWS_PRODUCTION: Confirm = Confirm::Typed;

/// How somebody confirmed a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// With a click.
    Clicked,
    /// With a button, or words, that named the object, the cluster and the environment.
    Named,
    /// By typing this.
    Typed(String),
    /// With another person's approval.
    Approved(Approval),
}

/// One person's approval of another's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who approves.
    pub by: String,
    /// The hash of the plan that is approved.
    pub plan_hash: String,
    /// Who asked for it, as the cluster names them.
    pub requester: String,
    /// Who would run it, as the cluster names them now.
    pub identity: String,
}

/// What is asked for, and all that the answer depends on.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the run would be called; of one that broke off, what it is called.
    pub run: RunId,
    /// What it would do.
    pub plan: &'a Plan,
    /// The hash of the plan that the person confirmed.
    pub confirmed: &'a str,
    /// How they did.
    pub confirmation: Confirmation,
    /// The action, as it is now.
    pub action: &'a Action,
    /// Its hash, as it is now.
    pub action_hash: &'a str,
    /// Who.
    pub by: &'a str,
    /// Their roles; absent where nobody signs in or the team has none: RBAC decides alone.
    pub roles: Option<&'a [String]>,
    /// What they may do in the target's system; a right that is absent, or `None`, cannot be told.
    pub rights: &'a BTreeMap<Right, Option<bool>>,
    /// The team's freezes.
    pub freezes: &'a [FreezeWindow],
    /// Why it is done in spite of a freeze; absent where that was not asked for.
    pub despite_freeze: Option<&'a str>,
    /// What the journal holds.
    pub records: &'a [Record],
    /// How it comes in.
    pub way: Way,
    /// This machine's time.
    pub now: Timestamp,
}

/// Leave for one run of one plan. It is used up by it.
#[derive(Debug)]
pub struct Permit {
    run: RunId,
    plan: Plan,
    plan_hash: String,
    per_hour: Option<u32>,
    by: String,
    way: Way,
    despite_freeze: Option<String>,
    approved_by: Option<String>,
}

/// Why there is no leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The plan is of another action.
    #[error("this is a plan of the action {planned}, and not of {action}")]
    OtherAction {
        /// The plan's.
        planned: String,
        /// The one that was asked for.
        action: String,
    },
    /// The action's file was changed.
    #[error("the action {action} was changed after this plan was made")]
    ActionChanged {
        /// The action.
        action: String,
    },
    /// The plan is not the one that was confirmed.
    #[error("the plan is not the one that was confirmed")]
    PlanChanged,
    /// The plan is old.
    #[error("the plan was made more than ten minutes ago")]
    Old,
    /// The plan's time is not this machine's.
    #[error(
        "the plan was made at {made_at}, which is more than ten minutes ahead of this machine's clock"
    )]
    Early {
        /// When.
        made_at: Timestamp,
    },
    /// A call is for another system than the target's.
    #[error("the plan of {target} sends something to {system}")]
    Strays {
        /// The target, with its system.
        target: String,
        /// The other system.
        system: String,
    },
    /// It was confirmed with less than it takes.
    #[error("{target} takes {}", takes(*.needs))]
    Unconfirmed {
        /// The target, with its system.
        target: String,
        /// What it takes.
        needs: Confirm,
    },
    /// What was typed is another name.
    #[error("what was typed is not the name {name}")]
    OtherName {
        /// The target's name.
        name: String,
    },
    /// The approval is the person's own, or nobody's.
    #[error("the approval is not another person's")]
    OwnApproval,
    /// The approval is of another plan.
    #[error("what {by} approved is another plan")]
    OtherApproval {
        /// Who approved it.
        by: String,
    },
    /// Somebody else asked for the approval than would run it.
    #[error("what was approved was asked for by {requester}, and here you are {identity}")]
    OtherRequester {
        /// Who asked.
        requester: String,
        /// Who would run it.
        identity: String,
    },
    /// A run on the target is going on another machine.
    #[error("{target} is held by the run {run} of {by}{}", since.map_or_else(String::new, |since| format!(", since {since}")))]
    Held {
        /// The target, with its system.
        target: String,
        /// The run.
        run: String,
        /// Whose it is.
        by: String,
        /// Since when, as the cluster has it.
        since: Option<Timestamp>,
    },
    /// There is no reason.
    #[error("the action {action} takes a reason, and none was given")]
    NoReason {
        /// The action.
        action: String,
    },
    /// There is no such action any more.
    #[error("the action {action} is not there any more")]
    Gone {
        /// The action.
        action: String,
    },
    /// The action is not for what it would be done to.
    #[error("{why}")]
    NotOffered {
        /// Why, in a sentence.
        why: String,
    },
    /// None of the person's roles may.
    #[error("the action {action} is for {}", one_of(.roles))]
    OtherRole {
        /// The action.
        action: String,
        /// The roles that may.
        roles: Vec<String>,
    },
    /// It is frozen.
    #[error("{what} is frozen until {until}: {reason}")]
    Frozen {
        /// The environment, or the target where nobody can tell its environment.
        what: String,
        /// Until before then.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Production is frozen, and the name was not typed.
    #[error(
        "{what} is frozen until {until}, and a freeze of production gives way only to a typed name or another person's approval: {reason}"
    )]
    FrozenProduction {
        /// The environment, or the target where nobody can tell its environment.
        what: String,
        /// Until before then.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Why it goes on in spite of a freeze cannot be written down.
    #[error(
        "{what} is frozen until {until}, and why this cannot wait cannot be written down: {why}"
    )]
    Unrecordable {
        /// The environment, or the target where nobody can tell its environment.
        what: String,
        /// Until before then.
        until: Timestamp,
        /// Why not.
        why: &'static str,
    },
    /// It was run too often.
    #[error(
        "the action {action} ran on {target} {limit} times within the hour, which is as often as it may"
    )]
    TooOften {
        /// The action.
        action: String,
        /// The target, with its system.
        target: String,
        /// How often it may.
        limit: u32,
    },
    /// This very plan was run.
    #[error("this plan was run already, as {run}")]
    Used {
        /// The run.
        run: RunId,
    },
    /// A right is missing.
    #[error("{by} may not {right}, on {system}")]
    NoRight {
        /// Who.
        by: String,
        /// The right.
        right: Box<Right>,
        /// Where.
        system: String,
    },
    /// Another run on the target is going.
    #[error("{} is going on {target}", run.as_ref().map_or_else(|| "another run".to_owned(), |run| format!("the run {run}")))]
    Busy {
        /// The target, with its system.
        target: String,
        /// The run, where it has said its name already.
        run: Option<RunId>,
    },
    /// The system is another cluster than the plan's, or that cannot be told.
    #[error("{system} is not known to be the cluster that the plan was made on: {why}")]
    OtherCluster {
        /// The system.
        system: String,
        /// Why.
        why: String,
    },
    /// The target is another object than the plan's, or that cannot be told.
    #[error("{target} is not known to be the object that the plan was made on: {why}")]
    OtherTarget {
        /// The target, with its system.
        target: String,
        /// Why.
        why: String,
    },
    /// There is no such run to go on with.
    #[error("the run {run} cannot be gone on with: {why}")]
    NoSuchRun {
        /// The run.
        run: RunId,
        /// Why.
        why: &'static str,
    },
}

fn takes(needs: Confirm) -> &'static str {
    match needs {
        Confirm::Click => "a confirmation",
        Confirm::Named => "a confirmation that names it, its cluster and its environment",
        Confirm::Typed => "its name, typed",
        Confirm::SecondPerson => "another person's approval",
    }
}

fn one_of(roles: &[String]) -> String {
    match roles {
        [] => "no role".to_owned(),
        [role] => format!("the role {role}"),
        [roles @ .., last] => format!("the roles {} and {last}", roles.join(", ")),
    }
}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OtherAction { .. }
            | Self::ActionChanged { .. }
            | Self::PlanChanged
            | Self::Old
            | Self::Strays { .. }
            | Self::Used { .. } => "Plan again, and read the new plan.",
            Self::Early { .. } => "Set this machine's clock, and plan again.",
            Self::Unconfirmed { .. } | Self::OtherName { .. } => "Confirm it so.",
            Self::OwnApproval | Self::OtherApproval { .. } => {
                "Ask somebody else to approve this very plan."
            }
            Self::NoReason { .. } => "Say why, or name the ticket.",
            Self::Gone { .. } | Self::NotOffered { .. } => {
                "Look at which actions there are for it now."
            }
            Self::Unrecordable { .. } => "Say it in other words, or name the ticket.",
            Self::OtherRole { .. } => "Ask somebody who has such a role.",
            Self::Frozen { .. } => "Wait, or say why it cannot: that is recorded.",
            Self::FrozenProduction { .. } => {
                "Wait, or type the target's name and say why it cannot wait: that is recorded."
            }
            Self::TooOften { .. } => "Find out why the runs before did not help, or wait.",
            Self::NoRight { .. } => "Ask whoever administers the cluster for this right.",
            Self::Busy { .. } => "Follow that run, or wait until it has ended.",
            Self::Held { .. } => {
                "Ask them, or wait: a run that broke off lets go of it within two minutes."
            }
            Self::OtherRequester { .. } => {
                "Whoever asked runs it; or ask for an approval yourself."
            }
            Self::OtherCluster { .. } | Self::OtherTarget { .. } => {
                "Look at what is there now, and plan again."
            }
            Self::NoSuchRun { .. } => "Look at how the run stands, and plan again.",
        }
    }

    /// What is written down of it.
    pub fn event(&self, plan: &Plan, by: &str, way: Way) -> Event {
        Event::Refused {
            action: plan.action.clone(),
            target: named(&plan.target),
            by: by.to_owned(),
            way,
            why: self.to_string(),
        }
    }
}

/// The target as a sentence names it, with its system.
pub(crate) fn named(target: &Target) -> String {
    format!("{} on {}", target.object, target.object.system)
}

impl Permit {
    /// What the run is called.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What it does.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who asked for it.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// How it came in.
    pub fn way(&self) -> Way {
        self.way
    }

    /// What is written down when it begins.
    pub(crate) fn begun(&self, identity: String) -> Event {
        Event::Begun {
            plan: Box::new(self.plan.clone()),
            plan_hash: self.plan_hash.clone(),
            by: self.by.clone(),
            identity,
            way: self.way,
            despite_freeze: self.despite_freeze.clone(),
            approved_by: self.approved_by.clone(),
        }
    }

    /// What may have changed since leave was given: another permit for the same plan was used.
    ///
    /// # Errors
    /// Why there is no leave any more.
    pub(crate) fn recheck(&self, records: &[Record], now: Timestamp) -> Result<(), Refusal> {
        unused(&self.run, &self.plan, &self.plan_hash, records)?;
        seldom(&self.run, &self.plan, self.per_hour, records, now)
    }
}

/// Gives leave for one run of a plan.
///
/// # Errors
/// Why not. Whoever asked writes it down, as [`Refusal::event`].
pub fn authorise(request: &Request<'_>) -> Result<Permit, Refusal> {
    let plan = request.plan;
    let plan_hash = plan.hash();
    same(request, &plan_hash)?;
    fresh(plan, request.now)?;
    near(plan)?;
    offered(request)?;
    role(request)?;
    confirmed(request, &plan_hash)?;
    let reason = |text: &str| !text.trim().is_empty();
    if request.action.reason && !reason(&plan.reason) {
        return Err(Refusal::NoReason {
            action: plan.action.clone(),
        });
    }
    let despite_freeze = thawed(request)?;
    unused(&request.run, plan, &plan_hash, request.records)?;
    let per_hour = request.action.per_hour;
    seldom(&request.run, plan, per_hour, request.records, request.now)?;
    let denied = |right: &&Right| request.rights.get(right) == Some(&Some(false));
    if let Some(right) = plan.rights().into_iter().find(denied) {
        return Err(Refusal::NoRight {
            by: request.by.to_owned(),
            right: Box::new(right.clone()),
            system: plan.target.object.system.clone(),
        });
    }
    Ok(Permit {
        run: request.run.clone(),
        plan: plan.clone(),
        plan_hash,
        per_hour,
        by: request.by.to_owned(),
        way: request.way,
        despite_freeze,
        approved_by: match &request.confirmation {
            Confirmation::Approved(approval) => Some(approval.by.clone()),
            _ => None,
        },
    })
}

/// The plan is of this action, and the one that was confirmed.
fn same(request: &Request<'_>, plan_hash: &str) -> Result<(), Refusal> {
    let (plan, action) = (request.plan, request.action);
    if plan.action != action.id {
        return Err(Refusal::OtherAction {
            planned: plan.action.clone(),
            action: action.id.clone(),
        });
    }
    if plan.action_hash != request.action_hash {
        return Err(Refusal::ActionChanged {
            action: action.id.clone(),
        });
    }
    if plan_hash != request.confirmed {
        return Err(Refusal::PlanChanged);
    }
    Ok(())
}

fn fresh(plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let age = now.duration_since(plan.made_at);
    if age > FRESH {
        return Err(Refusal::Old);
    }
    if age < -FRESH {
        return Err(Refusal::Early {
            made_at: plan.made_at,
        });
    }
    Ok(())
}

/// Nothing is sent to another system than the target's.
fn near(plan: &Plan) -> Result<(), Refusal> {
    let home = plan.target.object.system.as_str();
    let calls = plan.steps.iter().flat_map(|step| &step.calls);
    let mut systems = calls.map(Call::system);
    match systems.find(|system| *system != home) {
        Some(system) => Err(Refusal::Strays {
            target: named(&plan.target),
            system: system.to_owned(),
        }),
        None => Ok(()),
    }
}

/// The action is offered for the target: its kind, its app and its environment.
fn offered(request: &Request<'_>) -> Result<(), Refusal> {
    let target = &request.plan.target;
    let subject = Subject {
        object: &target.object,
        app: &target.app,
        environment: &target.environment,
    };
    match offer::standing(request.action, subject, None) {
        Standing::Fits => Ok(()),
        Standing::Greyed { why, .. } => Err(Refusal::NotOffered { why }),
    }
}

fn role(request: &Request<'_>) -> Result<(), Refusal> {
    let action = request.action;
    let may = |roles: &[String]| roles.iter().any(|role| action.roles.contains(role));
    if request.roles.is_none_or(may) {
        return Ok(());
    }
    Err(Refusal::OtherRole {
        action: action.id.clone(),
        roles: action.roles.clone(),
    })
}

fn confirmed(request: &Request<'_>, plan_hash: &str) -> Result<(), Refusal> {
    let target = &request.plan.target;
    let least = if target.production {
        Confirm::Named
    } else {
        Confirm::Click
    };
    let needs = least.max(request.plan.confirm).max(request.action.confirm);
    if level(&request.confirmation) < needs {
        return Err(Refusal::Unconfirmed {
            target: named(target),
            needs,
        });
    }
    match &request.confirmation {
        Confirmation::Typed(name) if *name != target.object.name => Err(Refusal::OtherName {
            name: target.object.name.clone(),
        }),
        Confirmation::Approved(approval) if approval.plan_hash != plan_hash => {
            Err(Refusal::OtherApproval {
                by: approval.by.clone(),
            })
        }
        Confirmation::Approved(approval)
            if [request.by, &approval.requester, &approval.identity]
                .iter()
                .any(|by| is_own(&approval.by, by)) =>
        {
            Err(Refusal::OwnApproval)
        }
        Confirmation::Approved(approval) if approval.requester != approval.identity => {
            Err(Refusal::OtherRequester {
                requester: approval.requester.clone(),
                identity: approval.identity.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Names of people differ by more than their case.
fn is_own(approver: &str, by: &str) -> bool {
    let approver = approver.trim().to_lowercase();
    approver.is_empty() || approver == by.trim().to_lowercase()
}

fn level(confirmation: &Confirmation) -> Confirm {
    match confirmation {
        Confirmation::Clicked => Confirm::Click,
        Confirmation::Named => Confirm::Named,
        Confirmation::Typed(_) => Confirm::Typed,
        Confirmation::Approved(_) => Confirm::SecondPerson,
    }
}

/// Why it is done in spite of a freeze; nothing, where there is none.
fn thawed(request: &Request<'_>) -> Result<Option<String>, Refusal> {
    let target = &request.plan.target;
    let Some(freeze) = freeze::holding(request.freezes, target, request.now) else {
        return Ok(None);
    };
    let what = freeze::frozen(target);
    let (until, reason) = (freeze.until, freeze.reason.clone());
    let why = request.despite_freeze.map(str::trim);
    let Some(why) = why.filter(|why| !why.is_empty()) else {
        return Err(Refusal::Frozen {
            what,
            until,
            reason,
        });
    };
    if let Some(why) = freeze::unrecordable(why) {
        return Err(Refusal::Unrecordable { what, until, why });
    }
    if target.production && level(&request.confirmation) < THAWS_PRODUCTION {
        return Err(Refusal::FrozenProduction {
            what,
            until,
            reason,
        });
    }
    Ok(Some(why.to_owned()))
}

/// A plan is run once: a second click on it is the same run.
fn unused(run: &RunId, plan: &Plan, hash: &str, records: &[Record]) -> Result<(), Refusal> {
    let used = records.iter().find(|record| {
        record.run != *run
            && matches!(&record.event, Event::Begun { plan: begun, plan_hash, .. }
                if plan_hash == hash && begun.made_at == plan.made_at)
    });
    match used {
        Some(record) => Err(Refusal::Used {
            run: record.run.clone(),
        }),
        None => Ok(()),
    }
}

fn seldom(
    run: &RunId,
    plan: &Plan,
    per_hour: Option<u32>,
    records: &[Record],
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(limit) = per_hour else { return Ok(()) };
    let hour = SignedDuration::from_hours(1);
    let is_of = |begun: &Plan| begun.action == plan.action && is_same(&begun.target, &plan.target);
    let others: BTreeSet<&RunId> = records
        .iter()
        .filter(|record| record.run != *run && now.duration_since(record.at) < hour)
        .filter(|record| matches!(&record.event, Event::Begun { plan, .. } if is_of(plan)))
        .map(|record| &record.run)
        .collect();
    if others.len() < limit as usize {
        return Ok(());
    }
    Err(Refusal::TooOften {
        action: plan.action.clone(),
        target: named(&plan.target),
        limit,
    })
}

/// Whatever the cluster is called here.
fn is_same(one: &Target, other: &Target) -> bool {
    let name = |target: &Target| {
        let object = target.object.clone();
        (object.kind, object.namespace, object.name)
    };
    one.cluster_uid == other.cluster_uid && name(one) == name(other)
}

#[cfg(test)]
pub(crate) mod tests;
