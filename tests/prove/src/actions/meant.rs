//! What holds for every action that works: the plan changes nothing, what it says is what is sent, once, and the run's end is
//! on record.
//!
//! Owns that way from a plan to its run. What became of the object, each check looks at itself.

use serde_json::Value;

use super::operator::{Operator, Wish};
use super::world::Thing;
use super::{Checked, Rig, so};

/// A run that worked.
pub(super) struct Worked {
    /// What it is called.
    pub run: String,
    /// What it says at its end.
    pub says: String,
}

/// Plans a wish on objects that are at rest: nothing may change by that.
pub(super) async fn planned(
    rig: &Rig,
    operator: &Operator,
    wish: &Wish<'_>,
    things: &[Thing],
) -> Checked<Value> {
    let namespace = &wish.on.namespace;
    let (before, heard) = (rig.at_rest(things).await?, rig.heard(namespace)?);
    let plan = operator.plans(wish).await?;
    let after = rig.versions(things).await?;
    so(
        "a plan changes nothing",
        before == after,
        format!("{before:?} became {after:?}"),
    )?;
    so(
        "a plan sends nothing that is kept",
        rig.heard(namespace)? == heard,
        &plan,
    )?;
    Ok(plan)
}

/// Plans a wish, means the plan, and sees the run through: it has to say that it worked.
pub(super) async fn works(
    rig: &Rig,
    operator: &Operator,
    wish: &Wish<'_>,
    things: &[Thing],
) -> Checked<Worked> {
    let namespace = &wish.on.namespace;
    let plan = planned(rig, operator, wish, things).await?;
    let is_taken = plan["nothing"] == false && plan["tried"].is_null();
    so("the server would take the plan", is_taken, &plan)?;
    let mut rights = plan["rights"].as_array().into_iter().flatten();
    so(
        "the plan says that every right is there",
        rights.all(|right| right["held"] == true),
        &plan["rights"],
    )?;

    let before = rig.heard(namespace)?.len();
    let said = operator.means(wish, &plan)?.end().await?.ends(0)?;
    let run = said.json()?["run"].clone();
    so(
        "the run has to say that it worked",
        said.outcome()?.as_deref() == Some("worked"),
        &run,
    )?;
    let mut steps = run["steps"].as_array().into_iter().flatten();
    so(
        "each step has to be seen to have worked",
        steps.all(|step| step["state"] == "worked"),
        &run,
    )?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let worked = Worked {
        run: text(&run["run"]),
        says: text(&run["stands"]["says"]),
    };

    let heard = rig.heard(namespace)?.split_off(before);
    let sends = plan["steps"].as_array().into_iter().flatten();
    let sends = sends.flat_map(|step| step["sends"].as_array().into_iter().flatten());
    let sends: Vec<String> = sends.map(text).collect();
    let sent: Vec<String> = heard.iter().map(|one| one.what.clone()).collect();
    so(
        &format!("what is sent is what the plan says, {sends:?}, once"),
        sent == sends,
        format!("{heard:?}"),
    )?;
    let is_ours = |one: &super::heard::Heard| {
        // Nothing can be written on what goes.
        let is_of_run = one.run == worked.run || one.what.starts_with("DELETE ");
        one.is_done() && one.manager == "landfall" && is_of_run
    };
    so(
        "each is done, landfall's, and carries the run",
        heard.iter().all(is_ours),
        format!("{} {heard:?}", worked.run),
    )?;
    operator.has_a_whole_record().await?;
    Ok(worked)
}
