//! `landfall audit`: whether the record of what was run is what was written, and what is in it. Opens no system.

use std::path::PathBuf;
use std::process::ExitCode;

use api::error::Code;
use api::{Error, JSON_VERSION};
use console::audit::{self, Audit as Found};
use serde_json::json;

use super::{show, show_json};
use crate::arguments::{Audit, ShowAudit};
use crate::exit;
use crate::print::{audit as page, foreign};

/// Runs the command.
pub fn run(audit: Audit) -> Result<ExitCode, Error> {
    match audit {
        Audit::Verify => verify(),
        Audit::Show(asked) => records(&asked),
    }
}

/// Where runs are written down.
pub fn folder() -> Result<PathBuf, Error> {
    console::journal_folder().ok_or_else(|| {
        Error::new(
            Code::Usage,
            "there is no folder that runs are written down in",
        )
        .hint("Set HOME, or XDG_DATA_HOME.")
    })
}

fn verify() -> Result<ExitCode, Error> {
    let found = match audit::verify(&folder()?)? {
        Found::Whole(found) => found,
        Found::Damaged(why) => {
            exit::say(&why);
            return Ok(ExitCode::from(exit::FAILED));
        }
    };
    let Some(head) = found.head else {
        show("Nothing was run on this machine yet: there is no record.\n");
        return Ok(ExitCode::SUCCESS);
    };
    let records = match found.records {
        1 => "1 record is".to_owned(),
        records => format!("{records} records are"),
    };
    show(&format!(
        "{records} what was written. The last one's hash: {}\n",
        head.hash
    ));
    if found.torn > 0 {
        show(
            "An entry after it was never finished: the program ended while writing it, and nothing followed from it.\n",
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn records(asked: &ShowAudit) -> Result<ExitCode, Error> {
    let mut records = audit::records(&folder()?)?;
    if let Some(run) = &asked.run {
        records.retain(|record| record.run.as_str() == run);
        if records.is_empty() {
            return Err(Error::new(
                Code::NotFound,
                format!("there is no record of a run {}", foreign(run, 100)),
            )
            .hint("`landfall runs` names the runs of this machine."));
        }
    }
    if asked.json {
        show_json(&json!({ "version": JSON_VERSION, "records": records }))?;
    } else {
        show(&page::records(&records));
    }
    Ok(ExitCode::SUCCESS)
}
