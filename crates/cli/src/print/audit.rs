//! The record in the terminal: an entry a line.

use std::fmt::Write;

use console::audit::{Answer, Effect, Event, Outcome, Record, Way};

use super::{dim, foreign, styled};

/// The records as text.
pub fn records(records: &[Record]) -> String {
    let mut page = String::new();
    for record in records {
        let _ = writeln!(
            page,
            "{:>5}  {}  {}  {}",
            record.number,
            record.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            styled(dim(), foreign(record.run.as_str(), 100)),
            foreign(&said(&record.event), 2000)
        );
    }
    if records.is_empty() {
        page.push_str("Nothing was run on this machine yet.\n");
    }
    page
}

/// What happened, in a sentence without its end.
fn said(event: &Event) -> String {
    match event {
        Event::Begun {
            plan,
            plan_hash,
            by,
            identity,
            way,
            despite_freeze,
            approved_by,
        } => {
            let object = &plan.target.object;
            let mut said = format!(
                "{by} began {} on {object} in {}, {}",
                plan.action,
                object.system,
                through(*way)
            );
            if !identity.is_empty() {
                let _ = write!(said, ", as {identity} there");
            }
            if !plan.reason.is_empty() {
                let _ = write!(said, ", because: {}", plan.reason);
            }
            if let Some(why) = despite_freeze {
                let _ = write!(said, ", in spite of a freeze: {why}");
            }
            if let Some(by) = approved_by {
                let _ = write!(said, ", approved by {by}");
            }
            let _ = write!(said, "; plan {plan_hash}");
            said
        }
        Event::Refused {
            action,
            target,
            by,
            way,
            why,
        } => format!(
            "refused: {action} on {target}, which {by} asked for {}: {why}",
            through(*way)
        ),
        Event::Intent { step, call } => format!("{}: about to be sent", place(*step, *call)),
        Event::Answered { step, call, answer } => {
            let came = match answer {
                Answer::Done { .. } => "done".to_owned(),
                Answer::Refused { why, .. } => format!("refused by the server: {why}"),
                Answer::NotSent { why } => format!("not sent: {why}"),
                Answer::Unknown { why } => format!("no answer came: {why}"),
            };
            format!("{}: {came}", place(*step, *call))
        }
        Event::Seen { step, effect } => {
            let (seen, says) = match effect {
                Effect::Worked { says } => ("seen to have worked", says),
                Effect::NotYet { says } => ("not yet seen to have worked", says),
                Effect::Failed { says } => ("seen to have failed", says),
                Effect::Unknown { says } => ("whether it worked cannot be told", says),
            };
            format!("step {}: {seen}: {says}", step + 1)
        }
        Event::Ended { outcome, says } => {
            let outcome = match outcome {
                Outcome::Worked => "worked",
                Outcome::NothingToDo => "nothing to do",
                Outcome::Failed => "failed",
                Outcome::Unproven => "not seen to have worked",
                Outcome::Cancelled => "stopped",
                Outcome::Closed => "closed",
            };
            format!("over, {outcome}: {says}")
        }
    }
}

fn place(step: usize, call: usize) -> String {
    format!("step {}, call {}", step + 1, call + 1)
}

fn through(way: Way) -> &'static str {
    match way {
        Way::Window => "in the window",
        Way::Terminal => "in the terminal",
        Way::Resume => "going on with a run that broke off",
    }
}
