//! How runs and their steps stand, in words and shapes, and the order that they are listed in.
//!
//! Owns these words. A step's word depends on its run: what is being sent while a run goes may have been sent once it broke
//! off.

use api::action::{RunOutcome, RunStands, RunView, StepState};

use crate::foreign;
use crate::words::Tone;

/// A run's state in a word or two, and its tone.
pub fn words(stands: &RunStands) -> (&'static str, Tone) {
    match stands {
        RunStands::Running {} => ("running", Tone::Move),
        RunStands::Interrupted { .. } => ("interrupted", Tone::Stop),
        RunStands::Ended { outcome, .. } => match outcome {
            RunOutcome::Worked => ("worked", Tone::Ok),
            RunOutcome::NothingToDo => ("nothing to do", Tone::Idle),
            RunOutcome::Failed => ("failed", Tone::Stop),
            RunOutcome::Unproven => ("not proven", Tone::Dunno),
            RunOutcome::Cancelled => ("stopped", Tone::Skip),
            RunOutcome::Closed => ("closed unproven", Tone::Dunno),
        },
    }
}

/// A step's state in a word or two, and its tone.
pub fn step(state: StepState, stands: &RunStands) -> (&'static str, Tone) {
    let goes = matches!(stands, RunStands::Running {});
    match state {
        StepState::Waiting if goes => ("waits", Tone::Idle),
        StepState::Waiting => ("not begun", Tone::Idle),
        StepState::Sending if goes => ("being sent", Tone::Move),
        StepState::Sending => ("may have been sent", Tone::Dunno),
        StepState::Sent if goes => ("sent", Tone::Move),
        StepState::Sent => ("sent, not seen to work", Tone::Dunno),
        StepState::Worked => ("worked", Tone::Ok),
        StepState::Failed => ("failed", Tone::Stop),
        StepState::Unproven => ("not proven", Tone::Dunno),
    }
}

/// Whether a run broke off and waits for somebody.
pub fn is_interrupted(run: &RunView) -> bool {
    matches!(run.stands, RunStands::Interrupted { .. })
}

/// Where a run is: "staging on nonprod".
pub fn place(run: &RunView) -> String {
    where_is(&run.environment, &run.object.system)
}

/// An environment, where there is one, and its cluster.
pub fn where_is(environment: &str, system: &str) -> String {
    let system = foreign::line(system);
    if environment.is_empty() {
        format!("on {system}")
    } else {
        format!("{} on {system}", foreign::line(environment))
    }
}

/// The ids of the runs that fit what is typed: those that broke off, then the others, each newest first.
pub fn ordered(runs: &[RunView], typed: &str) -> (Vec<String>, Vec<String>) {
    let mut fitting: Vec<&RunView> = runs.iter().filter(|run| fits(run, typed)).collect();
    fitting.sort_by(|a, b| b.began.cmp(&a.began).then_with(|| b.run.cmp(&a.run)));
    let (broke_off, others): (Vec<&RunView>, Vec<_>) =
        fitting.into_iter().partition(|run| is_interrupted(run));
    let ids = |runs: Vec<&RunView>| runs.iter().map(|run| run.run.clone()).collect();
    (ids(broke_off), ids(others))
}

/// Whether every typed word occurs in what a run's line says.
fn fits(run: &RunView, typed: &str) -> bool {
    let (state, _) = words(&run.stands);
    let place = place(run);
    let says = [&run.title, &place, &run.by, &run.reason, state].join(" ");
    let says = says.to_lowercase();
    let mut typed = typed.split_whitespace().map(str::to_lowercase);
    typed.all(|word| says.contains(&word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use api::ObjectRef;
    use jiff::Timestamp;

    use super::*;

    fn run(id: &str, second: i64, stands: RunStands) -> RunView {
        RunView {
            run: id.to_owned(),
            action: "restart".to_owned(),
            title: "restart Deployment shop/checkout".to_owned(),
            object: ObjectRef::new("prod-eu", "Deployment", "shop", "checkout"),
            environment: "production".to_owned(),
            by: "mina".to_owned(),
            reason: "LIN-4410".to_owned(),
            began: Timestamp::from_second(second).unwrap(),
            steps: Vec::new(),
            stands,
        }
    }

    fn ended(outcome: RunOutcome) -> RunStands {
        RunStands::Ended {
            outcome,
            says: String::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn interrupted() -> RunStands {
        RunStands::Interrupted {
            says: String::new(),
        }
    }

    #[test]
    fn what_broke_off_comes_first_and_the_newest_before_the_older() {
        let runs = [
            run("old", 1, interrupted()),
            run("worked", 3, ended(RunOutcome::Worked)),
            run("goes", 4, RunStands::Running {}),
            run("new", 2, interrupted()),
        ];
        let (broke_off, others) = ordered(&runs, "");
        assert_eq!(broke_off, ["new", "old"]);
        assert_eq!(others, ["goes", "worked"]);
        assert_eq!(ordered(&runs, "Mina worked").1, ["worked"]);
        assert_eq!(ordered(&runs, "lin-4410 PROD-EU running").1, ["goes"]);
        assert_eq!(ordered(&runs, "payments"), (vec![], vec![]));
    }

    #[test]
    fn only_what_was_seen_to_work_reads_as_worked() {
        let outcomes = [
            RunOutcome::NothingToDo,
            RunOutcome::Failed,
            RunOutcome::Unproven,
            RunOutcome::Cancelled,
            RunOutcome::Closed,
        ];
        let mut all = vec![RunStands::Running {}, interrupted()];
        all.extend(outcomes.map(ended));
        for stands in &all {
            assert_ne!(words(stands).1, Tone::Ok, "{stands:?}");
            assert_ne!(words(stands).0, "worked", "{stands:?}");
        }
        assert_eq!(words(&ended(RunOutcome::Worked)), ("worked", Tone::Ok));
        // No two say the same by word and shape.
        let said: BTreeSet<_> = all.iter().map(words).collect();
        assert_eq!(said.len(), all.len());
    }

    #[test]
    fn a_step_of_a_run_that_broke_off_was_said_to_be_under_way() {
        let (goes, broke) = (RunStands::Running {}, interrupted());
        assert_eq!(step(StepState::Sending, &goes), ("being sent", Tone::Move));
        for stands in [broke, ended(RunOutcome::Cancelled)] {
            for state in [StepState::Waiting, StepState::Sending, StepState::Sent] {
                let (word, tone) = step(state, &stands);
                assert_ne!(tone, Tone::Move, "{state:?}");
                assert_ne!(tone, Tone::Ok, "{state:?}");
                assert_ne!((word, tone), step(state, &goes), "{state:?}");
            }
        }
    }

    #[test]
    fn a_place_without_an_environment_is_its_cluster() {
        assert_eq!(where_is("", "prod-eu"), "on prod-eu");
        assert_eq!(where_is("production", "prod-eu"), "production on prod-eu");
    }
}
