//! Runs in the terminal: how one goes, how it ended, and all of them.

use std::fmt::Write;

use anstyle::Style;
use api::action::{RunOutcome, RunStands, RunStep, RunView, Runs, StepState};
use api::time::relative;
use jiff::Timestamp;

use super::{blue, bold, dim, foreign, green, red, styled, yellow};

/// What is new of a run since it was last told of: a line a step.
pub fn news(before: Option<&RunView>, now: &RunView) -> Vec<String> {
    let known = |at: usize| before.and_then(|before| before.steps.get(at));
    let steps = now.steps.iter().enumerate();
    let new = steps.filter(|(at, step)| match known(*at) {
        Some(known) => known != *step,
        None => step.state != StepState::Waiting,
    });
    new.map(|(at, step)| line(at, step, now)).collect()
}

fn line(at: usize, step: &RunStep, run: &RunView) -> String {
    let (glyph, words, style) = state(step.state);
    let place = format!("step {} of {}", at + 1, run.steps.len());
    // How a run ends is said when it has ended, once.
    let ends_it = match step.state {
        StepState::Failed | StepState::Unproven => true,
        StepState::Worked => at + 1 == run.steps.len(),
        StepState::Waiting | StepState::Sending | StepState::Sent => false,
    };
    let says = match (ends_it, step.seen.as_str()) {
        (false, "") => format!(": {}", foreign(&step.says, 400)),
        (false, seen) => format!(": {}", foreign(seen, 600)),
        (true, _) => String::new(),
    };
    format!("{} {place}, {words}{says}", styled(style, glyph))
}

fn state(state: StepState) -> (&'static str, &'static str, Style) {
    match state {
        StepState::Waiting => ("·", "not begun", dim()),
        StepState::Sending => ("→", "being sent", blue()),
        StepState::Sent => ("…", "sent", blue()),
        StepState::Worked => ("✓", "seen to have worked", green()),
        StepState::Failed => ("✗", "failed", red()),
        StepState::Unproven => ("?", "not known", yellow()),
    }
}

/// How a run stands, in a sentence or two.
pub fn end(run: &RunView) -> String {
    let (glyph, word, style) = stands(&run.stands);
    let says = match &run.stands {
        RunStands::Running {} => "",
        RunStands::Interrupted { says } | RunStands::Ended { says, .. } => says,
    };
    let mut page = format!(
        "{} {} {}\n",
        styled(style, glyph),
        styled(bold(), format!("{word}.")),
        foreign(says, 2000)
    );
    let id = foreign(&run.run, 100);
    let next = match run.stands {
        RunStands::Interrupted { .. } => format!(
            "The run {id} goes on by nobody: `landfall runs look {id}` looks what came of it, `landfall runs close {id}` closes it."
        ),
        RunStands::Running {} | RunStands::Ended { .. } => {
            format!("The run {id} is on record: landfall audit show --run {id}")
        }
    };
    let _ = writeln!(page, "{}", styled(dim(), next));
    page
}

fn stands(stands: &RunStands) -> (&'static str, &'static str, Style) {
    match stands {
        RunStands::Running {} => ("→", "Running", blue()),
        RunStands::Interrupted { .. } => ("?", "Interrupted", yellow()),
        RunStands::Ended { outcome, .. } => match outcome {
            RunOutcome::Worked => ("✓", "Worked", green()),
            RunOutcome::NothingToDo => ("–", "Nothing to do", dim()),
            RunOutcome::Failed => ("✗", "Failed", red()),
            RunOutcome::Unproven => ("?", "Not seen to have worked", yellow()),
            RunOutcome::Cancelled => ("✗", "Stopped", red()),
            RunOutcome::Closed => ("?", "Closed", yellow()),
        },
    }
}

/// The runs of this machine, newest first.
pub fn list(runs: &Runs, now: Timestamp) -> String {
    let mut page = String::new();
    for run in &runs.runs {
        let (glyph, word, style) = stands(&run.stands);
        let environment = match run.environment.as_str() {
            "" => String::new(),
            environment => format!(" ({})", foreign(environment, 60)),
        };
        let _ = writeln!(
            page,
            "{} {} in {}{environment}  {}  {}",
            styled(style, glyph),
            styled(bold(), foreign(&run.title, 200)),
            foreign(&run.object.system, 100),
            styled(style, word.to_lowercase()),
            styled(
                dim(),
                format!("{} by {}", relative(run.began, now), foreign(&run.by, 60))
            )
        );
        if !run.reason.is_empty() {
            let _ = writeln!(page, "    because: {}", foreign(&run.reason, 300));
        }
        let says = match &run.stands {
            RunStands::Running {} => waited_for(run),
            RunStands::Interrupted { says } | RunStands::Ended { says, .. } => says,
        };
        if !says.is_empty() {
            let _ = writeln!(page, "    {}", foreign(says, 400));
        }
        let _ = writeln!(page, "    {}", styled(dim(), foreign(&run.run, 100)));
    }
    if runs.runs.is_empty() {
        page.push_str("Nothing was run on this machine yet.\n");
    }
    page
}

/// What a run that goes has come to.
fn waited_for(run: &RunView) -> &str {
    let begun = |step: &&RunStep| step.state != StepState::Waiting;
    let step = run.steps.iter().rev().find(begun);
    step.map_or("", |step| match step.seen.as_str() {
        "" => &step.says,
        seen => seen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ObjectRef;

    fn run(states: &[(StepState, &str)], stands: RunStands) -> RunView {
        let steps = states.iter().map(|(state, seen)| RunStep {
            says: "Restarts it".to_owned(),
            state: *state,
            seen: (*seen).to_owned(),
        });
        RunView {
            run: "r-1".to_owned(),
            action: "restart".to_owned(),
            title: "restart Deployment shop/cart".to_owned(),
            object: ObjectRef::new("eu", "Deployment", "shop", "cart"),
            environment: "staging".to_owned(),
            by: "jo".to_owned(),
            reason: String::new(),
            began: Timestamp::UNIX_EPOCH,
            steps: steps.collect(),
            stands,
        }
    }

    fn told(before: Option<&RunView>, now: &RunView) -> Vec<String> {
        let plain = |line: String| anstream::adapter::strip_str(&line).to_string();
        news(before, now).into_iter().map(plain).collect()
    }

    #[test]
    fn each_change_of_a_step_is_told_once_and_the_end_by_the_end_alone() {
        use StepState::{Sending, Sent, Waiting, Worked};
        let going = |states: &[(StepState, &str)]| run(states, RunStands::Running {});
        let begun = going(&[(Waiting, ""), (Waiting, "")]);
        assert_eq!(told(None, &begun), Vec::<String>::new());
        let sending = going(&[(Sending, ""), (Waiting, "")]);
        assert_eq!(
            told(Some(&begun), &sending),
            ["→ step 1 of 2, being sent: Restarts it"]
        );
        assert_eq!(told(Some(&sending), &sending), Vec::<String>::new());
        let next = going(&[(Worked, "3 of 3 are new"), (Sent, "1 of 3 pods are ready")]);
        assert_eq!(
            told(Some(&sending), &next),
            [
                "✓ step 1 of 2, seen to have worked: 3 of 3 are new",
                "… step 2 of 2, sent: 1 of 3 pods are ready",
            ]
        );
        let over = going(&[(Worked, "3 of 3 are new"), (Worked, "all are ready")]);
        assert_eq!(
            told(Some(&next), &over),
            ["✓ step 2 of 2, seen to have worked"]
        );
    }

    #[test]
    fn what_broke_off_or_was_not_seen_to_work_was_said_to_have_worked() {
        let page = |stands| anstream::adapter::strip_str(&end(&run(&[], stands))).to_string();
        let ended = |outcome| {
            page(RunStands::Ended {
                outcome,
                says: "So it is.".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            })
        };
        assert!(ended(RunOutcome::Worked).starts_with("✓ Worked. So it is.\n"));
        for outcome in [
            RunOutcome::Failed,
            RunOutcome::Unproven,
            RunOutcome::Cancelled,
            RunOutcome::Closed,
        ] {
            assert!(!ended(outcome).contains("Worked."), "{outcome:?}");
            assert!(!ended(outcome).contains('✓'), "{outcome:?}");
        }
        let page = page(RunStands::Interrupted {
            says: "It was about to be sent.".to_owned(),
        });
        assert!(page.contains("landfall runs look r-1"), "{page}");
    }
}
