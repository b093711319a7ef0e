//! Run a CronJob, and delete a Job that is over.

use serde_json::{Value, json};

use super::meant::works;
use super::operator::Wish;
use super::world::{Thing, has, is_marked, text, until};
use super::{Checked, Rig, so};

/// A template whose pods run once.
fn template(image: &str) -> Value {
    json!({
        "backoffLimit": 0,
        "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "app", "image": image}],
        }},
    })
}

impl Rig {
    /// A CronJob in a namespace of its own, whose containers end up so. Its schedule has nearly never come.
    pub(super) async fn cron_job(&self, name: &str, fate: &str) -> Checked<Thing> {
        self.namespace(name).await?;
        let image = self.image(name, Some(fate)).await?;
        let object = json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": name, "namespace": name},
            "spec": {"schedule": "0 0 29 2 *", "jobTemplate": {"spec": template(&image)}},
        });
        self.api().apply(&object).await?;
        Ok(Thing::of("CronJob", name))
    }
}

/// Turns red where `step/run_cron_job.rs` calls a Job that runs one that succeeded.
pub(super) async fn run(rig: &Rig) -> Checked<String> {
    let thing = rig.cron_job("run-cronjob", "done").await?;
    let operator = rig.operator()?;
    let wish = Wish::new("run-cronjob", &thing);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let jobs = rig.api().list("Job", &thing.namespace).await?;
    so("there has to be one Job", jobs.len() == 1, json!(jobs))?;
    for job in &jobs {
        is_marked(job, &worked.run)?;
        so(
            "the Job has to bear the run's name",
            text(job, "/metadata/name").ends_with(&worked.run),
            &job["metadata"]["name"],
        )?;
        so(
            "the Job has to be the CronJob's",
            text(job, "/metadata/ownerReferences/0/kind") == "CronJob",
            &job["metadata"],
        )?;
        so(
            "the Job has to have succeeded",
            has(job, "Complete", "True"),
            &job["status"],
        )?;
    }
    Ok(worked.says)
}

/// Turns red where `console/src/hands/cluster.rs` sends every deletion as one that is only tried.
pub(super) async fn delete(rig: &Rig) -> Checked<String> {
    let thing = Thing::of("Job", "delete-job");
    let name = &thing.name;
    rig.namespace(name).await?;
    let image = rig.image(name, Some("failed")).await?;
    let object = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": name}, "spec": template(&image),
    });
    rig.api().apply(&object).await?;
    rig.until(&thing, "it has failed", |found| {
        has(found, "Failed", "True")
    })
    .await?;
    let operator = rig.operator()?;
    let wish = Wish::new("delete-job", &thing);
    let worked = works(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let left = rig.api().get("Job", name, name).await?;
    so("the Job has to be gone", left.is_none(), json!(left))?;
    until("its pods have to go with it", async || {
        let pods = rig.api().list("Pod", name).await?;
        Ok(match pods.is_empty() {
            true => Ok(()),
            false => Err(json!(pods).to_string()),
        })
    })
    .await?;
    Ok(worked.says)
}
