//! Tokens that live for a minute, for ten of them.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::person::{MIA, Person, Running};
use super::super::{Checked, Rig, so};
use super::{gaps, is_whole};

/// How often the product is started anew, at least.
const RESTARTS: u32 = 20;
/// At how many of these three are started at once.
const EVERY: u32 = 4;

/// How long it goes on: ten minutes, or as many as `LANDFALL_MINUTES` says.
pub fn length() -> Duration {
    let minutes = std::env::var("LANDFALL_MINUTES").ok();
    let minutes = minutes.and_then(|minutes| minutes.parse().ok());
    Duration::from_secs(60 * minutes.unwrap_or(10))
}

/// Uses it for ten minutes.
pub async fn minute_tokens(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let person = rig.signed_in().await?;
    let before = rig.issuer.count().await?;
    let answered = rig.cluster.answered()?.len();
    let (length, begun) = (length(), Instant::now());
    let pause = length / RESTARTS;
    let mut watching =
        person.start(&["why", "checkout", "--app", "checkout", "--watch", "--json"])?;
    let mut restarts = 0;
    let mut rounds = 0;
    while begun.elapsed() < length || restarts < RESTARTS {
        restarts += round(&person, rounds % EVERY == EVERY - 1).await?;
        rounds += 1;
        is_well(&mut watching)?;
        let next = begun + pause * rounds;
        tokio::time::sleep_until(next.into()).await;
    }
    let watched = watching.interrupt().await?;
    let watched = watched.ends(130)?;
    let answers = read_whole(&watched.out)?;
    so(
        "the long-lived one has answered",
        answers > 0,
        watched.whole(),
    )?;

    let after = rig.issuer.count().await?;
    let opened = person.opened()?.len();
    so("one interactive sign-in", opened == 1, opened)?;
    let refused = after.refused - before.refused;
    so("the provider refused nothing", refused == 0, refused)?;
    so("one refresh at a time", after.most <= 1, after.most)?;
    let refreshes = after.refreshes - before.refreshes;
    let is_used = refreshes > u64::from(restarts);
    so(
        "each start and the long-lived one refresh",
        is_used,
        refreshes,
    )?;
    let answered = &rig.cluster.answered()?[answered..];
    let failed = answered
        .iter()
        .filter(|one| one.status >= 400 && one.status != 404);
    let failed = failed.map(|one| format!("{} to {} for {}", one.status, one.who, one.what));
    let failed: Vec<String> = failed.collect();
    so(
        "the cluster refused nothing",
        failed.is_empty(),
        failed.join(", "),
    )?;
    let hers = answered.iter().filter(|one| one.who == MIA).count();
    Ok(format!(
        "{restarts} starts beside one process over {:.1} minutes: {opened} browser, {refreshes} refreshes, at most {} at once, 0 refused; {hers} requests of hers to the API server, 0 refused",
        begun.elapsed().as_secs_f64() / 60.0,
        after.most,
    ))
}

/// Starts the product once, or three times at once; how often.
async fn round(person: &Person, at_once: bool) -> Checked<u32> {
    let board = || async { is_whole(person.run(&["board", "--json"]).await?) };
    if at_once {
        let why = async {
            let words = ["why", "checkout", "--app", "checkout", "--json"];
            let said = person.run(&words).await?;
            let read = read_whole(&said.out)?;
            so("it is answered", read == 1, said.whole())
        };
        let (one, other, why) = tokio::join!(board(), board(), why);
        why?;
        one.and(other)?;
        return Ok(3);
    }
    board().await?;
    Ok(1)
}

/// Whether the long-lived one goes on, and has said of nothing that it could not be read.
fn is_well(watching: &mut Running) -> Checked {
    let is_over = watching.is_over();
    let said = watching.so_far()?;
    so("the long-lived one goes on", !is_over, said.whole())?;
    read_whole(&said.out).map(drop)
}

/// How many answers these are; each has to be read whole.
fn read_whole(said: &str) -> Checked<usize> {
    let answers = serde_json::Deserializer::from_str(said).into_iter::<Value>();
    let mut count = 0;
    for answer in answers {
        // The last may be half written.
        let Ok(answer) = answer else { break };
        let gaps = gaps(&answer);
        so("everything is read", gaps.is_empty(), &answer)?;
        so("there is an answer", answer.get("error").is_none(), &answer)?;
        count += 1;
    }
    Ok(count)
}
