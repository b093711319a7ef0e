//! Actions, plans and runs as views show them.
//!
//! Owns the words that are not the runbook's own: what a button says, and what a run is called.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::ObjectRef;
use api::action::{
    Confirm, FieldChange, Listed, Offer, PlanCommit, PlanRight, PlanStep, PlanView, Question,
    QuestionKind, RunOutcome, RunStands, RunStep, RunView, StepState,
};
use api::headline::plain;
use runbook::action::{self, Action, InputKind, Undo, Value};
use runbook::call::{Call, Change, EcsCall, Landing, Right};
use runbook::journal::{Answer, Event, Outcome, Run, RunId, Standing};
use runbook::library::Library;
use runbook::offer;
use runbook::plan::{Changed, Plan, PlannedStep};
use runbook::step::Effect;

/// The most runs that are shown.
pub const MOST_RUNS: usize = 100;
/// The most lines of a commit's message that a plan shows.
const MOST_LINES: usize = 40;
/// The longest value that a plan shows of a field.
const LONGEST: usize = 300;

/// An offer.
pub fn offer(action: &Action, standing: &offer::Standing) -> Offer {
    Offer {
        action: action.id.clone(),
        title: action.title.clone(),
        about: action.about.clone(),
        greyed: match standing {
            offer::Standing::Fits => None,
            offer::Standing::Greyed { why, .. } => Some(why.clone()),
        },
        inputs: action.inputs.iter().map(question).collect(),
        reason: action.reason,
    }
}

/// An action in the list of those that a person may run.
pub fn listed(action: &Action) -> Listed {
    Listed {
        action: action.id.clone(),
        title: action.title.clone(),
        about: action.about.clone(),
        kinds: action
            .on
            .kinds
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        environments: action.on.environments.clone(),
        apps: action.on.apps.clone(),
    }
}

fn question(input: &action::Input) -> Question {
    Question {
        name: input.name.clone(),
        ask: input.ask.clone(),
        kind: match &input.is {
            InputKind::Text { .. } => QuestionKind::Text {},
            InputKind::Number { least, most } => QuestionKind::Number {
                least: *least,
                most: *most,
            },
            InputKind::Choice { of } => QuestionKind::Choice { of: of.clone() },
            InputKind::Duration { .. } => QuestionKind::Duration {},
            InputKind::Object { kind } => QuestionKind::Object {
                kind: kind.name().to_owned(),
            },
        },
        default: input.default.as_ref().map(|value| match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        }),
    }
}

/// A plan; `tried` is what the server says against it.
pub fn plan(
    library: &Library,
    action: &Action,
    plan: &Plan,
    rights: &BTreeMap<Right, Option<bool>>,
    tried: Option<String>,
) -> PlanView {
    PlanView {
        hash: plan.hash(),
        action: plan.action.clone(),
        button: button(&action.title, &plan.target.object),
        object: plan.target.object.clone(),
        environment: plan.target.environment.clone(),
        production: plan.target.production,
        confirm: match plan.confirm {
            action::Confirm::Click => Confirm::Click,
            action::Confirm::Named => Confirm::Named,
            action::Confirm::Typed => Confirm::Typed,
            action::Confirm::SecondPerson => Confirm::SecondPerson,
        },
        steps: plan.steps.iter().map(step).collect(),
        touches: plan.touches.clone(),
        cautions: plan.cautions.clone(),
        rights: rights
            .iter()
            .map(|(right, held)| PlanRight {
                right: right.to_string(),
                held: *held,
            })
            .chain(of_iam(plan))
            .collect(),
        undo: match &plan.undo {
            Undo::By(action) => format!("By “{}”.", title(library, action)),
            Undo::Not(why) => why.clone(),
        },
        nothing: plan.is_nothing(),
        tried: tried.map(|why| plain(&why, LONGEST)),
        frozen: None,
    }
}

/// What a plan needs of IAM, which tells nobody before.
fn of_iam(plan: &Plan) -> Vec<PlanRight> {
    let calls = plan.steps.iter().flat_map(|step| &step.calls);
    let actions: BTreeSet<&str> = calls.filter_map(Call::ecs).map(EcsCall::action).collect();
    let rights = actions.into_iter().map(|action| PlanRight {
        right: action.to_owned(),
        held: None,
    });
    rights.collect()
}

/// What the button says that means it: never without the object and where it is.
fn button(title: &str, object: &ObjectRef) -> String {
    format!("{title} {object} in {}", object.system)
}

fn step(step: &PlannedStep) -> PlanStep {
    PlanStep {
        says: step.says.clone(),
        changes: step.changes.iter().map(changed).collect(),
        commits: step.calls.iter().filter_map(commit).collect(),
        sends: step.calls.iter().map(sends).collect(),
    }
}

fn commit(call: &Call) -> Option<PlanCommit> {
    let commit = call.commit()?;
    let lines = commit.message.lines().take(MOST_LINES);
    let lines: Vec<String> = lines.map(|line| plain(line, LONGEST)).collect();
    Some(PlanCommit {
        repository: plain(&commit.repository, LONGEST),
        branch: plain(&commit.branch, LONGEST),
        head: commit.head.clone(),
        pull_request: commit.landing == Landing::PullRequest,
        message: lines.join("\n"),
    })
}

fn changed(changed: &Changed) -> FieldChange {
    let shown = |value: &Option<String>| value.as_ref().map(|value| plain(value, LONGEST));
    FieldChange {
        object: changed.object.clone(),
        field: changed.field.clone(),
        from: shown(&changed.from),
        to: shown(&changed.to),
    }
}

fn sends(call: &Call) -> String {
    let call = match call {
        Call::Object(call) => call,
        Call::Ecs(call) => return call.request(),
        Call::Commit(commit) => {
            return match commit.landing {
                Landing::Commit => format!("COMMIT {}", commit.place()),
                Landing::PullRequest => format!("PULL REQUEST {}", commit.place()),
            };
        }
    };
    let verb = match call.change {
        Change::Merge(_) => "PATCH",
        Change::Create(_) => "POST",
        Change::Delete => "DELETE",
    };
    format!("{verb} {}", call.path)
}

/// An action's words, where it is still there.
fn title<'a>(library: &'a Library, action: &'a str) -> &'a str {
    let known = library.action(action);
    known.map_or(action, |action| &action.title)
}

/// A run; `waits` is what those that go here wait for.
pub fn run(library: &Library, run: &Run, waits: &HashMap<(RunId, usize), String>) -> RunView {
    let plan = &run.plan;
    let steps = plan.steps.iter().enumerate();
    RunView {
        run: run.id.to_string(),
        action: plan.action.clone(),
        title: format!("{} {}", title(library, &plan.action), plan.target.object),
        object: plan.target.object.clone(),
        environment: plan.target.environment.clone(),
        by: run.by.clone(),
        reason: plan.reason.clone(),
        began: run.at,
        steps: steps
            .map(|(at, step)| {
                let (state, seen) = state(run, at, step, waits.get(&(run.id.clone(), at)));
                RunStep {
                    says: step.says.clone(),
                    state,
                    seen,
                }
            })
            .collect(),
        stands: match &run.standing {
            Standing::Running { .. } => RunStands::Running {},
            Standing::Interrupted { last } => RunStands::Interrupted { says: last.clone() },
            Standing::Ended { outcome, says } => RunStands::Ended {
                outcome: outcome_of(*outcome),
                says: says.clone(),
                at: run.events.last().map_or(run.at, |(at, _)| *at),
            },
        },
    }
}

fn outcome_of(outcome: Outcome) -> RunOutcome {
    match outcome {
        Outcome::Worked => RunOutcome::Worked,
        Outcome::NothingToDo => RunOutcome::NothingToDo,
        Outcome::Failed => RunOutcome::Failed,
        Outcome::Unproven => RunOutcome::Unproven,
        Outcome::Cancelled => RunOutcome::Cancelled,
        Outcome::Closed => RunOutcome::Closed,
    }
}

/// How far a step is, by the last thing that is written of it.
fn state(run: &Run, at: usize, step: &PlannedStep, waits: Option<&String>) -> (StepState, String) {
    let ended = match &run.standing {
        Standing::Ended { outcome, .. } => Some(*outcome),
        Standing::Running { .. } | Standing::Interrupted { .. } => None,
    };
    let of_step = run.events.iter().rev().find_map(|(_, event)| match event {
        Event::Seen { step, effect } if *step == at => Some(seen(effect)),
        Event::Answered { step, answer, .. } if *step == at => Some(match answer {
            Answer::Done { .. } => (StepState::Sent, String::new()),
            Answer::Refused { why, .. } | Answer::NotSent { why } => {
                (StepState::Failed, why.clone())
            }
            Answer::Unknown { why } => (StepState::Unproven, why.clone()),
        }),
        Event::Intent { step, .. } if *step == at => Some((StepState::Sending, String::new())),
        _ => None,
    });
    match of_step {
        None if ended == Some(Outcome::Worked) && step.calls.is_empty() => {
            (StepState::Worked, "there was nothing to do".to_owned())
        }
        None => (StepState::Waiting, String::new()),
        Some((StepState::Sent | StepState::Sending, said)) if ended.is_some() => {
            (StepState::Unproven, said)
        }
        Some((state, said)) if said.is_empty() => (state, waits.cloned().unwrap_or_default()),
        Some(known) => known,
    }
}

fn seen(effect: &Effect) -> (StepState, String) {
    match effect {
        Effect::Worked { says } => (StepState::Worked, says.clone()),
        Effect::NotYet { says } => (StepState::Sent, says.clone()),
        Effect::Failed { says } => (StepState::Failed, says.clone()),
        Effect::Unknown { says } => (StepState::Unproven, says.clone()),
    }
}

#[cfg(test)]
mod tests {
    use runbook::call::Commit;

    use super::*;

    #[test]
    fn a_commits_words_were_shown_as_they_came() {
        let call = Call::Commit(Commit {
            system: "prod".to_owned(),
            repository: "https://code.example/shop/deploy\u{202e}".to_owned(),
            branch: "main\u{1b}[2J".to_owned(),
            head: "0123456789abcdef".to_owned(),
            path: String::new(),
            wanted: Vec::new(),
            edits: Vec::new(),
            message: format!("Set api to 2\u{7}\n\nWhy: x{}", "\ny".repeat(1_000)),
            landing: Landing::PullRequest,
        });
        let shown = commit(&call).expect("it is one");
        assert!(shown.pull_request);
        assert_eq!(shown.repository, "https://code.example/shop/deploy");
        assert_eq!(shown.branch, "main[2J");
        assert!(shown.message.starts_with("Set api to 2\n\nWhy: x\ny"));
        assert_eq!(shown.message.lines().count(), MOST_LINES);
    }
}
