//! `landfall why`: one answer, or with `--watch` every change of it until only a person can change it.

use std::process::ExitCode;

use api::{Answer, Ask, Error, State};

use super::{show, show_json};
use crate::arguments::Why;
use crate::{exit, open, print};

/// Runs the command.
pub async fn run(why: Why) -> Result<ExitCode, Error> {
    // A commit of no named app may be in any of them: then all pods are wanted, and at once.
    let is_commit = why.ask.bytes().all(|digit| digit.is_ascii_hexdigit());
    let open = match why.app.is_some() || !is_commit {
        true => open::for_an_answer(&why.systems).await?,
        false => open::systems(&why.systems).await?,
    };
    let ask = Ask {
        text: why.ask.clone(),
        app: why.app.clone(),
        environment: why.env.clone(),
        repository: why.repo.clone(),
    };
    if !why.watch {
        let answer = open.console.answer(ask, open.patience).await?;
        print(&answer, &why)?;
        return Ok(exit::of_answer(&answer));
    }
    let mut subscription = open.console.watch_answer(ask);
    let mut shown: Option<Answer> = None;
    while let Some(update) = subscription.next().await {
        // While facts are still being read, an answer is a draft: nobody wants to watch that.
        if !update.settled {
            continue;
        }
        let answer = update.value?;
        if shown
            .as_ref()
            .is_none_or(|shown| shown.journeys != answer.journeys)
        {
            print(&answer, &why)?;
        }
        let over = answer
            .journeys
            .iter()
            .all(|journey| journey.state.is_settled() || needs_a_person(journey.state));
        if over && !answer.journeys.is_empty() {
            return Ok(exit::of_answer(&answer));
        }
        shown = Some(answer);
    }
    Ok(shown.as_ref().map_or(ExitCode::from(3), exit::of_answer))
}

fn needs_a_person(state: State) -> bool {
    matches!(
        state,
        State::Blocked | State::RolledBack | State::Reverted | State::NeedsPromotion
    )
}

fn print(answer: &Answer, why: &Why) -> Result<(), Error> {
    if why.json {
        return show_json(answer);
    }
    show(&print::answer::answer(answer, why.verbose));
    Ok(())
}
