//! Effects that never come: nothing of them may ever be called done.

use std::time::Duration;

use serde_json::json;

use super::meant::planned;
use super::operator::Wish;
use super::world::{Thing, has, text, until};
use super::{Checked, Rig, so};

/// Turns red where `step/restart.rs` takes a rollout that is stuck for one that is over.
pub(super) async fn pulled(rig: &Rig) -> Checked<String> {
    let name = "cannot-pull";
    let short = json!({"progressDeadlineSeconds": 8});
    let thing = rig.workload("Deployment", name, &short).await?;
    // It runs, and its image is gone since.
    let digest = rig.push(name, None).await?;
    let registry = &rig.ground.registry;
    registry.delete(&format!("apps/{name}"), &digest).await?;
    let operator = rig.operator()?;
    let wish = Wish::new("restart", &thing);
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(2)?;
    so(
        "the run has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    let said = said.says("took too long")?;
    let stuck = rig.get(&thing).await?;
    so(
        "the rollout has to be stuck",
        has(&stuck, "Progressing", "False"),
        &stuck["status"],
    )?;
    operator.has_a_whole_record().await?;
    Ok(text(&said.json()?, "/run/stands/says").to_owned())
}

/// Turns red where `step/run_cron_job.rs` takes any end of a Job for a good one.
pub(super) async fn succeeded(rig: &Rig) -> Checked<String> {
    let thing = rig.cron_job("failed-job", "failed").await?;
    let operator = rig.operator()?;
    let wish = Wish::new("run-cronjob", &thing);
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(2)?;
    so(
        "the run has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    let said = said.says("has failed")?;
    let jobs = rig.api().list("Job", &thing.namespace).await?;
    so(
        "there has to be one Job, which failed",
        jobs.len() == 1 && jobs.iter().all(|job| has(job, "Failed", "True")),
        json!(jobs),
    )?;
    operator.has_a_whole_record().await?;
    Ok(text(&said.json()?, "/run/stands/says").to_owned())
}

/// Turns red where `run/drive.rs` ends a step that is stopped as one that worked.
pub(super) async fn stopped(rig: &Rig) -> Checked<String> {
    let name = "stopped";
    // One of them fits on that node, and no second one.
    let template = json!({"spec": {
        "nodeSelector": {"kubernetes.io/hostname": "node-1"},
        "containers": [{
            "name": "app",
            "image": rig.image(name, None).await?,
            "resources": {"requests": {"cpu": "20"}},
        }],
    }});
    let narrow = json!({"replicas": 1, "template": template});
    let thing = rig.workload("Deployment", name, &narrow).await?;
    let operator = rig.operator()?;
    let wish = Wish {
        input: Some("to=2"),
        ..Wish::new("scale", &thing)
    };
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let running = operator.means(&wish, &plan)?;
    until("the change has to be sent", async || {
        let heard = rig.heard(name)?;
        Ok(match heard.is_empty() {
            true => Err("nothing was".to_owned()),
            false => Ok(()),
        })
    })
    .await?;
    // Long enough to see that nothing comes of it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let said = running.interrupt().await?.ends(2)?;
    so(
        "the run has to be stopped",
        said.outcome()?.as_deref() == Some("cancelled"),
        said.whole(),
    )?;
    let said = said.says("which stands")?;
    let object = rig.get(&Thing::of("Deployment", name)).await?;
    so(
        "what was sent has to stand",
        object["spec"]["replicas"] == 2 && object["status"]["readyReplicas"] == 1,
        &object,
    )?;
    let heard = rig.heard(name)?;
    so(
        "it has to be sent once",
        heard.len() == 1,
        format!("{heard:?}"),
    )?;
    operator.has_a_whole_record().await?;
    Ok(text(&said.json()?, "/run/stands/says").to_owned())
}
