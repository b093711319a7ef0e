//! A sign-in that the provider ended.

use std::time::Duration;

use super::super::{Checked, Rig, so};
use super::is_whole;

/// How long is looked whether anything is still asked: far more than the longest wait before the first tries again.
const STILL: Duration = Duration::from_secs(20);

/// Revokes it, and looks what comes of that.
pub async fn revoked(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 20").await?;
    let person = rig.signed_in().await?;
    is_whole(person.run(&["board", "--json"]).await?)?;
    // One goes on meanwhile, and has to stop asking by itself.
    let watching = person.start(&["why", "checkout", "--app", "checkout", "--watch", "--json"])?;
    super::until("the long-lived one has to answer", async || {
        let said = watching.so_far()?;
        Ok(if said.out.is_empty() {
            Err(said.whole())
        } else {
            Ok(())
        })
    })
    .await?;
    rig.issuer.becomes("revoke").await?;
    let opened = person.opened()?.len();
    let before = rig.issuer.count().await?;
    super::until("the long-lived one has to learn it", async || {
        let now = rig.issuer.count().await?;
        let is_told = now.refused > before.refused;
        Ok(if is_told {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    })
    .await?;
    let refused = rig.issuer.count().await?;
    let first = person.run(&["board"]).await?.ends(3)?;
    let first = first
        .says("nobody is signed in at 127.0.0.1")?
        .says("landfall sign-in")?;
    let lines = first.err.lines().count();
    so(
        "it is one message with one hint",
        lines == 2 && first.out.is_empty(),
        first.whole(),
    )?;
    tokio::time::sleep(STILL).await;
    let again = person.run(&["board", "--json"]).await?.ends(3)?;
    let error = again.json()?;
    super::super::is("the error's code", &error["error"]["code"], "signed-out")?;
    let after = rig.issuer.count().await?;
    let asked = after.tokens - refused.tokens;
    so(
        "nobody asks the provider again",
        asked == 0,
        format!("{asked} requests more"),
    )?;
    watching.interrupt().await?;
    let browsers = person.opened()?.len() - opened;
    so("no browser opens by itself", browsers == 0, browsers)?;

    rig.issuer.becomes("seconds 60").await?;
    person.signs_in(rig, &["sign-in"]).await?.0.ends(0)?;
    is_whole(person.run(&["board", "--json"]).await?)?;
    // The first to learn it may also be a new process.
    rig.issuer.becomes("revoke").await?;
    let over = person.run(&["board"]).await?.ends(3)?;
    let over = over
        .says("the sign-in at 127.0.0.1 is over")?
        .says("landfall sign-in")?;
    let lines = over.err.lines().count();
    so(
        "it is one message with one hint",
        lines == 2 && over.out.is_empty(),
        over.whole(),
    )?;
    let asked = refused.tokens - before.tokens;
    Ok(format!(
        "the provider was asked {asked} time more, then never in {} s and two commands; no browser; \"{}\", or \"{}\" where it is learnt; signed in again",
        STILL.as_secs(),
        first.err.lines().next().unwrap_or_default(),
        over.err.lines().next().unwrap_or_default(),
    ))
}
