//! `landfall actions`: what there is, what is offered for an object, and the tests of one's own.

use std::process::ExitCode;

use api::{Error, JSON_VERSION};
use console::{Sources, library};
use serde_json::json;

use super::{say, show, show_json};
use crate::arguments::{Actions, ListActions, ShowAction};
use crate::print::{actions as page, foreign};
use crate::{exit, open, target};

/// Runs the command.
pub async fn run(actions: Actions) -> Result<ExitCode, Error> {
    match actions {
        Actions::List(list) => match &list.target {
            Some(text) => offered(text, &list).await?,
            None => all(&list).await?,
        },
        Actions::Show(one) => tell(&one).await?,
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

async fn all(list: &ListActions) -> Result<(), Error> {
    let systems = &list.systems;
    // The embedded company's own would have to be started first.
    let data = console::data_folder().filter(|_| !systems.sandbox);
    let stock = library::stock(&Sources {
        kubeconfig: systems.kubeconfig.clone(),
        contexts: systems.context.clone(),
        team: systems.team.clone(),
        actions: list.tried.folders.clone(),
        data,
        ..Sources::default()
    })
    .await?;
    if list.json {
        let actions: Vec<_> = stock.library.actions().collect();
        let unusable = &stock.unusable;
        return show_json(
            &json!({ "version": JSON_VERSION, "actions": actions, "unusable": unusable }),
        );
    }
    show(&page::list(&stock));
    not_usable(&stock.unusable);
    Ok(())
}

async fn offered(text: &str, list: &ListActions) -> Result<(), Error> {
    let open = open::for_an_action(&list.systems, &list.tried).await?;
    let object = target::find(&open.console, text, &list.place, open.patience).await?;
    let offers = open.console.offers(&object).await?;
    let unusable = open.console.actions().unusable()?;
    if list.json {
        return show_json(
            &json!({ "version": JSON_VERSION, "object": object, "offers": offers, "unusable": unusable }),
        );
    }
    show(&page::offers(&object, &offers));
    not_usable(&unusable);
    Ok(())
}

async fn tell(one: &ShowAction) -> Result<(), Error> {
    let stock = library::stock(&Sources {
        team: one.team.clone(),
        actions: one.tried.folders.clone(),
        data: console::data_folder(),
        ..Sources::default()
    })
    .await?;
    let action = stock.library.action(&one.action);
    let action = action.ok_or_else(|| stock.no_action(&one.action))?;
    show(&page::one(action, stock.library.own_file(&action.id)));
    Ok(())
}

/// What of the team's own, or of a folder that is tried, is left out.
pub fn not_usable(unusable: &[String]) {
    for one in unusable {
        say(&format!("landfall: not usable: {}", foreign(one, 600)));
    }
}
