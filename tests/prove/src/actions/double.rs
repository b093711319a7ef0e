//! One plan that is meant more than once: by two terminals of one machine, on two machines, or again after it was run.

use serde_json::{Value, json};

use super::heard::Heard;
use super::meant::planned;
use super::operator::{Operator, Said, Wish};
use super::world::{Thing, text};
use super::{Checked, Rig, so};

/// Wants the API server to have done exactly one thing in a namespace, and that to be of the run that says that it worked.
fn once(rig: &Rig, namespace: &str, worked: &Said) -> Checked {
    let document = worked.json()?;
    let run = text(&document, "/run/run");
    let heard = rig.heard(namespace)?;
    let done: Vec<&Heard> = heard.iter().filter(|one| one.is_done()).collect();
    so(
        &format!("there has to be one change, of the run {run}"),
        done.len() == 1 && done.iter().all(|one| one.run == run),
        format!("{heard:?}"),
    )
}

/// The one of two that worked, and the other, which was refused in words or failed because the object is not what it was.
fn parted(one: Said, other: Said) -> Checked<(Said, Said)> {
    let has_worked =
        |said: &Said| -> Checked<bool> { Ok(said.outcome()?.as_deref() == Some("worked")) };
    let (worked, refused) = match has_worked(&one)? {
        true => (one, other),
        false => (other, one),
    };
    let worked = worked.ends(0)?;
    so(
        "one has to have worked, and only one",
        has_worked(&worked)? && !has_worked(&refused)?,
        format!("{}\n{}", worked.whole(), refused.whole()),
    )?;
    let document = refused.json()?;
    let (error, end) = (
        &document["error"]["message"],
        &document["run"]["stands"]["says"],
    );
    let is_in_words = match refused.code() {
        Some(3) => error.as_str().is_some_and(|why| !why.is_empty()),
        Some(2) => end
            .as_str()
            .is_some_and(|why| why.contains("not what it was")),
        _ => false,
    };
    so(
        "the other has to be refused in words",
        is_in_words,
        refused.whole(),
    )?;
    Ok((worked, refused))
}

/// Why one was refused.
fn why(refused: &Said) -> Checked<String> {
    let document = refused.json()?;
    let said = [
        &document["error"]["message"],
        &document["run"]["stands"]["says"],
    ];
    let said = said.into_iter().find_map(Value::as_str);
    Ok(said.unwrap_or_default().to_owned())
}

async fn both(
    one: &Operator,
    other: &Operator,
    wish: &Wish<'_>,
    plan: &Value,
) -> Checked<(Said, Said)> {
    let (one, other) = (one.means(wish, plan)?, other.means(wish, plan)?);
    let (one, other) = futures::future::join(one.end(), other.end()).await;
    parted(one?, other?)
}

/// Turns red where `runbook/src/step/changing.rs` sends no version (`only_if` is left out) and `lease.rs` gives everybody the
/// lock; and, for the third, where `cli/src/commands/run.rs` does not compare the hash.
pub(super) async fn at_once(rig: &Rig) -> Checked<String> {
    let name = "double";
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let operator = rig.operator()?;
    let wish = Wish::new("restart", &thing);
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let before = rig.get(&thing).await?;
    let (worked, refused) = both(&operator, &operator, &wish, &plan).await?;
    once(rig, name, &worked)?;
    let again = operator.means(&wish, &plan)?.end().await?.ends(3)?;
    let again = again.says("not the plan that was confirmed")?;
    once(rig, name, &worked)?;
    let after = rig.get(&thing).await?;
    let generation = |object: &Value| object["metadata"]["generation"].as_i64();
    so(
        "it has to be changed once",
        generation(&after) == generation(&before).map(|before| before + 1),
        &after["metadata"],
    )?;
    operator.has_a_whole_record().await?;
    Ok(format!("{}; again: {}", why(&refused)?, why(&again)?))
}

/// A CronJob is no other one when a Job was made of it: nothing but the plan itself tells that it was run.
///
/// Turns red where the plan of a second run is the same as the first one's.
pub(super) async fn twice(rig: &Rig) -> Checked<String> {
    let thing = rig.cron_job("double-cronjob", "done").await?;
    let operator = rig.operator()?;
    let wish = Wish::new("run-cronjob", &thing);
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let worked = operator.means(&wish, &plan)?.end().await?.ends(0)?;
    let again = operator.means(&wish, &plan)?.end().await?;
    let jobs = rig.api().list("Job", &thing.namespace).await?;
    so(
        "there has to be one Job of one plan",
        jobs.len() == 1,
        format!("{} Jobs; the second said: {}", jobs.len(), again.whole()),
    )?;
    once(rig, &thing.namespace, &worked)?;
    why(&again.ends(3)?)
}

/// Two machines have no lock in common: the version that each sends is what keeps them apart.
///
/// Turns red where `runbook/src/step/changing.rs` sends no version.
pub(super) async fn two_operators(rig: &Rig) -> Checked<String> {
    let name = "two-operators";
    let thing: Thing = rig.workload("Deployment", name, &json!({})).await?;
    let (one, other) = (rig.operator()?, rig.operator()?);
    let wish = Wish::new("restart", &thing);
    let plan = planned(rig, &one, &wish, std::slice::from_ref(&thing)).await?;
    let same = other.plans(&wish).await?;
    so(
        "both have to have the same plan",
        plan["hash"] == same["hash"],
        format!("{plan}\n{same}"),
    )?;
    let (worked, refused) = both(&one, &other, &wish, &plan).await?;
    once(rig, name, &worked)?;
    for operator in [&one, &other] {
        operator.has_a_whole_record().await?;
    }
    why(&refused)
}
