//! The exit codes, and how errors leave the program.

use std::io::Write;
use std::process::ExitCode;

use api::action::{RunOutcome, RunStands};
use api::error::Code;
use api::{Answer, Error, State};

/// The question itself cannot be answered: `EX_USAGE` of sysexits.
const USAGE: u8 = 64;

/// 0 all settled; else 2 if any is blocked, rolled back or reverted; else 3 if any is unknown; else 1.
pub fn of_answer(answer: &Answer) -> ExitCode {
    ExitCode::from(code(
        answer.journeys.iter().map(|journey| journey.state),
        !answer.unread.is_empty(),
    ))
}

fn code(states: impl Iterator<Item = State> + Clone, something_unread: bool) -> u8 {
    let any = |wanted: &[State]| states.clone().any(|state| wanted.contains(&state));
    if any(&[State::Blocked, State::RolledBack, State::Reverted]) {
        2
    } else if any(&[State::Unknown]) || something_unread || states.clone().next().is_none() {
        3
    } else if states.clone().all(State::is_settled) {
        0
    } else {
        1
    }
}

/// It failed, or somebody stopped it.
pub const FAILED: u8 = 2;
/// It was refused, or nobody knows.
pub const UNKNOWN: u8 = 3;

/// How a run stands that is not followed any further.
pub fn of_run(stands: &RunStands) -> ExitCode {
    ExitCode::from(match stands {
        RunStands::Running {} | RunStands::Interrupted { .. } => UNKNOWN,
        RunStands::Ended { outcome, .. } => match outcome {
            RunOutcome::Worked | RunOutcome::NothingToDo => 0,
            RunOutcome::Failed | RunOutcome::Cancelled => FAILED,
            RunOutcome::Unproven | RunOutcome::Closed => UNKNOWN,
        },
    })
}

/// Prints clap's own words; help and version are no errors.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _closed = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Waits until somebody ends the program by a signal; the exit code that a shell gives such an end.
pub async fn asked() -> ExitCode {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let wait = async |kind: SignalKind| match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Then the signal does what it does by default.
            Err(_) => std::future::pending().await,
        };
        tokio::select! {
            () = wait(SignalKind::interrupt()) => ExitCode::from(130),
            () = wait(SignalKind::terminate()) => ExitCode::from(143),
            // The terminal was closed.
            () = wait(SignalKind::hangup()) => ExitCode::from(129),
        }
    }
    #[cfg(not(unix))]
    {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        ExitCode::from(130)
    }
}

/// Prints an error and says how to leave.
pub fn error(error: &Error, json: bool) -> ExitCode {
    if json {
        let document = serde_json::json!({ "version": api::JSON_VERSION, "error": error });
        let _closed = writeln!(anstream::stdout(), "{document}");
    } else {
        say(error);
    }
    ExitCode::from(match error.code {
        Code::UnknownAsk
        | Code::AmbiguousAsk
        | Code::Usage
        | Code::NoKubeconfig
        | Code::BadFile
        | Code::UnknownName => USAGE,
        Code::Unreachable | Code::Denied | Code::SignedOut | Code::NotFound | Code::Internal => 3,
    })
}

/// Says an error and what to do, beside the answer.
pub fn say(error: &Error) {
    // A message that lists things has a line for each; none of them may move the cursor.
    let lines = error
        .message
        .lines()
        .map(|line| crate::print::foreign(line, 2000));
    let message = lines.collect::<Vec<_>>().join("\n");
    let _closed = writeln!(anstream::stderr(), "landfall: {message}");
    for line in error.hint.lines() {
        let line = crate::print::foreign(line, 2000);
        let _closed = writeln!(anstream::stderr(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::code;
    use api::State::{Blocked, Deployed, Moving, NotAffected, Superseded, Unknown, Waiting};

    #[test]
    fn the_worst_state_decides() {
        let of = |states: &[api::State]| code(states.iter().copied(), false);
        assert_eq!(of(&[Deployed, Superseded, NotAffected]), 0);
        assert_eq!(of(&[Deployed, Waiting]), 1);
        assert_eq!(of(&[Unknown, Moving]), 3);
        assert_eq!(of(&[Unknown, Blocked, Deployed]), 2);
    }

    #[test]
    fn nothing_read_is_not_success() {
        assert_eq!(code([].into_iter(), false), 3);
        assert_eq!(code([Deployed].into_iter(), true), 3);
    }
}
