//! A provider that is down for a while.

use super::super::{Checked, Rig, so};
use super::{is_whole, until};

/// It answers 503.
pub async fn busy(rig: &Rig) -> Checked<String> {
    down(rig, "busy").await
}

/// It hangs up.
pub async fn closed(rig: &Rig) -> Checked<String> {
    down(rig, "closed").await
}

async fn down(rig: &Rig, how: &str) -> Checked<String> {
    // So short that what goes on for long needs new ones meanwhile.
    rig.issuer.becomes("seconds 20").await?;
    let person = rig.signed_in().await?;
    let watching = person.start(&["why", "checkout", "--app", "checkout", "--watch", "--json"])?;
    until("the long-lived one has to answer", async || {
        let said = watching.so_far()?;
        Ok(if said.out.is_empty() {
            Err(said.whole())
        } else {
            Ok(())
        })
    })
    .await?;
    let answers = watching.so_far()?.out.len();
    rig.issuer.becomes(how).await?;
    let outcome = meanwhile(rig, &person, &watching, answers).await;
    // Whatever came of it: the next check finds the provider well.
    rig.issuer.becomes("well").await?;
    let (said, goes_on) = outcome?;
    until("the board has to come back by itself", async || {
        let board = person.run(&["board", "--json"]).await?;
        Ok(is_whole(board).map(drop).map_err(|wrong| wrong.to_string()))
    })
    .await?;
    // Nobody else is running now.
    let before = rig.issuer.count().await?.refreshes;
    until("what went on has to have tokens again", async || {
        let now = rig.issuer.count().await?;
        Ok(if now.refreshes > before {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    })
    .await?;
    let opened = person.opened()?.len();
    so("one interactive sign-in", opened == 1, opened)?;
    watching.interrupt().await?;
    Ok(format!(
        "{goes_on}; a new process: \"{said}\"; back without a person, 1 browser"
    ))
}

/// What is said while it is down: by what has tokens, and by what has none.
async fn meanwhile(
    rig: &Rig,
    person: &super::super::person::Person,
    watching: &super::super::person::Running,
    answers: usize,
) -> Checked<(String, String)> {
    // Its tokens are valid still: what changes in the cluster is seen.
    rig.cluster.scale(3).await?;
    let scaled = until("what has tokens has to go on", async || {
        let said = watching.so_far()?;
        Ok(if said.out.len() > answers {
            Ok(said)
        } else {
            Err(said.whole())
        })
    })
    .await;
    rig.cluster.scale(2).await?;
    scaled?;
    let board = person.run(&["board"]).await?.ends(3)?;
    let board = board.says("cannot be gone on with")?;
    let said = board.out.lines().chain(board.err.lines());
    let mut said = said.filter(|line| line.contains("cannot be gone on with"));
    let said = said.next().unwrap_or_default().trim().to_owned();
    let before = rig.issuer.count().await?.tokens;
    until("what had tokens has to ask in vain", async || {
        let now = rig.issuer.count().await?;
        Ok(if now.tokens > before {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    })
    .await?;
    so(
        "it is not called over",
        !board.whole().contains("is over"),
        board.whole(),
    )?;
    so(
        "it is not called signed out",
        !board.whole().contains("nobody is signed in"),
        board.whole(),
    )?;
    Ok((
        said,
        "what had tokens saw a change, asked in vain, and had tokens again".to_owned(),
    ))
}
