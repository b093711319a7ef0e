//! `landfall runs`: what was run on this machine, and what to do with a run that broke off.

use std::process::ExitCode;

use api::error::Code;
use api::{Error, JSON_VERSION};
use jiff::Timestamp;
use serde_json::json;

use super::{audit, show, show_json};
use crate::arguments::{OfRun, OneRun, Runs};
use crate::print::{foreign, run as page};
use crate::{exit, open};

/// Runs the command.
pub async fn run(runs: Runs) -> Result<ExitCode, Error> {
    match runs.one {
        None => list(runs.json).await,
        Some(OneRun::Look(one)) => settle(&one, true).await,
        Some(OneRun::Close(one)) => settle(&one, false).await,
    }
}

async fn list(json: bool) -> Result<ExitCode, Error> {
    let runs = console::audit::runs(&audit::folder()?).await;
    if let Some(why) = runs.broken {
        return Err(why);
    }
    if json {
        show_json(&json!({ "version": JSON_VERSION, "runs": runs.runs }))?;
    } else {
        show(&page::list(&runs, Timestamp::now()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks what came of a run, or closes it; and says how it stands then.
async fn settle(one: &OfRun, look: bool) -> Result<ExitCode, Error> {
    // Whoever closes a run has to reach nothing.
    let open = match look {
        true => open::systems(&one.systems).await?,
        false => open::for_doctor(&one.systems).await?,
    };
    let actions = open.console.actions();
    if look {
        let runs = actions.runs().await;
        if let Some(run) = runs.runs.iter().find(|run| run.run == one.run) {
            // Its cluster answers from when it has been read.
            open.console.offers(&run.object).await?;
        }
    }
    actions.settle(&one.run, look).await?;
    let runs = actions.runs().await;
    if let Some(why) = runs.broken {
        return Err(why);
    }
    let Some(run) = runs.runs.iter().find(|run| run.run == one.run) else {
        return Err(Error::new(
            Code::NotFound,
            format!("the run {} is not among the newest", foreign(&one.run, 100)),
        )
        .hint(format!(
            "How it stands is on record: landfall audit show --run {}",
            foreign(&one.run, 100)
        )));
    };
    show(&page::end(run));
    // It was to be closed, and that is what it is.
    Ok(match look {
        true => exit::of_run(&run.stands),
        false => ExitCode::SUCCESS,
    })
}
