//! `landfall actions`: what there is, what is offered for an object, and the tests of one's own.

use std::process::ExitCode;

use api::error::Code;
use api::{Error, JSON_VERSION};
use console::library;
use serde_json::json;

use super::{show, show_json};
use crate::arguments::{Actions, ListActions};
use crate::print::{actions as page, foreign};
use crate::{exit, open, target};

/// Runs the command.
pub async fn run(actions: Actions) -> Result<ExitCode, Error> {
    match actions {
        Actions::List(list) => match &list.target {
            Some(text) => offered(text, &list).await?,
            None => all(list.json)?,
        },
        Actions::Show(one) => tell(&one.action)?,
        Actions::Test(test) => {
            let report = library::test(&test.folder)?;
            // It quotes files, and nothing of theirs moves the cursor.
            for line in report.to_string().lines() {
                show(&format!("{}\n", line.replace(char::is_control, "")));
            }
            if !report.is_green() {
                return Ok(ExitCode::from(exit::FAILED));
            }
        }
        Actions::Schema => show(&library::schema()?),
    }
    Ok(ExitCode::SUCCESS)
}

fn all(json: bool) -> Result<(), Error> {
    let actions = library::shipped()?;
    if json {
        return show_json(&json!({ "version": JSON_VERSION, "actions": actions }));
    }
    show(&page::list(&actions));
    Ok(())
}

async fn offered(text: &str, list: &ListActions) -> Result<(), Error> {
    let open = open::for_an_answer(&list.systems).await?;
    let object = target::find(&open.console, text, &list.place, open.patience).await?;
    let offers = open.console.offers(&object).await?;
    if list.json {
        return show_json(&json!({ "version": JSON_VERSION, "object": object, "offers": offers }));
    }
    show(&page::offers(&object, &offers));
    Ok(())
}

fn tell(id: &str) -> Result<(), Error> {
    let actions = library::shipped()?;
    let Some(action) = actions.iter().find(|action| action.id == id) else {
        let known: Vec<&str> = actions.iter().map(|action| action.id.as_str()).collect();
        return Err(Error::new(
            Code::UnknownName,
            format!("there is no action '{}'", foreign(id, 100)),
        )
        .hint(format!("There are: {}.", known.join(", "))));
    };
    show(&page::one(action));
    Ok(())
}
