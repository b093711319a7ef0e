//! Tasks of services: those that run, and those that stopped, while AWS still knows them.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use facts::Key;
use jiff::Timestamp;

use super::Reader;
use crate::failure::Failure;
use crate::project;

/// Tasks that one DescribeTasks may name.
const TASKS_AT_ONCE: usize = 100;

impl Reader {
    /// The tasks of a cluster's services; of the stopped ones those that are not remembered yet.
    pub(super) async fn tasks(
        &mut self,
        now: Timestamp,
        cluster: &str,
    ) -> Result<Vec<Task>, Failure> {
        let mut arns = self.listed(cluster, DesiredStatus::Running).await?;
        for arn in self.listed(cluster, DesiredStatus::Stopped).await? {
            let key = Key::new(cluster, project::last(&arn));
            if self.memory.has_stopped(&key) {
                self.memory.still_listed(&key, now);
            } else {
                arns.push(arn);
            }
        }
        let mut tasks = Vec::new();
        for some in arns.chunks(TASKS_AT_ONCE) {
            let answer = self
                .clients
                .ecs
                .describe_tasks()
                .cluster(cluster)
                .set_tasks(Some(some.to_vec()))
                .send()
                .await;
            let answer = self.clients.tried.note("ecs:DescribeTasks", answer)?;
            // Those that are gone meanwhile are listed as failures with the reason MISSING.
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        tasks.retain(|task| project::group_of(task).is_some());
        Ok(tasks)
    }

    async fn listed(&self, cluster: &str, status: DesiredStatus) -> Result<Vec<String>, Failure> {
        let mut arns = Vec::new();
        let mut pages = self
            .clients
            .ecs
            .list_tasks()
            .cluster(cluster)
            .desired_status(status)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = self.clients.tried.note("ecs:ListTasks", page)?;
            arns.extend(page.task_arns().iter().cloned());
        }
        Ok(arns)
    }
}
